"""Fetch funding settlements; how far they are apart is taken from their stamps, never from a constant.

Between launch and end there is one every eight hours at least: a longer span without any is asked for again, and is a
gap where one answer shows the settlements on both sides of it and none between; else it does not count as fetched.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from halfspread.datafeeds.bybit.job import Job, Tally, Window, cut, empty_rows
from halfspread.datafeeds.bybit.rows import Columns, clipped
from halfspread.datafeeds.net.parallel import in_order
from halfspread.datafeeds.net.requests import OPEN, Hole, Part
from halfspread.datafeeds.store.kinds import kind_of
from halfspread.datafeeds.store.spans import united, without
from halfspread.datafeeds.store.store import Written
from halfspread.engine.times import DAY, HOUR, MINUTE, Integers, time_text

__all__ = ["fetch_funding", "interval_hours", "lost_settlements"]

#: A settlement may take so long to be published.
_PUBLISHED = 5 * MINUTE
#: Of one request; at 8 hours from one to the next an answer holds the whole of it.
_WIDTH = 64 * DAY
#: Hours that the venue has between settlements.
_HOURS = (1, 2, 4, 8)
_LONGEST = max(_HOURS) * HOUR
_FIRST = 1_230_768_000_000_000_000  # 2009
_NOT_THERE = "asked for twice, and the venue has no settlements here"


def fetch_funding(job: Job) -> Part:
    """Fetch the settlements that the store lacks. Raises FetchError."""
    series, now = job.series("funding"), (job.now - _PUBLISHED) // MINUTE * MINUTE
    spans = job.spans(series, job.request.start, min(job.request.end or now, now))
    tally = Tally("funding", spans)
    if not job.contract.perpetual:
        tally.told.append("dated futures have no funding")
        return job.finish(series, Tally("funding", (), told=tally.told), Written())
    if not spans:
        return job.finish(series, tally, Written())
    writer = job.store.writer(series, job.provenance("funding/history"), replace=job.request.replace)
    progress, before = tally.progress(job.progress), _before(job, spans[0][0])
    work = partial(_asked, job)
    unsure: list[tuple[int, int]] = []
    try:
        with writer:
            for window, found in in_order(work, cut(spans, _WIDTH, 1), job.request.workers, stop=job.client.http.close):
                if before is not None and window.start in [start for start, _ in spans[1:]]:
                    before = _before(job, window.start)
                for start, end in lost_settlements(None, found["ts"]):
                    tally.holes.append(Hole(start, end, _NOT_THERE))
                lacking = _unsure(job, window, before, found["ts"])
                unsure += lacking
                whole = {**found, "interval_h": interval_hours(before, found["ts"])}
                for start, end in without([(window.start, window.end)], lacking):
                    rows = clipped(whole, start, end)
                    writer.add(rows if len(rows["ts"]) else empty_rows(kind_of("funding")), start, end)
                before = int(found["ts"][-1]) if len(found["ts"]) else before
                progress(window.end)
        _prove(job, tally, unsure)
        _compare(job, tally)
    finally:
        part = job.finish(series, tally, writer.written)
    return part


def interval_hours(before: int | None, times: Integers) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Hours that each rate is for: since the settlement before it, where that is a length that the venue has; of the
    first one of all, until the next. NaN where it cannot be told. ``before``: the settlement before, None if none."""
    if not len(times):
        return np.array([], np.float64)
    first = before if before is not None else (2 * times[0] - times[1] if len(times) > 1 else times[0])
    hours = np.diff(times, prepend=first) / HOUR
    return np.where(np.isin(hours, _HOURS), hours, np.nan)


def lost_settlements(before: int | None, times: Integers) -> list[tuple[int, int]]:
    """Spans between settlements in which others must have been: longer than any interval of the venue, or twice as
    long as both the one before and the one after."""
    stamps = times if before is None else np.concatenate(([before], times))
    steps = np.diff(stamps)
    lost = steps > _LONGEST
    if len(steps) > 2:
        lost[1:-1] |= (steps[1:-1] == 2 * steps[:-2]) & (steps[:-2] == steps[2:])
    return [(int(stamps[row]) + 1, int(stamps[row + 1])) for row in np.flatnonzero(lost)]


def _asked(job: Job, window: Window) -> tuple[Window, Columns]:
    """The settlements of a window; spans in which some seem to be lost are asked for again while that brings any."""
    category, symbol = job.contract.category, job.contract.symbol
    found = job.client.funding(category, symbol, window.start, window.end)
    while lost := lost_settlements(None, found["ts"]):
        there = len(found["ts"])
        for start, end in lost:
            more = job.client.funding(category, symbol, start, end)
            place = int(np.searchsorted(found["ts"], start))
            found = {name: np.insert(values, place, more[name]) for name, values in found.items()}
        if len(found["ts"]) == there:
            break
    return window, found


def _unsure(job: Job, window: Window, before: int | None, times: Integers) -> list[tuple[int, int]]:
    """Spans at the edges of a window in which a settlement must have been: from ``before``, or else from the start or
    the launch, to the first one, and from the last one to the end. The one to come next is due after as long as the
    rules of the contract say."""
    contract, spans = job.contract, []
    last = window.end if contract.ended is None else min(window.end, contract.ended)
    since = max(window.start - 1, contract.launched) if before is None else before
    low = max(window.start, contract.launched if before is None else before + 1)
    if low >= last:
        return []
    if len(times):
        if times[0] - since > _LONGEST:
            spans.append((low, int(times[0])))
        since = int(times[-1])
        low = since + 1
    newest = contract.ended is None and job.now - window.end < _LONGEST and contract.funding_hours is not None
    step = int((contract.funding_hours or 0) * HOUR) if newest else _LONGEST
    if since + step < last:
        spans.append((low, last))
    return spans


def _prove(job: Job, tally: Tally, unsure: list[tuple[int, int]]) -> None:
    """Spans at the edges of windows are gaps where an answer shows settlements before and after and none between;
    others stay open."""
    series = job.series("funding")
    for start, end in united(unsure):
        times = job.client.funding(
            job.contract.category, job.contract.symbol, max(start - _LONGEST, _FIRST), min(end + _LONGEST, job.now)
        )["ts"]
        sides = (times < start).any() and (times >= end).any()
        if not sides or ((times >= start) & (times < end)).any():
            tally.holes.append(Hole(start, end, OPEN))
            continue
        with job.store.writer(series, job.provenance("funding/history"), replace=job.request.replace) as writer:
            writer.add(empty_rows(kind_of("funding")), start, end)
        tally.holes.append(Hole(start, end, _NOT_THERE))


def _before(job: Job, start: int) -> int | None:
    """The last settlement before ``start``: from the store, or else from the venue; None where there is none."""
    series = job.series("funding")
    if start - DAY < _FIRST:
        return None
    if not job.store.missing(series, start - DAY, start):
        there = job.store.read(series, start - DAY, start, ["ts"]).column("ts").to_numpy().astype(np.int64)
        if len(there):
            return int(there[-1])
    found = job.client.funding_page(job.contract.category, job.contract.symbol, start - DAY, start)
    return int(found["ts"][-1]) if len(found["ts"]) else None


def _compare(job: Job, tally: Tally) -> None:
    """Tell where the latest stamps and the contract's rules do not agree on the interval."""
    rules = job.contract.funding_hours
    if rules is None or job.contract.ended is not None or tally.spans[-1][1] < job.now - DAY:
        return
    found = job.store.read(job.series("funding"), tally.spans[-1][1] - 3 * DAY, tally.spans[-1][1], ["ts"])
    times = found.column("ts").to_numpy().astype(np.int64)
    apart = (times[-1] - times[-2]) / HOUR if len(times) > 1 else rules
    if apart != rules:
        tally.told.append(
            f"settlements up to {time_text(times[-1])} are {apart:g} h apart, and the rules of the contract say "
            f"{rules:g} h: the interval has just changed, or the rules are not exact"
        )
