"""The two clocks of a capture: exchange times, which move the market, and local times, at which rows were received."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from halfspread.engine import depth_kernels
from halfspread.engine.table_format import TableFormat
from halfspread.engine.times import SECOND, Integers, time_text
from halfspread.errors import DataError

__all__ = ["Clock", "ClockChecker", "common_shift", "shift_local", "sort_order"]

_NONE = np.empty(0, np.int64)


@dataclass(frozen=True)
class Clock:
    """What was found about the times of a table. ``shift``: nanoseconds to add to local times; ``early``: rows whose
    local time is before their exchange time, before the shift."""

    rows: int
    first: int
    last: int
    shift: int = 0
    early: int = 0

    def counts(self) -> dict[str, int]:
        """For the counts of a table."""
        return {"local_before_exchange": self.early, "clock_shift_ns": self.shift}


class ClockChecker:
    """Check the times of consecutive blocks as one series."""

    def __init__(self, fmt: TableFormat, source: str) -> None:
        self._fmt = fmt
        self._source = source
        self._rows = self._early = 0
        self._first = self._last = self._last_local = 0
        self._first_early: tuple[int, int, int] | None = None  # row, time, latency
        self._least: tuple[int, int, int] | None = None

    def check(self, times: Integers, local: Integers | None) -> None:
        """Raise DataError for a time that steps back."""
        if not len(times):
            return
        other = _NONE if local is None else local
        code, row, early, first_early, least_row, least = depth_kernels.check_times(
            times, other, self._last, self._last_local
        )
        if code:
            raise DataError(self._back(code, times, other, row))
        if local is not None:
            if self._first_early is None and early:
                at = int(first_early)
                self._first_early = self._rows + at, int(times[at]), int(local[at] - times[at])
            if self._least is None or least < self._least[2]:
                self._least = self._rows + int(least_row), int(times[least_row]), int(least)
            self._last_local = int(local[-1])
        self._first = self._first or int(times[0])
        self._last = int(times[-1])
        self._early += int(early)
        self._rows += len(times)

    def _back(self, code: int, times: Integers, local: Integers, row: int) -> str:
        series, name = (times, "exchange") if code == depth_kernels.EXCHANGE_BACK else (local, "local")
        if not len(local):
            name = ""
        before = int(series[row - 1]) if row else (self._last if series is times else self._last_local)
        remedy = "sort by time" if not len(local) else "sort by exchange time"
        return (
            f"{self._source}: row {self._rows + row} ({time_text(times[row])}): {name or 'the'} time: expected "
            f"{time_text(before)}, that of the row before it, or later, got {time_text(series[row])}; {remedy}, or "
            "pass order='sort'"
        )

    def finish(self) -> Clock:
        """What was found. Raises DataError where local times are before exchange times, unless they are to be
        shifted."""
        if self._first_early is None or self._least is None:
            return Clock(self._rows, self._first, self._last)
        if self._fmt.clock != "shift":
            row, time, latency = self._first_early
            raise DataError(
                f"{self._source}: row {row} ({time_text(time)}): {self._fmt.time_column}: expected a local time at or "
                f"after the exchange time, got one {_seconds(-latency)} before it ({self._early} of {self._rows} rows "
                f"are, by {_seconds(-self._least[2])} at row {self._least[0]}): one of the two clocks is wrong. Pass "
                "clock='shift' to add a constant to the local times, so that the smallest latency is base_latency=0 "
                "ns, or clock='exchange' to do without local times"
            )
        return Clock(self._rows, self._first, self._last, self._fmt.base_latency - self._least[2], self._early)


class Clocked(Protocol):
    """A table whose local times were shifted, or can be."""

    @property
    def clock_shift(self) -> int:
        """Nanoseconds that were added to local times."""


def common_shift(tables: Iterable[Clocked]) -> int:
    """The one shift for the local times of tables of one capture, the largest of theirs, for their ``shifted_to``.

    A shift found in each table alone would put their rows into another order than they were received in.
    """
    return max((table.clock_shift for table in tables), default=0)


def shift_local(local: Integers | None, shift: int) -> Integers | None:
    """The local times plus ``shift`` nanoseconds, read-only where they are shifted."""
    if local is None or not shift:
        return local
    shifted = local + shift
    shifted.flags.writeable = False
    return shifted


def sort_order(times: Integers, local: Integers | None) -> tuple[Integers, int] | None:
    """(order of rows by exchange time, how many rows came after one with a later time); None where none did."""
    late = int(np.count_nonzero(times < np.maximum.accumulate(times))) if len(times) else 0
    back = local is not None and bool((np.diff(local) < 0).any())
    return (np.argsort(times, kind="stable"), late) if late or back else None


def _seconds(nanoseconds: int) -> str:
    return f"{nanoseconds / SECOND:.9g} s"
