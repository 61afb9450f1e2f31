"""DAgger: let the learner act, ask the expert at the states it comes to, add these to the examples, and fit again.

Ross, Gordon and Bagnell, "A Reduction of Imitation Learning and Structured Prediction to No-Regret Online Learning"
(2011). Behavioural cloning knows the expert's own states alone, and errs where its errors lead; DAgger has seen those.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from halfspread.agents.features import FeatureSet
from halfspread.agents.imitation.cloning import BCPolicy, CloneSettings, clone
from halfspread.agents.imitation.dataset import ExpertDataset
from halfspread.agents.imitation.rollout import Disturb, Episode, roll_out
from halfspread.agents.imitation.schedules import Schedule
from halfspread.agents.policies.model import Model, TrainingRange
from halfspread.costs.model import Costs
from halfspread.engine.session import Options
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError

__all__ = ["DAggerTrainer", "Judgement", "Round", "Task", "disagreement"]

#: Gives the market of a rollout by its number; the same number gives the same market.
Markets = Callable[[int], Tape]


@dataclass(frozen=True)
class Task:
    """What is imitated, and where: ``expert``, ``features``, ``costs``, and the ``options`` of a run (`run_backtest`).

    ``markets`` to learn on, ``fresh`` ones to be judged on; ``seed`` of all drawing.
    """

    expert: Any
    features: FeatureSet
    costs: Costs
    options: Options
    markets: Markets
    fresh: Markets
    seed: int = 0

    def roll_out(
        self, number: int, learner: Model | None = None, beta: float = 1.0, disturb: Disturb | None = None
    ) -> Episode:
        """A rollout on a market to learn on."""
        return self._run(self.markets(number), [self.seed, 1, number], learner, beta, disturb)

    def judge(self, number: int, learner: Model) -> Episode:
        """A rollout on a fresh market, in which the learner acts alone."""
        return self._run(self.fresh(number), [self.seed, 2, number], learner, 0.0, None)

    def _run(
        self, tape: Tape, seed: Sequence[int], learner: Model | None, beta: float, disturb: Disturb | None
    ) -> Episode:
        options = self.options.copy()
        options["seed"] = int(np.random.default_rng(seed).integers(2**31))
        return roll_out(
            tape, self.expert, self.features, self.costs, learner=learner, beta=beta, disturb=disturb, **options
        )


def disagreement(episodes: Sequence[Episode]) -> float:
    """Share of decisions at which what the learner did is not what the expert wanted."""
    wrong = sum(int((episode.expert != episode.executed).sum()) for episode in episodes)
    return wrong / sum(len(episode.times) for episode in episodes)


@dataclass(frozen=True)
class Judgement:
    """How a policy does by itself on fresh markets: ``disagreement`` with the expert, and ``pnl`` a rollout (report
    currency), with their standard errors over rollouts."""

    disagreement: float
    disagreement_error: float
    pnl: float
    pnl_error: float

    @classmethod
    def of(cls, episodes: Sequence[Episode]) -> Judgement:
        """From rollouts of equal length."""
        wrong = np.array([disagreement([episode]) for episode in episodes])
        pnl = np.array([episode.result.pnl for episode in episodes])
        root = np.sqrt(max(len(episodes) - 1, 1))
        return cls(float(wrong.mean()), float(wrong.std() / root), float(pnl.mean()), float(pnl.std() / root))


@dataclass(frozen=True, eq=False)
class Round:
    """One round: its ``beta``, the labels asked for so far, the ``policy`` after it, what the learner did in it
    (``disagreement`` at the states where it acted or would have, NaN in round 0), and its ``judgement``."""

    number: int
    beta: float
    labels: int
    policy: BCPolicy
    disagreement: float
    judgement: Judgement | None


@dataclass
class DAggerTrainer:
    """``rounds`` of ``rollouts`` each; the policy is fitted anew after every round, to all rows so far
    (``aggregate``) or to those of the round alone. ``budget``: labels at most; the last rollout may be cut short by
    it. ``judged_by``: fresh rollouts after every round, 0 for none; the best round by them is kept."""

    task: Task
    settings: CloneSettings
    beta: Schedule
    rounds: int = 6
    rollouts: int = 1
    budget: int | None = None
    aggregate: bool = True
    judged_by: int = 0
    trained: tuple[TrainingRange, ...] = ()
    done: Callable[[Round], None] | None = None
    history: list[Round] = field(default_factory=list)
    dataset: ExpertDataset | None = None

    def train(self) -> BCPolicy:
        """Run all rounds that are left; the best policy (the last one where none was judged). Raises ConfigError for a
        budget or rounds of none."""
        if self.rounds < 1 or self.rollouts < 1:
            raise ConfigError(
                f"DAgger: expected at least one round of one rollout, got {self.rounds} of {self.rollouts}"
            )
        if self.budget is not None and self.budget < 1:
            raise ConfigError(f"DAgger: a budget of {self.budget} labels; expected at least 1")
        while len(self.history) < self.rounds and not self._spent:
            self._round(len(self.history))
        return self.best.policy

    @property
    def best(self) -> Round:
        """The round whose policy disagreed least with the expert on fresh rollouts; the last one where none did any."""
        if not self.history:
            raise ConfigError("DAgger: no round was run")
        judged = [each for each in self.history if each.judgement is not None]
        return min(judged, key=lambda each: each.judgement.disagreement) if judged else self.history[-1]  # type: ignore[union-attr]

    @property
    def labels(self) -> int:
        """How often the expert was asked so far."""
        return self.history[-1].labels if self.history else 0

    @property
    def _spent(self) -> bool:
        return self.budget is not None and self.labels >= self.budget

    def _round(self, number: int) -> None:
        learner = self.history[-1].policy.model if self.history else None
        before = self.history[-1].disagreement if len(self.history) > 1 else None
        if len(self.history) == 1 and learner is not None:
            before = 1.0 - self.history[0].policy.agreement(self.history[0].policy.validation or self._rows)
        beta = 1.0 if learner is None else self.beta(number, before)
        first = number * self.rollouts
        episodes = [self.task.roll_out(first + i, learner, beta) for i in range(self.rollouts)]
        fresh = ExpertDataset.of(episodes, self.task.features, round=number, trained=self.trained)
        if self.budget is not None:
            fresh = fresh.rows(slice(0, self.budget - self.labels))
        self.dataset = fresh if self.dataset is None or not self.aggregate else self.dataset + fresh
        labels = self.labels + len(fresh)
        policy = clone(self.dataset, self.settings, np.random.default_rng([self.task.seed, 3, number]))
        wrong = float("nan") if learner is None else _would_disagree(learner, fresh)
        judgement = None
        if self.judged_by:
            judgement = Judgement.of([self.task.judge(i, policy.model) for i in range(self.judged_by)])
        self.history.append(Round(number, beta, labels, policy, wrong, judgement))
        if self.done is not None:
            self.done(self.history[-1])

    @property
    def _rows(self) -> ExpertDataset:
        if self.dataset is None:
            raise ConfigError("DAgger: no round was run")
        return self.dataset


def _would_disagree(learner: Model, rows: ExpertDataset) -> float:
    """Share of rows at which the learner wants another class than the expert, whoever acted."""
    outputs = learner.network.outputs(learner.scaler(rows.observations))
    return float((outputs.argmax(axis=1) != rows.classes(learner.targets)).mean())
