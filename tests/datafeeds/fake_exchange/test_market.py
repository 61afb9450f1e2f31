"""The generated market agrees with itself: bars are those of its trades, trades met its quotes, books show them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from halfspread.datafeeds.aggregate import bars_from_trades
from halfspread.datafeeds.fake_exchange import FakeContract, FakeExchange, GeneratedMarket
from halfspread.datafeeds.fake_exchange.decimals import decimal_text
from halfspread.engine.times import DAY, HOUR, MINUTE, parse_time
from halfspread.errors import ConfigError, DataError
from tests.datafeeds.fake_exchange.asking import counted

SYMBOLS = ("BTCUSDT", "BTCUSD", "XBTUSD", "XBTUSDT")


def frame(market: GeneratedMarket, kind: str, symbol: str) -> pd.DataFrame:
    return counted(market.truth(kind, symbol=symbol))


@pytest.mark.parametrize("symbol", SYMBOLS)
@pytest.mark.parametrize("interval", ["1m", "15m", "1d"])
def test_bars_are_those_of_the_trades(market: GeneratedMarket, symbol: str, interval: str) -> None:
    bars, trades = frame(market, f"bars_{interval}", symbol), frame(market, "trades", symbol)
    made = bars_from_trades(trades, interval=interval, end=market.end)
    skipped = len(bars) - len(made)  # bars before the first trade
    bars = bars.iloc[skipped:].reset_index(drop=True)
    assert np.array_equal(bars["ts"], made["ts"])
    assert np.array_equal(bars["close"], made["close"])
    np.testing.assert_allclose(bars["volume"], made["volume"], rtol=1e-12)
    before = np.concatenate([bars["open"].to_numpy()[:1], made["close"].to_numpy()[:-1]])
    assert np.array_equal(bars["open"], before)
    high, low = made["high"].to_numpy(), made["low"].to_numpy()
    if symbol.startswith("BTC"):  # Bybit counts the open into high and low
        high, low = np.maximum(high, before), np.minimum(low, before)
    assert np.array_equal(bars["high"], high)
    assert np.array_equal(bars["low"], low)


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_every_trade_is_at_the_quote_in_force(market: GeneratedMarket, symbol: str) -> None:
    quotes, trades = frame(market, "quotes", symbol), frame(market, "trades", symbol)
    at = np.searchsorted(quotes["ts"], trades["ts"]) - 1
    expected = np.where(trades["side"] > 0, quotes["ask"].to_numpy()[at], quotes["bid"].to_numpy()[at])
    assert np.array_equal(trades["price"], expected)
    assert (quotes["bid"] < quotes["ask"]).all()


def test_books_show_the_quotes_and_are_never_crossed(market: GeneratedMarket) -> None:
    end = market.start + HOUR
    quotes, books = (counted(market.truth(kind, end=end, symbol="XBTUSD")) for kind in ("quotes", "books_5"))
    for quote, book in (("bid", "bid_1"), ("bid_size", "bid_size_1"), ("ask", "ask_1"), ("ask_size", "ask_size_1")):
        assert np.array_equal(quotes[quote], books[book])
    assert (books["ask_5"] > books["ask_1"]).all()
    assert (books["bid_1"] > books["bid_5"]).all()


def test_the_same_seed_is_the_same_market_and_a_shorter_one_its_beginning(market: GeneratedMarket) -> None:
    longer = GeneratedMarket(seed=5, start="2024-01-01", days=3, volatility=0.05)
    for kind in ("bars_1m", "trades", "funding", "mark_1h", "premium_5m"):
        assert longer.truth(kind, end=market.end).equals(market.truth(kind)), kind
    other = GeneratedMarket(seed=6, start="2024-01-01", days=2, volatility=0.05)
    assert not other.truth("bars_1m").equals(market.truth("bars_1m"))


def test_truth_of_a_span_is_a_slice_of_the_whole(market: GeneratedMarket) -> None:
    start, end = market.start + 23 * HOUR + 30 * MINUTE, market.start + DAY + 90 * MINUTE
    for kind in ("bars_5m", "index_1h", "trades", "quotes", "funding", "open_interest_1h"):
        whole = counted(market.truth(kind))
        part = counted(market.truth(kind, start, end))
        expected = whole[(whole["ts"] >= start) & (whole["ts"] < end)].reset_index(drop=True)
        pd.testing.assert_frame_equal(part, expected)


def test_turnover_of_an_inverse_contract_is_the_sum_of_whole_satoshi(market: GeneratedMarket) -> None:
    bars, trades = frame(market, "bars_1d", "XBTUSD"), frame(market, "trades", "XBTUSD")
    satoshi = np.rint(1e8 * trades["size"] / trades["price"])
    first = satoshi[trades["ts"] < market.start + DAY].sum()
    assert bars["turnover"][0] == pytest.approx(first / 1e8, abs=1e-12)


def test_an_outage_repeats_the_close_and_a_hole_has_no_bars() -> None:
    start = parse_time("2024-01-01")
    contract = FakeContract(
        "bitmex",
        "XBTUSD",
        "inverse",
        "XBT",
        "USD",
        (5, 1),
        (100, 0),
        launch=start + 2 * HOUR,
        outages=((start + 5 * HOUR, start + 6 * HOUR),),
        holes=((start + 8 * HOUR, start + 9 * HOUR),),
    )
    market = GeneratedMarket(seed=1, days=1, contracts=(contract,))
    bars = frame(market, "bars_1m", "XBTUSD")
    opens = (bars["ts"] - start) // MINUTE
    assert opens.min() == 120
    assert not opens.between(480, 539).any()
    assert len(bars) == 1440 - 120 - 60
    still = bars[opens.between(300, 359)]
    assert still["volume"].eq(0).all()
    assert still["close"].nunique() == 1
    assert still["vwap"].isna().all()
    assert still["open"].iloc[0] == bars["close"][opens == 299].item()


def test_the_interval_of_funding_changes_when_it_is_told_to() -> None:
    start = parse_time("2024-01-01")
    contract = FakeContract(
        "bybit", "BTCUSDT", "linear", "BTC", "USDT", (1, 1), (1, 3), funding_changes=((start + 12 * HOUR, 1),)
    )
    funding = counted(GeneratedMarket(days=1, contracts=(contract,)).truth("funding"))
    assert ((funding["ts"] - start) // HOUR).tolist() == [8, *range(12, 24)]
    assert funding["interval_h"].tolist() == [8.0] + [1.0] * 12


def test_funding_of_bitmex_is_known_one_interval_ahead(market: GeneratedMarket) -> None:
    funding = frame(market, "funding", "XBTUSD")
    assert ((funding["ts"] - market.start) // HOUR % 24).tolist() == [4, 12, 20, 4, 12, 20]
    assert (funding["ts"] - funding["known_ts"]).eq(8 * HOUR).all()


def test_a_year_of_minutes_has_every_minute() -> None:
    year = GeneratedMarket(days=366, quotes_per_minute=1, trades_per_minute=1)
    bars = counted(year.truth("bars_1m"))
    assert len(bars) == 366 * 1440
    assert (bars["ts"].diff().dropna() == MINUTE).all()


@pytest.mark.parametrize(
    ("units", "decimals", "text"), [(0, 2, "0.00"), (-25, 3, "-0.025"), (5, 0, "5"), (7, 8, "0.00000007")]
)
def test_decimal_text_is_exact(units: int, decimals: int, text: str) -> None:
    assert decimal_text(units, decimals) == text


def test_what_is_not_there_is_named(market: GeneratedMarket) -> None:
    with pytest.raises(ConfigError, match="expected one of BTCUSDT, BTCUSD, XBTUSD, XBTUSDT, got 'DOGE'"):
        market.truth("trades", symbol="DOGE")
    with pytest.raises(DataError, match="generated market: expected one of bars"):
        market.truth("liquidations")
    with pytest.raises(ConfigError, match="now: expected a time after the market's start"):
        FakeExchange(market, now=market.start)
    with pytest.raises(ConfigError, match="start at midnight"):
        GeneratedMarket(start="2024-01-01T01:00")
