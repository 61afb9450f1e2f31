"""Bars against trades and the mark price, quotes against books: what agrees is not found, what does not is named."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from halfspread.datafeeds.quality.compare_mark import MarkComparison
from halfspread.datafeeds.quality.compare_quotes import QuoteComparison, TradePlaces
from halfspread.datafeeds.quality.compare_trades import FIELDS, TradeComparison
from halfspread.datafeeds.quality.finding import Finding
from halfspread.datafeeds.quality.trade_bars import TradeBars, contract_values, mean_prices
from halfspread.engine.instruments import bitmex
from halfspread.engine.times import HOUR, MINUTE
from tests.datafeeds.quality.made_up import (
    BTCUSDT,
    START,
    Columns,
    bars_of,
    made_books,
    made_mark,
    made_quotes,
    made_trades,
    subject_for,
    told,
)

XBTUSD = bitmex("XBTUSD")


def against_trades(bars: Columns, trades: Columns, cuts: Sequence[int] = ()) -> list[Finding]:
    comparison = TradeComparison(subject_for("bars_1m", bars))
    for a, b in zip([0, *cuts], [*cuts, len(bars["ts"])], strict=True):
        ts = bars["ts"][a:b]
        here = (trades["ts"] >= ts[0]) & (trades["ts"] < ts[-1] + MINUTE)
        maker = TradeBars(MINUTE, BTCUSDT)
        parts = [maker.add(*(trades[name][here] for name in ("ts", "price", "size"))), maker.finish()]
        built = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        comparison.add(ts, {name: bars[name][a:b] for name in FIELDS}, built)
    return comparison.findings()


def test_bars_of_their_own_trades_have_no_finding_with_either_open() -> None:
    trades = made_trades()
    bars = bars_of(trades, 600)
    assert not against_trades(bars, trades)
    assert not against_trades(bars, trades, (100, 350))
    carried = {**bars, "open": np.r_[bars["open"][0], bars["close"][:-1]]}
    differ = int((carried["open"] != bars["open"]).sum())
    found = against_trades(carried, trades, (100, 350))
    assert told(found) == [("open", "note", differ)]
    assert "the venue's convention" in found[0].message


@pytest.mark.parametrize("name", ["high", "low", "close", "volume", "turnover", "trades", "last_size"])
def test_a_bar_with_another_value_is_named(name: str) -> None:
    trades = made_trades()
    bars = bars_of(trades, 600)
    values = np.array(bars[name])
    values[77] = values[77] + 1.0
    found = [one for one in against_trades({**bars, name: values}, trades) if one.check == "bars_trades"]
    assert told(found) == [("bars_trades", "warning", 1)]
    assert f"{name} in 1" in found[0].message
    assert found[0].start == START + 77 * MINUTE


def test_a_trade_that_is_missing_is_seen_in_its_bar_and_many_are_an_error() -> None:
    trades = made_trades()
    bars = bars_of(trades, 600)
    lost = {name: np.delete(np.array(values), 1_000) for name, values in trades.items()}
    found = [one for one in against_trades(bars, lost) if one.check == "bars_trades"]
    assert told(found) == [("bars_trades", "warning", 1)]
    half = {name: np.array(values)[::2] for name, values in trades.items()}
    found = [one for one in against_trades(bars, half) if one.check == "bars_trades"]
    assert found[0].severity == "error"
    assert found[0].count > 500


@pytest.mark.parametrize(
    ("shift", "words"),
    [(MINUTE, "60 s late"), (-MINUTE, "60 s early"), (3 * HOUR, "3 h late")],
)
def test_bars_stamped_elsewhere_are_found_with_the_shift(shift: int, words: str) -> None:
    trades = made_trades()
    bars = bars_of(trades, 600)
    found = against_trades({**bars, "ts": bars["ts"] + shift}, trades)
    assert [(one.check, one.severity) for one in found] == [("stamps", "error")]
    assert words in found[0].message
    assert ("stamped at its end" in found[0].message) == (shift == MINUTE)


def test_bitmex_values_a_contract_at_whole_satoshi_and_so_its_vwap() -> None:
    # 1e8 / 5700 = 17,543.86: a contract is 17,544 satoshi, and 18 of them the 315,792 that the venue printed
    assert 18 * contract_values(np.array([5700.0]), XBTUSD)[0] == pytest.approx(315_792e-8, abs=1e-12)
    # 1e8 x 32990401608e-8 / 1880004 = 17,548.05 satoshi a contract, of which 17,548: 5698.6551
    assert mean_prices(np.array([1_880_004.0]), np.array([329.90401608]), XBTUSD)[0] == 5698.6551
    assert mean_prices(np.array([2.0]), np.array([80_000.0]), BTCUSDT)[0] == 40_000.0


def against_mark(last: Columns, mark: Columns, shift: int = 0) -> list[Finding]:
    comparison = MarkComparison(subject_for("bars_1h", last), subject_for("mark_1h", mark))
    closes = last["ts"] + HOUR + shift
    common, a, b = np.intersect1d(closes, mark["ts"] + HOUR, return_indices=True)
    for rows in np.array_split(np.arange(len(common)), 3):
        comparison.add(common[rows], last["close"][a][rows], mark["close"][b][rows])
    return comparison.findings()


def near(mark: Columns, seed: int = 1) -> Columns:
    rng = np.random.default_rng(seed)
    return {**mark, "close": mark["close"] * np.exp(3e-4 * rng.standard_normal(len(mark["ts"])))}


def test_a_last_price_near_the_mark_has_no_finding() -> None:
    for seed in range(20):
        mark = made_mark(seed=seed)
        assert not against_mark(near(mark, seed), mark)


@pytest.mark.parametrize("shift", [HOUR, -HOUR])
def test_bars_stamped_at_their_end_are_seen_against_the_mark_price(shift: int) -> None:
    mark = made_mark()
    found = against_mark(near(mark), mark, shift)
    assert [(one.check, one.severity) for one in found if one.severity == "error"] == [("stamps", "error")]
    assert ("earlier" if shift < 0 else "later") in found[0].message or "end of its bars" in found[0].message


def test_a_mark_of_another_contract_is_an_error_and_one_far_close_a_warning() -> None:
    mark = made_mark()
    last = near(mark)
    assert [one.severity for one in against_mark({**last, "close": last["close"] * 10.0}, mark)] == ["error"]
    close = np.array(last["close"])
    close[50] *= 1.05
    found = against_mark({**last, "close": close}, mark)
    assert told(found) == [("basis", "warning", 1)]
    assert found[0].start == START + 51 * HOUR


def test_quotes_agree_with_the_book_that_they_are_the_top_of_and_not_with_another() -> None:
    books, quotes = made_books(), made_quotes(500)
    comparison = QuoteComparison(subject_for("quotes", quotes), subject_for("books_5", books))
    tops = np.column_stack([books["bid_1"], books["ask_1"]])
    comparison.add(quotes["ts"], np.column_stack([quotes["bid"], quotes["ask"]]), books["ts"], tops)
    assert not comparison.findings()
    other = QuoteComparison(subject_for("quotes", quotes), subject_for("books_5", books))
    other.add(quotes["ts"], np.column_stack([quotes["bid"], quotes["ask"]]) + 5.0, books["ts"], tops)
    assert [(one.check, one.severity) for one in other.findings()] == [("quotes_books", "warning")]
    assert "only 0.0% of 500" in other.findings()[0].message


def test_trades_lie_beside_the_quotes_around_them_or_are_found() -> None:
    quotes = made_quotes()
    tops = np.column_stack([quotes["bid"], quotes["ask"]])
    ts, prices = quotes["ts"][1::2] - 1, quotes["ask"][0:-1:2]
    for factor, expected in ((1.0, []), (1.01, [("trades_quotes", "warning")])):
        places = TradePlaces(subject_for("trades", made_trades()), subject_for("quotes", quotes))
        places.add(ts, prices * factor, quotes["ts"], tops)
        assert [(one.check, one.severity) for one in places.findings()] == expected
