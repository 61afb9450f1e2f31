"""Fetch rows that stand on a grid of time: bars of last, mark, index and premium prices, and open interest.

A row is finished when the venue's clock says so. Spans without rows are legal before the first one of the contract and
after its end. Any other is asked for again as long as that brings rows. What still lacks is a gap where one answer
shows the rows on both sides of it and none between, and told; else it does not count as fetched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from halfspread.datafeeds.bybit.client import INTERESTS, KLINES, PATHS, PRICES, Price
from halfspread.datafeeds.bybit.intervals import bar_code, open_interest_code
from halfspread.datafeeds.bybit.job import SETTLED, Job, Tally, Window, cut, empty_rows, runs
from halfspread.datafeeds.bybit.rows import Columns, clipped
from halfspread.datafeeds.net.parallel import in_order
from halfspread.datafeeds.net.requests import OPEN, Hole, Part
from halfspread.datafeeds.store.kinds import kind_of
from halfspread.datafeeds.store.series import Provenance
from halfspread.datafeeds.store.spans import united, without
from halfspread.datafeeds.store.store import Written
from halfspread.engine.times import DAY, HOUR, time_text
from halfspread.errors import ConfigError

__all__ = ["check_kind", "fetch_spaced"]

_PRICE_OF: dict[str, Price] = {"bars": "last", **{price: price for price in PRICES[1:]}}
#: Rows that end this short a while before now may still come.
_FRESH = HOUR
#: Holes of one answer that are asked for one by one.
_AGAIN = 5
_LAUNCH = "between launch and first row"
_NOT_THERE = "asked for twice, and the venue has no rows here"


@dataclass(frozen=True)
class _Source:
    """``ask``: rows of an interval, from, to; at most ``width`` - 2 of them."""

    ask: Callable[[int, int, int], Columns]
    width: int
    provenance: Provenance


def check_kind(kind: str) -> None:
    """Raise ConfigError, before anything is asked, for a kind whose rows Bybit does not give."""
    family, interval = kind.rpartition("_")[0], kind_of(kind).interval
    if family == "open_interest":
        open_interest_code(interval)
    elif family in _PRICE_OF:
        bar_code(interval)
    else:
        raise ConfigError(f"bybit: expected bars, mark, index, premium or open_interest with an interval, got {kind}")


def fetch_spaced(kind: str, job: Job) -> Part:
    """Fetch what the store lacks of ``kind``. Raises FetchError; what came before is kept."""
    check_kind(kind)
    series, interval = job.series(kind), kind_of(kind).interval
    spans = job.spans(series, *_grid(job, interval))
    tally, source = Tally(kind, spans), _source(kind, job)
    if not spans:
        start, end = _grid(job, interval)
        tally.told += ["no row of the time asked for is finished yet"] if start >= end else []
        return job.finish(series, tally, Written())
    life = _life(job, source, spans[0][0], interval)
    writer = job.store.writer(series, source.provenance, replace=job.request.replace)
    progress, empty = tally.progress(job.progress), empty_rows(kind_of(kind))
    windows = cut(spans, (source.width - 2) * interval, interval)
    work = partial(_asked, source, interval, life)
    unsure: list[tuple[int, int]] = []
    try:
        with writer:
            for window, found in in_order(work, windows, job.request.workers, stop=job.client.http.close):
                until, lacking = _note_holes(window, found, interval, life, job, tally)
                unsure += lacking
                for start, end in without([(window.start, until)], lacking) if window.start < until else ():
                    rows = clipped(found, start, end)
                    writer.add(rows if len(rows["ts"]) else empty, start, end)
                progress(window.end)
        _prove(unsure, source, interval, life, job, tally)
    finally:
        part = job.finish(series, tally, writer.written)
    return part


def _grid(job: Job, interval: int) -> tuple[int, int]:
    """From the first row at or after the start to the end of the last one that is finished."""
    wanted = job.now if job.request.end is None else job.request.end
    finished = (job.now - SETTLED) // interval * interval
    return -(-job.request.start // interval) * interval, min(-(-wanted // interval) * interval, finished)


def _source(kind: str, job: Job) -> _Source:
    client, category, symbol = job.client, job.contract.category, job.contract.symbol
    family, interval = kind.rpartition("_")[0], kind_of(kind).interval
    if family == "open_interest":
        provenance = job.provenance("open-interest", intervalTime=open_interest_code(interval))
        return _Source(partial(client.open_interest, category, symbol), INTERESTS, provenance)
    price = _PRICE_OF[family]

    def ask(length: int, start: int, end: int) -> Columns:
        return client.klines(category, symbol, length, start, end, price)

    return _Source(ask, KLINES, job.provenance(PATHS[price], interval=bar_code(interval)))


@dataclass(frozen=True)
class _Life:
    """From where on rows may be, and where they end. ``rows``: end of the day of the first row, ``begin`` where that
    was not asked for: before it there may be none yet."""

    begin: int
    end: int
    rows: int


def _life(job: Job, source: _Source, start: int, interval: int) -> _Life:
    """The life of the contract. What the venue says of the launch is believed only after days before it were asked for
    and none came."""
    begin = rows = job.contract.launched // DAY * DAY
    width, today = (source.width - 2) * DAY, job.now // DAY * DAY
    for first in range(start // DAY * DAY, today, width) if start // DAY * DAY <= begin else ():
        last, known = min(first + width, today), None
        while first < last and len(found := source.ask(DAY, first, last)["ts"]):  # until no earlier one comes
            last = known = int(found[0])
        if known is not None:
            begin, rows = min(begin, known), known + DAY
            break
    ended = job.contract.ended
    return _Life(begin, job.now if ended is None else -(-ended // interval) * interval, rows)


def _asked(source: _Source, interval: int, life: _Life, window: Window) -> tuple[Window, Columns]:
    """The rows of a window; spans without rows are asked for again while that brings any."""
    first, last = (
        max(window.first, life.begin // interval * interval),
        min(window.last, -(-life.end // interval) * interval),
    )
    if first >= last:
        return window, {"ts": np.array([], np.int64)}
    found = source.ask(interval, first, last)
    while missing := runs(found["ts"], first, last, interval):
        before = len(found["ts"])
        for start, end in missing if len(missing) <= _AGAIN else [(missing[0][0], missing[-1][1])]:
            found = _merged(found, source.ask(interval, start, end))
        if len(found["ts"]) == before:
            break
    return window, found


def _merged(found: Columns, more: Columns) -> Columns:
    new = ~np.isin(more["ts"], found["ts"])
    both = {name: np.concatenate([values, more[name][new]]) for name, values in found.items()}
    order = np.argsort(both["ts"], kind="stable")
    return {name: values[order] for name, values in both.items()}


def _note_holes(
    window: Window, found: Columns, interval: int, life: _Life, job: Job, tally: Tally
) -> tuple[int, list[tuple[int, int]]]:
    """Note the spans without rows and why; up to where the window is covered, which is not what may still come, and
    those at its edges, which are not known to be gaps."""
    born, dead = min(max(life.begin, window.first), window.last), max(min(life.end, window.last), window.first)
    covered, unsure = window.end, []
    for start, end in runs(found["ts"], window.first, window.last, interval):
        _note(tally, start, min(end, born), f"before the first row of the venue, {time_text(life.begin)}")
        _note(tally, max(start, dead), end, f"after the end of the contract, {time_text(life.end)}")
        first, last = max(start, born), min(end, dead)
        if first >= last:
            continue
        if end == window.last and job.contract.ended is None and job.now - last < _FRESH:
            tally.told.append(f"from {time_text(first)} on there are no rows yet; a later fetch asks again")
            covered = first
        elif first == life.begin and last <= life.rows and end < window.last:
            _note(tally, first, last, _LAUNCH)
        elif start > window.first and end < window.last:
            _note(tally, first, last, _NOT_THERE)
        else:
            unsure.append((first, last))
    return covered, unsure


def _prove(unsure: list[tuple[int, int]], source: _Source, interval: int, life: _Life, job: Job, tally: Tally) -> None:
    """Spans at the edges of windows are gaps where an answer shows the row before and one the row after, and neither
    any between; others stay open."""
    width = (source.width - 2) * interval
    for start, end in united(unsure):
        first, last = start - interval, end + interval
        times = np.concatenate(
            [
                source.ask(interval, first, min(first + width, last))["ts"],
                source.ask(interval, max(last - width, first), last)["ts"],
            ]
        )
        early = start == life.begin and end <= life.rows
        sides = (early or first in times) and (end in times or end >= life.end)
        if not sides or ((times >= start) & (times < end)).any():
            _note(tally, start, end, OPEN)
            continue
        series, kind = job.series(tally.kind), kind_of(tally.kind)
        with job.store.writer(series, source.provenance, replace=job.request.replace) as writer:
            writer.add(empty_rows(kind), start, end)
        _note(tally, start, end, _LAUNCH if early else _NOT_THERE)


def _note(tally: Tally, start: int, end: int, reason: str) -> None:
    if start < end:
        tally.holes.append(Hole(start, end, reason))
