"""Figures over the last days, moving through the run: does the edge last, and does the cost change?"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from halfspread.reports.statistics.series import DAYS_PER_YEAR, Floats

__all__ = ["WINDOW", "rolling"]

#: Days of a window.
WINDOW = 90

#: A deviation below this part of the largest day is rounding of days that are all the same.
_ROUNDING = 1e-12


def rolling(days: pd.DataFrame, window: int = WINDOW) -> pd.DataFrame:
    """One row for each day from number ``window`` on, over the ``window`` days that end with it; empty with fewer.

    ``return``: sum of simple returns in units of the notional; ``volatility``: population deviation x sqrt(365);
    ``ratio``: mean / deviation x sqrt(365), of the PnL less the benchmark's where ``days`` have one, NaN where nothing
    varies; ``cost_per_turnover``: half-spread, fee and
    impact paid per unit of value traded, NaN where nothing was traded.
    """
    count = max(len(days) - window + 1, 0)
    index = days.index[len(days) - count :]
    if not count:
        return pd.DataFrame(columns=["return", "volatility", "ratio", "cost_per_turnover"], index=index, dtype=float)
    pnl, execution, turnover = (
        _windows(days[name].to_numpy(dtype=np.float64), window) for name in ("pnl", "execution", "turnover")
    )
    active = pnl
    if "benchmark" in days:
        active = pnl - _windows(days["benchmark"].to_numpy(dtype=np.float64), window)
    mean, spread = active.mean(axis=1), _deviation(active)
    paid, traded = execution.sum(axis=1), turnover.sum(axis=1)
    root = math.sqrt(DAYS_PER_YEAR)
    nothing = np.full(count, math.nan)
    table = {
        "return": pnl.sum(axis=1),
        "volatility": _deviation(pnl) * root,
        "ratio": np.divide(mean * root, spread, out=nothing.copy(), where=spread > 0.0),
        "cost_per_turnover": np.divide(-paid, traded, out=nothing.copy(), where=traded > 0.0),
    }
    return pd.DataFrame(table, index=index)


def _deviation(windows: Floats) -> Floats:
    found: Floats = windows.std(axis=1)
    found[found <= _ROUNDING * np.abs(windows).max(axis=1)] = 0.0
    return found


def _windows(values: Floats, window: int) -> Floats:
    """(days - window + 1, window)."""
    return np.asarray(sliding_window_view(values, window))
