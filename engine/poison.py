"""Poison what an agent has not received: in the history that it is shown, and in the tape that it may hold on to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import numpy as np

from halfspread.costs.latency import DelayTable
from halfspread.engine.codes import AT_AGENT
from halfspread.engine.feed import Feed
from halfspread.engine.replay import Chunk
from halfspread.engine.session import columns_of
from halfspread.engine.side_data import arrivals_of
from halfspread.engine.tape import Tape
from halfspread.engine.times import Floats, Integers
from halfspread.errors import ConfigError

__all__ = ["POISONS", "Poison", "Veils", "inputs_of"]


NEVER = int(np.iinfo(np.int64).max)


@dataclass(frozen=True)
class Poison:
    """A name and a function that makes poison of the numbers that it replaces."""

    name: str
    make: Callable[[Floats], Floats] = field(repr=False)


def _nan(values: Floats) -> Floats:
    return np.full(values.shape, np.nan)


def _moved(values: Floats, direction: float) -> Floats:
    """Other plausible numbers, all of them higher or all lower, by an amount that each row draws for itself: 5 to 25 %
    of a column of positive numbers, 0.5 to 2.5 standard deviations of any other."""
    by = np.random.default_rng(len(values)).uniform(0.05, 0.25, len(values)).reshape(-1, *[1] * (values.ndim - 1))
    positive = np.nanmin(values, axis=0, initial=np.inf) > 0.0
    spread = 10.0 * np.nan_to_num(np.nanstd(values, axis=0)) + 1e-12 if len(values) else 0.0
    moved: Floats = np.where(positive, values * (1.0 + by) ** direction, values + direction * by * spread)
    return moved


def _higher(values: Floats) -> Floats:
    return _moved(values, 1.0)


def _lower(values: Floats) -> Floats:
    return _moved(values, -1.0)


POISONS = (Poison("NaN", _nan), Poison("higher numbers", _higher), Poison("lower numbers", _lower))


def inputs_of(tape: Tape) -> tuple[str, ...]:
    """What an agent could look at, by name: ``bars: close``, ``funding``, ``mark``, ``index``, ``settle price``."""
    found = [
        f"{kind}: {column}" for feed in tape.feeds for kind in reversed(feed.kinds) for column in columns_of(feed, kind)
    ]
    found += [name for feed in tape.feeds for name, _, _ in _beside(feed)]
    return tuple(dict.fromkeys(found))


def _beside(feed: Feed) -> Iterator[tuple[str, Floats, Integers]]:
    """Name, numbers and the times from which they are known, of what stands beside the tables of an instrument."""
    if feed.funding is not None:
        yield "funding", feed.funding.rates, feed.funding.known_times
    for name, prices in (("mark", feed.mark), ("index", feed.index), ("settle price", feed.settle_price)):
        if prices is not None:
            yield name, prices.prices, prices.times


def _received(feed: Feed, kind: str, delay: DelayTable | None) -> Integers:
    """When the rows of a table in memory are received."""
    table: Any = feed.table(kind)
    local = None if kind == "bars" else table.local_times
    if local is not None:
        return np.maximum.accumulate(local)
    return _later(table.times + (table.interval if kind == "bars" else 0), delay)


def _later(times: Integers, delay: DelayTable | None) -> Integers:
    """Times of arrival where market data are delayed."""
    return times if delay is None else arrivals_of(times, delay)


class _Veil:
    """An array that shows poison in place of what is not known yet.

    A slice of a larger array (of the tape that this one was cut from) shows poison in what follows it there, too.
    """

    def __init__(self, shown: Floats, times: Integers, poison: Poison, column: int | None = None) -> None:
        self._shown = _to_the_end(shown)
        self._times = times
        self._true = self._shown.copy()
        self._known = 0
        self._write(poison.make(self._true), 0, len(self._true), column)
        self._next = int(times[0]) if len(times) else NEVER

    def _write(self, values: Floats, first: int, end: int, column: int | None = None) -> None:
        if column is None:
            self._shown[first:end] = values[first:end]
        else:
            self._shown[first:end, column] = values[first:end, column]

    def lift(self, now: int) -> None:
        """Show what is known by ``now``."""
        if now >= self._next:
            end = int(np.searchsorted(self._times, now, side="right"))
            self._write(self._true, self._known, end)
            self._known = end
            self._next = int(self._times[end]) if end < len(self._times) else NEVER

    def drop(self) -> None:
        """Show everything."""
        self._write(self._true, self._known, len(self._true))


def _to_the_end(shown: Floats) -> Floats:
    """The rows of an array that may be written to, and those after them in the array that it is a slice of."""
    owner = shown
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    before = owner.flags.writeable
    try:
        owner.flags.writeable = True
    except ValueError:
        raise ConfigError("an audit poisons the arrays of a tape, and one of them cannot be written to") from None
    first = (shown.ctypes.data - owner.ctypes.data) // owner.strides[0] if len(owner) else 0
    whole = owner[first:]
    owner.flags.writeable = before
    if whole.ctypes.data != shown.ctypes.data or whole.shape[1:] != shown.shape[1:] or whole.strides != shown.strides:
        raise ConfigError("an audit poisons the arrays of a tape, and one of them is a view of another shape")
    return whole


class Veils:
    """Poison over a tape in memory and over the history of its runs; a context manager that takes it off again.

    ``tape``: what the engine replays, a copy where there is poison. ``only``: the one input (see `inputs_of`) that is
    poisoned; None: all of them. ``held``: the agent may hold on to the tape, so its arrays are poisoned too.
    ``delay``: latency of market data. Without poison nothing is changed.
    """

    def __init__(
        self,
        tape: Tape,
        poison: Poison | None,
        only: str | None = None,
        *,
        held: bool = True,
        delay: DelayTable | None = None,
    ) -> None:
        self._public, self._poison, self._only, self._delay = tape, poison, only, delay
        self._veils: list[_Veil] = []
        self._held = held and poison is not None
        self.tape = _copy(tape) if self._held else tape
        self._kept: dict[str, Any] = {}
        self._history: Floats | None = None
        self._shown = np.zeros((0, 0))
        self._rows: dict[int, int] = {}

    def __enter__(self) -> Veils:
        if self._held and self._poison is not None:
            self._kept = dict(self._public.shared)
            self._public.shared.clear()
            self._veils = list(self._made(self._poison))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for veil in reversed(self._veils):
            veil.drop()
        self._public.shared.update(self._kept)

    def _made(self, poison: Poison) -> Iterator[_Veil]:
        seen: set[int] = set()
        for feed in self._public.feeds:
            for kind in feed.kinds:
                rows, columns = feed.table(kind).rows, columns_of(feed, kind)
                column = _place(self._only, kind, columns)
                if self._only is None or column is not None:
                    yield _Veil(rows, _received(feed, kind, self._delay), poison, column)
            for name, values, times in _beside(feed):
                if self._only in (None, name) and id(values) not in seen:
                    seen.add(id(values))
                    yield _Veil(values, _later(times, self._delay), poison)

    def lift(self, chunk: Chunk, kind: str, bits: int) -> Floats:
        """The history that an agent may be shown while the events of ``chunk`` run: true up to them, poison beyond.

        ``kind``: its table; ``bits``: the kinds of event that bring a row of it.
        """
        if self._poison is None:
            return chunk.history
        now = int(chunk.buffer["time"][chunk.count - 1])
        for veil in self._veils:
            veil.lift(now)
        if chunk.history is not self._history:
            self._veil_history(chunk.history, kind)
        self._show_rows(chunk, bits)
        return self._shown

    def _veil_history(self, history: Floats, kind: str) -> None:
        poison, columns = self._poison, columns_of(self._public.feeds[0], kind)
        column = _place(self._only, kind, columns)
        self._history, self._rows = history, {}
        self._shown = history.copy()
        if poison is not None and self._only is None:
            self._shown = poison.make(history)
        elif poison is not None and column is not None:
            self._shown[:, column] = poison.make(history)[:, column]
        self._shown = np.ascontiguousarray(self._shown)
        self._shown.flags.writeable = False

    def _show_rows(self, chunk: Chunk, bits: int) -> None:
        """Rows of a table stand in the order in which they are received, one instrument after the other."""
        shown, history = self._shown, self._history
        if chunk.count == 1 and history is not None:
            event = chunk.buffer[0]
            if event["kind"] & bits and event["place"] & AT_AGENT:
                k, row = int(event["instrument"]), int(event["row"])
                shown.flags.writeable = True
                first = self._rows.get(k, row)
                shown[first : row + 1] = history[first : row + 1]
                shown.flags.writeable = False
                self._rows[k] = row + 1
            return
        events = chunk.events
        wanted = (events["kind"] & bits != 0) & (events["place"] & AT_AGENT != 0)
        if history is None or not wanted.any():
            return
        instruments, rows = events["instrument"][wanted], events["row"][wanted]
        shown.flags.writeable = True
        for k in {*instruments.tolist()}:
            mine = rows[instruments == k]
            first, end = self._rows.get(k, int(mine[0])), int(mine[-1]) + 1
            shown[first:end] = history[first:end]
            self._rows[k] = end
        shown.flags.writeable = False


def _place(only: str | None, kind: str, columns: tuple[str, ...]) -> int | None:
    """Position of the one poisoned column in a table; None where it is of another one."""
    table, _, name = ("" if only is None else only).partition(": ")
    return columns.index(name) if table == kind and name in columns else None


def _copy(tape: Tape) -> Tape:
    """A tape of its own arrays, which cannot be written to."""
    copied = deepcopy(tape)
    for feed in copied.feeds:
        for kind in feed.kinds:
            feed.table(kind).rows.flags.writeable = False
    copied.shared.clear()
    return copied
