"""Worlds of bars on an additive price: what their parameters have in common, noise without an edge, constant funding.

The price moves by whole ticks and its moves do not depend on its level, so that a position in contracts of a linear
swap earns sums of moves, and expected profits are exact. It is a mid: the bars' quotes are ``half_spread_ticks`` below
and above it. A bar opens where the one before it closed, so an order decided at a close fills at that price plus or
minus the half-spread. A cost, here and in every ``expected`` and ``best_policy``, is what one traded contract pays in
quote currency: half-spread and fee together.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from halfspread.datafeeds.synthetic.parameters import Interval, Parameters, StartTime
from halfspread.datafeeds.synthetic.swap_bars import on_grid, swap_bars
from halfspread.datafeeds.synthetic.world import BestPolicy, World, bar_frame, price_frame
from halfspread.datafeeds.synthetic.world_kernels import walk
from halfspread.engine.instruments import Instrument, linear
from halfspread.engine.times import Floats, parse_interval, parse_time
from halfspread.errors import ConfigError, DataError

__all__ = ["ConstantFunding", "PriceWorld", "PureNoise", "check_cost"]

SAFE_DEVIATIONS = 6.0


def check_cost(cost: float) -> None:
    """Raise ConfigError unless ``cost``, of one traded contract in quote currency, is finite and at least 0."""
    if not 0.0 <= cost < math.inf:
        raise ConfigError(f"cost: expected at least 0 for each contract traded, got {cost}")


class PriceWorld(Parameters):
    """Parameters of every world of bars."""

    title: ClassVar[str] = "world of bars"

    bars: int = Field(default=10_000, ge=2, le=10_000_000, description="how many")
    interval: Interval = Field(default="5m", description="of a bar: seconds, or a number and s, m, h or d")
    start: StartTime = Field(
        default=datetime(2024, 1, 1, tzinfo=UTC), description="open time of the first bar, on the interval"
    )
    first_price: float = Field(default=60_000.0, gt=0, description="about where the price starts (quote currency)")
    tick: float = Field(default=0.1, gt=0, description="smallest price step (quote currency)")
    lot: float = Field(default=0.001, gt=0, description="smallest number of contracts; a contract is one unit of base")
    deviation: float = Field(
        default=10.0, gt=0, description="standard deviation of a bar's noise (quote currency), at least one tick"
    )
    half_spread_ticks: int = Field(default=1, ge=0, description="from the mid to either quote (ticks)")

    @model_validator(mode="after")
    def _prices_stay_above_zero(self) -> Self:
        if self.start_ns % self.interval_ns:
            raise ValueError(f"start: expected a whole multiple of the interval {self.interval!r}, got {self.start}")
        if self.deviation < self.tick:
            raise ValueError(f"deviation: expected at least one tick of {self.tick:g}, got {self.deviation:g}")
        least = self._reach() + (self.half_spread_ticks + 1) * self.tick
        if self.first_price < least:
            raise ValueError(
                f"first_price: expected at least {least:.6g}, so that the price stays above zero, "
                f"got {self.first_price:g}; raise it, or lower bars or deviation"
            )
        return self

    def _reach(self) -> float:
        """How far the price may fall: six standard deviations of its sum of noise, and its drift."""
        return SAFE_DEVIATIONS * self.deviation * math.sqrt(self.bars)

    @property
    def interval_ns(self) -> int:
        """Length of a bar in nanoseconds."""
        return parse_interval(self.interval)

    @property
    def start_ns(self) -> int:
        """Open time of the first bar in nanoseconds UTC."""
        return parse_time(self.start)

    @property
    def end_ns(self) -> int:
        """Close time of the last bar in nanoseconds UTC."""
        return self.start_ns + self.bars * self.interval_ns

    @property
    def half_spread(self) -> float:
        """Half of the quoted spread in quote currency."""
        return self.half_spread_ticks * self.tick

    @property
    def instrument(self) -> Instrument:
        """A linear swap on one unit of base, with the world's tick and lot."""
        return linear("WORLD", lot=self.lot, tick=self.tick)

    def _world(
        self,
        rng: np.random.Generator,
        first: float,
        text: str,
        *,
        drifts: Floats | None = None,
        levels: Floats | None = None,
        persistence: float = 1.0,
    ) -> World:
        """A world on the path of `world_kernels.walk`; ``first``, ``drifts`` and ``levels`` in ticks."""
        path = np.empty(self.bars + 1)
        path[0] = math.floor(first + 0.5)
        levels = np.zeros(self.bars + 1) if levels is None else levels
        drifts = np.zeros(self.bars) if drifts is None else drifts
        deviation = self.deviation / self.tick
        walk(path, levels, drifts, persistence, deviation, rng.standard_normal(self.bars))
        bars = swap_bars(
            path, np.full(self.bars, deviation), rng.random((self.bars, 2)), self.tick, self.half_spread_ticks
        )
        if bars["low"].min() <= self.half_spread:
            raise DataError(f"{text}: the price reached zero; raise first_price, or lower bars or deviation")
        times = self.start_ns + np.arange(self.bars + 1) * self.interval_ns
        prices = price_frame(times, on_grid(path, self.tick))
        return World(
            instrument=self.instrument,
            start=self.start_ns,
            end=self.end_ns,
            text=text,
            interval=self.interval_ns,
            bars=bar_frame(times[:-1], bars),
            mark=prices,
            index=prices.copy(),
        )


class PureNoise(PriceWorld):
    """A price whose moves are independent and symmetric: nothing can be forecast.

    The best policy is to stay flat, which earns 0. Any other one loses in expectation exactly what it trades times the
    cost: the price is a martingale, and the expected sum of positions times moves is zero (Doob's theorem on martingale
    transforms; Williams 1991, Probability with Martingales, section 10.7).
    """

    title: ClassVar[str] = "noise"

    def market(self, rng: np.random.Generator) -> World:
        """Bars, mark and index; the same state of ``rng`` gives the same bits."""
        return self._world(rng, self.first_price / self.tick, f"noise, {self.bars} bars: no edge")

    def best_policy(self, cost: float) -> BestPolicy:
        """Stay flat, whatever the cost of a traded contract."""
        check_cost(cost)
        return BestPolicy("stay flat", 0.0, True, lambda world: np.zeros(len(world.closes)))

    def expected(self, traded: float, cost: float) -> float:
        """Expected profit (quote currency) of any policy that trades so many contracts, each at this cost."""
        check_cost(cost)
        return -traded * cost


class ConstantFunding(PriceWorld):
    """Noise, and a known funding rate that never changes: the carry is the only edge.

    The best policy holds a full position against the rate (short where longs pay) all the time, if what the settlements
    pay exceeds the cost of getting in. A rate is paid on the value at mark, whose expectation is the first price, so
    it earns |rate| x first price for each settlement, less one trade.
    """

    title: ClassVar[str] = "constant funding"

    rate: float = Field(default=1e-4, ge=-0.05, le=0.05, description="of a settlement; longs pay when positive")
    funding_interval_hours: int = Field(default=8, ge=1, le=168, description="hours between settlements")

    @property
    def instrument(self) -> Instrument:
        """A linear swap on one unit of base, with the world's tick, lot and funding interval."""
        return linear("WORLD", lot=self.lot, tick=self.tick, funding_interval_hours=self.funding_interval_hours)

    @property
    def settlement_times(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Whole funding intervals since 1970-01-01 that fall after the start and up to the end, int64 ns."""
        step = self.funding_interval_hours * parse_interval("1h")
        return np.arange(self.start_ns // step + 1, self.end_ns // step + 1, dtype=np.int64) * step

    def settlements(self) -> int:
        """Those that an agent can earn: it decides first at the first close, and holds from then on."""
        return int((self.settlement_times > self.start_ns + self.interval_ns).sum())

    def market(self, rng: np.random.Generator) -> World:
        """Bars, mark, index and funding, each rate known one interval ahead."""
        text = f"constant funding of {self.rate:.4%} every {self.funding_interval_hours} h, {self.bars} bars of noise"
        world = self._world(rng, self.first_price / self.tick, text)
        times = self.settlement_times
        hours = np.full(len(times), self.funding_interval_hours, np.int64)
        known = times - hours * parse_interval("1h")
        funding = bar_frame(
            times, {"rate": np.full(len(times), self.rate), "interval_h": hours.astype(np.float64), "known_ts": known}
        )
        return replace(world, funding=funding)

    def best_policy(self, cost: float) -> BestPolicy:
        """Hold against the rate, or stay flat where the settlements do not pay for one trade."""
        value = self.expected(cost)
        side = -float(np.sign(self.rate)) if value > 0.0 else 0.0
        text = {1.0: "always long", -1.0: "always short", 0.0: "stay flat"}[side]
        return BestPolicy(text, value / (self.bars - 1), True, lambda world: np.full(len(world.closes), side))

    def expected(self, cost: float) -> float:
        """Expected profit of the best policy over the whole world, in quote currency for one contract."""
        check_cost(cost)
        return max(0.0, abs(self.rate) * self.settlements() * self.first_price - cost)
