"""Trades compared with the book that they were made in, all at once or block by block as both arrive.

Times in integer nanoseconds UTC, prices in quote currency; prices are never NaN.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from halfspread.engine import depth_kernels
from halfspread.engine.depth import Depth
from halfspread.engine.times import Floats, Integers, time_text
from halfspread.engine.trades import Trades
from halfspread.errors import DataError

__all__ = ["AgainstBook", "BesideBook", "check_against_book"]

#: A trade that is further from the book, as a fraction of its mid, belongs to another market.
FARTHEST = 0.5

_ASK = "are they of one instrument, in one unit of price, by one clock?"


@dataclass(frozen=True)
class AgainstBook:
    """Trades beside the book: how many were ``compared``, how many of these ``outside`` its touch, how many there was
    no book for, and the ``worst`` distance from the touch as a fraction of the mid."""

    compared: int
    outside: int
    without_book: int
    worst: float

    @property
    def share(self) -> float:
        """Share of the compared trades that are outside; 0 where there are none."""
        return self.outside / self.compared if self.compared else 0.0

    def counts(self) -> dict[str, int]:
        """For the counts of a run."""
        return {"trades_outside_book": self.outside, "trades_without_book": self.without_book}


def check_against_book(trades: Trades, depth: Depth, tick: float = 0.0) -> AgainstBook:
    """Compare trades with the best bid and ask in force at their exchange times. A trade at the time of a book may have
    come before or after it.

    Trades before the first and after the last row of the book, and those in its gaps, have no book. ``tick`` in quote
    currency. Raises DataError where a trade is more than half the mid away from the touch, or where more than half of
    the trades are outside by more than 10 ticks and 0.1 %: instrument, unit of price or clock are then not those of the
    book.
    """
    numbered = not len(trades.left_out) and not trades.counts.get("rows_sorted", 0)
    beside = BesideBook(trades.source, depth.source, tick, trades.first_row if numbered else None)
    beside.add_book(depth.times, depth.rows, depth.gaps, last=True)
    beside.add_trades(trades.times, trades.rows, last=True)
    return beside.finish()


@dataclass
class _Farthest:
    """The trade that was farthest from its book; ``row``: its number among the trades."""

    row: int = 0
    time: int = 0
    price: float = 0.0
    bid: float = 0.0
    ask: float = 0.0
    distance: float = 0.0


@dataclass
class BesideBook:
    """Compare trades with a book while both are read. ``trades``, ``book``: names for messages; ``tick`` in quote
    currency; ``first_row``: number of the first trade in its source, None where trades are not numbered as there.

    Blocks come in order, of each side for itself. What is kept of them does not grow with their number as long as the
    one side is not read far ahead of the other.
    """

    trades: str
    book: str
    tick: float
    first_row: int | None = None
    _found: Integers = field(default_factory=lambda: np.zeros(4, np.int64))
    _times: Integers = field(default_factory=lambda: np.zeros(0, np.int64))
    _rows: Floats = field(default_factory=lambda: np.zeros((0, 3)))
    _book_times: Integers = field(default_factory=lambda: np.zeros(0, np.int64))
    _touch: Floats = field(default_factory=lambda: np.zeros((0, 4)))
    _gaps: list[tuple[int, int]] = field(default_factory=list)
    _worst: _Farthest = field(default_factory=_Farthest)
    _compared: int = 0
    _book_ended: bool = False
    _trades_ended: bool = False

    def add_book(
        self, times: Integers, rows: Floats, gaps: tuple[tuple[int, int], ...] = (), *, last: bool = False
    ) -> None:
        """More of the book: times (n,), rows (n, 4 * levels), and the gaps that end in them; ``last``: no more follow.
        Raises DataError as `check_against_book` does."""
        if not self.done:
            self._book_times = _joined(self._book_times, times)
            self._touch = _joined(self._touch, rows[:, :4])
            self._gaps.extend(gaps)
        self._book_ended = last
        self._compare()

    def add_trades(self, times: Integers, rows: Floats, *, last: bool = False) -> None:
        """More trades: times (n,), rows (n, 3); ``last``: no more follow. Raises DataError as `check_against_book`
        does."""
        self._times, self._rows = _joined(self._times, times), _joined(self._rows, rows)
        self._trades_ended = last
        self._compare()

    @property
    def done(self) -> bool:
        """Whether all trades have been compared."""
        return self._trades_ended and not len(self._times)

    def finish(self) -> AgainstBook:
        """What was found. Raises DataError where most of the trades are outside the book."""
        compared, outside, far, without = map(int, self._found)
        if 2 * far > compared:
            raise DataError(
                f"{self.trades}: {self._place()}; {far} of {compared} trades are outside the book by more than 10 "
                f"ticks and 0.1 %: {_ASK}"
            )
        return AgainstBook(compared, outside, without, self._worst.distance)

    def _compare(self) -> None:
        """Compare the trades before the last book so far (what comes next cannot change what was in force then), and
        drop them and the books before them."""
        known = len(self._times) if self._book_ended else 0
        if not self._book_ended and len(self._book_times):
            known = int(np.searchsorted(self._times, self._book_times[-1]))
        if not known:
            return
        if len(self._book_times):
            row, distance, book = self._farthest(known, self._found)
            if distance > FARTHEST:  # name the first such trade, however many are known by now
                first = bisect_right(range(known), FARTHEST, key=lambda i: self._farthest(i + 1)[1])
                row, distance, book = self._farthest(first + 1)
            self._remember(row, distance, book)
        else:
            self._found[depth_kernels.WITHOUT_BOOK] += known
        last = int(self._times[known - 1])
        self._times, self._rows = self._times[known:], self._rows[known:]
        self._compared += known
        keep = max(int(np.searchsorted(self._book_times, last)) - 1, 0)  # in force before the next trade
        self._book_times, self._touch = self._book_times[keep:], self._touch[keep:]
        self._gaps = [gap for gap in self._gaps if gap[1] > last]

    def _farthest(self, count: int, found: Integers | None = None) -> tuple[int, float, int]:
        """(row, distance, row of its book) of the farthest of the first ``count`` trades; counts go to ``found``."""
        gaps = np.array(self._gaps, np.int64).reshape(-1, 2)
        counts = np.zeros(4, np.int64) if found is None else found
        row, distance, book = depth_kernels.compare_with_book(
            self._times[:count], self._rows[:count], self._book_times, self._touch, gaps, self.tick, counts
        )
        return int(row), float(distance), int(book)

    def _remember(self, row: int, distance: float, book: int) -> None:
        """The trade that was farthest. Raises DataError where it belongs to another market."""
        if row < 0 or distance <= self._worst.distance:
            return
        bid, ask = float(self._touch[book, 0]), float(self._touch[book, 2])
        time, price = int(self._times[row]), float(self._rows[row, 0])
        self._worst = _Farthest(self._compared + row, time, price, bid, ask, distance)
        if distance > FARTHEST:
            raise DataError(f"{self.trades}: {self._place()}: {_ASK}")

    def _place(self) -> str:
        worst = self._worst
        time = time_text(worst.time)
        where = f"trade at {time}" if self.first_row is None else f"row {self.first_row + worst.row} ({time})"
        return (
            f"{where}: price: expected one near the book of {self.book}, bid {worst.bid:.12g} and ask "
            f"{worst.ask:.12g}, got {worst.price:.12g}"
        )


def _joined(before: Any, after: Any) -> Any:
    return np.concatenate([before, after]) if len(before) else np.ascontiguousarray(after)
