"""The permutation test on what a run has recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import halfspread as hs
from halfspread.datafeeds.synthetic.market import SyntheticMarket
from halfspread.errors import ConfigError, DataError
from halfspread.reports.html import run_page
from halfspread.reports.statistics.permutation import permutation_test
from halfspread.reports.timing import timing, timing_object, timing_sentence, timings

Build = Callable[..., Any]


def recorded(
    from_periods: Build, targets: np.ndarray[Any, Any], returns: np.ndarray[Any, Any], fee: float = 0.0
) -> Any:
    """A run of hours on a notional of 1,000 whose agent sizes its position anew at the beginning of each but the
    first, at the price."""
    price = 100.0 * np.cumprod(1.0 + np.r_[0.0, returns])
    contracts = targets * 1_000.0 / price[:-1]
    traded = np.diff(np.r_[0.0, contracts])
    ends = pd.date_range("2024-01-01 01:00", periods=len(price), freq="h", tz="UTC").as_unit("ns")
    value = np.abs(traded) * price[:-1]
    fills = pd.DataFrame({"time": ends[:-1], "instrument": "BTCUSDT", "contracts": traded, "value": value})
    fills["position_after"] = contracts
    turnover = np.r_[0.0, np.cumsum(value)]
    columns = {"price": np.r_[0.0, np.cumsum(contracts * np.diff(price))], "turnover": turnover, "fee": -fee * turnover}
    return from_periods(ends, reference=price, fills=fills[fills["contracts"] != 0.0], **columns)


def a_walk(rows: int = 400) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    draw = np.random.default_rng(5)
    return np.repeat(draw.choice([-1.0, 0.0, 1.0], rows // 4), 4), 0.01 * draw.standard_normal(rows)


def test_it_is_the_permutation_test_of_the_position_at_the_beginning_of_each_row(from_periods: Build) -> None:
    targets, returns = a_walk()
    result = recorded(from_periods, targets, returns, fee=0.001)
    found = timing(result)
    expected = permutation_test(targets, returns, 0.001)
    assert found.p == pytest.approx(expected.p)
    assert found.ratio == pytest.approx(expected.statistic)
    assert (found.rows, found.period, found.changes) == (
        400,
        "1 h",
        int(np.count_nonzero(np.diff(targets))),
    )
    assert found.cost == pytest.approx(0.001)
    assert found.explained == pytest.approx(1.0)


def test_an_agent_that_knows_the_next_row_is_found_and_one_that_knows_nothing_is_not(from_periods: Build) -> None:
    targets, returns = a_walk()
    assert timing(recorded(from_periods, np.sign(returns), returns)).p == pytest.approx(1 / 400)
    assert timing(recorded(from_periods, targets, returns)).p > 0.05


def test_a_position_that_is_left_alone_does_not_vary_with_the_price(from_periods: Build) -> None:
    _, returns = a_walk()
    held = recorded(from_periods, np.ones(400), returns)
    held.fills = held.fills.iloc[:1]
    with pytest.raises(DataError, match="the position never varies"):
        timing(held)


def test_an_agent_that_trades_within_the_periods_is_not_tested_by_their_ends(from_periods: Build) -> None:
    targets, returns = a_walk()
    result = recorded(from_periods, targets, returns)
    result.periods["price"] = 1_000.0 * np.cumsum(np.r_[0.0, np.abs(returns)])
    with pytest.raises(DataError, match=r"periods of 1 h explain \d+% of the variation .*record finer ones \(period\)"):
        timing(result)


def test_too_few_periods_are_refused_with_the_number_needed(from_periods: Build) -> None:
    targets, returns = a_walk()
    with pytest.raises(DataError, match="needs at least 60 recorded periods, this run has 59"):
        timing(recorded(from_periods, targets[:59], returns[:59]))
    assert timing(recorded(from_periods, targets[:60], returns[:60])).rows == 60


def test_of_several_instruments_one_must_be_named_and_each_is_listed(two_instruments: Build) -> None:
    result = two_instruments()
    with pytest.raises(ConfigError, match="expected one instrument of the run"):
        timing(result)
    assert set(timings(result)) == {"bybit:BTCUSDT", "bitmex:XBTUSD"}
    assert "at least 60" in timing_object(result)["bitmex:XBTUSD"]["reason"]


def test_the_page_and_the_json_say_the_same(walk: Build) -> None:
    result = walk(days=100)
    found = timing(result)
    assert timing_object(result) == {"bybit:BTCUSDT": {**vars(found), "reason": ""}}
    assert timing_sentence(found) in run_page(result)
    assert "Timing: p = " in timing_sentence(found)
    assert "Timing was not tested: the permutation test needs" in timing_sentence(
        timings(walk(days=2))["bybit:BTCUSDT"]
    )


def test_agents_of_chance_raise_false_alarms_at_their_level() -> None:
    costs = hs.Costs(half_spread=hs.HalfSpread.ticks(1), fees=hs.Fees.venue(), funding=hs.Funding.none())
    alarms, runs = 0, 80
    for seed in range(runs):
        tape = SyntheticMarket(days=15, interval="1h").tape(np.random.default_rng(seed))
        agent = hs.strategies.RandomTurnover()
        result = hs.backtest(
            tape, agent, costs, sizing=hs.FixedNotional(1_000), margin=hs.Margin.none(), seed=seed, period="1h"
        )
        alarms += result.timing().p <= 0.05
    assert 0.0 < alarms / runs <= 0.12
