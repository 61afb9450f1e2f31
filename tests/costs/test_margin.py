"""The margin models: what they hand to the loop, and what they refuse."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.costs.base import BEGINNING, nanoseconds
from halfspread.costs.margin import MAX_TIERS, Margin, MarginPeriod, MarginSchedule, MarginTier
from halfspread.errors import ConfigError

TIERS = (
    MarginTier(limit=1e6, initial=0.01, maintenance=0.005),
    MarginTier(limit=2e6, initial=0.02, maintenance=0.01),
    MarginTier(initial=0.05, maintenance=0.025),
)
SCHEDULE = MarginSchedule.constant(TIERS)


def test_the_codes_are_those_of_the_loop() -> None:
    assert [m.code for m in (Margin.none(), Margin.cross(), Margin.isolated(10))] == [0, 1, 2]
    assert Margin.isolated(10).leverage == 10.0
    assert Margin.cross(without_mark="close").without_mark == "close"


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "none", "leverage": 10},
        {"kind": "none", "without_mark": "close"},
        {"kind": "cross", "leverage": 0.5},
        {"kind": "cross", "leverage": float("nan")},
        {"kind": "cross", "without_mark": "mid"},
        {"kind": "portfolio"},
    ],
)
def test_a_margin_that_makes_no_sense_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="Margin: "):
        Margin(**fields)


def test_the_report_says_which_margin_there_is() -> None:
    assert "equity may fall below zero" in Margin.none().describe()
    assert "cross margin at the highest leverage of each tier" in Margin.cross().describe()
    assert "isolated margin at 10x" in Margin.isolated(10, "close").describe()
    assert "on the close of the bar where there is none" in Margin.isolated(10, "close").describe()


def test_deductions_left_out_make_the_maintenance_margin_continuous() -> None:
    # 1e6 x (1 % - 0.5 %) = 5,000; 5,000 + 2e6 x (2.5 % - 1 %) = 35,000
    limits, initial, maintenance, deductions, basis = SCHEDULE.arrays_at(0)
    assert limits.tolist() == [1e6, 2e6, math.inf]
    assert initial.tolist() == [0.01, 0.02, 0.05]
    assert maintenance.tolist() == [0.005, 0.01, 0.025]
    assert deductions == pytest.approx([0.0, 5_000.0, 35_000.0], rel=1e-12)
    assert basis == 0


@given(st.lists(st.tuples(st.floats(1, 1e6), st.floats(0, 0.03)), min_size=1, max_size=8))
def test_the_maintenance_margin_never_jumps_and_never_falls(steps: list[tuple[float, float]]) -> None:
    limit, rate, tiers = 0.0, 0.005, []
    for width, rise in steps:
        limit += width
        tiers.append(MarginTier(limit=limit, initial=2 * rate, maintenance=rate))
        rate += rise
    schedule = MarginSchedule.constant((*tiers, MarginTier(initial=2 * rate, maintenance=rate)))
    limits, _, maintenance, deductions, _ = schedule.arrays_at(0)
    for i, edge in enumerate(limits[:-1]):
        below = edge * maintenance[i] - deductions[i]
        assert edge * maintenance[i + 1] - deductions[i + 1] == pytest.approx(below, rel=1e-9)
        assert below > 0.0


def test_a_given_deduction_is_kept() -> None:
    tiers = (TIERS[0], TIERS[1].model_copy(update={"deduction": 0.0}), TIERS[2])
    assert MarginSchedule.constant(tiers).at(0).deductions() == pytest.approx((0.0, 0.0, 30_000.0), rel=1e-12)


@pytest.mark.parametrize(("value", "leverage"), [(0, 100), (1e6, 100), (1e6 + 1, 50), (2e6, 50), (9e9, 20)])
def test_a_limit_belongs_to_its_tier(value: float, leverage: float) -> None:
    assert SCHEDULE.max_leverage(0, value) == pytest.approx(leverage, rel=1e-12)


def test_tiers_change_on_their_date_and_what_is_inferred_is_told() -> None:
    turn = datetime(2021, 1, 1, tzinfo=UTC)
    schedule = MarginSchedule(
        periods=(MarginPeriod(tiers=TIERS, verified=False, note="guess"), MarginPeriod(start=turn, tiers=TIERS[2:])),
        basis="entry",
    )
    time = nanoseconds(turn)
    assert len(schedule.arrays_at(time - 1)[0]) == 3
    assert schedule.arrays_at(time)[1].tolist() == [0.05]
    assert schedule.arrays_at(time)[4] == 1
    assert schedule.unverified(time - 1, time) == (
        "not verified: margin (initial 1 %, maintenance 0.5 %) from the beginning: guess",
    )
    assert MarginSchedule.model_validate_json(schedule.model_dump_json()) == schedule


def test_the_tiers_of_all_dates_are_those_of_each_date_one_after_the_other() -> None:
    turn = datetime(2021, 1, 1, tzinfo=UTC)
    schedule = MarginSchedule(periods=(MarginPeriod(tiers=TIERS), MarginPeriod(start=turn, tiers=TIERS[2:])))
    starts, rows = schedule.tier_arrays()
    assert starts.tolist() == [BEGINNING] * 3 + [nanoseconds(turn)]
    for time, mine in ((nanoseconds(turn) - 1, rows[:3]), (nanoseconds(turn), rows[3:])):
        assert np.array_equal(mine, np.column_stack(schedule.arrays_at(time)[:4]))


def test_an_infinite_limit_is_no_limit() -> None:
    assert MarginTier(limit=math.inf, initial=0.01, maintenance=0.005).limit is None


@pytest.mark.parametrize(
    ("tiers", "complaint"),
    [
        ((), "expected 1 to 32 tiers, got 0"),
        (TIERS[:2], "the last tier holds for any value: expected limit=None"),
        ((TIERS[1], TIERS[0], TIERS[2]), "tier 1: expected a limit above that of tier 0"),
        ((TIERS[2], TIERS[2]), "tier 1: expected a limit above that of tier 0"),
        (
            (TIERS[0], MarginTier(initial=0.009, maintenance=0.005)),
            "tier 1: expected rates not below those of tier 0",
        ),
        (
            (TIERS[0], MarginTier(initial=0.02, maintenance=0.01, deduction=1e4)),
            "a deduction of 10000 leaves no maintenance margin at its start",
        ),
        ((TIERS[2].model_copy(update={"deduction": 5.0}),), "tier 0: expected no deduction, got 5"),
    ],
)
def test_tiers_that_cannot_be_are_refused(tiers: tuple[MarginTier, ...], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        MarginSchedule.constant(tiers)


def test_more_tiers_than_the_loop_has_room_for_are_refused() -> None:
    many = [MarginTier(limit=float(i + 1), initial=0.02, maintenance=0.01) for i in range(MAX_TIERS)]
    with pytest.raises(ConfigError, match="expected 1 to 32 tiers, got 33"):
        MarginSchedule.constant([*many, MarginTier(initial=0.02, maintenance=0.01)])


@pytest.mark.parametrize(
    "rates",
    [(0.005, 0.005), (0.005, 0.01), (1.5, 0.5), (0.0, 0.0), (0.01, 0.0), (float("nan"), 0.1)],
)
def test_rates_that_cannot_be_are_refused(rates: tuple[float, float]) -> None:
    with pytest.raises(ConfigError, match="MarginTier: "):
        MarginTier(initial=rates[0], maintenance=rates[1])
