"""BitMEX's public REST interface over a generated market: tables with count, start, reverse, startTime, endTime,
columns and filter, and the caps, headers and errors of the venue.

As there, ``reverse`` reverses whenever it is given, whatever its value.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from halfspread.datafeeds.fake_exchange import bitmex_rows as tables
from halfspread.datafeeds.fake_exchange.answers import Answer, Request, whole
from halfspread.datafeeds.fake_exchange.market import GeneratedMarket
from halfspread.engine.times import DAY, HOUR, MINUTE, SECOND

__all__ = ["Bitmex"]

BINS = {"1m": MINUTE, "5m": 5 * MINUTE, "1h": HOUR, "1d": DAY}
#: Most rows of an answer, and the deepest offset of its first one.
CAPS = {"trade": (1000, 100_000), "quote": (1000, 2_500_000), "funding": (500, 100_000)}

Rows = tables.Rows


class BadRequest(Exception):
    """An error of the venue."""


class Bitmex:
    """The protocol. ``end_inclusive``: whether ``endTime`` belongs to the range."""

    def __init__(self, market: GeneratedMarket, *, end_inclusive: bool = True) -> None:
        self.market, self._inclusive = market, end_inclusive
        self._symbols = [contract.symbol for contract in market.of_venue("bitmex")]
        self._routes: dict[str, Callable[[Mapping[str, str], int], list[Any]]] = {
            "/api/v1/trade": self._trades,
            "/api/v1/trade/bucketed": self._trade_bins,
            "/api/v1/quote": self._quotes,
            "/api/v1/quote/bucketed": self._quote_bins,
            "/api/v1/funding": self._funding,
            "/api/v1/instrument": self._instruments,
            "/api/v1/instrument/active": self._instruments,
            "/api/v1/orderBook/L2": self._book,
            "/api/v1/liquidation": lambda params, now: [],
        }
        self._day = lru_cache(maxsize=16)(self._of_day)
        self._binned = lru_cache(maxsize=16)(self._bins_of)

    def answer(self, request: Request, now: int) -> Answer:
        """The answer to a GET."""
        route = self._routes.get(request.path)
        if route is None:
            return _error(404, "Not Found")
        try:
            rows = list(route(request.params, now))
        except BadRequest as error:
            return _error(400, str(error))
        return Answer(200, rows, rows)

    def refused(self, retry_after: int, now: int) -> Answer:
        """Beyond the limit: 429 with the seconds to wait."""
        answer = _error(429, f"Rate limit exceeded, retry in {retry_after} seconds.")
        answer.headers["Retry-After"] = str(retry_after)
        return answer

    def limit_headers(self, limit: int, remaining: int, reset: int) -> dict[str, str]:
        """The venue's headers."""
        return {
            "x-ratelimit-limit": str(limit),
            "x-ratelimit-remaining": str(remaining),
            "x-ratelimit-reset": str(-(-reset // SECOND)),
        }

    def fault(self, kind: str, now: int) -> Answer:
        """Refusals in the venue's own words."""
        if kind == "403":
            return Answer(403, body=b"<html><body>403 Forbidden</body></html>", content_type="text/html")
        if kind == "503":
            return _error(503, "The system is currently overloaded. Please try again later.")
        return self.refused(1, now)

    def _trades(self, params: Mapping[str, str], now: int) -> list[Any]:
        return self._table("trade", params, now, lambda day: self._day("trade", self._asked(params), day))

    def _quotes(self, params: Mapping[str, str], now: int) -> list[Any]:
        return self._table("quote", params, now, lambda day: self._day("quote", self._asked(params), day))

    def _trade_bins(self, params: Mapping[str, str], now: int) -> list[Any]:
        return self._bins("trade", tables.trade_bins, params, now)

    def _quote_bins(self, params: Mapping[str, str], now: int) -> list[Any]:
        return self._bins("quote", tables.quote_bins, params, now)

    def _bins(self, table: str, make: Callable[..., Rows], params: Mapping[str, str], now: int) -> list[Any]:
        interval = BINS.get(params.get("binSize", "1m"))
        if interval is None:
            raise BadRequest("Invalid binSize")
        partial = params.get("partial", "false") == "true"

        def of_day(day: int) -> Rows:
            return self._binned(make, self._asked(params), interval, day, min(now, self.market.start + (day + 1) * DAY))

        return self._table(table, params, now + (interval if partial else 1), of_day)

    def _bins_of(self, make: Callable[..., Rows], symbols: tuple[str, ...], interval: int, day: int, now: int) -> Rows:
        start = self.market.start + day * DAY
        traded = [symbol for symbol in symbols if symbol != tables.INDEX]
        rows = [row for symbol in traded for row in make(self.market, symbol, interval, start, start + DAY, now)]
        return sorted(rows, key=lambda row: row[0])

    def _funding(self, params: Mapping[str, str], now: int) -> list[Any]:
        def of_day(day: int) -> Rows:
            start = self.market.start + day * DAY
            return [
                row
                for symbol in self._asked(params)
                for row in tables.funding_rows(self.market, symbol, start, start + DAY)
            ]

        return self._table("funding", params, now + 1, of_day)

    def _instruments(self, params: Mapping[str, str], now: int) -> list[Any]:
        rows = [tables.instrument_row(self.market, self.market.contract(symbol), now) for symbol in self._asked(params)]
        return [_picked(row, params) for row in rows if _fits(row, _filter(params))]

    def _book(self, params: Mapping[str, str], now: int) -> list[Any]:
        if not params.get("symbol"):
            raise BadRequest("symbol is a required argument")
        depth = whole(params.get("depth"), 25, 0, 10**6)
        if depth is None:
            raise BadRequest("Invalid depth")
        return [row for symbol in self._asked(params) for row in tables.book_rows(self.market, symbol, depth, now)]

    def _asked(self, params: Mapping[str, str]) -> tuple[str, ...]:
        """The symbols that are asked for; a root is its nearest contract. An unknown one has no rows."""
        wanted = params.get("symbol") or _filter(params).get("symbol")
        if wanted is None:
            return tuple(self._symbols)
        named = wanted if isinstance(wanted, list) else [wanted]
        if not all(isinstance(name, str) for name in named):
            raise BadRequest("filter: symbol is not text, nor a list of it")
        return tuple(dict.fromkeys(symbol for name in named for symbol in self._named(name)))

    def _named(self, symbol: str) -> tuple[str, ...]:
        if symbol in self._symbols or symbol == tables.INDEX:
            return (symbol,)
        root = symbol.partition(":")[0]
        return tuple([one for one in self._symbols if self.market.contract(one).base == root][:1])

    def _of_day(self, table: str, symbols: tuple[str, ...], day: int) -> Rows:
        make = tables.trades if table == "trade" else tables.quotes
        rows = [row for symbol in symbols for row in make(self.market, symbol, day)]
        return sorted(rows, key=lambda row: row[0])

    def _table(self, table: str, params: Mapping[str, str], now: int, of_day: Callable[[int], Rows]) -> list[Any]:
        """Rows before ``now`` as the common parameters ask for them."""
        most, deepest = CAPS[table]
        count, skip = whole(params.get("count"), 100, 1, most), whole(params.get("start"), 0, 0, deepest)
        if count is None or skip is None:
            name = "count" if count is None else "start"
            raise BadRequest(f"Value for '{name}' is invalid; the maximum is {most if count is None else deepest}.")
        start, end = self._bounds(params, now)
        wanted = _filter(params)
        rows = self._walk(of_day, start, end, backwards="reverse" in params)
        fitting = (row for row in rows if _fits(row, wanted))
        picked = []
        for number, row in enumerate(fitting):
            if number >= skip + count:
                break
            if number >= skip:
                picked.append(_picked(row, params))
        return picked

    def _bounds(self, params: Mapping[str, str], now: int) -> tuple[int, int]:
        """The half-open span of times that are asked for."""
        start = _time(params, "startTime")
        end = _time(params, "endTime")
        last = now if end is None else min(now, end + (1 if self._inclusive else 0))
        return self.market.start if start is None else max(start, self.market.start), last

    def _walk(self, of_day: Callable[[int], Rows], start: int, end: int, backwards: bool) -> Iterator[dict[str, Any]]:
        # A bin stamped with midnight is of the day before.
        days = range(max(0, self.market.day_of(start - 1)), min(self.market.days, self.market.day_of(end - 1) + 1))
        for day in reversed(days) if backwards else days:
            rows = of_day(day)
            for time, row in reversed(rows) if backwards else rows:
                if start <= time < end:
                    yield row


def _error(status: int, message: str) -> Answer:
    return Answer(status, {"error": {"message": message, "name": "HTTPError"}})


def _time(params: Mapping[str, str], name: str) -> int | None:
    text = params.get(name)
    if not text:
        return None
    try:
        stamp = datetime.fromisoformat(text)
    except ValueError:
        raise BadRequest(f"{name} is not a valid date") from None
    stamp = stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp
    delta = stamp - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds * 1000


def _filter(params: Mapping[str, str]) -> dict[str, Any]:
    text = params.get("filter")
    if not text:
        return {}
    try:
        wanted = json.loads(text)
    except (ValueError, RecursionError):
        raise BadRequest("filter is not valid JSON") from None
    if not isinstance(wanted, dict):
        raise BadRequest("filter is not an object")
    return wanted


def _fits(row: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(row.get(name) in (value if isinstance(value, list) else [value]) for name, value in wanted.items())


def _picked(row: dict[str, Any], params: Mapping[str, str]) -> dict[str, Any]:
    """The columns that are asked for, and those that name the row."""
    text = params.get("columns")
    if not text:
        return row
    try:
        names = json.loads(text) if text.startswith("[") else text.split(",")
    except ValueError:
        raise BadRequest("columns is not valid JSON") from None
    if not all(isinstance(name, str) for name in names):
        raise BadRequest("columns are not names")
    return {name: value for name, value in row.items() if name in ("timestamp", "symbol", *names)}
