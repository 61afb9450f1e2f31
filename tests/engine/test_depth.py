"""Quotes and books read alike from every source, faults named once and clearly, or left out as gaps."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.engine import depth_kernels as kernels
from halfspread.engine import row_columns, tables
from halfspread.engine.clocks import common_shift
from halfspread.engine.depth import Depth, read_books, read_quotes, standstills
from halfspread.engine.table_format import TableFormat
from halfspread.engine.times import HOUR, SECOND, Integers
from halfspread.errors import DataError
from tests.engine.worlds import START

Frame = Any  # pandas-stubs knows no frame of mixed columns
LATENCY = 3_000_000
GAP = TableFormat(invalid="gap")


def quotes(count: int = 10) -> Frame:
    """A quote a second, received 3 ms later, the bid one higher each time."""
    times = START + SECOND * np.arange(count)
    bid = 100.0 + np.arange(count)
    return pd.DataFrame(
        {
            "ts": times + LATENCY,
            "exch_ts": times,
            "bid": bid,
            "bid_size": 5.0,
            "ask": bid + 0.5,
            "ask_size": 7.0 + np.arange(count),
        }
    )


def books(count: int = 10, levels: int = 3) -> Frame:
    """Snapshots with prices one apart and sizes 10, 11, 12 (bids) and 20, 21, 22 (asks)."""
    frame: dict[str, Any] = {name: quotes(count)[name] for name in ("ts", "exch_ts")}
    for i in range(levels):
        frame[f"bid_{i + 1}"], frame[f"bid_size_{i + 1}"] = 100.0 - i, 10.0 + i
        frame[f"ask_{i + 1}"], frame[f"ask_size_{i + 1}"] = 100.5 + i, 20.0 + i
    return pd.DataFrame(frame)


def received(depth: Depth) -> Integers:
    """Its local times, which it has to have."""
    assert depth.local_times is not None
    return depth.local_times


def put(row: int, **cells: Any) -> Callable[[Frame], Frame]:
    def change(frame: Frame) -> Frame:
        for column, value in cells.items():
            if isinstance(value, str):
                frame[column] = frame[column].astype(object)
            frame.loc[row, column] = value
        return frame

    return change


NAN, INF = math.nan, math.inf
AT_7 = "row 7 (2024-01-01 00:00:07 UTC)"
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


def sources(frame: Frame, folder: Path) -> dict[str, Any]:
    """The same table in every form that is accepted."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    pq.write_table(table, folder / "table.parquet", row_group_size=4)
    frame.to_csv(folder / "table.csv", index=False)
    indexed = frame.set_index(pd.to_datetime(frame["ts"], utc=True)).drop(columns="ts")
    return {
        "frame": frame,
        "odd index": frame.set_index(pd.Index(np.linspace(0.0, 2.0, len(frame)))),
        "time index": indexed,
        "records": frame.to_records(index=False),
        "arrays": {str(name): frame[name].to_numpy() for name in frame},
        "lists": {str(name): frame[name].tolist() for name in frame},
        "arrow": table,
        "parquet": str(folder / "table.parquet"),
        "csv": folder / "table.csv",
    }


@pytest.mark.parametrize("block", [2, 32_768])
def test_every_source_gives_the_same_quotes_and_books(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(tables, "BLOCK_ROWS", block)
    monkeypatch.setattr(row_columns, "_BLOCK", 2 * block)
    monkeypatch.setattr(row_columns, "_TILE", 3)
    for read, frame in ((read_quotes, quotes()), (read_books, books())):
        first = None
        for name, source in sources(frame.assign(note="x", u=1), tmp_path).items():
            depth = read(source)
            first = first or depth
            np.testing.assert_array_equal(depth.times, START + SECOND * np.arange(10), name)
            np.testing.assert_array_equal(received(depth), depth.times + LATENCY, name)
            np.testing.assert_array_equal(depth.rows, first.rows, name)
            assert depth.rows.flags.c_contiguous
            assert not depth.rows.flags.writeable
            assert not depth.times.flags.writeable
            assert depth.counts == first.counts


def test_cells_stand_where_the_layout_says() -> None:
    depth = read_quotes(quotes())
    assert depth.levels == 1
    assert depth.rows[3].tolist() == [103.0, 5.0, 103.5, 10.0]
    assert depth.first_mid == 100.25
    three = read_books(books())
    assert three.levels == 3
    assert three.rows[0].tolist() == [100, 10, 100.5, 20, 99, 11, 101.5, 21, 98, 12, 102.5, 22]
    two = read_books(books(), levels=2)
    assert two.rows[0].tolist() == three.rows[0, :8].tolist()
    with pytest.raises(DataError, match="expected 4 levels, found 3; ask for fewer"):
        read_books(books(), levels=4)
    with pytest.raises(DataError, match="levels: expected a whole number above zero"):
        read_books(books(), levels=0)


def test_only_the_wanted_levels_are_read_and_checked(tmp_path: Path) -> None:
    put(7, bid_3=500.0)(books()).to_parquet(tmp_path / "b.parquet")
    assert read_books(tmp_path / "b.parquet", levels=2).counts["short_snapshots"] == 0
    with pytest.raises(DataError, match="column bid_3: expected levels with the best price first"):
        read_books(tmp_path / "b.parquet")


def test_names_of_tardis_are_taken() -> None:
    own = read_books(books(levels=25))
    names = {
        f"{side}_{what}{i + 1}": f"{side}s[{i}].{'amount' if what else 'price'}"
        for side in ("bid", "ask")
        for what in ("", "size_")
        for i in range(25)
    }
    frame = books(levels=25).rename(columns={**names, "ts": "local_timestamp", "exch_ts": "timestamp"})
    frame[["local_timestamp", "timestamp"]] //= 1_000
    fmt = TableFormat(time_column="local_timestamp", exchange_column="timestamp", time_unit="us")
    tardis = read_books(frame, fmt)
    np.testing.assert_array_equal(tardis.rows, own.rows)
    np.testing.assert_array_equal(tardis.times, own.times)
    np.testing.assert_array_equal(received(tardis), received(own))
    aliases = {"bid": "bid_price", "ask": "ask_price", "bid_size": "bid_amount", "ask_size": "ask_amount"}
    np.testing.assert_array_equal(read_quotes(quotes().rename(columns=aliases)).rows, read_quotes(quotes()).rows)


def test_sizes_of_quotes_may_be_unknown() -> None:
    without = read_quotes(quotes().drop(columns=["bid_size", "ask_size"]))
    assert np.isnan(without.rows[:, [1, 3]]).all()
    assert not np.isnan(without.rows[:, [0, 2]]).any()
    some = read_quotes(put(7, bid_size=NAN)(quotes()))
    assert np.isnan(some.rows[7, 1])
    assert some.counts["invalid_rows"] == 0


def test_snapshots_may_show_fewer_levels_and_are_counted() -> None:
    frame = put(2, bid_3=NAN, bid_size_3=NAN)(books())
    frame = put(4, bid_3=NAN, bid_size_3=0.0, ask_2=NAN, ask_size_2=NAN, ask_3=NAN, ask_size_3=NAN)(frame)
    depth = read_books(frame)
    assert depth.counts["short_snapshots"] == 2
    assert depth.rows[2, 9] == depth.rows[4, 9] == depth.rows[4, 7] == depth.rows[4, 11] == 0.0
    assert np.isnan(depth.rows[4, [8, 6, 10]]).all()


def test_a_table_with_one_time_has_no_local_times() -> None:
    depth = read_quotes(quotes().drop(columns="exch_ts"))
    assert depth.local_times is None
    assert depth.times[0] == START + LATENCY
    same = read_quotes(quotes(), TableFormat(time_column="exch_ts"))
    assert same.local_times is None
    assert same.times[0] == START


def early(seconds: float) -> Frame:
    """A local clock that is late by so much."""
    frame = quotes()
    frame["ts"] -= round(seconds * SECOND)
    return frame


def test_a_local_clock_that_runs_before_the_exchange_is_shifted_or_left_out() -> None:
    shifted = read_quotes(early(1.2), TableFormat(clock="shift", base_latency=2_000_000))
    np.testing.assert_array_equal(received(shifted), shifted.times + 2_000_000)
    assert shifted.counts["clock_shift_ns"] == 1_200_000_000 - LATENCY + 2_000_000
    assert shifted.counts["local_before_exchange"] == 10
    assert not received(shifted).flags.writeable
    without = read_quotes(early(1.2), TableFormat(clock="exchange"))
    assert without.local_times is None
    assert without.times[0] == START
    fine = read_quotes(quotes(), TableFormat(clock="shift"))
    assert fine.counts["clock_shift_ns"] == 0
    np.testing.assert_array_equal(received(fine), fine.times + LATENCY)


def test_tables_of_one_capture_get_one_shift() -> None:
    fmt = TableFormat(clock="shift")
    near, far, fine = read_quotes(early(1), fmt), read_quotes(early(2), fmt), read_quotes(quotes(), fmt)
    shift = common_shift([near, far, fine])
    assert shift == 2 * SECOND - LATENCY
    assert near.shifted_to(shift).clock_shift == fine.shifted_to(shift).clock_shift == shift
    assert far.shifted_to(shift) is far
    np.testing.assert_array_equal(received(near.shifted_to(shift)) - near.times, SECOND)
    assert common_shift([fine, read_quotes(quotes())]) == common_shift([]) == 0
    assert read_quotes(early(1), TableFormat(clock="exchange")).shifted_to(shift).local_times is None


def test_rows_may_be_sorted_by_exchange_time_and_never_seen_before_they_were_received() -> None:
    frame = quotes().iloc[[0, 1, 3, 2, 4, 5, 6, 7, 8, 9]].reset_index(drop=True)
    frame["ts"] = quotes()["ts"]  # received in the order of the file
    depth = read_quotes(frame, TableFormat(order="sort"))
    np.testing.assert_array_equal(depth.rows, read_quotes(quotes()).rows)
    seen = (received(depth) - START - LATENCY) // SECOND
    assert seen.tolist() == [0, 1, 3, 3, 4, 5, 6, 7, 8, 9]
    assert depth.counts["rows_sorted"] == 1
    with pytest.raises(DataError, match=r"row 2 \(2024-01-01 00:00:03 UTC\): column bid: expected a bid below the ask"):
        read_quotes(put(2, bid=500.0)(frame), TableFormat(order="sort"))
    assert read_quotes(quotes(), TableFormat(order="sort")).counts["rows_sorted"] == 0
    late = read_quotes(put(4, ts=START + 8 * SECOND)(quotes()), TableFormat(order="sort"))
    seconds = (received(late) - START) / SECOND
    assert seconds.tolist() == [0.003, 1.003, 2.003, 3.003, 8, 8, 8, 8, 8.003, 9.003]
    tied = quotes(900).assign(exch_ts=START + np.arange(900) % 3)
    expected = [100.0 + i for first in range(3) for i in range(first, 900, 3)]
    assert read_quotes(tied, TableFormat(order="sort")).rows[:, 0].tolist() == expected


def test_gaps_run_from_the_first_bad_row_to_the_next_good_one() -> None:
    frame = quotes()
    frame.loc[[0, 1, 4, 5, 7, 9], "bid"] = 500.0
    depth = read_quotes(frame, GAP)
    assert ((depth.times - START) // SECOND).tolist() == [2, 3, 6, 8]
    ends = [((start - START) / SECOND, (end - START) / SECOND) for start, end in depth.gaps]
    assert ends == [(4, 6), (7, 8), (9, 9 + 1e-9)]  # there is no market before the first good row
    assert depth.counts["crossed"] == depth.counts["invalid_rows"] == 6
    assert depth.counts["invalid_gaps"] == 3
    frame["exch_ts"] = START
    assert read_quotes(frame, GAP).gaps == ((START, START + 1),)
    with pytest.raises(DataError, match="expected quotes, got none that is possible"):
        read_quotes(frame.assign(bid=500.0), GAP)


def test_standing_still_begins_when_the_longest_span_has_passed() -> None:
    frame = quotes()
    frame.loc[6:, ["ts", "exch_ts"]] += 2 * HOUR
    depth = read_quotes(frame)
    last, following = START + 5 * SECOND, START + 6 * SECOND + 2 * HOUR
    assert standstills(depth, HOUR) == [(last + HOUR, following)]
    assert standstills(depth, following - last) == []
    assert standstills(depth, SECOND) == [(last + SECOND, following)]
    assert standstills(depth, HOUR, before=START - HOUR - 5)[0] == (START - 5, START)
    repeated = quotes(3)
    repeated[["bid", "ask", "ask_size"]] = [100.0, 100.5, 7.0]
    assert standstills(read_quotes(repeated), SECOND) == []  # a repeated row is a sign of life
    with pytest.raises(DataError, match="longest: expected nanoseconds above zero, got 0"):
        standstills(depth, 0)


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"invalid": "drop"}, "invalid: expected 'error' or 'gap', got 'drop'"),
        ({"clock": True}, "clock: expected 'error' or 'shift' or 'exchange', got True"),
        ({"order": "no"}, "order: expected 'error' or 'sort', got 'no'"),
        ({"base_latency": -1, "clock": "shift"}, "base_latency: expected whole nanoseconds, zero or more, got -1"),
        ({"base_latency": 5}, "base_latency: needs clock='shift', got clock='error'"),
    ],
)
def test_terms_that_are_not_possible_are_refused(terms: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        TableFormat(**terms)


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


REAL = [
    "bitmex_xbtusd_20210722_2236_30s",
    "binance_usdm_btcusdt_20230404_2358_8min",
    "binance_coinm_btcusdperp_20240808_2354",
]


@pytest.mark.parametrize("name", REAL)
def test_real_quotes_are_read_with_the_clock_that_they_need(halfspread_data: Path, name: str) -> None:
    path = halfspread_data / "books" / f"{name}_quotes.parquet"
    depth = read_quotes(path, TableFormat(clock="shift"))
    frame = pd.read_parquet(path)
    np.testing.assert_array_equal(depth.rows, frame[["bid", "bid_size", "ask", "ask_size"]].to_numpy(float))
    latency = received(depth) - depth.times
    if name.startswith("bitmex"):
        assert read_quotes(path).counts["clock_shift_ns"] == depth.counts["clock_shift_ns"] == 0
        assert latency.min() == 42_370_000
    else:
        assert latency.min() == 0
        with pytest.raises(DataError, match=r"expected a local time at or after the exchange time.*clock='shift'"):
            read_quotes(path)
    if "coinm" in name:
        assert depth.counts["clock_shift_ns"] == 1_269_491_001
        assert depth.counts["local_before_exchange"] == len(frame)
    assert depth.counts["invalid_rows"] == 0
