"""Fetch rows that stand on a grid of time: bars of last, mark, index and premium prices, and open interest.

A row is finished when the venue's clock says so. Spans without rows are legal before the first one of the contract and
after its end; any other is asked for a second time, then declared as a gap, and told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from halfspread.datafeeds.bybit.client import INTERESTS, KLINES, PATHS, PRICES, Price
from halfspread.datafeeds.bybit.intervals import bar_code, open_interest_code
from halfspread.datafeeds.bybit.job import SETTLED, Job, Tally, Window, cut, empty_rows, runs
from halfspread.datafeeds.bybit.rows import Columns
from halfspread.datafeeds.net.parallel import in_order
from halfspread.datafeeds.net.requests import Hole, Part
from halfspread.datafeeds.store.kinds import kind_of
from halfspread.datafeeds.store.series import Provenance
from halfspread.datafeeds.store.store import Written
from halfspread.engine.times import DAY, HOUR, time_text
from halfspread.errors import ConfigError

__all__ = ["check_kind", "fetch_spaced"]

_PRICE_OF: dict[str, Price] = {"bars": "last", **{price: price for price in PRICES[1:]}}
#: Rows that end this short a while before now may still come.
_FRESH = HOUR
#: Holes of one answer that are asked for one by one.
_AGAIN = 5
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
        return job.finish(series, tally, Written())
    life = _life(job, source, spans[0][0], interval)
    writer = job.store.writer(series, source.provenance, replace=job.request.replace)
    progress, empty = tally.progress(job.progress), empty_rows(kind_of(kind))
    windows = cut(spans, (source.width - 2) * interval, interval)
    work = partial(_asked, source, interval, life)
    try:
        with writer:
            for window, found in in_order(work, windows, job.request.workers, stop=job.client.http.close):
                until = _note_holes(window, found, interval, life, job, tally)
                if window.start < until:
                    writer.add(found if len(found["ts"]) else empty, window.start, until)
                progress(window.end)
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


def _life(job: Job, source: _Source, start: int, interval: int) -> tuple[int, int]:
    """From where on rows may be, and where they end. What the venue says of the launch is believed only after days
    before it were asked for and none came."""
    begin = launched = job.contract.launched // DAY * DAY
    width = (source.width - 2) * DAY
    for first in range(start // DAY * DAY, launched, width):
        found = source.ask(DAY, first, min(first + width, launched))
        if len(found["ts"]):
            begin = int(found["ts"][0])
            break
    ended = job.contract.ended
    return begin, job.now if ended is None else -(-ended // interval) * interval


def _asked(source: _Source, interval: int, life: tuple[int, int], window: Window) -> tuple[Window, Columns]:
    """The rows of a window; spans without rows are asked for a second time."""
    first, last = (
        max(window.first, life[0] // interval * interval),
        min(window.last, -(-life[1] // interval) * interval),
    )
    if first >= last:
        return window, {"ts": np.array([], np.int64)}
    found = source.ask(interval, first, last)
    missing = runs(found["ts"], first, last, interval)
    for start, end in missing if len(missing) <= _AGAIN else [(missing[0][0], missing[-1][1])]:
        more = source.ask(interval, start, end)
        new = ~np.isin(more["ts"], found["ts"])
        found = {name: np.concatenate([values, more[name][new]]) for name, values in found.items()}
    order = np.argsort(found["ts"], kind="stable")
    return window, {name: values[order] for name, values in found.items()}


def _note_holes(window: Window, found: Columns, interval: int, life: tuple[int, int], job: Job, tally: Tally) -> int:
    """Note the spans without rows and why; up to where the window is covered, which is not what may still come."""
    begin, over = life
    born, dead = min(max(begin, window.first), window.last), max(min(over, window.last), window.first)
    covered = window.end
    for start, end in runs(found["ts"], window.first, window.last, interval):
        _note(tally, start, min(end, born), f"before the first row of the venue, {time_text(begin)}")
        _note(tally, max(start, dead), end, f"after the end of the contract, {time_text(over)}")
        first, last = max(start, born), min(end, dead)
        if first >= last:
            continue
        if end == window.last and job.contract.ended is None and job.now - last < _FRESH:
            tally.told.append(f"from {time_text(first)} on there are no rows yet; a later fetch asks again")
            covered = first
        else:
            early = not tally.seen and tally.spans[0][0] <= begin
            _note(tally, first, last, "between launch and first row" if early else _NOT_THERE)
    tally.seen = tally.seen or len(found["ts"]) > 0
    return covered


def _note(tally: Tally, start: int, end: int, reason: str) -> None:
    if start < end:
        tally.holes.append(Hole(start, end, reason))
