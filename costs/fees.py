"""Taker and maker fees, constant, by date, or by date and trading volume.

Rates are fractions of the value at the fill price, paid in settle currency: 0.00055 is 0.055 % or 5.5 bp. A negative
rate is a rebate. The volume that chooses a tier is the value that the run itself traded, in report currency, summed
over the 30 UTC days before the present one, as venues do that set the tier once a day; it is 0 when a run begins.
"""

from __future__ import annotations

from collections.abc import Iterable
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

__all__ = ["FeePeriod", "FeeSchedule", "FeeTier", "Fees"]

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


class FeeTier(Model):
    """Fees of whoever traded ``volume`` or more (report currency) in the 30 UTC days before the present one."""

    volume: float = Field(ge=0.0)
    taker: Rate
    maker: Rate


class FeePeriod(Period):
    """Fees in force from ``start`` on (None: from the beginning); ``verified=False`` where they are inferred.

    ``taker`` and ``maker`` hold without any volume, ``tiers`` (sorted, each of a volume above 0) from their volumes on.
    """

    taker: Rate
    maker: Rate
    tiers: tuple[FeeTier, ...] = ()
    tiers_verified: bool = True

    @model_validator(mode="after")
    def _tiers_rise(self) -> Self:
        volumes = [0.0, *(tier.volume for tier in self.tiers)]
        for i in range(1, len(volumes)):
            if volumes[i] <= volumes[i - 1]:
                raise ValueError(
                    f"tiers: tier {i - 1}: expected a volume above {volumes[i - 1]:g}, got {volumes[i]:g}; the fees "
                    "without volume are the taker and maker of the period"
                )
        return self

    def describe(self) -> str:
        """``taker 5.5 bp, maker -2.5 bp``, with the fees of the highest tier where there are tiers."""
        base = f"taker {1e4 * self.taker:g} bp, maker {1e4 * self.maker:g} bp"
        if not self.tiers:
            return base
        top = self.tiers[-1]
        return (
            f"{base}, by 30-day volume down to taker {1e4 * top.taker:g} bp, maker {1e4 * top.maker:g} bp "
            f"({len(self.tiers) + 1} tiers, the last from {top.volume:,.10g})"
        )


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

    def tier_arrays(self) -> tuple[Integers, Floats]:
        """One row for each tier of each period: starts int64 ns (rows,), and volume from which it holds, taker and
        maker rate float64 (rows, 3). Sorted by start, then volume; each period begins with volume 0."""
        rows = [
            (start, volume, taker, maker)
            for start, period in zip(starts_of(self.periods).tolist(), self.periods, strict=True)
            for volume, taker, maker in (
                (0.0, period.taker, period.maker),
                *((tier.volume, tier.taker, tier.maker) for tier in period.tiers),
            )
        ]
        return np.array([row[0] for row in rows], np.int64), np.array([row[1:] for row in rows], np.float64)

    def without_tiers(self) -> FeeSchedule:
        """The same fees, whatever the volume."""
        return FeeSchedule(periods=tuple(period.model_copy(update={"tiers": ()}) for period in self.periods))

    def unverified(self, first_ns: int, last_ns: int) -> tuple[str, ...]:
        """A sentence for each period between these times whose fees, or whose tiers, are inferred."""
        found = []
        for period in during(self.periods, first_ns, last_ns):
            if not period.verified or (period.tiers and not period.tiers_verified):
                found.append(period.doubt(f"fees ({period.describe()})"))
        return tuple(found)


class Fees(Model):
    """What a run pays: ``Fees(taker=5.5e-4, maker=2e-4)``, ``Fees.none()``, ``Fees.venue()``, ``Fees.dated(...)`` or
    ``Fees.tiers([...])``. ``by_volume``: the venue's discounts for volume are granted (kind venue)."""

    kind: Literal["constant", "venue", "dated"] = "constant"
    taker: Rate | None = None
    maker: Rate | None = None
    periods: tuple[FeePeriod, ...] = Field(default=())
    by_volume: bool = False

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
        if self.by_volume and self.kind != "venue":
            raise ValueError(f"by_volume is for the tiers of the venue, got kind {self.kind!r}; give tiers of your own")
        return self

    @classmethod
    def none(cls) -> Self:
        """No fees."""
        return cls(taker=0.0, maker=0.0)

    @classmethod
    def venue(cls, tiers: bool = False) -> Self:
        """The fees that the instrument's venue charged at each date; with its discounts for volume where ``tiers``."""
        return cls(kind="venue", by_volume=tiers)

    @classmethod
    def dated(cls, *periods: FeePeriod) -> Self:
        """Fees by date of your own; the first period has ``start=None``."""
        return cls(kind="dated", periods=periods)

    @classmethod
    def tiers(cls, tiers: Iterable[FeeTier]) -> Self:
        """Fees by 30-day volume, the same at all dates; the first tier is of volume 0. Raises ConfigError."""
        ordered = sorted(tiers, key=lambda tier: tier.volume)
        if not ordered or ordered[0].volume != 0.0:
            raise ConfigError("Fees.tiers: expected a first tier of volume 0: what is paid without any volume")
        base, *others = ordered
        return cls(kind="dated", periods=(FeePeriod(taker=base.taker, maker=base.maker, tiers=tuple(others)),))

    def schedule(self, instrument_schedule: FeeSchedule | None) -> FeeSchedule:
        """The fees to charge on an instrument whose own schedule is ``instrument_schedule``.

        Raises ConfigError where the venue's fees are asked for and the instrument has none.
        """
        schedule = self._in_force(instrument_schedule)
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
        schedule = self._in_force(instrument_schedule)
        if schedule is None:
            return "fees are those of the venue by date, on the value at the fill price"
        if len(schedule.periods) == 1:
            return f"fees are {schedule.periods[0].describe()} of the value at the fill price"
        parts = "; ".join(f"{period.since()} {period.describe()}" for period in schedule.periods)
        return f"fees by date, on the value at the fill price: {parts}"

    def _in_force(self, instrument_schedule: FeeSchedule | None) -> FeeSchedule | None:
        own = self._own_schedule()
        if own is not None or instrument_schedule is None or self.by_volume:
            return own or instrument_schedule
        return instrument_schedule.without_tiers()

    def _own_schedule(self) -> FeeSchedule | None:
        if self.kind == "dated":
            return FeeSchedule(periods=self.periods)
        if self.taker is None or self.maker is None:
            return None
        return FeeSchedule(periods=(FeePeriod(taker=self.taker, maker=self.maker),))
