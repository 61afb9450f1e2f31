"""Quantiles of Student's t, for bounds of a mean of few values."""

from __future__ import annotations

import math

from halfspread.errors import ConfigError

__all__ = ["student_quantile"]

_STEPS = 300


def student_quantile(probability: float, freedom: float) -> float:
    """The value that Student's t with so many degrees of freedom (above 0, any number) stays below with a probability
    between 0 and 1. Raises ConfigError for others. To about 1e-9; infinite freedom is the normal distribution."""
    if not 0.0 < probability < 1.0 or not freedom > 0.0:
        raise ConfigError(f"expected a probability inside 0 to 1 and freedom above 0, got {probability:g}, {freedom:g}")
    if probability < 0.5:
        return -student_quantile(1.0 - probability, freedom)
    low, high = 0.0, 1.0
    while _below(high, freedom) < probability and high < 1e12:
        low, high = high, 2.0 * high
    for _ in range(100):
        middle = 0.5 * (low + high)
        if _below(middle, freedom) < probability:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def _below(value: float, freedom: float) -> float:
    """Probability of less than a value of 0 or more."""
    if math.isinf(freedom):
        return 0.5 * math.erfc(-value / math.sqrt(2.0))
    share = freedom / (freedom + value * value)
    return 1.0 - 0.5 * _incomplete_beta(0.5 * freedom, 0.5, share)


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function, by its continued fraction (Abramowitz and Stegun 26.5.8)."""
    if x <= 0.0 or x >= 1.0:
        return 0.0 if x <= 0.0 else 1.0
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - _incomplete_beta(b, a, 1.0 - x)
    front = a * math.log(x) + b * math.log1p(-x) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    tiny, c, d = 1e-300, 1.0, 0.0
    fraction = 1.0
    for i in range(_STEPS):
        m = i // 2
        if i == 0:
            part = 1.0
        elif i % 2 == 0:
            part = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        else:
            part = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        d = 1.0 / (1.0 + part * d or tiny)
        c = 1.0 + part / c or tiny
        fraction *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return math.exp(front) * (fraction - 1.0) / a
