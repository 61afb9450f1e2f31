"""The half-spread that a taker pays: the distance from the mid to the side of the book that is hit.

Amounts in quote currency, ticks or basis points of the price; never negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from halfspread.costs.base import Floats, Model
from halfspread.costs.records import (
    HALF_SPREAD_BARS,
    HALF_SPREAD_BPS,
    HALF_SPREAD_HOURS,
    HALF_SPREAD_NONE,
    HALF_SPREAD_PRICE,
    HALF_SPREAD_QUOTES,
    HALF_SPREAD_TICKS,
)
from halfspread.errors import ConfigError

__all__ = ["HOURS", "HalfSpread"]

_CODES = {
    "none": HALF_SPREAD_NONE,
    "price": HALF_SPREAD_PRICE,
    "ticks": HALF_SPREAD_TICKS,
    "bps": HALF_SPREAD_BPS,
    "bars": HALF_SPREAD_BARS,
    "quotes": HALF_SPREAD_QUOTES,
    "hours": HALF_SPREAD_HOURS,
}
#: Values of a table of hours, by what it repeats over.
HOURS = {"hour": 24, "hour_of_week": 168}


class HalfSpread(Model):
    """How far from the reference price a taker fills: ``none``, ``ticks``, ``bps``, ``price``, ``from_bars``,
    ``from_quotes`` or ``by_hour`` (``costs.half_spread_fit.fit_hours`` fits the last on quotes).

    ``amount``: the half-spread in quote currency (kind price) or in basis points of the price (bps); for ticks the
    width of the whole quoted spread in ticks. ``missing``: what to do where a bar has no quote (kind bars). ``table``:
    half-spreads in basis points by hour (kind hours), UTC: 24 for the hours of a day, or 168 for those of a week, which
    begins on Monday.
    """

    kind: Literal["none", "price", "ticks", "bps", "bars", "quotes", "hours"]
    amount: float = Field(default=0.0, ge=0.0)
    missing: Literal["error", "last"] = "error"
    table: tuple[float, ...] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.kind in ("none", "bars", "quotes", "hours") and self.amount != 0.0:
            raise ValueError(f"kind {self.kind!r} takes no amount, got {self.amount:g}")
        if self.kind != "bars" and self.missing != "error":
            raise ValueError(
                f"missing={self.missing!r} is for quotes in the bars (kind 'bars'), got kind {self.kind!r}"
            )
        if self.kind == "bps" and self.amount >= 10_000.0:
            raise ValueError(f"expected a half-spread below 10,000 bp, which is the whole price, got {self.amount:g}")
        if self.kind == "hours":
            _check_table(self.table or ())
        elif self.table is not None:
            raise ValueError(f"kind {self.kind!r} takes no table of hours")
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

    @classmethod
    def from_quotes(cls) -> Self:
        """Half of the spread shown at that moment, on a tape with quotes or book snapshots."""
        return cls(kind="quotes")

    @classmethod
    def by_hour(cls, table: Sequence[float] | Floats, by: Literal["hour", "hour_of_week"] = "hour") -> Self:
        """Half-spreads in basis points by hour, UTC: 24 from midnight on, or 168 from Monday midnight on."""
        if by not in HOURS or len(table) != HOURS[by]:
            kinds = " or ".join(f"{count} half-spreads by={name!r}" for name, count in HOURS.items())
            raise ConfigError(f"HalfSpread.by_hour: expected {kinds}, got {len(table)} by={by!r}")
        return cls(kind="hours", table=tuple(float(value) for value in table))

    @property
    def code(self) -> int:
        """The kind as ``costs.kernels.half_spread_at`` knows it."""
        return _CODES[self.kind]

    def hours(self) -> Floats:
        """The table by hour of the week for ``costs.kernels.half_spread_of_hour``: float64 (168,), in basis points,
        from Monday midnight UTC on; empty for the other kinds."""
        table = np.array(self.table or (), np.float64)
        return np.tile(table, 7) if len(table) == HOURS["hour"] else table

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
        if self.kind == "quotes":
            return "a taker pays half of the spread shown at that moment in the quotes or books of the tape"
        if self.kind == "hours":
            table = self.hours()
            over = "day" if len(self.table or ()) == HOURS["hour"] else "week"
            return (
                f"the half-spread is taken from a table by hour of the {over} (UTC), {table.min():.3g} to "
                f"{table.max():.3g} bp of the price, {table.mean():.3g} bp on average; a taker pays it"
            )
        gap = "stops the run" if self.missing == "error" else "is replaced by the last half-spread seen"
        return f"a taker pays half of the spread quoted in the bars; a missing quote {gap}"


def _check_table(table: tuple[float, ...]) -> None:
    if len(table) not in HOURS.values():
        raise ValueError(
            f"table: expected 24 half-spreads by hour of the day or 168 by hour of the week, got {len(table)}"
        )
    bad = next((hour for hour, value in enumerate(table) if not 0.0 <= value < 10_000.0), None)
    if bad is not None:
        raise ValueError(f"table: hour {bad}: expected basis points from 0 to below 10,000, got {table[bad]:g}")
