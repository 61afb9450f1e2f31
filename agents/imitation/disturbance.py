"""Noise on what is executed in a rollout, as a table of chances: quick enough for a rollout in compiled code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from halfspread.costs.base import Floats
from halfspread.errors import ConfigError

__all__ = ["Disturbance"]


@dataclass(frozen=True, eq=False)
class Disturbance:
    """Executes ``levels[j]`` instead of ``levels[i]`` with the probability ``chances[i, j]``; a target that is no level
    counts as the nearest, and stays where that is drawn.

    Raises ConfigError where the levels are not different targets, or a line of chances does not add to 1.
    """

    levels: Floats
    chances: Floats

    def __post_init__(self) -> None:
        levels, chances = (np.ascontiguousarray(each, np.float64) for each in (self.levels, self.chances))
        object.__setattr__(self, "levels", levels)
        object.__setattr__(self, "chances", chances)
        if levels.ndim != 1 or len(np.unique(levels)) != len(levels) or not (np.abs(levels) <= 1.0).all():
            raise ConfigError(f"noise: expected different levels from -1 to 1, got {levels.tolist()}")
        if chances.shape != (len(levels), len(levels)) or not (chances >= 0.0).all():
            raise ConfigError(f"noise: expected {len(levels)} x {len(levels)} chances from 0, got {chances.tolist()}")
        if not np.allclose(chances.sum(axis=1), 1.0, atol=1e-9):
            raise ConfigError(
                f"noise: expected chances that add to 1 in every line, got {chances.sum(axis=1).tolist()}"
            )

    @classmethod
    def uniform(cls, share: float, levels: tuple[float, ...] = (-1.0, 0.0, 1.0)) -> Disturbance:
        """With probability ``share`` any of the levels, all alike. Raises ConfigError for a share that is none."""
        if not 0.0 <= share <= 1.0:
            raise ConfigError(f"noise: expected a probability from 0 to 1, got {share}")
        count = len(levels)
        return cls(np.array(levels), (1.0 - share) * np.eye(count) + np.full((count, count), share / max(count, 1)))

    @property
    def table(self) -> Floats:
        """As the kernel takes it: the levels, then the lines of chances."""
        return np.concatenate([self.levels, self.chances.ravel()])

    def at(self, target: float, draw: float) -> float:
        """What a draw from [0, 1) makes of a target."""
        near = int(np.abs(self.levels - target).argmin())
        for j, chance in enumerate(self.chances[near].tolist()):
            draw -= chance
            if draw < 0.0:
                return target if j == near else float(self.levels[j])
        return target

    def __call__(self, target: float, rng: np.random.Generator) -> float:
        """What noise makes of a target."""
        return self.at(target, rng.random())
