"""Book updates into snapshots of the levels that are shown, checked at every message.

The rules are those of the kind book_updates: a snapshot replaces the book; sequence numbers, where there are any, must
not break (Binance: a message names the one before; Bybit: one more each time); the best bid must be below the best ask
after every message; a level that is changed or deleted by its id must be there. Where a rule is broken the book is
dropped until the next snapshot, and the span between is a gap with a reason: nothing is mended silently.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from halfspread.datafeeds.books import book_kernels as bk
from halfspread.datafeeds.books.builder_kernels import build, show_due
from halfspread.datafeeds.books.updates import UpdateRows, update_rows
from halfspread.engine.times import parse_interval
from halfspread.errors import ConfigError, DataError

if TYPE_CHECKING:
    import pyarrow as pa

    from halfspread.engine.depth import Depth

__all__ = ["REASONS", "BookBuilder", "BookGap", "Built", "build_books"]

#: Why there is no book in a gap.
REASONS = {
    bk.NOT_STARTED: "no snapshot yet",
    bk.SEQUENCE: "messages are missing: the sequence is broken",
    bk.CROSSED: "the best bid is above the best ask",
    bk.LOCKED: "the best bid is the best ask",
    bk.UNKNOWN: "a level is changed or deleted that is not in the book",
    bk.REPEATED: "a level comes that is in the book already",
    bk.BAD_PRICE: "a price is not a finite number above zero",
    bk.BAD_SIZE: "a size is not a finite number above zero",
    bk.MOVED: "an id comes with another price than before",
    bk.ONE_SIDED: "one side of the book is empty",
    bk.RESUMED: "a snapshot comes without the messages before it",
}
_COUNTS = {
    "messages": bk.MESSAGES,
    "updates": bk.UPDATES,
    "snapshots": bk.SNAPSHOTS,
    "older_than_snapshot": bk.STALE,
    "sent_again": bk.DUPLICATES,
    "without_book": bk.IGNORED,
    "deletes_of_absent_levels": bk.ABSENT,
    "exchange_time_back": bk.EXCHANGE_BACK,
    "local_time_back": bk.LOCAL_BACK,
    "without_exchange_time": bk.WITHOUT_EXCHANGE,
    "unchanged": bk.UNCHANGED,
}
_BLOCK = 1 << 20  # numbers in a block of snapshots
_HELD_ROWS = 1_000_000


@dataclass(frozen=True)
class BookGap:
    """No book from ``start`` to ``end`` (int64 ns, local times), since this message, for this reason."""

    start: int
    end: int
    reason: str
    message: int


@dataclass(frozen=True)
class Built:
    """Book snapshots. ``times``: exchange times, int64 ns UTC, sorted; ``local``: when each was received, None where no
    exchange time is known or nobody received it. ``rows``: float64 (n, 4 * levels) as in ``engine.depth``. ``counts``:
    of messages and updates, by what became of them."""

    times: NDArray[np.int64]
    local: NDArray[np.int64] | None
    rows: NDArray[np.float64]
    levels: int
    gaps: tuple[BookGap, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.times)

    @property
    def depth(self) -> Depth:
        """The same as the engine's Depth."""
        from halfspread.engine.depth import Depth

        spans = tuple((gap.start, gap.end) for gap in self.gaps)
        return Depth(self.times, self.local, self.rows, self.levels, "book updates", dict(self.counts), spans)

    @property
    def table(self) -> pa.Table:
        """The same as a table of the kind books_N."""
        import pyarrow as pa

        ts = self.times if self.local is None else self.local
        columns: dict[str, Any] = {"ts": ts} if self.local is None else {"ts": ts, "exch_ts": self.times}
        names = ("bid_{}", "bid_size_{}", "ask_{}", "ask_size_{}")
        for column in range(4 * self.levels):
            values = np.ascontiguousarray(self.rows[:, column])
            absent = np.isnan(values)
            name = names[column % 4].format(column // 4 + 1)
            columns[name] = pa.array(values, mask=absent if absent.any() else None)
        return pa.table(columns)


class BookBuilder:
    """Builds books block by block; the same rows come out however the updates are cut into blocks.

    ``levels``: how many are shown. ``every``: None for a snapshot after every message, or an interval ("100ms", or
    nanoseconds) of which the last message gives one, at its own times; an interval without a message gives none.
    ``changes``: leave out a snapshot that shows what the one before it showed. Exchange times are kept where the first
    message has one.
    """

    def __init__(self, levels: int, every: str | int | float | None = None, *, changes: bool = False) -> None:
        if type(levels) is not int or levels < 1:
            raise ConfigError(f"levels: expected a whole number above zero, got {levels!r}")
        self.levels = levels
        self._state = np.zeros(bk.STATE, np.int64)
        self._state[bk.LEVELS] = levels
        self._state[bk.EVERY] = _interval(every)
        self._state[bk.CHANGES] = int(changes)
        self._state[[bk.LAST_SEQUENCE, bk.LAST_EXCHANGE, bk.LAST_LOCAL]] = bk.NULL
        self._state[bk.GENERATION] = 1
        self._keys = np.zeros((2, 256))
        self._sizes = np.zeros((2, 256))
        self._map = _empty_map(1_024)
        self._shown = np.zeros(4 * levels)
        self._rest: UpdateRows | None = None
        self._held: UpdateRows | None = None
        self._counted: dict[str, int] = {}
        #: Whether the last gap was still open at the end, as `finish` says it.
        self.lost = False

    def feed(self, updates: Any, *, whole: bool = False) -> Built:
        """Snapshots that these rows give. The last message is kept until the next call, which may hold more of its
        rows, unless ``whole`` says that it is complete. Raises DataError for rows that are no book updates."""
        rows = updates if isinstance(updates, UpdateRows) else update_rows(updates)
        if self._rest is not None:
            rows, self._rest = self._rest.followed_by(rows), None
        if not whole and len(rows):
            message = rows.column("message")
            others = np.flatnonzero(message != message[-1])
            cut = int(others[-1]) + 1 if len(others) else 0
            self._rest = rows.part(cut, len(rows))
            rows = UpdateRows(tuple(column[:cut] for column in rows.columns))
        return self._build(rows)

    def finish(self) -> Built:
        """Snapshots that the last message gives, and the gap that is still open, up to the last message."""
        rest, self._rest = self._rest, None
        pieces, gaps = self._pieces(rest) if rest is not None else ([], [])
        if self._state[bk.DUE]:
            pieces.append(self._last_due())
        self.lost = bool(self._state[bk.BROKEN])
        if self.lost:
            state = self._state
            end = max(int(state[bk.TS]), int(state[bk.GAP_START]) + 1)
            gaps.append(_gap([state[bk.GAP_START], end, state[bk.BROKEN], state[bk.GAP_MESSAGE]]))
            state[bk.BROKEN] = 0
        return self._built(pieces, gaps)

    @property
    def has_book(self) -> bool:
        """Whether there is a book now."""
        return bool(self._state[bk.MODE] != bk.NONE and self._state[bk.BROKEN] == 0)

    def _build(self, rows: UpdateRows) -> Built:
        return self._built(*self._pieces(rows))

    def _pieces(self, rows: UpdateRows) -> tuple[list[tuple[Any, Any]], list[BookGap]]:
        """Blocks of (times, rows), and gaps."""
        pieces: list[tuple[Any, Any]] = []
        gaps: list[BookGap] = []
        if not len(rows):
            return pieces, gaps
        state = self._state
        state[bk.AT] = state[bk.LOST_AT] = 0
        while True:
            status = self._run(rows, pieces, gaps)
            if status == bk.DONE:
                break
            if status == bk.RESYNC:
                self._replay(rows)
            else:
                self._grow(status)
        self._hold(rows)
        return pieces, gaps

    def _run(self, rows: UpdateRows, pieces: list[tuple[Any, Any]], gaps: list[BookGap]) -> int:
        state = self._state
        left = len(rows) - int(state[bk.AT]) + 2
        out = np.empty((min(left, max(16, _BLOCK // (4 * self.levels))), 4 * self.levels))
        times = np.empty((len(out), 2), np.int64)
        found = np.empty((64, 4), np.int64)
        state[bk.OUT] = state[bk.GAPS] = 0
        arguments = (state, self._keys, self._sizes, *self._map, out, times, self._shown, found)
        status = int(build(*rows.columns, *arguments))
        if state[bk.OUT]:
            pieces.append((times[: state[bk.OUT]], out[: state[bk.OUT]]))
        gaps.extend(_gap(entry) for entry in found[: state[bk.GAPS]])
        return status

    def _grow(self, status: int) -> None:
        if status == bk.MORE_LEVELS:
            self._keys, self._sizes = (np.concatenate([a, np.zeros_like(a)], axis=1) for a in (self._keys, self._sizes))
        elif status == bk.MORE_IDS:
            larger = _empty_map(2 * len(self._map[0]))
            bk.rehash(self._map, self._state[bk.GENERATION], larger)
            self._map = larger

    def _replay(self, rows: UpdateRows) -> None:
        """Apply what came since the book was lost on top of the snapshot that has just been read: where the snapshot
        was asked for, newer changes can have come before it."""
        state = self._state
        start = int(state[bk.MESSAGE_AT])
        late = rows.part(int(state[bk.LOST_AT]), start)
        held = late if self._held is None else self._held.followed_by(late)
        saved = state.copy()
        self._held = None
        state[bk.OPEN], state[bk.AT], state[bk.QUIET] = 0, 0, 1
        while len(held):
            status = self._run(held, [], [])
            if status == bk.DONE:
                break
            self._grow(status)
        lost = state[bk.MODE] == bk.NONE
        # What was counted as without a book has one now, unless this snapshot does not fit either.
        state[bk.IGNORED] = saved[bk.IGNORED] - (0 if lost else state[bk.MESSAGES] - saved[bk.MESSAGES])
        state[bk.MESSAGES] = saved[bk.MESSAGES]
        for name in (bk.AT, bk.OPEN, bk.MESSAGE, bk.MESSAGE_AT, bk.TS, bk.EXCHANGE, bk.WAS_NONE, bk.HAS_SNAPSHOT):
            state[name] = saved[name]
        state[bk.LAST_TS], state[bk.QUIET], state[bk.RESYNCED] = saved[bk.LAST_TS], 0, 1
        state[bk.SKIPPING] = bk.BROKE if lost else 0
        if lost:
            self._held, state[bk.LOST_AT] = held, start

    def _hold(self, rows: UpdateRows) -> None:
        """Keep what came since the book was lost, where a snapshot may be older than that."""
        state = self._state
        if state[bk.MODE] != bk.NONE or not state[bk.CHAINED]:
            self._held = None
            return
        late = rows.part(int(state[bk.LOST_AT]), len(rows))
        held = late if self._held is None else self._held.followed_by(late)
        if len(held) > _HELD_ROWS:
            message = held.column("message")
            newer = np.flatnonzero(message != message[-_HELD_ROWS - 1])
            held = held.part(int(newer[newer >= len(held) - _HELD_ROWS][0]) if len(newer) else len(held), len(held))
        self._held = held

    def _last_due(self) -> tuple[Any, Any]:
        out, times = np.empty((1, 4 * self.levels)), np.empty((1, 2), np.int64)
        self._state[bk.OUT] = 0
        show_due(self._state, self._keys, self._sizes, out, times, self._shown)
        return times[: self._state[bk.OUT]], out[: self._state[bk.OUT]]

    def _built(self, pieces: list[tuple[Any, Any]], gaps: list[BookGap]) -> Built:
        times = np.concatenate([np.empty((0, 2), np.int64), *(times for times, _ in pieces)])
        rows = (
            pieces[0][1]
            if len(pieces) == 1
            else np.concatenate([np.empty((0, 4 * self.levels)), *(r for _, r in pieces)])
        )
        local = np.ascontiguousarray(times[:, 1]) if self._state[bk.EXCHANGE_CLOCK] else None
        now = self._counts()
        counts = {name: count - self._counted.get(name, 0) for name, count in now.items()}
        self._counted = now
        rows.flags.writeable = False
        return Built(np.ascontiguousarray(times[:, 0]), local, rows, self.levels, tuple(gaps), counts)

    def _counts(self) -> dict[str, int]:
        state = self._state
        reasons = {f"broken: {why}": int(state[bk.REASON_COUNTS + code]) for code, why in REASONS.items()}
        counts = {name: int(state[at]) for name, at in _COUNTS.items()}
        return {**counts, **{name: count for name, count in reasons.items() if count}}


def build_books(updates: Any, levels: int, every: str | int | float | None = None, *, changes: bool = False) -> Built:
    """Snapshots of all of these book updates; arguments of `BookBuilder`. Raises DataError, ConfigError."""
    return joined(_blocks(updates, BookBuilder(levels, every, changes=changes)))


def _blocks(updates: Any, builder: BookBuilder) -> Iterator[Built]:
    yield builder.feed(updates)
    yield builder.finish()


def joined(blocks: Iterator[Built]) -> Built:
    """Blocks of one builder as one."""
    found = list(blocks)
    if not found:
        raise DataError("expected book updates, got none")
    counts: dict[str, int] = {}
    for block in found:
        for name, count in block.counts.items():
            counts[name] = counts.get(name, 0) + count
    filled = [block for block in found if len(block)] or found[:1]
    local = [block.local for block in filled if block.local is not None]
    rows = np.concatenate([block.rows for block in filled]) if len(filled) > 1 else filled[0].rows
    rows.flags.writeable = False
    return Built(
        np.concatenate([block.times for block in filled]),
        np.concatenate(local) if len(local) == len(filled) else None,
        rows,
        found[0].levels,
        tuple(gap for block in found for gap in block.gaps),
        counts,
    )


def _interval(every: str | int | float | None) -> int:
    if every is None:
        return 0
    if isinstance(every, int) and not isinstance(every, bool):
        if every <= 0:
            raise ConfigError(f"every: expected nanoseconds above zero, got {every}")
        return every
    return parse_interval(every)


def _empty_map(capacity: int) -> tuple[NDArray[Any], ...]:
    """Ids, sides, prices, and the generation that a slot is taken in."""
    return np.zeros(capacity, np.int64), np.zeros(capacity, np.int8), np.zeros(capacity), np.zeros(capacity, np.int64)


def _gap(entry: Any) -> BookGap:
    start, end, reason, message = (int(value) for value in entry)
    return BookGap(start, end, REASONS[reason], message)
