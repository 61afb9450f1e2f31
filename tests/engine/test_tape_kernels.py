"""The merge of bars, quotes, books, trades, timers and side events: the order at one time, the two moments of a bar,
rows that are seen later than they happen, and chunks that lose nothing."""

from __future__ import annotations

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
from halfspread.engine.tape_kernels import MARGIN
from tests.engine.event_markets import BOTH
from tests.engine.merges import CANARY, Merge, Rows, ends, lines, unfused


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


@given(st.lists(st.sampled_from([1, 1, 1, 4]), max_size=40), st.integers(0, 50))
def test_the_rows_after_gaps_are_found_as_many_as_are_asked_for(steps: list[int], most: int) -> None:
    times = 5 * np.cumsum([0, *steps]).astype(np.int64)
    expected = [i + 1 for i, step in enumerate(steps) if step != 1][:most]
    out = np.full(most + 3, CANARY)
    assert out[: gap_rows(times, 5, out[:most])].tolist() == expected
    assert (out[len(expected) :] == CANARY).all()
