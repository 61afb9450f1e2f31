"""Parts of the store as the event loop takes them: `Bars`, `Depth` and `Trades`, from the replay cache where they are.

What is given holds at least the rows with start <= ts < end: all those of the months or days that these stand in, so
that what is kept serves other spans too. A tape that is made of it cuts it. Times in int64 nanoseconds UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from typing import Any, TypeVar

from halfspread.datafeeds.store.parquet_files import opened
from halfspread.datafeeds.store.partitions import ENDING, bounds
from halfspread.datafeeds.store.replay_cache import LIMIT, ReplayCache
from halfspread.datafeeds.store.series import Series
from halfspread.datafeeds.store.store import Store
from halfspread.engine.bars import BarFormat, Bars, read_bars
from halfspread.engine.depth import Depth, read_books, read_quotes
from halfspread.engine.parquet import ParquetFiles
from halfspread.engine.row_checks import Gaps
from halfspread.engine.row_reading import Wanted
from halfspread.engine.table_format import TableFormat
from halfspread.engine.times import SECOND, parse_time, time_text
from halfspread.engine.trades import Trades, read_trades
from halfspread.errors import DataError

__all__ = ["CACHE", "cache_of", "replay_bars", "replay_books", "replay_quotes", "replay_trades"]

#: The folder of the cache in that of the store.
CACHE = ".replay"
_TRIES = 5

Rows = TypeVar("Rows", Bars, Depth, Trades)


def cache_of(store: Store, limit: int = LIMIT) -> ReplayCache:
    """The replay cache of a store. ``limit``: bytes that it may take; 0 for none."""
    return ReplayCache(store.folder / CACHE, limit)


def replay_bars(
    store: Store,
    series: Series,
    start: Any = None,
    end: Any = None,
    form: BarFormat | None = None,
    cache: ReplayCache | None = None,
) -> Bars:
    """Bars of the months from ``start`` to ``end``, as `read_bars` gives them. Raises DataError."""
    form = form or BarFormat()
    interval = series.of_kind.interval / SECOND
    columns = [name for name in form.wanted if name in series.of_kind.names]
    terms = {"read": "bars", "form": asdict(form), "interval": interval}
    return _replayed(
        store, series, (start, end), columns, terms, lambda rows: read_bars(rows, form, interval=interval), cache
    )


def replay_books(
    store: Store,
    series: Series,
    start: Any = None,
    end: Any = None,
    fmt: TableFormat | None = None,
    levels: int | None = None,
    closed: Gaps = (),
    cache: ReplayCache | None = None,
) -> Depth:
    """Book snapshots as `read_books` gives them, of the best ``levels`` or all. ``closed``: declared gaps, in which no
    row may stand. Raises DataError."""
    fmt = fmt or TableFormat()
    most = series.of_kind.levels if levels is None else levels
    names = {f"{name}_{i}" for i in range(1, most + 1) for name in ("bid", "bid_size", "ask", "ask_size")}
    columns = [name for name in series.of_kind.names if name in names or name in ("ts", "exch_ts")]
    terms = {"read": "books", "form": asdict(fmt), "levels": levels, "closed": list(map(list, closed))}
    wanted = Wanted(closed=closed)
    return _replayed(
        store, series, (start, end), columns, terms, lambda rows: read_books(rows, fmt, levels, rows=wanted), cache
    )


def replay_quotes(
    store: Store,
    series: Series,
    start: Any = None,
    end: Any = None,
    fmt: TableFormat | None = None,
    closed: Gaps = (),
    cache: ReplayCache | None = None,
) -> Depth:
    """Quotes as `read_quotes` gives them; otherwise as `replay_books`. Raises DataError."""
    fmt = fmt or TableFormat()
    terms = {"read": "quotes", "form": asdict(fmt), "closed": list(map(list, closed))}
    wanted = Wanted(closed=closed)
    return _replayed(
        store,
        series,
        (start, end),
        list(series.of_kind.names),
        terms,
        lambda rows: read_quotes(rows, fmt, rows=wanted),
        cache,
    )


def replay_trades(
    store: Store,
    series: Series,
    start: Any = None,
    end: Any = None,
    fmt: TableFormat | None = None,
    closed: Gaps = (),
    cache: ReplayCache | None = None,
) -> Trades:
    """Trades as `read_trades` gives them; otherwise as `replay_books`. Raises DataError."""
    fmt = fmt or TableFormat()
    columns = ["ts", "exch_ts", "price", "size", "side"]
    terms = {"read": "trades", "form": asdict(fmt), "closed": list(map(list, closed))}
    wanted = Wanted(closed=closed)
    return _replayed(
        store, series, (start, end), columns, terms, lambda rows: read_trades(rows, fmt, rows=wanted), cache
    )


def _replayed(
    store: Store,
    series: Series,
    span: tuple[Any, Any],
    columns: list[str],
    terms: Mapping[str, Any],
    read: Callable[[Any], Rows],
    cache: ReplayCache | None,
) -> Rows:
    """``read`` of the files of a span, or what is kept of that. Raises DataError."""
    for _ in range(_TRIES):
        files: dict[str, str] = store.digests(series, *span)
        if not files:
            raise DataError(f"{store.folder}: {series}: expected rows in {_text(span)}, got none; fetch or import them")
        fresh = partial(_read, store, series, span, columns, read, files)
        with suppress(_Changed):
            return (cache or cache_of(store)).get(str(series.path), files, terms, fresh)
    raise DataError(f"{store.folder}: {series}: is being written all the time; run this again when the writer is done")


def _read(
    store: Store,
    series: Series,
    span: tuple[Any, Any],
    columns: list[str],
    read: Callable[[Any], Rows],
    files: dict[str, str],
) -> Rows:
    """What ``read`` makes of the files of a span. Raises _Changed where they are no longer those with these hashes."""
    rows = read(_source(store, series, span, columns))
    if store.digests(series, *span) != files:
        raise _Changed
    return replace(rows, source=f"store {series}")


class _Changed(Exception):
    """The files changed while they were read."""


def _text(span: tuple[Any, Any]) -> str:
    start, end = (None if time is None else time_text(parse_time(time)) for time in span)
    return f"the span from {start or 'the beginning'} to {end or 'the end'}"


def _source(store: Store, series: Series, span: tuple[Any, Any], columns: list[str]) -> Any:
    """The files of a span as one table: as they are, or where they have different columns, in memory."""
    paths = store.files(series, *span)
    found = set()
    for path in paths:
        with opened(path, series) as file:
            found.add(tuple(name for name in file.schema_arrow.names if name in columns))
    if len(found) == 1:
        return ParquetFiles(f"store {series}", tuple(paths))
    first, last = (bounds(path.name.removesuffix(ENDING)) for path in (paths[0], paths[-1]))
    there = {name for names in found for name in names}
    return store.read(series, first[0], last[1], [name for name in columns if name in there])
