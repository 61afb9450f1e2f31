"""The metrics and the daily PnL of a result without its tables, for runs that are made by the hundred.

The numbers are those of `halfspread.reports.metrics.measure`, bit for bit: the same operations in the same order, on
arrays of records instead of tables. What is rare (orders, several instruments) is left to `measure`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from halfspread.engine.account_records import FILL
from halfspread.engine.result import BacktestResult
from halfspread.engine.times import DAY, HOUR
from halfspread.reports.daily_figures import daily_figures
from halfspread.reports.measured import Measured
from halfspread.reports.orders import TAKEN_OVER
from halfspread.reports.protocol import ATTRIBUTION, EXECUTION
from halfspread.reports.statistics.drawdowns import longest_drawdown
from halfspread.reports.statistics.ratios import (
    annual_return,
    annual_volatility,
    information_ratio,
    information_ratio_error,
)

__all__ = ["cell_metrics"]

Records = np.ndarray[Any, np.dtype[Any]]
Floats = np.ndarray[Any, np.dtype[np.float64]]
Integers = np.ndarray[Any, np.dtype[np.int64]]
Value = float | int | str


def cell_metrics(result: BacktestResult) -> tuple[dict[str, Value], Integers, Floats]:
    """Metrics by name as `measure` gives them, midnights (days,) in nanoseconds UTC, and the PnL of each day in units
    of the notional (days,)."""
    if len(result.instruments) > 1 or result.counts.get("orders", 0) or not len(result.period_records):
        found = Measured.of(result)
        return dict(found.metrics), _midnights(found), found.days["pnl"].to_numpy(dtype=np.float64)
    days, pnl = _daily(result)
    return _measure(result, pnl), days, pnl


def _midnights(found: Measured) -> Integers:
    return np.asarray(pd.DatetimeIndex(found.days.index).as_unit("ns").asi8)


def _daily(result: BacktestResult) -> tuple[Integers, Floats]:
    """As `halfspread.reports.daily.daily`, of one instrument."""
    lines = result.period_records
    start = int(result.start.as_unit("ns").value) // DAY * DAY
    day = np.maximum((lines["time"] - 1) // DAY * DAY, start)
    last = np.flatnonzero(np.r_[day[1:] != day[:-1], True])
    days = np.arange(min(int(day[last[0]]), start), int(day[last[-1]]) + DAY, DAY)
    held = np.searchsorted(day[last], days, side="right") - 1  # the last day with a period, -1 before the first
    change = {}
    for name in ATTRIBUTION:
        ends = np.where(held >= 0, lines[name][last][held], 0.0)
        change[name] = np.concatenate([ends[:1], ends[1:] - ends[:-1]]) / result.notional
    return days, change["price"] + _sum(change, EXECUTION) + change["funding"] + change["liquidation"]


def _sum(parts: dict[str, Floats], names: tuple[str, ...]) -> Floats:
    total = parts[names[0]]
    for name in names[1:]:
        total = total + parts[name]
    return total


def _measure(result: BacktestResult, pnl: Floats) -> dict[str, Value]:
    attribution, notional = result.attribution, result.notional
    execution = math.fsum(attribution[name] for name in EXECUTION)
    total = math.fsum(attribution[name] for name in ATTRIBUTION) / notional
    turnover = float(result.period_records["turnover"][-1])
    exposure = float(np.abs(result.period_records["position_value"] / notional).mean())
    fills = np.concatenate([np.zeros(0, FILL), *result.fill_pieces])
    value = np.ascontiguousarray(fills["value"])
    made, traded = float(value[fills["maker"] == 1].sum()), float(value.sum())
    return {
        "start": result.start.isoformat(),
        "end": result.end.isoformat(),
        "days": len(pnl),
        "bars": result.bars,
        "events": result.events,
        "report_currency": result.report_currency,
        "notional": notional,
        "capital": result.capital,
        "total_return": total,
        **{f"{name}_return": attribution[name] / notional for name in ATTRIBUTION},
        "execution_return": execution / notional,
        "annual_return": annual_return(pnl),
        "annual_volatility": annual_volatility(pnl),
        "benchmark": "zero",
        "information_ratio": information_ratio(pnl),
        "information_ratio_error": information_ratio_error(pnl),
        "max_drawdown": result.max_drawdown_notional,
        "longest_drawdown_days": longest_drawdown(pnl),
        "best_day": float(pnl.max()),
        "worst_day": float(pnl.min()),
        "positive_days": float((pnl > 0.0).mean()),
        "equity_return": attribution["total"] / result.capital,
        "equity_max_drawdown": result.max_drawdown_equity,
        "final_equity": result.capital + attribution["total"],
        "collateral": attribution["collateral"],
        "turnover": turnover / notional,
        "cost_per_turnover": -execution / turnover if turnover > 0.0 else math.nan,
        "fills": len(fills),
        "maker_share": made / traded if traded > 0.0 else math.nan,
        "liquidations": int((fills["order"] == TAKEN_OVER).sum()),
        "orders": 0,
        "rejected_orders": 0,
        "fill_ratio": math.nan,
        "mean_seconds_to_fill": math.nan,
        "exposure": exposure,
        "gross_exposure": exposure,
        **_round_trips(fills),
        **daily_figures(
            pnl,
            total=total,
            price=attribution["price"] / notional,
            execution=execution / notional,
            turnover=turnover / notional,
        ),
    }


def _round_trips(fills: Records) -> dict[str, Value]:
    """As `trade_statistics` of `halfspread.reports.trades.trades`, over the trips that are closed."""
    if not len(fills):
        return _statistics(np.zeros(0), np.zeros(0))
    after = np.ascontiguousarray(fills["position_after"])
    before = np.concatenate([[0.0], after[:-1]])
    turns = before * after < 0.0
    rows = np.repeat(np.arange(len(fills)), 1 + turns)
    second = np.concatenate([[False], rows[1:] == rows[:-1]])
    first = turns[rows] & ~second
    traded = fills["contracts"][rows]
    contracts = np.where(second, after[rows], np.where(first, -before[rows], traded))
    trip = np.cumsum(second | (before[rows] == 0.0)) - 1
    starts = np.flatnonzero(np.concatenate([[True], trip[1:] != trip[:-1]]))
    ends = np.concatenate([starts[1:], [len(rows)]]) - 1
    closed = np.where(first, 0.0, after[rows])[ends] == 0.0
    share = contracts / traded
    paid = {name: np.add.reduceat(fills[name][rows] * share, starts)[closed] for name in (*EXECUTION, "liquidation")}
    starts, ends = starts[closed], ends[closed]
    gained = {name: fills[f"{name}_total"][rows] for name in ("price", "funding")}
    moved = {name: total[ends] - total[starts] for name, total in gained.items()}
    times = fills["time"][rows]
    pnl = moved["price"] + moved["funding"] + _sum(paid, (*EXECUTION, "liquidation"))
    return _statistics(pnl, (times[ends] - times[starts]) / HOUR)


def _statistics(pnl: Floats, hours: Floats) -> dict[str, Value]:
    gains = pnl[pnl > 0.0]
    lost = -float(pnl[pnl <= 0.0].sum())
    return {
        "round_trips": len(pnl),
        "hit_ratio": len(gains) / len(pnl) if len(pnl) else math.nan,
        "profit_factor": float(gains.sum()) / lost if lost > 0.0 else math.nan,
        "mean_trade_hours": float(hours.mean()) if len(hours) else math.nan,
    }
