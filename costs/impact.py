"""How far an order moves the price against itself where the data show no book: the square-root law.

I = coefficient x sigma x sqrt(|contracts| / volume), a fraction of the price, with sigma the standard deviation of the
returns of one day and volume the contracts traded in one day. Both are estimated from closed bars only, with
exponential weights (``ewm_weight``, ``ewm_step`` and ``daily_estimates`` of ``costs.kernels``).

The model is for bars and trades. On quotes and book snapshots the impact is what walking the shown levels costs.

Sources: Almgren, Thum, Hauptmann and Li, "Direct estimation of equity market impact", Risk 18(7), 2005 (an exponent of
0.6 for the part of the impact that passes, in units of sigma and of daily volume); Toth et al., "Anomalous price impact
and the critical nature of liquidity in financial markets", Physical Review X 1, 021006, 2011 (the square root, with a
coefficient of order one, for futures); Donier and Bonart, "A million metaorder analysis of market impact on the
Bitcoin", Market Microstructure and Liquidity 1(2), 2015 (the same law on a bitcoin exchange). Coefficients are mostly
taken between 0.5 and 1.5. The law is for whole orders, at their end: charging all of it on all contracts is on the dear
side, since an order worked along the law pays two thirds of it on average.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from halfspread.costs.base import Model
from halfspread.costs.durations import DAY, Duration, duration_text, parse_duration
from halfspread.costs.records import IMPACT_NONE, IMPACT_SQUARE_ROOT

__all__ = ["Impact"]

MAX_WINDOW = 365 * DAY


class Impact(Model):
    """What an order's own size costs: ``Impact.none()`` or ``Impact.square_root(coefficient=1.0, window="1d")``.

    ``coefficient``: without unit, of order one. ``window``: centre of mass of the exponential weights with which
    volatility and volume are estimated, a length of time.
    """

    kind: Literal["none", "square_root"]
    coefficient: float = Field(default=1.0, ge=0.0, le=100.0)
    window: Duration = "1d"

    @model_validator(mode="after")
    def _window_in_range(self) -> Self:
        if not 0 < self.window_ns <= MAX_WINDOW:
            raise ValueError(f"window: expected a length of time up to 365d, got {self.window!r}")
        return self

    @classmethod
    def none(cls) -> Self:
        """An order does not move the market, however large."""
        return cls(kind="none")

    @classmethod
    def square_root(cls, coefficient: float = 1.0, window: int | float | str = "1d") -> Self:
        """The price moves against a taker by coefficient x daily volatility x sqrt(order / daily volume)."""
        return cls(kind="square_root", coefficient=coefficient, window=window)

    @property
    def code(self) -> int:
        """IMPACT_NONE or IMPACT_SQUARE_ROOT of ``costs.records``."""
        return IMPACT_NONE if self.kind == "none" else IMPACT_SQUARE_ROOT

    @property
    def window_ns(self) -> int:
        """The window in nanoseconds."""
        return parse_duration(self.window)

    def describe(self) -> str:
        """One plain sentence for the report, without its full stop."""
        if self.kind == "none":
            return "none: orders do not move the market, except through the book levels they take"
        return (
            f"a taker moves the price against itself by {self.coefficient:g} x daily volatility x sqrt(contracts / "
            f"daily volume), both estimated from closed bars over about {duration_text(self.window_ns)}; where a book "
            "is shown, by the levels it takes instead"
        )
