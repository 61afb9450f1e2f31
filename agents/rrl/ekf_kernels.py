"""The weight update of Borrageiro, Firoozye and Barucca (2022), Algorithm 1: an extended Kalman filter without an
innovation, which climbs the gradient ``g`` of the utility.

    q = 1 + g'P g / tau;  k = P g / (q tau);  w = w + k;  P = P / tau - k k' q;  and, stabilised, P = P tau

Stabilised, the last two lines are P = P - (P g)(P g)' / (q tau), so that nothing is ever forgotten: 1/P grows by
g g' / tau. The downdate of one step waits until the next one goes through P, so that P is gone through once per step.

P is symmetric, and only its lower half is kept, flat: ROWS rows together, each up to the end of the block of LANES
columns that holds its diagonal, so that whole vectors can be taken. Both halves of a block on the diagonal are kept,
and get the same bits. A vector of as many numbers as P has rows is `padded`: zeros up to a multiple of LANES.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.agents.rrl.lane_kernels import LANES, dot, load, splat, store, sum_of
from halfspread.compiled import inner_kernel, loop_kernel

Array = Any

ROWS = 4


@inner_kernel
def down_block(covariance: Array, begin: int, length: int, i: int, last: Array, pending: float, gradient: Array,
               out: Array) -> None:  # fmt: skip
    """`product` of ROWS rows from row ``i`` on, of ``length`` each from ``begin`` on, in the last LANES columns: in the
    block on the diagonal, of which both halves are rounded alike."""
    first = length - LANES
    change, weight, more = load(last, first), splat(pending), load(out, first)
    for r in range(ROWS):
        at = begin + r * length + first
        entry = load(covariance, at) - splat(last[i + r]) * change * weight
        store(covariance, at, entry)
        more = more + splat(gradient[i + r]) * entry
    store(out, first, more)


@loop_kernel
def product(covariance: Array, last: Array, pending: float, gradient: Array, out: Array) -> None:
    """Bring P up to date, P - pending last last', and write P g to ``out``. All vectors padded."""
    zero = splat(0.0)
    for j in range(0, len(out), LANES):
        store(out, j, zero)
    begin = 0
    for i in range(0, len(out), ROWS):
        first = i // LANES * LANES  # where the block on the diagonal begins
        length = first + LANES
        row0, row1, row2, row3 = begin, begin + length, begin + 2 * length, begin + 3 * length
        less0, less1 = splat(pending * last[i]), splat(pending * last[i + 1])
        less2, less3 = splat(pending * last[i + 2]), splat(pending * last[i + 3])
        slope0, slope1 = splat(gradient[i]), splat(gradient[i + 1])
        slope2, slope3 = splat(gradient[i + 2]), splat(gradient[i + 3])
        sum0 = sum1 = sum2 = sum3 = zero
        for j in range(0, first, LANES):
            change, slope = load(last, j), load(gradient, j)
            entry0 = load(covariance, row0 + j) - less0 * change
            entry1 = load(covariance, row1 + j) - less1 * change
            entry2 = load(covariance, row2 + j) - less2 * change
            entry3 = load(covariance, row3 + j) - less3 * change
            store(covariance, row0 + j, entry0)
            store(covariance, row1 + j, entry1)
            store(covariance, row2 + j, entry2)
            store(covariance, row3 + j, entry3)
            sum0, sum1 = sum0 + entry0 * slope, sum1 + entry1 * slope
            sum2, sum3 = sum2 + entry2 * slope, sum3 + entry3 * slope
            more = (slope0 * entry0 + slope1 * entry1) + (slope2 * entry2 + slope3 * entry3)
            store(out, j, load(out, j) + more)
        out[i] += sum_of(sum0)
        out[i + 1] += sum_of(sum1)
        out[i + 2] += sum_of(sum2)
        out[i + 3] += sum_of(sum3)
        down_block(covariance, begin, length, i, last, pending, gradient, out)
        begin += ROWS * length


@loop_kernel
def climb(
    weights: Array, covariance: Array, last: Array, pending: float, tau: float, stabilised: int, gradient: Array,
    out: Array,
) -> float:  # fmt: skip
    """One update of weights and P; what is pending of the next downdate of P, 0 (and the weights as they were) where
    the gradient, or what it leads to, is not finite. ``weights`` are not padded."""
    product(covariance, last, pending, gradient, out)
    q = dot(out, gradient)  # not finite unless all of the gradient is
    step = 1.0 / ((1.0 + q / tau) * tau) if math.isfinite(q) else 0.0
    if step <= 0.0:
        return 0.0
    for i in range(len(weights)):
        weights[i] += step * out[i]
    for i in range(len(out)):
        last[i] = out[i]
    if stabilised == 0:  # P has to be divided by tau once the downdate is done; so is the downdate
        step /= tau
        for i in range(len(covariance)):
            covariance[i] /= tau
    return step
