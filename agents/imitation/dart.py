"""DART: the expert acts in every round, with noise on what it does, so that it shows how it comes back from mistakes.

Laskey, Lee, Fox, Dragan and Goldberg, "DART: Noise Injection for Robust Imitation Learning" (2017). The noise is fitted
to the error of the learner itself, on demonstrations that it was not fitted to: what it chooses where one class is in
force and one is wanted. Nobody but the expert ever acts, and labels are what it wanted, not what the noise made of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from halfspread.agents.imitation.cloning import clone
from halfspread.agents.imitation.dataset import ExpertDataset
from halfspread.agents.imitation.disturbance import Disturbance
from halfspread.agents.imitation.noise import confusion
from halfspread.agents.imitation.rollout import Episode
from halfspread.agents.imitation.rounds import RoundTrainer, late_rows
from halfspread.costs.base import Floats
from halfspread.errors import ConfigError

__all__ = ["DartTrainer", "NoiseTrainer"]


@dataclass
class NoiseTrainer(RoundTrainer):
    """Plain noise: in every round the expert acts, and with probability ``share`` any class is executed, all alike."""

    share: float

    def __post_init__(self) -> None:
        super().__post_init__()
        self._noise = Disturbance.uniform(self.share, self.settings.targets)

    def collect(self, round: int, rollout: int) -> Episode:
        """A rollout of the expert under noise."""
        return self.task.roll_out(rollout, disturb=self._noise)

    def description(self) -> dict[str, Any]:
        """See `RoundTrainer`."""
        return {**super().description(), "share": self.share}


@dataclass
class DartTrainer(RoundTrainer):
    """Round 0 without noise; before each later one the noise is fitted to the learner's error: a learner of all rows
    but the last ``held_out`` of each rollout is asked about those. ``scale``: times the error that is found (the
    paper's prior on the error of the final learner, as a factor)."""

    scale: float = 1.0
    held_out: float = 0.25

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.settings.head != "softmax":
            raise ConfigError("DART: the noise is fitted to classes; expected a softmax head")
        if not 0.0 < self.held_out < 1.0 or not self.scale >= 0.0:
            raise ConfigError(
                f"DART: expected held_out between 0 and 1 and scale from 0, got {self.held_out} and {self.scale}"
            )

    def prepare(self, round: int) -> None:
        """Fit the noise of the round."""
        self._noise = None if self.dataset is None else self._fitted(self.dataset, round)

    def collect(self, round: int, rollout: int) -> Episode:
        """A rollout of the expert under the noise of the round."""
        return self.task.roll_out(rollout, disturb=self._noise)

    def description(self) -> dict[str, Any]:
        """See `RoundTrainer`."""
        return {**super().description(), "scale": self.scale, "held_out": self.held_out}

    def _fitted(self, rows: ExpertDataset, round: int) -> Disturbance:
        late = late_rows(rows, self.held_out)
        settings = self.settings.model_copy(update={"validation": 0.0, "calibrate": False})
        learner = clone(rows.rows(~late), settings, np.random.default_rng([self.task.seed, 4, round]))
        judged = rows.rows(late)
        targets = np.array(self.settings.targets)
        held = np.abs(_in_force(rows)[late, None] - targets).argmin(axis=1)
        matrix = confusion(held, judged.classes(targets), learner.choices(judged), len(targets), self.scale)
        return Disturbance(targets, matrix)


def _in_force(rows: ExpertDataset) -> Floats:
    """The target in force when each row was decided: what was executed in the row before, 0 at the start."""
    before = np.zeros(len(rows))
    before[1:] = np.where(rows.episode[1:] == rows.episode[:-1], rows.executed[:-1], 0.0)
    return before
