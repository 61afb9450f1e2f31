"""BitMEX's REST interface, on a mirror: the venue closed on 2026-09-23.

Tables are paged by time, never by a deep offset. Whether an end belongs to a range that is asked for is not known, so
each page asks for a little more than it needs and what lies outside is dropped. ``reverse`` is never sent: any value of
it reverses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import numpy as np

from halfspread.datafeeds.bitmex import rows as parsing
from halfspread.datafeeds.bitmex.eras import CLOSED
from halfspread.datafeeds.bitmex.limits import BitmexLimits
from halfspread.datafeeds.bitmex.rows import BINS, Columns, Row
from halfspread.datafeeds.net.clock import Clock, MachineClock
from halfspread.datafeeds.net.http import GoneError, Http, NotTrustedError, Params, Retries
from halfspread.datafeeds.net.limits import Reply
from halfspread.engine.times import HOUR, SECOND
from halfspread.errors import ConfigError, DataError, FetchError

__all__ = ["BASE_URL", "BitmexClient", "Page"]

BASE_URL = "https://www.bitmex.com/api/v1"
#: Rows of a page.
MANY, FEW = 1000, 500
#: How long a trade or quote may take to appear.
LATE = 10 * SECOND
MS = 1_000_000

T = TypeVar("T")


@dataclass(frozen=True)
class Page:
    """Rows in the store's columns, and the half-open span that they are all of. ``pools``: names of the liquidity pools
    that rows named (2026 only)."""

    columns: Columns
    start: int
    end: int
    pools: tuple[str, ...] = ()


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

    def __enter__(self) -> BitmexClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def bars(self, symbol: str, interval: str, start: int, end: int, settle: str = "XBT") -> Iterator[Page]:
        """Bars that open in [start, end), page by page, the finished ones only. ``interval``: 1m, 5m, 1h or 1d.
        ``settle``: the currency of turnover. Raises ConfigError for another interval."""
        if interval not in BINS:
            raise ConfigError(f"BitMEX: expected bars of {', '.join(BINS)}, got {interval}; resample the smaller ones")
        step = BINS[interval]
        first, end = start + -start % step, end + -end % step
        while first < end:
            last = min(first + (MANY - 2) * step, end)
            params: Params = {
                "binSize": interval,
                "partial": "false",
                "count": MANY,
                **_range(first + step, last + step),
            }
            found, _ = self._rows("trade/bucketed", symbol, params, lambda got: parsing.bar_columns(got, step, settle))
            columns = _inside(found, first, last)
            if columns["ts"]:
                reached = self._reached(columns["ts"][-1] + step, last)
            else:
                following = self._next_bar(symbol, interval, first)
                last = end if following is None else min(following, end)
                reached = self._reached(first, last) if following is None else last
            yield Page(columns, start if first < start + step else first, reached)
            if reached < last:
                return
            first = last

    def _next_bar(self, symbol: str, interval: str, first: int) -> int | None:
        """The open of the first bar from ``first`` on, None where there is none."""
        step = BINS[interval]
        params: Params = {
            "binSize": interval,
            "partial": "false",
            "count": 1,
            "startTime": parsing.iso_time(first + step),
        }
        found, _ = self._rows("trade/bucketed", symbol, params, lambda got: [time - step for time, _ in got])
        return found[0] if found and found[0] >= first else None

    def _reached(self, known: int, last: int) -> int:
        """Up to where bars are complete, those up to ``known`` being there: the venue makes one for every interval, so
        that those which lack at the end of a page are not there yet, unless it is long since."""
        return last if known >= last or last < self._clock() - 24 * HOUR else known

    def funding(self, symbol: str, start: int, end: int) -> Iterator[Page]:
        """Settlements of [start, end), as far as they have been paid."""
        while start < end:
            params: Params = {"count": FEW, **_range(start, end)}
            found, full = self._rows("funding", symbol, params, parsing.funding_columns)
            last = found["ts"][-1] + 1 if full else min(end, self._clock())
            yield Page(_inside(found, start, last), start, max(last, start))
            if not full or last <= start:
                return
            start = last

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
        of one time, the next one skips what came."""
        while start < end:
            got: list[tuple[int, Row]] = []
            while True:
                params: Params = {"count": MANY, "start": len(got) or None, **_range(start, end)}
                page, full = self._rows(table, symbol, params, lambda rows: rows)
                there, got = len(got), parsing.without_twins(got + page)
                if not full or got[-1][0] // MS > start // MS:
                    break
                if len(got) == there:
                    raise FetchError(
                        f"{self.http.host}: {table}: more than {there} rows of one time cannot be told apart"
                    )
            last = got[-1][0] // MS * MS if full else min(end, self._clock() - LATE)
            kept = [(time, row) for time, row in got if start <= time < last]
            pools = tuple(sorted({str(row["pool"]) for _, row in kept if row.get("pool")}))
            yield Page(columns_of(kept), start, max(last, start), pools)
            if not full:
                return
            start = last

    def _rows(
        self, path: str, symbol: str, params: Params, make: Callable[[list[tuple[int, Row]]], T]
    ) -> tuple[T, bool]:
        """What ``make`` makes of the rows, and whether the page was full, so that there may be more."""

        def check(reply: Reply, body: Any) -> tuple[T, bool]:
            self._note_time(reply)
            rows = parsing.rows_of(body, symbol)
            return make(rows), len(body) >= int(params["count"] or 0)

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
        try:
            self.now = int(parsedate_to_datetime(reply.headers["date"]).timestamp()) * SECOND
        except (KeyError, ValueError, TypeError, IndexError):
            self.now = None

    def _clock(self) -> int:
        """The earlier of the server's clock and ours: what is before it has happened."""
        ours = self.clock.now()
        return ours if self.now is None else min(self.now, ours)


def _range(start: int, end: int) -> dict[str, str]:
    """Parameters for [start, end], whole milliseconds around it."""
    return {"startTime": parsing.iso_time(start), "endTime": parsing.iso_time(end + MS - 1)}


def _inside(columns: Columns, start: int, end: int) -> Columns:
    kept = [start <= time < end for time in columns["ts"]]
    if all(kept):
        return columns
    return {name: [value for value, keep in zip(values, kept, strict=True) if keep] for name, values in columns.items()}
