"""The tables of a result that pages, terminal tables and the result itself share, computed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from halfspread.reports.daily import daily
from halfspread.reports.metrics import measure
from halfspread.reports.protocol import ResultLike
from halfspread.reports.trades import trades

__all__ = ["Measured", "measured"]


@dataclass(frozen=True, eq=False)
class Measured:
    """Tables of `daily` and `trades` and the dictionary of `measure` of one result; not to be changed in place."""

    days: pd.DataFrame
    trips: pd.DataFrame
    metrics: Mapping[str, float | int | str]

    @classmethod
    def of(cls, result: ResultLike) -> Measured:
        """Compute all three."""
        days, trips = daily(result), trades(result)
        return cls(days, trips, measure(result, days, trips))


def measured(result: ResultLike) -> Measured:
    """What ``result`` keeps as its ``measured``, else computed now."""
    kept = getattr(result, "measured", None)
    return kept if isinstance(kept, Measured) else Measured.of(result)
