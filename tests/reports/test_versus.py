"""Differences between agents and tests over all of them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from halfspread.reports.benchmark import Benchmark
from halfspread.reports.html import compare_page
from halfspread.reports.measured import Measured
from halfspread.reports.metrics import json_safe
from halfspread.reports.statistics.days import Days
from halfspread.reports.statistics.intervals import bootstrap_intervals
from halfspread.reports.statistics.resamples import draw_resamples
from halfspread.reports.text import certainty_table, comparison_table, plain
from halfspread.reports.versus import sum_intervals, versus, versus_object

Build = Callable[..., Any]


@pytest.fixture
def made(from_periods: Build) -> Callable[..., Any]:
    """A result with the given PnL of days, in units of the notional of 1,000."""

    def make(name: str, pnl: Any, **settings: Any) -> Any:
        days = pd.date_range("2024-01-02", periods=len(pnl), freq="D", tz="UTC")
        return from_periods(days, price=np.cumsum(1_000.0 * np.asarray(pnl)), name=name, **settings)

    return make


def noise(seed: int, mean: float = 0.0, days: int = 200) -> Any:
    return np.random.default_rng(seed).normal(mean, 0.01, days)


def test_differences_are_those_of_the_net_returns_and_lie_within_their_intervals(made: Build) -> None:
    one, two, hold = noise(1, 0.002), noise(2), noise(3)
    results = [made("one", one), made("two", two), made("hold", hold, agent="BuyAndHold")]
    found = versus(results, ["one", "two", "hold"])
    assert (found.first, found.hold, found.bound) == ("one", "hold", "")
    assert set(found.to_first) == {"two", "hold"}
    assert set(found.to_hold) == {"one", "two"}
    assert found.to_first["two"].value == pytest.approx((two - one).sum())
    assert found.to_hold["one"].value == pytest.approx((one - hold).sum())
    for each in (*found.to_first.values(), *found.to_hold.values()):
        assert each.low < each.value < each.high
    assert [(one.against, one.agents) for one in found.contests] == [("", 3), ("hold", 2)]


def test_an_interval_of_a_sum_is_that_of_the_headline_figures() -> None:
    pnl, other = noise(1), noise(2)
    resamples = draw_resamples(np.random.default_rng(4), 200, 3.0)
    found = sum_intervals(np.column_stack([pnl, other]), resamples)
    for column, one in zip((pnl, other), found, strict=True):
        same = bootstrap_intervals(Days.of(column), resamples)["total_return"]
        assert (one.value, one.low, one.high) == pytest.approx((same.estimate, same.low, same.high), rel=1e-9)


def test_an_edge_is_seen_and_its_absence_is_not_taken_for_one(made: Build) -> None:
    lucky = versus([made(f"a{i}", noise(i)) for i in range(8)], [f"a{i}" for i in range(8)])
    able = versus([made("able", noise(50, 0.004)), made("b", noise(51))], ["able", "b"])
    assert lucky.contests[0].superior_ability > 0.05
    assert able.contests[0].superior_ability < 0.01
    assert able.contests[0].reality_check < 0.01
    assert able.contests[0].best == "able"


def test_who_is_told_the_future_is_the_bound_and_takes_no_part(made: Build) -> None:
    seer = made("seer", np.abs(noise(9)), looks_ahead=True)
    results = [made("one", noise(1, 0.001)), made("two", noise(2)), seer]
    found = versus(results, ["one", "two", "seer"])
    alone = versus(results[:2], ["one", "two"])
    assert found.bound == "seer"
    assert found.contests == alone.contests
    assert found.to_first == alone.to_first
    ratio = noise(1, 0.001).sum() / np.abs(noise(9)).sum()
    assert found.share["one"] == pytest.approx(ratio)
    assert set(found.share) == {"one", "two"}


def test_a_comparison_that_cannot_be_made_says_why(made: Build) -> None:
    one = made("one", noise(1))
    assert versus([one], ["one"]).reason == "there is one agent only"
    assert "do not share their days" in versus([one, made("two", noise(2, days=199))], ["one", "two"]).reason
    short = versus([made("a", noise(1, days=59)), made("b", noise(2, days=59))], ["a", "b"])
    assert short.reason == "a comparison needs at least 60 days, got 59"
    assert short.contests == ()
    assert json.loads(json.dumps(json_safe(versus_object(short)), allow_nan=False))["resamples"] == 0


def test_agents_that_do_the_same_have_no_interval_of_their_difference(made: Build) -> None:
    found = versus([made("one", noise(1)), made("two", noise(1))], ["one", "two"])
    assert found.to_first["two"].value == 0.0
    assert math.isnan(found.to_first["two"].low)


def test_the_resamples_come_from_the_seed_of_the_run(made: Build) -> None:
    pair = [made("one", noise(1)), made("two", noise(2))]
    first, again = versus(pair, ["one", "two"]), versus(pair, ["one", "two"])
    other = versus([made("one", noise(1), seed=5), made("two", noise(2), seed=5)], ["one", "two"])
    assert first.to_first == again.to_first
    assert first.to_first["two"].low != other.to_first["two"].low


def test_the_json_names_who_is_compared_with_whom(made: Build) -> None:
    results = [made("one", noise(1, 0.002)), made("hold", noise(3), agent="BuyAndHold")]
    found = json.loads(json.dumps(json_safe(versus_object(versus(results, ["one", "hold"]))), allow_nan=False))
    assert (found["first"], found["buy_and_hold"], found["bound"]) == ("one", "hold", None)
    assert set(found["to_first"]["hold"]) == {"value", "low", "high"}
    assert [test["against"] for test in found["tests"]] == ["nothing", "hold"]
    assert found["resamples"] == 1_000


def against_index(result: Any) -> Any:
    index = pd.DatetimeIndex(Measured.of(result).days.index)
    values = 0.002 * np.random.default_rng(8).standard_normal(len(index))
    result.benchmark = Benchmark.read(pd.Series(values, index=index), values="returns", name="index")
    return result


def test_the_benchmark_of_all_is_one_more_to_beat(walk: Build) -> None:
    results = [against_index(walk(seed=seed, days=80, name=f"agent {seed}")) for seed in (1, 2)]
    names = [result.name for result in results]
    found = versus(results, names)
    assert found.benchmark == "the benchmark index"
    assert set(found.to_benchmark) == set(names)
    for result, name in zip(results, names, strict=True):
        one = found.to_benchmark[name]
        assert one.value == pytest.approx(Measured.of(result).metrics["active_return"])
        assert one.low < one.value < one.high
    assert [test.against for test in found.contests] == ["", "the benchmark index"]
    assert found.contests[1].agents == 2
    page = compare_page(results)
    assert "against index" in page
    assert "the benchmark index" in page
    text = plain(comparison_table(results)) + plain(certainty_table(results))
    assert "IR: information ratio, against index" in text
    assert "any of 2 beats the benchmark index" in text


def test_an_agent_that_is_the_benchmark_is_not_compared_with_itself(walk: Build) -> None:
    results = [walk(seed=seed, days=80, name=f"agent {seed}") for seed in (1, 2, 3)]
    benchmark = Benchmark.agent(results[1])
    for result in results:
        result.benchmark = benchmark
    found = versus(results, [result.name for result in results])
    assert found.benchmark == "agent 2"
    assert set(found.to_benchmark) == {"agent 1", "agent 3"}
    assert found.to_first["agent 2"].value == -found.to_benchmark["agent 1"].value


def test_benchmarks_that_differ_are_told_by_agent_and_not_tested(walk: Build) -> None:
    results = [walk(seed=seed, days=80, name=f"agent {seed}") for seed in (1, 2)]
    results[0] = against_index(results[0])
    assert versus(results, ["a", "b"]).benchmark == ""
    assert "against index (agent 1), zero (agent 2)" in plain(comparison_table(results))
    assert versus([], []).benchmark == ""


@pytest.mark.parametrize(
    ("day", "words"),
    [(0.02, "of the bound's net return: plain 25.0%"), (-0.02, "it made nothing, so there are no shares of it")],
)
def test_the_bound_and_its_shares_are_named_where_the_days_are_too_few(
    made: Callable[..., Any], day: float, words: str
) -> None:
    results = [made("plain", [0.005] * 10), made("seer", [day] * 10, looks_ahead=True)]
    text = plain(certainty_table(results))
    assert "how sure: intervals need at least 60 days, this run has 10" in text
    assert "seer is told the future: a bound, not a competitor" in text
    assert words in text
