"""Servers that give fewer rows than they have, or none: what is not proven to be complete is not covered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from halfspread.datafeeds.bitmex.fetch import fetch
from halfspread.datafeeds.bitmex.rows import iso_time, time_of
from halfspread.datafeeds.net.clock import ManualClock
from halfspread.datafeeds.net.http import Retries
from halfspread.datafeeds.net.requests import Fetched, FetchRequest
from halfspread.datafeeds.store.series import Series
from halfspread.datafeeds.store.store import Store
from halfspread.engine.times import DAY, HOUR, MINUTE, SECOND
from halfspread.errors import DataError, FetchError
from tests.datafeeds.net.loopback import Answer, Asked, Loopback

T0 = 1_704_067_200 * SECOND  # 2024-01-01
NOW = T0 + 200 * DAY
END = T0 + 20 * HOUR


@pytest.fixture
def server() -> Any:
    loopback = Loopback()
    yield loopback
    loopback.close()


def rows_of(table: str, time: int) -> dict[str, Any]:
    row: dict[str, Any] = {"timestamp": iso_time(time), "symbol": "XBTUSD"}
    if table == "funding":
        return row | {"fundingInterval": "2000-01-01T08:00:00.000Z", "fundingRate": 0.0001}
    if table == "trade":
        return row | {"side": "Buy", "size": 100, "price": 7.0, "trdMatchID": f"{time}"}
    return row | {"open": 1, "high": 2, "low": 1, "close": 2, "trades": 1, "volume": 5}


class Mirror:
    """One contract from T0 on. ``cap``: rows of an answer; ``hide``: times of rows that it keeps to itself;
    ``partial``: whether it gives the bar under way."""

    def __init__(self, cap: int = 1000, hide: tuple[int, int] = (0, 0), now: int = NOW, partial: bool = False) -> None:
        self.cap, self.hide, self.now, self.partial = cap, hide, now, partial

    def __call__(self, asked: Asked) -> Answer:
        parts = urlsplit(asked.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        headers = {"Content-Type": "application/json"}
        table = parts.path.removeprefix("/")
        if query["symbol"] != "XBTUSD":
            return Answer(b"[]", headers=headers)
        if table == "instrument":
            return Answer(json.dumps([{"symbol": "XBTUSD", "settlCurrency": "XBt"}]).encode(), headers=headers)
        step = 8 * HOUR if table == "funding" else MINUTE
        first = max(time_of(query["startTime"]), T0)
        last = min(time_of(query["endTime"]) if "endTime" in query else NOW, self.now + step * self.partial)
        at = first + -first % step + step * int(query.get("start", 0))
        found: list[Any] = []
        while at <= last and len(found) < min(self.cap, int(query["count"])):
            if not self.hide[0] <= at < self.hide[1]:
                found.append(rows_of(table, at))
            at += step
        return Answer(json.dumps(found).encode(), headers=headers)


def ask(server: Loopback, store: Store, kind: str, end: int = END, now: int = NOW, symbol: str = "XBTUSD") -> Fetched:
    request = FetchRequest(symbol, (kind,), T0, end, base_url=server.url, per_second=1e9)
    return fetch(request, store, clock=ManualClock(now), retries=Retries(attempts=2))


@pytest.mark.parametrize(
    ("kind", "end", "rows"), [("trades", END, 1200), ("funding", T0 + 60 * DAY, 180), ("bars_1m", END, 1200)]
)
def test_a_server_that_gives_less_than_was_asked_for_is_read_to_its_end(
    server: Loopback, tmp_path: Path, kind: str, end: int, rows: int
) -> None:
    store, series = Store(tmp_path), Series("bitmex", "XBTUSD", kind)
    server.answer = Mirror(cap=170)
    fetched = ask(server, store, kind, end)
    assert (fetched.error, fetched.parts[0].rows, fetched.parts[0].holes) == (None, rows, ())
    assert store.covered(series) == ((T0, end),)
    assert store.gaps(series) == ()


@pytest.mark.parametrize(
    ("kind", "hide"),
    [
        ("funding", (T0 + 30 * DAY, NOW + DAY)),
        ("bars_1m", (T0 + 10 * HOUR + MINUTE, NOW + DAY)),
        ("funding", (0, NOW + DAY)),
        ("bars_1m", (0, NOW + DAY)),
    ],
)
def test_rows_that_must_be_there_and_are_not_stay_open(
    server: Loopback, tmp_path: Path, kind: str, hide: tuple[int, int]
) -> None:
    store, series, end = Store(tmp_path), Series("bitmex", "XBTUSD", kind), T0 + 40 * DAY
    end = END if kind == "bars_1m" else end
    server.answer = Mirror(hide=hide)
    fetched = ask(server, store, kind, end)
    assert fetched.error is None
    assert "a later fetch asks again" in fetched.parts[0].told[-1]
    assert store.gaps(series) == ()
    assert not any(last > max(hide[0], T0) for _, last in store.covered(series))
    server.answer = Mirror()
    ask(server, store, kind, end)
    assert store.covered(series) == ((T0, end),)
    assert len(store.read(series)) == (end - T0) // (MINUTE if kind == "bars_1m" else 8 * HOUR)


def test_settlements_that_lack_between_others_are_a_gap_after_a_second_question(
    server: Loopback, tmp_path: Path
) -> None:
    server.answer = Mirror(hide=(T0 + 10 * DAY, T0 + 11 * DAY))
    (part,) = ask(server, Store(tmp_path), "funding", T0 + 20 * DAY).parts
    assert [(hole.start, hole.end) for hole in part.holes] == [(T0 + 10 * DAY - 8 * HOUR + 1, T0 + 11 * DAY)]
    assert "asked for twice" in part.holes[0].reason


@pytest.mark.parametrize("kind", ["trades", "quotes", "funding", "bars_1m"])
def test_a_symbol_that_the_server_does_not_list_covers_nothing(server: Loopback, tmp_path: Path, kind: str) -> None:
    server.answer = Mirror()
    with pytest.raises(DataError, match="no contract is called 'FOOBAR'"):
        ask(server, Store(tmp_path), kind, symbol="FOOBAR")
    assert Store(tmp_path).series() == ()


def test_a_bar_under_way_is_not_taken_for_a_finished_one(server: Loopback, tmp_path: Path) -> None:
    store, series = Store(tmp_path), Series("bitmex", "XBTUSD", "bars_1m")
    now = T0 + 9 * MINUTE + 20 * SECOND
    server.answer = Mirror(now=now, partial=True)
    ask(server, store, "bars_1m", T0 + HOUR, now=now)
    assert store.covered(series) == ((T0, T0 + 9 * MINUTE),)
    assert len(store.read(series)) == 9


def test_a_number_of_any_length_is_no_traceback(server: Loopback, tmp_path: Path) -> None:
    row = rows_of("funding", T0) | {"fundingRate": 10**400}
    headers = {"Content-Type": "application/json"}
    server.answer = lambda asked: Answer(json.dumps([row]).encode(), headers=headers)
    assert isinstance(ask(server, Store(tmp_path), "funding").error, FetchError)
