"""Carry: stand on the side that funding pays."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from halfspread.strategies.compiled import CompiledStrategy
from halfspread.strategies.expert_kernels import funding_carry

if TYPE_CHECKING:
    from halfspread.engine.instruments import Instrument
    from halfspread.engine.market import Market

__all__ = ["FundingCarry"]


class FundingCarry(CompiledStrategy):
    """Short while the smoothed funding rate is above ``threshold``, long while it is below its negative, else flat.

    Decides at the first bar and after every settlement, on the next rate where the venue has published it (BitMEX),
    else on the last one. A new rate weighs 2 / (``settlements`` + 1) in the exponential average. The price risk is not
    hedged.
    """

    threshold: Annotated[
        float, Field(ge=0, allow_inf_nan=False, description="funding rate per interval, as a fraction")
    ] = 1e-4
    settlements: Annotated[
        int, Field(ge=1, description="settlements in the exponential average; 1 takes the rate as it is")
    ] = 1
    function = funding_carry

    @property
    def _weight(self) -> float:
        return 2.0 / (self.settlements + 1)

    def memory(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """[threshold, weight of a new rate, started, smoothed rate]"""
        return np.array([self.threshold, self._weight, 0.0, 0.0])

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        """Forget the rates."""
        self._rate: float | None = None

    def on_bar(self, market: Market) -> float | None:
        """The twin in Python."""
        if self._rate is not None and not market.funding_settled:
            return None
        rate = market.next_funding_rate
        if math.isnan(rate):
            rate = market.last_funding_rate
        if math.isnan(rate):
            return None
        self._rate = rate if self._rate is None else self._rate + self._weight * (rate - self._rate)
        if self._rate > self.threshold:
            return -1.0
        return 1.0 if self._rate < -self.threshold else 0.0
