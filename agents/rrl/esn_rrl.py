"""The ESN-RRL agent: an echo state network feeding a direct recurrent reinforcement learner, which learns as it trades.

Borrageiro, Firoozye and Barucca (2022), "The Recurrent Reinforcement Learning Crypto Agent", IEEE Access 10.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from halfspread.agents.reservoir.reservoir import ReservoirSettings
from halfspread.agents.rrl import ekf_kernels
from halfspread.agents.rrl import esn_records as mine
from halfspread.agents.rrl import records as at
from halfspread.agents.rrl.covariance import packed, padded
from halfspread.agents.rrl.esn_rrl_kernels import act
from halfspread.agents.rrl.lane_kernels import LANES
from halfspread.agents.rrl.online_trader import OnlineTrader
from halfspread.agents.rrl.state import Carried
from halfspread.costs.base import Floats, Model
from halfspread.engine.instruments import Instrument
from halfspread.errors import ConfigError

__all__ = ["EsnRrl", "RiskAppetite", "WeightUpdate"]

GRADIENTS = {
    "direct": mine.DIRECT,
    "paper": mine.PAPER,
    "recursive": mine.RECURSIVE,
    "lags": mine.ALL_LAGS,
    "exact": mine.EXACT,
}


class RiskAppetite(Model):
    """What variance costs in the utility, mean - value / 2 x variance of the reward in learning units.

    ``value``: given; or ``information_ratio``: derived from the ratio aimed at (a year of 365 days), over the deviation
    of the reward so far.
    """

    value: Annotated[float, Field(ge=0.0)] | None = None
    information_ratio: Annotated[float, Field(gt=0.0)] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.value is None) == (self.information_ratio is None):
            raise ValueError("expected either value or information_ratio")
        return self


class WeightUpdate(Model):
    """The extended Kalman filter that moves the weights. ``ridge``: 1 / covariance at the start; ``decay``: tau;
    ``stabilise``: multiply the covariance by tau again, so that nothing is forgotten (the paper)."""

    ridge: Annotated[float, Field(gt=0.0)] = 1.0
    decay: Annotated[float, Field(gt=0.0, le=1.0)] = 0.999
    stabilise: bool = True


class EsnRrl(OnlineTrader):
    """Trades tanh(w z) of a notional: z are the inputs, the state of an echo state network driven by them and by past
    positions, and these positions; w climbs the quadratic utility of the reward at every decision.

    ``reservoir``: the network, or "none". ``feedback``: how many past positions are fed back.
    ``risk_appetite``, ``decay`` of mean and variance of the reward; ``gradient``: how the position's derivative is
    taken (``agents.rrl.gradient_kernels``); ``exact_utility``: with the factor that the paper leaves out.
    ``feed_traded`` feeds back what passed the gate instead of what was wanted: then a gate that shuts never opens
    again. ``initial_deviation``: of random initial weights, 0: they begin at 0. ``covariance_factor``: what the
    covariance of weights taken from a state is multiplied by, above 1: they move faster; "fresh": begin with a new one.
    """

    reservoir: ReservoirSettings | Literal["none"] = ReservoirSettings()
    feedback: Annotated[int, Field(ge=0, le=1_000)] = 10
    risk_appetite: RiskAppetite = RiskAppetite(value=1e-5)
    decay: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.999
    gradient: Literal["paper", "direct", "recursive", "lags", "exact"] = "paper"
    exact_utility: bool = False
    update: WeightUpdate = WeightUpdate()
    feed_traded: bool = False
    initial_deviation: Annotated[float, Field(ge=0.0)] = 0.0
    covariance_factor: Annotated[float, Field(gt=0.0, le=1e12)] | Literal["fresh"] = 1.0
    function = act
    of_weights: ClassVar[Mapping[str, Any]] = {"covariance_factor": 1.0}
    carried: ClassVar[Carried] = Carried(
        numbers=(mine.PENDING,),
        parts=((mine.COVARIANCE, mine.LAST), (mine.LAST, mine.GRADIENTS), (mine.WEIGHTS, mine.TRACE)),
        learnt=(mine.PENDING,),
        layouts=(mine, ekf_kernels),
    )

    def check(self) -> None:
        """Parameters that fit together. Raises ConfigError or DataError."""
        super().check()
        if self.covariance_factor != 1.0 and self.resume != "weights":
            raise ConfigError('EsnRrl: covariance_factor is of weights that are taken over; resume = "weights"')

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        """Take the instruments, and draw the reservoir. Raises ConfigError."""
        super().reset(rng, instruments)
        self._drawn = self.reservoir_drawn(self.reservoir, self.feedback, rng)
        deviation = self.initial_deviation
        self._first = deviation * rng.standard_normal(self.width) if deviation else np.zeros(self.width)

    @property
    def width(self) -> int:
        """Inputs, units of the reservoir, and positions fed back."""
        return self.inputs + self.size + self.feedback

    @property
    def size(self) -> int:
        """Units of the reservoir."""
        return 0 if self.reservoir == "none" else self.reservoir.size

    def memory(self) -> Floats:
        """See ``agents.rrl.esn_records``."""
        size, lags, width, drawn = self.size, self.feedback, self.width, self._drawn
        places, numbers, parts = self.common_parts(size + lags)
        places[mine.SIZE], places[mine.LAGS], places[mine.WIDTH] = size, lags, width
        places[mine.GRADIENT] = GRADIENTS[self.gradient]
        places[mine.STABILISED], places[mine.EXACT_UTILITY] = self.update.stabilise, self.exact_utility
        places[at.FEEDS_TRADED] = self.feed_traded
        numbers[at.DECAY], numbers[mine.TAU] = self.decay, self.update.decay
        numbers[mine.RISK] = self.risk_appetite.value or 0.0
        numbers[mine.RATIO] = self.risk_appetite.information_ratio or 0.0
        numbers[mine.LEAK] = 1.0 if drawn is None else drawn.settings.leak
        exact = self.gradient == "exact" and drawn is not None
        remembers = self.gradient in ("lags", "exact")
        states = size * width if exact else 0
        dense: Any = np.zeros(0) if drawn is None or not exact else np.hstack([drawn.w, drawn.w_back])
        parts += [
            np.zeros(0) if drawn is None else drawn.packed(),
            np.zeros(0 if drawn is None else drawn.scratch),
        ]
        room = -(at.HEADER + sum(map(len, parts))) % LANES  # so that whole vectors do not lie on two cache lines
        parts[-1] = np.zeros(len(parts[-1]) + room)
        parts += [
            packed(np.eye(width) / self.update.ridge),
            *(np.zeros(padded(width)) for _ in range(3)),
            self._first.copy(),
            *(np.zeros(width) for _ in range(3)),
            np.zeros(lags * width if remembers else 0),
            np.zeros(states),
            np.zeros(states),
            np.zeros(size if exact else 0),
            np.ascontiguousarray(dense).ravel(),
        ]
        firsts = [*range(at.PLAN, at.NUMBERS + 1), *range(mine.RESERVOIR, mine.END + 1)]
        return self.joined(places, parts, firsts)

    def adapted(self, memory: Floats, fresh: Floats) -> Floats:
        """Scale the covariance that came with the weights, or begin with a fresh one."""
        places: Any = memory[: at.HEADER].view(np.int64)
        part, pending = slice(places[mine.COVARIANCE], places[mine.GRADIENTS]), places[at.NUMBERS] + mine.PENDING
        if self.covariance_factor == "fresh":
            memory[part], memory[pending] = fresh[part], fresh[pending]
        else:
            memory[places[mine.COVARIANCE] : places[mine.LAST]] *= self.covariance_factor
            memory[pending] *= self.covariance_factor
        return memory

    def warnings(self) -> list[str]:
        """What went wrong while it learnt, and a covariance that is of rewards in other units."""
        found, state = super().warnings(), self._begins_from
        if state is not None and self.resume == "weights" and self.covariance_factor == 1.0:
            units = state.parameters.get("units")
            if units != self.units:
                found.append(
                    f"its covariance is of rewards in {units}, and rewards are in {self.units} now: steps are too "
                    'short or too long; covariance_factor = "fresh" begins with a new one, a number scales it'
                )
        return found

    def describe(self) -> str:
        """How it decided, in a sentence."""
        return (
            f"ESN-RRL: {self.inputs} inputs, {self.size} units, {self.feedback} past positions; rewards in "
            f"units of {self.units}, {self.gradient} gradient, positions up to {self.clip:g}, "
            f"{self.gate_text}; {self.learning_text}"
        )
