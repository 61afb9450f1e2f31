"""Hyperbolic tangent of many numbers at once, from additions, multiplications and one division: the compiler makes
vector instructions of it, and it gives the same bits on every machine, which the library of the system does not.

tanh(a) = t / (t + 2) with t = exp(2 a) - 1 of a = abs(x). 2 a = k ln 2 + r with abs(r) <= ln 2 / 2 (Cody and Waite
1980), exp(r) - 1 = r + r^2 q(r) with the minimax polynomial q of degree 10 (error below 1e-18), and t =
2^k (exp(r) - 1) + (2^k - 1), whose last term is exact. From 20 on the result is 1. NaN gives NaN, -0.0 gives -0.0.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from halfspread.compiled import loop_kernel

Array = Any

LARGEST = 20.0  # tanh(20) is 1 but for 1e-17
PER_LN2 = 1.4426950408889634
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10  # the first times a small number is exact
SHIFT = 6755399441055744.0  # 1.5 x 2^52: a small number that is added leaves its nearest whole number in the last bits
ONE_BITS, FRACTION_BITS = 1023, 52
Q = (
    0.5,
    0.1666666666666667,
    0.04166666666666667,
    0.008333333333326136,
    0.0013888888888883748,
    0.00019841269874820627,
    2.4801587325547743e-05,
    2.7557255400206422e-06,
    2.75572736431103e-07,
    2.5105217004720745e-08,
    2.0914686968086876e-09,
)
Q0, Q1, Q2, Q3, Q4, Q5, Q6, Q7, Q8, Q9, Q10 = Q


@loop_kernel
def tanh_of(values: Array) -> None:
    """Hyperbolic tangent of every number, in place; within 3 units in the last place, at most 4e-16 away."""
    for i in range(len(values)):
        x = values[i]
        a = abs(x)
        a = LARGEST if a > LARGEST else a  # keeps NaN
        y = 2.0 * a
        shifted = y * PER_LN2 + SHIFT
        k = shifted - SHIFT
        r = (y - k * LN2_HIGH) - k * LN2_LOW
        r2 = r * r
        r4 = r2 * r2
        low = (Q0 + Q1 * r) + r2 * (Q2 + Q3 * r)
        middle = (Q4 + Q5 * r) + r2 * (Q6 + Q7 * r)
        high = (Q8 + Q9 * r) + r2 * Q10
        less_one = r + r2 * (low + r4 * (middle + r4 * high))
        power = np.int64((np.float64(shifted).view(np.int64) + ONE_BITS) << FRACTION_BITS).view(np.float64)
        t = power * less_one + (power - 1.0)
        values[i] = math.copysign(np.divide(t, t + 2.0), x)
