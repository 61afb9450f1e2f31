"""Import of CSV files into the store: megabytes a second and core, and where the time goes.

    python -m benchmarks.imports [--megabytes 100] [--repeat 5]

Two files are made up: trades as tardis writes them (with the ids of BitMEX, 36 characters that no packing makes
smaller) and one-minute bars. Seconds are those of the processor, all threads together, and Arrow is held to one thread.
Parts, each the least of some rounds: SHA-256 of the file; parsing alone (text into columns); reading (detect, parse,
convert, check order); all (reading, and writing into the store with its checks, hash of the rows, Parquet and zstd).
What is left between reading and all is writing. Memory: the most that a fresh process has held (VmHWM, so Linux only)
for files of two lengths. Writes results/imports.json and results/imports.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks import machine
from benchmarks.peers.clock import peak_rss_mb
from halfspread.datafeeds.importers.archives import Source, digest_of
from halfspread.datafeeds.importers.options import Options
from halfspread.datafeeds.importers.reading import read
from halfspread.datafeeds.importers.text_tables import open_text
from halfspread.datafeeds.store.store import Store

WANTED, FLAT_MB = 100.0, 60
OPTIONS = {"trades": Options(), "bars": Options(venue="bybit", symbol="BTCUSDT")}
START = 1_704_067_200  # 2024-01-01
BLOCK = 200_000


def trades(path: Path, megabytes: float) -> None:
    """A tardis file of trades."""
    draws = np.random.default_rng(1)
    moment, price = START * 1_000_000, 84_000
    with path.open("w") as file:
        file.write("exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n")
        while path.stat().st_size < megabytes * 1e6:
            moments = moment + np.cumsum(draws.integers(1, 90_000, BLOCK))
            prices = price + np.cumsum(draws.integers(-1, 2, BLOCK))
            moment, price = int(moments[-1]), int(prices[-1])
            sizes, buys = draws.integers(1, 100_000, BLOCK), draws.random(BLOCK) < 0.5
            ids = draws.bytes(16 * BLOCK).hex()
            file.writelines(
                f"bitmex,XBTUSD,{at},{at + 5_000},{name[:8]}-{name[8:12]}-{name[12:16]}-{name[16:20]}-{name[20:]},"
                f"{'buy' if buy else 'sell'},{ticks / 2:g},{size}\n"
                for at, ticks, size, buy, name in zip(
                    moments, prices, sizes, buys, (ids[32 * k : 32 * k + 32] for k in range(BLOCK)), strict=True
                )
            )


def bars(path: Path, megabytes: float) -> None:
    """One-minute bars."""
    draws = np.random.default_rng(2)
    at, price = (START - 86_400 * 365 * 8) * 1000, 300_000
    with path.open("w") as file:
        file.write("timestamp,open,high,low,close,volume\n")
        while path.stat().st_size < megabytes * 1e6:
            closes = np.maximum(price + np.cumsum(draws.integers(-90, 91, BLOCK)), 1_000)
            volumes = draws.integers(1, 10**7, BLOCK)
            for close, volume in zip(closes.tolist(), volumes.tolist(), strict=True):
                high, low = max(price, close) + 13, min(price, close) - 17
                file.write(f"{at},{price / 10},{high / 10},{low / 10},{close / 10},{volume / 1000}\n")
                at, price = at + 60_000, close


def clocked(job: Callable[[], Any]) -> float:
    """Seconds of the processor, all threads together."""
    start = time.process_time()
    job()
    return time.process_time() - start


def parse(path: Path) -> None:
    """Text into columns, nothing else."""
    table = open_text(Source(path))
    types = {name: pa.int64() if "time" in name else pa.float64() for name in table.names}
    types |= {name: pa.dictionary(pa.int32(), pa.string()) for name in ("exchange", "symbol", "side") if name in types}
    types |= {"id": pa.string()} if "id" in types else {}
    for _ in table.blocks(types):
        pass


def take(path: Path) -> None:
    """Read the file and keep nothing."""
    for imported in read(path, OPTIONS[path.stem]):
        for _ in imported.blocks:
            pass


def store(path: Path) -> int:
    """Read the file into a new store; bytes there."""
    with tempfile.TemporaryDirectory(prefix="halfspread-bench-", dir=path.parent) as folder:
        target = Store(folder)
        (imported,) = read(path, OPTIONS[path.stem])
        (series,) = imported.series
        with target.writer(series, imported.provenance) as writer:
            for block in imported.blocks:
                writer.add(block.rows)
        return target.summary(series).bytes


def measure(path: Path, repeat: int) -> dict[str, Any]:
    """Seconds of each part, the least of some rounds in turns."""
    size = path.stat().st_size / 1e6
    parts: dict[str, Callable[[], Any]] = {
        "sha256": lambda: digest_of(path),
        "parse": lambda: parse(path),
        "read": lambda: take(path),
        "all": lambda: store(path),
    }
    rounds = [{name: clocked(job) for name, job in parts.items()} for _ in range(repeat)]
    best = {name: min(each[name] for each in rounds) for name in parts}
    return {"file": path.stem, "megabytes": size, "stored_megabytes": store(path) / 1e6, **best, "rounds": rounds}


def child(path: str) -> dict[str, Any]:
    """Import one file, and say how much memory it took."""
    store(Path(path))
    return {"peak_mb": peak_rss_mb()}


def memory(folder: Path, megabytes: float) -> dict[str, Any]:
    """Peak memory of imports of bars of two lengths, each in a process of its own."""
    found = {}
    for times in (1, 3):
        path = folder / str(times) / "bars.csv"
        path.parent.mkdir()
        bars(path, megabytes * times)
        command = [sys.executable, "-m", "benchmarks.imports", "--task", str(path)]
        done = subprocess.run(command, cwd=machine.ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit((done.stderr.strip().splitlines() or ["no message"])[-1])
        found[f"{megabytes * times:.0f} MB of bars"] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=100.0)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--task", metavar="PATH", help="used by this script itself")
    options = parser.parse_args()
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    if options.task:
        print(json.dumps(child(options.task)))
        return
    about = machine.describe()
    with tempfile.TemporaryDirectory(prefix="halfspread-bench-") as name:
        folder = Path(name)
        rows = []
        for write in (trades, bars):
            path = folder / f"{write.__name__}.csv"
            write(path, options.megabytes)
            rows.append(measure(path, options.repeat))
            print({key: value for key, value in rows[-1].items() if key != "rounds"}, file=sys.stderr)
        held = memory(folder, options.megabytes / 2)
    report(about, rows, held, options.repeat)


def report(about: Any, rows: list[Any], held: dict[str, Any], repeat: int) -> None:
    """Write the tables."""
    lines = [
        "# Import of CSV files",
        "",
        machine.in_words(about),
        "",
        f"Seconds of the processor, one thread, the least of {repeat} rounds in turns. Parse: text into columns. Read: "
        "SHA-256 of the file, detection, parsing, conversion and order. All: reading, and writing into the store with "
        "its checks, a SHA-256 of the rows, Parquet and zstd.",
        "",
        "| file | MB | stored MB | SHA-256 s | parse s | read s | write s | all s | read MB/s | all MB/s |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        lines.append(
            f"| {row['file']} | {row['megabytes']:.0f} | {row['stored_megabytes']:.1f} | {row['sha256']:.2f} | "
            f"{row['parse']:.2f} | {row['read']:.2f} | {row['all'] - row['read']:.2f} | {row['all']:.2f} | "
            f"{row['megabytes'] / row['read']:.0f} | {row['megabytes'] / row['all']:.0f} |"
        )
    goals = [
        (f"{what} of {row['file']}, MB/s and core", WANTED, row["megabytes"] / row[part])
        for row in rows
        for what, part in (("reading", "read"), ("import", "all"))
    ]
    lines += ["", "| goal | wanted | got | reached |", "|---|---:|---:|---|"]
    lines += [
        f"| {what} | {wanted:g} | {got:.0f} | {'yes' if got >= wanted else 'no'} |" for what, wanted, got in goals
    ]
    few, many = (entry["peak_mb"] for entry in held.values())
    flat = "yes" if many - few <= FLAT_MB else "no"
    lines.append(f"| three times as long a file, MB of memory more at most | {FLAT_MB} | {many - few:.0f} | {flat} |")
    lines += ["", "| memory | peak MB |", "|---|---:|", *(f"| {k} | {v['peak_mb']:.0f} |" for k, v in held.items())]
    machine.write("imports", {"machine": about, "rows": rows, "memory": held, "goals": goals}, lines)


if __name__ == "__main__":
    main()
