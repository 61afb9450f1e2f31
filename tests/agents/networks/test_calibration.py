"""Calibration: bins by hand, and a curve that is straight where probabilities are true."""

from __future__ import annotations

import math

import numpy as np
import pytest

from halfspread.agents.networks.calibration import calibration
from halfspread.errors import ConfigError, DataError


def test_bins_are_those_worked_by_hand() -> None:
    chances = np.array([[0.9, 0.1], [0.1, 0.9], [0.6, 0.4], [0.3, 0.7], [0.5, 0.5]])
    wanted = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.25, 0.75]])
    found = calibration(chances, wanted, np.array([1.0, 3.0, 1.0, 1.0, 2.0]), bins=4)
    # upper edges belong to their bin: 0.5 to the second; 0.6 and 0.7 to the third; 0.9 twice to the fourth
    assert found.predicted[1:] == pytest.approx([0.5, 0.65, 0.9])
    assert found.found[1:] == pytest.approx([0.25, 1.0, 0.25])
    assert math.isnan(found.predicted[0])
    assert math.isnan(found.found[0])
    assert found.share.tolist() == [0.0, 0.25, 0.25, 0.5]
    assert found.error == pytest.approx(0.25 * 0.25 + 0.25 * 0.35 + 0.5 * 0.65)


def test_true_probabilities_are_calibrated_and_boasts_are_not() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(40_000, 3))
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (chances.cumsum(axis=1) > rng.random((len(chances), 1))).argmax(axis=1)
    boasts = chances**3 / (chances**3).sum(axis=1, keepdims=True)
    wanted = np.eye(3)[labels]
    assert calibration(chances, wanted).error < 0.01
    assert calibration(boasts, wanted).error > 0.1


def test_certainty_falls_into_the_last_bin_and_nothing_into_the_first() -> None:
    found = calibration(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[1.0, 0.0], [0.0, 1.0]]), bins=3)
    assert found.share.tolist() == [0.0, 0.0, 1.0]
    assert found.error == 0.0


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least one bin"):
        calibration(np.ones((1, 1)), np.ones((1, 1)), bins=0)
    with pytest.raises(DataError, match="labels of"):
        calibration(np.ones((2, 2)), np.ones((2, 3)))
    with pytest.raises(DataError, match="shape"):
        calibration(np.zeros((0, 2)), np.zeros((0, 2)))
    with pytest.raises(DataError, match="2 rows, and weights"):
        calibration(np.ones((2, 2)), np.ones((2, 2)), np.ones(3))
