"""Rows of demonstrations that are there already: an aggregation of copies teaches nothing, and looks like learning.

A row is a copy where its time, observation and label are those of a row before. Some copies are honest: a learner that
has become as good as its expert comes to the expert's states. Two are not: the same run of an expert added twice, and
rollouts in which the learner did otherwise and yet saw nothing but the states of a run before, so that its actions
never reached the market.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from halfspread.agents.features import FeatureSet
from halfspread.agents.imitation.rollout import EXPERT
from halfspread.costs.base import Floats, Integers
from halfspread.engine.times import time_text
from halfspread.errors import DataError

__all__ = ["Rows", "copied_rows", "refuse_copies"]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)


class Rows(Protocol):
    """What is looked at: columns of an `ExpertDataset`."""

    @property
    def features(self) -> FeatureSet: ...

    @property
    def observations(self) -> Floats: ...

    @property
    def times(self) -> Integers: ...

    @property
    def expert(self) -> Floats: ...

    @property
    def executed(self) -> Floats: ...

    @property
    def actor(self) -> Integers: ...

    @property
    def episode(self) -> Integers: ...


def copied_rows(before: Rows, after: Rows) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which rows of ``after`` are copies of rows of ``before``."""
    return np.isin(_marks(after), _marks(before))


def refuse_copies(before: Rows, after: Rows) -> int:
    """How many rows of ``after`` are copies. Raises DataError for an episode that may not be one."""
    copied = copied_rows(before, after)
    if not copied.any():
        return 0
    for episode in np.unique(after.episode[copied]).tolist():
        places = np.flatnonzero(after.episode == episode)
        if copied[places].all():
            _refuse_copy(after, places)
    return int(copied.sum())


def _refuse_copy(rows: Rows, places: Integers) -> None:
    """Raise DataError where an episode that consists of copies is no honest one."""
    when = f"{time_text(int(rows.times[places[0]]))} to {time_text(int(rows.times[places[-1]]))}"
    where = f"demonstrations: all {len(places):,} rows of an episode from {when} are there already"
    otherwise = int((rows.executed[places] != rows.expert[places])[:-1].sum())
    if (rows.actor[places] == EXPERT).all():
        raise DataError(
            f"{where}: the same run of the expert twice; leave one of them out, or record it on another market"
        )
    if otherwise and rows.features.own:
        raise DataError(
            f"{where}, although {otherwise:,} of its decisions were not the expert's: what was executed never reached "
            "the market (its position would show in the features); roll out with the action that was chosen"
        )


def _marks(rows: Rows) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """A hash of each row, 64 bits."""
    found = rows.times.view(np.uint64) * _STEP
    for column in (rows.expert, *rows.observations.T):
        found = (found ^ np.ascontiguousarray(column + 0.0).view(np.uint64)) * _STEP  # + 0.0: -0.0 is 0.0
        found ^= found >> _SHIFT
    return found
