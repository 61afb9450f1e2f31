"""Bars made of what a tape holds: of what was received by their close, whole ones only, none in a gap."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from halfspread.datafeeds.event_bars import event_bars, with_bars
from halfspread.engine import instruments
from halfspread.engine.tape import Tape
from halfspread.errors import DataError

LINEAR = instruments.linear("X", tick=0.5)
START = 1_704_067_200_000_000_000
SECOND = 1_000_000_000


def trades(rows: Sequence[tuple[float, float, float]], latency: float = 0.0) -> pd.DataFrame:
    """Trades of (second, price, size)."""
    seconds, prices, sizes = np.array(rows).T
    times = START + (seconds * SECOND).astype(np.int64)
    return pd.DataFrame({"ts": times + int(latency * SECOND), "exch_ts": times, "price": prices, "size": sizes})


def quotes(rows: Sequence[tuple[float, float, float]]) -> pd.DataFrame:
    """Quotes of (second, bid, ask)."""
    seconds, bids, asks = np.array(rows).T
    times = START + (seconds * SECOND).astype(np.int64)
    return pd.DataFrame({"ts": times, "bid": bids, "ask": asks, "bid_size": 1.0, "ask_size": 1.0})


def shown(tape: Tape) -> list[list[float]]:
    """Seconds from the start, open, high, low, close and volume of each bar."""
    bars: Any = tape.bars
    seconds = (bars.times - START) / SECOND
    return [[float(second), *map(float, row[:5])] for second, row in zip(seconds, bars.rows, strict=True)]


THREE = [(0, 100.0, 1.0), (4, 103.0, 2.0), (9, 99.0, 1.0), (10, 101.0, 5.0), (30, 102.0, 1.0), (33, 105.0, 1.0)]


def test_bars_are_the_trades_between_their_open_and_close() -> None:
    tape = with_bars(Tape.from_trades(trades(THREE), LINEAR), "10s")
    assert shown(tape) == [
        [0.0, 100.0, 103.0, 99.0, 99.0, 4.0],
        [10.0, 101.0, 101.0, 101.0, 101.0, 5.0],
        [20.0, 101.0, 101.0, 101.0, 101.0, 0.0],
    ]
    assert tape.feeds[0].market == "trades"
    assert tape.origin["bars"] == "10s bars made of 6 trades"


def test_a_trade_counts_for_the_bar_in_which_it_was_received() -> None:
    late = with_bars(Tape.from_trades(trades(THREE, latency=2.0), LINEAR), "10s")
    # Received at 2, 6, 11, 12, 32 and 35 s; the first bar begins before the data do and is left out.
    assert shown(late)[0] == [10.0, 99.0, 101.0, 99.0, 101.0, 6.0]


def test_bars_of_a_market_without_trades_are_of_mids_and_have_its_quotes() -> None:
    rows = [(0, 99.0, 100.0), (5, 101.0, 102.0), (10, 100.0, 102.0), (25, 98.0, 99.0)]
    tape = with_bars(Tape.from_quotes(quotes(rows), LINEAR), "10s")
    assert shown(tape) == [[0.0, 99.5, 101.5, 99.5, 101.5, 0.0], [10.0, 101.0, 101.0, 101.0, 101.0, 0.0]]
    bars: Any = tape.bars
    assert bars.columns[5:] == ("bid_open", "ask_open", "bid_close", "ask_close")
    # A quote at the very time of a close is in force there.
    assert bars.rows[0, 5:].tolist() == [99.0, 100.0, 100.0, 102.0]
    assert bars.rows[1, 5:].tolist() == [100.0, 102.0, 100.0, 102.0]


def test_no_bar_is_made_in_a_known_gap() -> None:
    gap = [(pd.Timestamp(START + 12 * SECOND, tz="UTC"), pd.Timestamp(START + 18 * SECOND, tz="UTC"))]
    tape = with_bars(Tape.from_trades(trades(THREE), LINEAR, gaps=gap), "10s")
    assert [row[0] for row in shown(tape)] == [0.0, 20.0]


def test_the_ends_of_the_data_may_be_given_where_they_are_known() -> None:
    tape = Tape.from_trades(trades(THREE), LINEAR)
    frame, _ = event_bars(tape.feeds[0], "10s", START - 10 * SECOND, START + 40 * SECOND)
    assert ((frame["ts"] - START) // SECOND).tolist() == [0, 10, 20, 30]


def test_data_that_are_shorter_than_a_bar_are_refused() -> None:
    with pytest.raises(DataError, match=r"no bar of 1m closes by the end"):
        with_bars(Tape.from_trades(trades(THREE), LINEAR), "1m")
    late = trades([(second + 5, price, size) for second, price, size in THREE[:4]])
    with pytest.raises(DataError, match=r"no whole bar of 10s lies in the data, .* make shorter bars"):
        with_bars(Tape.from_trades(late, LINEAR), "10s")


def test_a_tape_with_bars_or_one_that_is_streamed_is_refused(tmp_path: Path) -> None:
    tape = with_bars(Tape.from_trades(trades(THREE), LINEAR), "10s")
    with pytest.raises(DataError, match="has bars already"):
        with_bars(tape, "10s")
    trades(THREE).to_parquet(tmp_path / "trades.parquet")
    with pytest.raises(DataError, match=r"this one is streamed; make them once with .*bars_from_trades"):
        with_bars(Tape.scan(LINEAR, trades=tmp_path / "trades.parquet"), "10s")
