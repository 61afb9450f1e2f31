"""Bars that are taken in by the kernel itself: one by one, several at once, and too many at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from halfspread.agents.features import FeatureSet
from halfspread.agents.policies.policy import memory_of, observation_in
from halfspread.agents.policies.policy_kernels import look_now
from halfspread.engine.records import CONTEXT
from halfspread.engine.times import Floats
from tests.engine.worlds import LINEAR

COLUMNS = ("open", "high", "low", "close", "volume")
FEATURES = FeatureSet(("scaled_return(2, 6)", "scaled_range(6)", "volume_score(6)", "faded_volatility(6)"))


def bars(rows: int = 80) -> Floats:
    rng = np.random.default_rng(2)
    close = 100.0 * np.exp(0.01 * rng.standard_normal(rows).cumsum())
    return np.column_stack([close, 1.004 * close, 0.997 * close, close, rng.gamma(2.0, 5.0, rows)])


def looked(rows: list[int]) -> Floats:
    """What is seen at the last of these rows by one who looks at each of them; the first bar received is row 0."""
    memory, contexts, history = memory_of(FEATURES, [LINEAR], [COLUMNS]), np.zeros(1, CONTEXT), bars()
    for row in rows:
        context: Any = contexts[0]
        context["rows"][0], context["seen"][0] = row, row + 1
        look_now(memory, contexts, history)
    return observation_in(memory).copy()


def test_several_bars_at_once_are_the_same_bars_one_by_one() -> None:
    one_by_one = looked(list(range(7, 40)))
    assert looked([7, 10, 11, 18, 18, 25, 32, 39]).tobytes() == one_by_one.tobytes()
    assert looked([*range(9, 40)]).tobytes() != one_by_one.tobytes()


@pytest.mark.parametrize("missed", [8, 9, 30])
def test_who_missed_more_bars_than_are_needed_begins_again(missed: int) -> None:
    """Seven rows hold a half-life of six; the eighth is where the first move comes from."""
    late = looked([*range(7, 20), 19 + missed])
    assert late.tobytes() == looked([19 + missed]).tobytes()
    assert late.tobytes() != looked([*range(7, 20 + missed)]).tobytes()


def test_who_missed_as_many_as_are_needed_goes_on() -> None:
    assert looked([*range(7, 20), 26]).tobytes() == looked([*range(7, 27)]).tobytes()
