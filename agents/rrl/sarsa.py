"""Echo state SARSA: learns what short, flat and long are worth in each state of a reservoir, and takes the best.

Szita, Gyenes and Lorincz (2006), "Reinforcement Learning with Echo State Networks", ICANN: the alternative that
Borrageiro, Firoozye and Barucca (2022, section IV) argue against.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from halfspread.agents.reservoir.reservoir import ReservoirSettings
from halfspread.agents.rrl import records as at
from halfspread.agents.rrl import sarsa_records as mine
from halfspread.agents.rrl.online_trader import Gate, OnlineTrader, Units
from halfspread.agents.rrl.sarsa_kernels import act
from halfspread.agents.rrl.state import Carried
from halfspread.costs.base import Floats
from halfspread.engine.instruments import Instrument

__all__ = ["EsnSarsa"]


class EsnSarsa(OnlineTrader):
    """Takes one of three positions, -clip, 0 or clip: the one of the largest value, Q(z, a) = w_a z. z are the inputs,
    the state of an echo state network driven by them and by past positions, and these positions, as of ESN-RRL.

    ``reservoir``: the network, or "none". ``feedback``: how many past positions are fed back. ``discount`` of what
    comes later, by decision; ``learning_rate``: the share of an error that a step corrects at most; ``trace_decay``:
    lambda, 0: only the action before is corrected. ``exploration``: the probability of a position drawn from the three.
    ``halving``: decisions after which rate and exploration are half of what they were, then a third, a quarter, ...;
    0: they stay.
    """

    units: Units = "percent"
    gate: Gate = Gate(kind="none")
    funding_on: Literal["chosen", "carried"] = "carried"
    reservoir: ReservoirSettings | Literal["none"] = ReservoirSettings()
    feedback: Annotated[int, Field(ge=0, le=1_000)] = 10
    discount: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.99
    learning_rate: Annotated[float, Field(ge=0.0, le=1.0)] = 0.05
    trace_decay: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    exploration: Annotated[float, Field(ge=0.0, le=1.0)] = 0.05
    halving: Annotated[int, Field(ge=0)] = 10_000
    function = act
    more_counts: ClassVar[Mapping[str, int]] = {"actions_drawn": mine.EXPLORED}
    carried: ClassVar[Carried] = Carried(
        counters=(mine.ACTION, mine.ACTED, mine.EXPLORED),
        numbers=(mine.OWED,),
        parts=((mine.WEIGHTS, mine.TRACES),),
        actions=(mine.ACTION, mine.ACTIONS),
        layouts=(mine,),
    )

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        """Take the instruments, and draw the reservoir and what it explores by. Raises ConfigError."""
        super().reset(rng, instruments)
        self._drawn = self.reservoir_drawn(self.reservoir, self.feedback, rng)
        self._bits = int(rng.integers(2**63))

    @property
    def size(self) -> int:
        """Units of the reservoir."""
        return 0 if self.reservoir == "none" else self.reservoir.size

    @property
    def width(self) -> int:
        """Inputs, units of the reservoir, and positions fed back."""
        return self.inputs + self.size + self.feedback

    def memory(self) -> Floats:
        """See ``agents.rrl.sarsa_records``."""
        size, lags, width, drawn = self.size, self.feedback, self.width, self._drawn
        places, numbers, parts = self.common_parts(size + lags)
        places[mine.SIZE], places[mine.LAGS], places[mine.WIDTH] = size, lags, width
        numbers[mine.RATE], numbers[mine.DISCOUNT] = self.learning_rate, self.discount
        numbers[mine.TRACE_DECAY], numbers[mine.EXPLORATION] = self.trace_decay, self.exploration
        numbers[mine.HALVING] = self.halving
        parts += [
            np.zeros(0) if drawn is None else drawn.packed(),
            np.zeros(0 if drawn is None else drawn.scratch),
            np.zeros(mine.ACTIONS * width),
            np.zeros(mine.ACTIONS * width),
            np.zeros(width),
            np.zeros(mine.ACTIONS),
            np.array([self._bits], np.uint64).view(np.float64),
        ]
        firsts = [*range(at.PLAN, at.NUMBERS + 1), *range(mine.RESERVOIR, mine.END + 1)]
        return self.joined(places, parts, firsts)

    def describe(self) -> str:
        """How it decided, in a sentence."""
        return (
            f"echo state SARSA: {self.inputs} inputs, {self.size} units, {self.feedback} past positions; positions of "
            f"{self.clip:g}, discount {self.discount:g}, exploration from {self.exploration:g} on, {self.gate_text}; "
            f"{self.learning_text}"
        )
