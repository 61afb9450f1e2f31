"""A tape is replayed in the order of a sorted list, from memory and block by block, alone and joined; and every row
that an agent or a fill may look at stands where it is said to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.costs.kernels import delay_at
from halfspread.costs.records import DELAY_DRAWN, DELAY_FIXED, DELAY_RECORDED
from halfspread.engine import instruments, parquet
from halfspread.engine.codes import (
    AT_AGENT,
    BAR_CLOSE,
    BAR_OPEN,
    BOOK,
    FUNDING,
    GAP,
    MARK,
    QUOTE,
    TIMER,
    TRADE,
)
from halfspread.engine.replay_tables import delays_of
from halfspread.engine.table_format import TableFormat
from halfspread.engine.tape import Tape
from halfspread.engine.times import SECOND
from halfspread.errors import DataError
from tests.engine.event_markets import EventMarket, joined, slow_events
from tests.engine.replay_reader import ALL, BLOCKS, MARKETS, history_of, replayed, side_of
from tests.engine.worlds import LINEAR, START


@pytest.mark.parametrize("name", MARKETS)
@pytest.mark.parametrize("terms", [{}, {"timer": 7 * SECOND}, {"stale_after": 10 * SECOND}], ids=str)
def test_events_come_in_the_order_of_a_sorted_list(name: str, terms: dict[str, int]) -> None:
    tape = joined(MARKETS[name])
    reader = replayed(tape, history_of(MARKETS[name]), **terms)
    assert reader.events == slow_events(tape.feeds, side_of(tape), **terms)
    decisive = [time for time, kind, *_ in reader.events if kind != BAR_OPEN]
    assert reader.ends == sorted(set(decisive))


@pytest.mark.parametrize("name", MARKETS)
@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize(("lookback", "events"), [(0, 10_000), (4, 1), (50, 10_000)])
def test_a_streamed_tape_gives_the_same_events_and_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, block: int, lookback: int, events: int
) -> None:
    monkeypatch.setattr(parquet, "BLOCK_ROWS", block)
    markets = MARKETS[name]
    terms: dict[str, Any] = {"timer": 7 * SECOND, "stale_after": 10 * SECOND}
    whole = replayed(joined(markets), history_of(markets), **terms)
    parts = replayed(joined(markets, tmp_path), history_of(markets), lookback, events, **terms)
    assert parts.events == whole.events
    assert parts.ends == whole.ends
    assert parts.seen == whole.seen


@pytest.mark.parametrize("block", BLOCKS)
def test_a_feed_latency_delays_rows_without_a_local_time_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(parquet, "BLOCK_ROWS", block)
    markets = MARKETS["joined, of different kinds"]
    delay = (DELAY_FIXED, np.zeros(1, np.int64), np.array([5 * SECOND // 2]))
    tape = joined(markets)
    whole = replayed(tape, "quotes", feed_delay=delay)
    assert whole.events == slow_events(tape.feeds, side_of(tape), delay=5 * SECOND // 2)
    parts = replayed(joined(markets, tmp_path), "quotes", 3, feed_delay=delay)
    assert parts.events == whole.events


@pytest.mark.parametrize("block", [1, 3, 1_000])
def test_delays_that_differ_keep_the_order_of_rows_and_are_taken_row_after_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(parquet, "BLOCK_ROWS", block)
    times = START + SECOND * np.arange(6)
    trades = {"ts": times, "price": 100.0 + np.arange(6), "size": 1.0, "side": 1}
    tape = EventMarket(LINEAR, {"trades": trades}).streamed(tmp_path)
    delay = (DELAY_DRAWN, np.zeros(1, np.int64), SECOND * np.array([4, 0, 2, 1]))
    events = replayed(tape, "trades", feed_delay=delay).events
    seen = [(time - START) // SECOND for time, _, _, place, _ in events if place == AT_AGENT]
    # 0 + 4, 1 + 0, 2 + 2, 3 + 1, 4 + 4, 5 + 0; the second may not overtake the first, nor the last the one before
    assert seen == [4, 4, 4, 4, 8, 8]


@given(
    st.sampled_from([DELAY_FIXED, DELAY_DRAWN, DELAY_RECORDED]),
    st.lists(st.integers(0, 99), min_size=1, max_size=9),
    st.lists(st.integers(0, 99), max_size=20).map(sorted),
    st.integers(0, 30),
)
def test_delays_of_many_messages_are_those_of_each(mode: int, delays: list[int], times: list[int], first: int) -> None:
    starts = 10 * np.arange(len(delays)) if mode == DELAY_RECORDED else np.zeros(1, np.int64)
    values, stamps = np.array(delays, np.int64), np.array(times, np.int64)
    expected = [delay_at(mode, starts, values, first + i, time) for i, time in enumerate(times)]
    assert delays_of((mode, starts, values), first, stamps).tolist() == expected


def quotes(seconds: list[float], bad: tuple[int, ...] = ()) -> pd.DataFrame:
    times = START + np.array([round(second * SECOND) for second in seconds], np.int64)
    frame = pd.DataFrame({"ts": times, "bid": 100.0, "bid_size": 1.0, "ask": 100.5, "ask_size": 1.0})
    frame.loc[list(bad), "bid"] = 200.0  # crossed
    return frame


def gaps_in(tape: Tape, **more: Any) -> list[tuple[float, int]]:
    history = next(kind for kind in ALL if tape.feeds[0].table(kind) is not None)
    events = replayed(tape, history, **more).events
    return [((time - START) / SECOND, k) for time, kind, k, *_ in events if kind == GAP]


@pytest.mark.parametrize("block", [1, 2, 100])
def test_a_market_that_stands_still_for_longer_is_a_gap_from_then_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(parquet, "BLOCK_ROWS", block)
    market = EventMarket(LINEAR, {"quotes": quotes([0, 10, 20.5, 30.5, 50, 60])})
    for tape in (market.in_memory(), market.streamed(tmp_path)):
        assert gaps_in(tape, stale_after=10 * SECOND) == [(20, 0), (40.5, 0)]
        assert gaps_in(tape, stale_after=0) == []


@pytest.mark.parametrize("block", [1, 2, 100])
def test_a_market_that_ends_before_the_tape_does_stands_still_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(parquet, "BLOCK_ROWS", block)
    markets = [
        EventMarket(instruments.linear("ONE", lot=1.0, tick=0.5), {"quotes": quotes([0, 5, 10])}),
        EventMarket(instruments.linear("TWO", lot=1.0, tick=0.5), {"quotes": quotes([0, 9, 18, 27])}),
    ]
    for folder in (None, tmp_path):
        assert gaps_in(joined(markets, folder), stale_after=10 * SECOND) == [(20, 0)]


@pytest.mark.parametrize("block", [1, 2, 100])
def test_rows_that_are_no_market_make_a_gap_of_the_market_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(parquet, "BLOCK_ROWS", block)
    fmt = TableFormat(invalid="gap")
    frame = quotes([0, 1, 2, 3, 4, 5], bad=(2, 3))
    trades = {"ts": frame["ts"], "price": 100.0, "size": [1.0, 1.0, 1.0, 1.0, -1.0, 1.0], "side": 1}
    market = EventMarket(LINEAR, {"quotes": frame, "trades": pd.DataFrame(trades)}, fmt=fmt)
    for tape in (market.in_memory(), market.streamed(tmp_path)):
        assert gaps_in(tape) == [(2, 0)]
    market = EventMarket(LINEAR, {"trades": pd.DataFrame(trades)}, fmt=fmt)
    for tape in (market.in_memory(), market.streamed(tmp_path)):
        assert gaps_in(tape) == [(4, 0)]


def test_a_file_without_a_possible_row_is_refused(tmp_path: Path) -> None:
    market = EventMarket(LINEAR, {"quotes": quotes([0, 1], bad=(0, 1))}, fmt=TableFormat(invalid="gap"))
    tape = market.streamed(tmp_path)
    with pytest.raises(DataError, match=r"quotes\.parquet: expected quotes, got none that is possible: 2 rows"):
        replayed(tape, "quotes")


@pytest.mark.parametrize("block", [1, 100])
def test_at_one_time_a_gap_comes_after_market_data_and_before_settlements(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(parquet, "BLOCK_ROWS", block)
    paid = {"ts": [START + 20 * SECOND], "rate": [1e-4], "interval_h": [8.0]}
    mark = {"ts": [START, START + 20 * SECOND], "price": [100.0, 101.0]}
    trades = {"ts": [START + 20 * SECOND], "price": [100.0], "size": [1.0], "side": [1]}
    market = EventMarket(
        LINEAR,
        {"quotes": quotes([0, 10, 30]), "trades": pd.DataFrame(trades)},
        {"funding": paid, "mark": mark, "gaps": [(START + 20 * SECOND, START + 25 * SECOND)]},
    )
    for tape in (market.in_memory(), market.streamed(tmp_path)):
        events = replayed(tape, "quotes", stale_after=10 * SECOND, timer=20 * SECOND).events
        at_20 = [kind for time, kind, *_ in events if time == START + 20 * SECOND]
        assert at_20 == [MARK, TRADE, GAP, GAP, FUNDING, TIMER]


def test_the_timer_ticks_at_whole_multiples_after_the_start_and_until_the_last_row_is_seen() -> None:
    frame = quotes([1.5, 9])
    frame["exch_ts"] = frame["ts"]
    frame["ts"] += np.array([0, 4 * SECOND])
    events = replayed(EventMarket(LINEAR, {"quotes": frame}).in_memory(), "quotes", timer=3 * SECOND).events
    assert [(time - START) // SECOND for time, kind, *_ in events if kind == TIMER] == [3, 6, 9, 12]
    assert events[-1][0] == START + 13 * SECOND


def test_the_market_of_these_tests_has_blocks_of_one_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "BLOCK_ROWS", 3)
    feed = MARKETS["joined"][0].streamed(tmp_path).feeds[0]
    spans = [int(part.times[-1] - part.times[0]) for part in feed.blocks("books")]
    assert 0 in spans
    assert len({int(part.times[-1]) for part in feed.blocks("books")}) < len(spans)


def test_kinds_of_events_are_all_here() -> None:
    """So that a market of these tests does not lose what they are about."""
    tape = joined(MARKETS["joined, of different kinds"])
    kinds = {kind for _, kind, *_ in replayed(tape, "quotes", timer=SECOND, stale_after=SECOND).events}
    assert {BOOK, QUOTE, TRADE, BAR_OPEN, BAR_CLOSE, GAP, TIMER, FUNDING, MARK} <= kinds
