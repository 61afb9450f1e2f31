"""Mean reversion: trade against moves out of a Bollinger band."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from halfspread.strategies.compiled import CompiledStrategy
from halfspread.strategies.expert_kernels import bollinger

if TYPE_CHECKING:
    from halfspread.engine.market import Market

__all__ = ["Bollinger"]


class Bollinger(CompiledStrategy):
    """Sell above the mean plus ``width`` standard deviations, buy below the mean less as many, go flat at the mean.

    Mean and (population) deviation of the last ``window`` closes, this one included.
    """

    window: Annotated[int, Field(ge=2, description="bars")] = 100
    width: Annotated[float, Field(gt=0, allow_inf_nan=False, description="standard deviations")] = 2.0
    function = bollinger

    @property
    def lookback(self) -> int:  # type: ignore[override]
        """The window takes this bar and so many before it."""
        return self.window - 1

    def memory(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """[window, width]"""
        return np.array([self.window, self.width])

    def on_bar(self, market: Market) -> float | None:
        """The twin in Python: the same sums in the same order."""
        mean = variance = 0.0
        closes = market.history("close").tolist()
        for close in closes:
            mean += close
        mean /= self.window
        for close in closes:
            variance += (close - mean) * (close - mean)
        reach = self.width * math.sqrt(variance / self.window)
        if market.close > mean + reach:
            return -1.0
        if market.close < mean - reach:
            return 1.0
        held = market.target
        if (held > 0.0 and market.close >= mean) or (held < 0.0 and market.close <= mean):
            return 0.0
        return None
