"""What the sections of a page share: a result with its tables, the frame of a section, and labels of axes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from halfspread.reports import formats
from halfspread.reports.benchmark import Benchmark
from halfspread.reports.measured import measured
from halfspread.reports.names import on_events
from halfspread.reports.protocol import InstrumentLike, ResultLike
from halfspread.reports.statistics.days import Days
from halfspread.reports.statistics.intervals import Intervals
from halfspread.reports.svg import element, text

__all__ = ["View", "money_label", "percent_label", "section"]

Floats = NDArray[np.float64]
Times = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class View:
    """A result with everything that the sections show of it: ``days``, ``trips``, ``metrics``, ``series``,
    ``intervals`` and ``seed`` as in `Measured`; ``benchmark``: what it is measured against, None for zero."""

    result: ResultLike
    days: pd.DataFrame
    trips: pd.DataFrame
    metrics: dict[str, Any]
    series: Days
    intervals: Intervals | None
    seed: int
    benchmark: Benchmark | None = None

    @classmethod
    def of(cls, result: ResultLike) -> View:
        """View of ``result`` with the tables it keeps, computed here where it keeps none."""
        tables = measured(result)
        metrics = dict(tables.metrics)
        against = getattr(result, "benchmark", None)
        return cls(result, tables.days, tables.trips, metrics, tables.series, tables.intervals, tables.seed, against)

    def curve(self) -> tuple[Times, Floats, Floats]:
        """Time, net PnL in units of notional, and equity in report currency, from the start to the end; made anew at
        each call."""
        curve, result = self._to_the_end(["equity", "collateral"]), self.result
        equity = np.r_[result.capital, curve["equity"].to_numpy(dtype=np.float64)]
        collateral = np.r_[0.0, curve["collateral"].to_numpy(dtype=np.float64)]
        return _times(curve, result.start), (equity - collateral - result.capital) / result.notional, equity

    def _to_the_end(self, columns: list[str]) -> pd.DataFrame:
        """Columns of the curve, with the last period where the run goes on after the last point of the time grid."""
        curve, last = self.result.curve[columns], self.result.periods.iloc[-1:]
        late = len(last) and (not len(curve) or last.index[-1] > curve.index[-1])
        return pd.concat([curve, last[columns]]) if late else curve

    @property
    def step(self) -> str:
        """How often the curve was looked at: every bar, or the usual time between its points."""
        if not on_events(self.result):
            return "bar"
        steps = np.diff(pd.DatetimeIndex(self.result.curve.index).as_unit("ns").asi8)
        usual = formats.duration(float(np.median(steps)) / 3.6e12) if len(steps) else "point of the time grid"
        return usual.replace(".0 ", " ")

    @property
    def brief(self) -> bool:
        """Whether the run is too short for days and months to say anything."""
        return len(self.days) < 5 and self.result.end - self.result.start < pd.Timedelta(days=4)

    def beside(self) -> tuple[Times, Floats]:
        """Time and summed returns of the benchmark at the ends of days, from zero at the start to the end."""
        end = self.result.end.as_unit("ns").value
        ends = np.minimum(pd.DatetimeIndex(self.days.index).as_unit("ns").asi8 + 86_400_000_000_000, end)
        start = self.result.start.as_unit("ns").value
        return np.r_[start, ends], np.r_[0.0, np.cumsum(self.days["benchmark"].to_numpy(dtype=np.float64))]

    def contracts(self) -> tuple[Times, Floats]:
        """Time and contracts of the one instrument at every point of the curve."""
        curve = self._to_the_end(["position"])
        return _times(curve, self.result.start), np.r_[0.0, curve["position"].to_numpy(dtype=np.float64)]

    def exposure(self, instrument: InstrumentLike | None = None) -> tuple[Times, Floats]:
        """Time and exposure in units of notional, of all instruments together (signed) or of one."""
        result = self.result
        periods = result.periods if instrument is None else result.periods_of(instrument.name)
        return _times(periods, result.start), np.r_[0.0, periods["exposure"].to_numpy(dtype=np.float64)]

    def cumulative_of(self, instrument: InstrumentLike, *columns: str) -> tuple[Times, Floats]:
        """Time and the sum of cumulative columns of one instrument in units of notional, from zero at the start."""
        periods = self.result.periods_of(instrument.name)
        total = periods[list(columns)].to_numpy(dtype=np.float64).sum(axis=1)
        return _times(periods, self.result.start), np.r_[0.0, total] / self.result.notional

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
    """Amounts in one unit for a whole axis: plain, thousands, millions or billions; with the decimals that tell its
    ticks apart."""
    size = float(np.abs(values).max()) if len(values) else 0.0
    span = float(np.ptp(values)) if len(values) else 0.0
    for limit, divisor, unit in ((2e9, 1e9, "B"), (2e6, 1e6, "M"), (1e5, 1e3, "k")):
        digits = max(_tick_digits(span / divisor), 0 if size >= 10 * divisor else 1)
        if size >= limit and digits < 2:
            return lambda value: formats.number(value / divisor, digits) + unit
    digits = max(_tick_digits(span), 0 if size >= 100 else formats.decimals([size]))
    return lambda value: formats.number(value, digits)


def _tick_digits(span: float) -> int:
    """Decimals for ticks that are a fifth of ``span`` apart, and may be multiples of 2.5."""
    return min(max(1 - math.floor(math.log10(span / 5.0)), 0), 6) if span > 0.0 else 0


def percent_label(values: Floats) -> Callable[[float], str]:
    """Percent with as many decimals as the range of the axis needs."""
    size = float(np.abs(values).max()) if len(values) else 0.0
    span = float(max(values.max(), 0.0) - min(values.min(), 0.0)) if len(values) else 0.0
    digits = max(_tick_digits(100.0 * span), 0 if size >= 0.1 else 1 if size >= 0.01 else 2 if size >= 0.001 else 3)
    return lambda value: formats.percent(value, digits)
