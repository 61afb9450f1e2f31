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

from halfspread.engine.times import Floats, Integers, time_text
from halfspread.errors import DataError

__all__ = ["Table", "is_parquet", "numbers", "open_table", "parquet_blocks", "read_table", "single_columns"]

PARQUET = (".parquet", ".pq")
CSV = (".csv", ".csv.gz", ".txt")

#: Rows of a Parquet file that are read at once.
BLOCK_ROWS = 32_768

Table = Mapping[str, Any]


@dataclass(frozen=True)
class OpenTable:
    """A table that comes in blocks of rows. ``rows``: how many there are, or None where one block holds them all."""

    name: str
    blocks: Iterator[Table]
    rows: int | None = None


def is_parquet(source: Any) -> bool:
    """Whether ``source`` is the path of a Parquet file, by its name."""
    return isinstance(source, (str, Path)) and Path(source).suffix.lower() in PARQUET


def open_table(source: Any, columns: list[str]) -> OpenTable:
    """``columns`` of any accepted source, as far as it has them; Parquet files are read block by block.

    The first of ``columns`` is the one of times: a DatetimeIndex stands in for it. Raises DataError.
    """
    if is_parquet(source):
        path = Path(source)
        return OpenTable(str(path), parquet_blocks(path, columns), _parquet_rows(path))
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


def single_columns(names: list[str], what: str) -> None:
    """Raise DataError where two columns have one name."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{what}: expected one column of each name, got several named {', '.join(twice)}")


def _from_frame(frame: pd.DataFrame, time_column: str) -> Table:
    single_columns([str(name) for name in frame.columns], "DataFrame")
    table: dict[str, Any] = {str(name): frame[name] for name in frame.columns}
    if isinstance(frame.index, pd.DatetimeIndex) and time_column not in table:
        table[time_column] = frame.index
    return table


def _from_arrow(table: Any, columns: list[str], what: str) -> Table:
    single_columns(table.column_names, what)
    present = [name for name in columns if name in table.column_names]
    return {name: _arrow_column(table.column(name)) if name in present else None for name in table.column_names}


def _read_file(path: Path, columns: list[str]) -> Table:
    _check_file(path)
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    try:
        if not is_parquet(path):
            return _from_arrow(_in_utc(pa.csv.read_csv(path)), columns, str(path))
        names = pa.parquet.read_schema(path).names
        single_columns(names, str(path))
        table = pa.parquet.ParquetFile(path).read(columns=[name for name in names if name in columns])
    except (pa.ArrowException, OSError) as error:
        raise DataError(_unreadable(path, error)) from error
    return {**dict.fromkeys(names), **_from_arrow(table, columns, str(path))}


def _in_utc(table: Any) -> Any:
    """An Arrow table read from text, whose times without a zone are UTC."""
    import pyarrow as pa

    for i, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type) and field.type.tz is None:
            table = table.set_column(i, field.name, table.column(i).cast(pa.timestamp(field.type.unit, "UTC")))
    return table


def _check_file(path: Path) -> None:
    """Refuse what is no file, or by its name no file that can be read."""
    if path.is_dir():
        raise DataError(f"{path}: expected a file, got a folder; name one Parquet or CSV file in it")
    if not path.is_file():
        raise DataError(f"{path}: no such file; a relative path starts from {Path.cwd()}")
    if not path.name.lower().endswith((*PARQUET, *CSV)):
        raise DataError(
            f"{path}: expected a name that ends in {', '.join((*PARQUET, *CSV))}, got {path.suffix or 'no ending'}"
        )


def _unreadable(path: Path, error: Exception) -> str:
    kind = "Parquet" if is_parquet(path) else "CSV"
    if path.stat().st_size == 0:
        return f"{path}: expected a {kind} file, got an empty one; write it again"
    return f"{path}: not readable as {kind} ({str(error).strip('. ')}); write it again, or correct its ending"


def _parquet_rows(path: Path) -> int:
    _check_file(path)
    import pyarrow as pa
    import pyarrow.parquet

    try:
        metadata = pa.parquet.read_metadata(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(_unreadable(path, error)) from error
    return int(metadata.num_rows)


def parquet_blocks(path: Path, columns: list[str]) -> Iterator[Table]:
    """The rows of a Parquet file, block after block; columns that were not asked for are there as None.

    Raises DataError for what is no Parquet file.
    """
    _check_file(path)
    import pyarrow as pa
    import pyarrow.parquet

    try:
        with pa.parquet.ParquetFile(path, pre_buffer=False) as file:  # not the whole file at once
            names = file.schema_arrow.names
            single_columns(names, str(path))
            wanted = [name for name in columns if name in names]
            for batch in file.iter_batches(batch_size=BLOCK_ROWS, columns=wanted, use_threads=False):
                present = {name: _arrow_column(batch.column(name)) for name in wanted}
                yield dict.fromkeys(names) | present
    except (pa.ArrowException, OSError) as error:
        raise DataError(_unreadable(path, error)) from error
    finally:
        pa.default_memory_pool().release_unused()


def _arrow_column(column: Any) -> Any:
    """An Arrow column as something that NumPy or pandas can be asked about; nulls become NaN or None."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_integer(column.type) and column.null_count == 0:
        return column.to_numpy() if isinstance(column, pa.ChunkedArray) else column.to_numpy(zero_copy_only=False)
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_decimal(column.type):
        values = column.cast(pa.float64(), safe=False)
        return values.to_numpy() if isinstance(values, pa.ChunkedArray) else values.to_numpy(zero_copy_only=False)
    return column.to_pandas()


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
