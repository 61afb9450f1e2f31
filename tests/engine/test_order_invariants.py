"""Laws that the event loop keeps whatever the market and the agent do."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.engine.order_records import CANCEL_REQUEST, REDUCE_ONLY
from tests.engine.engine_adapter import run_engine, with_settings
from tests.engine.reference_terms import Amend, Bar, Book, Trade
from tests.engine.strategies_for_orders import Scenario, queues, scenarios

runs = st.one_of(
    scenarios(kinds=("bar",)),
    scenarios(kinds=("quote",)),
    scenarios(kinds=("book",), instruments=2),
    scenarios(kinds=("trade",), margin=True),
    queues(),
)


def orders_of(result: Any) -> dict[int, Any]:
    lines = result.order_records
    return {int(line["id"]): line for line in lines[lines["kind"] != CANCEL_REQUEST]}


@given(runs)
def test_positions_and_orders_are_the_sums_of_their_fills(scenario: Scenario) -> None:
    result, _ = run_engine(scenario)
    fills = result.fill_records
    for k in range(len(scenario.terms)):
        mine = fills[fills["instrument"] == k]
        assert list(np.cumsum(mine["contracts"])) == list(mine["position_after"])
        assert result.period_records.reshape(-1, len(scenario.terms))[-1, k]["position"] == mine["contracts"].sum()
    for number, order in orders_of(result).items():
        assert fills["contracts"][fills["order"] == number].sum() == order["filled"]
        assert abs(order["filled"]) <= abs(order["contracts"])


@given(runs)
def test_an_order_that_is_done_never_fills(scenario: Scenario) -> None:
    result, _ = run_engine(scenario)
    orders = orders_of(result)
    for fill in result.fill_records[result.fill_records["order"] > 0]:
        order = orders[int(fill["order"])]
        assert order["arrives"] <= fill["time"]
        assert order["done"] == 0 or fill["time"] <= order["done"]
        assert fill["contracts"] * order["contracts"] > 0.0


@given(runs)
def test_reduce_only_never_increases_or_turns_a_position(scenario: Scenario) -> None:
    result, _ = run_engine(scenario)
    orders = orders_of(result)
    for fill in result.fill_records[result.fill_records["order"] > 0]:
        if orders[int(fill["order"])]["flags"] & REDUCE_ONLY:
            before = fill["position_after"] - fill["contracts"]
            assert before * fill["contracts"] < 0.0
            assert before * fill["position_after"] >= 0.0


@given(runs)
def test_equity_is_capital_and_all_attributions_at_every_moment(scenario: Scenario) -> None:
    result, _ = run_engine(scenario)
    periods = result.periods
    names = ["price", "half_spread", "fee", "impact", "funding", "liquidation", "collateral"]
    scale = max(result.capital, result.turnover)
    assert periods["equity"].to_numpy() == pytest.approx(
        result.capital + periods[names].sum(axis=1).to_numpy(), abs=1e-9 * scale
    )


@given(scenarios(kinds=("book", "quote")))
def test_no_more_is_filled_than_is_shown_and_traded(scenario: Scenario) -> None:
    result, _ = run_engine(with_settings(scenario, rule="next"))
    fills = result.fill_records[result.fill_records["order"] >= 0]
    for time in np.unique(fills["time"]):
        events = [event for event in scenario.events if event.time == time]
        for side in (1.0, -1.0):
            mine = fills["contracts"][(fills["time"] == time) & (fills["contracts"] * side > 0.0)]
            assert abs(mine.sum()) <= shown(events, side)


@given(scenarios(kinds=("book", "quote", "trade")))
def test_makers_get_their_own_price(scenario: Scenario) -> None:
    result, _ = run_engine(scenario)
    amended = {order for table in scenario.table.values() for order in map(_amended, table.requests)}
    orders = orders_of(result)
    for fill in result.fill_records[result.fill_records["maker"] == 1]:
        if int(fill["order"]) not in amended:
            assert fill["price"] == orders[int(fill["order"])]["price"]


def _amended(request: Any) -> int:
    """The order that a request amends, 0 for another request."""
    return int(request.order) if isinstance(request, Amend) else 0


def shown(events: Any, side: float) -> float:
    """Contracts that books at these events show to a taker of this side, and trades."""
    total = 0.0
    for event in events:
        if isinstance(event.payload, Book):
            sizes = [size for _, size in (event.payload.asks if side > 0.0 else event.payload.bids)]
            total += math.inf if any(map(math.isnan, sizes)) else sum(sizes)
        elif isinstance(event.payload, Trade):
            total += event.payload.size
    return total


@given(runs)
def test_no_taker_fills_outside_of_what_the_market_has_shown(scenario: Scenario) -> None:
    result, _ = run_engine(scenario)
    half = scenario.terms[0].half_spread_at(100.0)
    fills = result.fill_records
    for fill in fills[(fills["order"] >= 0) & (fills["maker"] == 0)]:
        prices: list[float] = []
        for event in scenario.events:
            if event.instrument != fill["instrument"] or event.time > fill["time"]:
                continue
            if isinstance(event.payload, Book):
                prices += [price for side in (event.payload.bids, event.payload.asks) for price, _ in side]
            elif isinstance(event.payload, Trade):
                prices.append(event.payload.price)
            elif isinstance(event.payload, Bar) and event.kind == "bar_close":
                prices += [event.payload.open, event.payload.high, event.payload.low]
            elif isinstance(event.payload, Bar):
                prices.append(event.payload.open)
        assert min(prices) - half - 1e-9 <= fill["price"] <= max(prices) + half + 1e-9


@given(scenarios(margin=True, kinds=("quote", "trade")))
def test_no_position_is_held_on_nothing(scenario: Scenario) -> None:
    events = tuple(event for event in scenario.events if event.kind != "mark")
    scenario = with_settings(Scenario(events, scenario.terms, scenario.table, scenario.settings), rule="next")
    _, agent = run_engine(scenario)
    if scenario.settings.margin is not None and scenario.settings.margin.mode == "cross":
        for view in agent.seen:
            assert view.equity > 0.0 or not any(view.positions) or scenario.settings.response_latency
