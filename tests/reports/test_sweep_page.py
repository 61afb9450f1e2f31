"""What a sweep says of its best setting, in figures, in words and on its page."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

from halfspread.reports.statistics.overfitting import backtest_overfitting
from halfspread.reports.statistics.probabilistic import deflated_sharpe, expected_best, trial_variance
from halfspread.reports.sweep_charts import Dimension, heat_map, parallel_coordinates
from halfspread.reports.sweep_page import Swept, short_keys, sweep_page
from halfspread.reports.sweep_statistics import SweepStatistics, luck_of, luck_variance, sweep_statistics
from halfspread.reports.tried import Tried, deflated_after, luck_after

DAYS = 730


def noise(settings: int, edge: float = 0.0, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Independent settings without an edge, the last one with a daily ratio of ``edge``; the best first."""
    days = np.random.default_rng(seed).standard_normal((DAYS, settings)) * 0.01
    days[:, -1] += 0.01 * edge
    order = np.argsort(-days.sum(axis=0))
    return days[:, order]


def figures_of(days: np.ndarray[Any, np.dtype[np.float64]]) -> SweepStatistics:
    return sweep_statistics(days, 0, days.sum(axis=0))


def test_the_number_of_settings_enters_the_figures_of_the_best() -> None:
    days = noise(50)
    found = figures_of(days)
    assert found.tried == 50
    variance = min(trial_variance(days), 365 / DAYS)
    assert found.deflated == deflated_sharpe(days[:, 0], 50, variance)
    assert found.luck_ratio == expected_best(50, variance)
    assert (found.overfitting, found.blocks) == (backtest_overfitting(days, 16).probability, 16)
    assert found.effective == pytest.approx(50.0, abs=1.0)
    assert found.positive == (days.sum(axis=0) > 0.0).mean()
    assert found.median_return == np.median(days.sum(axis=0))
    assert figures_of(days[:, :5]).luck_ratio < found.luck_ratio


def test_settings_that_are_bad_for_what_they_pay_do_not_raise_the_bar_for_the_best() -> None:
    days = noise(50)
    dear = days - np.linspace(0.0, 0.02, 50)
    assert trial_variance(dear) > 10 * trial_variance(days)
    assert figures_of(dear).luck_ratio == pytest.approx(expected_best(50, 365 / DAYS))
    assert luck_variance(days[:, :1].repeat(3, axis=1)) == pytest.approx(0.0)


@pytest.mark.parametrize("apart", [0.0, 1e-4, 1e-3, 1e-2, 0.1])
@pytest.mark.parametrize("before", [1, 42, 10_000])
def test_a_sweep_is_never_told_less_of_earlier_settings_than_a_run_is(before: int, apart: float) -> None:
    """However far the settings of the sweep are apart."""
    days = noise(1) + apart * noise(20, seed=1)
    days = days[:, np.argsort(-days.sum(axis=0))]
    found, alone = sweep_statistics(days, 0, days.sum(axis=0), before), figures_of(days)
    tried = Tried(before, ("a/b",))
    assert luck_after(tried, DAYS) <= found.luck_ratio <= luck_after(Tried(before + 19), DAYS)
    assert found.luck_ratio >= alone.luck_ratio
    assert found.deflated <= deflated_after(tried, days[:, 0])
    assert found.deflated <= alone.deflated
    one = sweep_statistics(days[:, :1], 0, days[:, :1].sum(axis=0), before)
    assert (one.luck_ratio, one.deflated) == (luck_after(tried, DAYS), deflated_after(tried, days[:, 0]))


def test_what_luck_gives_after_earlier_settings_by_hand() -> None:
    """365 days, so that ratios without an edge have a variance of 1: the best of 2 is 0.520 to expect, of 3 0.853,
    of 4 1.052."""
    unit = noise(1)[:365]
    unit = (unit - unit.mean()) / unit.std()
    two = np.hstack([unit + 1.0, unit + 1.0 + 0.2 / math.sqrt(365)])  # ratios 0.2 apart: a variance of 0.02
    assert luck_of(two) == pytest.approx(0.520 * math.sqrt(0.02), abs=1e-3)
    assert luck_of(two, 1) == pytest.approx(0.520 + 0.520 * math.sqrt(0.02), abs=1e-3)
    assert luck_of(two[:, [0, 0]], 2) == pytest.approx(0.853, abs=1e-3)  # the same twice count as one
    far = np.hstack([unit, unit + 1.0])
    assert luck_of(far, 2) == pytest.approx(1.052, abs=1e-3)  # as four that have nothing to do with each other


@pytest.mark.parametrize("spread", [0.0, 0.1, 0.3, 1.0])
def test_the_best_of_drawn_ratios_is_about_where_luck_would_have_it(spread: float) -> None:
    """Ratios of 40 earlier settings, and of 20 that share their luck but for a ``spread``: the bar is not below their
    best, and at most a tenth above."""
    rng = np.random.default_rng(3)
    earlier = rng.standard_normal((20_000, 40)).max(axis=1)
    common, own = rng.standard_normal((20_000, 1)), rng.standard_normal((20_000, 20))
    new = math.sqrt(1.0 - spread**2) * common + spread * own
    drawn = np.maximum(earlier, new.max(axis=1)).mean()
    alike = expected_best(41, 1.0) + expected_best(20, spread**2)
    assert drawn * 0.99 < min(alike, expected_best(60, 1.0)) < drawn * 1.1


def test_words_say_when_the_best_is_luck_and_when_it_is_more() -> None:
    luck = [figures_of(noise(50, seed=seed)) for seed in range(10)]
    assert all(re.match("The best is (what luck alone would give|not clearly more)", each.verdict) for each in luck)
    assert sum("what luck alone would give" in each.verdict for each in luck) > 2
    assert figures_of(noise(50, edge=0.4)).verdict.startswith("The best is above what luck alone would give")
    assert figures_of(noise(20) - 0.05).verdict == "Even the best of 20 settings loses."


def test_what_cannot_be_said_is_told() -> None:
    short = figures_of(noise(5)[:20])
    assert math.isnan(short.deflated)
    assert math.isnan(short.overfitting)
    assert "at least 30 days" in short.missing[0]
    assert "needs at least 32 days, got 20" in short.missing[1]
    other = sweep_statistics(None, 0, np.array([0.1, -0.1]))
    assert other.missing == ("the settings ran over different days",)
    assert "cannot be said: the settings ran over different days" in other.verdict
    assert figures_of(noise(5)[:100]).blocks == 12
    assert "no selection" in figures_of(np.abs(noise(1))).verdict


def swept(keys: tuple[str, ...], parameters: list[dict[str, Any]], *, drawn: bool = False) -> Swept:
    days = noise(len(parameters))
    names = ("information_ratio", "information_ratio_error", "max_drawdown", "price_return", "turnover", "fills")
    metrics = [{"total_return": float(x), **dict.fromkeys(names, 1.0)} for x in days.sum(axis=0)]
    return Swept(
        "<b>run</b>",
        "a market",
        keys,
        drawn,
        "total_return",
        parameters,
        metrics,
        figures_of(days),
        [("refused", "fast & slow")] * 3,
        {"fills": "next open"},
    )


def test_one_key_is_bars_two_are_a_map_and_more_are_lines() -> None:
    one = sweep_page(swept(("agent.x",), [{"agent.x": i} for i in range(6)]))
    assert one.count("the best is framed") == 1
    pairs = [{"agent.x": i % 3, "agent.y": i // 3} for i in range(9)]
    assert "y upwards, x to the right" in sweep_page(swept(("agent.x", "agent.y"), pairs))
    assert "heavy line" in sweep_page(swept(("agent.x", "agent.y"), pairs, drawn=True))
    three = [{**pair, "agent.z": str(i)} for i, pair in enumerate(pairs)]
    assert "heavy line" in sweep_page(swept(("agent.x", "agent.y", "agent.z"), three))


def test_the_page_needs_no_script_and_no_network_and_escapes_what_it_is_given() -> None:
    page = sweep_page(swept(("agent.x",), [{"agent.x": "<i>"} if i else {"agent.x": i} for i in range(2)]))
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org", "").replace("http-equiv", "")
    assert "&lt;b&gt;run&lt;/b&gt;" in page
    assert "&lt;i&gt;" in page
    assert "fast &amp; slow" in page
    assert "<b>" not in page


def test_a_map_has_a_place_for_each_pair_and_frames_the_best() -> None:
    across, down = Dimension("x", (1, 2, 1, 2)), Dimension("y", (5, 5, 7, 7))
    values = np.array([0.1, -0.2, math.nan, 0.3])
    drawn = heat_map(across, down, values, caption="c", note="n", label=lambda value: f"{value:.1f}", best=3)
    assert drawn.count("<rect") == 3
    (framed,) = re.findall(r"<rect[^>]*stroke-width: 2[^>]*><title>([^<]*)", drawn)
    assert framed == "x=2, y=7: 0.3"


def test_many_lines_are_thinned_and_the_best_is_kept() -> None:
    count = 1_000
    dimensions = [Dimension(name, tuple(range(count))) for name in "abc"]
    values = np.linspace(1.0, -1.0, count)
    drawn = parallel_coordinates(dimensions, values, name="r", caption="c", note="n", label=str, best=0)
    assert 300 < drawn.count("<path") <= 401
    assert "of 1,000 settings are drawn" in drawn
    assert "a=0, b=0, c=0: 1.0" in drawn


def test_keys_are_called_by_what_tells_them_apart() -> None:
    assert short_keys(["agent.fast", "agents.sma.slow", "costs.half_spread.amount"]) == [
        "fast",
        "slow",
        "costs.half_spread.amount",
    ]
    assert short_keys(["agents.a.fast", "agents.b.fast"]) == ["agents.a.fast", "agents.b.fast"]


def test_numbers_of_many_sizes_stand_on_a_logarithmic_axis() -> None:
    assert Dimension("x", (1e-4, 1e-3, 1e-2)).shares().tolist() == pytest.approx([0.0, 0.5, 1.0])
    assert Dimension("x", (0, 5, 10)).shares().tolist() == [0.0, 0.5, 1.0]
    assert Dimension("x", ("b", "a", "b")).shares().tolist() == [0.0, 1.0, 0.0]
