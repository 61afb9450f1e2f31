"""BitMEX's REST interface of the fake exchange keeps to the rules of the true one."""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
import pytest

from halfspread.datafeeds.fake_exchange import FakeExchange, GeneratedMarket
from halfspread.engine.times import HOUR, MINUTE
from tests.datafeeds.fake_exchange.asking import Ask, counted


def rows_of(ask: Ask, venue: FakeExchange, path: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = ask.json(venue.bitmex + path)
    assert isinstance(rows, list), rows
    return rows


def stamps(rows: list[dict[str, Any]]) -> list[int]:
    return [pd.Timestamp(row["timestamp"]).value for row in rows]


def test_bars_are_stamped_with_their_end(ask: Ask, venue: FakeExchange, market: GeneratedMarket) -> None:
    rows = rows_of(ask, venue, "/trade/bucketed?symbol=XBTUSD&binSize=1m&count=1000")
    truth = counted(market.truth("bars_1m", symbol="XBTUSD")).iloc[:1000]
    assert np.array_equal(np.array(stamps(rows)) - MINUTE, truth["ts"])
    for wire, name in (("open", "open"), ("high", "high"), ("low", "low"), ("close", "close"), ("volume", "volume")):
        assert [row[wire] for row in rows] == truth[name].tolist(), name
    assert [row["turnover"] / 1e8 for row in rows] == truth["turnover"].tolist()
    empty = [row for row in rows if row["trades"] == 0]
    assert empty
    assert all(row["vwap"] is None and row["lastSize"] is None and row["open"] == row["close"] for row in empty)


def test_opens_may_lie_outside_high_and_low(ask: Ask, venue: FakeExchange) -> None:
    rows = rows_of(ask, venue, "/trade/bucketed?symbol=XBTUSD&binSize=1m&count=1000")
    assert any(not row["low"] <= row["open"] <= row["high"] for row in rows)
    assert all(row["open"] == before["close"] for before, row in pairwise(rows))


def test_reverse_reverses_whatever_it_is_given(ask: Ask, venue: FakeExchange) -> None:
    for value in ("true", "false", "False"):
        rows = rows_of(ask, venue, f"/trade?symbol=XBTUSD&count=3&reverse={value}")
        assert stamps(rows) == sorted(stamps(rows), reverse=True)


@pytest.mark.parametrize(("inclusive", "count"), [(True, 3), (False, 2)])
def test_whether_the_end_is_inclusive_can_be_chosen(
    ask: Ask, market: GeneratedMarket, inclusive: bool, count: int
) -> None:
    with FakeExchange(market, end_inclusive=inclusive) as venue:
        path = "/trade/bucketed?symbol=XBTUSD&binSize=1h&startTime=2024-01-01T01:00Z&endTime=2024-01-01T03:00Z"
        assert len(rows_of(ask, venue, path)) == count


def test_partial_adds_the_unfinished_bin(ask: Ask, market: GeneratedMarket) -> None:
    with FakeExchange(market, now=market.start + 90 * MINUTE) as venue:
        path = "/trade/bucketed?symbol=XBTUSD&binSize=1h"
        assert stamps(rows_of(ask, venue, path)) == [market.start + HOUR]
        assert stamps(rows_of(ask, venue, path + "&partial=true")) == [market.start + HOUR, market.start + 2 * HOUR]


def test_columns_filter_and_start_pick_rows(ask: Ask, venue: FakeExchange) -> None:
    wanted = quote('{"side": "Sell"}')
    rows = rows_of(ask, venue, f"/trade?symbol=XBTUSD&count=4&columns=price,side&filter={wanted}")
    assert [set(row) for row in rows] == [{"timestamp", "symbol", "price", "side"}] * 4
    assert {row["side"] for row in rows} == {"Sell"}
    assert rows_of(ask, venue, f"/trade?symbol=XBTUSD&count=2&start=2&columns=price,side&filter={wanted}") == rows[2:]


def test_quotes_bins_funding_and_the_book_agree_with_the_truth(
    ask: Ask, venue: FakeExchange, market: GeneratedMarket
) -> None:
    quotes = counted(market.truth("quotes", symbol="XBTUSD"))
    rows = rows_of(ask, venue, "/quote?symbol=XBTUSD&count=10&reverse=true")
    assert [row["bidPrice"] for row in rows] == quotes["bid"].tolist()[:-11:-1]
    bins = rows_of(ask, venue, "/quote/bucketed?symbol=XBTUSD&binSize=1h&count=2")
    last = quotes[quotes["ts"] < market.start + HOUR].iloc[-1]
    assert [bins[0]["bidPrice"], bins[0]["askSize"]] == [last["bid"], last["ask_size"]]
    assert stamps(bins) == [market.start + HOUR, market.start + 2 * HOUR]
    funding = rows_of(ask, venue, "/funding?symbol=XBTUSD&count=500")
    truth = counted(market.truth("funding", symbol="XBTUSD"))
    assert stamps(funding) == truth["ts"].tolist()
    assert [row["fundingRate"] for row in funding] == truth["rate"].tolist()
    assert {row["fundingInterval"] for row in funding} == {"2000-01-01T08:00:00.000Z"}
    (contract,) = rows_of(ask, venue, "/instrument?symbol=XBTUSD")
    assert [contract["bidPrice"], contract["askPrice"]] == [quotes["bid"].iloc[-1], quotes["ask"].iloc[-1]]
    book = rows_of(ask, venue, "/orderBook/L2?symbol=XBTUSD&depth=2")
    assert [row["side"] for row in book] == ["Sell", "Sell", "Buy", "Buy"]
    assert book[2]["price"] == quotes["bid"].iloc[-1]
    assert book[1]["size"] == quotes["ask_size"].iloc[-1]


def test_index_trades_are_referential_and_have_no_size(ask: Ask, venue: FakeExchange) -> None:
    rows = rows_of(ask, venue, "/trade?symbol=.BXBT&count=3")
    assert {(row["size"], row["trdType"]) for row in rows} == {(0, "Referential")}
    assert rows_of(ask, venue, "/quote?symbol=.BXBT") == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/trade?count=1001", 400),
        ("/funding?count=501", 400),
        ("/trade?start=100001", 400),
        ("/trade?startTime=yesterday", 400),
        ("/trade/bucketed?binSize=2m", 400),
        ("/orderBook/L2", 400),
        ("/nothing", 404),
    ],
)
def test_what_cannot_be_asked_for_is_an_error_object(ask: Ask, venue: FakeExchange, path: str, status: int) -> None:
    answer = ask(venue.bitmex + path)
    assert answer[0] == status
    assert b'{"error":{"message":' in answer[2]


def test_beyond_the_limit_429_says_how_long_to_wait(ask: Ask, market: GeneratedMarket) -> None:
    with FakeExchange(market, requests_per_second=0.5, now=lambda: market.end) as venue:
        replies = [ask(f"{venue.bitmex}/funding") for _ in range(2)]
    assert [status for status, _, _ in replies] == [200, 429]
    assert replies[1][1]["retry-after"] == "2"
    assert replies[1][1]["x-ratelimit-remaining"] == "0"
