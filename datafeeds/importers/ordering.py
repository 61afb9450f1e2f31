"""Rows in order of time: files that run backwards or jump are sorted where they fit, and refused where they do not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from halfspread.datafeeds.importers.imported import Tally
from halfspread.datafeeds.importers.where import Where
from halfspread.engine.times import Integers, time_text
from halfspread.errors import DataError

__all__ = ["in_order", "times_in", "without_repeats"]

#: Bytes that are looked at before the first row is handed on, and bytes that are held to sort a file.
LOOKED_AT, HELD = 64 * 2**20, 2 * 2**30
_ROWS = 500_000


def times_in(table: Any) -> Integers:
    """The column ts as int64."""
    import pyarrow as pa

    times: Integers = table.column("ts").cast(pa.int64()).to_numpy()
    return times


def in_order(blocks: Iterator[tuple[Any, Where]], told: list[str], sort: bool) -> Iterator[Any]:
    """Tables in order of time out of ``blocks`` of a file. Rows of one time keep their order, or where the file runs
    backwards, are turned round. Raises DataError where a file too large to be held is not in order."""
    held: list[Any] = []
    size, last = 0, 0
    ordered = not sort
    for table, where in blocks:
        times = times_in(table)
        back = np.flatnonzero(np.diff(times, prepend=last) < 0)
        last = int(times[-1]) if len(times) else last
        if len(back) and ordered and not held and size > LOOKED_AT:
            row = int(back[0])
            raise DataError(
                f"{where.at(row)}: expected a time at or after the row before it, got {time_text(times[row])}; --sort "
                "reads the whole file and sorts it"
            )
        ordered = ordered and not len(back)
        size += table.nbytes
        if size > HELD and not ordered:
            raise DataError(
                f"{where.file}: its rows are not in order of time, and it is too large to be sorted at once; cut it "
                "into files of a day, or sort it first"
            )
        held.append(table)
        if ordered and size > LOOKED_AT:
            yield from held
            held = []
    yield from held if ordered else _sorted(held, told)


def _sorted(tables: list[Any], told: list[str]) -> Iterator[Any]:
    import pyarrow as pa

    whole = pa.concat_tables(tables).combine_chunks()
    tables.clear()
    times = times_in(whole)
    steps = np.diff(times)
    rows = np.arange(len(times))
    if len(steps) and (steps <= 0).all() and (steps < 0).any():
        told.append("rows stand newest first; they were turned round")
        rows = rows[::-1]
    elif (steps < 0).any():
        told.append(f"{int((steps < 0).sum()):,} rows stand after a later one; rows were sorted by time")
    rows = rows[np.argsort(times[rows], kind="stable")]
    for start in range(0, len(rows), _ROWS):
        yield whole.take(pa.array(rows[start : start + _ROWS]))


def without_repeats(tables: Iterator[Any], what: str, tally: Tally) -> Iterator[Any]:
    """Of rows of one time that are equal, one; for kinds whose key is the time. Raises DataError where they differ."""
    before: Any = None
    for table in tables:
        whole = table if before is None else _joined(before, table)
        times = times_in(whole)
        again = np.flatnonzero(np.diff(times) == 0)
        for row in again:
            first, second = whole.slice(row, 1).to_pylist()[0], whole.slice(row + 1, 1).to_pylist()[0]
            if not _equal(first, second):
                names = ", ".join(name for name in first if not _equal({0: first[name]}, {0: second[name]}))
                raise DataError(
                    f"{what}: two rows of {time_text(times[row])} that differ in {names}; take the wrong one out"
                )
        tally.leave("rows that stood twice", len(again))
        keep = np.ones(len(times), bool)
        keep[again + 1] = False
        if before is not None:
            keep[0] = False
        before = whole.slice(len(times) - 1, 1) if len(times) else before
        yield whole if keep.all() else _filtered(whole, keep)


def _joined(before: Any, table: Any) -> Any:
    import pyarrow as pa

    return pa.concat_tables([before, table])


def _filtered(table: Any, keep: Any) -> Any:
    import pyarrow as pa

    kept = np.flatnonzero(keep)
    if len(kept) and len(kept) == kept[-1] - kept[0] + 1:
        return table.slice(int(kept[0]), len(kept))
    return table.filter(pa.array(keep))


def _equal(one: dict[Any, Any], other: dict[Any, Any]) -> bool:
    return all(value == other[name] or repr(value) == repr(other[name]) for name, value in one.items())
