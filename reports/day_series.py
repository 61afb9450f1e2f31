"""What is known of each day of a result, as the statistics want it: arrays of the same days."""

from __future__ import annotations

import numpy as np
import pandas as pd

from halfspread.reports.protocol import ResultLike
from halfspread.reports.statistics.days import Days
from halfspread.reports.statistics.series import Floats

__all__ = ["day_series", "rows_of"]


def day_series(result: ResultLike, days: pd.DataFrame, trips: pd.DataFrame) -> Days:
    """The series of ``result`` by the rows of its table ``days`` (`daily`), and its round trips by the day of exit.

    A day's exposure is the sum of the absolute positions of its periods over the mean number of periods a day, so that
    the mean of days is that of periods. The returns on equity are left out where equity was not above zero, the
    exposure and the trips where there is no day.
    """
    pnl = days["pnl"].to_numpy(dtype=np.float64)
    if not len(pnl):
        return Days.of(pnl)
    before = np.r_[result.capital, days["equity"].to_numpy(dtype=np.float64)]
    closed = trips[trips["closed"].to_numpy(dtype=bool)]
    trip_days = rows_of(days, pd.DatetimeIndex(closed["exit_time"]))
    gains = (closed["pnl"].to_numpy(dtype=np.float64) > 0.0).astype(np.float64)
    return Days.of(
        pnl,
        benchmark=days.get("benchmark"),
        price=days["price"].to_numpy(dtype=np.float64),
        cost=-days["execution"].to_numpy(dtype=np.float64),
        turnover=np.maximum(days["turnover"].to_numpy(dtype=np.float64), 0.0),
        exposure=_exposure(result, days),
        returns=np.diff(before) / before[:-1] if (before[:-1] > 0.0).all() else None,
        trips=np.bincount(trip_days, minlength=len(pnl)).astype(np.float64),
        winners=np.bincount(trip_days, weights=gains, minlength=len(pnl)),
    )


def rows_of(days: pd.DataFrame, times: pd.DatetimeIndex) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Row of ``days`` that each of ``times`` belongs to; the first or the last for what lies outside."""
    first = pd.DatetimeIndex(days.index).as_unit("ns").asi8[0]
    rows = (times.as_unit("ns").asi8 - first) // 86_400_000_000_000
    found: np.ndarray[tuple[int], np.dtype[np.int64]] = np.clip(rows, 0, len(days) - 1)
    return found


def _exposure(result: ResultLike, days: pd.DataFrame) -> Floats:
    periods = result.periods
    ends = pd.DatetimeIndex(periods.index) - pd.Timedelta(1, "ns")
    held = np.abs(periods["exposure"].to_numpy(dtype=np.float64))
    sums = np.bincount(rows_of(days, ends), weights=held, minlength=len(days))
    return np.asarray(sums * (len(days) / len(periods)))
