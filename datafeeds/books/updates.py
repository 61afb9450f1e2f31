"""Rows of the kind book_updates as the arrays that the builder's kernel takes, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from halfspread.datafeeds.books.wire.sheets import NULL
from halfspread.datafeeds.store.kinds import DELETE, kind_of
from halfspread.engine.tables import read_table
from halfspread.errors import DataError

__all__ = ["UpdateRows", "update_rows"]

_WHOLE = ("ts", "exch_ts", "message", "id", "first_sequence", "sequence", "previous_sequence")
_CODES = {"action": (0, DELETE, "0 snapshot, 1 set, 2 insert, 3 update, 4 delete"), "side": (-1, 1, "+1, -1 or 0")}
_NUMBERS = ("price", "size")
#: In the order of the kernel's arguments.
ORDER = (
    "ts",
    "exch_ts",
    "message",
    "action",
    "side",
    "price",
    "size",
    "id",
    "first_sequence",
    "sequence",
    "previous_sequence",
)


@dataclass(frozen=True)
class UpdateRows:
    """Columns in the order of ``ORDER``. A whole number that is null is NULL, a price or size NaN."""

    columns: tuple[NDArray[Any], ...]

    def __len__(self) -> int:
        return len(self.columns[0])

    def part(self, start: int, end: int) -> UpdateRows:
        """A copy of the rows from ``start`` to before ``end``."""
        return UpdateRows(tuple(column[start:end].copy() for column in self.columns))

    def followed_by(self, other: UpdateRows) -> UpdateRows:
        """These rows and then the others."""
        if not len(self):
            return other
        return UpdateRows(
            tuple(np.concatenate([mine, more]) for mine, more in zip(self.columns, other.columns, strict=True))
        )

    def column(self, name: str) -> NDArray[Any]:
        """The column of that name."""
        return self.columns[ORDER.index(name)]


def update_rows(source: Any, what: str = "book updates") -> UpdateRows:
    """Columns of an Arrow table or record batch, a DataFrame or a mapping of arrays. Raises DataError
    naming column and row."""
    if not isinstance(source, pd.DataFrame) and (hasattr(source, "__arrow_c_stream__") or hasattr(source, "schema")):
        source = _from_arrow(source)
    table, name = read_table(source, list(kind_of("book_updates").names))
    name = what if name == "mapping of arrays" else name
    missing = [column for column in kind_of("book_updates").required if column not in table]
    if missing:
        raise DataError(f"{name}: missing column(s) {', '.join(missing)}; found {', '.join(table) or 'none'}")
    count = len(table["ts"])
    found: list[NDArray[Any]] = []
    for column in ORDER:
        if column in _NUMBERS:
            found.append(_numbers(table, column, count, name))
        elif column in _CODES:
            found.append(_codes(table, column, name))
        else:
            found.append(_whole(table, column, count, name))
    if any(len(column) != count for column in found):
        raise DataError(f"{name}: expected columns of one length, got {sorted({len(column) for column in found})}")
    return UpdateRows(tuple(found))


def _from_arrow(source: Any) -> dict[str, NDArray[Any]]:
    """Columns of an Arrow table or record batch; whole numbers stay whole, with NULL for nulls."""
    import pyarrow as pa

    found = {}
    for name in [name for name in source.schema.names if name in ORDER]:
        column = source[name]
        if pa.types.is_null(column.type):
            continue
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("ns", column.type.tz)).cast(pa.int64())
        if column.null_count and pa.types.is_integer(column.type):
            column = column.fill_null(NULL) if name in _WHOLE else column
        found[name] = column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column.to_numpy()
    return found


def _array(values: Any) -> NDArray[Any]:
    """A NumPy array; datetimes become nanoseconds."""
    if isinstance(values, pd.Series) and isinstance(values.dtype, pd.DatetimeTZDtype):
        values = values.dt.tz_convert("UTC").dt.tz_localize(None)
    if hasattr(values, "to_numpy"):
        values = values.to_numpy()
    array: NDArray[Any] = np.asarray(values)
    if array.dtype.kind == "M":
        missing = np.isnat(array)
        array = array.astype("datetime64[ns]").astype(np.int64)
        array[missing] = NULL
    return array


def _numbers(table: Mapping[str, Any], column: str, count: int, name: str) -> NDArray[np.float64]:
    if column not in table:
        return np.full(count, np.nan)
    try:
        return np.array(_array(table[column]), dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{name}: {column}: expected numbers, got {table[column]!r:.80}") from None


def _whole(table: Mapping[str, Any], column: str, count: int, name: str) -> NDArray[np.int64]:
    if column not in table:
        return np.full(count, NULL)
    array = _array(table[column])
    if array.dtype.kind in "iu":
        return array.astype(np.int64)
    if array.dtype.kind == "O":
        array = np.array([np.nan if value is None else value for value in array], dtype=np.float64)
    if array.dtype.kind != "f":
        raise DataError(f"{name}: {column}: expected whole numbers, got an array of {array.dtype}")
    absent = np.isnan(array)
    odd = ~absent & ((array != np.floor(array)) | (np.abs(array) >= 2.0**53))
    if odd.any():
        row = int(odd.argmax())
        raise DataError(
            f"{name}: row {row}: {column}: expected a whole number that a float holds, got {array[row]!r}; store the "
            "column as 64-bit integers"
        )
    return np.where(absent, NULL, np.where(absent, 0.0, array).astype(np.int64))


def _codes(table: Mapping[str, Any], column: str, name: str) -> NDArray[np.int8]:
    lowest, highest, meaning = _CODES[column]
    array = _array(table[column])
    good = array.dtype.kind in "iu"
    wrong = (array < lowest) | (array > highest) if good else np.ones(len(array), bool)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(f"{name}: row {row}: {column}: expected {meaning}, got {array[row]}")
    return array.astype(np.int8)
