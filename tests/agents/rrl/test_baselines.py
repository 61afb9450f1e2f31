"""The baselines of the family as configs name them: with a bias alone, without a reservoir, and buy and hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from halfspread.configs.agents import BUILT_IN, build_agent
from halfspread.configs.model import AgentConfig
from halfspread.strategies import BuyAndHold
from tests.agents.rrl.worlds import autoregressive, market, paying, run

BASELINES: dict[str, dict[str, Any]] = {
    "gated_constant": {},
    "rrl": {"features": ["momentum(2)"]},
    "esn_sarsa": {"features": ["momentum(2)"], "reservoir": {"size": 20}},
    "esn_rrl": {"features": ["momentum(2)"], "reservoir": {"size": 20}},
}


def made(kind: str, **parameters: Any) -> Any:
    return build_agent(AgentConfig(type=kind, **parameters), Path())


@pytest.mark.parametrize("kind", BASELINES)
def test_a_config_names_it_and_it_runs_and_tells_of_itself(kind: str) -> None:
    agent = made(kind, **BASELINES[kind])
    found = run(market(autoregressive(600)), agent, paying(1e-4))
    assert kind in BUILT_IN
    assert np.isfinite(found.total_return)
    assert len(found.fills) > 0
    assert agent.describe()
    assert agent.counts()["decisions_skipped"] == 0
    assert agent.warnings() == []


@pytest.mark.parametrize("kind", ["rrl", "esn_sarsa", "esn_rrl"])
def test_with_a_bias_alone_it_learns_which_way_the_market_goes(kind: str) -> None:
    """What it holds at the end, over five markets each way: the side of the drift."""
    reservoir = {} if kind == "rrl" else {"reservoir": "none"}
    for way in (1.0, -1.0):
        sides = []
        for seed in range(5):
            noise = 0.002 * np.random.default_rng(seed).standard_normal(6_000)
            agent = made(kind, features=[], units="percent", gate={"kind": "none"}, **reservoir)
            fills = run(market(noise + way * 5e-4), agent, paying(0.0), seed).fills
            sides.append(np.sign(fills["position_after"].iloc[-1]) * way)
        assert np.mean(sides) > 0.5


def test_features_without_a_reservoir_follow_returns_that_carry_on() -> None:
    tape = market(autoregressive(20_000))
    agent = made(
        "esn_rrl", features=["momentum(2)"], reservoir="none", feedback=1, units="percent", gate={"kind": "none"}
    )
    assert run(tape, agent, paying(0.0)).total_return > 3.0


def test_an_open_gate_that_never_shuts_is_buy_and_hold() -> None:
    tape = market(np.full(400, 1e-4))
    held = run(tape, made("gated_constant", position=0.99), paying(1e-4))
    assert held.total_return == run(tape, BuyAndHold(position=0.99), paying(1e-4)).total_return
    assert held.total_return > 0.0
