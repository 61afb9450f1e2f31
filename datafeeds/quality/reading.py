"""Rows of the store for checks: what is known of a series, its rows in blocks, and the other series of its contract.

Memory: a month of bars or funding, or one group of rows of events, at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from halfspread.datafeeds.quality.subject import Block, Steps, Subject
from halfspread.datafeeds.store.series import Series
from halfspread.datafeeds.store.store import Store
from halfspread.engine import instruments
from halfspread.engine.instrument import Instrument
from halfspread.engine.times import Integers
from halfspread.errors import InstrumentError

__all__ = ["BLOCK", "block_of", "blocks", "document_steps", "instrument_of", "subject_of"]

#: Rows of events, and cells of them, from either of which on rows are looked at as one block.
BLOCK, CELLS = 65_536, 2_000_000
_BEGINNING = int(np.iinfo(np.int64).min)


def subject_of(store: Store, series: Series, start: int | None = None, end: int | None = None) -> Subject | None:
    """What is known of a series from ``start`` to ``end``; None where it has no rows there. Raises DataError for a
    series that is not in the store."""
    summary = store.summary(series)
    if summary.first is None or summary.last is None:
        return None
    first = summary.first if start is None else start
    last = summary.last + max(series.of_kind.interval, 1) if end is None else end
    spans = [span for span in summary.covered if span[0] < last and span[1] > first]
    if start is None and spans:
        first = min(first, spans[0][0])
    if end is None and spans:
        last = max(last, spans[-1][1])
    instrument = instrument_of(series)
    ticks, lots = document_steps(store, series)
    if instrument is not None:
        ticks = Steps(*instrument.tick_arrays(), instrument.name)
        lots = Steps(*instrument.lot_arrays(), instrument.name)
    return Subject(
        series,
        first,
        last,
        instrument,
        ticks,
        lots,
        tuple((max(a, first), min(b, last)) for a, b in spans),
        tuple((gap.start, gap.end, gap.reason) for gap in summary.gaps),
        max((source.retrieved for source in summary.sources), default=0),
    )


def instrument_of(series: Series) -> Instrument | None:
    """The contract of a series, where a preset has it."""
    try:
        return instruments.get(f"{series.venue}:{series.symbol}")
    except InstrumentError:
        return None


def document_steps(store: Store, series: Series) -> tuple[Steps | None, Steps | None]:
    """Tick and lot as the venue gave them, by the times of the instrument documents; the first holds before it too."""
    found: list[tuple[list[int], list[float]]] = [([], []), ([], [])]
    for document in store.documents(series.venue, series.symbol, "instrument"):
        for (times, sizes), names in zip(found, (_TICKS, _LOTS), strict=True):
            size = _value(document.content, names)
            if size and (not sizes or sizes[-1] != size):
                times.append(document.time if times else _BEGINNING)
                sizes.append(size)
    source = "the venue's instrument document"
    ticks, lots = (
        Steps(np.array(times, np.int64), np.array(sizes), source) if sizes else None for times, sizes in found
    )
    return ticks, lots


_TICKS = ("tickSize", "tick_size", "tick")
_LOTS = ("qtyStep", "lotSize", "lot_size", "lot")


def _value(content: Any, names: Sequence[str]) -> float:
    """The number above zero that a document gives under one of the names, at any depth; 0.0 where it gives none."""
    if not isinstance(content, Mapping):
        return 0.0
    for name in names:
        try:
            size = float(content[name])
        except (KeyError, TypeError, ValueError):
            continue
        if 0.0 < size < np.inf:
            return size
    inner = (_value(value, names) for value in content.values())
    return next((size for size in inner if size), 0.0)


def blocks(store: Store, series: Series, start: int, end: int, columns: Sequence[str] | None = None) -> Iterator[Block]:
    """The rows of a series with start <= ts < end: month by month (bars, funding), or a bounded number of rows at a
    time."""
    if series.of_kind.partition == "month":
        for first, last in _months(start, end):
            table = store.read(series, first, last, columns)
            if table.num_rows:
                yield block_of(table)
        return
    import pyarrow as pa

    waiting: list[Any] = []
    for batch in store.batches(series, start, end, columns):
        waiting.append(batch)
        rows = sum(one.num_rows for one in waiting)
        if rows >= BLOCK or rows * batch.num_columns >= CELLS:
            yield block_of(pa.Table.from_batches(waiting))
            waiting = []
    if sum(one.num_rows for one in waiting):
        yield block_of(pa.Table.from_batches(waiting))


def _months(start: int, end: int) -> Iterator[tuple[int, int]]:
    first, last = (np.datetime64(int(time), "ns").astype("datetime64[M]") for time in (start, end - 1))
    edges = np.arange(first, last + 2).astype("datetime64[ns]").astype(np.int64).tolist()
    for a, b in pairwise(edges):
        yield max(a, start), min(b, end)


def block_of(table: Any) -> Block:
    """A pyarrow table of the store as a block: times int64 (0: null), numbers float64 (NaN: null), text as lists."""
    import pyarrow as pa

    columns: dict[str, Any] = {}
    for name in table.column_names:
        column = table.column(name)
        if pa.types.is_timestamp(column.type):
            columns[name] = _times(column.cast(pa.int64()))
        elif pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            columns[name] = column.to_pylist() if name == "trade_id" else []
        elif name.endswith("ts"):
            columns[name] = _times(column)
        else:
            columns[name] = column.cast(pa.float64()).to_numpy()
    return Block(columns["ts"], columns)


def _times(column: Any) -> Integers:
    values: Integers = column.fill_null(0).to_numpy() if column.null_count else column.to_numpy()
    return values
