"""Rows of any accepted table as an Arrow table of a kind: its columns and types, and nothing that does not parse.

A value that is missing or NaN is null. A column that may be left out and holds nothing is left out. Messages count rows
from 0 at the first row of what was handed in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from halfspread.datafeeds.store.kinds import Column, Kind
from halfspread.engine.parquet import Table, single_columns
from halfspread.engine.tables import numbers, read_table
from halfspread.engine.times import Integers, time_text, to_nanoseconds
from halfspread.errors import DataError

__all__ = ["TOGETHER", "TYPES", "aligned", "arrow_rows", "times_of", "without_empty"]

TYPES = {
    "time": pa.timestamp("ns", "UTC"),
    "number": pa.float64(),
    "count": pa.int64(),
    "code": pa.int8(),
    "flag": pa.bool_(),
    "text": pa.string(),
}
#: Columns of which a table has all or none.
TOGETHER = (("bid_open", "ask_open", "bid_close", "ask_close"), ("bid_size", "ask_size"))
_CODES = {"side": (-1, 1), "action": (0, 4)}
#: Above this a float64 does not hold every whole number.
_EXACT = 2**53


def arrow_rows(kind: Kind, rows: Any, what: str) -> pa.Table:
    """``rows``, anything that `engine.tables.read_table` takes, as the columns of ``kind`` in their order and types.

    ``what``: begins each message. Raises DataError for a column that is missing, unknown, or of another length, and for
    a value that does not parse, naming row, column and value.
    """
    table = _table(kind, rows)
    _check_names(kind, table, what)
    stamps = to_nanoseconds(_plain(table["ts"]), f"{what}: column ts")
    found = {
        column.name: pa.array(stamps, TYPES["time"])
        if column.name == "ts"
        else _column(column, table[column.name], stamps, what)
        for column in kind.columns
        if column.name in table
    }
    return without_empty(kind, pa.table(found))


def without_empty(kind: Kind, table: pa.Table) -> pa.Table:
    """A table without the columns that hold nothing and may be left out."""
    there = [column for column in kind.columns if column.name in table.column_names]
    empty = {c.name for c in there if not c.required and table.column(c.name).null_count == table.num_rows}
    for group in TOGETHER:
        if not empty.issuperset(name for name in group if name in table.column_names):
            empty.difference_update(group)
    return table.select([column.name for column in there if column.name not in empty])


def aligned(kind: Kind, table: pa.Table, names: frozenset[str] | set[str]) -> pa.Table:
    """``table`` with the columns ``names`` of ``kind``, in order; nulls in those that it lacks."""
    columns = [column for column in kind.columns if column.name in names]
    found = {
        column.name: table.column(column.name)
        if column.name in table.column_names
        else pa.chunked_array([pa.nulls(table.num_rows, TYPES[column.type])])
        for column in columns
    }
    return pa.table(found, pa.schema([(column.name, TYPES[column.type]) for column in columns]))


def times_of(table: pa.Table) -> Integers:
    """The column ts as int64."""
    times: Integers = table.column("ts").cast(pa.int64()).to_numpy()
    return times


def _table(kind: Kind, rows: Any) -> Table:
    """The columns of ``rows``; those of Arrow tables as they are."""
    if hasattr(rows, "__arrow_c_stream__") and not isinstance(rows, pd.DataFrame):
        rows = pa.table(rows)
        single_columns(rows.column_names, "Arrow table")
        return {name: rows.column(name).combine_chunks() for name in rows.column_names}
    if hasattr(rows, "__arrow_c_array__"):
        return _table(kind, pa.table(rows))
    return read_table(rows, list(kind.names))[0]


def _plain(values: Any) -> Any:
    """An Arrow column as one of pandas, others as they are."""
    return values.to_pandas() if isinstance(values, (pa.Array, pa.ChunkedArray)) else values


def _column(column: Column, values: Any, stamps: Integers, what: str) -> pa.Array:
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
        if whole.type == TYPES[column.type] and column.type in ("count", "text", "flag", "time"):
            if len(whole) != len(stamps):
                raise DataError(f"{what}: column {column.name}: expected one value for each of {len(stamps)} times")
            return whole
        if pa.types.is_integer(whole.type) and whole.null_count == 0:
            values = whole.to_numpy(zero_copy_only=False)
    return _READ[column.type](column, _plain(values), stamps, what)


def _check_names(kind: Kind, table: Table, what: str) -> None:
    missing = [name for name in kind.required if name not in table]
    unknown = [name for name in table if name not in kind.names]
    if missing or unknown:
        faults = [
            f"{fault} column(s) {', '.join(map(str, names[:8]))}{' and more' if len(names) > 8 else ''}"
            for fault, names in (("missing", missing), ("unknown", unknown))
            if names
        ]
        raise DataError(f"{what}: {' and '.join(faults)}; {kind.name} have {_listed(kind)}; rename or leave out")
    for group in TOGETHER:
        there = [name for name in group if name in table]
        if there and len(there) < sum(name in kind.names for name in group):
            raise DataError(f"{what}: expected all or none of the columns {', '.join(group)}, got only {there}")


def _listed(kind: Kind) -> str:
    names = [column.name if column.required else f"{column.name} (optional)" for column in kind.columns]
    return ", ".join(names if len(names) < 24 else [*names[:10], "...", names[-1]])


def _no(what: str, stamps: Integers, row: int, column: Column, expected: str, got: Any) -> DataError:
    got = got.item() if isinstance(got, np.generic) else got
    return DataError(
        f"{what}: row {row} ({time_text(stamps[row])}): column {column.name}: expected {expected}, got {got!r}; "
        "correct the value, or leave the row out"
    )


def _numbers(column: Column, values: Any, stamps: Integers, what: str) -> pa.Array:
    _refuse_underscores(column, values, stamps, what)
    found = numbers(values, what, column.name, stamps)
    infinite = np.isinf(found)
    if infinite.any():
        row = int(infinite.argmax())
        raise _no(what, stamps, row, column, "a finite number", found[row])
    return pa.array(found, from_pandas=True)


def _refuse_underscores(column: Column, values: Any, stamps: Integers, what: str) -> None:
    """Python takes 1_000 for a number; no venue writes one so."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "iuf":
        return
    series = pd.Series(np.asarray(values)) if not isinstance(values, pd.Series) else values
    if series.dtype.kind in "iufb":
        return
    for row, value in enumerate(series):
        if isinstance(value, str) and "_" in value:
            raise _no(what, stamps, row, column, "a number", value)


def _whole(column: Column, values: Any, stamps: Integers, what: str) -> tuple[Integers, Any]:
    """Whole numbers as int64, and which are missing."""
    array = values if isinstance(values, np.ndarray) else pd.Series(values).to_numpy()
    if array.shape != stamps.shape:
        raise DataError(f"{what}: column {column.name}: expected one value for each of {len(stamps)} times")
    if array.dtype.kind == "b" or (array.dtype.kind == "u" and array.size and array.max() > np.iinfo(np.int64).max):
        raise _no(what, stamps, 0, column, "a whole number", array.max())
    if array.dtype.kind in "iu":
        return array.astype(np.int64), np.zeros(len(array), bool)
    if array.dtype.kind == "f":
        missing = np.isnan(array)
        filled = np.where(missing, 0.0, array)
        bad = (np.abs(filled) >= _EXACT) | (filled != np.rint(np.clip(filled, -_EXACT, _EXACT)))
        if bad.any():
            raise _no(what, stamps, int(bad.argmax()), column, "a whole number", array[bad.argmax()])
        return filled.astype(np.int64), missing
    missing = pd.isna(array)
    found = np.zeros(len(array), np.int64)
    for row in np.flatnonzero(~missing):
        found[row] = _integer(column, array[row], stamps, what, int(row))
    return found, missing


def _integer(column: Column, value: Any, stamps: Integers, what: str, row: int) -> int:
    try:
        if (
            isinstance(value, (bool, np.bool_))
            or (isinstance(value, str) and "_" in value)
            or int(value) != float(value)
        ):
            raise ValueError
        return int(np.int64(int(value)))
    except (ValueError, TypeError, OverflowError):
        raise _no(what, stamps, row, column, "a whole number", value) from None


def _counts(column: Column, values: Any, stamps: Integers, what: str) -> pa.Array:
    found, missing = _whole(column, values, stamps, what)
    return pa.array(found, mask=missing)


def _codes(column: Column, values: Any, stamps: Integers, what: str) -> pa.Array:
    found, missing = _whole(column, values, stamps, what)
    low, high = _CODES[column.name]
    outside = ~missing & ((found < low) | (found > high))
    if outside.any():
        row = int(outside.argmax())
        raise _no(what, stamps, row, column, f"a whole number from {low} to {high} ({column.about})", found[row])
    return pa.array(found.astype(np.int8), mask=missing)


def _flags(column: Column, values: Any, stamps: Integers, what: str) -> pa.Array:
    array = values if isinstance(values, np.ndarray) else pd.Series(values).to_numpy()
    if array.dtype.kind == "b" and array.shape == stamps.shape:
        return pa.array(array)
    if array.dtype.kind == "O" and array.shape == stamps.shape:
        array = np.array([float(x) if isinstance(x, (bool, np.bool_)) else x for x in array], object)
    found, missing = _whole(column, array, stamps, what)
    odd = ~missing & (found != 0) & (found != 1)
    if odd.any():
        raise _no(what, stamps, int(odd.argmax()), column, "true or false", array[odd.argmax()])
    return pa.array(found == 1, mask=missing)


def _times(column: Column, values: Any, stamps: Integers, what: str) -> pa.Array:
    series = values if isinstance(values, pd.Series) else pd.Series(np.asarray(values))
    if len(series) != len(stamps):
        raise DataError(f"{what}: column {column.name}: expected one value for each of {len(stamps)} times")
    missing = series.isna().to_numpy()
    if not missing.any():
        return pa.array(to_nanoseconds(values, f"{what}: column {column.name}"), TYPES["time"])
    found = np.zeros(len(series), np.int64)
    if not missing.all():
        there = series[~missing]
        if there.dtype.kind == "f":  # whole nanoseconds beside NaN are no longer exact
            raise DataError(f"{what}: column {column.name}: expected datetimes or whole numbers, got float64 with NaN")
        found[~missing] = to_nanoseconds(there.reset_index(drop=True), f"{what}: column {column.name}")
    return pa.array(found, TYPES["time"], mask=missing)


def _texts(column: Column, values: Any, stamps: Integers, what: str) -> pa.Array:
    array = pd.Series(values).to_numpy(object)
    if array.shape != stamps.shape:
        raise DataError(f"{what}: column {column.name}: expected one value for each of {len(stamps)} times")
    try:
        return pa.array(array, pa.string(), from_pandas=True)
    except pa.ArrowException:  # something else than text
        missing = pd.isna(array)
        return pa.array([None if gone else str(x) for x, gone in zip(array, missing, strict=True)], pa.string())


_READ: dict[str, Callable[[Column, Any, Integers, str], pa.Array]] = {
    "number": _numbers,
    "count": _counts,
    "code": _codes,
    "flag": _flags,
    "time": _times,
    "text": _texts,
}
