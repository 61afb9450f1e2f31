"""Learners of a config that ask their expert in rounds: DAgger and DART."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field

from halfspread.agents.imitation.dagger import DAggerTrainer
from halfspread.agents.imitation.dart import DartTrainer
from halfspread.agents.imitation.demonstrate import seen_by
from halfspread.agents.imitation.learner import Imitator, Lesson, Told, shown
from halfspread.agents.imitation.rounds import RoundTrainer
from halfspread.agents.imitation.schedules import schedule_of
from halfspread.agents.imitation.task import Task
from halfspread.costs.model import Costs
from halfspread.engine.tape import Tape
from halfspread.engine.times import time_text
from halfspread.errors import ConfigError, DataError
from halfspread.strategies.fields import NotNegative

__all__ = ["Dagger", "Dart"]


class _InRounds(Imitator):
    """What learners have that ask their expert in rounds, each in a part of the training window of its own."""

    rounds: Annotated[int, Field(ge=1)] = 6
    rollouts: Annotated[int, Field(ge=1)] = 1
    judged: Annotated[float, Field(ge=0, lt=1)] = 0.2
    budget: Annotated[int, Field(ge=1)] | None = None

    def check(self) -> None:
        """An expert that can be asked. Raises ConfigError."""
        super().check()
        if self.expert is None:
            name = type(self).__name__
            raise ConfigError(f"{name} asks its expert about states that no record holds; expected an expert")

    def _trainer(self, task: Task, **more: Any) -> RoundTrainer:
        raise NotImplementedError

    def learn(
        self,
        tape: Tape,
        rng: np.random.Generator,
        *,
        costs: Costs,
        options: Mapping[str, Any],
        told: Told = lambda _: None,
        keep: Path | None = None,
    ) -> Lesson:
        """See `Imitator.learn`."""
        terms = self._terms(options, rng)
        expert = shown(self.expert, tape, costs, terms)
        parts = _parts(tape, self.instrument, self.rounds * self.rollouts, self.judged)
        task = Task(
            expert,
            self.feature_set,
            costs,
            terms,
            lambda number: _cut(tape, *parts[number]),
            lambda _: _cut(tape, *parts[-1]),
            int(terms["seed"]),
            self.instrument,
            silence=self.silence,
        )
        trainer = self._trainer(
            task,
            rounds=self.rounds,
            rollouts=self.rollouts,
            budget=self.budget,
            judged_by=1 if self.judged > 0.0 else 0,
            trained=seen_by(expert, tape),
            done=lambda each: told(f"round {each.number + 1} of 0 to {self.rounds - 1}"),
            folder=keep,
        )
        told(f"round 0 of 0 to {self.rounds - 1}")
        made = trainer.train()
        if trainer.dataset is None:
            raise DataError(f"{type(self).__name__}: no demonstrations")
        return self._lesson(made, trainer.dataset, expert, rounds=tuple(trainer.history), best=trainer.best.number)


class Dagger(_InRounds):
    """DAgger: rounds in which the learner acts in a part of the training window of its own, the expert says what it
    would have done, and the policy is fitted to all of it.

    ``rounds`` of ``rollouts`` each, so that the window is cut into as many parts; ``beta``: how often the expert acts
    (see `schedule_of`). ``judged``: share of the window, its end, that no round learns from and each round's policy is
    judged on; the best is kept. With 0 the last one is. ``budget``: labels at most; left out: as many as there are.
    """

    beta: str = "exponential(0.5)"

    def check(self) -> None:
        """A schedule that there is, and an expert that can be asked. Raises ConfigError."""
        super().check()
        schedule_of(self.beta, self.rounds)

    def _trainer(self, task: Task, **more: Any) -> RoundTrainer:
        return DAggerTrainer(task, self.settings, schedule_of(self.beta, self.rounds), **more)


class Dart(_InRounds):
    """DART: the expert acts in all rounds, disturbed by noise that is fitted to the learner's own error, and says what
    it wanted; the policy is fitted to all of it. ``scale``: times the error that is found. The rest as in `Dagger`."""

    scale: NotNegative = 1.0

    def _trainer(self, task: Task, **more: Any) -> RoundTrainer:
        return DartTrainer(task, self.settings, scale=self.scale, **more)


def _parts(tape: Tape, instrument: int, count: int, judged: float) -> list[tuple[int, int]]:
    """Where each of ``count`` parts of a window with equally many rows of an instrument begins and ends, and behind
    them the part that is judged on. Raises ConfigError for a window with too few rows."""
    feed = tape.feeds[instrument]
    times = feed.table(feed.market).times
    learnt = int(len(times) * (1.0 - judged))
    if learnt < count:
        raise ConfigError(f"the training window has {len(times):,} rows, too few for {count} rollouts")
    edges = [int(times[learnt * i // count]) for i in range(1, count)]
    last = int(times[min(learnt, len(times) - 1)]) if judged > 0.0 else tape.end_ns
    bounds = [tape.start_ns, *edges, last]
    return [*pairwise(bounds), (last, tape.end_ns)]


def _cut(tape: Tape, start: int, end: int) -> Tape:
    try:
        return tape.slice(pd.Timestamp(start, tz="UTC"), pd.Timestamp(end, tz="UTC"))
    except DataError as error:
        raise DataError(
            f"a part of the training window, from {time_text(start)} to {time_text(end)}, lacks an instrument: "
            f"{error}; begin where all instruments have rows, or ask for fewer rounds"
        ) from None
