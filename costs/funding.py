"""Perpetual funding: the published rates, checked, and what to do where one is missing.

A rate is a fraction of the position's value at the mark price, for one interval; positive: longs pay. It is paid on the
position held at the settlement time. Times and intervals are int64 nanoseconds (times: UTC). A NaN rate is refused, and
never read as zero.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from halfspread.costs.base import Floats, Integers, Model, time_text
from halfspread.errors import DataError

__all__ = ["Funding", "FundingTable", "complete"]

MINUTE = 60_000_000_000
SHOWN = 5  # times named in a message


class Funding(Model):
    """Whether funding is paid, and what stands in for a settlement that the data lack.

    ``missing``: "error"; "previous" (the rate before it, at most ``max_previous`` times in a row); or a constant rate
    per interval. ``max_abs_rate``: a larger rate is refused, because it looks like a percentage. ``sign``: "flipped"
    has agents shown, and charged, the rates with the opposite sign. No venue pays so; it is there to repeat results
    that were computed in this way, and every report says it.
    """

    kind: Literal["none", "published"]
    missing: Literal["error", "previous"] | float = "error"
    max_previous: int = Field(default=3, ge=1)
    max_abs_rate: float = Field(default=0.05, gt=0.0)
    sign: Literal["true", "flipped"] = "true"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if isinstance(self.missing, float) and abs(self.missing) > self.max_abs_rate:
            raise ValueError(
                f"missing: expected a rate per interval as a fraction of at most {self.max_abs_rate:g}, "
                f"got {self.missing:g}; 0.01 % is 0.0001"
            )
        return self

    @classmethod
    def none(cls) -> Self:
        """no funding is paid or received"""
        return cls(kind="none")

    @classmethod
    def published(
        cls,
        missing: Literal["error", "previous"] | float = "error",
        max_previous: int = 3,
        max_abs_rate: float = 0.05,
        sign: Literal["true", "flipped"] = "true",
    ) -> Self:
        """The venue's published rates are paid; see the class for the arguments."""
        return cls(kind="published", missing=missing, max_previous=max_previous, max_abs_rate=max_abs_rate, sign=sign)

    def describe(self) -> str:
        """One plain sentence for the report, without its full stop."""
        if self.kind == "none":
            return "no funding is paid or received"
        rates = "the published rates" if self.sign == "true" else "the published rates WITH THEIR SIGN FLIPPED"
        paid = f"funding is paid at {rates} on the position held at each settlement; a missing rate"
        if self.missing == "error":
            return f"{paid} stops the run"
        if self.missing == "previous":
            return f"{paid} is replaced by the one before it, at most {self.max_previous} times in a row"
        return f"{paid} is assumed to be {1e4 * float(self.missing):g} bp per interval"


@dataclass(frozen=True, eq=False)
class FundingTable:
    """Settlements of one instrument; four arrays of one length, kept as read-only copies.

    ``times``: when a rate is paid; ``rates``: fractions per interval; ``intervals``: nanoseconds each rate stands for;
    ``known_times``: when the rate is published (its settlement, or one interval earlier on BitMEX). ``source`` names
    the data in messages. Raises DataError for arrays that do not fit together.
    """

    times: Integers
    rates: Floats
    intervals: Integers
    known_times: Integers
    source: str = "funding"

    def __post_init__(self) -> None:
        for name, kind in (
            ("times", np.int64),
            ("rates", np.float64),
            ("intervals", np.int64),
            ("known_times", np.int64),
        ):
            given = np.asarray(getattr(self, name))
            if given.shape != np.shape(self.times) or given.ndim != 1:
                raise DataError(
                    f"{self.source}: {name}: expected one value for each time {np.shape(self.times)}, got {given.shape}"
                )
            if kind is np.int64 and given.dtype.kind not in "iu":
                raise DataError(f"{self.source}: {name}: expected integer nanoseconds, got {given.dtype}")
            values = given.astype(kind, copy=True)
            values.flags.writeable = False
            object.__setattr__(self, name, values)

    def __len__(self) -> int:
        return len(self.times)

    def check(self, max_abs_rate: float) -> None:
        """Raise DataError, naming row and time, for a row that cannot be right, whatever the policy on missing rows."""
        late = np.concatenate([[False], np.diff(self.times) <= 0])
        self._refuse(late, "expected a later time than the row before it; sort by time and remove duplicates")
        self._refuse(
            ~np.isfinite(self.rates),
            "expected a rate, got NaN or infinity; remove the row to have it treated as missing",
        )
        limit = f"a rate per interval of at most {max_abs_rate:g} ({100 * max_abs_rate:g} %)"
        self._refuse(
            np.abs(self.rates) > max_abs_rate,
            f"expected {limit}; this looks like a percentage: divide by 100, or raise max_abs_rate if it is real",
        )
        self._refuse(self.intervals < MINUTE, "expected an interval of a minute or more, in nanoseconds")
        self._refuse(self.known_times > self.times, "the rate is published only after it is paid")
        steps = np.diff(self.times, prepend=self.times[:1])
        self._refuse(
            steps % self.intervals != 0,
            "not a whole number of its intervals after the row before it: the time or the interval is wrong",
        )

    def _refuse(self, bad: np.ndarray[tuple[int], np.dtype[np.bool_]], fault: str) -> None:
        if not bad.any():
            return
        row = int(bad.argmax())
        raise DataError(
            f"{self.source}: row {row} ({time_text(self.times[row])}, rate {self.rates[row]:g}, "
            f"interval {self.intervals[row] / 3.6e12:g} h): {fault}"
            + (f" ({bad.sum()} such rows)" if bad.sum() > 1 else "")
        )


def complete(table: FundingTable, first_ns: int, last_ns: int, policy: Funding) -> tuple[FundingTable, list[int]]:
    """A table with every settlement after ``first_ns`` up to and with ``last_ns``, and the times that had to be filled.

    Rows outside that span are checked and kept, but nothing is filled in there. With ``Funding.none()`` the table comes
    back empty. Raises DataError for impossible rows (see ``FundingTable.check``), and for settlements that are missing
    and that the policy does not fill, naming their times.
    """
    if policy.kind == "none":
        return _rows(table, np.zeros(len(table), bool)), []
    if len(table) == 0:
        raise DataError(f"{table.source}: no funding settlements; give the published rates, or say Funding.none()")
    table.check(policy.max_abs_rate)
    gaps = [gap for gap in _gaps(table, first_ns, last_ns) if len(gap.times)]
    if not gaps:
        return table, []
    return _insert(table, gaps, [_rate(table, gap, policy) for gap in gaps])


@dataclass(frozen=True)
class _Gap:
    """Settlements of the span that are missing before ``row`` (one past the end: after the last row).

    ``in_a_row``: how many are missing from the row before up to the last of them, those outside the span among them.
    """

    row: int
    times: Integers
    in_a_row: int


def _gaps(table: FundingTable, first_ns: int, last_ns: int) -> list[_Gap]:
    times, intervals = table.times, table.intervals
    between = np.flatnonzero(np.diff(times) > intervals[1:]) + 1
    found = []
    start = int(-(-(times[0] - first_ns) // intervals[0])) - 1
    if start > 0:
        found.append(_gap(0, times[0] - intervals[0] * np.arange(start, 0, -1), first_ns, last_ns))
    for row in between:
        found.append(_gap(int(row), np.arange(times[row - 1], times[row], intervals[row])[1:], first_ns, last_ns))
    found.append(_gap(len(times), np.arange(times[-1] + intervals[-1], last_ns + 1, intervals[-1]), first_ns, last_ns))
    return found


def _gap(row: int, missing: Integers, first_ns: int, last_ns: int) -> _Gap:
    inside = (missing > first_ns) & (missing <= last_ns)
    return _Gap(row, missing[inside], int(np.flatnonzero(inside)[-1]) + 1 if inside.any() else 0)


def _rate(table: FundingTable, gap: _Gap, policy: Funding) -> float:
    """The rate that the policy puts in; DataError where it puts in none."""
    if isinstance(policy.missing, float):
        return policy.missing
    if policy.missing == "error":
        reason = 'give them, or choose Funding.published(missing="previous") or a constant rate'
    elif gap.row == 0:
        reason = "no rate is known before them that could be repeated"
    elif gap.in_a_row > policy.max_previous:
        reason = f"{gap.in_a_row} in a row, and the previous rate may be repeated at most {policy.max_previous} times"
    elif gap.row < len(table) and table.intervals[gap.row] != table.intervals[gap.row - 1]:
        reason = "the interval changes there, so the previous rate does not apply"
    else:
        return float(table.rates[gap.row - 1])
    raise DataError(f"{table.source}: {_count(gap)}: {_names(gap.times)}; {reason}")


def _count(gap: _Gap) -> str:
    return "1 settlement is missing" if len(gap.times) == 1 else f"{len(gap.times)} settlements are missing"


def _names(times: Integers) -> str:
    shown = ", ".join(time_text(int(time)) for time in times[:SHOWN])
    return shown if len(times) <= SHOWN else f"{shown} and {len(times) - SHOWN} more to {time_text(int(times[-1]))}"


def _insert(table: FundingTable, gaps: list[_Gap], rates: list[float]) -> tuple[FundingTable, list[int]]:
    """The table with the gaps filled; nobody published a filled rate, so it is known at its settlement only."""
    times, paid, intervals, known = [table.times], [table.rates], [table.intervals], [table.known_times]
    for gap, rate in zip(gaps, rates, strict=True):
        beside = min(gap.row, len(table) - 1)
        times.append(gap.times)
        paid.append(np.full(len(gap.times), rate))
        intervals.append(np.full(len(gap.times), table.intervals[beside]))
        known.append(gap.times)
    joined = np.concatenate(times)
    order = np.argsort(joined, kind="stable")
    filled = replace(
        table,
        times=joined[order],
        rates=np.concatenate(paid)[order],
        intervals=np.concatenate(intervals)[order],
        known_times=np.concatenate(known)[order],
    )
    return filled, sorted(int(time) for gap in gaps for time in gap.times)


def _rows(table: FundingTable, keep: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> FundingTable:
    return FundingTable(
        table.times[keep], table.rates[keep], table.intervals[keep], table.known_times[keep], table.source
    )
