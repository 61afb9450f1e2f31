"""Trades read alike from every source, sides understood or refused, and trades of another market found out."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.engine.depth import Depth, read_quotes
from halfspread.engine.table_format import TableFormat
from halfspread.engine.times import SECOND
from halfspread.engine.trades import Trades, read_trades
from halfspread.engine.trades_beside_book import check_against_book
from halfspread.errors import DataError
from tests.engine.worlds import START

Frame = Any  # pandas-stubs knows no frame of mixed columns
AT_7 = "row 7 (2024-01-01 00:00:07 UTC)"


def trades(count: int = 10) -> Frame:
    """A trade a second at 100, received 3 ms later, sizes from 1 up, by buyers and sellers in turn."""
    times = START + SECOND * np.arange(count)
    sides = np.where(np.arange(count) % 2, "Sell", "Buy")
    size = np.arange(count) + 1.0
    return pd.DataFrame({"ts": times + 3_000_000, "exch_ts": times, "price": 100.0, "size": size, "side": sides})


def test_every_source_gives_the_same_trades(tmp_path: Path) -> None:
    frame = trades()
    table = pa.Table.from_pandas(frame, preserve_index=False)
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=3)
    frame.to_csv(tmp_path / "t.csv", index=False)
    small = table.set_column(4, "side", table["side"].dictionary_encode())
    arrays = {str(name): frame[name].to_numpy() for name in frame}
    records = frame.to_records(index=False)
    for source in (frame, table, small, arrays, records, tmp_path / "t.parquet", str(tmp_path / "t.csv")):
        found = read_trades(source)
        assert found.rows.tolist() == [[100.0, i + 1.0, -1.0 if i % 2 else 1.0] for i in range(10)]
        np.testing.assert_array_equal(found.times, START + SECOND * np.arange(10))
        np.testing.assert_array_equal(found.local_times, found.times + 3_000_000)
        assert not found.rows.flags.writeable
        assert found.rows.flags.c_contiguous
        assert set(found.counts.values()) == {0}


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        (["Buy", "Sell", "buy", "SELL", " b ", "S", "", "unknown", None, "0"], [1, -1, 1, -1, 1, -1, 0, 0, 0, 0]),
        (["1", "-1", "+1", "1", "1", "1", "1", "1", "1", "1"], [1, -1, 1, 1, 1, 1, 1, 1, 1, 1]),
        ([1, -1, 0, 1, -1, 0, 1, 1, 1, 1], [1, -1, 0, 1, -1, 0, 1, 1, 1, 1]),
        ([1.0, -1.0, math.nan, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0], [1, -1, 0, 0, 1, 1, 1, 1, 1, 1]),
        (pd.Series([1, None, -1, *[1] * 7], dtype="Int8"), [1, 0, -1, *[1] * 7]),
        (pd.Series(["buy", "sell", *["buy"] * 8], dtype="category"), [1, -1, *[1] * 8]),
    ],
)
def test_sides_are_understood(sides: Any, expected: list[int]) -> None:
    found = read_trades(trades().assign(side=sides))
    assert found.rows[:, 2].tolist() == expected
    assert found.counts["trades_without_side"] == expected.count(0)


def test_sides_may_be_missing_and_sizes_be_called_amounts() -> None:
    found = read_trades(trades().drop(columns="side").rename(columns={"size": "amount"}))
    assert found.rows[3].tolist() == [100.0, 4.0, 0.0]
    assert found.counts["trades_without_side"] == 10


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("size", 0.0, "column size: expected a size above zero, got 0 (in the row price 100, size 0, side -1)"),
        ("size", -1.0, "column size: expected a size above zero, got -1"),
        ("size", math.nan, "column size: expected a size above zero, got nan"),
        ("size", math.inf, "column size: expected a size above zero, got inf"),
        ("price", 0.0, "column price: expected a price above zero, got 0"),
        ("price", -1.0, "column price: expected a price above zero, got -1"),
        ("price", math.nan, "column price: expected a price above zero, got nan"),
        ("price", math.inf, "column price: expected a price above zero, got inf"),
    ],
)
def test_a_wrong_trade_is_named_or_left_out(column: str, value: float, words: str) -> None:
    frame = trades()
    frame.loc[7, column] = value
    with pytest.raises(DataError) as caught:
        read_trades(frame)
    for word in ("DataFrame: ", AT_7, words, "or pass invalid='gap'"):
        assert word in str(caught.value)
    found = read_trades(frame, TableFormat(invalid="gap"))
    np.testing.assert_array_equal(found.rows, np.delete(read_trades(trades()).rows, 7, axis=0))
    assert found.gaps == ((START + 7 * SECOND, START + 8 * SECOND),)
    assert found.counts["bad_price" if column == "price" else "bad_size"] == found.counts["invalid_rows"] == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"side": ["Buy"] * 7 + ["Short"] + ["Buy"] * 2}, f"{AT_7}: column side: expected Buy or Sell, 1 or -1"),
        ({"side": ["Buy"] * 7 + ["Short"] + ["Buy"] * 2}, "got 'Short'; rename the sides"),
        ({"side": [1] * 7 + [2] * 3}, "column side: expected Buy or Sell, 1 or -1 .*got 2"),
        ({"side": True}, "column side: expected Buy or Sell, 1 or -1 .*got True"),
        ({"price": "dear"}, "column price: expected a number, got 'dear'"),
        ({"exch_ts": START - SECOND * np.arange(10)}, r"row 1 \(.*exchange time: expected 2024-01-01 00:00:00 UTC"),
        ({"ts": START - 1}, r"row 0 \(.*a local time at or after the exchange time, got one 1e-09 s before it"),
    ],
)
def test_a_table_that_cannot_be_read_is_named_with_the_reason(change: Any, words: str) -> None:
    with pytest.raises(DataError, match=words.replace(AT_7, r"row 7 \(2024-01-01 00:00:07 UTC\)")):
        read_trades(trades().assign(**change))


def test_missing_columns_are_named() -> None:
    with pytest.raises(DataError, match=r"missing column\(s\) price, size; found ts, exch_ts, side. Rename"):
        read_trades(trades()[["ts", "exch_ts", "side"]])
    with pytest.raises(DataError, match="missing column ts of times; found exch_ts, price"):
        read_trades(trades().drop(columns="ts"))
    with pytest.raises(DataError, match="expected rows, got none"):
        read_trades(trades(0))
    table = {str(name): trades()[name].to_numpy() for name in trades()}
    with pytest.raises(DataError, match="column side: expected one value for each of 10 times"):
        read_trades({**table, "side": table["side"][:-1]})
    with pytest.raises(DataError, match="column size: expected one value for each of 10 times, got shape"):
        read_trades({**table, "size": table["size"][:-1]})


def test_equal_trades_at_one_time_are_fine() -> None:
    found = read_trades(trades().assign(ts=START, exch_ts=START, size=2.0))
    assert len(found) == 10
    assert found.counts["invalid_rows"] == 0


def made(prices: list[float], seconds: list[float]) -> Trades:
    times = START + np.round(np.array(seconds) * SECOND).astype(np.int64)
    return Trades(times, None, np.column_stack([prices, np.ones(len(prices)), np.ones(len(prices))]), "trades")


def book(bids: list[float], seconds: list[float], gaps: tuple[tuple[int, int], ...] = ()) -> Depth:
    """Quotes with a spread of one."""
    bid = np.array(bids)
    times = START + np.round(np.array(seconds) * SECOND).astype(np.int64)
    ones = np.ones(len(bid))
    return Depth(times, None, np.column_stack([bid, ones, bid + 1, ones]), 1, "quotes", {}, gaps)


def test_trades_are_compared_with_the_touch_in_force() -> None:
    quotes = book([100, 102, 104, 103, 104], [0, 10, 20, 20, 30])
    fine = made([100, 101, 100, 103, 102, 103, 105, 103], [0, 5, 10, 10, 15, 20, 20, 25])
    assert check_against_book(fine, quotes).outside == 0
    # before and after the book; below a bid; above all that was in force at 20; outside the last quote of 20 alone
    others = made([1, 101.9, 105.5, 104.5, 1], [-1, 12, 20, 21, 31])
    with pytest.raises(DataError, match="2 of 3 trades are outside"):
        check_against_book(made([101, 105, 120], [12, 20, 21]), quotes)
    found = check_against_book(others, quotes, tick=0.5)
    assert (found.compared, found.outside, found.without_book) == (3, 3, 2)
    assert found.worst == pytest.approx(0.5 / 103.5)  # 105.5 beside 102 and 105, or 104.5 beside 103 and 104
    assert found.share == 1.0
    assert found.counts() == {"trades_outside_book": 3, "trades_without_book": 2}


def test_a_gap_of_the_book_has_no_market_to_compare_with() -> None:
    gap = ((START + 10 * SECOND, START + 20 * SECOND),)
    quotes = book([100, 100, 100], [0, 5, 20], gap)
    found = check_against_book(made([100, 1, 1, 100], [6, 10, 19.9, 20]), quotes)
    assert (found.compared, found.outside, found.without_book) == (2, 0, 2)


def test_trades_of_another_market_are_refused() -> None:
    quotes = book([100] * 10, list(range(10)))
    with pytest.raises(DataError) as caught:
        check_against_book(made([100, 100, 151.6, 100], [1, 2, 3, 4]), quotes)
    for word in (
        "row 2 (2024-01-01 00:00:03 UTC)",
        "bid 100 and ask 101, got 151.6",
        "one instrument",
        "unit",
        "clock",
    ):
        assert word in str(caught.value)
    assert check_against_book(made([100, 100, 151.0, 100], [1, 2, 3, 4]), quotes).worst == pytest.approx(50 / 100.5)
    with pytest.raises(DataError, match="3 of 5 trades are outside the book by more than 10 ticks and"):
        check_against_book(made([99.5, 99.5, 101.6, 100, 100], [1, 2, 3, 4, 5]), quotes, tick=0.01)
    near = [99.91, 99.91, 99.91, 100, 100]  # within 0.1 %
    assert check_against_book(made(near, [1, 2, 3, 4, 5]), quotes).outside == 3
    found = check_against_book(made([99.5, 99.5, 101.6, 100, 100], [1, 2, 3, 4, 5]), quotes, tick=0.1)
    assert found.outside == 3
    assert check_against_book(made([99.5, 99.5, 100, 100], [1, 2, 3, 4]), quotes, tick=0.01).outside == 2


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(95, 105)), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(-1, 7), st.integers(95, 107)), min_size=1, max_size=12),
)
def test_the_comparison_agrees_with_a_slow_one(quoted: Any, traded: Any) -> None:
    quoted, traded = sorted(quoted, key=lambda q: q[0]), sorted(traded, key=lambda t: t[0])
    quotes = book([bid for _, bid in quoted], [time for time, _ in quoted])
    outside = compared = 0
    for time, price in traded:
        if not quoted[0][0] <= time <= quoted[-1][0]:
            continue
        before = [bid for at, bid in quoted if at < time]
        bids = [*before[-1:], *(bid for at, bid in quoted if at == time)]
        compared += 1
        outside += not min(bids) <= price <= max(bids) + 1
    found = check_against_book(made([price for _, price in traded], [time for time, _ in traded]), quotes, tick=10.0)
    assert (found.compared, found.outside, found.without_book) == (compared, outside, len(traded) - compared)


REAL = {  # trades, outside the book
    "bitmex_xbtusd_20210722_2236_30s": (16, 0),
    "binance_usdm_btcusdt_20230404_2358_8min": (12_935, 2_612),
    "binance_coinm_btcusdperp_20240808_2354": (5_235, 330),
}


@pytest.mark.parametrize("name", REAL)
def test_real_trades_are_those_of_their_quotes(halfspread_data: Path, name: str) -> None:
    fmt = TableFormat(clock="shift")
    found = read_trades(halfspread_data / "books" / f"{name}_trades.parquet", fmt)
    quotes = read_quotes(halfspread_data / "books" / f"{name}_quotes.parquet", fmt)
    compared = check_against_book(found, quotes, tick=0.1)
    assert (len(found), compared.outside) == REAL[name]
    assert compared.worst < 0.03
    with pytest.raises(DataError, match="are they of one instrument"):
        check_against_book(replace(found, rows=found.rows * 1.01), quotes, tick=0.1)


@pytest.mark.parametrize("name", ["bybit_btcusd_20210417_1643_30s", "bybit_v5_linear_btcusdt_20260809_2127_42s"])
def test_real_trades_of_bybit_are_read(halfspread_data: Path, name: str) -> None:
    path = halfspread_data / "books" / f"{name}_trades.parquet"
    found = read_trades(path)
    assert len(found) == len(pd.read_parquet(path))
    assert found.counts["trades_without_side"] == found.counts["local_before_exchange"] == 0
