"""Paths of a market: its own days in another order, whole days, funding on its clock, and no return that never was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.datafeeds.bootstrap import daily_series, draw_days, resampled
from halfspread.datafeeds.calendar import Calendar
from halfspread.datafeeds.synthetic.market import SyntheticMarket
from halfspread.datafeeds.synthetic.two_legs import two_legs
from halfspread.datafeeds.synthetic.world_tapes import world_tape
from halfspread.engine.instruments import bitmex, bybit, linear
from halfspread.engine.side_data import Prices
from halfspread.engine.tape import Tape
from halfspread.engine.times import DAY, HOUR
from halfspread.engine.training import refuse_what_was_seen, training_range
from halfspread.errors import ConfigError, DataError

SWAP = linear("XUSD", venue="here", tick=0.5, lot=1.0)


def market(days: int = 8, interval: str = "1h", seed: int = 3) -> Tape:
    return SyntheticMarket(days=days, interval=interval).tape(np.random.default_rng(seed))


def bars_of(closes: list[float], start: str = "2024-01-01", step: str = "12h") -> pd.DataFrame:
    """Bars whose opens are the closes before them; of 12 hours: two a day."""
    closes_of = np.array(closes)
    opens = np.r_[closes_of[0], closes_of[:-1]]
    ends = np.stack([opens, closes_of])
    return pd.DataFrame(
        {
            "ts": pd.date_range(start, periods=len(closes), freq=step, tz="UTC"),
            "open": opens,
            "high": ends.max(axis=0),
            "low": ends.min(axis=0),
            "close": closes_of,
            "volume": np.arange(1.0, len(closes) + 1.0),
        }
    )


def rows(tape: Tape) -> np.ndarray[Any, np.dtype[np.float64]]:
    bars: Any = tape.bars
    return np.asarray(bars.rows)


def times(tape: Tape) -> np.ndarray[Any, np.dtype[np.int64]]:
    bars: Any = tape.bars
    return np.asarray(bars.times)


def test_a_path_of_one_block_is_the_market_itself() -> None:
    for tape in (market(), Tape.join(*map(world_tape, two_legs(np.random.default_rng(1), bars=240)))):
        same = resampled(tape, np.arange(Calendar.of(tape).count))
        assert same.hash() == tape.hash()


def test_returns_of_a_path_are_those_of_its_days_worked_by_hand() -> None:
    """Days of closes 100, 110 / 121, 121 / 60.5, 121: the path of the days 2, 0, 1 begins at 100, not at 60.5."""
    tape = Tape.from_bars(bars_of([100.0, 110.0, 121.0, 121.0, 60.5, 121.0]), SWAP)
    path = resampled(tape, np.array([2, 0, 1]))
    assert rows(path)[:, 3].tolist() == [50.0, 100.0, 100.0, 110.0, 121.0, 121.0]
    assert rows(path)[:, 0].tolist() == [100.0, 50.0, 100.0, 100.0, 110.0, 121.0]
    assert rows(path)[:, 4].tolist() == [5.0, 6.0, 1.0, 2.0, 3.0, 4.0]
    assert (times(path) == times(tape)).all()


def test_the_autocorrelation_within_blocks_is_kept_and_days_drawn_singly_lose_it() -> None:
    rng = np.random.default_rng(5)
    returns = np.zeros(2_000)
    for i in range(1, len(returns)):
        returns[i] = 0.8 * returns[i - 1] + 0.005 * rng.standard_normal()
    fine = linear("XUSD", venue="here", tick=1e-7, lot=1.0)
    tape = Tape.from_bars(bars_of((100.0 * np.exp(np.cumsum(returns))).tolist(), step="1D"), fine)

    def correlation(path: Tape) -> float:
        found = np.diff(np.log(rows(path)[:, 3]))
        return float(np.corrcoef(found[1:], found[:-1])[0, 1])

    drawn = {block: resampled(tape, draw_days(np.random.default_rng(2), 2_000, block)) for block in (1.0, 50.0)}
    assert abs(correlation(drawn[1.0])) < 0.1
    # of 50 days one in 50 pairs is cut
    assert correlation(drawn[50.0]) == pytest.approx(0.98 * correlation(tape), abs=0.06)


@given(seed=st.integers(0, 10_000), block=st.floats(1.0, 8.0))
def test_every_return_spread_and_settlement_of_a_path_is_one_of_the_market(seed: int, block: float) -> None:
    tape = market(days=8)
    calendar = Calendar.of(tape)
    drawn = draw_days(np.random.default_rng(seed), 8, block)
    path = resampled(tape, drawn)
    before, after = rows(tape), rows(path)
    assert (times(path) == times(tape)).all()
    assert path.feeds[0].end_ns == tape.feeds[0].end_ns
    taken = (24 * drawn[:, None] + np.arange(24)).ravel()
    moved = np.diff(np.log(np.r_[before[0, 0], before[:, 3]]))[taken]
    tick = 0.1
    found = np.diff(np.log(np.r_[before[0, 0], after[:, 3]]))
    assert np.abs(found - moved).max() <= 1.01 * tick / after[:, 3].min()
    assert (after[:, 2] <= np.minimum(after[:, 0], after[:, 3]) + 1e-9).all()
    assert (after[:, 1] >= np.maximum(after[:, 0], after[:, 3]) - 1e-9).all()
    assert (after[:, 4] == before[taken, 4]).all()
    prices = after[:, [0, 1, 2, 3, 5, 6, 7, 8]] / tick
    assert np.abs(prices - np.rint(prices)).max() < 1e-6
    assert (after[:, 6] - after[:, 5] > 0.5 * tick).all()  # ask above bid by a tick at least
    assert path.funding is not None
    assert tape.funding is not None
    assert (np.diff(path.funding.times) == 8 * HOUR).all()
    inside = path.funding.times > calendar.days[0]
    of_day = {i: tape.funding.rates[3 * i : 3 * i + 3] for i in range(8)}
    assert path.funding.rates[inside].tolist() == np.concatenate([of_day[i] for i in drawn.tolist()]).tolist()
    assert (path.funding.times - path.funding.known_times == 0).all()


@given(seed=st.integers(0, 10_000))
def test_mark_and_index_keep_their_ratio_to_the_price(seed: int) -> None:
    """At every open of a bar: what is in force then, over the price before it."""
    tape = market(days=6)
    drawn = draw_days(np.random.default_rng(seed), 6, 2.0)
    path = resampled(tape, drawn)

    def ratios(some: Tape, prices: Prices | None) -> np.ndarray[Any, np.dtype[np.float64]]:
        assert prices is not None
        at = np.searchsorted(prices.times, times(some), side="right") - 1
        return np.asarray(prices.prices[at] / np.r_[rows(tape)[0, 0], rows(some)[:-1, 3]])

    taken = (24 * drawn[:, None] + np.arange(24)).ravel()
    for name in ("mark", "index"):
        found, original = ratios(path, getattr(path, name)), ratios(tape, getattr(tape, name))
        assert np.abs(found - original[taken]).max() < 2.0 * 0.1 / rows(path)[:, 3].min()


def test_where_a_block_begins_the_mark_that_was_in_force_stands() -> None:
    bars = bars_of([100.0, 100.0, 200.0, 200.0, 400.0, 400.0])
    stamps = pd.date_range("2024-01-01", periods=2, freq="12h", tz="UTC")
    mark = pd.DataFrame({"ts": stamps, "price": [101.0, 102.0]})
    path = resampled(Tape.from_bars(bars, SWAP, mark=mark), np.array([2, 2, 0]))
    assert path.mark is not None
    starts = path.mark.times - Calendar.of(path).days[0]
    # day 2 follows a close of 200, under a mark of 102 (no later one): a half of it where the path stands at 100
    assert starts.tolist() == [0, DAY, 2 * DAY, 2 * DAY + 12 * HOUR, 3 * DAY]
    assert path.mark.prices.tolist() == [51.0, 102.0, 404.0, 408.0, 102.0]


def test_days_without_bars_stay_where_they_are_with_their_settlements_and_gaps() -> None:
    first, second = bars_of([100.0, 110.0]), bars_of([220.0, 230.0, 240.0, 250.0], start="2024-01-05")
    stamps = pd.date_range("2024-01-01 08:00", periods=18, freq="8h", tz="UTC")
    funding = pd.DataFrame({"ts": stamps, "rate": 1e-4 * np.arange(1, 19)})
    gap = ("2024-01-02", "2024-01-05")
    tape = Tape.from_bars(pd.concat([first, second]), SWAP, funding=funding, gaps=[gap])
    path = resampled(tape, np.array([1, 2, 0]))
    assert (times(path) == times(tape)).all()
    assert path.gaps == tape.gaps
    assert path.funding is not None
    assert np.rint(1e4 * path.funding.rates).tolist() == [13, 14, 15, *range(4, 13), 16, 17, 18, 1, 2, 3]
    # the jump over the gap belongs to the day after it
    assert rows(path)[:, 3].tolist() == [200.0, 209.0, 218.0, 227.5, 227.5, 250.0]


def test_a_rate_is_known_on_a_path_as_long_before_its_settlement_as_it_was() -> None:
    stamps = pd.date_range("2024-01-01 08:00", periods=9, freq="8h", tz="UTC")
    known = [*stamps[:3] - pd.Timedelta("8h"), *stamps[3:6] - pd.Timedelta("1h"), *stamps[6:]]
    funding = pd.DataFrame({"ts": stamps, "rate": 1e-4 * np.arange(1, 10), "known_ts": known})
    tape = Tape.from_bars(bars_of([100.0, 110.0, 121.0, 121.0, 60.5, 121.0]), SWAP, funding=funding)
    path = resampled(tape, np.array([2, 0, 1]))
    assert path.funding is not None
    assert np.rint(1e4 * path.funding.rates).tolist() == [7, 8, 9, 1, 2, 3, 4, 5, 6]
    ahead = (path.funding.times - path.funding.known_times) / HOUR
    assert ahead.tolist() == [0, 0, 0, 8, 8, 8, 1, 1, 1]


def test_a_gap_within_a_day_goes_where_the_day_goes() -> None:
    bars = bars_of([100.0, 110.0, 121.0, 130.0, 140.0, 150.0]).drop(index=3)
    tape = Tape.from_bars(bars, SWAP, interval="12h", gaps=[("2024-01-02 12:00", "2024-01-03")])
    path = resampled(tape, np.array([1, 0, 2]))
    start = pd.Timestamp("2024-01-01 12:00", tz="UTC").value
    assert path.gaps == ((start, start + 12 * HOUR),)
    assert len(times(path)) == 5


def test_a_day_in_which_the_market_begins_or_ends_stays_where_it_is() -> None:
    bars = bars_of([90.0, 100.0, 110.0, 121.0, 130.0, 140.0, 150.0, 300.0])
    part = Tape.from_bars(bars.iloc[1:-1], SWAP)
    calendar = Calendar.of(part)
    assert (calendar.count, calendar.head, calendar.tail) == (2, True, True)
    path = resampled(part, np.array([1, 0]))
    assert (times(path) == times(part)).all()
    # 100 | 110 121 | 130 140 | 150: the second day first, and the last one from where that ends
    expected = [100.0, 100.0 * 130 / 121, 100.0 * 140 / 121, 140.0 * 110 / 121, 140.0, 150.0]
    assert rows(path)[:, 3] == pytest.approx([round(2 * each) / 2 for each in expected])
    assert len(daily_series(part)["returns 0"]) == 2
    with pytest.raises(ConfigError, match="numbers of 2 days"):
        resampled(part, np.arange(4))


def test_all_instruments_are_drawn_together() -> None:
    tape = Tape.join(*map(world_tape, two_legs(np.random.default_rng(1), bars=240)))
    drawn = draw_days(np.random.default_rng(4), Calendar.of(tape).count, 2.0)
    path = resampled(tape, drawn)
    basis = []
    for some in (tape, path):
        one, two = (feed.bars.rows[:, 3] for feed in some.feeds)  # type: ignore[union-attr]
        basis.append(np.log(one / two))
    steps, own = np.diff(basis[1]), np.diff(basis[0])
    known = np.sort(own)
    nearest = np.minimum(np.searchsorted(known, steps), len(known) - 1)
    away = np.minimum(np.abs(known[nearest] - steps), np.abs(known[np.maximum(nearest - 1, 0)] - steps))
    assert np.quantile(away, 0.9) < 1e-4


def test_the_price_of_a_settle_currency_goes_on_where_it_was() -> None:
    bars = bars_of([100.0, 100.0, 200.0, 200.0])
    stamps = pd.date_range("2024-01-01", periods=4, freq="12h", tz="UTC")
    price = Prices(np.asarray(stamps.as_unit("ns").asi8), np.array([10.0, 11.0, 22.0, 33.0]))
    tape = Tape.from_bars(bars, SWAP)
    feed = replace(tape.feeds[0], settle_price=price)
    path = resampled(replace(tape, feeds=(feed,)), np.array([1, 0]))
    assert path.settle_price is not None
    prices = path.settle_price.prices
    assert prices[1] / prices[0] == pytest.approx(1.5)
    assert prices[3] / prices[2] == pytest.approx(1.1)
    assert prices[2] == pytest.approx(prices[1])


def test_blocks_have_the_mean_length_that_is_asked_for_and_go_on_around_the_end() -> None:
    rng = np.random.default_rng(0)
    drawn = np.concatenate([draw_days(rng, 500, 20.0) for _ in range(40)])
    goes_on = (np.diff(drawn) == 1) | (np.diff(drawn) == -499)
    assert 1.0 / (1.0 - goes_on.mean()) == pytest.approx(20.0, rel=0.15)
    assert np.bincount(drawn, minlength=500).min() > 0
    assert (drawn[1:][drawn[:-1] == 499] == 0).mean() > 0.8
    for block in (0.5, 501.0, float("nan")):
        with pytest.raises(ConfigError, match="from 1 to 500 days"):
            draw_days(rng, 500, block)


def test_what_a_block_has_to_hold_together() -> None:
    tape = market(days=30)
    series = daily_series(tape)
    assert sorted(series) == ["funding 0", "returns 0", "sizes 0"]
    closes = rows(tape)[23::24, 3]
    assert series["returns 0"] == pytest.approx(np.diff(np.log(np.r_[rows(tape)[0, 0], closes])))
    assert tape.funding is not None
    assert series["funding 0"] == pytest.approx(tape.funding.rates.reshape(-1, 3).sum(axis=1))


def test_funding_that_changes_its_clock_is_refused() -> None:
    stamps = pd.to_datetime(["2024-01-01 12:00", "2024-01-02 12:00", "2024-01-02 20:00", "2024-01-03 04:00"], utc=True)
    funding = pd.DataFrame({"ts": stamps, "rate": 1e-4, "interval_h": [24.0, 24.0, 8.0, 8.0]})
    tape = Tape.from_bars(bars_of([100.0] * 6), SWAP, funding=funding)
    with pytest.raises(DataError, match=r"every 8 h as at the end.*until 2024-01-02 12:00:00 UTC they are every 24 h"):
        resampled(tape, np.arange(3))


def test_what_was_trained_on_the_market_is_refused_on_its_paths() -> None:
    tape = Tape.from_bars(bars_of([100.0, 110.0, 121.0, 121.0, 60.5, 121.0]), SWAP)

    class Learnt:
        trained = training_range(tape.slice(None, "2024-01-02"))

    for path in (tape, resampled(tape, np.array([2, 1, 2]))):
        with pytest.raises(ConfigError, match="was trained on here:XUSD from 2024-01-01"):
            refuse_what_was_seen(path, Learnt())


def test_a_path_of_five_years_of_xbtusd(halfspread_data: Path) -> None:
    files: dict[str, Any] = {
        "source": halfspread_data / "bitmex" / "xbtusd_5m_2016_2021.parquet",
        "funding": halfspread_data / "bitmex" / "xbtusd_funding_2016_2022.parquet",
    }
    whole = Tape.from_bars(instrument=bitmex("XBTUSD"), **files)
    with pytest.raises(DataError, match=r"every 8 h as at the end.*until 2016-0\d-\d\d .* they are every 24 h"):
        resampled(whole, np.arange(Calendar.of(whole).count))
    tape = whole.slice("2017-02-11", None)
    days = Calendar.of(tape).count
    assert resampled(tape, np.arange(days)).hash() == tape.hash()
    path = resampled(tape, draw_days(np.random.default_rng(1), days, 20.0))
    assert path.funding is not None
    hours = path.funding.times[path.funding.times > path.start_ns] % DAY // HOUR
    assert set(hours.tolist()) == {4, 12, 20}
    assert (path.funding.times - path.funding.known_times == 8 * HOUR)[100:].all()
    steps, own = (np.diff(np.log(rows(each)[:, 3])) for each in (path, tape))
    assert np.quantile(np.abs(steps), 0.99) == pytest.approx(np.quantile(np.abs(own), 0.99), rel=0.15)
    assert Tape.from_bars(files["source"], bitmex("XBTUSD"), start="2017-02-11").columns == path.columns


def test_other_markets_than_bars_in_memory_are_refused(tmp_path: Any) -> None:
    frame = bars_of([100.0] * 6)
    frame.to_parquet(tmp_path / "bars.parquet")
    with pytest.raises(DataError, match="a streamed market; leave out stream"):
        Calendar.of(Tape.scan_bars(tmp_path / "bars.parquet", SWAP))
    trades = pd.DataFrame({"ts": frame["ts"], "price": 100.0, "size": 1.0, "side": "Buy"})
    with pytest.raises(DataError, match="got trades"):
        Calendar.of(Tape.from_trades(trades, SWAP))
    with pytest.raises(DataError, match="bars of 7d"):
        Calendar.of(Tape.from_bars(bars_of([100.0] * 4, step="7D"), bybit("BTCUSDT")))
    with pytest.raises(DataError, match="two whole days or more with bars, got 1"):
        Calendar.of(Tape.from_bars(bars_of([100.0] * 2), SWAP))
    with pytest.raises(ConfigError, match="expected the numbers of 3 days"):
        resampled(Tape.from_bars(frame, SWAP), np.array([0, 1, 3]))


def test_prices_are_on_ticks_of_any_size() -> None:
    for tick, decimals in ((0.1, 1), (2.5, 1), (0.3, 1), (25.0, 0)):
        swap = linear("XUSD", venue="here", tick=tick, lot=1.0)
        path = resampled(
            Tape.from_bars(bars_of([1000.0, 1100.0, 1210.0, 1300.0, 605.0, 1210.0]), swap), np.array([2, 0, 1])
        )
        prices = rows(path)[:, :4]
        steps = prices / tick
        assert np.abs(steps - np.rint(steps)).max() < 1e-9
        assert (prices == np.round(prices, decimals)).all() or tick == 0.3
    cheap = linear("XUSD", venue="here", tick=100.0, lot=1.0)
    path = resampled(Tape.from_bars(bars_of([100.0, 100.0, 4_000.0, 4_000.0]), cheap), np.array([1, 0]))
    assert rows(path)[:, 3].tolist() == [4_000.0, 4_000.0, 4_000.0, 4_000.0]
    falls = resampled(Tape.from_bars(bars_of([4_000.0, 4_000.0, 100.0, 100.0]), cheap), np.array([1, 1]))
    assert rows(falls)[:, 3].tolist() == [100.0, 100.0, 100.0, 100.0]  # 2.50 is no price: one tick at least
