"""Behavioural cloning: what a clone has to be able to do, and what it may not know."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from halfspread.agents.experts.position_expert import PositionExpert
from halfspread.agents.features import FeatureSet
from halfspread.agents.imitation.cloning import BCPolicy, CloneSettings, clone
from halfspread.agents.imitation.dataset import ExpertDataset
from halfspread.agents.imitation.demonstrate import demonstrate
from halfspread.agents.networks.scaler import Scaler
from halfspread.agents.policies.policy import Policy
from halfspread.datafeeds.synthetic.market import SyntheticMarket
from halfspread.engine.market import Market
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import FixedNotional
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError, DataError
from halfspread.strategies import SmaCross, Strategy
from tests.agents.imitation.lessons import COSTS, FEATURES, OPTIONS, WORLD, dataset, market, model

QUICK = CloneSettings(hidden=(16,), epochs=8, batch=128, rate=5e-3)
LINEAR = QUICK.model_copy(update={"hidden": ()})


def fitted(rows: ExpertDataset, settings: CloneSettings = QUICK, seed: int = 0, **more: Any) -> BCPolicy:
    return clone(rows, settings, np.random.default_rng(seed), **more)


def drawn(count: int = 3_000, seed: int = 0, **more: Any) -> ExpertDataset:
    """Rows with two features; the label is the side of their sum where that is large."""
    rng = np.random.default_rng(seed)
    seen = rng.normal(size=(count, 2))
    total = seen.sum(axis=1)
    times = 1_600_000_000 * 10**9 + 60 * 10**9 * np.arange(count)
    label = np.where(np.abs(total) > 0.7, np.sign(total), 0.0)
    zeros, ones = np.zeros(count, np.int64), np.ones(count)
    given: dict[str, Any] = {"expert": label, "executed": label, "probability": ones, "weight": ones}
    features = FeatureSet(("column(a)", "column(b)"))
    return ExpertDataset(
        features, seen, times, **{**given, **more}, actor=zeros, episode=zeros, round=zeros, available=times
    )  # fmt: skip


# What it can do.


def test_the_label_of_chapter_307_is_cloned_by_a_line_out_of_sample() -> None:
    # SMA 5/20 with a band of 0.1 %: almost a linear function of two features, so a clone of it proves nothing
    tape = SyntheticMarket(days=40).tape(np.random.default_rng(3))
    features = FeatureSet(("average_gap(5, 20)", "log_return(1)", "log_return(5)", "volatility(20)", "position"))
    expert = SmaCross(fast=5, slow=20, band=0.001)
    rows = demonstrate(tape, expert, features, COSTS, sizing=FixedNotional(1_000), keep_curve=False)
    train, rest = rows.split(0.7, "1d")
    settings = CloneSettings(hidden=(), epochs=30, batch=128, rate=0.03, validation=0.0, calibrate=False)
    found = fitted(train, settings)
    assert found.agreement(rest) > 0.95
    guess = max((rest.expert == side).mean() for side in (-1.0, 0.0, 1.0))
    assert guess < 0.6  # the most frequent class


def test_an_expert_that_is_a_function_of_what_is_seen_is_cloned() -> None:
    train, rest = drawn().split(0.8)
    for head in ("softmax", "squared", "gaussian"):
        settings = QUICK.model_copy(update={"head": head, "epochs": 40})
        found = fitted(train, settings)
        assert head != "softmax" or found.agreement(rest) > 0.85
        assert found.distance(rest) < 0.4, head
    assert fitted(train, QUICK.model_copy(update={"epochs": 30})).agreement(rest) > 0.97


def test_targets_that_are_numbers_are_told_as_numbers() -> None:
    rows = drawn()
    exposure = np.clip(0.4 * rows.observations[:, 0] - 0.2 * rows.observations[:, 1], -1.0, 1.0)
    rows = replace(rows, expert=exposure)
    for head in ("squared", "gaussian"):
        found = fitted(rows, QUICK.model_copy(update={"head": head, "epochs": 30}))
        assert found.model.targets.size == 0
        assert found.validation is not None
        assert found.distance(found.validation) < 0.1
        wanted = found.model.predict(rows.observations)[0]
        assert np.abs(wanted - exposure).mean() < 0.06


def test_a_clone_runs_in_the_engine_and_does_nearly_what_its_expert_does() -> None:
    rows = dataset(1, 6_000)
    found = fitted(rows, QUICK.model_copy(update={"epochs": 25, "hidden": (32, 32)}))
    assert found.agreement(rows) > 0.97
    policy = Policy.of(found.model)
    expert = run_backtest(market(9, 2_000), PositionExpert(), COSTS, **OPTIONS)
    played = run_backtest(market(9, 2_000), policy, COSTS, **OPTIONS)
    assert played.turnover == pytest.approx(expert.turnover, rel=0.5)


def test_a_mirrored_expert_is_cloned_into_a_mirrored_policy() -> None:
    rows = drawn()
    other = replace(rows, observations=-rows.observations, expert=-rows.expert)
    settings = LINEAR.model_copy(update={"validation": 0.0, "epochs": 40})
    one, mirror = fitted(rows, settings), fitted(other, settings)
    chosen = one.model.targets[one.choices(rows)]
    assert (chosen == -mirror.model.targets[mirror.choices(other)]).mean() > 0.97


class Late(Strategy):
    """Holds the side that the signal had two bars ago: it remembers what nobody sees now."""

    lookback: int = 2

    def on_bar(self, market: Market) -> float:
        return 1.0 if market.history("signal", 3)[0] > 0.0 else -1.0


def test_a_memoryless_clone_of_a_delayed_expert_fails_and_a_stack_of_observations_does_not() -> None:
    rng = np.random.default_rng(5)
    bars = 3_000
    signal = rng.choice([-1.0, 1.0], bars)  # nothing in it tells what it was before
    close = 100.0 + np.cumsum(rng.choice([-0.5, 0.5], bars))
    table = {
        "ts": 1_577_836_800 + 300 * np.arange(bars), "open": close, "high": close, "low": close, "close": close,
        "volume": np.ones(bars), "signal": signal,
    }  # fmt: skip
    tape = Tape.from_bars(table, WORLD, time_unit="s", extra=("signal",))
    agreement = {}
    for stack in (1, 3):
        features = FeatureSet(("column(signal)",), stack)
        train, rest = demonstrate(tape, Late(), features, COSTS, **OPTIONS).split(0.7)
        agreement[stack] = fitted(train, QUICK.model_copy(update={"targets": (-1.0, 1.0)})).agreement(rest)
    assert agreement[1] < 0.6
    assert agreement[3] > 0.999


# How it is fitted.


def test_the_same_seed_gives_the_same_bits() -> None:
    rows = drawn(500)
    settings = QUICK.model_copy(update={"feature_dropout": 0.1})
    one, same, other = (fitted(rows, settings, seed).model for seed in (1, 1, 2))
    assert np.array_equal(one.network.parameters, same.network.parameters)
    assert one.temperature == same.temperature
    assert (one.network.parameters != other.network.parameters).any()


def test_the_scaler_knows_the_rows_that_are_fitted_to_and_no_other() -> None:
    rows = drawn(1_000)
    later = rows.times >= np.sort(rows.times)[800]
    shifted = replace(rows, observations=rows.observations + 50.0 * later[:, None])
    found = fitted(shifted)
    assert found.validation is not None
    assert len(found.train) == 800
    expected = Scaler.fitted(shifted.observations[~later])
    assert np.array_equal(found.model.scaler.centre, expected.centre)
    assert np.array_equal(found.model.scaler.spread, expected.spread)
    assert (np.abs(found.model.scaler.centre) < 1.0).all()  # 50 x 0.2 = 10 if it knew the later rows


def test_an_embargo_lies_between_the_rows_to_fit_and_the_rows_to_judge_by() -> None:
    found = fitted(drawn(1_000), QUICK.model_copy(update={"embargo": "30m"}))
    assert found.validation is not None
    assert found.validation.times.min() - found.train.times.max() > 30 * 60 * 10**9


def test_the_epoch_that_judges_best_is_kept_and_patience_ends_the_fit() -> None:
    rows = drawn(300)
    noisy = replace(rows, expert=np.random.default_rng(0).choice([-1.0, 0.0, 1.0], 300))
    settings = QUICK.model_copy(update={"hidden": (64,), "epochs": 200, "patience": 4, "rate": 0.02})
    found = fitted(noisy, settings)
    assert len(found.fit.validation) == found.fit.best_epoch + 4 < 200
    told: list[int] = []
    fitted(noisy, settings, done=lambda epoch, loss: told.append(epoch))
    assert told == list(range(1, len(found.fit.validation) + 1))


def test_balanced_classes_have_the_same_say() -> None:
    rng = np.random.default_rng(2)
    rows = drawn(4_000)
    rare = rng.random(4_000) < 0.03
    seen = rng.normal(size=(4_000, 2))
    seen[rare, 0] += 1.0
    rows = replace(rows, observations=seen, expert=np.where(rare, 1.0, 0.0))
    plain, balanced = (
        fitted(rows, LINEAR.model_copy(update={"class_weights": way, "epochs": 15})) for way in ("none", "balanced")
    )
    caught = [found.choices(rows)[rare] == 2 for found in (plain, balanced)]
    assert caught[0].mean() < 0.05
    assert caught[1].mean() > 0.5


def test_a_temperature_brings_probabilities_to_their_level_on_rows_that_were_set_aside() -> None:
    rows = drawn(400)
    wrong = np.random.default_rng(3).random(400) < 0.3
    rows = replace(rows, expert=np.where(wrong, -rows.expert, rows.expert))
    settings = QUICK.model_copy(update={"hidden": (64, 64), "epochs": 60, "rate": 0.01})
    hot, plain = fitted(rows, settings), fitted(rows, settings.model_copy(update={"calibrate": False}))
    assert hot.model.temperature != 1.0
    assert plain.model.temperature == 1.0
    assert hot.validation is not None
    chances = [found.model.probabilities(hot.validation.observations) for found in (hot, plain)]
    wanted = hot.validation.classes(hot.model.targets)
    likelihood = [np.log(each[np.arange(len(wanted)), wanted]).mean() for each in chances]
    assert likelihood[0] > likelihood[1]


def test_a_warm_start_goes_on_from_a_model_and_keeps_what_it_has_seen() -> None:
    first = fitted(dataset_of(1), QUICK)
    second = fitted(dataset_of(2), QUICK.model_copy(update={"epochs": 1, "rate": 1e-9}), start=first.model)
    before, after = first.model.network.parameters, second.model.network.parameters
    assert np.allclose(before, after, atol=1e-6)
    assert second.model.scaler is first.model.scaler
    assert second.model.trained == (*first.model.trained, *dataset_of(2).trained)
    assert len(second.model.trained) == 2


def dataset_of(number: int) -> ExpertDataset:
    return demonstrate(market(number, 400), PositionExpert(), FEATURES, COSTS, **OPTIONS)


def test_rows_to_judge_by_may_be_given_and_count_as_seen() -> None:
    found = fitted(dataset_of(1), QUICK, validation=dataset_of(2))
    assert len(found.train) == 400
    assert found.model.trained == (*dataset_of(1).trained, *dataset_of(2).trained)


# What it refuses.


def test_one_class_only_is_refused() -> None:
    calm = replace(drawn(100), expert=np.zeros(100))
    with pytest.raises(DataError, match="the expert wants 0 in all 80 rows; a clone of that is a constant"):
        fitted(calm)
    with pytest.raises(DataError, match="the expert wants 0 in all 80 rows"):
        fitted(calm, QUICK.model_copy(update={"head": "squared"}))
    weightless = replace(drawn(100), weight=np.where(drawn(100).expert == 0.0, 1.0, 0.0))
    with pytest.raises(DataError, match="a clone of that is a constant"):
        fitted(weightless)
    with pytest.raises(DataError, match="80 rows to fit to, and no weight"):
        fitted(replace(drawn(100), weight=np.zeros(100)))


def test_targets_that_tell_nothing_apart_are_refused() -> None:
    for targets in ((), (1.0,), (1.0, 1.0)):
        with pytest.raises(ConfigError, match="two or more different numbers from -1 to 1"):
            CloneSettings(targets=targets)
    with pytest.raises(DataError, match="lies just between two of the targets -1, 1"):
        fitted(drawn(), QUICK.model_copy(update={"targets": (-1.0, 1.0)}))


def test_a_start_that_does_not_fit_is_refused() -> None:
    rows = dataset(1, 200)
    with pytest.raises(DataError, match=r"sizes \(5, 8, 3\) cannot go on with .* and \(5, 16, 3\)"):
        fitted(rows, QUICK, start=model())
    settings = CloneSettings(hidden=(8,), targets=(-1.0, 0.0, 0.5))
    capped = replace(rows, expert=np.clip(rows.expert, -1.0, 0.5))
    with pytest.raises(DataError, match=r"softmax head of targets .* cannot go on with a softmax head of"):
        fitted(capped, settings, start=model())
    with pytest.raises(DataError, match="cannot go on with"):
        fitted(rows, CloneSettings(hidden=(8,), head="squared"), start=model())


def test_no_rows_are_refused() -> None:
    with pytest.raises(ConfigError, match="there are no demonstrations to split"):
        fitted(drawn(10).rows(slice(0, 0)))
    with pytest.raises(ConfigError, match="split at"):
        fitted(drawn(10), QUICK.model_copy(update={"embargo": "30d"}))
