"""The kernel of the specification's experiment on real data, to be held against ours: paper gradient, clip 0.99."""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np

RISK, TAU, CLIP = 1e-5, 0.999, 0.99


@nb.njit(nogil=True)
def learn(U: Any, moves: Any, costs: Any, carries: Any, W_in: Any, W: Any, W_back: Any) -> Any:  # noqa: PLR0912
    """Weights at the end. Terms in quote currency; two passes over P, dense loops."""
    steps, inputs = U.shape
    n, lags = W_in.shape[0], W_back.shape[1]
    d = inputs + n + lags
    w, P, z, D, D_before, direct = np.zeros(d), np.eye(d), np.zeros(d), np.zeros(d), np.zeros(d), np.zeros(d)
    g, Pg, x, x_next, y = np.zeros(d), np.zeros(d), np.zeros(n), np.zeros(n), np.zeros(lags)
    before = mean = 0.0
    for t in range(steps):
        for i in range(n):
            a = 0.0
            for j in range(inputs):
                a += W_in[i, j] * U[t, j]
            for j in range(n):
                a += W[i, j] * x[j]
            for j in range(lags):
                a += W_back[i, j] * y[j]
            x_next[i] = math.tanh(a)
        x[:] = x_next
        z[:inputs], z[inputs : inputs + n], z[inputs + n :] = U[t], x, y
        wanted = 0.0
        for i in range(d):
            wanted += w[i] * z[i]
        f = min(max(math.tanh(wanted), -CLIP), CLIP)
        change = f - before
        sign = np.sign(change)
        reward = moves[t] * before - costs[t] * abs(change) - carries[t] * f
        mean = TAU * mean + (1 - TAU) * reward
        s = 1.0 - f * f
        for i in range(d):
            D[i] = s * z[i] + s * w[d - 1] * direct[i]
        slope = (1 - TAU) * (1 - RISK * (reward - mean))
        by_now, by_before = -costs[t] * sign - carries[t], moves[t] + costs[t] * sign
        for i in range(d):
            g[i] = slope * (by_now * D[i] + by_before * D_before[i])
        q = 0.0
        for i in range(d):
            a = 0.0
            for j in range(d):
                a += P[i, j] * g[j]
            Pg[i] = a
            q += a * g[i]
        c = 1.0 / ((1.0 + q / TAU) * TAU)
        for i in range(d):
            w[i] += Pg[i] * c
            for j in range(d):
                P[i, j] -= Pg[i] * c * Pg[j]
        for i in range(d):
            direct[i], D_before[i] = s * z[i], D[i]
        y[:-1] = y[1:].copy()
        y[lags - 1] = f
        before = f
    return w
