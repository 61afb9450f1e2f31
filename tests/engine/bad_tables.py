"""Faults of tables of events, each with the whole message that a user gets."""

from __future__ import annotations

import math
from collections.abc import Callable

from halfspread.engine.times import SECOND
from tests.engine.bad_events import Frame, put
from tests.engine.worlds import START

NAN, INF = math.nan, math.inf
AT_7 = "row 7 (2024-01-01 00:00:07 UTC): "
FIX = ", or pass invalid='gap' to leave such rows out and have no market until the next good one"
ROW = "correct the row or leave it out" + FIX
CROSSED = "are two columns swapped? Else " + ROW
GONE = "leave out levels that are gone" + FIX
Q = "(in the row bid {}, bid_size {}, ask {}, ask_size {}); "
B = "(in the row bid_1 {}, bid_size_1 {}, ask_1 {}, ask_size_1 {}); "
T = "(in the row price {}, size {}, side 1); "
# kind, what is done to a good table, whole message after the name of the source.
FAULTS: dict[str, tuple[str, Callable[[Frame], Frame], str]] = {
    "crossed": (
        "quotes",
        put(bid=101.0),
        f"{AT_7}column bid: expected a bid below the ask, got 101 {Q.format(101, 5, 100.5, 7)}{CROSSED}",
    ),
    "locked": (
        "books",
        put(bid_1=100.5),
        f"{AT_7}column bid_1: expected a bid below the ask, got 100.5 {B.format(100.5, 5, 100.5, 7)}{CROSSED}",
    ),
    "empty": (
        "quotes",
        put(bid=NAN, ask=NAN),
        f"{AT_7}column bid: expected a bid and an ask, got nan {Q.format('nan', 5, 'nan', 7)}{ROW}",
    ),
    "one-sided": (
        "quotes",
        put(ask=NAN),
        f"{AT_7}column ask: expected a price on both sides, got nan {Q.format(100, 5, 'nan', 7)}{ROW}",
    ),
    "unsorted": (
        "books",
        put(ask_2=100.4),
        f"{AT_7}column ask_2: expected levels with the best price first, got 100.4 (in the row bid_1 100, "
        "bid_size_1 5, ask_1 100.5, ask_size_1 7, bid_2 99.5, bid_size_2 6, ask_2 100.4, ask_size_2 8); sort "
        "the levels of the row" + FIX,
    ),
    "zero size": (
        "books",
        put(bid_size_1=0.0),
        f"{AT_7}column bid_size_1: expected a size above zero, got 0 {B.format(100, 0, 100.5, 7)}{GONE}",
    ),
    "NaN size": (
        "trades",
        put(size=NAN),
        f"{AT_7}column size: expected a size above zero, got nan {T.format(100, 'nan')}{ROW}",
    ),
    "infinite size": (
        "quotes",
        put(ask_size=INF),
        f"{AT_7}column ask_size: expected a size above zero, got inf {Q.format(100, 5, 100.5, 'inf')}{GONE}",
    ),
    "negative price": (
        "trades",
        put(price=-100.0),
        f"{AT_7}column price: expected a price above zero, got -100 {T.format(-100, 1)}{ROW}",
    ),
    "text for a price": (
        "trades",
        put(price="dear"),
        f"{AT_7}column price: expected a number, got 'dear'; write it as plain digits, or leave the row out",
    ),
    "an unknown side": (
        "trades",
        put(side="Short"),
        f"{AT_7}column side: expected Buy or Sell, 1 or -1 (the side of the taker), or 0 or nothing where it is not "
        "known, got 'Short'; rename the sides",
    ),
    "a time that steps back": (
        "quotes",
        put(exch_ts=START + 5 * SECOND),
        "row 7 (2024-01-01 00:00:05 UTC): exchange time: expected 2024-01-01 00:00:06 UTC, that of the row before it, "
        "or later, got 2024-01-01 00:00:05 UTC; sort by exchange time, or pass order='sort'",
    ),
    "received before it happened": (
        "trades",
        put(ts=START + 7 * SECOND - 1_000),
        f"{AT_7}ts: expected a local time at or after the exchange time, got one 1e-06 s before it (1 of 10 rows are, "
        "by 1e-06 s at row 7): one of the two clocks is wrong. Pass clock='shift' to add a constant to the local "
        "times, so that the smallest latency is base_latency=0 ns, or clock='exchange' to do without local times",
    ),
    "another unit of time": (
        "books",
        lambda frame: frame.assign(ts=frame["ts"] // 10**6, exch_ts=frame["exch_ts"] // 10**6),
        "column exch_ts: row 0: expected nanoseconds since 1970, from 2009 to 2100, got 1704067200000; these look like "
        "milliseconds: pass time_unit='ms'",
    ),
    "one row in another unit of time": (
        "trades",
        put(ts=START // 10**6 + 7_003, exch_ts=START // 10**6 + 7_000),
        "column exch_ts: row 7: expected nanoseconds since 1970, from 2009 to 2100, got 1704067207000; this looks like "
        "milliseconds, and the rows before are nanoseconds: bring them to one unit",
    ),
    "no rows": (
        "quotes",
        lambda frame: frame.iloc[:0],
        "expected rows, got none; give a source that has some",
    ),
    "no times": (
        "trades",
        lambda frame: frame.drop(columns="ts"),
        "missing column ts of times; found exch_ts, price, size, side. Name it with time_column= (and the one of "
        "exchange times, where there is one, with exchange_column=)",
    ),
    "wrong columns": (
        "quotes",
        lambda frame: frame.rename(columns={"bid": "b"}),
        "missing column(s) bid; found ts, exch_ts, b, bid_size, ask, ask_size. Rename the columns of quotes to bid, "
        "ask and, both or neither, bid_size, ask_size",
    ),
    "a level without its size": (
        "books",
        lambda frame: frame.drop(columns="ask_size_2"),
        "missing column(s) ask_size_2: each of the 2 levels needs bid_1, bid_size_1, ask_1, ask_size_1 and so on; add "
        "them, or read fewer levels with levels=",
    ),
}
