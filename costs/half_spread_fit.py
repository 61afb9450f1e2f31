"""Fit half-spreads by hour of the day or of the week on observed quotes.

Times int64 nanoseconds UTC; bid and ask in quote currency, NaN where a quote is missing; half-spreads in basis points
of the mid. A quote holds until the next one, at most ``longest``: quotes that stand still for hours are a stalled feed
and not a market.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from halfspread.costs.base import Floats, Integers, time_text
from halfspread.costs.durations import HOUR, parse_duration
from halfspread.costs.half_spread import HOURS, HalfSpread
from halfspread.errors import ConfigError, DataError

__all__ = ["fit_hours"]

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def fit_hours(
    times: Integers,
    bid: Floats,
    ask: Floats,
    *,
    by: Literal["hour", "hour_of_week"] = "hour",
    statistic: Literal["time_weighted_mean", "time_weighted_median"] = "time_weighted_mean",
    longest: str | int | float = "1m",
    fill: Literal["error", "mean"] = "error",
) -> HalfSpread:
    """A ``HalfSpread.by_hour`` from quotes at sorted ``times`` (n,) with ``bid`` and ``ask`` (n,).

    Each hour gets the mean (or median) of its half-spreads, weighted by how long each quote stood in that hour; a quote
    counts for at most ``longest``, and the last one, whose end is unknown, not at all. NaN quotes count for no time and
    end the one before them. Hours without quotes raise DataError, or with ``fill="mean"`` take the mean over all time
    observed. Raises DataError for crossed, non-positive or unsorted quotes, ConfigError for wrong arguments.
    """
    _check_arguments(by, statistic, fill)
    limit = parse_duration(longest)
    if limit <= 0:
        raise ConfigError(f"longest: expected a length of time above zero, got {longest!r}")
    stamps, low, high = np.asarray(times, np.int64), np.asarray(bid, np.float64), np.asarray(ask, np.float64)
    _check_quotes(stamps, low, high)
    half = 0.5e4 * (high - low) / (0.5 * (high + low))
    hours, values, weights = _split_at_hours(stamps, half, limit)
    bins = (hours + 72) % HOURS["hour_of_week"] if by == "hour_of_week" else hours % HOURS["hour"]
    seen = np.asarray(np.bincount(bins, weights, HOURS[by]), np.float64)
    table = _statistic(statistic, bins, values, weights, HOURS[by])
    if not (seen > 0.0).all():
        if fill == "error" or not (seen > 0.0).any():
            raise DataError(_without_quotes(seen, by))
        table = np.where(seen > 0.0, table, np.average(values, weights=weights))
    return HalfSpread.by_hour(table, by)


def _check_arguments(by: str, statistic: str, fill: str) -> None:
    for name, given, known in (
        ("by", by, tuple(HOURS)),
        ("statistic", statistic, ("time_weighted_mean", "time_weighted_median")),
        ("fill", fill, ("error", "mean")),
    ):
        if given not in known:
            raise ConfigError(f"{name}: expected {' or '.join(map(repr, known))}, got {given!r}")


def _check_quotes(times: Integers, bid: Floats, ask: Floats) -> None:
    if times.ndim != 1 or bid.shape != times.shape or ask.shape != times.shape:
        raise DataError(
            f"quotes: expected a bid and an ask for each time, got {times.shape}, {bid.shape} and {ask.shape}"
        )
    late = np.flatnonzero(np.diff(times) < 0)
    if late.size:
        raise DataError(f"quotes: row {int(late[0]) + 1}: earlier than the row before it; sort by time")
    for bad, fault in (
        (bid > ask, "the bid is above the ask"),
        ((bid <= 0.0) | (ask <= 0.0) | np.isinf(bid) | np.isinf(ask), "expected finite prices above zero"),
    ):
        if bad.any():
            row = int(bad.argmax())
            raise DataError(
                f"quotes: row {row} ({time_text(times[row])}): {fault}: bid {bid[row]:g}, ask {ask[row]:g}"
                + (f" ({bad.sum()} such rows); leave them out" if bad.sum() > 1 else "; leave it out")
            )


def _split_at_hours(times: Integers, half: Floats, limit: int) -> tuple[Integers, Floats, Floats]:
    """Hours since 1970, half-spreads and nanoseconds of the pieces that quotes fall into at full hours."""
    start, end, known = times[:-1], np.minimum(times[1:], times[:-1] + limit), np.isfinite(half[:-1])
    start, end, value = start[known], end[known], half[:-1][known]
    pieces = np.maximum((end - 1) // HOUR - start // HOUR + 1, 1)
    owner = np.repeat(np.arange(len(start)), pieces)
    nth = np.arange(len(owner)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    hours = start[owner] // HOUR + nth
    seconds = np.minimum(end[owner], (hours + 1) * HOUR) - np.maximum(start[owner], hours * HOUR)
    return hours, value[owner], seconds.astype(np.float64)


def _statistic(name: str, bins: Integers, values: Floats, weights: Floats, count: int) -> Floats:
    """One value for each bin; 0 for a bin without weight."""
    if name == "time_weighted_mean":
        total = np.bincount(bins, weights, count)
        mean: Floats = np.bincount(bins, weights * values, count) / np.where(total > 0.0, total, 1.0)
        return mean
    table = np.zeros(count)
    for each in np.unique(bins):
        mine: Any = np.flatnonzero(bins == each)
        mine = mine[np.argsort(values[mine], kind="stable")]
        reached = np.cumsum(weights[mine])
        table[each] = values[mine[int(np.searchsorted(reached, 0.5 * reached[-1]))]]
    return table


def _without_quotes(seen: Floats, by: str) -> str:
    empty = np.flatnonzero(seen <= 0.0).tolist()
    names = [f"{_DAYS[h // 24]} {h % 24:02d}:00" if by == "hour_of_week" else f"{h:02d}:00" for h in empty[:5]]
    more = f" and {len(empty) - 5} more" if len(empty) > 5 else ""
    return (
        f"quotes: {len(empty)} of {len(seen)} hours have none: {', '.join(names)}{more} (UTC); give more quotes, or "
        "fill='mean' to let these hours have the mean of the others"
    )
