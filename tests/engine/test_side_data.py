"""Funding, mark and index prices and gaps: what is wrong is named, and what is right becomes events in order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.costs.funding import FundingTable
from halfspread.engine.codes import FUNDING, FUNDING_KNOWN, INDEX, MARK, RATE
from halfspread.engine.instruments import Instrument, bitmex, bybit
from halfspread.engine.side_data import (
    Beside,
    Prices,
    read_funding,
    read_gaps,
    read_prices,
    refuse_bars_in_gaps,
    side_events,
)
from halfspread.engine.times import HOUR, MINUTE
from halfspread.errors import DataError, UserError
from tests.engine.worlds import START

Frame = Any
BITMEX, BYBIT = bitmex("XBTUSD"), bybit("BTCUSDT")


def funding_frame() -> Frame:
    return pd.DataFrame({"ts": START + 8 * HOUR * np.arange(10), "rate": 1e-4, "interval_h": 8})


def price_frame() -> Frame:
    return pd.DataFrame({"ts": START + HOUR * np.arange(10), "price": 100.0})


def put(row: int, column: str, value: Any) -> Callable[[Frame], Frame]:
    def change(frame: Frame) -> Frame:
        frame[column] = frame[column].astype(object if isinstance(value, str) else type(value))
        frame.loc[row, column] = value
        return frame

    return change


def funded(source: Any, instrument: Instrument = BITMEX) -> FundingTable:
    table = read_funding(source, instrument)
    assert table is not None
    return table


AT_3 = "row 3 (2024-01-02 00:00:00 UTC)"


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda frame: frame.drop(columns="rate"), ["missing column(s) rate; found ts, interval_h", "Rename"]),
        (lambda frame: frame.drop(columns=["ts", "rate"]), ["missing column(s) ts, rate"]),
        (put(3, "rate", "0.01%"), [AT_3, "column rate: expected a number, got '0.01%'"]),
        (put(3, "interval_h", float("nan")), [AT_3, "column interval_h: expected hours", "got nan", "have 8 h"]),
        (put(3, "interval_h", 0.0), [AT_3, "column interval_h: expected hours above 0", "got 0"]),
        (put(3, "interval_h", -8.0), [AT_3, "got -8"]),
        (put(3, "interval_h", float("inf")), [AT_3, "got inf"]),
        (put(3, "interval_h", 28_800.0), [AT_3, "up to 168, got 28800"]),
        (lambda frame: frame.assign(ts=frame["ts"] // 10**9), ["column ts: row 0", "time_unit='s'"]),
        (lambda frame: frame.assign(ts=pd.to_datetime(frame["ts"])), ["column ts", "no time zone"]),
        (lambda frame: frame.assign(known_ts=0), ["column known_ts: row 0"]),
        (lambda frame: frame.assign(known_ts=np.nan), ["column known_ts: row 0: expected a time, got nan"]),
    ],
)
def test_wrong_funding_is_named_with_row_and_column(break_it: Callable[[Frame], Frame], words: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        read_funding(break_it(funding_frame()), BITMEX)
    for word in ("DataFrame: funding", *words):
        assert word in str(caught.value)


def test_funding_keeps_its_name_for_what_is_found_wrong_later(tmp_path: Path) -> None:
    frame = put(3, "rate", float("nan"))(funding_frame())
    frame.to_parquet(tmp_path / "paid.parquet")
    with pytest.raises(DataError, match=r"paid\.parquet: funding: row 3 .*got NaN"):
        funded(tmp_path / "paid.parquet").check(0.05)
    with pytest.raises(DataError, match=r"no such file"):
        read_funding(tmp_path / "none.parquet", BITMEX)


def test_bitmex_knows_a_rate_an_interval_ahead_and_bybit_does_not() -> None:
    plain = funding_frame().drop(columns="interval_h")
    assert (funded(plain).times - funded(plain).known_times == 8 * HOUR).all()
    assert (funded(plain, BYBIT).known_times == funded(plain, BYBIT).times).all()
    daily = funded(funding_frame().assign(interval_h=24.0))
    assert (daily.intervals == 24 * HOUR).all()
    assert (daily.times - daily.known_times == 24 * HOUR).all()
    told = funded(funding_frame().assign(known_ts=funding_frame()["ts"] - MINUTE), BYBIT)
    assert (told.times - told.known_times == MINUTE).all()
    assert read_funding(None, BITMEX) is None
    assert read_funding(told, BITMEX) is told


def test_the_real_funding_of_both_venues_is_read(halfspread_data: Path) -> None:
    assert len(funded(halfspread_data / "bitmex" / "xbtusd_funding_2016_2022.parquet")) == 6_255
    assert len(funded(halfspread_data / "bybit" / "btcusdt_funding_2021_2026.parquet", BYBIT)) == 6_175


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (
            put(3, "price", float("nan")),
            ["row 3 (2024-01-01 03:00:00 UTC)", "above zero, got nan", "leave the row out"],
        ),
        (put(3, "price", float("inf")), ["row 3", "got inf"]),
        (put(3, "price", 0.0), ["row 3", "above zero, got 0.0"]),
        (put(3, "price", -1.0), ["row 3", "got -1.0"]),
        (put(3, "price", "free"), ["row 3", "column price: expected a number, got 'free'"]),
        (lambda frame: frame.iloc[::-1], ["row 1 (2024-01-01 08:00:00 UTC)", "(2024-01-01 09:00:00 UTC); sort"]),
        (lambda frame: frame.loc[[0, 1, 1, 2]], ["row 2 (2024-01-01 01:00:00 UTC)", "remove duplicates"]),
        (lambda frame: frame.rename(columns={"price": "last"}), ["columns ts and price (or open", "found ts, last"]),
        (lambda frame: frame.drop(columns="ts"), ["columns ts and price", "found price"]),
        (lambda frame: frame.assign(ts=frame["ts"] // 10**9), ["column ts: row 0", "time_unit='s'"]),
    ],
)
@pytest.mark.parametrize("name", ["mark", "index", "settle currency"])
def test_wrong_prices_are_named_with_kind_row_and_time(
    break_it: Callable[[Frame], Frame], words: list[str], name: str
) -> None:
    with pytest.raises(DataError) as caught:
        read_prices(break_it(price_frame()), name)
    for word in (f"DataFrame: {name} prices", *words):
        assert word in str(caught.value)


def test_prices_given_as_arrays_are_checked_and_copied_too() -> None:
    times, values = START + HOUR * np.arange(3), np.array([1.0, 2.0, 3.0])
    prices = Prices(times, values)
    times[0], values[0] = 0, -1.0
    assert (int(prices.times[0]), float(prices.prices[0])) == (START, 1.0)
    assert not prices.prices.flags.writeable
    assert read_prices(prices, "mark") is prices
    with pytest.raises(DataError, match=r"prices: row 0 .* above zero, got -1.0"):
        Prices(prices.times, values)
    with pytest.raises(DataError, match="one value for each of 2 times"):
        Prices(prices.times[1:], prices.prices)


def test_the_open_of_a_bar_is_a_price_at_its_time() -> None:
    read = read_prices(price_frame().rename(columns={"price": "open"}).assign(close=5.0), "mark")
    assert read is not None
    assert read.prices.tolist() == [100.0] * 10


@pytest.mark.parametrize(
    ("gaps", "words"),
    [
        ([("2024-01-02", "2024-01-01")], "expected an end after 2024-01-02 00:00:00 UTC, got 2024-01-01"),
        ([("2024-01-01", "2024-01-01")], "expected an end after"),
        ([("2024-01-01",)], "expected pairs of times"),
        (["2024-01-01"], "expected pairs of times"),
        ([("2024-01-01", "2024-01-02", "2024-01-03")], "expected pairs of times"),
        ([("2024-01-01", "soon")], "gap end: expected a UTC time"),
        ([("2024-01-01", None)], "gap end: expected a UTC time"),
    ],
)
def test_what_is_no_gap_is_refused(gaps: Any, words: str) -> None:
    with pytest.raises(UserError) as caught:
        read_gaps(gaps)
    assert words in str(caught.value)


def test_gaps_are_sorted_and_may_come_in_any_form_of_time() -> None:
    late, early = (START + 5 * HOUR, pd.Timestamp(START + 6 * HOUR, tz="UTC")), ("2024-01-01", "2024-01-01T01:00Z")
    assert read_gaps([late, early]) == ((START, START + HOUR), (START + 5 * HOUR, START + 6 * HOUR))


@given(st.lists(st.integers(0, 30), min_size=1, unique=True), st.integers(0, 40), st.integers(1, 10))
def test_a_bar_that_reaches_into_a_gap_is_found_and_one_that_touches_it_is_not(
    hours: list[int], start: int, length: int
) -> None:
    times = START + HOUR * np.sort(np.array(hours))
    gap = (START + start * HOUR + MINUTE, START + (start + length) * HOUR + MINUTE)
    inside = [i for i, time in enumerate(times) if time < gap[1] and time + HOUR > gap[0]]
    if not inside:
        refuse_bars_in_gaps(times, HOUR, (gap,), "bars")
        return
    with pytest.raises(DataError, match=rf"bars: row {inside[0] + 7} .*reaches into the gap .*correct the gap"):
        refuse_bars_in_gaps(times, HOUR, (gap,), "bars", 7)


def test_a_bar_may_end_where_a_gap_starts_and_start_where_it_ends() -> None:
    times = np.array([START, START + 3 * HOUR])
    refuse_bars_in_gaps(times, HOUR, ((START + HOUR, START + 3 * HOUR),), "bars")
    for gap in ((START + HOUR - 1, START + 2 * HOUR), (START + HOUR, START + 3 * HOUR + 1)):
        with pytest.raises(DataError, match="reaches into the gap"):
            refuse_bars_in_gaps(times, HOUR, (gap,), "bars")


def hours_of(events: Any) -> list[tuple[int, int]]:
    return [(int((time - START) // HOUR), int(kind)) for time, kind in zip(events["time"], events["kind"], strict=True)]


def test_events_are_in_order_and_at_one_time_prices_come_before_settlements_and_publications() -> None:
    prices = Prices(START + 8 * HOUR * np.arange(3), np.array([1.0, 2.0, 3.0]))
    beside = Beside(funded(funding_frame().iloc[:3]), prices, prices, prices)
    events = side_events([beside], START, START + 16 * HOUR)
    expected = [(8 * i, kind) for i in range(3) for kind in (MARK, INDEX, RATE, FUNDING, FUNDING_KNOWN)]
    assert hours_of(events) == expected[:-1]  # nothing is published at hour 16: the table ends
    settled = events[events["kind"] == FUNDING]
    assert ((settled["row"] - settled["time"]) == 8 * HOUR).all()
    known = events[events["kind"] == FUNDING_KNOWN]
    assert ((known["row"] - known["time"]) == 8 * HOUR).all()


def test_of_what_came_before_the_start_the_last_of_each_kind_is_kept_and_nothing_after_the_end() -> None:
    mark = Prices(START + HOUR * np.arange(100), np.linspace(1.0, 100.0, 100))
    start, end = START + 20 * HOUR + MINUTE, START + 30 * HOUR
    events = side_events([Beside(funded(funding_frame()), mark)], start, end)
    assert hours_of(events)[:3] == [(16, FUNDING), (16, FUNDING_KNOWN), (20, MARK)]
    assert hours_of(events)[-1] == (30, MARK)
    assert len(events) == 3 + 10 + 2
    assert len(side_events([Beside()], start, end)) == 0
    late = Prices(np.array([end + 1]), np.array([1.0]))
    assert len(side_events([Beside(mark=late)], start, end)) == 0


def test_rates_known_long_ahead_follow_one_another_so_that_the_next_one_is_always_the_one_shown() -> None:
    table = funding_frame().iloc[:6]
    for known in (START - HOUR, START - 100 * HOUR):  # all published at once
        read = funded(table.assign(known_ts=known))
        events = side_events([Beside(read)], START, START + 40 * HOUR)
        published = events[events["kind"] == FUNDING_KNOWN]
        assert np.diff(published["time"]).min() >= 8 * HOUR
        assert (published["row"] > published["time"]).all()
        for event in published[1:]:  # right after the settlement before its own
            assert event["row"] - event["time"] == 8 * HOUR
