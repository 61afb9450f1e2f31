"""What the tape holds of one instrument: bars, quotes, book snapshots, trades, and what stands beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from halfspread.costs.funding import FundingTable
from halfspread.engine.bars import BarChecker, Bars, carried_count
from halfspread.engine.codes import QUOTE_COLUMNS
from halfspread.engine.depth import Depth
from halfspread.engine.instruments import Instrument
from halfspread.engine.row_reading import Wanted
from halfspread.engine.side_data import Prices
from halfspread.engine.streamed import StreamedBars
from halfspread.engine.streamed_depth import StreamedDepth, StreamedTrades
from halfspread.engine.times import Floats, Integers, interval_text, time_text
from halfspread.engine.trades import Trades
from halfspread.engine.trades_beside_book import check_against_book
from halfspread.errors import DataError

__all__ = ["KINDS", "Block", "Feed", "cut_table", "empty_rows"]

#: Tables that a feed may hold, the finest first: the first there is, is the market that fills orders.
KINDS = ("books", "quotes", "trades", "bars")


@dataclass(frozen=True)
class Block:
    """A part of a table: exchange times (of bars their opens), local times or None, rows, gaps that end in it."""

    times: Integers
    local_times: Integers | None
    rows: Floats
    gaps: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Feed:
    """Market data of one instrument, immutable and in time order."""

    instrument: Instrument
    bars: Bars | StreamedBars | None = None
    quotes: Depth | StreamedDepth | None = None
    books: Depth | StreamedDepth | None = None
    trades: Trades | StreamedTrades | None = None
    funding: FundingTable | None = None
    mark: Prices | None = None
    index: Prices | None = None
    settle_price: Prices | None = None
    gaps: tuple[tuple[int, int], ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    synthetic: bool = False  # made up: its times mean nothing
    remarks: tuple[str, ...] = ()  # what was found wrong with the data, for the warnings of a run

    def table(self, kind: str) -> Any:
        """The table of a kind of `KINDS`, or None."""
        return getattr(self, kind)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of table there are, the finest first."""
        return tuple(kind for kind in KINDS if self.table(kind) is not None)

    @property
    def held(self) -> frozenset[str]:
        """All there is: some of bars, quotes, books, trades, funding, mark and index."""
        beside = (name for name in ("funding", "mark", "index") if getattr(self, name) is not None)
        return frozenset((*self.kinds, *beside))

    @property
    def market(self) -> str:
        """The kind of table that moves the reference price and fills orders."""
        return self.kinds[0]

    @property
    def streamed(self) -> bool:
        """Whether a table is read during the replay."""
        return any(isinstance(self.table(kind), (StreamedBars, StreamedDepth, StreamedTrades)) for kind in self.kinds)

    @property
    def delayed(self) -> bool:
        """Whether rows of a table may be received later than they happened: it has local times."""
        tables = [self.table(kind) for kind in self.kinds if kind != "bars"]
        return any(getattr(table, "local_times", True) is not None for table in tables)

    @property
    def source(self) -> str:
        """Where the market comes from, for messages."""
        return str(self.table(self.market).source)

    @property
    def interval(self) -> int:
        """Nanoseconds from the open of a bar to its close; 0 without bars."""
        return 0 if self.bars is None else self.bars.interval

    @property
    def quote_column(self) -> int:
        """Position of bid_open in a row of bars, with the other three quotes after it; -1 where bars carry none."""
        columns = () if self.bars is None else self.bars.columns
        return columns.index(QUOTE_COLUMNS[0]) if QUOTE_COLUMNS[0] in columns else -1

    @property
    def start_ns(self) -> int:
        """First moment of the first table."""
        return min(_first(self.table(kind)) for kind in self.kinds)

    @property
    def end_ns(self) -> int:
        """Last moment of the last table: the close of a bar, the exchange time of the rest."""
        return max(_last(self.table(kind)) + (self.interval if kind == "bars" else 0) for kind in self.kinds)

    @property
    def first_price(self) -> float:
        """The first price of the market: a mid, a trade, or a close."""
        table = self.table(self.market)
        if self.market == "bars":
            return float(table.first_close)
        if self.market == "trades":
            return float(next(self.blocks("trades")).rows[0, 0])
        return float(table.first_mid)

    def __len__(self) -> int:
        """Rows of all tables."""
        return sum(len(self.table(kind)) for kind in self.kinds)

    def blocks(self, kind: str) -> Iterator[Block]:
        """A table block by block; all of it at once where it is in memory."""
        table = self.table(kind)
        if isinstance(table, StreamedBars):
            for times, rows, _ in table.blocks(0):
                yield Block(times, None, rows)
        elif isinstance(table, Bars):
            yield Block(table.times, None, table.rows)
        elif isinstance(table, (Depth, Trades)):
            yield Block(table.times, table.local_times, table.rows, table.gaps)
        else:
            for part in table.blocks():
                yield Block(part.times, part.local_times, part.rows, part.gaps)

    def describe(self) -> str:
        """``105,120 bars of 5m, 1,000 trades``."""
        parts = []
        for kind in reversed(self.kinds):
            table = self.table(kind)
            text = f"{len(table):,} {'book snapshots' if kind == 'books' else kind}"
            if kind == "bars":
                text += f" of {interval_text(self.interval)}"
            elif kind == "books":
                text += f" of {table.levels} level{'s' if table.levels != 1 else ''}"
            parts.append(text)
        return ", ".join(parts)

    def cut(self, start: int | None, end: int | None) -> Feed:
        """The part from ``start`` to ``end`` (nanoseconds; None: without bound): bars that open and close within them,
        other rows whose exchange time lies within, both included. Raises DataError if a table has nothing there."""
        if self.streamed:
            raise DataError("a streamed tape is cut when it is opened: start= and end= of Tape.scan_bars or Tape.scan")
        return replace(self, **{kind: cut_table(self.table(kind), kind, start, end) for kind in self.kinds}).compared()

    def compared(self) -> Feed:
        """The feed with counts of what its trades are like beside its book, where both are in memory. Raises DataError
        where they are not of one market."""
        if isinstance(self.depth, Depth) and isinstance(self.trades, Trades):
            return replace(self, counts=check_against_book(self.trades, self.depth, self.instrument.tick).counts())
        return self

    @property
    def depth(self) -> Depth | StreamedDepth | None:
        """The book that trades are compared with."""
        return self.books if self.books is not None else self.quotes

    def add_to_hash(self, digest: hashlib.blake2b) -> None:
        """Feed every number to a hash, the same for equal data in blocks of any size."""
        digest.update(f"{self.instrument.symbol} {self.kinds} {self.interval}".encode())
        gaps: list[tuple[int, ...]] = [*self.gaps]
        for kind in self.kinds:
            if kind == "bars":
                digest.update(f"{self.table(kind).columns}".encode())
            of_times, of_rows, of_local = (hashlib.blake2b(digest_size=16) for _ in range(3))
            span = (0, 0)
            for block in self.blocks(kind):  # apart, since blocks of any size must give one hash
                gaps += [(self.kinds.index(kind), *gap) for gap in block.gaps]
                if len(block.times):
                    span = (span[0] or int(block.times[0]), int(block.times[-1]))
                of_times.update(np.ascontiguousarray(block.times).data)
                of_rows.update(np.ascontiguousarray(block.rows).data)
                if block.local_times is not None:
                    of_local.update(np.ascontiguousarray(block.local_times).data)
            for part in (of_times, of_rows, of_local):
                digest.update(part.digest())
            if _span(self.table(kind)) != span:
                gaps.append((self.kinds.index(kind), *_span(self.table(kind))))
        if self.funding is not None:
            table = self.funding
            for array in (table.times, table.rates, table.intervals, table.known_times):
                digest.update(array.tobytes())
        if gaps:  # no market is told apart from a market that stands still
            digest.update(f"{gaps}".encode())
        for prices in (self.mark, self.index, self.settle_price):
            digest.update(b"-" if prices is None else prices.times.tobytes())
            digest.update(b"-" if prices is None else prices.prices.tobytes())


def cut_table(table: Any, kind: str, start: int | None, end: int | None) -> Any:
    """The part of a table in memory from ``start`` to ``end`` (ns UTC, None for no bound), as `Feed.cut` has it. Raises
    DataError if there is nothing."""
    times, length = table.times, table.interval if kind == "bars" else 0
    first = 0 if start is None else int(np.searchsorted(times, start))
    limit = len(times) if end is None else int(np.searchsorted(times, end - length, side="right"))
    if first >= limit:
        raise DataError(
            f"{table.source}: no {kind} from {'the beginning' if start is None else time_text(start)} to "
            f"{'the end' if end is None else time_text(end)}; there are {kind} from {time_text(int(times[0]))} to "
            f"{time_text(int(times[-1]) + length)}"
        )
    here = slice(first, limit)
    if isinstance(table, Bars):
        carried = None if table.carried is None else table.carried[here]
        return _counted_afresh(replace(table, times=times[here], rows=table.rows[here], carried=carried))
    local = None if table.local_times is None else table.local_times[here]
    wanted = Wanted(start, end)
    left_out = table.left_out[wanted.inside(table.left_out)]
    gaps = tuple(_ended(gap, end, left_out) for gap in table.gaps if times[first] <= gap[0] < _after(end))
    more = {"first_row": table.first_row + first} if isinstance(table, Trades) else {}
    return replace(
        table, times=times[here], local_times=local, rows=table.rows[here], gaps=gaps, left_out=left_out, **more
    )


def _ended(gap: tuple[int, int], end: int | None, left_out: Integers) -> tuple[int, int]:
    """A gap that ends, at the latest, with the last row that was left out before the end."""
    if end is None or gap[1] <= end or not len(left_out):
        return gap
    return gap[0], int(left_out[-1]) + 1


def _after(end: int | None) -> int:
    return np.iinfo(np.int64).max if end is None else end + 1


def _counted_afresh(bars: Bars) -> Bars:
    checker = BarChecker(bars.interval, bars.columns, bars.source)
    checker.check(bars.times, bars.rows)
    return replace(bars, counts=checker.counts() | carried_count(bars.carried))


def _span(table: Any) -> tuple[int, int]:
    return _first(table), _last(table)


def _first(table: Any) -> int:
    return int(table.first) if hasattr(table, "first") else int(table.times[0])


def _last(table: Any) -> int:
    return int(table.last) if hasattr(table, "last") else int(table.times[-1])


def empty_rows(columns: int) -> Floats:
    """A table without rows."""
    rows = np.zeros((0, columns))
    rows.flags.writeable = False
    return rows
