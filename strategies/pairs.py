"""Two instruments: carry between them, and reversion of their ratio."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from halfspread.errors import ConfigError
from halfspread.strategies.compiled import CompiledStrategy
from halfspread.strategies.fields import NotNegative, Positive, check_pair
from halfspread.strategies.pairs_kernels import pairs, pairs_carry

if TYPE_CHECKING:
    from halfspread.engine.instruments import Instrument
    from halfspread.engine.market import InstrumentView, Market

__all__ = ["Pairs", "PairsCarry"]


class PairsCarry(CompiledStrategy):
    """Cash and carry: short the instrument that pays more, long as much value of the other.

    ``signal`` "funding": the difference of the funding rates, first instrument less second, of one settlement; decided
    at the first bar and after every settlement, on the next rates where they are published, else on the last. "basis":
    close of the first / close of the second - 1, decided at every bar. The difference is averaged exponentially, a new
    one weighing 2 / (``smoothing`` + 1). Above ``entry``: short the first, long the second; below -``entry``: the other
    way round; back within ``exit``: flat. Between them the position stays.

    Equal value is what a sizing by notional makes of targets of -1 and 1; the values drift apart with the price unless
    it has resize = "always". Assumes that both settle funding at the same interval. An inverse leg keeps what it
    earns in the base currency, whose price is not hedged beyond the position (report line collateral).
    """

    signal: Annotated[Literal["funding", "basis"], Field(description="what to act on")] = "funding"
    entry: Annotated[NotNegative, Field(description="difference to enter beyond (fraction)")] = 1e-4
    exit: Annotated[NotNegative, Field(description="difference to leave within (fraction), at most entry")] = 0.0
    smoothing: Annotated[
        int, Field(ge=1, description="settlements or bars in the exponential average; 1 takes each as it is")
    ] = 3
    function = pairs_carry

    def check(self) -> None:
        """Raises ConfigError where the exit lies beyond the entry."""
        _check_thresholds(self.name, self.entry, self.exit)

    @property
    def _weight(self) -> float:
        return 2.0 / (self.smoothing + 1)

    def memory(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """[entry, exit, weight of a new difference, by the basis, started, smoothed difference]"""
        return np.array([self.entry, self.exit, self._weight, self.signal == "basis", 0.0, 0.0], np.float64)

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        """Forget the rates. Raises ConfigError where there are not two instruments."""
        check_pair("PairsCarry", instruments)
        self._difference: float | None = None

    def on_bar(self, market: Market) -> tuple[float, float] | None:
        """The twin in Python."""
        one, two = market.views
        if self.signal == "basis":
            found = one.close / two.close - 1.0
        elif self._difference is not None and not market.funding_settled:
            return None
        else:
            found = _known_rate(one) - _known_rate(two)
        if math.isnan(found):
            return None
        if self._difference is None:
            self._difference = found
        else:
            self._difference += self._weight * (found - self._difference)
        return _legs(self._difference, market.target, self.entry, self.exit, 1.0)


class Pairs(CompiledStrategy):
    """Trade a pair back to its mean: s = ln(first) - ``beta`` ln(second), in deviations from its mean.

    Above ``entry`` deviations: short the first, long beta of the second (at most 1); below -entry: the other way round;
    flat again once s is back within ``exit``. Mean and (population) deviation are of the last ``window`` closes, this
    one included; so s is never further than sqrt(window - 1) deviations away. Beta is the
    hedge ratio in value: what one per cent of the second moves the first by. Assumes bars on one grid, none missing in
    one of them. See Gatev, Goetzmann and Rouwenhorst 2006, Review of Financial Studies 19(3), 797-827, for the idea
    (with another measure of distance).
    """

    window: Annotated[int, Field(ge=2, description="bars")] = 100
    entry: Annotated[Positive, Field(description="deviations to enter beyond")] = 2.0
    exit: Annotated[NotNegative, Field(description="deviations to leave within, at most entry")] = 0.0
    beta: Annotated[float, Field(gt=0, le=1, description="value of the second leg for one of the first")] = 1.0
    function = pairs

    def check(self) -> None:
        """Raises ConfigError where the exit lies beyond the entry."""
        _check_thresholds(self.name, self.entry, self.exit)

    @property
    def lookback(self) -> int:  # type: ignore[override]
        """The window takes this bar and so many before it."""
        return self.window - 1

    def memory(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """[window, entry, exit, beta]"""
        return np.array([self.window, self.entry, self.exit, self.beta], np.float64)

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        """Raises ConfigError where there are not two instruments."""
        check_pair("Pairs", instruments)

    def on_bar(self, market: Market) -> tuple[float, float] | None:
        """The twin in Python: the same sums in the same order."""
        one, two = (view.history("close").tolist() for view in market.views)
        spreads = [math.log(a) - self.beta * math.log(b) for a, b in zip(one, two, strict=True)]
        mean = variance = 0.0
        for spread in spreads:
            mean += spread
        mean /= self.window
        for spread in spreads:
            variance += (spread - mean) * (spread - mean)
        deviation = math.sqrt(variance / self.window)
        away = spreads[-1] - mean
        return _legs(away, market.target, self.entry * deviation, self.exit * deviation, self.beta)


def _check_thresholds(name: str, entry: float, leave: float) -> None:
    if leave > entry:
        raise ConfigError(f"{name}: exit: expected at most entry {entry:g}, got {leave:g}")


def _known_rate(view: InstrumentView) -> float:
    rate = view.next_funding_rate
    return view.last_funding_rate if math.isnan(rate) else rate


def _legs(away: float, held: float, entry: float, leave: float, second: float) -> tuple[float, float] | None:
    """Targets of both legs, None to keep them."""
    if away > entry:
        return -1.0, second
    if away < -entry:
        return 1.0, -second
    if (held < 0.0 and away <= leave) or (held > 0.0 and away >= -leave):
        return 0.0, 0.0
    return None
