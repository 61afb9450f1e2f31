"""Floors of the common job: loops that do this one job and nothing else, as numba code and as plain Python.

No engine can be faster than these by much: they keep no equity curve, no fills and no attribution.

    python -m benchmarks.floors --bars bars.npz --repeat 5
"""

from __future__ import annotations

import platform

import numba
import numpy as np

from benchmarks.common_job import FAST, FEE_RATE, FILLS, PNL_NEXT_OPEN, SLOW
from benchmarks.peers.clock import arguments, load, measure


def crossover(open_, close, fast, slow, fee_rate):  # type: ignore[no-untyped-def]
    """PnL and fills of the job: decide at each close, fill at the next open, mark at the last close."""
    fast_sum = slow_sum = cash = position = wanted = 0.0
    fills = 0
    for i in range(len(close)):
        if wanted != position:
            price = open_[i]
            cash -= (wanted - position) * price + fee_rate * abs(wanted - position) * price
            position = wanted
            fills += 1
        fast_sum += close[i]
        slow_sum += close[i]
        if i >= fast:
            fast_sum -= close[i - fast]
        if i >= slow:
            slow_sum -= close[i - slow]
        if i >= slow - 1:
            wanted = 1.0 if fast_sum / fast > slow_sum / slow else -1.0
    return cash + position * close[len(close) - 1], fills


class Account:
    """One Python call a bar: the least that a Python callback can cost."""

    def __init__(self, close: list[float]) -> None:
        self.close = close
        self.fast_sum = self.slow_sum = 0.0

    def decide(self, i: int) -> float | None:
        close = self.close
        self.fast_sum += close[i]
        self.slow_sum += close[i]
        if i >= FAST:
            self.fast_sum -= close[i - FAST]
        if i >= SLOW:
            self.slow_sum -= close[i - SLOW]
        if i < SLOW - 1:
            return None
        return 1.0 if self.fast_sum / FAST > self.slow_sum / SLOW else -1.0


def called_from_python(open_: np.ndarray, close: np.ndarray) -> tuple[float, int]:
    closes = close.tolist()
    decide = Account(closes).decide
    cash, position, fills, wanted = 0.0, 0.0, 0, 0.0
    for i, price in enumerate(open_.tolist()):
        if wanted != position:
            cash -= (wanted - position) * price + FEE_RATE * abs(wanted - position) * price
            position = wanted
            fills += 1
        target = decide(i)
        if target is not None:
            wanted = target
    return cash + position * closes[-1], fills


def main() -> None:
    options = arguments(__doc__ or "")
    bars = load(options.bars)
    open_, close = bars["open"], bars["close"]
    compiled = numba.njit(crossover)
    modes = {
        "numba loop": (lambda: compiled(open_, close, FAST, SLOW, FEE_RATE), f"numba {numba.__version__}"),
        "Python call a bar": (lambda: called_from_python(open_, close), f"Python {platform.python_version()}"),
    }
    for mode, (job, version) in modes.items():
        if options.mode in (None, mode):
            includes = "running sums, fills, fees and the final PnL; no equity curve, nothing recorded"
            measure("floor", mode, version, job, options.repeat, PNL_NEXT_OPEN, FILLS, includes)


if __name__ == "__main__":
    main()
