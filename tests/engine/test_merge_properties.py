"""The merge of any streams is the sorted list of all their events, whatever the chunks."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from halfspread.engine.codes import (
    AT_AGENT,
    AT_EXCHANGE,
    BAR_CLOSE,
    BAR_OPEN,
    FUNDING,
    FUNDING_KNOWN,
    GAP,
    INDEX,
    MARK,
    RATE,
    TIMER,
)
from halfspread.engine.tape_kernels import MARGIN, NEVER
from tests.engine.event_markets import BOTH, ROWS, phase
from tests.engine.merges import Merge, Rows, ends, lines, unfused


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
