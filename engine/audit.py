"""Prove that an agent looks at nothing that it has not received.

A run is repeated in chunks of one event. Whatever an agent could look at is poisoned beyond what it has received: the
history that it is shown, and the arrays of the tape itself, in case it holds on to them. Once the poison is NaN, for
cheats that calculate; then higher numbers, and then lower ones, so that a cheat that passes over NaN and asks which way
the market goes gets the wrong answer from one of them. An agent that decides otherwise than in the run without poison
has looked at it. An agent that keeps to what it has received cannot tell the difference, so none is accused.

What this cannot see: an agent that reads the future from elsewhere (a file of its own), and features that were
computed over the whole sample before they became columns of the tape.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Unpack

import numpy as np

from halfspread.costs.latency import DelayTable
from halfspread.costs.model import Costs
from halfspread.engine.agent import looks_ahead
from halfspread.engine.poison import POISONS, Poison, Veils, inputs_of
from halfspread.engine.records import State
from halfspread.engine.replay import EVENTS_IN_CHUNK
from halfspread.engine.session import Options, Session
from halfspread.engine.subscriptions import agent_name
from halfspread.engine.tape import Tape
from halfspread.engine.times import time_text
from halfspread.errors import ConfigError, StrategyError

__all__ = ["Audit", "Peek", "Windows", "audit"]


@dataclass(frozen=True)
class Peek:
    """The first decision that depends on what was not there yet.

    ``time``: of the decision, ns UTC; ``event``: its number in the run; ``inputs``: what it looked at, such as "bars:
    close"; ``poison``: which one showed it.
    """

    time: int
    event: int
    inputs: tuple[str, ...]
    poison: str

    def __str__(self) -> str:
        looked = ", ".join(self.inputs) or "several inputs together"
        return f"the decision at {time_text(self.time)} (event {self.event:,}) depends on the future of {looked}"


@dataclass(frozen=True)
class Audit:
    """What an audit has found. ``moments``: how often decisions were compared, once for all events of one time;
    ``events``: how many were replayed; ``sampled``: decisions were compared in windows only. ``differs``: when two
    runs on the same true data decide differently, ns UTC; None where they do not."""

    moments: int
    events: int
    sampled: bool
    peek: Peek | None
    differs: int | None = None

    @property
    def passed(self) -> bool:
        """Whether no decision looked ahead, as far as that can be told."""
        return self.peek is None and self.differs is None

    def __str__(self) -> str:
        if self.differs is not None:
            return (
                f"does not repeat itself: on the same data it decides differently at {time_text(self.differs)}, so "
                "that nothing can be told; draw from the rng of reset alone, and set all state there"
            )
        if self.peek is not None:
            return f"looks ahead: {self.peek}"
        if self.sampled:
            return f"no look-ahead found in a sample of {self.moments:,} moments ('halfspread audit' looks at all)"
        return f"no look-ahead found: compared at all {self.moments:,} moments ({self.events:,} events)"


@dataclass(frozen=True)
class Windows:
    """Which events are compared one by one: ``length`` events from each of ``starts`` (sorted); between them the
    market is replayed in large chunks. ``end``: the run stops there; None: at the end of the tape."""

    starts: tuple[int, ...] = (0,)
    length: int | None = None
    end: int | None = None

    def __post_init__(self) -> None:
        if list(self.starts) != sorted(set(self.starts)) or not self.starts or self.starts[0] < 0:
            raise ConfigError(f"windows: expected different starts in order, from 0, got {self.starts}")
        if self.length is not None and self.length < 1:
            raise ConfigError(f"windows: expected a length of at least 1 event, got {self.length}")

    def step(self, done: int) -> tuple[int, bool]:
        """How many events may be replayed at once after ``done``, and whether they are compared."""
        if self.length is None:
            first = self.starts[0]
            return (1, True) if done >= first else (first - done, False)
        for start in self.starts:
            if done < start:
                return start - done, False
            if done < start + self.length:
                return 1, True
        return EVENTS_IN_CHUNK, False


#: Tapes that are poisoned in the hands of an agent share arrays with others.
_poisoning = threading.RLock()

#: A moment of a run: events so far, time, and what identifies the decisions up to it.
Moment = tuple[int, int, Any]


def audit(
    tape: Tape,
    make_agent: Callable[[], Any],
    costs: Costs,
    *,
    windows: Windows | None = None,
    **options: Unpack[Options],
) -> Audit:
    """Compare every decision of an agent with and without poison; ``windows``: those of a sample, in which the tape
    itself stays as it is and only the history is poisoned.

    ``make_agent`` gives a new agent for each replay, so that none remembers another. ``options``: those of the run.
    their ``progress`` is called with the events done in all replays. While it runs, the tape shows poison to whoever
    looks at it: one audit of all runs at a time, and nothing else may use the tape. Raises what `run_backtest` does,
    and ConfigError for a streamed tape, and for an agent that says itself that it looks ahead.
    """
    if not callable(make_agent):
        raise ConfigError(
            f"audit: expected a function that makes a new agent, such as lambda: MyStrategy(fast=10), got "
            f"{type(make_agent).__name__}"
        )
    if tape.streamed:
        raise ConfigError(
            "an audit holds the market in memory; read it with Tape.from_bars (in a config stream = false), or audit "
            "a part of it with start= and end="
        )
    replays = _Replays(tape, make_agent, costs, options, windows or Windows())
    with _poisoning if windows is None else nullcontext():
        return _compared(replays, sampled=windows is not None)


def _compared(replays: _Replays, *, sampled: bool) -> Audit:
    clean = list(replays.moments(None))
    found = [(_first_difference(clean, replays.moments(poison)), i) for i, poison in enumerate(POISONS)]
    first = min(((*where, i) for where, i in found if where is not None), default=None)
    if first is None:
        return Audit(len(clean), replays.events, sampled, None)
    again = _first_difference(clean, replays.moments(None))
    if again is not None:
        return Audit(len(clean), replays.events, sampled, None, again[1])
    return Audit(len(clean), replays.events, sampled, replays.explain(clean, first[0], first[1], POISONS[first[2]]))


def _first_difference(clean: Sequence[Moment], other: Iterator[Moment]) -> tuple[int, int] | None:
    """Event and time of the first moment that differs."""
    for expected, found in zip_longest(clean, other):
        if found is None or expected is None:
            event, time, _ = expected or found
            return event, time
        if expected != found:
            return found[0], found[1]
    return None


def _fair(agent: Any) -> Any:
    """The agent. Raises ConfigError for one that is told the future, and says so."""
    if looks_ahead(agent):
        raise ConfigError(
            f"{agent_name(agent)} is told the future: it is a bound for other agents, and there is nothing to audit"
        )
    return agent


class _Replays:
    """Runs of one agent over one tape, with and without poison."""

    def __init__(
        self,
        tape: Tape,
        make_agent: Callable[[], Any],
        costs: Costs,
        options: Options,
        windows: Windows,
    ) -> None:
        self._tape, self._make, self._costs, self._windows = tape, make_agent, costs, windows
        self._sampled = windows.length is not None
        self._progress, self._done = options.get("progress"), 0
        self._options = options.copy()
        self._options["keep_curve"], self._options["sink"], self._options["progress"] = True, None, None
        self._options["in_sample"] = True  # nothing is judged
        self.events = 0

    def moments(
        self, poison: Poison | None, only: str | None = None, windows: Windows | None = None
    ) -> Iterator[Moment]:
        """What the agent has decided after each event of the windows; ``only``: one input is poisoned."""
        where = windows or self._windows
        size, singly = where.step(0)
        with Veils(self._tape, poison, only, held=not self._sampled, delay=self._delay()) as veils:
            options = self._options.copy()
            options["chunk_events"] = size
            with Session(veils.tape, _fair(self._make()), self._costs, options) as session:
                watch, done = session.watch, 0
                decisions = _Decisions(session.state, len(self._tape.feeds))
                for chunk in session.replay:
                    shown = veils.lift(chunk, watch.history, watch.history_kinds)
                    done += chunk.count
                    try:
                        session.feed(chunk, shown)
                    except StrategyError as error:
                        if poison is None:
                            raise
                        yield done, int(session.state.run["now"]), str(error)
                        return
                    if singly:
                        yield done, int(session.state.run["now"]), decisions.seen()
                    self._report(chunk.count)
                    if where.end is not None and done >= where.end:
                        break
                    session.replay.events, singly = where.step(done)
        self.events = max(self.events, done)

    def _delay(self) -> DelayTable | None:
        """The latency of market data, drawn as a run draws it."""
        latency = self._costs.latency
        if latency.feed.is_zero:
            return None
        return latency.tables(np.random.default_rng([self._options.get("seed", 0), 1]))[2]

    def _report(self, count: int) -> None:
        self._done += count
        if self._progress is not None:
            self._progress(self._done)

    def explain(self, clean: Sequence[Moment], event: int, time: int, poison: Poison) -> Peek:
        """Poison one input after the other at the event, to see which of them the decision depends on."""
        before = max((done for done, _, _ in clean if done < event), default=0)
        here = Windows((before,), event - before, event)
        expected = list(self.moments(None, windows=here))
        found = [name for name in inputs_of(self._tape) if list(self.moments(poison, name, here)) != expected]
        return Peek(time, event, tuple(found), poison.name)


class _Decisions:
    """Everything that an agent has asked for, as something to compare."""

    def __init__(self, state: State, instruments: int) -> None:
        self._run = state.run
        self._targets = state.context["targets"][:instruments]
        self._requests = [state.context[name] for name in state.context.dtype.names if name.startswith("request_")]
        self._sent = -1
        self._hash = 0

    def seen(self) -> tuple[int, bytes, int]:
        """Decisions made, the targets, and a hash over all requests so far."""
        sent = int(self._run["orders"])
        if sent != self._sent:  # what was asked for last stands in the context still
            self._sent = sent
            self._hash = hash((self._hash, *(part.tobytes() for part in self._requests)))
        return int(self._run["decisions"]), self._targets.tobytes(), self._hash
