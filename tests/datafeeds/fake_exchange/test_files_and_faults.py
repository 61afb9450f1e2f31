"""Public files of the fake exchange, and every way in which it fails."""

from __future__ import annotations

import gzip
import http.client
import io
import json
import threading
import zipfile
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
import pytest

from halfspread.datafeeds.fake_exchange import FakeExchange, Faults, GeneratedMarket
from halfspread.datafeeds.fake_exchange import exchange as exchange_module
from halfspread.datafeeds.fake_exchange.days import book_lots
from halfspread.datafeeds.fake_exchange.files import PublicFiles
from halfspread.engine.times import DAY, HOUR, MINUTE
from halfspread.errors import ConfigError
from tests.datafeeds.fake_exchange.asking import Ask, counted

TRADES = "/data/trade/20240101.csv.gz"


def test_daily_trades_of_bitmex_mix_all_symbols(ask: Ask, venue: FakeExchange, market: GeneratedMarket) -> None:
    frame = pd.read_csv(io.BytesIO(gzip.decompress(ask(venue.dumps + TRADES)[2])))
    assert set(frame["symbol"]) == {"XBTUSD", "XBTUSDT", ".BXBT"}
    assert frame["timestamp"].str.fullmatch(r"2024-01-01D\d\d:\d\d:\d\d\.\d{9}").all()
    assert frame["timestamp"].is_monotonic_increasing
    mine = frame[frame["symbol"] == "XBTUSD"]
    truth = counted(market.truth("trades", end=market.start + DAY, symbol="XBTUSD"))
    assert mine["price"].tolist() == truth["price"].tolist()
    assert mine["trdMatchID"].tolist() == truth["trade_id"].tolist()


def test_bybit_trades_have_seconds_with_decimals(ask: Ask, market: GeneratedMarket) -> None:
    path = "/trading/BTCUSDT/BTCUSDT2024-01-01.csv.gz"
    with FakeExchange(market, files=PublicFiles(market, descending=True, header=False)) as venue:
        lines = gzip.decompress(ask(venue.dumps + path)[2]).decode().split()
    truth = counted(market.truth("trades", end=market.start + DAY))
    assert lines[0].split(",")[0] == f"{truth['ts'].iloc[-1] // 1_000_000 / 1000:.4f}"
    assert float(lines[-1].split(",")[4]) == truth["price"].iloc[0]


def test_metatrader_bars_are_stamped_hours_ahead(ask: Ask, venue: FakeExchange, market: GeneratedMarket) -> None:
    path = "/kline_for_metatrader4/BTCUSDT/2024/BTCUSDT_60_2024-01-01_2024-01-31.csv.gz"
    rows = pd.read_csv(io.BytesIO(gzip.decompress(ask(venue.dumps + path)[2])), header=None)
    assert rows[0][0] == "2024.01.01 03:00"
    assert rows[4].tolist() == market.truth("bars_1h")["close"].to_pylist()


def test_the_book_of_a_day_replays_to_the_books_of_the_market(ask: Ask, market: GeneratedMarket) -> None:
    small = GeneratedMarket(seed=5, days=1, volatility=0.02, quotes_per_minute=0.2, book_levels=5)
    with FakeExchange(small) as venue:
        body = ask(f"{venue.dumps}/orderbook/linear/BTCUSDT/2024-01-01_BTCUSDT_ob500.data.zip")[2]
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        messages = [json.loads(line) for line in archive.read("2024-01-01_BTCUSDT_ob500.data").splitlines()]
    assert [message["type"] for message in messages[:2]] == ["snapshot", "delta"]
    assert np.diff([message["data"]["u"] for message in messages]).tolist() == [1] * (len(messages) - 1)
    truth = counted(small.truth("books_5"))
    sides: dict[str, dict[str, str]] = {"b": {}, "a": {}}
    for number, message in enumerate(messages):
        for side, levels in sides.items():
            for price, size in message["data"][side]:
                if size == "0":
                    del levels[price]
                else:
                    levels[price] = size
        assert max(float(price) for price in sides["b"]) == truth["bid_1"][number]
        assert sorted(float(price) for price in sides["a"])[4] == truth["ask_5"][number]


def test_files_come_in_ranges_as_long_as_they_are_the_same(ask: Ask, venue: FakeExchange) -> None:
    _, headers, whole = ask(venue.dumps + TRADES)
    status, part_headers, part = ask(venue.dumps + TRADES, Range="bytes=100-", **{"If-Range": headers["etag"]})
    assert (status, part) == (206, whole[100:])
    assert part_headers["content-range"] == f"bytes 100-{len(whole) - 1}/{len(whole)}"
    assert ask(venue.dumps + TRADES, Range="bytes=100-", **{"If-Range": '"other"'})[0] == 200
    assert ask(venue.dumps + TRADES, Range=f"bytes={len(whole)}-")[0] == 416


def test_the_listing_has_days_that_are_over_and_pages(ask: Ask, market: GeneratedMarket) -> None:
    files = PublicFiles(market, missing=("2024-01-01",), empty=("2024-01-02",))
    with FakeExchange(market, files=files) as venue:
        text = ask(f"{venue.dumps}/?prefix=data/")[2].decode()
        assert [part.split("<")[0] for part in text.split("<Key>")[1:]] == [
            "data/quote/20240102.csv.gz",
            "data/trade/20240102.csv.gz",
        ]
        assert "<IsTruncated>true" in ask(f"{venue.dumps}/?prefix=data/&max-keys=1")[2].decode()
        assert ask(venue.dumps + TRADES)[0] == 404
        assert gzip.decompress(ask(f"{venue.dumps}/data/trade/20240102.csv.gz")[2]).count(b"\n") == 1
    with FakeExchange(market, now=market.start + 30 * HOUR) as venue:
        assert ask(f"{venue.dumps}/data/trade/20240102.csv.gz")[0] == 404


KLINE = "/v5/market/kline?symbol=BTCUSDT&interval=1&limit=50"


def spoilt(ask: Ask, market: GeneratedMarket, fault: str) -> tuple[int, dict[str, str], bytes]:
    with FakeExchange(market, Faults(schedule={1: fault}, stall=0.05)) as venue:
        return ask(venue.bybit + KLINE)


def good_rows(ask: Ask, venue: FakeExchange) -> list[list[str]]:
    rows: list[list[str]] = ask.json(venue.bybit + KLINE)["result"]["list"]
    return rows


def test_rows_come_twice_in_disorder_or_with_two_values(ask: Ask, venue: FakeExchange, market: GeneratedMarket) -> None:
    good = good_rows(ask, venue)
    twice, mixed, conflict = (
        json.loads(spoilt(ask, market, fault)[2])["result"]["list"] for fault in ("duplicate", "reorder", "conflict")
    )
    assert len(twice) == 53
    assert {tuple(row) for row in twice} == {tuple(row) for row in good}
    assert mixed != good
    assert sorted(mixed) == sorted(good)
    assert len(conflict) == 51
    assert len({row[0] for row in conflict}) == 50
    assert len({tuple(row) for row in conflict}) == 51


def test_bodies_are_cut_replaced_or_mislabelled(ask: Ask, venue: FakeExchange, market: GeneratedMarket) -> None:
    good = ask(venue.bybit + KLINE)[2]
    assert spoilt(ask, market, "truncate")[2] == good[: len(good) // 2]
    assert spoilt(ask, market, "empty")[2] == b""
    assert spoilt(ask, market, "html")[2].startswith(b"<!DOCTYPE html>")
    assert spoilt(ask, market, "content_type")[1]["content-type"].startswith("text/html")
    assert spoilt(ask, market, "content_type")[2] == good
    assert spoilt(ask, market, "stall")[2] == good
    assert spoilt(ask, market, "garbage")[2] not in (good, b"")
    with pytest.raises(http.client.IncompleteRead):
        spoilt(ask, market, "disconnect")


@pytest.mark.parametrize(
    ("fault", "bybit", "bitmex"), [("403", 403, 403), ("429", 429, 429), ("503", 503, 503), ("10006", 200, 429)]
)
def test_refusals_are_in_the_words_of_the_venue(
    ask: Ask, market: GeneratedMarket, fault: str, bybit: int, bitmex: int
) -> None:
    with FakeExchange(market, Faults(schedule={1: fault, 2: fault})) as venue:
        assert ask(venue.bybit + KLINE)[0] == bybit
        assert ask(f"{venue.bitmex}/funding")[0] == bitmex
        assert [(entry.fault, entry.status) for entry in venue.log] == [(fault, bybit), (fault, bitmex)]


def test_the_clock_can_be_ahead(ask: Ask, market: GeneratedMarket) -> None:
    with FakeExchange(market, Faults(schedule={1: "clock"}, drift=5_000_000_000)) as venue:
        drifted, right = (ask.json(f"{venue.bybit}/v5/market/time")["result"]["timeNano"] for _ in range(2))
    assert int(drifted) - int(right) == 5_000_000_000


def test_a_file_is_cut_in_half_or_has_a_changed_byte(ask: Ask, venue: FakeExchange, market: GeneratedMarket) -> None:
    good = ask(venue.dumps + TRADES)[2]
    with FakeExchange(market, Faults(schedule={1: "truncate", 2: "corrupt"})) as failing:
        half, changed = (ask(failing.dumps + TRADES)[2] for _ in range(2))
    assert half == good[: len(good) // 2]
    assert len(changed) == len(good)
    assert sum(a != b for a, b in zip(changed, good, strict=True)) == 1


def test_drawn_faults_depend_on_the_seed_and_stop_after_a_while(ask: Ask, market: GeneratedMarket) -> None:
    def faults(seed: int) -> list[str | None]:
        chosen = Faults(rate=0.5, kinds=("503", "empty"), repeat=2)
        with FakeExchange(market, chosen, seed=seed) as venue:
            for _ in range(40):
                ask(f"{venue.bybit}/v5/market/time")
            return [entry.fault for entry in venue.log]

    drawn = faults(1)
    assert drawn == faults(1) != faults(2)
    assert {"503", "empty", None} == set(drawn)
    runs = "".join("x" if fault else "." for fault in drawn)
    assert "xx" in runs
    assert "xxx" not in runs


def test_faults_are_checked() -> None:
    with pytest.raises(ConfigError, match="got earthquake"):
        Faults(kinds=("earthquake",))
    with pytest.raises(ConfigError, match="fraction from 0 to 1"):
        Faults(rate=2.0)


@pytest.mark.parametrize("given", [{"stall": -1.0}, {"repeat": -1}, {"schedule": {0: "html"}}])
def test_numbers_of_faults_that_cannot_be_are_refused(given: dict[str, Any], market: GeneratedMarket) -> None:
    with pytest.raises(ConfigError, match=f"faults: {next(iter(given))}: expected"):
        Faults(**given)
    for rate in (0, -1):
        with pytest.raises(ConfigError, match="requests_per_second: expected a number above 0"):
            FakeExchange(market, requests_per_second=rate)
    with pytest.raises(ConfigError, match="seed: expected"):
        GeneratedMarket(seed=-1)


def test_lists_are_short_empty_or_of_another_span(ask: Ask, venue: FakeExchange, market: GeneratedMarket) -> None:
    good = good_rows(ask, venue)
    assert json.loads(spoilt(ask, market, "nothing")[2])["result"]["list"] == []
    assert json.loads(spoilt(ask, market, "short")[2])["result"]["list"] == good[:25]
    start = (market.start + DAY) // 10**6
    with FakeExchange(market, Faults(schedule={1: "outside", 2: "outside"})) as failing:
        rows = ask.json(f"{failing.bybit}{KLINE}&start={start}&end={start + 10**6}")["result"]["list"]
        query = "symbol=XBTUSD&startTime=2024-01-02T00:00:00.000Z&binSize=1h&count=1"
        bins = ask.json(f"{failing.bitmex}/trade/bucketed?{query}")
    assert rows
    assert all(int(row[0]) < start for row in rows)
    assert bins[0]["timestamp"].startswith("2024-01-01")


def test_files_are_absent_limits_end_never_and_bytes_drip(
    ask: Ask, venue: FakeExchange, market: GeneratedMarket
) -> None:
    address = "/v5/market/time"
    with FakeExchange(market, Faults(schedule={1: "absent", 2: "far_reset", 3: "drip"}, stall=0.0001)) as failing:
        assert ask(failing.dumps + TRADES)[0] == 404
        headers = ask(f"{failing.bitmex}/funding?symbol=XBTUSD")[1]
        assert (headers["x-ratelimit-remaining"], headers["x-ratelimit-reset"]) == ("0", "8000000000")
        assert json.loads(ask(failing.bybit + address)[2]) == ask.json(venue.bybit + address)
        assert [entry.fault for entry in failing.log] == ["absent", "far_reset", "drip"]


def test_faults_that_one_answer_hides_are_drawn_by_name_only() -> None:
    assert not {"clock", "corrupt", "nothing", "short", "outside", "absent", "far_reset", "drip"} & {*Faults().kinds}


def test_the_log_is_bounded(ask: Ask, market: GeneratedMarket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange_module, "LOGGED", 4)
    with FakeExchange(market) as venue:
        for _ in range(9):
            ask(f"{venue.bybit}/v5/market/time")
        assert [(entry.number, entry.status) for entry in venue.log][-2:] == [(8, 200), (9, 200)]
        assert len(venue.log) <= 4


@pytest.mark.filterwarnings("error")
def test_the_book_of_a_late_day_overflows_nothing() -> None:
    lots = book_lots(np.array([400_000, 1]), np.array([0, 5]), 10**6)
    assert lots.tolist() == book_lots(np.array([400_000, 1]), np.array([0, 5]), 10**6).tolist()
    assert ((lots >= 1) & (lots <= 900)).all()


@pytest.mark.parametrize("odd", ['filter={"symbol":{"a":1}}', 'filter={"symbol":[1]}', "columns=[", "columns=[[1]]"])
def test_what_cannot_be_asked_for_is_a_bad_request(ask: Ask, venue: FakeExchange, odd: str) -> None:
    path = f"/funding?{quote(odd, safe='=&')}"
    assert ask(venue.bitmex + path)[0] == 400


def test_a_list_of_symbols_is_a_filter(ask: Ask, venue: FakeExchange) -> None:
    wanted = quote('{"symbol":["XBTUSD","XBTUSDT"]}')
    rows = ask.json(f"{venue.bitmex}/trade?count=1000&filter={wanted}")
    assert {row["symbol"] for row in rows} == {"XBTUSD", "XBTUSDT"}


def test_nothing_is_left_behind_even_by_an_open_connection(market: GeneratedMarket) -> None:
    before = set(threading.enumerate())
    with FakeExchange(market, Faults(schedule={1: "stall"})) as venue:
        host = venue.bybit.removeprefix("http://").partition("/")[0]
        connection = http.client.HTTPConnection(host, timeout=5)
        connection.request("GET", "/bybit/v5/market/time")
    connection.close()
    assert set(threading.enumerate()) == before


def test_bars_and_minutes_of_the_two_venues_share_one_index(market: GeneratedMarket) -> None:
    first, second = (market.truth("index_1m", symbol=symbol) for symbol in ("BTCUSDT", "XBTUSD"))
    assert first.equals(second)
    assert market.truth("bars_1m").num_rows == market.days * DAY // MINUTE
