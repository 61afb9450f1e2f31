"""An expert whose action depends on its own past: hysteresis, a stop, a time stop and a cool-down."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from halfspread.agents.experts.position_expert_kernels import position_rule
from halfspread.agents.features import Feature, FeatureSet
from halfspread.agents.policies.policy import memory_of
from halfspread.costs.base import Floats
from halfspread.engine.instruments import Instrument
from halfspread.errors import ConfigError
from halfspread.strategies.compiled import CompiledStrategy
from halfspread.strategies.fields import NotNegative

__all__ = ["PositionExpert"]


class PositionExpert(CompiledStrategy):
    """Trades the sign of a feature of the first instrument, or of any other on the tape.

    Enters where the signal's size is above ``enter`` and no cool-down is left; leaves where the signal has crossed
    ``leave`` against the position, where the position has lost more than ``stop`` since it was taken (position x the
    move of the price, before costs; in quote currency, or as a fraction of the price), or after ``longest`` bars; then
    rests for ``cool_down`` bars. So what it does depends on what it did: the states that a clone visits are not the
    expert's. A signal that the learner is not shown makes it a privileged expert.
    """

    signal: Annotated[str, Field(description="a feature, such as momentum(24) or column(name)")] = "column(signal)"
    enter: Annotated[NotNegative, Field(description="size of the signal to enter above")] = 1.0
    leave: Annotated[NotNegative, Field(description="size of the signal against the position to leave above")] = 0.2
    stop: Annotated[NotNegative, Field(description="loss to leave above")] = 2.0
    stop_unit: Annotated[Literal["price", "fraction"], Field(description="unit of the stop")] = "price"
    longest: Annotated[int, Field(ge=1, description="bars")] = 40
    cool_down: Annotated[int, Field(ge=0, description="bars")] = 10
    function = position_rule

    def check(self) -> None:
        """The signal is a feature of the market. Raises ConfigError."""
        if Feature.parse(self.signal).of_kind.own:
            raise ConfigError(f"PositionExpert: signal: expected a feature of the market, got {self.signal}")

    @property
    def _looked(self) -> FeatureSet:
        return FeatureSet((self.signal,))

    @property
    def lookback(self) -> int:  # type: ignore[override]
        """As many rows as the signal needs."""
        return self._looked.lookback

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        """Nothing to draw."""
        self._instruments = instruments
        self._tables: Sequence[Collection[str]] | None = None

    def see_tables(self, tables: Sequence[Collection[str]]) -> None:
        """Take what the tape holds."""
        self._tables = tables

    def see_columns(self, columns: Sequence[Sequence[str]]) -> None:
        """Find the signal. Raises ConfigError where the tape does not have what it needs."""
        self._look = memory_of(self._looked, self._instruments, columns, tables=self._tables)

    def memory(self) -> Floats:
        """See ``agents.experts.position_expert_kernels``."""
        by_fraction = float(self.stop_unit == "fraction")
        head = [self.enter, self.leave, self.stop, self.longest, self.cool_down, by_fraction]
        return np.concatenate([head, self._look])
