"""The ESN-RRL agent in plain NumPy, line by line as its formulas are written down: what the kernels are held against.

The numbers are those of the equations of Borrageiro, Firoozye and Barucca (2022). It shares nothing with the kernels
but the names of the settings.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]
YEAR = 365 * 86_400 * 10**9
SCALES = {"relative": 1.0, "percent": 1e2, "bp": 1e4}


def draw(settings: Any, inputs: int, feedbacks: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """The paper's reservoir: W_in, W, W_back."""
    n = settings.size
    w_in = settings.input_scale * rng.standard_normal((n, inputs))
    w = rng.random((n, n))
    w *= settings.radius / np.abs(np.linalg.eigvals(w)).max()
    w[rng.random((n, n)) < settings.flips] *= -1.0
    w[rng.random((n, n)) < settings.sparsity] = 0.0
    w_back = settings.feedback_scale * rng.standard_normal((n, feedbacks))
    return w_in, w, w_back


class SlowEsnRrl:
    """One run. ``agent``: the settings, an EsnRrl."""

    def __init__(self, agent: Any, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.agent = agent
        self.inputs, self.lags = agent.inputs, agent.feedback
        none = agent.reservoir == "none"
        self.size = 0 if none else agent.reservoir.size
        self.leak = 1.0 if none else agent.reservoir.leak
        self.w_in, self.w, self.w_back = np.zeros((0, self.inputs)), np.zeros((0, 0)), np.zeros((0, self.lags))
        if not none:
            self.w_in, self.w, self.w_back = draw(agent.reservoir, self.inputs, self.lags, rng)
        self.width = self.inputs + self.size + self.lags
        deviation = agent.initial_deviation
        self.weights = deviation * rng.standard_normal(self.width) if deviation else np.zeros(self.width)
        self.P = np.eye(self.width) / agent.update.ridge
        self.forget()
        self.held = self.mean = self.variance = self.shadow = self.unpaid = 0.0
        self.price: float | None = None
        self.time = self.decisions = self.updates = self.updates_skipped = self.blind = 0
        self.open, self.gate_changes, self.shut, self.after_gap = True, 0, 0, False

    def forget(self) -> None:
        """What the past has left in the state, but for weights, covariance, moments and the position."""
        self.x, self.y = np.zeros(self.size), np.zeros(self.lags)
        self.D, self.direct = np.zeros(self.width), np.zeros(self.width)
        self.D_of_lags = np.zeros((self.lags, self.width))
        self.X = np.zeros((self.size, self.width))

    def step(self, time: int, u: Floats, price: float, rate: float, half: float, fee: float, gap: bool) -> float | None:
        """The position traded from now on, None where nothing is decided. ``rate``: sum of what was settled."""
        a = self.agent
        self.unpaid += rate
        self.after_gap = self.after_gap or gap
        if not (np.isfinite(u).all() and math.isfinite(price) and price > 0.0):
            self.blind += 1
            return None
        move, cost, carry, elapsed = self.terms(time, price, half, fee)
        self.decisions += 1
        if self.after_gap and a.on_gap == "reset":
            self.forget()
        self.after_gap = False

        # the reservoir, and the position
        tanh = np.tanh(self.w_in @ np.append(u, 1.0) + self.w @ self.x + self.w_back @ self.y)
        self.x = (1.0 - self.leak) * self.x + self.leak * tanh
        z = np.concatenate([u, [1.0], self.x, self.y])
        f = min(max(math.tanh(self.weights @ z), -a.clip), a.clip)

        # eq. 8, with eq. 9 and the fee in the cost
        change = f - self.held
        reward = move * self.held - cost * abs(change) - carry * (f if a.funding_on == "chosen" else self.held)
        D = self.derivative(z, f, tanh)
        risk = self.risk(elapsed)
        traded = self.gated(f)
        if math.isfinite(reward):
            # eq. 7, the deviation from the new mean
            self.mean = a.decay * self.mean + (1.0 - a.decay) * reward
            self.variance = a.decay * self.variance + (1.0 - a.decay) * (reward - self.mean) ** 2
            self.shadow = a.gate.decay * self.shadow + (1.0 - a.gate.decay) * reward
            # eq. 12
            factor = a.decay if a.exact_utility else 1.0
            slope = (1.0 - a.decay) * (1.0 - risk * factor * (reward - self.mean))
            by_now = -cost * np.sign(change) - (carry if a.funding_on == "chosen" else 0.0)
            by_before = move + cost * np.sign(change) - (0.0 if a.funding_on == "chosen" else carry)
            self.climb(slope * (by_now * D + by_before * self.D))
        else:
            self.updates_skipped += 1
        self.D, self.direct = D, (1.0 - f * f) * z
        fed = traded if a.feed_traded else f
        if self.lags:
            self.D_of_lags = np.vstack([self.D_of_lags[1:], D])
            self.y = np.append(self.y[1:], fed)
        self.held = fed
        return traded

    def terms(self, time: int, price: float, half: float, fee: float) -> tuple[float, float, float, int]:
        """Move, cost and carry in learning units, and the time since the last decision."""
        before = price if self.price is None else self.price
        elapsed = 0 if self.price is None else time - self.time
        rate, self.unpaid, self.price, self.time = self.unpaid, 0.0, price, time
        if self.agent.units == "price":
            return price - before, fee * price + half, rate * price, elapsed
        scale = SCALES[self.agent.units]
        return scale * (price / before - 1.0), scale * (fee + half / price), scale * rate, elapsed

    def derivative(self, z: Floats, f: float, tanh: Floats) -> Floats:
        """D = df / dw as `agents.rrl.gradient_kernels` lists them."""
        s, w = 1.0 - f * f, self.weights
        of_lags, of_state = w[self.inputs + self.size :], w[self.inputs : self.inputs + self.size]
        last = w[-1] if self.lags else 0.0
        kind = self.agent.gradient
        if kind == "direct":
            return s * z
        if kind == "paper":
            return s * z + s * last * self.direct
        if kind == "recursive":
            return s * (z + last * self.D)
        if kind == "lags":
            return np.asarray(s * (z + of_lags @ self.D_of_lags))
        inside = self.w @ self.X + self.w_back @ self.D_of_lags
        self.X = (1.0 - self.leak) * self.X + self.leak * (1.0 - tanh**2)[:, None] * inside
        return np.asarray(s * (z + of_lags @ self.D_of_lags + of_state @ self.X))

    def risk(self, elapsed: int) -> float:
        """lambda as given, or the ratio over the deviation, both by decision."""
        appetite = self.agent.risk_appetite
        if appetite.value is not None:
            return float(appetite.value)
        if elapsed == 0 or self.variance == 0.0:
            return 0.0
        by_decision = appetite.information_ratio * math.sqrt(elapsed / YEAR)
        return float(by_decision / math.sqrt(self.variance))

    def gated(self, f: float) -> float:
        """The shadow's mean up to the decision before is looked at every so many decisions."""
        gate = self.agent.gate
        if gate.kind == "none":
            return f
        if (self.decisions - 1) % gate.every == 0:
            before, self.open = self.open, self.shadow >= 0.0
            self.gate_changes += before != self.open
        self.shut += not self.open
        return f if self.open else 0.0

    def climb(self, g: Floats) -> None:
        """Algorithm 1."""
        tau = self.agent.update.decay
        q = 1.0 + g @ self.P @ g / tau
        if not math.isfinite(q):
            self.updates_skipped += 1
            return
        k = self.P @ g / (q * tau)
        self.weights = self.weights + k
        self.P = self.P / tau - np.outer(k, k) * q
        if self.agent.update.stabilise:
            self.P = self.P * tau
        self.P = 0.5 * (self.P + self.P.T)
        self.updates += 1
