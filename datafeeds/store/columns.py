"""The columns of a kind in Arrow: their types, their order, and which of them a table has."""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa

from halfspread.datafeeds.store.kinds import Kind
from halfspread.engine.times import Integers

__all__ = ["TOGETHER", "TYPES", "aligned", "times_of", "without_empty"]

TYPES = {
    "time": pa.timestamp("ns", "UTC"),
    "number": pa.float64(),
    "count": pa.int64(),
    "code": pa.int8(),
    "flag": pa.bool_(),
    "text": pa.string(),
}
#: Columns of which a table has all or none.
TOGETHER = (("bid_open", "ask_open", "bid_close", "ask_close"), ("bid_size", "ask_size"))


def aligned(kind: Kind, table: pa.Table, names: Collection[str]) -> pa.Table:
    """``table`` with the columns ``names`` of ``kind``, in order; nulls in those that it lacks."""
    columns = [column for column in kind.columns if column.name in names]
    found = {
        column.name: table.column(column.name)
        if column.name in table.column_names
        else pa.chunked_array([pa.nulls(table.num_rows, TYPES[column.type])])
        for column in columns
    }
    return pa.table(found, pa.schema([(column.name, TYPES[column.type]) for column in columns]))


def without_empty(kind: Kind, table: pa.Table) -> pa.Table:
    """A table without the columns that hold nothing and may be left out."""
    there = [column for column in kind.columns if column.name in table.column_names]
    empty = {c.name for c in there if not c.required and table.column(c.name).null_count == table.num_rows}
    for group in TOGETHER:
        if not empty.issuperset(name for name in group if name in table.column_names):
            empty.difference_update(group)
    return table.select([column.name for column in there if column.name not in empty])


def times_of(table: pa.Table) -> Integers:
    """The column ts as int64."""
    times: Integers = table.column("ts").cast(pa.int64()).to_numpy()
    return times
