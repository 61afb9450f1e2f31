"""The learners that are compared: each is given a task and so many rollouts of labels, and gives a policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from halfspread.agents.imitation.cloning import CloneSettings, clone
from halfspread.agents.imitation.dagger import DAggerTrainer
from halfspread.agents.imitation.dart import DartTrainer, NoiseTrainer
from halfspread.agents.imitation.dataset import ExpertDataset
from halfspread.agents.imitation.schedules import Schedule, adaptive, exponential, indicator, linear
from halfspread.agents.imitation.task import Task
from halfspread.agents.policies.model import Model
from halfspread.agents.worlds.world import LearningWorld

__all__ = ["LEARNERS", "Learner", "settings_of"]


@dataclass(frozen=True)
class Learner:
    """``title`` in tables; ``learn`` from a task, settings and the number of rollouts."""

    title: str
    learn: Callable[[Task, CloneSettings, int], Model]


def settings_of(world: LearningWorld, epochs: int) -> CloneSettings:
    """The network of the brief's yardstick: 32-32, Adam at 0.003, batches of 256, nothing set aside."""
    return CloneSettings(
        hidden=(32, 32), epochs=epochs, batch=256, rate=3e-3, targets=world.targets, validation=0.0, calibrate=False
    )


def _shown(task: Task, rollouts: int) -> ExpertDataset:
    return ExpertDataset.of([task.roll_out(i) for i in range(rollouts)], task.features)


def _cloned(task: Task, settings: CloneSettings, rollouts: int) -> Model:
    return clone(_shown(task, rollouts), settings, _as_in_the_last_round(task, rollouts)).model


def _as_in_the_last_round(task: Task, rollouts: int) -> np.random.Generator:
    """What a trainer draws from in its last round, so that the same rows give the same policy."""
    return np.random.default_rng([task.seed, 3, rollouts - 1])


def _duplicated(task: Task, settings: CloneSettings, rollouts: int) -> Model:
    """Chapter 307's DAgger: the mixed action is thrown away, and the first rollout is added again in each round."""
    once = _shown(task, 1)
    many = once.rows(np.tile(np.arange(len(once)), rollouts))
    return clone(many, settings, _as_in_the_last_round(task, rollouts)).model


def _dagger(schedule: Callable[[int], Schedule], aggregate: bool = True) -> Callable[[Task, CloneSettings, int], Model]:
    def learn(task: Task, settings: CloneSettings, rollouts: int) -> Model:
        trainer = DAggerTrainer(task, settings, schedule(rollouts), rounds=rollouts, aggregate=aggregate)
        return trainer.train().model

    return learn


def _noisy(share: float) -> Callable[[Task, CloneSettings, int], Model]:
    def learn(task: Task, settings: CloneSettings, rollouts: int) -> Model:
        return NoiseTrainer(task, settings, share, rounds=1, rollouts=rollouts).train().model

    return learn


def _dart(task: Task, settings: CloneSettings, rollouts: int) -> Model:
    return DartTrainer(task, settings, rounds=rollouts).train().model


LEARNERS: Mapping[str, Learner] = {
    "bc": Learner("behavioural cloning", _cloned),
    "dagger": Learner("DAgger, beta = 0.5^i", _dagger(lambda _: exponential())),
    "dagger_indicator": Learner("DAgger, beta = 1 then 0", _dagger(lambda _: indicator())),
    "dagger_linear": Learner("DAgger, linear beta", _dagger(linear)),
    "dagger_adaptive": Learner("DAgger, beta by disagreement", _dagger(lambda _: adaptive())),
    "dart": Learner("DART, noise fitted", _dart),
    "noise_01": Learner("action noise 1 %", _noisy(0.01)),
    "noise_03": Learner("action noise 3 %", _noisy(0.03)),
    "noise_10": Learner("action noise 10 %", _noisy(0.10)),
    "duplicates": Learner("Chapter 307's DAgger", _duplicated),
    "last_round_only": Learner("last round only", _dagger(lambda _: indicator(), aggregate=False)),
}
