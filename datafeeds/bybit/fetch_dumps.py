"""Fetch trades and order-book updates from the venue's public files, a day at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from halfspread.datafeeds.bybit.dump_books import depth_of_day, read_book_dump
from halfspread.datafeeds.bybit.dump_trades import read_trades_dump
from halfspread.datafeeds.bybit.listing import category_of
from halfspread.datafeeds.net.clock import Clock
from halfspread.datafeeds.net.download import Downloaded, download
from halfspread.datafeeds.net.http import GoneError, Http
from halfspread.datafeeds.net.limits import PlainLimits
from halfspread.datafeeds.net.parallel import in_order
from halfspread.datafeeds.net.requests import Fetched, FetchRequest, Hole, Part, Progress
from halfspread.datafeeds.store.series import Provenance, Series
from halfspread.datafeeds.store.spans import united
from halfspread.datafeeds.store.store import Store, Written
from halfspread.engine.times import DAY, SECOND
from halfspread.errors import DataError

__all__ = ["DUMP_KINDS", "TRADES_URL", "books_url", "fetch_dumps"]

DUMP_KINDS = ("trades", "book_updates")
TRADES_URL = "https://public.bybit.com"
BOOKS_URL = "https://quote-saver.bycsi.com"
#: A file that is missing for so long after its day will not come any more.
_LATE = 7 * DAY
_NO_FILE = "the venue has no files of these days"


@dataclass(frozen=True)
class _Day:
    """A day of one kind, and its file once it is there. ``depth``: levels of a book."""

    start: int
    file: Downloaded | None = None
    depth: int = 0

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
    where a file does not come, DataError for one that cannot be right."""
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


class _Fetcher:
    """One kind of files of one symbol."""

    def __init__(self, kind: str, request: FetchRequest, store: Store, progress: Progress, http: Http) -> None:
        self._kind, self._request, self._store, self._progress, self._http = kind, request, store, progress, http
        self._series = Series("bybit", request.symbol, kind)
        self._folder = store.folder / ".downloads" / "bybit"
        self._holes: list[Hole] = []
        self._told: list[str] = []
        self._spans: list[tuple[int, int]] = []
        self._absent: list[tuple[int, int]] = []
        self._rows = self._same = self._depth = 0

    def run(self) -> None:
        """Fetch day after day; one file comes while the one before is read."""
        days = list(self._days())
        try:
            for number, day in enumerate(in_order(self._get, days, 2, ahead=2, stop=self._http.close), 1):
                if day.file is None:
                    self._without(day)
                else:
                    written = self._read(day, day.file)
                    self._rows, self._same = self._rows + written.added, self._same + written.same
                    self._spans.append((day.start, day.start + DAY))
                self._progress(self._kind, number, len(days))
        finally:
            self._note_absent()

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
        symbol = self._request.symbol
        if self._kind == "trades":
            choices = [(0, f"trading/{symbol}/{symbol}{day.text}.csv.gz")]
        else:
            likely = depth_of_day(day.text)
            choices = [(depth, books_url(symbol, day.text, depth)) for depth in (likely, 700 - likely)]
        for depth, path in choices:
            to = self._folder / Path(path).name
            try:
                file = download(self._http, path, to, packing="gzip" if self._kind == "trades" else "zip")
            except GoneError:
                continue
            return _Day(day.start, file, depth)
        return day

    def _read(self, day: _Day, file: Downloaded) -> Written:
        """Write the rows of a file, which is removed then."""
        source = Provenance(file.url, file.retrieved, file.digest)
        try:
            with self._store.writer(self._series, source, replace=self._request.replace) as writer:
                first = self._add(day, file, writer)
        finally:
            file.path.unlink(missing_ok=True)
            for folder in (self._folder, self._folder.parent):
                if folder.is_dir() and not any(folder.iterdir()):
                    folder.rmdir()
        if day.depth:
            self._note_depth(day, first)
        return writer.written

    def _add(self, day: _Day, file: Downloaded, writer: Any) -> int:
        """Time of the first row."""
        name, symbol = file.url.rpartition("/")[2], self._request.symbol
        if self._kind == "trades":
            tables: Iterator[pa.Table] = iter([read_trades_dump(file.path, symbol, name=name)])
        else:
            tables = read_book_dump(file.path, symbol, day.depth, name=name)
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
        if first is None:
            raise DataError(f"{name}: expected rows of {day.text}, got none: is the file of another day?")
        if outside:
            self._told.append(f"{name}: {outside:,} rows of other days were left out")
        if at < end:
            writer.add(_nothing(self._kind), at, end)
        return first

    def _without(self, day: _Day) -> None:
        """A day without a file: a gap where it will not come any more."""
        end = day.start + DAY
        if self._http.clock.now() - end < _LATE:
            self._told.append(f"{day.text}: the venue has no file of this day yet; a later fetch asks again")
            return
        self._absent.append((day.start, end))

    def _note_absent(self) -> None:
        """Days whose files will not come any more are gaps."""
        spans = united(self._absent)
        if not spans:
            return
        source = Provenance(self._http.base_url, self._http.clock.now(), notes=(_NO_FILE,))
        with self._store.writer(self._series, source, replace=self._request.replace) as writer:
            for start, end in spans:
                writer.add(_nothing(self._kind), start, end)
        for start, end in spans:
            self._store.declare_gap(self._series, start, end, _NO_FILE)
            self._holes.append(Hole(start, end, _NO_FILE))

    def _note_depth(self, day: _Day, first: int) -> None:
        """Where files change from one depth to another, nothing holds across: a gap up to the first snapshot."""
        before = self._depth or depth_of_day(_Day(day.start - DAY).text)
        self._depth = day.depth
        if before != day.depth:
            reason = f"the venue's files change from {before} levels to {day.depth}"
            self._store.declare_gap(self._series, day.start - 1, max(first, day.start), reason)
            self._holes.append(Hole(day.start - 1, max(first, day.start), reason))


def _nothing(kind: str) -> dict[str, list[Any]]:
    from halfspread.datafeeds.store.kinds import kind_of

    return {name: [] for name in kind_of(kind).required}
