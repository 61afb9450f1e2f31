"""What every peer script shares: the command line, the clock and the check of the result.

Needs NumPy only, because each peer runs in an environment of its own, without halfspread.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import sys
from collections.abc import Callable
from time import perf_counter

import numpy as np

FAST, SLOW = 20, 100
FEE_RATE = 5e-4
CENT = 0.005


def arguments(description: str) -> argparse.Namespace:
    """Parse ``--bars bars.npz --repeat 5 [--mode NAME]``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--bars", required=True, help="bars.npz, written by python -m benchmarks.common_job")
    parser.add_argument("--repeat", type=int, default=5, help="timed runs after one warm-up (default 5)")
    parser.add_argument("--mode", help="only this mode (default: all)")
    return parser.parse_args()


def load(path: str) -> dict[str, np.ndarray]:
    """The columns of bars.npz: ts (ns) open high low close volume."""
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def peak_rss_mb() -> int:
    """Most memory this process has held, in MB. (``ru_maxrss`` would count the process that started this one, too.)"""
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) // 1024
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def measure(
    engine: str,
    mode: str,
    version: str,
    job: Callable[[], tuple[float, int]],
    repeat: int,
    pnl: float,
    fills: int,
    includes: str,
) -> None:
    """Run ``job`` once unclocked and ``repeat`` times clocked, check every result to the cent, print one JSON line.

    ``job`` takes nothing and returns (PnL, fills). ``includes`` says in words what lies inside the clock.
    """
    seconds: list[float] = []
    got = (0.0, 0)
    for turn in range(repeat + 1):
        gc.collect()  # the rubbish of the run before is not this run's cost
        start = perf_counter()
        got = job()
        wall = perf_counter() - start
        if abs(got[0] - pnl) > CENT or got[1] != fills:
            sys.exit(f"{engine} {mode}: PnL {got[0]:.2f} and {got[1]} fills, expected {pnl:.2f} and {fills}")
        if turn:
            seconds.append(round(wall, 6))
    line = {
        "engine": engine,
        "mode": mode,
        "version": version,
        "pnl": round(got[0], 2),
        "fills": got[1],
        "seconds": seconds,
        "peak_rss_mb": peak_rss_mb(),
        "includes": includes,
    }
    print(json.dumps(line), flush=True)
