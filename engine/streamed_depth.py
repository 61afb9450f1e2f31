"""Quotes, book snapshots and trades of a Parquet file, read and checked block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np

from halfspread.engine.clocks import Clock, ClockChecker, shift_local
from halfspread.engine.depth import Depth, book_kind, check_levels, quote_kind
from halfspread.engine.parquet import ParquetFiles, parquet_blocks, parquet_source
from halfspread.engine.row_checks import Gaps, RowChecker, RowKind
from halfspread.engine.row_reading import ALL_ROWS, CheckedRows, Wanted, empty_times
from halfspread.engine.table_format import TableFormat
from halfspread.engine.tables import Table
from halfspread.engine.times import Integers
from halfspread.engine.trades import Trades, trade_kind
from halfspread.errors import DataError

__all__ = ["StreamedDepth", "StreamedRows", "StreamedTrades"]


@dataclass(frozen=True)
class StreamedRows:
    """Where the rows are and how to read them.

    ``first`` and ``last``: exchange times, int64 ns UTC, of the rows that are replayed; ``first_row`` and ``end_row``
    bound them in the file, rows that will be left out for a fault included. ``clock``: what the times of the file are
    like. ``closed``: declared gaps (start, end), in which there may be no row. ``counts`` are there once all blocks
    have been read.
    """

    path: Path | ParquetFiles
    fmt: TableFormat
    kind: RowKind
    clock: Clock
    first: int
    last: int
    first_row: int
    end_row: int
    counts: dict[str, int] = field(default_factory=dict)
    closed: Gaps = ()

    @property
    def source(self) -> str:
        """Name for messages."""
        return str(self.path)

    def __len__(self) -> int:
        return self.end_row - self.first_row

    @property
    def clock_shift(self) -> int:
        """Nanoseconds that are added to local times."""
        return self.clock.shift

    def shifted_to(self, shift: int) -> Self:
        """The same with local times shifted by so many nanoseconds in all."""
        return replace(self, clock=replace(self.clock, shift=shift), counts={})

    @classmethod
    def _open(
        cls,
        path: str | Path | ParquetFiles,
        fmt: TableFormat | None,
        find_kind: Callable[[Table], RowKind],
        wanted: Wanted,
    ) -> Self:
        """Look at the times of the file alone, check them, and find the wanted rows.

        Raises DataError for a file that cannot be read, that lacks columns, or that has no such row.
        """
        path, fmt = parquet_source(path), fmt or TableFormat()
        if fmt.order == "sort":
            raise DataError(f"{path}: order='sort' needs the whole file; read it whole, or sort the file first")
        table = next(parquet_blocks(path, fmt.time_columns), None)
        if table is None:
            raise DataError(f"{path}: expected rows, got none; give a source that has some")
        fmt.check_columns(table, str(path))
        kind = find_kind(table)
        checker, row, first_row, end_row = ClockChecker(fmt, str(path)), 0, -1, 0
        first = last = 0
        for times, local in _times(path, fmt):
            checker.check(times, local)
            here = wanted.inside(times)
            if here.start < here.stop:
                if first_row < 0:
                    first, first_row = int(times[here.start]), row + here.start
                last, end_row = int(times[here.stop - 1]), row + here.stop
            row += len(times)
        clock = checker.finish()
        if first_row < 0:
            raise wanted.none(kind.name, str(path), clock)
        return cls(path, fmt, kind, clock, first, last, first_row, end_row, closed=wanted.closed)

    def _read(self) -> Iterator[CheckedRows]:
        """Block after block of the rows that are replayed, those with a fault left out. Raises DataError."""
        checker = RowChecker(self.kind, self.source, self.fmt, self.first_row, self.closed)
        row = 0
        for table in parquet_blocks(self.path, [*self.fmt.time_columns, *self.kind.wanted]):
            stamps, local = self.fmt.stamps(table, self.source, row)
            here = slice(max(self.first_row - row, 0), min(self.end_row - row, len(stamps)))
            row += len(stamps)
            if here.start >= here.stop:
                continue
            part = {name: values[here] for name, values in table.items() if values is not None}
            times, local = stamps[here], None if local is None else shift_local(local[here], self.clock.shift)
            rows = np.empty((len(times), len(self.kind.columns)))
            self.kind.write(part, self.source, times, rows, row - len(stamps) + here.start)
            good, gaps = checker.check(times, rows, row >= self.end_row)
            if good is not None:
                times, rows, local = times[good], rows[good], None if local is None else local[good]
            counts = {**checker.counts(), **self.clock.counts(), "rows_sorted": 0}
            if row >= self.end_row:
                self.counts.update(counts)
            if len(times) or gaps:
                yield CheckedRows(times, local, rows, gaps, counts, empty_times()).freeze()
            if row >= self.end_row:
                return


@dataclass(frozen=True)
class StreamedDepth(StreamedRows):
    """Quotes or book snapshots of a Parquet file."""

    @classmethod
    def open_quotes(
        cls, path: str | Path | ParquetFiles, fmt: TableFormat | None = None, *, rows: Wanted = ALL_ROWS
    ) -> Self:
        """The wanted quotes; columns and units as for `read_quotes`. Raises DataError."""
        return cls._open(path, fmt, partial(quote_kind, what=str(path)), rows)

    @classmethod
    def open_books(
        cls,
        path: str | Path | ParquetFiles,
        fmt: TableFormat | None = None,
        *,
        levels: int | None = None,
        rows: Wanted = ALL_ROWS,
    ) -> Self:
        """The wanted book snapshots; columns, units and ``levels`` as for `read_books`. Raises DataError."""
        check_levels(levels)
        return cls._open(path, fmt, partial(book_kind, what=str(path), levels=levels), rows)

    @property
    def levels(self) -> int:
        """How many levels a row has room for."""
        return len(self.kind.columns) // 4

    @property
    def first_mid(self) -> float:
        """Middle of the best prices of the first good row. Raises DataError where there is none."""
        for block in self.blocks():
            if len(block):
                return block.first_mid
        raise DataError(f"{self.path}: no possible row; read it with invalid='error' to be told what is wrong")

    def blocks(self) -> Iterator[Depth]:
        """Block after block; a gap comes with the block that ends it. Raises DataError at the first fault."""
        for part in self._read():
            yield Depth(part.times, part.local_times, part.rows, self.levels, self.source, part.counts, part.gaps)


@dataclass(frozen=True)
class StreamedTrades(StreamedRows):
    """Trades of a Parquet file."""

    @classmethod
    def open(cls, path: str | Path | ParquetFiles, fmt: TableFormat | None = None, *, rows: Wanted = ALL_ROWS) -> Self:
        """The wanted trades; columns and units as for `read_trades`. Raises DataError."""
        return cls._open(path, fmt, partial(trade_kind, what=str(path)), rows)

    def blocks(self) -> Iterator[Trades]:
        """Block after block. Raises DataError at the first fault."""
        for part in self._read():
            yield Trades(part.times, part.local_times, part.rows, self.source, part.counts, part.gaps)


def _times(path: Path | ParquetFiles, fmt: TableFormat) -> Iterator[tuple[Integers, Integers | None]]:
    row = 0
    for table in parquet_blocks(path, fmt.time_columns):
        times, local = fmt.stamps(table, str(path), row)
        yield times, local
        row += len(times)
