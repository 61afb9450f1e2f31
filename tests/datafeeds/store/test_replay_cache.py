"""What is mapped from the replay cache is what the engine reads from Parquet, to the bit, and never out of date."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import halfspread as hs
from halfspread.datafeeds.store import replay, replay_cache
from halfspread.datafeeds.store.replay import cache_of, replay_bars, replay_books, replay_quotes, replay_trades
from halfspread.datafeeds.store.replay_cache import ReplayCache
from halfspread.datafeeds.store.store import Provenance, Series, Store
from halfspread.engine.bars import BarFormat, Bars, read_bars
from halfspread.engine.depth import Depth, read_books, read_quotes
from halfspread.engine.table_format import TableFormat
from halfspread.engine.tape import Tape
from halfspread.engine.times import HOUR, parse_time, time_text
from halfspread.engine.trades import Trades, read_trades
from halfspread.errors import DataError

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")

BARS = Series("bybit", "BTCUSDT", "bars_1h")
BOOKS = Series("bybit", "BTCUSDT", "books_2")
QUOTES = Series("bybit", "BTCUSDT", "quotes")
TRADES = Series("bybit", "BTCUSDT", "trades")
START = parse_time("2024-01-31")
COUNT = 60
RECEIVED = Provenance("capture.json", START, clock="received")

Rows = Bars | Depth | Trades


def bars(seed: int = 0, **changed: Any) -> dict[str, Any]:
    close = 100 + np.random.default_rng(seed).random(COUNT).cumsum()
    plain = {"ts": START + HOUR * np.arange(COUNT), "open": close, "close": close, "volume": np.ones(COUNT)}
    return {**plain, "high": close + 1, "low": close - 1, **changed}


def events(**columns: Any) -> dict[str, Any]:
    times = START + HOUR * np.arange(COUNT)
    return {"ts": times + 5_000_000, "exch_ts": times, **columns}


def books() -> dict[str, Any]:
    price = 100.0 + np.arange(COUNT)
    levels = {"bid_1": price, "ask_1": price + 1, "bid_2": price - 1, "ask_2": np.where(price > 120, np.nan, price + 2)}
    sizes = {"bid_size_1": price, "ask_size_1": price, "bid_size_2": price}
    return events(**levels, **sizes, ask_size_2=np.where(price > 120, 0.0, 3.0))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = Store(tmp_path / "data")
    found.write(BARS, bars(), RECEIVED)
    found.write(BOOKS, books(), RECEIVED)
    price = np.arange(COUNT) + 50.0
    found.write(QUOTES, events(bid=price, ask=price + 1, bid_size=price, ask_size=price), RECEIVED)
    found.write(TRADES, events(price=price, size=price, side=np.arange(COUNT) % 3 - 1), RECEIVED)
    return found


def same(one: Rows, other: Rows) -> None:
    assert type(one) is type(other)
    for name, value in vars(one).items():
        theirs = getattr(other, name)
        if not isinstance(value, np.ndarray):
            assert name == "source" or value == theirs, name
            continue
        assert (value.dtype, value.shape) == (theirs.dtype, theirs.shape)
        assert value.tobytes() == theirs.tobytes(), name
        assert type(value) is np.ndarray
        assert not value.flags.writeable


READS: dict[str, tuple[Callable[[Store], Rows], Callable[[Store], Rows]]] = {
    "bars": (lambda store: replay_bars(store, BARS), lambda store: read_bars(store.read(BARS))),
    "books": (lambda store: replay_books(store, BOOKS), lambda store: read_books(store.read(BOOKS))),
    "one level": (
        lambda store: replay_books(store, BOOKS, levels=1),
        lambda store: read_books(store.read(BOOKS), levels=1),
    ),
    "quotes": (lambda store: replay_quotes(store, QUOTES), lambda store: read_quotes(store.read(QUOTES))),
    "trades": (lambda store: replay_trades(store, TRADES), lambda store: read_trades(store.read(TRADES))),
}


@pytest.mark.parametrize("what", READS)
def test_mapped_rows_are_those_of_the_parquet_files(store: Store, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mapped, direct = READS[what]
    same(mapped(store), direct(store))
    monkeypatch.setattr(replay, "_source", None)  # nothing is read again
    again = mapped(store)
    same(again, direct(store))
    assert again.source.startswith("store bybit:BTCUSDT:")


def test_what_is_kept_serves_every_span_of_the_same_files(store: Store) -> None:
    first = replay_bars(store, BARS, START, START + HOUR)
    assert len(first) == 24  # of January
    size = cache_of(store).size()
    same(replay_bars(store, BARS, START + 3 * HOUR, START + 5 * HOUR), first)
    assert cache_of(store).size() == size > 24 * 6 * 8
    with pytest.raises(DataError, match=r"expected rows in the span from 2020-01-01 .* to 2020-01-02 .*, got none"):
        replay_bars(store, BARS, "2020-01-01", "2020-01-02")


def test_a_tape_runs_on_mapped_rows(store: Store) -> None:
    instrument = hs.instruments.linear("BTCUSDT", multiplier=1.0, lot=0.001, tick=0.1)
    replay_bars(store, BARS)
    tapes = [Tape.from_bars(source, instrument) for source in (replay_bars(store, BARS), store.read(BARS))]
    agent = hs.strategies.SmaCross(fast=2, slow=5)
    costs = hs.Costs(
        half_spread=hs.HalfSpread.ticks(1), fees=hs.Fees(taker=5e-4, maker=2e-4), funding=hs.Funding.none()
    )
    one, other = (hs.backtest(tape, agent, costs, sizing=hs.FixedNotional(1_000)) for tape in tapes)
    assert len(one.fills) > 0
    assert one.fill_records.tobytes() == other.fill_records.tobytes()


def test_rows_that_were_replaced_are_read_again(store: Store) -> None:
    replay_bars(store, BARS)
    old = list((store.folder / ".replay" / BARS.path).glob("*/about.json"))
    store.write(BARS, bars(seed=1), RECEIVED, replace=True)
    same(replay_bars(store, BARS), read_bars(store.read(BARS)))
    assert len(old) == 1
    assert not old[0].exists()


def test_other_terms_are_another_entry(store: Store) -> None:
    store.write(BARS, bars(trades=np.arange(COUNT)), RECEIVED)
    plain = replay_bars(store, BARS)
    more = replay_bars(store, BARS, form=BarFormat(extra=("trades",)))
    assert (plain.rows.shape[1], more.rows.shape[1]) == (5, 6)
    assert more.columns[-1] == "trades"
    shifted = replay_trades(store, TRADES, fmt=TableFormat(exchange_column="ts"))
    assert shifted.local_times is None
    assert replay_trades(store, TRADES).local_times is not None


def test_a_change_of_the_code_that_reads_makes_entries_anew(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    replay_bars(store, BARS)
    monkeypatch.setattr(replay_cache, "_code", lambda: "other")
    replay_bars(store, BARS)
    assert len(list((store.folder / ".replay").glob("**/about.json"))) == 1


@pytest.mark.parametrize("damage", ["cut", "empty", "gone", "other", "about"])
def test_an_entry_that_is_not_whole_is_made_anew(store: Store, damage: str) -> None:
    expected = replay_books(store, BOOKS)
    [rows] = (store.folder / ".replay").glob("**/rows.npy")
    data = rows.read_bytes()
    kept = rows.with_suffix(".old")
    rows.rename(kept)  # what is mapped keeps its file
    if damage == "cut":
        rows.write_bytes(data[:-8])
    elif damage == "empty":
        rows.write_bytes(b"")
    elif damage == "other":
        np.save(rows, np.zeros(3))
    elif damage == "about":
        kept.rename(rows)
        (rows.parent / "about.json").write_text("{")
    same(replay_books(store, BOOKS), expected)
    assert len(list((store.folder / ".replay").glob("**/rows.npy"))) == 1


def test_pickles_are_not_read(store: Store, tmp_path: Path) -> None:
    replay_bars(store, BARS)
    [rows] = (store.folder / ".replay").glob("**/rows.npy")
    rows.unlink()
    np.save(rows, np.array([print], object), allow_pickle=True)
    assert replay_bars(store, BARS).rows.dtype == np.float64


def test_the_longest_unused_make_room(store: Store) -> None:
    for i, (what, series) in enumerate({"bars": BARS, "quotes": QUOTES, "trades": TRADES}.items()):
        READS[what][0](store)
        [about] = (store.folder / ".replay" / series.path).glob("*/about.json")
        os.utime(about, (i, i))
    cache = cache_of(store)
    replay_bars(store, BARS)  # is now the youngest
    full = cache.size()
    small = ReplayCache(cache.folder, limit=full)
    replay_books(store, BOOKS, cache=small)
    there = {path.parents[1].name for path in cache.folder.glob("**/about.json")}
    assert "bars_1h" in there
    assert "books_2" in there
    assert "quotes" not in there
    same(replay_books(store, BOOKS, levels=1, cache=ReplayCache(cache.folder, limit=10)), READS["one level"][1](store))
    cache.clear()
    assert cache.size() == 0


def test_no_cache_and_none_that_can_be_written_give_the_rows(store: Store, tmp_path: Path) -> None:
    expected = read_bars(store.read(BARS))
    same(replay_bars(store, BARS, cache=cache_of(store, 0)), expected)
    assert not (store.folder / ".replay").exists()
    (tmp_path / "file").write_text("")
    same(replay_bars(store, BARS, cache=ReplayCache(tmp_path / "file" / "cache")), expected)


def test_a_full_disk_gives_the_rows(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array", full)
    same(replay_bars(store, BARS), read_bars(store.read(BARS)))
    assert list((store.folder / ".replay").glob("**/*.npy")) == []


def test_faults_of_rows_are_told_as_the_engine_tells_them(store: Store) -> None:
    later = START + 24 * HOUR * 40
    crossed = {"ts": np.array([later]), "bid": [2.0], "ask": [1.0]}
    store.write(QUOTES, crossed | {"exch_ts": [later]}, RECEIVED)
    with pytest.raises(DataError, match=r"store bybit:BTCUSDT:quotes: row 0 .*expected a bid below the ask"):
        replay_quotes(store, QUOTES, later)
    kept = replay_quotes(store, QUOTES, fmt=TableFormat(invalid="gap"))
    again = replay_quotes(store, QUOTES, fmt=TableFormat(invalid="gap"))
    same(again, kept)
    assert (again.gaps, list(again.left_out)) == (((later, later + 1),), [later]), time_text(later)


def test_files_that_change_while_they_are_read_are_read_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    real, seeds = replay._source, iter((1, 2))

    def changing(*arguments: Any) -> Any:
        found = real(*arguments)
        seed = next(seeds, None)
        if seed is not None:
            store.write(BARS, bars(seed), RECEIVED, replace=True)
        return found

    monkeypatch.setattr(replay, "_source", changing)
    same(replay_bars(store, BARS), read_bars(store.read(BARS)))


def _open(folder: Path, barrier: Any, result: Any) -> None:
    barrier.wait()
    result.put(float(replay_bars(Store(folder), BARS).rows.sum()))


def test_processes_that_open_at_once_share_one_entry(store: Store) -> None:
    fork = multiprocessing.get_context("fork")
    barrier, result = fork.Barrier(3), fork.SimpleQueue()
    children = [fork.Process(target=_open, args=(store.folder, barrier, result)) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0, 0, 0]
    sums = {result.get() for _ in children}
    assert sums == {float(read_bars(store.read(BARS)).rows.sum())}
    assert len(list((store.folder / ".replay").glob("**/about.json"))) == 1
