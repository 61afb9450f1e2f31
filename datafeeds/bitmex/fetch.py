"""From what the store lacks of BitMEX to a store that is complete: bars, funding and rules from a server, trades and
quotes from the daily files, or from the server where only its address is given.

Rows are written in order of time; an interruption leaves neither a hole nor a duplicate, and the same request goes on
from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np

from halfspread.datafeeds.bitmex.client import BitmexClient, Page
from halfspread.datafeeds.bitmex.eras import POOLS, POOLS_SINCE
from halfspread.datafeeds.bitmex.fetch_dumps import fetch_dumps
from halfspread.datafeeds.bitmex.instruments import rules_of
from halfspread.datafeeds.bitmex.rows import BINS
from halfspread.datafeeds.net.clock import Clock, MachineClock
from halfspread.datafeeds.net.http import Retries
from halfspread.datafeeds.net.requests import OPEN, Fetched, FetchRequest, Hole, Part, Progress, quiet
from halfspread.datafeeds.store.kinds import kind_of
from halfspread.datafeeds.store.series import Provenance, Series
from halfspread.datafeeds.store.store import Store
from halfspread.engine.instruments import bitmex
from halfspread.engine.times import MINUTE, SECOND, interval_text, time_text
from halfspread.errors import ConfigError, FetchError, InstrumentError

__all__ = ["KINDS", "fetch"]

KINDS = ("instrument", "funding", *(f"bars_{name}" for name in BINS), "trades", "quotes")


def fetch(
    request: FetchRequest,
    store: Store,
    progress: Progress = quiet,
    *,
    clock: Clock | None = None,
    rng: np.random.Generator | None = None,
    retries: Retries | None = None,
    timeout: float = 20.0,
) -> Fetched:
    """Bring what ``request`` names into ``store``. ``clock``, ``rng``, ``retries``, ``timeout``: of `Http`.

    A server that does not answer ends it with ``error`` set: what came before is in the store. Raises ConfigError for
    kinds that the venue does not have, DataError for rows that contradict those that are stored.
    """
    _check(request.kinds)
    clock, rng = clock or MachineClock(), rng or np.random.default_rng()
    if retries is None and request.patient:
        retries = replace(Retries(), patience=7200.0)
    fetched = Fetched("bitmex", request.symbol)
    began = clock.monotonic()
    from_files = [] if request.base_url and not request.dumps_url else ["trades", "quotes"]
    client = BitmexClient(request.base_url, request.per_second, timeout, retries, clock, rng)
    try:
        with client:
            job = _Job(client, request, store, progress)
            for kind in sorted(set(request.kinds) - set(from_files), key=KINDS.index):
                fetched.parts.append(job.instrument() if kind == "instrument" else job.rows(kind))
                fetched.warnings += [text for text in fetched.parts[-1].told if text == POOLS]
        for kind in sorted(set(request.kinds) & set(from_files)):
            fetch_dumps(kind, request, store, progress, fetched, clock=clock, rng=rng, retries=retries, timeout=timeout)
    except FetchError as error:
        fetched.error = error
    fetched.requests += client.http.requests
    fetched.seconds = clock.monotonic() - began
    return fetched


def _check(kinds: tuple[str, ...]) -> None:
    """Raise ConfigError, before anything is asked, for a kind that BitMEX does not give."""
    unknown = [kind for kind in kinds if kind not in KINDS]
    if not unknown:
        return
    if unknown[0].startswith("bars_"):
        raise ConfigError(
            f"bitmex: expected bars of {', '.join(BINS)}, which the venue makes, got {unknown[0]}; fetch bars_1m and "
            "resample them"
        )
    raise ConfigError(f"bitmex: expected {', '.join(KINDS)}, got {unknown[0]}")


@dataclass
class _Job:
    """What the parts of one fetch from the server share."""

    client: BitmexClient
    request: FetchRequest
    store: Store
    progress: Progress
    _row: Any = field(default=None, init=False)

    def provenance(self, path: str, *notes: str) -> Provenance:
        url = self.client.http.url(path, {"symbol": self.request.symbol})
        return Provenance(url, self.client.clock.now(), notes=notes)

    def instrument(self) -> Part:
        """A dated copy of the contract's row: the venue gives the day's values only."""
        row = self._instrument_row()
        where = replace(self.provenance("instrument"), retrieved=self.client.clock.now() // SECOND * SECOND)
        new = self.store.save_document("bitmex", self.request.symbol, "instrument", rules_of(row), where)
        return Part("instrument", rows=int(new), same=int(not new))

    def rows(self, kind: str) -> Part:
        """Rows of one kind for all that the store lacks."""
        series = Series("bitmex", self.request.symbol, kind)
        start, end = self.request.start, self.request.end or self.client.clock.now()
        spans: tuple[tuple[int, int], ...] = ()
        if start < end:
            spans = ((start, end),) if self.request.replace else self.store.missing(series, start, end)
        if not spans:
            return Part(kind, told=() if start < end else ("the first time asked for is not over yet",))
        path, pages = self._pages(kind)
        notes = (POOLS,) if kind in ("trades", "quotes") and end > POOLS_SINCE else ()
        holes: list[Hole] = []
        told: list[str] = []
        whole = sum(last - first for first, last in spans)
        with self.store.writer(series, self.provenance(path, *notes), replace=self.request.replace) as writer:
            done = 0
            for first, last in spans:
                reached = first
                for page in pages(first, last):
                    if page.start > reached:
                        told.append(f"no rows from {time_text(reached)} to {time_text(page.start)}: {OPEN}")
                    writer.add(page.columns, page.start, page.end)
                    holes += _holes(kind, page)
                    told += [POOLS] if page.pools and POOLS not in told else []
                    reached = page.end
                    self.progress(kind, done + reached - first, whole)
                done += last - first
                if reached < last - max(series.of_kind.interval, MINUTE):  # more than the bar that is under way
                    told.append(f"rows from {time_text(reached)} on are not there yet; a later fetch asks again")
        for hole in holes:
            self.store.declare_gap(series, hole.start, hole.end, hole.reason)
        return Part(kind, spans, writer.written.added, writer.written.same, tuple(holes), tuple(told))

    def _pages(self, kind: str) -> tuple[str, Callable[[int, int], Iterator[Page]]]:
        symbol, client = self.request.symbol, self.client
        if kind == "funding":
            return "funding", lambda first, last: client.funding(symbol, first, last)
        if kind == "trades":
            return "trade", lambda first, last: client.trades(symbol, first, last)
        if kind == "quotes":
            return "quote", lambda first, last: client.quotes(symbol, first, last)
        interval, settle = kind.removeprefix("bars_"), self._settle()
        return "trade/bucketed", lambda first, last: client.bars(symbol, interval, first, last, settle)

    def _settle(self) -> str:
        """The currency in which the venue counts turnover."""
        try:
            return bitmex(self.request.symbol).settle
        except InstrumentError:
            return str(self._instrument_row().get("settlCurrency"))

    def _instrument_row(self) -> Any:
        if self._row is None:
            self._row = self.client.instrument(self.request.symbol)
        return self._row


def _holes(kind: str, page: Page) -> list[Hole]:
    """Spans of a page without bars: BitMEX makes one for every interval, also without trades."""
    interval = kind_of(kind).interval
    if not interval:
        return [
            Hole(start, end, "asked for twice, and the server has no settlements here") for start, end in page.holes
        ]
    first, last = page.start + -page.start % interval, page.end
    edges = [first - interval, *page.columns["ts"], last]
    return [
        Hole(before + interval, after, f"the server has no bars of {interval_text(interval)} there")
        for before, after in pairwise(edges)
        if after - before > interval
    ]
