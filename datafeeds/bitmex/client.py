"""BitMEX's REST interface, on a mirror: the venue closed on 2026-09-23.

Tables are paged by time, never by a deep offset. Whether an end belongs to a range that is asked for is not known, so
each page asks for a little more than it needs and what lies outside is dropped. ``reverse`` is never sent: any value of
it reverses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count, pairwise
from typing import Any, TypeVar

import numpy as np

from halfspread.datafeeds.bitmex import rows as parsing
from halfspread.datafeeds.bitmex.eras import CLOSED, CLOSED_AT, OPENED
from halfspread.datafeeds.bitmex.limits import BitmexLimits
from halfspread.datafeeds.bitmex.rows import BINS, Columns, Row
from halfspread.datafeeds.net.clock import Clock, MachineClock
from halfspread.datafeeds.net.http import GoneError, Http, NotTrustedError, Params, Retries
from halfspread.datafeeds.net.limits import Reply, http_date
from halfspread.engine.times import DAY, HOUR, SECOND, time_text
from halfspread.errors import ConfigError, DataError, FetchError

__all__ = ["BASE_URL", "BitmexClient", "Page"]

BASE_URL = "https://www.bitmex.com/api/v1"
#: Rows of a page.
MANY, FEW = 1000, 500
#: Spans of one page that are asked for again one by one.
AGAIN = 5
#: How long a trade or quote may take to appear.
LATE = 10 * SECOND
MS = 1_000_000

T = TypeVar("T")


@dataclass(frozen=True)
class Page:
    """Rows in the store's columns, and the half-open span that they are all of. ``pools``: names of the liquidity pools
    that rows named (2026 only). ``holes``: spans in which settlements lack that were asked for twice."""

    columns: Columns
    start: int
    end: int
    pools: tuple[str, ...] = ()
    holes: tuple[tuple[int, int], ...] = ()


@dataclass
class BitmexClient:
    """Asks one server; a context manager. ``base_url``: of the venue or a mirror, with ``/api/v1``. ``per_second``:
    requests; None: slowly, until the server's headers tell its limit. ``timeout``: seconds for each piece of an answer.

    Every method raises FetchError where the server does not answer or cannot be trusted.
    """

    base_url: str | None = None
    per_second: float | None = None
    timeout: float = 20.0
    retries: Retries | None = None
    clock: Clock = field(default_factory=MachineClock)
    rng: np.random.Generator = field(default_factory=np.random.default_rng)

    def __post_init__(self) -> None:
        own = self.base_url is None
        self.http = Http(
            self.base_url or BASE_URL,
            BitmexLimits() if self.per_second is None else BitmexLimits(self.per_second),
            timeout=self.timeout,
            retries=self.retries or Retries(attempts=3 if own else 7),  # nobody waits long for a venue that is gone
            clock=self.clock,
            rng=self.rng,
        )
        self.now: int | None = None
        self._listed: set[str] = set()

    def __enter__(self) -> BitmexClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def bars(self, symbol: str, interval: str, start: int, end: int, settle: str = "XBT") -> Iterator[Page]:
        """Bars that open in [start, end), page by page, the finished ones only. ``interval``: 1m, 5m, 1h or 1d.
        ``settle``: the currency of turnover. Ends where no bar follows: the venue makes one for every interval, so that
        those which lack before it closed may still come. Raises ConfigError for another interval."""
        if interval not in BINS:
            raise ConfigError(f"BitMEX: expected bars of {', '.join(BINS)}, got {interval}; resample the smaller ones")
        step = BINS[interval]
        ask = _Bars(self, symbol, interval, settle)
        first, end = start + -start % step, end + -end % step
        contradicted = False
        while first < end:
            begin = start if first < start + step else first
            columns = ask.complete(first, min(first + (MANY - 2) * step, end))
            if columns["ts"]:
                first, contradicted = columns["ts"][-1] + step, False
                yield Page(columns, begin, first)
                continue
            following = ask.following(first)
            if following is None:
                if first >= CLOSED_AT:
                    yield Page(columns, begin, end)
                else:
                    self._known(symbol)
                return
            if following == first:
                if contradicted:
                    raise FetchError(
                        f"{self.http.host}: trade/bucketed: one answer has a bar of {time_text(first)}, another none"
                    )
                contradicted = True
                continue
            yield Page(columns, begin, min(following, end))
            first = min(following, end)

    def funding(self, symbol: str, start: int, end: int) -> Iterator[Page]:
        """Settlements of [start, end), as far as they have been paid. Asks for a day more before, since a rate says how
        long before it another was paid; a span that must have one and has none is no part of any page."""
        at, before, due = start - DAY, None, start
        while True:
            params: Params = {"count": FEW, **_range(at, end)}
            found = _inside(self._rows("funding", symbol, params, parsing.funding_columns)[0], at, end)
            if not found["ts"]:
                break
            found, holes = self._settled(symbol, before, found)
            if before is None and found["ts"][0] - _hours(found, 0) >= start:
                first = self._first("funding", symbol)
                start = start if first is not None and first >= found["ts"][0] else found["ts"][0]
            before, at = found["ts"][-1], found["ts"][-1] + 1
            due = before + _hours(found, -1)
            if at > start:
                yield Page(_inside(found, start, at), start, at, holes=holes)
                start = at
        reached = min(end, self._clock())
        if before is None:
            first = self._first("funding", symbol)
            due = start if first is None else max(first, start)
        if start < reached and (due >= reached or due >= CLOSED_AT):
            yield Page({"ts": [], "rate": []}, start, reached)

    def _settled(self, symbol: str, before: int | None, found: Columns) -> tuple[Columns, tuple[tuple[int, int], ...]]:
        """A page of settlements, where some seem to lack asked for again, and the spans in which some do lack."""
        for start, end in _lost(before, found):
            params: Params = {"count": FEW, **_range(start, end)}
            more = self._rows("funding", symbol, params, parsing.funding_columns)[0]
            more = _inside(more, start, end)
            order = sorted(range(len(found["ts"]) + len(more["ts"])), key=[*found["ts"], *more["ts"]].__getitem__)
            found = {name: [[*values, *more[name]][row] for row in order] for name, values in found.items()}
        return found, tuple(_lost(before, found))

    def trades(self, symbol: str, start: int, end: int) -> Iterator[Page]:
        """Trades of [start, end)."""
        yield from self._events("trade", symbol, start, end, parsing.trade_columns)

    def quotes(self, symbol: str, start: int, end: int) -> Iterator[Page]:
        """Best bids and asks of [start, end)."""
        yield from self._events("quote", symbol, start, end, parsing.quote_columns)

    def instrument(self, symbol: str) -> Row:
        """The contract's row of /instrument, as it came. Raises DataError where there is none."""

        def check(reply: Reply, body: Any) -> Row:
            if not isinstance(body, list) or not all(isinstance(row, dict) for row in body):
                raise NotTrustedError("expected a list of instruments")
            found = [row for row in body if row.get("symbol") == symbol]
            if not found:
                raise DataError(
                    f"{self.http.host}: no contract is called {symbol!r}; BitMEX writes XBT for bitcoin, as in XBTUSD"
                )
            if any(row != found[0] for row in found):
                raise NotTrustedError(f"expected one contract {symbol}, got two that differ")
            row: Row = found[0]
            return row

        return self._ask("instrument", {"symbol": symbol, "count": 1}, check)

    def order_book(self, symbol: str, depth: int = 25) -> Columns:
        """The book now, ``depth`` levels of each side (0: all), as one message of the kind book_updates."""

        def check(reply: Reply, body: Any) -> Columns:
            self._note_time(reply)
            return parsing.book_columns(body, symbol, self._clock())

        return self._ask("orderBook/L2", {"symbol": symbol, "depth": depth}, check)

    def _events(
        self, table: str, symbol: str, start: int, end: int, columns_of: Callable[[list[tuple[int, Row]]], Columns]
    ) -> Iterator[Page]:
        """Pages that end where their last time begins, since more rows of that time may follow; where a whole page is
        of one time, the next one skips what came. The table ends where an answer brings nothing new, never with a page
        that is shorter than was asked for: servers give fewer rows as they like."""
        seen = False
        while start < end:
            got: list[tuple[int, Row]] = []
            for attempt in count():
                params: Params = {"count": MANY, "start": len(got) or None, **_range(start, end)}
                page, sent = self._rows(table, symbol, params, lambda rows: rows)
                there, got = len(got), parsing.without_twins(got + page)
                if got and got[-1][0] // MS > start // MS:
                    break
                if len(got) == there and (got or seen or attempt):
                    if sent >= MANY:
                        raise FetchError(
                            f"{self.http.host}: {table}: more than {there} rows of one time cannot be told apart"
                        )
                    break
            if not seen and not got:
                self._known(symbol)
            reached, last = min(end, self._clock() - LATE), end
            if got:
                last = max(got[-1][0] // MS, start // MS + 1) * MS
            last, seen = min(last, reached), seen or bool(got)
            kept = [(time, row) for time, row in got if start <= time < last]
            pools = tuple(sorted({str(row["pool"]) for _, row in kept if row.get("pool")}))
            yield Page(columns_of(kept), start, max(last, start), pools)
            if last >= reached:
                return
            start = last

    def _first(self, table: str, symbol: str) -> int | None:
        """Time of the first row of all, None where there is none. Raises DataError for an unknown symbol."""
        params: Params = {"count": 1, "startTime": parsing.iso_time(OPENED)}
        found, _ = self._rows(table, symbol, params, lambda rows: rows)
        if not found:
            self._known(symbol)
        return found[0][0] if found else None

    def _known(self, symbol: str) -> None:
        """Raise DataError for a symbol that the server does not list: it answers with no rows then, as for one that has
        none."""
        if symbol not in self._listed:
            self.instrument(symbol)
            self._listed.add(symbol)

    def _rows(
        self, path: str, symbol: str, params: Params, make: Callable[[list[tuple[int, Row]]], T]
    ) -> tuple[T, int]:
        """What ``make`` makes of the rows, and how many were sent."""

        def check(reply: Reply, body: Any) -> tuple[T, int]:
            self._note_time(reply)
            rows = parsing.rows_of(body, symbol)
            return make(rows), len(body)

        return self._ask(path, {"symbol": symbol, **params}, check)

    def _ask(self, path: str, params: Params, check: Callable[[Reply, Any], T]) -> T:
        try:
            return self.http.get_json(path, params, check=check)
        except GoneError as error:
            raise FetchError(f"{CLOSED.format(host=self.http.host)} ({error})") from error
        except FetchError as error:
            if self.base_url is None or any(text in str(error) for text in ("web page", "name is not known")):
                raise FetchError(f"{CLOSED.format(host=self.http.host)} ({error})") from error
            raise

    def _note_time(self, reply: Reply) -> None:
        """The server's clock by its Date header."""
        self.now = http_date(reply.headers.get("date"))

    def _clock(self) -> int:
        """The earlier of the server's clock and ours: what is before it has happened."""
        ours = self.clock.now()
        return ours if self.now is None else min(self.now, ours)


@dataclass(frozen=True)
class _Bars:
    """Bars of one contract and interval. ``settle``: the currency of turnover."""

    client: BitmexClient
    symbol: str
    interval: str
    settle: str

    def complete(self, first: int, last: int) -> Columns:
        """Bars that open in [first, last): asked for on and on until no new ones come, and those that lack before the
        last of them a second time. Those behind it are for whoever asks to judge."""
        found, step = self._on_from(first, last), BINS[self.interval]
        if not found["ts"]:
            return found
        lost = [
            (before + step, after) for before, after in pairwise([first - step, *found["ts"]]) if after > before + step
        ]
        for start, end in lost if len(lost) <= AGAIN else [(lost[0][0], lost[-1][1])]:
            known = set(found["ts"])
            more = self._on_from(start, end)
            new = [row for row, time in enumerate(more["ts"]) if time not in known]
            joined = {name: [*values, *(more[name][row] for row in new)] for name, values in found.items()}
            order = sorted(range(len(joined["ts"])), key=joined["ts"].__getitem__)
            found = {name: [values[row] for row in order] for name, values in joined.items()}
        return found

    def following(self, first: int) -> int | None:
        """The open of the first bar from ``first`` on, None where there is none."""
        step = BINS[self.interval]
        found = self._ask({"count": 1, "startTime": parsing.iso_time(first + step)})
        return found["ts"][0] if found["ts"] and found["ts"][0] >= first else None

    def _on_from(self, first: int, last: int) -> Columns:
        found, step = self._page(first, last), BINS[self.interval]
        while found["ts"] and found["ts"][-1] + step < last:
            more = self._page(found["ts"][-1] + step, last)
            if not more["ts"]:
                break
            found = {name: values + more[name] for name, values in found.items()}
        return found

    def _page(self, first: int, last: int) -> Columns:
        step = BINS[self.interval]
        found = self._ask({"count": MANY, **_range(first + step, last + step)})
        return _inside(found, first, min(last, self.client._clock() - step + 1))  # never one that is under way

    def _ask(self, params: Params) -> Columns:
        given: Params = {"binSize": self.interval, "partial": "false", **params}
        made, _ = self.client._rows(
            "trade/bucketed",
            self.symbol,
            given,
            lambda rows: parsing.bar_columns(rows, BINS[self.interval], self.settle),
        )
        return made


def _hours(settlements: Columns, row: int) -> int:
    """Nanoseconds that a rate is for."""
    return int(settlements["interval_h"][row] * HOUR)


def _lost(before: int | None, found: Columns) -> list[tuple[int, int]]:
    """Spans between settlements that are longer than the one at their end says. ``before``: the one before them all."""
    times = found["ts"] if before is None else [before, *found["ts"]]
    hours = [_hours(found, row) for row in range(len(found["ts"]))][-len(times) + 1 :] if len(times) > 1 else []
    return [(one + 1, other) for (one, other), long in zip(pairwise(times), hours, strict=True) if other - one > long]


def _range(start: int, end: int) -> dict[str, str]:
    """Parameters for [start, end], whole milliseconds around it."""
    return {"startTime": parsing.iso_time(start), "endTime": parsing.iso_time(end + MS - 1)}


def _inside(columns: Columns, start: int, end: int) -> Columns:
    kept = [start <= time < end for time in columns["ts"]]
    if all(kept):
        return columns
    return {name: [value for value, keep in zip(values, kept, strict=True) if keep] for name, values in columns.items()}
