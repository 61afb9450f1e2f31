"""What the agents of this family have in common: what they look at, their units, their gate, and what they tell."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from halfspread.agents.features import FeatureSet
from halfspread.agents.features.feature_set import own_past
from halfspread.agents.policies.model import this_version
from halfspread.agents.reservoir.reservoir import Reservoir, ReservoirSettings
from halfspread.agents.rrl import records as at
from halfspread.agents.rrl.state import (
    AgentState,
    Carried,
    Resume,
    continued,
    layout_of,
    refuse_other,
    transferred,
)
from halfspread.agents.rrl.state_file import load_state, save_state
from halfspread.costs.base import Floats, Integers, Model
from halfspread.costs.model import Costs
from halfspread.engine.instruments import Instrument
from halfspread.engine.run import run_backtest
from halfspread.engine.tape import Tape
from halfspread.engine.times import DAY, SECOND, interval_text, time_text
from halfspread.engine.training import TrainingRange, ranges_text, training_range
from halfspread.errors import ConfigError, DataError
from halfspread.strategies.compiled import CompiledStrategy

__all__ = ["Gate", "OnlineTrader"]

#: Learning units: how much of a return is 1, None for differences of the price.
UNITS: Mapping[str, float | None] = {"price": None, "relative": 1.0, "percent": 1e2, "bp": 1e4}
Units = Literal["price", "bp", "percent", "relative"]
#: Instruments of a tape, and their first and last times (ns UTC).
Spans = tuple[tuple[str, int, int], ...]


class Gate(Model):
    """Trade while the decaying mean of the shadow reward is not below zero, looked at every so many decisions.

    ``kind``: "none" trades always. ``decay``: of the mean, by decision. ``every``: decisions from one look to the next.
    """

    kind: Literal["mean", "none"] = "mean"
    decay: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.999
    every: Annotated[int, Field(ge=1)] = 1


class OnlineTrader(CompiledStrategy):
    """An agent that learns, if at all, from its own shadow reward while it trades one instrument.

    ``features``: what it looks at beside a constant 1. ``units``: of rewards: differences of the price in quote
    currency, or returns in ``bp``, ``percent`` or ``relative``. ``clip``: the largest position. ``funding_on``: which
    position pays the funding settled at a decision in the reward, the one just ``chosen`` (the paper) or the one
    ``carried`` into it (as the account does). ``on_gap``: after a gap in the market ``carry`` on or ``reset`` what is
    remembered of the past. ``warm_up``: it decides when so many rows stand before the present one, or as many as its
    features need. ``instrument``: which of the tape it trades, by its place. ``decides_on``: the events that it decides
    on, the first of a table being what its features look back on; a timer every ``interval``, such as "1m". Its price
    is the close of bars where it looks back on these, else the mid, else that of the last trade.

    ``state_file``: what an agent of its kind has become, as `save` wrote it; ``resume`` from there with ``everything``,
    as if it had never stopped, or with the ``weights`` alone, on any market.
    """

    features: tuple[str, ...] = ("price_and_volume",)
    units: Units = "price"
    clip: Annotated[float, Field(gt=0.0, le=1.0)] = 0.99
    gate: Gate = Gate()
    funding_on: Literal["chosen", "carried"] = "chosen"
    on_gap: Literal["carry", "reset"] = "carry"
    warm_up: Annotated[int, Field(ge=0)] = 0
    instrument: Annotated[int, Field(ge=0)] = 0
    decides_on: Annotated[tuple[Literal["bar", "quote", "book", "trade", "timer"], ...], Field(min_length=1)] = ("bar",)
    interval: str | None = None
    state_file: str = ""
    resume: Resume = "everything"
    sees_costs = True
    learns_online = True
    file_fields: ClassVar[tuple[str, ...]] = ("state_file",)
    carried: ClassVar[Carried] = Carried()
    more_counts: ClassVar[Mapping[str, int]] = {}
    of_weights: ClassVar[Mapping[str, Any]] = {}  # what parameters are that mean something for ``weights`` alone
    _begins_from: ClassVar[AgentState | None] = None
    _pause: ClassVar[int | None] = None
    _ran_on: ClassVar[Spans] = ()

    def check(self) -> None:
        """Features that there are, and a state that fits. Raises ConfigError or DataError."""
        if self.features:
            FeatureSet(self.features)
        if (self.interval is not None) != ("timer" in self.decides_on):
            raise ConfigError(
                f"{self.name}: interval, the time between decisions on a timer: got {self.interval!r}, and it decides "
                f'on {", ".join(self.decides_on)}; give both, such as decides_on = ["timer"] and interval = "1m", or '
                "neither"
            )
        if self.state_file:
            self.__dict__["_begins_from"] = load_state(self.state_file)
        state = self._begins_from
        if state is not None:
            layout = layout_of(self.carried.layouts)
            with self._naming_the_state():
                refuse_other(state, type(self).__name__, layout, self._parameters_as_json(), self.resume)

    @contextmanager
    def _naming_the_state(self) -> Iterator[None]:
        """Have what is wrong with the state say which one it is."""
        try:
            yield
        except (ConfigError, DataError) as error:
            raise type(error)(f"{self.name}: {self.state_file or 'the state it begins from'}: {error}") from None

    def _parameters_as_json(self) -> dict[str, Any]:
        """All parameters as plain values, each feature of a set by its own name."""
        found = self.model().model_validate(self.parameters()).model_dump(mode="json")
        found["features"] = list(self.feature_set.names) if self.feature_set is not None else []
        return found

    @property
    def trained(self) -> tuple[TrainingRange, ...]:
        """What it has seen before the run, which is not run again."""
        return () if self._begins_from is None else self._begins_from.trained

    @property
    def goes_on_from(self) -> int | None:
        """End (ns UTC) of what it has seen last, where it goes on in mid-stream."""
        state = self._begins_from
        if state is None or self.resume != "everything":
            return None
        return max((seen.end for seen in state.trained[-len(state.instruments) :]), default=None)

    @property
    def events(self) -> tuple[str, ...]:  # type: ignore[override]
        """What it decides on."""
        return self.decides_on

    @property
    def timer(self) -> str | None:  # type: ignore[override]
        """How often it decides where it decides on a timer."""
        return self.interval

    @property
    def feature_set(self) -> FeatureSet | None:
        """What it looks at, None for a constant alone."""
        return FeatureSet(self.features) if self.features else None

    @property
    def lookback(self) -> int:  # type: ignore[override]
        """As many rows as its features need, or the warm-up; at least that of the last decision of an agent that goes
        on."""
        found = self.feature_set
        goes_on = self._begins_from is not None and self.resume == "everything"
        return max(self.warm_up, 0 if found is None else found.lookback, int(goes_on))

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        """Take the instruments. Raises ConfigError where the traded one is not there."""
        self._instruments = instruments
        self._tables: Sequence[Collection[str]] | None = None
        self._memory: Floats | None = None
        if self.instrument >= len(instruments):
            raise ConfigError(
                f"{self.name}: instrument: the tape has {len(instruments)}, numbered from 0, got {self.instrument}"
            )

    def see_tape(self, tape: Tape, pause: int | None) -> None:
        """Take what the coming run is on, and the time (ns) that has passed since `goes_on_from`, None where nothing
        was missed: what the market did in between is in no reward."""
        self.__dict__["_pause"], self.__dict__["_ran_on"] = pause, _spans(tape)

    def see_tables(self, tables: Sequence[Collection[str]]) -> None:
        """Take what the tape holds."""
        self._tables = tables

    def see_columns(self, columns: Sequence[Sequence[str]]) -> None:
        """Take the columns of the history."""
        self._columns = columns

    def see_memory(self, memory: Floats) -> None:
        """Keep what the agent has become."""
        self._memory = memory

    @property
    def inputs(self) -> int:
        """Features and the constant."""
        found = self.feature_set
        return 1 if found is None else found.count + 1

    def common_parts(self, more_inputs: int = 0) -> tuple[Integers, Floats, list[Floats]]:
        """The whole numbers of a new memory, with settings and where the common parts begin; its numbers; and those
        parts but the numbers, the inputs with room for ``more_inputs``. See `joined`."""
        found = self.feature_set
        plan, state = (np.zeros((0, 0)), 0) if found is None else found.plan(
            self._instruments, self._columns, self._tables
        )  # fmt: skip
        inputs = np.zeros(self.inputs + more_inputs)
        inputs[self.inputs - 1] = 1.0
        places, numbers = np.zeros(at.HEADER, np.int64), np.zeros(at.NUMBERS_KEPT)
        scale = UNITS[self.units]
        places[at.FEATURES], places[at.INSTRUMENTS] = self.inputs - 1, len(self._instruments)
        places[at.TRADED], places[at.UNITS] = self.instrument, at.OF_PRICE if scale is None else at.OF_RETURN
        places[at.CARRY_ON] = at.CHOSEN if self.funding_on == "chosen" else at.CARRIED
        places[at.ON_GAP] = at.RESET if self.on_gap == "reset" else at.GO_ON
        places[at.GATED], places[at.GATE_EVERY], places[at.OPEN] = self.gate.kind == "mean", self.gate.every, 1
        numbers[at.CLIP], numbers[at.GATE_DECAY], numbers[at.SCALE] = self.clip, self.gate.decay, scale or 1.0
        return places, numbers, [plan.ravel(), np.zeros(state), own_past(self._columns).ravel(), inputs, numbers]

    def joined(self, places: Integers, parts: Sequence[Floats], firsts: Sequence[int]) -> Floats:
        """The memory: whole numbers and parts one after the other; where each begins is noted at its place of
        ``firsts`` first."""
        begins = at.HEADER + np.cumsum([0, *(len(part) for part in parts)])
        for place, begin in zip(firsts, begins[: len(firsts)], strict=True):
            places[place] = begin
        memory = np.concatenate([places.view(np.float64), *parts])
        state = self._begins_from
        if state is None:
            return memory
        with self._naming_the_state():
            if self.resume == "weights":
                return self.adapted(transferred(memory, state, self.carried), memory)
            names, paused = [each.name for each in self._instruments], self._pause is not None
            return continued(memory, state, self.carried, names, self.lookback, paused)

    def adapted(self, memory: Floats, fresh: Floats) -> Floats:
        """A memory with weights that were taken over, and what else was learnt with them; ``fresh``: without them."""
        return memory

    def reservoir_drawn(
        self, settings: ReservoirSettings | Literal["none"], feedback: int, rng: np.random.Generator
    ) -> Reservoir | None:
        """The reservoir of the state that it begins from, or a new one. Raises ConfigError."""
        if settings == "none":
            return None
        if self._begins_from is not None:
            return self._begins_from.reservoir
        return Reservoir.draw(settings, self.inputs, feedback, rng)

    def state(self, tape: Tape) -> AgentState:
        """What it has become in a run over all of ``tape``, of which it is not run again. Reads the tape once. Raises
        ConfigError before a run, and for another tape."""
        memory = self.left_behind
        if self._ran_on != _spans(tape):
            raise ConfigError(
                f"{self.name}: its last run was on {_spans_text(self._ran_on)}, got a tape of "
                f"{_spans_text(_spans(tape))}; give the tape of that run, all of it"
            )
        return AgentState(
            type(self).__name__,
            self._parameters_as_json(),
            tuple(each.name for each in self._instruments),
            layout_of(self.carried.layouts),
            memory.copy(),
            getattr(self, "_drawn", None),
            (*self.trained, *training_range(tape)),
            this_version(),
        )

    def save(self, path: str | Path, tape: Tape) -> Path:
        """Write what it has become in a run over all of ``tape`` to a file (.npz), at once or not at all; gives its
        path. Raises as `state`, and ConfigError for a path that cannot be written."""
        return save_state(self.state(tape), path)

    def continued(self, state: AgentState, resume: Resume | None = None) -> Self:
        """An agent with the same parameters that begins from a state. Raises ConfigError for one that does not fit."""
        made = type(self).__new__(type(self))
        made.__dict__["_begins_from"] = state
        parameters = {**self.parameters(), "state_file": "", "resume": resume or self.resume}
        if parameters["resume"] == "everything":
            parameters |= self.of_weights
        made.__init__(**parameters)  # type: ignore[misc]
        return made

    def fit(
        self, tape: Tape, rng: np.random.Generator, *, costs: Costs, options: Mapping[str, Any] | None = None
    ) -> Self:
        """An agent that goes on where this one gets to on ``tape``: it learns there as it does everywhere, by trading.
        ``options`` are those of the run. Raises ConfigError where they name no sizing."""
        if "sizing" not in (options or {}):
            raise ConfigError(
                f"{self.name}.fit: options: expected those of a run, of them at least the sizing, such as "
                f'options={{"sizing": hs.FixedNotional(10_000)}}; got {", ".join(options or ()) or "none"}'
            )
        agent = copy.deepcopy(self)
        terms: Any = {**(options or {}), "seed": int(rng.integers(2**63)), "keep_curve": False, "sink": None}
        run_backtest(tape, agent, costs, **terms)
        return agent.continued(agent.state(tape), "everything")

    @property
    def gate_text(self) -> str:
        """Its gate, in words."""
        gate = self.gate
        return "not gated" if gate.kind == "none" else f"gated every {gate.every:,} decisions (decay {gate.decay:g})"

    @property
    def learning_text(self) -> str:
        """When it learnt, in words."""
        state = self._begins_from
        if state is None:
            return "it learnt while it traded, from its first decision on"
        if self.resume == "weights":
            return f"it began with weights learnt on {ranges_text(state.trained)}, and learnt on while it traded"
        after = f", {_span(self._pause)} after what it had seen last" if self._pause else ""
        return (
            f"it went on from what it had become after {state.decisions:,} decisions{after}, learning while it traded"
        )

    @property
    def places(self) -> Integers:
        """The whole numbers of the memory after a run."""
        return self.left_behind[: at.HEADER].view(np.int64)

    @property
    def left_behind(self) -> Floats:
        """The memory after a run. Raises ConfigError where there was none."""
        if getattr(self, "_memory", None) is None:
            raise ConfigError(f"{self.name}: it has not run yet")
        return self._memory  # type: ignore[return-value]

    def counts(self) -> dict[str, int]:
        """What happened while it learnt and traded, in this run."""
        if self._memory is None:
            return {}
        names = {
            "updates": at.UPDATES,
            "updates_skipped": at.SKIPPED,
            "decisions_skipped": at.BLIND,
            "gate_changes": at.GATE_CHANGES,
            "gate_shut": at.SHUT,
            "gaps_met": at.GAPS,
            "resets_at_gaps": at.RESETS,
            **self.more_counts,
        }
        before = np.zeros(at.HEADER, np.int64)
        if self._begins_from is not None and self.resume == "everything":
            before = self._begins_from.places
        return {name: int(self.places[place] - before[place]) for name, place in names.items()}

    def warnings(self) -> list[str]:
        """What went wrong while it learnt."""
        found, counts = [], self.counts()
        if counts.get("decisions_skipped"):
            found.append(
                f"{counts['decisions_skipped']:,} decisions were left out: a feature or the price was not finite; the "
                "position stayed"
            )
        if counts.get("updates_skipped"):
            found.append(
                f"{counts['updates_skipped']:,} updates were left out: the reward (cost unknown?) or the gradient was "
                "not finite"
            )
        then = "began anew" if self.on_gap == "reset" else "went on"
        pauses = int(self._pause is not None and bool(counts))
        if pauses:
            found.append(
                "it did not go on where it had stopped: what the market did in between is in none of its rewards, and "
                f"it {then} (on_gap)"
            )
        if counts.get("gaps_met", 0) > pauses:
            found.append(f"the market had {counts['gaps_met'] - pauses:,} gaps, after which the agent {then} (on_gap)")
        goes_on = self._begins_from is not None and self.resume == "everything"
        if goes_on and any(name.startswith("trade_flow") for name in self._parameters_as_json()["features"]):
            found.append("trade_flow has counted the trades of the rows that were only looked back on once more")
        return found


def _spans(tape: Tape) -> Spans:
    return tuple((feed.instrument.name, feed.start_ns, feed.end_ns) for feed in tape.feeds)


def _spans_text(spans: Spans) -> str:
    return ", ".join(f"{name} from {time_text(start)} to {time_text(end)}" for name, start, end in spans)


def _span(nanoseconds: int) -> str:
    """A time in words, to the second, above two days to a tenth of a day: ``25m``, ``400.1 days``."""
    if abs(nanoseconds) >= 2 * DAY:
        return f"{nanoseconds / DAY:,.1f} days"
    return interval_text(round(nanoseconds / SECOND) * SECOND)
