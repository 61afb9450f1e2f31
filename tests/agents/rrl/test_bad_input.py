"""What is not finite, or not there: what is left out, what is learnt from it, and what is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfspread.agents.reservoir.reservoir import ReservoirSettings
from halfspread.agents.rrl import esn_records as mine
from halfspread.agents.rrl import records as at
from halfspread.agents.rrl.esn_rrl import EsnRrl, RiskAppetite
from halfspread.agents.rrl.esn_rrl_kernels import decide_once
from halfspread.agents.rrl.online_trader import Gate
from halfspread.errors import ConfigError
from tests.agents.rrl.esn_worlds import World, esn, furthest, slow_run, state_of
from tests.agents.rrl.worlds import prepared, run


def with_holes(world: World, holes: dict[int, float]) -> World:
    """The world where the second feature is not finite at some bars."""
    features = world.features.copy()
    for bar, value in holes.items():
        features[bar, 1] = value
    return replace(world, features=features)


@settings(max_examples=10)
@given(
    st.dictionaries(st.integers(0, 119), st.sampled_from([np.nan, np.inf, -np.inf]), max_size=8),
    st.sampled_from(["paper", "exact"]),
    st.booleans(),
    st.sampled_from(["carry", "reset"]),
)
def test_a_decision_without_all_its_features_is_left_out_and_the_next_one_spans_it(
    holes: dict[int, float], gradient: str, gaps: bool, on_gap: str
) -> None:
    world = with_holes(World.drawn(120, seed=1, gaps=gaps), holes)
    agent = esn(gradient=gradient, on_gap=on_gap)
    run(world.tape(), agent, world.costs)
    slow, _ = slow_run(world, agent)
    assert furthest(agent, slow)[0] < 1e-12
    counts = agent.counts()
    assert counts["decisions_skipped"] == len(holes)
    assert counts["updates"] == 120 - len(holes)
    assert all(np.isfinite(value).all() for value in state_of(agent).values())


def test_what_was_left_out_is_told_of() -> None:
    world, agent = with_holes(World.drawn(300, gaps=True), {5: np.nan, 6: np.inf}), esn(on_gap="reset")
    result = run(world.tape(), agent, world.costs)
    gaps = int((world.missing > 0).sum())
    assert gaps > 0
    text = " ".join(result.warnings)
    assert "2 decisions were left out: a feature or the price was not finite; the position stayed" in text
    assert f"{gaps} gaps, after which the agent began anew (on_gap)" in text
    assert result.counts["decisions_skipped"] == 2
    assert result.counts["gaps_met"] == result.counts["resets_at_gaps"] == gaps


def test_the_position_is_kept_where_no_decision_is_made() -> None:
    world = World.drawn(40)
    holes = dict.fromkeys(range(20, 30), np.nan)
    result = run(with_holes(world, holes).tape(), esn(gate=Gate(kind="none")), world.costs)
    times = result.fills["time"].astype("int64").to_numpy()
    closes = world.opened + 300 * 10**9
    assert not np.isin(closes[20:30], times).any()
    assert np.isin(closes[:20], times).sum() > 5
    assert np.isin(closes[30:], times).sum() > 5


@settings(max_examples=12)
@given(
    st.sampled_from(["move", "cost", "carry"]), st.sampled_from([np.nan, np.inf, -np.inf]), st.integers(1, 29),
    st.sampled_from(["paper", "recursive", "lags", "exact"]),
)  # fmt: skip
def test_nothing_is_learnt_from_a_reward_that_is_not_finite(term: str, bad: float, when: int, gradient: Any) -> None:
    agent = EsnRrl(
        features=("log_return(1)", "log_return(2)"), reservoir=ReservoirSettings(size=6), feedback=3, gradient=gradient
    )
    memory, rng = prepared(agent), np.random.default_rng(0)
    places: Any = memory[: at.HEADER].view(np.int64)
    numbers = memory[places[at.NUMBERS] :][: at.NUMBERS_KEPT]
    learnt = slice(places[mine.COVARIANCE], places[mine.LAST]), slice(places[mine.WEIGHTS], places[mine.TRACE])
    for t in range(30):
        terms = {"move": rng.normal(), "cost": 0.05, "carry": 0.01 * rng.normal()}
        inputs = rng.standard_normal(2)
        before = [memory[part].copy() for part in learnt[1:]]
        kept = numbers[[at.MEAN, at.VARIANCE, at.SHADOW_MEAN, mine.PENDING]].copy()
        if t == when:
            terms[term] = bad
        decide_once(memory, inputs, **terms)
        if t == when:
            after = [memory[part] for part in learnt[1:]]
            assert all((a == b).all() for a, b in zip(before, after, strict=True))
            assert (numbers[[at.MEAN, at.VARIANCE, at.SHADOW_MEAN, mine.PENDING]] == kept).all()
            assert places[at.SKIPPED] == 1
    assert places[at.UPDATES] == 29
    assert all(np.isfinite(memory[part]).all() for part in learnt)
    z = memory[places[at.INPUT] :][: agent.width]
    assert np.isfinite(z).all()


def test_a_gradient_too_large_for_a_number_is_counted_and_the_agent_goes_on() -> None:
    agent = EsnRrl(features=(), reservoir="none", feedback=0)
    memory = prepared(agent)
    places: Any = memory[: at.HEADER].view(np.int64)
    decide_once(memory, np.zeros(0), 0.0, 1.0, 0.0)
    decide_once(memory, np.zeros(0), 1e200, 1.0, 0.0)  # held: 0, so that the reward is finite and the gradient large
    assert (places[at.UPDATES], places[at.SKIPPED]) == (1, 1)
    for move in (1.0, 1e200, -1.0, 1.0):
        wanted = decide_once(memory, np.zeros(0), move, 1.0, 0.0)
        assert np.isfinite(wanted)
    assert places[at.SKIPPED] >= 1
    assert np.isfinite(memory[places[mine.WEIGHTS] : places[mine.TRACE]]).all()


@pytest.mark.parametrize(
    ("settings_given", "message"),
    [
        ({"reservoir": {"radius": 1.0}}, "radius: expected less than 1 with the paper's construction"),
        ({"reservoir": {"size": 0}}, "EsnRrl: reservoir.size: expected greater than or equal to 1, got 0$"),
        ({"reservoir": "nothing"}, "none"),
        ({"risk_appetite": {}}, "expected either value or information_ratio"),
        ({"risk_appetite": {"value": 1.0, "information_ratio": 1.0}}, "expected either value or information_ratio"),
        ({"feedback": 1_001}, "feedback: expected less than or equal to 1000"),
        ({"clip": 0.0}, "clip"),
        ({"clip": 1.5}, "clip"),
        ({"decay": 1.0}, "decay"),
        ({"update": {"ridge": 0.0}}, "ridge"),
        ({"update": {"decay": 1.5}}, "decay"),
        ({"gate": {"every": 0}}, "every"),
        ({"gate": {"decay": 1.0}}, "decay"),
        ({"gradient": "full"}, "gradient"),
        ({"features": ("nothing",)}, "nothing"),
        ({"units": "euro"}, "units"),
        ({"decides_on": ("timer",)}, 'decides_on = \\["timer"\\] and interval = "1m"'),
        ({"interval": "1m"}, "interval, the time between decisions on a timer"),
        ({"decides_on": ()}, "decides_on"),
    ],
)
def test_settings_that_cannot_be_are_refused_with_their_name(settings_given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        EsnRrl(**settings_given)


def test_a_reservoir_that_fails_the_test_of_echo_states_stops_the_run_before_it_begins() -> None:
    world = World.drawn(10)
    lasting = ReservoirSettings(size=30, radius=3.0, construction="rescaled", input_scale=0.01, feedback_scale=0.01)
    with pytest.raises(ConfigError, match="echo state"):
        run(world.tape(), esn(reservoir=lasting), world.costs)


def test_an_instrument_that_is_not_there_is_refused() -> None:
    world = World.drawn(10)
    with pytest.raises(ConfigError, match="instrument: the tape has 1, numbered from 0, got 1"):
        run(world.tape(), esn(instrument=1), world.costs)


def test_a_risk_appetite_from_a_ratio_is_that_at_which_the_ratio_is_best() -> None:
    # d/ds (ratio s - appetite / 2 s^2) = 0, neither of them annual
    agent = esn(risk_appetite=RiskAppetite(information_ratio=2.0))
    world = World.drawn(200)
    run(world.tape(), agent, world.costs)
    slow, _ = slow_run(world, agent)
    deviation = float(np.sqrt(slow.variance))
    by_bar = 2.0 * np.sqrt(300.0 / (365 * 86_400))
    assert slow.risk(300 * 10**9) == pytest.approx(by_bar / deviation)
