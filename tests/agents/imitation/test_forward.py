"""Forward training: a policy for each span of time, learnt where the ones before it lead, run by the engine."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

import halfspread as hs
from halfspread.agents.features import FeatureSet
from halfspread.agents.imitation.cloning import CloneSettings, clone
from halfspread.agents.imitation.dataset import ExpertDataset
from halfspread.agents.imitation.forward import ForwardPolicy, ForwardTrainer, Spans
from halfspread.agents.imitation.judging import disagreement
from halfspread.agents.imitation.rollout import EXPERT, LEARNER, Episode
from halfspread.agents.imitation.task import Task
from halfspread.agents.policies.model import TrainingRange
from halfspread.agents.worlds.world import world
from halfspread.engine.audit import audit
from halfspread.errors import ConfigError

WORLD = world("deadline")
SPANS = Spans("column(left)", (0.2, 0.4, 0.6, 0.8), falling=True)
SETTINGS = CloneSettings(
    hidden=(16, 16), epochs=15, batch=64, rate=1e-2, validation=0.0, calibrate=False, targets=WORLD.targets
)


def test_spans_by_hand() -> None:
    rising = Spans("age", (10.0, 20.0))
    assert [rising.of(value) for value in (0.0, 9.9, 10.0, 19.0, 20.0, 99.0)] == [0, 0, 1, 1, 2, 2]
    falling = Spans("left", (0.25, 0.5), falling=True)
    assert [falling.of(value) for value in (1.0, 0.5, 0.4, 0.25, 0.1, 0.0)] == [0, 0, 1, 1, 2, 2]
    assert rising.count == falling.count == 3


@pytest.mark.parametrize("edges", [(), (2.0, 1.0), (1.0, 1.0)])
def test_edges_that_do_not_rise_are_refused(edges: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match="expected edges that rise"):
        Spans("age", edges)


def test_a_feature_that_is_not_looked_at_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"age is not among the features; there are column\(signal\)"):
        ForwardTrainer(WORLD.task(0), SETTINGS, Spans("age", (1.0,)))


@pytest.fixture(scope="module")
def trainer() -> ForwardTrainer:
    made = ForwardTrainer(WORLD.task(0), SETTINGS, SPANS, rollouts=12, trained=(TrainingRange("WORLD", 0, 1, "x"),))
    made.train()
    return made


def test_labels_are_those_of_the_span_that_is_learnt(trainer: ForwardTrainer) -> None:
    assert len(trainer.parts) == SPANS.count
    assert trainer.labels == 12 * WORLD.market.bars  # each span once in each of its own rollouts


def test_each_span_is_shown_by_the_expert_where_the_policies_before_it_led(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Episode] = []
    real = Task.roll_out

    def noting(self: Task, *given: Any, **named: Any) -> Episode:
        seen.append(real(self, *given, **named))
        return seen[-1]

    monkeypatch.setattr(Task, "roll_out", noting)
    made = ForwardTrainer(WORLD.task(0), SETTINGS, SPANS, rollouts=2)
    policy = made.train()
    for i, episode in enumerate(seen):
        span = np.array([SPANS.of(value) for value in episode.observations[:, 1]])
        assert (episode.actors[span < i // 2] == LEARNER).all()
        assert (episode.actors[span >= i // 2] == EXPERT).all()
        chosen = [policy.choose(row) for row in episode.observations[span < i // 2]]
        assert episode.executed[span < i // 2].tolist() == chosen


def test_it_runs_in_the_engine_as_it_was_judged(trainer: ForwardTrainer) -> None:
    policy = trainer.policy
    tape = WORLD.tape(99)
    result = hs.backtest(
        tape, policy, WORLD.costs, sizing=hs.FixedContracts(1), fill="this_close", margin=hs.Margin.none()
    )
    task = dataclasses.replace(WORLD.task(0), fresh=lambda _: tape)
    assert result.pnl == task.judge(0, policy.choose).result.pnl
    assert len(result.fills) > 0
    assert policy.trained == (TrainingRange("WORLD", 0, 1, "x"),)
    assert policy.lookback == 0


def test_it_does_not_look_ahead(trainer: ForwardTrainer) -> None:
    found = audit(WORLD.tape(98), lambda: trainer.policy, WORLD.costs, sizing=hs.FixedContracts(1))
    assert found.passed, found


def test_its_regret_is_not_above_that_of_cloning_at_equal_labels() -> None:
    """Steps of disagreement in an episode; paired by seed."""
    regrets = []
    for seed in range(4):
        task = WORLD.task(seed)
        rows = ExpertDataset.of([task.roll_out(i) for i in range(24)], WORLD.features)
        cloned = clone(rows, SETTINGS, np.random.default_rng(seed)).model
        forward = ForwardTrainer(task, SETTINGS, SPANS, rollouts=24).train().choose
        regrets.append([disagreement([task.judge(j, each) for j in range(20)]) for each in (cloned, forward)])
    bc, forward_regret = np.mean(regrets, axis=0)
    assert forward_regret <= bc


def test_a_span_in_which_one_thing_is_wanted_has_that() -> None:
    features = FeatureSet(("column(left)",))
    policy = ForwardPolicy(features, Spans("column(left)", (0.5,), falling=True), [-0.5, -1.0])
    assert policy.choose(np.array([0.9])) == -0.5
    assert policy.choose(np.array([0.1])) == -1.0
    assert ForwardPolicy(features, policy.spans, [-0.5]).choose(np.array([0.1])) is None


def test_edges_that_no_rollout_comes_to_are_refused_and_what_is_learnt_is_kept() -> None:
    made = ForwardTrainer(WORLD.task(0), SETTINGS, Spans("column(left)", (-2.0, -1.0), falling=True), rollouts=2)
    with pytest.raises(ConfigError, match=r"span 1; the 1 before it are kept: no rollout comes to it: .* from 0 to 1"):
        made.train()
    assert len(made.parts) == 1


def test_no_rollouts_and_other_heads_are_refused() -> None:
    with pytest.raises(ConfigError, match="at least one rollout"):
        ForwardTrainer(WORLD.task(0), SETTINGS, SPANS, rollouts=0)
    with pytest.raises(ConfigError, match="softmax head"):
        ForwardTrainer(WORLD.task(0), SETTINGS.model_copy(update={"head": "squared"}), SPANS)
