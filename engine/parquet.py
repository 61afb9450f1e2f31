"""Parquet files, and several of them as one table, read block by block.

Rows in messages count from 0 at the first row of the source.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from halfspread.errors import DataError

__all__ = [
    "ParquetFiles",
    "Table",
    "arrow_column",
    "check_file",
    "is_parquet",
    "parquet_blocks",
    "parquet_rows",
    "parquet_source",
    "single_columns",
    "unreadable",
]

PARQUET = (".parquet", ".pq")
CSV = (".csv", ".csv.gz", ".txt")

#: Rows of a Parquet file that are read at once.
BLOCK_ROWS = 32_768

Table = Mapping[str, Any]


@dataclass(frozen=True)
class ParquetFiles:
    """One table in several Parquet files with the same columns, in this order. ``name`` is for messages."""

    name: str
    paths: tuple[Path, ...]

    def __str__(self) -> str:
        return self.name


def is_parquet(source: Any) -> bool:
    """Whether ``source`` is the path of a Parquet file, by its name, or several of them."""
    if isinstance(source, ParquetFiles):
        return True
    return isinstance(source, (str, Path)) and Path(source).suffix.lower() in PARQUET


def parquet_source(source: str | Path | ParquetFiles) -> Path | ParquetFiles:
    """What can be read block by block. Raises DataError for a file that is there and is no Parquet file by its name."""
    if isinstance(source, ParquetFiles):
        return source
    path = Path(source)
    if path.exists() and not is_parquet(path):
        raise DataError(f"{path}: only Parquet files are streamed, got {path.suffix or 'no ending'}; read it whole")
    return path


def check_file(path: Path) -> None:
    """Refuse what is no file, or by its name no file that can be read."""
    if path.is_dir():
        raise DataError(f"{path}: expected a file, got a folder; name one Parquet or CSV file in it")
    if not path.is_file():
        raise DataError(f"{path}: no such file; a relative path starts from {Path.cwd()}")
    if not path.name.lower().endswith((*PARQUET, *CSV)):
        raise DataError(
            f"{path}: expected a name that ends in {', '.join((*PARQUET, *CSV))}, got {path.suffix or 'no ending'}"
        )


def unreadable(path: Path, error: Exception) -> str:
    kind = "Parquet" if is_parquet(path) else "CSV"
    if path.stat().st_size == 0:
        return f"{path}: expected a {kind} file, got an empty one; write it again"
    return f"{path}: not readable as {kind} ({str(error).strip('. ')}); write it again, or correct its ending"


def parquet_rows(source: Path | ParquetFiles) -> int:
    if isinstance(source, ParquetFiles):
        return sum(parquet_rows(path) for path in source.paths)
    path = source
    check_file(path)
    import pyarrow as pa
    import pyarrow.parquet

    try:
        metadata = pa.parquet.read_metadata(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(unreadable(path, error)) from error
    return int(metadata.num_rows)


def parquet_blocks(source: Path | ParquetFiles, columns: list[str]) -> Iterator[Table]:
    """The rows of a Parquet file, or of several, block after block; columns that were not asked for are there as None.

    Raises DataError for what is no Parquet file.
    """
    if isinstance(source, ParquetFiles):
        for path in source.paths:
            yield from parquet_blocks(path, columns)
        return
    path = source
    check_file(path)
    import pyarrow as pa
    import pyarrow.parquet

    try:
        # not the whole file at once, and no page that was damaged on the disk
        with pa.parquet.ParquetFile(path, pre_buffer=False, page_checksum_verification=True) as file:
            names = file.schema_arrow.names
            single_columns(names, str(path))
            wanted = [name for name in columns if name in names]
            for batch in file.iter_batches(batch_size=BLOCK_ROWS, columns=wanted, use_threads=False):
                present = {name: arrow_column(batch.column(name)) for name in wanted}
                yield dict.fromkeys(names) | present
    except (pa.ArrowException, OSError) as error:
        raise DataError(unreadable(path, error)) from error
    finally:
        pa.default_memory_pool().release_unused()


def arrow_column(column: Any) -> Any:
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


def single_columns(names: list[str], what: str) -> None:
    """Raise DataError where two columns have one name."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{what}: expected one column of each name, got several named {', '.join(twice)}")
