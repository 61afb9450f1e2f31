"""One Parquet file of the store: what is written with its rows, how it is written, and how it is read back.

The file's metadata say which series it is of, where its rows came from and for which spans, and a SHA-256 of the rows
as numbers, which does not depend on how they were compressed. So each file stands for itself, and a file that was
altered, renamed or moved is found out.
"""

from __future__ import annotations

import contextlib
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

from halfspread.datafeeds.store.columns import times_of
from halfspread.datafeeds.store.kinds import Kind
from halfspread.datafeeds.store.partitions import ENDING, bounds, is_partition
from halfspread.datafeeds.store.series import Provenance, Series
from halfspread.datafeeds.store.spans import Spans, united
from halfspread.engine.times import Integers, time_text
from halfspread.errors import DataError

__all__ = ["FileEntry", "Origin", "PartitionFile", "opened", "read_entry", "read_partition", "rows_digest"]

_KEY = b"halfspread"
FORMAT = 1
#: Columns that rise from row to row, and those whose values do not come again.
_RISING = ("ts", "exch_ts", "message", "first_sequence", "sequence", "previous_sequence")
_UNIQUE = ("trade_id",)
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


def _encoding(kind: Kind, schema: pa.Schema) -> dict[str, Any]:
    """How columns are written: prices and sizes of events come again and again, numbers of bars hardly do."""
    found = {name: "DELTA_BINARY_PACKED" for name in schema.names if name in _RISING}
    if kind.partition == "month":
        found |= {field.name: "BYTE_STREAM_SPLIT" for field in schema if pa.types.is_floating(field.type)}
    repeated = [name for name in schema.names if name not in found and name not in _UNIQUE]
    return {"column_encoding": found, "use_dictionary": repeated or False}


class PartitionFile:
    """A partition in the making: rows in order of time, a block at a time, and at the end where they came from."""

    def __init__(self, file: Any, series: Series, schema: pa.Schema) -> None:
        self._kind, self._series = series.of_kind, series
        self._digest = RowsDigest(schema)
        self._rows = self._first = self._last = self._holes = self._missing = 0
        most = _MOST_BARS if self._kind.partition == "month" else _MOST
        self._group = min(max(_CELLS // len(schema.names), 1_024), most)
        self._left: list[pa.Table] = []
        self._writer = pa.parquet.ParquetWriter(
            file,
            schema,
            compression="zstd",
            write_statistics=["ts"],
            write_page_checksum=True,
            **_encoding(self._kind, schema),
        )

    def write(self, table: pa.Table) -> None:
        """Write rows, at or after those before. Raises OSError where that fails."""
        self._count(times_of(table))
        self._digest.update(table)
        self._left.append(table)
        if sum(each.num_rows for each in self._left) >= self._group:
            whole = pa.concat_tables(self._left)
            full = whole.num_rows - whole.num_rows % self._group
            self._writer.write_table(whole.slice(0, full), row_group_size=self._group)
            self._left = [whole.slice(full)]

    def close(self, origins: tuple[Origin, ...]) -> None:
        """Write what is left, and where the rows came from. Raises OSError where that fails."""
        whole = pa.concat_tables(self._left) if self._left else None
        if whole is not None and whole.num_rows:
            self._writer.write_table(whole, row_group_size=self._group)
        about = {
            "format": FORMAT,
            "series": str(self._series),
            "sha256": self._digest.hexdigest(),
            "rows": self._rows,
            "first": self._first,
            "last": self._last,
            "holes": self._holes,
            "missing": self._missing,
            "origins": [asdict(origin) for origin in origins],
        }
        self._writer.add_key_value_metadata({_KEY: json.dumps(about)})
        self._writer.close()

    def abandon(self) -> None:
        """Write no more; the file is not to be read."""
        with contextlib.suppress(OSError, pa.ArrowException, ValueError):
            self._writer.close()

    def _count(self, times: Integers) -> None:
        if not len(times):
            return
        if self._kind.interval:
            before = self._last if self._rows else times[0] - self._kind.interval
            lost = np.diff(times, prepend=before) // self._kind.interval - 1
            self._holes += int((lost > 0).sum())
            self._missing += int(lost.sum())
        self._first = self._first if self._rows else int(times[0])
        self._rows, self._last = self._rows + len(times), int(times[-1])


@contextmanager
def opened(path: Path, series: Series) -> Iterator[Any]:
    """A partition as a pyarrow ParquetFile, whatever is done with it in the block. Raises DataError, naming file and
    remedy, for what is no file of this series, and for what cannot be read."""
    try:
        with path.open("rb") as handle, pa.parquet.ParquetFile(handle, page_checksum_verification=True) as file:
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
    text = (file.metadata.metadata or {}).get(_KEY)
    if text is None:
        raise DataError(_strange(path, series, "something else has written it"))
    try:
        about = json.loads(text)
        of, form = about["series"], about["format"]
        rows, first, last = (int(about[name]) for name in ("rows", "first", "last"))
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(_strange(path, series, f"its metadata are not readable ({error})")) from error
    if form != FORMAT:
        raise DataError(_strange(path, series, f"it is of format {form!r}, and this version reads format {FORMAT}"))
    if of != str(series):
        raise DataError(_strange(path, series, f"it is one of {of}"))
    if rows != file.metadata.num_rows:
        raise DataError(_strange(path, series, f"it holds {file.metadata.num_rows} rows, and was written with {rows}"))
    if is_partition(series.of_kind, path.name) and rows:
        start, end = bounds(path.name.removesuffix(ENDING))
        if not start <= first <= last < end:
            raise DataError(_strange(path, series, f"it holds rows of {time_text(first)} to {time_text(last)}"))
    found: dict[str, Any] = about
    return found


def _strange(path: Path, series: Series, why: str) -> str:
    return (
        f"{path}: expected a file that the store has written for {series}, but {why}; move it away and fetch or import "
        "that time again (the rest of the series is untouched), or hand its rows to data import"
    )


def _unreadable(path: Path, error: Exception) -> str:
    told = str(error).strip(". ") or type(error).__name__
    why = "it is empty" if path.exists() and path.stat().st_size == 0 else told.splitlines()[0]
    return (
        f"{path}: not readable as Parquet ({why}); move it away and fetch or import that time again (the rest of the "
        "series is untouched)"
    )


def rows_digest(table: pa.Table) -> str:
    """SHA-256 of the rows: of names, types, values and nulls, whatever the cut into chunks."""
    digest = RowsDigest(table.schema)
    digest.update(table)
    return digest.hexdigest()


class RowsDigest:
    """SHA-256 of rows that come in blocks."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._rows = 0
        self._parts = {name: (hashlib.sha256(), hashlib.sha256()) for name in schema.names}

    def update(self, table: pa.Table) -> None:
        """More rows, with the columns of the schema."""
        self._rows += table.num_rows
        for name, digests in self._parts.items():
            for chunk in table.column(name).chunks:
                for digest, data in zip(digests, _bytes_of(chunk), strict=True):
                    digest.update(data)

    def hexdigest(self) -> str:
        """The hash of all rows so far."""
        whole = hashlib.sha256()
        for name, (values, more) in self._parts.items():
            kind = self._schema.field(name).type
            whole.update(f"{name}:{kind}:{self._rows}:{values.hexdigest()}:{more.hexdigest()};".encode())
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
        return np.ascontiguousarray(chunk.to_numpy(zero_copy_only=False)), b""
    filled = chunk.fill_null(False if pa.types.is_boolean(chunk.type) else 0) if chunk.null_count else chunk
    if pa.types.is_timestamp(chunk.type):
        filled = filled.cast(pa.int64())
    nulls = missing if chunk.null_count else np.zeros(len(chunk), np.int8)
    return np.ascontiguousarray(filled.to_numpy(zero_copy_only=False)), nulls
