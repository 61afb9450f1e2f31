"""The headline numbers of a result as one flat dictionary, and a JSON form in which NaN is null."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import numpy as np
import pandas as pd

from halfspread.reports.daily import daily
from halfspread.reports.daily_figures import daily_figures
from halfspread.reports.names import benchmark_name
from halfspread.reports.orders import order_metrics
from halfspread.reports.protocol import ATTRIBUTION, EXECUTION, ResultLike
from halfspread.reports.statistics.drawdowns import longest_drawdown
from halfspread.reports.statistics.ratios import (
    annual_return,
    annual_volatility,
    information_ratio,
    information_ratio_error,
)
from halfspread.reports.statistics.relative import relative_figures
from halfspread.reports.trades import trade_statistics, trades

__all__ = ["json_safe", "measure", "metrics"]

Value = float | int | str


def metrics(result: ResultLike) -> dict[str, Value]:
    """Every headline number by name; NaN where one cannot be computed, see `measure`."""
    return measure(result, daily(result), trades(result))


def measure(result: ResultLike, days: pd.DataFrame, trips: pd.DataFrame) -> dict[str, Value]:
    """`metrics` for tables of `daily` and `trades` that are already there.

    Constant notional view, in units of the notional, without what the margin coin did: ``total_return`` (sum of simple
    returns), ``price_return half_spread_return fee_return impact_return funding_return liquidation_return`` (its
    parts; a cost is negative), ``execution_return`` (half-spread, fee and impact), ``annual_return`` (mean day x 365),
    ``annual_volatility``, ``information_ratio`` (mean / population deviation, ddof=0, of daily PnL less that of
    ``benchmark``, which is "zero" where none is named, x sqrt(365)) and its standard error ``information_ratio_error``,
    ``max_drawdown`` (positive, from every bar), ``best_day``,
    ``worst_day``, ``positive_days`` (share), ``longest_drawdown_days``, ``exposure`` (mean of its absolute value over
    the recorded periods), ``turnover`` (value traded). ``cost_per_turnover`` is execution paid per unit of value
    traded, positive when paid. Account view: ``equity_return`` (compounded, with collateral), ``equity_max_drawdown``
    (positive fraction of the peak), ``final_equity`` and ``collateral`` (report currency). ``days`` counts UTC days
    with a part of a day at either end as one. ``exposure`` is of the net position, ``gross_exposure`` of the sum of
    absolute positions. Orders and liquidations: see `order_metrics`; ratios, errors, tails and break-even: see
    `daily_figures`; where a benchmark is named, what goes with it: see `relative_figures`.
    """
    attribution, notional = result.attribution, result.notional
    pnl = days["pnl"].to_numpy(dtype=np.float64)
    benchmark = days["benchmark"].to_numpy(dtype=np.float64) if "benchmark" in days else None
    statistics = trade_statistics(trips)["all"]
    parts = {f"{name}_return": attribution[name] / notional for name in ATTRIBUTION}
    execution = math.fsum(attribution[name] for name in EXECUTION)
    turnover = float(result.periods["turnover"].iloc[-1]) if len(result.periods) else 0.0
    exposure = result.periods["exposure"].to_numpy(dtype=np.float64)
    total = math.fsum(attribution[name] for name in ATTRIBUTION) / notional
    return {
        "start": result.start.isoformat(),
        "end": result.end.isoformat(),
        "days": len(days),
        "bars": result.bars,
        "events": result.events,
        "report_currency": result.report_currency,
        "notional": result.notional,
        "capital": result.capital,
        "total_return": total,
        **parts,
        "execution_return": execution / notional,
        "annual_return": annual_return(pnl),
        "annual_volatility": annual_volatility(pnl),
        "benchmark": benchmark_name(result),
        "information_ratio": information_ratio(pnl, benchmark),
        "information_ratio_error": information_ratio_error(pnl, benchmark),
        "max_drawdown": result.max_drawdown_notional,
        "longest_drawdown_days": longest_drawdown(pnl),
        "best_day": float(pnl.max()) if len(pnl) else math.nan,
        "worst_day": float(pnl.min()) if len(pnl) else math.nan,
        "positive_days": float((pnl > 0.0).mean()) if len(pnl) else math.nan,
        "equity_return": attribution["total"] / result.capital,
        "equity_max_drawdown": result.max_drawdown_equity,
        "final_equity": result.capital + attribution["total"],
        "collateral": attribution["collateral"],
        "turnover": turnover / notional,
        "cost_per_turnover": -execution / turnover if turnover > 0.0 else math.nan,
        "fills": len(result.fills),
        **order_metrics(result),
        "exposure": float(np.abs(exposure).mean()) if len(exposure) else math.nan,
        "gross_exposure": gross_exposure(result),
        "round_trips": int(statistics["round_trips"]),
        "hit_ratio": float(statistics["hit_ratio"]),
        "profit_factor": float(statistics["profit_factor"]),
        "mean_trade_hours": float(statistics["mean_hours"]),
        **daily_figures(
            pnl,
            benchmark,
            total=total,
            price=parts["price_return"],
            execution=execution / notional,
            turnover=turnover / notional,
        ),
        **({} if benchmark is None else relative_figures(pnl, benchmark)),
    }


def gross_exposure(result: ResultLike) -> float:
    """Mean over the recorded periods of the sum of absolute positions, in units of the notional."""
    if not len(result.periods):
        return math.nan
    if len(result.instruments) == 1:
        return float(result.periods["exposure"].abs().mean())
    return math.fsum(float(result.periods_of(one.name)["exposure"].abs().mean()) for one in result.instruments)


def json_safe(value: object) -> Any:
    """``value`` with what JSON cannot hold replaced: NaN and infinities by None, NumPy numbers and times by plain
    ones.

    Mappings, sequences, sets and arrays are walked through; times become ISO 8601 text, paths and anything unknown
    text.
    """
    if isinstance(value, Mapping):
        return {str(key): json_safe(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [json_safe(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((json_safe(item) for item in value), key=str)
    if isinstance(value, np.generic) and not isinstance(value, (np.datetime64, np.timedelta64)):
        value = value.item()
    return _scalar(value)


def _scalar(value: object) -> bool | int | float | str | None:
    if value is None or value is pd.NaT:
        return None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    return value.as_posix() if isinstance(value, PurePath) else str(value)
