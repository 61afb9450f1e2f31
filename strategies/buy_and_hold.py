"""Buy and hold: one constant position from the first bar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from halfspread.strategies.compiled import CompiledStrategy
from halfspread.strategies.expert_kernels import hold

if TYPE_CHECKING:
    from halfspread.engine.market import Market

__all__ = ["BuyAndHold"]


class BuyAndHold(CompiledStrategy):
    """Hold ``position`` (a fraction of the sizing notional, -1 to 1) from the first bar on."""

    position: Annotated[float, Field(ge=-1, le=1, description="fraction of the sizing notional")] = 1.0
    function = hold

    def memory(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """[position]"""
        return np.array([self.position])

    def on_bar(self, market: Market) -> float:
        """The twin in Python."""
        return self.position
