"""The event loop and the slow simulator agree: on hand-worked runs, and on random markets with random agents."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings

from tests.engine.engine_adapter import differences, run_engine
from tests.engine.reference_cases import Case
from tests.engine.reference_cases_bars import CASES as BAR_CASES
from tests.engine.reference_cases_books import CASES as BOOK_CASES
from tests.engine.strategies_for_orders import (
    SECOND,
    START,
    Scenario,
    queues,
    random_queues,
    random_scenario,
    scenarios,
)

SEEDS = 75
AMOUNTS = ("contracts", "price", "half_spread", "impact", "fee")


def of_case(case: Case) -> Scenario:
    return Scenario(tuple(case.events), (case.terms,), case.table, case.settings)


@pytest.mark.parametrize("case", [*BOOK_CASES, *BAR_CASES], ids=lambda case: case.name[:60])
def test_hand_worked_runs_through_the_event_loop(case: Case) -> None:
    result, _ = run_engine(of_case(case))
    found = [
        ((f["time"] - START) / SECOND, *(float(f[name]) for name in AMOUNTS), bool(f["maker"]))
        for f in result.fill_records
    ]
    assert len(found) == len(case.fills), found
    for got, wanted in zip(found, case.fills, strict=True):
        assert list(map(float, got)) == pytest.approx(list(map(float, wanted)), rel=1e-9, abs=1e-9)
    assert (result.counts["fills_by_choice"], result.counts["orders_missed_by_choice"]) == case.choices
    assert differences(of_case(case)) == []


@pytest.mark.parametrize("kind", ["bar", "quote", "book", "trade"])
@pytest.mark.parametrize(("instruments", "margin"), [(1, None), (1, True), (3, None)])
def test_random_agents_on_random_markets(kind: str, instruments: int, margin: bool | None) -> None:
    for seed in range(SEEDS if instruments == 1 else SEEDS // 3):
        scenario = random_scenario(Random(seed), (kind,), instruments, margin=margin)
        assert differences(scenario) == [], seed


def test_random_queues() -> None:
    for seed in range(SEEDS):
        assert differences(random_queues(Random(seed))) == [], seed


@settings(max_examples=100)
@given(scenarios(kinds=("book",)) | scenarios(kinds=("bar",), instruments=2) | queues())
def test_found_by_hypothesis(scenario: Scenario) -> None:
    assert differences(scenario) == []
