"""Samples of states with a known truth: autoregressive features, an expert that is a function of them, and a learner
that errs where it is told to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from halfspread.agents.features import FeatureSet
from halfspread.agents.imitation.dataset import ExpertDataset
from halfspread.costs.base import Floats

__all__ = ["FEATURES", "autoregressive", "demonstrations"]

FEATURES = FeatureSet(("momentum(5)", "momentum(20)", "volatility(20)", "position"))
HOUR = 3_600_000_000_000


def autoregressive(rng: np.random.Generator, rows: int, columns: int, memory: float) -> Floats:
    """Rows of unit variance, each ``memory`` x the one before it and noise."""
    found: Floats = rng.standard_normal((rows, columns)) * np.sqrt(1.0 - memory**2)
    found[0] /= np.sqrt(1.0 - memory**2)
    for row in range(1, rows):
        found[row] += memory * found[row - 1]
    return found


def sign_of_momentum(states: Floats, rng: np.random.Generator) -> Floats:
    """Follows the first feature where it is large."""
    return np.where(np.abs(states[:, 0]) > 0.5, np.sign(states[:, 0]), 0.0)


def demonstrations(
    rng: np.random.Generator,
    rows: int,
    *,
    memory: float = 0.0,
    shift: float = 0.0,
    expert: Callable[[Floats, np.random.Generator], Floats] = sign_of_momentum,
    wrong: Callable[[Floats], Floats] | float = 0.0,
    episodes: int = 1,
) -> ExpertDataset:
    """``shift`` is added to the first feature; ``wrong``: the probability, of each row, that another action was done
    than the expert wanted."""
    parts = [autoregressive(rng, rows // episodes, FEATURES.count, memory) for _ in range(episodes)]
    states = np.concatenate(parts) + shift * np.eye(FEATURES.count)[0]
    wanted = expert(states, rng)
    chance = np.full(len(states), wrong) if isinstance(wrong, float) else wrong(states)
    done = np.where(rng.random(len(states)) < chance, np.where(wanted == 0.0, 1.0, -wanted), wanted)
    times = np.concatenate([np.arange(len(part)) for part in parts]) * HOUR
    numbers = np.repeat(np.arange(episodes), rows // episodes)
    ones, zeros = np.ones(len(states)), np.zeros(len(states), np.int64)
    return ExpertDataset(FEATURES, states, times, wanted, done, zeros + 1, numbers, zeros, times, ones, ones)
