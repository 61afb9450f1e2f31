"""Worlds to learn in: the yardstick of the imitation brief step by step, and what makes each of the others itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import halfspread as hs
from halfspread.agents.imitation.cloning import CloneSettings, clone
from halfspread.agents.imitation.dataset import ExpertDataset
from halfspread.agents.imitation.rollout import LEARNER, roll_out
from halfspread.agents.policies.policy import Policy
from halfspread.agents.worlds.signal_market import DeadlineMarket, ExposureMarket, SignalMarket, price_bars
from halfspread.agents.worlds.world import CAPITAL, COST, WORLDS, LearningWorld, world
from halfspread.engine.tape import Tape
from halfspread.engine.training import training_range
from halfspread.errors import ConfigError

STEPS = 2000


@dataclass
class Steps:
    """What the yardstick sees, labels and earns at each step."""

    states: list[list[float]]
    labels: list[float]
    pnl: list[float]  # before each decision


def yardstick(innovations: Any, noises: Any, actions: Any) -> Steps:
    """The position-feedback world of the brief, written anew in plain Python. ``actions[t]``: what is done at step t;
    NaN: what the expert wants."""
    found = Steps([], [], [])
    signal = moved = pnl = 0.0
    position, age, rest = 0.0, 0, 0
    for innovation, noise, action in zip(innovations.tolist(), noises.tolist(), actions.tolist(), strict=True):
        signal = 0.95 * signal + 0.35 * innovation
        if position == 0.0:
            free = rest == 0 and abs(signal) > 1.0
            wanted = math.copysign(1.0, signal) if free else 0.0
        else:
            leaves = moved < -2.0 or age >= 40 or position * signal < -0.2
            wanted = 0.0 if leaves else position
        found.states.append([signal, position, moved, age, rest])
        found.labels.append(wanted)
        found.pnl.append(pnl)
        done = wanted if math.isnan(action) else action
        if done != position:
            pnl -= 0.1 * abs(done - position)
            moved, age = 0.0, 0
            if done == 0.0:
                rest = 10
        if done != 0.0:
            age += 1
        rest, position = max(0, rest - 1), done
        earned = position * (0.04 * signal + 0.6 * noise)
        moved, pnl = moved + earned, pnl + earned
    return found


def replay(innovations: Any, noises: Any, actions: Any) -> Any:
    """The same through the engine, and the equity at each decision, before it."""
    made = world("position_feedback")
    market = made.market
    tape = Tape.from_bars(market.table_of(innovations, noises), market.instrument, extra=("signal",))
    script = iter(actions.tolist())

    def learner(_: Any) -> float | None:
        action = next(script)
        return None if math.isnan(action) else action

    options = {**made.options, "keep_curve": True}
    return roll_out(tape, made.expert, made.features, made.costs, learner=learner, beta=0.0, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("acting", ["expert", "anybody", "mixed"])
def test_a_replay_is_the_yardstick_step_by_step(acting: str) -> None:
    rng = np.random.default_rng(11)
    innovations, noises = rng.standard_normal((2, STEPS))
    actions = rng.choice([-1.0, 0.0, 1.0], STEPS)
    if acting == "anybody":  # for a while each, so that stops and time stops come about
        actions = actions[np.arange(STEPS) // 60]
    alone = {"expert": 1.0, "anybody": 0.0, "mixed": 0.9}[acting]
    actions = np.where(rng.random(STEPS) < alone, np.nan, actions)
    wanted = yardstick(innovations, noises, actions)
    found = replay(innovations, noises, actions)
    np.testing.assert_allclose(found.observations, wanted.states, rtol=0.0, atol=1e-8)
    np.testing.assert_array_equal(found.observations[:, [1, 3, 4]], np.array(wanted.states)[:, [1, 3, 4]])
    np.testing.assert_array_equal(found.expert, wanted.labels)
    done = np.where(np.isnan(actions), wanted.labels, actions)
    np.testing.assert_array_equal(found.executed, done)
    costs = COST * np.abs(np.diff(done, prepend=0.0))
    np.testing.assert_allclose(found.result.curve_values[:, 0] - CAPITAL + costs, wanted.pnl, rtol=0.0, atol=1e-7)


def test_the_replay_sees_every_rule_of_the_expert_at_work() -> None:
    """The parity above would say little about rules that never apply."""
    rng = np.random.default_rng(11)
    innovations, noises = rng.standard_normal((2, STEPS))
    found = yardstick(innovations, noises, np.full(STEPS, np.nan))
    states, labels = np.array(found.states), np.array(found.labels)
    held = states[:, 1] != 0.0
    left = held & (labels == 0.0)
    assert (left & (states[:, 2] < -2.0)).sum() > 5
    assert (left & (states[:, 3] >= 40)).sum() > 2
    assert (left & (states[:, 1] * states[:, 0] < -0.2)).sum() > 2
    assert (~held & (states[:, 4] > 0) & (np.abs(states[:, 0]) > 1.0)).sum() > 20


def test_a_rollout_gives_as_many_labels_as_the_market_has_bars() -> None:
    made = world("position_feedback")
    assert len(made.task(0).roll_out(0).times) == made.market.bars == STEPS


@pytest.mark.parametrize("name", WORLDS)
def test_the_expert_acts_in_every_world_and_the_same_number_gives_the_same_market(name: str) -> None:
    made = world(name)
    task = made.task(3)
    episode, again = task.roll_out(1), task.roll_out(1)
    assert episode.observations.tobytes() == again.observations.tobytes()
    assert task.markets(1).hash() != task.markets(2).hash() != task.fresh(2).hash() != made.task(4).fresh(2).hash()
    assert set(np.unique(episode.expert)) <= set(made.targets)
    assert len(set(episode.expert)) > 2
    np.testing.assert_array_equal(episode.expert, episode.executed)


def test_in_the_easy_world_actions_change_nothing_that_is_seen() -> None:
    made = world("easy")
    task = made.task(0)
    other = task.roll_out(0, lambda _: 1.0, 0.0)
    own = task.roll_out(0)
    assert (other.actors == LEARNER).all()
    np.testing.assert_array_equal(own.observations, other.observations)
    np.testing.assert_array_equal(own.expert, other.expert)
    assert made.features.own == ()


def test_in_position_feedback_actions_change_what_is_seen_and_wanted() -> None:
    task = world("position_feedback").task(0)
    own, other = task.roll_out(0), task.roll_out(0, lambda _: 1.0, 0.0)
    assert not np.array_equal(own.observations[:, 1:], other.observations[:, 1:])
    assert (own.expert != other.expert).any()


def test_the_privileged_expert_sees_what_the_learner_does_not() -> None:
    made = world("privileged")
    assert "column(exposure)" not in made.features.names
    table = made.market.table(np.random.default_rng(0))
    episode = roll_out(
        made.market.tape(np.random.default_rng(0)), made.expert, made.features, made.costs, **made.options
    )
    np.testing.assert_array_equal(episode.expert, table["exposure"])
    reports = {name: table[name] for name in ("moved", "balance")}
    assert np.corrcoef(reports["balance"], table["exposure"])[0, 1] > 0.5
    assert (np.abs(np.diff(table["exposure"])) <= 1.0 / made.market.rungs + 1e-12).all()
    moved = np.diff(table["exposure"], prepend=0.0) * made.market.rungs
    assert np.std(reports["moved"] - moved) == pytest.approx(made.market.blur, rel=0.1)


def test_the_deadline_expert_is_through_in_time_and_never_buys() -> None:
    task = world("deadline").task(5)
    for number in range(20):
        episode = task.roll_out(number)
        assert episode.executed[-1] == -1.0
        assert (np.diff(episode.executed) <= 0.0).all()
        left, sold = episode.observations[:, 1], -episode.executed
        assert (1.0 - sold <= left + 0.25 + 1e-12).all()
    assert task.roll_out(3, lambda _: 0.0, 0.0).expert[-1] == -1.0  # whoever is late is told to sell everything


def test_a_market_draws_prices_that_follow_its_columns() -> None:
    market = SignalMarket(bars=5, drift=0.5, noise=0.0, innovation=1.0, persistence=0.5)
    table = market.table_of(np.array([1.0, 0.0, 0.0, 0.0, 0.0]), np.zeros(5))
    np.testing.assert_allclose(table["signal"], [1.0, 0.5, 0.25, 0.125, 0.0625])
    np.testing.assert_allclose(table["close"] - 10_000.0, [0.0, 0.5, 0.75, 0.875, 0.9375])
    np.testing.assert_array_equal(table["open"][1:], table["close"][:-1])
    bars = price_bars(np.array([-2.0, 1.0, 7.0]), 100.0)
    assert bars["close"].tolist() == [100.0, 98.0, 99.0]
    assert bars["low"].tolist() == [100.0, 98.0, 98.0]


def test_time_left_goes_from_one_to_zero() -> None:
    left = DeadlineMarket(bars=5).table(np.random.default_rng(0))["left"]
    assert left.tolist() == [1.0, 0.75, 0.5, 0.25, 0.0]


def test_levels_are_the_ladder() -> None:
    assert ExposureMarket(rungs=2).levels == (-1.0, -0.5, 0.0, 0.5, 1.0)


def test_an_expert_of_a_column_that_is_not_there_is_refused() -> None:
    made = world("easy")
    tape = ExposureMarket(bars=50).tape(np.random.default_rng(0))
    with pytest.raises(ConfigError, match=r"no column 'signal' in the bars; there are .*balance"):
        hs.backtest(tape, made.expert, made.costs, sizing=hs.FixedContracts(1))


def test_a_world_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match="no world 'eazy'; there are easy, position_feedback"):
        world("eazy")


def test_a_world_may_have_another_market() -> None:
    longer = world("easy").with_market(bars=100)
    assert isinstance(longer, LearningWorld)
    assert len(longer.task(0).roll_out(0).times) == 100
    with pytest.raises(ConfigError):
        world("easy").with_market(bars=1)


def test_a_policy_may_run_on_another_market_of_its_world_and_not_on_its_own() -> None:
    """All markets of a world have the same dates: what was seen is told by the rows."""
    made = world("easy")
    task = made.task(0)
    seen = training_range(task.markets(0))
    rows = ExpertDataset.of([task.roll_out(0)], made.features, trained=seen)
    policy = Policy.of(clone(rows, CloneSettings(hidden=(8,), epochs=1), np.random.default_rng(0)).model)
    assert hs.backtest(task.fresh(0), policy, made.costs, sizing=hs.FixedContracts(1)).bars == STEPS
    with pytest.raises(ConfigError, match="WORLD"):
        hs.backtest(task.markets(0), policy, made.costs, sizing=hs.FixedContracts(1))
