"""Columns that grow, filled by compiled parsers and by plain ones, and the tables that become of them.

A sheet holds int64 columns ``ints`` (columns, capacity), float64 columns ``floats``, and the bytes of a column of text.
``NULL`` stands for a whole number that is not there, NaN for a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["NULL", "QUOTES", "TRADES", "UPDATES", "Sheet", "table_of"]

#: A whole number that is not there.
NULL = int(np.iinfo(np.int64).min)

# Names of the int64 and of the float64 columns of each sheet.
UPDATES = (
    ("ts", "exch_ts", "message", "action", "side", "id", "first_sequence", "sequence", "previous_sequence"),
    ("price", "size"),
)
TRADES = (("ts", "exch_ts", "side", "block", "rpi", "text_end"), ("price", "size"))
QUOTES = (("ts", "exch_ts"), ("bid", "bid_size", "ask", "ask_size"))

_CODES = ("action", "side")
_FLAGS = ("block", "rpi")
_REQUIRED = ("ts", "message", "action", "side")


class Sheet:
    """Rows of one kind. ``columns``: UPDATES, TRADES or QUOTES."""

    def __init__(self, columns: tuple[tuple[str, ...], tuple[str, ...]], capacity: int = 256) -> None:
        self.columns = columns
        self.ints: NDArray[np.int64] = np.empty((len(columns[0]), capacity), np.int64)
        self.floats: NDArray[np.float64] = np.empty((len(columns[1]), capacity), np.float64)
        self.text: NDArray[np.uint8] = np.empty(40 * capacity if "text_end" in columns[0] else 0, np.uint8)
        self.rows = 0
        self.characters = 0

    def add(self, ints: Sequence[int], floats: Sequence[float], text: bytes = b"") -> None:
        """Append a row; ``text_end`` is not among ``ints``."""
        self.make_room(1, len(text))
        at = self.rows
        if len(self.text):
            end = self.characters + len(text)
            self.text[self.characters : end] = np.frombuffer(text, np.uint8)
            self.characters = end
            ints = (*ints, end)
        self.ints[:, at] = ints
        self.floats[:, at] = floats
        self.rows += 1

    def make_room(self, rows: int, characters: int = 0) -> None:
        """Have space for so many rows and characters more."""
        capacity = self.ints.shape[1]
        if self.rows + rows > capacity:
            capacity = max(2 * capacity, self.rows + rows)
            ints, floats = self.ints, self.floats
            self.ints = np.empty((len(ints), capacity), np.int64)
            self.floats = np.empty((len(floats), capacity), np.float64)
            self.ints[:, : self.rows] = ints[:, : self.rows]
            self.floats[:, : self.rows] = floats[:, : self.rows]
        if len(self.text) and self.characters + characters > len(self.text):
            text = np.empty(max(2 * len(self.text), self.characters + characters), np.uint8)
            text[: self.characters] = self.text[: self.characters]
            self.text = text

    def drop(self, rows: int, characters: int = 0) -> None:
        """Forget what was added after so many rows and characters."""
        self.rows, self.characters = rows, characters


def table_of(sheet: Sheet) -> pa.Table:
    """The rows as an Arrow table of its kind; optional columns without any value are left out. The sheet must not be
    filled further: the table looks into it."""
    import pyarrow as pa

    names: list[str] = []
    columns: list[pa.Array] = []
    for name, values in zip(sheet.columns[0], sheet.ints[:, : sheet.rows], strict=True):
        if name == "text_end":
            names.append("trade_id")
            columns.append(_texts(sheet, values))
            continue
        nulls = None if name in _REQUIRED else values == NULL
        if nulls is not None and nulls.all() and name in ("exch_ts", *_FLAGS, *UPDATES[0][5:]):
            continue
        kind = np.int8 if name in _CODES else np.bool_ if name in _FLAGS else np.int64
        names.append(name)
        columns.append(
            pa.array(values.astype(kind, copy=False), mask=nulls if nulls is not None and nulls.any() else None)
        )
    for name, numbers in zip(sheet.columns[1], sheet.floats[:, : sheet.rows], strict=True):
        unknown = np.isnan(numbers)
        names.append(name)
        columns.append(pa.array(numbers, mask=unknown if unknown.any() else None))
    return pa.table(columns, names=names)


def _texts(sheet: Sheet, ends: NDArray[np.int64]) -> pa.Array:
    import pyarrow as pa

    offsets = np.concatenate([np.zeros(1, np.int64), ends])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(sheet.text[: sheet.characters].tobytes())]
    return pa.LargeStringArray.from_buffers(len(ends), buffers[1], buffers[2])
