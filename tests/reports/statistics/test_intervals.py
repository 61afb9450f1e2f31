"""Intervals of the headline figures: against slow Python, and what must always hold."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfspread.errors import ConfigError, DataError
from halfspread.reports.statistics.days import Days
from halfspread.reports.statistics.drawdowns import days_under_water, longest_drawdown, max_drawdown
from halfspread.reports.statistics.draws import measure_draws
from halfspread.reports.statistics.intervals import (
    HEADLINE,
    block_length_of,
    bootstrap_intervals,
    headline_intervals,
)
from halfspread.reports.statistics.ratios import (
    annual_return,
    annual_volatility,
    calmar_ratio,
    information_ratio,
    sortino_ratio,
)
from halfspread.reports.statistics.relative import (
    active_return,
    alpha,
    beta,
    correlation,
    down_capture,
    tracking_error,
    up_capture,
)
from halfspread.reports.statistics.resamples import draw_resamples, mean_variances
from halfspread.reports.statistics.series import Floats
from halfspread.reports.statistics.tail import expected_shortfall
from halfspread.reports.statistics.trading import break_even_cost, cost_per_turnover, mean_exposure


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def days(count: int = 200, seed: int = 3, mean: float = 0.001) -> Days:
    """Every series, with days that hang together."""
    draw = rng(seed)
    pnl = 0.02 * draw.standard_t(4, count) + mean
    pnl[1:] += 0.3 * pnl[:-1]
    turnover = draw.random(count)
    cost = turnover * 5e-4 * (1.0 + draw.random(count))
    trips = draw.integers(0, 4, count).astype(np.float64)
    return Days.of(
        pnl,
        benchmark=0.005 * draw.standard_normal(count),
        price=pnl + cost + 1e-4 * draw.standard_normal(count),
        cost=cost,
        turnover=turnover,
        exposure=draw.random(count),
        returns=1.5 * pnl,
        trips=trips,
        winners=np.floor(trips * draw.random(count)),
    )


#: Every figure from the days of one resample, by the functions that describe a run.
SLOW: dict[str, Callable[[Any], float]] = {
    "total_return": lambda d: float(d["pnl"].sum()),
    "annual_return": lambda d: annual_return(d["pnl"]),
    "annual_volatility": lambda d: annual_volatility(d["pnl"]),
    "information_ratio": lambda d: information_ratio(d["pnl"], d["benchmark"]),
    "sharpe_ratio": lambda d: information_ratio(d["pnl"]),
    "sortino_ratio": lambda d: sortino_ratio(d["pnl"], d["benchmark"]),
    "expected_shortfall": lambda d: expected_shortfall(d["pnl"]),
    "positive_days": lambda d: float((d["pnl"] > 0.0).mean()),
    "price_return": lambda d: float(d["price"].sum()),
    "cost_and_funding_return": lambda d: float((d["pnl"] - d["price"]).sum()),
    "execution_return": lambda d: -float(d["cost"].sum()),
    "turnover": lambda d: float(d["turnover"].sum()),
    "exposure": lambda d: mean_exposure(d["exposure"]),
    "cost_per_turnover": lambda d: cost_per_turnover(d["cost"], d["turnover"]),
    "break_even_cost": lambda d: break_even_cost(d["pnl"], d["cost"], d["turnover"]),
    "hit_ratio": lambda d: float(d["winners"].sum() / d["trips"].sum()),
    "equity_return": lambda d: float(np.prod(1.0 + d["returns"])) - 1.0,
    "benchmark_return": lambda d: float(d["benchmark"].sum()),
    "active_return": lambda d: active_return(d["pnl"], d["benchmark"]),
    "tracking_error": lambda d: tracking_error(d["pnl"], d["benchmark"]),
    "alpha": lambda d: alpha(d["pnl"], d["benchmark"]),
    "beta": lambda d: beta(d["pnl"], d["benchmark"]),
    "correlation": lambda d: correlation(d["pnl"], d["benchmark"]),
    "up_capture": lambda d: up_capture(d["pnl"], d["benchmark"]),
    "down_capture": lambda d: down_capture(d["pnl"], d["benchmark"]),
    "calmar_ratio": lambda d: calmar_ratio(d["pnl"]),
    "max_daily_drawdown": lambda d: max_drawdown(d["pnl"]),
    "longest_drawdown_days": lambda d: float(longest_drawdown(d["pnl"])),
    "days_under_water": lambda d: days_under_water(d["pnl"]),
    "worst_day": lambda d: float(d["pnl"].min()),
    "best_day": lambda d: float(d["pnl"].max()),
    "equity_max_daily_drawdown": lambda d: max_drawdown(d["returns"], compounded=True),
}
BACK = {
    "annual_volatility": np.exp,
    "equity_return": np.expm1,
    "tracking_error": np.exp,
    "correlation": np.tanh,
}
BESIDE = {
    *("benchmark_return", "active_return", "tracking_error", "alpha", "beta", "correlation"),
    *("up_capture", "down_capture"),
}


def test_every_headline_figure_has_a_slow_twin() -> None:
    assert set(SLOW) == set(HEADLINE)
    assert list(headline_intervals(days(), rng(), 400).figures) == list(HEADLINE)


@pytest.mark.parametrize("name", HEADLINE)
def test_a_figure_of_a_resample_is_that_of_the_days_drawn(name: str) -> None:
    run = days()
    resamples = draw_resamples(rng(), len(run), 3.0, 25)
    found = measure_draws(run, resamples)[name]
    back = BACK.get(name, np.asarray)
    known = run.series()
    slow = [SLOW[name]({key: values[rows] for key, values in known.items()}) for rows in resamples.index]
    assert back(found.values).tolist() == pytest.approx(slow, rel=1e-9, abs=1e-12)
    assert float(back(np.asarray(found.estimate))) == pytest.approx(SLOW[name](known), rel=1e-12)


@pytest.mark.parametrize("name", HEADLINE)
def test_the_standard_error_is_the_spread_of_the_draws(name: str) -> None:
    run = days(1_500)
    found = measure_draws(run, draw_resamples(rng(), len(run), 3.0, 2_000))[name]
    if found.errors is None:
        assert math.isnan(found.error)
        return
    assert found.error == pytest.approx(float(found.values.std()), rel=0.1)
    assert float(np.sqrt((found.errors**2).mean())) == pytest.approx(found.error, rel=0.1)


def test_the_error_of_a_resample_is_that_of_its_own_blocks() -> None:
    run = days()
    resamples = draw_resamples(rng(), len(run), 5.0, 3)
    found = measure_draws(run, resamples)["annual_return"]
    assert found.errors is not None
    for row, error in zip(resamples.index, found.errors, strict=True):
        values = run.pnl[row] - run.pnl[row].mean()
        ends = np.flatnonzero(np.append(row[1:] != (row[:-1] + 1) % len(run), True))
        blocks = np.split(values, ends[:-1] + 1)
        lengths = np.array([len(block) for block in blocks])
        sums = np.array([block.sum() for block in blocks])
        variance = float((sums**2).sum()) / (len(run) * (1.0 - float((lengths**2).sum()) / len(run) ** 2))
        assert error == pytest.approx(365 * math.sqrt(variance / len(run)), rel=1e-10)


def test_a_studentised_interval_by_hand() -> None:
    run = days()
    resamples = draw_resamples(rng(), len(run), 2.0, 1_000)
    found = bootstrap_intervals(run, resamples, 0.9)["annual_return"]
    draws = measure_draws(run, resamples)["annual_return"]
    assert draws.errors is not None
    distance = (draws.values - draws.estimate) / draws.errors
    error = 365 * math.sqrt(float(mean_variances(run.pnl[:, None], resamples)[0]) / len(run))
    assert found.method == "studentised"
    assert found.low == pytest.approx(draws.estimate - float(np.quantile(distance, 0.95)) * error)
    assert found.high == pytest.approx(draws.estimate - float(np.quantile(distance, 0.05)) * error)
    assert found.percentile == pytest.approx(tuple(np.quantile(draws.values, [0.05, 0.95])))


def test_equal_generators_give_equal_intervals() -> None:
    assert headline_intervals(days(), rng(5)) == headline_intervals(days(), rng(5))
    assert headline_intervals(days(), rng(5)) != headline_intervals(days(), rng(6))


def test_series_that_are_not_known_leave_their_figures_out() -> None:
    found = headline_intervals(Days.of(days().pnl), rng())
    without = {"price", "cost", "turnover", "exposure", "hit_ratio", "equity", "execution", "break"}
    left = {name for name in HEADLINE if not any(name.startswith(each) for each in without)}
    assert set(found.figures) == left - BESIDE
    # without a benchmark the information ratio is the Sharpe ratio
    assert found["information_ratio"] == found["sharpe_ratio"]


def test_an_agent_that_never_traded_has_figures_that_cannot_be_said() -> None:
    nothing = np.zeros(100)
    found = headline_intervals(
        Days.of(nothing, cost=nothing, turnover=nothing, exposure=nothing, trips=nothing, winners=nothing), rng()
    )
    for name in (
        "information_ratio",
        "sortino_ratio",
        "cost_per_turnover",
        "break_even_cost",
        "hit_ratio",
        "calmar_ratio",
    ):
        assert found[name].method == "none"
        assert math.isnan(found[name].estimate)
        assert math.isnan(found[name].low)
    for name in ("total_return", "turnover", "exposure", "max_daily_drawdown"):
        assert (found[name].low, found[name].estimate, found[name].high) == (0.0, 0.0, 0.0)


def test_an_account_that_lost_everything_has_no_compounded_interval() -> None:
    pnl = days().pnl.copy()
    pnl[7] = -1.0
    found = headline_intervals(Days.of(pnl, returns=pnl), rng())
    assert "equity_return" not in found.figures
    assert found["equity_max_daily_drawdown"].estimate == 1.0


def test_too_few_days_and_resamples_are_refused_with_the_number_needed() -> None:
    with pytest.raises(DataError, match="needs at least 60 days of daily PnL, got 59"):
        headline_intervals(days(59), rng())
    with pytest.raises(ConfigError, match=r"level of 0\.95 needs at least 200 resamples, got 199"):
        headline_intervals(days(), rng(), 199)
    for level in (0.0, 1.0):
        with pytest.raises(ConfigError, match="confidence level"):
            headline_intervals(days(), rng(), level=level)
    with pytest.raises(DataError, match="resamples are of 100 days"):
        bootstrap_intervals(days(), draw_resamples(rng(), 100, 1.0, 200))


def test_days_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(DataError, match="cost has 2 days, the PnL 3"):
        Days.of([1.0, 2.0, 3.0], cost=[0.1, 0.1])
    with pytest.raises(DataError, match="turnover must not be negative"):
        Days.of([1.0, 2.0], turnover=[0.1, -0.1])
    with pytest.raises(DataError, match="exposure has 1 days that are NaN"):
        Days.of([1.0, 2.0], exposure=[0.1, math.nan])


def test_five_years_of_a_thousand_resamples_take_less_than_a_second() -> None:
    run = days(1_826)
    headline_intervals(run, rng())
    start = time.perf_counter()
    headline_intervals(run, rng())
    assert time.perf_counter() - start < 1.0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.8, 0.95]), st.sampled_from([0.25, 1024.0]))
def test_limits_are_in_order_and_ratios_do_not_depend_on_the_unit(seed: int, level: float, scale: float) -> None:
    pnl: Floats = np.random.default_rng(seed).standard_t(3, 70)
    found = headline_intervals(Days.of(pnl), rng(seed), 200, level, 2.0)
    scaled = headline_intervals(Days.of(scale * pnl), rng(seed), 200, level, 2.0)
    for name, one in found.figures.items():
        assert one.low <= one.high, name
        assert one.percentile[0] <= one.percentile[1], name
        expected = scale if name not in SAME_IN_ANY_UNIT else 1.0
        for ours, theirs in ((one.low, scaled[name].low), (one.high, scaled[name].high)):
            assert theirs == pytest.approx(expected * ours, rel=1e-9, abs=1e-12), name
    wider = headline_intervals(Days.of(pnl), rng(seed), 1_000, 0.99, 2.0)
    narrower = headline_intervals(Days.of(pnl), rng(seed), 1_000, 0.5, 2.0)
    for name in found.figures:
        assert wider[name].percentile[0] <= narrower[name].percentile[0], name
        assert wider[name].percentile[1] >= narrower[name].percentile[1], name


SAME_IN_ANY_UNIT = {
    "information_ratio",
    "sharpe_ratio",
    "sortino_ratio",
    "positive_days",
    "calmar_ratio",
    "longest_drawdown_days",
    "days_under_water",
}


def test_the_block_is_the_longest_that_any_part_of_the_ratio_asks_for() -> None:
    calm, wild = rng(2).standard_normal(300) * 0.01, rng(3).standard_normal(300) * 0.05
    in_turns = np.where(np.arange(300) // 50 % 2 == 0, calm, wild)
    assert block_length_of(Days.of(in_turns)) > 4.0 > block_length_of(Days.of(calm))
