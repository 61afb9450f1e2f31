"""Quotes, books and trades read block by block are the same rows, gaps, counts and faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.engine import parquet
from halfspread.engine.clocks import common_shift
from halfspread.engine.depth import read_books, read_quotes
from halfspread.engine.row_checks import RowChecker
from halfspread.engine.row_reading import Wanted
from halfspread.engine.streamed_depth import StreamedDepth, StreamedTrades
from halfspread.engine.table_format import TableFormat
from halfspread.engine.times import SECOND
from halfspread.engine.trades import read_trades, trade_kind
from halfspread.errors import DataError
from tests.engine.worlds import START

GAP = TableFormat(invalid="gap")
COUNT = 1_000


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks shorter than a row group."""
    monkeypatch.setattr(parquet, "BLOCK_ROWS", 70)


@pytest.fixture
def paths(tmp_path: Path) -> dict[str, Path]:
    """A second apart, received 3 ms later: quotes and books of two levels, some short, and trades."""
    rng = np.random.default_rng(5)
    times = START + SECOND * np.arange(COUNT)
    bid = 100.0 + rng.integers(-5, 6, COUNT)
    stamps = {"ts": times + 3_000_000, "exch_ts": times}
    quotes = pd.DataFrame({**stamps, "bid": bid, "bid_size": 1.0, "ask": bid + 0.5, "ask_size": 2.0})
    books = pd.DataFrame({**stamps, "bid_1": bid, "bid_size_1": 1.0, "ask_1": bid + 0.5, "ask_size_1": 2.0})
    books[["bid_2", "bid_size_2", "ask_2", "ask_size_2"]] = np.column_stack([bid - 1, bid, bid + 1, bid])
    books.loc[rng.integers(0, COUNT, 50), ["ask_2", "ask_size_2"]] = np.nan
    trades = pd.DataFrame({**stamps, "price": bid, "size": 1.0 + np.arange(COUNT), "side": rng.integers(-1, 2, COUNT)})
    made = {"quotes": quotes, "books": books, "trades": trades}
    for name, frame in made.items():
        frame.to_parquet(tmp_path / f"{name}.parquet", row_group_size=300)
    return {name: tmp_path / f"{name}.parquet" for name in made}


READ: dict[str, Any] = {"quotes": read_quotes, "books": read_books, "trades": read_trades}
OPEN: dict[str, Any] = {
    "quotes": StreamedDepth.open_quotes,
    "books": StreamedDepth.open_books,
    "trades": StreamedTrades.open,
}


def change(path: Path, column: str, rows: Any, value: Any) -> None:
    frame = pd.read_parquet(path)
    frame.loc[rows, column] = value
    frame.to_parquet(path, row_group_size=300)


def assert_same(whole: Any, streamed: Any, here: slice = slice(None)) -> None:
    blocks = list(streamed.blocks())
    assert len(blocks) > 3
    assert max(map(len, blocks)) <= 70
    for name in ("times", "local_times", "rows"):
        np.testing.assert_array_equal(np.concatenate([getattr(b, name) for b in blocks]), getattr(whole, name)[here])
        assert not any(getattr(block, name).flags.writeable for block in blocks)
    if here == slice(None):
        assert streamed.counts == whole.counts
        assert tuple(gap for block in blocks for gap in block.gaps) == whole.gaps


@pytest.mark.parametrize("name", READ)
def test_blocks_hold_the_rows_of_the_whole(paths: dict[str, Path], name: str) -> None:
    whole, streamed = READ[name](paths[name]), OPEN[name](paths[name])
    assert (len(streamed), streamed.first, streamed.last) == (COUNT, whole.times[0], whole.times[-1])
    assert_same(whole, streamed)
    assert_same(whole, streamed)  # and again
    next(streamed.blocks())
    assert streamed.counts == whole.counts  # and not those of a block
    if name != "trades":
        assert streamed.levels == whole.levels == (2 if name == "books" else 1)
        assert streamed.first_mid == whole.first_mid
    if name == "books":
        assert whole.counts["short_snapshots"] > 40
        assert next(OPEN[name](paths[name], levels=1).blocks()).rows.shape == (70, 4)


@pytest.mark.parametrize(("start", "end"), [(0, 500), (69, 70), (140, 999), (333, 787), (-5, 5_000)])
def test_a_file_is_cut_by_exchange_time_both_ends_included(paths: dict[str, Path], start: int, end: int) -> None:
    for name, read in READ.items():
        wanted = Wanted(START + start * SECOND, START + end * SECOND)
        streamed = OPEN[name](paths[name], rows=wanted)
        first, last = max(start, 0), min(end, COUNT - 1)
        assert (streamed.first, streamed.last) == (START + first * SECOND, START + last * SECOND)
        assert len(streamed) == last - first + 1
        rows = np.concatenate([block.rows for block in streamed.blocks()])
        np.testing.assert_array_equal(rows, read(paths[name]).rows[first : last + 1])
        assert read(paths[name], rows=wanted).rows.tobytes() == rows.tobytes()
    for read in (READ["quotes"], OPEN["quotes"]):
        with pytest.raises(DataError, match=r"no quotes from 2024-01-01 00:00:00\.5 UTC to .*; there are quotes"):
            read(paths["quotes"], rows=Wanted(START + SECOND // 2, START + 6 * SECOND // 10))


@pytest.mark.parametrize(
    "bad", [[0], [69], [70], [68, 69, 70, 71], [*range(60, 215)], [*range(970, 1_000)], [999], [0, 1, 500, 998, 999]]
)
def test_gaps_are_those_of_the_whole_wherever_blocks_meet(paths: dict[str, Path], bad: list[int]) -> None:
    for name, column in (("quotes", "bid"), ("books", "bid_1"), ("trades", "price")):
        change(paths[name], column, bad, -1.0)
        whole, streamed = READ[name](paths[name], GAP), OPEN[name](paths[name], GAP)
        assert whole.counts["bad_price"] == len(bad)
        assert len(streamed) == COUNT
        assert_same(whole, streamed)


@pytest.mark.parametrize("row", [0, 69, 70, 555, 999])
def test_a_fault_in_a_late_block_is_found_at_its_row(paths: dict[str, Path], row: int) -> None:
    for name, column in (("quotes", "bid"), ("books", "bid_1"), ("trades", "price")):
        change(paths[name], column, row, -1.0)
        with pytest.raises(DataError) as whole:
            READ[name](paths[name])
        with pytest.raises(DataError) as streamed:
            list(OPEN[name](paths[name], rows=Wanted(START)).blocks())
        assert str(whole.value) == str(streamed.value)
        assert f"row {row} (" in str(whole.value)


def test_text_in_a_late_block_is_found_at_its_row(paths: dict[str, Path]) -> None:
    frame = pd.read_parquet(paths["trades"]).astype({"price": str})
    frame.loc[555, "price"] = "dear"
    frame.to_parquet(paths["trades"])
    with pytest.raises(DataError, match=r"row 555 \(2024-01-01 00:09:15 UTC\): column price: .* got 'dear'"):
        list(StreamedTrades.open(paths["trades"], rows=Wanted(START + 553 * SECOND)).blocks())


@pytest.mark.parametrize(("column", "row"), [("ts", 700), ("exch_ts", 700), ("ts", 70), ("exch_ts", 70)])
def test_a_time_that_steps_back_is_found_when_the_file_is_opened(paths: dict[str, Path], column: str, row: int) -> None:
    change(paths["quotes"], column, row, START)
    with pytest.raises(DataError) as whole:
        read_quotes(paths["quotes"])
    with pytest.raises(DataError) as streamed:
        StreamedDepth.open_quotes(paths["quotes"])
    assert str(whole.value) == str(streamed.value)
    assert f"row {row} (" in str(whole.value)


def test_one_shift_is_found_for_the_whole_file(paths: dict[str, Path]) -> None:
    change(paths["quotes"], "ts", 800, START + 800 * SECOND - 400_000_000)
    change(paths["quotes"], "ts", 300, START + 300 * SECOND - 1)
    with pytest.raises(DataError) as whole:
        read_quotes(paths["quotes"])
    with pytest.raises(DataError) as late:
        StreamedDepth.open_quotes(paths["quotes"])
    assert str(whole.value) == str(late.value)
    assert "row 300 (" in str(late.value)
    assert "(2 of 1000 rows are, by 0.4 s at row 800)" in str(late.value)
    fmt = TableFormat(clock="shift")
    streamed = StreamedDepth.open_quotes(paths["quotes"], fmt)
    assert_same(read_quotes(paths["quotes"], fmt), streamed)
    assert streamed.counts["clock_shift_ns"] == 400_000_000
    trades = StreamedTrades.open(paths["trades"], fmt)
    assert common_shift([trades, streamed]) == 400_000_000
    first = next(trades.shifted_to(400_000_000).blocks())
    assert first.local_times is not None
    assert first.local_times[0] == START + 403_000_000
    assert first.counts["clock_shift_ns"] == 400_000_000
    without = StreamedDepth.open_quotes(paths["quotes"], TableFormat(clock="exchange"))
    assert next(without.blocks()).local_times is None


def test_what_cannot_be_streamed_is_refused(paths: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "quotes.csv").write_text("ts,bid,ask\n")
    pd.read_parquet(paths["quotes"]).iloc[:0].to_parquet(tmp_path / "none.parquet")
    for path, fmt, words in (
        (tmp_path / "quotes.csv", None, "only Parquet files are streamed, got .csv"),
        (tmp_path / "missing.parquet", None, "no such file"),
        (tmp_path / "none.parquet", None, "expected rows, got none"),
        (paths["trades"], None, r"missing column\(s\) bid, ask; found ts"),
        (paths["quotes"], TableFormat(time_column="when"), "missing column when of times; found ts"),
        (paths["quotes"], TableFormat(order="sort"), "order='sort' needs the whole file"),
    ):
        with pytest.raises(DataError, match=words):
            StreamedDepth.open_quotes(path, fmt)
    change(paths["quotes"], "bid", slice(None), -1.0)
    with pytest.raises(
        DataError, match=r"got none that is possible: 1000 rows were left out \(bad_price 1000\); read it"
    ):
        _ = StreamedDepth.open_quotes(paths["quotes"], GAP).first_mid


MADE = st.lists(st.tuples(st.booleans(), st.integers(0, 2)), min_size=1, max_size=30)


@given(MADE.filter(lambda rows: any(good for good, _ in rows)), st.integers(1, 7))
def test_blocks_of_any_size_make_the_same_gaps(made: list[tuple[bool, int]], size: int) -> None:
    times = START + np.cumsum([step for _, step in made])
    rows = np.ones((len(made), 3))
    rows[[not good for good, _ in made], 0] = -1.0
    kind = trade_kind({"price": 0, "size": 0}, "trades")
    one, many = RowChecker(kind, "trades", GAP), RowChecker(kind, "trades", GAP)
    _, expected = one.check(times, rows, True)
    found: list[tuple[int, int]] = []
    for i in range(0, len(rows), size):
        found.extend(many.check(times[i : i + size], rows[i : i + size], i + size >= len(rows))[1])
    assert tuple(found) == expected
    assert one.counts() == many.counts()
    slow, open_ = [], None
    for i, (good, _) in enumerate(made):
        if not good and open_ is None and any(ok for ok, _ in made[:i]):
            open_ = int(times[i])
        elif good and open_ is not None:
            slow.append((open_, int(times[i])))
            open_ = None
    if open_ is not None:
        slow.append((open_, int(times[-1]) + 1))
    assert expected == tuple(gap for gap in slow if gap[1] > gap[0])
