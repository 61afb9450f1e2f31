"""The compiled parsers behind one call: bytes and sheets in, sheets filled as far as the lines are understood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from halfspread.datafeeds.books.wire import row_kernels as wk
from halfspread.datafeeds.books.wire.name_kernels import FIELDS
from halfspread.datafeeds.books.wire.sheets import Sheet
from halfspread.datafeeds.books.wire.wire_kernels import parse

__all__ = ["Reader", "Stretch"]

_VENUES = {"bybit": wk.BYBIT, "bitmex": wk.BITMEX, "binance": wk.BINANCE}
#: Bytes of a row of updates, at least: sheets begin with room for so many.
_ROW_BYTES = 24


@dataclass(frozen=True)
class Stretch:
    """What was read: up to the place ``at``, so many lines; the number of the last message; lines left out."""

    at: int
    lines: int
    messages: int
    other_symbols: int
    other_books: int


class Reader:
    """Reads lines of one venue; keeps what the kernel writes its notes on."""

    def __init__(self, venue: str) -> None:
        self._venue = venue
        self._spans, self._inner = np.zeros((FIELDS, 3), np.int64), np.zeros((FIELDS, 3), np.int64)
        self._scratch = (
            np.zeros(3, np.int64),
            np.zeros(1, np.int64),
            np.zeros(3, np.int64),
            np.zeros(1),
            np.zeros(4),
        )
        self._names: dict[tuple[str, str], Any] = {}
        self._objects = 0

    def read(
        self,
        lines: bytes,
        at: int,
        symbol: str,
        book: str,
        settings: tuple[bool, bool, bool],
        messages: int,
        sheets: tuple[Sheet, Sheet, Sheet],
    ) -> Stretch:
        """Read from the place ``at`` until a line is not understood. ``settings``: whether lines begin with a time of
        receipt, whether there must be one symbol only, and one book only."""
        data = np.frombuffer(lines, np.uint8)
        updates, trades, quotes = sheets
        state = np.zeros(wk.STATE, np.int64)
        state[[wk.AT, wk.VENUE, wk.MESSAGES, wk.OBJECTS]] = at, _VENUES[self._venue], messages, self._objects
        state[[wk.RECEIVED, wk.ONE_SYMBOL, wk.ONE_BOOK]] = settings
        places = [wk.UPDATES, wk.TRADES, wk.QUOTES, wk.CHARACTERS]
        state[places] = updates.rows, trades.rows, quotes.rows, trades.characters
        updates.make_room((len(lines) - at) // _ROW_BYTES)
        names = self._texts(symbol, book)
        while True:
            arrays = (updates.ints, updates.floats, trades.ints, trades.floats, trades.text, quotes.ints, quotes.floats)
            status = parse(data, self._spans, self._inner, names, state, arrays, self._scratch)
            updates.rows, trades.rows, quotes.rows, trades.characters = (int(state[place]) for place in places)
            if status != wk.FULL:
                break
            for sheet in sheets:
                sheet.make_room(sheet.ints.shape[1], len(sheet.text))
        self._objects = int(state[wk.OBJECTS])
        found = (int(state[place]) for place in (wk.AT, wk.LINES, wk.MESSAGES, wk.OTHER_SYMBOLS, wk.OTHER_BOOKS))
        return Stretch(*found)

    def _texts(self, symbol: str, book: str) -> Any:
        """The names that the kernel compares with."""
        key = (symbol, book)
        if key not in self._names:
            topic = f"{book}.{symbol}" if book else ""
            plain = {
                "bybit": (
                    (symbol, topic, f"publicTrade.{symbol}", "orderbook.", "publicTrade."),
                    ("snapshot", "delta"),
                ),
                "bitmex": ((symbol, book, "trade", "", "quote"), ("partial", "insert", "update", "delete")),
                "binance": ((symbol, book, "depthUpdate", "bookTicker", "trade"), ("MARKET",)),
            }
            texts, words = plain[self._venue]
            self._names = {key: (*(_bytes(text) for text in texts), tuple(_bytes(w) for w in (*words, "", "", "")[:4]))}
        return self._names[key]


def _bytes(text: str) -> Any:
    return np.frombuffer(text.encode(), np.uint8) if text else np.frombuffer(b"\0", np.uint8)[:0]
