"""Fetch trades and order-book updates from the venue's public files, a day at a time.

Days without a file are a gap where the server has the files of the days before and after them; others do not count as
fetched, and a server that has no file at all is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from halfspread.datafeeds.bybit.dump_books import depth_of_day, read_book_dump
from halfspread.datafeeds.bybit.dump_trades import read_trades_dump
from halfspread.datafeeds.bybit.listing import category_of
from halfspread.datafeeds.net.clock import Clock
from halfspread.datafeeds.net.download import Downloaded, download
from halfspread.datafeeds.net.http import GoneError, Http
from halfspread.datafeeds.net.limits import PlainLimits, Reply
from halfspread.datafeeds.net.parallel import in_order
from halfspread.datafeeds.net.requests import Fetched, FetchRequest, Hole, Part, Progress
from halfspread.datafeeds.store.series import Provenance, Series
from halfspread.datafeeds.store.spans import united
from halfspread.datafeeds.store.store import Store, Written
from halfspread.engine.times import DAY, SECOND
from halfspread.errors import DataError, FetchError

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
        self._beside = False
        self._rows = self._same = self._depth = self._came = 0

    def run(self) -> None:
        """Fetch day after day; one file comes while the one before is read."""
        days = list(self._days())
        for number, day in enumerate(in_order(self._get, days, 2, ahead=2, stop=self._http.close), 1):
            if day.file is None:
                self._without(day)
            else:
                written = self._read(day, day.file)
                self._rows, self._same = self._rows + written.added, self._same + written.same
                self._came += 1
                self._spans.append((day.start, day.start + DAY))
            self._progress(self._kind, number, len(days))
        self._note_absent()

    def part(self) -> Part:
        """What came so far."""
        return Part(self._kind, united(self._spans), self._rows, self._same, tuple(self._holes), tuple(self._told))

    def _days(self) -> Iterator[_Day]:
        """Days that are over and of which anything is missing."""
        now = self._http.clock.now()
        end = min(self._request.end or now, now // DAY * DAY)
        if (self._request.end or now) > end:
            today = _Day(max(end, self._request.start // DAY * DAY)).text
            self._told.append(f"the file of {today} comes after the day is over")
        for start in range(self._request.start // DAY * DAY, end, DAY):
            if self._request.replace or self._store.missing(self._series, start, start + DAY):
                yield _Day(start)

    def _get(self, day: _Day) -> _Day:
        """The day with its file; without one where the server has none. A book's depth is the one of that day, or else
        the other."""
        for depth, path in self._paths(day):
            to = self._folder / Path(path).name
            try:
                file = download(self._http, path, to, packing="gzip" if self._kind == "trades" else "zip")
            except GoneError:
                continue
            return _Day(day.start, file, depth)
        return day

    def _paths(self, day: _Day) -> list[tuple[int, str]]:
        """Depths and paths that the file of a day may have, the likeliest first."""
        symbol = self._request.symbol
        if self._kind == "trades":
            return [(0, f"trading/{symbol}/{symbol}{day.text}.csv.gz")]
        likely = depth_of_day(day.text)
        return [(depth, books_url(symbol, day.text, depth)) for depth in (likely, 700 - likely)]

    def _there(self, start: int) -> bool:
        """Whether the server has the file of the day that begins at ``start``; its body is not read."""
        found = any(first <= start < last for first, last in self._spans)
        for _, path in () if found else self._paths(_Day(start)):
            url = self._http.url(path)
            found |= self._http.repeat(partial(self._is_file, url), url)
        self._beside |= found
        return found

    def _is_file(self, url: str) -> bool:
        with self._http.answer(url, {"Accept-Encoding": "identity"}) as answer:
            if answer.status not in (404, 410):
                self._http.judge(Reply(answer.status, {}, b"", url))
            return answer.status == 200 and "html" not in answer.headers.get("content-type", "").lower()

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
        """Days whose files will not come any more are gaps, where the files beside them show that there are others.
        Raises FetchError where the server has no file at all."""
        absent = united(self._absent)
        spans = [span for span in absent if self._there(span[0] - DAY) and self._there(span[1])]
        for start, end in absent:
            if (start, end) not in spans:
                self._told.append(
                    f"{_Day(start).text} to {_Day(end - DAY).text}: the server has no files of these days, nor of one "
                    "beside them: not taken as fetched, the same command asks again"
                )
        if absent and not spans and not self._came and not self._beside:
            raise FetchError(
                f"{self._http.host}: no file of {self._request.symbol} of any of {len(self._absent)} days, such as "
                f"{self._http.url(self._paths(_Day(absent[0][0]))[0][1])}; is the symbol right, and the address of the "
                "files?"
            )
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
