"""Trend following: two moving averages that cross."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from halfspread.errors import ConfigError
from halfspread.strategies.compiled import CompiledStrategy
from halfspread.strategies.expert_kernels import sma_cross

if TYPE_CHECKING:
    from halfspread.engine.instruments import Instrument
    from halfspread.engine.market import Market

__all__ = ["SmaCross"]


class SmaCross(CompiledStrategy):
    """Long while the fast average of closes is above the slow one, short while it is below.

    Above and below by more than ``band``; between the bands the position stays. With ``band = 0`` a tie counts as
    below. ``allow_short = False`` goes flat instead.
    """

    fast: Annotated[int, Field(ge=1, description="bars of the fast average")] = 20
    slow: Annotated[int, Field(ge=2, description="bars of the slow average")] = 100
    band: Annotated[float, Field(ge=0, lt=1, description="fraction of the slow average")] = 0.0
    allow_short: Annotated[bool, Field(description="short below the band; flat otherwise")] = True
    function = sma_cross

    def check(self) -> None:
        """The fast average has to be the shorter one."""
        if self.fast >= self.slow:
            raise ConfigError(f"SmaCross: fast has to be less than slow, got fast={self.fast}, slow={self.slow}")

    @property
    def lookback(self) -> int:  # type: ignore[override]
        """The slow average takes this bar and so many before it."""
        return self.slow - 1

    def memory(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """[fast, slow, band, short side, started, sum of fast - 1 closes, sum of slow - 1 closes]"""
        return np.array([self.fast, self.slow, self.band, -1.0 if self.allow_short else 0.0, 0.0, 0.0, 0.0])

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        """Forget the sums."""
        self._sums: list[float] | None = None

    def on_bar(self, market: Market) -> float | None:
        """The twin in Python: the same sums in the same order."""
        fast = market.history("close", self.fast).tolist()
        slow = market.history("close", self.slow).tolist()
        if self._sums is None:
            self._sums = [_total(fast[:-1]), _total(slow[:-1])]
        fast_sum, slow_sum = self._sums[0] + market.close, self._sums[1] + market.close
        self._sums = [fast_sum - fast[0], slow_sum - slow[0]]
        above, below = self.slow * fast_sum, self.fast * slow_sum
        if above > below * (1.0 + self.band):
            return 1.0
        if above <= below * (1.0 - self.band):
            return -1.0 if self.allow_short else 0.0
        return None


def _total(values: list[float]) -> float:
    """One after the other: `sum` compensates its rounding on Python 3.12 and later."""
    total = 0.0
    for value in values:
        total += value
    return total
