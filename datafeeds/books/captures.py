"""Tables of level-2 captures, one row a level, into the kinds book_updates, quotes and trades.

Understood are two layouts, told by their columns. By sequence: ts, exch_ts, u, type (snapshot or delta), side (b or
a), price, size, and for Binance U and pu; sizes are absolute and 0 deletes. By id: ts, msg, action (partial, insert,
update, delete), id, side (Buy or Sell), price, size, and exch_ts where the venue sent one. Rows of one message stand
together.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from halfspread.datafeeds.store.kinds import DELETE, INSERT, SET, SNAPSHOT, UPDATE
from halfspread.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_capture"]

_SIDES = {"b": 1, "a": -1, "Buy": 1, "Sell": -1, "bid": 1, "ask": -1}
_ACTIONS = {
    "snapshot": SNAPSHOT,
    "delta": SET,
    "partial": SNAPSHOT,
    "insert": INSERT,
    "update": UPDATE,
    "delete": DELETE,
}
_SEQUENCES = {"U": "first_sequence", "u": "sequence", "pu": "previous_sequence"}


def read_capture(source: str | Path | pa.Table) -> pa.Table:
    """Rows of the kind book_updates out of such a table, or a Parquet file of one. Raises DataError naming what is
    missing, or the row."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    name = "table" if isinstance(source, pa.Table) else Path(source).name
    table = source if isinstance(source, pa.Table) else pq.read_table(source)
    by_id = "msg" in table.column_names
    needed = ["ts", "side", "price", "size", *(("msg", "action", "id") if by_id else ("u", "type"))]
    missing = [column for column in needed if column not in table.column_names]
    if missing:
        raise DataError(
            f"{name}: missing column(s) {', '.join(missing)}; found {', '.join(table.column_names)}. Expected a "
            "capture by sequence (ts, u, type, side, price, size) or by id (ts, msg, action, id, side, price, size)"
        )
    columns: dict[str, Any] = {"ts": _times(table["ts"])}
    if "exch_ts" in table.column_names:
        columns["exch_ts"] = _times(table["exch_ts"])
    columns["message"] = pa.array(_messages(table, by_id))
    columns["action"] = _codes(table["action" if by_id else "type"], _ACTIONS, name)
    columns["side"] = _codes(table["side"], _SIDES, name)
    columns |= {column: table[column] for column in ("price", "size")}
    if by_id:
        columns["id"] = table["id"]
    columns |= {to: table[column].cast(pa.int64()) for column, to in _SEQUENCES.items() if column in table.column_names}
    return pa.table(columns)


def _times(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa

    return column.cast(pa.timestamp("ns", "UTC")).cast(pa.int64()) if pa.types.is_timestamp(column.type) else column


def _messages(table: pa.Table, by_id: bool) -> Any:
    """Numbers of messages, from 1: a new one begins where any column that belongs to the message changes."""
    names = ("msg",) if by_id else ("ts", "u", "type")
    new = np.zeros(table.num_rows, bool)
    for name in names:
        column = table[name].to_numpy(zero_copy_only=False)
        new[1:] |= column[1:] != column[:-1]
    return np.cumsum(new) + 1


def _codes(column: pa.ChunkedArray, codes: dict[str, int], name: str) -> pa.Array:
    import pyarrow as pa

    found = column.combine_chunks().dictionary_encode()
    unknown = [value for value in found.dictionary.to_pylist() if value not in codes]
    if unknown or found.null_count:
        row = column.to_pylist().index(unknown[0] if unknown else None)
        raise DataError(f"{name}: row {row}: expected one of {', '.join(codes)}, got {column[row].as_py()!r}")
    lookup = np.array([codes[value] for value in found.dictionary.to_pylist()] or [0], np.int8)
    return pa.array(lookup[found.indices.to_numpy(zero_copy_only=False)])
