"""Rows of any accepted table as an Arrow table of a kind: its columns and types, and nothing that does not parse.

A value that is missing or NaN is null. A column that may be left out and holds nothing is left out. Whole numbers and
times stay exact; where NaN has made floats of nanoseconds, the column is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from halfspread.datafeeds.store.columns import TOGETHER, TYPES, without_empty
from halfspread.datafeeds.store.kinds import Column, Kind
from halfspread.engine.parquet import Table, single_columns
from halfspread.engine.tables import numbers, read_table
from halfspread.engine.times import Integers, time_text, to_nanoseconds
from halfspread.errors import DataError

__all__ = ["arrow_rows"]

_CODES = {"side": (-1, 1), "action": (0, 4)}
#: Above this a float64 does not hold every whole number.
_EXACT = 2**53


def arrow_rows(kind: Kind, rows: Any, what: str, first_row: int = 0) -> pa.Table:
    """``rows``, anything that `engine.tables.read_table` takes, as the columns of ``kind`` in their order and types.

    ``what``: begins each message; ``first_row``: number of the first row in it. Raises DataError for a column that is
    missing, unknown, or of another length, and for a value that does not parse, naming row, column and value.
    """
    table = _table(kind, rows)
    _check_names(kind, table, what)
    stamps = _stamps(_plain(table["ts"]), f"{what}: column ts", first_row)
    block = _Block(what, stamps, first_row)
    found = {
        column.name: pa.array(stamps, TYPES["time"]) if column.name == "ts" else block.read(column, table[column.name])
        for column in kind.columns
        if column.name in table
    }
    return without_empty(kind, pa.table(found))


def _table(kind: Kind, rows: Any) -> Table:
    """The columns of ``rows``; those of Arrow tables as they are."""
    if hasattr(rows, "__arrow_c_stream__") and not isinstance(rows, pd.DataFrame):
        rows = pa.table(rows)
        single_columns(rows.column_names, "Arrow table")
        return {name: rows.column(name).combine_chunks() for name in rows.column_names}
    if hasattr(rows, "__arrow_c_array__"):
        return _table(kind, pa.table(rows))
    found = read_table(rows, list(kind.names))[0]
    return {name: _cells(values) if isinstance(values, (list, tuple)) else values for name, values in found.items()}


def _cells(values: Any) -> Any:
    """A list as an array in which each cell is what it was: whole numbers beside missing ones, too."""
    plain = {type(value) for value in values}
    if len(plain) == 1 and plain <= {int, float, bool} and not (plain == {int} and not _fits(values)):
        return np.asarray(values)
    return np.array([*values, None], object)[:-1]


def _plain(values: Any) -> Any:
    """An Arrow column as one of pandas, others as they are."""
    return values.to_pandas() if isinstance(values, (pa.Array, pa.ChunkedArray)) else values


def _stamps(values: Any, what: str, first_row: int) -> Integers:
    """A column of times in nanoseconds. Raises DataError, for numbers among texts too."""
    plain = isinstance(values, (pd.Series, pd.Index)) and isinstance(values.dtype, np.dtype)
    cells = values.to_numpy() if plain else values
    if isinstance(cells, np.ndarray) and cells.dtype.kind == "O":
        numeric = [isinstance(cell, (int, float, np.number)) and not isinstance(cell, bool) for cell in cells]
        if any(numeric) and not all(numeric):
            row = numeric.index(not numeric[0])
            raise DataError(f"{what}: row {first_row + row}: expected a time as in the rows before, got {cells[row]!r}")
        if all(isinstance(cell, int) for cell in cells):
            values = np.array(cells, np.int64) if _fits(cells) else values
    return to_nanoseconds(values, what, first_row=first_row)


def _fits(cells: Any) -> bool:
    return all(-(2**63) <= cell < 2**63 for cell in cells)


def _finite(values: Any) -> pa.Array | None:
    """A column of float64 without anything that would have to be looked at; None for others."""
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
        if whole.type != TYPES["number"] or whole.null_count:
            return None
        return whole if np.isfinite(whole.to_numpy(zero_copy_only=False)).all() else None
    plain = values.to_numpy() if isinstance(values, pd.Series) and values.dtype == np.float64 else values
    if not isinstance(plain, np.ndarray) or plain.dtype != np.float64 or not np.isfinite(plain).all():
        return None
    return pa.array(plain.copy())  # whoever handed it in may write into it


def _array(values: Any) -> Any:
    if isinstance(values, np.ndarray):
        return values
    series = pd.Series(values)
    return series.to_numpy(object if series.hasnans and not isinstance(series.dtype, np.dtype) else None)


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
        mine = [name for name in group if name in kind.names]
        there = [name for name in mine if name in table]
        if there and len(there) < len(mine):
            lacking = ", ".join(name for name in mine if name not in there)
            raise DataError(
                f"{what}: missing column(s) {lacking}: expected all or none of {', '.join(mine)}, got only "
                f"{', '.join(there)}; add the others, or leave these out"
            )


def _listed(kind: Kind) -> str:
    names = [column.name if column.required else f"{column.name} (optional)" for column in kind.columns]
    return ", ".join(names if len(names) < 24 else [*names[:10], "...", names[-1]])


class _Block:
    """Columns of a block of rows with these times; ``first_row``: number of the first of them, for messages."""

    def __init__(self, what: str, stamps: Integers, first_row: int) -> None:
        self._what, self._stamps, self._first_row = what, stamps, first_row
        self._read: dict[str, Callable[[Column, Any], pa.Array]] = {
            "number": self._numbers,
            "count": self._counts,
            "code": self._codes,
            "flag": self._flags,
            "time": self._times,
            "text": self._texts,
        }

    def read(self, column: Column, values: Any) -> pa.Array:
        """A column in its Arrow type. Raises DataError."""
        arrow = isinstance(values, (pa.Array, pa.ChunkedArray))
        if np.shape(values) != self._stamps.shape and (not arrow or len(values) != len(self._stamps)):
            raise DataError(
                f"{self._what}: column {column.name}: expected one value for each of {len(self._stamps)} times, got "
                f"{len(values) if hasattr(values, '__len__') else 'none'}"
            )
        if column.type == "number" and (quick := _finite(values)) is not None:
            return quick
        if arrow:
            whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
            if whole.type == TYPES[column.type] and column.type in ("count", "flag", "time"):
                return whole
            if whole.type == TYPES[column.type] and column.type == "text":
                return _without_empty_texts(whole)
            exact = pa.types.is_integer(whole.type) and whole.null_count == 0
            values = whole.to_numpy(zero_copy_only=False) if exact else whole.to_pandas()
            if pa.types.is_integer(whole.type) and not exact:
                values = np.array(whole.to_pylist(), object)
        return self._read[column.type](column, values)

    def _no(self, row: int, column: Column, expected: str, got: Any) -> DataError:
        got = got.item() if isinstance(got, np.generic) else got
        return DataError(
            f"{self._what}: row {self._first_row + row} ({time_text(self._stamps[row])}): column {column.name}: "
            f"expected {expected}, got {got!r}; correct the value, or leave the row out"
        )

    def _numbers(self, column: Column, values: Any) -> pa.Array:
        self._refuse_underscores(column, values)
        found = numbers(values, self._what, column.name, self._stamps, self._first_row)
        infinite = np.isinf(found)
        if infinite.any():
            row = int(infinite.argmax())
            raise self._no(row, column, "a finite number", found[row])
        return pa.array(found, from_pandas=True)

    def _refuse_underscores(self, column: Column, values: Any) -> None:
        """Python takes 1_000 for a number; no venue writes one so."""
        kind = getattr(getattr(values, "dtype", None), "kind", "O")
        for row, value in enumerate(values if kind not in "iufb" else ()):
            if isinstance(value, str) and "_" in value:
                raise self._no(row, column, "a number", value)

    def _whole(self, column: Column, values: Any) -> tuple[Integers, Any]:
        """Whole numbers as int64, and which are missing."""
        array = _array(values)
        if array.dtype.kind == "u" and array.size and array.max() > np.iinfo(np.int64).max:
            raise self._no(int(array.argmax()), column, "a whole number below 2^63", array.max())
        if array.dtype.kind in "iu":
            return array.astype(np.int64), np.zeros(len(array), bool)
        if array.dtype.kind == "f":
            missing = np.isnan(array)
            filled = np.where(missing, 0.0, array)
            bad = ~(np.abs(filled) < _EXACT) | (filled != np.floor(filled))
            if bad.any():
                raise self._no(int(bad.argmax()), column, "a whole number", array[bad.argmax()])
            return filled.astype(np.int64), missing
        missing = pd.isna(array)
        found = np.zeros(len(array), np.int64)
        for row in np.flatnonzero(~missing):
            found[row] = self._integer(column, array[row], int(row))
        return found, missing

    def _integer(self, column: Column, value: Any, row: int) -> int:
        try:
            odd = isinstance(value, (bool, np.bool_)) or (isinstance(value, str) and "_" in value)
            if odd or (not isinstance(value, str) and value != int(value)):
                raise ValueError
            if not isinstance(value, (int, str, np.integer)) and abs(float(value)) >= _EXACT:
                raise ValueError
            return int(np.int64(int(value)))
        except (ValueError, TypeError, OverflowError):
            raise self._no(row, column, "a whole number", value) from None

    def _counts(self, column: Column, values: Any) -> pa.Array:
        found, missing = self._whole(column, values)
        return pa.array(found, mask=missing)

    def _codes(self, column: Column, values: Any) -> pa.Array:
        found, missing = self._whole(column, values)
        low, high = _CODES[column.name]
        outside = ~missing & ((found < low) | (found > high))
        if outside.any():
            row = int(outside.argmax())
            raise self._no(row, column, f"a whole number from {low} to {high} ({column.about})", found[row])
        return pa.array(found.astype(np.int8), mask=missing)

    def _flags(self, column: Column, values: Any) -> pa.Array:
        array = _array(values)
        if array.dtype.kind == "b":
            return pa.array(array)
        if array.dtype.kind == "O":
            array = np.array([int(x) if isinstance(x, (bool, np.bool_)) else x for x in array], object)
        found, missing = self._whole(column, array)
        odd = ~missing & (found != 0) & (found != 1)
        if odd.any():
            raise self._no(int(odd.argmax()), column, "true or false", array[odd.argmax()])
        return pa.array(found == 1, mask=missing)

    def _times(self, column: Column, values: Any) -> pa.Array:
        what = f"{self._what}: column {column.name}"
        series = values if isinstance(values, pd.Series) else pd.Series(np.asarray(values))
        missing = series.isna().to_numpy()
        if not missing.any():
            return pa.array(_stamps(values, what, self._first_row), TYPES["time"])
        found = np.zeros(len(series), np.int64)
        there = series[~missing]
        if len(there):
            if there.dtype.kind == "f":
                raise DataError(
                    f"{what}: expected datetimes or whole numbers, got float64 with NaN, which is not exact"
                )
            found[~missing] = _stamps(there.reset_index(drop=True), what, self._first_row)
        return pa.array(found, TYPES["time"], mask=missing)

    def _texts(self, column: Column, values: Any) -> pa.Array:
        array = values.to_numpy(object) if isinstance(values, pd.Series) else np.asarray(values, object)
        try:
            return _without_empty_texts(pa.array(array, pa.string(), from_pandas=True))
        except pa.ArrowException:  # something else than text
            missing = pd.isna(array)
            texts = [None if gone else str(x) for x, gone in zip(array, missing, strict=True)]
            return _without_empty_texts(pa.array(texts, pa.string()))


def _without_empty_texts(texts: pa.Array) -> pa.Array:
    """Texts, null where there is nothing in them."""
    empty = pc.equal(texts, "")
    return pc.if_else(empty, None, texts) if pc.any(empty).as_py() else texts
