"""How long a user waits: for the import, the help, a subclass, and the first result on a warm and on an empty cache.

    python -m benchmarks.startup [--repeat 5] [--cold 5]

Wall-clock and processor time of whole fresh processes, interpreter included; "net" is the wall-clock time without a
bare interpreter. On a busy machine the processor time tells more: nothing here waits, and all of it has one thread. The
cold runs get an empty kernel cache (HALFSPREAD_CACHE_DIR) each. Writes results/startup.json and results/startup.md.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks import machine

PYTHON = sys.executable
QUICKSTART = machine.ROOT / "configs" / "quickstart.toml"
FIRST_RESULT = """
import numpy as np
import halfspread as hs
from halfspread.datafeeds.synthetic.market import SyntheticMarket
tape = SyntheticMarket().tape(np.random.default_rng(1))
costs = hs.Costs(half_spread=hs.HalfSpread.ticks(1), fees=hs.Fees.venue(), funding=hs.Funding.none())
print(hs.backtest(tape, hs.strategies.SmaCross(), costs, sizing=hs.FixedNotional(10_000)).total_return)
"""
ORDERS = """
import numpy as np
import halfspread as hs
from halfspread.datafeeds.synthetic.world_tapes import world_tape
from halfspread.datafeeds.synthetic.worlds import PoissonBook
world = PoissonBook(duration="10m", levels=5).market(np.random.default_rng(1))
tape = world_tape(world, ("books", "trades"))
costs = hs.Costs(half_spread=hs.HalfSpread.from_quotes(), fees=hs.Fees.none(), funding=hs.Funding.none())
result = hs.backtest(tape, hs.strategies.MarketMaker(), costs, sizing=hs.FixedContracts(1), capital=1e7)
assert result.counts["fills"] > 100 and result.counts["orders"] > 100, result.counts
"""
SUBCLASS = """
import halfspread as hs
class Mine(hs.Strategy):
    lookback: int = 5
    def on_bar(self, market):
        return 1.0
Mine(lookback=3)
"""
#: What is started: name, command, goal in seconds (interpreter included) and whether it needs kernels.
TASKS: tuple[tuple[str, list[str], float | None, bool], ...] = (
    ("a bare interpreter", [PYTHON, "-c", "pass"], None, False),
    ("import halfspread", [PYTHON, "-c", "import halfspread"], 0.1, False),
    ("halfspread --help", [PYTHON, "-m", "halfspread", "--help"], 0.2, False),
    ("subclass hs.Strategy", [PYTHON, "-c", SUBCLASS], 0.3, False),
    ("one backtest of the synthetic market", [PYTHON, "-c", FIRST_RESULT], None, True),
    ("one backtest of a market maker on snapshots and trades", [PYTHON, "-c", ORDERS], None, True),
    ("make run: compare configs/quickstart.toml", [PYTHON, "-m", "halfspread", "compare", str(QUICKSTART)], 2.5, True),
)
COLD_GOAL = 30.0


def run(command: list[str], cache: str, folder: str) -> tuple[float, float]:
    """Seconds of one process, (wall, processor). Raises RuntimeError with its last words where it fails."""
    start, before = perf_counter(), _of_children()
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "HALFSPREAD_CACHE_DIR": cache},
        capture_output=True,
        text=True,
        check=False,
    )
    wall, cpu = perf_counter() - start, _of_children() - before
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise RuntimeError(f"status {done.returncode}: {last}")
    return wall, cpu


def _of_children() -> float:
    """Processor seconds of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(repeat: int, cold: int) -> list[dict[str, Any]]:
    """Seconds of all tasks; a task that fails has a reason instead."""
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="halfspread-bench-") as folder:
        warm = str(Path(folder) / "warm")
        for name, command, goal, compiles in TASKS:
            try:
                run(command, warm, folder)
                found = [run(command, warm, folder) for _ in range(repeat)]
                rows.append({"what": name, "cache": "warm", "goal": goal, **_columns(found)})
                if compiles:
                    found = [run(command, str(Path(folder) / f"{len(rows)}-{i}"), folder) for i in range(cold)]
                    rows.append({"what": name, "cache": "empty", "goal": goal and COLD_GOAL, **_columns(found)})
            except RuntimeError as error:
                rows.append({"what": name, "cache": "warm", "goal": goal, "seconds": [], "reason": str(error)})
    return rows


def _columns(found: list[tuple[float, float]]) -> dict[str, list[float]]:
    return {"seconds": [round(wall, 4) for wall, _ in found], "cpu_seconds": [round(cpu, 4) for _, cpu in found]}


def markdown(about: dict[str, Any], rows: list[dict[str, Any]]) -> list[str]:
    """The table for people."""
    bare = median(rows[0]["seconds"])
    lines = [
        "# Start",
        "",
        machine.in_words(about),
        "",
        "| what | kernel cache | median s | best s | net s | best cpu s | goal s | reached |",
        "|---|---|---:|---:|---:|---:|---:|---|",
    ]
    for row in rows:
        if not row["seconds"]:
            lines.append(
                f"| {row['what']} | {row['cache']} | not measured: {row['reason']} | | | | {row['goal'] or ''} | |"
            )
            continue
        typical, goal = median(row["seconds"]), row["goal"]
        reached = "" if goal is None else "yes" if typical <= goal else "no"
        numbers = f"{typical:.3f} | {min(row['seconds']):.3f} | {typical - bare:.3f} | {min(row['cpu_seconds']):.3f}"
        lines.append(f"| {row['what']} | {row['cache']} | {numbers} | {goal or ''} | {reached} |")
    return lines


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5, help="runs with a warm cache (default 5)")
    parser.add_argument("--cold", type=int, default=5, help="runs with an empty cache (default 5)")
    options = parser.parse_args(arguments)
    about = machine.describe()
    rows = measure(options.repeat, options.cold)
    machine.write("startup", {"machine": about, "rows": rows}, markdown(about, rows))


if __name__ == "__main__":
    main()
