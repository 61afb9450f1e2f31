"""Laws that the slow simulator itself keeps, on random markets with random orders."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.reference import simulate
from tests.engine.reference_terms import POST_ONLY, REDUCE_ONLY, Bar, Book, Event, Ledger, Order, Trade
from tests.engine.strategies_for_orders import Scenario, Script, queues, scenarios

runs = st.one_of(scenarios(), scenarios(instruments=2), scenarios(margin=True), queues())


def replay(scenario: Scenario) -> Ledger:
    return simulate(scenario.events, Script(scenario.table), scenario.terms, scenario.settings)


def order_of(ledger: Ledger, number: int) -> Order:
    return ledger.orders[number - 1]


@given(runs)
def test_positions_are_the_sums_of_fills(scenario: Scenario) -> None:
    ledger = replay(scenario)
    for k, position in enumerate(ledger.positions):
        assert sum(fill.contracts for fill in ledger.fills if fill.instrument == k) == position
    for order in ledger.orders:
        assert sum(fill.contracts for fill in ledger.fills if fill.order == order.id) == order.filled


@given(runs)
def test_equity_is_capital_and_all_contributions(scenario: Scenario) -> None:
    ledger = replay(scenario)
    for currency, equity in ledger.equity.items():
        mine = [k for k, terms in enumerate(scenario.terms) if terms.settle == currency]
        gained = math.fsum(amount for k in mine for amount in ledger.attribution[k].values())
        capital = scenario.settings.capital[currency]
        turnover = sum(
            abs(f.contracts * scenario.terms[f.instrument].value(f.price)) for f in ledger.fills if f.instrument in mine
        )
        assert equity == pytest.approx(capital + gained, abs=1e-9 * max(capital, turnover))


@given(runs)
def test_fills_add_up_to_what_is_attributed(scenario: Scenario) -> None:
    ledger = replay(scenario)
    for k, found in enumerate(ledger.attribution):
        fills = [fill for fill in ledger.fills if fill.instrument == k]
        for name, values in (
            ("half_spread", [fill.half_spread for fill in fills]),
            ("impact", [fill.impact for fill in fills]),
            ("fee", [fill.fee for fill in fills]),
            ("liquidation", [fill.liquidated for fill in fills]),
        ):
            assert found[name] == pytest.approx(math.fsum(values), rel=1e-9, abs=1e-12), name


@given(runs)
def test_orders_end_once_and_never_fill_afterwards(scenario: Scenario) -> None:
    ledger = replay(scenario)
    for order in ledger.orders:
        fills = [fill for fill in ledger.fills if fill.order == order.id]
        assert all(fill.contracts * order.contracts > 0.0 for fill in fills)
        assert abs(order.filled) <= max(abs(order.contracts), abs(order.place.contracts))
        if order.ended is not None:
            assert all(fill.time <= order.ended for fill in fills)
        assert (order.status == "open") == (order.ended is None)
        if order.status == "rejected":
            assert order.reason
        if order.status == "filled":
            assert order.left <= 0.0
        times = [fill.time for fill in fills]
        assert all(fill.time >= order.arrives for fill in fills)
        assert times == sorted(times)


@given(runs)
def test_reduce_only_never_increases_or_turns_a_position(scenario: Scenario) -> None:
    ledger = replay(scenario)
    for fill in ledger.fills:
        if fill.order and order_of(ledger, fill.order).has(REDUCE_ONLY):
            before = fill.position_after - fill.contracts
            assert before * fill.contracts < 0.0
            assert fill.position_after * before >= 0.0


@given(runs)
def test_post_only_orders_never_take_and_targets_always_do(scenario: Scenario) -> None:
    ledger = replay(scenario)
    for fill in ledger.fills:
        if fill.order and order_of(ledger, fill.order).has(POST_ONLY):
            assert fill.maker
            assert fill.impact == 0.0
        if not fill.order and not fill.liquidation:
            assert not fill.maker


@given(runs)
def test_limits_never_fill_beyond_their_price(scenario: Scenario) -> None:
    ledger = replay(scenario)
    for order in ledger.orders:
        amended = order.price != order.place.price
        if not order.limited or amended or order.price is None:
            continue
        for fill in ledger.fills:
            if fill.order == order.id:
                assert order.side * (fill.price - order.price) <= 1e-9 * order.price


def _prices(scenario: Scenario, k: int, time: int, last: int | None) -> list[float]:
    """Prices that the market offered to instrument ``k`` at a time, or in the event in force before it."""
    half = scenario.terms[k].half_spread_at(110.0)
    found: list[float] = []
    for event in scenario.events:
        if event.instrument != k or event.time not in (time, last):
            continue
        payload = event.payload
        if isinstance(payload, Book):
            found += [price for price, _ in (*payload.bids, *payload.asks)]
        elif isinstance(payload, Trade):
            found += [payload.price - half, payload.price + half]
        elif isinstance(payload, Bar):
            found += [min(payload.low, payload.open) - half, max(payload.high, payload.open) + half]
    return found


@given(runs)
def test_takers_fill_at_prices_that_the_market_offered(scenario: Scenario) -> None:
    ledger = replay(scenario)
    for fill in ledger.fills:
        if fill.maker or fill.liquidation:
            continue
        before = [
            event.time
            for event in scenario.events
            if event.instrument == fill.instrument
            and isinstance(event.payload, (Book, Trade, Bar))
            and event.time <= fill.time
        ]
        offered = _prices(scenario, fill.instrument, fill.time, max(before))
        if scenario.settings.rule == "this":
            offered += [price for time in before for price in _prices(scenario, fill.instrument, time, None)]
        assert min(offered) - 1e-9 <= fill.price <= max(offered) + 1e-9


@given(scenarios(kinds=("book", "quote", "trade")))
def test_makers_fill_at_their_own_price_where_the_market_has_reached_it(scenario: Scenario) -> None:
    ledger = replay(scenario)
    for fill in ledger.fills:
        if not fill.maker:
            continue
        side = math.copysign(1.0, fill.contracts)
        at_time = [e.payload for e in scenario.events if e.time == fill.time and e.instrument == fill.instrument]
        met = [payload.price for payload in at_time if isinstance(payload, Trade) and payload.side != side]
        for payload in at_time:
            if isinstance(payload, Book):
                met += [price for price, _ in (payload.asks if side > 0.0 else payload.bids)[:1]]
        assert any(side * (price - fill.price) <= 0.0 for price in met)
        order = order_of(ledger, fill.order)
        if order.price == order.place.price:
            assert fill.price == order.price


def shown(events: list[Event], side: float) -> float:
    """Size on the side that an order of ``side`` takes, in the books and trades of these events."""
    total = 0.0
    for event in events:
        if isinstance(event.payload, Book):
            sizes = [size for _, size in (event.payload.asks if side > 0.0 else event.payload.bids)]
            total += math.inf if any(map(math.isnan, sizes)) else sum(sizes)
        elif isinstance(event.payload, Trade):
            total += event.payload.size
    return total


@given(scenarios(kinds=("book", "quote"), change=lambda settings: replace(settings, rule="next")))
def test_no_more_is_filled_than_is_shown_and_traded(scenario: Scenario) -> None:
    ledger = replay(scenario)
    for time in {fill.time for fill in ledger.fills}:
        events = [event for event in scenario.events if event.time == time]
        for side in (1.0, -1.0):
            filled = sum(
                abs(f.contracts)
                for f in ledger.fills
                if f.time == time and f.contracts * side > 0 and not f.liquidation
            )
            assert filled <= shown(events, side)


@given(scenarios(margin=True))
def test_a_liquidated_account_of_one_position_keeps_nothing_and_owes_nothing(scenario: Scenario) -> None:
    ledger = replay(scenario)
    cross = scenario.settings.margin is not None and scenario.settings.margin.mode == "cross"
    currency = scenario.terms[0].settle
    if ledger.liquidations and cross and ledger.fills[-1].liquidation:
        assert ledger.equity[currency] == pytest.approx(0.0, abs=1e-9 * scenario.settings.capital[currency])


@given(runs)
def test_an_agent_sees_nothing_before_it_has_come_in(scenario: Scenario) -> None:
    agent = Script(scenario.table)
    simulate(scenario.events, agent, scenario.terms, scenario.settings)
    for view in agent.views:
        assert all((event.time if event.local is None else event.local) == view.time for event in view.events)
    times = [view.time for view in agent.views]
    assert times == sorted(set(times))
