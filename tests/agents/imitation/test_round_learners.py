"""DAgger and DART as agents of a config: what they learn from, what they are judged on, and what they have seen."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from halfspread.agents.experts.plan import Foresight
from halfspread.agents.experts.position_expert import PositionExpert
from halfspread.agents.imitation.cloning import CloneSettings
from halfspread.agents.imitation.learner import Lesson
from halfspread.agents.imitation.rollout import Episode
from halfspread.agents.imitation.round_learners import Dagger, Dart, _parts
from halfspread.agents.imitation.task import Task
from halfspread.agents.policies.policy import Policy
from halfspread.engine.run import run_backtest
from halfspread.engine.tape import Tape
from halfspread.engine.training import training_range
from halfspread.errors import ConfigError
from tests.agents.imitation import lessons

SETTINGS = CloneSettings(hidden=(4,), epochs=2, batch=64)
KINDS: list[type[Any]] = [Dagger, Dart]


def learner(kind: type[Any] = Dagger, **changes: Any) -> Any:
    given = {"expert": PositionExpert(), "features": lessons.FEATURES.names, "settings": SETTINGS, "rounds": 3}
    return kind(**{**given, **changes})


def taught(kind: type[Any] = Dagger, tape: Tape | None = None, **changes: Any) -> Lesson:
    shown, rng = tape or lessons.market(), np.random.default_rng(5)
    made: Lesson = learner(kind, **changes).learn(shown, rng, costs=lessons.COSTS, options=lessons.OPTIONS)
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_who_learns_in_rounds_is_refused_on_the_window_it_learnt_from(kind: type[Any]) -> None:
    tape = lessons.market()
    policy = taught(kind, tape).policy
    assert policy.trained == training_range(tape)
    with pytest.raises(ConfigError, match="was trained on"):
        run_backtest(tape, policy, lessons.COSTS, **lessons.OPTIONS)


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_expert_has_seen_is_seen_by_who_learns_from_it_in_rounds(kind: type[Any]) -> None:
    before, tape = training_range(lessons.market(1, instrument=lessons.OTHER)), lessons.market()
    expert = Policy.of(replace(lessons.contrarian(lessons.FEATURES), trained=before))
    assert taught(kind, tape, expert=expert).policy.trained == (*training_range(tape), *before)


@pytest.mark.parametrize("kind", KINDS)
def test_rounds_are_judged_behind_everything_they_learn_from(kind: type[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[Episode] = []
    judge = Task.judge

    def noting(task: Task, *given: Any) -> Episode:
        judged.append(judge(task, *given))
        return judged[-1]

    monkeypatch.setattr(Task, "judge", noting)
    tape = lessons.market()
    rows = taught(kind, tape, judged=0.25, rollouts=2).dataset
    assert len(judged) == 3
    for each in judged:
        assert each.times.min() > rows.times.max()
        assert each.times.max() == tape.feeds[0].table("bars").times[-1] + lessons.MINUTES * 60_000_000_000
        assert len(each.times) == pytest.approx(0.25 * len(tape.feeds[0].table("bars").times), abs=2)


def test_every_rollout_has_a_part_of_its_own_one_after_another() -> None:
    rows = taught(rollouts=2).dataset
    spans = [(part.min(), part.max()) for part in (rows.times[rows.episode == i] for i in range(6))]
    assert all(one[1] < two[0] for one, two in pairwise(spans))
    assert np.bincount(rows.episode).tolist() == pytest.approx([400 * 0.8 / 6] * 6, abs=2)


@pytest.mark.parametrize("judged", [0.0, 0.2])
def test_parts_cover_a_window_without_overlap(judged: float) -> None:
    tape = lessons.market()
    *learnt, last = _parts(tape, 0, 4, judged)
    assert learnt[0][0] == tape.start_ns
    assert all(one[1] == two[0] for one, two in pairwise([*learnt, last]))
    assert last[1] == tape.end_ns
    wanted = tape.end_ns if judged == 0.0 else int(tape.feeds[0].table("bars").times[320])
    assert learnt[-1][1] == last[0] == wanted


def test_without_a_part_to_judge_on_the_last_round_is_kept() -> None:
    lesson = taught(judged=0.0)
    assert [each.judgement for each in lesson.rounds] == [None] * 3
    assert lesson.best == 2


@pytest.mark.parametrize("kind", KINDS)
def test_an_expert_that_looks_ahead_is_shown_the_training_window_and_nothing_else(
    kind: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Tape] = []
    foresee = Foresight.foresee

    def noting(expert: Foresight, tape: Tape, *given: Any, **named: Any) -> Foresight:
        shown.append(tape)
        return foresee(expert, tape, *given, **named)

    monkeypatch.setattr(Foresight, "foresee", noting)
    tape = lessons.market()
    assert len(taught(kind, tape, expert=Foresight(ahead=3)).dataset) == 320
    assert shown[0] is tape
    assert all(tape.start_ns <= each.start_ns and each.end_ns <= tape.end_ns for each in shown)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("deterministic", [True, False])
def test_the_policy_trades_as_the_learner_was_told(kind: type[Any], deterministic: bool) -> None:
    tape = Tape.join(lessons.market(1, instrument=lessons.OTHER), lessons.market())
    names = ("log_return(1)@WORLD", "position@WORLD")
    policy = taught(
        kind, tape, expert=lessons.Second(), features=names, rounds=2, instrument=1, deterministic=deterministic
    ).policy
    assert (policy.instrument, policy.deterministic) == (1, deterministic)
