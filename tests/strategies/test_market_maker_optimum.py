"""In the world of Poisson order flow the market maker earns what theory says, and its optimum is where that says."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from benchmarks import market_maker as day
from halfspread.costs import Costs, Fees, Funding, HalfSpread
from halfspread.datafeeds.synthetic.poisson_book import PoissonBook
from halfspread.datafeeds.synthetic.world_tapes import world_tape
from halfspread.engine.result import BacktestResult
from halfspread.engine.tape import Tape
from halfspread.strategies import MarketMaker
from tests.strategies.events import run

SECONDS = 4.0 * 3600.0
LIMIT = 20
PRICE = 60_000.0

# 1 / k is two ticks: profit falls by a tenth and more from one whole tick to the next.
WORLD = PoissonBook(duration="4h", levels=1, heartbeat="2s", decay=1.0, tick=0.5, intensity=1.0, first_price=PRICE)


@cache
def market() -> Tape:
    return world_tape(WORLD.market(np.random.default_rng(11)), ("books", "trades"))


def earn(agent: MarketMaker, fee: float = 0.0) -> BacktestResult:
    """``fee``: of one contract, quote currency; the price stays within a thousandth of the first one."""
    charged = Fees(maker=fee / PRICE, taker=fee / PRICE)
    costs = Costs(half_spread=HalfSpread.from_quotes(), fees=charged, funding=Funding.none())
    return run(market(), agent, costs)


def edge(result: BacktestResult) -> float:
    """Profit per second without what the mid did to the inventory, which is noise around 0."""
    return (result.attribution["half_spread"] + result.attribution["fee"]) / SECONDS


@cache
def edge_at(ticks: int, fee: float) -> float:
    return edge(earn(MarketMaker(bid_ticks=(float(ticks),), inventory_limit=LIMIT), fee))


@pytest.mark.parametrize("fee", [0.0, 0.5])
@pytest.mark.parametrize("ticks", [1, 2, 3, 4])
def test_a_constant_distance_earns_its_rate_less_the_time_at_the_limit(ticks: int, fee: float) -> None:
    # Bids and asks fill alike, so all inventories are equally likely; at the limit one side rests no order.
    expected = WORLD.profit_rate(ticks, fee) * 2 * LIMIT / (2 * LIMIT + 1)
    fills = 2.0 * WORLD.fill_rate(ticks) * SECONDS
    error = abs(ticks * WORLD.tick - fee) * math.sqrt(fills) / SECONDS
    assert abs(edge_at(ticks, fee) - expected) < 4.0 * error + 1e-3


@pytest.mark.parametrize("fee", [0.0, 0.5])
def test_one_over_k_plus_the_fee_beats_its_neighbours(fee: float) -> None:
    best = round((1.0 / WORLD.decay + fee) / WORLD.tick)
    found = {ticks: edge_at(ticks, fee) for ticks in range(1, 6)}
    assert max(found, key=lambda ticks: found[ticks]) == best
    assert best == (2 if fee == 0.0 else 3)


@pytest.mark.parametrize(("gamma", "limit"), [(0.0, 3), (0.05, 6)])
def test_the_best_quotes_earn_what_was_computed_for_them(gamma: float, limit: int) -> None:
    best = WORLD.best_quotes(limit, gamma)
    agent = MarketMaker(
        inventory_limit=limit, bid_ticks=tuple(best.bid / WORLD.tick), ask_ticks=tuple(best.ask / WORLD.tick)
    )
    result = earn(agent)
    fills = len(result.fill_records)
    spread = best.profit_rate * SECONDS / fills
    assert abs(edge(result) - best.profit_rate) < 4.0 * spread * math.sqrt(fills) / SECONDS
    # In all, with the inventory at the mercy of the mid: variance of the mid x mean square of the inventory.
    risk = WORLD.flow.sigma * math.sqrt(float(best.shares @ best.inventory**2) * SECONDS)
    noise = math.hypot(risk, spread * math.sqrt(fills)) / SECONDS
    assert abs(result.attribution["total"] / SECONDS - best.profit_rate) < 4.0 * noise
    assert np.abs(np.cumsum(result.fill_records["contracts"])).max() == limit


def test_leaning_against_the_inventory_earns_more_than_a_constant_distance_at_the_same_limit() -> None:
    best = WORLD.best_quotes(3)
    leaning = earn(
        MarketMaker(inventory_limit=3.0, bid_ticks=tuple(best.bid / WORLD.tick), ask_ticks=tuple(best.ask / WORLD.tick))
    )
    constant = earn(MarketMaker(inventory_limit=3.0, bid_ticks=(2.0,)))
    promised = best.profit_rate - WORLD.profit_rate(2) * 6 / 7
    assert promised > 0.01
    assert edge(leaning) - edge(constant) == pytest.approx(promised, abs=0.015)


def test_aversion_to_risk_holds_less_for_less_profit() -> None:
    found = [
        earn(
            MarketMaker(
                form="stationary",
                gamma=gamma,
                sigma=WORLD.flow.sigma,
                k=WORLD.decay,
                intensity=WORLD.intensity,
                inventory_limit=LIMIT,
            )
        )
        for gamma in (1e-3, 0.3)
    ]
    squares = [float(np.mean(np.cumsum(each.fill_records["contracts"]) ** 2)) for each in found]
    assert squares[1] < 0.5 * squares[0]
    assert edge(found[1]) < edge(found[0])


@cache
def distances(fee: float) -> list[dict[str, float]]:
    return day.constant_distances(fee)


@pytest.mark.parametrize("fee", day.FEES)
def test_over_a_day_every_distance_earns_what_is_computed_and_the_largest_profit_is_where_it_is_computed(
    fee: float,
) -> None:
    rows = distances(fee)
    for row in rows:
        assert row["error"] < 0.006
        assert abs(row["found"] - row["expected"]) < 4.0 * row["error"] + 1e-3, row
    best = max(rows, key=lambda row: row["found"])
    assert best["ticks"] * day.WORLD.tick == 1.0 / day.WORLD.decay + fee


def test_the_best_distance_follows_from_the_fills_themselves() -> None:
    # The profit exp(-k d) d is largest at 1 / k, with k from the fills at six distances.
    k, error = day.fitted_decay(distances(0.0))
    assert error < 0.004
    assert abs(1.0 / k - 1.0 / day.WORLD.decay) < 4.0 * error / k**2


def test_the_best_aversion_is_the_one_that_the_risk_is_charged_at() -> None:
    rows = {row["gamma"]: row for row in day.aversions()}
    for row in rows.values():
        assert abs(row["found"] - row["expected"]) < 4.0 * row["error"], row
        if row["gamma"] != day.GAMMA:
            promised = rows[day.GAMMA]["expected"] - row["expected"]
            assert row["behind"] > 4.0 * row["behind_error"], row
            assert abs(row["behind"] - promised) < 4.0 * row["behind_error"], row
