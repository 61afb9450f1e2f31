"""Results as Parquet files (zstd): the curve chunk by chunk while a run goes on, fills, orders and attribution at its
end.

Times are UTC, nanoseconds: the column ``time``, and in the ledger of orders ``sent``, ``arrives`` and ``done``. The
files of equal runs are equal byte by byte.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from halfspread.commands.folder import writing

__all__ = ["CurveWriter", "write_table"]

TIME = pa.timestamp("ns", tz="UTC")
ROWS_IN_GROUP = 262_144
#: Columns of fills and orders whose values repeat.
_REPEATED = ("instrument", "fee_rate", "position_after", "kind", "state", "reason", "contracts", "filled", "done")

Numbers = np.ndarray[Any, np.dtype[Any]]


class CurveWriter:
    """Appends equity, collateral and position of every point of the curve to a Parquet file; a sink of the event loop.

    With several ``symbols`` there is a position for each, such as position_BTCUSDT.
    """

    def __init__(self, path: Path, symbols: Sequence[str] = ("",)) -> None:
        self._path = path
        positions = ["position"] if len(symbols) == 1 else [f"position_{symbol}" for symbol in symbols]
        numbers = ["equity", "collateral", *positions]
        self._schema = pa.schema([("time", TIME), *((name, pa.float64()) for name in numbers)])
        self._parts: list[tuple[Numbers, ...]] = []
        self._rows = 0
        with writing(path):
            self._writer = pq.ParquetWriter(path, self._schema, **_layout(self._schema, repeated=tuple(positions)))

    def __call__(self, times: Numbers, equity: Numbers, collateral: Numbers, positions: Numbers) -> None:
        """Take a chunk, with positions (points, instruments); the arrays are copied."""
        columns = [positions[:, k].copy() for k in range(positions.shape[1])]
        self._parts.append((times.copy(), equity.copy(), collateral.copy(), *columns))
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
            self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))

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
    if frame.index.name == "time" and "time" not in frame.columns:
        frame = frame.reset_index()
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    with writing(path):
        pq.write_table(table, path, **_layout(table.schema, repeated=_REPEATED))


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
