"""Days of a part of a run, and the figures that are told of them; what walk-forward windows are stitched from.

Report currency; a day is a UTC day, and one that ends at midnight belongs to the day before, as in `reports.daily`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from halfspread.engine.result import BacktestResult
from halfspread.engine.times import DAY
from halfspread.reports.protocol import ATTRIBUTION, EXECUTION
from halfspread.reports.statistics.drawdowns import longest_drawdown, max_drawdown
from halfspread.reports.statistics.ratios import (
    annual_return,
    annual_volatility,
    calmar_ratio,
    information_ratio,
    information_ratio_error,
    sortino_ratio,
)

__all__ = ["COLUMNS", "LOWER_IS_BETTER", "day_figures", "flat_days", "stitch", "window_days"]

#: Parts of the PnL, what the margin coin did, and value traded.
COLUMNS = (*ATTRIBUTION, "collateral", "turnover")

#: Figures of `day_figures` of which less is more.
LOWER_IS_BETTER = frozenset({"annual_volatility", "cost_per_turnover", "longest_drawdown_days", "max_drawdown"})


def window_days(result: BacktestResult, start: int, leaving: dict[str, float]) -> pd.DataFrame:
    """What each UTC day from ``start`` (ns) on added, report currency, by `COLUMNS`; ``leaving`` is added to the last
    day. Indexed by midnight."""
    lines = result.period_records.reshape(-1, len(result.instruments))
    times = lines[:, 0]["time"]
    day = np.maximum((times - 1) // DAY, start // DAY)
    last = np.flatnonzero(np.r_[day[1:] != day[:-1], True])
    days = np.arange(start // DAY, int(day[-1]) + 1)
    at = np.searchsorted(day[last], days, side="right") - 1
    table = {}
    for name in COLUMNS:
        ends = (lines[:, 0][name] if name == "collateral" else lines[name].sum(axis=1))[last]
        table[name] = np.diff(np.where(at >= 0, ends[np.maximum(at, 0)], 0.0), prepend=0.0)
        table[name][-1] += leaving.get(name, 0.0)
    return pd.DataFrame(table, index=_midnights(days))


def flat_days(start: int, end: int) -> pd.DataFrame:
    """The same from ``start`` to ``end`` (ns) where nothing was traded."""
    days = np.arange(start // DAY, max((end - 1) // DAY, start // DAY) + 1)
    return pd.DataFrame(0.0, index=_midnights(days), columns=list(COLUMNS))


def stitch(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """One row for each day of all tables; what several of them say of one day is summed, a day between is 0."""
    together = pd.concat(tables)
    days = together.groupby(together.index).sum()
    every = pd.date_range(days.index[0], days.index[-1], freq="D", unit="ns", name="day")
    return days.reindex(every, fill_value=0.0)


def day_figures(days: pd.DataFrame, notional: float) -> dict[str, float]:
    """Figures of a table of `window_days` in units of ``notional``, under the names that `metrics` has for them; NaN
    where one cannot be told. ``max_drawdown`` is of the ends of days."""
    parts = {name: days[name].to_numpy(np.float64) / notional for name in COLUMNS}
    pnl = np.asarray(sum(parts[name] for name in ATTRIBUTION))
    execution = math.fsum(float(parts[name].sum()) for name in EXECUTION)
    turnover = float(parts["turnover"].sum())
    return {
        "days": len(pnl),
        "total_return": math.fsum(pnl),
        **{f"{name}_return": math.fsum(parts[name]) for name in ATTRIBUTION},
        "execution_return": execution,
        "annual_return": annual_return(pnl),
        "annual_volatility": annual_volatility(pnl),
        "information_ratio": information_ratio(pnl),
        "information_ratio_error": information_ratio_error(pnl),
        "sortino_ratio": sortino_ratio(pnl),
        "calmar_ratio": calmar_ratio(pnl),
        "max_drawdown": max_drawdown(pnl),
        "longest_drawdown_days": longest_drawdown(pnl),
        "best_day": float(pnl.max()),
        "worst_day": float(pnl.min()),
        "positive_days": float((pnl > 0.0).mean()),
        "turnover": turnover,
        "cost_per_turnover": -execution / turnover if turnover > 0.0 else math.nan,
    }


def _midnights(days: np.ndarray[Any, np.dtype[np.int64]]) -> pd.DatetimeIndex:
    return pd.DatetimeIndex((days * DAY).astype("datetime64[ns]"), tz="UTC", name="day")
