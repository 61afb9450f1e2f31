"""Execution of a parent order: schedules from the literature, ledgers worked by hand, and never more than the order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from halfspread.costs import Costs, Fees, Funding, HalfSpread, Latency
from halfspread.datafeeds.synthetic.poisson_book import PoissonBook
from halfspread.datafeeds.synthetic.world_tapes import world_tape
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError
from halfspread.strategies import AlmgrenChriss, Twap
from halfspread.strategies.execution import Execution
from tests.engine.worlds import tape as bars_tape
from tests.strategies.events import FREE, MODES, quotes, run, run_twins, seconds_of

DAY = 86_400.0


def still(seconds: float, step: float = 1.0) -> list[tuple[float, float, float]]:
    """Quotes that stand at 100.0 and 100.5."""
    return [(step * i, 100.0, 100.5) for i in range(1, round(seconds / step))]


def delayed(order: str, response: str) -> Costs:
    return Costs(
        half_spread=HalfSpread.from_quotes(),
        fees=Fees.none(),
        funding=Funding.none(),
        latency=Latency.fixed(order, response),
    )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_twap_trades_equal_slices_by_the_clock(mode: str, sign: float) -> None:
    result = run(quotes(still(60.0)), Twap(contracts=sign * 10.0, duration="40s", slices=4), mode=mode)
    assert seconds_of(result.orders["sent"]) == [10.0, 20.0, 30.0, 40.0]
    # 2.5, 5 and 7.5 contracts should be done: to whole lots, 3, 5, 8, 10
    assert result.fills["contracts"].tolist() == [sign * each for each in (3.0, 2.0, 3.0, 2.0)]
    assert set(result.fills["price"]) == {100.5 if sign > 0.0 else 100.0}


@pytest.mark.parametrize("mode", MODES)
def test_what_rests_unfilled_is_taken_at_the_end_of_its_slice(mode: str) -> None:
    # Sold through the bid at 12.5 s: the first slice is bought at 100; the other one is taken at 100.5 at its end.
    agent = Twap(contracts=4.0, duration="20s", slices=2, style="passive")
    result = run(quotes(still(60.0), [(12.5, 99.5, 50.0, -1)]), agent, mode=mode)
    orders = result.orders
    assert orders["kind"].tolist() == ["limit", "limit", "market"]
    assert orders["state"].tolist() == ["filled", "cancelled", "filled"]
    assert seconds_of(orders["sent"]) == [10.0, 20.0, 31.0]  # the cancellation is confirmed with the quote of 31 s
    assert result.fills["price"].tolist() == [100.0, 100.5]
    assert result.fills["contracts"].sum() == 4.0


@pytest.mark.parametrize("mode", MODES)
def test_part_of_a_slice_is_taken_where_part_of_it_was_filled(mode: str) -> None:
    agent = Twap(contracts=4.0, duration="10s", slices=1, style="passive")
    result = run(quotes(still(40.0), [(12.5, 99.5, 1.0, -1)]), agent, mode=mode)
    assert result.fills["contracts"].tolist() == [1.0, 3.0]
    assert result.fills["price"].tolist() == [100.0, 100.5]


@pytest.mark.parametrize("mode", MODES)
def test_what_a_book_cannot_fill_goes_into_the_next_slice(mode: str) -> None:
    # 100 contracts are offered; 150 are wanted of each of two slices, so two more than planned are needed.
    result = run(quotes(still(90.0)), Twap(contracts=300.0, duration="20s", slices=2), mode=mode)
    assert result.fills["contracts"].tolist() == [100.0, 100.0, 100.0]
    assert seconds_of(result.orders["sent"]) == [10.0, 20.0, 30.0]
    assert result.orders["reason"].tolist() == ["depth", "depth", ""]


@pytest.mark.parametrize("mode", MODES)
def test_a_fill_during_a_cancellation_is_not_bought_twice(mode: str) -> None:
    # Cancelled at 20 s, at the exchange by 20.4 s; the fill at 20.2 s comes first, and is known at 20.7 s.
    agent = Twap(contracts=4.0, duration="10s", slices=1, style="passive")
    tape = quotes(still(60.0), [(20.2, 99.5, 50.0, -1)])
    result = run(tape, agent, delayed("400ms", "500ms"), mode=mode)
    assert result.fills["contracts"].tolist() == [4.0]
    assert result.fills["price"].tolist() == [100.0]


@pytest.mark.parametrize("mode", MODES)
def test_on_bars_a_slice_is_a_market_order(mode: str) -> None:
    market = bars_tape([100.0, 101.0, 102.0, 103.0, 104.0])
    result = run(market, Twap(contracts=2.0, duration="2h", slices=2, style="passive"), FREE, mode=mode)
    assert result.fills["price"].tolist() == [100.0, 101.0]
    assert result.orders["kind"].tolist() == ["market", "market"]


def flow() -> Tape:
    world = PoissonBook(duration="20m", levels=3, trade_size=2.0, level_size=40.0)
    return world_tape(world.market(np.random.default_rng(4)), ("quotes", "trades"))


@pytest.mark.parametrize("costs", [None, delayed("200ms", "300ms")])
@pytest.mark.parametrize("style", ["market", "passive"])
@pytest.mark.parametrize("contracts", [97.5, -97.5])
def test_both_forms_do_the_same_and_fill_the_parent_order_exactly(contracts: float, style: Any, costs: Any) -> None:
    more = {} if costs is None else {"costs": costs}
    for agent in (
        Twap(contracts=contracts, duration="10m", slices=20, style=style),
        AlmgrenChriss(contracts=contracts, duration="10m", slices=20, style=style, risk_aversion=1e-6),
    ):
        filled = np.cumsum(run_twins(flow(), agent, **more).fill_records["contracts"])
        assert filled[-1] == pytest.approx(contracts)
        assert (np.diff(np.abs(filled)) > 0.0).all()


def test_resting_is_cheaper_than_taking_where_trades_come_by() -> None:
    found = [
        run(flow(), Twap(contracts=60.0, duration="15m", slices=30, style=style)) for style in ("market", "passive")
    ]
    assert found[0].attribution["half_spread"] == pytest.approx(-30.0)
    assert found[1].attribution["half_spread"] > 20.0


# Almgren and Chriss 2000, section 4.3: 1e6 shares in 5 days, volatility 0.95, eta 2.5e-6, gamma 2.5e-7, lambda 1e-6.
PAPER: dict[str, Any] = {
    "contracts": -1e6,
    "duration": "5d",
    "slices": 5,
    "volatility": 0.95 / math.sqrt(DAY),
    "temporary_impact": 2.5e-6 * DAY,
    "permanent_impact": 2.5e-7,
}


def test_the_trajectory_is_that_of_the_paper() -> None:
    agent = AlmgrenChriss(**PAPER, risk_aversion=1e-6)
    assert agent.kappa * DAY == pytest.approx(0.61, abs=0.005)
    kappa = agent.kappa * DAY
    expected = [math.sinh(kappa * (5 - t)) / math.sinh(5 * kappa) for t in range(1, 6)]
    assert agent.left() == pytest.approx(expected)


def test_no_other_schedule_has_a_lower_cost_with_risk() -> None:
    """Expected cost + lambda x variance of the paper (equations 4 and 5), by brute force around the trajectory."""
    agent = AlmgrenChriss(**PAPER, risk_aversion=1e-6)

    def utility(left: list[float]) -> float:
        held = 1e6 * np.array([1.0, *left])
        sold = -np.diff(held)
        cost = 0.5 * 2.5e-7 * 1e12 + (2.5e-6 - 0.5 * 2.5e-7) * float(sold @ sold)
        return cost + 1e-6 * 0.95**2 * float(held[1:] @ held[1:])

    best = utility(agent.left())
    for i in range(4):
        for change in (-1e-3, 1e-3):
            other = agent.left()
            other[i] += change
            assert utility(other) > best


def test_without_risk_aversion_it_is_twap_and_with_much_it_is_all_at_once() -> None:
    twap = Twap(contracts=8.0, duration="1h", slices=8)
    assert AlmgrenChriss(contracts=8.0, duration="1h", slices=8, risk_aversion=0.0).left() == twap.left()
    nearly = AlmgrenChriss(contracts=8.0, duration="1h", slices=8, risk_aversion=1e-13)
    assert nearly.left() == pytest.approx(twap.left(), rel=1e-4)
    assert AlmgrenChriss(contracts=8.0, duration="1h", slices=8, risk_aversion=1e9).left() == pytest.approx([0.0] * 8)
    assert twap.schedule()[-1] == 8.0


def test_parameters_that_make_no_order_are_refused() -> None:
    with pytest.raises(ConfigError, match="Twap: contracts: expected some to buy"):
        Twap(contracts=0.0)
    with pytest.raises(ConfigError, match="permanent_impact: expected less than 2 temporary_impact / slice = "):
        AlmgrenChriss(permanent_impact=1.0)
    with pytest.raises(ConfigError, match="duration: "):
        Twap(duration="soon")
    with pytest.raises(ConfigError, match=r"Twap: contracts: UNIT trades 1 contracts or more, got 0\.5"):
        run(quotes(still(60.0)), Twap(contracts=0.5))
    with pytest.raises(ConfigError, match="has no schedule"):
        Execution().left()
