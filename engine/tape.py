"""The tape: an immutable, time-ordered record of a market that the event loop replays in chunks.

It holds one feed for each instrument. In memory a chunk is a window on the tape; a streamed tape reads its Parquet
files block by block and never holds more than it needs. Both give the loop the same events, so the same bits come out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from halfspread.costs.funding import FundingTable
from halfspread.engine.bar_kernels import gap_rows
from halfspread.engine.bars import BarChecker, BarFormat, Bars, carried_count, read_bars
from halfspread.engine.clocks import common_shift
from halfspread.engine.depth import Depth, read_books, read_quotes
from halfspread.engine.feed import KINDS, Feed
from halfspread.engine.instruments import Instrument
from halfspread.engine.records import MAX_INSTRUMENTS
from halfspread.engine.side_data import Prices, read_funding, read_gaps, read_prices, refuse_bars_in_gaps
from halfspread.engine.streamed import StreamedBars
from halfspread.engine.streamed_depth import StreamedDepth, StreamedTrades
from halfspread.engine.table_format import TableFormat
from halfspread.engine.times import interval_text, parse_time, time_text
from halfspread.engine.trades import Trades, check_against_book, read_trades
from halfspread.errors import DataError, InstrumentError

__all__ = ["Tape"]


@dataclass(frozen=True)
class Tape:
    """Market data in time order, a feed for each instrument. Build one with `from_bars`, `from_quotes`, `from_books`,
    `from_trades`, `scan_bars` or `scan`; put several together with `join`."""

    feeds: tuple[Feed, ...]
    origin: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_bars(
        cls,
        source: Any,
        instrument: Instrument,
        *,
        interval: str | int | float | None = None,
        funding: Any = None,
        mark: Any = None,
        index: Any = None,
        settle_price: Any = None,
        gaps: Sequence[tuple[Any, Any]] = (),
        start: Any = None,
        end: Any = None,
        time_column: str = "ts",
        time_unit: str = "ns",
        stamp: str = "open",
        extra: tuple[str, ...] = (),
        quotes: str = "as_given",
        carry_limit: str | int | float = "20m",
    ) -> Tape:
        """A tape in memory.

        ``source``, ``funding``, ``mark``, ``index`` and ``settle_price`` may each be a path (Parquet or CSV), a
        DataFrame, an Arrow table, a structured NumPy array or a mapping of arrays. Bars need ``time_column`` and open,
        high, low, close, volume, and may carry bid_open, ask_open, bid_close, ask_close; times are bar opens unless
        ``stamp="close"``. Funding needs ts and rate, and may carry interval_h and known_ts. Mark and index prices need
        ts and price, or ts and open (of a bar). ``settle_price`` is the price of the settle currency in the report
        currency, which a quanto contract needs. ``gaps``: (start, end) spans without a market; a bar inside one is
        refused. ``start`` and ``end`` cut the bars: those that open at or after ``start`` and close by ``end``.
        ``extra``: more columns that agents may read. ``quotes="carry"``: a bar without a quote is given the last bid
        and ask, for ``carry_limit`` at most, counted as quotes_carried.

        Raises DataError with the row, the time and what was expected.
        """
        _refuse_no_instrument(instrument)
        bars = read_bars(source, BarFormat(time_column, time_unit, stamp, extra, quotes, carry_limit), interval)
        spans = read_gaps(gaps)
        refuse_bars_in_gaps(bars.times, bars.interval, spans, bars.source)
        feed = Feed(
            instrument,
            bars,
            funding=read_funding(funding, instrument, time_unit),
            mark=read_prices(mark, "mark", time_unit),
            index=read_prices(index, "index", time_unit),
            settle_price=read_prices(settle_price, "settle currency", time_unit),
            gaps=spans,
        )
        tape = cls((feed,), _origin(bars=source, funding=funding, mark=mark, index=index, settle_price=settle_price))
        return tape if start is None and end is None else tape.slice(start, end)

    @classmethod
    def scan_bars(
        cls,
        path: str | Path,
        instrument: Instrument,
        *,
        interval: str | int | float | None = None,
        funding: Any = None,
        mark: Any = None,
        index: Any = None,
        settle_price: Any = None,
        gaps: Sequence[tuple[Any, Any]] = (),
        start: Any = None,
        end: Any = None,
        time_column: str = "ts",
        time_unit: str = "ns",
        stamp: str = "open",
        extra: tuple[str, ...] = (),
        quotes: str = "as_given",
        carry_limit: str | int | float = "20m",
    ) -> Tape:
        """A tape that reads the bars of a Parquet file while it is replayed, and holds one block of them at a time.

        Arguments as for `from_bars`. Bars are checked as they are read, so a fault shows when the replay reaches it.
        """
        _refuse_no_instrument(instrument)
        bars = StreamedBars.open(
            Path(path),
            BarFormat(time_column, time_unit, stamp, extra, quotes, carry_limit),
            interval=interval,
            start=None if start is None else parse_time(start, "start"),
            end=None if end is None else parse_time(end, "end"),
            gaps=read_gaps(gaps),
        )
        feed = Feed(
            instrument,
            bars,
            funding=read_funding(funding, instrument, time_unit),
            mark=read_prices(mark, "mark", time_unit),
            index=read_prices(index, "index", time_unit),
            settle_price=read_prices(settle_price, "settle currency", time_unit),
            gaps=read_gaps(gaps),
        )
        return cls((feed,), _origin(bars=path, funding=funding, mark=mark, index=index, settle_price=settle_price))

    @classmethod
    def from_books(
        cls,
        source: Any,
        instrument: Instrument,
        *,
        quotes: Any = None,
        trades: Any = None,
        bars: Any = None,
        interval: str | int | float | None = None,
        funding: Any = None,
        mark: Any = None,
        index: Any = None,
        settle_price: Any = None,
        gaps: Sequence[tuple[Any, Any]] = (),
        start: Any = None,
        end: Any = None,
        levels: int | None = None,
        time_format: TableFormat | None = None,
        extra: tuple[str, ...] = (),
    ) -> Tape:
        """A tape of order-book snapshots in memory, with the trades, quotes and bars of the same market where given.

        ``source``: ts, exch_ts (optional), bid_1, bid_size_1, ask_1, ask_size_1, bid_2, ... (`read_books`);
        ``quotes``: `read_quotes`; ``trades``: `read_trades`; ``time_format`` holds for these three. Bars (of
        ``interval``) and the rest as for `from_bars`. Fills come from the finest there is: books, quotes, trades, bars.

        Raises DataError with the row, the time and what was expected.
        """
        return cls._of_events(
            instrument,
            {"books": source, "quotes": quotes, "trades": trades},
            bars,
            BarFormat(extra=extra),
            interval,
            {"funding": funding, "mark": mark, "index": index, "settle_price": settle_price},
            gaps,
            time_format or TableFormat(),
            levels,
        ).slice(start, end)

    @classmethod
    def from_quotes(
        cls,
        source: Any,
        instrument: Instrument,
        *,
        trades: Any = None,
        bars: Any = None,
        interval: str | int | float | None = None,
        funding: Any = None,
        mark: Any = None,
        index: Any = None,
        settle_price: Any = None,
        gaps: Sequence[tuple[Any, Any]] = (),
        start: Any = None,
        end: Any = None,
        time_format: TableFormat | None = None,
        extra: tuple[str, ...] = (),
    ) -> Tape:
        """A tape of quotes in memory: ts, exch_ts (optional), bid, ask, bid_size and ask_size; the rest as for
        `from_books`."""
        return cls._of_events(
            instrument,
            {"quotes": source, "trades": trades},
            bars,
            BarFormat(extra=extra),
            interval,
            {"funding": funding, "mark": mark, "index": index, "settle_price": settle_price},
            gaps,
            time_format or TableFormat(),
            None,
        ).slice(start, end)

    @classmethod
    def from_trades(
        cls,
        source: Any,
        instrument: Instrument,
        *,
        bars: Any = None,
        interval: str | int | float | None = None,
        funding: Any = None,
        mark: Any = None,
        index: Any = None,
        settle_price: Any = None,
        gaps: Sequence[tuple[Any, Any]] = (),
        start: Any = None,
        end: Any = None,
        time_format: TableFormat | None = None,
        extra: tuple[str, ...] = (),
    ) -> Tape:
        """A tape of trades in memory: ts, exch_ts (optional), price, size, side (optional); the rest as for
        `from_books`."""
        return cls._of_events(
            instrument,
            {"trades": source},
            bars,
            BarFormat(extra=extra),
            interval,
            {"funding": funding, "mark": mark, "index": index, "settle_price": settle_price},
            gaps,
            time_format or TableFormat(),
            None,
        ).slice(start, end)

    @classmethod
    def _of_events(
        cls,
        instrument: Instrument,
        tables: dict[str, Any],
        bars: Any,
        bar_format: BarFormat,
        interval: str | int | float | None,
        beside: dict[str, Any],
        gaps: Sequence[tuple[Any, Any]],
        time_format: TableFormat,
        levels: int | None,
    ) -> Tape:
        _refuse_no_instrument(instrument)
        read: dict[str, Any] = {}
        for kind, source in tables.items():
            if source is not None:
                read[kind] = (
                    read_books(source, time_format, levels)
                    if kind == "books"
                    else read_quotes(source, time_format)
                    if kind == "quotes"
                    else read_trades(source, time_format)
                )
        spans = read_gaps(gaps)
        if bars is not None:
            read["bars"] = read_bars(bars, bar_format, interval)
            refuse_bars_in_gaps(read["bars"].times, read["bars"].interval, spans, read["bars"].source)
        for name in ("mark", "index", "settle_price"):
            read[name] = read_prices(beside[name], name.replace("settle_price", "settle currency"))
        feed = Feed(instrument, **read, funding=read_funding(beside["funding"], instrument), gaps=spans)
        return cls((_compared(feed),), _origin(**tables, bars=bars, **beside))

    @classmethod
    def scan(
        cls,
        instrument: Instrument,
        *,
        books: str | Path | None = None,
        quotes: str | Path | None = None,
        trades: str | Path | None = None,
        bars: str | Path | None = None,
        interval: str | int | float | None = None,
        funding: Any = None,
        mark: Any = None,
        index: Any = None,
        settle_price: Any = None,
        gaps: Sequence[tuple[Any, Any]] = (),
        start: Any = None,
        end: Any = None,
        levels: int | None = None,
        time_format: TableFormat | None = None,
        extra: tuple[str, ...] = (),
    ) -> Tape:
        """A tape that reads Parquet files while it is replayed, block by block; arguments as for `from_books`.

        Rows are checked as they are read, so a fault shows when the replay reaches it.
        """
        _refuse_no_instrument(instrument)
        first = None if start is None else parse_time(start, "start")
        last = None if end is None else parse_time(end, "end")
        spans, fmt = read_gaps(gaps), time_format or TableFormat()
        read: dict[str, Any] = {}
        if books is not None:
            read["books"] = StreamedDepth.open_books(books, fmt, levels=levels, start=first, end=last)
        if quotes is not None:
            read["quotes"] = StreamedDepth.open_quotes(quotes, fmt, start=first, end=last)
        if trades is not None:
            read["trades"] = StreamedTrades.open(trades, fmt, start=first, end=last)
        if bars is not None:
            form = BarFormat(extra=extra)
            read["bars"] = StreamedBars.open(Path(bars), form, interval=interval, start=first, end=last, gaps=spans)
        if not read:
            raise DataError("Tape.scan: expected a file of books, quotes, trades or bars, got none")
        feed = Feed(
            instrument,
            **_one_clock(read),
            funding=read_funding(funding, instrument),
            mark=read_prices(mark, "mark"),
            index=read_prices(index, "index"),
            settle_price=read_prices(settle_price, "settle currency"),
            gaps=spans,
        )
        files = {"books": books, "quotes": quotes, "trades": trades, "bars": bars}
        return cls((feed,), _origin(**files, funding=funding, mark=mark, index=index, settle_price=settle_price))

    @classmethod
    def join(cls, *tapes: Tape) -> Tape:
        """One tape of several, in this order; one account for each settle currency trades them together.

        Raises DataError for none, for more instruments than there is room for, and for one that comes twice.
        """
        feeds = tuple(feed for tape in tapes for feed in tape.feeds)
        if not 1 <= len(feeds) <= MAX_INSTRUMENTS:
            raise DataError(f"Tape.join: expected 1 to {MAX_INSTRUMENTS} instruments, got {len(feeds)}")
        names = [feed.instrument.name for feed in feeds]
        double = next((name for name in names if names.count(name) > 1), None)
        if double is not None:
            raise DataError(f"Tape.join: {double} is there {names.count(double)} times; give each instrument once")
        origin = {
            f"{tape.feeds[0].instrument.symbol} {name}" if len(tapes) > 1 else name: text
            for tape in tapes
            for name, text in tape.origin.items()
        }
        return cls(feeds, origin)

    @property
    def instrument(self) -> Instrument:
        """The first instrument."""
        return self.feeds[0].instrument

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """All instruments, in the order of targets and positions."""
        return tuple(feed.instrument for feed in self.feeds)

    @property
    def bars(self) -> Bars | StreamedBars:
        """The bars of the first instrument. Raises DataError where it has none."""
        if self.feeds[0].bars is None:
            raise DataError(f"{self.feeds[0].source}: the tape holds no bars")
        return self.feeds[0].bars

    @property
    def funding(self) -> FundingTable | None:
        """Settlements of the first instrument."""
        return self.feeds[0].funding

    @property
    def mark(self) -> Prices | None:
        """Mark prices of the first instrument."""
        return self.feeds[0].mark

    @property
    def index(self) -> Prices | None:
        """Index prices of the first instrument."""
        return self.feeds[0].index

    @property
    def settle_price(self) -> Prices | None:
        """Prices of the settle currency of the first instrument."""
        return self.feeds[0].settle_price

    @property
    def gaps(self) -> tuple[tuple[int, int], ...]:
        """Spans without a market of the first instrument."""
        return self.feeds[0].gaps

    @property
    def streamed(self) -> bool:
        """Whether tables are read during the replay."""
        return any(feed.streamed for feed in self.feeds)

    @property
    def interval(self) -> int:
        """Nanoseconds from the open of a bar of the first instrument to its close."""
        return self.bars.interval

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of a bar of the first instrument."""
        return self.bars.columns

    @property
    def quote_column(self) -> int:
        """Position of bid_open in a bar of the first instrument; -1 where bars carry no quotes."""
        return self.feeds[0].quote_column

    @property
    def start_ns(self) -> int:
        """The first moment of the tape."""
        return min(feed.start_ns for feed in self.feeds)

    @property
    def end_ns(self) -> int:
        """The last moment of the tape: a close, or the exchange time of another event."""
        return max(feed.end_ns for feed in self.feeds)

    def __len__(self) -> int:
        """Rows of all tables: bars, quotes, snapshots and trades."""
        return sum(len(feed) for feed in self.feeds)

    def __repr__(self) -> str:
        held = "; ".join(f"{feed.instrument.symbol} {describe_tables(feed)}" for feed in self.feeds)
        return (
            f"<Tape {held}, {time_text(self.start_ns)} to {time_text(self.end_ns)}"
            f"{', streamed' if self.streamed else ''}>"
        )

    def slice(self, start: Any = None, end: Any = None) -> Tape:
        """The part of the tape with the bars that open at or after ``start`` and close by ``end``, and with what else
        happened from ``start`` to ``end``. Raises DataError if a table has nothing there."""
        if start is None and end is None:
            return self
        first = None if start is None else parse_time(start, "start")
        last = None if end is None else parse_time(end, "end")
        return replace(self, feeds=tuple(_cut_feed(feed, first, last) for feed in self.feeds))

    def missing_spans(self, most: int = 100) -> list[tuple[int, int]]:
        """The first ``most`` spans without bars of the first instrument, as (start, end) in nanoseconds; empty for a
        streamed tape."""
        if not isinstance(self.feeds[0].bars, Bars):
            return []
        rows = np.empty(most, np.int64)
        rows = rows[: gap_rows(self.bars.times, self.interval, rows)]
        return [(int(self.bars.times[i - 1]) + self.interval, int(self.bars.times[i])) for i in rows]

    def hash(self) -> str:
        """Hash of every number of the tape, the same for equal data whatever they were read from; hex digits."""
        digest = hashlib.blake2b(digest_size=16)
        for feed in self.feeds:
            _hash_feed(digest, feed)
        return digest.hexdigest()


def describe_tables(feed: Feed) -> str:
    """``105,120 bars of 5m, 1,000 trades``."""
    parts = []
    for kind in reversed(feed.kinds):
        table = feed.table(kind)
        text = f"{len(table):,} {'book snapshots' if kind == 'books' else kind}"
        if kind == "bars":
            text += f" of {interval_text(feed.interval)}"
        elif kind == "books":
            text += f" of {table.levels} level{'s' if table.levels != 1 else ''}"
        parts.append(text)
    return ", ".join(parts)


def _hash_feed(digest: Any, feed: Feed) -> None:
    digest.update(f"{feed.instrument.symbol} {feed.kinds} {feed.interval}".encode())
    for kind in feed.kinds:
        if kind == "bars":
            digest.update(f"{feed.table(kind).columns}".encode())
        of_times, of_rows, of_local = (hashlib.blake2b(digest_size=16) for _ in range(3))
        for block in feed.blocks(kind):  # apart, since blocks of any size must give one hash
            of_times.update(np.ascontiguousarray(block.times).data)
            of_rows.update(np.ascontiguousarray(block.rows).data)
            if block.local_times is not None:
                of_local.update(np.ascontiguousarray(block.local_times).data)
        for part in (of_times, of_rows, of_local):
            digest.update(part.digest())
    if feed.funding is not None:
        table = feed.funding
        for array in (table.times, table.rates, table.intervals, table.known_times):
            digest.update(array.tobytes())
    for prices in (feed.mark, feed.index, feed.settle_price):
        digest.update(b"-" if prices is None else prices.times.tobytes())
        digest.update(b"-" if prices is None else prices.prices.tobytes())


def _cut_feed(feed: Feed, start: int | None, end: int | None) -> Feed:
    if feed.streamed:
        raise DataError("a streamed tape is cut when it is opened: start= and end= of Tape.scan_bars or Tape.scan")
    cut = {kind: _cut_table(feed.table(kind), kind, start, end) for kind in feed.kinds}
    return replace(feed, **cut)


def _cut_table(table: Any, kind: str, start: int | None, end: int | None) -> Any:
    times, last = table.times, 0
    if kind == "bars":
        last = table.interval
    first = 0 if start is None else int(np.searchsorted(times, start))
    limit = len(times) if end is None else int(np.searchsorted(times, end - last, side="right"))
    if first >= limit:
        raise DataError(
            f"{table.source}: no {kind} from {'the beginning' if start is None else time_text(start)} to "
            f"{'the end' if end is None else time_text(end)}; there are {kind} from {time_text(int(times[0]))} to "
            f"{time_text(int(times[-1]) + last)}"
        )
    here = slice(first, limit)
    if isinstance(table, Bars):
        carried = None if table.carried is None else table.carried[here]
        return recount(replace(table, times=times[here], rows=table.rows[here], carried=carried))
    local = None if table.local_times is None else table.local_times[here]
    return replace(table, times=times[here], local_times=local, rows=table.rows[here])


def _compared(feed: Feed) -> Feed:
    """The feed with its tables on one clock, and its trades compared with its book."""
    tables = _one_clock({kind: feed.table(kind) for kind in feed.kinds})
    feed = replace(feed, **tables)
    depth = feed.books if feed.books is not None else feed.quotes
    if isinstance(depth, Depth) and isinstance(feed.trades, Trades):
        found = check_against_book(feed.trades, depth, feed.instrument.tick)
        return replace(feed, counts=found.counts())
    return feed


def _one_clock(tables: dict[str, Any]) -> dict[str, Any]:
    """Local clocks that were shifted are shifted alike: the tables of one capture were received by one clock."""
    events = {kind: table for kind, table in tables.items() if kind in KINDS and kind != "bars"}
    shift = common_shift(list(events.values())) if events else 0
    return {kind: table.shifted_to(shift) if kind in events and shift else table for kind, table in tables.items()}


def recount(bars: Bars) -> Bars:
    """The same bars with their quirks counted afresh."""
    checker = BarChecker(bars.interval, bars.columns, bars.source)
    checker.check(bars.times, bars.rows)
    return replace(bars, counts=checker.counts() | carried_count(bars.carried))


def _refuse_no_instrument(instrument: object) -> None:
    if not isinstance(instrument, Instrument):
        raise InstrumentError(
            "instrument: expected one such as hs.instruments.bybit('BTCUSDT'), got "
            f"{type(instrument).__name__} {instrument!r}"
        )


def _origin(**sources: Any) -> dict[str, str]:
    return {
        name: str(source) if isinstance(source, (str, Path)) else type(source).__name__
        for name, source in sources.items()
        if source is not None
    }
