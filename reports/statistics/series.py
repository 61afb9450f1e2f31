"""What every statistic asks of its input: a series of finite daily numbers that is long enough.

Float64 arrays, one value a day; 365 days a year, because a perpetual swap trades on all of them. NaN and infinities are
refused, never skipped: a missing day is not a day without PnL.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from halfspread.errors import ConfigError, DataError

__all__ = [
    "DAYS_PER_YEAR",
    "Floats",
    "active_series",
    "check_share",
    "check_variation",
    "daily_matrix",
    "daily_series",
    "deviation",
]

Floats = np.ndarray[Any, np.dtype[np.float64]]

DAYS_PER_YEAR = 365

#: A deviation below this part of the largest value is rounding of a constant series, not variation.
_ROUNDING = 1e-12


def daily_series(values: ArrayLike, name: str = "daily PnL", least: int = 0, purpose: str = "this statistic") -> Floats:
    """``values`` as a float64 array (days,).

    Raises DataError where it has another shape, a NaN, an infinity, or fewer than ``least`` days, with the number
    needed.
    """
    return _checked(values, name, least, purpose, dimensions=1)


def daily_matrix(values: ArrayLike, name: str = "trials", least: int = 0, purpose: str = "this statistic") -> Floats:
    """``values`` as a float64 array (days, trials), with at least one trial. Raises DataError as `daily_series`."""
    matrix = _checked(values, name, least, purpose, dimensions=2)
    if matrix.shape[1] == 0:
        raise DataError(f"{purpose}: {name} has no column; expected one for each trial")
    return matrix


def _checked(values: ArrayLike, name: str, least: int, purpose: str, dimensions: int) -> Floats:
    try:
        array = np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{purpose}: {name} must be numbers, {error}") from error
    if array.ndim != dimensions or np.ndim(values) != dimensions:
        wanted = "one number a day" if dimensions == 1 else "rows of days, columns of trials"
        raise DataError(f"{purpose}: {name} has shape {np.shape(values)}; expected {wanted}")
    finite = np.isfinite(array)
    bad = np.flatnonzero(~(finite if dimensions == 1 else finite.all(axis=1)))
    if len(bad):
        raise DataError(
            f"{purpose}: {name} has {len(bad)} days that are NaN or infinite, the first at row {bad[0]}; give a day "
            "without PnL as 0, and leave out days that are not known"
        )
    if len(array) < least:
        raise DataError(f"{purpose} needs at least {least} days of {name}, got {len(array)}; run over a longer range")
    return array


def active_series(
    pnl: ArrayLike, benchmark: ArrayLike | None = None, least: int = 0, purpose: str = "this statistic"
) -> Floats:
    """``pnl`` less ``benchmark`` day by day (a benchmark of None is zero). Raises DataError as `daily_series`, and
    where the two do not cover the same days."""
    values = daily_series(pnl, least=least, purpose=purpose)
    if benchmark is None:
        return values
    other = daily_series(benchmark, "the benchmark", purpose=purpose)
    if len(other) != len(values):
        raise DataError(
            f"{purpose}: {len(values)} days of PnL and {len(other)} of the benchmark; give both for the same days"
        )
    return values - other


def deviation(values: Floats) -> float:
    """Standard deviation of the population (ddof=0); 0.0 for an empty or a constant series, whatever its rounding."""
    if not len(values):
        return 0.0
    found = float(values.std())
    return found if found > _ROUNDING * float(np.abs(values).max()) else 0.0


def check_share(value: float, name: str) -> float:
    """``value``, which must lie strictly between 0 and 1. Raises ConfigError."""
    if not 0.0 < value < 1.0:
        raise ConfigError(f"{name} must be above 0 and below 1, got {value:g}")
    return value


def check_variation(values: Floats, purpose: str) -> None:
    """Raise DataError where no day differs from another."""
    if deviation(values) == 0.0:
        raise DataError(f"{purpose}: no day differs from another (did the agent trade?), so nothing can be inferred")
