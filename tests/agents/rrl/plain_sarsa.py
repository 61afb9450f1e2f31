"""Echo state SARSA in plain NumPy, straight from the formulas, as the reference of the kernels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from halfspread.agents.reservoir.reservoir import Reservoir

Floats = np.ndarray[Any, np.dtype[np.float64]]
WORD = 2**64


def uniform(state: list[int]) -> float:
    """SplitMix64 in [0, 1), on Python's whole numbers."""
    state[0] = (state[0] + 0x9E3779B97F4A7C15) % WORD
    mixed = state[0]
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB % WORD
    mixed ^= mixed >> 31
    return (mixed >> 11) * 2.0**-53


@dataclass
class PlainSarsa:
    """One decision after the other."""

    inputs: int
    bits: int
    reservoir: Reservoir | None = None
    feedback: int = 10
    rate: float = 0.05
    discount: float = 0.99
    lam: float = 0.0
    exploration: float = 0.05
    halving: float = 10_000
    clip: float = 0.99
    chosen: bool = False
    steps: int = 0
    before: Any = None
    owed: float = 0.0
    f: float = 0.0
    drawn: int = 0
    q: Floats = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        self.size = 0 if self.reservoir is None else self.reservoir.size
        self.x, self.y = np.zeros(self.size), np.zeros(self.feedback)
        width = self.inputs + 1 + self.size + self.feedback
        self.w, self.e = np.zeros((3, width)), np.zeros((3, width))
        self.state = [self.bits]
        self.updates = 0

    def step(self, inputs: Floats, move: float, cost: float, carry: float) -> float:
        u = np.append(inputs, 1.0)
        if self.reservoir is not None:
            r = self.reservoir
            self.x = np.tanh(r.w_in @ u + r.w @ self.x + r.w_back @ self.y)
        z = np.concatenate([u, self.x, self.y])
        self.q = self.w @ z
        fades = 1 / (1 + self.steps / self.halving)
        self.steps += 1
        if uniform(self.state) < self.exploration * fades:
            a, self.drawn = int(3 * uniform(self.state)), self.drawn + 1
        else:
            a = max((1, 2, 0), key=lambda i: self.q[i])
        f = (a - 1) * self.clip
        if self.before is not None:
            past, z_past = self.before
            reward = move * self.f - self.owed - (0.0 if self.chosen else carry * self.f)
            error = reward + self.discount * self.q[a] - self.w[past] @ z_past
            self.e *= self.discount * self.lam
            self.e[past] += z_past
            apart = np.zeros_like(self.e)
            apart[past] += z_past
            apart[a] -= self.discount * z
            rate = self.rate / (1 + self.updates / self.halving)
            self.w += rate * error * self.e / (1 + np.linalg.norm(self.e) * np.linalg.norm(apart))
            self.updates += 1
        self.owed = cost * abs(f - self.f) + (carry * f if self.chosen else 0.0)
        self.before = (a, z)
        if self.feedback:
            self.y = np.append(self.y[1:], f)
        self.f = f
        return f
