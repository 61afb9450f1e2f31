"""Faults of quotes and books, named once and clearly or left out as gaps; the compiled check beside a slow one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.engine import depth_kernels as kernels
from halfspread.engine.depth import read_books, read_quotes
from halfspread.engine.table_format import TableFormat
from halfspread.engine.times import SECOND
from halfspread.errors import DataError
from tests.engine.depth_tables import AT_7, GAP, INF, NAN, Frame, books, put, quotes, received
from tests.engine.worlds import START

# What is done to a good frame, the key of its count (none where it cannot be left out), words of the message.
QUOTE_FAULTS: list[tuple[Callable[[Frame], Frame], str, list[str]]] = [
    (put(7, bid=110.0), "crossed", [AT_7, "column bid: expected a bid below the ask, got 110", "ask 107.5", "swapped"]),
    (put(7, bid=107.5), "crossed", [AT_7, "a bid below the ask, got 107.5 (in the row bid 107.5, bid_size 5, ask 107"]),
    (put(7, bid=NAN, ask=NAN), "empty", [AT_7, "column bid: expected a bid and an ask, got nan"]),
    (put(7, ask=NAN), "one_sided", [AT_7, "column ask: expected a price on both sides, got nan", "ask_size 14"]),
    (put(7, bid=NAN, bid_size=NAN), "one_sided", [AT_7, "column bid: expected a price on both sides, got nan"]),
    (put(7, ask=NAN, ask_size=0.0), "one_sided", [AT_7, "column ask: expected a price on both sides, got nan"]),
    (put(7, bid=0.0), "bad_price", [AT_7, "column bid: expected a price above zero, or NaN where no level", "got 0"]),
    (put(7, bid=-1.0), "bad_price", [AT_7, "column bid", "got -1"]),
    (put(7, ask=INF), "bad_price", [AT_7, "column ask", "got inf"]),
    (put(7, ask_size=0.0), "bad_size", [AT_7, "column ask_size: expected a size above zero, got 0"]),
    (put(7, bid_size=-2.0), "bad_size", [AT_7, "column bid_size: expected a size above zero, got -2"]),
    (put(7, bid_size=INF), "bad_size", [AT_7, "column bid_size: expected a size above zero, got inf"]),
]
BOOK_FAULTS: list[tuple[Callable[[Frame], Frame], str, list[str]]] = [
    (put(7, bid_1=100.5), "crossed", [AT_7, "column bid_1: expected a bid below the ask, got 100.5", "ask_1 100.5"]),
    (put(7, bid_2=100.0), "unsorted", [AT_7, "column bid_2: expected levels with the best price first, got 100"]),
    (put(7, bid_3=99.5), "unsorted", [AT_7, "column bid_3", "bid_2 99", "sort the levels"]),
    (put(7, ask_3=101.5), "unsorted", [AT_7, "column ask_3: expected levels with the best price first, got 101.5"]),
    (put(7, ask_3=101.0), "unsorted", [AT_7, "column ask_3", "got 101", "ask_1 100.5", "ask_2 101.5"]),
    (put(7, ask_2=NAN), "missing_level", [AT_7, "column ask_2: expected a price, since the level has a size, got nan"]),
    (
        put(7, ask_2=NAN, ask_size_2=0.0),
        "missing_level",
        [AT_7, "column ask_2: expected a price, since a deeper level"],
    ),
    (put(7, bid_3=NAN), "missing_level", [AT_7, "column bid_3", "since the level has a size"]),
    (put(7, ask_size_2=0.0), "bad_size", [AT_7, "column ask_size_2: expected a size above zero, got 0", "levels that"]),
    (put(7, bid_size_3=NAN), "bad_size", [AT_7, "column bid_size_3: expected a size above zero, got nan"]),
    (put(7, ask_3=INF), "bad_price", [AT_7, "column ask_3: expected a price above zero", "got inf"]),
    (put(7, bid_2=0.0), "bad_price", [AT_7, "column bid_2: expected a price above zero", "got 0"]),
    (
        put(7, **{f"bid_{i}": NAN for i in (1, 2, 3)}, **{f"bid_size_{i}": 0.0 for i in (1, 2, 3)}),
        "one_sided",
        [AT_7, "column bid_1: expected a price on both sides, got nan"],
    ),
    (
        put(7, **{f"{side}_{i}": NAN for side in ("bid", "ask", "bid_size", "ask_size") for i in (1, 2, 3)}),
        "empty",
        [AT_7, "column bid_1: expected a bid and an ask, got nan"],
    ),
]
CASES = [(read_quotes, quotes, *fault) for fault in QUOTE_FAULTS] + [
    (read_books, books, *fault) for fault in BOOK_FAULTS
]


@pytest.mark.parametrize(("read", "make", "break_it", "count", "words"), CASES)
def test_a_fault_is_named_with_row_time_column_and_remedy(
    read: Any, make: Any, break_it: Any, count: str, words: list[str]
) -> None:
    with pytest.raises(DataError) as caught:
        read(break_it(make()))
    message = str(caught.value)
    assert message.startswith("DataFrame: ")
    for word in (*words, "or pass invalid='gap'"):
        assert word in message


@pytest.mark.parametrize(("read", "make", "break_it", "count", "words"), CASES)
def test_a_row_with_a_fault_may_be_left_out_as_a_gap(
    read: Any, make: Any, break_it: Any, count: str, words: list[str]
) -> None:
    depth = read(break_it(make()), GAP)
    good = read(make())
    np.testing.assert_array_equal(depth.rows, np.delete(good.rows, 7, axis=0))
    np.testing.assert_array_equal(depth.times, np.delete(good.times, 7))
    np.testing.assert_array_equal(received(depth), np.delete(good.local_times, 7))
    assert depth.gaps == ((START + 7 * SECOND, START + 8 * SECOND),)
    found = {name: value for name, value in depth.counts.items() if value}
    assert found == {count: 1, "invalid_rows": 1, "invalid_gaps": 1}


OTHER_FAULTS: list[tuple[Any, Any, Callable[[Frame], Frame], list[str]]] = [
    (read_quotes, quotes, lambda f: f.drop(columns="ts"), ["missing column ts of times", "exch_ts, bid", "time_col"]),
    (read_quotes, quotes, lambda f: f.drop(columns="bid"), ["missing column(s) bid; found ts", "Rename the columns"]),
    (read_quotes, quotes, lambda f: f.drop(columns="ask_size"), ["missing column(s) ask_size", "both or neither"]),
    (read_quotes, quotes, lambda f: f.iloc[:0], ["expected rows, got none"]),
    (read_quotes, quotes, put(7, bid="n/a"), [AT_7, "column bid: expected a number, got 'n/a'"]),
    (read_quotes, quotes, lambda f: f.assign(exch_ts=f["ts"] // 10**6), ["column exch_ts: row 0", "time_unit='ms'"]),
    (
        read_quotes,
        quotes,
        put(7, exch_ts=START + 5 * SECOND),
        ["row 7 (2024-01-01 00:00:05 UTC): exchange time: expected 2024-01-01 00:00:06 UTC", "order='sort'"],
    ),
    (
        read_quotes,
        quotes,
        put(7, ts=START + 6 * SECOND),
        ["row 7 (2024-01-01 00:00:07 UTC): local time: expected 2024-01-01 00:00:06.003 UTC", "order='sort'"],
    ),
    (
        read_quotes,
        lambda: quotes().drop(columns="exch_ts"),
        put(7, ts=START),
        ["row 7 (2024-01-01 00:00:00 UTC): the time: expected 2024-01-01 00:00:06.003 UTC", "sort by time, or"],
    ),
    (
        read_quotes,
        quotes,
        lambda f: put(5, ts=START + 5 * SECOND - 2_000_000)(put(4, ts=START + 4 * SECOND - 1_000_000)(f)),
        [
            "row 4 (2024-01-01 00:00:04 UTC): ts: expected a local time at or after the exchange time, got one 0.001 s",
            "2 of 10 rows are, by 0.002 s at row 5",
            "clock='shift'",
            "clock='exchange'",
        ],
    ),
    (
        read_books,
        books,
        lambda f: f.drop(columns="ask_2"),
        ["missing column(s) ask_2: each of the 3 levels needs bid_1"],
    ),
    (read_books, books, lambda f: f[["ts", "exch_ts"]], ["missing columns of levels: expected bid_1", "found ts"]),
    (read_books, quotes, lambda f: f, ["missing columns of levels", "found ts, exch_ts, bid", "as quotes"]),
    (read_books, books, put(7, ask_size_3="1,000"), [AT_7, "column ask_size_3: expected a number, got '1,000'"]),
]


@pytest.mark.parametrize(("read", "make", "break_it", "words"), OTHER_FAULTS)
def test_a_table_that_cannot_be_read_is_named_with_the_reason(
    read: Any, make: Any, break_it: Any, words: list[str]
) -> None:
    for fmt in (TableFormat(), GAP):
        with pytest.raises(DataError) as caught:
            read(break_it(make()), fmt)
        for word in ("DataFrame: ", *words):
            assert word in str(caught.value)


def slow_fault(row: list[float], unknown: bool) -> int:
    """What is wrong with a row, by the words of the contract."""
    shown = []
    for first, sign in ((0, 1), (2, -1)):
        levels = [(row[i], row[i + 1]) for i in range(first, len(row), 4)]
        there = [i for i, (price, _) in enumerate(levels) if not math.isnan(price)]
        depth = max(there, default=-1) + 1
        for i, (price, size) in enumerate(levels):
            if math.isnan(price):
                if i and not (math.isnan(size) or size == 0):
                    return kernels.SIZE_WITHOUT_PRICE
                continue
            if any(math.isnan(earlier) for earlier, _ in levels[:i]):
                return kernels.MISSING_LEVEL
            if price <= 0 or math.isinf(price):
                return kernels.BAD_PRICE
            if not (0 < size < math.inf or (unknown and math.isnan(size))):
                return kernels.BAD_SIZE
            if i and sign * (levels[i - 1][0] - price) <= 0:
                return kernels.UNSORTED
        shown.append(depth)
    if not any(shown):
        return kernels.EMPTY
    if not all(shown):
        return kernels.ONE_SIDED
    return kernels.CROSSED if row[0] >= row[2] else kernels.GOOD


CELLS = st.sampled_from([NAN, INF, -INF, 0.0, -1.0, 1.0, 97.5, 98.0, 99.0, 100.0, 100.5, 101.0, 102.0])
GOOD_ROW = [99.0, 1.0, 100.0, 2.0, 98.0, 3.0, 101.0, 4.0, 97.5, 5.0, 102.0, 6.0]


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 11), CELLS), max_size=6), min_size=1, max_size=8),
    st.booleans(),
    st.sampled_from([1, 2, 3]),
)
def test_the_compiled_check_agrees_with_a_slow_one(changes: Any, unknown: bool, levels: int) -> None:
    rows = np.array([GOOD_ROW[: 4 * levels]] * len(changes))
    for i, cells in enumerate(changes):
        for column, value in cells:
            rows[i, column % (4 * levels)] = value
    expected = [slow_fault(row.tolist(), unknown) for row in rows]
    codes, given_rows = np.empty(len(rows), np.int8), rows.copy()
    bad, first, _, short = kernels.check_depth(rows, unknown, codes)
    assert codes.tolist() == expected
    assert bad == sum(code != 0 for code in expected)
    assert first == next((i for i, code in enumerate(expected) if code), -1)
    fine = [row for row, code in zip(rows, expected, strict=True) if code == 0]
    assert short == sum(bool(np.isnan(row[0::2]).any()) for row in fine)
    for row in fine:
        assert (row[1::2][np.isnan(row[0::2])] == 0.0).all()
    changed = ~((rows == given_rows) | (np.isnan(rows) & np.isnan(given_rows)))
    assert np.isnan(given_rows[changed]).all()  # sizes of levels not shown alone
