from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfspread.agents.rrl.covariance import packed, padded, unpacked
from halfspread.agents.rrl.ekf_kernels import climb
from halfspread.compiled import kernel
from halfspread.costs.base import Floats

TAU = 0.999


@kernel
def climb_all(
    weights: Any, covariance: Any, last: Any, pending: float, tau: float, stabilised: int, gradients: Any, out: Any
) -> float:
    for t in range(len(gradients)):
        pending = climb(weights, covariance, last, pending, tau, stabilised, gradients[t], out)
    return pending


class Filter:
    """Weights and covariance as the kernel has them."""

    def __init__(self, width: int, ridge: float = 1.0, stabilised: bool = True, tau: float = TAU) -> None:
        self.weights, self.covariance = np.zeros(width), packed(np.eye(width) / ridge)
        self.last, self.out = np.zeros(padded(width)), np.zeros(padded(width))
        self.pending, self.stabilised, self.tau = 0.0, stabilised, tau

    def climb(self, gradients: Floats) -> None:
        wide = np.zeros((len(gradients), len(self.last)))
        wide[:, : gradients.shape[1]] = gradients
        self.pending = climb_all(
            self.weights, self.covariance, self.last, self.pending, self.tau, int(self.stabilised), wide, self.out
        )

    @property
    def matrix(self) -> Floats:
        """P, with what is still to be taken off it."""
        width = len(self.weights)
        last = self.last[:width]
        return unpacked(self.covariance, width) - self.pending * np.outer(last, last)


def algorithm_1(gradients: Floats, ridge: float, tau: float, stabilised: bool) -> tuple[Floats, Floats]:
    """Weights and covariance, line by line."""
    width = gradients.shape[1]
    w, P = np.zeros(width), np.eye(width) / ridge
    for g in gradients:
        q = 1.0 + g @ P @ g / tau
        k = P @ g / (q * tau)
        w = w + k
        P = P / tau - np.outer(k, k) * q
        if stabilised:
            P = P * tau
    return w, P


@pytest.mark.parametrize("width", [1, 7, 8, 9, 20, 41])
@pytest.mark.parametrize("stabilised", [True, False])
def test_an_update_is_that_of_the_paper(width: int, stabilised: bool) -> None:
    gradients = np.random.default_rng(width).standard_normal((200, width))
    found = Filter(width, 0.5, stabilised)
    found.climb(gradients)
    w, P = algorithm_1(gradients, 0.5, TAU, stabilised)
    np.testing.assert_allclose(found.weights, w, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.matrix, P, rtol=0, atol=1e-12 * abs(P).max() + 1e-13)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 20), st.integers(1, 60), st.floats(0.01, 100.0), st.floats(0.5, 1.0), st.integers(0, 2**32))
def test_the_inverse_covariance_grows_by_the_square_of_each_gradient_and_nothing_is_forgotten(
    width: int, steps: int, ridge: float, tau: float, seed: int
) -> None:
    gradients = np.random.default_rng(seed).standard_normal((steps, width))
    found = Filter(width, ridge, tau=tau)
    found.climb(gradients)
    inverse = ridge * np.eye(width) + gradients.T @ gradients / tau
    np.testing.assert_allclose(found.matrix @ inverse, np.eye(width), rtol=0, atol=1e-8)


def test_weights_are_the_sum_of_steps_of_the_covariance_after_each() -> None:
    gradients = np.random.default_rng(3).standard_normal((50, 13))
    found, expected = Filter(13), np.zeros(13)
    for gradient in gradients:
        found.climb(gradient[None])
        expected += found.matrix @ gradient / TAU
    np.testing.assert_allclose(found.weights, expected, rtol=0, atol=1e-13)


def test_the_covariance_is_symmetric_and_positive_definite_after_20_000_updates() -> None:
    rng = np.random.default_rng(4)
    steps, width = 20_000, 40
    common = rng.standard_normal((steps, 1))  # gradients of one kind mostly, so that P is badly conditioned
    gradients = common * rng.standard_normal(width) + 1e-3 * rng.standard_normal((steps, width))
    found = Filter(width)
    found.climb(gradients)
    P = unpacked(found.covariance, width)
    flat = packed(P)
    assert (flat == found.covariance).all()  # both halves of the blocks on the diagonal have the same bits
    values = np.linalg.eigvalsh(found.matrix)
    assert values[0] > 0.0
    assert values[-1] <= 1.0 + 1e-12
    inverse = np.eye(width) + gradients.T @ gradients / TAU
    np.testing.assert_allclose(values, np.sort(1.0 / np.linalg.eigvalsh(inverse)), rtol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e200])
@pytest.mark.parametrize("place", [0, 9, 12])
@pytest.mark.parametrize("stabilised", [True, False])
def test_an_update_that_is_not_finite_is_as_if_it_had_not_been(bad: float, place: int, stabilised: bool) -> None:
    gradients = np.random.default_rng(5).standard_normal((30, 13))
    whole, broken = Filter(13, stabilised=stabilised), Filter(13, stabilised=stabilised)
    whole.climb(gradients)
    broken.climb(gradients[:10])
    before = broken.weights.copy()
    wrong = gradients[10].copy()
    wrong[place] = bad
    broken.climb(wrong[None])
    assert broken.pending == 0.0
    assert (broken.weights == before).all()
    broken.climb(gradients[10:])
    assert (broken.weights == whole.weights).all()
    assert (broken.covariance == whole.covariance).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40))
def test_a_covariance_is_packed_and_unpacked_without_loss(width: int) -> None:
    half = np.random.default_rng(width).standard_normal((width, width))
    matrix = half + half.T
    assert (unpacked(packed(matrix), width) == matrix).all()
