"""A tape takes tables that were read before, and several Parquet files as one table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from halfspread.engine import instruments
from halfspread.engine.bars import read_bars
from halfspread.engine.depth import read_books, read_quotes
from halfspread.engine.parquet import ParquetFiles
from halfspread.engine.tape import Tape
from halfspread.engine.trades import read_trades
from halfspread.errors import DataError

BTC = instruments.bybit("BTCUSDT")
START = pd.Timestamp("2024-01-01", tz="UTC").value
MINUTE = 60 * 10**9


def bars(count: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    close = 40_000.0 + np.cumsum(rng.integers(-5, 6, count)) * 0.1
    open_ = np.concatenate([[40_000.0], close[:-1]])
    return pd.DataFrame(
        {
            "ts": START + np.arange(count) * MINUTE,
            "open": open_,
            "high": np.maximum(open_, close) + 0.1,
            "low": np.minimum(open_, close) - 0.1,
            "close": close,
            "volume": rng.integers(0, 9, count) * 0.001,
        }
    )


def books(count: int = 500) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    mid = 40_000.0 + np.cumsum(rng.integers(-2, 3, count)) * 0.1
    exchange = START + np.cumsum(rng.integers(1, 10**9, count))
    return pd.DataFrame(
        {
            "ts": exchange + 10**7,
            "exch_ts": exchange,
            "bid_1": mid - 0.1,
            "bid_size_1": 1.0,
            "ask_1": mid + 0.1,
            "ask_size_1": 2.0,
        }
    )


def trades(book: pd.DataFrame) -> pd.DataFrame:
    here = book.iloc[10:400:7]
    return pd.DataFrame(
        {"ts": here["ts"] + 5, "exch_ts": here["exch_ts"] + 5, "price": here["ask_1"], "size": 0.001, "side": 1}
    )


def files(folder: Path, table: pd.DataFrame, cuts: tuple[int, ...]) -> ParquetFiles:
    edges = [0, *cuts, len(table)]
    paths = []
    for i in range(len(edges) - 1):
        path = folder / f"{i}.parquet"
        pa.parquet.write_table(pa.Table.from_pandas(table.iloc[edges[i] : edges[i + 1]], preserve_index=False), path)
        paths.append(path)
    return ParquetFiles("the series", tuple(paths))


def test_bars_read_before_make_the_same_tape() -> None:
    table = bars()
    assert Tape.from_bars(read_bars(table), BTC).hash() == Tape.from_bars(table, BTC).hash()


def test_bars_read_before_are_cut_to_the_range() -> None:
    terms: dict[str, Any] = {"start": "2024-01-01T01:00Z", "end": "2024-01-01T02:00Z"}
    table = bars()
    tape = Tape.from_bars(read_bars(table), BTC, **terms)
    assert tape.hash() == Tape.from_bars(table, BTC, **terms).hash()
    assert len(tape) == 60


def test_books_and_trades_read_before_make_the_same_tape() -> None:
    book = books()
    ready = Tape.from_books(read_books(book), BTC, trades=read_trades(trades(book)))
    assert ready.hash() == Tape.from_books(book, BTC, trades=trades(book)).hash()


def test_quotes_read_before_say_where_they_came_from() -> None:
    book = books().rename(columns=lambda name: name.removesuffix("_1"))
    tape = Tape.from_quotes(read_quotes(book), BTC)
    assert tape.origin["quotes"] == "DataFrame"


def test_a_row_read_before_may_not_stand_in_a_declared_gap() -> None:
    book = books()
    gap = (int(book["exch_ts"].iloc[100]) - 1, int(book["exch_ts"].iloc[110]))
    with pytest.raises(DataError, match=r"row 100 .* expected nothing in the declared gap"):
        Tape.from_books(read_books(book), BTC, gaps=[gap])
    table = bars()
    with pytest.raises(DataError, match="reaches into the gap"):
        Tape.from_bars(read_bars(table), BTC, gaps=[(START + 5 * MINUTE, START + 9 * MINUTE)])


@pytest.mark.parametrize("cuts", [(), (1,), (100, 101, 599)])
def test_several_files_are_one_table(tmp_path: Path, cuts: tuple[int, ...]) -> None:
    table = bars()
    several = files(tmp_path, table, cuts)
    whole = Tape.from_bars(table, BTC)
    assert Tape.from_bars(several, BTC).hash() == whole.hash()
    assert Tape.scan(BTC, bars=several).hash() == whole.hash()
    assert Tape.from_bars(several, BTC).origin["bars"] == "the series"


def test_several_files_of_books_are_one_table(tmp_path: Path) -> None:
    book = books()
    several = files(tmp_path, book, (50, 333))
    assert Tape.from_books(several, BTC).hash() == Tape.from_books(book, BTC).hash()
    assert Tape.scan(BTC, books=several).hash() == Tape.from_books(book, BTC).hash()


def test_funding_may_stand_in_several_files(tmp_path: Path) -> None:
    funding = pd.DataFrame({"ts": START + np.arange(6) * 8 * 60 * MINUTE, "rate": np.arange(6) * 1e-5})
    several = files(tmp_path, funding, (2,))
    assert Tape.from_bars(bars(), BTC, funding=several).hash() == Tape.from_bars(bars(), BTC, funding=funding).hash()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"2\.parquet: no such file"):
        Tape.from_bars(ParquetFiles("the series", (tmp_path / "2.parquet",)), BTC)
