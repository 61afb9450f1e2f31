"""Liquidation through whole runs of the event loop, at the venues' check values."""

from __future__ import annotations

import pytest

from tests.engine.engine_adapter import run_engine
from tests.engine.reference_terms import Decision, Event, Margin, Place, Settings, Terms, Tier
from tests.engine.strategies_for_orders import Scenario, at, trade


def run(terms: Terms, contracts: float, mark: float, margin: Margin, known: float | None = None) -> tuple[int, float]:
    """Liquidations, and the price of the last fill: 60,000 USD at 50,000, then one mark price."""
    events = [trade(0, 50_000.0, 1.0), trade(1, 50_000.0, 1.0), Event(at(2), "mark", 0, mark), trade(3, 50_000.0, 1.0)]
    if known is not None:
        events.append(Event(at(1.5), "funding_known", 0, known))
    table = {0: Decision(requests=[Place("market", contracts)])}
    settings = Settings(margin=margin, capital={"COIN": 1.0, "USD": 1.0})
    result, _ = run_engine(Scenario(tuple(events), (terms,), table, settings))
    return result.liquidations, float(result.fill_records[-1]["price"])


@pytest.mark.parametrize("taker", [0.0, 5.5e-4])
@pytest.mark.parametrize(
    ("contracts", "safe", "gone", "bankruptcy"),
    [
        # 60,000 x 1.005 / (1.2 + 0.12) = 45,681.82, and 60,000 x 0.995 / (1.2 - 0.12) = 55,277.78
        (60_000.0, 45_681.83, 45_681.81, 50_000 / 1.1),
        (-60_000.0, 55_277.77, 55_277.79, 50_000 / 0.9),
    ],
)
def test_isolated_at_the_check_values_of_bybit_whatever_the_fee(
    contracts: float, safe: float, gone: float, bankruptcy: float, taker: float
) -> None:
    terms = Terms("INV", "inverse", "COIN", taker=taker, tiers=(Tier(float("inf"), 100.0, 0.005),))
    margin = Margin("isolated", leverage=10.0)
    assert run(terms, contracts, safe, margin)[0] == 0
    count, price = run(terms, contracts, gone, margin)
    assert count == 1
    assert price == pytest.approx(bankruptcy, rel=1e-12)


@pytest.mark.parametrize(
    ("contracts", "rate", "price"),
    [
        # 50,000 / (1 + (0.1 + 2 x 0.00075) - (0.004 + 0.00075 + 0.0001)); a short is not charged what it would receive
        (60_000.0, 1e-4, 50_000 / 1.09665),
        (-60_000.0, 1e-4, 50_000 / (1 - 0.1015 + 0.00475)),
        (-60_000.0, -1e-4, 50_000 / (1 - 0.1015 + 0.00485)),
    ],
)
def test_isolated_at_the_formula_of_bitmex(contracts: float, rate: float, price: float) -> None:
    terms = Terms("XBT", "inverse", "COIN", taker=7.5e-4, tiers=(Tier(float("inf"), 100.0, 0.004),))
    margin = Margin("isolated", leverage=10.0, basis="entry")
    away = 0.01 if contracts > 0.0 else -0.01
    assert run(terms, contracts, price + away, margin, rate)[0] == 0
    assert run(terms, contracts, price - away, margin, rate)[0] == 1
