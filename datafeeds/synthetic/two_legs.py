"""Two perpetual swaps on one base price, an inverse and a linear one: the market of a cash-and-carry trade.

The index is a geometric random walk without drift (a martingale). Each swap's mid is the index x (1 + basis); the basis
is an AR(1) process of its own around its mean. A settlement pays F = P + clamp(I - P, -c, c), at most the cap, where P
is the mean of mid / index - 1 over the closes since the settlement before and I the interest: the rule of both venues.

Short one swap and long as much of the other earns the difference of the rates, and the basis moves beside it without
drift. ``expected_rates`` gives the mean rates, so that the best standing position and its profit per settlement are
known: short the swap with the higher mean rate, long the other, for the difference of the two.

Units: prices in quote currency, basis and rates as fractions, times int64 ns UTC. No value is NaN.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from halfspread.datafeeds.synthetic.parameters import Interval, Parameters, StartTime
from halfspread.datafeeds.synthetic.swap_bars import on_grid, swap_bars
from halfspread.datafeeds.synthetic.world import World, bar_frame, price_frame
from halfspread.datafeeds.synthetic.world_kernels import autoregression
from halfspread.engine.instruments import Instrument, inverse, linear
from halfspread.engine.times import DAY, HOUR, Floats, Integers, parse_interval, parse_time
from halfspread.errors import DataError

__all__ = ["TwoLegs", "two_legs"]

YEAR = 365 * DAY


class TwoLegs(Parameters):
    """Parameters of both swaps. Frozen; a constructor raises ConfigError."""

    title: ClassVar[str] = "two legs"

    bars: int = Field(default=2_160, ge=2, le=10_000_000, description="how many, of each swap")
    interval: Interval = Field(default="1h", description="of a bar; divides the funding interval")
    start: StartTime = Field(default=datetime(2024, 1, 1, tzinfo=UTC), description="open time of the first bar")
    first_price: float = Field(default=60_000.0, gt=0, description="first index (quote currency)")
    annual_volatility: float = Field(default=0.6, ge=0, le=5, description="of the index (fraction, 365 days)")
    quote: str = Field(
        default="USD", min_length=1, description="currency of both prices; the linear swap settles in it"
    )

    inverse_basis: float = Field(default=8e-4, ge=-0.05, le=0.05, description="mean of mid / index - 1, inverse swap")
    linear_basis: float = Field(default=0.0, ge=-0.05, le=0.05, description="mean of mid / index - 1, linear swap")
    basis_deviation: float = Field(default=3e-4, ge=0, le=0.02, description="stationary standard deviation of each")
    basis_half_life: float = Field(default=12.0, gt=0, description="of a deviation of the basis (hours)")

    funding_interval_hours: int = Field(default=8, ge=1, le=24, description="between settlements")
    interest: float = Field(default=1e-4, ge=-0.01, le=0.01, description="I, of a settlement")
    clamp: float = Field(default=5e-4, ge=0, le=0.05, description="c, of a settlement")
    cap: float = Field(default=0.0075, gt=0, le=0.05, description="largest rate of a settlement, either sign")

    inverse_tick: float = Field(default=0.5, gt=0, description="quote currency")
    linear_tick: float = Field(default=0.1, gt=0, description="quote currency")
    inverse_lot: float = Field(default=1.0, gt=0, description="contracts of one unit of quote currency")
    linear_lot: float = Field(default=1.0, gt=0, description="contracts of 0.001 units of base")
    half_spread_ticks: int = Field(default=1, ge=0, description="from the mid to either quote (ticks)")

    @model_validator(mode="after")
    def _on_one_grid(self) -> Self:
        if self.funding_interval_hours * HOUR % self.interval_ns:
            raise ValueError(
                f"interval: expected to divide the funding interval of {self.funding_interval_hours} h, got "
                f"{self.interval!r}"
            )
        if self.start_ns % self.interval_ns:
            raise ValueError(f"start: expected a whole multiple of the interval {self.interval!r}, got {self.start}")
        return self

    @property
    def interval_ns(self) -> int:
        """Length of a bar in nanoseconds."""
        return parse_interval(self.interval)

    @property
    def start_ns(self) -> int:
        """Open time of the first bar in nanoseconds UTC."""
        return parse_time(self.start)

    @property
    def persistence(self) -> float:
        """What is left of a deviation of the basis after one bar."""
        return float(2.0 ** (-self.interval_ns / (self.basis_half_life * HOUR)))

    @property
    def instruments(self) -> tuple[Instrument, Instrument]:
        """The inverse swap (a contract is one unit of quote) and the linear one (0.001 units of base)."""
        hours = self.funding_interval_hours
        one = inverse(
            "INVERSE", quote=self.quote, lot=self.inverse_lot, tick=self.inverse_tick, funding_interval_hours=hours
        )
        other = linear(
            "LINEAR",
            quote=self.quote,
            multiplier=0.001,
            lot=self.linear_lot,
            tick=self.linear_tick,
            funding_interval_hours=hours,
        )
        return one, other

    def market(self, rng: np.random.Generator) -> tuple[World, World]:
        """The inverse and the linear swap: bars on one grid, funding, mark (the mid) and index (the same in both).

        ``hidden["basis"]``: at the start and each close (bars + 1). The same state of ``rng`` gives the same bits.
        """
        step = self.annual_volatility * math.sqrt(self.interval_ns / YEAR)
        moves = step * rng.standard_normal(self.bars) - 0.5 * step * step
        index = self.first_price * np.exp(np.concatenate(([0.0], np.cumsum(moves))))
        uniforms = rng.random((self.bars, 2))
        first, second = (self._leg(rng, which, index, uniforms, step) for which in (0, 1))
        return first, second

    def _leg(self, rng: np.random.Generator, which: int, index: Floats, uniforms: Floats, step: float) -> World:
        instrument, mean = self.instruments[which], (self.inverse_basis, self.linear_basis)[which]
        draws = rng.standard_normal(self.bars + 1)
        noise = self.basis_deviation * math.sqrt(1.0 - self.persistence**2) * draws[1:]
        basis = mean + autoregression(self.basis_deviation * draws[0], self.persistence, noise)
        tick = instrument.tick
        path = np.floor(index * (1.0 + basis) / tick + 0.5)
        if path.min() <= self.half_spread_ticks + 1.0:
            raise DataError(
                f"two legs: the price fell below the tick of {instrument.symbol}; lower annual_volatility or bars"
            )
        bars = swap_bars(path, step * path[:-1], uniforms, tick, self.half_spread_ticks)
        if bars["bid_close"].min() <= 0.0 or bars["low"].min() <= 0.0:
            raise DataError(f"two legs: a price of {instrument.symbol} reached zero; lower annual_volatility or bars")
        times = self.start_ns + np.arange(self.bars + 1, dtype=np.int64) * self.interval_ns
        mids = on_grid(path, tick)
        return World(
            instrument=instrument,
            start=int(times[0]),
            end=int(times[-1]),
            text=f"{instrument.kind} swap of two on one base, mean basis {mean:.2%}, {self.bars} bars",
            interval=self.interval_ns,
            bars=bar_frame(times[:-1], bars),
            funding=bar_frame(*self._funding(times, mids / index - 1.0)),
            mark=price_frame(times, mids),
            index=price_frame(times, index),
            hidden={"basis": basis},
        )

    def _funding(self, times: Integers, premium: Floats) -> tuple[Integers, dict[str, Floats | Integers]]:
        """Settlements after the start and up to the end; each rate is known when it is paid."""
        length = self.funding_interval_hours * HOUR
        paid = np.arange(times[0] // length + 1, times[-1] // length + 1, dtype=np.int64) * length
        rows = (paid - times[0]) // self.interval_ns
        sums = np.concatenate(([0.0], np.cumsum(premium[1:])))
        before = np.concatenate(([0], rows[:-1])) if len(rows) else rows
        means = (sums[rows] - sums[before]) / np.maximum(rows - before, 1)
        hours = np.full(len(paid), self.funding_interval_hours, np.int64)
        return paid, {"rate": self.rate(means), "interval_h": hours, "known_ts": paid}

    def rate(self, premium: Floats) -> Floats:
        """F = P + clamp(I - P, -c, c), at most the cap either way, rounded to eight decimals as venues publish it."""
        rate = premium + np.clip(self.interest - premium, -self.clamp, self.clamp)
        return np.asarray(np.round(np.clip(rate, -self.cap, self.cap), 8), np.float64)

    def expected_rates(self) -> tuple[float, float]:
        """Mean rates of the inverse and the linear swap, for each settlement after a whole interval.

        The mean premium is normal; its variance is that of a mean of an AR(1) process. Rounding to ticks is left out.
        """
        count = self.funding_interval_hours * HOUR // self.interval_ns
        lags = np.arange(1, count)
        ties = count + 2.0 * float(((count - lags) * self.persistence**lags).sum())
        spread = self.basis_deviation * math.sqrt(ties) / count
        at = np.linspace(-9.0, 9.0, 20_001)
        weights = np.exp(-0.5 * at**2)
        rates = [
            float(weights @ self.rate(mean + spread * at)) / float(weights.sum())
            for mean in (self.inverse_basis, self.linear_basis)
        ]
        return rates[0], rates[1]

    def expected_carry(self) -> float:
        """Profit of each settlement, as a fraction of the value held, of short inverse and long linear in equal value.

        Below zero: the other way round pays. Costs of trading come once and are not in it.
        """
        one, other = self.expected_rates()
        return one - other


def two_legs(rng: np.random.Generator, **parameters: Any) -> tuple[World, World]:
    """An inverse and a linear swap on one base price; ``parameters`` are those of `TwoLegs`.

    Raises ConfigError for parameters that are not possible.
    """
    return TwoLegs(**parameters).market(rng)
