"""The first difference between the results of two runs of one agent: values, bit by bit, whatever the files look like.

Two NaN are the same; 0.0 and -0.0 are not. Tables are read a group of rows at a time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from halfspread.commands.differences import Difference
from halfspread.commands.nested import changed_keys, flat
from halfspread.commands.run_files import hash_of_file

__all__ = ["TABLES", "first_difference", "metrics_differences", "result_differences", "table_difference", "value_at"]

#: Tables of a run and their columns of time, a cause before its effects.
TABLES = {"orders": "sent", "fills": "time", "equity": "time", "attribution": "time"}
#: Parts of the metrics that hold no results.
_WORDS = frozenset({"parameters", "reasons", "assumptions", "warnings", "verdict", "missing", "text"})
_SINGULAR = {"orders": "order", "fills": "fill", "equity": "equity point", "attribution": "attribution"}


def result_differences(expected: Path, found: Path, agent: str, instruments: list[str]) -> list[Difference]:
    """The earliest event in which the tables of two run folders differ, then the first metric; empty where all bits are
    the same. ``instruments`` are those of the run."""
    events = []
    for name in TABLES:
        difference = table_difference(expected / f"{name}.parquet", found / f"{name}.parquet", name, agent)
        if difference is not None:
            events.append(_with_instrument(difference, instruments))
    events.sort(key=lambda each: str(each.more["time"] or "9999"))
    return [*events[:1], *metrics_differences(expected / "metrics.json", found / "metrics.json", agent)]


def _with_instrument(difference: Difference, instruments: list[str]) -> Difference:
    more = dict(difference.more)
    if more["instrument"] is None and len(instruments) == 1:
        more["instrument"] = instruments[0]
    return Difference(difference.kind, difference.where, difference.expected, difference.found, more)


def table_difference(expected: Path, found: Path, name: str, agent: str) -> Difference | None:
    """The first row and its first column in which two tables differ, or None."""
    if hash_of_file(expected) == hash_of_file(found):
        return None
    one, two = pq.ParquetFile(expected), pq.ParquetFile(found)
    start = 0
    for group in range(min(one.num_row_groups, two.num_row_groups)):
        before, now = one.read_row_group(group), two.read_row_group(group)
        at = first_difference(before, now)
        if at is not None:
            return _row(name, agent, start, before, now, *at)
        start += before.num_rows
    if one.num_row_groups == two.num_row_groups:
        return None
    longer = one if one.num_row_groups > two.num_row_groups else two
    rest = longer.read_row_group(min(one.num_row_groups, two.num_row_groups))
    before, now = (rest, rest.slice(0, 0)) if longer is one else (rest.slice(0, 0), rest)
    return _row(name, agent, start, before, now, 0, "rows") if rest.num_rows else None


def first_difference(before: pa.Table, now: pa.Table) -> tuple[int, str] | None:
    """The first row and its first column in which two tables differ, or None; the column ``rows`` where one table has
    ended."""
    rows = min(before.num_rows, now.num_rows)
    at: tuple[int, str] | None = (rows, "rows") if before.num_rows != now.num_rows else None
    for name in dict.fromkeys([*before.column_names, *now.column_names]):
        if name not in before.column_names or name not in now.column_names:
            return (0, name) if rows else at
        limit = rows if at is None else at[0]
        other = _unequal(before[name].slice(0, limit), now[name].slice(0, limit))
        if len(other):
            at = int(other[0]), name
    return at


def _unequal(before: Any, now: Any) -> np.ndarray[Any, Any]:
    """Rows in which two columns differ."""
    if pa.types.is_floating(before.type) and before.type == now.type:
        one, two = before.to_numpy(), now.to_numpy()
        same = (one.view(f"i{one.itemsize}") == two.view(f"i{two.itemsize}")) | (np.isnan(one) & np.isnan(two))
        return np.flatnonzero(~same)
    if pa.types.is_timestamp(before.type) and before.type == now.type:
        before, now = before.cast(pa.int64()).fill_null(0), now.cast(pa.int64()).fill_null(0)
        return np.flatnonzero(before.to_numpy() != now.to_numpy())
    pairs = zip(before.to_pylist(), now.to_pylist(), strict=True)
    return np.flatnonzero(np.fromiter((one != two for one, two in pairs), bool))


def _row(name: str, agent: str, start: int, before: pa.Table, now: pa.Table, row: int, column: str) -> Difference:
    expected, found = (value_at(table, row, column) for table in (before, now))
    times = [time for time in (value_at(table, row, TABLES[name]) for table in (before, now)) if time is not None]
    named = column.removeprefix("position_") if column.startswith("position_") and column != "position_after" else None
    instrument = value_at(before, row, "instrument") or value_at(now, row, "instrument") or named
    time = min(times, default=None)
    whose = "".join(f", {word}" for word in (instrument, time) if word)
    what = "row" if column == "rows" else column
    where = f"agent {agent}, {_SINGULAR[name]} {start + row + 1:,}{whose}: {what}"
    more = {
        "agent": agent,
        "file": f"{name}.parquet",
        "row": start + row,
        "time": time,
        "instrument": instrument,
        "field": column,
    }
    return Difference("event", where, expected, found, more)


def value_at(table: pa.Table, row: int, column: str) -> Any:
    """A value as JSON can hold it; for the column ``rows`` whether there is such a row."""
    if column == "rows":
        return "a row" if row < table.num_rows else "the end of the table"
    if column not in table.column_names or row >= table.num_rows:
        return None
    value = table[column].slice(row, 1)
    if pa.types.is_timestamp(value.type):
        nanoseconds = value.cast(pa.timestamp("ns", value.type.tz)).cast(pa.int64())[0].as_py()
        return None if nanoseconds is None else _time(nanoseconds)
    found = value[0].as_py()
    return str(found) if isinstance(found, float) and not np.isfinite(found) else found


def _time(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    text = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"
    return f"{text}.{rest:09d} UTC" if rest else f"{text} UTC"


def metrics_differences(expected: Path, found: Path, agent: str, *, newer: bool = True) -> list[Difference]:
    """The first number in which two files of metrics differ, and the first of what is only said: parameters,
    assumptions and warnings, and, where the code may be ``newer``, metrics that there were none of."""
    before, now = (_nested(json.loads(path.read_text(encoding="utf-8"))) for path in (expected, found))
    known = flat(before)
    said: dict[str, list[tuple[str, Any, Any]]] = {"metrics": [], "words": []}
    for key, had, has in changed_keys(before, now):
        words = (newer and key not in known) or not _WORDS.isdisjoint(key.split("."))
        said["words" if words else "metrics"].append((key, had, has))
    return [
        Difference(
            kind,
            f"agent {agent}, {changed[0][0]}",
            *changed[0][1:],
            {"agent": agent, "file": "metrics.json", "field": changed[0][0], "differ": len(changed)},
        )
        for kind, changed in said.items()
        if changed
    ]


def _nested(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {"": value}
