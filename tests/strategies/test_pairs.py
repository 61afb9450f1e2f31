"""Experts on two instruments: decisions worked by hand, and profit in the world of two legs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from halfspread.costs import Costs, Fees, Funding, HalfSpread
from halfspread.datafeeds.synthetic.two_legs import TwoLegs
from halfspread.datafeeds.synthetic.world_tapes import world_tape
from halfspread.engine import instruments
from halfspread.engine.result import BacktestResult
from halfspread.engine.sizing import FixedNotional
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError
from halfspread.strategies import Pairs, PairsCarry, Strategy
from tests.engine.worlds import FREE, bars, funding
from tests.engine.worlds import tape as one_leg
from tests.strategies.events import MODES, run, run_twins

CHARGED = Costs(half_spread=HalfSpread.none(), fees=Fees.none(), funding=Funding.published())
ONE = instruments.linear("ONE", multiplier=1.0, lot=1.0, tick=0.5)
TWO = instruments.linear("TWO", multiplier=1.0, lot=1.0, tick=0.5)


def legs(one: list[float], two: list[float], rates: tuple[dict[int, float], dict[int, float]] | None = None) -> Tape:
    feeds = []
    for k, (closes, instrument) in enumerate(((one, ONE), (two, TWO))):
        more: dict[str, Any] = {} if rates is None else {"funding": funding(rates[k])}
        feeds.append(Tape.from_bars(bars(closes), instrument, interval=3600, **more))
    return Tape.join(*feeds)


def decisions(agent: Strategy, tape: Tape, mode: str, costs: Costs = FREE) -> list[tuple[float, float]]:
    """Targets in force after every bar."""
    curve = run(tape, agent, costs, mode, fill="this_close").curve
    return [(a / 1000, b / 1000) for a, b in zip(curve["position_ONE"], curve["position_TWO"], strict=True)]


# Settlements every 8 hours. Differences of the rates, first less second: 0, 0.002, 0.0004, -0.002, 0.
RATES = (
    {0: 0.0, 8: 0.003, 16: 0.0005, 24: 0.0, 32: 0.0},
    {0: 0.0, 8: 0.001, 16: 0.0001, 24: 0.002, 32: 0.0},
)


@pytest.mark.parametrize("mode", MODES)
def test_carry_is_short_where_more_is_paid_and_leaves_within_the_exit(mode: str) -> None:
    tape = legs([100.0] * 35, [100.0] * 35, RATES)
    short_first, long_first, flat = (-1.0, 1.0), (1.0, -1.0), (0.0, 0.0)
    found = decisions(PairsCarry(entry=1e-3, exit=3e-4, smoothing=1), tape, mode, CHARGED)
    assert found == [flat] * 7 + [short_first] * 16 + [long_first] * 8 + [flat] * 4
    found = decisions(PairsCarry(entry=1e-3, exit=5e-4, smoothing=1), tape, mode, CHARGED)
    assert found == [flat] * 7 + [short_first] * 8 + [flat] * 8 + [long_first] * 8 + [flat] * 4


@pytest.mark.parametrize("mode", MODES)
def test_carry_averages_the_difference_exponentially(mode: str) -> None:
    # weight 0.5: 0, 0.001, 0.0007, -0.00065, -0.000325
    tape = legs([100.0] * 35, [100.0] * 35, RATES)
    found = decisions(PairsCarry(entry=9e-4, exit=4e-4, smoothing=3), tape, mode, CHARGED)
    assert found == [(0.0, 0.0)] * 7 + [(-1.0, 1.0)] * 16 + [(0.0, 0.0)] * 12


@pytest.mark.parametrize("mode", MODES)
def test_carry_by_the_basis_decides_at_every_bar(mode: str) -> None:
    one = [100.0, 102.0, 101.0, 100.0, 98.0, 99.6, 100.5]
    found = decisions(PairsCarry(signal="basis", entry=0.015, exit=0.005, smoothing=1), legs(one, [100.0] * 7), mode)
    short_first, long_first, flat = (-1.0, 1.0), (1.0, -1.0), (0.0, 0.0)
    assert found == [flat, short_first, short_first, flat, long_first, flat, flat]


@pytest.mark.parametrize("mode", MODES)
def test_carry_without_rates_does_nothing(mode: str) -> None:
    assert decisions(PairsCarry(), legs([100.0] * 4, [100.0] * 4), mode) == [(0.0, 0.0)] * 4


@pytest.mark.parametrize("mode", MODES)
def test_pairs_enters_outside_and_leaves_at_the_mean(mode: str) -> None:
    # Second leg at 1: s is the logarithm of the first. Logs 0 0 0 3: mean 0.75, deviation 1.299, 3 is 1.73 of them
    # above; then 0 0 3 1: mean 1, at the mean; 0 3 1 -2: mean 0.5, deviation 1.803, 1.39 of them below; 3 1 -2 0: mean
    # 0.5, 0 is below it still; 1 -2 0 0: mean -0.25, above.
    one = [math.exp(each) for each in (0.0, 0.0, 0.0, 3.0, 1.0, -2.0, 0.0, 0.0)]
    found = decisions(Pairs(window=4, entry=1.2), legs(one, [1.0] * 8), mode)
    short_first, long_first, flat = (-1.0, 1.0), (1.0, -1.0), (0.0, 0.0)
    assert found == [flat, flat, flat, short_first, flat, long_first, long_first, flat]


@pytest.mark.parametrize("mode", MODES)
def test_pairs_holds_beta_of_the_second(mode: str) -> None:
    two = [100.0, 121.0, 110.0, 130.0, 90.0, 100.0]
    one = [10.0 * math.sqrt(each / 100.0) for each in two]
    one[3] *= 1.2
    found = decisions(Pairs(window=4, entry=1.5, beta=0.5), legs(one, two), mode)
    assert found[3] == (-1.0, 0.5)  # in step with half of the second but for the fourth bar


WORLD = TwoLegs(bars=3 * 365 * 24)


def world_run(agent: Strategy, costs: Costs, twins: bool = False, seed: int = 2, **more: Any) -> BacktestResult:
    tape = Tape.join(*(world_tape(leg) for leg in WORLD.market(np.random.default_rng(seed))))
    act = run_twins if twins else run
    sizing = FixedNotional(10_000.0, resize="always")
    return act(tape, agent, costs, sizing=sizing, report_currency="USD", capital=20_000.0, **more)


def test_carry_earns_what_the_world_promises_for_each_settlement() -> None:
    result = world_run(PairsCarry(), CHARGED)
    settlements = 3 * 365 * 3
    promised = WORLD.expected_carry() * 10_000.0 * settlements
    assert promised > 1_500.0
    # The mean rate of a settlement has a known expectation; its sample mean over three years stays within 3 %.
    assert result.attribution["funding"] == pytest.approx(promised, rel=0.03)
    held = result.curve[["position_INVERSE", "position_LINEAR"]].iloc[1000:]
    assert (held["position_INVERSE"] < 0.0).mean() > 0.98
    assert (held["position_LINEAR"] > 0.0).mean() > 0.98
    # Equal values: what the price does to one leg it undoes to the other.
    assert abs(result.attribution_by_instrument["custom:LINEAR"]["price"]) > promised
    assert abs(result.attribution["price"]) < 0.02 * promised


@pytest.mark.parametrize(
    "agent",
    [
        PairsCarry(entry=6e-4, exit=2e-4),
        PairsCarry(signal="basis", entry=1.2e-3, exit=4e-4),
        Pairs(window=48, entry=1.5, exit=0.5),
        Pairs(window=48, beta=0.9),
    ],
)
def test_both_forms_do_the_same(agent: Strategy) -> None:
    world = TwoLegs(bars=2_000).market(np.random.default_rng(6))
    tape = Tape.join(*map(world_tape, world))
    result = run_twins(tape, agent, CHARGED, sizing=FixedNotional(10_000.0), report_currency="USD")
    assert len(result.fill_records) > 10


def test_reversion_of_the_basis_is_earned_before_costs_and_not_where_there_is_none() -> None:
    agent = Pairs(window=72, entry=1.5)
    world = TwoLegs(bars=10_000, inverse_basis=0.0)
    noise = TwoLegs(bars=10_000, inverse_basis=0.0, basis_half_life=1e6)
    found = []
    for each in (world, noise):
        tape = Tape.join(*map(world_tape, each.market(np.random.default_rng(4))))
        result = run(tape, agent, FREE, sizing=FixedNotional(10_000.0), report_currency="USD")
        found.append(result.attribution["price"])
    assert found[0] > 500.0
    assert abs(found[1]) < 0.3 * found[0]


def test_parameters_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"PairsCarry: exit: expected at most entry 0\.001, got 0\.002"):
        PairsCarry(entry=0.001, exit=0.002)
    with pytest.raises(ConfigError, match="Pairs: exit: expected at most entry 1, got 2"):
        Pairs(entry=1.0, exit=2.0)
    for agent in (Pairs(), PairsCarry()):
        with pytest.raises(ConfigError, match="trades two instruments, and the tape holds 1: UNIT"):
            run(one_leg([1.0, 2.0]), agent, FREE)
