"""Training in rounds: collect rollouts, add them to the examples, fit anew, judge. What DAgger and DART share.

With a ``folder`` the state is kept after every round, and the same trainer goes on from there after a kill, to the
same bits (`round_store`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from halfspread.agents.imitation.cloning import BCPolicy, CloneSettings, clone
from halfspread.agents.imitation.dataset import ExpertDataset
from halfspread.agents.imitation.judging import Judgement
from halfspread.agents.imitation.rollout import Episode, ExpertFailure
from halfspread.agents.imitation.round_store import KeptRound, RoundStore
from halfspread.agents.imitation.task import Task
from halfspread.agents.policies.model import Model, TrainingRange
from halfspread.costs.durations import parse_duration
from halfspread.errors import ConfigError, DataError, InstrumentError, StrategyError, UserError

__all__ = ["Round", "RoundTrainer", "late_rows", "renamed"]


@dataclass(frozen=True, eq=False)
class Round:
    """One round: its ``beta`` (how often the expert acted), the ``labels`` asked for so far, the ``policy`` after it,
    the ``disagreement`` of the policy before it at the states of this round, whoever acted there (NaN in round 0), and
    the ``judgement`` of the policy after it (None where it was not judged)."""

    number: int
    beta: float
    labels: int
    policy: BCPolicy
    disagreement: float
    judgement: Judgement | None


@dataclass
class RoundTrainer(ABC):
    """``rounds`` of ``rollouts`` each; the policy is fitted anew after every round, to all rows so far (``aggregate``)
    or to those of the round alone, but for the last of every rollout where the settings set rows aside. ``budget``:
    labels at most; what a rollout gives beyond it is not looked at. ``judged_by``: fresh rollouts after every round, 0
    for none; the best round by them is kept. ``trained``: the data that rollouts come from. ``done`` gets every
    finished round. ``folder``: where the state is kept; None: nowhere.

    Raises ConfigError for rounds, rollouts or a budget of none.
    """

    task: Task
    settings: CloneSettings
    _: KW_ONLY
    rounds: int = 6
    rollouts: int = 1
    budget: int | None = None
    aggregate: bool = True
    judged_by: int = 0
    trained: tuple[TrainingRange, ...] = ()
    done: Callable[[Round], None] | None = None
    folder: Path | None = None
    history: list[Round] = field(default_factory=list, init=False)
    dataset: ExpertDataset | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.rounds < 1 or self.rollouts < 1:
            raise ConfigError(
                f"{self.title}: expected at least one round of one rollout, got {self.rounds} of {self.rollouts}"
            )
        if self.budget is not None and self.budget < 1:
            raise ConfigError(f"{self.title}: a budget of {self.budget} labels; expected at least 1")

    @property
    def title(self) -> str:
        """What it is called in messages."""
        return type(self).__name__.removesuffix("Trainer")

    def train(self) -> BCPolicy:
        """Run all rounds that are left; the best policy (the last one where none was judged).

        Raises what rollouts and fits raise, with the round; the rounds before are kept.
        """
        if not self.history:
            self._take_up()
        while len(self.history) < self.rounds and not self._spent:
            number = len(self.history)
            try:
                self._round(number)
            except UserError as error:
                where = f" in {self.folder}" if self.folder is not None else ""
                kept = f"; the {number} before it are kept{where}" if number else ""
                raise renamed(error, f"{self.title}, round {number}{kept}: {error}") from error
        return self.best.policy

    @property
    def best(self) -> Round:
        """The round whose policy disagreed least with the expert on fresh rollouts; the last one where none did any."""
        if not self.history:
            raise ConfigError(f"{self.title}: no round was run")
        judged = [(each.judgement.disagreement, each.number) for each in self.history if each.judgement is not None]
        return self.history[min(judged)[1]] if judged else self.history[-1]

    @property
    def labels(self) -> int:
        """How many labels were used so far."""
        return self.history[-1].labels if self.history else 0

    @abstractmethod
    def collect(self, round: int, rollout: int) -> Episode:
        """One rollout of a round. ``rollout`` counts on through all rounds."""

    def share_of_expert(self, round: int) -> float:
        """How often the expert acts in a round."""
        return 1.0

    def prepare(self, round: int) -> None:  # noqa: B027 - nothing to prepare is fine
        """Called before the rollouts of a round."""

    def description(self) -> dict[str, Any]:
        """What tells this training from others, as JSON takes it; the number of rounds is not part of it, so that a
        finished run can be given more."""
        return {
            "trainer": self.title,
            "task": self.task.description(),
            "settings": self.settings.model_dump(mode="json"),
            "rollouts": self.rollouts,
            "budget": self.budget,
            "aggregate": self.aggregate,
            "judged_by": self.judged_by,
            "trained": [vars(each) for each in self.trained],
        }

    @property
    def learner(self) -> Model | None:
        """The model of the round before; None in round 0."""
        return self.history[-1].policy.model if self.history else None

    @property
    def _spent(self) -> bool:
        return self.budget is not None and self.labels >= self.budget

    def _round(self, number: int) -> None:
        labels = self.labels
        beta = self.share_of_expert(number)
        self.prepare(number)
        fresh = self._fresh(number, None if self.budget is None else self.budget - labels)
        dataset = fresh if self.dataset is None or not self.aggregate else self.dataset + fresh
        train, judged = self._split(dataset)
        policy = clone(train, self._fits, np.random.default_rng([self.task.seed, 3, number]), validation=judged)
        wrong = 1.0 - self.history[-1].policy.agreement(fresh) if self.history else float("nan")
        judgement = None
        if self.judged_by:
            own = [self.task.judge(i, policy.model) for i in range(self.judged_by)]
            judgement = Judgement.of(own, policy.model.targets)
        made = Round(number, beta, labels + len(fresh), policy, wrong, judgement)
        if self._store is not None:
            self._store.keep(KeptRound(number, beta, made.labels, wrong, judgement, policy.fit), fresh, policy.model)
        self.history.append(made)
        self.dataset = dataset
        if self.done is not None:
            self.done(made)

    def _fresh(self, number: int, left: int | None) -> ExpertDataset:
        """The rows of a round, ``left`` at most; no rollout begins where none is left."""
        episodes: list[Episode] = []
        rows = 0
        for i in range(self.rollouts):
            if left is not None and rows >= left:
                break
            episodes.append(self.collect(number, number * self.rollouts + i))
            rows += len(episodes[-1].times)
        fresh = ExpertDataset.of(episodes, self.task.features, round=number, trained=self.trained)
        return fresh if left is None else fresh.rows(slice(0, left))

    @property
    def _fits(self) -> CloneSettings:
        """The settings of a fit; what it is judged by is set aside here."""
        return self.settings.model_copy(update={"validation": 0.0})

    def _split(self, dataset: ExpertDataset) -> tuple[ExpertDataset, ExpertDataset | None]:
        """The rows to fit, and those to judge a fit by: the last of every rollout, so that each round counts in both;
        what lies an embargo or less before these is in neither. Raises ConfigError where nothing is left to fit."""
        if self.settings.validation == 0.0:
            return dataset, None
        late = late_rows(dataset, self.settings.validation)
        early = ~late & ~_just_before(dataset, late, parse_duration(self.settings.embargo))
        if not early.any():
            raise ConfigError(
                f"an embargo of {self.settings.embargo} is longer than the rollouts: nothing is left to fit"
            )
        return dataset.rows(early), dataset.rows(late)

    @cached_property
    def _store(self) -> RoundStore | None:
        return None if self.folder is None else RoundStore(self.folder, self.description())

    def _take_up(self) -> None:
        """Take the finished rounds from the folder."""
        if self._store is None:
            return
        for kept, fresh, model in self._store.read():
            dataset = fresh if self.dataset is None or not self.aggregate else self.dataset + fresh
            train, judged = self._split(dataset)
            policy = BCPolicy(model, kept.fit, train, judged)
            self.history.append(Round(kept.number, kept.beta, kept.labels, policy, kept.disagreement, kept.judgement))
            self.dataset = dataset


def renamed(error: UserError, text: str) -> UserError:
    """The same kind of error with another message; what an expert that failed had recorded stays with it."""
    if isinstance(error, ExpertFailure):
        return ExpertFailure(text, error.recorded)
    kinds = (ConfigError, DataError, InstrumentError, StrategyError)
    return next((kind(text) for kind in kinds if isinstance(error, kind)), UserError(text))


def late_rows(rows: ExpertDataset, share: float) -> Any:
    """Whether a row is among the last ``share`` of its rollout, (rows,) bool; the last one of each is."""
    late = np.zeros(len(rows), np.bool_)
    for places in _rollouts(rows):
        late[places[len(places) - max(int(share * len(places)), 1) :]] = True
    return late


def _just_before(rows: ExpertDataset, late: Any, embargo: int) -> Any:
    """Whether a row lies within an embargo before the late ones of its rollout."""
    near = np.zeros(len(rows), np.bool_)
    for places in _rollouts(rows):
        first = rows.times[places[late[places]]].min()
        near[places] = (rows.times[places] < first) & (rows.times[places] > first - embargo)
    return near


def _rollouts(rows: ExpertDataset) -> list[Any]:
    """The places of the rows of each rollout."""
    return [np.flatnonzero(rows.episode == episode) for episode in np.unique(rows.episode)]
