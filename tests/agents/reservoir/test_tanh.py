"""The hyperbolic tangent of kernels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.agents.reservoir.tanh_kernels import tanh_of
from halfspread.costs.base import Floats


def tanh(values: Floats) -> Floats:
    found = np.array(values, np.float64)
    tanh_of(found)
    return found


@pytest.mark.parametrize("scale", [1e-300, 1e-12, 1e-4, 0.1, 0.5, 1.0, 3.0, 10.0, 30.0, 1e10])
def test_it_is_within_three_units_in_the_last_place_of_numpy(scale: float) -> None:
    x = np.random.default_rng(0).standard_normal(200_000) * scale
    known = np.tanh(x)
    assert (np.abs(tanh(x) - known) <= 3.0 * np.spacing(np.abs(known))).all()


def test_it_is_right_where_the_halves_of_its_range_meet() -> None:
    """2 a = (k + 1/2) ln 2: the reduced argument jumps from one end to the other."""
    edges = (np.arange(57) + 0.5) * math.log(2.0) / 2.0
    x = np.concatenate([edges, np.nextafter(edges, 0.0), np.nextafter(edges, 99.0)])
    known = np.tanh(x)
    assert (np.abs(tanh(x) - known) <= 3.0 * np.spacing(known)).all()


def test_what_is_not_an_ordinary_number_keeps_its_meaning() -> None:
    x = np.array([0.0, -0.0, math.inf, -math.inf, 1e308, -1e308, 5e-324, -5e-324, 20.0, -20.5])
    found = tanh(x)
    assert found.tolist() == [0.0, -0.0, 1.0, -1.0, 1.0, -1.0, 5e-324, -5e-324, 1.0, -1.0]
    assert np.array_equal(np.signbit(found), np.signbit(x))
    assert np.isnan(tanh(np.array([math.nan, 1.0]))).tolist() == [True, False]


@given(st.lists(st.floats(-25.0, 25.0), min_size=1, max_size=40))
def test_bits_do_not_depend_on_the_place_in_the_array(values: list[float]) -> None:
    """Whole vectors and what is left over at the end go through the same arithmetic; it is odd, and never beyond 1."""
    x = np.array(values)
    together = tanh(x)
    assert together.tolist() == [float(tanh(np.array([value]))[0]) for value in values]
    assert np.array_equal(tanh(-x), -together)
    assert (np.abs(together) <= 1.0).all()


def test_it_rises_but_for_rounding() -> None:
    x = np.linspace(-19.0, 19.0, 100_001)
    assert np.diff(tanh(x)).min() >= -2.3e-16
