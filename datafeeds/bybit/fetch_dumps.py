"""Fetch trades and order-book updates from the venue's public files, a day at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from halfspread.datafeeds.bybit.dump_books import depth_of_day, read_book_dump
from halfspread.datafeeds.bybit.dump_trades import read_trades_dump, without_twins
from halfspread.datafeeds.bybit.listing import category_of
from halfspread.datafeeds.net.clock import Clock
from halfspread.datafeeds.net.download import BadFileError, Downloaded, download, refused_files
from halfspread.datafeeds.net.http import GoneError, Http
from halfspread.datafeeds.net.limits import PlainLimits
from halfspread.datafeeds.net.parallel import in_order
from halfspread.datafeeds.net.requests import Fetched, FetchRequest, Hole, Part, Progress
from halfspread.datafeeds.store.locks import locked
from halfspread.datafeeds.store.series import Provenance, Series
from halfspread.datafeeds.store.spans import united
from halfspread.datafeeds.store.store import Store, Written
from halfspread.engine.times import DAY, MINUTE, SECOND
from halfspread.errors import DataError, FetchError

__all__ = ["DUMP_KINDS", "TRADES_URL", "books_url", "fetch_dumps"]

DUMP_KINDS = ("trades", "book_updates")
TRADES_URL = "https://public.bybit.com"
BOOKS_URL = "https://quote-saver.bycsi.com"
#: A file that is missing for so long after its day will not come any more.
_LATE = 7 * DAY
_NO_FILE = "the venue has no files of these days"
#: So many bad files in a row, and none that was good before: the server sends no files.
_BAD = 3


@dataclass(frozen=True)
class _Day:
    """A day of one kind, and its file once it is there. ``depth``: levels of a book; ``bad``: why the file that came is
    none."""

    start: int
    file: Downloaded | None = None
    depth: int = 0
    bad: str = ""

    @property
    def text(self) -> str:
        return f"{datetime.fromtimestamp(self.start // SECOND, UTC):%Y-%m-%d}"


def books_url(symbol: str, day: str, depth: int) -> str:
    """The path of a book file below its host."""
    return f"orderbook/{category_of(symbol)}/{symbol}/{day}_{symbol}_ob{depth}.data.zip"


def fetch_dumps(
    kinds: list[str],
    request: FetchRequest,
    store: Store,
    progress: Progress,
    fetched: Fetched,
    clock: Clock,
    options: dict[str, Any],
) -> None:
    """Bring whole days that the store lacks into it; the parts that came are added to ``fetched``. Raises FetchError
    where the server has no files or stops, and at the end for files that cannot be right, whose days stay as they were.
    """
    refused: list[str] = []
    for kind in kinds:
        base = request.dumps_url or (TRADES_URL if kind == "trades" else BOOKS_URL)
        limits = PlainLimits(request.per_second or 5.0, "the server of Bybit's public files")
        with Http(base, limits, connections=2, **{**options, "clock": clock}) as http:
            fetcher = _Fetcher(kind, request, store, progress, http)
            try:
                fetcher.run()
            finally:
                fetched.parts.append(fetcher.part())
                fetched.requests += http.requests
            refused += fetcher.refused
    if refused:
        raise refused_files(refused)


class _Fetcher:
    """One kind of files of one symbol."""

    def __init__(self, kind: str, request: FetchRequest, store: Store, progress: Progress, http: Http) -> None:
        self._kind, self._request, self._store, self._progress, self._http = kind, request, store, progress, http
        self._series = Series("bybit", request.symbol, kind)
        self._folder = store.folder / ".downloads" / "bybit" / f"{request.symbol}_{kind}"
        self.refused: list[str] = []
        self._holes: list[Hole] = []
        self._told: list[str] = []
        self._spans: list[tuple[int, int]] = []
        self._absent: list[tuple[int, int]] = []
        self._rows = self._same = self._came = 0
        self._depths: dict[int, int] = {}

    def run(self) -> None:
        """Fetch day after day, while no other process does the same; one file comes while the one before is read."""
        today = self._http.clock.now() // DAY * DAY
        if self._request.start >= today:
            self._told.append(f"the file of {_Day(today).text} comes after the day is over")
        if not any(True for _ in self._days()):
            return
        with locked(self._folder):
            days = list(self._days())  # another process may have fetched them
            try:
                for number, day in enumerate(in_order(self._get, days, 2, ahead=2, stop=self._http.close), 1):
                    self._take(day)
                    self._progress(self._kind, number, len(days))
            finally:
                if self._has_files():
                    self._note_absent()
        if days and not self._came and not self.refused and not self._has_files():
            raise FetchError(
                f"{self._http.host}: expected files of {self._request.symbol}, got none of {len(days)} days, such as "
                f"{self._http.url(self._choices(days[0])[0][1])}; are the symbol and the address of the files right? A "
                "file comes some hours after the end of its day"
            )

    def _take(self, day: _Day) -> None:
        """What is to be done with a day and its file, if it has any."""
        if day.file is not None:
            try:
                written = self._read(day, day.file)
            except DataError as error:
                if getattr(error.__cause__, "errno", None) is not None:
                    raise  # the disk, not the file
                day = _Day(day.start, bad=str(error).partition(". Mend or remove the line")[0])
            else:
                self._came += 1
                self._rows, self._same = self._rows + written.added, self._same + written.same
                self._spans.append((day.start, day.start + DAY))
        elif not day.bad:
            self._without(day)
        if day.bad:
            self.refused.append(day.bad)
            self._told.append(f"{day.text}: not taken: {day.bad}")
            if len(self.refused) >= _BAD and not self._came:
                raise refused_files(self.refused)

    def _has_files(self) -> bool:
        """Whether the server is seen to have files of the contract: one came now, or has before."""
        if self._came:
            return True
        start = f"{self._http.base_url}/"
        return any(source.source.startswith(start) and source.digest for source in self._sources())

    def _sources(self) -> tuple[Provenance, ...]:
        """Where what is stored came from."""
        return self._store.summary(self._series).sources if self._series in self._store.series() else ()

    def part(self) -> Part:
        """What came so far."""
        return Part(self._kind, united(self._spans), self._rows, self._same, tuple(self._holes), tuple(self._told))

    def _days(self) -> Iterator[_Day]:
        """Days that are over and of which anything is missing."""
        now = self._http.clock.now()
        end = min(self._request.end or now, now // DAY * DAY)
        for start in range(self._request.start // DAY * DAY, end, DAY):
            if self._request.replace or self._store.missing(self._series, start, start + DAY):
                yield _Day(start)

    def _get(self, day: _Day) -> _Day:
        """The day with its file; without one where the server has none. A book's depth is the one of that day, or else
        the other."""
        for depth, path in self._choices(day):
            to = self._folder / Path(path).name
            try:
                file = download(self._http, path, to, packing="gzip" if self._kind == "trades" else "zip")
            except GoneError:
                continue
            except BadFileError as error:
                return _Day(day.start, bad=str(error))
            return _Day(day.start, file, depth)
        return day

    def _choices(self, day: _Day) -> list[tuple[int, str]]:
        """Depths and paths that the file of a day may have."""
        symbol = self._request.symbol
        if self._kind == "trades":
            return [(0, f"trading/{symbol}/{symbol}{day.text}.csv.gz")]
        likely = depth_of_day(day.text)
        return [(depth, books_url(symbol, day.text, depth)) for depth in (likely, 700 - likely)]

    def _read(self, day: _Day, file: Downloaded) -> Written:
        """Write the rows of a file, which is removed then."""
        source = Provenance(file.url, file.retrieved, file.digest)
        try:
            with self._store.writer(self._series, source, replace=self._request.replace) as writer:
                first = self._add(day, file, writer)
        finally:
            file.path.unlink(missing_ok=True)
        if day.depth and first is not None:
            self._note_depth(day, first)
        return writer.written

    def _add(self, day: _Day, file: Downloaded, writer: Any) -> int | None:
        """Time of the first row, None where the file has none."""
        name, symbol = file.url.rpartition("/")[2], self._request.symbol
        if self._kind == "trades":
            table, twins = without_twins(read_trades_dump(file.path, symbol, name=name), name)
            if twins:
                self._told.append(f"{name}: {twins:,} trades that stand twice were taken once")
            tables: Iterator[pa.Table] = iter([table])
        else:
            tables = self._from_midnight(read_book_dump(file.path, symbol, day.depth, name=name), day, name)
        end, at, first, outside = day.start + DAY, day.start, None, 0
        for table in tables:
            stamps = table.column("ts").cast(pa.int64()).to_numpy()
            inside = (stamps >= day.start) & (stamps < end)
            outside += int((~inside).sum())
            kept = table if inside.all() else table.filter(pa.array(inside))
            if kept.num_rows:
                first = int(stamps[inside][0]) if first is None else first
                until = int(stamps[inside][-1])
                writer.add(kept, min(at, int(stamps[inside][0])), until + 1)
                at = until + 1
        if first is None and outside:
            raise DataError(f"{name}: expected rows of {day.text}, got none: is the file of another day?")
        if outside:
            self._told.append(f"{name}: {outside:,} rows of other days were left out")
        if at < end:
            writer.add(_nothing(self._kind), at, end)
        return first

    def _from_midnight(self, tables: Iterator[pa.Table], day: _Day, name: str) -> Iterator[pa.Table]:
        """Book updates from the day's first moment on: a snapshot from a moment before it is the book at midnight.
        Raises DataError where changes would be left without the snapshot that they go on from."""
        early = 0
        for table in tables:
            stamps = table.column("ts").cast(pa.int64()).to_numpy()
            before = int((stamps < day.start).sum())
            if early >= 0 and before:
                snapshots = (table.column("action").to_numpy()[:before] == 0).all() and (
                    stamps[:before] < day.start
                ).all()
                if not snapshots or stamps[0] != stamps[before - 1] or early or stamps[0] < day.start - MINUTE:
                    raise DataError(
                        f"{name}: expected the book of {day.text}, got {before:,} rows of the day before that are more "
                        "than one snapshot a moment before midnight: what the day begins with is not known"
                    )
                early += before
                self._told.append(f"{name}: the first snapshot is of a moment before midnight, and counts from then on")
                place = table.schema.get_field_index("ts")
                moved = pa.array(np.maximum(stamps, day.start)).cast(table.schema.field("ts").type)
                yield table.set_column(place, table.schema.field("ts"), moved)
            else:
                yield table

    def _without(self, day: _Day) -> None:
        """A day without a file: a gap where it will not come any more. What is stored of it stays."""
        end = day.start + DAY
        if self._request.replace and not self._store.missing(self._series, day.start, end):
            self._told.append(f"{day.text}: the venue has no file of this day; what is stored was not replaced")
            return
        if self._http.clock.now() - end < _LATE:
            self._told.append(f"{day.text}: the venue has no file of this day yet; a later fetch asks again")
            return
        self._absent.extend(self._store.missing(self._series, day.start, end))

    def _note_absent(self) -> None:
        """Days whose files will not come any more are gaps."""
        spans = united(self._absent)
        if not spans:
            return
        source = Provenance(self._http.base_url, self._http.clock.now(), notes=(_NO_FILE,))
        with self._store.writer(self._series, source) as writer:  # which replaces nothing
            for start, end in spans:
                writer.add(_nothing(self._kind), start, end)
        for start, end in spans:
            self._store.declare_gap(self._series, start, end, _NO_FILE)
            self._holes.append(Hole(start, end, _NO_FILE))

    def _note_depth(self, day: _Day, first: int) -> None:
        """Where files change from one depth to another, nothing holds across: a gap up to the first snapshot. Nothing
        is claimed where the file of the day before is not known."""
        self._depths[day.start] = day.depth
        before = self._depths.get(day.start - DAY) or self._stored_depth(_Day(day.start - DAY).text)
        if before is not None and before != day.depth:
            reason = f"the venue's files change from {before} levels to {day.depth}"
            self._store.declare_gap(self._series, day.start - 1, max(first, day.start), reason)
            self._holes.append(Hole(day.start - 1, max(first, day.start), reason))

    def _stored_depth(self, day: str) -> int | None:
        """Levels of the stored file of a day, by its name; None where there is none."""
        name = re.compile(rf"{day}_{re.escape(self._request.symbol)}_ob(\d+)\.")
        found = [name.search(source.source) for source in self._sources()]
        return next((int(one[1]) for one in found if one), None)


def _nothing(kind: str) -> dict[str, list[Any]]:
    from halfspread.datafeeds.store.kinds import kind_of

    return {name: [] for name in kind_of(kind).required}
