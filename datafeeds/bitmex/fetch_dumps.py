"""Fetch BitMEX's daily files of trades and quotes, each read while it is unpacked and then removed.

A day whose file is not there is a named gap, if the listing of the bucket or a neighbouring file shows that the server
has files at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from halfspread.datafeeds.bitmex.dumps import Dump, Table, file_path
from halfspread.datafeeds.bitmex.eras import CLOSED, CLOSED_ON, POOLS, POOLS_SINCE, missing_file
from halfspread.datafeeds.net.clock import Clock
from halfspread.datafeeds.net.download import BadFileError, download, refused_files
from halfspread.datafeeds.net.http import GoneError, Http, Retries
from halfspread.datafeeds.net.limits import PlainLimits
from halfspread.datafeeds.net.requests import Fetched, FetchRequest, Hole, Part, Progress
from halfspread.datafeeds.store.kinds import kind_of
from halfspread.datafeeds.store.locks import locked
from halfspread.datafeeds.store.series import Provenance, Series
from halfspread.datafeeds.store.spans import without
from halfspread.datafeeds.store.store import Store
from halfspread.engine.times import DAY, time_text
from halfspread.errors import DataError, FetchError

__all__ = ["DUMPS_URL", "fetch_dumps"]

DUMPS_URL = "https://s3-eu-west-1.amazonaws.com/public.bitmex.com"
_KEY = re.compile(rb"<Key>(data/(?:trade|quote)/\d{8}\.csv\.gz)</Key>")
#: So many bad files in a row, and none that was good before: the server sends no files.
_BAD = 3
_TABLES: dict[str, Table] = {"trades": "trade", "quotes": "quote"}


def fetch_dumps(
    kind: str,
    request: FetchRequest,
    store: Store,
    progress: Progress,
    fetched: Fetched,
    *,
    clock: Clock,
    rng: np.random.Generator,
    retries: Retries | None,
    timeout: float,
) -> None:
    """Append a `Part` for ``kind``, trades or quotes, to ``fetched``, and the error of files that cannot be right:
    their days stay as they were. Raises FetchError; what came before is stored."""
    retries = retries or (Retries() if request.dumps_url else Retries(attempts=3))
    http = Http(
        request.dumps_url or DUMPS_URL,
        PlainLimits(request.per_second or 5.0, "the server of daily files"),
        timeout=timeout,
        retries=retries,
        clock=clock,
        rng=rng,
    )
    with http:
        job = _Files(http, kind, request, store)
        try:
            job.fetch(progress)
        finally:
            fetched.parts.append(job.part())
            fetched.requests += http.requests
    if POOLS in job.told:
        fetched.warnings.append(f"{kind}: {POOLS}")
    if strange := job.nothing_of_it():
        fetched.warnings.append(strange)
    if job.refused:
        fetched.error = fetched.error or refused_files(job.refused)


class _Files:
    """Daily files of one kind."""

    def __init__(self, http: Http, kind: str, request: FetchRequest, store: Store) -> None:
        self.http, self.kind, self.table, self.request, self.store = http, kind, _TABLES[kind], request, store
        self.series = Series("bitmex", request.symbol, kind)
        self.told: list[str] = []
        self.refused: list[str] = []
        self._spans: tuple[tuple[int, int], ...] = ()
        self._holes: list[Hole] = []
        self._added = self._same = self._came = self._others = 0
        self._listed: set[str] | None = None

    def part(self) -> Part:
        """What came."""
        return Part(self.kind, self._spans, self._added, self._same, tuple(self._holes), tuple(self.told))

    def nothing_of_it(self) -> str | None:
        """A sentence where files came and none has a row of the symbol."""
        if not self._came or self._added or self._same or not self._others:
            return None
        return (
            f"{self.kind}: {self._came} daily files with {self._others:,} rows have none of {self.request.symbol}; is "
            "this its name? BitMEX writes XBT for bitcoin, as in XBTUSD"
        )

    def fetch(self, progress: Progress) -> None:
        """All days of the request that the store lacks and that are over."""
        now = self.http.clock.now()
        start, end = self.request.start, self.request.end or now
        over = now // DAY * DAY
        if end > over:
            self.told.append(f"the file of {time_text(max(over, start))[:10]} comes after the day is over")
            end = min(end, over)
        if start >= end:
            return
        self._spans = ((start, end),) if self.request.replace else self.store.missing(self.series, start, end)
        days = list(_days(self._spans))
        if days:
            self._listed = self._listing(file_path(self.table, days[0][0]), file_path(self.table, days[-1][0]))
        waiting: list[tuple[int, int, int]] = []
        for number, (day, first, last) in enumerate(days):
            try:
                self._day(day, first, last)
            except GoneError:
                waiting.append((day, first, last))
            except (BadFileError, DataError) as error:
                self._refuse(error, day, first, last)
            if self._came or self._listed:
                self._gaps(waiting)
                waiting = []
            progress(self.kind, number + 1, len(days))
        if waiting and not self.refused:
            path = self.http.url(file_path(self.table, waiting[0][0]))
            raise FetchError(f"{CLOSED.format(host=self.http.host)} (no file of {len(waiting)} days, such as {path})")

    def _gaps(self, days: list[tuple[int, int, int]]) -> None:
        for day, first, last in days:
            if self.request.replace and self._stored(first, last):
                self.told.append(f"{time_text(day)[:10]}: no file of this day; what is stored was not replaced")
                continue
            reason = missing_file(self.kind, day)
            self._holes.append(Hole(first, last, reason))
            self.store.declare_gap(self.series, first, last, reason)

    def _stored(self, first: int, last: int) -> bool:
        """Whether anything of a span is in the store."""
        return self.store.missing(self.series, first, last) != ((first, last),)

    def _refuse(self, error: FetchError | DataError, day: int, first: int, last: int) -> None:
        """Note a file that cannot be right; its day stays as it was. Raises where it is the disk, or where the first
        ones are all bad."""
        if isinstance(error, DataError) and getattr(error.__cause__, "errno", None) is not None:
            raise error
        to, url = self._place(day), self.http.url(file_path(self.table, day))
        text = str(error).replace(str(to), url).partition("; get ")[0]
        self.refused.append(text)
        self._spans = without(self._spans, ((first, last),))
        self.told.append(f"{time_text(day)[:10]}: not taken: {text}")
        if len(self.refused) >= _BAD and not self._came:
            raise refused_files(self.refused)

    def _place(self, day: int) -> Path:
        """Where the file of a day is while it is read."""
        folder = self.store.folder / ".downloads" / "bitmex" / f"{self.request.symbol}_{self.kind}"
        return folder / Path(file_path(self.table, day)).name

    def _day(self, day: int, first: int, last: int) -> None:
        """Fetch one day and write what of it lies in [first, last), while no other process does the same. A file that
        an earlier attempt had begun and that cannot be read to its end is fetched once more."""
        path = file_path(self.table, day)
        to = self._place(day)
        with locked(to.parent):
            if not self.request.replace and not self.store.missing(self.series, first, last):
                return  # another process has fetched it
            try:
                for again in (False, True):
                    done = download(self.http, path, to, packing="gzip")
                    try:
                        self._write(
                            Dump(to, self.table, self.request.symbol, day), done.digest, done.url, (first, last)
                        )
                        break
                    except DataError:
                        if again or done.resumed == 0:
                            raise
            finally:
                to.unlink(missing_ok=True)
        self._came += 1

    def _write(self, dump: Dump, digest: str, url: str, span: tuple[int, int]) -> None:
        assert dump.day is not None
        notes = (POOLS,) if POOLS_SINCE <= dump.day < CLOSED_ON + DAY else ()
        where = Provenance(url, self.http.clock.now(), digest, "exchange", notes)
        with self.store.writer(self.series, where, replace=self.request.replace) as writer:
            at, held = span[0], None
            for block in dump.blocks():
                rows = _inside(block if held is None else pa.concat_tables([held, block]), *span)
                if rows.num_rows:
                    last = int(rows["ts"][-1].as_py())  # more rows of this time may follow
                    before = _inside(rows, at, last)
                    if last > at:
                        writer.add(before if before.num_rows else _nothing(self.kind), at, last)
                    at, held = last, rows.slice(before.num_rows)
            writer.add(_nothing(self.kind) if held is None else held, at, span[1])
        self._added, self._same = self._added + writer.written.added, self._same + writer.written.same
        self.told += [note for note in notes if note not in self.told]
        self._others += dump.counts["rows"] - dump.counts["of_symbol"]
        if twins := dump.counts.get("twins"):
            self.told.append(f"{time_text(dump.day)[:10]}: {twins} trades that stand twice were taken once")
        if left := dump.counts.get("one_sided"):
            self.told.append(f"{time_text(dump.day)[:10]}: {left} quotes with one side only were left out")

    def _listing(self, first: str, last: str) -> set[str]:
        """Names of the files that the bucket has from the first to the last; empty where it does not list them."""
        found: set[str] = set()
        marker = first[:-1]
        try:
            while marker < last:
                reply = self.http.get("", {"prefix": f"data/{self.table}/", "marker": marker})
                keys = [key.decode() for key in _KEY.findall(reply.body)]
                found |= set(keys)
                if not keys or b"<IsTruncated>true" not in reply.body or keys[-1] <= marker:
                    break
                marker = keys[-1]
        except FetchError:
            return set()
        return found


def _days(spans: tuple[tuple[int, int], ...]) -> Iterator[tuple[int, int, int]]:
    """Midnight of each day that spans touch, and the part of the span on it."""
    for start, end in spans:
        for day in range(start - start % DAY, end, DAY):
            yield day, max(day, start), min(day + DAY, end)


def _inside(block: Any, start: int, end: int) -> Any:
    times = block["ts"].to_numpy()
    first, last = np.searchsorted(times, (start, end))
    return block.slice(first, last - first)


def _nothing(kind: str) -> dict[str, Any]:
    """No rows, in the columns that the kind requires."""
    return {name: np.zeros(0, np.int64 if name == "ts" else np.float64) for name in kind_of(kind).required}
