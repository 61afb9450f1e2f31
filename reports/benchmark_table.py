"""Read a daily series: one row a UTC day, of simple returns or of prices, checked and never repaired.

Rows in messages count from 0 at the first row of the source.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from halfspread.engine.tables import Table, numbers, read_table
from halfspread.engine.times import DAY, Integers, time_text, to_nanoseconds
from halfspread.errors import ConfigError, DataError
from halfspread.reports.statistics.series import Floats

__all__ = ["COLUMNS", "TIME_COLUMNS", "Stamp", "TimeUnit", "Unit", "Values", "returns_of_prices", "series_of"]

Values = Literal["returns", "prices"]
Unit = Literal["fraction", "percent"]
Stamp = Literal["open", "close"]
TimeUnit = Literal["s", "ms", "us", "ns"]

#: Columns that are looked for where none is named.
COLUMNS: Mapping[str, str] = {"returns": "return", "prices": "close"}
TIME_COLUMNS = ("date", "ts")

_SCALE = {"fraction": 1.0, "percent": 0.01}
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "values": ("returns", "prices"),
    "unit": ("fraction", "percent"),
    "stamp": ("open", "close"),
}
#: No series of returns has half its days beyond this, unless it counts in percent.
_USUAL = 0.1


def series_of(
    source: Any,
    values: Values,
    column: str | None,
    unit: Unit,
    time_column: str | None,
    time_unit: TimeUnit,
    stamp: Stamp,
) -> tuple[Integers, Floats, str]:
    """Midnights (n,) at which the days begin, their values (n,), returns as fractions, and a name of the source.
    Raises ConfigError, DataError; see `halfspread.reports.benchmark.Benchmark.read`."""
    for key, given in {"values": values, "unit": unit, "stamp": stamp}.items():
        if given not in _CHOICES[key]:
            raise ConfigError(f"benchmark: {key}: expected one of {', '.join(_CHOICES[key])}, got {given!r}")
    if values == "prices" and unit != "fraction":
        raise ConfigError("benchmark: unit: is for returns, and the values are prices; leave it out")
    wanted = column or COLUMNS[values]
    table, name = _table(source, wanted, time_column)
    where = f"benchmark: {name}"
    times = to_nanoseconds(_column(table, _time_column(table, time_column), where), f"{where}: times", time_unit)
    found = numbers(_column(table, wanted, where), where, wanted, times)
    if not len(times):
        raise DataError(f"{where}: expected one row a day, got none; write the file again")
    days = _days(times, where) - (DAY if stamp == "close" else 0)
    bad = np.flatnonzero(~np.isfinite(found))
    if len(bad):
        raise DataError(
            f"{where}: {_row(bad[0], times)}: column {wanted}: expected a number, got {found[bad[0]]:g}; {len(bad):,} "
            "such; leave out days that are not known"
        )
    check = _check_prices if values == "prices" else _check_returns
    check(found, times, where, wanted, unit)
    return days, found * _SCALE[unit], name


def returns_of_prices(days: Integers, prices: Floats) -> tuple[Integers, Floats]:
    """Simple return of each day whose day before is known too; a day after a gap has none."""
    follows = np.diff(days) == DAY
    return days[1:][follows], (prices[1:] / prices[:-1] - 1.0)[follows]


def _table(source: Any, wanted: str, time_column: str | None) -> tuple[Table, str]:
    names = [time_column] if time_column else list(TIME_COLUMNS)
    if isinstance(source, pd.Series):
        table, _ = read_table(pd.DataFrame({wanted: source}), [*names, wanted])
        return table, "Series"
    return read_table(source, [*names, wanted])


def _time_column(table: Table, named: str | None) -> str:
    if named is not None:
        return named
    return next((name for name in TIME_COLUMNS if table.get(name) is not None), TIME_COLUMNS[0])


def _column(table: Table, name: str, where: str) -> Any:
    if table.get(name) is None:
        raise DataError(
            f"{where}: no column {name!r}; found {', '.join(table) or 'none'}; name the right one with column (values) "
            "or time_column (times)"
        )
    return table[name]


def _days(times: Integers, where: str) -> Integers:
    """The times, which must be midnights, each after the one before."""
    off = np.flatnonzero(times % DAY)
    if len(off):
        raise DataError(
            f"{where}: {_row(off[0], times)}: expected midnight UTC, one row a day; {len(off):,} of {len(times):,} "
            "rows are at another time; write daily values, stamped with their UTC day"
        )
    step = np.diff(times)
    bad = np.flatnonzero(step <= 0)
    if len(bad):
        row = int(bad[0]) + 1
        what = "the same day as the row before" if step[row - 1] == 0 else "earlier than the row before"
        raise DataError(f"{where}: {_row(row, times)}: {what}; expected one row a day, in order of time")
    return times


def _check_returns(found: Floats, times: Integers, where: str, column: str, unit: Unit) -> None:
    limit = 1.0 / _SCALE[unit]
    far = np.flatnonzero(np.abs(found) > limit)
    hint = "if they are prices, say values = 'prices'"
    if unit == "fraction":
        hint = f"if the file counts in percent, say unit = 'percent'; {hint}"
    if len(far):
        row = far[0]
        raise DataError(
            f"{where}: {_row(row, times)}: column {column}: a return of {found[row]:g} "
            f"({100.0 * _SCALE[unit] * found[row]:,.4g} %) in a day; expected at most {limit:g} either way: {hint}"
        )
    usual = float(np.median(np.abs(found)))
    if len(found) >= 10 and usual > _USUAL * limit:
        raise DataError(
            f"{where}: column {column}: half of the days move by more than {100.0 * _SCALE[unit] * usual:.3g} %: {hint}"
        )


def _check_prices(found: Floats, times: Integers, where: str, column: str, unit: Unit) -> None:
    bad = np.flatnonzero(found <= 0.0)
    if len(bad):
        row = bad[0]
        raise DataError(
            f"{where}: {_row(row, times)}: column {column}: expected a price above 0, got {found[row]:g}; if these are "
            "returns, say values = 'returns'"
        )


def _row(row: Any, times: Integers) -> str:
    return f"row {int(row)} ({time_text(int(times[row]))})"
