"""Execution of a parent order in slices: evenly over time, and along the trajectory of Almgren and Chriss."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from halfspread.engine.times import parse_interval
from halfspread.errors import ConfigError
from halfspread.strategies.compiled import CompiledStrategy
from halfspread.strategies.execution_kernels import execute_parent
from halfspread.strategies.fields import Interval, NotNegative, Positive, check_lots

if TYPE_CHECKING:
    from halfspread.engine.instruments import Instrument
    from halfspread.engine.market import Market

__all__ = ["AlmgrenChriss", "Execution", "Twap"]


class Execution(CompiledStrategy):
    """Base of agents that execute a parent order: subclasses say what is left of it at the end of each slice.

    The first slice begins at the first whole multiple of a slice's length (UTC) at which the market is known, each
    further one a slice later. "market": a slice is a market order at its beginning. "passive": a limit order at the
    best price on its own side; what of it is open at the end of the slice is cancelled and, once that is confirmed,
    sent as a market order. Where no bid and ask are known (bars) it is a market order at once. What a book cannot
    fill goes into the next slice, and after the last one is sent again once a slice. Never more than the parent order
    is filled. Contracts are rounded to whole lots.
    """

    events: ClassVar[tuple[str, ...] | None] = ("timer", "fill")

    contracts: Annotated[
        float, Field(allow_inf_nan=False, description="parent order (contracts; below zero: sell)")
    ] = 1.0
    duration: Annotated[Interval, Field(description="from the first slice to the end of the last one")] = "1h"
    slices: Annotated[int, Field(ge=1, le=10_000, description="how many")] = 12
    style: Annotated[Literal["market", "passive"], Field(description="take at once, or rest first")] = "market"
    function = execute_parent

    @property
    def timer(self) -> float:  # type: ignore[override]
        """Length of a slice in seconds."""
        return parse_interval(self.duration) / 1e9 / self.slices

    def check(self) -> None:
        """Raises ConfigError for a parent order of nothing."""
        if self.contracts == 0.0:
            raise ConfigError(f"{self.name}: contracts: expected some to buy (above zero) or to sell, got 0")

    def left(self) -> list[float]:
        """Share of the parent order that is left at the end of each slice, the last one 0."""
        raise ConfigError(f"{self.name} has no schedule; use Twap or AlmgrenChriss")

    def schedule(self) -> list[float]:
        """Contracts that should be done by the end of each slice."""
        return [self.contracts * (1.0 - share) for share in self.left()]

    def memory(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """See `execution_kernels`."""
        head = [self.contracts, self.style == "passive", self.slices, *[0.0] * 4, 1.0, 0.0, 0.0]
        return np.array([*head, *self.schedule()], np.float64)

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        """Nothing is done yet. Raises ConfigError for an amount that the instrument does not allow."""
        check_lots(f"{self.name}: contracts", self.contracts, instruments[0])
        self._schedule = self.schedule()
        self._slice, self._placed = 0, True
        self._done = self._due = self._goal = 0.0
        self._resting = self._taking = 0

    def on_timer(self, market: Market) -> None:
        """The twin in Python."""
        self._done += market.filled
        if market.happened("timer"):
            self._begin_slice(market)
        if not self._placed and market.open_contracts(self._resting) == 0.0:
            self._placed = True
            self._take_due(market)
            self._rest_at_touch(market)

    def on_fill(self, market: Market) -> None:
        """What comes with the timer has been decided on already."""
        if not market.happened("timer"):
            self.on_timer(market)

    def _begin_slice(self, market: Market) -> None:
        self._due = self._goal
        if self._slice < self.slices:
            self._goal = _whole_lots(self._schedule[self._slice], market.lot)
            self._slice += 1
        self._placed = False
        if self.style == "market":
            self._due = self._goal
        if market.open_contracts(self._resting) != 0.0:
            market.cancel(self._resting)

    def _take_due(self, market: Market) -> None:
        behind = self._due - self._done - market.open_contracts(self._taking)
        behind = _whole_lots(behind, market.lot)
        if behind * self.contracts > 0.0:
            self._taking = market.send_market(behind)

    def _rest_at_touch(self, market: Market) -> None:
        further = max if self.contracts > 0.0 else min
        contracts = _whole_lots(self._goal - further(self._due, self._done), market.lot)
        if contracts * self.contracts <= 0.0:
            return
        price = market.bid if contracts > 0.0 else market.ask
        if math.isnan(price):
            self._due = self._goal
            self._take_due(market)
        else:
            self._resting = market.send_limit(contracts, price)


class Twap(Execution):
    """Execute a parent order in equal slices over time (time-weighted average price).

    Rule, units and assumptions: `Execution`. With "market" it is the schedule of Almgren and Chriss without risk
    aversion, which has the least expected cost where temporary impact is linear in the rate of trading.
    """

    def left(self) -> list[float]:
        """1 - (i + 1) / slices."""
        return [(self.slices - 1 - i) / self.slices for i in range(self.slices)]


class AlmgrenChriss(Execution):
    """Execute a parent order along the trajectory that makes expected cost plus risk aversion x variance least.

    Left at time t of T: sinh(kappa (T - t)) / sinh(kappa T). With slices of tau seconds,
    2 (cosh(kappa tau) - 1) / tau^2 = risk_aversion volatility^2 / (temporary_impact - permanent_impact tau / 2).

    Source: Almgren and Chriss 2000, "Optimal execution of portfolio transactions", Journal of Risk 3(2), 5-39,
    equations 14 to 19. Temporary impact moves the price by temporary_impact for each contract traded per second,
    permanent impact for good by permanent_impact for each contract; the price is an arithmetic random walk without
    drift; a contract is one unit of base. Only the ratio of risk to impact counts. Slices, the style and what is done
    about what is not filled: `Execution`.
    """

    risk_aversion: Annotated[NotNegative, Field(description="of the cost (per quote currency)")] = 1e-7
    volatility: Annotated[NotNegative, Field(description="of the price in a second (quote currency)")] = 5.0
    temporary_impact: Annotated[Positive, Field(description="of trading a contract a second (quote currency)")] = 1.0
    permanent_impact: Annotated[NotNegative, Field(description="of each contract (quote currency)")] = 0.0

    def check(self) -> None:
        """Raises ConfigError for nothing to trade, or a permanent impact that leaves no temporary one in a slice."""
        super().check()
        if self.temporary_impact <= 0.5 * self.permanent_impact * self.timer:
            raise ConfigError(
                "AlmgrenChriss: permanent_impact: expected less than 2 temporary_impact / slice = "
                f"{2.0 * self.temporary_impact / self.timer:g}, got {self.permanent_impact:g}; use more slices"
            )

    @property
    def kappa(self) -> float:
        """How fast the order is worked off (per second); 1 / kappa is its time scale. 0: evenly."""
        tau = self.timer
        impact = self.temporary_impact - 0.5 * self.permanent_impact * tau
        urgency = self.risk_aversion * self.volatility**2 / impact
        return 2.0 * math.asinh(0.5 * math.sqrt(urgency) * tau) / tau

    def left(self) -> list[float]:
        """sinh(kappa (T - t)) / sinh(kappa T), without overflow; evenly where kappa is 0."""
        tau, kappa = self.timer, self.kappa
        total = self.slices * tau
        if kappa * total < 1e-6:
            return [(self.slices - 1 - i) / self.slices for i in range(self.slices)]
        shares = []
        for i in range(self.slices):
            rest = (self.slices - 1 - i) * tau
            shares.append(
                math.exp(-kappa * (total - rest)) * math.expm1(-2.0 * kappa * rest) / math.expm1(-2.0 * kappa * total)
            )
        return shares


def _whole_lots(contracts: float, lot: float) -> float:
    return math.copysign(math.floor(abs(contracts) / lot + 0.5) * lot, contracts)
