"""The agent in the event loop is the slow one, number by number, after 5,000 decisions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from halfspread.agents.reservoir.reservoir import ReservoirSettings
from halfspread.agents.rrl.esn_rrl import RiskAppetite, WeightUpdate
from halfspread.agents.rrl.online_trader import Gate
from tests.agents.rrl.esn_worlds import FEE, HALF, World, esn, furthest, slow_run, state_of
from tests.agents.rrl.slow_esn_rrl import SlowEsnRrl
from tests.agents.rrl.worlds import FINE, run

DECISIONS = 5_000

OPTIONS: dict[str, dict[str, Any]] = {
    "paper": {},
    "direct": {"gradient": "direct"},
    "recursive": {"gradient": "recursive"},
    "lags": {"gradient": "lags"},
    "exact": {"gradient": "exact"},
    "bp": {"units": "bp"},
    "percent": {"units": "percent"},
    "relative": {"units": "relative"},
    "funding on the position carried": {"funding_on": "carried"},
    "exact utility": {"exact_utility": True, "decay": 0.99, "risk_appetite": RiskAppetite(value=0.1)},
    "not stabilised": {"update": WeightUpdate(stabilise=False), "units": "percent"},
    "fed what is traded": {"feed_traded": True, "gate": Gate(every=7)},
    "no clip": {"clip": 1.0, "units": "bp"},
    "a tight clip": {"clip": 0.2},
    "decay of the moments": {"decay": 0.9},
    "decay of the update": {"update": WeightUpdate(decay=0.9)},
    "ridge": {"update": WeightUpdate(ridge=100.0)},
    "initial weights": {"initial_deviation": 0.1},
    "leak": {"reservoir": ReservoirSettings(size=12, leak=0.3)},
    "leak, exact": {"reservoir": ReservoirSettings(size=12, leak=0.3), "gradient": "exact"},
    "scales": {"reservoir": ReservoirSettings(size=12, input_scale=0.3, feedback_scale=2.0, sparsity=0.2, flips=0.1)},
    "a larger reservoir": {"reservoir": ReservoirSettings(size=61), "feedback": 10},
    "gate decay and frequency": {"gate": Gate(decay=0.99, every=12)},
    "gate at every decision": {"gate": Gate(decay=0.9)},
    "no gate": {"gate": Gate(kind="none")},
    "appetite from a ratio": {"risk_appetite": RiskAppetite(information_ratio=2.0)},
    "no reservoir": {"reservoir": "none"},
    "no feedback": {"feedback": 0},
    "no feedback, exact": {"feedback": 0, "gradient": "exact"},
    "no reservoir, exact": {"reservoir": "none", "gradient": "exact"},
    "neither": {"reservoir": "none", "feedback": 0},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_each_option_ends_where_the_slow_agent_does(name: str) -> None:
    world, agent = World.drawn(DECISIONS), esn(**OPTIONS[name])
    result = run(world.tape(), agent, world.costs, seed=3)
    slow, positions = slow_run(world, agent, seed=3)
    apart, what = furthest(agent, slow)
    assert apart < 1e-10, what
    assert slow.decisions == slow.updates == DECISIONS
    assert np.abs(positions).max() > 1e-4
    before = np.append(0.0, positions[:-1])
    returns = world.close / np.append(world.close[0], world.close[:-1]) - 1.0
    expected = {
        "price": before @ returns,
        "fee": -FEE * np.abs(positions - before).sum(),
        "half_spread": -(HALF / world.close) @ np.abs(positions - before),
        "funding": -before @ world.rates,
    }
    found = {name: value / 1e4 for name, value in result.attribution.items() if name in expected}
    assert found == pytest.approx(expected, rel=2e-3, abs=1e-4)  # the engine does not rebalance where nothing is wanted


@pytest.mark.parametrize("on_gap", ["carry", "reset"])
@pytest.mark.parametrize("gradient", ["paper", "exact"])
def test_gaps_are_carried_over_or_begun_anew_after_as_the_slow_agent_does(on_gap: str, gradient: str) -> None:
    world, agent = World.drawn(2_000, gaps=True), esn(on_gap=on_gap, gradient=gradient, units="percent")
    run(world.tape(), agent, world.costs)
    slow, _ = slow_run(world, agent)
    gaps = int((world.missing > 0).sum())
    assert gaps > 3
    assert furthest(agent, slow)[0] < 1e-10
    counts = agent.counts()
    assert counts["gaps_met"] == gaps
    assert counts["resets_at_gaps"] == (gaps if on_gap == "reset" else 0)


def test_another_seed_draws_another_reservoir_and_the_same_seed_the_same() -> None:
    agent = esn(initial_deviation=0.1)
    slow = SlowEsnRrl(agent, 7)
    agent.reset(np.random.default_rng(7), (FINE,))
    drawn: Any = agent._drawn
    for found, expected in ((drawn.w_in, slow.w_in), (drawn.w, slow.w), (drawn.w_back, slow.w_back)):
        assert np.abs(found - expected).max() < 1e-15
    assert (agent._first == slow.weights).all()
    assert np.abs(SlowEsnRrl(agent, 8).w_in - slow.w_in).max() > 0.1


#: Moments of ten decisions: steps are a hundred times those of the paper's, and positions swing from end to end.
VIOLENT: dict[str, Any] = {
    "reservoir": ReservoirSettings(size=40),
    "feedback": 10,
    "decay": 0.9,
    "risk_appetite": RiskAppetite(value=0.3),
}


def test_rounding_grows_where_steps_are_violent_as_any_small_change_does() -> None:
    # no two ways to round agree for long here: a change of the slow agent's own weights by 1e-13 grows just as much
    world, agent = World.drawn(1_500), esn(**VIOLENT)
    run(world.tape(), agent, world.costs)
    slow, _ = slow_run(world, agent)
    changed, _ = slow_run(world, agent, nudge=(200, 1e-13))
    by_rounding = np.abs(state_of(agent)["weights"] - slow.weights).max()
    by_change = np.abs(changed.weights - slow.weights).max()
    assert by_change > 1e-9
    assert by_rounding < by_change
