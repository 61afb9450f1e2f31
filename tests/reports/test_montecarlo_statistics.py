"""How trials are distributed: worked by hand, and a variance split that finds what was put in."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from halfspread.reports.montecarlo_statistics import AgentTrials, difference, distribution, parts_of

Floats = np.ndarray[Any, np.dtype[np.float64]]


def trials(name: str, values: list[float], seeds: int = 1, numbers: list[int] | None = None) -> AgentTrials:
    own = np.arange(len(values)) if numbers is None else np.array(numbers)
    found = np.array(values)
    days = np.arange(3, dtype=np.int64) * 86_400_000_000_000
    return AgentTrials(
        name,
        own,
        own % seeds if seeds > 1 else own,
        own // seeds if seeds > 1 else np.zeros_like(own),
        {"total_return": found, "information_ratio": found, "execution_return": -np.abs(found)},
        {"price": found, "funding": 0.1 * found, "total": found},
        days,
        np.outer(np.arange(1.0, 4.0) / 3.0, found),
    )


def crossed(seeds: int, paths: int, values: Floats) -> tuple[Floats, Any, Any]:
    """Values (paths, seeds) as they come out of trials: those of one path together."""
    return values.ravel(), np.tile(np.arange(seeds), paths), np.repeat(np.arange(paths), seeds)


def test_a_distribution_worked_by_hand() -> None:
    found = distribution(np.array([4.0, 1.0, math.nan, 2.0, 3.0]))
    assert (found.count, found.mean, found.min, found.median, found.max) == (4, 2.5, 1.0, 2.5, 4.0)
    assert (found.q25, found.q75) == (1.75, 3.25)
    assert found.std == pytest.approx(math.sqrt(5.0 / 3.0))
    assert found.standard_error == pytest.approx(math.sqrt(5.0 / 12.0))
    assert found.upper - found.mean == pytest.approx(3.182446 * found.standard_error, rel=1e-6)
    assert found.mean - found.lower == pytest.approx(found.upper - found.mean)


def test_one_value_has_no_error_and_none_has_nothing() -> None:
    one, none = distribution(np.array([2.0])), distribution(np.array([math.nan]))
    assert (one.count, one.mean) == (1, 2.0)
    assert math.isnan(one.standard_error)
    assert math.isnan(one.lower)
    assert none.count == 0
    assert math.isnan(none.mean)


def test_the_bounds_of_a_mean_hold_it_as_often_as_they_say() -> None:
    rng, hits = np.random.default_rng(1), 0
    for _ in range(2_000):
        found = distribution(rng.standard_normal(6))
        hits += found.lower <= 0.0 <= found.upper
    assert hits / 2_000 == pytest.approx(0.95, abs=0.015)


def test_parts_worked_by_hand() -> None:
    """Seeds differ by 2, paths by 10, and nothing is left."""
    values, draws, paths = crossed(2, 2, np.array([[0.0, 2.0], [10.0, 12.0]]))
    found = parts_of(values, draws, paths)
    assert found is not None
    assert (found.seeds, found.paths, found.mean, found.rest) == (2, 2, 6.0, 0.0)
    assert found.between_seeds == pytest.approx(2.0)  # variance of 5 and 7
    assert found.between_paths == pytest.approx(50.0)  # variance of 1 and 11
    assert found.standard_error == pytest.approx(math.sqrt(2.0 / 2.0 + 50.0 / 2.0))
    assert found.shares == pytest.approx({"seeds": 2.0 / 52.0, "paths": 50.0 / 52.0, "rest": 0.0})


def test_the_freedom_of_the_error_worked_by_hand() -> None:
    """Mean squares 16 of seeds, 144 of paths and 4 of the rest, each of one degree: 156^2 / (16^2 + 144^2 + 4^2)."""
    values, draws, paths = crossed(2, 2, np.array([[0.0, 2.0], [10.0, 16.0]]))
    found = parts_of(values, draws, paths)
    assert found is not None
    assert found.rest == pytest.approx(4.0)
    assert found.freedom == pytest.approx(156.0**2 / 21_008.0)


def test_the_split_finds_what_was_put_in_and_its_error_is_that_of_the_mean() -> None:
    rng, seeds, paths = np.random.default_rng(7), 8, 12
    found, means = [], []
    for _ in range(400):
        own = 0.5 * rng.standard_normal(seeds)[None, :] + 2.0 * rng.standard_normal(paths)[:, None]
        values, draws, numbers = crossed(seeds, paths, own + rng.standard_normal((paths, seeds)))
        parts = parts_of(values, draws, numbers)
        assert parts is not None
        found.append((parts.between_seeds, parts.between_paths, parts.rest, parts.standard_error**2))
        means.append(parts.mean)
    between_seeds, between_paths, rest, error = np.mean(found, axis=0)
    assert between_seeds == pytest.approx(0.25, abs=0.05)
    assert between_paths == pytest.approx(4.0, rel=0.1)
    assert rest == pytest.approx(1.0, rel=0.03)
    assert error == pytest.approx(np.var(means), rel=0.15)
    assert error == pytest.approx(0.25 / 8.0 + 4.0 / 12.0 + 1.0 / 96.0, rel=0.1)


def test_seeds_on_few_paths_do_not_make_the_market_known() -> None:
    """250 trials over 2 paths: the error stays that of two paths, not a sixteenth of it."""
    rng = np.random.default_rng(3)
    own = np.array([[-1.0], [1.0]]) + 0.01 * rng.standard_normal((2, 125))
    values, draws, paths = crossed(125, 2, own)
    parts = parts_of(values, draws, paths)
    found = distribution(values, parts)
    assert distribution(values).standard_error < 0.07
    assert found.standard_error == pytest.approx(1.0, rel=0.05)
    assert parts is not None
    assert parts.freedom < 1.1


def test_chance_alone_makes_no_component_negative_and_no_error_smaller_than_its_own() -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        values, draws, paths = crossed(4, 5, rng.standard_normal((5, 4)))
        parts = parts_of(values, draws, paths)
        assert parts is not None
        assert min(parts.between_seeds, parts.between_paths, parts.rest) >= 0.0
        assert parts.standard_error >= math.sqrt(parts.rest / 20.0) * (1.0 - 1e-12)


def test_a_path_without_one_of_its_trials_is_left_out_of_the_split() -> None:
    values, draws, paths = crossed(2, 3, np.array([[0.0, 2.0], [10.0, 12.0], [50.0, 60.0]]))
    found = parts_of(values[:-1], draws[:-1], paths[:-1])
    assert found is not None
    assert (found.paths, found.mean) == (2, 6.0)
    assert parts_of(values[:2], draws[:2], paths[:2]) is None


def test_agents_are_compared_in_the_trials_that_both_have_done() -> None:
    one, two = trials("one", [1.0, 2.0, 3.0]), trials("two", [0.5, 4.0], numbers=[0, 2])
    found = difference(one, two)
    assert found is not None
    assert (found.found.count, found.found.mean, found.more) == (2, -0.25, 0.5)
    assert difference(one, trials("none", [], numbers=[])) is None
