"""A constant position under the gate of this family: the baseline without a model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from halfspread.agents.rrl import records as at
from halfspread.agents.rrl.gated_constant_kernels import CONSTANT, act
from halfspread.agents.rrl.online_trader import OnlineTrader, Units
from halfspread.costs.base import Floats
from halfspread.errors import ConfigError

__all__ = ["GatedConstant"]


class GatedConstant(OnlineTrader):
    """Holds ``position`` (a fraction of the sizing notional) while the gate is open, and nothing while it is shut.

    The gate looks at what holding it all along has earned, less funding; that shadow never trades, so it pays no costs.
    Nothing is learnt, and features are not looked at.
    """

    position: Annotated[float, Field(ge=-1.0, le=1.0)] = 0.99
    features: tuple[str, ...] = ()
    units: Units = "relative"
    clip: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    funding_on: Literal["chosen", "carried"] = "carried"
    sees_costs = False
    function = act

    def check(self) -> None:
        """A position within the clip. Raises ConfigError."""
        super().check()
        if abs(self.position) > self.clip:
            raise ConfigError(f"{self.name}: position: expected at most clip = {self.clip:g}, got {self.position:g}")

    def memory(self) -> Floats:
        """See ``agents.rrl.gated_constant_kernels``."""
        places, numbers, parts = self.common_parts()
        numbers[CONSTANT] = self.position
        return self.joined(places, parts, range(at.PLAN, at.NUMBERS + 1))

    def describe(self) -> str:
        """How it decided, in a sentence."""
        return f"constant position {self.position:+g}, {self.gate_text}; nothing was learnt"
