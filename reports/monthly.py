"""Months: sums of simple daily returns on constant notional, as a table of years and months."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["MONTHS", "monthly"]

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def monthly(days: pd.DataFrame, column: str = "pnl") -> pd.DataFrame:
    """Year x month table of the sums of ``column`` of `daily`, with a column ``year`` of yearly sums.

    In units of notional; a month without a single day is NaN, a month cut short by the data is the sum of the days it
    has.
    """
    months = pd.DatetimeIndex(days.index).tz_localize(None).to_numpy().astype("datetime64[M]").astype(np.int64)
    first = int(months.min()) // 12 if len(months) else 0
    years = int(months.max()) // 12 - first + 1 if len(months) else 0
    cells = months - 12 * first
    known = np.bincount(cells, minlength=12 * years) > 0
    sums = np.bincount(cells, weights=days[column].to_numpy(dtype=np.float64), minlength=12 * years)
    values = np.where(known, sums, np.nan).reshape(years, 12)
    table = pd.DataFrame(
        values, index=pd.RangeIndex(1970 + first, 1970 + first + years, name="year"), columns=[*MONTHS]
    )
    table["year"] = table.sum(axis=1, min_count=1)
    return table
