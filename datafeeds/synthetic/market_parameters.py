"""Parameters of the synthetic market, their units and limits, and what follows from them."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Self

from pydantic import Field, StrictInt, field_validator, model_validator

from halfspread.datafeeds.synthetic.parameters import Parameters, StartTime
from halfspread.engine.times import DAY, HOUR, MINUTE, parse_interval
from halfspread.errors import ConfigError

__all__ = ["SyntheticParameters"]

STEPS_OF_SHORT_BARS = 5


class SyntheticParameters(Parameters):
    """What `SyntheticMarket` is made from. Frozen; ConfigError for an unknown name or an impossible value."""

    title: ClassVar[str] = "synthetic market"

    days: int = Field(default=365, ge=1, le=36_500, description="length (days)")
    interval: StrictInt | str = Field(
        default="5m", description="of a bar: seconds, or a number and s, m, h or d ('5m', '1h', '1d')"
    )
    start: StartTime = Field(
        default=datetime(2024, 1, 1, tzinfo=UTC),
        description="open time of the first bar, on the interval; UTC when no zone is given",
    )
    first_price: float = Field(
        default=60_000.0, gt=0, description="open of the first bar (quote currency), on the tick"
    )
    tick: float = Field(default=0.1, gt=0, description="smallest price step (quote currency)")
    lot: float = Field(default=0.001, gt=0, description="smallest traded size (base currency)")

    annual_volatility: float = Field(
        default=0.6, gt=0, le=5, description="root of the expected yearly variance (fraction, 365 days)"
    )
    annual_drift: float = Field(
        default=0.0, ge=-5, le=5, description="growth rate of the expected index (per 365 days); 0: no edge"
    )
    tail_index: float = Field(
        default=4.0, gt=2, le=1_000, description="degrees of freedom of the Student-t shocks; large: Gaussian"
    )
    shock_weight: float = Field(
        default=0.05, ge=0, lt=1, description="weight of a one-minute squared shock in the fast variance"
    )
    shock_half_life_minutes: float = Field(default=60.0, gt=0, description="half-life of the fast variance (minutes)")
    slow_deviation: float = Field(default=0.8, ge=0, le=3, description="standard deviation of the slow log-variance")
    slow_half_life_days: float = Field(default=3.0, gt=0, description="half-life of the slow log-variance (days)")
    daily_pattern: float = Field(
        default=0.35, ge=0, le=2, description="amplitude of log volatility over the day; 0: none"
    )
    busy_hour: float = Field(
        default=15.0, ge=0, lt=24, description="time of day when volatility peaks and the spread is least (hours UTC)"
    )

    spread_ticks: float = Field(
        default=2.0, gt=0, description="usual quoted spread before rounding to whole ticks, at least one (ticks)"
    )
    spread_pattern: float = Field(
        default=0.4, ge=0, le=2, description="amplitude of the log spread over the day, wide at night; 0: none"
    )
    spread_elasticity: float = Field(
        default=0.5,
        ge=0,
        le=2,
        description="per cent that the spread widens when volatility rises by 1 % above the usual of the hour",
    )

    basis_mean: float = Field(default=0.0, ge=-0.05, le=0.05, description="mean of perpetual / index - 1 (fraction)")
    basis_deviation: float = Field(
        default=5e-4, ge=0, le=0.05, description="stationary standard deviation of the basis (fraction)"
    )
    basis_half_life_hours: float = Field(
        default=12.0, gt=0, description="half-life of a deviation of the basis (hours)"
    )

    funding_interval_hours: int = Field(
        default=8, description="hours between settlements, counted from 00:00 UTC: 1, 2, 4, 8, 12 or 24"
    )
    interest_per_day: float = Field(
        default=3e-4, ge=-0.01, le=0.01, description="interest part of the funding (fraction per day)"
    )
    funding_clamp: float = Field(
        default=5e-4, ge=0, le=0.05, description="largest interest minus premium that is added (fraction)"
    )
    funding_cap: float = Field(
        default=3.75e-3, gt=0, le=0.05, description="largest rate of one settlement, either sign (fraction)"
    )

    volume_per_day: float = Field(
        default=100_000.0, gt=0, description="traded at average volatility (base currency per day)"
    )

    @field_validator("interval")
    @classmethod
    def _interval_divides_a_day(cls, value: int | str) -> int | str:
        try:
            length = parse_interval(value)
        except ConfigError as error:
            raise ValueError(f"interval: {error}") from error
        if DAY % length:
            raise ValueError(f"interval: expected a length that divides a day ('5m', '1h', '1d'), got {value!r}")
        return value

    @field_validator("funding_interval_hours")
    @classmethod
    def _funding_divides_a_day(cls, value: int) -> int:
        if value not in (1, 2, 4, 8, 12, 24):
            raise ValueError(f"funding_interval_hours: expected 1, 2, 4, 8, 12 or 24, got {value}")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.start_ns % self.interval_ns:
            raise ValueError(f"start: expected a whole multiple of the interval {self.interval!r}, got {self.start}")
        if self.funding_ns % self.interval_ns and self.interval_ns % self.funding_ns:
            raise ValueError(
                f"interval: expected to divide, or be a multiple of, the funding interval of "
                f"{self.funding_interval_hours} h, got {self.interval!r}"
            )
        ticks = self.first_price / self.tick
        if abs(ticks - round(ticks)) > 1e-6 or round(ticks) < 100:
            raise ValueError(
                f"first_price: expected a whole number of at least 100 ticks of {self.tick:g}, got {self.first_price:g}"
            )
        persistence = self.persistence(self.shock_half_life_minutes * MINUTE)
        if self.shock_weight_of_step >= persistence:
            raise ValueError(
                f"shock_weight: expected less than the persistence that shock_half_life_minutes implies, "
                f"{persistence:.4f} per step, got {self.shock_weight_of_step:.4f}"
            )
        return self

    @property
    def interval_ns(self) -> int:
        """Length of a bar in nanoseconds."""
        return parse_interval(self.interval)

    @property
    def start_ns(self) -> int:
        """Open time of the first bar in nanoseconds UTC."""
        return (self.start - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1_000

    @property
    def step_ns(self) -> int:
        """Length of a step: a minute, or a fifth of a bar that is shorter than five minutes or not of whole minutes."""
        length = self.interval_ns
        return (
            MINUTE if length % MINUTE == 0 and length >= STEPS_OF_SHORT_BARS * MINUTE else length // STEPS_OF_SHORT_BARS
        )

    @property
    def funding_ns(self) -> int:
        """Time between settlements in nanoseconds."""
        return self.funding_interval_hours * HOUR

    @property
    def sample_ns(self) -> int:
        """Time between two index or mark prices in nanoseconds: a bar, at most an hour."""
        return min(self.interval_ns, HOUR)

    @property
    def shock_weight_of_step(self) -> float:
        """Weight of a step's squared shock in the fast variance."""
        return self.shock_weight * math.sqrt(self.step_ns / MINUTE)

    def persistence(self, half_life_ns: float) -> float:
        """What is left after one step of something with this half-life."""
        return float(2.0 ** (-self.step_ns / half_life_ns))
