"""Scalers: by hand, with weights, and for features that stand still."""

from __future__ import annotations

import math

import numpy as np
import pytest

from halfspread.agents.networks.scaler import Scaler
from halfspread.errors import DataError


def test_centre_and_spread_are_mean_and_deviation() -> None:
    rows = np.array([[1.0, 10.0], [3.0, 10.0], [5.0, 40.0]])
    found = Scaler.fitted(rows)
    assert found.centre.tolist() == [3.0, 20.0]
    assert found.spread == pytest.approx([math.sqrt(8.0 / 3.0), math.sqrt(200.0)])
    scaled = found(rows)
    assert scaled.mean(axis=0) == pytest.approx([0.0, 0.0], abs=1e-15)
    assert scaled.std(axis=0) == pytest.approx([1.0, 1.0])


def test_a_row_of_weight_two_counts_as_two() -> None:
    rows = np.array([[1.0], [4.0], [6.0]])
    twice = Scaler.fitted(np.array([[1.0], [4.0], [4.0], [6.0]]))
    found = Scaler.fitted(rows, np.array([1.0, 2.0, 1.0]))
    assert found.centre == pytest.approx(twice.centre)
    assert found.spread == pytest.approx(twice.spread)


@pytest.mark.parametrize("level", [0.0, 3.0, 1e9, -1e-7])
def test_a_feature_that_stands_still_stays_at_zero(level: float) -> None:
    found = Scaler.fitted(np.full((50, 1), level))
    assert found.spread.tolist() == [1.0]
    assert abs(found(np.array([[level]]))[0, 0]) < 1e-6


def test_a_small_feature_that_moves_is_no_still_one() -> None:
    found = Scaler.fitted(np.array([[1e-9], [-1e-9]]))
    assert found.spread.tolist() == pytest.approx([1e-9])


def test_what_is_none_is_refused() -> None:
    with pytest.raises(DataError, match="at least one observation, got none"):
        Scaler.fitted(np.zeros((0, 2)))
    for centre, spread in (([0.0], [0.0]), ([0.0], [-1.0]), ([math.nan], [1.0]), ([0.0], [math.inf])):
        with pytest.raises(DataError, match="finite centres, and spreads above zero"):
            Scaler(np.array(centre), np.array(spread))
    with pytest.raises(DataError, match="expected two rows of numbers"):
        Scaler(np.zeros(2), np.ones(3))
