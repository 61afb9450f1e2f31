"""What a result is measured against: a daily series of simple returns on a constant notional.

A day of the benchmark is taken from the same day of the agent's PnL in units of its notional, so both stand for one
unit of notional, set back to it each midnight: no compounding, no costs but those that are in the series. All days are
UTC days. NaN is refused.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from halfspread.engine.times import DAY, Integers
from halfspread.errors import ConfigError, DataError
from halfspread.reports.benchmark_table import Stamp, TimeUnit, Unit, Values, returns_of_prices, series_of
from halfspread.reports.daily import daily
from halfspread.reports.protocol import InstrumentLike, ResultLike
from halfspread.reports.statistics.series import Floats

__all__ = ["Benchmark", "held_instrument"]


@dataclass(frozen=True, eq=False)
class Benchmark:
    """Daily simple returns by UTC day. ``name``: what tables call it; ``words``: what it is, in a sentence; ``days``:
    midnights (n,), nanoseconds UTC, increasing; ``returns`` (n,): fractions of a constant notional; ``kind``: what it
    was made from."""

    name: str
    words: str
    days: Integers = field(repr=False)
    returns: Floats = field(repr=False)
    kind: Literal["returns", "prices", "hold", "agent"] = "returns"

    @classmethod
    def read(
        cls,
        source: Any,
        *,
        values: Values,
        column: str | None = None,
        unit: Unit = "fraction",
        time_column: str | None = None,
        time_unit: TimeUnit = "ns",
        stamp: Stamp = "open",
        name: str | None = None,
    ) -> Benchmark:
        """A series of one row a day: the path of a Parquet or CSV file, a pandas Series or DataFrame, an Arrow table or
        a mapping of arrays.

        ``values``: ``returns`` (simple returns, ``unit`` fraction or percent) or ``prices``, of which daily simple
        returns are made: a day's needs the price of the day before too. ``column``: left out, ``return`` or ``close``.
        ``time_column``: left out, ``date`` or ``ts``. Times are midnights UTC; ``stamp``: a row is of the day that
        begins (open) or ends (close) at its time. Raises ConfigError for a choice that there is not, DataError that
        names the row for times that are not midnights, repeated or out of order, for values that are missing, and for
        those that look like another unit.
        """
        days, found, told = series_of(source, values, column, unit, time_column, time_unit, stamp)
        if values == "prices":
            days, found = returns_of_prices(days, found)
        words = "daily simple returns of the prices" if values == "prices" else "daily returns"
        if isinstance(source, (str, os.PathLike)):
            called, where = Path(source).stem, Path(source).name
        else:
            called, where = str(getattr(source, "name", None) or "benchmark"), f"a {told}"
        return cls(name or called, f"{words} in {where}, on a constant notional", days, found, values)

    @classmethod
    def hold(cls, result: ResultLike, instrument: str | None = None) -> Benchmark:
        """The price of an instrument of ``result`` (by symbol or name; left out, of its only one) held at the notional
        and set back to it each midnight, without costs or funding; the first day begins at the first recorded price.

        Raises ConfigError where several instruments leave it open which, or there is none of that name.
        """
        one = held_instrument(result.instruments, instrument)
        periods = result.periods_of(one.name)
        prices = periods["reference"].to_numpy(dtype=np.float64)
        known = np.isfinite(prices) & (prices > 0.0)
        ends = pd.DatetimeIndex(periods.index).as_unit("ns").asi8[known]
        index = pd.DatetimeIndex(daily(result).index).as_unit("ns").asi8
        words = f"the price of {one.name} held at the notional, set back to it each midnight, without costs or funding"
        return cls(f"{one.symbol} held", words, index, _held(ends, prices[known], index), "hold")

    @classmethod
    def agent(cls, result: ResultLike) -> Benchmark:
        """The daily net PnL of another agent in units of its notional, all its costs paid."""
        days = daily(result)
        index = pd.DatetimeIndex(days.index).as_unit("ns").asi8
        words = f"the net PnL of the agent {result.name}, all costs paid"
        return cls(result.name, words, index, days["pnl"].to_numpy(dtype=np.float64), "agent")

    def over(self, index: pd.DatetimeIndex) -> Floats:
        """Its returns on the days of a run (midnights), (days,). Raises DataError where it lacks one of them."""
        wanted = index.as_unit("ns").asi8
        there = np.isin(wanted, self.days)
        if there.all():
            return np.asarray(self.returns[np.searchsorted(self.days, wanted)])
        lacking = wanted[~there]
        common = int(there.sum())
        shared = f"{common:,} of them in common, {len(lacking):,} missing" if common else "no day in common"
        hint = " (the return of a day needs the price of the day before)" if self.kind == "prices" else ""
        raise DataError(
            f"benchmark {self.name}: covers {_span(self.days)}, the run {_span(wanted)}: {shared}; the first missing "
            f"is {_day(lacking[0])}{hint}; give a series of every day of the run, or run over the days that it has"
        )


def held_instrument(instruments: Sequence[InstrumentLike], named: str | None) -> InstrumentLike:
    """The one of ``instruments`` that is held, by symbol or name; left out, the only one. Raises ConfigError where that
    is not one."""
    names = ", ".join(one.name for one in instruments)
    if named is None and len(instruments) > 1:
        raise ConfigError(f"benchmark: of several instruments, expected the one to hold: {names}; name it")
    found = [one for one in instruments if named in (None, one.symbol, one.name)]
    if len(found) > 1:
        raise ConfigError(f"benchmark: {named}: several instruments have this symbol; name one of {names}")
    if not found:
        raise ConfigError(f"benchmark: {named}: expected an instrument of the run: {names}")
    return found[0]


def _held(ends: Integers, prices: Floats, index: Integers) -> Floats:
    """Simple return of each day: its last price over the last one before it, the first over the first price."""
    if not len(prices):
        return np.zeros(len(index))
    last = np.searchsorted(ends, index + DAY, side="right") - 1
    closes = prices[np.maximum(last, 0)]
    before = np.r_[prices[0], closes[:-1]]
    return np.asarray(closes / before - 1.0)


def _span(days: Integers) -> str:
    if not len(days):
        return "no day"
    return f"{_day(days[0])} to {_day(days[-1])} ({len(days):,} {'day' if len(days) == 1 else 'days'})"


def _day(midnight: Any) -> str:
    return f"{pd.Timestamp(int(midnight), unit='ns'):%Y-%m-%d}"
