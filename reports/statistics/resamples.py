"""The stationary block bootstrap: days drawn again in blocks of random length, so that what hangs together stays so.

A set of resamples is drawn once and serves every figure, agent and test over the same days. Randomness comes from the
generator handed in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from halfspread.errors import ConfigError, DataError
from halfspread.reports.statistics.bootstrap_kernels import draw_blocks, resampled_means
from halfspread.reports.statistics.robust import autocovariances
from halfspread.reports.statistics.series import Floats, daily_series, deviation

__all__ = [
    "BOOTSTRAP_DAYS",
    "RESAMPLES",
    "Resamples",
    "block_length",
    "check_days",
    "draw_resamples",
    "mean_variances",
    "means_of_resamples",
]

#: Fewest days that are resampled; with fewer the draws are too alike to tell how far off an estimate may be.
BOOTSTRAP_DAYS = 60
RESAMPLES = 1_000


@dataclass(frozen=True, eq=False)
class Resamples:
    """Rows drawn for every resample.

    ``index`` int32 (resamples, days), C-contiguous; ``block`` the mean length of a block in days, at least 1.
    """

    index: np.ndarray[Any, np.dtype[np.int32]]
    block: float

    @property
    def count(self) -> int:
        return len(self.index)

    @property
    def days(self) -> int:
        return int(self.index.shape[1])

    @cached_property
    def lag_weights(self) -> Floats:
        """Weight of the autocovariance at each lag (days,) in the variance of a resampled mean: the bootstrap's own lag
        window. Source: Politis and Romano 1994, lemma 1."""
        k = np.arange(self.days)
        share, going_on = k / self.days, 1.0 - 1.0 / self.block
        weights = (1.0 - share) * going_on**k + share * np.where(k > 0, going_on ** (self.days - k), 0.0)
        return np.asarray(np.where(k == 0, 1.0, 2.0 * weights))


def block_length(values: ArrayLike) -> float:
    """Mean block length for the stationary bootstrap that makes the error of the mean's variance least.

    At least 1 and at most min(3 sqrt(days), days / 3), rounded up; 1 where nothing varies. Raises DataError with fewer
    than `BOOTSTRAP_DAYS` days. Source: Politis and White, Econometric Reviews 23(1), 2004, corrected by Patton, Politis
    and White, Econometric Reviews 28(4), 2009.
    """
    series = daily_series(values, least=BOOTSTRAP_DAYS, purpose="the block length of the bootstrap")
    if deviation(series) == 0.0:
        return 1.0
    days = len(series)
    in_a_row = max(5, int(math.log10(days)))
    most = math.ceil(math.sqrt(days)) + in_a_row
    covariance = autocovariances(series, most)
    lags = min(2 * max(_last_significant_lag(series, covariance, in_a_row), 1), most)
    k = np.arange(1, lags + 1)
    window = np.where(k <= lags / 2, 1.0, 2.0 * (1.0 - k / lags))
    slope = 2.0 * float(window @ (k * covariance[1 : lags + 1]))
    spectrum = float(covariance[0] + 2.0 * (window @ covariance[1 : lags + 1]))
    longest = math.ceil(min(3.0 * math.sqrt(days), days / 3.0))
    if spectrum == 0.0:
        return float(longest)
    best = math.cbrt((slope / spectrum) ** 2 * days)
    return min(max(best, 1.0), float(longest))


def _last_significant_lag(series: Floats, covariance: Floats, in_a_row: int) -> int:
    """The lag after which ``in_a_row`` autocorrelations follow that are not significant; all lags where there is
    none."""
    days = len(series)
    squares = np.cumsum((series - series.mean()) ** 2)
    k = np.arange(len(covariance))
    # Each correlation is scaled by the two parts of the series that it compares, one day shorter each.
    early, late = squares[days - k - 2], squares[-1] - squares[k]
    correlation = np.abs(covariance) * days / np.sqrt(np.maximum(early * late, np.finfo(np.float64).tiny))
    quiet = correlation < 2.0 * math.sqrt(math.log10(days) / days)
    for lag in range(len(quiet) - in_a_row):
        if quiet[lag : lag + in_a_row].all():
            return lag
    return len(covariance)


def draw_resamples(
    rng: np.random.Generator, days: int, block: float = 1.0, count: int = RESAMPLES, least: int = BOOTSTRAP_DAYS
) -> Resamples:
    """Draw ``count`` resamples of ``days`` rows in blocks whose lengths are geometric with mean ``block``, around the
    end.

    Raises DataError with fewer than ``least`` days, ConfigError for a block outside 1 to ``days`` or fewer than one
    resample. Source: Politis and Romano, "The Stationary Bootstrap", JASA 89(428), 1994.
    """
    if days < max(least, 1):
        raise DataError(f"the bootstrap needs at least {max(least, 1)} days, got {days}; run over a longer range")
    if not 1.0 <= block <= days:
        raise ConfigError(f"the mean block length must be from 1 to {days} days, got {block:g}")
    if count < 1:
        raise ConfigError(f"expected at least one resample, got {count}")
    index = rng.integers(0, days, size=(count, days), dtype=np.int32)
    continues = (rng.random((count, days), dtype=np.float32) >= 1.0 / block).astype(np.uint8)
    draw_blocks(index, continues)
    return Resamples(index, float(block))


def means_of_resamples(values: Floats, resamples: Resamples) -> Floats:
    """Mean of each column of ``values`` (days, columns) over every resample: (resamples, columns). Raises DataError
    where the days differ."""
    check_days(len(values), resamples)
    means = np.empty((resamples.count, values.shape[1]))
    resampled_means(np.ascontiguousarray(values), resamples.index, means)
    return means


def mean_variances(values: Floats, resamples: Resamples) -> Floats:
    """Variance of the mean of each column of ``values`` (days, columns), times the days, by the lag window that the
    resampling implies; (columns,), never negative."""
    check_days(len(values), resamples)
    lags = len(values) - 1
    found = [float(resamples.lag_weights @ autocovariances(column, lags)) for column in values.T]
    return np.asarray(np.maximum(found, 0.0))


def check_days(days: int, resamples: Resamples) -> None:
    """Raise DataError where ``resamples`` were drawn for another number of days."""
    if days != resamples.days:
        raise DataError(
            f"the resamples are of {resamples.days} days, the series of {days}; draw them for the same days"
        )
