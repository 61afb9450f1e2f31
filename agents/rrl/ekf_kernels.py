"""The weight update of Borrageiro, Firoozye and Barucca (2022), Algorithm 1: an extended Kalman filter without an
innovation, which climbs the gradient ``g`` of the utility.

    q = 1 + g'P g / tau;  k = P g / (q tau);  w = w + k;  P = P / tau - k k' q;  and, stabilised, P = P tau

Stabilised, the last two lines are P = P - (P g)(P g)' / (q tau), so that nothing is ever forgotten: 1/P grows by
g g' / tau. P is symmetric: (width, width) float64 flat, of which rows are used as columns. The downdate of one step
waits until the next one touches the same row, so that P is gone through once per step.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel, loop_kernel

Array = Any

#: Rounding makes P less symmetric step by step; so often it is made symmetric again.
SYMMETRIC_EVERY = 10_000


@inner_kernel
def product(covariance: Array, last: Array, pending: float, growth: float, gradient: Array, out: Array) -> None:
    """Bring P up to date, (P - pending last last') growth, and write P g to ``out``."""
    width = len(gradient)
    for i in range(width):
        out[i] = 0.0
    for i in range(width):
        row = covariance[i * width : (i + 1) * width]
        less, slope = pending * last[i], gradient[i]
        for j in range(width):
            entry = (row[j] - less * last[j]) * growth
            row[j] = entry
            out[j] += slope * entry


@loop_kernel
def climb(
    weights: Array, covariance: Array, last: Array, pending: float, tau: float, stabilised: int, gradient: Array,
    out: Array,
) -> float:  # fmt: skip
    """One update of weights and P; what is pending of the next downdate of P, NaN (and nothing changed) where the
    gradient is not finite."""
    for i in range(len(gradient)):
        if not math.isfinite(gradient[i]):
            return math.nan
    growth = 1.0 if stabilised != 0 or pending == 0.0 else 1.0 / tau  # pending is 0 before the first update only
    product(covariance, last, pending, growth, gradient, out)
    q = 0.0
    for i in range(len(gradient)):
        q += out[i] * gradient[i]
    step = 1.0 / ((1.0 + q / tau) * tau)
    for i in range(len(gradient)):
        weights[i] += step * out[i]
        last[i] = out[i]
    return step


@loop_kernel
def make_symmetric(covariance: Array, width: int) -> None:
    """Put the mean of both halves into both."""
    for i in range(width):
        for j in range(i):
            mean = 0.5 * (covariance[i * width + j] + covariance[j * width + i])
            covariance[i * width + j] = covariance[j * width + i] = mean
