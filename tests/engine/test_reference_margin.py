"""Margin in the slow simulator: hand-worked liquidations, the venues' check values, refusals, the insurance fund."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.reference import simulate
from tests.engine.reference_terms import Decision, Event, Ledger, Margin, Place, Settings, Terms, Tier
from tests.engine.strategies_for_orders import Script, at, bar, book

TIERS = (Tier(1_000.0, 10.0, 0.005), Tier(5_000.0, 5.0, 0.01, 5.0))
LINEAR = Terms("LIN", taker=1e-3, maker=1e-3, tiers=TIERS)
CHECK = Terms("INV", "inverse", "COIN", tiers=(Tier(100.0, 100.0, 0.005),))


def quote(second: float, price: float, instrument: int = 0) -> Event:
    return book(second, ((price, 1e9),), ((price, 1e9),), "quote", instrument)


def mark(second: float, price: float, instrument: int = 0) -> Event:
    return Event(at(second), "mark", instrument, price)


def run(events: list[Event], contracts: float, capital: float, margin: Margin, *terms: Terms) -> Ledger:
    """Buy (or sell) of each instrument at second 1, with quotes of no width."""
    requests = [Place("market", contracts, instrument=k) for k in range(len(terms))]
    settings = Settings(margin=margin, capital={"USD": capital, "COIN": capital})
    return simulate(events, Script({0: Decision(requests=requests)}), terms, settings)


@pytest.mark.parametrize(
    ("contracts", "safe", "gone", "bankruptcy"),
    [
        # Bybit: 60,000 x 1.005 / (1.2 + 0.12) = 45,681.82, and 60,000 x 0.995 / (1.2 - 0.12) = 55,277.78
        (60_000.0, 45_681.83, 45_681.81, 50_000 / 1.1),
        (-60_000.0, 55_277.77, 55_277.79, 50_000 / 0.9),
    ],
)
def test_isolated_liquidation_at_the_check_values_of_bybit(
    contracts: float, safe: float, gone: float, bankruptcy: float
) -> None:
    margin = Margin("isolated", leverage=10.0)
    start = [quote(0, 50_000.0), quote(1, 50_000.0)]
    assert run([*start, mark(2, safe)], contracts, 1.0, margin, CHECK).liquidations == 0
    ledger = run([*start, mark(2, gone)], contracts, 1.0, margin, CHECK)
    assert ledger.liquidations == 1
    assert ledger.fills[-1].price == pytest.approx(bankruptcy, rel=1e-12)
    # it loses its margin, 60,000 / 50,000 / 10
    assert ledger.equity["COIN"] == pytest.approx(1.0 - 0.12, abs=1e-12)


def test_isolated_liquidation_at_the_check_value_of_bitmex() -> None:
    # 50,000 / (1 + (0.1 + 2 x 0.00075) - (0.004 + 0.00075 + 0.0001)) = 45,593.397
    terms = Terms("XBT", "inverse", "COIN", taker=7.5e-4, tiers=(Tier(100.0, 100.0, 0.004),))
    margin = Margin("isolated", leverage=10.0, basis="entry")
    start = [quote(0, 50_000.0), quote(1, 50_000.0), Event(at(1.5), "funding_known", 0, 1e-4)]
    price = 50_000 / 1.09665
    assert run([*start, mark(2, price + 0.01)], 60_000.0, 1.0, margin, terms).liquidations == 0
    ledger = run([*start, mark(2, price - 0.01)], 60_000.0, 1.0, margin, terms)
    assert ledger.fills[-1].price == pytest.approx(50_000 / 1.1, rel=1e-12)
    # paid: a fee of 0.00075 x 1.2 on the way in, the margin of 0.12, a fee of 0.00075 x 1.32 at the bankruptcy price
    assert ledger.equity["COIN"] == pytest.approx(1.0 - 0.0009 - 0.12 - 0.00099, abs=1e-12)


def test_funding_in_favour_of_a_position_does_not_lower_its_maintenance_margin() -> None:
    # a short: 50,000 / (1 - (0.1 + 2 x 0.00075) + (0.004 + 0.00075)) = 50,000 / 0.90325
    terms = Terms("XBT", "inverse", "COIN", taker=7.5e-4, tiers=(Tier(100.0, 100.0, 0.004),))
    margin = Margin("isolated", leverage=10.0, basis="entry")
    start = [quote(0, 50_000.0), quote(1, 50_000.0), Event(at(1.5), "funding_known", 0, 1e-4)]
    price = 50_000 / 0.90325
    assert run([*start, mark(2, price - 0.01)], -60_000.0, 1.0, margin, terms).liquidations == 0
    assert run([*start, mark(2, price + 0.01)], -60_000.0, 1.0, margin, terms).liquidations == 1


@pytest.mark.parametrize(
    ("second", "price", "bankruptcy"),
    [
        # 2 more at 110: entry 620 / 6, margins 40 + 22
        (2.0, 110.0, (620 - 62) / 6),
        (-2.0, 100.0, 90.0),  # half closed releases half
        (-8.0, 95.0, 104.5),  # turned at 95: 95 x 1.1
    ],
)
def test_entry_and_isolated_margin_follow_increases_decreases_and_turns(
    second: float, price: float, bankruptcy: float
) -> None:
    events = [quote(0, 100.0), quote(1, 100.0), quote(2, price), quote(3, bankruptcy)]
    table = {0: Decision(requests=[Place("market", 4.0)]), 1: Decision(requests=[Place("market", second)])}
    settings = Settings(margin=Margin("isolated", leverage=10.0), capital={"USD": 1_000.0})
    ledger = simulate(events, Script(table), [LINEAR], settings)
    assert ledger.fills[-1].liquidation
    assert ledger.fills[-1].price == pytest.approx(bankruptcy, rel=1e-12)


def test_the_deduction_of_a_tier_lowers_its_maintenance_margin() -> None:
    # 20 at 100 with 500: 498 + 20 (P - 100) <= 20 P x 0.01 - 5: P <= 1,497 / 19.8 = 75.6061
    start = [quote(0, 100.0), quote(1, 100.0)]
    assert run([*start, mark(2, 75.61)], 20.0, 500.0, Margin("cross"), LINEAR).liquidations == 0
    assert run([*start, mark(2, 75.60)], 20.0, 500.0, Margin("cross"), LINEAR).liquidations == 1


@pytest.mark.parametrize(("marks", "paid"), [([], -4.0), ([mark(1.5, 110.0)], -4.4)])
def test_funding_is_paid_on_the_value_at_mark(marks: list[Event], paid: float) -> None:
    events = [quote(0, 100.0), quote(1, 100.0), *marks, Event(at(2), "funding", 0, 0.01)]
    ledger = run(events, 4.0, 1_000.0, Margin("cross"), LINEAR)
    assert ledger.attribution[0]["funding"] == pytest.approx(paid, rel=1e-12)


def test_a_cross_account_is_left_with_nothing() -> None:
    # 9 bought at 100 with 101: fee 0.9, cash 101 - 900 - 0.9; gone where 100.1 + 9 (P - 100) <= 9 P x 0.005:
    # P <= 799.9 / 8.955 = 89.3244
    start = [quote(0, 100.0), quote(1, 100.0)]
    margin = Margin("cross")
    assert run([*start, mark(2, 89.33)], 9.0, 101.0, margin, LINEAR).liquidations == 0
    ledger = run([*start, mark(2, 89.32)], 9.0, 101.0, margin, LINEAR)
    # 100.1 + 9 (P - 100) - 0.001 x 9 P = 0: P = 799.9 / 8.991
    assert ledger.fills[-1].price == pytest.approx(799.9 / 8.991, rel=1e-12)
    assert ledger.fills[-1].liquidated == pytest.approx(-100.1, rel=1e-12)
    assert ledger.equity["USD"] == pytest.approx(0.0, abs=1e-12)
    assert ledger.positions == [0.0]


def test_the_insurance_fund_pays_where_the_mark_has_gone_beyond() -> None:
    start = [quote(0, 100.0), quote(1, 100.0)]
    ledger = run([*start, quote(2, 80.0)], 9.0, 101.0, Margin("cross"), LINEAR)
    # valued at 80: 100.1 - 180 = -79.9, which the fund pays
    assert ledger.fills[-1].liquidated == pytest.approx(79.9, rel=1e-12)
    assert ledger.equity["USD"] == pytest.approx(0.0, abs=1e-12)
    assert ledger.attribution[0]["price"] == pytest.approx(-180.0)


@pytest.mark.parametrize("large", [0, 1])
def test_of_several_positions_the_largest_closes_at_its_bankruptcy_price(large: int) -> None:
    # 4 and 4 at 100 and 50: fees 0.6. At 80 and 50: B = 99.4 - 80 = 19.4; at 75.5: B = 1.4 <= (302 + 200) x 0.005
    small = 1 - large
    start = [quote(second, price, k) for second in (0, 1) for price, k in ((100.0, large), (50.0, small))]
    events = [*start, mark(2, 80.0, large), mark(3, 75.5, large)]
    ledger = run(events, 4.0, 100.0, Margin("cross"), LINEAR, LINEAR)
    assert [fill.instrument for fill in ledger.fills[2:]] == [0, 1]
    first, second = ledger.fills[2 + large], ledger.fills[2 + small]
    assert second.price == 50.0
    assert second.liquidated == pytest.approx(-0.2)
    # the fee of the other leaves 1.2: 1.2 + 4 (P - 75.5) = 0.001 x 4 P
    assert first.price == pytest.approx(300.8 / 3.996, rel=1e-12)
    assert ledger.equity["USD"] == pytest.approx(0.0, abs=1e-12)


def test_isolated_positions_fall_alone_and_give_back_their_orders() -> None:
    events = [quote(0, 100.0), quote(0, 50.0, 1), quote(1, 100.0), quote(1, 50.0, 1), mark(3, 85.0)]
    requests = [Place("market", 4.0), Place("market", 4.0, instrument=1)]
    requests += [Place("limit", 1.0, 90.0), Place("limit", 1.0, 40.0, instrument=1)]
    settings = Settings(margin=Margin("isolated", leverage=10.0), capital={"USD": 1_000.0})
    ledger = simulate(events, Script({0: Decision(requests=requests)}), [LINEAR, LINEAR], settings)
    assert ledger.positions == [0.0, 4.0]
    assert [order.reason for order in ledger.orders] == ["", "", "liquidated", ""]
    assert ledger.fills[-1].price == 90.0
    # 1,000 - fees of 0.4 and 0.2 - margin of 40 - fee of 0.001 x 360
    assert ledger.equity["USD"] == pytest.approx(1_000 - 0.6 - 40 - 0.36)


def test_funding_is_paid_from_free_cash_and_then_from_the_isolated_margin() -> None:
    # 41 pays 0.4 for the fee and 40.8 = 40 + 0.8 into the margin: 0.0 is free with 41.2
    settings = {"margin": Margin("isolated", leverage=10.0)}
    events = [quote(0, 100.0), quote(1, 100.0), Event(at(2), "funding", 0, 0.01), quote(3, 100.0), mark(4, 92.5)]
    ledger = run(events, 4.0, 41.2, settings["margin"], LINEAR)
    # 4 of the margin are gone: bankrupt at 91, gone where 36.8 + 4 (P - 100) <= 0.02 P: P <= 363.2 / 3.98 = 91.26
    assert ledger.liquidations == 0
    ledger = run([*events, mark(5, 91.2)], 4.0, 41.2, settings["margin"], LINEAR)
    assert ledger.fills[-1].price == pytest.approx(91.0, rel=1e-12)


@pytest.mark.parametrize(
    ("contracts", "capital", "leverage", "reason"),
    [
        # 9 x 100 / 10 + 2 x 0.9 + fee 0.9 = 92.7
        (9.0, 92.71, None, ""),
        (9.0, 92.69, None, "insufficient margin"),
        # 11 x 100 lies in the second tier: 1,100 / 5 + 2.2 + 1.1 = 223.3
        (11.0, 223.31, None, ""),
        (11.0, 223.29, None, "insufficient margin"),
        (11.0, 1e6, 10.0, "above tier"),
        (11.0, 1e6, 5.0, ""),
        (51.0, 1e6, None, "above tier"),
        (-9.0, 92.69, None, "insufficient margin"),
    ],
)
@pytest.mark.parametrize("mode", ["cross", "isolated"])
def test_fills_that_margin_forbids(
    contracts: float, capital: float, leverage: float | None, reason: str, mode: Any
) -> None:
    margin = Margin(mode, leverage=leverage)
    ledger = run([quote(0, 100.0), quote(1, 100.0)], contracts, capital, margin, LINEAR)
    assert ledger.orders[0].reason == reason
    assert ledger.positions == [0.0 if reason else contracts]


def test_a_fill_that_reduces_is_never_refused() -> None:
    events = [quote(0, 100.0), quote(1, 100.0), quote(2, 91.0), quote(3, 91.0)]
    requests = {0: [Place("market", 9.0)], 2: [Place("market", -9.0)]}
    table = {number: Decision(requests=found) for number, found in requests.items()}
    settings = Settings(margin=Margin("cross"), capital={"USD": 92.71})
    ledger = simulate(events, Script(table), [LINEAR], settings)
    assert [order.status for order in ledger.orders] == ["filled", "filled"]


@pytest.mark.parametrize(("without_mark", "count"), [("worst", 1), ("close", 0)])
@pytest.mark.parametrize(
    ("contracts", "high", "low", "bankruptcy"),
    [(9.0, 100.0, 80.0, 799.9 / 8.991), (-9.0, 120.0, 100.0, 1_000.1 / 9.009)],
)
def test_bars_without_marks_are_checked_at_their_worst_price(
    contracts: float, high: float, low: float, bankruptcy: float, without_mark: Any, count: int
) -> None:
    events = [*bar(0, (100.0, 100.0, 100.0, 100.0)), *bar(60, (100.0, high, low, 100.0))]
    margin = Margin("cross", without_mark=without_mark)
    ledger = run(events, contracts, 101.0, margin, LINEAR)
    assert ledger.liquidations == count
    if count:
        # valued at the close of 100, closed where nothing is left: all of 100.1 is `liquidation`
        assert ledger.fills[-1].price == pytest.approx(bankruptcy, rel=1e-12)
        assert ledger.attribution[0]["liquidation"] == pytest.approx(-100.1, rel=1e-12)
