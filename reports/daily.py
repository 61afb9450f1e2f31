"""Days: what each UTC day added, in units of the constant notional, and the table of the ESN-RRL paper over them.

A period that ends exactly at midnight belongs to the day that ends then. A day without periods (a gap in the data) is
a day with zero PnL on which the position stands as it was. Nothing here contains `collateral`, what the margin coin
did.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from halfspread.reports.protocol import ATTRIBUTION, EXECUTION, ResultLike
from halfspread.reports.statistics.ratios import information_ratio

__all__ = ["daily", "table_one"]

_CUMULATIVE = (*ATTRIBUTION, "collateral", "turnover")
_QUANTILES = {"25%": 0.25, "50%": 0.5, "75%": 0.75}


def daily(result: ResultLike) -> pd.DataFrame:
    """One row per UTC day, indexed by the day's midnight.

    Columns in units of the notional: ``position`` (exposure at the end of the day, signed), ``execution``
    (half-spread, fee and impact), ``carry`` (funding), ``price``, ``liquidation`` and ``pnl`` (their sum),
    ``collateral`` (not in the PnL) and ``turnover`` (value traded); ``equity`` at the end of the day is in report
    currency. Costs are negative. ``benchmark``, where the result has one: its return on the day. Raises DataError where
    it lacks one of the days.
    """
    ends = _day_ends(result)
    change = ends[list(_CUMULATIVE)].diff()
    change.iloc[:1] = ends[list(_CUMULATIVE)].iloc[:1]
    change = change / result.notional
    days = pd.DataFrame(
        {
            "position": ends["exposure"],
            "execution": change[list(EXECUTION)].sum(axis=1),
            "carry": change["funding"],
            "price": change["price"],
            "liquidation": change["liquidation"],
        }
    )
    days["pnl"] = days[["price", "execution", "carry", "liquidation"]].sum(axis=1)
    days = days.assign(collateral=change["collateral"], turnover=change["turnover"], equity=ends["equity"])
    benchmark = getattr(result, "benchmark", None)
    return days if benchmark is None else days.assign(benchmark=benchmark.over(pd.DatetimeIndex(days.index)))


def _day_ends(result: ResultLike) -> pd.DataFrame:
    """The last period of every day from the first to the last; days before the first period stand at zero."""
    periods = result.periods
    columns = ["exposure", "equity", *_CUMULATIVE]
    day = (pd.DatetimeIndex(periods.index) - pd.Timedelta(1, "ns")).floor("D")
    day = day.where(day >= result.start.floor("D"), result.start.floor("D"))  # one that ends when the run begins
    last = periods.loc[~day.duplicated(keep="last"), columns].set_index(day[~day.duplicated(keep="last")])
    if not len(last):
        return last.astype(float).rename_axis("day")
    first = min(last.index[0], result.start.floor("D"))
    whole = last.reindex(pd.date_range(first, last.index[-1], freq="D", name="day")).ffill()
    return whole.fillna(dict.fromkeys(columns, 0.0) | {"equity": result.capital})


def table_one(days: pd.DataFrame) -> pd.DataFrame:
    """Table I of the ESN-RRL paper over the rows of `daily`: columns position, execution, carry and pnl.

    Rows count, mean, std (population, ddof=0), min, quartiles (linear interpolation), max, sum and ir (information
    ratio at 365 days a year, of the pnl only). The sum of positions means nothing and is NaN; so is all but the count
    without days. Source: Borrageiro, Firoozye and Barucca, IEEE Access 10 (2022), Table I.
    """
    table = {}
    for name in ("position", "execution", "carry", "pnl"):
        values = days[name].to_numpy(dtype=np.float64)
        table[name] = _describe(values) if len(values) else {"count": 0.0}
        if name == "pnl":
            table[name]["ir"] = information_ratio(values)
        elif name == "position":
            table[name]["sum"] = np.nan
    rows = ["count", "mean", "std", "min", *_QUANTILES, "max", "sum", "ir"]
    return pd.DataFrame(table, index=rows, dtype=np.float64)


def _describe(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> dict[str, float]:
    numbers = {
        "count": len(values),
        "mean": values.mean(),
        "std": values.std(),
        "min": values.min(),
        "max": values.max(),
    }
    numbers |= {name: np.quantile(values, level) for name, level in _QUANTILES.items()}
    return {name: float(value) for name, value in numbers.items()} | {"sum": float(values.sum())}
