"""Files of venues: messages as they came over the wire, captures of books, and daily dumps as tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from halfspread.datafeeds.importers.archives import Source
from halfspread.datafeeds.importers.arrow_tables import ArrowTable
from halfspread.datafeeds.importers.convert import stamps
from halfspread.datafeeds.importers.generic import Facts
from halfspread.datafeeds.importers.imported import Block, Imported, Tally, table_of
from halfspread.datafeeds.importers.one_symbol import OneSymbol
from halfspread.datafeeds.importers.options import Options
from halfspread.datafeeds.importers.ordering import times_in
from halfspread.datafeeds.importers.text_tables import TextTable
from halfspread.datafeeds.importers.units import Clock
from halfspread.datafeeds.importers.where import Where
from halfspread.datafeeds.store.series import Provenance, Series
from halfspread.engine.times import DAY, time_text
from halfspread.errors import DataError

__all__ = ["dump_facts", "is_capture", "read_bitmex_dump", "read_capture_file", "read_messages"]

_BLOCK = 1 << 21
_RECEIVED = re.compile(rb"\d{19} ")


def dump_facts(table: TextTable, venue: str) -> Facts:
    """What is known of a daily dump with a line of names. Sizes are contracts of the venue. Raises DataError for what
    is read in another way."""
    if "bidPrice" in table.names:
        return Facts("BitMEX quotes (dump)", venue=venue, kind="quotes")
    if "trdMatchID" not in table.names:
        raise DataError(
            f"{table.source}: bars for MetaTrader 4, whose time zone is not sure; import the trades of these days, or "
            "fetch the bars (halfspread data fetch bybit SYMBOL)"
        )
    mapping = {"ts": "timestamp", "price": "price", "size": "size", "side": "side", "trade_id": "trdMatchID"}
    if "RPI" in table.names:
        mapping["rpi"] = "RPI"
    name = "BitMEX" if venue == "bitmex" else "Bybit"
    told = ("a dump: no time of receipt; rows stand at the exchange's time",)
    return Facts(f"{name} trades (dump)", venue=venue, kind="trades", mapping=mapping, told=told)


def read_bitmex_dump(table: TextTable, options: Options, facts: Facts, provenance: Provenance) -> Imported:
    """A day of BitMEX, which covers the whole day where its name says which. Raises DataError."""
    from halfspread.datafeeds.bitmex.dumps import Dump, day_of_name

    source = table.source
    only = OneSymbol("symbol", options.symbol, str(source))
    only = only if options.symbol else only.told_by(table.sample("symbol"))
    venue, symbol = options.named(facts.venue, only.symbol, str(source))
    series = Series(venue, symbol, facts.kind or "trades")
    tally = Tally()
    day = day_of_name(source.path.name)
    dump = Dump(source.path, "quote" if series.kind == "quotes" else "trade", symbol)

    def blocks() -> Iterator[Block]:
        for rows in dump.blocks():
            found = table_of(series, {name: _whole(rows.column(name)) for name in rows.column_names})
            tally.read = dump.counts["rows"]
            tally.keep(series, times_in(found))
            yield Block(series, found, None if day is None else (day, day + DAY))
        tally.read = dump.counts["rows"]
        tally.leave("rows of other symbols", tally.read - dump.counts["of_symbol"])
        tally.leave("references, with nothing traded", dump.counts.get("referential", 0))
        tally.leave("quotes with one side only", dump.counts.get("one_sided", 0))
        tally.leave("trades that stand twice", dump.counts.get("twins", 0))
        if not dump.counts["of_symbol"]:
            raise DataError(f"{source}: expected rows of {symbol} in column symbol, got none; correct --symbol")

    first = stamps(_texts(table.sample("timestamp")[:1]), Clock("dump"), Where(str(source), 0), "timestamp")
    words = Clock("dump").in_words()
    at = int(first[0].as_py()) if len(first) else 0
    return Imported(source, facts.format, blocks(), provenance, list(facts.told), tally, at, (series,), words)


def _texts(values: list[str]) -> Any:
    """Text as an Arrow array."""
    import pyarrow as pa

    return pa.array(values, pa.string())


def is_capture(names: tuple[str, ...]) -> bool:
    """Whether a table is a capture of a book, one row a level."""
    return {"ts", "side", "price", "size"} <= set(names) and (
        {"msg", "action", "id"} <= set(names) or {"u", "type"} <= set(names)
    )


def read_capture_file(table: ArrowTable, options: Options, provenance: Provenance) -> Imported:
    """A capture of a book. Raises DataError."""
    from halfspread.datafeeds.books.captures import read_capture

    venue, symbol = options.named(None, None, str(table.source))
    series = Series(venue, symbol, "book_updates")
    tally = Tally()

    def blocks() -> Iterator[Block]:
        import pyarrow as pa

        parts = [part for part, _ in table.blocks(dict.fromkeys(table.names))]
        tally.read = sum(part.num_rows for part in parts)
        rows = read_capture(pa.concat_tables(parts))
        columns = {name: rows.column(name).combine_chunks() for name in rows.column_names}
        found = table_of(series, columns)
        tally.keep(series, times_in(found))
        yield Block(series, found)

    first = 0
    for part, _ in table.blocks({"ts": None}):
        first = int(part.column("ts")[0].cast("int64").as_py())
        break
    of = replace(provenance, clock="received")
    return Imported(table.source, "capture of a book", blocks(), of, [], tally, first, (series,), "datetimes")


def read_messages(source: Source, options: Options, provenance: Provenance) -> Imported:
    """Messages of Bybit, BitMEX or Binance, one a line. Raises DataError."""
    from halfspread.datafeeds.books.wire.parser import WireParser

    head = source.head()
    told_by = _venue_of(head)
    venue, symbol = options.named(told_by, _symbol_of(head), str(source))
    dialect = told_by or venue
    received = _RECEIVED.match(head) is not None
    tally = Tally()
    told = ["rows stand at their time of receipt" if received else "no time of receipt: rows stand at the venue's time"]

    def parser() -> WireParser:
        return WireParser(dialect, options.symbol, book=options.book, name=str(source))

    of = replace(provenance, clock="received" if received else "exchange")
    names = {"updates": "book_updates", "trades": "trades", "quotes": "quotes"}

    def blocks() -> Iterator[Block]:
        lines = parser()
        last: dict[str, int] = {}
        with source.open() as stream:
            more = True
            while more:
                data = stream.read(_BLOCK)
                more = bool(data)
                parsed = _parsed(lines, data)
                tally.read += parsed.counts.get("lines", 0)
                for reason, count in parsed.skipped.items():
                    tally.leave(f"messages: {reason}", count)
                for attribute, kind in names.items():
                    rows = getattr(parsed, attribute)
                    if rows.num_rows:
                        series = Series(venue, symbol, kind)
                        columns = {n: _whole(rows.column(n)) for n in rows.column_names}
                        found = table_of(series, {n: c for n, c in columns.items() if c.null_count < len(c)})
                        _refuse_back(found, last.get(kind, 0), str(source), kind)
                        last[kind] = int(times_in(found)[-1])
                        tally.keep(series, times_in(found))
                        yield Block(series, found)

    return Imported(
        source, f"messages of {dialect}", blocks(), of, told, tally, _first_of(head), (), "text of messages"
    )


def _parsed(lines: Any, data: bytes) -> Any:
    """What a block holds. Raises DataError that names our options."""
    try:
        return lines.feed(data) if data else lines.finish()
    except DataError as error:
        if "expected one book" in str(error):
            raise DataError(f"{error} (--book NAME says which book)") from None
        raise


def _whole(column: Any) -> Any:
    """One array out of a column of chunks."""
    return column.combine_chunks() if hasattr(column, "combine_chunks") else column


def _refuse_back(table: Any, last: int, what: str, kind: str) -> None:
    times = times_in(table)
    back = np.diff(times, prepend=last) < 0
    if back.any():
        row = int(back.argmax())
        raise DataError(
            f"{what}: {kind}: a message at {time_text(int(times[row]))} after a later one; sort the lines by time"
        )


def _venue_of(head: bytes) -> str | None:
    """Whose messages these are, by their first lines."""
    for line in head.split(b"\n")[:50]:
        for venue, key in (
            ("bybit", b'"topic"'),
            ("bitmex", b'"table"'),
            ("binance", b'"stream"'),
            ("binance", b'"e":'),
        ):
            if key in line:
                return venue
    return None


def _symbol_of(head: bytes) -> str | None:
    found = {name.decode() for name in re.findall(rb'"(?:s|symbol)"\s*:\s*"([A-Za-z0-9_.-]{2,32})"', head)}
    found.discard("symbol")  # BitMEX lists the types of its columns
    return found.pop() if len(found) == 1 else None


def _first_of(head: bytes) -> int:
    """The time of the first line, to sort files by."""
    if _RECEIVED.match(head):
        return int(head[:19])
    found = re.search(rb'"ts"\s*:\s*(\d{13})', head)
    return int(found[1]) * 1_000_000 if found else 0
