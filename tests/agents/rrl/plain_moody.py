"""The learner of Moody and Saffell in plain NumPy, straight from the formulas, as the reference of the kernels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass
class PlainMoody:
    """One decision after the other. ``w``: first weights, [features, 1, last position]."""

    w: Floats
    rate: float = 0.01
    decay: float = 0.999
    fade: float = 0.01
    first: int = 100
    least: float = 0.1
    longest: float = 0.1
    clip: float = 0.99
    chosen: bool = False
    f: float = 0.0
    a: float = 0.0
    b: float = 0.0
    market: float = 0.0
    count: int = 0
    trace: Floats = field(default_factory=lambda: np.zeros(0))
    gradient: Floats = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        self.w = self.w.copy()
        self.trace = np.zeros(len(self.w))

    def step(self, inputs: Floats, move: float, cost: float, carry: float) -> float:
        z = np.concatenate([inputs, [1.0, self.f]])
        f = float(np.clip(np.tanh(self.w @ z), -self.clip, self.clip))
        sign = np.sign(f - self.f)
        pays = f if self.chosen else self.f
        r = move * self.f - cost * abs(f - self.f) - carry * pays
        trace = (1 - f * f) * (z + self.w[-1] * self.trace)
        by_now = -cost * sign - carry * self.chosen
        by_before = move + cost * sign - carry * (not self.chosen)
        variance = max(self.b - self.a**2, self.least**2 * self.market)
        if variance > 0:
            b = variance + self.a**2  # B itself, unless the reward has been too steady
            slope = (b - self.a * r) / variance**1.5
            self.gradient = slope * (by_now * trace + by_before * self.trace)
            if self.count >= self.first:
                change = self.rate * self.gradient
                change *= min(1.0, self.longest / max(float(np.linalg.norm(change)), 1e-300))
                self.w = (1 - self.rate * self.fade) * self.w + change
        self.count += 1
        eta = max(1 - self.decay, 1 / self.count)
        self.a += eta * (r - self.a)
        self.b += eta * (r * r - self.b)
        self.market += eta * (move * move - self.market)
        self.f, self.trace = f, trace
        return f
