"""Margin schedules and order limits of the presets and of contracts of one's own."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from halfspread.costs.base import nanoseconds
from halfspread.costs.margin import DEFAULT_MARGIN, MarginSchedule, MarginTier
from halfspread.costs.records import MARGIN_ON_ENTRY, MARGIN_ON_MARK
from halfspread.engine import instruments
from halfspread.errors import InstrumentError


def at(*moment: int) -> int:
    return nanoseconds(datetime(*moment, tzinfo=UTC))  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("moment", "maintenance", "second_limit"),
    [
        (at(2019, 1, 1), 0.005, 300.0),
        (at(2020, 4, 17, 0, 59), 0.005, 300.0),
        (at(2020, 4, 17, 1), 0.0045, 300.0),
        (at(2020, 5, 5, 2), 0.004, 300.0),
        (at(2021, 7, 22), 0.0035, 300.0),
        (at(2021, 8, 31, 6), 0.0035, 350.0),
        (at(2024, 11, 24), 0.005, 350.0),
    ],
)
def test_each_risk_step_of_xbtusd_adds_the_base_maintenance_to_both_rates(
    moment: int, maintenance: float, second_limit: float
) -> None:
    limits, initial, kept, deductions, basis = instruments.bitmex("XBTUSD").margin_schedule.arrays_at(moment)
    assert limits[:2].tolist() == [200.0, second_limit]
    assert initial[:3] == pytest.approx([0.01, 0.01 + maintenance, 0.01 + 2 * maintenance], rel=1e-12)
    assert kept[:3] == pytest.approx([maintenance, 2 * maintenance, 3 * maintenance], rel=1e-12)
    assert not deductions.any()
    assert basis == MARGIN_ON_ENTRY


def test_the_second_tier_of_bybits_btcusdt_has_the_published_deduction() -> None:
    limits, initial, kept, deductions, basis = instruments.bybit("BTCUSDT").margin_schedule.arrays_at(at(2024, 1, 1))
    assert limits.tolist() == [2e6, float("inf")]
    assert (initial.tolist(), kept.tolist()) == ([0.01, 0.0111], [0.005, 0.0056])
    assert deductions == pytest.approx([0.0, 1200.0], rel=1e-9)
    assert basis == MARGIN_ON_MARK


@pytest.mark.parametrize("name", instruments.names())
def test_every_preset_allows_a_hundredfold_leverage_and_says_that_its_margin_is_not_verified(name: str) -> None:
    found = instruments.get(name)
    assert found.margin is not None
    assert found.margin.max_leverage(at(2024, 1, 1)) == pytest.approx(100.0, rel=1e-12)
    assert found.unverified(at(2024, 1, 1), at(2024, 1, 2))["margin"]


def test_orders_of_xbtusd_are_limited_to_ten_million_contracts() -> None:
    assert instruments.bitmex("XBTUSD").max_contracts == 10_000_000
    assert instruments.bybit("BTCUSDT").max_contracts == 1190


def test_a_contract_of_ones_own_has_one_percent_to_open_and_half_to_keep() -> None:
    own = instruments.linear("SOLUSDT", base="SOL", tick=0.01, lot=0.1)
    assert own.margin is None
    assert own.margin_schedule == DEFAULT_MARGIN
    assert (DEFAULT_MARGIN.tier_at(0, 1e9).initial, DEFAULT_MARGIN.tier_at(0, 1e9).maintenance) == (0.01, 0.005)
    assert "are assumed for every size" in own.unverified(0, 1)["margin"][0]


@pytest.mark.parametrize("build", [instruments.linear, instruments.inverse, instruments.quanto])
def test_a_contract_of_ones_own_takes_its_margin_and_order_limits(build: object) -> None:
    schedule = MarginSchedule.constant((MarginTier(initial=0.1, maintenance=0.05),))
    own = build("OWN", margin=schedule, min_contracts=5, max_contracts=50)  # type: ignore[operator]
    assert (own.margin_schedule, own.min_contracts, own.max_contracts) == (schedule, 5.0, 50.0)
    assert type(own).model_validate_json(own.model_dump_json()) == own


def test_a_largest_order_below_the_smallest_is_refused() -> None:
    with pytest.raises(InstrumentError, match="max_contracts: expected at least the smallest order of 10, got 9"):
        instruments.linear("OWN", lot=10.0, max_contracts=9.0)
    with pytest.raises(InstrumentError, match="max_contracts: expected at least the smallest order of 20, got 15"):
        instruments.linear("OWN", lot=10.0, min_contracts=20.0, max_contracts=15.0)
