"""Distances of two samples against formulas, by hand, and what holds for all of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfspread.agents.shift.measures import gaussian_divergence, stability_edges, stability_index, wasserstein
from halfspread.costs.base import Floats
from halfspread.errors import DataError


def exact(mean: Floats, covariance: Floats, rows: int = 400) -> Floats:
    """Rows whose mean and covariance (maximum likelihood) are exactly these."""
    rng = np.random.default_rng(1)
    draws = rng.standard_normal((rows, len(mean)))
    draws -= draws.mean(axis=0)
    draws = draws @ np.linalg.inv(np.linalg.cholesky(draws.T @ draws / rows)).T
    return mean + draws @ np.linalg.cholesky(covariance).T


def with_halved_log(variances: Floats, others: Floats) -> float:
    """Chapter 307: the 1/2 stands before the first terms alone."""
    return float(0.5 * (others / variances - 1.0).sum() + np.log(variances / others).sum())


def test_the_divergence_of_one_variance_is_that_of_the_formula_and_not_that_of_chapter_307() -> None:
    """Twice the variance: 1/2 (2 - 1 - ln 2) = 0.1534. With the factor missing before the logarithm: -0.1931."""
    reference, visited = exact(np.zeros(1), np.eye(1)), exact(np.zeros(1), 2.0 * np.eye(1))
    assert gaussian_divergence(reference, visited) == pytest.approx(0.5 * (1.0 - math.log(2.0)), abs=1e-6)
    assert gaussian_divergence(reference, visited) == pytest.approx(0.153, abs=5e-4)
    planted = with_halved_log(np.ones(1), 2.0 * np.ones(1))
    assert planted == pytest.approx(-0.193, abs=5e-4)


def test_the_divergence_of_full_covariances_is_worked_by_hand() -> None:
    """S1 = 1, S2 = [[1, r], [r, 1]], means (d, 0) apart: 1/2 (2 + d^2 - 2 - ln(1 - r^2))."""
    r, d = 0.6, 0.5
    reference = exact(np.zeros(2), np.eye(2))
    visited = exact(np.array([d, 0.0]), np.array([[1.0, r], [r, 1.0]]))
    assert gaussian_divergence(reference, visited) == pytest.approx(0.5 * (d**2 - math.log(1.0 - r**2)), abs=1e-6)
    # The other way round the inverse of S2 counts: 1/2 (tr(S2^-1) + d^2 / (1 - r^2) - 2 + ln(1 - r^2)).
    other = 0.5 * (2.0 / (1 - r**2) + d**2 / (1 - r**2) - 2.0 + math.log(1 - r**2))
    assert gaussian_divergence(visited, reference) == pytest.approx(other, abs=1e-6)


def test_the_divergence_does_not_depend_on_units() -> None:
    rng = np.random.default_rng(2)
    one, two = rng.standard_normal((300, 3)), rng.standard_normal((200, 3)) @ np.diag([1.0, 2.0, 0.5]) + 0.3
    units = np.array([1e-6, 1.0, 1e6])
    assert gaussian_divergence(one * units + 7.0, two * units + 7.0) == pytest.approx(
        gaussian_divergence(one, two), rel=1e-5
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 5), st.floats(0.01, 100.0), st.floats(-5.0, 5.0))
def test_no_distance_is_ever_negative(seed: int, columns: int, scale: float, shift: float) -> None:
    rng = np.random.default_rng(seed)
    one, two = (
        rng.standard_normal((columns + 20, columns)),
        shift + scale * rng.standard_normal((columns + 15, columns)),
    )
    assert gaussian_divergence(one, two) >= 0.0
    assert stability_index(one[:, 0], two[:, 0]) >= 0.0
    assert wasserstein(one[:, 0], two[:, 0]) >= 0.0


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_a_sample_is_at_no_distance_from_itself_in_any_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one = rng.standard_normal((50, 3))
    two = one[rng.permutation(50)]
    assert gaussian_divergence(one, two) == pytest.approx(0.0, abs=1e-9)
    assert stability_index(one[:, 0], two[:, 0]) == 0.0
    assert wasserstein(one[:, 0], two[:, 0]) == 0.0


def test_the_wasserstein_distance_is_worked_by_hand_and_symmetric() -> None:
    one, two = np.array([0.0, 1.0, 3.0]), np.array([5.0, 6.0, 8.0])
    assert wasserstein(one, two) == 5.0  # every value is moved by 5
    assert wasserstein(two, one) == 5.0
    assert wasserstein(np.array([0.0, 0.0]), np.array([0.0, 1.0, 1.0, 1.0])) == 0.75  # unequal sizes


def test_the_stability_index_is_worked_by_hand() -> None:
    """Two values: shares of 1/2 each in the reference, 1/4 and 3/4 where it was visited."""
    reference, visited = np.repeat([0.0, 1.0], 5_000), np.repeat([0.0, 1.0], [2_500, 7_500])
    by_hand = 0.25 * math.log(0.75 / 0.5) - 0.25 * math.log(0.25 / 0.5)
    assert stability_index(reference, visited) == pytest.approx(by_hand, abs=1e-3)


def test_a_value_that_many_rows_have_gets_a_bin_of_its_own() -> None:
    """A position that is almost always flat, and then long half of the time."""
    reference = np.concatenate([np.zeros(990), np.ones(5), -np.ones(5)])
    assert len(stability_edges(reference)) >= 2
    visited = np.concatenate([np.zeros(500), np.ones(500)])
    assert stability_index(reference, visited) > 1.0
    assert stability_index(reference, reference) == 0.0
    assert stability_index(np.full(100, 3.0), np.full(100, 3.0)) == 0.0
    assert stability_index(np.full(100, 3.0), np.full(100, 3.0 + 1e-9)) > 1.0
    assert stability_index(np.full(100, 3.0), np.full(100, 2.0)) > 1.0


def test_a_full_position_in_whole_lots_is_one_value() -> None:
    """Sizes of 10,000 in lots: 0.9990 to 1.0000 of full, another at every entry."""
    rng = np.random.default_rng(8)
    one, two = (np.repeat([-1.0, 1.0], 500) * rng.uniform(*ends, 1_000) for ends in ((0.999, 0.9995), (0.9995, 1.0)))
    assert stability_index(one, two) < 1e-9
    assert stability_index(one, np.abs(two)) > 1.0


def test_a_feature_that_stands_still_in_both_samples_adds_nothing() -> None:
    rng = np.random.default_rng(3)
    one, two = rng.standard_normal((100, 2)), rng.standard_normal((100, 2)) + 0.5
    with_still = [np.column_stack([part, np.full(100, 7.0)]) for part in (one, two)]
    assert gaussian_divergence(*with_still) == pytest.approx(gaussian_divergence(one, two), rel=1e-6)


def test_states_that_move_where_the_reference_stands_still_are_infinitely_far() -> None:
    rng = np.random.default_rng(4)
    one, two = rng.standard_normal((100, 2)), rng.standard_normal((100, 2))
    one[:, 1] = 1.0
    assert gaussian_divergence(one, two) == math.inf
    two[:, 1] = 2.0
    assert gaussian_divergence(one, two) == math.inf
    assert math.isfinite(gaussian_divergence(two[:, :1], one[:, :1]))


def test_features_that_depend_on_each_other_give_a_finite_divergence() -> None:
    rng = np.random.default_rng(5)
    one, two = rng.standard_normal((100, 1)), rng.standard_normal((100, 1)) + 1.0
    doubled = [np.column_stack([part, 2.0 * part]) for part in (one, two)]
    assert gaussian_divergence(*doubled) == pytest.approx(gaussian_divergence(one, two), rel=1e-3)


def test_what_cannot_be_compared_is_refused_with_the_reason() -> None:
    rows = np.random.default_rng(6).standard_normal((10, 4))
    with pytest.raises(DataError, match="more states than the 4 features, got 4"):
        gaussian_divergence(rows, rows[:4])
    with pytest.raises(DataError, match="samples of 4 and 3 features"):
        gaussian_divergence(rows, rows[:, :3])
    broken = rows.copy()
    broken[7, 2] = math.nan
    with pytest.raises(DataError, match="row 7 of the visited, column 2: a state is nan"):
        gaussian_divergence(rows, broken)
    with pytest.raises(DataError, match=r"array of shape \(10,\)"):
        gaussian_divergence(rows[:, 0], rows)
    with pytest.raises(DataError, match="at least 1 states"):
        wasserstein(np.zeros(0), rows[:, 0])
