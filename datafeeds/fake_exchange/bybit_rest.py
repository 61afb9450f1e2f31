"""Bybit v5 public market data over a generated market: the paths, limits, orders and errors of its REST interface.

Numbers are text, lists run from the newest row to the oldest, the unfinished bar is returned like any other, and a
``start`` inside a bar returns that bar. Where ``start`` and ``end`` span more than ``limit`` rows, the newest come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from halfspread.datafeeds.fake_exchange.answers import Answer, Request, whole
from halfspread.datafeeds.fake_exchange.bybit_instruments import instruments, risk_limits, ticker
from halfspread.datafeeds.fake_exchange.contracts import FakeContract
from halfspread.datafeeds.fake_exchange.decimals import decimal_text
from halfspread.datafeeds.fake_exchange.market import GeneratedMarket
from halfspread.datafeeds.fake_exchange.naming import trade_ids
from halfspread.datafeeds.fake_exchange.truth import ONE_SIDED_SINCE
from halfspread.engine.times import DAY, HOUR, MINUTE

__all__ = ["Bybit"]

MS = 1_000_000
INTERVALS = {
    **{str(n): n * MINUTE for n in (1, 3, 5, 15, 30, 60, 120, 240, 360, 720)},
    "D": DAY,
}
INTERVAL_TIMES = {
    "5min": 5 * MINUTE, "15min": 15 * MINUTE, "30min": 30 * MINUTE, "1h": HOUR, "4h": 4 * HOUR, "1d": DAY,
}  # fmt: skip
CATEGORIES = ("linear", "inverse")


class BadRequest(Exception):
    """An error of the venue: its code and message."""

    def __init__(self, message: str, code: int = 10001) -> None:
        super().__init__(message)
        self.code = code


class Bybit:
    """The protocol. ``end_inclusive``: whether ``end`` and ``endTime`` belong to the range."""

    def __init__(self, market: GeneratedMarket, *, end_inclusive: bool = True) -> None:
        self.market, self._last = market, 0 if end_inclusive else 1
        self._routes: dict[str, Callable[[Mapping[str, str], int], tuple[dict[str, Any], list[Any] | None]]] = {
            "/v5/market/time": self._time,
            "/v5/market/kline": self._kline,
            "/v5/market/mark-price-kline": self._mark,
            "/v5/market/index-price-kline": self._index,
            "/v5/market/premium-index-price-kline": self._premium,
            "/v5/market/funding/history": self._funding,
            "/v5/market/instruments-info": self._instruments,
            "/v5/market/risk-limit": self._risk_limit,
            "/v5/market/open-interest": self._open_interest,
            "/v5/market/recent-trade": self._recent_trade,
            "/v5/market/orderbook": self._orderbook,
            "/v5/market/tickers": self._tickers,
        }

    def answer(self, request: Request, now: int) -> Answer:
        """The answer to a GET."""
        route = self._routes.get(request.path)
        if route is None:
            return Answer(404, _envelope(10017, "Path not found", {}, now))
        try:
            result, rows = route(request.params, now)
        except BadRequest as error:
            return Answer(200, _envelope(error.code, str(error), {}, now))
        return Answer(200, _envelope(0, "OK", result, now), rows)

    def refused(self, retry_after: int, now: int) -> Answer:
        """Beyond the limit: code 10006."""
        return Answer(200, _envelope(10006, "Too many visits. Exceeded the API Rate Limit.", {}, now))

    def limit_headers(self, limit: int, remaining: int, reset: int) -> dict[str, str]:
        """The venue's three headers."""
        return {
            "X-Bapi-Limit": str(limit),
            "X-Bapi-Limit-Status": str(remaining),
            "X-Bapi-Limit-Reset-Timestamp": str(reset // MS),
        }

    def fault(self, kind: str, now: int) -> Answer:
        """Refusals in the venue's own words."""
        if kind == "10006":
            return self.refused(1, now)
        if kind == "403":
            return Answer(403, body=b"403 access too frequent", content_type="text/plain")
        if kind == "429":
            return Answer(429, body=b"Too many requests", content_type="text/plain", headers={"Retry-After": "1"})
        return Answer(
            503, body=b"<html><body>503 Service Temporarily Unavailable</body></html>", content_type="text/html"
        )

    def _contract(self, params: Mapping[str, str], *, category: str | None = "linear") -> FakeContract:
        category = params.get("category", category)
        if category not in CATEGORIES:
            raise BadRequest("params error: Category is invalid" if category else "Category is empty")
        contract = self.market.contracts.get(params.get("symbol", ""))
        if contract is None or contract.venue != "bybit" or contract.kind != category:
            raise BadRequest("params error: Symbol Is Invalid")
        return contract

    def _time(self, params: Mapping[str, str], now: int) -> tuple[dict[str, Any], None]:
        return {"timeSecond": str(now // 1_000_000_000), "timeNano": str(now)}, None

    def _kline(self, params: Mapping[str, str], now: int) -> tuple[dict[str, Any], list[Any]]:
        contract, interval, window = self._window(params, now)
        bars = self.market.bars(contract.symbol, interval, *window, now)
        tick, lot = contract.tick, contract.lot

        def row(i: int) -> list[str]:
            prices = (bars[name][i] for name in ("open", "high", "low", "close"))
            return [
                str(int(bars["ts"][i]) // MS),
                *(decimal_text(int(price) * tick[0], tick[1]) for price in prices),
                decimal_text(int(bars["lots"][i]) * lot[0], lot[1]),
                decimal_text(int(bars["turnover"][i]), contract.turnover_decimals),
            ]

        return self._bars_result(contract, params, len(bars["ts"]), row)

    def _mark(self, params: Mapping[str, str], now: int) -> tuple[dict[str, Any], list[Any]]:
        return self._prices("mark", params, now)

    def _index(self, params: Mapping[str, str], now: int) -> tuple[dict[str, Any], list[Any]]:
        return self._prices("index", params, now)

    def _premium(self, params: Mapping[str, str], now: int) -> tuple[dict[str, Any], list[Any]]:
        if params.get("category", "linear") != "linear":
            raise BadRequest("params error: Category is invalid")
        return self._prices("premium", params, now)

    def _prices(self, family: Any, params: Mapping[str, str], now: int) -> tuple[dict[str, Any], list[Any]]:
        contract, interval, window = self._window(params, now)
        bars = self.market.price_bars(contract.symbol, family, interval, *window, now)
        decimals = self.market.price_decimals(contract.symbol, family)

        def row(i: int) -> list[str]:
            prices = (bars[name][i] for name in ("open", "high", "low", "close"))
            return [str(int(bars["ts"][i]) // MS), *(decimal_text(int(price), decimals) for price in prices)]

        return self._bars_result(contract, params, len(bars["ts"]), row)

    def _window(self, params: Mapping[str, str], now: int) -> tuple[FakeContract, int, tuple[int, int]]:
        """Contract, interval, and the span of opens that could be asked for, cut to what ``limit`` can reach."""
        contract = self._contract(params)
        interval = INTERVALS.get(params.get("interval", ""))
        if interval is None:
            raise BadRequest("Invalid period!")
        limit = self._limit(params, 200, 1000)
        start, end = self._span(params, "start", "end", now)
        if start is not None and params.get("end", "") == "":
            end = min(end, start - start % interval + limit * interval)
        first = self.market.start if start is None else start - start % interval
        return contract, interval, (max(first, self.market.start), min(end, now))

    def _bars_result(
        self, contract: FakeContract, params: Mapping[str, str], count: int, row: Callable[[int], list[str]]
    ) -> tuple[dict[str, Any], list[Any]]:
        limit = self._limit(params, 200, 1000)
        rows = [row(i) for i in range(count - 1, max(count - limit, 0) - 1, -1)]
        return {"symbol": contract.symbol, "category": contract.kind, "list": rows}, rows

    def _limit(self, params: Mapping[str, str], default: int, most: int) -> int:
        limit = whole(params.get("limit"), default, 1, most)
        if limit is None:
            raise BadRequest("params error: limit is invalid")
        return limit

    def _span(self, params: Mapping[str, str], first: str, last: str, now: int) -> tuple[int | None, int]:
        """Start (or None) and exclusive end, ns, of two parameters in milliseconds."""
        bounds: list[int | None] = []
        for name in (first, last):
            value = whole(params.get(name), -1, 0, 10**14)
            if value is None:
                raise BadRequest(f"params error: {name} is invalid")
            bounds.append(None if value < 0 else value)
        end = now if bounds[1] is None else (bounds[1] + 1 - self._last) * MS
        return None if bounds[0] is None else bounds[0] * MS, end

    def _funding(self, params: Mapping[str, str], now: int) -> tuple[dict[str, Any], list[Any]]:
        contract = self._contract(params, category=None)
        if params.get("startTime", "") and not params.get("endTime", ""):
            raise BadRequest("endTime cannot be null when startTime is given")
        limit = self._limit(params, 200, 200)
        start, end = self._span(params, "startTime", "endTime", now)
        if start is not None and start > end:
            raise BadRequest("params error: startTime is after endTime")
        found = self.market.funding(contract.symbol, start or 0, min(end, now + 1))
        rows: list[Any] = [
            {
                "symbol": contract.symbol,
                "fundingRate": decimal_text(rate, contract.rate_decimals),
                "fundingRateTimestamp": str(time // MS),
            }
            for time, rate, _ in found[::-1][:limit]
        ]
        return {"category": contract.kind, "list": rows}, rows

    def _instruments(self, params: Mapping[str, str], now: int) -> tuple[dict[str, Any], list[Any]]:
        category = params.get("category", "")
        if category not in CATEGORIES:
            raise BadRequest("params error: Category is invalid")
        limit = self._limit(params, 500, 1000)
        status, symbol = params.get("status") or "Trading", params.get("symbol")
        found = [
            row
            for row in instruments(self.market, category, now)
            if (row["symbol"] == symbol if symbol else row["status"] == status)
        ]
        rows, cursor = _page(found, params.get("cursor", ""), limit)
        return {"category": category, "list": rows, "nextPageCursor": cursor}, rows

    def _risk_limit(self, params: Mapping[str, str], now: int) -> tuple[dict[str, Any], list[Any]]:
        category = params.get("category", "")
        if category not in CATEGORIES:
            raise BadRequest("params error: Category is invalid")
        symbols = [row["symbol"] for row in instruments(self.market, category, now) if row["status"] == "Trading"]
        if params.get("symbol"):
            symbols = [symbol for symbol in symbols if symbol == params["symbol"]]
        shown, cursor = _page(symbols, params.get("cursor", ""), 15 if category == "linear" else 1000)
        rows = [row for symbol in shown for row in risk_limits(symbol)]
        return {"category": category, "list": rows, "nextPageCursor": cursor}, rows

    def _open_interest(self, params: Mapping[str, str], now: int) -> tuple[dict[str, Any], list[Any]]:
        contract = self._contract(params, category=None)
        interval = INTERVAL_TIMES.get(params.get("intervalTime", ""))
        if interval is None:
            raise BadRequest("params error: intervalTime is invalid")
        limit = self._limit(params, 50, 200)
        start, end = self._span(params, "startTime", "endTime", now)
        cursor = params.get("cursor", "")
        if cursor:
            end = min(end, (whole(cursor, 0, 0, 10**14) or 0) * MS)
        first = max(self.market.start, start or 0, contract.launch or 0)
        first += -first % interval
        table = range(first, min(end, now + 1, self.market.end), interval)
        times = list(table[-limit:])[::-1]
        rows = [self._interest_row(contract, time) for time in times]
        more = str(times[-1] // MS) if len(table) > limit else ""
        return {"symbol": contract.symbol, "category": contract.kind, "list": rows, "nextPageCursor": more}, rows

    def _interest_row(self, contract: FakeContract, time: int) -> dict[str, str]:
        import numpy as np

        lots = int(self.market.open_interest(contract.symbol, np.array([time]))[0]) * contract.lot[0]
        row = {"openInterest": decimal_text(2 * lots, contract.lot[1]), "timestamp": str(time // MS)}
        if time >= ONE_SIDED_SINCE:
            row["singleOpenInterest"] = decimal_text(lots, contract.lot[1])
        return row

    def _recent_trade(self, params: Mapping[str, str], now: int) -> tuple[dict[str, Any], list[Any]]:
        contract = self._contract(params)
        limit = self._limit(params, 500, 1000)
        day = min(self.market.day_of(now - 1), self.market.days - 1)
        events = self.market.events(contract.symbol, day).before(now)
        count = len(events.ts)
        numbers = range(max(0, count - limit), count)
        ids = trade_ids(contract.symbol, day, numbers)
        rows: list[Any] = [
            {
                "execId": ids[i - numbers.start],
                "symbol": contract.symbol,
                "price": decimal_text(int(events.ticks[i]) * contract.tick[0], contract.tick[1]),
                "size": decimal_text(int(events.lots[i]) * contract.lot[0], contract.lot[1]),
                "side": "Buy" if events.side[i] > 0 else "Sell",
                "time": str(int(events.ts[i]) // MS),
                "isBlockTrade": False,
                "isRPITrade": bool(events.rpi[i]),
                "seq": str(day * 10**6 + i),
            }
            for i in reversed(numbers)
        ]
        return {"category": contract.kind, "list": rows}, rows

    def _orderbook(self, params: Mapping[str, str], now: int) -> tuple[dict[str, Any], None]:
        contract = self._contract(params)
        limit = self._limit(params, 25, 1000)
        day = min(self.market.day_of(now - 1), self.market.days - 1)
        quotes = self.market.events(contract.symbol, day).before(now).quote_ts
        sides = self.market.book(contract.symbol, day, len(quotes) - 1)
        shown = [[_level(contract, *level) for level in side[:limit]] for side in sides]
        cts, number = int(quotes[-1]) // MS, day * 100_000 + len(quotes)
        result = {"s": contract.symbol, "b": shown[0], "a": shown[1], "ts": cts + 3, "u": number, "cts": cts}
        return {**result, "seq": 7 * number}, None

    def _tickers(self, params: Mapping[str, str], now: int) -> tuple[dict[str, Any], list[Any]]:
        if params.get("symbol"):
            contracts = [self._contract(params)]
        else:
            contracts = [one for one in self.market.of_venue("bybit") if one.kind == params.get("category", "linear")]
        rows = [ticker(self.market, contract, now) for contract in contracts]
        return {"category": contracts[0].kind, "list": rows}, rows


def _level(contract: FakeContract, ticks: int, lots: int) -> list[str]:
    price = decimal_text(ticks * contract.tick[0], contract.tick[1])
    return [price, decimal_text(lots * contract.lot[0], contract.lot[1])]


def _envelope(code: int, message: str, result: Any, now: int) -> dict[str, Any]:
    return {"retCode": code, "retMsg": message, "result": result, "retExtInfo": {}, "time": now // MS}


def _page(rows: list[Any], cursor: str, limit: int) -> tuple[list[Any], str]:
    """Rows from a cursor on, and the cursor of the next page, "" at the end."""
    start = whole(cursor.removeprefix("page-"), 0, 0, 10**6) if cursor else 0
    if start is None:
        raise BadRequest("params error: cursor is invalid")
    following = start + limit
    return rows[start:following], f"page-{following}" if following < len(rows) else ""
