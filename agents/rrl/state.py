"""What an online trader has become, and how another one goes on from it: in mid-stream, or with its weights alone.

All that an agent of this family is stands in its memory (``agents.rrl.records``) and in its reservoir. A state is taken
after a run, and given to an agent of the same kind, features and shape.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

import numpy as np

from halfspread.agents.features import records as of_features
from halfspread.agents.reservoir import reservoir_kernels
from halfspread.agents.reservoir.reservoir import Reservoir
from halfspread.agents.rrl import records as at
from halfspread.costs.base import Floats, Integers
from halfspread.engine.training import TrainingRange
from halfspread.errors import ConfigError, DataError

__all__ = ["AgentState", "Carried", "Resume", "continued", "layout_of", "refuse_other", "transferred"]

#: How an agent goes on from a state: as if it had never stopped, or anew with the weights.
Resume = Literal["everything", "weights"]

#: Parameters that give the weights their shape, and those that say nothing of what an agent has become.
SHAPE = ("features", "reservoir", "feedback")
FREE = ("state_file", "resume", "covariance_factor", "warm_up")
#: Whole numbers that change while an agent runs.
COUNTERS = tuple(range(at.DECISIONS, at.LAST_GAP + 1))
#: Numbers that it keeps from decision to decision.
KEPT_NUMBERS = tuple(range(at.PRICE, at.LAST_TIME + 1))
_NOT_FINITE = "memory: what it has learnt is not finite"


@dataclass(frozen=True)
class Carried:
    """What a kind of agent carries over beside what all have: ``counters`` and ``numbers`` that change while it runs;
    ``parts`` that are learnt, by where they and what follows them begin, and ``learnt``, numbers that belong to them.
    ``actions``: a counter and how many values it may have. ``layouts``: modules that lay out its memory."""

    counters: tuple[int, ...] = ()
    numbers: tuple[int, ...] = ()
    parts: tuple[tuple[int, int], ...] = ()
    learnt: tuple[int, ...] = ()
    actions: tuple[int, int] | None = None
    layouts: tuple[ModuleType, ...] = ()


@dataclass(frozen=True, eq=False)
class AgentState:
    """What an agent of a ``kind`` has become: its ``memory``, its ``reservoir`` where it has one, the ``parameters`` it
    ran with (plain JSON values, its features one by one), the ``instruments`` it was shown, what it has seen
    (``trained``), which ``layout`` its memory has, and the version that made it."""

    kind: str
    parameters: Mapping[str, Any]
    instruments: tuple[str, ...]
    layout: str
    memory: Floats
    reservoir: Reservoir | None
    trained: tuple[TrainingRange, ...]
    made_with: str

    def __post_init__(self) -> None:
        if self.memory.dtype != np.float64 or self.memory.ndim != 1 or len(self.memory) < at.HEADER + at.NUMBERS_KEPT:
            raise DataError(f"memory: expected a row of float64 numbers, got {self.memory.dtype}{self.memory.shape}")
        self._refuse_another_reservoir()

    def _refuse_another_reservoir(self) -> None:
        """Raise DataError for a reservoir that is not that of the parameters: it would not fit the memory."""
        told, drawn = self.parameters.get("reservoir", "none"), self.reservoir
        found = "none" if drawn is None else drawn.settings.model_dump(mode="json")
        if found != told:
            if isinstance(found, dict) and isinstance(told, Mapping):
                names = [name for name in {**told, **found} if told.get(name) != found.get(name)]
                told, found = ({name: each.get(name) for name in names} for each in (told, found))
            raise DataError(f"reservoir: expected that of the parameters, {_short(told)}, got {_short(found)}")
        if drawn is None:
            return
        inputs, feedbacks = len(self.parameters.get("features", ())) + 1, self.parameters.get("feedback")
        if (drawn.inputs, drawn.feedbacks) != (inputs, feedbacks):
            raise DataError(
                f"reservoir: expected {inputs} inputs and {feedbacks!r:.20} positions fed back, got {drawn.inputs} and "
                f"{drawn.feedbacks}"
            )

    @property
    def places(self) -> Integers:
        """The whole numbers of its memory."""
        return self.memory[: at.HEADER].view(np.int64)

    @property
    def decisions(self) -> int:
        """Decisions that it has made so far."""
        return int(self.places[at.DECISIONS])

    @property
    def updates(self) -> int:
        """How often its weights were changed."""
        return int(self.places[at.UPDATES])


def layout_of(modules: Sequence[ModuleType]) -> str:
    """Hash of how a memory is laid out: of all whole numbers that these modules name, those of all agents, of features
    and of reservoirs; hex digits."""
    named = [
        (module.__name__.rpartition(".")[2], name, value)
        for module in (at, of_features, reservoir_kernels, *modules)
        for name, value in sorted(vars(module).items())
        if type(value) is int and name.isupper()
    ]
    return hashlib.blake2b(repr(named).encode(), digest_size=8).hexdigest()


def refuse_other(state: AgentState, kind: str, layout: str, parameters: Mapping[str, Any], resume: Resume) -> None:
    """Raise ConfigError for a state of another kind of agent, another layout, or other ``parameters``: of all that an
    agent goes on with in mid-stream, of those that give its weights their shape where it takes only these."""
    if state.kind != kind:
        raise ConfigError(f"expected the state of an agent of type {kind}, got that of {state.kind}")
    if state.layout != layout:
        raise ConfigError(
            f"it was saved by halfspread {state.made_with:.40}, whose memory is laid out otherwise (layout "
            f"{state.layout:.16}, expected {layout}); run the agent again with this version"
        )
    shape = [name for name in SHAPE if name in parameters]
    asked = shape if resume == "weights" else [name for name in parameters if name not in FREE]
    other = [name for name in asked if state.parameters.get(name) != parameters[name]]
    if other:
        lines = [
            f"{each}: saved {_short(state.parameters.get(each))}, now {_short(parameters[each])}" for each in other
        ]
        hint = "" if set(other) & set(shape) else '; or take only the weights: resume = "weights"'
        raise ConfigError(f"it is of an agent with other parameters: {'; '.join(lines)}; give the same{hint}")


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) < 120 else f"{text[:117]}..."


def continued(
    fresh: Floats, state: AgentState, carried: Carried, instruments: Sequence[str], lookback: int, paused: bool
) -> Floats:
    """The memory of an agent that goes on in mid-stream, from a ``fresh`` one of the same parameters.

    The account starts flat, so what features know of the agent's own positions starts anew. What the engine counts from
    the beginning of a run is counted from ``lookback`` rows before the first decision. ``paused``: it has missed rows
    since then, which is a gap, and neither the move of the price nor funding of that time is in a reward. Raises
    ConfigError for other instruments, DataError for a memory that is none of such an agent.
    """
    if tuple(instruments) != state.instruments:
        raise ConfigError(
            f"it was saved on {', '.join(state.instruments)}, and the run is on {', '.join(instruments)}; take only "
            'the weights: resume = "weights"'
        )
    memory, saved = fresh.copy(), state.places
    places = memory[: at.HEADER].view(np.int64)
    counters = np.array([*COUNTERS, *carried.counters])
    settings = np.setdiff1d(np.arange(at.HEADER), counters)
    if len(memory) != len(state.memory) or (places[settings] != saved[settings]).any():
        raise ConfigError("its memory is of another shape; was it saved on a market with other tables or columns?")
    if carried.actions is not None and not 0 <= saved[carried.actions[0]] < carried.actions[1]:
        raise DataError(
            f"memory: expected an action from 0 to {carried.actions[1] - 1}, got {saved[carried.actions[0]]}"
        )
    for begin, end in carried.parts:
        if not np.isfinite(state.memory[saved[begin] : saved[end]]).all():
            raise DataError(_NOT_FINITE)
    plan, kept, own, inputs, numbers = (int(place) for place in places[at.PLAN : at.NUMBERS + 1])
    # the packed reservoir stays that of the weights that were checked
    rest = numbers + at.NUMBERS_KEPT + (0 if state.reservoir is None else len(state.reservoir.packed()))
    memory[kept:own] = of_later(memory[plan:kept], state.memory[kept:own], lookback)
    memory[inputs:numbers], memory[rest:] = state.memory[inputs:numbers], state.memory[rest:]
    width = of_features.OWN_WIDTH
    memory[own + of_features.LAST_PRICE : inputs : width] = state.memory[own + of_features.LAST_PRICE : inputs : width]
    places[counters] = saved[counters]
    for number in (*KEPT_NUMBERS, *carried.numbers):
        memory[numbers + number] = state.memory[numbers + number]
    if paused:
        places[at.GAPS] += 1
        places[at.AFTER_GAP] = 1
        memory[numbers + at.PRICE] = memory[numbers + at.UNPAID] = 0.0
    return memory


def of_later(plan: Floats, kept: Floats, lookback: int) -> Floats:
    """What features keep, for a run that begins ``lookback`` rows before its first decision: counts of the engine start
    anew."""
    found = kept.copy()
    counts = found.view(np.int64)
    for line in plan.reshape(-1, of_features.PLAN_WIDTH):
        place = int(line[of_features.STATE_AT])
        if line[of_features.CODE] in (of_features.FOLLOW_MOVES, of_features.FOLLOW_VOLUME):
            counts[place + of_features.BARS_SEEN] = lookback
        elif line[of_features.CODE] == of_features.TRADE_FLOW:
            found[place : place + 2] = 0.0
    return found


def transferred(fresh: Floats, state: AgentState, carried: Carried) -> Floats:
    """The memory of a new agent with what another one has learnt. Raises ConfigError where nothing is learnt, DataError
    for a memory that is none of such an agent."""
    if not carried.parts:
        raise ConfigError(
            'such an agent learns nothing that could be taken over; resume = "everything" goes on with it'
        )
    memory, saved = fresh.copy(), state.places
    places = memory[: at.HEADER].view(np.int64)
    for begin, end in carried.parts:
        part = slice(int(places[begin]), int(places[end]))
        if not (
            at.HEADER <= saved[begin] <= saved[end] <= len(state.memory)
            and saved[end] - saved[begin] == part.stop - part.start
        ):
            raise DataError("memory: its learnt parts are of another shape")
        memory[part] = state.memory[saved[begin] : saved[end]]
        if not np.isfinite(memory[part]).all():
            raise DataError(_NOT_FINITE)
    if not at.HEADER <= saved[at.NUMBERS] <= len(state.memory) - at.NUMBERS_KEPT:
        raise DataError("memory: its numbers are not where they should be")
    for number in carried.learnt:
        memory[places[at.NUMBERS] + number] = state.memory[saved[at.NUMBERS] + number]
    return memory
