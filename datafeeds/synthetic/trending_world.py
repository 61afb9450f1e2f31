"""A world of bars that trends up and down, in states that last a geometric time."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from halfspread.datafeeds.synthetic.price_world import SAFE_DEVIATIONS, PriceWorld, check_cost
from halfspread.datafeeds.synthetic.world import BestPolicy, World
from halfspread.datafeeds.synthetic.world_kernels import filtered_probability, markov_states
from halfspread.engine.times import Floats
from halfspread.errors import ConfigError

__all__ = ["Trending"]


class Trending(PriceWorld):
    """A price with one drift in an up state and another in a down state; the states form a Markov chain.

    Where the state is ``observable``, the bars have a column ``next_drift``: the drift of the bar after, which a tape
    keeps with ``BarFormat(extra=("next_drift",))``. The best policy then follows the state (full long up, full short
    down), if each change of it is worth two trades, and otherwise holds the side of the mean drift for ever; with
    linear costs only these can be best (see `datafeeds.switching`). With the drifts m and n of the up and the down
    state and the share of time s spent up, it earns for each bar

        max(s m - (1 - s) n - 4 cost s / bars_up, |s m + (1 - s) n|).

    Where the state is hidden this is an upper bound; without costs the best policy is the sign of the expected drift
    given the prices so far (Hamilton's filter), and with costs no closed form is known.
    """

    title: ClassVar[str] = "trending"

    drift_up: float = Field(default=2.0, description="expected move of a bar in the up state (quote currency)")
    drift_down: float = Field(default=-2.0, description="expected move of a bar in the down state (quote currency)")
    bars_up: float = Field(default=50.0, ge=1, description="mean length of an up state (bars)")
    bars_down: float = Field(default=50.0, ge=1, description="mean length of a down state (bars)")
    observable: bool = Field(default=True, description="whether the bars tell the drift of the next bar")

    @model_validator(mode="after")
    def _up_is_up(self) -> Self:
        if self.drift_up <= self.drift_down:
            raise ValueError(f"drift_up: expected more than drift_down {self.drift_down:g}, got {self.drift_up:g}")
        if self.bars_up == 1.0 and self.bars_down == 1.0:
            raise ValueError("bars_up and bars_down: expected one of them above 1 bar, got 1 for both")
        return self

    def _reach(self) -> float:
        share, drift = self.share_up, (self.drift_up - self.drift_down)
        spread = share * (1.0 - share) * drift**2 * 2.0 / (1.0 / self.bars_up + 1.0 / self.bars_down)
        fall = max(0.0, -self.mean_drift * self.bars)
        return fall + SAFE_DEVIATIONS * math.sqrt((self.deviation**2 + spread) * self.bars)

    @property
    def share_up(self) -> float:
        """Stationary probability of the up state."""
        return self.bars_up / (self.bars_up + self.bars_down)

    @property
    def mean_drift(self) -> float:
        """Expected move of a bar, in quote currency."""
        return self.share_up * self.drift_up + (1.0 - self.share_up) * self.drift_down

    def market(self, rng: np.random.Generator) -> World:
        """Bars, mark and index; ``hidden["drift"]`` (bars + 1) is the drift of each bar and of the one after the last.

        The first state is drawn from the stationary distribution.
        """
        first = int(rng.random() < self.share_up)
        states = markov_states(first, 1.0 / self.bars_up, 1.0 / self.bars_down, rng.random(self.bars))
        drift = np.where(states == 1.0, self.drift_up, self.drift_down)
        kind = "observable" if self.observable else "hidden"
        text = f"trends of {self.drift_up:+g} and {self.drift_down:+g} a bar, {kind} states, {self.bars} bars"
        world = self._world(rng, self.first_price / self.tick, text, drifts=drift[:-1] / self.tick)
        bars = world.table("bars")
        if self.observable:
            bars["next_drift"] = drift[1:]
        return replace(world, bars=bars, hidden={"drift": drift})

    def expected(self, cost: float) -> float:
        """Profit per bar of whoever knows the state, in quote currency for one contract."""
        check_cost(cost)
        return max(self._following(cost), abs(self.mean_drift))

    def _following(self, cost: float) -> float:
        share = self.share_up
        changes = 2.0 * share / self.bars_up
        return share * self.drift_up - (1.0 - share) * self.drift_down - 2.0 * cost * changes

    def best_policy(self, cost: float) -> BestPolicy:
        """The best targets and what they earn per bar. Raises ConfigError for hidden states with costs: not known."""
        value = self.expected(cost)
        if not self.observable:
            if cost > 0.0:
                raise ConfigError(
                    f"trending: the best policy is known for hidden states without costs only, got a cost of {cost:g}; "
                    "expected(cost) is an upper bound of what any policy earns"
                )
            text = "follow the sign of the expected drift given the prices so far"
            return BestPolicy(text, value, False, lambda world: np.sign(self.filtered_drift(world.closes)))
        if self._following(cost) > abs(self.mean_drift):
            return BestPolicy("long in the up state, short in the down state", value, True, self._follow)
        side = 1.0 if self.mean_drift >= 0.0 else -1.0
        text = f"always {'long' if side > 0 else 'short'}: a change of side costs more than a state is worth"
        return BestPolicy(text, value, True, lambda world: np.full(len(world.closes), side))

    def _follow(self, world: World) -> Floats:
        return np.where(world.hidden["drift"][1:] == self.drift_up, 1.0, -1.0)

    def filtered_drift(self, closes: Floats) -> Floats:
        """Expected move of the next bar given the closes up to each one, (n,) from (n,), in quote currency.

        The move of the first bar is not in the closes, so that the first value is the mean drift. The likelihood is
        normal: rounding to the tick is left out, which matters less the smaller the tick is beside the deviation.
        """
        drifts = (self.drift_up, self.drift_down)
        moves = np.diff(closes)
        later = filtered_probability(moves, drifts, self.deviation, 1.0 / self.bars_up, 1.0 / self.bars_down)
        up = np.concatenate(([self.share_up], later))
        return up * self.drift_up + (1.0 - up) * self.drift_down
