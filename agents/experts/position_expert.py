"""An expert whose action depends on its own past: hysteresis, a stop, a time stop and a cool-down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from halfspread.agents.experts.position_expert_kernels import position_rule
from halfspread.agents.features.feature_set import own_past
from halfspread.costs.base import Floats
from halfspread.engine.instruments import Instrument
from halfspread.errors import ConfigError
from halfspread.strategies.compiled import CompiledStrategy
from halfspread.strategies.fields import NotNegative

__all__ = ["PositionExpert"]


class PositionExpert(CompiledStrategy):
    """Trades the sign of a column of the bars.

    Enters where the signal's size is above ``enter`` and no cool-down is left; leaves where the signal has crossed
    ``leave`` against the position, where the position x the move of the price since entry is below -``stop`` (quote
    currency, before costs), or after ``longest`` bars; then rests for ``cool_down`` bars. So what it does depends on
    what it did: the states that a clone visits are not the expert's.
    """

    column: str = "signal"
    enter: NotNegative = 1.0
    leave: NotNegative = 0.2
    stop: NotNegative = 2.0
    longest: Annotated[int, Field(ge=1)] = 40
    cool_down: Annotated[int, Field(ge=0)] = 10
    function = position_rule

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        """Nothing to draw."""

    def see_columns(self, columns: Sequence[Sequence[str]]) -> None:
        """Find the signal. Raises ConfigError where the bars have no such column."""
        if self.column not in columns[0]:
            there = ", ".join(columns[0])
            raise ConfigError(
                f"PositionExpert: no column {self.column!r} in the bars; there are {there} (extra=(...) reads more)"
            )
        self._place = list(columns[0]).index(self.column)
        self._own = own_past(columns[:1])[0]

    def memory(self) -> Floats:
        """[column, enter, leave, stop, longest, cool-down, own past...]"""
        head = [self._place, self.enter, self.leave, self.stop, self.longest, self.cool_down]
        return np.array([*head, *self._own], np.float64)
