"""Derivatives of the position by the weights, and of the utility by the weights: Borrageiro, Firoozye and Barucca
(2022), equation 12, and the ones that it stands in for.

With s = 1 - f^2, z the inputs, states and past positions, and D of earlier positions f:
direct: D = s z; paper: D = s z + w_n s z' s', the one step through the last position (z' and s' of the decision
before); recursive: D = s (z + w_n D'); all lags: D = s (z + sum of w_k D_k) over all positions fed back, the reservoir
taken as given; exact: with what the positions did to the reservoir besides, D = s (z + sum of w_k D_k + w_x X), X =
diag(1 - x^2) (W X' + W_back D), which takes size^2 x width (real-time recurrent learning, Williams and Zipser 1989).
"""

from __future__ import annotations

from typing import Any

from halfspread.agents.rrl.esn_records import DIRECT, EXACT, PAPER, RECURSIVE
from halfspread.compiled import inner_kernel, loop_kernel

Array = Any


@inner_kernel
def add_rows(weights: Array, rows: Array, out: Array) -> None:
    """Add the sum of weights[k] x row k to ``out`` (width,); rows flat."""
    width = len(out)
    for k in range(len(weights)):
        weight = weights[k]
        for i in range(width):
            out[i] += weight * rows[k * width + i]


@loop_kernel
def spread_state(dense: Array, bends: Array, before: Array, traces: Array, leak: float, after: Array) -> None:
    """Derivative of the reservoir's state, flat (size, width), from that of the state before and of the positions fed
    back (lags, width). ``dense``: a row of W and of the feedback weights for each unit; ``bends``: slope of each unit's
    tanh."""
    size, width = len(bends), len(after) // len(bends)
    lags = len(traces) // width
    for i in range(size):
        row = after[i * width : (i + 1) * width]
        mine = dense[i * (size + lags) : (i + 1) * (size + lags)]
        for j in range(width):
            row[j] = 0.0
        add_rows(mine[:size], before, row)
        add_rows(mine[size:], traces, row)
        for j in range(width):
            row[j] = (1.0 - leak) * before[i * width + j] + leak * bends[i] * row[j]


@loop_kernel
def trace_of(
    kind: int, slope: float, z: Array, weights: Array, size: int, lags: int, before: Array, direct_before: Array,
    traces: Array, states: Array, out: Array,
) -> None:  # fmt: skip
    """Derivative of the position by the weights (width,); see the module. ``slope``: 1 - f^2; ``states``: that of the
    reservoir now."""
    width = len(z)
    last = weights[width - 1] if lags > 0 else 0.0
    for i in range(width):
        out[i] = z[i]
    if kind == PAPER:
        for i in range(width):
            out[i] += last * direct_before[i]
    elif kind == RECURSIVE:
        for i in range(width):
            out[i] += last * before[i]
    elif kind != DIRECT:
        add_rows(weights[width - lags :], traces, out)
        if kind == EXACT:
            add_rows(weights[width - lags - size : width - lags], states, out)
    for i in range(width):
        out[i] *= slope


@inner_kernel
def slope_of_utility(reward: float, mean: float, decay: float, risk: float, exact: int) -> float:
    """Derivative of the utility, mean - risk / 2 x variance, by the reward; the paper leaves out one factor of the
    decay (``exact`` = 0)."""
    bend = risk * (reward - mean) * (decay if exact != 0 else 1.0)
    return (1.0 - decay) * (1.0 - bend)
