"""Files that were damaged, writers that were killed, disks that are full, and processes that write at once."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from halfspread.datafeeds.store.replay import cache_of, replay_bars
from halfspread.datafeeds.store.store import Provenance, Series, Store
from halfspread.engine.times import HOUR, parse_time
from halfspread.errors import DataError

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")

BARS = Series("bybit", "BTCUSDT", "bars_1h")
OTHER = Series("bybit", "ETHUSDT", "bars_1h")
TRADES = Series("bybit", "BTCUSDT", "trades")
START = parse_time("2024-01-01")
MONTHS = 24 * 91  # January to March
FORK = multiprocessing.get_context("fork")


def bars(first: int = 0, count: int = MONTHS, price: float = 5.0) -> dict[str, Any]:
    ts = START + HOUR * np.arange(first, first + count)
    prices = np.random.default_rng(first).uniform(price, price + 1, count)
    return {"ts": ts, **dict.fromkeys(("open", "high", "low", "close", "volume"), prices)}


def provenance(name: str) -> Provenance:
    return Provenance(f"{name}.csv", START)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = Store(tmp_path / "data")
    found.write(BARS, bars(), provenance("one"))
    return found


def files(store: Store) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((store.folder / BARS.path).iterdir())}


def in_child(job: Any, *arguments: Any) -> int | None:
    child = FORK.Process(target=job, args=arguments)
    child.start()
    child.join(30)
    return child.exitcode


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "it is empty": lambda data: b"",
    "not readable as Parquet": lambda data: data[: len(data) // 2],
    "not readable": lambda data: b"<html>403 Forbidden</html>",
    "not readable as": lambda data: data[:-200] + bytes(150) + data[-50:],
}


@pytest.mark.parametrize("message", DAMAGE)
def test_a_damaged_file_is_named_with_the_remedy(store: Store, message: str) -> None:
    path = store.files(BARS)[1]
    path.write_bytes(DAMAGE[message](path.read_bytes()))
    for use in (store.read, store.summary, store.covered, lambda s: list(store.batches(s))):
        with pytest.raises(DataError, match=rf"2024-02.parquet: .*{message}.*move it away and fetch or import"):
            use(BARS)
    assert len(store.verify(BARS)) == 1
    assert store.read(BARS, end="2024-02-01").num_rows == 24 * 31
    with pytest.raises(DataError, match=r"2024-02.parquet"):
        store.write(BARS, bars(24 * 31, 3), provenance("two"))
    path.unlink()
    assert store.missing(BARS, START, START + MONTHS * HOUR) == ((parse_time("2024-02-01"), parse_time("2024-03-01")),)


def test_rows_that_were_altered_elsewhere_are_found_out(store: Store) -> None:
    path = store.files(BARS)[0]
    table = pa.parquet.ParquetFile(path).read()
    metadata = pa.parquet.read_metadata(path).metadata
    kept = {key: value for key, value in metadata.items() if key == b"halfspread"}
    altered = table.set_column(1, "open", pa.array(np.full(table.num_rows, 1.0)))
    pa.parquet.write_table(altered.replace_schema_metadata(kept), path)
    assert store.read(BARS).num_rows == MONTHS
    [message] = store.verify(BARS)
    assert "2024-01.parquet: its rows are not those that were written" in message
    pa.parquet.write_table(table.slice(1).replace_schema_metadata(kept), path)
    with pytest.raises(DataError, match=r"2024-01.parquet: .*it holds 743 rows, and was written with 744; move"):
        store.read(BARS)
    frame = table.to_pandas()
    frame.to_parquet(path)
    with pytest.raises(DataError, match=r"2024-01.parquet: .*something else has written it; move it away"):
        store.read(BARS)


def test_a_file_in_the_wrong_place_is_found_out(store: Store) -> None:
    store.write(OTHER, bars(0, 24, 700.0), provenance("two"))
    shutil.copy(store.files(OTHER)[0], store.files(BARS)[0])
    with pytest.raises(DataError, match=r"written for bybit:BTCUSDT:bars_1h, but it is one of bybit:ETHUSDT:bars_1h"):
        store.read(BARS)


def test_a_file_under_the_name_of_another_month_is_found_out(store: Store) -> None:
    january, february = store.files(BARS)[:2]
    shutil.copy(january, february)
    with pytest.raises(DataError, match=r"2024-02.parquet: .*rows of 2024-01-01 00:00:00 UTC to 2024-01-31 23"):
        store.read(BARS)


def test_names_in_a_manifest_are_never_paths(store: Store, tmp_path: Path) -> None:
    manifest = store.folder / BARS.path / "manifest.json"
    data = json.loads(manifest.read_text())
    secret = tmp_path / "secret.parquet"
    secret.write_bytes(b"keep out")
    for name in ("../../../../secret.parquet", str(secret), "2024-99.parquet"):
        data["files"][name] = data["files"]["2024-01.parquet"]
    manifest.write_text(json.dumps(data))
    assert [path.parent for path in store.files(BARS)] == [store.folder / BARS.path] * 3
    assert store.summary(BARS).files == 3
    store.write(BARS, bars(MONTHS, 1), provenance("two"))
    assert set(json.loads(manifest.read_text())["files"]) == {f"2024-0{month}.parquet" for month in (1, 2, 3, 4)}


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", '{"format": 2}', '{"format": 1, "series": "bybit:ETHUSDT:bars_1h"}', "[" * 100_000, '"\\ud800'],
)
def test_a_damaged_manifest_is_named_with_the_remedy(store: Store, text: str) -> None:
    (store.folder / BARS.path / "manifest.json").write_text(text)
    with pytest.raises(DataError, match=r"manifest.json: not readable as the manifest of a series .*; delete it"):
        store.summary(BARS)
    store.rebuild(BARS)
    assert store.summary(BARS).rows == MONTHS


def test_names_that_climb_out_are_refused(tmp_path: Path) -> None:
    for names in (("..", "X", "trades"), ("bybit", "../X", "trades"), ("bybit", "X", "../trades"), ("", "X", "trades")):
        with pytest.raises(DataError, match="expected"):
            Series(*names)
    store = Store(tmp_path)
    with pytest.raises(DataError, match="symbol: expected letters"):
        store.document("bybit", "../../etc", "instrument")


def _killed(store: Store, where: str) -> None:
    """Write three new months, and die when the second is about to be put in its place."""
    done = []
    real = os.replace

    def dying(source: Any, target: Any) -> None:
        if str(target).endswith(where):
            os.kill(os.getpid(), signal.SIGKILL)
        real(source, target)
        done.append(target)

    os.replace = dying  # type: ignore[assignment]
    store.write(BARS, bars(0, 2 * MONTHS), provenance("one"))


@pytest.mark.parametrize(("where", "rows"), [("2024-05.parquet", 24 * (91 + 30)), ("manifest.json", 2 * MONTHS)])
def test_a_killed_writer_leaves_whole_files_and_the_next_one_repairs_the_rest(
    store: Store, where: str, rows: int
) -> None:
    assert in_child(_killed, store, where) == -signal.SIGKILL
    assert any(name.startswith(".writing-") for name in files(store))
    told = store.summary(BARS)  # the manifest is behind, and the files are asked
    assert told.rows == store.read(BARS).num_rows == rows
    assert store.missing(BARS, START, START + 2 * MONTHS * HOUR) == (
        ((START + rows * HOUR, START + 2 * MONTHS * HOUR),) if rows < 2 * MONTHS else ()
    )
    again = store.write(BARS, bars(0, 2 * MONTHS), provenance("one"))
    assert (again.same, again.added) == (rows, 2 * MONTHS - rows)
    store.declare_gap(BARS, START, START + 1, "none")
    assert not any(name.startswith(".writing-") for name in files(store))
    assert store.verify(BARS) == ()
    manifest = json.loads((store.folder / BARS.path / "manifest.json").read_text())
    assert sum(entry["rows"] for entry in manifest["files"].values()) == 2 * MONTHS


def _with_little_room(store: Store, result: Any) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    try:
        store.write(BARS, bars(price=9.0), provenance("two"), replace=True)
    except DataError as error:
        result.put(str(error))


def test_a_full_disk_leaves_what_was_there(store: Store) -> None:
    before = files(store)
    result = FORK.SimpleQueue()
    assert in_child(_with_little_room, store, result) == 0
    assert "cannot write" in (message := result.get())
    assert "2024-01.parquet: File too large; what was there is untouched. Make room" in message
    assert files(store) == before


def test_a_write_that_fails_leaves_what_was_there(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    before = files(store)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    for name in ("replace", "fsync"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, full)
            with pytest.raises(DataError, match="No space left on device; what was there is untouched"):
                store.write(BARS, bars(price=9.0), provenance("two"), replace=True)
        assert files(store) == before


def test_a_store_that_may_not_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"cannot write .*Not a directory"):
        Store(tmp_path / "file").write(BARS, bars(0, 1), provenance("one"))


def _trades(first: int) -> pd.DataFrame:
    ts = START + HOUR * np.arange(first, first + 24 * 4)
    return pd.DataFrame({"ts": ts, "price": ts % 97 + 1.0, "size": 1.0, "side": 1})


def test_two_processes_that_write_the_same_end_with_one_series(tmp_path: Path) -> None:
    store = Store(tmp_path)
    barrier = FORK.Barrier(2)
    children = [FORK.Process(target=_write_same, args=(store, name, barrier)) for name in ("one", "two")]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0, 0]
    once = Store(tmp_path / "once")
    once.write(TRADES, pd.concat([_trades(first) for first in range(0, 24 * 40, 24 * 4)]), provenance("one"))
    assert store.digest(TRADES) == once.digest(TRADES)
    assert store.covered(TRADES) == tuple(
        (START + HOUR * first, START + HOUR * (first + 24 * 4 - 1) + 1) for first in range(0, 24 * 40, 24 * 4)
    )
    assert store.verify(TRADES) == ()
    manifest = json.loads((store.folder / TRADES.path / "manifest.json").read_text())
    assert set(manifest["files"]) == {path.name for path in store.files(TRADES)}


def _write_same(store: Store, name: str, barrier: Any) -> None:
    barrier.wait()
    for first in range(0, 24 * 40, 24 * 4):
        store.write(TRADES, _trades(first), provenance(name))


def _replace_often(store: Store, stop: Any) -> None:
    price = 5.0
    while not stop.is_set():
        price += 1.0
        store.write(BARS, bars(0, 24 * 31, price), provenance("two"), replace=True)


def test_readers_never_see_half_a_file(store: Store) -> None:
    stop = FORK.Event()
    child = FORK.Process(target=_replace_often, args=(store, stop))
    child.start()
    seen = set()
    try:
        for _ in range(40):
            table = store.read(BARS, end="2024-02-01")
            prices = table["open"].to_numpy()
            assert table.num_rows == 24 * 31
            assert int(prices.min()) == int(prices.max())
            assert store.summary(BARS).rows == MONTHS
            seen.add(int(prices.min()))
    finally:
        stop.set()
        child.join(30)
    assert child.exitcode == 0
    assert len(seen) > 1


def test_writers_take_turns(store: Store) -> None:
    holds, done = FORK.Event(), FORK.Event()

    def hold() -> None:
        with store.writer(BARS, provenance("two"), whole=True) as writer:
            holds.set()
            writer.add(bars(MONTHS, 24))
            done.wait(0.2)

    child = FORK.Process(target=hold)
    child.start()
    assert holds.wait(30)
    written = store.write(BARS, bars(MONTHS, 24), provenance("three"))
    child.join(30)
    assert (written.same, written.added) == (24, 0)
    assert store.summary(BARS).sources == (provenance("one"), provenance("two"))


def test_a_bit_that_flips_on_the_disk_is_found_out_by_whoever_reads_it(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def replayed(series: Series) -> pa.Table:
        found = replay_bars(store, series, cache=cache_of(store, 0))
        return pa.table({"ts": found.times, "close": found.rows[:, 3]})

    store.write(BARS, bars(0, 24 * 31), provenance("one"))
    path = store.files(BARS)[0]
    data, rows = path.read_bytes(), store.read(BARS)
    mapped, refused = replayed(BARS), 0
    for place in range(4, len(data) - 4, len(data) // 40):
        flipped = bytearray(data)
        flipped[place] ^= 0x10
        path.write_bytes(flipped)
        for read, whole in ((store.read, rows), (replayed, mapped)):
            try:
                assert read(BARS).equals(whole)
            except DataError:
                refused += 1
    assert refused >= 70
