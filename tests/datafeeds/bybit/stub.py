"""A Bybit in memory, over given rows: answers as the venue does, without a network, and as awkwardly as is asked."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any, TypeVar

from halfspread.datafeeds.net.clock import ManualClock
from halfspread.datafeeds.net.http import NotTrustedError
from halfspread.datafeeds.net.limits import Reply
from halfspread.errors import FetchError

T = TypeVar("T")
MS = 1_000_000


def envelope(result: Any, code: int = 0, message: str = "OK", time: int = 1_700_000_000_000) -> dict[str, Any]:
    return {"retCode": code, "retMsg": message, "result": result, "retExtInfo": {}, "time": time}


def kline(time: int, price: float = 100.0) -> list[str]:
    """A row of the kline list, ``time`` in ns."""
    return [str(time // MS), f"{price}", f"{price + 1}", f"{price - 1}", f"{price + 0.5}", "2.50", "250.125"]


class StubHttp:
    """In place of `Http`. ``klines``, ``settlements``: rows by time (ns). ``inclusive``: whether a span's end belongs
    to it. ``duplicates``: repeats rows of each answer. ``lose``: how often rows of an answer are missing."""

    host, base_url, requests = "stub", "http://stub", 0

    def __init__(self, now: int, *, inclusive: bool = True, duplicates: bool = False, lose: float = 0.0) -> None:
        self.clock = ManualClock(now)
        self.klines: dict[int, list[str]] = {}
        self.settlements: dict[int, str] = {}
        self.info: dict[str, Any] = {
            "symbol": "BTCUSDT",
            "contractType": "LinearPerpetual",
            "status": "Trading",
            "launchTime": "1577836800000",
            "deliveryTime": "0",
            "fundingInterval": 480,
        }
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.stops_after: int | None = None
        self._inclusive, self._duplicates, self._lose = inclusive, duplicates, lose
        self._rng = random.Random(1)

    def url(self, path: str, params: Any = None) -> str:
        return f"{self.base_url}{path}"

    def close(self) -> None:
        pass

    def __enter__(self) -> StubHttp:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def get_json(self, path: str, params: Any, *, check: Callable[[Reply, Any], T]) -> T:
        given = {key: value for key, value in params.items() if value is not None}
        self.asked.append((path, given))
        if self.stops_after is not None and len(self.asked) > self.stops_after:
            raise FetchError("stub: stopped")
        body = envelope(self._result(path.rpartition("/v5/market/")[2], given))
        try:
            return check(Reply(200, {}, b"", path), json.loads(json.dumps(body)))
        except NotTrustedError as error:
            raise FetchError(str(error)) from error

    def _result(self, path: str, given: dict[str, Any]) -> dict[str, Any]:
        if path.endswith("kline"):
            rows = self._span(sorted(self.klines), given, "start", "end")
            return {"symbol": given["symbol"], "category": given["category"], "list": [self.klines[t] for t in rows]}
        if path == "funding/history":
            rows = self._span(sorted(self.settlements), given, "startTime", "endTime")
            found = [
                {"symbol": given["symbol"], "fundingRate": self.settlements[t], "fundingRateTimestamp": str(t // MS)}
                for t in rows
            ]
            return {"category": given["category"], "list": found}
        if path == "instruments-info":
            return {"category": given["category"], "list": [self.info] if given["category"] == "linear" else []}
        raise AssertionError(path)

    def _span(self, times: list[int], given: dict[str, Any], first: str, last: str) -> list[int]:
        end = given[last] * MS + (1 if self._inclusive else 0)
        found = [time for time in times if given[first] * MS <= time < end][::-1][: given["limit"]]
        if self._duplicates:
            found += found[:1] + found[-1:]
            self._rng.shuffle(found)
        return [time for time in found if self._rng.random() >= self._lose]
