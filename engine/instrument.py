"""A perpetual swap: what its contracts are worth, and its tick, lot and fees by date.

Contracts are signed (long above zero). Prices in quote currency per unit of base, values and PnL in settle currency.
NaN is refused.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Protocol, Self, TypeVar

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from halfspread.costs.base import Floats, Integers, Model, Period, check_periods, during, period_at, starts_of
from halfspread.costs.fees import FeeSchedule
from halfspread.costs.margin import DEFAULT_MARGIN, MarginSchedule
from halfspread.errors import InstrumentError, UserError

__all__ = ["Instrument", "LotPeriod", "TickPeriod", "labels"]

Positive = Annotated[float, Field(gt=0.0)]

P = TypeVar("P", bound=Period)


class TickPeriod(Period):
    """The smallest step of the price, in quote currency, from ``start`` on."""

    error_class: ClassVar[type[UserError]] = InstrumentError

    tick: Positive


class LotPeriod(Period):
    """The smallest number of contracts that can be traded, and the step between tradable numbers, from ``start`` on."""

    error_class: ClassVar[type[UserError]] = InstrumentError

    lot: Positive


class Instrument(Model):
    """One perpetual swap of one venue. A constructor raises InstrumentError.

    ``multiplier``: linear: units of base per contract; inverse: units of quote per contract; quanto: units of settle
    that one contract is worth for each 1.0 of the price. ``funding_known_ahead``: a rate is published one interval
    before it is paid. ``fees``: what the venue charges, None where that is not known. ``margin``: what it asks for,
    None for the rates of ``DEFAULT_MARGIN``. ``min_contracts``, ``max_contracts``: of one order; None: a lot, and no
    limit.
    ``notes``: what is not verified about the contract as a whole.
    """

    error_class: ClassVar[type[UserError]] = InstrumentError

    venue: str
    symbol: str
    kind: Literal["linear", "inverse", "quanto"]
    base: str
    quote: str
    settle: str
    multiplier: Positive
    lots: Annotated[tuple[LotPeriod, ...], AfterValidator(check_periods)]
    ticks: Annotated[tuple[TickPeriod, ...], AfterValidator(check_periods)]
    fees: FeeSchedule | None = None
    margin: MarginSchedule | None = None
    min_contracts: Positive | None = None
    max_contracts: Positive | None = None
    funding_interval_hours: int = Field(default=8, ge=1)
    funding_known_ahead: bool = False
    aliases: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _settles_where_its_kind_does(self) -> Self:
        expected = {"linear": self.quote, "inverse": self.base}.get(self.kind)
        if expected is not None and self.settle != expected:
            raise ValueError(
                f"{self.kind} contracts on {self.base}/{self.quote} settle in {expected}, got {self.settle}"
            )
        if self.kind == "quanto" and self.settle in (self.base, self.quote):
            raise ValueError(f"quanto contracts settle in neither {self.base} nor {self.quote}, got {self.settle}")
        return self

    @model_validator(mode="after")
    def _some_order_is_allowed(self) -> Self:
        least, most = self.min_contracts or self.lot, self.max_contracts
        if most is not None and most < least:
            raise ValueError(f"max_contracts: expected at least the smallest order of {least:g}, got {most:g}")
        return self

    @property
    def name(self) -> str:
        """``bitmex:XBTUSD``; ``instruments.get`` finds presets by it."""
        return f"{self.venue}:{self.symbol}"

    @property
    def lot(self) -> float:
        """The lot of the latest period; ``lot_at`` gives that of a date."""
        return self.lots[-1].lot

    @property
    def tick(self) -> float:
        """The tick of the latest period; ``tick_at`` gives that of a date."""
        return self.ticks[-1].tick

    def value(self, price: float) -> float:
        """Settle-currency value of one long contract: multiplier x price, or -multiplier / price if inverse.

        N contracts earn N x (value(p1) - value(p0)) from p0 to p1, whatever the kind. Raises InstrumentError for a
        price that is not above zero.
        """
        if not 0.0 < price < math.inf:
            raise InstrumentError(f"{self.name}: expected a finite price above zero, got {price}")
        return -self.multiplier / price if self.kind == "inverse" else self.multiplier * price

    def notional(self, contracts: float, price: float) -> float:
        """Absolute value of ``contracts`` at ``price``, settle currency."""
        return abs(contracts * self.value(price))

    def pnl(self, contracts: float, entry: float, exit: float) -> float:
        """Gross profit of ``contracts`` (signed) from ``entry`` to ``exit``, settle currency."""
        return contracts * (self.value(exit) - self.value(entry))

    def average_entry(self, contracts: Sequence[float], prices: Sequence[float]) -> float:
        """The entry price with the same PnL as fills of ``contracts`` at ``prices``: harmonic where inverse.

        Raises InstrumentError for no fills, for fills of both signs, or for sequences of unequal length.
        """
        if len(contracts) != len(prices) or not len(contracts):
            raise InstrumentError(
                f"expected one price for each fill, got {len(contracts)} fills and {len(prices)} prices"
            )
        if not (all(n > 0.0 for n in contracts) or all(n < 0.0 for n in contracts)):
            raise InstrumentError(f"an average entry is of fills of one sign, got {list(contracts)}")
        mean = sum(n * self.value(p) for n, p in zip(contracts, prices, strict=True)) / sum(contracts)
        return -self.multiplier / mean if self.kind == "inverse" else mean / self.multiplier

    @property
    def margin_schedule(self) -> MarginSchedule:
        """The contract's own margin schedule, or the default one."""
        return self.margin or DEFAULT_MARGIN

    def tick_at(self, time_ns: int) -> float:
        """The tick in force at a time."""
        return period_at(self.ticks, time_ns).tick

    def lot_at(self, time_ns: int) -> float:
        """The lot in force at a time."""
        return period_at(self.lots, time_ns).lot

    def tick_arrays(self) -> tuple[Integers, Floats]:
        """Starts int64 ns (the first is the least int64) and ticks float64, each (periods,)."""
        return starts_of(self.ticks), np.array([period.tick for period in self.ticks])

    def lot_arrays(self) -> tuple[Integers, Floats]:
        """Starts int64 ns (the first is the least int64) and lots float64, each (periods,)."""
        return starts_of(self.lots), np.array([period.lot for period in self.lots])

    def unverified(self, first_ns: int, last_ns: int) -> dict[str, tuple[str, ...]]:
        """What a run between these times relies on without proof: sentences by topic (tick, lot, fees, margin,
        contract)."""
        ticks = (period.doubt(f"tick {period.tick:g}") for period in _inferred(self.ticks, first_ns, last_ns))
        lots = (period.doubt(f"lot {period.lot:g}") for period in _inferred(self.lots, first_ns, last_ns))
        found = {
            "tick": tuple(ticks),
            "lot": tuple(lots),
            "fees": self.fees.unverified(first_ns, last_ns) if self.fees else (),
            "margin": self.margin_schedule.unverified(first_ns, last_ns),
            "contract": self.notes,
        }
        return {topic: sentences for topic, sentences in found.items() if sentences}


class Named(Protocol):
    """Something with a symbol and a name such as ``bybit:BTCUSDT``."""

    @property
    def symbol(self) -> str: ...
    @property
    def name(self) -> str: ...


def labels(instruments: Sequence[Named]) -> tuple[str, ...]:
    """What tables call each instrument: its symbol, or its name where two share the symbol."""
    symbols = [one.symbol for one in instruments]
    return tuple(one.name if symbols.count(one.symbol) > 1 else one.symbol for one in instruments)


def _inferred(periods: tuple[P, ...], first_ns: int, last_ns: int) -> tuple[P, ...]:
    return tuple(period for period in during(periods, first_ns, last_ns) if not period.verified)
