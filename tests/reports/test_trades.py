"""Round trips worked by hand, linear and inverse, and their statistics."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from halfspread.reports.trades import trade_statistics, trades

Build = Callable[..., Any]


def hours(*clock: str) -> list[str]:
    return [f"2024-01-01 {hour}" for hour in clock]


def test_a_long_trip_is_bought_low_sold_high_and_pays_both_times(from_periods: Build, make_fills: Build) -> None:
    fills = make_fills([("2024-01-01 01:00", 2.0, 100.0), ("2024-01-01 05:00", -2.0, 110.0)], half=0.5, fee=0.001)
    result = from_periods(hours("03:00", "06:00"), fills=fills, price=[10.0, 20.0], reference=[105.0, 110.0])
    (trip,) = trades(result).to_dict("records")
    assert (trip["side"], trip["contracts"], trip["fills"], trip["closed"]) == ("long", 2.0, 2, True)
    assert (trip["average_entry"], trip["average_exit"]) == (100.5, 109.5)
    assert trip["price"] == pytest.approx(20.0)
    assert trip["half_spread"] == pytest.approx(-2.0)  # 2 x 0.5, twice
    assert trip["fee"] == pytest.approx(-0.42)  # 0.001 x (201 + 219)
    assert trip["pnl"] == pytest.approx(17.58)
    assert trip["duration"] == pd.Timedelta(hours=4)


def test_a_fill_that_turns_the_position_is_shared_by_contracts(from_periods: Build, make_fills: Build) -> None:
    rows = [("2024-01-01 01:00", 1.0, 100.0), ("2024-01-01 02:00", -4.0, 120.0), ("2024-01-01 03:00", 3.0, 110.0)]
    fills = make_fills(rows, half=1.0)
    result = from_periods(hours("04:00"), fills=fills, price=[50.0])
    long, short = trades(result).to_dict("records")
    assert (long["side"], long["price"], long["half_spread"]) == ("long", pytest.approx(20.0), pytest.approx(-2.0))
    assert (short["side"], short["price"], short["half_spread"]) == ("short", pytest.approx(30.0), pytest.approx(-6.0))
    assert (short["contracts"], short["average_entry"], short["average_exit"]) == (3.0, 119.0, 111.0)
    assert long["exit_time"] == short["entry_time"]


def test_scaling_in_and_out_averages_the_prices(from_periods: Build, make_fills: Build) -> None:
    rows = [("01:00", 1.0, 100.0), ("02:00", 3.0, 120.0), ("03:00", -2.0, 130.0), ("04:00", -2.0, 140.0)]
    fills = make_fills([(f"2024-01-01 {clock}", traded, price) for clock, traded, price in rows])
    (trip,) = trades(from_periods(hours("05:00"), fills=fills, price=[80.0])).to_dict("records")
    assert (trip["contracts"], trip["average_entry"], trip["average_exit"]) == (4.0, 115.0, 135.0)
    assert trip["price"] == pytest.approx(80.0)  # 4 x (135 - 115)
    assert trip["fills"] == 4


def test_prices_of_an_inverse_contract_are_averaged_harmonically(
    from_periods: Build, make_fills: Build, inverse: SimpleNamespace
) -> None:
    rows = [
        ("2024-01-01 01:00", 100.0, 10_000.0),
        ("2024-01-01 01:30", 100.0, 20_000.0),
        ("2024-01-01 01:45", -200.0, 20_000.0),
    ]
    fills = make_fills(rows, symbol="XBTUSD", inverse=True)
    result = from_periods(hours("02:00"), fills=fills, price=[100.0], instruments=(inverse,), settle_currency="XBT")
    (trip,) = trades(result).to_dict("records")
    assert trip["average_entry"] == pytest.approx(200.0 / (100 / 10_000 + 100 / 20_000))  # 13,333.33
    # 100 contracts from 10,000 to 20,000 earn 100 x (1/10,000 - 1/20,000) = 0.005 XBT, worth 100 USD at 20,000
    assert trip["price"] == pytest.approx(100.0)


def test_price_and_funding_of_a_trip_are_what_the_totals_gained_over_it(from_periods: Build, make_fills: Build) -> None:
    # the fill at 09:00 turns the position: its totals end the long and begin the short; the last trip is still open
    rows = [("2024-01-01 07:00", 1.0, 100.0), ("2024-01-01 09:00", -2.0, 104.0), ("2024-01-01 11:00", 1.0, 101.0)]
    fills = make_fills([*rows, ("2024-01-02 07:00", 1.0, 101.0)])
    fills["price_total"], fills["funding_total"] = [0.0, 4.5, 7.0, 7.0], [0.0, -3.0, -1.0, -1.0]
    days = ["2024-01-02", "2024-01-03", "2024-01-04"]
    result = from_periods(days, fills=fills, price=[7.0, 9.0, 12.0], funding=[-1.0, -2.0, -4.0])
    table = trades(result)
    assert table["price"].tolist() == [4.5, 2.5, 5.0]
    assert table["funding"].tolist() == [-3.0, 2.0, -3.0]
    assert table["pnl"].tolist() == [1.5, 4.5, 2.0]
    assert table["closed"].tolist() == [True, True, False]


def test_a_position_left_open_stands_at_the_last_reference_price(from_periods: Build, make_fills: Build) -> None:
    fills = make_fills([("2024-01-01 01:00", -2.0, 100.0)], half=1.0)
    result = from_periods(hours("02:00", "03:00"), fills=fills, price=[4.0, 10.0], reference=[98.0, 95.0])
    table = trades(result)
    (trip,) = table.to_dict("records")
    assert (trip["closed"], trip["side"], trip["exit_time"]) == (False, "short", result.end)
    assert trip["price"] == pytest.approx(10.0)
    assert math.isnan(trip["average_exit"])
    assert trade_statistics(table).loc["round_trips", "all"] == 0.0


def test_trips_add_up_to_the_attribution(walk: Build) -> None:
    result = walk(days=120)
    table = trades(result)
    for name in ("price", "half_spread", "fee", "funding"):
        assert table[name].sum() == pytest.approx(result.attribution[name], abs=1e-6), name
    assert table["pnl"].sum() == pytest.approx(result.attribution["total"])


def test_several_instruments_are_kept_apart(from_periods: Build, make_fills: Build, linear: SimpleNamespace) -> None:
    other = SimpleNamespace(venue="bybit", symbol="ETHUSDT", name="bybit:ETHUSDT", kind="linear", multiplier=0.1)
    first: pd.DataFrame = make_fills([("2024-01-01 01:00", 1.0, 100.0), ("2024-01-01 04:00", -1.0, 105.0)])
    second: pd.DataFrame = make_fills(
        [("2024-01-01 02:00", -10.0, 50.0), ("2024-01-01 03:00", 10.0, 40.0)], symbol="ETHUSDT"
    )
    second[["value", "price_total"]] *= 0.1
    fills = pd.concat([first, second]).sort_values("time", ignore_index=True)
    result = from_periods(hours("05:00"), fills=fills, price=[15.0], instruments=(linear, other))
    table = trades(result)
    assert table["instrument"].tolist() == ["BTCUSDT", "ETHUSDT"]
    assert table["price"].tolist() == pytest.approx([5.0, 10.0])


def test_what_several_instruments_leave_open_stands_at_the_price_of_each(
    two_instruments: Build, make_fills: Build
) -> None:
    rows = [("2024-01-01 01:00", 1.0, 100.0)]
    first: pd.DataFrame = make_fills(rows)
    second: pd.DataFrame = make_fills(rows, symbol="XBTUSD", inverse=True)
    table = trades(two_instruments(fills=pd.concat([first, second], ignore_index=True)))
    assert table["instrument"].tolist() == ["BTCUSDT", "XBTUSD"]
    assert table["price"].tolist() == [30.0, -10.0]
    assert table["funding"].tolist() == [0.0, 5.0]
    assert not table["closed"].any()


def test_one_symbol_of_two_venues_is_told_apart_by_its_name(
    from_periods: Build, make_fills: Build, linear: SimpleNamespace
) -> None:
    other = SimpleNamespace(venue="bitmex", symbol="BTCUSDT", name="bitmex:BTCUSDT", kind="linear", multiplier=1.0)
    first: pd.DataFrame = make_fills(
        [("2024-01-01 01:00", 1.0, 100.0), ("2024-01-01 04:00", -1.0, 105.0)], symbol=linear.name
    )
    second: pd.DataFrame = make_fills(
        [("2024-01-01 02:00", -1.0, 50.0), ("2024-01-01 03:00", 1.0, 40.0)], symbol=other.name
    )
    fills = pd.concat([first, second]).sort_values("time", ignore_index=True)
    table = trades(from_periods(hours("05:00"), fills=fills, price=[15.0], instruments=(linear, other)))
    assert table["instrument"].tolist() == ["bybit:BTCUSDT", "bitmex:BTCUSDT"]
    assert table["price"].tolist() == [5.0, 10.0]


def test_a_liquidation_closes_a_trip_and_is_part_of_its_pnl(from_periods: Build, make_fills: Build) -> None:
    fills: pd.DataFrame = make_fills([("2024-01-01 01:00", 2.0, 100.0), ("2024-01-01 02:00", -2.0, 90.0)], fee=0.001)
    fills["fee"], fills["liquidation"] = [-0.2, 0.0], [0.0, -3.0]
    (trip,) = trades(from_periods(hours("03:00"), fills=fills, price=[-20.0])).to_dict("records")
    assert (trip["closed"], trip["liquidation"], trip["pnl"]) == (True, -3.0, pytest.approx(-23.2))


def test_statistics_of_closed_trips(from_periods: Build, make_fills: Build) -> None:
    rows = [("00:00", 1.0, 100.0), ("01:00", -1.0, 130.0), ("02:00", 1.0, 100.0), ("05:00", -1.0, 90.0)]
    rows += [("06:00", -1.0, 100.0), ("08:00", 1.0, 80.0)]
    fills = make_fills([(f"2024-01-01 {clock}", traded, price) for clock, traded, price in rows])
    table = trade_statistics(trades(from_periods(hours("09:00"), fills=fills, price=[40.0])))
    assert list(table.loc["round_trips"]) == [3.0, 2.0, 1.0]
    assert list(table.loc["hit_ratio"]) == pytest.approx([2 / 3, 0.5, 1.0])
    assert list(table.loc["mean_pnl"]) == pytest.approx([40 / 3, 10.0, 20.0])
    assert table.loc["mean_gain", "all"] == pytest.approx(25.0)
    assert table.loc["mean_loss", "all"] == pytest.approx(-10.0)
    assert list(table.loc["profit_factor"])[:2] == pytest.approx([5.0, 3.0])
    assert table["short"].isna()["profit_factor"]  # no losses: not infinite
    assert list(table.loc["mean_hours"]) == pytest.approx([2.0, 2.0, 2.0])
    assert list(table.loc[["best", "worst"], "all"]) == pytest.approx([30.0, -10.0])


def test_without_fills_there_are_no_trips_and_no_statistics(from_periods: Build) -> None:
    table = trades(from_periods(hours("01:00")))
    assert len(table) == 0
    assert {"entry_time", "side", "pnl", "duration", "closed"} <= set(table.columns)
    statistics = trade_statistics(table)
    assert list(statistics.loc["round_trips"]) == [0.0, 0.0, 0.0]
    assert statistics.drop(index="round_trips").isna().all().all()


def test_the_work_grows_with_the_fills_and_not_with_their_square(from_periods: Build, make_fills: Build) -> None:
    def seconds(count: int) -> float:
        times = pd.date_range("2024-01-01", periods=count, freq="min", tz="UTC").as_unit("ns")
        signs = np.where(np.arange(count) % 2 == 0, 1.0, -1.0) * np.r_[1.0, np.full(count - 1, 2.0)]
        fills = make_fills([("2024-01-01", 1.0, 100.0)] * count)
        fills["time"], fills["contracts"], fills["position_after"] = times, signs, np.cumsum(signs)
        result = from_periods([times[-1] + pd.Timedelta(minutes=1)], fills=fills)
        best = math.inf
        for _ in range(3):
            start = time.perf_counter()
            assert len(trades(result)) == count
            best = min(best, time.perf_counter() - start)
        return best

    assert seconds(40_000) < 8.0 * seconds(10_000) + 0.05  # a quadratic one would take 16 times as long
