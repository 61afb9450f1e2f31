"""PnL, costs and turnover by the hour of the day and by the day of the week, UTC.

What was recorded decides how fine this can be: the lines of attribution come every minute, hour or day; where they come
by the day, the equity of every bar tells the PnL of the hours, and the fills tell their costs. What happens exactly at
the end of an hour belongs to the hour that ends, but for a bar that opens there. Amounts in units of the notional.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from halfspread.reports.protocol import ATTRIBUTION, EXECUTION, ResultLike

__all__ = ["WEEKDAYS", "by_hour", "by_weekday"]

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_HOUR = 3_600_000_000_000
_DAY = 24 * _HOUR
#: 1970-01-01 was a Thursday.
_FIRST_WEEKDAY = 3
#: Fewest days or hours of one kind for an error of their mean.
_LEAST = 10

Floats = NDArray[np.float64]
Times = NDArray[np.int64]


@dataclass(frozen=True)
class _Steps:
    """What each step added: the time at which it ended less 1 ns, and amounts in units of the notional."""

    times: Times
    net: Floats
    execution: Floats | None
    turnover: Floats | None


def by_weekday(result: ResultLike, days: pd.DataFrame) -> pd.DataFrame:
    """One row for each day of the week that the run has, from its table ``days``.

    ``days``: how many; ``pnl``, ``before_costs`` (price, funding and liquidation), ``execution`` (half-spread, fee and
    impact; negative when paid) and ``turnover``: sums; ``fills``; ``errors``: the mean PnL of such a day in standard
    errors, NaN with fewer than ten of them.
    """
    times = pd.DatetimeIndex(days.index).as_unit("ns").asi8
    pnl, execution, turnover = (days[name].to_numpy(dtype=np.float64) for name in ("pnl", "execution", "turnover"))
    steps = _Steps(times, pnl, execution, turnover)
    table = _table(steps, times // _DAY, (times // _DAY + _FIRST_WEEKDAY) % 7, 7)
    table["fills"] = np.bincount((_fill_times(result) // _DAY + _FIRST_WEEKDAY) % 7, minlength=7)
    table.index = pd.Index(WEEKDAYS, name="weekday")
    return table[table["days"] > 0]


def by_hour(result: ResultLike, days: pd.DataFrame) -> pd.DataFrame:
    """One row for each hour of the day, or for each part of a day where the run was recorded in parts of several
    hours; columns as in `by_weekday`. The index is the hour at which a row begins. Empty where a step is not a part of
    a day, or there are no ``days``."""
    steps, width = _finest(result)
    if not width or not len(days):
        nothing = np.zeros(0)
        empty = _table(_Steps(steps.times[:0], nothing, nothing, nothing), steps.times[:0], steps.times[:0], 0)
        return empty.assign(fills=np.zeros(0, dtype=np.int64))
    rows = _DAY // width
    table = _table(steps, steps.times // width, steps.times % _DAY // width, rows)
    fills = result.fills
    places = _fill_times(result) % _DAY // width
    table["fills"] = np.bincount(places, minlength=rows)
    if steps.execution is None:
        paid = fills[list(EXECUTION)].sum(axis=1).to_numpy(dtype=np.float64) / result.notional
        value = fills["value"].to_numpy(dtype=np.float64) / result.notional
        table["execution"] = np.bincount(places, weights=paid, minlength=rows)
        table["turnover"] = np.bincount(places, weights=value, minlength=rows)
        table["before_costs"] = table["pnl"] - table["execution"]
    table.index = pd.Index(np.arange(rows) * (width // _HOUR), name="hour")
    return table


def _table(steps: _Steps, moments: Times, places: Times, rows: int) -> pd.DataFrame:
    """Sums by place; ``moments`` number the days or hours, so that several steps of one count once."""
    first = np.flatnonzero(np.diff(moments, prepend=-1))
    net = np.add.reduceat(steps.net, first) if len(first) else np.zeros(0)
    place = places[first]
    many = np.bincount(place, minlength=rows)
    sums = np.bincount(place, weights=net, minlength=rows)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = sums / many
        spread = np.sqrt(np.bincount(place, weights=(net - mean[place]) ** 2, minlength=rows) / (many - 1))
        errors = mean / (spread / np.sqrt(many))
    known = (many >= _LEAST) & (spread > 0.0)
    paid, traded = (
        np.zeros(rows) if one is None else np.bincount(places, weights=one, minlength=rows)
        for one in (steps.execution, steps.turnover)
    )
    table = {"days": many, "pnl": sums, "before_costs": sums - paid, "execution": paid, "turnover": traded}
    return pd.DataFrame(table | {"errors": np.where(known, errors, math.nan)})


def _finest(result: ResultLike) -> tuple[_Steps, int]:
    """The steps by which the hours can be told, and their width in nanoseconds, at least an hour; 0 for none."""
    periods = result.periods
    width = _width(periods.index)
    if width:
        parts = {name: _change(periods, name) / result.notional for name in (*ATTRIBUTION, "turnover")}
        net = sum((parts[name] for name in ATTRIBUTION), np.zeros(len(periods)))
        execution = sum((parts[name] for name in EXECUTION), np.zeros(len(periods)))
        return _Steps(_ends(periods.index), net, execution, parts["turnover"]), width
    curve = result.curve
    width = 0 if result.thinned else _width(curve.index)
    if not width:
        return _Steps(np.zeros(0, dtype=np.int64), np.zeros(0), None, None), 0
    pnl = (curve["equity"] - curve["collateral"]).to_numpy(dtype=np.float64) - result.capital
    # what is settled after the last point of the curve belongs to the last hour
    net = np.diff(np.r_[0.0, pnl[:-1], math.fsum(result.attribution[name] for name in ATTRIBUTION)])
    return _Steps(_ends(curve.index), net / result.notional, None, None), width


def _ends(index: pd.Index[Any]) -> Times:
    times: Times = pd.DatetimeIndex(index).as_unit("ns").asi8 - 1
    return times


def _width(index: pd.Index[Any]) -> int:
    """The usual step, or an hour where it is shorter; 0 where a day is not a multiple of it, or for a step of a day."""
    if len(index) < 2:
        return 0
    step = int(np.median(np.diff(pd.DatetimeIndex(index).as_unit("ns").asi8)))
    width = max(step, _HOUR)
    return 0 if width >= _DAY or _DAY % width or width % _HOUR else width


def _change(periods: pd.DataFrame, name: str) -> Floats:
    return np.diff(np.r_[0.0, periods[name].to_numpy(dtype=np.float64)])


def _fill_times(result: ResultLike) -> Times:
    """Times of fills, those at a bar's close counted before it, as the PnL is."""
    times: Times = pd.DatetimeIndex(result.fills["time"]).as_unit("ns").asi8
    return times if result.fill_convention == "next_open" else times - 1
