"""Figures of a training, worked by hand."""

from __future__ import annotations

import dataclasses
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from halfspread.commands.training_facts import _changes, _confusion, _regret
from tests.agents.imitation import lessons


def outcome(days: list[float], notional: float = 1000.0) -> Any:
    """A result as far as a regret looks at it: daily PnL in units of the notional, and the sum in money."""
    daily = pd.DataFrame({"pnl": days})
    return SimpleNamespace(daily=lambda: daily, pnl=notional * sum(days), notional=notional)


def regret(learner: list[float], expert: list[float] | None) -> tuple[float, float]:
    given: Any = SimpleNamespace(result=outcome(learner), expert_result=None if expert is None else outcome(expert))
    return _regret(given)


def test_a_confusion_has_a_row_for_each_class_wanted_and_a_column_for_each_chosen() -> None:
    own: Any = SimpleNamespace(
        expert=np.array([-1.0, -1.0, -1.0, 0.0, 1.0, 1.0]), executed=np.array([-1.0, 1.0, 1.0, 1.0, 0.2, 1.0])
    )
    names, counts = _confusion(lessons.model(), own)
    assert names == ("-1", "0", "+1")
    assert counts == ((1, 0, 2), (0, 0, 1), (0, 1, 1))
    assert _confusion(lessons.model(head="squared"), own) == ((), ())


def test_a_regret_is_what_the_expert_made_more_with_the_error_of_a_sum_of_days() -> None:
    expert, learner = [0.01, -0.02, 0.03, 0.00], [0.00, 0.01, 0.01, -0.01]
    found, error = regret(learner, expert)
    assert found == pytest.approx(1000.0 * 0.01)
    apart = [0.01, -0.03, 0.02, 0.01]
    mean = sum(apart) / 4
    deviation = math.sqrt(sum((each - mean) ** 2 for each in apart) / 3)
    assert error == pytest.approx(1000.0 * deviation * 2.0)  # the root of four days


def test_a_regret_of_four_times_as_many_days_is_twice_as_uncertain() -> None:
    rng = np.random.default_rng(0)
    expert, learner = rng.normal(size=(2, 50)).tolist()
    once, often = regret(learner, expert)[1], regret(learner * 4, expert * 4)[1]
    assert often / once == pytest.approx(2.0, rel=0.02)


def test_a_regret_of_one_day_or_of_nobody_has_no_error() -> None:
    assert regret([0.01], [0.02])[0] == pytest.approx(10.0)
    assert math.isnan(regret([0.01], [0.02])[1])
    assert math.isnan(regret([0.01, 0.02], [0.02])[1])
    assert all(map(math.isnan, regret([0.01], None)))


def test_a_change_counts_once_until_it_is_made_or_wanted_no_more() -> None:
    #              made, nothing, late, made, withdrawn without being made, nothing, still open at the end
    expert = [1.0, 1.0, -1.0, -1.0, -1.0, 0.0, 0.0, -1.0, -1.0, 1.0]
    executed = [1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0]
    made = lessons.episode()
    own = dataclasses.replace(made, expert=np.array(expert), executed=np.array(executed))
    assert _changes(own, lessons.model()) == (4, 2)
