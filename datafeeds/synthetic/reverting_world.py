"""A world of bars whose price returns to a level: an Ornstein-Uhlenbeck process seen at the closes."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from typing import ClassVar

import numpy as np
from pydantic import Field

from halfspread.datafeeds.synthetic.price_world import SAFE_DEVIATIONS, PriceWorld, check_cost
from halfspread.datafeeds.synthetic.switching import best_switching
from halfspread.datafeeds.synthetic.world import BestPolicy, World
from halfspread.engine.times import Floats
from halfspread.errors import ConfigError

__all__ = ["MeanReverting", "reverting_chain"]

WIDTH = 6.5
LEAST_STATES = 401
STEPS_OF_NOISE = 4.0


class MeanReverting(PriceWorld):
    """A price that closes half of its distance to a level in ``half_life`` bars; the level may drift.

    With X the distance and p = 2^(-1 / half_life), the expected move of the next bar is m(X) = drift - (1 - p) X, and X
    is normal with standard deviation s = deviation / sqrt(1 - p^2). The best policies, each for a position within one
    contract:

    - risk-neutral without costs: the full position with the sign of m, which earns E|m|;
    - risk-neutral with costs: the full position too, changed only outside a no-trade band around the level; band and
      profit are solved for on a grid of X (see `datafeeds.switching`; the error of the profit is below 0.1 %);
    - ``risk_aversion`` a > 0 without costs, which maximises E[profit] - a / 2 Var[profit] of each bar: the position
      m / (a deviation^2), in proportion to the distance, cut to the full one.
    """

    title: ClassVar[str] = "mean-reverting"

    half_life: float = Field(default=20.0, ge=0.2, le=1_000, description="of a distance to the level (bars)")
    level_drift: float = Field(default=0.0, description="move of the level in a bar (quote currency)")

    def _reach(self) -> float:
        fall = max(0.0, -self.level_drift * self.bars)
        return fall + (SAFE_DEVIATIONS + 2.0) * self.distance_deviation

    @property
    def persistence(self) -> float:
        """What is left of a distance after one bar."""
        return float(2.0 ** (-1.0 / self.half_life))

    @property
    def distance_deviation(self) -> float:
        """Stationary standard deviation of the distance to the level, quote currency."""
        return self.deviation / math.sqrt(1.0 - self.persistence**2)

    def levels(self) -> Floats:
        """The level at the start and at each close, (bars + 1,), quote currency."""
        return np.asarray(self.first_price + self.level_drift * np.arange(self.bars + 1), np.float64)

    def market(self, rng: np.random.Generator) -> World:
        """Bars, mark and index; ``hidden["level"]`` (bars + 1). The first distance is drawn from the stationary law."""
        levels = self.levels()
        first = levels[0] + self.distance_deviation * rng.standard_normal()
        text = f"price that returns to a level, half-life {self.half_life:g} bars, {self.bars} bars"
        world = self._world(rng, first / self.tick, text, levels=levels / self.tick, persistence=self.persistence)
        return replace(world, hidden={"level": levels})

    def moves(self, distance: Floats) -> Floats:
        """Expected move of the next bar at a distance from the level, quote currency."""
        return self.level_drift - (1.0 - self.persistence) * distance

    def thresholds(self, cost: float) -> tuple[float, float]:
        """Distances (long, short): go long at or below the first, short at or above the second; else keep.

        An infinite one is never reached: that side is never worth its cost. Raises ConfigError for a negative cost.
        """
        check_cost(cost)
        long, short, _ = _band(self.persistence, self.deviation, self.level_drift, cost)
        return long, short

    def expected(self, cost: float, risk_aversion: float = 0.0) -> float:
        """Profit per bar of the best policy in the long run, quote currency for one contract.

        Raises ConfigError for a negative cost, and for a cost together with an aversion to risk: not solved.
        """
        check_cost(cost)
        if risk_aversion:
            self._check_aversion(cost, risk_aversion)
            return self._proportional_value(risk_aversion)
        return _band(self.persistence, self.deviation, self.level_drift, cost)[2]

    def best_policy(self, cost: float, risk_aversion: float = 0.0) -> BestPolicy:
        """The best targets and what they earn per bar; raises as `expected` does."""
        value = self.expected(cost, risk_aversion)
        if risk_aversion:
            text = f"hold the expected move over {risk_aversion:g} x variance, within one contract"
            return BestPolicy(text, value, True, lambda world: self._proportional(self._distance(world), risk_aversion))
        long, short = self.thresholds(cost)
        text = f"long at {long:+.6g} from the level or below, short at {short:+.6g} or above, else as before"
        return BestPolicy(text, value, True, lambda world: _hysteresis(self._distance(world), long, short))

    def _distance(self, world: World) -> Floats:
        return world.closes - self.levels()[1:]

    def _proportional(self, distance: Floats, risk_aversion: float) -> Floats:
        return np.clip(self.moves(distance) / (risk_aversion * self.deviation**2), -1.0, 1.0)

    def _proportional_value(self, risk_aversion: float) -> float:
        """E[m x target] by the trapezoidal rule over the normal law of the distance."""
        spread = self.distance_deviation
        distance = np.linspace(-9.0 * spread, 9.0 * spread, 20_001)
        weights = np.exp(-0.5 * (distance / spread) ** 2)
        return float(weights @ (self.moves(distance) * self._proportional(distance, risk_aversion)) / weights.sum())

    @staticmethod
    def _check_aversion(cost: float, risk_aversion: float) -> None:
        if risk_aversion < 0.0 or cost > 0.0:
            raise ConfigError(
                f"risk_aversion: expected at least 0, and 0 where there is a cost; got {risk_aversion:g} with a cost "
                f"of {cost:g}"
            )


def reverting_chain(persistence: float, deviation: float) -> tuple[Floats, Floats]:
    """An AR(1) process on a grid: distances (n,) and transition probabilities (n, n).

    The normal density at the grid, normalised; the step is at most a quarter of the noise, so that this rule is as
    exact as the grid is wide (6.5 stationary standard deviations either side).
    """
    spread = deviation / math.sqrt(1.0 - persistence**2)
    states = max(LEAST_STATES, 2 * math.ceil(WIDTH * spread * STEPS_OF_NOISE / deviation) + 1)
    distance = np.linspace(-WIDTH * spread, WIDTH * spread, states)
    step = (distance[None, :] - persistence * distance[:, None]) / deviation
    density = np.exp(-0.5 * step**2)
    return distance, density / density.sum(axis=1, keepdims=True)


@lru_cache(maxsize=32)
def _band(persistence: float, deviation: float, drift: float, cost: float) -> tuple[float, float, float]:
    """Thresholds (long, short) and profit per bar of the risk-neutral policy."""
    if cost == 0.0:
        level = drift / (1.0 - persistence)
        return level, level, _mean_size(drift, (1.0 - persistence) * deviation / math.sqrt(1.0 - persistence**2))
    distance, transition = reverting_chain(persistence, deviation)
    solved = best_switching(transition, drift - (1.0 - persistence) * distance, cost)
    if solved.long.all() or solved.short.all():
        side = math.inf if solved.long.all() else -math.inf
        return side, side, solved.value
    long = _crossing(distance, solved.gain - 2.0 * cost)
    short = _crossing(distance, solved.gain + 2.0 * cost)
    return long, short, solved.value


def _crossing(distance: Floats, falling: Floats) -> float:
    """Where a falling function is zero, by linear interpolation; an infinity beyond the grid."""
    above = int((falling > 0.0).sum())
    if above == 0:
        return -math.inf
    if above == len(falling):
        return math.inf
    left, right = falling[above - 1], falling[above]
    return float(distance[above - 1] + (distance[above] - distance[above - 1]) * left / (left - right))


def _mean_size(mean: float, deviation: float) -> float:
    """E|N(mean, deviation^2)|: the mean of a folded normal law."""
    ratio = mean / deviation
    return deviation * math.sqrt(2.0 / math.pi) * math.exp(-0.5 * ratio**2) + mean * math.erf(ratio / math.sqrt(2.0))


def _hysteresis(distance: Floats, long: float, short: float) -> Floats:
    """+1 at or below ``long``, -1 at or above ``short``, the target before elsewhere; flat until the first of them."""
    wanted = np.where(distance <= long, 1.0, np.where(distance >= short, -1.0, 0.0))
    last = np.maximum.accumulate(np.where(wanted != 0.0, np.arange(len(wanted)), -1))
    return np.where(last >= 0, wanted[last], 0.0)
