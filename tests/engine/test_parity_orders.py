"""The event loop and the slow simulator agree: on hand-worked runs, and on random markets with random agents."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from halfspread.engine.order_records import TOO_MANY_OPEN
from halfspread.engine.records import STATE
from tests.engine.engine_adapter import differences, run_engine, with_settings
from tests.engine.reference_cases import Case
from tests.engine.reference_cases_bars import CASES as BAR_CASES
from tests.engine.reference_cases_books import CASES as BOOK_CASES
from tests.engine.reference_cases_time import CASES as TIME_CASES
from tests.engine.reference_terms import HOUR
from tests.engine.strategies_for_orders import (
    SECOND,
    START,
    Scenario,
    queues,
    random_queues,
    random_scenario,
    scenarios,
)
from tests.engine.varied_scenarios import crowded_scenario, varied_scenario

SEEDS = 75
AMOUNTS = ("contracts", "price", "half_spread", "impact", "fee")


def of_case(case: Case) -> Scenario:
    return Scenario(tuple(case.events), (case.terms,), case.table, case.settings)


@pytest.mark.parametrize("case", [*BOOK_CASES, *TIME_CASES, *BAR_CASES], ids=lambda case: case.name[:60])
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


def test_other_lots_latencies_and_silences() -> None:
    for seed in range(2 * SEEDS):
        assert differences(varied_scenario(Random(seed))) == [], seed


def test_more_orders_than_may_be_open_while_answers_are_on_their_way() -> None:
    crowded = 0
    for seed in range(6):
        scenario = crowded_scenario(Random(seed))
        scenario = with_settings(scenario, response_latency=HOUR, order_latency=0)
        assert differences(scenario) == [], seed
        crowded += int((run_engine(scenario)[0].order_records["reason"] == TOO_MANY_OPEN).sum())
    assert crowded > 100


def test_results_do_not_depend_on_the_size_of_chunks() -> None:
    for seed in range(SEEDS // 2):
        scenario = varied_scenario(Random(seed))
        whole, agent = run_engine(scenario)
        parts, other = run_engine(scenario, chunk_events=1 + seed % 7)
        for name in ("fill_records", "order_records", "period_records"):
            assert getattr(whole, name).tobytes() == getattr(parts, name).tobytes(), (seed, name)
        assert whole.curve.equals(parts.curve), seed
        assert (whole.counts, agent.seen) == (parts.counts, other.seen), seed


def test_results_do_not_depend_on_what_the_memory_held_before(monkeypatch: pytest.MonkeyPatch) -> None:
    clean = [run_engine(varied_scenario(Random(seed))) for seed in range(SEEDS)]
    empty = np.empty

    def dirty(shape: Any, dtype: Any = float, *more: Any, **named: Any) -> Any:
        made = empty(shape, dtype, *more, **named)
        if dtype is STATE:
            made.view(np.uint8)[:] = 0xA5
        return made

    monkeypatch.setattr(np, "empty", dirty)
    for seed, (first, agent) in enumerate(clean):
        second, other = run_engine(varied_scenario(Random(seed)))
        for name in ("fill_records", "order_records", "period_records"):
            assert getattr(first, name).tobytes() == getattr(second, name).tobytes(), (seed, name)
        assert first.curve.equals(second.curve), seed
        assert (first.counts, agent.seen) == (second.counts, other.seen), seed
    assert sum(first.counts["liquidations"] for first, _ in clean) > 0


@settings(max_examples=100)
@given(scenarios(kinds=("book",)) | scenarios(kinds=("bar",), instruments=2) | queues())
def test_found_by_hypothesis(scenario: Scenario) -> None:
    assert differences(scenario) == []
