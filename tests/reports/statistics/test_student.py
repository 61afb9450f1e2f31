"""Quantiles of Student's t against printed tables."""

from __future__ import annotations

import math

import pytest

from halfspread.errors import ConfigError
from halfspread.reports.statistics.student import student_quantile


@pytest.mark.parametrize(
    ("probability", "freedom", "value"),
    [
        (0.975, 1, 12.706205),
        (0.975, 2, 4.302653),
        (0.95, 3, 2.353363),
        (0.975, 9, 2.262157),
        (0.995, 30, 2.749996),
        (0.975, 249, 1.969537),
        (0.975, math.inf, 1.959964),
        (0.5, 7, 0.0),
    ],
)
def test_quantiles_are_those_of_the_tables(probability: float, freedom: float, value: float) -> None:
    assert student_quantile(probability, freedom) == pytest.approx(value, abs=1e-6)
    assert student_quantile(1.0 - probability, freedom) == pytest.approx(-value, abs=1e-6)


def test_freedom_may_be_a_fraction_and_more_of_it_means_less() -> None:
    found = [student_quantile(0.975, freedom) for freedom in (1.5, 2.0, 2.5, 3.0, 1e7)]
    assert found == sorted(found, reverse=True)
    assert found[-1] == pytest.approx(1.959964, abs=1e-5)


@pytest.mark.parametrize(("probability", "freedom"), [(0.0, 3.0), (1.0, 3.0), (0.9, 0.0), (0.9, math.nan)])
def test_what_is_none_is_refused(probability: float, freedom: float) -> None:
    with pytest.raises(ConfigError, match="expected a probability inside 0 to 1"):
        student_quantile(probability, freedom)
