"""What stands beside the bars on a tape: funding settlements, mark and index prices, gaps; and the events made of
them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from halfspread.costs.funding import FundingTable
from halfspread.engine.bars import Floats, Integers, read_table
from halfspread.engine.instruments import Instrument
from halfspread.engine.records import EVENT, FUNDING, FUNDING_KNOWN, INDEX, MARK, RATE
from halfspread.engine.times import HOUR, parse_time, time_text, to_nanoseconds
from halfspread.errors import DataError

__all__ = ["Prices", "read_funding", "read_gaps", "read_prices", "refuse_bars_in_gaps", "side_events"]


@dataclass(frozen=True)
class Prices:
    """Mark or index prices: ``times`` int64 ns UTC from which each holds (n,), ``prices`` float64 (n,)."""

    times: Integers
    prices: Floats


def read_funding(source: Any, instrument: Instrument, time_unit: str = "ns") -> FundingTable | None:
    """Funding settlements: ts, rate, and where given interval_h and known_ts; None for None. Raises DataError.

    Without interval_h the interval of the instrument is meant; without known_ts a rate is known at its settlement, or
    one interval ahead where the venue publishes it so (BitMEX).
    """
    if source is None or isinstance(source, FundingTable):
        return source
    table, what = read_table(source, ["ts", "rate", "interval_h", "known_ts"])
    missing = [name for name in ("ts", "rate") if name not in table]
    if missing:
        raise DataError(f"{what}: funding: missing column(s) {', '.join(missing)}; found {', '.join(table)}")
    times = to_nanoseconds(table["ts"], f"{what}: column ts", time_unit)
    rates = _numbers(table["rate"], f"{what}: column rate")
    if "interval_h" in table:
        intervals = np.rint(_numbers(table["interval_h"], f"{what}: column interval_h") * HOUR).astype(np.int64)
    else:
        intervals = np.full(len(times), instrument.funding_interval_hours * HOUR, np.int64)
    if "known_ts" in table:
        known = to_nanoseconds(table["known_ts"], f"{what}: column known_ts", time_unit)
    else:
        known = times - intervals if instrument.funding_known_ahead else times.copy()
    return FundingTable(times, rates, intervals, known)


def read_prices(source: Any, name: str, time_unit: str = "ns") -> Prices | None:
    """Mark or index prices from ts and price, or ts and the open of bars; None for None. Raises DataError."""
    if source is None or isinstance(source, Prices):
        return source
    table, what = read_table(source, ["ts", "price", "open"])
    column = next((column for column in ("price", "open") if column in table), None)
    if "ts" not in table or column is None:
        raise DataError(f"{what}: {name} prices need the columns ts and price (or open); found {', '.join(table)}")
    times = to_nanoseconds(table["ts"], f"{what}: column ts", time_unit)
    prices = _numbers(table[column], f"{what}: column {column}")
    bad = ~(np.isfinite(prices) & (prices > 0.0))
    if bad.any():
        row = int(bad.argmax())
        raise DataError(
            f"{what}: {name} price in row {row} ({time_text(times[row])}) is {prices[row]}; expected it above zero"
        )
    if (np.diff(times) <= 0).any():
        row = int((np.diff(times) <= 0).argmax()) + 1
        raise DataError(
            f"{what}: {name} prices: row {row} ({time_text(times[row])}) is not later than the row before it"
        )
    return Prices(times, prices)


def read_gaps(gaps: Sequence[tuple[Any, Any]]) -> tuple[tuple[int, int], ...]:
    """Spans (start, end) in nanoseconds, sorted. Raises DataError for a span that does not end after it starts."""
    spans = sorted((parse_time(start, "gap start"), parse_time(end, "gap end")) for start, end in gaps)
    for start, end in spans:
        if end <= start:
            raise DataError(f"gap: expected an end after {time_text(start)}, got {time_text(end)}")
    return tuple(spans)


def refuse_bars_in_gaps(times: Integers, interval: int, gaps: tuple[tuple[int, int], ...], what: str) -> None:
    """Raise DataError for a bar that reaches into a declared gap: its prices cannot be of that market."""
    for start, end in gaps:
        row = int(np.searchsorted(times, start - interval, side="right"))
        if row < len(times) and times[row] < end:
            raise DataError(
                f"{what}: row {row} ({time_text(times[row])}) reaches into the gap from {time_text(start)} to "
                f"{time_text(end)}; remove the bar or correct the gap"
            )


def _numbers(values: Any, what: str) -> Floats:
    try:
        return np.ascontiguousarray(np.asarray(values, dtype=np.float64))
    except (ValueError, TypeError) as error:
        raise DataError(f"{what}: expected numbers; {error}") from error


def side_events(
    funding: FundingTable | None,
    mark: Prices | None,
    index: Prices | None,
    settle_price: Prices | None,
    start: int,
    end: int,
) -> np.ndarray[Any, Any]:
    """Every event that is not a bar, in the order of time and, at one time, prices, settlements, publications.

    Kept are those up to ``end``, and of those before ``start`` the last of each kind, so that it is known at the start.
    """
    parts = []
    for kind, prices in ((MARK, mark), (INDEX, index), (RATE, settle_price)):
        if prices is not None:
            parts.append(_events(kind, prices.times, prices.prices, np.zeros_like(prices.times), start, end))
    if funding is not None:
        parts.append(_events(FUNDING, funding.times, funding.rates, funding.times + funding.intervals, start, end))
        ahead = funding.known_times < funding.times
        known = funding.known_times[ahead], funding.rates[ahead], funding.times[ahead]
        parts.append(_events(FUNDING_KNOWN, *known, start, end))
    if not parts:
        return np.zeros(0, EVENT)
    joined = np.concatenate(parts)
    return joined[np.argsort(joined["time"], kind="stable")]


def _events(kind: int, times: Integers, values: Floats, rows: Integers, start: int, end: int) -> np.ndarray[Any, Any]:
    first = max(int(np.searchsorted(times, start, side="right")) - 1, 0)
    last = int(np.searchsorted(times, end, side="right"))
    events = np.zeros(max(last - first, 0), EVENT)
    events["time"], events["value"], events["row"] = times[first:last], values[first:last], rows[first:last]
    events["kind"] = kind
    return events
