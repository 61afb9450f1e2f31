"""Standard errors for days that hang together: the long-run variance, and the error of a ratio under autocorrelation.

Daily PnL in units of notional; ratios and errors at 365 days a year. NaN in the input is refused; too few days are
refused.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from halfspread.errors import ConfigError
from halfspread.reports.statistics.series import DAYS_PER_YEAR, Floats, active_series, daily_series, deviation

__all__ = [
    "ROBUST_DAYS",
    "aggregation_factor",
    "andrews_lag",
    "autocovariances",
    "long_run_variance",
    "ratio_influence",
    "robust_ratio_error",
]

#: Fewest days for an error that estimates autocorrelation.
ROBUST_DAYS = 30

#: The first-order autocorrelation of the plug-in rule is kept within this, or the lag would run away (Andrews and
#: Monahan, Econometrica 60(4), 1992).
_LARGEST_AUTOCORRELATION = 0.97


def autocovariances(values: Floats, lags: int) -> Floats:
    """Autocovariances at lags 0 to ``lags`` about the mean, each divided by the number of days; float64 (lags + 1,)."""
    centred = values - values.mean()
    days = len(centred)
    size = 1 << (2 * days - 1).bit_length()
    if lags <= 32:
        return np.array([centred[k:] @ centred[: days - k] for k in range(lags + 1)]) / days
    spectrum = np.abs(np.fft.rfft(centred, size)) ** 2
    return np.asarray(np.fft.irfft(spectrum, size)[: lags + 1] / days)


def andrews_lag(values: ArrayLike) -> int:
    """Number of lags for a Bartlett window by the plug-in rule with a first-order autoregression.

    floor(1.1447 (a n)^(1/3)) with a = 4 r^2 / (1 - r^2)^2, r the first-order autocorrelation kept within 0.97; at most
    days - 1, and 0 where nothing varies. Source: Andrews, "Heteroskedasticity and Autocorrelation Consistent Covariance
    Matrix Estimation", Econometrica 59(3), 1991, eq. 6.2 and 6.4.
    """
    series = daily_series(values)
    if len(series) < 2 or deviation(series) == 0.0:
        return 0
    centred = series - series.mean()
    before = float(centred[:-1] @ centred[:-1])
    r = float(centred[1:] @ centred[:-1]) / before if before > 0.0 else 0.0
    r = min(max(r, -_LARGEST_AUTOCORRELATION), _LARGEST_AUTOCORRELATION)
    a = 4.0 * r**2 / (1.0 - r**2) ** 2
    return min(math.floor(1.1447 * math.cbrt(a * len(series))), len(series) - 1)


def long_run_variance(values: ArrayLike, lag: int | None = None) -> float:
    """Variance of the mean times the number of days, with autocorrelation up to ``lag`` (None: `andrews_lag`).

    g(0) + 2 sum (1 - k / (lag + 1)) g(k): Bartlett weights, never negative. Raises ConfigError for a lag below 0 or not
    below the number of days. Source: Newey and West, Econometrica 55(3), 1987.
    """
    series = daily_series(values, least=2, purpose="the long-run variance")
    lags = andrews_lag(series) if lag is None else lag
    if not 0 <= lags < len(series):
        raise ConfigError(f"lag must be from 0 to {len(series) - 1} (days - 1), got {lags}")
    covariance = autocovariances(series, lags)
    weights = 1.0 - np.arange(1, lags + 1) / (lags + 1.0)
    return max(float(covariance[0] + 2.0 * (weights @ covariance[1:])), 0.0)


def ratio_influence(values: Floats) -> Floats:
    """What each day adds to the estimate of the daily ratio: z - r (z^2 - 1) / 2, z the day in standard deviations from
    the mean, r the daily ratio; float64 (days,). ``values`` must vary."""
    mean, spread = float(values.mean()), deviation(values)
    z = (values - mean) / spread
    return np.asarray(z - mean / spread * (z**2 - 1.0) / 2.0)


def robust_ratio_error(pnl: ArrayLike, benchmark: ArrayLike | None = None, lag: int | None = None) -> float:
    """Standard error of the annualised information ratio that holds for skewed, fat-tailed, autocorrelated days.

    sqrt(long-run variance of `ratio_influence` / days) x sqrt(365): the delta method on mean and variance; ``lag`` as
    in `long_run_variance`. NaN where nothing varies. Raises DataError with fewer than `ROBUST_DAYS` days. Source: Lo,
    "The Statistics of Sharpe Ratios", Financial Analysts Journal 58(4), 2002, appendix.
    """
    values = active_series(pnl, benchmark, ROBUST_DAYS, "the robust error of the information ratio")
    if deviation(values) == 0.0:
        return math.nan
    return math.sqrt(long_run_variance(ratio_influence(values), lag) / len(values) * DAYS_PER_YEAR)


def aggregation_factor(pnl: ArrayLike, days: int = DAYS_PER_YEAR, lag: int | None = None) -> float:
    """By how much the ratio of one day is multiplied for sums of ``days`` days: sqrt(days) where days are independent,
    less where gains follow gains.

    days / sqrt(days + 2 sum (days - k) r(k)), autocorrelations r up to ``lag`` (None: `andrews_lag`). NaN where nothing
    varies or the sum is not positive. Raises DataError with fewer than `ROBUST_DAYS` days, ConfigError for ``days``
    below 1 or a lag out of range. Source: Lo 2002, eq. 20.
    """
    values = daily_series(pnl, least=ROBUST_DAYS, purpose="the time aggregation factor")
    lags = andrews_lag(values) if lag is None else lag
    if days < 1 or not 0 <= lags < len(values):
        raise ConfigError(f"expected days of at least 1 and a lag from 0 to {len(values) - 1}, got {days} and {lags}")
    if deviation(values) == 0.0:
        return math.nan
    covariance = autocovariances(values, min(lags, days - 1))
    k = np.arange(1, len(covariance))
    total = days + 2.0 * float((days - k) @ (covariance[1:] / covariance[0]))
    return days / math.sqrt(total) if total > 0.0 else math.nan
