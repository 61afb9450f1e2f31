"""Taker and maker fees, constant or by date.

Rates are fractions of the value at the fill price, paid in settle currency: 0.00055 is 0.055 % or 5.5 bp. A negative
rate is a rebate.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from halfspread.costs.base import (
    Floats,
    Integers,
    Model,
    Period,
    check_periods,
    during,
    period_at,
    starts_of,
)
from halfspread.errors import ConfigError

__all__ = ["FeePeriod", "FeeSchedule", "Fees"]

#: Far above the fees of any venue; a larger rate was meant as a percentage.
MAX_RATE = 0.01


def _fraction(rate: float) -> float:
    if abs(rate) > MAX_RATE:
        raise ValueError(
            f"expected a fraction of the value of at most {MAX_RATE:g} (1 %), got {rate:g}, which is {100 * rate:g} %; "
            f"for {rate:g} % write {rate / 100:g}"
        )
    return rate


Rate = Annotated[float, AfterValidator(_fraction)]


class FeePeriod(Period):
    """Fees in force from ``start`` on (None: from the beginning); ``verified=False`` where they are inferred."""

    taker: Rate
    maker: Rate

    def describe(self) -> str:
        """``taker 5.5 bp, maker -2.5 bp``."""
        return f"taker {1e4 * self.taker:g} bp, maker {1e4 * self.maker:g} bp"


class FeeSchedule(Model):
    """Fees by date. The periods are sorted by start; the first has none."""

    periods: Annotated[tuple[FeePeriod, ...], AfterValidator(check_periods)]

    def at(self, time_ns: int) -> FeePeriod:
        """The fees in force at ``time_ns``."""
        return period_at(self.periods, time_ns)

    def arrays(self) -> tuple[Integers, Floats, Floats]:
        """Starts int64 ns (the first is the least int64), taker and maker rates float64, each (periods,)."""
        taker = np.array([period.taker for period in self.periods])
        return starts_of(self.periods), taker, np.array([period.maker for period in self.periods])

    def unverified(self, first_ns: int, last_ns: int) -> tuple[str, ...]:
        """A sentence for each period between these times whose fees are inferred."""
        return tuple(
            period.doubt(f"fees ({period.describe()})")
            for period in during(self.periods, first_ns, last_ns)
            if not period.verified
        )


class Fees(Model):
    """What a run pays: ``Fees(taker=5.5e-4, maker=2e-4)``, ``Fees.none()``, ``Fees.venue()`` or ``Fees.dated(...)``."""

    kind: Literal["constant", "venue", "dated"] = "constant"
    taker: Rate | None = None
    maker: Rate | None = None
    periods: tuple[FeePeriod, ...] = Field(default=())

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        constant = self.taker is not None or self.maker is not None
        if self.kind == "constant" and (self.taker is None or self.maker is None):
            raise ValueError(
                "expected both taker= and maker= as fractions; or Fees.venue(), or Fees.none() for no fees"
            )
        if self.kind != "constant" and constant:
            raise ValueError(f"kind {self.kind!r} takes no taker= and maker= of its own")
        if self.kind != "dated" and self.periods:
            raise ValueError(f"kind {self.kind!r} takes no periods")
        if self.kind == "dated":
            check_periods(self.periods)
        return self

    @classmethod
    def none(cls) -> Self:
        """No fees."""
        return cls(taker=0.0, maker=0.0)

    @classmethod
    def venue(cls) -> Self:
        """The fees that the instrument's venue charged at each date."""
        return cls(kind="venue")

    @classmethod
    def dated(cls, *periods: FeePeriod) -> Self:
        """Fees by date of your own; the first period has ``start=None``."""
        return cls(kind="dated", periods=periods)

    def schedule(self, instrument_schedule: FeeSchedule | None) -> FeeSchedule:
        """The fees to charge on an instrument whose own schedule is ``instrument_schedule``.

        Raises ConfigError where the venue's fees are asked for and the instrument has none.
        """
        schedule = self._own_schedule() or instrument_schedule
        if schedule is None:
            raise ConfigError(
                "Fees.venue(): this instrument has no fees of its venue; give Fees(taker=..., maker=...), or the "
                "instrument its own taker= and maker="
            )
        return schedule

    def describe(self, instrument_schedule: FeeSchedule | None = None) -> str:
        """One plain sentence for the report; with the instrument's schedule, it spells out the fees of the venue."""
        if self == Fees.none():
            return "no fees are charged"
        schedule = self._own_schedule() or instrument_schedule
        if schedule is None:
            return "fees are those of the venue by date, on the value at the fill price"
        if len(schedule.periods) == 1:
            return f"fees are {schedule.periods[0].describe()} of the value at the fill price"
        parts = "; ".join(f"{period.since()} {period.describe()}" for period in schedule.periods)
        return f"fees by date, on the value at the fill price: {parts}"

    def _own_schedule(self) -> FeeSchedule | None:
        if self.kind == "dated":
            return FeeSchedule(periods=self.periods)
        if self.taker is None or self.maker is None:
            return None
        return FeeSchedule(periods=(FeePeriod(taker=self.taker, maker=self.maker),))
