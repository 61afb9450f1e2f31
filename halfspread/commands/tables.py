"""Results as Parquet files (zstd): the curve chunk by chunk while a run goes on, fills and attribution at its end.

Every file has a column ``time`` (UTC, nanoseconds). The files of equal runs are equal byte by byte.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from halfspread.commands.folder import writing

__all__ = ["CurveWriter", "write_table"]

TIME = pa.timestamp("ns", tz="UTC")
CURVE = pa.schema([("time", TIME), ("equity", pa.float64()), ("collateral", pa.float64()), ("position", pa.float64())])
ROWS_IN_GROUP = 262_144

Numbers = np.ndarray[Any, np.dtype[Any]]


class CurveWriter:
    """Appends equity, collateral and position of every bar to a Parquet file; a sink of the event loop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parts: list[tuple[Numbers, ...]] = []
        self._rows = 0
        with writing(path):
            self._writer = pq.ParquetWriter(path, CURVE, **_layout(CURVE, repeated=("position",)))

    def __call__(self, times: Numbers, equity: Numbers, collateral: Numbers, position: Numbers) -> None:
        """Take a chunk; the arrays are copied."""
        self._parts.append((times.copy(), equity.copy(), collateral.copy(), position.copy()))
        self._rows += len(times)
        while self._rows >= ROWS_IN_GROUP:
            self._write(ROWS_IN_GROUP)

    def _write(self, rows: int) -> None:
        """Write the first rows that wait. Only the last group is smaller: the file does not depend on the chunks."""
        columns = [np.concatenate(parts) for parts in zip(*self._parts, strict=True)]
        self._parts = [tuple(column[rows:] for column in columns)]
        self._rows -= rows
        arrays = [pa.array(columns[0][:rows].view("datetime64[ns]"), TIME)]
        arrays += [pa.array(column[:rows]) for column in columns[1:]]
        with writing(self._path):
            self._writer.write_table(pa.Table.from_arrays(arrays, schema=CURVE))

    def __enter__(self) -> CurveWriter:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                if self._rows:
                    self._write(self._rows)
                with writing(self._path):
                    self._writer.close()
        finally:
            if self._writer.is_open:
                self._abandon()

    def _abandon(self) -> None:
        """Let go of a file that could not be finished; Arrow would try again, and complain, when it is forgotten."""
        self._writer.is_open = False
        with contextlib.suppress(OSError):
            self._writer.file_handle.close()


def write_table(path: Path, frame: Any) -> None:
    """Write a DataFrame; its index, where it is one of times, becomes the column ``time``."""
    frame = frame.rename_axis("time").reset_index() if "time" not in frame.columns else frame
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    with writing(path):
        pq.write_table(table, path, **_layout(table.schema, repeated=("instrument", "fee_rate", "position_after")))


def _layout(schema: Any, repeated: tuple[str, ...]) -> dict[str, Any]:
    """How a table is laid out: values that repeat as a dictionary, times as differences, other numbers byte by byte.

    A curve is a third smaller than without, and written five times faster.
    """
    plain = [field for field in schema if field.name not in repeated]
    encodings = {field.name: "BYTE_STREAM_SPLIT" for field in plain if pa.types.is_floating(field.type)}
    encodings |= {field.name: "DELTA_BINARY_PACKED" for field in plain if pa.types.is_timestamp(field.type)}
    return {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": [name for name in schema.names if name not in encodings],
        "column_encoding": encodings,
        "write_statistics": False,
    }
