"""The market maker's formulas against hand-worked values, limits and brute force."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.datafeeds.synthetic.order_flow import OrderFlow
from halfspread.datafeeds.synthetic.quoting import (
    asymptotic_distances,
    avellaneda_stoikov,
    best_distance,
    inventory_shares,
    optimal_quotes,
    quotes_over_time,
)
from halfspread.engine.times import Floats
from halfspread.errors import ConfigError

PAPER = OrderFlow(A=0.9, k=0.3, sigma=0.3)  # the figures of GLFT: ticks and seconds, gamma 0.01


def slow_rate(flow: OrderFlow, bid: Floats, ask: Floats, fee: float) -> float:
    """Profit per second from the balance equations of the inventory, solved as they stand."""
    n = len(bid)
    rates = np.zeros((n, n))
    earned = np.zeros(n)
    for q in range(n):
        if q + 1 < n:
            rates[q, q + 1] = flow.A * math.exp(-flow.k * bid[q])
            earned[q] += rates[q, q + 1] * (bid[q] - fee)
        if q > 0:
            rates[q, q - 1] = flow.A * math.exp(-flow.k * ask[q])
            earned[q] += rates[q, q - 1] * (ask[q] - fee)
    balance = np.vstack(((rates - np.diag(rates.sum(axis=1))).T, np.ones(n)))
    shares = np.linalg.lstsq(balance, np.append(np.zeros(n), 1.0), rcond=None)[0]
    return float(shares @ earned)


def test_the_setting_of_avellaneda_and_stoikov_by_hand() -> None:
    flow = OrderFlow(A=140.0, k=1.5, sigma=2.0)
    # halfway of one time unit, gamma 0.1: 0.1 x 4 x 0.5 + 20 ln(1 + 0.1 / 1.5) = 0.2 + 1.290770; the paper's mean: 1.49
    bid, ask = avellaneda_stoikov(0.0, 0.5, flow, 0.1)
    assert bid == ask
    assert bid + ask == pytest.approx(1.490770, abs=1e-6)
    bid, ask = avellaneda_stoikov(3.0, 0.5, flow, 0.1)
    assert bid - ask == pytest.approx(2.0 * 3.0 * 0.1 * 4.0 * 0.5)  # twice s minus the reservation price
    assert bid + ask == pytest.approx(1.490770, abs=1e-6)
    assert avellaneda_stoikov(-3.0, 0.5, flow, 0.1) == pytest.approx((ask, bid))
    assert avellaneda_stoikov(0.0, 0.5, flow, 0.1, fee=0.05) == pytest.approx((0.795385, 0.795385), abs=1e-6)


def test_without_aversion_the_distance_is_one_over_k() -> None:
    flow = OrderFlow(A=2.0, k=4.0, sigma=1.0)
    assert avellaneda_stoikov(7.0, 3.0, flow, 0.0) == (0.25, 0.25)
    assert avellaneda_stoikov(7.0, 0.0, flow, 1e-9) == pytest.approx((0.25, 0.25))
    distances = np.linspace(0.0, 2.0, 200_001)
    for fee in (0.0, 0.1, -0.05):
        profit = flow.intensity(distances) * (distances - fee)
        assert distances[profit.argmax()] == pytest.approx(best_distance(4.0, fee), abs=1e-5)


@pytest.mark.parametrize("limit", [1, 2, 7, 40])
def test_a_risk_neutral_maker_with_a_limit_has_a_closed_form(limit: int) -> None:
    flow = OrderFlow(A=2.0, k=0.5, sigma=9.0)
    quotes = optimal_quotes(flow, limit)
    angle = math.pi / (2 * limit + 2)  # v(q) = cos(angle q), least eigenvalue -2 A / e cos(angle)
    assert quotes.profit_rate == pytest.approx(2.0 * 2.0 / (math.e * 0.5) * math.cos(angle), rel=1e-12)
    assert quotes.profit_rate == pytest.approx(quotes.value_rate, rel=1e-12)
    assert quotes.bid[limit] == pytest.approx(2.0 - 2.0 * math.log(math.cos(angle)), rel=1e-9)
    assert np.isinf([quotes.bid[-1], quotes.ask[0]]).all()
    assert quotes.shares.sum() == pytest.approx(1.0)


def test_far_from_its_limit_a_risk_neutral_maker_quotes_one_over_k() -> None:
    flow = OrderFlow(A=2.0, k=0.5)
    quotes = optimal_quotes(flow, 200, fee=0.3)
    assert quotes.distances(0.0) == pytest.approx((2.3, 2.3), rel=1e-4)
    distance = best_distance(0.5, 0.3)
    free = 2.0 * 2.0 * math.exp(-0.5 * distance) * (distance - 0.3)
    assert quotes.profit_rate == pytest.approx(free, rel=1e-3)
    assert quotes.profit_rate < free


@given(st.floats(0.0, 0.3), st.integers(1, 6), st.floats(-0.5, 2.0))
def test_a_fee_moves_the_quotes_out_and_thins_the_flow(gamma: float, limit: int, fee: float) -> None:
    plain = optimal_quotes(OrderFlow(A=0.9 * math.exp(-0.3 * fee), k=0.3, sigma=0.3), limit, gamma)
    charged = optimal_quotes(PAPER, limit, gamma, fee)
    assert charged.bid[:-1] == pytest.approx(plain.bid[:-1] + fee, rel=1e-9)
    assert charged.profit_rate == pytest.approx(plain.profit_rate, rel=1e-9)


def test_the_profit_rate_is_that_of_the_balance_equations() -> None:
    rng = np.random.default_rng(4)
    quotes = optimal_quotes(PAPER, 6, 0.05, fee=0.2)
    assert quotes.profit_rate == pytest.approx(slow_rate(PAPER, quotes.bid, quotes.ask, 0.2), rel=1e-9)
    bid, ask = rng.random(5) * 3.0, rng.random(5) * 3.0
    bid[-1] = ask[0] = np.inf
    rates = inventory_shares(PAPER, bid, ask)
    flows = rates[:-1] * PAPER.intensity(bid[:-1]) - rates[1:] * PAPER.intensity(ask[1:])
    assert np.abs(flows).max() < 1e-15


def test_with_risk_the_quotes_are_those_of_the_closed_form_for_a_wide_limit() -> None:
    quotes = optimal_quotes(PAPER, 60, 0.01)
    for inventory in (-5, -1, 0, 1, 5):
        found = quotes.distances(inventory)
        assert found == pytest.approx(asymptotic_distances(inventory, PAPER, 0.01), rel=1e-3)
    # by hand: ln(1 + 1/30) / 0.01 + 0.5 sqrt(0.09 x 0.01 / (2 x 0.3 x 0.9) x (31 / 30)^31)
    assert asymptotic_distances(0, PAPER, 0.01)[0] == pytest.approx(3.278982 + 0.5 * 0.067866, abs=1e-4)


def test_long_before_the_end_the_quotes_are_the_stationary_ones_and_at_the_end_flat() -> None:
    stationary = optimal_quotes(PAPER, 10, 0.01)
    bid, ask = quotes_over_time(PAPER, 10, 0.01, 10_000.0)
    assert bid[:-1] == pytest.approx(stationary.bid[:-1], rel=1e-9)
    assert ask[1:] == pytest.approx(stationary.ask[1:], rel=1e-9)
    bid, _ = quotes_over_time(PAPER, 10, 0.01, 0.0)
    assert bid[:-1] == pytest.approx(math.log1p(0.01 / 0.3) / 0.01)


def test_quotes_over_time_solve_the_hjb_equation() -> None:
    """v' = M v integrated by small steps, from which the distances follow."""
    gamma, limit = 0.05, 3
    q = np.arange(-limit, limit + 1.0)
    beside = 0.9 * (1.0 + gamma / 0.3) ** -(1.0 + 0.3 / gamma)
    v = np.ones(7)
    step = 1e-4
    for _ in range(50_000):  # five seconds
        outer = np.concatenate(([0.0], v[:-1])) + np.concatenate((v[1:], [0.0]))
        v = v + step * (beside * outer - 0.5 * 0.3 * gamma * 0.09 * q**2 * v)
    bid, _ = quotes_over_time(PAPER, limit, gamma, 5.0)
    assert bid[:-1] == pytest.approx(np.log(v[:-1] / v[1:]) / 0.3 + math.log1p(gamma / 0.3) / gamma, rel=1e-4)


@pytest.mark.parametrize("fee", [0.0, 0.4])
def test_on_ticks_no_other_quotes_earn_more(fee: float) -> None:
    flow = OrderFlow(A=1.0, k=0.6)
    best = optimal_quotes(flow, 1, fee=fee, tick=0.5)
    choices = 0.5 * np.arange(1, 12)
    tried = max(
        slow_rate(flow, np.array([b, c, np.inf]), np.array([np.inf, d, a]), fee)
        for b, c, d, a in itertools.product(choices, repeat=4)
    )
    assert best.profit_rate == pytest.approx(tried, rel=1e-12)
    assert best.value_rate == pytest.approx(tried, rel=1e-9)
    assert (best.bid[:-1] / 0.5 == np.rint(best.bid[:-1] / 0.5)).all()


@pytest.mark.parametrize("gamma", [0.0, 1e-310, 1e-5, 1e-3])
def test_fine_ticks_give_the_quotes_without_ticks_where_gamma_is_far_below_k(gamma: float) -> None:
    free = optimal_quotes(PAPER, 4, gamma, fee=0.1)
    fine = optimal_quotes(PAPER, 4, gamma, fee=0.1, tick=0.01)
    assert (free.bid[:-1] > 0.01).all(), "a distance on ticks is at least one"
    assert fine.bid[:-1] == pytest.approx(free.bid[:-1], abs=0.012)
    assert fine.value_rate == pytest.approx(free.value_rate, rel=1e-4 + 0.6 * gamma / PAPER.k)


@pytest.mark.parametrize("gamma", [0.0, 0.1, 1.0, 30.0])
def test_on_ticks_the_value_is_profit_less_penalty_and_no_single_change_improves_it(gamma: float) -> None:
    limit, tick, fee = 20, 0.25, 0.1
    best = optimal_quotes(PAPER, limit, gamma, fee, tick)
    assert (best.bid[:-1] >= tick).all()
    assert (best.bid[:-1] == best.ask[1:][::-1]).all()

    def value(bid: Floats, ask: Floats) -> float:
        penalty = 0.5 * gamma * 0.09 * float(inventory_shares(PAPER, bid, ask) @ best.inventory**2)
        return slow_rate(PAPER, bid, ask, fee) - penalty

    assert best.value_rate == pytest.approx(value(best.bid, best.ask), rel=1e-9)
    for row in range(2 * limit):
        for change in (-tick, tick):
            bid = best.bid.copy()
            bid[row] += change
            if bid[row] >= tick:
                assert value(bid, best.ask) <= best.value_rate * (1.0 + 1e-9) + 1e-12


def test_a_strong_aversion_and_a_wide_limit_leave_quotes_that_can_be_told() -> None:
    wide, wider = optimal_quotes(PAPER, 60, 1.0), optimal_quotes(PAPER, 100, 1.0)
    assert wide.value_rate == pytest.approx(wider.value_rate, rel=1e-9)
    assert wide.bid[60:100] == pytest.approx(wider.bid[100:140], abs=1e-9)
    assert (np.diff(wide.bid[:-1]) > 0.0).all()
    with pytest.raises(ConfigError, match="too wide for gamma 1"):
        quotes_over_time(PAPER, 60, 1.0, 1e6)


def test_more_aversion_earns_less_and_holds_less() -> None:
    found = [optimal_quotes(PAPER, 10, gamma) for gamma in (0.0, 0.01, 0.1, 1.0)]
    profits = [quotes.profit_rate for quotes in found]
    squares = [float(quotes.shares @ quotes.inventory**2) for quotes in found]
    assert profits == sorted(profits, reverse=True)
    assert squares == sorted(squares, reverse=True)


def test_an_inventory_is_rounded_and_cut_to_the_limit() -> None:
    quotes = optimal_quotes(PAPER, 2, 0.01)
    assert quotes.distances(9.0) == quotes.distances(2.0) == (math.inf, quotes.ask[-1])
    assert quotes.distances(-0.2) == quotes.distances(0.0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"inventory_limit": 0}, "inventory_limit of at least 1"),
        ({"inventory_limit": 1, "gamma": -1.0}, "gamma of at least 0"),
        ({"inventory_limit": 1, "tick": 0.0}, "tick: expected above 0"),
    ],
)
def test_impossible_terms_are_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        optimal_quotes(PAPER, **values)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="A and k above 0"):
        OrderFlow(A=0.0, k=1.0)
    with pytest.raises(ConfigError, match="time_left"):
        avellaneda_stoikov(0.0, -1.0, PAPER, 0.1)
