"""Trades compared with their book: all at once, block by block, and while a streamed tape is replayed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.costs import Costs, Fees, Funding, HalfSpread
from halfspread.engine import parquet
from halfspread.engine.market import Market
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import FixedContracts
from halfspread.engine.times import SECOND
from halfspread.engine.trades_beside_book import AgainstBook, BesideBook
from halfspread.errors import DataError
from halfspread.strategies import Strategy
from tests.engine.event_markets import EventMarket, event_market
from tests.engine.worlds import START

QUOTED = st.lists(st.tuples(st.integers(0, 8), st.integers(95, 105)), min_size=1, max_size=12)
TRADED = st.lists(st.tuples(st.integers(-1, 9), st.integers(90, 110)), min_size=1, max_size=12)
GAPS = st.lists(st.integers(0, 7), max_size=2, unique=True)


def compared(quoted: Any, traded: Any, gaps: list[int], moves: list[int]) -> AgainstBook:
    """``moves``: how many rows of the book (above 0) or trades (below 0) come next, until there are no more."""
    beside = BesideBook("trades", "book", 100.0, 0)
    quotes, trades = sorted(quoted, key=lambda q: q[0]), sorted(traded, key=lambda t: t[0])
    quoted_at, traded_at, i = 0, 0, 0
    while quoted_at < len(quotes) or traded_at < len(trades):
        move = moves[i % len(moves)]
        i += 1
        if (move > 0 or traded_at == len(trades)) and quoted_at < len(quotes):
            part = quotes[quoted_at : quoted_at + abs(move)]
            quoted_at += len(part)
            times = np.array([START + SECOND * time for time, _ in part])
            bid = np.array([float(price) for _, price in part])
            rows = np.column_stack([bid, bid, bid + 1, bid, bid - 1, bid, bid + 2, bid])  # two levels
            ended = [gap for gap in sorted(gaps) if part[0][0] <= gap + 1 <= part[-1][0]]
            spans = tuple((START + SECOND * gap + 1, START + SECOND * (gap + 1)) for gap in ended)
            beside.add_book(times, rows, spans, last=quoted_at == len(quotes))
        else:
            batch = trades[traded_at : traded_at + abs(move)]
            traded_at += len(batch)
            times = np.array([START + SECOND * time for time, _ in batch])
            beside.add_trades(times, np.array([[price, 1.0, 1.0] for _, price in batch]), last=traded_at == len(trades))
    assert beside.done
    return beside.finish()


@given(QUOTED, TRADED, st.lists(st.sampled_from([-3, -2, -1, 1, 2, 3]), min_size=1, max_size=6))
def test_blocks_in_any_order_give_what_all_at_once_gives(quoted: Any, traded: Any, moves: list[int]) -> None:
    assert compared(quoted, traded, [], moves) == compared(quoted, traded, [], [100, -100])


def test_a_trade_in_a_gap_that_ends_in_a_later_block_has_no_book() -> None:
    quoted, traded = [(0, 100), (5, 100), (8, 100)], [(1, 100), (4, 101), (6, 101), (7, 500), (8, 101)]
    gaps = [7]  # from after 7 to 8
    whole = compared(quoted, [*traded[:3], (7.5, 500), traded[4]], gaps, [100, -100])
    assert whole == AgainstBook(4, 0, 1, 0.0)
    for moves in ([1, -1], [-1, 1], [-5, 1], [2, -3]):
        assert compared(quoted, [*traded[:3], (7.5, 500), traded[4]], gaps, moves) == whole


def test_what_is_kept_does_not_grow_with_the_number_of_blocks() -> None:
    beside = BesideBook("trades", "book", 1.0)
    for i in range(200):
        times = START + SECOND * (10 * i + np.arange(10))
        beside.add_book(times, np.tile([100.0, 1.0, 101.0, 1.0], (10, 1)))
        beside.add_trades(times, np.tile([100.0, 1.0, 1.0], (10, 1)))
        assert len(beside._times) <= 10
        assert len(beside._book_times) <= 20
    beside.add_trades(times[-1:] + 1, np.array([[100.0, 1.0, 1.0]]), last=True)
    beside.add_book(times[-1:] + 2, np.array([[100.0, 1.0, 101.0, 1.0]]), last=True)
    assert beside.finish().compared == 2_001


class Watches(Strategy):
    """Looks on."""

    def on_quote(self, market: Market) -> None:
        return None


FREE = Costs(half_spread=HalfSpread.from_quotes(), fees=Fees.none(), funding=Funding.none())


def found(tape: Any) -> dict[str, int] | str:
    """Counts of a run, or its message."""
    try:
        counts = run_backtest(tape, Watches(), FREE, sizing=FixedContracts(1), capital=1_000).counts
    except DataError as error:
        return str(error).replace(tape.origin["trades"], "T").replace(tape.origin["quotes"], "Q")
    return counts


@pytest.mark.parametrize("block", [1, 7, 50, 1_000])
@pytest.mark.parametrize(("by", "share"), [(0.0, 1.0), (2.0, 0.3), (2.0, 1.0), (90.0, 0.01), (-99.0, 1.0)])
def test_a_streamed_run_tells_what_one_in_memory_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int, by: float, share: float
) -> None:
    monkeypatch.setattr(parquet, "BLOCK_ROWS", block)
    made = event_market(5, ("quotes", "trades"))
    trades = made.tables["trades"].copy()
    trades["price"] = 100.0
    trades.loc[: int(share * len(trades)), "price"] += by
    quotes = made.tables["quotes"].assign(bid=99.5, ask=100.5)
    market = EventMarket(made.instrument, {"quotes": quotes, "trades": trades})
    try:
        whole: Any = found(market.in_memory())
    except DataError as error:
        whole = str(error).replace("DataFrame", "T", 1).replace("DataFrame", "Q", 1)
    streamed = found(market.streamed(tmp_path))
    assert streamed == whole
    assert isinstance(whole, str) == (abs(by) > 50)
    assert isinstance(whole, str) or whole["trades_outside_book"] == (0 if by == 0.0 else whole["trades_outside_book"])
    if by == 2.0:
        assert whole["trades_outside_book"] > 20


def test_trades_of_another_market_in_a_later_block_are_found_at_their_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "BLOCK_ROWS", 7)
    made = event_market(5, ("quotes", "trades"))
    trades = made.tables["trades"].assign(price=100.0)
    trades.loc[60, "price"] = 900.0
    quotes = made.tables["quotes"].assign(bid=99.5, ask=100.5)
    tape = EventMarket(made.instrument, {"quotes": quotes, "trades": trades}).streamed(tmp_path)
    with pytest.raises(DataError, match=r"UNIT_trades\.parquet: row 60 \(.* got 900: are they of one instrument"):
        run_backtest(tape, Watches(), FREE, sizing=FixedContracts(1), capital=1_000)
