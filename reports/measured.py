"""The tables of a result that pages, terminal tables and the result itself share, computed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from halfspread.reports.certainty import find_intervals
from halfspread.reports.daily import daily
from halfspread.reports.day_series import day_series
from halfspread.reports.metrics import measure
from halfspread.reports.protocol import ResultLike
from halfspread.reports.statistics.days import Days
from halfspread.reports.statistics.intervals import Intervals
from halfspread.reports.trades import trades

__all__ = ["Measured", "looks_ahead", "measured", "seed_of"]


@dataclass(frozen=True, eq=False)
class Measured:
    """Tables of `daily` and `trades`, the dictionary of `measure` and the arrays of `day_series` of one result, and the
    seed of its run; not to be changed in place."""

    days: pd.DataFrame
    trips: pd.DataFrame
    metrics: Mapping[str, float | int | str]
    series: Days
    seed: int

    @classmethod
    def of(cls, result: ResultLike) -> Measured:
        """Compute all of them."""
        days, trips = daily(result), trades(result)
        return cls(days, trips, measure(result, days, trips), day_series(result, days, trips), seed_of(result))

    @cached_property
    def intervals(self) -> Intervals | None:
        """How sure each figure is; None with too few days."""
        return find_intervals(self.series, self.seed)


def measured(result: ResultLike) -> Measured:
    """What ``result`` keeps as its ``measured``, else computed now."""
    kept = getattr(result, "measured", None)
    return kept if isinstance(kept, Measured) else Measured.of(result)


def seed_of(result: ResultLike) -> int:
    """The seed of the run; 0 where the result does not know it."""
    return int(getattr(result, "seed", 0))


def looks_ahead(result: ResultLike) -> bool:
    """Whether the agent is marked as one that knows the future: a bound, not a competitor."""
    return bool(getattr(result, "looks_ahead", False))
