"""Clones as agents of a config: which rows they learn from, what they have seen, and how they trade."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from halfspread.agents.experts.plan import Foresight
from halfspread.agents.experts.position_expert import PositionExpert
from halfspread.agents.imitation.clones import Clone
from halfspread.agents.imitation.cloning import CloneSettings
from halfspread.agents.imitation.dataset import save_dataset
from halfspread.agents.imitation.demonstrate import demonstrate
from halfspread.agents.imitation.learner import Lesson
from halfspread.agents.policies.policy import Policy
from halfspread.engine.run import run_backtest
from halfspread.engine.tape import Tape
from halfspread.engine.training import training_range
from halfspread.errors import DataError
from tests.agents.imitation import lessons

SETTINGS = CloneSettings(hidden=(4,), epochs=2, batch=64)


def taught(tape: Tape, **changes: Any) -> Lesson:
    given = {"expert": PositionExpert(), "features": lessons.FEATURES.names, "settings": SETTINGS, **changes}
    return Clone(**given).learn(tape, np.random.default_rng(5), costs=lessons.COSTS, options=lessons.OPTIONS)


def time_of(tape: Tape, row: int) -> pd.Timestamp:
    return pd.Timestamp(int(tape.feeds[0].table("bars").times[row]), tz="UTC")


def test_of_recorded_rows_those_inside_the_window_alone_count(tmp_path: Path) -> None:
    whole = lessons.market()
    rows = demonstrate(whole, PositionExpert(), lessons.FEATURES, lessons.COSTS, **lessons.OPTIONS)
    file = save_dataset(rows, tmp_path / "rows.parquet")
    window = whole.slice(time_of(whole, 100), time_of(whole, 299))
    lesson = taught(window, expert=None, demonstrations=str(file), features=())
    inside = (rows.times >= window.start_ns) & (rows.times <= window.end_ns)
    assert 190 < inside.sum() < 210
    np.testing.assert_array_equal(lesson.dataset.times, rows.times[inside])
    assert max(each.end for each in lesson.policy.trained) <= window.end_ns


@pytest.mark.parametrize(("first", "last"), [(0, 99), (300, 399)])
def test_rows_that_are_all_before_or_all_after_the_window_are_refused(first: int, last: int, tmp_path: Path) -> None:
    whole = lessons.market()
    part = whole.slice(time_of(whole, first), time_of(whole, last))
    rows = demonstrate(part, PositionExpert(), lessons.FEATURES, lessons.COSTS, **lessons.OPTIONS)
    file = save_dataset(rows, tmp_path / "rows.parquet")
    window = whole.slice(time_of(whole, 150), time_of(whole, 250))
    with pytest.raises(DataError, match=r"rows\.parquet: its rows go from .*, none of them in the training window"):
        taught(window, expert=None, demonstrations=str(file), features=())


def test_a_clone_has_seen_its_window_and_what_its_expert_has_seen() -> None:
    before, tape = training_range(lessons.market(1, instrument=lessons.OTHER)), lessons.market()
    assert taught(tape).policy.trained == training_range(tape)
    expert = Policy.of(replace(lessons.contrarian(lessons.FEATURES), trained=before))
    assert taught(tape, expert=expert).policy.trained == (*training_range(tape), *before)


def test_an_expert_that_looks_ahead_is_shown_the_training_window_and_nothing_else() -> None:
    whole = lessons.market()
    window = whole.slice(time_of(whole, 0), time_of(whole, 199))
    rows = taught(window, expert=Foresight(ahead=3)).dataset
    closes = next(iter(window.feeds[0].blocks("bars"))).rows[:, 3]
    wanted = np.sign(closes[3:] - closes[:-3])
    np.testing.assert_array_equal(rows.expert[: len(wanted)], wanted)
    assert (rows.expert[len(wanted) :] == wanted[-1]).all()  # nothing is known of what follows the window


@pytest.mark.parametrize("deterministic", [True, False])
def test_the_policy_draws_or_not_as_the_learner_was_told(deterministic: bool) -> None:
    tape, fresh = lessons.market(), lessons.market(1, start=lessons.START + 10**8)
    policy = taught(tape, deterministic=deterministic).policy
    assert policy.deterministic == deterministic
    runs = [run_with_seed(fresh, policy, seed) for seed in (1, 2)]
    assert (runs[0] == runs[1]) == deterministic


def run_with_seed(tape: Tape, policy: Policy, seed: int) -> float:
    return run_backtest(tape, policy, lessons.COSTS, **lessons.OPTIONS, seed=seed).pnl


def test_the_policy_trades_the_instrument_that_was_named() -> None:
    tape = Tape.join(lessons.market(1, instrument=lessons.OTHER), lessons.market())
    policy = taught(tape, features=("log_return(1)", "position"), instrument=1, expert=lessons.Second()).policy
    assert policy.instrument == 1
