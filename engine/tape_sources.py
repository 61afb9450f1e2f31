"""Read what a tape is made of: the tables of one instrument, and what stands beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from halfspread.engine.bars import BarFormat, Bars, read_bars
from halfspread.engine.clocks import common_shift
from halfspread.engine.depth import Depth, read_books, read_quotes
from halfspread.engine.feed import Feed, cut_table
from halfspread.engine.instruments import Instrument
from halfspread.engine.parquet import ParquetFiles
from halfspread.engine.row_checks import Gaps
from halfspread.engine.row_reading import Wanted
from halfspread.engine.side_data import read_funding, read_gaps, read_prices, refuse_bars_in_gaps, refuse_rows_in_gaps
from halfspread.engine.streamed import StreamedBars
from halfspread.engine.streamed_depth import StreamedDepth, StreamedTrades
from halfspread.engine.table_format import TableFormat
from halfspread.engine.times import parse_time, time_text
from halfspread.engine.trades import Trades, read_trades
from halfspread.errors import DataError, InstrumentError

__all__ = ["Sides", "Sources", "parse_range", "read_feed", "scan_feed"]

#: Tables that were read and checked before.
_READY = (Bars, Depth, Trades)


@dataclass(frozen=True)
class Sides:
    """What stands beside the tables of an instrument, as the caller gives it; see `Tape.from_bars`."""

    funding: Any = None
    mark: Any = None
    index: Any = None
    settle_price: Any = None
    gaps: Sequence[tuple[Any, Any]] = ()
    time_unit: str = "ns"

    def read(self, instrument: Instrument) -> dict[str, Any]:
        """Arguments of a `Feed`. Raises DataError."""
        return {
            "funding": read_funding(self.funding, instrument, self.time_unit),
            "mark": read_prices(self.mark, "mark", self.time_unit),
            "index": read_prices(self.index, "index", self.time_unit),
            "settle_price": read_prices(self.settle_price, "settle currency", self.time_unit),
            "gaps": read_gaps(self.gaps),
        }


@dataclass(frozen=True)
class Sources:
    """Where the tables of an instrument come from, by kind (None: there is none), and how they are read."""

    tables: Mapping[str, Any]
    sides: Sides
    bar_format: BarFormat
    interval: str | int | float | None = None
    time_format: TableFormat | None = None
    levels: int | None = None

    @property
    def origin(self) -> dict[str, str]:
        """The name of each source: its path, or its type."""
        sides = self.sides
        given = {"funding": sides.funding, "mark": sides.mark, "index": sides.index, "settle_price": sides.settle_price}
        return {name: _name_of(source) for name, source in {**self.tables, **given}.items() if source is not None}


def read_feed(instrument: Instrument, sources: Sources, start: Any = None, end: Any = None) -> Feed:
    """All tables in memory, the first of ``sources`` being required: of bars those that open at or after ``start`` and
    close by ``end``, of others the rows whose exchange times lie within. Raises DataError with the row, the time and
    what was expected."""
    _refuse_no_instrument(instrument)
    first, last = parse_range(start, end)
    spans, fmt = read_gaps(sources.sides.gaps), sources.time_format or TableFormat()
    read: dict[str, Any] = {}
    for kind, source in sources.tables.items():
        if source is None and read:
            continue
        rows = Wanted(first, last, () if read else spans)  # trades beside a book may be there when it is away
        if isinstance(source, _READY):
            read[kind] = _ready(source, kind, first, last, rows.closed)
        elif kind == "books":
            read[kind] = read_books(source, fmt, sources.levels, rows=rows)
        elif kind == "quotes":
            read[kind] = read_quotes(source, fmt, rows=rows)
        elif kind == "trades":
            read[kind] = read_trades(source, fmt, rows=rows)
        else:
            bars = read_bars(source, sources.bar_format, sources.interval)
            refuse_bars_in_gaps(bars.times, bars.interval, spans, bars.source)
            read[kind] = bars if first is None and last is None else cut_table(bars, kind, first, last)
    return Feed(instrument, **_on_one_clock(read), **sources.sides.read(instrument)).compared()


def scan_feed(instrument: Instrument, sources: Sources, start: Any = None, end: Any = None) -> Feed:
    """Parquet files that are read while they are replayed, from ``start`` to ``end`` as in `read_feed`. Raises
    DataError."""
    _refuse_no_instrument(instrument)
    first, last = parse_range(start, end)
    spans, fmt = read_gaps(sources.sides.gaps), sources.time_format or TableFormat()
    read: dict[str, Any] = {}
    for kind, source in sources.tables.items():
        if source is None:
            continue
        rows = Wanted(first, last, () if read else spans)
        if kind == "books":
            read[kind] = StreamedDepth.open_books(source, fmt, levels=sources.levels, rows=rows)
        elif kind == "quotes":
            read[kind] = StreamedDepth.open_quotes(source, fmt, rows=rows)
        elif kind == "trades":
            read[kind] = StreamedTrades.open(source, fmt, rows=rows)
        else:
            read[kind] = StreamedBars.open(
                source, sources.bar_format, interval=sources.interval, start=first, end=last, gaps=spans
            )
    if not read:
        raise DataError("Tape.scan: expected a file of books, quotes, trades or bars, got none")
    return Feed(instrument, **_on_one_clock(read), **sources.sides.read(instrument))


def _ready(table: Any, kind: str, start: int | None, end: int | None, spans: Gaps) -> Any:
    """A table that was read and checked before, from ``start`` to ``end``. Raises DataError for a row in a gap."""
    if kind == "bars":
        refuse_bars_in_gaps(table.times, table.interval, spans, table.source)
    else:
        refuse_rows_in_gaps(table.times, spans, table.source)
    return table if start is None and end is None else cut_table(table, kind, start, end)


def _name_of(source: Any) -> str:
    if isinstance(source, (str, Path, ParquetFiles)):
        return str(source)
    return source.source if isinstance(source, _READY) else type(source).__name__


def parse_range(start: Any, end: Any) -> tuple[int | None, int | None]:
    """``start`` and ``end`` in nanoseconds UTC, None for no bound. Raises ConfigError for what is no time, and
    DataError for an end before the start."""
    first = None if start is None else parse_time(start, "start")
    last = None if end is None else parse_time(end, "end")
    if first is not None and last is not None and last < first:
        raise DataError(f"end: expected a time at or after start {time_text(first)}, got {time_text(last)}")
    return first, last


def _on_one_clock(tables: dict[str, Any]) -> dict[str, Any]:
    """Local clocks that were shifted are shifted alike: the tables of one capture were received by one clock."""
    shift = common_shift(table for kind, table in tables.items() if kind != "bars")
    return {kind: table.shifted_to(shift) if shift and kind != "bars" else table for kind, table in tables.items()}


def _refuse_no_instrument(instrument: object) -> None:
    if not isinstance(instrument, Instrument):
        raise InstrumentError(
            "instrument: expected one such as hs.instruments.bybit('BTCUSDT'), got "
            f"{type(instrument).__name__} {instrument!r}"
        )
