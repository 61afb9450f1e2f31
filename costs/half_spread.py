"""The half-spread that a taker pays: the distance from the mid to the side of the book that is hit.

Amounts in quote currency, ticks or basis points of the price; never negative.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from halfspread.costs.base import Model
from halfspread.costs.records import (
    HALF_SPREAD_BARS,
    HALF_SPREAD_BPS,
    HALF_SPREAD_NONE,
    HALF_SPREAD_PRICE,
    HALF_SPREAD_TICKS,
)

__all__ = ["HalfSpread"]

_CODES = {
    "none": HALF_SPREAD_NONE,
    "price": HALF_SPREAD_PRICE,
    "ticks": HALF_SPREAD_TICKS,
    "bps": HALF_SPREAD_BPS,
    "bars": HALF_SPREAD_BARS,
}


class HalfSpread(Model):
    """How far from the reference price a taker fills. Use ``none``, ``ticks``, ``bps``, ``price`` or ``from_bars``.

    ``amount``: the half-spread in quote currency (kind price) or in basis points of the price (bps); for ticks the
    width of the whole quoted spread in ticks. ``missing``: what to do where a bar has no quote (kind bars).
    """

    kind: Literal["none", "price", "ticks", "bps", "bars"]
    amount: float = Field(default=0.0, ge=0.0)
    missing: Literal["error", "last"] = "error"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.kind in ("none", "bars") and self.amount != 0.0:
            raise ValueError(f"kind {self.kind!r} takes no amount, got {self.amount:g}")
        if self.kind != "bars" and self.missing != "error":
            raise ValueError(
                f"missing={self.missing!r} is for quotes in the bars (kind 'bars'), got kind {self.kind!r}"
            )
        if self.kind == "bps" and self.amount >= 10_000.0:
            raise ValueError(f"expected a half-spread below 10,000 bp, which is the whole price, got {self.amount:g}")
        return self

    @classmethod
    def none(cls) -> Self:
        """No half-spread: a taker fills at the reference price."""
        return cls(kind="none")

    @classmethod
    def ticks(cls, spread_ticks: float) -> Self:
        """The quoted spread is always ``spread_ticks`` ticks of the date wide; a taker pays half of it"""
        return cls(kind="ticks", amount=spread_ticks)

    @classmethod
    def bps(cls, half_spread_bps: float) -> Self:
        """A taker pays ``half_spread_bps`` basis points (1/10,000) of the reference price."""
        return cls(kind="bps", amount=half_spread_bps)

    @classmethod
    def price(cls, half_spread: float) -> Self:
        """A taker pays ``half_spread`` in quote currency, whatever the price."""
        return cls(kind="price", amount=half_spread)

    @classmethod
    def from_bars(cls, missing: Literal["error", "last"] = "error") -> Self:
        """Half of the spread quoted beside each bar (bid_open, ask_open, bid_close, ask_close)."""
        return cls(kind="bars", missing=missing)

    @property
    def code(self) -> int:
        """The kind as ``costs.kernels.half_spread_at`` knows it."""
        return _CODES[self.kind]

    def describe(self) -> str:
        """One plain sentence for the report, without its full stop."""
        if self.kind == "none":
            return "no half-spread is charged: a taker fills at the reference price"
        if self.kind == "ticks":
            unit = "tick" if self.amount == 1.0 else "ticks"
            return (
                f"the quoted spread is assumed to be {self.amount:g} {unit} wide at all times; a taker pays half of it"
            )
        if self.kind == "bps":
            return f"the half-spread is assumed to be {self.amount:g} bp of the price at all times; a taker pays it"
        if self.kind == "price":
            return f"the half-spread is assumed to be {self.amount:g} in quote currency at all times; a taker pays it"
        gap = "stops the run" if self.missing == "error" else "is replaced by the last half-spread seen"
        return f"a taker pays half of the spread quoted in the bars; a missing quote {gap}"
