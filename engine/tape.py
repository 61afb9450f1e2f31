"""The tape: an immutable, time-ordered record of a market that the event loop replays in chunks.

It holds one feed for each instrument. In memory a chunk is a window on the tape; a streamed tape reads its Parquet
files block by block and never holds more than it needs. Both give the loop the same events, so the same bits come out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from halfspread.engine.bars import BarFormat
from halfspread.engine.codes import MAX_INSTRUMENTS
from halfspread.engine.feeds import Feeds
from halfspread.engine.instruments import Instrument
from halfspread.engine.parquet import ParquetFiles
from halfspread.engine.table_format import TableFormat
from halfspread.engine.tape_sources import Sides, Sources, parse_range, read_feed, scan_feed
from halfspread.errors import DataError

__all__ = ["Tape"]


@dataclass(frozen=True, repr=False)
class Tape(Feeds):
    """Market data in time order, a feed for each instrument. Build one with `from_bars`, `from_quotes`, `from_books`,
    `from_trades`, `scan_bars` or `scan`; put several together with `join`."""

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
        DataFrame, an Arrow table, a structured NumPy array or a mapping of arrays; ``source`` may be `Bars` that were
        read before, which are taken as they are. Bars need ``time_column`` and open,
        high, low, close, volume, and may carry bid_open, ask_open, bid_close, ask_close; times are bar opens unless
        ``stamp="close"``. Funding needs ts and rate, and may carry interval_h and known_ts. Mark and index prices need
        ts and price, or ts and open (of a bar). ``settle_price`` is the price of the settle currency in the report
        currency, which a quanto contract needs. ``gaps``: (start, end) spans without a market; a bar inside one is
        refused. ``start`` and ``end`` cut the bars: those that open at or after ``start`` and close by ``end``.
        ``extra``: more columns that agents may read. ``quotes="carry"``: a bar without a quote is given the last bid
        and ask, for ``carry_limit`` at most, counted as quotes_carried.

        Raises DataError with the row, the time and what was expected.
        """
        sides = Sides(funding, mark, index, settle_price, gaps, time_unit)
        form = BarFormat(time_column, time_unit, stamp, extra, quotes, carry_limit)
        sources = Sources({"bars": source}, sides, form, interval)
        return cls((read_feed(instrument, sources, start, end),), sources.origin)

    @classmethod
    def scan_bars(
        cls,
        path: str | Path | ParquetFiles,
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
        Raises DataError, as `from_bars` does, and for what is no Parquet file.
        """
        sides = Sides(funding, mark, index, settle_price, gaps, time_unit)
        form = BarFormat(time_column, time_unit, stamp, extra, quotes, carry_limit)
        sources = Sources({"bars": path}, sides, form, interval)
        return cls((scan_feed(instrument, sources, start, end),), sources.origin)

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
        ``quotes``: `read_quotes`; ``trades``: `read_trades`; ``time_format`` holds for these three. Prices in quote
        currency, sizes in contracts. Bars (of ``interval``) and the rest as for `from_bars`; ``start`` and ``end`` cut
        the other tables by exchange time, both included, and rows outside are not checked. A row of the market inside
        one of ``gaps`` is refused, or left out with ``time_format=TableFormat(invalid="gap")``. ``levels``: how many to
        read, all of them unless given. Fills come from the finest there is: books, quotes, trades, bars. What was read
        before (`Depth`, `Trades`, `Bars`) is taken as it is.

        Raises DataError with the row, the time and what was expected, and where the trades are not those of the book;
        ConfigError for what is no time, InstrumentError for what is no instrument.
        """
        sides = Sides(funding, mark, index, settle_price, gaps)
        tables = {"books": source, "quotes": quotes, "trades": trades, "bars": bars}
        sources = Sources(tables, sides, BarFormat(extra=extra), interval, time_format, levels)
        return cls((read_feed(instrument, sources, start, end),), sources.origin)

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
        """A tape of quotes in memory: ts, exch_ts (optional), bid, ask (quote currency), and optionally bid_size and
        ask_size (contracts); the rest, and what is raised, as for `from_books`."""
        sides = Sides(funding, mark, index, settle_price, gaps)
        tables = {"quotes": source, "trades": trades, "bars": bars}
        sources = Sources(tables, sides, BarFormat(extra=extra), interval, time_format)
        return cls((read_feed(instrument, sources, start, end),), sources.origin)

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
        """A tape of trades in memory: ts, exch_ts (optional), price (quote currency), size (contracts), side
        (optional); the rest, and what is raised, as for `from_books`."""
        sides = Sides(funding, mark, index, settle_price, gaps)
        tables = {"trades": source, "bars": bars}
        sources = Sources(tables, sides, BarFormat(extra=extra), interval, time_format)
        return cls((read_feed(instrument, sources, start, end),), sources.origin)

    @classmethod
    def scan(
        cls,
        instrument: Instrument,
        *,
        books: str | Path | ParquetFiles | None = None,
        quotes: str | Path | ParquetFiles | None = None,
        trades: str | Path | ParquetFiles | None = None,
        bars: str | Path | ParquetFiles | None = None,
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

        Times are checked when it is opened, rows as they are read: a fault in one shows when the replay reaches it.
        What comes out, messages included, is what a tape in memory gives. Raises DataError, ConfigError and
        InstrumentError as `from_books` does, and DataError for what is no Parquet file and for ``order="sort"``.
        """
        sides = Sides(funding, mark, index, settle_price, gaps)
        tables = {"books": books, "quotes": quotes, "trades": trades, "bars": bars}
        sources = Sources(tables, sides, BarFormat(extra=extra), interval, time_format, levels)
        return cls((scan_feed(instrument, sources, start, end),), sources.origin)

    @classmethod
    def join(cls, *tapes: Tape) -> Tape:
        """One tape of several, in this order; one account for each settle currency trades them together. Contracts of
        one symbol at two venues are told apart by venue:symbol.

        Raises DataError for none, for more instruments than there is room for, and for one that comes twice.
        """
        feeds = tuple(feed for tape in tapes for feed in tape.feeds)
        if not 1 <= len(feeds) <= MAX_INSTRUMENTS:
            raise DataError(f"Tape.join: expected 1 to {MAX_INSTRUMENTS} instruments, got {len(feeds)}")
        names = [feed.instrument.name for feed in feeds]
        double = next((name for name in names if names.count(name) > 1), None)
        if double is not None:
            raise DataError(f"Tape.join: {double} is there {names.count(double)} times; give each instrument once")
        if len(tapes) == 1:
            return cls(feeds, tapes[0].origin)
        labels = dict(zip(names, Feeds(feeds).labels, strict=True))
        origin = {
            f"{labels[tape.instrument.name]} {name}": text for tape in tapes for name, text in tape.origin.items()
        }
        return cls(feeds, origin)

    def slice(self, start: Any = None, end: Any = None) -> Tape:
        """The part of the tape with the bars that open at or after ``start`` and close by ``end``, and with what else
        happened from ``start`` to ``end``; rows that were left out for a fault stay counted as in the whole.

        Raises DataError if a table has nothing there, if it is streamed, and for an end before the start; ConfigError
        for what is no time."""
        if start is None and end is None:
            return self
        first, last = parse_range(start, end)
        return replace(self, feeds=tuple(feed.cut(first, last) for feed in self.feeds))
