"""DAgger: what it collects, how labels are counted, which round is kept; and the faults of Chapter 307, put in."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from halfspread.agents.experts.position_expert import PositionExpert
from halfspread.agents.imitation.cloning import CloneSettings, clone
from halfspread.agents.imitation.dagger import DAggerTrainer
from halfspread.agents.imitation.dataset import ExpertDataset
from halfspread.agents.imitation.judging import Judgement
from halfspread.agents.imitation.rollout import EXPERT, LEARNER, Episode, ExpertFailure, roll_out
from halfspread.agents.imitation.rounds import Round
from halfspread.agents.imitation.schedules import adaptive, constant, exponential, indicator
from halfspread.agents.imitation.task import Task
from halfspread.agents.networks.network import Network
from halfspread.agents.policies.model import Model
from halfspread.engine.market import Market
from halfspread.errors import ConfigError, DataError, StrategyError
from halfspread.strategies.base import Strategy
from tests.agents.imitation import lessons

BARS = 300
SETTINGS = CloneSettings(hidden=(8,), epochs=3, batch=64, validation=0.0, calibrate=False)


def task(expert: Any = None, seed: int = 0, bars: int = BARS) -> Task:
    return Task(
        expert or PositionExpert(),
        lessons.FEATURES,
        lessons.COSTS,
        lessons.OPTIONS,  # type: ignore[arg-type]
        lambda number: lessons.market(1000 * seed + number, bars),
        lambda number: lessons.market(900_000 + number, bars),
        seed,
    )


def bits_of(model: Model) -> bytes:
    assert isinstance(model.network, Network)
    return model.network.parameters.tobytes()


def trained(trainer: DAggerTrainer) -> DAggerTrainer:
    trainer.train()
    return trainer


def rows_of(trainer: DAggerTrainer) -> ExpertDataset:
    assert trainer.dataset is not None
    return trainer.dataset


def check_that_states_are_new(dataset: ExpertDataset) -> None:
    """No row of a later round is one of round 0: Chapter 307 added these again."""
    first = {row.tobytes() for row in dataset.observations[dataset.round == 0]}
    later = [row.tobytes() for row in dataset.observations[dataset.round > 0]]
    assert later
    assert sum(row in first for row in later) < 0.01 * len(later)


def check_that_the_learner_acted(trainer: DAggerTrainer) -> None:
    """With beta 0 what was executed is what the learner of the round before chooses at these states, and the next
    state is what that led to: Chapter 307 computed the mixed action and threw it away."""
    rows = rows_of(trainer)
    for number in range(1, trainer.rounds):
        own = rows.rows(rows.round == number)
        chosen = lessons.TARGETS[trainer.history[number - 1].policy.choices(own)]
        np.testing.assert_array_equal(own.executed, chosen)
        assert (own.actor == LEARNER).all()
        position = lessons.FEATURES.names.index("position")
        same = own.episode[1:] == own.episode[:-1]
        np.testing.assert_array_equal(own.observations[1:, position][same], own.executed[:-1][same])
        assert (own.executed != own.expert).any()


def thrown_away(self: Task, number: int, learner: Any = None, beta: float = 1.0, disturb: Any = None) -> Episode:
    """The mixed action computed and thrown away: the expert acts whatever is asked."""
    return self._run(self.markets(number), [self.seed, 1, number], None, 1.0, disturb)


def duplicated(self: Task, number: int, learner: Any = None, beta: float = 1.0, disturb: Any = None) -> Episode:
    """The first rollout again."""
    return self._run(self.markets(0), [self.seed, 1, 0], None, 1.0, disturb)


def this_close_kept(self: Task, number: int, learner: Any = None, beta: float = 1.0, disturb: Any = None) -> Episode:
    """The learner's action is written down, and the expert's is executed."""
    acted = self._run(self.markets(number), [self.seed, 1, number], None, 1.0, disturb)
    if learner is None:
        return acted
    said = lessons.TARGETS[learner.network.outputs(learner.scaler(acted.observations)).argmax(axis=1)]
    return dataclasses.replace(acted, executed=said, actors=np.full(len(said), LEARNER))


def test_the_learner_acts_and_comes_to_states_of_its_own() -> None:
    trainer = trained(DAggerTrainer(task(), SETTINGS, indicator(), rounds=4, rollouts=2))
    check_that_states_are_new(rows_of(trainer))
    check_that_the_learner_acted(trainer)


@pytest.mark.parametrize("fault", [thrown_away, this_close_kept])
def test_the_check_of_who_acted_finds_the_faults_of_chapter_307(
    fault: Callable[..., Episode], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Task, "roll_out", fault)
    trainer = trained(DAggerTrainer(task(), SETTINGS, indicator(), rounds=3))
    with pytest.raises(AssertionError):
        check_that_the_learner_acted(trainer)


def test_duplicated_samples_are_found_by_the_check_and_refused_by_the_trainer(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_of(trained(DAggerTrainer(task(), SETTINGS, indicator(), rounds=1)))
    again = rows.rows(np.tile(np.arange(len(rows)), 2))
    with pytest.raises(AssertionError):
        check_that_states_are_new(dataclasses.replace(again, round=np.repeat([0, 1], len(rows))))
    monkeypatch.setattr(Task, "roll_out", duplicated)
    with pytest.raises(DataError, match=r"DAgger, round 1; the 1 before it are kept: .* are there already"):
        DAggerTrainer(task(), SETTINGS, indicator(), rounds=3).train()


def test_rounds_are_aggregated_with_who_acted_and_labels_counted() -> None:
    trainer = trained(DAggerTrainer(task(), SETTINGS, constant(0.4), rounds=3, rollouts=2))
    rows = rows_of(trainer)
    assert len(rows) == 3 * 2 * BARS
    assert np.bincount(rows.round).tolist() == [2 * BARS] * 3
    assert len(np.unique(rows.episode)) == 6
    assert [each.labels for each in trainer.history] == [2 * BARS, 4 * BARS, 6 * BARS]
    assert (rows.actor[rows.round == 0] == EXPERT).all()
    share = (rows.actor[rows.round > 0] == EXPERT).mean()
    assert share == pytest.approx(0.4, abs=0.06)
    assert [each.beta for each in trainer.history] == [1.0, 0.4, 0.4]


def test_without_aggregation_the_last_round_alone_is_fitted() -> None:
    trainer = trained(DAggerTrainer(task(), SETTINGS, indicator(), rounds=3, aggregate=False))
    assert set(rows_of(trainer).round) == {2}
    assert trainer.labels == 3 * BARS


def test_a_schedule_is_any_function_of_the_round_and_the_disagreement() -> None:
    asked: list[tuple[int, float | None]] = []

    def schedule(round: int, disagreement: float | None) -> float:
        asked.append((round, disagreement))
        return 0.5

    trainer = trained(DAggerTrainer(task(), SETTINGS, schedule, rounds=3))
    assert [number for number, _ in asked] == [1, 2]
    first, second = (said for _, said in asked)
    assert first == 1.0 - trainer.history[0].policy.agreement(trainer.history[0].policy.train)
    assert second == trainer.history[1].disagreement
    rows = rows_of(trainer)
    own = rows.rows(rows.round == 1)
    wanted = lessons.TARGETS[trainer.history[0].policy.choices(own)]
    assert second == pytest.approx(float((wanted != own.expert).mean()))


def test_the_adaptive_schedule_gives_the_expert_less_as_the_learner_learns() -> None:
    trainer = trained(DAggerTrainer(task(), SETTINGS, adaptive(5.0), rounds=5))
    for before, now in zip(trainer.history[1:], trainer.history[2:], strict=False):
        assert now.beta == min(1.0, 5.0 * before.disagreement)


@pytest.mark.parametrize("beta", [-0.1, 1.1, float("nan")])
def test_a_schedule_out_of_range_is_refused_with_the_round(beta: float) -> None:
    trainer = DAggerTrainer(task(), SETTINGS, lambda *_: beta, rounds=2)
    with pytest.raises(ConfigError, match=r"DAgger, round 1; the 1 before it are kept: beta: expected a probability"):
        trainer.train()


@pytest.mark.parametrize(("budget", "labels"), [(1, 1), (BARS, BARS), (BARS + 7, BARS + 7), (10_000, 3 * BARS)])
def test_the_budget_of_labels_is_kept_to_the_label(budget: int, labels: int) -> None:
    trainer = DAggerTrainer(task(), SETTINGS, indicator(), rounds=3, budget=budget)
    if budget == 1:
        with pytest.raises(DataError, match="DAgger, round 0"):  # one label is one class
            trainer.train()
        return
    trainer.train()
    assert trainer.labels == len(rows_of(trainer)) == labels


def test_no_rollout_begins_where_the_budget_is_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    real = Task.roll_out

    def counting(self: Task, number: int, *more: Any, **named: Any) -> Episode:
        asked.append(number)
        return real(self, number, *more, **named)

    monkeypatch.setattr(Task, "roll_out", counting)
    trained(DAggerTrainer(task(), SETTINGS, indicator(), rounds=5, rollouts=3, budget=4 * BARS - 10))
    assert asked == [0, 1, 2, 3]


@pytest.mark.parametrize("budget", [0, -5])
def test_a_budget_of_none_is_refused(budget: int) -> None:
    with pytest.raises(ConfigError, match=rf"DAgger: a budget of {budget} labels; expected at least 1"):
        DAggerTrainer(task(), SETTINGS, indicator(), budget=budget)


@pytest.mark.parametrize("counts", [{"rounds": 0}, {"rollouts": 0}])
def test_no_rounds_or_rollouts_are_refused(counts: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="at least one round of one rollout"):
        DAggerTrainer(task(), SETTINGS, indicator(), **counts)  # type: ignore[arg-type]


def test_each_round_is_judged_on_fresh_markets_and_the_best_is_kept() -> None:
    done: list[int] = []
    trainer = DAggerTrainer(
        task(), SETTINGS, indicator(), rounds=4, judged_by=3, done=lambda each: done.append(each.number)
    )
    policy = trainer.train()
    assert done == [0, 1, 2, 3]
    judged = [each.judgement for each in trainer.history]
    best = min(range(4), key=lambda i: judged[i].disagreement)  # type: ignore[union-attr]
    assert policy is trainer.history[best].policy
    again = [task().judge(i, policy.model) for i in range(3)]
    assert Judgement.of(again) == judged[best]
    fresh = {row.tobytes() for each in again for row in each.observations[:, :1]}
    learnt = {row.tobytes() for row in rows_of(trainer).observations[:, :1]}
    assert not fresh & learnt


def test_the_best_round_is_not_always_the_last() -> None:
    trainer = DAggerTrainer(task(), SETTINGS, indicator())
    policy = clone(ExpertDataset.of([task().roll_out(0)], lessons.FEATURES), SETTINGS, np.random.default_rng(0))
    values = [0.3, 0.1, 0.2, 0.1]
    trainer.history = [Round(i, 0.0, i, policy, 0.0, Judgement(value, 0.0, 0.0, 0.0)) for i, value in enumerate(values)]
    assert trainer.best.number == 1
    trainer.history = [Round(i, 0.0, i, policy, 0.0, None) for i in range(3)]
    assert trainer.best.number == 2


def test_the_same_seed_gives_the_same_bits_and_another_seed_others() -> None:
    def parameters(seed: int) -> bytes:
        return (
            DAggerTrainer(task(seed=seed), SETTINGS, exponential(), rounds=3).train().model.network.parameters.tobytes()
        )

    assert parameters(0) == parameters(0) != parameters(1)


class Fragile(Strategy):
    """Knows what to do as long as it holds what it would."""

    lookback: int = 0

    def on_bar(self, market: Market) -> float:
        if market.position < 0.0:
            raise ValueError("short, and I never am")
        return 1.0 if market.close > market.open else 0.0


def test_an_expert_that_fails_at_the_learners_states_loses_nothing() -> None:
    learner_shorts = DAggerTrainer(task(Fragile()), SETTINGS, lambda *_: 0.0, rounds=4)
    dataset = ExpertDataset.of([task().roll_out(0)], lessons.FEATURES)
    shorting = clone(dataset, SETTINGS, np.random.default_rng(0))
    learner_shorts.history = [Round(0, 1.0, BARS, shorting, float("nan"), None)]
    learner_shorts.dataset = dataset
    with pytest.raises(
        StrategyError, match=r"DAgger, round 1; the 1 before it are kept: .*short, and I never am"
    ) as caught:
        learner_shorts.train()
    assert isinstance(caught.value, ExpertFailure)
    assert len(caught.value.recorded.times) > 0
    assert learner_shorts.best.policy is shorting
    assert len(learner_shorts.history) == 1


def test_one_class_only_in_round_0_is_refused_with_the_round() -> None:
    calm = task(PositionExpert(enter=1e9))
    trainer = DAggerTrainer(calm, SETTINGS, indicator(), rounds=2)
    with pytest.raises(DataError, match=r"DAgger, round 0: demonstrations: the expert wants 0 in all 300 rows"):
        trainer.train()
    assert trainer.history == []
    with pytest.raises(ConfigError, match="no round was run"):
        _ = trainer.best


def test_dagger_is_closer_to_the_expert_than_cloning_at_equal_labels() -> None:
    """The acceptance experiment, small; docs/studies/imitation.md has it in full."""
    settings = CloneSettings(hidden=(32, 32), epochs=15, batch=256, rate=3e-3, validation=0.0, calibrate=False)
    wrong: dict[str, list[float]] = {"bc": [], "dagger": []}
    for seed in range(3):
        given = task(seed=seed, bars=2000)
        rows = ExpertDataset.of([given.roll_out(i) for i in range(6)], lessons.FEATURES)
        models = {
            "bc": clone(rows, settings, np.random.default_rng(seed)).model,
            "dagger": DAggerTrainer(given, settings, exponential(), rounds=6).train().model,
        }
        for name, model in models.items():
            wrong[name].append(Judgement.of([given.judge(j, model) for j in range(5)]).disagreement)
    assert np.mean(wrong["dagger"]) < 0.8 * np.mean(wrong["bc"])


def test_a_rollout_of_a_task_is_a_rollout() -> None:
    given = task()
    seed = int(np.random.default_rng([0, 1, 4]).integers(2**31))
    wanted = roll_out(lessons.market(4, BARS), given.expert, given.features, given.costs, seed=seed, **lessons.OPTIONS)
    np.testing.assert_array_equal(given.roll_out(4).observations, wanted.observations)
    np.testing.assert_array_equal(given.show(2).expert, given.show(2).executed)
