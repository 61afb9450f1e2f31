"""The null: trades at random with a given turnover, and knows nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from halfspread.strategies.compiled import CompiledStrategy
from halfspread.strategies.expert_kernels import random_turnover
from halfspread.strategies.fields import Positive

if TYPE_CHECKING:
    from halfspread.engine.instruments import Instrument
    from halfspread.engine.market import Market

__all__ = ["RandomTurnover"]

SECONDS = 86_400.0
WRAP = 2**64 - 1


class RandomTurnover(CompiledStrategy):
    """Long or short at random, redrawn at random times so that a day's expected turnover is ``turnover``.

    At every bar, with probability min(1, turnover x time since the bar before in days), the target is drawn anew: 1 or
    -1, each with one half. A draw changes the target by 0 or 2 with one half each, so it trades 1 on average, and the
    expected turnover of a day is ``turnover`` times the sizing notional (value bought plus value sold), as long as it
    is at most the number of bars in a day. The first bar enters a position of 1 on top of it.

    It holds no information: its expected profit is minus its costs, and a position it holds is of either sign alike.
    The draws come from the run's seed and the count of bars alone, by SplitMix64 (Steele, Lea and Flood 2014,
    OOPSLA, 453-472), so that they are the same in every market.
    """

    turnover: Annotated[Positive, Field(description="of a day, in sizing notionals, bought plus sold")] = 2.0
    function = random_turnover

    def memory(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """[turnover, seed, draws so far, time of the bar before (s)]"""
        return np.array([self.turnover, self._seed, 0.0, 0.0])

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        """Draw the seed of the run."""
        self._seed = float(rng.integers(2**53))
        self._draws, self._before = 0.0, 0.0

    def on_bar(self, market: Market) -> float | None:
        """The twin in Python."""
        now = market.time / 1e9
        chance = 1.0 if self._before == 0.0 else self.turnover * (now - self._before) / SECONDS
        self._before = now
        drawn, side = _uniform(self._seed, self._draws), _uniform(self._seed, self._draws + 1.0)
        self._draws += 2.0
        if drawn >= chance:
            return None
        return 1.0 if side < 0.5 else -1.0


def _uniform(seed: float, count: float) -> float:
    """`expert_kernels.uniform` in Python."""
    x = (int(seed) + (int(count) + 1) * 0x9E3779B97F4A7C15) & WRAP
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & WRAP
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & WRAP
    x ^= x >> 31
    return float(x >> 11) * 2.0**-53
