"""How a learner errs, and noise that errs alike: what DART lets an expert execute.

Plain noise, which knows of no learner, is `disturbance.Disturbance`. Targets are of a few classes; what is none of them
counts as the nearest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from halfspread.agents.imitation.rollout import Disturb
from halfspread.costs.base import Floats, Integers
from halfspread.errors import DataError

__all__ = ["ConfusionNoise", "confusion"]


@dataclass(frozen=True, eq=False)
class ConfusionNoise:
    """``matrix`` (classes, classes, classes): [i, j] holds the probabilities of what is executed where class i is in
    force and class j is wanted. A run begins with target 0 in force. Raises DataError for what is no probability."""

    targets: tuple[float, ...]
    matrix: Floats

    def __post_init__(self) -> None:
        count = len(self.targets)
        if self.matrix.shape != (count, count, count):
            raise DataError(f"noise: {count} targets and a matrix of shape {self.matrix.shape}")
        if not (self.matrix >= 0.0).all() or not np.allclose(self.matrix.sum(axis=2), 1.0, atol=1e-9):
            raise DataError(f"noise: expected rows of probabilities, got {self.matrix.tolist()}")

    def start(self) -> Disturb:
        """The noise of one rollout, which keeps in mind what is in force."""
        held = self._nearest(0.0)

        def disturb(target: float, rng: np.random.Generator) -> float:
            nonlocal held
            wanted = self._nearest(target)
            edges = self.matrix[held, wanted].cumsum()
            drawn = min(int(edges.searchsorted(rng.random(), "right")), len(self.targets) - 1)
            held = drawn
            return target if drawn == wanted else self.targets[drawn]

        return disturb

    @property
    def share(self) -> float:
        """Mean probability of an error over all pairs of classes."""
        right = np.diagonal(self.matrix, axis1=1, axis2=2)
        return float(1.0 - right.mean())

    def _nearest(self, target: float) -> int:
        return min(range(len(self.targets)), key=lambda i: abs(self.targets[i] - target))


def confusion(
    held: Integers, wanted: Integers, chosen: Integers, count: int, scale: float = 1.0, most: float = 0.5
) -> Floats:
    """How a learner errs, (count, count, count): the share of each class ``chosen`` where a class is ``held`` and a
    class ``wanted``, errors times ``scale``, at most ``most`` of a pair together. A pair that is never seen is never
    mistaken.

    The maximum-likelihood fit of noise to a learner's error (Laskey et al. 2017, section 4), for classes. What is in
    force is told apart because a learner errs where something changes, by being early or late, and hardly elsewhere.
    """
    counts = np.zeros((count, count, count))
    np.add.at(counts, (held, wanted, chosen), 1.0)
    errors: Floats = scale * counts / np.maximum(counts.sum(axis=2, keepdims=True), 1.0)
    right = np.arange(count)
    errors[:, right, right] = 0.0
    errors *= np.minimum(1.0, most / np.maximum(errors.sum(axis=2, keepdims=True), 1e-300))
    errors[:, right, right] = 1.0 - errors.sum(axis=2)
    return errors
