"""Thinning keeps what the eye looks for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.reports.decimation import bucket_edges, even_edges, even_rows, gaps, keep_extremes


@given(st.integers(1, 5_000), st.integers(2, 60), st.integers(0, 2**32 - 1))
def test_extremes_and_ends_survive_and_rows_stay_in_order(length: int, buckets: int, seed: int) -> None:
    values = np.random.default_rng(seed).standard_normal(length).cumsum()
    rows = keep_extremes(values, buckets)
    assert (values[rows].min(), values[rows].max()) == (values.min(), values.max())
    assert (rows[0], rows[-1]) == (0, length - 1)
    assert (np.diff(rows) > 0).all()
    assert len(rows) <= 2 * buckets + 2


def test_a_single_spike_of_one_row_survives() -> None:
    values = np.zeros(1_000_000)
    values[123_457], values[777_777] = 5.0, -3.0
    kept = values[keep_extremes(values)]
    assert 5.0 in kept
    assert -3.0 in kept
    assert len(kept) <= 802


def test_a_short_series_is_left_alone() -> None:
    assert keep_extremes(np.array([3.0, 1.0, 2.0])).tolist() == [0, 1, 2]
    assert keep_extremes(np.zeros(0)).tolist() == []


@pytest.mark.parametrize(("length", "buckets"), [(10, 3), (1, 5), (7, 7), (1000, 13)])
def test_buckets_cover_every_row_once(length: int, buckets: int) -> None:
    edges = bucket_edges(length, buckets)
    sizes = np.diff(np.r_[edges, length])
    assert edges[0] == 0
    assert sizes.sum() == length
    assert sizes.min() >= 1
    assert sizes.max() - sizes.min() <= 1


def test_the_rows_of_a_stack_hold_the_first_the_last_and_both_sides_of_each_edge() -> None:
    times = np.arange(10, dtype=np.int64)
    assert even_rows(times, 2).tolist() == [0, 4, 5, 9]
    assert even_rows(times[:1]).tolist() == [0]
    assert even_rows(times[:0]).tolist() == []


def test_edges_are_even_in_time_and_not_in_rows() -> None:
    dense_then_sparse = np.r_[np.arange(90), 100, 150, 190].astype(np.int64)
    assert even_edges(dense_then_sparse, 2).tolist() == [0, 90]
    assert np.diff(np.r_[even_edges(np.arange(1_000, dtype=np.int64), 7), 1_000]).max() <= 143


def test_a_hole_in_the_times_is_found_and_a_weekend_of_a_daily_series_is_not() -> None:
    hours = np.r_[np.arange(1_000), 1_000 + np.arange(500, 1_500)].astype(np.int64)
    assert gaps(hours).tolist() == [1_000]
    days = np.array([day for day in range(700) if day % 7 < 5], dtype=np.int64)
    assert gaps(days).tolist() == []
    assert gaps(hours[:2]).tolist() == []
