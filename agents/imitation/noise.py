"""Noise on what is executed, so that an expert's demonstrations show how it comes back from mistakes.

Each is a `Disturb`: it gets the target that was to be executed and a generator, and gives another one. Targets are of a
few classes; what is none of them counts as the nearest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from halfspread.costs.base import Floats, Integers
from halfspread.errors import ConfigError, DataError

__all__ = ["ActionNoise", "ConfusionNoise", "confusion"]


@dataclass(frozen=True, eq=False)
class ActionNoise:
    """With probability ``share`` any of ``targets``, the right one among them, each as likely. Raises ConfigError."""

    share: float
    targets: tuple[float, ...]

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= 1.0:
            raise ConfigError(f"noise: expected a probability from 0 to 1, got {self.share}")
        if not self.targets:
            raise ConfigError("noise: expected targets to choose from, got none")

    def __call__(self, target: float, rng: np.random.Generator) -> float:
        return self.targets[int(rng.integers(len(self.targets)))] if rng.random() < self.share else target


@dataclass(frozen=True, eq=False)
class ConfusionNoise:
    """``matrix`` (classes, classes): row i holds the probabilities of what is executed where class i is wanted. Raises
    DataError for rows that are no probabilities."""

    targets: tuple[float, ...]
    matrix: Floats

    def __post_init__(self) -> None:
        count = len(self.targets)
        if self.matrix.shape != (count, count):
            raise DataError(f"noise: {count} targets and a matrix of shape {self.matrix.shape}")
        if not (self.matrix >= 0.0).all() or not np.allclose(self.matrix.sum(axis=1), 1.0, atol=1e-9):
            raise DataError(f"noise: expected rows of probabilities, got {self.matrix.tolist()}")

    def __call__(self, target: float, rng: np.random.Generator) -> float:
        wanted = min(range(len(self.targets)), key=lambda i: abs(self.targets[i] - target))
        left = rng.random()
        for i, share in enumerate(self.matrix[wanted].tolist()):
            left -= share
            if left < 0.0:
                return target if i == wanted else self.targets[i]
        return target


def confusion(wanted: Integers, chosen: Integers, count: int, scale: float = 1.0, most: float = 0.5) -> Floats:
    """How a learner errs, (count, count): the share of each class ``chosen`` where a class is ``wanted``, errors times
    ``scale``, at most ``most`` of a class together. A class that is never wanted is never mistaken.

    The maximum-likelihood fit of noise to a learner's error, for classes (Laskey et al. 2017, section 4).
    """
    counts = np.zeros((count, count))
    np.add.at(counts, (wanted, chosen), 1.0)
    seen = counts.sum(axis=1, keepdims=True)
    errors = scale * counts / np.maximum(seen, 1.0)
    np.fill_diagonal(errors, 0.0)
    total = errors.sum(axis=1, keepdims=True)
    errors *= np.minimum(1.0, most / np.maximum(total, 1e-300))
    found: Floats = errors + np.diag(1.0 - errors.sum(axis=1))
    return found
