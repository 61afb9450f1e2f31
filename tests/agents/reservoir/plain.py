"""Echo state networks in plain NumPy, to compare with."""

from __future__ import annotations

import numpy as np

from halfspread.agents.reservoir import ReservoirSettings
from halfspread.costs.base import Floats


def drawn(
    settings: ReservoirSettings, inputs: int, feedbacks: int, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """The construction of the paper, line for line: weights of inputs, the reservoir, weights of feedbacks."""
    n = settings.size
    w_in = settings.input_scale * rng.standard_normal((n, inputs))
    w = rng.random((n, n))  # 1. not negative
    w *= settings.radius / np.abs(np.linalg.eigvals(w)).max()  # 2. its radius
    w[rng.random((n, n)) < settings.flips] *= -1.0  # 3. signs
    w[rng.random((n, n)) < settings.sparsity] = 0.0  # 4. zeros
    if settings.construction == "rescaled":
        w *= settings.radius / np.abs(np.linalg.eigvals(w)).max()
    w_back = settings.feedback_scale * rng.standard_normal((n, feedbacks))
    return w_in, w, w_back


def states(w_in: Floats, w: Floats, w_back: Floats, leak: float, u: Floats, y: Floats, start: Floats) -> Floats:
    """States after each row of ``u`` and ``y``, (steps, units)."""
    x, found = start, []
    for inputs, fed in zip(u, y, strict=True):
        x = (1.0 - leak) * x + leak * np.tanh(w_in @ inputs + w @ x + w_back @ fed)
        found.append(x)
    return np.array(found).reshape(len(u), len(w))
