"""How an imitation is judged: disagreement by hand, and a paired test that keeps its false alarms."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from halfspread.agents.imitation.judging import Judgement, disagreement, paired_permutation
from halfspread.errors import DataError
from tests.agents.imitation import lessons


def test_disagreement_is_the_share_of_decisions_that_are_not_the_experts() -> None:
    agreed = lessons.episode(0, bars=100)
    against = lessons.episode(1, bars=300, learner=lambda seen: float(np.sign(seen[0])), beta=0.0)
    assert disagreement([agreed]) == 0.0
    wrong = int((against.expert != np.sign(against.observations[:, 0])).sum())
    assert 0 < wrong < 300
    assert disagreement([agreed, against]) == wrong / 400


def test_what_differs_by_class_or_by_size() -> None:
    """Where there are classes, another class differs, as far as it may be; without, what is far enough away."""
    near = lessons.episode(0, bars=50, learner=lambda _: 0.4, beta=0.0)
    wanted = near.expert
    assert disagreement([near], lessons.TARGETS) == (wanted != 0.0).mean()
    assert disagreement([near]) == 1.0
    nearly = dataclasses.replace(near, executed=wanted + 0.04)
    assert disagreement([nearly]) == disagreement([nearly], lessons.TARGETS) == 0.0
    assert disagreement([dataclasses.replace(near, executed=wanted + 0.06)]) == 1.0


def test_a_judgement_is_the_mean_of_rollouts_with_its_standard_error() -> None:
    episodes = [lessons.episode(i, learner=lambda _: 0.0, beta=0.0) for i in range(4)]
    found = Judgement.of(episodes)
    wrong = [disagreement([each]) for each in episodes]
    assert found.disagreement == pytest.approx(np.mean(wrong))
    assert found.disagreement_error == pytest.approx(np.std(wrong, ddof=1) / 2.0)
    assert found.pnl == found.pnl_error == 0.0
    assert np.isnan(Judgement.of(episodes[:1]).disagreement_error)
    with pytest.raises(DataError, match="at least one rollout"):
        Judgement.of([])


def test_the_paired_test_by_hand() -> None:
    """Differences 1, 2, 3: of the eight assignments of signs, only +++ and --- are as far from zero."""
    rng = np.random.default_rng(0)
    assert paired_permutation([2.0, 4.0, 6.0], [1.0, 2.0, 3.0], rng) == 0.25
    assert paired_permutation([1.0, 2.0, 3.0], [2.0, 4.0, 6.0], rng) == 0.25
    assert paired_permutation([1.0, 2.0], [1.0, 2.0], rng) == 1.0
    signs = np.array(list(itertools.product([-1.0, 1.0], repeat=4)))
    gaps = np.array([0.5, -0.1, 0.7, 0.2])
    share = (np.abs(signs @ gaps) >= abs(gaps.sum()) - 1e-12).mean()
    assert paired_permutation(gaps, np.zeros(4), rng) == share
    assert rng.random() == np.random.default_rng(0).random()  # nothing was drawn


def test_many_pairs_are_drawn_and_give_nearly_the_exact_value() -> None:
    gaps = np.random.default_rng(1).normal(0.3, 1.0, 17)
    signs = np.array(list(itertools.product([-1.0, 1.0], repeat=17)))
    exact = (np.abs(signs @ gaps) >= abs(gaps.sum()) - 1e-12).mean()
    found = paired_permutation(gaps, np.zeros(17), np.random.default_rng(2))
    assert found == pytest.approx(exact, abs=0.01)
    assert found == paired_permutation(gaps, np.zeros(17), np.random.default_rng(2))


def test_false_alarms_are_as_rare_as_stated_and_a_difference_is_found() -> None:
    rng = np.random.default_rng(3)
    null = np.array([paired_permutation(rng.normal(size=12), rng.normal(size=12), rng) for _ in range(2000)])
    for level in (0.01, 0.05, 0.2):
        assert (null <= level).mean() <= level + 4.0 * np.sqrt(level / 2000)
    assert paired_permutation(rng.normal(2.0, 1.0, 12), rng.normal(size=12), rng) < 0.01


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [([1.0], [2.0], "2 or more"), ([1.0, 2.0], [1.0], "shapes"), ([1.0, np.nan], [1.0, 2.0], "not finite")],
)
def test_pairs_that_are_none_are_refused(a: list[float], b: list[float], said: str) -> None:
    with pytest.raises(DataError, match=said):
        paired_permutation(a, b, np.random.default_rng(0))
