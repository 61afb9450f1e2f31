"""Our statistics beside scipy's, statsmodels' and arch's on the same series, and on the same resamples.

Their numbers are in `parity.json`; `benchmarks/peers/statistics_parity.py` says how they were made.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from halfspread.reports.statistics.days import Days
from halfspread.reports.statistics.intervals import bootstrap_intervals
from halfspread.reports.statistics.probabilistic import expected_best, probabilistic_sharpe
from halfspread.reports.statistics.resamples import Resamples, block_length, draw_resamples, mean_variances
from halfspread.reports.statistics.robust import long_run_variance, robust_ratio_error
from halfspread.reports.statistics.superiority import reality_check, superior_ability
from halfspread.reports.statistics.tail import kurtosis, skewness
from tests.reports.statistics.parity_series import BLOCK, DAYS, RESAMPLES, SEED, differences, rows_drawn, series

THEIRS: dict[str, Any] = json.loads((Path(__file__).parent / "parity.json").read_text(encoding="utf-8"))
SERIES = series()
NAMES = tuple(SERIES)
ROOT = math.sqrt(365)


@pytest.mark.parametrize("name", NAMES)
def test_the_series_are_those_that_the_others_were_given(name: str) -> None:
    assert SERIES[name][:3].tolist() == pytest.approx(THEIRS[name]["first"], rel=1e-15)


@pytest.mark.parametrize("name", NAMES)
def test_skew_and_kurtosis_are_those_of_scipy(name: str) -> None:
    assert skewness(SERIES[name]) == pytest.approx(THEIRS[name]["skew"], rel=1e-12)
    assert kurtosis(SERIES[name]) == pytest.approx(THEIRS[name]["kurtosis"], rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_the_block_length_is_that_of_arch(name: str) -> None:
    assert block_length(SERIES[name]) == pytest.approx(max(THEIRS[name]["block"], 1.0), rel=1e-9)
    assert block_length(SERIES[name] ** 2) == pytest.approx(max(THEIRS[name]["block_of_squares"], 1.0), rel=1e-9)


@pytest.mark.parametrize("lag", [0, 4, 11])
@pytest.mark.parametrize("name", NAMES)
def test_errors_under_autocorrelation_are_those_of_statsmodels(name: str, lag: int) -> None:
    values = SERIES[name]
    mean_error = math.sqrt(long_run_variance(values, lag) / DAYS)
    assert mean_error == pytest.approx(THEIRS[name]["mean_error"][str(lag)], rel=1e-10)
    assert robust_ratio_error(values, lag=lag) == pytest.approx(THEIRS[name]["ratio_error"][str(lag)] * ROOT, rel=1e-9)


@pytest.mark.parametrize("threshold", [0.0, 0.05])
@pytest.mark.parametrize("name", NAMES)
def test_the_probability_of_a_ratio_is_that_of_scipy(name: str, threshold: float) -> None:
    theirs = THEIRS[name]["ratio_probability"][str(threshold)]
    assert probabilistic_sharpe(SERIES[name], threshold * ROOT) == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize("trials", [2, 10, 1_000])
def test_the_best_to_expect_is_that_of_scipys_quantiles(trials: int) -> None:
    assert expected_best(trials, 1.0) == pytest.approx(THEIRS["expected_best"][str(trials)], rel=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_percentile_limits_of_the_ratio_are_those_of_arch_but_for_the_draws(name: str) -> None:
    resamples = draw_resamples(np.random.default_rng(SEED), DAYS, BLOCK, 4_000)
    low, high = bootstrap_intervals(Days.of(SERIES[name]), resamples)["sharpe_ratio"].percentile
    theirs = np.array(THEIRS[name]["ratio_limits"]) * ROOT
    # The quantile of 4,000 draws is off by about 0.04 standard deviations of the ratio, a quarter of the width.
    assert [low, high] == pytest.approx(theirs.tolist(), abs=0.04 * float(np.ptp(theirs)))


def p_value(share: float) -> float:
    """Ours counts the observed value among the draws."""
    return (1.0 + round(share * RESAMPLES)) / (1.0 + RESAMPLES)


def test_the_reality_check_is_that_of_arch_on_the_same_draws() -> None:
    resamples = Resamples(rows_drawn(), BLOCK)
    theirs = THEIRS["reality_check"]
    assert reality_check(differences(), resamples).p == p_value(theirs["upper"])
    assert mean_variances(differences(), resamples).tolist() == pytest.approx(theirs["variances"], rel=1e-10)


def test_hansens_p_values_are_those_of_arch_on_the_same_draws() -> None:
    found, theirs = superior_ability(differences(), Resamples(rows_drawn(), BLOCK)), THEIRS["spa"]
    assert [found.lower, found.p, found.upper] == [p_value(theirs[name]) for name in ("lower", "consistent", "upper")]
    assert found.best == 1  # of the two with gains, the one with more standard errors
