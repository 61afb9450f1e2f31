"""Public files of the fake exchange, and every way in which it fails."""

from __future__ import annotations

import gzip
import http.client
import io
import json
import threading
import zipfile

import numpy as np
import pandas as pd
import pytest

from halfspread.datafeeds.fake_exchange import FakeExchange, Faults, GeneratedMarket
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
