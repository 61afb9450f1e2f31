"""A seeded market of one linear perpetual swap: bars with quotes, index, mark, premium and funding, without any file.

It is what ``make run`` trades when there is no data, and what tests and examples use. It shows what real markets show
and a cost model needs: volatility that clusters and changes with the hour, fat tails, a spread of whole ticks that is
wider at night and when the market moves, a basis that wanders and returns, and the funding that follows from it. The
defaults resemble Bybit's BTCUSDT of 2022 to 2026.

**No expert has an edge in it, by construction.** The index is a martingale (``annual_drift`` is 0): given all that
happened before, its expected simple return over any time is exactly zero, so averages, breakouts, momentum and
reversal earn nothing before costs but luck. Two things are not luck, and are small beside the costs of trading them.
The basis returns to its mean, a matter of a few basis points. And who is short collects the funding that longs pay,
0.01 % per eight hours when the basis is quiet: a carry, not a forecast. A profit after costs in this market is noise,
and a report should make that visible.

The model is a multiplicative component GARCH (Engle and Sokalska 2012, Journal of Financial Econometrics 10, 54-83):
the variance of a step is the annual one, times a pattern over the day, times a slow log-normal AR(1) component, times
a fast GARCH(1,1) component, the last three with mean one; shocks are Student-t. The path advances in steps of a minute
(shorter for bars shorter than five minutes) that do not depend on the interval of the bars, so that the same seed
gives the same market in five-minute, hourly and daily bars, and a shorter market is the beginning of a longer one.
Highs and lows are prices that the path reached, drawn exactly between the ends of a step: a resting order filled at
its price gains and loses nothing by that.

Units: prices in quote currency on the tick (index and mark on a tenth of it), volume in base currency on the lot,
rates and the basis as fractions, times in integer nanoseconds UTC. No value is ever NaN.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StrictInt, field_validator, model_validator

from halfspread.datafeeds import synthetic_kernels as kernels
from halfspread.datafeeds.synthetic_data import Floats, SyntheticData, Times
from halfspread.engine.times import DAY, HOUR, MINUTE, parse_interval
from halfspread.errors import ConfigError

__all__ = ["SyntheticMarket"]

YEAR = 365 * DAY
STEPS_OF_SHORT_BARS = 5
OPEN_SHARE = 1.0 / 60.0
MARK_WINDOW = 5 * MINUTE
SIZE_SHAPE = 2.0
BLOCK_DAYS = 32


class SyntheticMarket(BaseModel):
    """Parameters of a synthetic perpetual. Frozen; unknown names and impossible values are refused (ValidationError).

    See the module's page for the model and for why no expert has an edge here.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    days: int = Field(default=365, ge=1, le=36_500, description="length (days)")
    interval: StrictInt | str = Field(
        default="5m", description="of a bar: seconds, or a number and s, m, h or d ('5m', '1h', '1d')"
    )
    start: datetime = Field(
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

    @field_validator("start")
    @classmethod
    def _start_in_utc(cls, value: datetime) -> datetime:
        if not 2009 <= value.year <= 2099:
            raise ValueError(f"start: expected a year from 2009 to 2099, got {value.year}")
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    @field_validator("funding_interval_hours")
    @classmethod
    def _funding_divides_a_day(cls, value: int) -> int:
        if value not in (1, 2, 4, 8, 12, 24):
            raise ValueError(f"funding_interval_hours: expected 1, 2, 4, 8, 12 or 24, got {value}")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> SyntheticMarket:
        if self.start_ns % self.interval_ns:
            raise ValueError(f"start: expected a whole multiple of the interval {self.interval!r}, got {self.start}")
        if (self.funding_interval_hours * HOUR) % self.step_ns or max(self._lengths) % min(self._lengths):
            raise ValueError(
                f"interval: expected to divide, or be a multiple of, the funding interval of "
                f"{self.funding_interval_hours} h, got {self.interval!r}"
            )
        ticks = self.first_price / self.tick
        if abs(ticks - round(ticks)) > 1e-6 or round(ticks) < 100:
            raise ValueError(
                f"first_price: expected a whole number of at least 100 ticks of {self.tick:g}, got {self.first_price:g}"
            )
        persistence = self._decay(self.shock_half_life_minutes * MINUTE)
        if self._shock_weight_of_step >= persistence:
            raise ValueError(
                f"shock_weight: expected less than the persistence that shock_half_life_minutes implies, "
                f"{persistence:.4f} per step, got {self._shock_weight_of_step:.4f}"
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
    def _lengths(self) -> tuple[int, int]:
        return self.interval_ns, self.funding_interval_hours * HOUR

    @property
    def _sample_ns(self) -> int:
        return min(self.interval_ns, HOUR)

    @property
    def _shock_weight_of_step(self) -> float:
        return self.shock_weight * math.sqrt(self.step_ns / MINUTE)

    def _decay(self, half_life_ns: float) -> float:
        return float(2.0 ** (-self.step_ns / half_life_ns))

    def describe(self) -> str:
        """One sentence for reports."""
        edge = (
            "no drift, so no strategy has an edge"
            if self.annual_drift == 0
            else f"drift {self.annual_drift:+.1%} a year"
        )
        return (
            f"synthetic perpetual, {self.days} days of {self.interval} bars from {self.start:%Y-%m-%d}, "
            f"volatility {self.annual_volatility:.0%} a year, {edge}"
        )

    def generate(self, rng: np.random.Generator) -> SyntheticData:
        """Make the market; the same state of ``rng`` gives the same bits.

        One seed for each kind of random number is taken from ``rng``, whatever the market's length, so that ``rng`` is
        left in the same state by all of them.
        """
        streams = [np.random.Generator(np.random.PCG64(int(seed))) for seed in rng.integers(0, 2**63, size=5)]
        return self._generate(streams, BLOCK_DAYS)

    def _generate(self, streams: list[np.random.Generator], block_days: int) -> SyntheticData:
        parameters, patterns = self._parameters(), self._patterns()
        steps_per_day = DAY // self.step_ns
        bars, series = self._empty()
        state = self._first_state(streams[4])
        for first_day in range(0, self.days, block_days):
            count = min(block_days, self.days - first_day) * steps_per_day
            draws = kernels.Draws(
                normal=streams[0].standard_normal((count, 4)),
                mixing=streams[1].standard_gamma(self.tail_index / 2.0, count),
                size=streams[2].standard_gamma(SIZE_SHAPE, count),
                uniform=streams[3].random((count, 4)),
            )
            kernels.advance(parameters, patterns, first_day * steps_per_day, draws, state, bars, series)
        return self._data(bars, series)

    def _parameters(self) -> kernels.PathParameters:
        step = self.step_ns
        slow = self._decay(self.slow_half_life_days * DAY)
        basis = self._decay(self.basis_half_life_hours * HOUR)
        funding = self.funding_interval_hours * HOUR
        return kernels.PathParameters(
            first_price=self.first_price,
            tick=self.tick,
            variance=self.annual_volatility**2 * step / YEAR,
            drift=self.annual_drift * step / YEAR,
            tail_index=self.tail_index,
            open_share=OPEN_SHARE,
            shock_weight=self._shock_weight_of_step,
            persistence=self._decay(self.shock_half_life_minutes * MINUTE),
            slow_persistence=slow,
            slow_noise=self.slow_deviation * math.sqrt(1.0 - slow**2),
            slow_mean=-0.5 * self.slow_deviation**2,
            spread_ticks=self.spread_ticks,
            spread_elasticity=self.spread_elasticity,
            basis_mean=self.basis_mean,
            basis_persistence=basis,
            basis_noise=self.basis_deviation * math.sqrt(1.0 - basis**2),
            lots=self.volume_per_day / self.lot * step / DAY / SIZE_SHAPE,
            interest=self.interest_per_day * funding / DAY,
            clamp=self.funding_clamp,
            cap=self.funding_cap,
            steps_per_bar=self.interval_ns // step,
            steps_per_funding=funding // step,
            steps_per_sample=self._sample_ns // step,
            first_phase=self.start_ns % funding // step,
        )

    def _patterns(self) -> Floats:
        """Factor of the variance (mean one) and of the spread at every step of a day, from the first step's time on."""
        middle = self.start_ns % DAY + (np.arange(DAY // self.step_ns) + 0.5) * self.step_ns
        wave = np.cos(2.0 * np.pi * (middle / HOUR - self.busy_hour) / 24.0)
        variance = np.exp(2.0 * self.daily_pattern * wave)
        return np.stack((variance / variance.mean(), np.exp(-self.spread_pattern * wave)), axis=1)

    def _first_state(self, stream: np.random.Generator) -> kernels.State:
        slow, basis = stream.standard_normal(2)
        numbers = np.zeros(8)
        numbers[kernels.SLOW] = self.slow_deviation * slow - 0.5 * self.slow_deviation**2
        numbers[kernels.FAST] = 1.0
        numbers[kernels.BASIS] = self.basis_mean + self.basis_deviation * basis
        return kernels.State(numbers, np.zeros(max(1, MARK_WINDOW // self.step_ns)))

    def _empty(self) -> tuple[kernels.Bars, kernels.Series]:
        span = self.days * DAY
        bars = kernels.Bars(*(np.empty(span // self.interval_ns) for _ in kernels.Bars._fields))
        samples, steps = span // self._sample_ns + 1, span // self.step_ns
        rates = np.empty(self._funding_times().size)
        return bars, kernels.Series(np.empty(samples), np.empty(samples), np.empty(steps), rates)

    def _funding_times(self) -> Times:
        funding = self.funding_interval_hours * HOUR
        begun = self.start_ns // funding
        count = (self.start_ns + self.days * DAY) // funding - begun
        # not np.arange(first, last, funding): it counts in floating point, which is too coarse for nanoseconds
        return (begun + 1 + np.arange(count, dtype=np.int64)) * funding

    def _data(self, bars: kernels.Bars, series: kernels.Series) -> SyntheticData:
        times = self._funding_times()
        prices = {name: _scaled(getattr(bars, name), self.tick) for name in bars._fields if name != "volume"}
        return SyntheticData(
            interval_ns=self.interval_ns,
            open_times=self.start_ns + np.arange(bars.open.size, dtype=np.int64) * self.interval_ns,
            volume=_scaled(bars.volume, self.lot),
            price_times=self.start_ns + np.arange(series.index_price.size, dtype=np.int64) * self._sample_ns,
            index=_scaled(series.index_price, self.tick / 10.0),
            mark=_scaled(series.mark_price, self.tick / 10.0),
            funding_times=times,
            funding_rates=series.rate,
            funding_intervals=np.full(times.size, self.funding_interval_hours * HOUR, dtype=np.int64),
            funding_known_times=times.copy(),
            premium_times=self.start_ns + np.arange(1, series.premium.size + 1, dtype=np.int64) * self.step_ns,
            premium=series.premium,
            **prices,
        )


def _scaled(counts: Floats, unit: float) -> Floats:
    """Counts times unit, as the nearest number to the decimal: 3 ticks of 0.1 are 0.3, not 0.30000000000000004."""
    inverse = round(1.0 / unit)
    if inverse >= 1 and math.isclose(inverse * unit, 1.0, rel_tol=1e-12):
        return counts / inverse
    return counts * unit
