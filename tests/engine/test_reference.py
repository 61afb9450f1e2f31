"""The slow simulator does what docs/fills.md and docs/margin.md say: hand-worked runs and refusals."""

from __future__ import annotations

import math

import pytest

from tests.engine.reference import simulate
from tests.engine.reference_cases import LINEAR, Case, plain
from tests.engine.reference_cases_bars import CASES as BAR_CASES
from tests.engine.reference_cases_books import CASES as BOOK_CASES
from tests.engine.reference_cases_time import CASES as TIME_CASES
from tests.engine.reference_terms import (
    BY_MARK,
    FOK,
    IOC,
    POST_ONLY,
    Amend,
    Cancel,
    Decision,
    Place,
    Request,
    Settings,
)
from tests.engine.strategies_for_orders import SECOND, START, Script


@pytest.mark.parametrize("case", [*BOOK_CASES, *TIME_CASES, *BAR_CASES], ids=lambda case: case.name[:60])
def test_hand_worked_runs(case: Case) -> None:
    ledger = simulate(case.events, Script(case.table), [case.terms], case.settings)
    found = [
        ((f.time - START) / SECOND, f.contracts, f.price, f.half_spread, f.impact, f.fee, f.maker) for f in ledger.fills
    ]
    assert len(found) == len(case.fills), found
    for got, wanted in zip(found, case.fills, strict=True):
        assert got == pytest.approx(wanted, rel=1e-12, abs=1e-12)
    assert [(order.status, order.reason, order.filled) for order in ledger.orders] == list(case.orders)
    assert (ledger.choice_fills, ledger.choice_missed) == case.choices


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (Place("market", math.nan), "not finite"),
        (Place("limit", 1.0, math.inf), "not finite"),
        (Place("limit", 1.0), "not finite"),
        (Place("market", 1.0, instrument=7), "unknown instrument"),
        (Place("limit", 1.0, 100.2), "off tick"),
        (Place("stop", 1.0, trigger=100.2), "off tick"),
        (Place("market", 1.5), "off lot"),
        (Place("market", 0.0), "too small"),
        (Place("limit", 1.0, 0.0), "price"),
        (Place("limit", 1.0, -100.0), "price"),
        (Place("limit", 1.0, 100.0, flags=POST_ONLY | IOC), "contradiction"),
        (Place("limit", 1.0, 100.0, flags=POST_ONLY | FOK), "contradiction"),
        (Place("market", 1.0, flags=POST_ONLY), "contradiction"),
        (Place("stop", 1.0, trigger=100.0, flags=POST_ONLY), "contradiction"),
        (Place("limit", 1.0, 100.0, flags=IOC | FOK), "contradiction"),
        (Place("limit", 1.0, 100.0, flags=BY_MARK), "contradiction"),
    ],
)
def test_orders_that_are_rejected_when_sent(place: Place, reason: str) -> None:
    ledger = simulate(plain(0, 1), Script({0: Decision(requests=[place])}), [LINEAR])
    (order,) = ledger.orders
    assert (order.status, order.reason, order.ended) == ("rejected", reason, START)
    assert not ledger.fills


def test_a_billionth_off_the_grid_is_forgiven() -> None:
    place = Place("limit", 1.0 + 1e-11, 101.0 - 1e-11)
    ledger = simulate(plain(0, 1), Script({0: Decision(requests=[place])}), [LINEAR])
    assert (ledger.fills[0].contracts, ledger.fills[0].price) == (1.0, 101.0)


def test_one_order_too_many_is_rejected() -> None:
    places = [Place("limit", 1.0, 90.0)] * 3
    ledger = simulate(plain(0, 1), Script({0: Decision(requests=places)}), [LINEAR], Settings(most_orders=2))
    assert [order.reason for order in ledger.orders] == ["", "", "too many orders"]


def test_refused_cancels_and_amendments_are_recorded() -> None:
    requests: dict[int, list[Request]] = {
        0: [Cancel(5), Place("limit", 1.0, 99.0)],
        1: [Amend(1, price=99.2), Amend(1, contracts=-2.0), Amend(1, trigger=99.0), Cancel(1), Cancel(1)],
    }
    table = {number: Decision(requests=found) for number, found in requests.items()}
    ledger = simulate(plain(0, 1, 2), Script(table), [LINEAR])
    found = [(refusal.time, refusal.order, refusal.reason) for refusal in ledger.refusals]
    second = START + SECOND
    assert found == [
        (START, 5, "unknown order"),
        (second, 1, "off tick"),
        (second, 1, "contradiction"),
        (second, 1, "contradiction"),
        (second, 1, "unknown order"),
    ]


def test_fills_are_known_after_the_response_latency() -> None:
    agent = Script({0: Decision(requests=[Place("limit", 4.0, 101.0)])})
    ledger = simulate(plain(0, 1, 2), agent, [LINEAR], Settings(response_latency=SECOND // 2))
    assert [view.positions[0] for view in agent.views] == [0.0, 0.0, 2.0]
    assert [dict(view.open_contracts) for view in agent.views] == [{}, {1: 4.0}, {1: 2.0}]
    assert [order.status for order in ledger.orders] == ["filled"]


def test_agents_are_called_once_at_each_local_time_after_all_its_events() -> None:
    agent = Script({})
    simulate([*plain(0, 1, 1), *plain(2)], agent, [LINEAR])
    assert [(view.time - START) // SECOND for view in agent.views] == [0, 1, 2]
    assert [len(view.events) for view in agent.views] == [1, 2, 1]
