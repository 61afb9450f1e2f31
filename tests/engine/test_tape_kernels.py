"""The merge of bars, quotes, books, trades, timers and side events: the order at one time, the two moments of a bar,
rows that are seen later than they happen, and chunks that lose nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.engine.bar_kernels import gap_rows
from halfspread.engine.codes import (
    AT_AGENT,
    AT_EXCHANGE,
    BAR,
    BAR_CLOSE,
    BAR_OPEN,
    BOOK,
    FUNDING,
    FUNDING_KNOWN,
    GAP,
    INDEX,
    MARK,
    QUOTE,
    RATE,
    TIMER,
    TRADE,
)
from halfspread.engine.records import EVENT
from halfspread.engine.stream_records import STREAM
from halfspread.engine.tape_kernels import MARGIN, NEVER, merge_events
from tests.engine.event_markets import BOTH, ROWS, phase

#: time, kind, instrument
Line = tuple[int, int, int]

CANARY = -77


@dataclass
class Rows:
    """A table of quotes, books or trades: its times, and when its rows are seen where that is later."""

    kind: int
    instrument: int
    times: list[int]
    seen: list[int] | None = None


@dataclass
class Merge:
    """Bars of several instruments (open times), side events, tables of rows, a timer (its first time, its interval),
    and where the merge stands."""

    times: list[list[int]]
    intervals: list[int]
    side: Sequence[Line] = ()
    tables: Sequence[Rows] = ()
    timer: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        self.begins = np.cumsum([0, *map(len, self.times)]).astype(np.int64)
        self.events = np.zeros(len(self.side), EVENT)
        for i, (time, kind, instrument) in enumerate(sorted(self.side, key=lambda line: (line[0], phase(line[1])))):
            self.events[i] = (time, 0, 0.5, kind, instrument, 0, 0)
        streams: list[tuple[int, ...]] = [(0, 0, 0, 0, len(self.side), 0, 0, 0, 0, 0)]
        stamps: list[int] = []

        def add(kind: int, instrument: int, place: int, times: list[int], shift: int, interval: int = 0) -> None:
            first = len(stamps)
            stamps.extend(times)
            streams.append((kind, instrument, place, first, len(stamps), shift - first, interval, 0, 0, 0))

        for k, opens in enumerate(self.times):
            add(BAR, k, BOTH, opens, int(self.begins[k]), self.intervals[k])
        for table in self.tables:
            add(table.kind, table.instrument, BOTH if table.seen is None else AT_EXCHANGE, table.times, 0)
            if table.seen is not None:
                add(table.kind, table.instrument, AT_AGENT, table.seen, 0)
        if self.timer is not None:
            streams.append((TIMER, 0, AT_AGENT, self.timer[0], 0, 0, self.timer[1], 0, 0, 0))
        self.streams = np.array(streams, STREAM)
        self.flat = np.array(stamps, np.int64)

    def chunk(self, room: int, limit: int = NEVER) -> Any:
        """The next events in a buffer of ``room`` lines; whatever stands behind it must stay untouched."""
        buffer = np.zeros(room + 20, EVENT)
        buffer["time"] = CANARY
        written = merge_events(self.streams, self.flat, self.events, limit, buffer[:room])
        assert 0 <= written <= room
        assert (buffer["time"][room:] == CANARY).all(), "the merge wrote past the end of its buffer"
        return buffer[:written].copy()

    def all(self, room: int = 10_000, limits: Sequence[int] = (NEVER,)) -> Any:
        """Every event, chunk after chunk."""
        chunks = [np.zeros(0, EVENT)]
        for limit in limits:
            while len(part := self.chunk(room, limit)):
                chunks.append(part)
        return np.concatenate(chunks)


def lines(events: Any) -> list[Line]:
    return [(int(line["time"]), int(line["kind"]), int(line["instrument"])) for line in events]


def unfused(events: Any, intervals: list[int]) -> list[tuple[int, int, int, int]]:
    """Every event on its own, as (time, kind, instrument, row): a fused bar is its open and its close."""
    found = []
    for line in events:
        time, kind, k, row = (int(line[name]) for name in ("time", "kind", "instrument", "row"))
        if kind == BAR:
            found.append((time - intervals[k], BAR_OPEN, k, row))
            kind = BAR_CLOSE
        found.append((time, kind, k, row))
    return found


def ends(events: Any) -> list[int]:
    return [int(flag) for flag in events["end_of_time"]]


def test_bars_with_nothing_between_open_and_close_are_one_event_each() -> None:
    events = Merge([[0, 10, 20, 50]], [10]).all()
    assert lines(events) == [(10, BAR, 0), (20, BAR, 0), (30, BAR, 0), (60, BAR, 0)]
    assert events["row"].tolist() == [0, 1, 2, 3]
    assert ends(events) == [1, 1, 1, 1]


def test_at_one_time_come_prices_close_settlement_publication_and_after_the_decision_the_open() -> None:
    side = [(20, FUNDING_KNOWN, 0), (20, FUNDING, 0), (20, RATE, 0), (20, INDEX, 0), (20, MARK, 0)]
    events = Merge([[0, 10, 20]], [10], side).all()
    kinds = [(10, BAR), (20, BAR_OPEN), (20, RATE), (20, INDEX), (20, MARK), (20, BAR_CLOSE)]
    kinds[1:2] = [(10, BAR_OPEN)]
    assert lines(events) == [
        *[(time, kind, 0) for time, kind in kinds],
        (20, FUNDING, 0),
        (20, FUNDING_KNOWN, 0),
        (30, BAR, 0),
    ]
    assert ends(events) == [1, 0, 0, 0, 0, 0, 0, 1, 1]


def test_funding_inside_a_bar_splits_it_and_one_at_its_open_or_before_it_does_not() -> None:
    events = Merge([[0, 10, 40]], [10], [(15, FUNDING, 0), (30, FUNDING, 0), (40, FUNDING, 0)]).all()
    assert lines(events) == [
        (10, BAR, 0),
        (10, BAR_OPEN, 0),
        (15, FUNDING, 0),
        (20, BAR_CLOSE, 0),
        (30, FUNDING, 0),
        (40, FUNDING, 0),
        (50, BAR, 0),
    ]
    assert ends(events) == [1, 0, 1, 1, 1, 1, 1]


def test_bars_of_two_instruments_open_and_close_together_in_a_fixed_order() -> None:
    events = Merge([[0, 10], [0, 10]], [10, 10]).all()
    both = [(BAR_OPEN, 0), (BAR_OPEN, 1), (BAR_CLOSE, 0), (BAR_CLOSE, 1)]
    expected = [(kind, k) for _ in range(2) for kind, k in both]
    assert [(kind, k) for _, kind, k in lines(events)] == expected
    assert [time for time, _, _ in lines(events)] == [0, 0, 10, 10, 10, 10, 20, 20]
    assert ends(events) == [0, 0, 0, 1, 0, 0, 0, 1]
    assert events["row"].tolist() == [0, 2, 0, 2, 1, 3, 1, 3]


def test_bars_of_different_lengths_and_a_lone_one_among_them_are_merged() -> None:
    # a long bar of one instrument spans two of the second and a gap of the third
    events = Merge([[0], [0, 10], [0, 30]], [40, 10, 5], [(10, MARK, 2)]).all()
    assert lines(events) == [
        (0, BAR_OPEN, 0),
        (0, BAR_OPEN, 1),
        (5, BAR, 2),
        (10, MARK, 2),
        (10, BAR_CLOSE, 1),
        (20, BAR, 1),
        (35, BAR, 2),
        (40, BAR_CLOSE, 0),
    ]
    assert ends(events) == [0, 0, 1, 0, 1, 1, 1, 1]


def test_nothing_after_the_limit_and_no_open_at_it_is_written() -> None:
    merge = Merge([[0, 10, 20]], [10], [(20, FUNDING, 0), (21, MARK, 0)])
    assert lines(merge.chunk(100, limit=20)) == [(10, BAR, 0), (20, BAR, 0), (20, FUNDING, 0)]
    assert len(merge.chunk(100, limit=20)) == 0
    assert lines(merge.chunk(100)) == [(20, BAR_OPEN, 0), (21, MARK, 0), (30, BAR_CLOSE, 0)]


def test_side_events_alone_and_no_events_at_all_are_fine() -> None:
    assert lines(Merge([[]], [10], [(5, MARK, 0), (5, FUNDING, 0), (6, MARK, 0)]).all()) == [
        (5, MARK, 0),
        (5, FUNDING, 0),
        (6, MARK, 0),
    ]
    assert len(Merge([[], []], [10, 10]).all()) == 0


def test_a_chunk_ends_where_a_time_ends_even_in_the_middle_of_a_bar() -> None:
    merge = Merge([[0, 10]], [10], [(3, MARK, 0), (5, MARK, 0)])
    room = 3 * MARGIN + 1
    assert lines(merge.chunk(room)) == [(0, BAR_OPEN, 0), (3, MARK, 0)]
    assert lines(merge.chunk(room)) == [(5, MARK, 0)]
    assert lines(merge.chunk(room)) == [(10, BAR_CLOSE, 0)]
    assert lines(merge.chunk(room)) == [(20, BAR, 0)]


@pytest.mark.parametrize("room", [1, 2, 5, 17, 18, 25, 26, 30, 1_000])
def test_more_events_at_one_time_than_the_buffer_holds_are_all_delivered_and_the_time_ends_once(room: int) -> None:
    side = [(20, kind, 0) for kind in (MARK, INDEX, RATE) for _ in range(40)] + [(20, FUNDING_KNOWN, 0)] * 40
    events = Merge([[0, 10, 20]], [10], side).all(room)
    assert unfused(events, [10]) == unfused(Merge([[0, 10, 20]], [10], side).all(), [10])
    assert [int(line["time"]) for line in events if line["end_of_time"]] == [10, 20, 30]


def test_at_one_time_come_what_happened_and_then_what_is_seen() -> None:
    late = [
        Rows(kind, 0, times, seen)
        for kind, times, seen in ((BOOK, [7, 20], [20, 21]), (QUOTE, [8, 20], [20, 22]), (TRADE, [9, 20], [20, 23]))
    ]
    side = [(20, kind, 0) for kind in (FUNDING, GAP, MARK)]
    events = Merge([[10, 20]], [10], side, late, timer=(20, 10)).all(limits=[25])
    at_20 = [(int(line["kind"]), int(line["place"]), int(line["row"])) for line in events if line["time"] == 20]
    assert at_20 == [
        (MARK, 0, 0),
        (TRADE, AT_EXCHANGE, 1),
        (QUOTE, AT_EXCHANGE, 1),
        (BOOK, AT_EXCHANGE, 1),
        (TRADE, AT_AGENT, 0),
        (QUOTE, AT_AGENT, 0),
        (BOOK, AT_AGENT, 0),
        (GAP, 0, 0),
        (BAR_CLOSE, BOTH, 0),
        (FUNDING, 0, 0),
        (TIMER, AT_AGENT, 0),
        (BAR_OPEN, BOTH, 1),
    ]
    assert [int(line["end_of_time"]) for line in events if line["time"] == 20] == [0] * 10 + [1, 0]


def test_among_equals_the_order_is_that_of_the_streams() -> None:
    tables = [Rows(QUOTE, 1, [5, 5, 6]), Rows(QUOTE, 0, [5, 6])]
    events = Merge([], [], (), tables).all()
    assert [(int(line["time"]), int(line["instrument"]), int(line["row"])) for line in events] == [
        (5, 1, 0),
        (5, 1, 1),
        (5, 0, 0),
        (6, 1, 2),
        (6, 0, 1),
    ]
    assert ends(events) == [0, 0, 1, 0, 1]


def test_a_timer_goes_on_until_the_limit_and_no_further() -> None:
    merge = Merge([], [], (), [Rows(TRADE, 0, [3, 30])], timer=(5, 10))
    assert lines(merge.chunk(100, limit=25)) == [(3, TRADE, 0), (5, TIMER, 0), (15, TIMER, 0), (25, TIMER, 0)]
    assert lines(merge.chunk(100, limit=34)) == [(30, TRADE, 0)]
    assert lines(merge.chunk(100, limit=35)) == [(35, TIMER, 0)]


@st.composite
def markets(draw: st.DrawFn) -> Merge:
    """One to four instruments with bars of their own intervals and gaps, rows of every kind of which some are seen
    late, a timer, and side events of every kind, often at one time."""
    count = draw(st.integers(1, 4))
    times, intervals = [], []
    for _ in range(count):
        interval = draw(st.sampled_from([2, 3, 4, 12]))
        gaps = draw(st.lists(st.sampled_from([0, 0, 0, 1, 5]), max_size=12))
        start = draw(st.integers(0, 6))
        times.append((start + interval * np.cumsum(np.array(gaps, int) + 1)).tolist())
        intervals.append(interval)
    kinds = st.sampled_from([MARK, INDEX, RATE, FUNDING, FUNDING_KNOWN, GAP])
    side = draw(st.lists(st.tuples(st.integers(0, 60), kinds, st.integers(0, count - 1)), max_size=25, unique=True))
    tables = []
    for kind, instrument in draw(st.lists(st.tuples(st.sampled_from(ROWS), st.integers(0, count - 1)), max_size=3)):
        happened = sorted(draw(st.lists(st.integers(0, 60), max_size=20)))
        delays = draw(st.none() | st.lists(st.integers(0, 9), min_size=len(happened), max_size=len(happened)))
        seen = None if delays is None else np.maximum.accumulate(np.array(happened) + np.array(delays)).tolist()
        tables.append(Rows(kind, instrument, happened, seen))
    timer = draw(st.none() | st.tuples(st.integers(0, 20), st.integers(1, 15)))
    return Merge(times, intervals, side, tables, timer)


#: The last time of anything in `markets`; a timer would go on for ever.
LAST = 12 * 80


def again(market: Merge) -> Merge:
    return Merge(market.times, market.intervals, market.side, market.tables, market.timer)


def whole(market: Merge) -> Any:
    return again(market).all(limits=[LAST])


def slow_merge(market: Merge) -> list[tuple[int, int, int, int]]:
    """Every event of a market in order, found by sorting: (time, kind, instrument, row)."""
    found = [(time, phase(kind), 0, i, kind, k, 0) for i, (time, kind, k) in enumerate(lines(market.events))]
    stream = 0
    for k, opens in enumerate(market.times):
        stream += 1
        for i, time in enumerate(opens):
            row = int(market.begins[k]) + i
            found.append((time, phase(BAR_OPEN), stream, i, BAR_OPEN, k, row))
            found.append((time + market.intervals[k], phase(BAR_CLOSE), stream, i, BAR_CLOSE, k, row))
    for table in market.tables:
        for place, times in ((AT_EXCHANGE, table.times), (AT_AGENT, table.seen)):
            stream += times is not None
            at = BOTH if table.seen is None else place
            for row, time in enumerate(times or ()):
                found.append((time, phase(table.kind, at), stream, row, table.kind, table.instrument, row))
    if market.timer is not None:
        found += [(time, phase(TIMER), 0, 0, TIMER, 0, 0) for time in range(market.timer[0], LAST + 1, market.timer[1])]
    return [(line[0], *line[4:]) for line in sorted(found)]


@given(markets())
def test_the_merge_is_the_sorted_list_of_everything(market: Merge) -> None:
    assert unfused(whole(market), market.intervals) == slow_merge(market)


@given(markets())
def test_the_last_event_before_the_decision_at_a_time_says_so_and_no_other(market: Merge) -> None:
    events = whole(market)
    decisive = [i for i, line in enumerate(events) if line["kind"] != BAR_OPEN]
    times = [*events["time"][decisive].tolist(), NEVER]
    assert ends(events[decisive]) == [int(time != after) for time, after in pairwise(times)]
    assert not events["end_of_time"][events["kind"] == BAR_OPEN].any()


@given(markets(), st.one_of(st.integers(1, 90), st.just(10_000)), st.lists(st.integers(0, 80), max_size=5))
def test_chunks_of_any_size_and_limit_give_the_same_events(market: Merge, room: int, limits: list[int]) -> None:
    at_once = whole(market)
    parts = again(market).all(room, [*sorted(limits), LAST])
    assert unfused(parts, market.intervals) == unfused(at_once, market.intervals)
    ended = [[int(line["time"]) for line in events if line["end_of_time"]] for events in (at_once, parts)]
    if room > MARGIN * (len(market.streams) + 1):
        assert ended[0] == ended[1]


@given(markets(), st.integers(0, 80))
def test_what_is_written_up_to_a_limit_is_what_comes_up_to_it(market: Merge, limit: int) -> None:
    everything = unfused(whole(market), market.intervals)
    part = unfused(again(market).chunk(10_000, limit), market.intervals)
    assert part == [line for line in everything if line[0] < limit or (line[0] == limit and line[1] != BAR_OPEN)]


@given(st.lists(st.sampled_from([1, 1, 1, 4]), max_size=40), st.integers(0, 50))
def test_the_rows_after_gaps_are_found_as_many_as_are_asked_for(steps: list[int], most: int) -> None:
    times = 5 * np.cumsum([0, *steps]).astype(np.int64)
    expected = [i + 1 for i, step in enumerate(steps) if step != 1][:most]
    out = np.full(most + 3, CANARY)
    assert out[: gap_rows(times, 5, out[:most])].tolist() == expected
    assert (out[len(expected) :] == CANARY).all()
