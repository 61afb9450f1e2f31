"""Recurrent reinforcement learning with the differential Sharpe ratio, on line: Moody and Saffell (2001)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from halfspread.agents.rrl import moody_records as mine
from halfspread.agents.rrl import records as at
from halfspread.agents.rrl.moody_kernels import act
from halfspread.agents.rrl.online_trader import Gate, OnlineTrader, Units
from halfspread.agents.rrl.state import Carried
from halfspread.costs.base import Floats
from halfspread.engine.instruments import Instrument

__all__ = ["Rrl"]


class Rrl(OnlineTrader):
    """Trades tanh(w [features, 1, last position]) of a notional; w climbs the differential Sharpe ratio of the reward,
    costs and funding paid, at every decision.

    ``learning_rate``; ``decay`` of the moments of the reward, 1 - eta; ``weight_decay``: the share of the weights that
    is lost at every update for each unit of the learning rate. ``first_rewards``: so many only fill the moments before
    anything is learnt. ``least_deviation``: the reward counts as no steadier than that of a position of this size.
    ``longest_step``: norm of a change of the weights at most. ``initial_deviation``: of the random first weights; with
    weights of 0 the position, the reward and all gradients would be 0 for ever.
    """

    units: Units = "relative"
    gate: Gate = Gate(kind="none")
    funding_on: Literal["chosen", "carried"] = "carried"
    learning_rate: Annotated[float, Field(ge=0.0)] = 0.01
    decay: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.999
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.01
    first_rewards: Annotated[int, Field(ge=1)] = 100
    least_deviation: Annotated[float, Field(gt=0.0, le=1.0)] = 0.1
    longest_step: Annotated[float, Field(gt=0.0)] = 0.1
    initial_deviation: Annotated[float, Field(gt=0.0)] = 0.1
    function = act
    more_counts: ClassVar[Mapping[str, int]] = {"steps_shortened": mine.SHORTENED}
    carried: ClassVar[Carried] = Carried(
        counters=(mine.REWARDS, mine.SHORTENED),
        numbers=(mine.SQUARE, mine.MARKET),
        parts=((mine.WEIGHTS, mine.TRACE),),
        layouts=(mine,),
    )

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        """Take the instruments, and draw the first weights. Raises ConfigError."""
        super().reset(rng, instruments)
        self._first = self.initial_deviation * rng.standard_normal(self.inputs + 1)

    def memory(self) -> Floats:
        """See ``agents.rrl.moody_records``."""
        width = self.inputs + 1
        places, numbers, parts = self.common_parts(1)
        places[mine.WIDTH], places[mine.FIRST_REWARDS] = width, self.first_rewards
        numbers[at.DECAY], numbers[mine.RATE], numbers[mine.FADE] = self.decay, self.learning_rate, self.weight_decay
        numbers[mine.LEAST], numbers[mine.LONGEST] = self.least_deviation, self.longest_step
        parts += [self._first.copy(), *(np.zeros(width) for _ in range(3))]
        firsts = [*range(at.PLAN, at.NUMBERS + 1), *range(mine.WEIGHTS, mine.END + 1)]
        return self.joined(places, parts, firsts)

    def describe(self) -> str:
        """How it decided, in a sentence."""
        return (
            f"recurrent reinforcement learning, differential Sharpe ratio: {self.inputs} inputs; rewards in units of "
            f"{self.units}, learning rate {self.learning_rate:g}, positions up to {self.clip:g}, {self.gate_text}; "
            f"{self.learning_text}"
        )
