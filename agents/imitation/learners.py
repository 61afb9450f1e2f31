"""Learners as agents of a config: each is shown a training window, imitates an expert there, and gives a policy.

They have ``fit(tape, rng, costs=..., options=...)``, so that the same agent is trained once (``halfspread train``),
fitted before a run (``[training]``), or refitted in every window of a walk-forward.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, ClassVar, cast

import numpy as np
import pandas as pd
from pydantic import Field

from halfspread.agents.features import FeatureSet
from halfspread.agents.imitation.augment import Augmentation
from halfspread.agents.imitation.cloning import BCPolicy, CloneSettings, clone
from halfspread.agents.imitation.dagger import DAggerTrainer
from halfspread.agents.imitation.dart import DartTrainer
from halfspread.agents.imitation.dataset import ExpertDataset, load_dataset
from halfspread.agents.imitation.demonstrate import demonstrate
from halfspread.agents.imitation.rounds import Round, RoundTrainer
from halfspread.agents.imitation.schedules import schedule_of
from halfspread.agents.imitation.task import Task
from halfspread.agents.imitation.transfer import few
from halfspread.agents.policies.model import Model
from halfspread.agents.policies.model_file import load_model
from halfspread.agents.policies.policy import Policy
from halfspread.agents.trees.boosting import TreeSettings
from halfspread.costs.model import Costs
from halfspread.engine.session import Options
from halfspread.engine.tape import Tape
from halfspread.engine.times import time_text
from halfspread.engine.training import training_range
from halfspread.errors import ConfigError, DataError
from halfspread.strategies.base import Strategy
from halfspread.strategies.fields import NotNegative

__all__ = ["BoostedClone", "Clone", "Dagger", "Dart", "Imitator", "Lesson", "Told", "shown"]

#: Gets what is being done.
Told = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Lesson:
    """What came of training: the ``policy`` as an agent, the clone that it is (with its fit and rows), the ``dataset``
    of all demonstrations, the ``expert`` (None where only its records are there), and the rounds of DAgger."""

    policy: Policy
    clone: BCPolicy
    dataset: ExpertDataset
    expert: Any
    rounds: tuple[Round, ...] = ()
    best: int = 0

    @property
    def model(self) -> Model:
        """The model."""
        return self.clone.model


class Imitator(Strategy):
    """What every learner that imitates has.

    ``expert``: the agent to imitate; or ``demonstrations``: a file of recorded ones (`save_dataset`), of which the rows
    inside the training window count. ``features`` and ``stack``: what the learner looks at; left out with a file: what
    the file holds. ``settings``: how it is fitted (`CloneSettings`). ``instrument``: which of the tape it trades, by
    its place. ``deterministic``: the policy takes the likeliest class; otherwise it draws.
    """

    expert: Any = None
    demonstrations: str = ""
    features: tuple[str, ...] = ()
    stack: Annotated[int, Field(ge=1)] = 1
    settings: CloneSettings = CloneSettings()
    instrument: Annotated[int, Field(ge=0)] = 0
    deterministic: bool = True
    agent_fields: ClassVar[tuple[str, ...]] = ("expert",)
    file_fields: ClassVar[tuple[str, ...]] = ("demonstrations",)

    def check(self) -> None:
        """An expert or its records, and features that there are. Raises ConfigError."""
        name = type(self).__name__
        if (self.expert is None) == (not self.demonstrations):
            found = "both" if self.demonstrations else "neither"
            raise ConfigError(f"{name}: expected an expert, or a file of demonstrations, got {found}")
        if self.expert is not None and not callable(getattr(self.expert, "reset", None)):
            raise ConfigError(f"{name}: expert: expected an agent, got {self.expert!r}")
        if self.expert is not None and not self.features:
            raise ConfigError(f'{name}: features: expected what it looks at, such as ["log_return(1)", "position"]')
        if self.features:
            FeatureSet(self.features, self.stack)

    def fit(self, tape: Tape, rng: np.random.Generator, *, costs: Costs, options: Mapping[str, Any]) -> Policy:
        """The policy learnt from a training window; ``options`` are those of `run_backtest`. Raises what `learn`
        does."""
        return self.learn(tape, rng, costs=costs, options=options).policy

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
        """What `fit` does, with all that it rests on; ``told`` gets each step as it begins. ``keep``: a folder in which
        finished rounds are kept, so that a training that was killed goes on from there. Raises ConfigError, DataError
        or StrategyError."""
        raise NotImplementedError

    def _terms(self, options: Mapping[str, Any], rng: np.random.Generator) -> Options:
        seed = int(rng.integers(2**31))
        return cast(Options, {**options, "mode": "auto", "keep_curve": False, "seed": seed})

    def _lesson(self, made: BCPolicy, dataset: ExpertDataset, expert: Any, **more: Any) -> Lesson:
        policy = Policy.of(made.model, deterministic=self.deterministic, instrument=self.instrument)
        return Lesson(policy, made, dataset, expert, **more)


class Clone(Imitator):
    """Behavioural cloning: a policy fitted to what an expert did in its own run of the training window.

    ``augment``: more rows of those there are (`Augmentation`). ``start``: a saved model to go on from, of the same
    features, head and sizes, such as one of another market; ``labels``: how many demonstrations count, the first in
    time, 0 for all of them.
    """

    augment: Augmentation | None = None
    start: str = ""
    labels: Annotated[int, Field(ge=0)] = 0
    file_fields: ClassVar[tuple[str, ...]] = ("demonstrations", "start")

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
        if expert is None:
            told("read the demonstrations")
            dataset = self._recorded(tape)
        else:
            told("record the expert")
            features = FeatureSet(self.features, self.stack)
            dataset = demonstrate(tape, expert, features, costs, instrument=self.instrument, **terms)
        if self.labels:
            dataset = few(dataset, self.labels)
        told("fit the clone")
        return self._lesson(self._fitted(dataset, rng), dataset, expert)

    def _fitted(self, dataset: ExpertDataset, rng: np.random.Generator) -> BCPolicy:
        start = load_model(self.start) if self.start else None
        return clone(dataset, self.settings, rng, start=start, augment=self.augment)

    def _recorded(self, tape: Tape) -> ExpertDataset:
        """The rows of the file that stand inside the window."""
        found = load_dataset(self.demonstrations)
        if self.features and FeatureSet(self.features, self.stack) != found.features:
            raise ConfigError(
                f"{self.demonstrations}: its features are {', '.join(found.features.names)} (stack "
                f"{found.features.stack}), not those of the config; leave features out to take them as they are"
            )
        inside = (found.times >= tape.start_ns) & (found.times <= tape.end_ns)
        if not inside.any():
            first, last = time_text(int(found.times.min())), time_text(int(found.times.max()))
            raise DataError(
                f"{self.demonstrations}: its rows go from {first} to {last}, none of them in the training window from "
                f"{time_text(tape.start_ns)} to {time_text(tape.end_ns)}"
            )
        return found.between(tape.start_ns, tape.end_ns)


class BoostedClone(Clone):
    """Behavioural cloning by gradient-boosted trees, for comparison: grown by LightGBM (the extra ``trees``), run by
    our own kernels. Of ``settings`` head, targets, class weights and what is set aside count."""

    trees: TreeSettings = TreeSettings()

    def _fitted(self, dataset: ExpertDataset, rng: np.random.Generator) -> BCPolicy:
        start = load_model(self.start) if self.start else None
        return clone(dataset, self.settings, rng, start=start, augment=self.augment, trees=self.trees)


class _InRounds(Imitator):
    """What learners have that ask their expert in rounds, each in a part of the training window of its own."""

    rounds: Annotated[int, Field(ge=1)] = 6
    rollouts: Annotated[int, Field(ge=1)] = 1
    judged: Annotated[float, Field(ge=0, lt=1)] = 0.2
    budget: Annotated[int, Field(ge=0)] = 0

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
        parts = _parts(tape, self.rounds * self.rollouts, self.judged)
        task = Task(
            expert,
            FeatureSet(self.features, self.stack),
            costs,
            terms,
            lambda number: _cut(tape, *parts[number]),
            lambda _: _cut(tape, *parts[-1]),
            int(terms["seed"]),
            self.instrument,
        )
        trainer = self._trainer(
            task,
            rounds=self.rounds,
            rollouts=self.rollouts,
            budget=self.budget or None,
            judged_by=1 if self.judged > 0.0 else 0,
            trained=training_range(tape),
            done=lambda each: told(f"round {each.number + 2} of {self.rounds}"),
            folder=keep,
        )
        told(f"round 1 of {self.rounds}")
        made = trainer.train()
        if trainer.dataset is None:
            raise DataError(f"{type(self).__name__}: no demonstrations")
        return self._lesson(made, trainer.dataset, expert, rounds=tuple(trainer.history), best=trainer.best.number)


class Dagger(_InRounds):
    """DAgger: rounds in which the learner acts in a part of the training window of its own, the expert says what it
    would have done, and the policy is fitted to all of it.

    ``rounds`` of ``rollouts`` each, so that the window is cut into as many parts; ``beta``: how often the expert acts
    (see `schedule_of`). ``judged``: share of the window, its end, that no round learns from and each round's policy is
    judged on; the best is kept. With 0 the last one is. ``budget``: labels at most, 0 for as many as there are.
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


def shown(expert: Any, tape: Tape, costs: Costs, options: Mapping[str, Any]) -> Any:
    """The expert; one that looks ahead is shown the training window, and nothing else."""
    foresee = getattr(expert, "foresee", None)
    return expert if foresee is None else foresee(tape, costs, **options)


def _parts(tape: Tape, count: int, judged: float) -> list[tuple[int, int]]:
    """Where each of ``count`` parts of a window with equally many rows begins and ends, and behind them the part that
    is judged on. Raises ConfigError for a window with too few rows."""
    feed = tape.feeds[0]
    times = feed.table(feed.market).times
    learnt = int(len(times) * (1.0 - judged))
    if learnt < count:
        raise ConfigError(f"the training window has {len(times):,} rows, too few for {count} rollouts")
    edges = [int(times[learnt * i // count]) for i in range(1, count)]
    last = int(times[min(learnt, len(times) - 1)]) if judged > 0.0 else tape.end_ns
    bounds = [tape.start_ns, *edges, last]
    return [*pairwise(bounds), (last, tape.end_ns)]


def _cut(tape: Tape, start: int, end: int) -> Tape:
    return tape.slice(pd.Timestamp(start, tz="UTC"), pd.Timestamp(end, tz="UTC"))
