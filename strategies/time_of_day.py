"""Seasonality: hold what a table says for each hour of the day or of the week."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from halfspread.engine.times import HOUR
from halfspread.errors import ConfigError
from halfspread.strategies.compiled import CompiledStrategy
from halfspread.strategies.expert_kernels import MONDAY, WEEK, time_of_day

if TYPE_CHECKING:
    from halfspread.engine.market import Market

__all__ = ["TimeOfDay"]

Target = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]
OFFICE_HOURS = (0.0,) * 8 + (1.0,) * 8 + (0.0,) * 8


class TimeOfDay(CompiledStrategy):
    """Hold the target of the present hour: of 24 from midnight UTC on, or of 168 from Monday midnight UTC on.

    The hour is that of the decision: what is decided at a bar's close at 08:00 is the target for 08:00 to 09:00, and
    is filled at the open then. The table comes from the user, who should have fitted it on other data. The default,
    long from 08:00 to 16:00, stands for nothing in particular.
    """

    hours: Annotated[
        tuple[Target, ...], Field(description="targets by hour of the day (24) or of the week (168), UTC, -1 to 1")
    ] = OFFICE_HOURS
    function = time_of_day

    def check(self) -> None:
        """Raises ConfigError for a table that is neither of a day nor of a week."""
        if len(self.hours) not in (24, WEEK):
            raise ConfigError(
                f"TimeOfDay: hours: expected 24 targets from midnight on, or {WEEK} from Monday midnight on, UTC; got "
                f"{len(self.hours)}"
            )

    def memory(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The targets of the hours of a week from Monday midnight on."""
        return np.array(self.hours * (WEEK // len(self.hours)), np.float64)

    def on_bar(self, market: Market) -> float:
        """The twin in Python."""
        return self.hours[(market.time // HOUR + MONDAY) % WEEK % len(self.hours)]
