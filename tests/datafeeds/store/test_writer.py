"""Streamed rows, imports that are kept whole or not at all, and what is left after an error."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfspread.datafeeds.store import filling
from halfspread.datafeeds.store.parquet_files import PartitionFile
from halfspread.datafeeds.store.store import Provenance, Series, Store
from halfspread.engine.times import DAY, HOUR, SECOND, parse_time
from halfspread.errors import DataError, FetchError

TRADES = Series("bybit", "BTCUSDT", "trades")
BARS = Series("bybit", "BTCUSDT", "bars_1h")
MIDNIGHT = parse_time("2024-02-01")
ONE, TWO = Provenance("one.csv", MIDNIGHT), Provenance("two.csv", MIDNIGHT + 1)


def trades(times: Any, **changed: Any) -> dict[str, Any]:
    times = np.asarray(times, np.int64)
    price = 100.0 + times % 13
    return {"ts": times, "price": price, "size": np.ones(len(times)), "side": np.ones(len(times), np.int8), **changed}


def bars(first: int, count: int) -> dict[str, Any]:
    ts = MIDNIGHT + HOUR * np.arange(first, first + count)
    return {"ts": ts, **{name: np.full(count, 5.0) for name in ("open", "high", "low", "close", "volume")}}


def left(store: Store, series: Series) -> set[str]:
    return {path.name for path in (store.folder / series.path).glob("*")} - {".lock", "manifest.json"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.fixture
def streaming(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "CELLS_HELD", 100)


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(0, 300), max_size=8), ids=st.sampled_from(["none", "some", "all"]))
def test_a_day_that_goes_to_the_disk_as_it_comes_is_the_same_day(cuts: list[int], ids: str) -> None:
    times = MIDNIGHT + 600 * SECOND * np.arange(300)
    everything = trades(times)
    if ids != "none":
        start = 200 if ids == "some" else 0
        everything["trade_id"] = np.array([None] * start + [f"id{i}" for i in range(start, 300)], object)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        once, streamed = Store(f"{folder}/once"), Store(f"{folder}/streamed")
        once.write(TRADES, everything, ONE)
        patch.setattr(filling, "CELLS_HELD", 100)
        with streamed.writer(TRADES, ONE) as writer:
            for a, b in pairwise(sorted({0, *cuts, 300})):
                writer.add({name: values[a:b] for name, values in everything.items()})
        assert writer.written.added == 300
        assert streamed.digest(TRADES) == once.digest(TRADES)
        assert streamed.read(TRADES).combine_chunks().equals(once.read(TRADES).combine_chunks())
        assert streamed.verify(TRADES) == ()
        assert left(streamed, TRADES) == left(once, TRADES)


@pytest.mark.usefixtures("streaming")
def test_rows_on_the_disk_are_merged_where_another_writer_was_faster(store: Store) -> None:
    times = MIDNIGHT + SECOND * np.arange(200)
    with store.writer(TRADES, ONE) as slow:
        slow.add(trades(times[:100]))
        store.write(TRADES, trades(times), TWO)
        slow.add(trades(times[100:]))
    assert (slow.written.added, slow.written.same) == (0, 200)
    assert store.summary(TRADES).rows == 200
    assert left(store, TRADES) == {"2024-02-01.parquet"}


@pytest.mark.usefixtures("streaming")
def test_an_error_leaves_nothing_of_a_day_that_was_on_its_way_to_the_disk(store: Store) -> None:
    def write() -> None:
        with store.writer(TRADES, ONE) as writer:
            writer.add(trades(MIDNIGHT + HOUR * np.arange(24)))
            writer.add(trades(MIDNIGHT + DAY + SECOND * np.arange(100)))
            assert any(name.startswith(".writing-") for name in left(store, TRADES))
            writer.add(trades([MIDNIGHT + DAY + HOUR], price=[-1.0]))

    with pytest.raises(DataError, match=r"one.csv: row 124 \(2024-02-02 01:00:00 UTC\): column price: expected"):
        write()
    assert left(store, TRADES) == {"2024-02-01.parquet"}
    assert store.summary(TRADES).rows == 24


def test_memory_holds_one_day_at_most(store: Store) -> None:
    def blocks() -> Iterator[dict[str, Any]]:
        for day in range(6):
            for hour in range(24):
                yield trades(MIDNIGHT + day * DAY + hour * HOUR + 100_000_000 * np.arange(2_000))

    before = pa.total_allocated_bytes()
    most = 0
    with store.writer(TRADES, ONE) as writer:
        for block in blocks():
            writer.add(block)
            most = max(most, pa.total_allocated_bytes() - before)
    assert store.summary(TRADES).rows == 6 * 24 * 2_000
    assert most < 2.5 * 24 * 2_000 * 25  # bytes of a day


def test_a_whole_import_is_kept_or_nothing_is(store: Store) -> None:
    def write(error: Exception | None) -> None:
        with store.writer(BARS, ONE, whole=True) as writer:
            writer.add(bars(-30, 60))
            writer.add(bars(30, 24 * 40))
            if error:
                raise error

    store.write(BARS, bars(0, 2), TWO)
    for error in (ValueError("a fault"), FetchError("silence")):
        with pytest.raises(type(error)):
            write(error)
        assert left(store, BARS) == {"2024-02.parquet"}
        assert store.summary(BARS).rows == 2
    write(None)
    assert left(store, BARS) == {"2024-01.parquet", "2024-02.parquet", "2024-03.parquet"}
    assert store.summary(BARS).rows == 60 + 24 * 40
    assert store.missing(BARS, MIDNIGHT - 30 * HOUR, MIDNIGHT + (30 + 24 * 40) * HOUR) == ()


def test_a_whole_import_that_comes_back_to_a_month_sees_its_own_rows(store: Store) -> None:
    with store.writer(BARS, ONE, whole=True) as writer:
        writer.add(bars(0, 3))
        writer.add(bars(-3, 3), start=MIDNIGHT - 3 * HOUR, end=MIDNIGHT)
        writer.add(bars(2, 2), start=MIDNIGHT + 2 * HOUR, end=MIDNIGHT + 4 * HOUR)
    assert (writer.written.added, writer.written.same) == (7, 1)
    assert store.summary(BARS).rows == 7
    assert left(store, BARS) == {"2024-01.parquet", "2024-02.parquet"}


def test_rows_of_blocks_are_counted_through(store: Store) -> None:
    with store.writer(BARS, ONE) as writer:
        writer.add(bars(0, 10))
        for fault, message in (
            ({"close": [5.0, 6.0]}, "row 11 .*column close: expected a close from low to high, got 6.0"),
            ({"close": ["5", "x"]}, "row 11 .*column close: expected a number, got 'x'"),
        ):
            with pytest.raises(DataError, match=message):
                writer.add(bars(10, 2) | fault)


def test_groups_of_rows_are_small_enough_to_read_a_part(store: Store) -> None:
    store.write(BARS, bars(0, 1), ONE)
    minutes = Series("bybit", "BTCUSDT", "bars_1m")
    ts = MIDNIGHT + 60 * SECOND * np.arange(20_000)
    store.write(
        minutes, {**{n: np.full(20_000, 5.0) for n in ("open", "high", "low", "close", "volume")}, "ts": ts}, ONE
    )
    file = pa.parquet.ParquetFile(store.files(minutes)[0])
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [8_192, 8_192, 3_616]
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    for row in (0, 8_191, 8_192, 19_999):  # the first and the last one of a group
        assert store.read(minutes, int(ts[row]), int(ts[row]) + 1)["ts"].cast(pa.int64()).to_pylist() == [ts[row]]


def test_rows_are_those_that_were_handed_in_even_where_their_arrays_are_used_again(store: Store) -> None:
    block = bars(0, 3)
    with store.writer(BARS, ONE) as writer:
        writer.add(block)
        np.add(block["ts"], 3 * HOUR, out=block["ts"])
        for name in ("open", "high", "low", "close"):
            np.multiply(block[name], 2.0, out=block[name])
        writer.add(block)
    assert store.read(BARS)["close"].to_pylist() == [5.0] * 3 + [10.0] * 3


def test_an_interruption_while_a_block_goes_to_the_disk_doubles_no_rows(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = itertools.count()
    real = PartitionFile.write

    def write(self: PartitionFile, table: pa.Table) -> None:
        real(self, table)
        if next(calls) == 4:
            raise KeyboardInterrupt

    def add() -> None:
        with store.writer(TRADES, ONE) as writer:
            writer.add(trades(MIDNIGHT - DAY + HOUR * np.arange(24)))
            for block in range(20):
                writer.add(trades(MIDNIGHT + SECOND * np.arange(10 * block, 10 * block + 10)))

    monkeypatch.setattr(filling, "CELLS_HELD", 100)
    with monkeypatch.context() as patch:
        patch.setattr(PartitionFile, "write", write)
        with pytest.raises(KeyboardInterrupt):
            add()
    assert store.summary(TRADES).rows == 24  # the day before it
    assert store.covered(TRADES)[-1][1] <= MIDNIGHT
    assert left(store, TRADES) == {"2024-01-31.parquet"}
    add()
    assert store.summary(TRADES).rows == 224
    assert len(set(store.read(TRADES)["ts"].to_pylist())) == 224


def test_a_writer_that_failed_in_a_block_takes_no_more(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(filling, "CELLS_HELD", 100)
    with store.writer(TRADES, ONE) as writer:
        with monkeypatch.context() as patch:
            patch.setattr(PartitionFile, "write", full)
            with pytest.raises(DataError, match="No space left"):
                writer.add(trades(MIDNIGHT + SECOND * np.arange(100)))
        with pytest.raises(DataError, match="expected no more rows after a block that was not taken"):
            writer.add(trades(MIDNIGHT + SECOND * np.arange(100, 200)))
    assert store.missing(TRADES, MIDNIGHT, MIDNIGHT + DAY) == ((MIDNIGHT, MIDNIGHT + DAY),)


@pytest.mark.parametrize("stopped", [KeyboardInterrupt, FetchError])
@pytest.mark.parametrize("cells", [10, 10**6])
def test_rows_of_a_time_that_may_go_on_are_not_kept_in_part(
    store: Store, monkeypatch: pytest.MonkeyPatch, stopped: type[BaseException], cells: int
) -> None:
    monkeypatch.setattr(filling, "CELLS_HELD", cells)
    everything = trades(MIDNIGHT + SECOND * (np.arange(30) // 3))

    def add(blocks: int) -> None:
        with store.writer(TRADES, ONE) as writer:
            for block in range(blocks):
                writer.add({name: values[5 * block : 5 * block + 5] for name, values in everything.items()})
            if blocks < 6:
                raise stopped("now")

    with pytest.raises(stopped):
        add(2)  # 10 rows: the first of the fourth second is the last of them
    assert store.summary(TRADES).rows == 9
    assert store.covered(TRADES) == ((MIDNIGHT, MIDNIGHT + 3 * SECOND),)
    add(6)
    assert store.summary(TRADES).rows == 30
    assert store.covered(TRADES) == ((MIDNIGHT, MIDNIGHT + 9 * SECOND + 1),)
