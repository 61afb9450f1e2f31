"""The first difference between the results of two sweeps, cost sensitivities or walk-forwards, value by value.

Two NaN are the same; 0.0 and -0.0 are not.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from halfspread.commands.differences import Difference
from halfspread.commands.result_differences import first_difference, metrics_differences, value_at
from halfspread.commands.run_files import hash_of_file

__all__ = ["TABLES", "cell_differences"]

#: Tables of a run folder by its kind, a cause before its effects.
TABLES = {
    "sweep": ("sweep", "returns"),
    "sensitivity": ("sensitivity", "returns"),
    "walk-forward": ("windows", "daily"),
    "montecarlo": ("trials", "equity"),
}


def cell_differences(expected: Path, found: Path, kind: str, agent: str) -> list[Difference]:
    """The first cell, or window, in which the tables of two run folders differ, then the first metric; empty where all
    bits are the same. ``kind``: one of `TABLES`. Why a cell did not run is not compared, but that it did not."""
    events = (_table_difference(expected, found, name, kind, agent) for name in TABLES[kind])
    first = next((event for event in events if event is not None), None)
    sampled = kind == "montecarlo" and not (found / "metrics.json").is_file()
    metrics = [] if sampled else metrics_differences(expected / "metrics.json", found / "metrics.json", agent)
    return metrics if first is None else [first, *metrics]


def _table_difference(expected: Path, found: Path, name: str, kind: str, agent: str) -> Difference | None:
    one, two = expected / f"{name}.parquet", found / f"{name}.parquet"
    if hash_of_file(one) == hash_of_file(two):
        return None
    before, now = (_without_reasons(pq.read_table(path)) for path in (one, two))
    if kind == "montecarlo":
        before = _trials_of(before, now)
    at = first_difference(before, now)
    if at is None:
        return None
    where, place = _WHERE[name](before, now, *at)
    more = {"agent": agent, "file": f"{name}.parquet", "row": at[0], "field": at[1], **place}
    event = "window" if kind == "walk-forward" else "cell"
    return Difference(event, where, value_at(before, *at), value_at(now, *at), more)


def _without_reasons(table: pa.Table) -> pa.Table:
    """Sentences, with paths in them that depend on where the config is."""
    return table.drop_columns(["reason"]) if "reason" in table.column_names else table


def _trials_of(before: pa.Table, now: pa.Table) -> pa.Table:
    """The rows, or columns, of the trials that were run again."""
    if "trial" in now.column_names:
        return before.filter(pc.is_in(before["trial"], value_set=now["trial"].combine_chunks().unique()))
    return before.select([name for name in before.column_names if name in now.column_names])


def _either(before: pa.Table, now: pa.Table, row: int, column: str) -> Any:
    found = value_at(before, row, column)
    return value_at(now, row, column) if found is None else found


def _of_cell(before: pa.Table, now: pa.Table, row: int, column: str) -> tuple[str, dict[str, Any]]:
    """A row of settings: the number of the cell and what it sets."""
    names = before.column_names
    keys = names[1 : names.index("state")] if "state" in names else []
    settings = {key: _either(before, now, row, key) for key in keys}
    told = ", ".join(f"{key}={value}" for key, value in settings.items())
    cell = _either(before, now, row, "cell")
    return f"cell {cell}, {told}: {_field(column)}", {"cell": cell, "settings": settings}


def _of_return(before: pa.Table, now: pa.Table, row: int, column: str) -> tuple[str, dict[str, Any]]:
    """A day of the daily PnL; columns are cells."""
    day = str(_either(before, now, row, "day"))[:10]
    cell = int(column[5:]) if column.startswith("cell_") else None
    return f"{_field(column).replace('_', ' ')}, daily PnL of {day}", {"cell": cell, "time": day}


def _of_trial(before: pa.Table, now: pa.Table, row: int, column: str) -> tuple[str, dict[str, Any]]:
    """A row of trials: the number of the trial, its agent, and what was drawn."""
    names = before.column_names
    place = {name: _either(before, now, row, name) for name in names[: names.index("state")]}
    told = ", ".join(f"{name}={value}" for name, value in place.items() if name != "trial" and value is not None)
    return f"trial {place['trial']}, {told}: {_field(column)}", place


def _of_equity(before: pa.Table, now: pa.Table, row: int, column: str) -> tuple[str, dict[str, Any]]:
    day = str(_either(before, now, row, "day"))[:10]
    return f"{_field(column).replace('_', ' ')}, sum of daily PnL up to {day}", {"time": day}


def _of_window(before: pa.Table, now: pa.Table, row: int, column: str) -> tuple[str, dict[str, Any]]:
    tested = _either(before, now, row, "test_start")
    return f"window {row + 1:,}, tested from {tested}: {_field(column)}", {"window": row, "time": tested}


def _of_day(before: pa.Table, now: pa.Table, row: int, column: str) -> tuple[str, dict[str, Any]]:
    day = str(_either(before, now, row, "time"))[:10]
    return f"day {day}: {_field(column)}", {"time": day}


def _field(column: str) -> str:
    return "row" if column == "rows" else column


_Where = Callable[[pa.Table, pa.Table, int, str], tuple[str, dict[str, Any]]]
_WHERE: dict[str, _Where] = {
    **dict.fromkeys(("sweep", "sensitivity"), _of_cell),
    "returns": _of_return,
    "trials": _of_trial,
    "equity": _of_equity,
    "windows": _of_window,
    "daily": _of_day,
}
