"""One Parquet file of the store: what is written with its rows, how it is written, and how it is read back.

The file's metadata say which series it is of, where its rows came from and for which spans, and a SHA-256 of the rows
as numbers, which does not depend on how they were compressed. So each file stands for itself, and a file that was
altered, renamed or moved is found out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from halfspread.datafeeds.store.atomic import replacing
from halfspread.datafeeds.store.columns import times_of
from halfspread.datafeeds.store.series import Provenance, Series
from halfspread.datafeeds.store.spans import Spans, united
from halfspread.errors import DataError

__all__ = ["FileEntry", "Origin", "opened", "read_entry", "read_partition", "rows_digest", "write_partition"]

_KEY = b"halfspread"
FORMAT = 1
#: Cells of a group of rows, which is what a reader of a part has to unpack at least; and rows of it at most.
_CELLS, _MOST = 1_000_000, 65_536
_MOST_BARS = 8_192


@dataclass(frozen=True)
class Origin:
    """Where the rows of some spans of a file came from."""

    provenance: Provenance
    spans: Spans


@dataclass(frozen=True)
class FileEntry:
    """What is known of a file without reading its rows. ``first``, ``last``: times of its rows (0 where it has none);
    ``sha256``: of the rows; ``holes``, ``missing``: runs of missing bars between first and last, and bars in them;
    ``mtime``: of the file, ns."""

    name: str
    rows: int
    first: int
    last: int
    bytes: int
    mtime: int
    sha256: str
    origins: tuple[Origin, ...]
    holes: int = 0
    missing: int = 0

    @property
    def covered(self) -> Spans:
        """Spans that the file holds all rows of."""
        return united(span for origin in self.origins for span in origin.spans)

    def plain(self) -> dict[str, Any]:
        """As values of JSON."""
        return asdict(self)

    @staticmethod
    def from_plain(entry: dict[str, Any]) -> FileEntry:
        """Back from `plain`. Raises KeyError, TypeError or ValueError for what is something else."""
        origins = tuple(
            Origin(
                Provenance(**{**origin["provenance"], "notes": tuple(origin["provenance"]["notes"])}),
                tuple((int(start), int(end)) for start, end in origin["spans"]),
            )
            for origin in entry["origins"]
        )
        return FileEntry(**{**entry, "origins": origins})


def write_partition(path: Path, series: Series, table: pa.Table, origins: tuple[Origin, ...]) -> None:
    """Write a partition whole. Raises DataError where that fails; what was there is untouched then."""
    kind = series.of_kind
    times = times_of(table)
    steps = np.diff(times) // kind.interval - 1 if kind.interval else np.zeros(0, np.int64)
    about = {
        "format": FORMAT,
        "series": str(series),
        "sha256": rows_digest(table),
        "rows": table.num_rows,
        "first": int(times[0]) if len(times) else 0,
        "last": int(times[-1]) if len(times) else 0,
        "holes": int((steps > 0).sum()),
        "missing": int(steps[steps > 0].sum()),
        "origins": [asdict(origin) for origin in origins],
    }
    schema = table.schema.with_metadata({_KEY: json.dumps(about, ensure_ascii=False).encode("utf-8")})
    plain = [name for name in table.column_names if name not in ("ts", "exch_ts")]
    most = min(max(_CELLS // table.num_columns, 1_024), _MOST_BARS if kind.partition == "month" else _MOST)
    with (
        replacing(path) as file,
        pa.parquet.ParquetWriter(
            file,
            schema,
            compression="zstd",
            use_dictionary=plain,
            column_encoding={name: "DELTA_BINARY_PACKED" for name in table.column_names if name not in plain},
        ) as writer,
    ):
        writer.write_table(table.cast(schema), row_group_size=most)


@contextmanager
def opened(path: Path, series: Series) -> Iterator[Any]:
    """A partition as a pyarrow ParquetFile, whatever is done with it in the block. Raises DataError, naming file and
    remedy, for what is no file of this series, and for what cannot be read."""
    try:
        with path.open("rb") as handle, pa.parquet.ParquetFile(handle) as file:
            _about(file, path, series)
            yield file
    except (pa.ArrowException, OSError, OverflowError) as error:
        raise DataError(_unreadable(path, error)) from error


def read_partition(path: Path, series: Series) -> pa.Table:
    """All rows of a partition. Raises DataError."""
    with opened(path, series) as file:
        return file.read().replace_schema_metadata(None)


def read_entry(path: Path, series: Series) -> FileEntry:
    """What is known of a file. Raises DataError for what is no file of this series."""
    with opened(path, series) as file:
        about = _about(file, path, series)
        state = path.stat()
    try:
        keys = ("rows", "first", "last", "sha256", "holes", "missing", "origins")
        fields = {key: about[key] for key in keys}
        return FileEntry.from_plain({"name": path.name, "bytes": state.st_size, "mtime": state.st_mtime_ns, **fields})
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(_strange(path, series, f"its metadata lack {error}")) from error


def _about(file: Any, path: Path, series: Series) -> dict[str, Any]:
    """The metadata of ours. Raises DataError where the file is none of this series."""
    text = (file.schema_arrow.metadata or {}).get(_KEY)
    if text is None:
        raise DataError(_strange(path, series, "something else has written it"))
    try:
        about = json.loads(text)
        of, form = about["series"], about["format"]
        rows = int(about["rows"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(_strange(path, series, f"its metadata are not readable ({error})")) from error
    if form != FORMAT:
        raise DataError(_strange(path, series, f"it is of format {form!r}, and this version reads format {FORMAT}"))
    if of != str(series):
        raise DataError(_strange(path, series, f"it is one of {of}"))
    if rows != file.metadata.num_rows:
        raise DataError(_strange(path, series, f"it holds {file.metadata.num_rows} rows, and was written with {rows}"))
    found: dict[str, Any] = about
    return found


def _strange(path: Path, series: Series, why: str) -> str:
    return (
        f"{path}: expected a file that the store has written for {series}, but {why}; move it away and fetch or import "
        "that time again (the rest of the series is untouched), or hand its rows to data import"
    )


def _unreadable(path: Path, error: Exception) -> str:
    why = "it is empty" if path.exists() and path.stat().st_size == 0 else str(error).strip(". ").splitlines()[0]
    return (
        f"{path}: not readable as Parquet ({why}); move it away and fetch or import that time again (the rest of the "
        "series is untouched)"
    )


def rows_digest(table: pa.Table) -> str:
    """SHA-256 of the rows: of names, types, values and nulls, whatever the cut into chunks."""
    whole = hashlib.sha256()
    for name in table.column_names:
        one, lengths = hashlib.sha256(), hashlib.sha256()
        column = table.column(name)
        for chunk in column.chunks:
            for digest, data in zip((one, lengths), _bytes_of(chunk), strict=False):
                digest.update(data)
        whole.update(f"{name}:{column.type}:{table.num_rows}:{one.hexdigest()}:{lengths.hexdigest()};".encode())
    return whole.hexdigest()


def _bytes_of(chunk: pa.Array) -> tuple[Any, ...]:
    """The values of a chunk as bytes, and what else is needed to tell it from others."""
    missing = chunk.is_null().to_numpy(zero_copy_only=False).astype(np.int8) if chunk.null_count else b""
    if pa.types.is_string(chunk.type):
        filled = chunk.fill_null("")
        offsets = np.frombuffer(filled.buffers()[1], np.int32)[filled.offset : filled.offset + len(filled) + 1]
        data = filled.buffers()[2]
        text = memoryview(data)[int(offsets[0]) : int(offsets[-1])] if data is not None and len(offsets) else b""
        lengths = np.where(missing, -1, np.diff(offsets)) if chunk.null_count else np.diff(offsets)
        return text, lengths.astype(np.int32)
    if pa.types.is_floating(chunk.type):
        return (np.ascontiguousarray(chunk.to_numpy(zero_copy_only=False)),)
    filled = chunk.fill_null(False if pa.types.is_boolean(chunk.type) else 0) if chunk.null_count else chunk
    if pa.types.is_timestamp(chunk.type):
        filled = filled.cast(pa.int64())
    nulls = missing if chunk.null_count else np.zeros(len(chunk), np.int8)
    return np.ascontiguousarray(filled.to_numpy(zero_copy_only=False)), nulls
