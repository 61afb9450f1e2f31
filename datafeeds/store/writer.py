"""Write rows into a series, partition after partition: each is merged with what is there and written once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa

from halfspread.datafeeds.store.atomic import writing
from halfspread.datafeeds.store.checks import check_rows
from halfspread.datafeeds.store.columns import aligned, arrow_rows, times_of
from halfspread.datafeeds.store.locks import locked
from halfspread.datafeeds.store.manifest import load, save
from halfspread.datafeeds.store.merging import Counts, Part, merge, without_duplicates
from halfspread.datafeeds.store.parquet_files import FileEntry, Origin, read_entry, read_partition, write_partition
from halfspread.datafeeds.store.partitions import ENDING, bounds, partitions_between, split
from halfspread.datafeeds.store.series import Provenance, Series
from halfspread.datafeeds.store.spans import Spans, clipped, united
from halfspread.engine.times import parse_time, time_text
from halfspread.errors import DataError, FetchError

__all__ = ["Writer", "Written"]


@dataclass(frozen=True)
class Written:
    """What a write has done, in rows. ``added``; ``same``: were there before; ``filled``: were there and lacked an
    optional value; ``duplicates``: stood twice among the new ones; ``removed``: old ones that were replaced.
    ``files``: names of those that were written."""

    added: int = 0
    same: int = 0
    filled: int = 0
    duplicates: int = 0
    removed: int = 0
    files: tuple[str, ...] = ()


class Writer:
    """Takes blocks of rows in order of time; a context manager. Holds the rows of one partition in memory.

    Where the block ends in an error, rows of the partition that was being filled are dropped, and those of earlier
    ones are kept, with the spans that they cover; after a FetchError or an interruption all that was added is kept.
    """

    def __init__(self, folder: Path, series: Series, provenance: Provenance, *, replace: bool = False) -> None:
        self._folder, self._series, self._provenance, self._replace = folder, series, provenance, replace
        self._kind = series.of_kind
        self._what = f"{series} from {provenance.source}"
        self._name = ""
        self._blocks: list[pa.Table] = []
        self._spans: list[tuple[int, int]] = []
        self._empty: list[tuple[int, int]] = []
        self._end: int | None = None
        self._last: int | None = None
        self._counts = Counts()
        self._files: list[str] = []

    @property
    def written(self) -> Written:
        """What was done so far; all of it after the block."""
        return Written(**vars(self._counts), files=tuple(dict.fromkeys(self._files)))

    def __enter__(self) -> Writer:
        self._refuse_other_clock(load(self._folder, self._series).files.values())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is None or issubclass(kind, (FetchError, KeyboardInterrupt)):
            self._flush()
        if self._files or self._empty:
            self._finish()

    def add(self, rows: Any, start: Any = None, end: Any = None) -> None:
        """Add rows that cover [start, end): times as `parse_time` takes them. By default from the end of the rows added
        before, or the first one, to the end of the last one. Raises DataError for rows that cannot be right, and where
        they contradict those that are stored."""
        table = arrow_rows(self._kind, rows, self._what)
        check_rows(self._kind, table, self._what)
        span = self._span(table, start, end)
        if span is None:
            return
        self._refuse_unordered(table)
        self._end = max(span[1], self._end or 0)
        at = dict(split(self._kind, times_of(table)))
        for name in partitions_between(self._kind, *span):
            here = clipped([span], *bounds(name))
            if name in at or name == self._name or (self._folder / f"{name}{ENDING}").exists():
                self._put(name, table.slice(at[name].start, at[name].stop - at[name].start) if name in at else None)
                self._spans.extend(here)
            else:
                self._empty.extend(here)

    def _span(self, table: pa.Table, start: Any, end: Any) -> tuple[int, int] | None:
        """What is covered; None where that is nothing. Raises DataError for a row outside of it."""
        times = times_of(table)
        if not len(times) and (start is None or end is None):
            return None
        first = None if start is None else parse_time(start, "start")
        last = None if end is None else parse_time(end, "end")
        if first is None:
            first = min(int(times[0]) if len(times) else self._end or 0, self._end if self._end is not None else 2**63)
        if last is None:
            last = int(times[-1]) + max(self._kind.interval, 1)
        if first > last or (first == last and len(times)):
            raise DataError(
                f"{self._what}: expected a start before the end, got {time_text(first)} and {time_text(last)}"
            )
        outside = np.flatnonzero((times < first) | (times >= last))
        if len(outside):
            raise DataError(
                f"{self._what}: row {outside[0]} ({time_text(times[outside[0]])}): expected a time from "
                f"{time_text(first)} to before {time_text(last)}, which these rows cover; cut the rows to it"
            )
        return first, last

    def _refuse_unordered(self, table: pa.Table) -> None:
        """Rows with a key may overlap those before; events would be torn apart."""
        times = times_of(table)
        if not len(times):
            return
        if not self._kind.key and self._last is not None and times[0] < self._last:
            raise DataError(
                f"{self._what}: expected rows at or after {time_text(self._last)}, where the ones before end, got "
                f"{time_text(times[0])}; add blocks in order of time"
            )
        self._last = max(int(times[-1]), self._last or 0)

    def _refuse_other_clock(self, entries: Iterable[FileEntry]) -> None:
        """One series of events has one clock: of receipt, or the exchange's. Raises DataError."""
        if not self._kind.events:
            return
        mine = self._provenance.clock
        for entry in entries:
            for origin in entry.origins:
                if origin.provenance.clock != mine:
                    raise DataError(
                        f"{self._what}: expected times by the {_CLOCKS[origin.provenance.clock]}, as of those that are "
                        f"stored from {origin.provenance.source}, got times by the {_CLOCKS[mine]}; keep the two apart "
                        f"under another name of the venue, such as {self._series.venue}-{mine}"
                    )

    def _put(self, name: str, table: pa.Table | None) -> None:
        if name != self._name:
            self._flush()
            self._name = name
        if table is not None:
            self._blocks.append(table)

    def _flush(self) -> None:
        """Merge the rows of the partition with those that are there, and write it."""
        if not self._name:
            return
        name, blocks, spans = self._name, self._blocks, united(self._spans)
        self._name, self._blocks, self._spans = "", [], []
        names = {column for block in blocks for column in block.column_names} or set(self._kind.required)
        empty = aligned(self._kind, pa.table({}), set(self._kind.required)) if not blocks else None
        table = pa.concat_tables([aligned(self._kind, block, names) for block in blocks]) if empty is None else empty
        duplicates = 0
        if self._kind.key:
            table, duplicates = without_duplicates(table.combine_chunks(), self._what)
        with locked(self._folder):
            self._merge(name, table, spans)
        self._counts.add(Counts(duplicates=duplicates))

    def _merge(self, name: str, table: pa.Table, spans: Spans) -> None:
        path = self._folder / f"{name}{ENDING}"
        old = None
        if path.exists():
            entry = read_entry(path, self._series)
            self._refuse_other_clock([entry])
            old = Part(read_partition(path, self._series), entry.origins)
        new = Part(table, (Origin(self._provenance, spans),))
        found = merge(self._kind, old, new, self._replace, self._what)
        if found.changed and found.table.num_rows:
            write_partition(path, self._series, found.table, found.origins)
            self._files.append(path.name)
        elif found.changed:  # no row is left
            self._empty.extend(united(span for origin in found.origins for span in origin.spans))
            with writing(path):
                path.unlink(missing_ok=True)
            self._files.append(path.name)
        self._counts.add(found.counts)

    def _finish(self) -> None:
        """Bring the manifest up to what the files are."""
        with locked(self._folder):
            now = load(self._folder, self._series)
            save(self._folder, self._series, replace(now, empty=united([*now.empty, *self._empty])))


_CLOCKS = {"exchange": "exchange's clock", "received": "time of receipt"}
