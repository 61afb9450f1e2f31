"""The stationary block bootstrap: what is drawn, and the block length."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.errors import ConfigError, DataError
from halfspread.reports.statistics.resamples import (
    BOOTSTRAP_DAYS,
    Resamples,
    block_length,
    draw_resamples,
    mean_variances,
    means_of_resamples,
)


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def goes_on(resamples: Resamples) -> float:
    """Share of days that follow the one before in the history."""
    index = resamples.index
    return float((index[:, 1:] == (index[:, :-1] + 1) % resamples.days).mean())


@pytest.mark.parametrize("block", [1.0, 2.0, 5.0, 40.0])
def test_blocks_have_the_mean_length_asked_for(block: float) -> None:
    drawn = draw_resamples(rng(), 500, block, 400)
    # a new block may by chance begin on the next day
    assert goes_on(drawn) == pytest.approx(1.0 - 1.0 / block + 1.0 / (block * 500), abs=0.005)


def test_every_day_is_drawn_as_often_as_any_other() -> None:
    drawn = draw_resamples(rng(), 60, 5.0, 4_000)
    counts = np.bincount(drawn.index.ravel(), minlength=60) / 4_000
    assert counts.min() > 0.85
    assert counts.max() < 1.15


def test_equal_generators_draw_equal_resamples() -> None:
    one, two = draw_resamples(rng(7), 100, 3.0, 50), draw_resamples(rng(7), 100, 3.0, 50)
    assert np.array_equal(one.index, two.index)
    assert not np.array_equal(one.index, draw_resamples(rng(8), 100, 3.0, 50).index)


def test_means_are_those_of_the_rows_drawn() -> None:
    drawn = draw_resamples(rng(), 80, 4.0, 30)
    values = rng(2).standard_normal((80, 3))
    assert np.allclose(means_of_resamples(values, drawn), values[drawn.index].mean(axis=1), rtol=0.0, atol=1e-14)


def test_the_variance_by_the_lag_window_is_that_of_the_resampled_means() -> None:
    values = np.cumsum(rng(3).standard_normal(120))[:, None] / 10.0
    drawn = draw_resamples(rng(4), 120, 6.0, 20_000)
    simulated = float(means_of_resamples(values, drawn).var()) * 120
    assert float(mean_variances(values, drawn)[0]) == pytest.approx(simulated, rel=0.04)


def test_single_days_have_the_variance_of_single_days() -> None:
    values = rng(3).standard_normal((90, 2))
    drawn = draw_resamples(rng(), 90, 1.0, 10)
    assert mean_variances(values, drawn).tolist() == pytest.approx(values.var(axis=0).tolist())


def test_longer_memory_asks_for_longer_blocks() -> None:
    noise = rng(5).standard_normal(1_000)
    lengths = []
    for r in (0.0, 0.5, 0.9):
        values = noise.copy()
        for t in range(1, len(values)):
            values[t] += r * values[t - 1]
        lengths.append(block_length(values))
    assert lengths[0] < 6.0 < lengths[1] < lengths[2] <= math.ceil(3 * math.sqrt(1_000))


def test_a_series_that_does_not_vary_has_blocks_of_one_day() -> None:
    assert block_length(np.zeros(100)) == 1.0


def test_a_series_that_moves_on_one_day_only_has_a_block_length() -> None:
    values = np.zeros(100)
    values[0] = 1.0
    assert 1.0 <= block_length(values) <= 34.0


def test_too_few_days_are_refused_with_the_number_needed() -> None:
    for refused in (lambda: draw_resamples(rng(), BOOTSTRAP_DAYS - 1), lambda: block_length(np.ones(59))):
        with pytest.raises(DataError, match=f"at least {BOOTSTRAP_DAYS} days.*got 59"):
            refused()


def test_impossible_draws_are_refused() -> None:
    for block in (0.5, 101.0, math.nan):
        with pytest.raises(ConfigError, match="from 1 to 100 days"):
            draw_resamples(rng(), 100, block)
    with pytest.raises(ConfigError, match="at least one resample"):
        draw_resamples(rng(), 100, 2.0, 0)


def test_resamples_of_other_days_are_refused() -> None:
    with pytest.raises(DataError, match="of 100 days, the series of 90"):
        means_of_resamples(np.zeros((90, 1)), draw_resamples(rng(), 100, 2.0, 5))


@given(st.integers(0, 10_000), st.floats(0.25, 4.0))
def test_the_block_length_does_not_depend_on_the_unit(seed: int, scale: float) -> None:
    values = np.random.default_rng(seed).standard_normal(80)
    assert block_length(scale * values) == pytest.approx(block_length(values), rel=1e-9)
    assert 1.0 <= block_length(values) <= 27.0
