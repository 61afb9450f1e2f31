"""The ESN-RRL agent of Borrageiro, Firoozye and Barucca (2022) in its straightforward forms, without the engine.

`learn`: compiled loops, dense matrices, two passes over P; `learn_numpy`: one line for each formula and each line of
the paper's Algorithm 1, and P made symmetric. Both take features that are ready, and account for nothing. Positions are
clipped to 0.99; tau and risk appetite as in the paper.
"""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np

RISK, TAU, DECAY, CLIP = 1e-5, 0.999, 0.999, 0.99


@nb.njit(nogil=True)  # type: ignore[untyped-decorator]
def learn(U: Any, moves: Any, costs: Any, W_in: Any, W: Any, W_back: Any) -> Any:  # noqa: PLR0912
    """Weights after the last step. ``U`` (steps, inputs), ``moves`` and ``costs`` (steps,)."""
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
        reward = moves[t] * before - costs[t] * abs(change)
        mean = DECAY * mean + (1 - DECAY) * reward
        s = 1.0 - f * f
        for i in range(d):
            D[i] = s * z[i] + s * w[d - 1] * direct[i]
        slope = (1 - DECAY) * (1 - RISK * (reward - mean))
        q = 0.0
        for i in range(d):
            g[i] = slope * (-costs[t] * sign * D[i] + (moves[t] + costs[t] * sign) * D_before[i])
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


def learn_numpy(U: Any, moves: Any, costs: Any, W_in: Any, W: Any, W_back: Any) -> Any:
    """As `learn`."""
    n, lags = W_back.shape
    d = U.shape[1] + n + lags
    w, P, D_before, direct, x, y = np.zeros(d), np.eye(d), np.zeros(d), np.zeros(d), np.zeros(n), np.zeros(lags)
    before = mean = 0.0
    for u, move, cost in zip(U, moves.tolist(), costs.tolist(), strict=True):
        x = np.tanh(W_in @ u + W @ x + W_back @ y)
        z = np.concatenate([u, x, y])
        f = min(max(math.tanh(w @ z), -CLIP), CLIP)
        change = f - before
        sign = float(np.sign(change))
        reward = move * before - cost * abs(change)
        mean = DECAY * mean + (1 - DECAY) * reward
        s = 1.0 - f * f
        D = s * z + s * w[-1] * direct
        g = (1 - DECAY) * (1 - RISK * (reward - mean)) * (-cost * sign * D + (move + cost * sign) * D_before)
        Pg = P @ g
        q = 1.0 + g @ Pg / TAU
        k = Pg / (q * TAU)
        w = w + k
        P = (P / TAU - np.outer(k, k) * q) * TAU
        P = 0.5 * (P + P.T)
        direct, D_before = s * z, D
        y = np.append(y[1:], f)
        before = f
    return w
