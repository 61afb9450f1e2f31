"""Lines of JSON as venues send them, into tables of book updates, trades and quotes.

A line is a message of one venue; where it was recorded, the time of receipt stands before it as 19 digits of
nanoseconds and a space, as in the files of hftbacktest's collector. Lines with such a time get it as ``ts`` and the
venue's own as ``exch_ts``; lines without one (dumps) get the venue's time as ``ts``. Which of a venue's times is taken:
Bybit ``cts`` (matching engine; ``ts`` before December 2023) and ``T`` of trades; Binance ``T``, else ``E``; BitMEX
``timestamp``, the latest of a message's rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from halfspread.datafeeds.books.wire.plain import MESSAGES, Found
from halfspread.datafeeds.books.wire.reader import Reader
from halfspread.datafeeds.books.wire.sheets import NULL, QUOTES, TRADES, UPDATES, Sheet, table_of
from halfspread.datafeeds.books.wire.values import BadLine, decode, shown
from halfspread.errors import ConfigError, DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["VENUES", "Parsed", "WireParser", "parse", "parse_blocks"]

VENUES = tuple(MESSAGES)
#: No message is longer, in bytes.
LONGEST_LINE = 1 << 26
_RECEIVED = re.compile(rb"([0-9]{19}) ")
_FIRST, _LAST = 1_230_768_000 * 10**9, 4_102_444_800 * 10**9
_EXAMPLES = 10


@dataclass(frozen=True)
class Parsed:
    """What lines held: Arrow tables of the kinds book_updates, trades and quotes, in the order of the lines.

    ``skipped``: messages, or rows of them, that are none of these, by what they are. ``counts``: lines, bytes, blank
    (lines), bad_lines. ``faults``: the first bad lines that were left out, and why.
    """

    updates: pa.Table
    trades: pa.Table
    quotes: pa.Table
    skipped: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    faults: tuple[str, ...] = ()


class WireParser:
    """Parses blocks of lines; a line that a block cuts is finished by the next.

    ``venue``: bybit, bitmex or binance. ``symbol``: the one whose rows are wanted; without it all lines must be of one.
    ``book``: which of several books of the symbol is wanted, such as orderbook.50 or orderBookL2_25; without it there
    must be only one, since levels of two depths must never be mixed. ``faults``: "raise" a DataError at a line that
    cannot be read, or "skip" it and count it. ``name``: of the file or feed, for messages. ``compiled``: False reads
    every line with Python's own JSON, much slower, to the same result.
    """

    def __init__(
        self,
        venue: str,
        symbol: str | None = None,
        *,
        book: str | None = None,
        faults: Literal["raise", "skip"] = "raise",
        name: str = "lines",
        compiled: bool = True,
    ) -> None:
        if venue not in MESSAGES:
            raise ConfigError(f"venue: expected {', '.join(MESSAGES)}, got {venue!r}")
        if faults not in ("raise", "skip"):
            raise ConfigError(f"faults: expected raise or skip, got {faults!r}")
        self.venue, self.name = venue, name
        self._message, self._faults = MESSAGES[venue], faults
        self._symbol, self._seen_symbol = symbol, ""
        self._book, self._seen_book = book, ""
        self._received: bool | None = None
        self._compiled, self._reader = compiled, Reader(venue)
        self._carry = b""
        self._line = self._messages = 0
        self._new()

    def _new(self) -> None:
        self._updates, self._trades, self._quotes = Sheet(UPDATES), Sheet(TRADES), Sheet(QUOTES)
        self._skipped: dict[str, int] = {}
        self._counts = {"lines": 0, "bytes": 0, "blank": 0, "bad_lines": 0}
        self._examples: list[str] = []

    def feed(self, block: bytes) -> Parsed:
        """What the whole lines in this block and in what was left of the one before hold. Raises DataError naming the
        line."""
        lines = self._carry + block
        end = lines.rfind(b"\n") + 1
        self._carry = lines[end:]
        if len(self._carry) > LONGEST_LINE:
            line = self._line + lines.count(b"\n", 0, end) + 1
            raise DataError(
                f"{self.name}: line {line}: expected lines of JSON, got one of more than {LONGEST_LINE >> 20} MB that "
                f"begins with {shown(self._carry)}: is the file compressed, or made of zero bytes?"
            )
        self._parse(lines[:end])
        return self._take(len(block))

    def finish(self) -> Parsed:
        """What a last line without an end of line holds. Raises DataError where it is cut off."""
        return self.parse_all(b"")

    def parse_all(self, lines: bytes) -> Parsed:
        """What this last block holds, its last line too. Raises DataError."""
        length, lines = len(lines), self._carry + lines
        end, self._carry = lines.rfind(b"\n") + 1, b""
        self._parse(lines[:end])
        if end < len(lines):
            self._parse(lines[end:] + b"\n", last=True)
        return self._take(length)

    def _take(self, length: int) -> Parsed:
        self._counts["bytes"] = length
        updates, trades, quotes = (table_of(sheet) for sheet in (self._updates, self._trades, self._quotes))
        parsed = Parsed(updates, trades, quotes, self._skipped, self._counts, tuple(self._examples))
        self._new()
        return parsed

    def _parse(self, lines: bytes, last: bool = False) -> None:
        """Whole lines: the compiled parser reads what it understands, the plain one the other lines."""
        at = 0
        while at < len(lines):
            if self._compiled and self._received is not None and (self._symbol or self._seen_symbol):
                at = self._compiled_lines(lines, at)
                if at >= len(lines):
                    return
            end = lines.index(b"\n", at)
            self._line += 1
            self._counts["lines"] += 1
            self._plain_line(lines[at:end], last)
            at = end + 1

    def _compiled_lines(self, lines: bytes, at: int) -> int:
        """Read lines until one is not understood, and return its place."""
        found = self._reader.read(
            lines,
            at,
            self._symbol or self._seen_symbol,
            self._book or self._seen_book,
            (self._received is True, self._symbol is None, self._book is None),
            self._messages,
            (self._updates, self._trades, self._quotes),
        )
        self._messages = found.messages
        self._line += found.lines
        self._counts["lines"] += found.lines
        for what, count in (("other symbols", found.other_symbols), ("other books", found.other_books)):
            if count:
                self._skip(what, count)
        return found.at

    def _plain_line(self, line: bytes, last: bool) -> None:
        """One line with Python's JSON."""
        places = [(sheet, sheet.rows, sheet.characters) for sheet in (self._updates, self._trades, self._quotes)]
        try:
            self._add(line)
        except BadLine as error:
            for sheet, rows, characters in places:
                sheet.drop(rows, characters)
            end = " (the last line, without an end: is the file cut off?)" if last else ""
            self._fault(f"{self.name}: line {self._line}{end}: {_kind_of_file(line)}{error}")

    def _fault(self, why: str) -> None:
        if self._faults == "raise":
            raise DataError(f"{why}. Mend or remove the line, or have bad lines left out and counted")
        self._counts["bad_lines"] += 1
        if len(self._examples) < _EXAMPLES:
            self._examples.append(why)

    def _add(self, line: bytes) -> None:
        if not line.strip(b" \t\r"):
            self._counts["blank"] += 1
            return
        received, line = self._receipt(line)
        if line.strip(b" \t\r") in (b"pong", b'"pong"'):
            self._skip("control messages")
            return
        found = self._message(decode(line), self._symbol or self._seen_symbol, self._book or self._seen_book)
        for what, count in found.left_out.items():
            self._skip(what, count)
        if found.skipped and not found.symbol:
            self._skip(found.skipped)
        elif self._wanted(found):
            if found.skipped:
                self._skip(found.skipped)
            self._add_rows(found, received)

    def _receipt(self, line: bytes) -> tuple[int, bytes]:
        """The time of receipt, or NULL, and the rest of the line. Raises BadLine where other lines had one or none."""
        found = _RECEIVED.match(line)
        has = found is not None
        if self._received is None:
            self._received = has
        if has is not self._received:
            wanted = "19 digits of nanoseconds before the message" if self._received else "a message from its start"
            raise BadLine(f"expected {wanted} as in the lines before, got {shown(line)}")
        if found is None:
            return NULL, line
        received = int(found[1])
        if not _FIRST <= received < _LAST:
            raise BadLine(f"expected a time of receipt from 2009 to 2100 in nanoseconds, got {received}")
        return received, line[found.end() :]

    def _skip(self, what: str, count: int = 1) -> None:
        self._skipped[what] = self._skipped.get(what, 0) + count

    def _wanted(self, found: Found) -> bool:
        """Whether a message is of the symbol and the book that are wanted. Raises BadLine where it cannot be told."""
        wanted = self._symbol or self._seen_symbol
        if found.symbol and wanted and found.symbol != wanted:
            found.others = found.symbol
        if found.others and self._symbol is None:
            both = f"{wanted or found.symbol} and {found.others}"
            raise BadLine(f"expected one symbol, got {both}; say which one is wanted")
        if found.others == found.symbol:
            self._skip("other symbols")
            return False
        self._seen_symbol = wanted or found.symbol
        if not found.book:
            return True
        wanted = self._book or self._seen_book
        if wanted and found.book != wanted:
            if self._book is None:
                raise BadLine(f"expected one book, got {wanted} and {found.book}; say which one is wanted")
            self._skip("other books")
            return False
        self._seen_book = wanted or found.book
        return True

    def _add_rows(self, found: Found, received: int) -> None:
        if found.updates:
            ts, exchange = self._times(received, found.exchange)
            self._messages += 1
            for action, side, name, first, sequence, before, *numbers in found.updates:
                self._updates.add((ts, exchange, self._messages, action, side, name, first, sequence, before), numbers)
        for at, side, block, rpi, price, size, trade in found.trades:
            ts, exchange = self._times(received, at)
            self._trades.add((ts, exchange, side, block, rpi), (price, size), trade.encode())
        for at, *numbers in found.quotes:
            self._quotes.add(self._times(received, at), numbers)

    @staticmethod
    def _times(received: int, exchange: int) -> tuple[int, int]:
        """ts and exch_ts. Raises BadLine where there is no time at all."""
        if received != NULL:
            return received, exchange
        if exchange == NULL:
            raise BadLine("expected a time, got a message without one, received at a time that is not known")
        return exchange, NULL


def _kind_of_file(line: bytes) -> str:
    """What a line that is no JSON may mean."""
    start = line.lstrip()[:20].lower()
    if not line.strip(b"\0"):
        return "the file holds zero bytes here, as after a crash: "
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return "this is a web page, not data: "
    if line.startswith((b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd")):
        return "this is a compressed file, unpack it: "
    return ""


def parse_blocks(blocks: Iterable[bytes], venue: str, symbol: str | None = None, **options: object) -> Iterator[Parsed]:
    """What blocks of bytes hold, one after the other; options of `WireParser`. Raises DataError."""
    parser = WireParser(venue, symbol, **options)  # type: ignore[arg-type]
    for block in blocks:
        yield parser.feed(block)
    yield parser.finish()


def parse(lines: bytes, venue: str, symbol: str | None = None, **options: object) -> Parsed:
    """What all of these lines hold; options of `WireParser`. Raises DataError naming the line."""
    parser = WireParser(venue, symbol, **options)  # type: ignore[arg-type]
    return parser.parse_all(lines)
