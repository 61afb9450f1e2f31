"""The tape: an immutable, time-ordered record of a market that the event loop replays in chunks.

In memory a chunk is a window on the tape; a streamed tape reads its Parquet file block by block and never holds more
than one of them. Both give the loop the same events, so the same bits come out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from halfspread.costs.funding import FundingTable
from halfspread.engine.bar_kernels import gap_rows
from halfspread.engine.bars import BarChecker, BarFormat, Bars, Integers, read_bars
from halfspread.engine.instruments import Instrument
from halfspread.engine.records import EVENT, QUOTE_COLUMNS
from halfspread.engine.side_data import Prices, read_funding, read_gaps, read_prices, refuse_bars_in_gaps
from halfspread.engine.streamed import StreamedBars
from halfspread.engine.tape_kernels import MARGIN, merge_events
from halfspread.engine.times import interval_text, parse_time, time_text
from halfspread.errors import DataError, InstrumentError

__all__ = ["Chunk", "Tape"]

EVENTS_IN_CHUNK = 32_768


@dataclass(frozen=True)
class Chunk:
    """What the loop gets at once: ``count`` events in a buffer that the next chunk uses again, and rows they point to.

    ``first_row`` and ``end_row`` bound the rows that an agent may be shown while these events run, lookback included.
    """

    history: np.ndarray[Any, np.dtype[np.float64]]
    buffer: np.ndarray[Any, Any]
    count: int
    first_row: int
    end_row: int

    @property
    def events(self) -> np.ndarray[Any, Any]:
        """The events of this chunk."""
        return self.buffer[: self.count]


@dataclass(frozen=True)
class Tape:
    """Market data of one instrument in time order. Build one with `from_bars` or `scan_bars`."""

    instrument: Instrument
    bars: Bars | StreamedBars
    funding: FundingTable | None = None
    mark: Prices | None = None
    index: Prices | None = None
    settle_price: Prices | None = None
    gaps: tuple[tuple[int, int], ...] = ()
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
    ) -> Tape:
        """A tape in memory.

        ``source``, ``funding``, ``mark``, ``index`` and ``settle_price`` may each be a path (Parquet or CSV), a
        DataFrame, an Arrow table, a structured NumPy array or a mapping of arrays. Bars need ``time_column`` and open,
        high, low, close, volume, and may carry bid_open, ask_open, bid_close, ask_close; times are bar opens unless
        ``stamp="close"``. Funding needs ts and rate, and may carry interval_h and known_ts. Mark and index prices need
        ts and price, or ts and open (of a bar). ``settle_price`` is the price of the settle currency in the report
        currency, which a quanto contract needs. ``gaps``: (start, end) spans without a market; a bar inside one is
        refused. ``start`` and ``end`` cut the bars: those that open at or after ``start`` and close by ``end``.
        ``extra``: more columns that agents may read.

        Raises DataError with the row, the time and what was expected.
        """
        _refuse_no_instrument(instrument)
        bars = read_bars(source, BarFormat(time_column, time_unit, stamp, extra), interval)
        spans = read_gaps(gaps)
        refuse_bars_in_gaps(bars.times, bars.interval, spans, bars.source)
        tape = cls(
            instrument,
            bars,
            read_funding(funding, instrument, time_unit),
            read_prices(mark, "mark", time_unit),
            read_prices(index, "index", time_unit),
            read_prices(settle_price, "settle currency", time_unit),
            spans,
            _origin(bars=source, funding=funding, mark=mark, index=index, settle_price=settle_price),
        )
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
    ) -> Tape:
        """A tape that reads the bars of a Parquet file while it is replayed, and holds one block of them at a time.

        Arguments as for `from_bars`. Bars are checked as they are read, so a fault shows when the replay reaches it.
        """
        _refuse_no_instrument(instrument)
        bars = StreamedBars.open(
            Path(path),
            BarFormat(time_column, time_unit, stamp, extra),
            interval=interval,
            start=None if start is None else parse_time(start, "start"),
            end=None if end is None else parse_time(end, "end"),
            gaps=read_gaps(gaps),
        )
        return cls(
            instrument,
            bars,
            read_funding(funding, instrument, time_unit),
            read_prices(mark, "mark", time_unit),
            read_prices(index, "index", time_unit),
            read_prices(settle_price, "settle currency", time_unit),
            read_gaps(gaps),
            _origin(bars=path, funding=funding, mark=mark, index=index, settle_price=settle_price),
        )

    @property
    def streamed(self) -> bool:
        """Whether the bars are read during the replay."""
        return isinstance(self.bars, StreamedBars)

    @property
    def interval(self) -> int:
        """Nanoseconds from the open of a bar to its close."""
        return self.bars.interval

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of a history row."""
        return self.bars.columns

    @property
    def quote_column(self) -> int:
        """Position of bid_open in a history row, with the other three quotes after it; -1 where bars carry no
        quotes."""
        return self.columns.index(QUOTE_COLUMNS[0]) if QUOTE_COLUMNS[0] in self.columns else -1

    @property
    def start_ns(self) -> int:
        """Open time of the first bar."""
        return self.bars.first if isinstance(self.bars, StreamedBars) else int(self.bars.times[0])

    @property
    def end_ns(self) -> int:
        """Close time of the last bar."""
        last = self.bars.last if isinstance(self.bars, StreamedBars) else int(self.bars.times[-1])
        return last + self.interval

    def __len__(self) -> int:
        """Number of bars."""
        return len(self.bars)

    def __repr__(self) -> str:
        return (
            f"<Tape {self.instrument.symbol} {len(self):,} bars of {interval_text(self.interval)}, "
            f"{time_text(self.start_ns)} to {time_text(self.end_ns)}{', streamed' if self.streamed else ''}>"
        )

    def slice(self, start: Any = None, end: Any = None) -> Tape:
        """The part of the tape whose bars open at or after ``start`` and close by ``end``. Raises DataError if there is
        none."""
        if isinstance(self.bars, StreamedBars):
            raise DataError("a streamed tape is cut when it is opened: Tape.scan_bars(..., start=, end=)")
        times = self.bars.times
        first = 0 if start is None else int(np.searchsorted(times, parse_time(start, "start")))
        limit = (
            len(times)
            if end is None
            else int(np.searchsorted(times, parse_time(end, "end") - self.interval, side="right"))
        )
        if first >= limit:
            raise DataError(
                f"{self.bars.source}: no bars from {start or 'the beginning'} to {end or 'the end'}; "
                f"there are bars from {time_text(self.start_ns)} to {time_text(self.end_ns)}"
            )
        bars = recount(replace(self.bars, times=times[first:limit], rows=self.bars.rows[first:limit]))
        return replace(self, bars=bars)

    def missing_spans(self, most: int = 100) -> list[tuple[int, int]]:
        """The first ``most`` spans without bars, as (start, end) in nanoseconds; empty for a streamed tape."""
        if isinstance(self.bars, StreamedBars):
            return []
        rows = np.empty(most, np.int64)
        rows = rows[: gap_rows(self.bars.times, self.interval, rows)]
        return [(int(self.bars.times[i - 1]) + self.interval, int(self.bars.times[i])) for i in rows]

    def chunks(self, side: np.ndarray[Any, Any], lookback: int = 0, events: int = EVENTS_IN_CHUNK) -> Iterator[Chunk]:
        """Replay the tape: bars merged with ``side``, the events that are not bars (see
        `engine.side_data.side_events`).

        ``lookback`` earlier rows stand before the row of every event. ``events`` bounds the size of a chunk; results do
        not depend on it.
        """
        out = np.zeros(max(events, 1) + 2 * MARGIN, EVENT)
        opened = np.zeros(1, np.int8)
        side_cursor = 0
        for times, history, first in self._blocks(lookback):
            begins = np.array([first, len(times)], np.int64)
            cursors = np.array([first, side_cursor], np.int64)
            limit = int(times[-1]) + self.interval
            steps = np.array([self.interval], np.int64)
            while True:
                before = int(cursors[0])
                count = merge_events(times, begins, steps, cursors, opened, side, limit, out)
                if count == 0:
                    break
                last = int(cursors[0]) + int(opened[0])
                yield Chunk(history, out, count, max(before - lookback, 0), min(last, len(times)))
            side_cursor = int(cursors[1])

    def _blocks(self, lookback: int) -> Iterator[tuple[Integers, np.ndarray[Any, Any], int]]:
        if isinstance(self.bars, StreamedBars):
            yield from self.bars.blocks(lookback)
        else:
            yield self.bars.times, self.bars.rows, 0

    def hash(self) -> str:
        """Hash of every number of the tape, the same for equal data whatever they were read from; hex digits."""
        digest, of_rows = hashlib.blake2b(digest_size=16), hashlib.blake2b(digest_size=16)
        digest.update(f"{self.instrument.symbol} {self.interval} {self.columns}".encode())
        for times, history, first in self._blocks(0):  # apart, since blocks of any size must give one hash
            digest.update(times[first:].data)
            of_rows.update(history[first:].data)
        digest.update(of_rows.digest())
        if self.funding is not None:
            for array in (self.funding.times, self.funding.rates, self.funding.intervals, self.funding.known_times):
                digest.update(array.tobytes())
        for prices in (self.mark, self.index, self.settle_price):
            digest.update(b"-" if prices is None else prices.times.tobytes())
            digest.update(b"-" if prices is None else prices.prices.tobytes())
        return digest.hexdigest()


def recount(bars: Bars) -> Bars:
    """The same bars with their quirks counted afresh."""
    checker = BarChecker(bars.interval, bars.columns, bars.source)
    checker.check(bars.times, bars.rows)
    return replace(bars, counts=checker.counts())


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
