"""Bybit's REST interface of the fake exchange keeps to the rules of the true one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from halfspread.datafeeds.fake_exchange import FakeExchange, GeneratedMarket
from halfspread.engine.times import HOUR, MINUTE
from tests.datafeeds.fake_exchange.asking import Ask, counted

MS = 1_000_000


def rows_of(ask: Ask, venue: FakeExchange, path: str) -> list[Any]:
    answer = ask.json(venue.bybit + path)
    assert answer["retCode"] == 0, answer
    rows: list[Any] = answer["result"]["list"]
    return rows


def test_klines_are_text_newest_first_and_equal_to_the_truth(
    ask: Ask, venue: FakeExchange, market: GeneratedMarket
) -> None:
    start, end = market.start + HOUR, market.start + 2 * HOUR
    path = (
        f"/v5/market/kline?category=linear&symbol=BTCUSDT&interval=1&start={start // MS}&end={end // MS - 1}&limit=1000"
    )
    rows = rows_of(ask, venue, path)
    truth = counted(market.truth("bars_1m", start, end))
    assert all(isinstance(value, str) for row in rows for value in row)
    assert [int(row[0]) * MS for row in rows] == truth["ts"].tolist()[::-1]
    for column, name in enumerate(("open", "high", "low", "close", "volume", "turnover"), 1):
        assert [float(row[column]) for row in rows] == truth[name].tolist()[::-1], name


def test_the_volume_of_an_inverse_contract_is_contracts_and_its_turnover_coin(ask: Ask, venue: FakeExchange) -> None:
    row = rows_of(ask, venue, "/v5/market/kline?category=inverse&symbol=BTCUSD&interval=60&limit=1")[0]
    assert Decimal(row[5]) == int(row[5])
    assert float(row[6]) == pytest.approx(float(row[5]) / float(row[4]), rel=0.01)


def test_a_start_inside_a_bar_returns_that_bar(ask: Ask, venue: FakeExchange, market: GeneratedMarket) -> None:
    inside = (market.start + 5 * MINUTE + 30 * 1_000_000_000) // MS
    rows = rows_of(ask, venue, f"/v5/market/kline?symbol=BTCUSDT&interval=5&start={inside}&limit=1")
    assert [int(row[0]) * MS for row in rows] == [market.start + 5 * MINUTE]


def test_the_unfinished_bar_comes_like_any_other(ask: Ask, market: GeneratedMarket) -> None:
    now = market.start + 90 * MINUTE + 20 * 1_000_000_000
    with FakeExchange(market, now=now) as venue:
        rows = rows_of(ask, venue, "/v5/market/kline?symbol=BTCUSDT&interval=60&limit=2")
    assert [int(row[0]) * MS for row in rows] == [market.start + HOUR, market.start]
    trades = counted(market.truth("trades", market.start + HOUR, now))
    assert float(rows[0][5]) == pytest.approx(trades["size"].sum(), abs=1e-9)
    assert float(rows[0][4]) == trades["price"].iloc[-1]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v5/market/kline?symbol=NOPE&interval=1", 10001),
        ("/v5/market/kline?symbol=btcusdt&interval=1", 10001),
        ("/v5/market/kline?symbol=BTCUSDT&interval=7", 10001),
        ("/v5/market/kline?symbol=BTCUSDT&interval=1&limit=1001", 10001),
        ("/v5/market/kline?category=inverse&symbol=BTCUSDT&interval=1", 10001),
        ("/v5/market/funding/history?category=linear&symbol=BTCUSDT&startTime=1704067200000", 10001),
        ("/v5/market/open-interest?category=linear&symbol=BTCUSDT&intervalTime=7min", 10001),
        ("/v5/market/nothing", 10017),
    ],
)
def test_what_cannot_be_asked_for_has_a_code(ask: Ask, venue: FakeExchange, path: str, code: int) -> None:
    assert ask.json(venue.bybit + path)["retCode"] == code


def test_funding_is_newest_first_and_pages_backwards(ask: Ask, venue: FakeExchange, market: GeneratedMarket) -> None:
    path = "/v5/market/funding/history?category=linear&symbol=BTCUSDT&limit=2"
    newest = rows_of(ask, venue, path)
    older = rows_of(ask, venue, f"{path}&endTime={int(newest[-1]['fundingRateTimestamp']) - 1}")
    truth = counted(market.truth("funding"))
    both = newest + older
    assert [int(row["fundingRateTimestamp"]) * MS for row in both] == truth["ts"].tolist()[:0:-1]
    assert [float(row["fundingRate"]) for row in both] == truth["rate"].tolist()[:0:-1]


def test_open_interest_and_instruments_page_by_cursor(ask: Ask, venue: FakeExchange, market: GeneratedMarket) -> None:
    path, stamps, cursor = "/v5/market/open-interest?category=linear&symbol=BTCUSDT&intervalTime=1h&limit=20", [], ""
    while True:
        result = ask.json(f"{venue.bybit}{path}&cursor={cursor}")["result"]
        stamps += [int(row["timestamp"]) * MS for row in result["list"]]
        cursor = result["nextPageCursor"]
        if not cursor:
            break
    assert stamps == counted(market.truth("open_interest_1h"))["ts"].tolist()[::-1]
    first = ask.json(f"{venue.bybit}/v5/market/instruments-info?category=linear&limit=30")["result"]
    second = ask.json(f"{venue.bybit}/v5/market/instruments-info?category=linear&cursor={first['nextPageCursor']}")
    names = [row["symbol"] for row in (*first["list"], *second["result"]["list"])]
    assert len(names) == len(set(names)) == 41
    assert {"SOONUSDT", "GONEUSDT"}.isdisjoint(names)
    soon = rows_of(ask, venue, "/v5/market/instruments-info?category=linear&status=PreLaunch")
    assert [row["symbol"] for row in soon] == ["SOONUSDT"]


def test_risk_limits_come_fifteen_symbols_at_a_time(ask: Ask, venue: FakeExchange) -> None:
    result = ask.json(f"{venue.bybit}/v5/market/risk-limit?category=linear")["result"]
    assert len({row["symbol"] for row in result["list"]}) == 15
    assert isinstance(result["list"][0]["maintenanceMargin"], float)
    assert result["nextPageCursor"]


def test_recent_trades_book_and_ticker_agree_with_the_truth(
    ask: Ask, venue: FakeExchange, market: GeneratedMarket
) -> None:
    trades = rows_of(ask, venue, "/v5/market/recent-trade?category=linear&symbol=BTCUSDT&limit=5")
    truth = counted(market.truth("trades")).iloc[-5:]
    assert [row["execId"] for row in trades] == truth["trade_id"].tolist()[::-1]
    quote = counted(market.truth("quotes")).iloc[-1]
    book = ask.json(f"{venue.bybit}/v5/market/orderbook?category=linear&symbol=BTCUSDT&limit=3")["result"]
    assert [float(value) for value in book["b"][0]] == [quote["bid"], quote["bid_size"]]
    assert [len(book["a"]), len(book["b"])] == [3, 3]
    ticker = rows_of(ask, venue, "/v5/market/tickers?category=linear&symbol=BTCUSDT")[0]
    assert float(ticker["ask1Price"]) == quote["ask"]
    day = counted(market.truth("bars_1d", market.end - 24 * HOUR))
    assert float(ticker["highPrice24h"]) == day["high"][0]
    assert float(ticker["volume24h"]) == day["volume"][0]
    assert float(ticker["turnover24h"]) == day["turnover"][0]
    assert float(ticker["markPrice"]) == market.truth("mark_1m")["close"].to_pylist()[-1]


def test_beyond_the_limit_the_code_is_10006_and_headers_tell_when(ask: Ask, market: GeneratedMarket) -> None:
    time = [market.end]
    with FakeExchange(market, requests_per_second=2, now=lambda: time[0]) as venue:
        codes = [ask.json(f"{venue.bybit}/v5/market/time")["retCode"] for _ in range(3)]
        assert codes == [0, 0, 10006]
        headers = ask(f"{venue.bybit}/v5/market/time")[1]
        assert headers["x-bapi-limit-status"] == "0"
        assert int(headers["x-bapi-limit-reset-timestamp"]) * MS == time[0] + 500 * MS
        time[0] += 500 * MS
        assert ask.json(f"{venue.bybit}/v5/market/time")["retCode"] == 0
