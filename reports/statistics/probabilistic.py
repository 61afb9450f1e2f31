"""How probable it is that a ratio is above a threshold: alone, or as the best of many trials.

Ratios are annual (365 days) where a function takes daily PnL, and per period where it takes numbers. Days are taken as
independent, with the skew and kurtosis that they have; where they hang together, see `robust`. NaN in the input is
refused; too few days are refused.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from halfspread.errors import ConfigError
from halfspread.reports.statistics.ratios import information_ratio
from halfspread.reports.statistics.series import (
    DAYS_PER_YEAR,
    Floats,
    active_series,
    check_variation,
    daily_matrix,
    deviation,
)
from halfspread.reports.statistics.tail import kurtosis, skewness

__all__ = [
    "RATIO_DAYS",
    "deflated_sharpe",
    "effective_trials",
    "expected_best",
    "minimum_track_record",
    "periods_needed",
    "probabilistic_sharpe",
    "ratio_probability",
    "selection_p_value",
    "trial_variance",
]

#: Fewest days for skew and kurtosis that say anything.
RATIO_DAYS = 30

_EULER = 0.5772156649015329
_NORMAL = NormalDist()
_ROOT = math.sqrt(DAYS_PER_YEAR)


def probabilistic_sharpe(pnl: ArrayLike, threshold: float = 0.0, benchmark: ArrayLike | None = None) -> float:
    """Probability that the true annual ratio of PnL less the benchmark's is above ``threshold``; in [0, 1].

    Raises DataError with fewer than `RATIO_DAYS` days and where nothing varies. Source: Bailey and Lopez de Prado, "The
    Sharpe Ratio Efficient Frontier", Journal of Risk 15(2), 2012, eq. 9.
    """
    values = _series(pnl, benchmark, "the probabilistic Sharpe ratio")
    ratio = information_ratio(values) / _ROOT
    return ratio_probability(ratio, len(values), skewness(values), kurtosis(values), threshold / _ROOT)


def ratio_probability(
    ratio: float, periods: int, skew: float = 0.0, kurt: float = 3.0, threshold: float = 0.0
) -> float:
    """The same from numbers, per period: normal distribution function of (ratio - threshold) sqrt(periods - 1) /
    sqrt(1 - skew ratio + (kurt - 1) / 4 ratio^2). ``kurt`` is 3 for a normal distribution.

    Raises ConfigError with fewer than two periods and for a skew and kurtosis that no distribution has.
    """
    if periods < 2:
        raise ConfigError(f"expected at least two periods, got {periods}")
    spread = math.sqrt(_ratio_variance(ratio, skew, kurt))
    distance = (ratio - threshold) * math.sqrt(periods - 1)
    if spread == 0.0:
        return 0.5 if distance == 0.0 else float(distance > 0.0)
    return _NORMAL.cdf(distance / spread)


def minimum_track_record(
    pnl: ArrayLike, threshold: float = 0.0, confidence: float = 0.95, benchmark: ArrayLike | None = None
) -> float:
    """Days after which a ratio as high as this one is above the annual ``threshold`` with ``confidence``.

    Infinite where the ratio is not above the threshold. Raises DataError with fewer than `RATIO_DAYS` days and where
    nothing varies. Source: Bailey and Lopez de Prado 2012, eq. 11.
    """
    values = _series(pnl, benchmark, "the minimum track record length")
    ratio = information_ratio(values) / _ROOT
    return periods_needed(ratio, skewness(values), kurtosis(values), threshold / _ROOT, confidence)


def periods_needed(
    ratio: float, skew: float = 0.0, kurt: float = 3.0, threshold: float = 0.0, confidence: float = 0.95
) -> float:
    """The same from numbers, per period: 1 + (1 - skew ratio + (kurt - 1) / 4 ratio^2) (z / (ratio - threshold))^2.

    Raises ConfigError for a ``confidence`` that is not from 0.5 to below 1 and for a skew and kurtosis that no
    distribution has.
    """
    if not 0.5 <= confidence < 1.0:
        raise ConfigError(f"confidence must be from 0.5 to below 1, got {confidence:g}")
    if not ratio > threshold:
        return math.inf
    z = _NORMAL.inv_cdf(confidence)
    return 1.0 + _ratio_variance(ratio, skew, kurt) * (z / (ratio - threshold)) ** 2


def deflated_sharpe(pnl: ArrayLike, trials: float, variance: float, benchmark: ArrayLike | None = None) -> float:
    """Probability that the true ratio is above zero although it was picked as the best of ``trials`` whose annual
    ratios have this ``variance``: the probabilistic Sharpe ratio above `expected_best`.

    ``trials`` counts every setting ever tried, as independent ones (see `effective_trials`). Raises as
    `probabilistic_sharpe` and `expected_best`. Source: Bailey and Lopez de Prado, "The Deflated Sharpe Ratio", Journal
    of Portfolio Management 40(5), 2014, eq. 2.
    """
    return probabilistic_sharpe(pnl, expected_best(trials, variance), benchmark)


def selection_p_value(pnl: ArrayLike, trials: float, benchmark: ArrayLike | None = None) -> float:
    """Probability that the best of ``trials`` independent ones without any edge has a ratio as high as this: 1 less the
    probabilistic Sharpe ratio above 0 to the power ``trials``.

    An alarm below 5 % is false in 5 % of cases, where the deflated Sharpe ratio, which wants more than the best to
    expect, hardly ever is. Raises as `deflated_sharpe`. Source: Sidak, "Rectangular Confidence Regions", JASA 62(318),
    1967.
    """
    if not 1.0 <= trials < math.inf:
        raise ConfigError(f"expected at least one trial, got {trials:g}")
    below = probabilistic_sharpe(pnl, 0.0, benchmark)
    return -math.expm1(trials * math.log(below)) if below > 0.0 else 1.0


def expected_best(trials: float, variance: float) -> float:
    """About the highest ratio to expect of ``trials`` independent ones without any edge whose ratios have ``variance``;
    in the unit of its root (annual in, annual out). 0 for one trial.

    sqrt(variance) ((1 - g) Z(1 - 1 / trials) + g Z(1 - 1 / (e trials))), Z the normal quantile, g Euler's constant.
    Never below 0, which it would be for less than about one and a half trials. Raises ConfigError for fewer than one
    trial or a negative variance. Source: Bailey and Lopez de Prado 2014, eq. 1.
    """
    if not 1.0 <= trials < math.inf:
        raise ConfigError(f"expected at least one trial, got {trials:g}")
    if not 0.0 <= variance < math.inf:
        raise ConfigError(f"the variance of the ratios of the trials must not be negative, got {variance:g}")
    if trials == 1.0:
        return 0.0
    near, far = _NORMAL.inv_cdf(1.0 - 1.0 / trials), _NORMAL.inv_cdf(1.0 - 1.0 / (math.e * trials))
    return math.sqrt(variance) * max((1.0 - _EULER) * near + _EULER * far, 0.0)


def trial_variance(trials: ArrayLike) -> float:
    """Variance (ddof=1) of the annual ratios of the columns of ``trials`` (days, trials); 0.0 for a single one.

    A trial that never varied counts as a ratio of 0. Raises DataError with fewer than `RATIO_DAYS` days.
    """
    matrix = daily_matrix(trials, least=RATIO_DAYS, purpose="the variance of the trials' ratios")
    ratios = [information_ratio(column) for column in matrix.T]
    return float(np.nan_to_num(ratios).var(ddof=1)) if len(ratios) > 1 else 0.0


def effective_trials(trials: ArrayLike) -> float:
    """As how many independent trials the columns of ``trials`` (days, trials) count: r + (1 - r) x trials, r the mean
    correlation between two of them, at least 0. Columns that never vary count as correlated with nothing.

    Raises DataError with fewer than `RATIO_DAYS` days. Source: Bailey and Lopez de Prado 2014, appendix 3.
    """
    matrix = daily_matrix(trials, least=RATIO_DAYS, purpose="the effective number of trials")
    count = int(matrix.shape[1])
    if count == 1:
        return 1.0
    spreads = np.array([deviation(column) for column in matrix.T])
    unit = (matrix - matrix.mean(axis=0)) / np.where(spreads > 0.0, spreads, math.inf)
    # The sum of all correlations is the variance of the sum of the columns in units of their deviations.
    pairs = float(unit.sum(axis=1).var()) - int(np.count_nonzero(spreads))
    mean = min(max(pairs / (count * (count - 1)), 0.0), 1.0)
    return mean + (1.0 - mean) * count


def _series(pnl: ArrayLike, benchmark: ArrayLike | None, purpose: str) -> Floats:
    values = active_series(pnl, benchmark, RATIO_DAYS, purpose)
    check_variation(values, purpose)
    return values


def _ratio_variance(ratio: float, skew: float, kurt: float) -> float:
    """Variance of an estimated ratio times the periods. Rounding may leave a little less than zero where two values are
    all there is, which have the least kurtosis possible, 1 + skew^2."""
    if not kurt >= (1.0 + skew**2) * (1.0 - 1e-9):
        raise ConfigError(
            f"no distribution has skew {skew:g} and kurtosis {kurt:g}; expected a kurtosis of 1 + skew^2 or more"
        )
    return max(1.0 - skew * ratio + (kurt - 1.0) / 4.0 * ratio**2, 0.0)
