"""A year of one-minute bars from a venue that limits requests, into an empty store: how near to the limit, how much
memory.

    python -m benchmarks.fetch [--days 366] [--per-second 20] [--workers 4]

The venue answers from memory in the wire format of Bybit v5 and counts requests as Bybit does (10006 beyond the limit).
It runs in a process of its own. Every row is compared with what the venue holds before anything is printed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

from benchmarks import machine
from halfspread.datafeeds.bybit.fetch import fetch
from halfspread.datafeeds.fake_exchange.limits import Bucket
from halfspread.datafeeds.net.requests import FetchRequest
from halfspread.datafeeds.store.series import Series
from halfspread.datafeeds.store.store import Store
from halfspread.engine.times import DAY, MINUTE, SECOND

START = 1_704_067_200 * SECOND
MS = 1_000_000
INFO = {
    "symbol": "BTCUSDT", "contractType": "LinearPerpetual", "status": "Trading", "deliveryTime": "0",
    "launchTime": str(START // MS), "fundingInterval": 480,
}  # fmt: skip


def price(row: int) -> float:
    """The open of a bar, in tenths that no float rounds differently."""
    return (400_000 + row % 7919) / 10


def serve(port: Any, limit: float, end: int) -> None:
    """Bars of every minute from START on; ``limit`` requests a second."""
    bucket, guard = Bucket(limit, time.monotonic_ns), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            with guard:
                within = bucket.take()
            parts = urlsplit(self.path)
            given = {key: values[0] for key, values in parse_qs(parts.query).items()}
            name = parts.path.rpartition("/")[2]
            result: dict[str, Any] = {"category": "linear", "list": []}
            if name == "time":
                result = {"timeNano": str(end)}
            elif name == "instruments-info":
                result["list"] = [INFO]
            elif name == "kline" and within:
                step = DAY if given["interval"] == "D" else MINUTE
                result["list"] = bars(int(given["start"]) * MS, int(given["end"]) * MS, end, step)
            body = {"retCode": 0 if within else 10006, "retMsg": "", "result": result, "time": end // MS}
            text = json.dumps(body, separators=(",", ":")).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    port.put(server.server_address[1])
    server.serve_forever()


def bars(start: int, last: int, end: int, step: int) -> list[list[str]]:
    """The newest 1,000 rows of the kline list, the newest first."""
    first, limit = max(-(-(start - START) // step), 0), min((last - START) // step + 1, (end - START) // step)
    return [
        [str((START + row * step) // MS), f"{price(row)}", f"{price(row) + 9}", f"{price(row) - 9}",
         f"{price(row) + 1}", "1.5", "60000"]
        for row in reversed(range(max(first, limit - 1000), limit))
    ]  # fmt: skip


def peak() -> float:
    """Most memory that this process has had, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1 << 20)


def main() -> None:
    """Fetch a month, then the whole span; print speed and the growth of memory between the two."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=366)
    parser.add_argument("--per-second", type=float, default=20.0)
    parser.add_argument("--workers", type=int, default=4)
    given, about = parser.parse_args(), machine.describe()
    end = START + given.days * DAY + 10 * SECOND
    context = multiprocessing.get_context("spawn")
    port = context.Queue()
    server = context.Process(target=serve, args=(port, given.per_second, end), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{port.get()}"
    series = Series("bybit", "BTCUSDT", "bars_1m")
    try:
        with tempfile.TemporaryDirectory() as folder:
            store = Store(folder)
            memory = []
            for days in (31, given.days):
                request = FetchRequest(
                    "BTCUSDT", (series.kind,), START, START + days * DAY, url,
                    workers=given.workers, per_second=given.per_second,
                )  # fmt: skip
                fetched = fetch(request, store)
                if fetched.error is not None:
                    raise fetched.error
                memory.append(peak())
            row = 0
            for batch in store.batches(series, columns=["ts", "open"]):
                count = len(batch)
                stamps = batch.column(0).cast("int64").to_numpy()
                assert (stamps == START + np.arange(row, row + count) * MINUTE).all()
                assert (batch.column(1).to_numpy() == [price(each) for each in range(row, row + count)]).all()
                row += count
            assert row == given.days * 1440
    finally:
        server.terminate()
    report(about, given, fetched, memory)


def report(about: Any, given: Any, fetched: Any, memory: list[float]) -> None:
    """Write what was measured."""
    rate, rows = fetched.requests / fetched.seconds, fetched.parts[0].rows
    held = [{"days": days, "peak_mb": mb} for days, mb in zip((31, given.days), memory, strict=True)]
    lines = [
        "# Fetching a year of one-minute bars",
        "",
        machine.in_words(about),
        "",
        f"{given.workers} requests at a time against a venue on this machine that answers {given.per_second:g} a "
        "second and refuses more. Every row was compared with what the venue holds before anything was written.",
        "",
        "| bars | requests | s | requests/s | of the limit | bars/s |",
        "|---:|---:|---:|---:|---:|---:|",
        f"| {rows:,} | {fetched.requests:,} | {fetched.seconds:.1f} | {rate:.1f} | {rate / given.per_second:.1%} | "
        f"{rows / fetched.seconds:,.0f} |",
        "",
        "| days fetched | peak memory, MB |",
        "|---:|---:|",
        *(f"| {entry['days']} | {entry['peak_mb']:.0f} |" for entry in held),
    ]
    facts = {"rows": rows, "requests": fetched.requests, "seconds": fetched.seconds, "limit": given.per_second}
    machine.write("fetch", {"machine": about, **facts, "memory": held}, lines)


if __name__ == "__main__":
    main()
