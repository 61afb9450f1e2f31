"""Blocks of rows: how long, how they are cut, and whether their intervals hold."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from halfspread.agents.shift.blocks import (
    LEAST_BLOCKS,
    Blocks,
    block_length,
    common_length,
    interval,
    interval_of_counts,
    share_interval,
)
from halfspread.errors import DataError
from tests.agents.shift.samples import autoregressive


def test_blocks_never_go_over_the_end_of_an_episode_and_hold_every_row_once() -> None:
    episode = np.repeat([3, 4, 9], [100, 7, 55])
    blocks = Blocks.of(episode, 20)
    assert blocks.count == 5 + 1 + 3
    assert blocks.lengths.sum() == 162
    for start, length in zip(blocks.starts, blocks.lengths, strict=True):
        assert len(set(episode[start : start + length])) == 1
    assert blocks.labels.tolist() == sorted(blocks.labels.tolist())
    values = np.arange(162.0)
    assert blocks.sums(values).sum() == values.sum()
    assert blocks.sums(values)[0] == values[:20].sum()


def test_counts_by_block_are_those_of_rows() -> None:
    blocks = Blocks.of(np.zeros(10, np.int64), 5)
    counts = blocks.counts(np.array([0, 0, 1, 1, 1, 2, 2, 2, 2, 0]), 3)
    assert counts.tolist() == [[2.0, 3.0, 0.0], [1.0, 0.0, 4.0]]


def test_rows_are_thinned_evenly_and_all_blocks_are_seen() -> None:
    blocks = Blocks.of(np.zeros(10_000, np.int64), 100)
    rows = blocks.evenly(500)
    assert len(rows) == 500
    assert np.bincount(blocks.labels[rows]).tolist() == [5] * 100
    assert blocks.evenly(20_000).tolist() == list(range(10_000))
    few = blocks.evenly(30)
    assert len(few) == 30
    assert len(set(blocks.labels[few])) == 30


def test_blocks_are_longer_the_longer_rows_resemble_each_other() -> None:
    rng = np.random.default_rng(1)
    zero = np.zeros(4_000, np.int64)
    lengths = [block_length(autoregressive(rng, 4_000, 2, memory), zero) for memory in (0.0, 0.5, 0.9, 0.97)]
    assert lengths == sorted(lengths)
    assert lengths[0] <= 5
    # An autoregression of 0.9: sum |k| 0.9^|k| / sum 0.9^|k| = 180 / 19, of which a tenth may be missed.
    assert 50 <= lengths[2] <= 190


def test_the_hour_of_the_day_asks_for_no_long_blocks() -> None:
    wave = np.sin(2.0 * math.pi * np.arange(5_000) / 24.0)[:, None]
    assert block_length(wave, np.zeros(5_000, np.int64)) <= 120


def test_what_stands_still_or_is_short_has_blocks_of_one_row() -> None:
    assert block_length(np.ones((500, 2)), np.zeros(500, np.int64)) == 1
    assert block_length(np.random.default_rng(0).standard_normal((8, 1)), np.zeros(8, np.int64)) == 1


def test_a_jump_between_episodes_is_no_dependence() -> None:
    rng = np.random.default_rng(2)
    rows = rng.standard_normal((4_000, 1))
    episode = np.repeat(np.arange(400), 10)
    assert block_length(rows, episode) <= 6


def test_enough_blocks_are_left_however_long_rows_resemble_each_other() -> None:
    rng = np.random.default_rng(3)
    walk = np.cumsum(rng.standard_normal((600, 1)), axis=0)
    length, wanted = common_length([walk, walk[:300]], [np.zeros(600, np.int64), np.zeros(300, np.int64)])
    assert wanted > length
    assert length == 300 // LEAST_BLOCKS


def test_a_bias_of_resamples_is_taken_off_and_not_doubled() -> None:
    drawn = np.random.default_rng(4).normal(1.2, 0.1, 4_000)
    found = interval(1.0, 1.0, drawn, 1_000, 0.95)
    assert found.low == pytest.approx(0.8 - 0.196, abs=0.02)
    assert found.high == pytest.approx(0.8 + 0.196, abs=0.02)


def test_few_blocks_widen_an_interval_as_students_t_does() -> None:
    """t of 9 degrees of freedom at 97.5 %: 2.2622; of a Gaussian 1.9600; and root(10 / 9)."""
    drawn = np.random.default_rng(5).normal(0.0, 1.0, 200_000)
    found = interval(0.0, 0.0, drawn, 10, 0.95)
    assert found.high == pytest.approx(2.2622 * math.sqrt(10.0 / 9.0), rel=0.02)


def test_too_few_blocks_have_no_interval() -> None:
    found = interval(0.0, 0.0, np.zeros(500), LEAST_BLOCKS - 1, 0.95)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_where_nothing_hangs_together_the_interval_of_a_share_is_wilsons() -> None:
    """20 of 400 rows, each a block, an even spread: Wilson's limits with Student's t of the 22.1 blocks that make up
    the variance (2.0739), as if there were two more of them."""
    happened = np.zeros(400)
    happened[::20] = 1.0
    variance = 400 / 399 * (20 * 0.95**2 + 380 * 0.05**2) / 400**2
    made_of = (20 * 0.95**2 + 380 * 0.05**2) ** 2 / (20 * 0.95**4 + 380 * 0.05**4)
    rows = 0.05 * 0.95 / variance * made_of / (made_of + 2.0)
    odd = 2.0739**2 / rows
    middle, half = 0.05 + odd / 2, math.sqrt(odd * 0.05 * 0.95 + odd**2 / 4)
    found = interval_of_counts(happened, np.ones(400), 0.95)
    assert found.low == pytest.approx((middle - half) / (1 + odd), rel=1e-3)
    assert found.high == pytest.approx((middle + half) / (1 + odd), rel=1e-3)


@pytest.mark.parametrize("rows", [100, 2_000, 17_000])
def test_where_nothing_was_seen_to_happen_it_still_may(rows: int) -> None:
    """Wilson: z^2 / (blocks + z^2), of about as many blocks as rows ** (2 / 3), at most 400."""
    zero = np.zeros(rows, np.int64)
    found = share_interval(np.zeros(rows), zero)
    assert found.low == 0.0
    assert found.high == pytest.approx(3.8415 / (min(rows ** (2 / 3), 400) + 3.8415), rel=0.08)
    always = share_interval(np.ones(rows), zero)
    assert always.high == 1.0
    assert always.low == pytest.approx(1.0 - found.high)
    assert share_interval(np.zeros(rows), zero, block=rows // 10).high == pytest.approx(3.8415 / 13.8415, rel=1e-4)


def test_a_share_and_the_rest_of_it_have_the_same_interval() -> None:
    happened = (autoregressive(np.random.default_rng(6), 900, 1, 0.8)[:, 0] > 1.2).astype(float)
    zero = np.zeros(900, np.int64)
    one, other = share_interval(happened, zero), share_interval(1.0 - happened, zero)
    assert (other.low, other.high) == pytest.approx((1.0 - one.high, 1.0 - one.low))


def test_blocks_without_rows_say_nothing_of_a_share() -> None:
    rows, happened = np.array([4.0, 0.0] * 10), np.array([1.0, 0.0, 0.0, 0.0] * 5)
    alone = interval_of_counts(happened[::2], rows[::2], 0.95)
    assert interval_of_counts(happened, rows, 0.95) == alone
    assert math.isnan(interval_of_counts(happened[:10], rows[:10], 0.95).high)


@pytest.mark.parametrize(
    ("memory", "share"), [(0.0, 0.15), (0.9, 0.006), (0.9, 0.05), (0.95, 0.15), (0.98, 0.023), (0.98, 0.006)]
)
def test_an_interval_of_a_share_holds_its_level_on_both_sides(memory: float, share: float) -> None:
    """False alarm: of 200 intervals of 95 %, at most 13 miss on a side (exact: 99.9 % of the time for 2.5 %)."""
    below = above = naive = 0
    edge, zero = NormalDist().inv_cdf(1.0 - share), np.zeros(3_000, np.int64)
    states = autoregressive(np.random.default_rng([11, round(1_000 * memory)]), 3_000, 200, memory)
    for happened in (states > edge).T.astype(float):
        found = share_interval(happened, zero)
        assert found.low <= happened.mean() <= found.high
        below, above = below + (share < found.low), above + (share > found.high)
        alone = share_interval(happened, zero, block=1)
        naive += not alone.low <= share <= alone.high
    assert below <= 13
    assert above <= 13
    if memory > 0.0:
        assert naive > 25  # rows one by one: the test is not blind


def test_a_share_of_no_rows_is_refused() -> None:
    with pytest.raises(DataError, match="at least one row"):
        share_interval(np.zeros(0), np.zeros(0, np.int64))
