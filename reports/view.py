"""What the sections of a page share: a result with its tables, the frame of a section, and labels of axes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from halfspread.reports import formats
from halfspread.reports.measured import measured
from halfspread.reports.protocol import ResultLike
from halfspread.reports.svg import element, text

__all__ = ["View", "money_label", "percent_label", "section"]

Floats = NDArray[np.float64]
Times = NDArray[np.int64]


@dataclass(frozen=True)
class View:
    """A result with everything that the sections show of it: ``days``, ``trips`` and ``metrics`` as in `Measured`."""

    result: ResultLike
    days: pd.DataFrame
    trips: pd.DataFrame
    metrics: dict[str, Any]

    @classmethod
    def of(cls, result: ResultLike) -> View:
        """View of ``result`` with the tables it keeps, computed here where it keeps none."""
        tables = measured(result)
        return cls(result, tables.days, tables.trips, dict(tables.metrics))

    def curve(self) -> tuple[Times, Floats, Floats]:
        """Time, net PnL in units of notional, and equity in report currency, from the start on; made anew at each
        call."""
        curve, result = self.result.curve, self.result
        equity = np.r_[result.capital, curve["equity"].to_numpy(dtype=np.float64)]
        collateral = np.r_[0.0, curve["collateral"].to_numpy(dtype=np.float64)]
        return _times(curve, result.start), (equity - collateral - result.capital) / result.notional, equity

    def cumulative(self, column: str) -> tuple[Times, Floats]:
        """Time and a cumulative column of the periods in units of notional, from zero at the start."""
        periods = self.result.periods
        values = np.r_[0.0, periods[column].to_numpy(dtype=np.float64)] / self.result.notional
        return _times(periods, self.result.start), values


def _times(frame: pd.DataFrame, start: pd.Timestamp) -> Times:
    """The index in nanoseconds UTC after the start."""
    index = pd.DatetimeIndex(frame.index).as_unit("ns")
    return np.concatenate([[start.as_unit("ns").value], index.asi8])


def section(title: str, lead: str, *content: str, anchor: str | None = None) -> str:
    """A section with its title and a sentence on how to read it."""
    return element("section", element("h2", text(title)), element("p", text(lead), class_="lead"), *content, id=anchor)


def money_label(values: Floats) -> Callable[[float], str]:
    """Amounts in one unit for a whole axis: plain, thousands, millions or billions."""
    size = float(np.abs(values).max()) if len(values) else 0.0
    for limit, divisor, unit in ((2e9, 1e9, "B"), (2e6, 1e6, "M"), (1e5, 1e3, "k")):
        if size >= limit:
            digits = 0 if size >= 10 * divisor else 1
            return lambda value: formats.number(value / divisor, digits) + unit
    digits = 0 if size >= 100 else formats.decimals([size])
    return lambda value: formats.number(value, digits)


def percent_label(values: Floats) -> Callable[[float], str]:
    """Percent with as many decimals as the range of the axis needs."""
    size = float(np.abs(values).max()) if len(values) else 0.0
    digits = 0 if size >= 0.1 else 1 if size >= 0.01 else 2 if size >= 0.001 else 3
    return lambda value: formats.percent(value, digits)
