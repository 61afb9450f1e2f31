"""Augmentation: what is made of rows is true of them, stays on its side of a split, and is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from halfspread.agents.features import KINDS, FeatureSet
from halfspread.agents.imitation.augment import (
    EVEN,
    ODD,
    Augmentation,
    bootstrapped,
    jittered,
    mirrored,
    signs_of,
    slower,
)
from halfspread.agents.imitation.cloning import CloneSettings, clone
from halfspread.agents.imitation.dataset import ExpertDataset
from halfspread.agents.imitation.demonstrate import demonstrate
from halfspread.agents.imitation.rollout import roll_out
from halfspread.engine import instruments
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError, DataError
from halfspread.strategies import Bollinger, SmaCross
from tests.agents.imitation.lessons import COSTS, FEATURES, OPTIONS, START, dataset, market

SIGNS = {"column(signal)": -1}
FINE = instruments.linear("FINE", multiplier=1.0, lot=1.0, tick=1e-9)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def quoted(closes: Any, upside_down: bool = False) -> Tape:
    """Bars of small moves, or their mirror: every price p becomes 10,000 / p."""
    noise = np.abs(np.random.default_rng(8).normal(size=(2, len(closes)))) * 1e-4
    open_ = np.concatenate([closes[:1], closes[:-1]])
    high, low = np.maximum(open_, closes) * (1 + noise[0]), np.minimum(open_, closes) * (1 - noise[1])
    columns = [open_, high, low, closes]
    if upside_down:
        columns = [1e4 / open_, 1e4 / low, 1e4 / high, 1e4 / closes]
    names = ("open", "high", "low", "close")
    volume = np.random.default_rng(9).uniform(1.0, 5.0, len(closes))
    ts = START + 300 * np.arange(len(closes))
    return Tape.from_bars({"ts": ts, **dict(zip(names, columns, strict=True)), "volume": volume}, FINE, time_unit="s")


# The mirror.


def test_every_kind_of_feature_is_odd_even_or_a_column() -> None:
    assert not ODD & EVEN
    assert {*ODD, *EVEN, "column"} == set(KINDS)


def test_the_mirror_of_an_observation_is_what_is_seen_in_the_mirrored_market() -> None:
    closes = 100.0 * np.exp(np.cumsum(np.random.default_rng(4).normal(scale=1e-4, size=400)))
    names = (
        "log_return(1)", "log_return(7)", "momentum(10)", "volatility(10)", "volume", "volume_ratio(5)",
        "signed_volume(6)", "bar_range(4)", "range_position(8)", "average_gap(3, 12)", "strength(6)", "day_sine",
        "week_cosine", "position", "open_pnl", "age", "cool_down(5)",
    )  # fmt: skip
    features = FeatureSet(names, 2)
    expert = Bollinger(window=12, width=1.0)
    one, other = (roll_out(quoted(closes, way), expert, features, COSTS, **OPTIONS) for way in (False, True))
    expected = one.observations * signs_of(features)
    size = np.abs(expected).mean(axis=0)
    away = np.abs(other.observations - expected).mean(axis=0) / np.where(size > 0.0, size, 1.0)
    assert away.max() < 0.02, dict(zip(features.columns, away, strict=True))
    assert (size > 0.0).all()
    assert (other.expert == -one.expert).mean() > 0.99


def test_a_policy_of_mirrored_rows_acts_in_mirror() -> None:
    rows = mirrored(dataset(1, 2_000), SIGNS)
    assert len(rows) == 4_000
    assert np.array_equal(rows.expert[2_000:], -rows.expert[:2_000])
    settings = CloneSettings(hidden=(24,), epochs=30, batch=128, rate=5e-3, validation=0.0, calibrate=False)
    plain = clone(dataset(1, 2_000), settings, rng())
    both = clone(rows, settings, rng())
    turn = signs_of(FEATURES, SIGNS)
    seen = dataset(5, 1_500).observations
    symmetry = []
    for found in (plain, both):
        one, other = found.model.predict(seen)[0], found.model.predict(seen * turn)[0]
        symmetry.append((one == -other).mean())
    assert symmetry[1] > symmetry[0]
    assert symmetry[1] > 0.985


def test_a_column_has_no_mirror_unless_it_is_said() -> None:
    with pytest.raises(ConfigError, match=r"nobody knows whether column\(signal\) changes its sign .*signs={'column"):
        mirrored(dataset(1, 100))
    with pytest.raises(ConfigError, match="no feature 'age2'; there are"):
        signs_of(FEATURES, {"age2": 1})
    with pytest.raises(ConfigError, match=r"column\(signal\): expected 1 or -1, got 0"):
        signs_of(FEATURES, {"column(signal)": 0})
    assert signs_of(FEATURES, SIGNS).tolist() == [-1.0, -1.0, 1.0, 1.0, 1.0]


# Jitter.


def test_jitter_is_a_part_of_each_deviation_and_leaves_what_the_agent_knows_of_itself() -> None:
    rows = dataset(1, 4_000)
    more = jittered(rows, 0.1, rng(), copies=2)
    assert len(more) == 12_000
    assert np.array_equal(more.observations[:4_000], rows.observations)
    noise = more.observations[4_000:] - np.tile(rows.observations, (2, 1))
    assert noise[:, 0].std() == pytest.approx(0.1 * rows.observations[:, 0].std(), rel=0.05)
    assert (noise[:, 1:] == 0.0).all()
    assert np.array_equal(more.expert[4_000:], np.tile(rows.expert, 2))
    for share, copies in ((0.0, 1), (-1.0, 1), (float("nan"), 1), (0.1, 0)):
        with pytest.raises(ConfigError, match="a share above 0 and copies from 1"):
            jittered(rows, share, rng(), copies=copies)


# Bootstrap.


def test_a_bootstrap_draws_blocks_of_consecutive_rows_within_episodes() -> None:
    rows = dataset(1, 300) + dataset(2, 200)
    rows = replace(rows, weight=np.arange(500.0))  # which row it was
    drawn = bootstrapped(rows, 20, rng(3))
    assert len(drawn) == 500
    places = drawn.weight.astype(int)
    steps = np.diff(places)
    assert (steps == 1).mean() > 0.9
    joints = np.flatnonzero(steps != 1)
    assert np.diff(joints).max() <= 20
    assert len(np.unique(places)) < 400  # with replacement
    with pytest.raises(ConfigError, match="blocks of one row or more, got 0"):
        bootstrapped(rows, 0, rng())
    with pytest.raises(DataError, match="no demonstrations to draw from"):
        bootstrapped(rows.rows(slice(0, 0)), 5, rng())


def test_a_block_ends_with_its_episode() -> None:
    rows = replace(dataset(1, 40) + dataset(2, 40), weight=np.arange(80.0))
    over = 0
    for seed in range(40):
        places = bootstrapped(rows, 30, rng(seed)).weight.astype(int)
        over += int(((places[:-1] == 39) & (places[1:] == 40)).sum())
    assert over < 5  # a new block begins there by chance, once in 80; about 50 times if blocks went on


# What all have in common.

WAYS: dict[str, Any] = {
    "mirror": Augmentation(mirror=True, signs=SIGNS),
    "jitter": Augmentation(jitter=0.1, copies=2),
    "bootstrap": Augmentation(bootstrap=25),
    "all": Augmentation(mirror=True, signs=SIGNS, bootstrap=25, jitter=0.05),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_made_of_a_row_stays_on_its_side_of_a_split(way: str) -> None:
    # however it is done: rows made before the split, or after it, as a clone does
    rows = replace(dataset(1, 600), weight=1.0 + np.arange(600.0))  # which row it was made of
    moment = int(rows.times[400])
    before, after = WAYS[way](rows, rng(1)).split(moment, "25m")
    assert before.weight.max() == 400.0
    assert after.weight.min() >= 406.0
    settings = CloneSettings(hidden=(4,), epochs=1, validation=0.3, embargo="25m")
    made = clone(rows, settings, rng(1), augment=WAYS[way])
    assert made.validation is not None
    assert "augmented" not in made.validation.facts
    assert len(made.validation) < 181
    assert made.train.weight.max() < made.validation.weight.min()
    assert made.train.facts["augmented"]


@pytest.mark.parametrize("way", WAYS)
def test_it_keeps_provenance_says_what_was_done_and_repeats_with_its_seed(way: str) -> None:
    rows = demonstrate(market(1, 300), SmaCross(fast=3, slow=9), FEATURES, COSTS, **OPTIONS)
    one, same, other = (WAYS[way](rows, rng(seed)) for seed in (1, 1, 2))
    assert one.trained == rows.trained
    assert one.facts["expert"] == rows.facts["expert"]
    assert [each["kind"] for each in one.facts["augmented"]] == (
        ["mirror", "bootstrap", "jitter"] if way == "all" else [way]
    )
    assert one.digest() == same.digest()
    assert (one.digest() == other.digest()) == (way == "mirror")
    assert set(one.times.tolist()) <= set(rows.times.tolist())


def test_no_augmentation_changes_nothing() -> None:
    rows = dataset(1, 100)
    assert Augmentation()(rows, rng()) is rows


# Another pace.


def test_a_slower_market_has_longer_bars_of_the_same_prices() -> None:
    tape = market(1, 302)
    slow = slower(tape, 3)
    bars, longer = tape.bars.rows, slow.bars.rows  # type: ignore[union-attr]
    assert slow.interval == 3 * tape.interval
    assert len(slow.bars) == 100
    assert np.array_equal(longer[:, 0], bars[0:300:3, 0])
    assert np.array_equal(longer[:, 1], bars[:300, 1].reshape(100, 3).max(axis=1))
    assert np.array_equal(longer[:, 2], bars[:300, 2].reshape(100, 3).min(axis=1))
    assert np.array_equal(longer[:, 3], bars[2:300:3, 3])
    assert (longer[:, 4] == 3.0).all()
    assert np.array_equal(longer[:, 5], bars[2:300:3, 5])
    found = demonstrate(slow, SmaCross(fast=3, slow=9), FEATURES, COSTS, **OPTIONS)
    assert isinstance(found, ExpertDataset)
    assert len(found) == 92
    assert found.trained[0].data != demonstrate(tape, SmaCross(), FEATURES, COSTS, **OPTIONS).trained[0].data


def test_a_bar_that_lacks_one_is_left_out() -> None:
    rows = market(1, 30).bars.rows  # type: ignore[union-attr]
    kept = np.delete(np.arange(30), [7])
    names = ("open", "high", "low", "close", "volume")
    table = {"ts": START + 300 * kept, **{name: rows[kept, i] for i, name in enumerate(names)}}
    slow = slower(Tape.from_bars(table, FINE, time_unit="s"), 3)
    assert len(slow.bars) == 9
    with pytest.raises(ConfigError, match="a factor of 2 or more, got 1"):
        slower(market(1, 30), 1)
    with pytest.raises(DataError, match="none of them is complete"):
        slower(market(1, 30), 40)
