"""What stands beside the bars on a tape: funding settlements, mark and index prices, gaps; and the events made of
them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from halfspread.costs.funding import FundingTable
from halfspread.costs.latency import DelayTable
from halfspread.costs.records import DELAY_DRAWN, DELAY_FIXED
from halfspread.engine.codes import AT_AGENT, AT_EXCHANGE, FUNDING, FUNDING_KNOWN, GAP, INDEX, MARK, RATE
from halfspread.engine.instruments import Instrument
from halfspread.engine.records import EVENT
from halfspread.engine.tables import numbers, read_table
from halfspread.engine.times import DAY, HOUR, Floats, Integers, interval_text, parse_time, time_text, to_nanoseconds
from halfspread.errors import DataError

__all__ = [
    "Beside",
    "Prices",
    "arrivals_of",
    "in_order",
    "read_funding",
    "read_gaps",
    "read_prices",
    "refuse_bars_in_gaps",
    "refuse_rows_in_gaps",
    "refuse_stale",
    "side_events",
]

#: No venue settles funding less often than once a week.
MOST_HOURS = 168


@dataclass(frozen=True)
class Prices:
    """Mark or index prices: ``times`` int64 ns UTC from which each holds (n,), ``prices`` float64 (n,), kept as
    read-only copies.

    Raises DataError for prices that are not above zero and times that are not sorted. ``source`` is for messages.
    """

    times: Integers
    prices: Floats
    source: str = "prices"

    def __post_init__(self) -> None:
        times = to_nanoseconds(self.times, f"{self.source}: times")
        prices = numbers(self.prices, self.source, "price", times)
        bad = ~(np.isfinite(prices) & (prices > 0.0))
        if bad.any():
            row = int(bad.argmax())
            raise DataError(
                f"{self.source}: row {row} ({time_text(times[row])}): expected a price above zero, got {prices[row]}; "
                "leave the row out, and the price before it holds on"
            )
        late = np.diff(times) <= 0
        if late.any():
            row = int(late.argmax()) + 1
            raise DataError(
                f"{self.source}: row {row} ({time_text(times[row])}): expected a later time than the row before it "
                f"({time_text(times[row - 1])}); sort by time and remove duplicates"
            )
        times.flags.writeable = prices.flags.writeable = False
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "prices", prices)


def read_funding(source: Any, instrument: Instrument, time_unit: str = "ns") -> FundingTable | None:
    """Funding settlements: ts, rate, and where given interval_h and known_ts; None for None. Raises DataError.

    Without interval_h the interval of the instrument is meant; without known_ts a rate is known at its settlement, or
    one interval ahead where the venue publishes it so (BitMEX).
    """
    if source is None or isinstance(source, FundingTable):
        return source
    table, name = read_table(source, ["ts", "rate", "interval_h", "known_ts"])
    what = f"{name}: funding"
    missing = [column for column in ("ts", "rate") if column not in table]
    if missing:
        raise DataError(
            f"{what}: missing column(s) {', '.join(missing)}; found {', '.join(table) or 'none'}. Rename the columns: "
            "ts is when a rate is paid, rate the fraction that longs pay"
        )
    times = to_nanoseconds(table["ts"], f"{what}: column ts", time_unit)
    rates = numbers(table["rate"], what, "rate", times)
    if "interval_h" in table:
        hours = numbers(table["interval_h"], what, "interval_h", times)
        wrong = ~((hours > 0.0) & (hours <= MOST_HOURS))
        if wrong.any():
            row = int(wrong.argmax())
            raise DataError(
                f"{what}: row {row} ({time_text(times[row])}): column interval_h: expected hours above 0 and up to "
                f"{MOST_HOURS}, got {hours[row]:g}; leave the column out to have {instrument.funding_interval_hours} h"
            )
        intervals = np.rint(hours * HOUR).astype(np.int64)
    else:
        intervals = np.full(len(times), instrument.funding_interval_hours * HOUR, np.int64)
    if "known_ts" in table:
        known = to_nanoseconds(table["known_ts"], f"{what}: column known_ts", time_unit)
    else:
        known = times - intervals if instrument.funding_known_ahead else times
    return FundingTable(times, rates, intervals, known, what)


def read_prices(source: Any, name: str, time_unit: str = "ns") -> Prices | None:
    """Mark or index prices from ts and price, or ts and the open of bars; None for None. Raises DataError."""
    if source is None or isinstance(source, Prices):
        return source
    table, where = read_table(source, ["ts", "price", "open"])
    what = f"{where}: {name} prices"
    column = next((column for column in ("price", "open") if column in table), None)
    if "ts" not in table or column is None:
        raise DataError(
            f"{what}: expected the columns ts and price (or open, of bars), found {', '.join(table) or 'none'}; "
            "rename the columns"
        )
    times = to_nanoseconds(table["ts"], f"{what}: column ts", time_unit)
    return Prices(times, numbers(table[column], what, column, times), what)


def read_gaps(gaps: Sequence[tuple[Any, Any]]) -> tuple[tuple[int, int], ...]:
    """Spans (start, end) in nanoseconds, sorted. Raises DataError for a span that does not end after it starts."""
    spans = []
    for gap in gaps:
        if np.shape(np.asarray(gap, object)) != (2,):
            raise DataError(f"gaps: expected pairs of times such as ('2024-08-09', '2025-01-01'), got {gap!r}")
        start, end = parse_time(gap[0], "gap start"), parse_time(gap[1], "gap end")
        if end <= start:
            raise DataError(f"gaps: expected an end after {time_text(start)}, got {time_text(end)}; swap them")
        spans.append((start, end))
    return tuple(sorted(spans))


def refuse_bars_in_gaps(
    times: Integers, interval: int, gaps: tuple[tuple[int, int], ...], what: str, first_row: int = 0
) -> None:
    """Raise DataError for a bar that reaches into a declared gap: its prices cannot be of that market.

    ``first_row``: number of the first row, for messages.
    """
    for start, end in gaps:
        row = int(np.searchsorted(times, start - interval, side="right"))
        if row < len(times) and times[row] < end:
            raise DataError(
                f"{what}: row {first_row + row} ({time_text(times[row])}): the bar, which closes at "
                f"{time_text(times[row] + interval)}, reaches into the gap from {time_text(start)} to "
                f"{time_text(end)}; leave the bar out or correct the gap"
            )


def refuse_rows_in_gaps(times: Integers, gaps: tuple[tuple[int, int], ...], what: str) -> None:
    """Raise DataError for a row (quote, book, trade) between the ends of a declared gap."""
    for start, end in gaps:
        row = int(np.searchsorted(times, start, side="right"))
        if row < len(times) and times[row] < end:
            raise DataError(
                f"{what}: row {row} ({time_text(times[row])}): expected nothing in the declared gap from "
                f"{time_text(start)} to {time_text(end)}; correct the gap or leave the row out"
            )


def refuse_stale(prices: Prices, name: str, start: int, end: int) -> None:
    """Raise DataError where a series has nothing new for longer than a day, or three of its usual steps, during a run.

    A price that stands for ever is no price: funding and currencies would be charged at it in silence.
    """
    times = prices.times
    usual = int(np.median(np.diff(times))) if len(times) > 1 else 0
    longest = max(DAY, 3 * usual)
    known_at_start = max(int(np.searchsorted(times, start, side="right")) - 1, 0)
    points = np.append(times[known_at_start : int(np.searchsorted(times, end))], end)
    ages = np.diff(points)
    if len(ages) and int(ages.max()) > longest:
        row = int(ages.argmax())
        raise DataError(
            f"{name} prices: nothing new from {time_text(points[row])} to {time_text(points[row + 1])}, longer than "
            f"{interval_text(longest)}; cut the bars with start= and end=, or leave the {name} prices out"
        )


@dataclass(frozen=True)
class Beside:
    """What stands beside the tables of one instrument in a run; ``rate``: price of its settle currency in report
    currency; ``gaps``: spans without a market."""

    funding: FundingTable | None = None
    mark: Prices | None = None
    index: Prices | None = None
    rate: Prices | None = None
    gaps: tuple[tuple[int, int], ...] = ()


def side_events(beside: Sequence[Beside], start: int, end: int) -> np.ndarray[Any, Any]:
    """Every event that is not a row of a table, of all instruments in their order: by time and, at one time, prices,
    gaps, settlements, publications.

    Kept are those up to ``end``, and of those before ``start`` the last of each kind, so that it is known at the start.
    A rate that is published before the settlement that precedes its own follows at that settlement, since an agent is
    shown the next rate alone.
    """
    parts = []
    for kind, name in ((MARK, "mark"), (INDEX, "index"), (RATE, "rate")):
        for k, each in enumerate(beside):
            prices = getattr(each, name)
            if prices is not None:
                parts.append(_events(kind, k, prices.times, prices.prices, np.zeros_like(prices.times), start, end))
    for k, each in enumerate(beside):
        starts = np.array([span[0] for span in each.gaps if start <= span[0] <= end], np.int64)
        parts.append(_events(GAP, k, starts, np.zeros(len(starts)), starts, start, end))
    funding = [(k, each.funding) for k, each in enumerate(beside) if each.funding is not None]
    for k, table in funding:
        parts.append(_events(FUNDING, k, table.times, table.rates, table.times + table.intervals, start, end))
    for k, table in funding:
        known = table.known_times.copy()
        known[1:] = np.maximum(known[1:], table.times[:-1])
        ahead = known < table.times
        parts.append(_events(FUNDING_KNOWN, k, known[ahead], table.rates[ahead], table.times[ahead], start, end))
    events = np.concatenate([np.zeros(0, EVENT), *parts])  # in the order that they have at one time
    return events[np.argsort(events["time"], kind="stable")]


def delays_of(table: DelayTable, first: int, times: Integers) -> Integers:
    """Delays in nanoseconds of consecutive messages sent at ``times``, of which the first has the number ``first``; the
    same as `costs.kernels.delay_at` for each."""
    mode, starts, delays = table
    if mode == DELAY_FIXED:
        return np.full(len(times), delays[0])
    if mode == DELAY_DRAWN:
        return delays[(first + np.arange(len(times))) % len(delays)]
    return delays[np.maximum(np.searchsorted(starts, times, side="right") - 1, 0)]


def arrivals_of(times: Integers, table: DelayTable) -> Integers:
    """When messages sent at ``times``, the first of all first, arrive; none overtakes the one before it."""
    arrivals: Integers = np.maximum.accumulate(times + delays_of(table, 0, times))
    return arrivals


def received_later(events: np.ndarray[Any, Any], table: DelayTable) -> np.ndarray[Any, Any]:
    """The same events where market data arrive with a delay: mark and index prices count at the exchange when they
    happen and are seen by the agent later, rates are published to it later; none overtakes the one before it."""
    there, parts = events.copy(), []
    seen = np.isin(there["kind"], (MARK, INDEX))
    copies = there[seen].copy()
    there["place"][seen], copies["place"] = AT_EXCHANGE, AT_AGENT
    known = there["kind"] == FUNDING_KNOWN
    for part in (copies, there[known]):
        moved = part.copy()
        for kind in np.unique(part["kind"]):
            for k in np.unique(part["instrument"]):
                here = (part["kind"] == kind) & (part["instrument"] == k)
                times = part["time"][here]
                moved["time"][here] = arrivals_of(times, table)
        parts.append(moved)
    return in_order(np.concatenate([there[~known], *parts]))


def in_order(events: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The events in the order of `side_events`; equal ones stay as they are."""
    ranks = np.zeros(len(events), np.int64)
    for rank, kind in enumerate((MARK, INDEX, RATE, GAP, FUNDING, FUNDING_KNOWN)):
        ranks[events["kind"] == kind] = rank
    return events[np.lexsort((events["instrument"], ranks, events["time"]))]


def _events(
    kind: int, instrument: int, times: Integers, values: Floats, rows: Integers, start: int, end: int
) -> np.ndarray[Any, Any]:
    first = max(int(np.searchsorted(times, start, side="right")) - 1, 0)
    last = int(np.searchsorted(times, end, side="right"))
    events = np.zeros(max(last - first, 0), EVENT)
    events["time"], events["value"], events["row"] = times[first:last], values[first:last], rows[first:last]
    events["kind"], events["instrument"] = kind, instrument
    return events
