"""The agents of a rollout: an expert that is asked at every decision, and who acts; compiled, or in Python."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from halfspread.agents.experts.asking import Asked
from halfspread.agents.experts.calling import addresses_of
from halfspread.agents.features import FeatureSet
from halfspread.agents.imitation import rollout_kernels as places
from halfspread.agents.imitation.disturbance import Disturbance
from halfspread.agents.imitation.rollout_kernels import chance_now, roll, set_now
from halfspread.agents.policies.model import Model
from halfspread.agents.policies.policy import Policy, memory_of, observation_in
from halfspread.agents.policies.policy_kernels import look_now
from halfspread.costs.base import Floats
from halfspread.engine.agent import looks_ahead
from halfspread.engine.codes import OK
from halfspread.engine.instruments import Instrument
from halfspread.engine.market import Market
from halfspread.engine.subscriptions import agent_name

__all__ = ["Chooser", "CompiledRollout", "Disturb", "Parts", "PythonRollout", "Silence"]

#: Gets the target that was to be executed, and the generator of the rollout; gives another.
Disturb = Callable[[float, np.random.Generator], float]

#: What an expert wants that says nothing: what is in force, whoever set it; or what it said last itself.
Silence = Literal["in_force", "own"]

#: Gets an observation (features,); gives a target, or None to leave this decision to the expert.
Chooser = Callable[[Floats], float | None]


@dataclass(frozen=True, eq=False)
class Parts:
    """What a rollout is made of; see `roll_out`. ``room``: decisions at most; ``seed``: of the run."""

    expert: Any
    features: FeatureSet
    learner: Model | Chooser | None
    beta: float
    disturb: Disturb | None
    instrument: int
    room: int
    seed: int
    silence: Silence = "in_force"

    @property
    def own(self) -> bool:
        """Whether an expert that says nothing wants what it said last."""
        return self.silence == "own"

    @property
    def model(self) -> Model | None:
        """The learner, where it is a model."""
        return self.learner if isinstance(self.learner, Model) else None

    @property
    def tells(self) -> bool:
        """Whether the expert tells the probability of its choice."""
        return isinstance(self.expert, Policy)

    @property
    def width(self) -> int:
        """Numbers in a row of the notes."""
        return places.OBSERVATION + self.features.count


class _Rollout:
    """What both have: parts, notes of every decision, and what went wrong."""

    def __init__(self, parts: Parts, compiled: bool) -> None:
        self.parts = parts
        self._asked = Asked(parts.expert, compiled)
        self.name = f"rollout of {agent_name(parts.expert)}"
        self.looks_ahead = looks_ahead(parts.expert)
        self.notes = np.empty((parts.room, parts.width))
        self.state = np.zeros(places.STATE_SIZE)
        self.problem = ""

    @property
    def lookback(self) -> int:
        """As many rows as the expert or the features need."""
        return max(self._asked.lookback, self.parts.features.lookback)

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        """Take what the expert would be given if it ran alone."""
        self._rng, self._instruments = rng, instruments
        self._tables: tuple[frozenset[str], ...] | None = None
        self._own = np.random.default_rng([self.parts.seed, 2])
        self.state[:] = 0.0

    def see_tables(self, tables: tuple[frozenset[str], ...]) -> None:
        """Take what the tape holds."""
        self._tables = tables

    def see_columns(self, columns: tuple[tuple[str, ...], ...]) -> None:
        """Make expert and learner ready."""
        parts = self.parts
        self._asked.get_ready(self._rng, self._instruments, columns, self._tables)
        self._of_learner = memory_of(
            parts.features, self._instruments, columns, parts.model, tables=self._tables, traded=parts.instrument
        )

    @property
    def rows(self) -> int:
        """Decisions so far."""
        return int(self.state[places.ROWS])

    @property
    def expert_failed(self) -> bool:
        """Whether the run ended in what the expert did."""
        return bool(self.state[places.INSIDE]) or self.state[places.FAULT] not in (places.NO_FAULT, places.NO_ROOM)

    @property
    def fault(self) -> str:
        """What the expert did wrong, where it raised nothing."""
        value = float(self.state[places.VALUE])
        return {
            places.BAD_STATUS: f"it returned {value:g}; expected hs.OK",
            places.BAD_TARGET: f"it wants {value!r}; expected a target from -1 to 1",
            places.SENDS_ORDERS: "it sends orders; demonstrations are targets: imitate an expert that sets targets",
        }.get(int(self.state[places.FAULT]), self.problem)


class CompiledRollout(_Rollout):
    """A rollout of a compiled expert: one compiled function asks it, and the learner, and writes everything down."""

    function = roll

    def memory(self) -> Floats:
        """The desk of ``agents.imitation.rollout_kernels``."""
        parts, desk = self.parts, np.zeros(places.DESK, np.int64)
        noise = parts.disturb.table if isinstance(parts.disturb, Disturbance) else np.zeros(0)
        draws = self._own.random((parts.room, 2)) if parts.learner is not None or len(noise) else np.zeros((1, 2))
        self._kept = (noise, draws)  # what addresses lead to
        desk[places.PLAIN], desk[places.NATIVE] = addresses_of(parts.expert.function)
        for place, array in (
            (places.EXPERT, self._asked.memory),
            (places.LEARNER, self._of_learner),
            (places.NOTES, self.notes),
            (places.STATE, self.state),
            (places.DRAWS, draws),
            (places.NOISE, noise),
        ):
            desk[place] = array.ctypes.data
        desk[places.EXPERT_SIZE], desk[places.LEARNER_SIZE] = len(self._asked.memory), len(self._of_learner)
        desk[places.ROOM], desk[places.WIDTH], desk[places.TRADED] = parts.room, parts.width, parts.instrument
        desk[places.LEVELS] = len(parts.disturb.levels) if isinstance(parts.disturb, Disturbance) else 0
        desk[places.LEARNS], desk[places.TELLS] = parts.learner is not None, parts.tells
        desk[places.DRAWN], desk[places.OWN] = len(draws) > 1, parts.own
        made = desk.view(np.float64)
        made[places.BETA] = parts.beta
        return made


class PythonRollout(_Rollout):
    """A rollout of an expert in Python, or with a learner or noise that are."""

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        """See `_Rollout.reset`."""
        super().reset(rng, instruments)
        self._noise = np.random.default_rng([self.parts.seed, 3])
        self._contexts: Any = None

    def on_bar(self, market: Market) -> None:
        """Look, ask the expert, have somebody act, and write it down."""
        parts, k = self.parts, self.parts.instrument
        context, count = market._context, len(self._instruments)
        if self._contexts is None:
            self._contexts = context.base.reshape(1)
        look_now(self._of_learner, self._contexts, market._history)
        targets = context["targets"]
        kept = targets[:count].copy()
        said = self.state[places.SAID : places.SAID + count]
        if parts.own:
            targets[:count] = said
        wanted = self._ask(market, context, k)
        said[:] = targets[:count]
        draws = self._own.random(2)
        actor = places.BY_EXPERT
        if parts.learner is not None and draws[0] >= parts.beta:
            actor = self._act(targets, kept)
        chosen, disturb = float(targets[k]), parts.disturb
        if isinstance(disturb, Disturbance):
            targets[k] = disturb.at(chosen, draws[1], kept[k])
        elif disturb is not None:
            targets[k] = disturb(chosen, self._noise)
        if targets[k] != chosen:
            actor = places.BY_NOISE
        note = self.notes[self.rows]
        note[: places.OBSERVATION] = 0.0, wanted, targets[k], actor, self._chance(wanted)
        note[: places.WANTED].view(np.int64)[0] = market.time
        note[places.OBSERVATION :] = observation_in(self._of_learner)
        self.state[places.ROWS] += 1.0

    def _act(self, targets: Floats, kept: Floats) -> int:
        """Have the learner set targets; who acted, since a function may leave it to the expert."""
        wish = None
        if callable(self.parts.learner):
            wish = self.parts.learner(observation_in(self._of_learner).copy())
            if wish is None:
                return places.BY_EXPERT
        targets[: len(kept)] = kept
        if wish is None:
            set_now(self._of_learner, self._contexts)
        else:
            targets[self.parts.instrument] = wish
        return places.BY_LEARNER

    def _ask(self, market: Market, context: Any, k: int) -> float:
        """What the expert wants of the traded instrument; its targets stand in the context then."""
        state = self.state
        state[places.INSIDE] = 1.0
        status = self._asked.ask(market, self._refuse)
        state[places.INSIDE] = 0.0
        wanted = float(context["targets"][k])
        if status != OK:
            state[places.FAULT], state[places.VALUE] = places.BAD_STATUS, status
        elif not -1.0 <= wanted <= 1.0:
            state[places.FAULT], state[places.VALUE] = places.BAD_TARGET, wanted
        elif context["requests"] != 0:
            state[places.FAULT] = places.SENDS_ORDERS
        if state[places.FAULT] != places.NO_FAULT:
            raise ValueError(self.fault)
        return wanted

    def _refuse(self, error: Exception) -> None:
        self.problem = f"{type(error).__name__}: {error}".removesuffix(": ")

    def _chance(self, wanted: float) -> float:
        """Probability that the expert gives to its choice, where it tells."""
        if self.parts.tells:
            return float(chance_now(self._asked.memory, wanted))
        return float(getattr(self.parts.expert, "probability", 1.0))
