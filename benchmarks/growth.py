"""Does the time of a backtest grow in proportion to its bars and to its fills?

    python -m benchmarks.growth [--repeat 5]

Takes the market of the common job, in pieces and several times over, and a compiled and a Python strategy that reverse
every so many bars. Each doubling should take at most 2.2 times as long. Writes results/growth.json and growth.md.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

import halfspread as hs
from benchmarks import common_job, machine
from benchmarks.engine_job import CAPITAL, MARGIN, costs, instrument

RARELY = 1_000
LIMIT = 2.2


@hs.compiled_agent
def reverse(context: Any, memory: Any, history: Any, row: int) -> int:
    """+1 and -1 in turns of ``memory[0]`` bars; ``memory[1]`` counts bars."""
    memory[1] += 1.0
    context.targets[0] = 1.0 if (memory[1] // memory[0]) % 2.0 == 0.0 else -1.0
    return hs.OK


class CompiledReverse(hs.CompiledStrategy):
    """Reverse every ``bars`` bars, in compiled code."""

    bars: int
    lookback: int = 0
    function = reverse

    def memory(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.array([self.bars, 0.0])


class PythonReverse(hs.Strategy):
    """Reverse every ``bars`` bars, in Python."""

    bars: int
    lookback: int = 0

    def reset(self, rng: np.random.Generator, instruments: Any) -> None:
        self.seen = 0

    def on_bar(self, market: Any) -> float:
        self.seen += 1
        return 1.0 if (self.seen // self.bars) % 2 == 0 else -1.0


def market(bars: int) -> dict[str, np.ndarray]:
    """The first ``bars`` bars of the common job, repeated one after the other where more are wanted."""
    source = common_job.bars()
    index = np.arange(bars) % common_job.BARS
    columns = {name: values[index] for name, values in source.items()}
    columns["ts"] = common_job.FIRST_OPEN + common_job.INTERVAL * np.arange(bars, dtype=np.int64)
    return columns


def time_of(tape: hs.Tape, agent: Any, repeat: int) -> tuple[float, int]:
    """Median seconds of a backtest, after one unclocked, and its fills."""
    seconds, fills = [], 0
    for _ in range(repeat + 1):
        gc.collect()
        start = perf_counter()
        result = hs.backtest(tape, agent, costs(), sizing=hs.FixedContracts(1), capital=CAPITAL, margin=MARGIN)
        seconds.append(perf_counter() - start)
        fills = len(result.fill_records)
    return median(seconds[1:]), fills


def keep_memory() -> None:
    """Start again with an allocator that keeps what is freed.

    By default it gives results of more than 64 MB back to the system, so that only the larger of two runs would pay for
    fresh pages, and a step of the allocator would be read as growth of the engine.
    """
    if "MALLOC_TRIM_THRESHOLD_" not in os.environ:
        kept = os.environ | {"MALLOC_TRIM_THRESHOLD_": str(2**32), "MALLOC_MMAP_THRESHOLD_": str(2**25)}
        os.execve(sys.executable, [sys.executable, "-m", "benchmarks.growth", *sys.argv[1:]], kept)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5, help="clocked runs (default 5)")
    repeat = parser.parse_args(arguments).repeat
    about = machine.describe()
    n = common_job.BARS
    tapes = {bars: hs.Tape.from_bars(market(bars), instrument()) for bars in (n // 2, n, 2 * n)}
    rows = []
    for kind, strategy in (("compiled", CompiledReverse), ("Python", PythonReverse)):
        for what, (small, every), (large, oftener) in (
            ("bars, rarely a fill", (n // 2, RARELY), (n, RARELY)),
            ("bars, rarely a fill", (n, RARELY), (2 * n, RARELY)),
            ("bars, a fill at every bar", (n // 2, 1), (n, 1)),
            ("bars, a fill at every bar", (n, 1), (2 * n, 1)),
            ("fills, on as many bars", (n, 4), (n, 2)),
            ("fills, on as many bars", (n, 2), (n, 1)),
        ):
            before, few = time_of(tapes[small], strategy(bars=every), repeat)
            after, many = time_of(tapes[large], strategy(bars=oftener), repeat)
            rows.append(
                {
                    "strategy": kind,
                    "doubled": what,
                    "bars": [small, large],
                    "fills": [few, many],
                    "seconds": [round(before, 6), round(after, 6)],
                    "ratio": round(after / before, 3),
                }
            )
    machine.write("growth", {"machine": about, "repeat": repeat, "limit": LIMIT, "rows": rows}, markdown(about, rows))


def markdown(about: dict[str, Any], rows: list[dict[str, Any]]) -> list[str]:
    """The table for people."""
    lines = [
        "# Growth",
        "",
        f"Time of twice as much over the time of once; at most {LIMIT} is wanted.",
        "",
        machine.in_words(about),
        "",
        "| strategy | doubled | bars | fills | ms | ratio | reached |",
        "|---|---|---|---|---|---:|---|",
    ]
    for row in rows:
        bars, fills = ("{:,} to {:,}".format(*row[name]) for name in ("bars", "fills"))
        times = " to ".join(f"{seconds * 1e3:.1f}" for seconds in row["seconds"])
        reached = "yes" if row["ratio"] <= LIMIT else "no"
        lines.append(
            f"| {row['strategy']} | {row['doubled']} | {bars} | {fills} | {times} | {row['ratio']:.2f} | {reached} |"
        )
    return lines


if __name__ == "__main__":
    keep_memory()
    main()
