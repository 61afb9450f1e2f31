"""Trade with the side of the book that shows more."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from halfspread.errors import ConfigError
from halfspread.strategies.compiled import CompiledStrategy
from halfspread.strategies.fields import NotNegative
from halfspread.strategies.imbalance_kernels import book_imbalance

if TYPE_CHECKING:
    from halfspread.engine.instruments import Instrument
    from halfspread.engine.market import Market

__all__ = ["BookImbalance"]

Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class BookImbalance(CompiledStrategy):
    """Long while the bids of the book outweigh its asks, short while the asks outweigh the bids.

    The imbalance is (bids - asks) / (bids + asks) of the sizes of the best ``levels``, smoothed in time: ``smoothing``
    seconds after a change half of it is believed, all of it at once where that is 0. Long above ``threshold``, short
    below its negative; a position is kept until the imbalance has fallen to ``exit`` on its side, then closed. Decides
    on books, on quotes where there are no books.
    """

    events: ClassVar[tuple[str, ...] | None] = ("book",)

    levels: Annotated[int, Field(ge=1, description="of each side that are summed")] = 5
    threshold: Annotated[Fraction, Field(description="imbalance at which a position is taken")] = 0.5
    exit: Annotated[Fraction, Field(description="imbalance at which it is closed; at most the threshold")] = 0.0
    smoothing: Annotated[NotNegative, Field(description="time constant (seconds); 0 for none")] = 1.0
    function = book_imbalance

    def check(self) -> None:
        """Raises ConfigError for an exit beyond the threshold."""
        if self.exit > self.threshold:
            raise ConfigError(f"BookImbalance: exit: expected at most threshold {self.threshold:g}, got {self.exit:g}")

    def memory(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """See `imbalance_kernels`."""
        return np.array([self.levels, self.smoothing, self.threshold, self.exit, 0.0, 0.0, 0.0])

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        """Forget what was seen."""
        self._before = self._smooth = math.nan

    def on_book(self, market: Market) -> float | None:
        """The twin in Python: the same sums in the same order."""
        bids = asks = 0.0
        for level in market.book[: self.levels].tolist():
            bids += level[1]
            asks += level[3]
        imbalance = (bids - asks) / (bids + asks) if bids + asks > 0.0 else math.nan
        if math.isnan(imbalance):
            return None
        now, constant = market.time / 1e9, self.smoothing
        if math.isnan(self._smooth) or constant == 0.0:
            self._smooth = imbalance
        else:
            passed = now - self._before
            self._smooth += passed / (passed + constant) * (imbalance - self._smooth)
        self._before = now
        held = market.target
        if self._smooth > self.threshold:
            return 1.0
        if self._smooth < -self.threshold:
            return -1.0
        return 0.0 if held * self._smooth <= held * held * self.exit else None
