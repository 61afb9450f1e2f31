"""Bybit v5's public market data over REST: one method for each endpoint, answers checked and in columns.

Times are int64 nanoseconds UTC, spans half-open [start, end). Sizes: linear in base coins, inverse in USD, which are
contracts of halfspread's instruments. Source: docs/v5/market/*.mdx of bybit-exchange/docs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeVar, get_args

from halfspread.datafeeds.bybit import rows
from halfspread.datafeeds.bybit.envelope import BAN, BybitLimits, Envelope, unwrapped
from halfspread.datafeeds.bybit.intervals import bar_code, open_interest_code
from halfspread.datafeeds.bybit.rows import Columns
from halfspread.datafeeds.bybit.values import listed, shown
from halfspread.datafeeds.net.clock import Skew, measure_skew
from halfspread.datafeeds.net.http import Http, NotTrustedError, Params, Retries
from halfspread.datafeeds.net.limits import Reply
from halfspread.engine.times import time_text
from halfspread.errors import ConfigError, FetchError

__all__ = [
    "BASE_URL",
    "CATEGORIES",
    "INTERESTS",
    "KLINES",
    "PATHS",
    "PRICES",
    "SETTLEMENTS",
    "STATUSES",
    "BybitClient",
    "Category",
    "Price",
]


BASE_URL = "https://api.bybit.com"
Category = Literal["linear", "inverse"]
Price = Literal["last", "mark", "index", "premium"]
CATEGORIES: tuple[Category, ...] = get_args(Category)
PRICES: tuple[Price, ...] = get_args(Price)
#: What a contract may be; the venue lists those that trade unless it is asked for others.
STATUSES = ("Trading", "PreLaunch", "Delivering", "Closed")

_MS = 1_000_000
#: Most rows of one answer, and the path of each price's bars.
KLINES, SETTLEMENTS, INTERESTS = 1000, 200, 200
PATHS = {
    "last": "kline",
    "mark": "mark-price-kline",
    "index": "index-price-kline",
    "premium": "premium-index-price-kline",
}
_MOST_PAGES = 1000
T = TypeVar("T")


class BybitClient:
    """Asks one host of Bybit. ``http``: the connection, of which ``for_host`` makes one with the venue's limits.

    Every method raises FetchError where the venue does not answer, or not in a form that can be trusted.
    """

    def __init__(self, http: Http) -> None:
        self.http = http

    @classmethod
    def for_host(
        cls,
        base_url: str = BASE_URL,
        *,
        workers: int = 4,
        per_second: float | None = None,
        patient: bool = False,
        **options: Any,
    ) -> BybitClient:
        """A client of ``base_url`` for so many threads and requests a second (None: 10). ``patient``: sit out a ban of
        ten minutes. ``options``: of `Http` (clock, rng, retries, ...)."""
        limits = BybitLimits(patient=patient) if per_second is None else BybitLimits(per_second, patient=patient)
        if patient:
            options = {"retries": Retries(patience=2 * BAN), **options}
        return cls(Http(base_url, limits, connections=workers, **options))

    def server_time(self) -> int:
        """The venue's time, ns UTC."""

        def read(reply: Reply, body: Any) -> int:
            found = unwrapped(reply, body)
            nanos = found.result.get("timeNano")
            if isinstance(nanos, str) and nanos.isascii() and nanos.isdecimal() and len(nanos) == 19:
                return int(nanos)
            if found.time is None:
                raise NotTrustedError("expected the venue's time, got none")
            return found.time

        return self.http.get_json("/v5/market/time", check=read)

    def skew(self) -> Skew:
        """How far the venue's clock is from ours."""
        return measure_skew(self.server_time, self.http.clock)

    def klines(
        self, category: Category, symbol: str, interval: int, start: int, end: int, price: Price = "last"
    ) -> Columns:
        """Bars that open in [start, end), at most 998 of them (`window`): ts, open, high, low, close, and of trades
        volume and turnover. A bar that is not finished is among them: cut ``end`` by the venue's time."""
        self._check_window(interval, start, end, KLINES)
        if price == "premium" and category != "linear":
            raise ConfigError("bybit: premium bars exist for linear contracts only; ask for mark and index instead")
        params = self._span(category, symbol, interval, start, end, limit=KLINES) | {"interval": bar_code(interval)}

        def read(found: Envelope) -> Columns:
            _same(found, category=category, symbol=symbol)
            traded, signed = price == "last", price == "premium"
            return rows.bars(listed(found.result), interval, volume=traded, signed=signed)

        return rows.clipped(self._get(PATHS[price], params, read), start, end)

    def funding(self, category: Category, symbol: str, start: int, end: int) -> Columns:
        """Settlements in [start, end), asked for from the last to the first: ts, rate."""
        pages: list[Columns] = []
        last = end
        for _ in range(_MOST_PAGES):
            page = self.funding_page(category, symbol, start, last)
            if not len(page["ts"]):
                return _joined([page, *pages])
            pages.insert(0, page)
            last = int(page["ts"][0])
            if last <= start:
                return _joined(pages)
        raise FetchError(f"{self.http.host}: funding of {symbol}: no end after {_MOST_PAGES} pages")

    def funding_page(self, category: Category, symbol: str, start: int, end: int) -> Columns:
        """The last settlements in [start, end), at most 200."""
        params: Params = {
            "category": category,
            "symbol": symbol,
            "startTime": start // _MS,
            "endTime": (end - 1) // _MS,
            "limit": SETTLEMENTS,
        }

        def read(found: Envelope) -> Columns:
            _same(found, category=category)
            page = rows.funding(listed(found.result), symbol)
            others = [time for time in page["ts"] if not start // _MS * _MS <= time < end]
            if others:
                raise NotTrustedError(
                    f"expected settlements from {time_text(start)} to {time_text(end)}, got one of "
                    f"{time_text(others[0])}"
                )
            return rows.clipped(page, start, end)

        return self._get("funding/history", params, read)

    def open_interest(self, category: Category, symbol: str, interval: int, start: int, end: int) -> Columns:
        """Open interest stamped in [start, end), at most 198 rows (`window`): ts, open_interest (both sides) and
        one_sided (NaN before 2026-06-11)."""
        self._check_window(interval, start, end, INTERESTS)
        code = open_interest_code(interval)
        given = self._span(category, symbol, interval, start, end, limit=INTERESTS, names=("startTime", "endTime"))
        params = given | {"intervalTime": code}

        def read(found: Envelope) -> Columns:
            _same(found, category=category, symbol=symbol)
            return rows.open_interest(listed(found.result), interval)

        return rows.clipped(self._get("open-interest", params, read), start, end)

    def instruments(
        self, category: Category, symbol: str | None = None, status: str | None = None
    ) -> list[dict[str, Any]]:
        """Rules of contracts as the venue gives them, of all pages. ``status``: one of STATUSES, None for Trading."""
        params: Params = {"category": category, "symbol": symbol, "status": status, "limit": 1000}
        return list(self._pages("instruments-info", params, category))

    def find(self, symbol: str) -> tuple[Category, dict[str, Any]] | None:
        """The category and rules of a contract, whatever its status; None where the venue has none of this name."""
        for status in (None, *STATUSES[1:]):
            for category in CATEGORIES:
                found = [row for row in self._named(category, symbol, status) if row.get("symbol") == symbol]
                if found:
                    return category, found[0]
        return None

    def risk_limits(self, category: Category, symbol: str | None = None) -> list[dict[str, Any]]:
        """Margin tiers as the venue gives them, of all pages."""
        return list(self._pages("risk-limit", {"category": category, "symbol": symbol}, category))

    def recent_trades(self, category: Category, symbol: str, limit: int = 1000) -> Columns:
        """The last trades, at most 1000, the oldest first, as columns of the kind trades. The venue has no history of
        them here: the dumps have."""
        params: Params = {"category": category, "symbol": symbol, "limit": limit}
        return self._get("recent-trade", params, lambda found: rows.trades(listed(found.result), symbol))

    def order_book(self, category: Category, symbol: str, limit: int = 200) -> Columns:
        """The book now, 1 to 1000 levels a side, as one message of the kind book_updates."""
        params: Params = {"category": category, "symbol": symbol, "limit": limit}
        return self._get("orderbook", params, lambda found: rows.order_book(found.result, symbol))

    def tickers(self, category: Category, symbol: str | None = None) -> list[dict[str, Any]]:
        """Last, mark and index prices, funding and open interest now, as the venue gives them."""
        params: Params = {"category": category, "symbol": symbol}
        return self._get("tickers", params, lambda found: _objects(listed(found.result)))

    @staticmethod
    def window(interval: int, limit: int = KLINES) -> int:
        """Nanoseconds that one request covers: two rows less than the venue gives, so that rows at either border may
        come or not."""
        return (limit - 2) * interval

    def _named(self, category: Category, symbol: str, status: str | None) -> list[dict[str, Any]]:
        """Contracts of this name; an unknown name is an error of some hosts, and an empty list of others."""
        try:
            return self.instruments(category, symbol, status)
        except FetchError as error:
            if "retCode 10001" in str(error) or "retCode 10029" in str(error):
                return []
            raise

    def _check_window(self, interval: int, start: int, end: int, limit: int) -> None:
        most = self.window(interval, limit)
        if not 0 < end - start <= most:
            raise ConfigError(
                f"bybit: expected a span of at most {most // interval} rows, got {(end - start) / interval:g}"
            )

    def _span(
        self,
        category: Category,
        symbol: str,
        interval: int,
        start: int,
        end: int,
        *,
        limit: int,
        names: tuple[str, str] = ("start", "end"),
    ) -> dict[str, str | int]:
        """Parameters for the rows in [start, end) and the one before, so that it does not matter whether the venue
        counts the first and the last."""
        first, last = (start - interval) // _MS, (end - 1) // _MS
        return {"category": category, "symbol": symbol, names[0]: first, names[1]: last, "limit": limit}

    def _get(self, path: str, params: Params, read: Callable[[Envelope], T]) -> T:
        return self.http.get_json(f"/v5/market/{path}", params, check=lambda reply, body: read(unwrapped(reply, body)))

    def _pages(self, path: str, params: Params, category: Category) -> Iterator[dict[str, Any]]:
        """Rows of all pages, by cursor; a cursor that comes again would never end."""

        def read(found: Envelope) -> tuple[list[dict[str, Any]], str]:
            _same(found, category=category)
            cursor = found.result.get("nextPageCursor") or ""
            if not isinstance(cursor, str):
                raise NotTrustedError(f"nextPageCursor: expected a text, got {shown(cursor)}")
            return _objects(listed(found.result)), cursor

        cursor, seen = "", set[str]()
        while True:
            found, cursor = self._get(path, {**params, "cursor": cursor or None}, read)
            yield from found
            if not cursor or not found:
                return
            if cursor in seen or len(seen) >= _MOST_PAGES:
                raise FetchError(f"{self.http.host}: {path}: the pages have no end (cursor {shown(cursor)})")
            seen.add(cursor)


def _same(found: Envelope, **expected: str) -> None:
    """Refuse an answer about something else than what was asked."""
    for name, value in expected.items():
        got = found.result.get(name)
        if got not in (None, "", value):
            raise NotTrustedError(f"{name}: expected {value}, got {shown(got)}")


def _objects(found: list[Any]) -> list[dict[str, Any]]:
    for row, value in enumerate(found):
        if not isinstance(value, dict):
            raise NotTrustedError(f"row {row}: expected an object, got {shown(value)}")
    return found


def _joined(pages: list[Columns]) -> Columns:
    """Pages that follow each other, the oldest first, as one."""
    import numpy as np

    return {name: np.concatenate([page[name] for page in pages]) for name in pages[0]}
