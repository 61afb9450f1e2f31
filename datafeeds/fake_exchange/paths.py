"""The prices behind a generated market: an index that all contracts share, and the premium of each over it.

Any day is made on its own, from the seed and its number, so that a year costs no more memory than a day. Times are
int64 ns UTC; premiums are fractions.
"""

from __future__ import annotations

from functools import lru_cache
from zlib import crc32

import numpy as np

from halfspread.engine.times import DAY, SECOND, Floats, Integers

__all__ = ["Path"]

SECONDS = 86_400


class Path:
    """Index and premiums from a seed. ``start``: midnight of the first day. ``volatility``: of a year, fraction."""

    def __init__(self, seed: int, start: int, days: int, price: float, volatility: float) -> None:
        self.seed, self.start, self.days = seed, start, days
        steps = np.random.default_rng([seed, 0]).standard_normal(days) * volatility / np.sqrt(365.0)
        self._levels: Floats = np.log(price) + np.concatenate([[0.0], np.cumsum(steps)])
        self._step = volatility / np.sqrt(365.0 * SECONDS)
        self._log_index = lru_cache(maxsize=8)(self._generate)

    def log_index(self, day: int) -> Floats:
        """Logarithm of the index at each second of a day, (86400,)."""
        return self._log_index(day)

    def _generate(self, day: int) -> Floats:
        walk = np.random.default_rng([self.seed, 1, day]).standard_normal(SECONDS)
        np.cumsum(walk, out=walk)
        walk *= self._step
        first, last = self._levels[day], self._levels[day + 1]
        walk += first + (last - first - walk[-1]) * np.arange(1, SECONDS + 1) / SECONDS
        walk.flags.writeable = False
        return walk

    def index(self, day: int, times: Integers) -> Floats:
        """The index in force at times of one day."""
        seconds = (times - self.start - day * DAY) // SECOND
        values: Floats = np.exp(self.log_index(day)[seconds])
        return values

    def premium(self, symbol: str, times: Integers) -> Floats:
        """How far a contract trades above the index: slow waves of a few basis points."""
        rng = np.random.default_rng([self.seed, 2, crc32(symbol.encode())])
        hours = (times - self.start) / (3600.0 * SECOND)
        periods, phases = rng.uniform((0.4, 3.0, 20.0), (1.0, 9.0, 70.0)), rng.uniform(0.0, 2.0 * np.pi, 3)
        total: Floats = np.full(len(times), 5e-5)
        for size, period, phase in zip((2e-4, 4e-4, 6e-4), periods, phases, strict=True):
            total += size * np.sin(2.0 * np.pi * hours / period + phase)
        return total
