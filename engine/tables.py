"""Columns out of anything that holds a table: pandas, Arrow, Parquet, CSV, NumPy, mappings of arrays.

Columns come back as they are stored; `numbers` and `engine.times.to_nanoseconds` turn them into fresh arrays. Rows in
messages count from 0 at the first row of the source.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from halfspread.engine.parquet import (
    ParquetFiles,
    Table,
    arrow_column,
    check_file,
    is_parquet,
    parquet_blocks,
    parquet_rows,
    parquet_source,
    single_columns,
    unreadable,
)
from halfspread.engine.times import Floats, Integers, time_text
from halfspread.errors import DataError

__all__ = [
    "OpenTable",
    "Table",
    "numbers",
    "open_table",
    "read_table",
]


@dataclass(frozen=True)
class OpenTable:
    """A table that comes in blocks of rows. ``rows``: how many there are, or None where one block holds them all."""

    name: str
    blocks: Iterator[Table]
    rows: int | None = None


def open_table(source: Any, columns: list[str]) -> OpenTable:
    """``columns`` of any accepted source, as far as it has them; Parquet files are read block by block.

    The first of ``columns`` is the one of times: a DatetimeIndex stands in for it. Raises DataError.
    """
    if is_parquet(source):
        found = parquet_source(source)
        return OpenTable(str(found), parquet_blocks(found, columns), parquet_rows(found))
    table, name = read_table(source, columns)
    return OpenTable(name, iter([table]))


def read_table(source: Any, columns: list[str]) -> tuple[Table, str]:
    """``columns`` of any accepted source, as far as it has them, and a name for messages.

    The first of ``columns`` is the one of times: a DatetimeIndex stands in for it. Where a name in ``columns`` is
    missing, all names of the source are kept, so that a message can list them. Raises DataError.
    """
    if isinstance(source, (str, Path)):
        path = Path(source)
        return _read_file(path, columns), str(path)
    if isinstance(source, ParquetFiles):
        return _joined(source, columns), source.name
    if isinstance(source, pd.DataFrame):
        return _from_frame(source, columns[0]), "DataFrame"
    if isinstance(source, np.ndarray) and source.dtype.names:
        return {name: source[name] for name in source.dtype.names}, "NumPy array"
    if isinstance(source, Mapping):
        return {str(name): values for name, values in source.items()}, "mapping of arrays"
    if hasattr(source, "__arrow_c_stream__") or hasattr(source, "__arrow_c_array__"):
        import pyarrow as pa

        return _from_arrow(pa.table(source), columns, "Arrow table"), "Arrow table"
    raise DataError(
        "expected a path, DataFrame, Arrow table, structured array or mapping of arrays, got "
        + (f"an array of {source.dtype}" if isinstance(source, np.ndarray) else type(source).__name__)
    )


def _from_frame(frame: pd.DataFrame, time_column: str) -> Table:
    single_columns([str(name) for name in frame.columns], "DataFrame")
    table: dict[str, Any] = {str(name): frame[name] for name in frame.columns}
    if isinstance(frame.index, pd.DatetimeIndex) and time_column not in table:
        table[time_column] = frame.index
    return table


def _from_arrow(table: Any, columns: list[str], what: str) -> Table:
    single_columns(table.column_names, what)
    present = [name for name in columns if name in table.column_names]
    return {name: arrow_column(table.column(name)) if name in present else None for name in table.column_names}


def _read_file(path: Path, columns: list[str]) -> Table:
    check_file(path)
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    try:
        if not is_parquet(path):
            return _from_arrow(_in_utc(pa.csv.read_csv(path)), columns, str(path))
        names = pa.parquet.read_schema(path).names
        single_columns(names, str(path))
        file = pa.parquet.ParquetFile(path, page_checksum_verification=True)
        table = file.read(columns=[name for name in names if name in columns])
    except (pa.ArrowException, OSError) as error:
        raise DataError(unreadable(path, error)) from error
    return {**dict.fromkeys(names), **_from_arrow(table, columns, str(path))}


def _joined(source: ParquetFiles, columns: list[str]) -> Table:
    blocks = list(parquet_blocks(source, columns))
    if not blocks:
        raise DataError(f"{source}: expected rows, got none; give files that have some")
    names = dict.fromkeys(blocks[0])
    return names | {
        name: pd.concat([pd.Series(block[name]) for block in blocks], ignore_index=True)
        for name in names
        if name in columns
    }


def _in_utc(table: Any) -> Any:
    """An Arrow table read from text, whose times without a zone are UTC."""
    import pyarrow as pa

    for i, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type) and field.type.tz is None:
            table = table.set_column(i, field.name, table.column(i).cast(pa.timestamp(field.type.unit, "UTC")))
    return table


def numbers(values: Any, what: str, name: str, times: Integers, first_row: int = 0) -> Floats:
    """A column as a fresh float64 array with one value for each of ``times``; nulls become NaN. Text that holds a
    number is one.

    Raises DataError naming row, time and value for what is no number, and for a column of another length.
    """
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(np.float64), np.nan)
    shape = np.shape(values)
    if shape != times.shape:
        raise DataError(f"{what}: column {name}: expected one value for each of {len(times)} times, got shape {shape}")
    if isinstance(values, np.ndarray) and values.dtype.kind in "iuf":
        return np.array(values, np.float64)
    series = values if isinstance(values, pd.Series) else pd.Series(np.asarray(values), copy=False)
    if pd.api.types.is_numeric_dtype(series.dtype) and series.dtype.kind in "iuf":
        return series.to_numpy(np.float64, na_value=np.nan, copy=True) if series.hasnans else np.array(series, float)
    objects = series.to_numpy(object, copy=True)
    objects[series.isna().to_numpy()] = np.nan
    try:
        if series.dtype.kind in "bcmM":
            raise TypeError
        return objects.astype(np.float64)
    except (ValueError, TypeError):
        row = next((i for i, value in enumerate(objects) if not _is_number(value)), 0)
    raise DataError(
        f"{what}: row {first_row + row} ({time_text(times[row])}): column {name}: expected a number, "
        f"got {objects[row]!r}; write it as plain digits, or leave the row out"
    )


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (ValueError, TypeError):
        return False
    return not isinstance(value, (bool, np.bool_))
