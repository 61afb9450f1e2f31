"""Real captures replay without a fault, and their best levels are the quotes that the venue published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from halfspread.datafeeds.books.builder import BookBuilder, build_books, joined
from halfspread.datafeeds.books.captures import read_capture
from halfspread.datafeeds.books.updates import update_rows
from halfspread.errors import DataError

BINANCE = ("binance_usdm_btcusdt_20230404_2358_8min", "binance_coinm_btcusdperp_20240808_2354")
#: Messages, rows, snapshots shown, and seconds before the first snapshot.
CAPTURES = {
    "bitmex_xbtusd_20210722_2236_30s": (1_300, 11_058, 1_300, 0.0),
    "bybit_btcusd_20210417_1643_30s": (507, 1_031, 507, 0.0),
    "bybit_v5_linear_btcusdt_20260809_2127_42s": (414, 7_180, 414, 0.0),
    BINANCE[0]: (16_111, 324_682, 16_111, 0.0),
    BINANCE[1]: (44_796, 661_671, 44_771, 0.437153099),
}


@pytest.mark.parametrize("name", CAPTURES)
def test_a_capture_replays_with_no_unknown_level_and_no_crossed_book(name: str, halfspread_data: Path) -> None:
    messages, rows, shown, waited = CAPTURES[name]
    updates = read_capture(halfspread_data / "books" / f"{name}_l2.parquet")
    built = build_books(updates, 5)
    assert (built.counts["messages"], len(updates), len(built)) == (messages, rows, shown)
    assert {what for what in built.counts if what.startswith("broken")} == set()
    gaps = [(round((gap.end - gap.start) / 1e9, 9), gap.reason) for gap in built.gaps]
    assert gaps == ([(waited, "no snapshot yet")] if waited else [])
    assert (built.rows[:, 0] < built.rows[:, 2]).all()
    assert not np.isnan(built.rows).any()


@pytest.mark.parametrize("name", BINANCE)
def test_the_best_levels_are_the_last_quote_that_binance_sent_up_to_that_update(
    name: str, halfspread_data: Path
) -> None:
    """In every message: price and size of both sides."""
    updates = update_rows(read_capture(halfspread_data / "books" / f"{name}_l2.parquet"))
    quotes = pq.read_table(halfspread_data / "books" / f"{name}_quotes.parquet").to_pandas()
    built = build_books(updates, 1)
    last = np.flatnonzero(np.diff(updates.column("message"), append=-1))
    sequence = updates.column("sequence")[last][-len(built) :]
    place = np.searchsorted(quotes["u"].to_numpy(), sequence, side="right") - 1
    assert (place >= 0).all()
    shown = quotes[["bid", "bid_size", "ask", "ask_size"]].to_numpy()[place]
    np.testing.assert_array_equal(built.rows, shown)


def test_every_quote_of_bitmex_was_a_state_of_the_book(halfspread_data: Path) -> None:
    """Its quotes come up to a second after its book, so they are compared without times."""
    name = "bitmex_xbtusd_20210722_2236_30s"
    built = build_books(read_capture(halfspread_data / "books" / f"{name}_l2.parquet"), 1)
    quotes = pq.read_table(halfspread_data / "books" / f"{name}_quotes.parquet").to_pandas()
    shown = {tuple(row) for row in built.rows.tolist()}
    assert {tuple(row) for row in quotes[["bid", "bid_size", "ask", "ask_size"]].to_numpy(float).tolist()} <= shown


def test_a_stream_in_blocks_is_the_whole(halfspread_data: Path) -> None:
    updates = read_capture(halfspread_data / "books" / f"{BINANCE[1]}_l2.parquet").slice(0, 60_000)
    builder = BookBuilder(3, "100ms")
    blocks = [builder.feed(batch) for batch in updates.to_batches(max_chunksize=1_111)]
    one, other = joined(iter([*blocks, builder.finish()])), build_books(updates, 3, "100ms")
    assert one.rows.tobytes() == other.rows.tobytes()
    assert (one.gaps, one.counts) == (other.gaps, other.counts)
    assert max(len(block) for block in blocks) < 100


def small(**columns: list[object]) -> pa.Table:
    return pa.table({"ts": [1, 1], "side": ["b", "a"], "price": [1.0, 2.0], "size": [1.0, 1.0], **columns})


def test_messages_of_a_capture_by_sequence_are_numbered() -> None:
    table = read_capture(small(u=[5, 6], type=["snapshot", "delta"], pu=[None, 5], U=[None, 6]))
    assert table.to_pydict() == {
        "ts": [1, 1],
        "message": [1, 2],
        "action": [0, 1],
        "side": [1, -1],
        "price": [1.0, 2.0],
        "size": [1.0, 1.0],
        "first_sequence": [None, 6],
        "sequence": [5, 6],
        "previous_sequence": [None, 5],
    }


def test_columns_and_words_that_are_unknown_are_named() -> None:
    with pytest.raises(DataError, match=r"missing column\(s\) type; found ts, side, price, size, u"):
        read_capture(small(u=[5, 6]))
    with pytest.raises(DataError, match=r"row 1: expected one of snapshot, delta.*got 'dleta'"):
        read_capture(small(u=[5, 6], type=["snapshot", "dleta"]))
