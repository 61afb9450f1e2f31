"""Shift of actions given states: nothing where the states alone have moved, the change where the expert has."""

from __future__ import annotations

import math

import numpy as np
import pytest

from halfspread.agents.shift.actions import by_novelty, change_of_actions
from halfspread.agents.shift.blocks import Blocks
from halfspread.agents.shift.classifier import Told, classify
from halfspread.costs.base import Floats


def told_of(one: Floats, two: Floats, rng: np.random.Generator, length: int = 1) -> tuple[Told, tuple[Blocks, Blocks]]:
    blocks = tuple(Blocks.of(np.zeros(len(each), np.int64), length) for each in (one, two))
    return classify(one, two, (blocks[0], blocks[1]), rng, resamples=0), (blocks[0], blocks[1])


def actions(rows: Floats, rng: np.random.Generator, more: float = 0.0) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """1 with a probability that rises with the first feature, ``more`` of it everywhere."""
    chance = np.clip(1.0 / (1.0 + np.exp(-2.0 * rows[:, 0])) + more, 0.0, 1.0)
    return (rng.random(len(rows)) < chance).astype(np.int64)


def test_states_that_moved_do_not_pass_for_actions_that_changed() -> None:
    """The share of 1 rises from 50 % to 70 %; at like states it is what it was. Of 40 draws at most 7 reject."""
    rejected, changes = 0, []
    for seed in range(40):
        rng = np.random.default_rng([seed, 1])
        one, two = rng.standard_normal((800, 2)), rng.standard_normal((800, 2)) + np.array([0.8, 0.0])
        told, blocks = told_of(one, two, rng)
        wanted = np.concatenate([actions(one, rng), actions(two, rng)])
        found = change_of_actions(told, wanted, 2, blocks, rng, resamples=199)
        rejected += found.p <= 0.05
        changes.append(found.changes[1])
        assert wanted[800:].mean() - wanted[:800].mean() > 0.1
    assert rejected <= 7
    assert abs(np.mean(changes)) < 0.01


def test_a_change_of_the_probability_is_found_in_its_size() -> None:
    rng = np.random.default_rng(2)
    one, two = 0.3 * rng.standard_normal((4_000, 2)), 0.3 * rng.standard_normal((4_000, 2)) + np.array([0.1, 0.0])
    told, blocks = told_of(one, two, rng, length=20)
    wanted = np.concatenate([actions(one, rng), actions(two, rng, more=0.1)])
    found = change_of_actions(told, wanted, 2, blocks, rng)
    assert found.changes[1] == pytest.approx(0.1, abs=0.03)
    assert found.changes[0] == pytest.approx(-found.changes[1], abs=1e-9)
    assert found.intervals[1].low < 0.1 < found.intervals[1].high
    assert found.intervals[1].low > 0.0
    assert found.total == pytest.approx(0.1, abs=0.03)
    assert found.p < 0.01


def test_an_action_that_the_fit_cannot_explain_is_no_change_where_the_samples_are_told_apart_well() -> None:
    """An action in stripes, of which squares of the features know nothing, and a wider spread of the states, of which
    they know all: its share moves by 10 points or more, its probability at like states does not."""
    found = []
    for seed in range(20):
        rng = np.random.default_rng([seed, 6])
        one, two = rng.standard_normal((1_500, 1)), 0.6 * rng.standard_normal((1_500, 1)) + 0.5
        told, blocks = told_of(one, two, rng)
        wanted = (np.sin(3.0 * np.concatenate([one, two])[:, 0]) > 0.0).astype(np.int64)
        assert abs(wanted[1_500:].mean() - wanted[:1_500].mean()) > 0.05
        found.append(change_of_actions(told, wanted, 2, blocks, rng, resamples=99).changes[1])
    assert abs(np.mean(found)) < 0.02


def test_where_no_states_are_common_nothing_is_said() -> None:
    rng = np.random.default_rng(3)
    one, two = rng.standard_normal((400, 1)), rng.standard_normal((400, 1)) + 50.0
    told, blocks = told_of(one, two, rng)
    found = change_of_actions(told, np.zeros(800, np.int64), 2, blocks, rng)
    assert math.isnan(found.total)
    assert math.isnan(found.p)
    assert found.overlap < 0.02


def test_an_expert_of_one_action_does_not_change() -> None:
    rng = np.random.default_rng(4)
    one, two = rng.standard_normal((400, 1)), rng.standard_normal((400, 1))
    told, blocks = told_of(one, two, rng)
    found = change_of_actions(told, np.ones(800, np.int64), 3, blocks, rng)
    assert found.changes.tolist() == [0.0, 0.0, 0.0]
    assert found.p == 1.0


def test_errors_where_states_are_foreign_are_found_there() -> None:
    rng = np.random.default_rng(5)
    one, two = rng.standard_normal((2_000, 2)), rng.standard_normal((2_000, 2)) + np.array([1.0, 0.0])
    told, blocks = told_of(one, two, rng)
    wrong = (two[:, 0] > 1.5).astype(float)
    found = by_novelty(told, wrong, blocks[1], parts=4)
    assert [rows for rows, _, _, _ in found] == [500] * 4
    shares = [share for _, _, share, _ in found]
    assert shares == sorted(shares)
    assert shares[-1] > 0.9
    assert shares[0] == 0.0
    for _, _, share, limits in found:
        assert limits.low <= share <= limits.high
    assert found[0][3].low == 0.0
    assert 0.0 < found[0][3].high < 0.05  # that nothing was wrong in 500 rows does not say that nothing ever is
    foreign = [chance for _, chance, _, _ in found]
    assert foreign == sorted(foreign)
    assert sum(shares) / 4 == pytest.approx(wrong.mean())
