"""What ESN-RRL does in markets with a known answer, and that how it is run changes no bit of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import halfspread as hs
from halfspread.agents.reservoir.reservoir import ReservoirSettings
from halfspread.agents.rrl import records as at
from halfspread.agents.rrl.esn_rrl import EsnRrl
from halfspread.agents.rrl.gate_kernels import add_to_gate, through_gate
from halfspread.agents.rrl.online_trader import Gate
from halfspread.agents.rrl.sense_kernels import add_to_moments, reward_of
from halfspread.compiled import kernel
from halfspread.costs import Funding
from halfspread.engine.audit import audit
from halfspread.engine.run import run_backtest
from halfspread.engine.times import HOUR
from tests.agents.rrl.esn_worlds import World, esn
from tests.agents.rrl.worlds import autoregressive, market, paying, run
from tests.engine.worlds import START

BARS = 12_000
OPEN = Gate(kind="none")
FEATURES = ("scaled_return(1, 288)",)
SMALL: dict[str, Any] = {"features": FEATURES, "reservoir": ReservoirSettings(size=20), "feedback": 5}


def turnover(result: Any, agent_bars: int = BARS) -> float:
    """Units of the notional traded in the second half."""
    fills = result.fills
    late = fills["time"].astype("int64") > START + agent_bars // 2 * 300 * 10**9
    return float((fills["contracts"].abs() * fills["price"])[late].sum() * 1e-6 / 1e4)


def test_it_trades_less_the_more_trading_costs() -> None:
    tape = market(autoregressive(BARS, phi=0.2))
    agent = EsnRrl(**SMALL, units="bp", gate=OPEN)
    turnovers, totals = [], []
    for fee in (0.0, 1e-4, 5e-4, 5e-3):
        result = run(tape, agent, paying(fee))
        turnovers.append(turnover(result))
        totals.append(result.total_return)
    assert turnovers[0] > turnovers[1] > turnovers[2] > turnovers[3]
    assert totals[0] > totals[1] > totals[2]
    assert totals[0] > 1.0
    days = BARS / 2 / 288
    assert turnovers[3] / days < 0.5  # at 50 bp it parks


def test_in_relative_units_a_cost_of_50_bp_keeps_the_gate_shut() -> None:
    tape = market(autoregressive(BARS, phi=0.2))
    agent = EsnRrl(**SMALL, units="relative")
    result = run(tape, agent, paying(5e-3))
    assert turnover(result) < 0.01


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("seed", [0, 1])
def test_it_leans_to_the_side_that_constant_funding_pays(side: int, seed: int) -> None:
    count = BARS // 96
    funding = {
        "ts": START + 8 * HOUR * np.arange(1, count + 1),
        "rate": np.full(count, side * 1e-3),
        "interval_h": np.full(count, 8.0),
    }
    returns = autoregressive(BARS, phi=0.0, sigma=0.001, seed=5)
    tape = market(returns - returns.mean(), funding=funding)
    agent = EsnRrl(**SMALL, units="percent", gate=OPEN)
    result = run(tape, agent, paying(5e-4, funding=Funding.published()), seed=seed)
    assert result.attribution["funding"] > 0.0
    assert side * agent.left_behind[agent.places[at.NUMBERS] + at.POSITION] < -0.01


def test_white_noise_with_fees_loses_little() -> None:
    tape = market(autoregressive(BARS, phi=0.0, seed=6))
    result = run(tape, EsnRrl(**SMALL, units="relative", gate=OPEN), paying(5e-4))
    costs = result.attribution["fee"] / 1e4
    assert -0.1 < costs <= 0.0


def test_fed_with_what_is_traded_a_gate_that_shuts_never_opens_again() -> None:
    tape = market(autoregressive(BARS, phi=0.0, seed=7))
    stuck = EsnRrl(**SMALL, units="percent", feed_traded=True)
    shadow = EsnRrl(**SMALL, units="percent")
    run(tape, stuck, paying(5e-4))
    run(tape, shadow, paying(5e-4))
    assert stuck.counts()["gate_changes"] <= 1
    assert stuck.counts()["gate_shut"] > 0.9 * BARS
    assert shadow.counts()["gate_changes"] > 5


@settings(max_examples=8)
@given(st.sampled_from([7, 64, 1_000]), st.sampled_from(["paper", "exact"]), st.booleans())
def test_the_size_of_chunks_changes_no_bit(chunk: int, gradient: Any, gated: bool) -> None:
    world = World.drawn(300, gaps=True)
    gate = Gate(decay=0.9, every=5) if gated else OPEN
    one, other = esn(gradient=gradient, gate=gate), esn(gradient=gradient, gate=gate)
    terms: Any = {"sizing": hs.FixedNotional(1e4), "fill": "this_close", "margin": hs.Margin.none()}
    whole = run_backtest(world.tape(), one, world.costs, **terms)
    parts = run_backtest(world.tape(), other, world.costs, chunk_events=chunk, **terms)
    assert one.left_behind.tobytes() == other.left_behind.tobytes()
    assert whole.fills.equals(parts.fills)


def test_a_run_and_the_same_run_again_give_the_same_bits_whatever_ran_between() -> None:
    world, agent = World.drawn(300), esn()
    first = run(world.tape(), agent, world.costs, seed=1)
    memory = agent.left_behind.copy()
    run(world.tape(), agent, world.costs, seed=2)
    assert agent.left_behind.tobytes() != memory.tobytes()
    again = run(world.tape(), agent, world.costs, seed=1)
    assert agent.left_behind.tobytes() == memory.tobytes()
    assert first.fills.equals(again.fills)


@pytest.mark.parametrize("settings_given", [{}, {"gradient": "exact", "gate": Gate(decay=0.9, every=5)}])
def test_the_agent_does_not_look_ahead(settings_given: dict[str, Any]) -> None:
    world = World.drawn(120, gaps=True)
    terms: Any = {"sizing": hs.FixedNotional(1e4), "margin": hs.Margin.none()}
    found = audit(world.tape(), lambda: esn(**settings_given), world.costs, **terms)
    assert found.passed, found


@kernel
def one_reward(places: Any, numbers: Any, chosen: float) -> float:
    return reward_of(places, numbers, chosen)


@kernel
def moments_of(numbers: Any, rewards: Any, decay: float) -> None:
    for i in range(len(rewards)):
        numbers[at.REWARD] = rewards[i]
        add_to_moments(numbers, decay)


@kernel
def gate_of(places: Any, numbers: Any, wanted: Any, rewards: Any, out: Any) -> None:
    for i in range(len(wanted)):
        places[at.DECISIONS] += 1
        out[i] = through_gate(places, numbers, wanted[i])
        add_to_gate(numbers, rewards[i])


finite = st.floats(-1e3, 1e3)


@given(finite, st.floats(0, 1e3), finite, st.floats(-1, 1), st.floats(-1, 1), st.booleans())
def test_a_reward_is_equation_8(
    move: float, cost: float, carry: float, held: float, chosen: float, on_chosen: bool
) -> None:
    places, numbers = np.zeros(at.HEADER, np.int64), np.zeros(at.NUMBERS_KEPT)
    places[at.CARRY_ON] = at.CHOSEN if on_chosen else at.CARRIED
    numbers[at.MOVE], numbers[at.COST], numbers[at.CARRY], numbers[at.POSITION] = move, cost, carry, held
    expected = move * held - cost * abs(chosen - held) - carry * (chosen if on_chosen else held)
    assert one_reward(places, numbers, chosen) == pytest.approx(expected, rel=1e-12, abs=1e-9)
    numbers[at.COST] = 0.0
    assert one_reward(places, numbers, chosen) >= expected - 1e-9


@given(st.lists(finite, min_size=1, max_size=60), st.floats(0.0, 0.9999))
def test_moments_are_those_of_equation_7_and_a_variance_is_never_below_zero(rewards: list[float], decay: float) -> None:
    numbers = np.zeros(at.NUMBERS_KEPT)
    moments_of(numbers, np.array(rewards), decay)
    weights = (1.0 - decay) * decay ** np.arange(len(rewards))[::-1]
    assert numbers[at.MEAN] == pytest.approx(weights @ rewards, rel=1e-9, abs=1e-9)
    assert numbers[at.VARIANCE] >= 0.0


@given(st.lists(st.tuples(st.floats(-1, 1), finite), min_size=1, max_size=80), st.floats(0.0, 0.999), st.integers(1, 9))
def test_a_gate_lets_all_or_nothing_through_and_changes_only_when_it_is_looked_at(
    steps: list[tuple[float, float]], decay: float, every: int
) -> None:
    places, numbers = np.zeros(at.HEADER, np.int64), np.zeros(at.NUMBERS_KEPT)
    places[at.GATED], places[at.GATE_EVERY], places[at.OPEN], numbers[at.GATE_DECAY] = 1, every, 1, decay
    wanted, rewards = np.array(steps).T.copy()
    out, mean, open_, shut, changes = np.zeros(len(wanted)), 0.0, True, 0, 0
    gate_of(places, numbers, wanted.copy(), rewards.copy(), out)
    for t, (position, reward) in enumerate(steps):
        if t % every == 0:
            changes += open_ != (mean >= 0.0)
            open_ = mean >= 0.0
        shut += not open_
        assert out[t] == (position if open_ else 0.0)
        mean = decay * mean + (1.0 - decay) * reward
    assert places[at.SHUT] == shut
    assert places[at.GATE_CHANGES] == changes
