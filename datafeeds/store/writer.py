"""Write rows into a series, partition after partition: each is merged with what is there and written once."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import dataclass
from dataclasses import replace as replace_fields
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa

from halfspread.datafeeds.store.atomic import Replacement, writing
from halfspread.datafeeds.store.checks import check_rows
from halfspread.datafeeds.store.columns import times_of
from halfspread.datafeeds.store.conversion import arrow_rows
from halfspread.datafeeds.store.filling import Filled, Filling
from halfspread.datafeeds.store.locks import locked
from halfspread.datafeeds.store.manifest import load, save
from halfspread.datafeeds.store.merging import Counts
from halfspread.datafeeds.store.parquet_files import FileEntry, read_entry
from halfspread.datafeeds.store.partitions import ENDING, bounds, partitions_between, split
from halfspread.datafeeds.store.series import Provenance, Series
from halfspread.datafeeds.store.spans import clipped, united
from halfspread.engine.times import Integers, parse_time, time_text
from halfspread.errors import DataError, FetchError

__all__ = ["Writer", "Written"]

_CLOCKS = {"exchange": "exchange's clock", "received": "time of receipt"}


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
    ones are kept, with the spans that they cover; after a FetchError or an interruption between two blocks all that
    was added is kept, but of events without an end that was said, those of the last time: more of it may have been to
    come. With ``whole`` nothing is kept then, whatever the error; other writers of the series wait for the end of this
    one. A writer that failed, or was interrupted, while it took a block takes no more.
    """

    def __init__(
        self, folder: Path, series: Series, provenance: Provenance, *, replace: bool = False, whole: bool = False
    ) -> None:
        self._folder, self._series = folder, series
        self._provenance = replace_fields(
            provenance, retrieved=int(provenance.retrieved), notes=tuple(map(str, provenance.notes))
        )
        self._replace, self._whole = replace, whole
        self._kind = series.of_kind
        self._what = f"{series} from {provenance.source}"
        self._filling: Filling | None = None
        self._empty: list[tuple[int, int]] = []
        self._rows = 0
        self._end: int | None = None
        self._last: int | None = None
        self._held: tuple[pa.Table, int] | None = None
        self._torn = False
        self._counts = Counts()
        self._files: list[str] = []
        self._staged: dict[Path, Replacement | None] = {}
        self._turn = ExitStack()

    @property
    def written(self) -> Written:
        """What was done so far; all of it after the block."""
        return Written(**vars(self._counts), files=tuple(dict.fromkeys(self._files)))

    def __enter__(self) -> Writer:
        if self._whole:
            self._turn.enter_context(locked(self._folder))
        try:
            self._refuse_other_clock(load(self._folder, self._series).files.values())
        except BaseException:
            self._turn.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        stopped = kind is not None and issubclass(kind, (FetchError, KeyboardInterrupt)) and not self._whole
        kept = (kind is None or stopped) and not self._torn
        try:
            try:
                if kept:
                    if kind is None:
                        self._release()
                    self._flush()
                    self._commit()
            finally:
                self._drop()
                if (self._files or self._empty) and (kept or not self._whole):
                    self._finish()
        finally:
            self._turn.close()

    def add(self, rows: Any, start: Any = None, end: Any = None) -> None:
        """Add rows that cover [start, end): times as `parse_time` takes them. By default from the end of the rows added
        before, or the first one, to the end of the last one. Raises DataError for rows that cannot be right, and where
        they contradict those that are stored."""
        if self._torn:
            raise DataError(f"{self._what}: expected no more rows after a block that was not taken; begin a new write")
        table = arrow_rows(self._kind, rows, self._what, self._rows)
        check_rows(self._kind, table, self._what, self._rows)
        times = times_of(table)
        span = self._span(times, start, end)
        if span is None:
            return
        self._refuse_unordered(times)
        self._torn = True
        self._release()
        self._rows += len(times)
        self._end = max(span[1], self._end or 0)
        if end is None and not self._kind.key:
            cut = int(np.searchsorted(times, times[-1]))
            self._held = table.slice(cut), span[1]
            table, span = table.slice(0, cut), (span[0], int(times[-1]))
        if span[0] < span[1]:
            self._take(table, span)
        self._torn = False

    def _release(self) -> None:
        """Take the rows of the last time of the block before, which is whole now."""
        if self._held is not None:
            (table, end), self._held = self._held, None
            self._take(table, (int(times_of(table)[0]), end))

    def _take(self, table: pa.Table, span: tuple[int, int]) -> None:
        """Give rows that cover ``span`` to their partitions."""
        times = times_of(table)
        at = dict(split(self._kind, times))
        for name in partitions_between(self._kind, *span):
            here = clipped([span], *bounds(name))
            if name in at or self._current(self._folder / f"{name}{ENDING}") is not None or self._fills(name):
                rows_here = table.slice(at[name].start, at[name].stop - at[name].start) if name in at else None
                self._fill(name).add(rows_here, here)
            else:
                self._empty.extend(here)

    def _span(self, times: Integers, start: Any, end: Any) -> tuple[int, int] | None:
        """What is covered; None where that is nothing. Raises DataError for a row outside of it."""
        if not len(times) and (start is None or end is None):
            return None
        if start is not None:
            first = parse_time(start, "start")
        else:
            first = int(times[0]) if self._end is None else min(int(times[0]), self._end)
        last = parse_time(end, "end") if end is not None else int(times[-1]) + max(self._kind.interval, 1)
        if first >= last:
            raise DataError(
                f"{self._what}: expected a start before the end, got {time_text(first)} and {time_text(last)}"
            )
        outside = np.flatnonzero((times < first) | (times >= last))
        if len(outside):
            row = int(outside[0])
            raise DataError(
                f"{self._what}: row {self._rows + row} ({time_text(times[row])}): expected a time from "
                f"{time_text(first)} to before {time_text(last)}, which these rows cover; cut the rows to it"
            )
        return first, last

    def _refuse_unordered(self, times: Integers) -> None:
        """Rows with a key may overlap those before; events would be torn apart."""
        if not len(times):
            return
        if not self._kind.key and self._last is not None and times[0] < self._last:
            raise DataError(
                f"{self._what}: row {self._rows}: expected rows at or after {time_text(self._last)}, where the ones "
                f"before end, got {time_text(times[0])}; add blocks in order of time"
            )
        self._last = max(int(times[-1]), self._last or 0)

    def _refuse_other_clock(self, entries: Iterable[FileEntry]) -> None:
        """One series of events has one clock: of receipt, or the exchange's. Raises DataError."""
        mine = self._provenance.clock
        origins = (origin for entry in entries for origin in entry.origins if self._kind.events)
        for origin in origins:
            theirs = origin.provenance.clock
            if theirs != mine:
                raise DataError(
                    f"{self._what}: expected times by the {_CLOCKS[theirs]}, as of those that are stored from "
                    f"{origin.provenance.source}, got times by the {_CLOCKS[mine]}; keep the two apart under another "
                    f"name of the venue, such as {self._series.venue}-{mine}"
                )

    def _fills(self, name: str) -> bool:
        return self._filling is not None and self._filling.name == name

    def _fill(self, name: str) -> Filling:
        """The partition of this name; the one before it is finished."""
        if self._filling is None or not self._fills(name):
            self._flush()
            self._filling = Filling(self._folder, self._series, name, self._what, replace=self._replace)
        return self._filling

    def _current(self, path: Path) -> Path | None:
        """Where the rows of a partition stand now, None where there are none."""
        if path in self._staged:
            staged = self._staged[path]
            return None if staged is None else staged.beside
        return path if path.exists() else None

    def _lock(self) -> AbstractContextManager[None]:
        return nullcontext() if self._whole else locked(self._folder)

    def _flush(self) -> None:
        """Finish the partition that is being filled."""
        if self._filling is None:
            return
        filling, self._filling = self._filling, None
        try:
            with self._lock():
                current = self._current(filling.path)
                if current is not None:
                    self._refuse_other_clock([read_entry(current, self._series)])
                self._put(filling.path, filling.finish(self._provenance, current))
        except BaseException:
            filling.drop()
            raise

    def _put(self, path: Path, filled: Filled) -> None:
        """Put a finished partition in its place, or beside it until the end."""
        self._counts.add(filled.counts)
        empty = filled.covered if filled.gone or (filled.replacement is None and not path.exists()) else ()
        if filled.replacement is None and not filled.gone:
            self._empty.extend(empty)
            return
        self._files.append(path.name)
        before = self._staged.pop(path, None)
        if before is not None:
            before.drop()
        self._staged[path] = filled.replacement
        if not self._whole:
            self._commit()
        self._empty.extend(empty)

    def _commit(self) -> None:
        for path, staged in self._staged.items():
            if staged is not None:
                staged.commit(last=False)  # the manifest is
            else:
                with writing(path):
                    path.unlink(missing_ok=True)
        self._staged.clear()

    def _drop(self) -> None:
        """Leave nothing on the disk that has no place."""
        if self._filling is not None:
            self._filling.drop()
            self._filling = None
        for staged in self._staged.values():
            if staged is not None:
                with suppress(OSError):
                    staged.drop()
        self._staged.clear()

    def _finish(self) -> None:
        """Bring the manifest up to what the files are."""
        with self._lock():
            now = load(self._folder, self._series)
            save(self._folder, self._series, replace_fields(now, empty=united([*now.empty, *self._empty])))
