"""Five years of XBTUSD: the figures that the specification of this agent measured, and its kernel side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from halfspread.agents.features import FeatureSet
from halfspread.agents.policies.watching import observations
from halfspread.agents.rrl.esn_rrl import EsnRrl
from halfspread.configs.build import build_agents, build_tape, run_terms
from halfspread.configs.costs import build_costs
from halfspread.configs.load import load
from halfspread.engine.result import BacktestResult
from halfspread.engine.run import run_backtest
from halfspread.engine.tape import Tape
from halfspread.engine.times import DAY, MINUTE
from halfspread.reports.metrics import metrics
from tests.agents.rrl.esn_worlds import state_of
from tests.agents.rrl.slow_loops import learn

CONFIG = "xbtusd_esn_rrl"
FEE, HALF = 5e-4, 0.25


def run_config(*settings: str) -> tuple[Tape, EsnRrl, BacktestResult]:
    """The config that comes with halfspread, with these settings."""
    loaded = load(CONFIG, settings)
    tape = build_tape(loaded)
    agent: Any = build_agents(loaded)[0].agent
    costs = build_costs(loaded.config.costs, loaded.folder, loaded.places)
    return tape, agent, run_backtest(tape, agent, costs, **run_terms(loaded))


def test_a_constant_alone_under_a_daily_gate_earns_what_the_specification_measured(halfspread_data: Path) -> None:
    # the first day decides on which side it settles: begun a day earlier it loses, so the start is part of the figure
    _, agent, result = run_config("agent.features=[]", "market.start=2017-02-11T00:00:00Z", "agent.warm_up=0")
    found = metrics(result)
    assert agent.counts()["updates"] == 484_992
    assert found["total_return"] == pytest.approx(3.735, abs=0.03)
    assert found["information_ratio"] == pytest.approx(1.42, abs=0.01)


def test_with_features_it_is_the_experiment_of_the_specification_until_rounding_grows(halfspread_data: Path) -> None:
    # 100 days: from about the 270th day on the last bits of a sum decide what it will do (docs/esn_rrl.md)
    tape, agent, _ = run_config("market.end=2017-05-23T00:00:00Z", "seed=3")
    times, rows = observations(tape, FeatureSet(agent.features))
    assert times[0] % DAY == 5 * MINUTE
    close = np.asarray(tape.feeds[0].bars.rows)[-len(rows) :, 3]  # type: ignore[union-attr]
    rates = dict(zip(tape.feeds[0].funding.times.tolist(), tape.feeds[0].funding.rates.tolist(), strict=True))  # type: ignore[union-attr]
    funding = np.array([rates.get(time, 0.0) for time in times.tolist()])
    drawn: Any = agent._drawn
    given = (
        np.column_stack([rows, np.ones(len(rows))]),
        np.diff(close, prepend=close[0]),
        FEE * close + HALF,
        funding * close,
    )
    weights = learn(*given, drawn.w_in, drawn.w, drawn.w_back)
    found = state_of(agent)["weights"]
    assert len(rows) > 28_000
    assert np.abs(weights).max() > 0.1
    assert np.abs(found - weights).max() < 1e-8
