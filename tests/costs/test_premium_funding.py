"""Funding from premium and interest: the formula by hand, the rules of both venues, and what BitMEX published."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.costs.base import nanoseconds
from halfspread.costs.durations import HOUR, MINUTE
from halfspread.costs.funding import Funding, complete
from halfspread.costs.premium_funding import FundingRule, basis, computed_funding, premium_index
from halfspread.errors import ConfigError, DataError

MIDNIGHT = nanoseconds(datetime(2024, 1, 1, tzinfo=UTC))
BITMEX, BYBIT = FundingRule.bitmex(), FundingRule.bybit()


def minutes(count: int, first: int = 1) -> Any:
    """Times one minute apart, the first of them ``first`` minutes after midnight."""
    return MIDNIGHT + MINUTE * np.arange(first, first + count)


@pytest.mark.parametrize(
    ("premium", "rate"),
    [
        (0.0, 1e-4),  # interest alone
        (5e-4, 1e-4),  # the clamp still reaches the interest
        (6e-4, 1e-4),
        (7e-4, 2e-4),  # beyond: premium less 0.05 %
        (-4e-4, 1e-4),
        (-6e-4, -1e-4),
        (0.01, 0.00375),  # 0.75 (1 % - 0.5 %)
        (-0.01, -0.00375),
    ],
)
def test_the_rate_is_the_premium_and_a_clamped_difference_to_the_interest(premium: float, rate: float) -> None:
    for rule in (BITMEX, BYBIT):
        assert rule.rate(np.array([premium]))[0] == pytest.approx(rate, rel=1e-9)


@given(st.floats(-0.02, 0.02), st.floats(0, 6e-4), st.floats(0, 6e-4))
def test_the_rate_is_equation_4_of_the_paper(premium: float, quote: float, base: float) -> None:
    rule = FundingRule(daily_interest=quote - base, lower=-1.0, upper=1.0)
    e, zeta = (quote - base) / 3, 5e-4
    expected = premium + max(-zeta, min(zeta, e - premium))
    assert rule.rate(np.array([premium]))[0] == pytest.approx(expected, abs=1e-15)


def test_the_bounds_of_bitmex_come_from_its_margin() -> None:
    rule = FundingRule.bitmex(initial=0.01, maintenance=0.0035)
    assert (rule.lower, rule.upper) == pytest.approx((-0.004875, 0.004875), rel=1e-12)


def test_bybit_weighs_late_samples_more_and_pays_at_the_end_of_the_interval() -> None:
    premium = np.linspace(0.0, 2e-3, 480)  # of 00:01 to 08:00
    table = computed_funding(minutes(480), premium, BYBIT)
    weights = np.arange(1, 481)
    mean = float(weights @ premium / weights.sum())
    assert table.times.tolist() == table.known_times.tolist() == [MIDNIGHT + 8 * HOUR]
    assert table.rates[0] == pytest.approx(mean - 5e-4, rel=1e-12)
    assert mean > premium.mean() * 1.3


def test_bitmex_takes_the_simple_mean_and_pays_one_interval_later() -> None:
    premium = np.linspace(0.0, 2e-3, 480)
    table = computed_funding(minutes(480, 241), premium, BITMEX)  # 04:01 to 12:00
    assert table.known_times.tolist() == [MIDNIGHT + 12 * HOUR]
    assert table.times.tolist() == [MIDNIGHT + 20 * HOUR]
    assert table.intervals.tolist() == [8 * HOUR]
    assert table.rates[0] == pytest.approx(premium.mean() - 5e-4, rel=1e-12)


def test_a_sample_at_the_end_of_an_interval_belongs_to_it_and_to_no_other() -> None:
    times = MIDNIGHT + 4 * HOUR * np.arange(1, 5)  # 04, 08, 12, 16
    premium = np.array([1e-3, 3e-3, 2e-3, 2e-3])
    rule = FundingRule(weights="equal")
    assert computed_funding(times, premium, rule).rates == pytest.approx([1.5e-3, 1.5e-3], rel=1e-12)
    rising = computed_funding(times, premium, FundingRule(weights="rising")).rates
    assert rising == pytest.approx([(1e-3 + 2 * 3e-3) / 3 - 5e-4, 1.5e-3], rel=1e-12)


def test_intervals_short_of_samples_are_left_out_and_then_missing_by_policy() -> None:
    premium = np.full(3 * 480 + 100, 1e-3)
    premium[480:600] = np.nan  # a quarter of the second interval
    table = computed_funding(minutes(len(premium)), premium, BYBIT)
    assert table.times.tolist() == [MIDNIGHT + 8 * HOUR, MIDNIGHT + 24 * HOUR]
    generous = computed_funding(minutes(len(premium)), premium, BYBIT, min_share=0.7)
    assert len(generous) == 3
    with pytest.raises(DataError, match="1 settlement is missing: 2024-01-01 16:00:00 UTC"):
        complete(table, MIDNIGHT, MIDNIGHT + 24 * HOUR, Funding.published())
    filled, times = complete(table, MIDNIGHT, MIDNIGHT + 24 * HOUR, Funding.published("previous"))
    assert (len(filled), times) == (3, [MIDNIGHT + 16 * HOUR])


def test_missing_samples_keep_the_weights_of_the_others() -> None:
    premium = np.linspace(0.0, 2e-3, 480)
    premium[5] = np.nan
    weights = np.delete(np.arange(1, 481), 5)
    mean = float(weights @ np.delete(premium, 5) / weights.sum())
    assert computed_funding(minutes(480), premium, BYBIT).rates[0] == pytest.approx(mean - 5e-4, rel=1e-12)


@given(st.sampled_from([1, 2, 3, 4, 6, 8]), st.integers(0, 23), st.booleans(), st.integers(0, 2**32 - 1))
def test_whole_intervals_agree_with_a_plain_loop(hours: int, first_hour: int, rising: bool, seed: int) -> None:
    rule = FundingRule(interval_hours=hours, first_hour=first_hour, weights="rising" if rising else "equal")
    times = MIDNIGHT + HOUR * np.arange(1, 100)
    premium = np.random.default_rng(seed).normal(0, 1e-3, len(times))
    expected: dict[int, float] = {}
    for end in range(MIDNIGHT + first_hour * HOUR - 24 * HOUR, int(times[-1]) + 1, hours * HOUR):
        inside = [float(p) for t, p in zip(times, premium, strict=True) if end - hours * HOUR < t <= end]
        if len(inside) == hours:
            weights = range(1, hours + 1) if rising else [1] * hours
            expected[end] = sum(w * p for w, p in zip(weights, inside, strict=True)) / sum(weights)
    table = computed_funding(times, premium, rule)
    if MIDNIGHT + first_hour * HOUR - 24 * HOUR <= times[0]:
        assert table.times.tolist() == list(expected)
        assert table.rates == pytest.approx(rule.rate(np.array(list(expected.values()))), rel=1e-9, abs=1e-15)


def test_the_premium_is_zero_between_the_impact_prices_and_their_distance_outside() -> None:
    index = np.array([100.0, 100.0, 100.0])
    premium = premium_index(np.array([99.0, 101.0, 97.0]), np.array([101.0, 102.0, 98.0]), index)
    assert premium == pytest.approx([0.0, 0.01, -0.02], abs=1e-15)


def test_bitmex_measures_from_its_mark_and_adds_the_basis_of_the_mark() -> None:
    one = np.array([101.0])
    premium = premium_index(one, one + 1, np.array([100.0]), mark=np.array([100.5]), fair_basis=0.005)
    assert premium == pytest.approx([0.01], rel=1e-12)


def test_an_impact_ask_below_the_mark_is_a_discount_to_the_mark() -> None:
    one = np.array([100.0])
    assert premium_index(one - 2, one - 1, one, mark=one + 1) == pytest.approx([-0.02], rel=1e-12)


@pytest.mark.parametrize(("hours", "interest"), [(1, 1.25e-5), (4, 5e-5), (8, 1e-4), (24, 3e-4)])
def test_interest_is_for_the_length_of_the_interval(hours: int, interest: float) -> None:
    assert FundingRule(interval_hours=hours).interest == pytest.approx(interest, rel=1e-12)


def test_without_impact_prices_the_basis_stands_in() -> None:
    assert basis(np.array([101.0, 99.0]), np.array([100.0, 100.0])) == pytest.approx([0.01, -0.01], rel=1e-12)


def test_arrays_that_do_not_fit_are_refused() -> None:
    one, two = np.ones(1), np.ones(2)
    for name, arguments in (
        ("impact_ask", (one, two, one)),
        ("index", (one, one, two)),
        ("mark", (one, one, one, two)),
    ):
        with pytest.raises(DataError, match=f"{name}: expected one value"):
            premium_index(*arguments)
    with pytest.raises(DataError, match="index: expected one value"):
        basis(one, two)
    with pytest.raises(DataError, match="expected one premium for each time"):
        computed_funding(minutes(2), one, BYBIT)
    with pytest.raises(DataError, match="row 1: expected a later time"):
        computed_funding(minutes(2)[::-1], two, BYBIT)


@pytest.mark.parametrize("premium", [np.ones(100), np.full(480, np.nan), np.ones(0), np.ones(1)])
def test_no_complete_interval_at_all_is_an_error(premium: Any) -> None:
    with pytest.raises(DataError, match=r"no interval of 8 h has 90 % of its premiums; got \d+"):
        computed_funding(minutes(len(premium), 100), premium, BYBIT)


@pytest.mark.parametrize(
    "wrong", [{"lower": 0.1}, {"interval_hours": 0}, {"interval_hours": 5}, {"clamp": -1e-4}, {"first_hour": 24}]
)
def test_a_rule_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="FundingRule: "):
        FundingRule(**wrong)


def test_computed_rates_follow_the_published_ones_of_bitmex_with_their_lag(halfspread_data: Path) -> None:
    import pandas as pd

    def stamps(column: Any) -> Any:
        return column.dt.tz_localize(None).to_numpy().astype("datetime64[ns]").astype(np.int64)

    folder = halfspread_data / "bitmex"
    index = pd.read_parquet(folder / "btc_index_1h_2019_2021.parquet")  # of another venue: a proxy
    bars = pd.read_parquet(folder / "xbtusd_5m_2016_2021.parquet", columns=["ts", "close"])
    published = pd.read_parquet(folder / "xbtusd_funding_2016_2022.parquet")
    times = stamps(index["ts"])
    close = pd.Series(bars["close"].to_numpy(), stamps(bars["ts"]) + 5 * MINUTE).reindex(times).to_numpy()
    premium = basis(close, index["index_price"].to_numpy())
    found = {}
    for lagged in (True, False):
        rule = FundingRule.bitmex().model_copy(update={"lagged": lagged})
        table = computed_funding(times, premium, rule)
        _, ours, theirs = np.intersect1d(table.times, stamps(published["ts"]), return_indices=True)
        assert len(ours) > 1_900
        found[lagged] = float(np.corrcoef(table.rates[ours], published["rate"].to_numpy()[theirs])[0, 1])
    assert found[True] > 0.8
    assert found[False] < found[True] - 0.2
