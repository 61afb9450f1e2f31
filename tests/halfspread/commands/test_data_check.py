"""``halfspread data check``: tables, JSON, the page, exit codes, and findings kept beside the data."""

from __future__ import annotations

import io
import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from halfspread.commands.data_check import FAILED, execute
from halfspread.datafeeds.store.series import Provenance, Series
from halfspread.datafeeds.store.store import Store
from halfspread.engine.times import MINUTE
from halfspread.errors import ConfigError, DataError
from tests.datafeeds.quality.made_up import LATE, START, made_bars, made_funding

BARS = Series("bybit", "BTCUSDT", "bars_1m")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    columns = made_bars()
    rows = np.delete(np.arange(600), slice(100, 110))
    store.write(BARS, {name: values[rows] for name, values in columns.items()}, Provenance("made up", LATE))
    store.write(Series("bybit", "BTCUSDT", "funding"), made_funding(), Provenance("made up", LATE))
    return store


def run(store: Store, **given: Any) -> tuple[int, str]:
    stream = io.StringIO()
    usual = {"series": None, "start": None, "end": None, "html": None, "json": True, "stdout": stream}
    code = execute(Namespace(**{**usual, "store": str(store.folder), **given}))
    return code, stream.getvalue()


def test_json_says_what_was_found_and_findings_stand_beside_the_data(store: Store) -> None:
    code, text = run(store)
    said = json.loads(text)
    assert (code, said["error"], said["warning"], said["note"]) == (0, 0, 1, 0)
    bars = next(each for each in said["series"] if each["series"] == str(BARS))
    assert bars["rows"] == 590
    (finding,) = bars["findings"]
    assert (finding["check"], finding["count"]) == ("gaps", 1)
    assert finding["examples"][0]["start"] == START + 100 * MINUTE
    saved = store.findings(BARS)
    assert saved is not None
    assert saved == bars["findings"]


def test_a_part_of_a_series_is_looked_at_and_its_findings_are_not_kept(store: Store) -> None:
    code, text = run(store, series=str(BARS), start="2024-01-01T03:00", end="2024-01-01T04:00")
    assert code == 0
    (found,) = json.loads(text)["series"]
    assert (found["rows"], found["findings"]) == (60, [])
    assert store.findings(BARS) is None


def test_an_error_is_told_by_the_exit_code(store: Store) -> None:
    (path,) = store.files(BARS)
    path.write_bytes(path.read_bytes()[:-100])
    code, text = run(store)
    assert code == FAILED
    assert json.loads(text)["error"] == 1


def test_the_terminal_shows_a_table_and_the_page_is_written(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    code, _ = run(store, json=False, html=str(page))
    out = capsys.readouterr().out
    assert code == 0
    assert "bybit:BTCUSDT:bars_1m: 590 rows" in out
    assert "10 rows of 1m missing" in out
    assert "bybit:BTCUSDT:funding: 300 rows in" in out
    assert "nothing was found" in out
    assert "0 errors, 1 warning, 0 notes" in out
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_what_is_not_there_and_times_that_cannot_be_are_refused(store: Store) -> None:
    with pytest.raises(DataError, match=r"expected bybit:ETHUSDT, got a store that holds bybit:BTCUSDT:bars_1m"):
        run(store, series="bybit:ETHUSDT")
    with pytest.raises(ConfigError, match="a time after --from"):
        run(store, start="2024-01-02", end="2024-01-01")
    with pytest.raises(ConfigError, match="--from"):
        run(store, start="soon")
