"""Round numbers and calendar dates for axes. Times are integer nanoseconds UTC."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

__all__ = ["Scale", "nice_ticks", "padded", "time_ticks"]

_HOUR = 3_600_000_000_000
_DAY = 24 * _HOUR
_MINUTE = 60_000_000_000
_SECOND_STEPS = [_MINUTE // 60 * n for n in (1, 2, 5, 10, 30)]
_SHORT_STEPS = [_MINUTE * n for n in (1, 2, 5, 10, 15, 30)] + [_HOUR * n for n in (1, 2, 3, 6, 12)]
_DAY_STEPS = [1, 2, 5, 10]
_MONTH_STEPS = [1, 2, 3, 6, 12, 24, 60, 120]


@dataclass(frozen=True)
class Scale:
    """Linear map from [low, high] to [start, end] of the drawing."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, values: ArrayLike) -> NDArray[np.float64]:
        """Positions in the drawing of ``values``."""
        share = (np.asarray(values, dtype=np.float64) - self.low) / ((self.high - self.low) or 1.0)
        return self.start + share * (self.end - self.start)


def nice_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About ``count`` multiples of 1, 2, 2.5 or 5 times a power of ten, within [low, high]."""
    span = high - low
    if not (math.isfinite(span) and span > 0.0):
        return [low] if math.isfinite(low) else []
    rough = span / max(count, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if factor * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [index * step + 0.0 for index in range(first, last + 1)]


def padded(low: float, high: float, share: float = 0.04) -> tuple[float, float]:
    """The range with some air on both sides; a range of no width becomes one around its value."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return 0.0, 1.0
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        room = abs(low) * 0.05 or 1e-3
        return low - room, high + room
    return low - share * (high - low), high + share * (high - low)


def time_ticks(start: int, end: int, count: int = 8) -> list[tuple[int, str]]:
    """Up to ``count`` + 1 times on round seconds, hours, days, months or years in [start, end], with labels that say
    the year once.
    """
    span = max(end - start, 1)
    for step in _SECOND_STEPS:
        if span / step <= max(count - 1, 2):
            return _label(range(-(-start // step) * step, end + 1, step), "%H:%M:%S", "%d %b %H:%M:%S")
    for step in _SHORT_STEPS:
        if span / step <= max(count - 1, 2):
            return _label(range(-(-start // step) * step, end + 1, step), "%H:%M", "%d %b %H:%M")
    for days in _DAY_STEPS:
        if span / (days * _DAY) <= count:
            return _label(_round_days(start, end, days), "%d %b", "%d %b %Y")
    months = next((step for step in _MONTH_STEPS if span / (step * 30.44 * _DAY) <= count), _MONTH_STEPS[-1])
    return _label(_round_months(start, end, months), "%Y" if months >= 12 else "%b", "%Y" if months >= 12 else "%b %Y")


def _round_days(start: int, end: int, step: int) -> list[int]:
    """Midnights; from two days on those of the 1st, 1 + step, ... of a month, so that ticks do not wander."""
    days = range(-(-start // _DAY) * _DAY, end + 1, _DAY)
    return [
        day for day in days if (pd.Timestamp(day).day - 1) % step == 0 and (step == 1 or pd.Timestamp(day).day < 30)
    ]


def _round_months(start: int, end: int, step: int) -> list[int]:
    first = pd.Timestamp(start).to_period("M").ordinal
    last = pd.Timestamp(end).to_period("M").ordinal
    months = (pd.Period(ordinal=month, freq="M") for month in range(first, last + 1) if month % step == 0)
    times = [int(month.to_timestamp().as_unit("ns").value) for month in months]
    return [time for time in times if start <= time <= end]


def _label(times: list[int] | range, plain: str, full: str) -> list[tuple[int, str]]:
    """The first tick, and each one that begins a new day (of hours) or year, is written in full."""
    labels: list[tuple[int, str]] = []
    unit = "%Y-%m-%d" if "%H" in plain else "%Y"
    before = ""
    for time in times:
        moment = pd.Timestamp(time)
        text = moment.strftime(plain if moment.strftime(unit) == before else full)
        before = moment.strftime(unit)
        labels.append((time, text.removeprefix("0") if " " in text else text))
    return labels
