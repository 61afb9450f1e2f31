"""Quotes and books read alike from every source, with the clock and the order that they need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from halfspread.engine import parquet, row_columns
from halfspread.engine.clocks import common_shift
from halfspread.engine.depth import read_books, read_quotes, standstills
from halfspread.engine.row_reading import Wanted
from halfspread.engine.table_format import TableFormat
from halfspread.engine.times import HOUR, SECOND
from halfspread.errors import DataError
from tests.engine.depth_tables import GAP, LATENCY, NAN, Frame, books, put, quotes, received
from tests.engine.worlds import START


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
    monkeypatch.setattr(parquet, "BLOCK_ROWS", block)
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


def test_rows_that_are_sorted_are_cut_after_that_and_keep_their_numbers() -> None:
    order = [3, 0, 1, 9, 2, 7, 8, 4, 6, 5]
    frame, wanted = quotes(), Wanted(START + 2 * SECOND, START + 8 * SECOND)
    shuffled, sort = frame.iloc[order].reset_index(drop=True), TableFormat(order="sort", invalid="gap")
    found, plain = read_quotes(shuffled, sort, rows=wanted), read_quotes(frame, rows=wanted)
    np.testing.assert_array_equal(found.rows, plain.rows)
    np.testing.assert_array_equal(found.times, START + SECOND * np.arange(2, 9))
    shuffled.loc[5, "bid"] = -1.0  # the one at 7 s
    assert read_quotes(shuffled, sort, rows=wanted).gaps == ((START + 7 * SECOND, START + 8 * SECOND),)
    with pytest.raises(DataError, match=r"row 5 \(2024-01-01 00:00:07 UTC\): column bid"):
        read_quotes(shuffled, TableFormat(order="sort"), rows=wanted)
    shuffled.loc[5, "bid"], closed = 107.0, ((START + 6 * SECOND, START + 8 * SECOND),)
    with pytest.raises(DataError, match=r"row 5 \(2024-01-01 00:00:07 UTC\): expected no quotes in the declared gap"):
        read_quotes(shuffled, TableFormat(order="sort"), rows=Wanted(closed=closed))


def test_columns_of_another_length_are_refused_where_rows_are_cut() -> None:
    table = {str(name): values.to_numpy() for name, values in quotes().items()}
    for count in (9, 11):
        with pytest.raises(DataError, match="column bid: expected one value for each of 10 times, got shape"):
            read_quotes({**table, "bid": np.arange(count) + 50.0}, rows=Wanted(START + SECOND))


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
