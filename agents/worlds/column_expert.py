"""Experts that read columns of the bars: by a threshold, as the column says, or against a deadline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from halfspread.agents.worlds.column_expert_kernels import deadline_rule, follow_rule, threshold_rule
from halfspread.costs.base import Floats
from halfspread.engine.instruments import Instrument
from halfspread.errors import ConfigError
from halfspread.strategies.compiled import CompiledStrategy
from halfspread.strategies.fields import NotNegative

__all__ = ["DeadlineExpert", "FollowingExpert", "ThresholdExpert"]


class _ColumnExpert(CompiledStrategy):
    """What experts of columns share: finding them."""

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        """Nothing to draw."""

    def see_columns(self, columns: Sequence[Sequence[str]]) -> None:
        """Take the columns of the history."""
        self._columns = list(columns[0])

    def _place(self, name: str) -> int:
        if name not in self._columns:
            raise ConfigError(
                f"{type(self).__name__}: no column {name!r} in the bars; there are {', '.join(self._columns)} "
                "(extra=(...) reads more)"
            )
        return self._columns.index(name)


class ThresholdExpert(_ColumnExpert):
    """Holds the side of a column where its size is above ``level``, and nothing elsewhere: what it does depends on
    nothing that it did."""

    column: str = "signal"
    level: NotNegative = 1.0
    function = threshold_rule

    def memory(self) -> Floats:
        """[column, level]"""
        return np.array([self._place(self.column), self.level], np.float64)


class FollowingExpert(_ColumnExpert):
    """Holds what a column says, from -1 to 1."""

    column: str = "exposure"
    function = follow_rule

    def memory(self) -> Floats:
        """[column]"""
        return np.array([self._place(self.column)], np.float64)


class DeadlineExpert(_ColumnExpert):
    """Sells one full size in ``slices`` by a deadline: a slice where the signal is below ``level`` (the price is about
    to fall), or where more is unsold than the share of time that is left (column ``left``, from 1 to 0); at the
    deadline everything."""

    column: str = "signal"
    left: str = "left"
    slices: Annotated[int, Field(ge=1, le=100)] = 4
    level: Annotated[float, Field(allow_inf_nan=False)] = -1.0
    function = deadline_rule

    def memory(self) -> Floats:
        """[column of the signal, column of the time left, slices, level]"""
        return np.array([self._place(self.column), self._place(self.left), self.slices, self.level], np.float64)
