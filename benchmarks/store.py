"""The store of market data: a day out of five years of one-minute bars, writing, and what the replay cache saves.

    python -m benchmarks.store [--repeat 7]

Wall-clock and processor times, the files being in the system's memory, as after any use; on a busy machine the
processor time tells more, of writes above all, which wait for the disk. Each read opens the store anew. A day is
read from a single Parquet file of the same rows too, by pandas with a filter. Books are a day of 864,000 snapshots of
25 levels: read from Parquet and checked, and mapped from the cache; the arrays are compared bit by bit. Memory: the
most that a fresh process has held (VmHWM, so Linux only) while it wrote a day of trades in blocks, of two lengths.
Writes results/store.json and results/store.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import machine
from benchmarks.peers.clock import peak_rss_mb
from halfspread.datafeeds.store.replay import cache_of, replay_books
from halfspread.datafeeds.store.store import Provenance, Series, Store
from halfspread.engine.times import DAY, HOUR, MINUTE, parse_time

BARS = Series("bybit", "BTCUSDT", "bars_1m")
BOOKS = Series("bybit", "BTCUSDT", "books_25")
TRADES = Series("bybit", "BTCUSDT", "trades")
START, END, THE_DAY = (parse_time(text) for text in ("2020-01-01", "2025-01-01", "2023-05-03"))
WHERE = Provenance("made for this benchmark", START)
SNAPSHOTS, LEVELS = 864_000, 25
FEW, MANY, BLOCK = 2_000_000, 8_000_000, 100_000
WANTED_MS, WANTED_OPEN_MS, WANTED_MB = 50.0, 50.0, 60.0


def minutes() -> pd.DataFrame:
    """Five years of one-minute bars."""
    rng = np.random.default_rng(1)
    ts = np.arange(START, END, MINUTE)
    close = np.round(20_000 * np.exp(np.cumsum(rng.normal(0, 5e-4, len(ts)))), 1)
    opened = np.concatenate([close[:1], close[:-1]])
    high, low = (np.round(near(opened, close) + sign * rng.exponential(3, len(ts)), 1) for near, sign in _EDGES)
    volume = np.round(rng.exponential(20, len(ts)), 3)
    columns = {"ts": ts, "open": opened, "high": high, "low": low, "close": close, "volume": volume}
    return pd.DataFrame({**columns, "turnover": np.round(volume * close, 4)})


_EDGES = ((np.maximum, 1.0), (np.minimum, -1.0))


def snapshots() -> dict[str, Any]:
    """A day of books."""
    rng = np.random.default_rng(2)
    mid = 400_000 + np.cumsum(rng.integers(-1, 2, SNAPSHOTS))
    columns: dict[str, Any] = {"ts": THE_DAY + DAY // SNAPSHOTS * np.arange(SNAPSHOTS)}
    for level in range(1, LEVELS + 1):
        for side, sign in (("bid", -1), ("ask", 1)):
            columns[f"{side}_{level}"] = (mid + sign * level) / 10
            columns[f"{side}_size_{level}"] = rng.integers(1, 5_000, SNAPSHOTS) / 1_000
    return columns


def clocked(job: Callable[[], Any], repeat: int) -> tuple[list[float], list[float], Any]:
    """Seconds of each of some runs, by the wall clock and of the processor, and the last result."""
    wall, processor, result = [], [], None
    for _ in range(repeat):
        begin, busy = perf_counter(), process_time()
        result = job()
        wall.append(perf_counter() - begin)
        processor.append(process_time() - busy)
    return wall, processor, result


def same_bits(one: Any, other: Any) -> bool:
    """Whether the rows of two books are equal bit by bit."""
    return one.rows.tobytes() == other.rows.tobytes() and one.times.tobytes() == other.times.tobytes()


def measure(folder: Path, repeat: int) -> list[dict[str, Any]]:
    """All that is timed, after its result was checked."""
    store, bars, single = Store(folder / "store"), minutes(), folder / "single.parquet"
    bars.assign(ts=pd.to_datetime(bars["ts"], utc=True)).to_parquet(single, compression="zstd")
    found = []

    def line(what: str, job: Callable[[], Any], times: int = repeat, rows: int | None = None) -> Any:
        seconds, busy, result = clocked(job, times)
        more = {"median_s": median(seconds), "processor_s": median(busy), "rows": rows}
        found.append({"what": what, "seconds": seconds, **more})
        print(what, f"{1e3 * median(seconds):.1f} ms", file=sys.stderr)
        return result

    def write() -> Any:
        return store.write(BARS, bars, WHERE)

    line("write five years of one-minute bars", write, 1, len(bars))
    assert line("write them again: all are the same", write, 3, len(bars)).same == len(bars)
    span = (THE_DAY, THE_DAY + DAY)
    a_day = line("read a day of them", lambda: Store(folder / "store").read(BARS, *span), rows=1_440)
    stamps = [pd.Timestamp(time, tz="UTC") for time in span]
    filters = [("ts", ">=", stamps[0]), ("ts", "<", stamps[1])]
    theirs = line("read that day of one file, by pandas", lambda: pd.read_parquet(single, filters=filters), rows=1_440)
    assert a_day.to_pandas().to_numpy().tolist() == theirs.to_numpy().tolist()
    everything = line("read all of them", lambda: Store(folder / "store").read(BARS), 3, len(bars))
    assert (everything["close"].to_numpy() == bars["close"].to_numpy()).all()
    assert line("ask what is there", lambda: Store(folder / "store").summary(BARS)).rows == len(bars)

    line("write a day of books, 25 levels", lambda: store.write(BOOKS, snapshots(), WHERE), 1, SNAPSHOTS)
    cache, none = cache_of(store), cache_of(store, 0)
    plain = line("read and check the books", lambda: replay_books(store, BOOKS, cache=none), 3, SNAPSHOTS)
    line("the same, and keep them in the cache", lambda: replay_books(store, BOOKS, cache=cache), 1, SNAPSHOTS)
    kept = line("map them from the cache", lambda: replay_books(Store(folder / "store"), BOOKS), rows=SNAPSHOTS)
    assert same_bits(plain, kept)
    line("map them, and add up all cells", lambda: float(replay_books(store, BOOKS).rows.sum()), rows=SNAPSHOTS)
    sizes = {"bars": store.summary(BARS).bytes, "books": store.summary(BOOKS).bytes, "cache": cache.size()}
    found.append({"what": "bytes on the disk", **sizes})
    return found


def child(rows: int) -> dict[str, Any]:
    """Write so many trades of one day in blocks, and say how much memory that took."""
    with tempfile.TemporaryDirectory(prefix="halfspread-bench-") as folder:
        store = Store(folder)
        ts = THE_DAY + (23 * HOUR // rows) * np.arange(BLOCK)
        step = (23 * HOUR // rows) * BLOCK
        sizes, sides = np.full(BLOCK, 0.5), np.ones(BLOCK, np.int8)
        with store.writer(TRADES, WHERE) as writer:
            for block in range(rows // BLOCK):
                prices = 20_000 + (np.arange(BLOCK) + block) % 997 / 10
                writer.add({"ts": ts + block * step, "price": prices, "size": sizes, "side": sides})
        assert store.summary(TRADES).rows == rows
    return {"rows": rows, "peak_mb": peak_rss_mb()}


def memory() -> list[dict[str, Any]]:
    """Peak memory of fresh processes."""
    found = []
    for rows in (FEW, MANY):
        command = [sys.executable, "-m", "benchmarks.store", "--task", str(rows)]
        done = subprocess.run(command, cwd=machine.ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{rows} trades: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
        found.append(json.loads(done.stdout.splitlines()[-1]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--task", type=int, metavar="ROWS", help="used by this script itself")
    options = parser.parse_args()
    if options.task:
        print(json.dumps(child(options.task)))
        return
    about = machine.describe()
    with tempfile.TemporaryDirectory(prefix="halfspread-bench-") as folder:
        found = measure(Path(folder), options.repeat)
    report(about, found, memory(), options.repeat)


def report(about: Any, found: list[dict[str, Any]], held: list[dict[str, Any]], repeat: int) -> None:
    """Write the tables."""
    lines = ["# The store of market data", "", machine.in_words(about), ""]
    lines += [
        f"Medians of {repeat} (of 3 where it takes seconds; first writes once). Five years of "
        f"one-minute bars are {(END - START) // MINUTE:,} rows, the day of books is {SNAPSHOTS:,} snapshots of "
        f"{LEVELS} levels. Results were compared before.",
        "",
        "| what | median ms | best ms | processor ms | million rows a processor second |",
        "|---|---:|---:|---:|---:|",
    ]
    times = {each["what"]: each["median_s"] for each in found if "seconds" in each}
    for each in found:
        if "seconds" in each:
            rate = f"{each['rows'] / each['processor_s'] / 1e6:.2f}" if each["rows"] else ""
            times_ms = (each["median_s"], min(each["seconds"]), each["processor_s"])
            lines.append(f"| {each['what']} | {' | '.join(f'{1e3 * each:.1f}' for each in times_ms)} | {rate} |")
    sizes = found[-1]
    told = ", ".join(f"{name} {sizes[name] / 1e6:.1f} MB" for name in ("bars", "books", "cache"))
    lines += ["", f"On the disk: {told}.", "", "| goal | wanted | got | reached |", "|---|---:|---:|---|"]
    more = held[1]["peak_mb"] - held[0]["peak_mb"]
    goals = [
        ("a day out of five years, ms at most", WANTED_MS, 1e3 * times["read a day of them"]),
        ("a day of books from the cache, ms at most", WANTED_OPEN_MS, 1e3 * times["map them from the cache"]),
        (f"{MANY // FEW} times as many trades in a day, MB more at most", WANTED_MB, more),
    ]
    lines += [f"| {what} | {want:g} | {got:.1f} | {'yes' if got <= want else 'no'} |" for what, want, got in goals]
    lines += ["", "| a day of trades, written in blocks | peak MB |", "|---|---:|"]
    lines += [f"| {each['rows']:,} | {each['peak_mb']} |" for each in held]
    lines += [
        "",
        f"Mapped books are {times['read and check the books'] / times['map them from the cache']:,.0f} times as quick "
        "to open as to read and check.",
    ]
    machine.write("store", {"machine": about, "measurements": found, "memory": held, "goals": goals}, lines)


if __name__ == "__main__":
    main()
