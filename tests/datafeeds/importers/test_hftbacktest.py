"""npz of hftbacktest, against events put together by hand."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from halfspread.datafeeds.importers import hftbacktest
from halfspread.datafeeds.importers.options import Options
from halfspread.datafeeds.store.kinds import SET, SNAPSHOT
from halfspread.errors import DataError
from tests.datafeeds.importers.small_files import imports, rows

BOTH, EXCH, LOCAL, BUY, SELL = 3 << 30, 1 << 31, 1 << 30, 1 << 29, 1 << 28
DEPTH, TRADE, CLEAR, LEVEL, BBO = 1, 2, 3, 4, 5
T = 1_704_153_600_000_000_000
OURS = Options(venue="binance", symbol="BTCUSDT")
SIZES = [
    (BOTH | BUY | CLEAR, 1, 9, 99.0, 0.0),
    (BOTH | BUY | LEVEL, 1, 9, 100.0, 5.0),
    (BOTH | SELL | CLEAR, 1, 9, 110.0, 0.0),
    (BOTH | SELL | LEVEL, 1, 9, 101.0, 6.0),
    (BOTH | SELL | DEPTH, 2, 10, 101.0, 0.0),
    (BOTH | SELL | DEPTH, 2, 10, 102.0, 3.0),
    (BOTH | BUY | TRADE, 3, 11, 102.0, 1.5),
    (EXCH | BUY | DEPTH, 4, 0, 100.0, 4.0),
    (LOCAL | SELL | DEPTH, 5, 12, 102.0, 2.0),
    (LOCAL | BUY | DEPTH, 4, 13, 100.0, 4.0),
]


def events(*given: tuple[int, int, int, float, float]) -> Any:
    found = np.zeros(len(given), hftbacktest._RECORD)
    for row, (ev, exch, local, price, size) in enumerate(given):
        found[row] = (ev, T + exch, T + local if local else 0, price, size, 0, 0, 0.0)
    return found


def saved(path: Path, data: Any, packed: bool = True) -> Path:
    (np.savez_compressed if packed else np.savez)(path, data=data)
    return path


@pytest.mark.parametrize("records", [1, 3, 65_536])
@pytest.mark.parametrize("packed", [True, False])
def test_books_and_trades_come_out_as_the_local_side_saw_them(
    tmp_path: Path, records: int, packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hftbacktest, "_RECORDS", records)
    (found,) = imports(saved(tmp_path / "a.npz", events(*SIZES), packed), OURS)
    got = rows(found)
    book = got["binance:BTCUSDT:book_updates"]
    assert book["ts"] == [T + at for at in (9, 9, 10, 10, 12, 13)]
    assert book["exch_ts"] == [T + at for at in (1, 1, 2, 2, 5, 4)]
    assert book["action"] == [SNAPSHOT, SNAPSHOT, SET, SET, SET, SET]
    assert book["side"] == [1, -1, -1, -1, -1, 1]
    assert book["price"] == [100.0, 101.0, 101.0, 102.0, 102.0, 100.0]
    assert book["size"] == [5.0, 6.0, 0.0, 3.0, 2.0, 4.0]
    assert (np.diff(book["message"]) != 0).tolist() == [False, True, False, True, True]
    assert got["binance:BTCUSDT:trades"] == {
        "ts": [T + 11],
        "exch_ts": [T + 3],
        "price": [102.0],
        "size": [1.5],
        "side": [1],
    }
    assert found.tally.left["exchange halves of records that were split"] == 1
    assert found.provenance.clock == "received"


def test_best_bids_and_offers_become_quotes_once_both_are_known(tmp_path: Path) -> None:
    data = events(
        (BOTH | BUY | BBO, 1, 1, 100.0, 5.0),
        (BOTH | SELL | BBO, 2, 2, 101.0, 6.0),
        (BOTH | SELL | BBO, 3, 3, 101.5, 7.0),
        (BOTH | BUY | BBO, 3, 3, 101.0, 1.0),
    )
    got = rows(imports(saved(tmp_path / "a.npz", data), OURS)[0])["binance:BTCUSDT:quotes"]
    assert got["bid"] == [100.0, 101.0]
    assert got["ask"] == [101.0, 101.5]
    assert got["bid_size"] == [5.0, 1.0]


def test_events_without_a_local_side_stand_at_the_exchanges_time(tmp_path: Path) -> None:
    (found,) = imports(saved(tmp_path / "a.npz", events((EXCH | BUY | TRADE, 3, 0, 100.0, 1.0))), OURS)
    assert found.provenance.clock == "exchange"
    assert rows(found)["binance:BTCUSDT:trades"]["ts"] == [T + 3]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ((BOTH | BUY | DEPTH, 9, 3, 100.0, 1.0), "sort the"),
        ((BOTH | BUY | DEPTH, 9, 20, -1.0, 1.0), "a price above 0"),
        ((BOTH | BUY | DEPTH, 9, 20, 100.0, float("nan")), "a size of 0 or more"),
        ((BOTH | DEPTH, 9, 20, 100.0, 1.0), "expected a side"),
        ((BOTH | BUY | TRADE, 9, 20, 100.0, 0.0), "a trade with price and size above 0"),
        ((BOTH | BUY | 7, 9, 20, 100.0, 1.0), "an event of hftbacktest"),
        ((BUY | DEPTH, 9, 20, 100.0, 1.0), "of the exchange or the local side"),
        ((BOTH | BUY | DEPTH, 9, 2**62, 100.0, 1.0), "nanoseconds from 2009 to 2100"),
        ((BOTH | BUY | LEVEL, 9, 20, 100.0, 1.0), "a snapshot of both sides"),
        ((BOTH | CLEAR, 9, 20, 0.0, 0.0), "a snapshot after a clearing"),
    ],
)
def test_events_that_cannot_be_are_refused(
    tmp_path: Path, bad: tuple[int, int, int, float, float], message: str
) -> None:
    (found,) = imports(saved(tmp_path / "a.npz", events(*SIZES, bad)), OURS)
    with pytest.raises(DataError, match=message):
        rows(found)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "ran",))

    data = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        data, {"descr": np.lib.format.dtype_to_descr(np.dtype("O")), "fortran_order": False, "shape": (1,)}
    )
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("data.npy", data.getvalue() + pickle.dumps(Evil()))
    with pytest.raises(DataError, match="expected records of hftbacktest 2"):
        imports(tmp_path / "a.npz", OURS)
    assert not (tmp_path / "ran").exists()


def test_other_arrays_and_cut_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="another array"):
        imports(saved(tmp_path / "a.npz", np.zeros(4)), OURS)
    np.savez(tmp_path / "b.npz", other=np.zeros(4))
    with pytest.raises(DataError, match="an array called data, got other"):
        imports(tmp_path / "b.npz", OURS)
    np.save(tmp_path / "c.npy", events(*SIZES))
    (tmp_path / "c.npy").write_bytes((tmp_path / "c.npy").read_bytes()[:-10])
    with pytest.raises(DataError, match="stops inside a record"):
        imports(tmp_path / "c.npy", OURS)
    with pytest.raises(DataError, match="--venue"):
        imports(saved(tmp_path / "d.npz", events(*SIZES)), Options())
