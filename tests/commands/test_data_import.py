"""``halfspread data import``: what it prints, what it stores, and what it does with a bad file among good ones."""

from __future__ import annotations

import io
import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from halfspread.commands.data_import import execute
from halfspread.datafeeds.importers import text_tables
from halfspread.datafeeds.store.series import Series
from halfspread.datafeeds.store.store import Store
from halfspread.errors import ConfigError

S = 1_704_153_600  # 2024-01-02 00:00 UTC
DAY = 86_400
TRADES = Series("bybit", "BTCUSDT", "trades")


def arguments(store: Path, *files: Path, **given: Any) -> Namespace:
    plain: dict[str, Any] = dict.fromkeys(("kind", "format", "interval", "time_unit", "time_zone", "stamp"))
    plain |= {"venue": "bybit", "symbol": "BTCUSDT", "mapping": [], "replace": False, "no_check": True, "json": True}
    plain |= {"files": [str(file) for file in files], "store": str(store), "stdout": io.StringIO()}
    return Namespace(**(plain | given))


def trades(path: Path, day: int, count: int = 5, price: str = "1") -> Path:
    rows = "".join(f"{S + day * DAY + k}.25,{price},{k + 1}\n" for k in range(count))
    path.write_text("time,price,size\n" + rows)
    return path


def done(given: Namespace) -> tuple[int, dict[str, Any]]:
    code = execute(given)
    return code, json.loads(given.stdout.getvalue())


def test_a_file_is_stored_and_told_and_a_second_time_nothing_is_new(tmp_path: Path) -> None:
    file, store = trades(tmp_path / "a.csv", 0), tmp_path / "store"
    code, said = done(arguments(store, file))
    assert code == 0
    (entry,) = said["files"]
    assert (entry["rows_read"], entry["times"], entry["imported_before"]) == (5, "seconds", False)
    (series,) = entry["series"]
    assert (series["series"], series["added"], series["same"]) == ("bybit:BTCUSDT:trades", 5, 0)
    assert (series["first"], series["last"]) == ("2024-01-02 00:00:00.25 UTC", "2024-01-02 00:00:04.25 UTC")
    summary = Store(store).summary(TRADES)
    assert (summary.rows, summary.sources[0].source, summary.sources[0].digest) == (5, "a.csv", entry["sha256"])
    before = Store(store).digest(TRADES)
    code, said = done(arguments(store, file))
    assert (code, said["files"][0]["imported_before"], said["files"][0]["series"][0]["same"]) == (0, True, 5)
    assert Store(store).digest(TRADES) == before


def test_what_is_printed_names_format_unit_span_and_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = arguments(tmp_path / "store", trades(tmp_path / "a.csv", 0), json=False)
    assert execute(given) == 0
    lines = given.stdout.getvalue().splitlines()
    assert lines[0].endswith("a.csv: delimited text, 5 rows")
    assert lines[1] == "  times are seconds: 2024-01-02 00:00:00.25 UTC to 2024-01-02 00:00:04.25 UTC"
    assert lines[2].startswith("  bybit:BTCUSDT:trades: 5 new -> ")
    again = arguments(tmp_path / "store", tmp_path / "a.csv", json=False)
    assert execute(again) == 0
    assert "this very file was imported before: nothing is new" in again.stdout.getvalue()
    assert not capsys.readouterr().err


def test_files_are_read_in_order_of_their_times_not_of_their_names(tmp_path: Path) -> None:
    files = [trades(tmp_path / "a.csv", 2), trades(tmp_path / "b.csv", 0), trades(tmp_path / "c.csv", 1)]
    code, said = done(arguments(tmp_path / "store", *files))
    assert code == 0
    assert [Path(entry["file"]).name for entry in said["files"]] == ["b.csv", "c.csv", "a.csv"]
    assert Store(tmp_path / "store").summary(TRADES).files == 3


def test_a_bad_file_among_good_ones_is_named_and_the_others_are_stored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = [trades(tmp_path / "a.csv", 0), trades(tmp_path / "c.csv", 2)]
    page = tmp_path / "b.csv.gz"
    page.write_text("<html><title>Forbidden</title></html>")
    code, said = done(arguments(tmp_path / "store", good[0], page, good[1], tmp_path / "none.csv"))
    assert code == 2
    assert [Path(entry["file"]).name for entry in said["files"]] == ["a.csv", "c.csv"]
    assert sorted(Path(fault["file"]).name for fault in said["faults"]) == ["b.csv.gz", "none.csv"]
    assert execute(arguments(tmp_path / "store", good[0], page, json=False)) == 2
    assert "error: " in capsys.readouterr().err


def test_a_fault_in_the_middle_keeps_whole_days_before_it_and_the_mended_file_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_tables, "CHUNK", 64)
    monkeypatch.setattr("halfspread.datafeeds.importers.ordering.LOOKED_AT", 1)
    rows = [f"{S + DAY // 4 * k},1,{k + 1}" for k in range(40)]
    file = tmp_path / "a.csv"
    file.write_text("\n".join(["time,price,size", *rows[:30], "x" + rows[30], *rows[31:]]))
    code, said = done(arguments(tmp_path / "store", file))
    assert code == 2
    assert "line 32: column time" in said["faults"][0]["message"]
    assert said["faults"][0]["partly_stored"] == ["bybit:BTCUSDT:trades"]
    kept = Store(tmp_path / "store").read(TRADES).num_rows
    assert 0 < kept < 30
    assert kept % 4 == 0  # whole days
    file.write_text("\n".join(["time,price,size", *rows]))
    code, said = done(arguments(tmp_path / "store", file))
    assert (code, said["files"][0]["series"][0]["added"], said["files"][0]["series"][0]["same"]) == (0, 40 - kept, kept)


def test_other_rows_of_the_same_time_are_refused_and_replaced_on_demand(tmp_path: Path) -> None:
    store = tmp_path / "store"
    assert done(arguments(store, trades(tmp_path / "a.csv", 0)))[0] == 0
    other = trades(tmp_path / "b.csv", 0, price="2")
    code, said = done(arguments(store, other))
    assert code == 2
    assert "a.csv" in said["faults"][0]["message"]
    assert Store(store).read(TRADES).column("price").to_pylist() == [1.0] * 5
    assert done(arguments(store, other, replace=True))[0] == 0
    assert Store(store).read(TRADES).column("price").to_pylist() == [2.0] * 5


def test_new_rows_are_checked_and_findings_kept(tmp_path: Path) -> None:
    file = tmp_path / "bars.csv"
    closes = [100.0, 101.0, 100.5, 150.0, 100.0, 100.5]
    rows = [f"{S + 60 * k},{close},{close + 1},{close - 1},{close},5" for k, close in enumerate(closes) if k != 2]
    file.write_text("\n".join(["ts,open,high,low,close,volume", *rows]))
    given = arguments(tmp_path / "store", file, kind="bars_1m", no_check=False)
    code, said = done(given)
    (checked,) = said["checks"]
    assert (code, checked["series"]) == (0, "bybit:BTCUSDT:bars_1m")
    assert checked["findings"]
    assert Store(tmp_path / "store").findings(Series("bybit", "BTCUSDT", "bars_1m")) == checked["findings"]
    again = arguments(tmp_path / "store", file, kind="bars_1m", no_check=False, json=False)
    assert execute(again) == 0
    assert ": checked: " not in again.stdout.getvalue()  # nothing is new


def test_options_are_checked_before_a_file_is_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--map: expected OURS=NAME"):
        execute(arguments(tmp_path, tmp_path / "a.csv", mapping=["time"]))
    with pytest.raises(ConfigError, match="a size such as 500MB"):
        execute(arguments(tmp_path, tmp_path / "a.csv", max_unpacked="all"))
    assert not list(tmp_path.iterdir())


def test_a_day_without_rows_did_not_come_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "store")
    file = tmp_path / "a.csv"
    times = [S, S + 5, S + DAY + 3, S + 3 * DAY + 7, S + 3 * DAY + 8, S + 6 * DAY]
    file.write_text("time,price,size\n" + "".join(f"{time}.25,1,1\n" for time in times))
    for chunk in (1 << 21, 40):
        monkeypatch.setattr(text_tables, "CHUNK", chunk)
        code, said = done(arguments(store.folder, file))
        assert code == 0
        holes = [note for note in said["files"][0]["notes"] if "not covered" in note]
        assert [hole[:57] for hole in holes] == [
            "bybit:BTCUSDT:trades: no rows from 2024-01-03 00:00:03.25",
            "bybit:BTCUSDT:trades: no rows from 2024-01-05 00:00:08.25",
        ]
        spans = [((a - S * 10**9) // 10**9, (b - S * 10**9) // 10**9) for a, b in store.covered(TRADES)]
        assert spans == [(0, DAY + 3), (3 * DAY + 7, 3 * DAY + 8), (6 * DAY, 6 * DAY)]


def test_a_file_that_begins_where_another_ends_is_told(tmp_path: Path) -> None:
    store, one, two = tmp_path / "store", trades(tmp_path / "a.csv", 0, 2), tmp_path / "b.csv"
    two.write_text(f"time,price,size\n{S + 1}.25,1,2\n{S + 2}.25,1,3\n")
    assert done(arguments(store, one))[0] == 0
    said = done(arguments(store, two))[1]["files"][0]
    assert (said["series"][0]["same"], said["series"][0]["added"]) == (1, 1)
    assert any("is the last one that is stored" in note for note in said["notes"])
    assert not any("is the last one" in note for note in done(arguments(store, two))[1]["files"][0]["notes"])
    two.write_text(f"time,price,size\n{S + 2}.25,1,4\n{S + 3}.25,1,3\n")
    code, said = done(arguments(store, two))
    assert code == 2
    assert "cut within this time, put them into one file" in said["faults"][0]["message"]
