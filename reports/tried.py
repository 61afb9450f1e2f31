"""What was tried on the same data before a run, and how sure its ratio is if it was picked as the best of all that."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from halfspread.errors import DataError
from halfspread.reports import formats
from halfspread.reports.statistics.probabilistic import deflated_sharpe, expected_best
from halfspread.reports.statistics.series import DAYS_PER_YEAR

__all__ = ["Tried", "deflated_after", "luck_after"]

Floats = np.ndarray[Any, np.dtype[np.float64]]
#: Runs that are named in a sentence.
NAMED = 3


@dataclass(frozen=True)
class Tried:
    """``settings`` that were tried on the same data before, by the ``runs`` (``NAME/ID``)."""

    settings: int = 0
    runs: tuple[str, ...] = ()

    def __str__(self) -> str:
        named = ", ".join(self.runs[:NAMED])
        more = f" and {len(self.runs) - NAMED} more" if len(self.runs) > NAMED else ""
        was = "was" if self.settings == 1 else "were"
        return f"{formats.plural(self.settings, 'setting')} {was} tried on these data before ({named}{more})"

    def sentence(self, name: str, pnl: Floats) -> str:
        """The same with the deflated Sharpe ratio of the run called ``name`` with daily ``pnl`` (days,); empty where
        nothing was tried."""
        if not self.settings:
            return ""
        deflated = deflated_after(self, pnl)
        if math.isnan(deflated):
            return f"{self}; the ratio of {name} cannot be deflated by that: it has too few days, or none that vary"
        return (
            f"{self}; if {name} is the best of them, its deflated Sharpe ratio is {formats.percent(deflated, 1)} "
            f"(luck alone would give a ratio of about {formats.number(luck_after(self, len(pnl)))})"
        )


def deflated_after(tried: Tried, pnl: Floats) -> float:
    """Deflated Sharpe ratio of daily ``pnl`` (days,) as the best of all that was tried and itself; NaN with too few
    days. The variance of the ratios tried is taken to be that of ratios without an edge, 365 / days: the most that
    `halfspread.reports.sweep_statistics.luck_variance` allows for."""
    try:
        return deflated_sharpe(pnl, tried.settings + 1, DAYS_PER_YEAR / max(len(pnl), 1))
    except DataError:
        return math.nan


def luck_after(tried: Tried, days: int) -> float:
    """The highest annual ratio to expect of all that was tried and one more, without any edge."""
    return expected_best(tried.settings + 1, DAYS_PER_YEAR / max(days, 1))
