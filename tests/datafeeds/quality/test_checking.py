"""The checks through a store: kept beside the data, told to a backtest by its span, and never of rows that changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from halfspread.datafeeds.quality.checking import check, examine, wanted
from halfspread.datafeeds.quality.finding import Example, Finding, worst
from halfspread.datafeeds.quality.places import MOST_EXAMPLES, Places
from halfspread.datafeeds.quality.reading import BLOCK, blocks, document_steps
from halfspread.datafeeds.quality.telling import findings_in, overlapping, sentences
from halfspread.datafeeds.store.series import Provenance, Series
from halfspread.datafeeds.store.store import Store
from halfspread.engine.times import DAY, HOUR, MINUTE
from halfspread.errors import DataError
from tests.datafeeds.quality.made_up import LATE, START, bars_of, made_bars, made_funding, made_mark, made_trades, told

BARS = Series("bybit", "BTCUSDT", "bars_1m")
FROM = Provenance("made up", LATE)


def store_with(folder: Path, *, drop: slice = slice(0, 0), minutes: int = 600) -> Store:
    store = Store(folder)
    columns = made_bars(minutes)
    rows = np.delete(np.arange(minutes), drop)
    store.write(BARS, {name: values[rows] for name, values in columns.items()}, FROM)
    return store


def save(store: Store, series: Series, **span: Any) -> list[Finding]:
    found = check(store, series, **span)
    store.save_findings(series, [one.entry() for one in found])
    return found


def test_clean_series_of_a_store_have_no_finding_alone_or_together(tmp_path: Path) -> None:
    store = Store(tmp_path)
    trades = made_trades()
    store.write(BARS, bars_of(trades, 600), FROM)
    store.write(Series("bybit", "BTCUSDT", "trades"), trades, FROM, start=START, end=START + 600 * MINUTE)
    store.write(Series("bybit", "BTCUSDT", "mark_1h"), made_mark(), FROM)
    store.write(Series("bybit", "BTCUSDT", "funding"), made_funding(), FROM)
    for series in store.series():
        assert not check(store, series), series
    assert examine(store, BARS).beside[0] == "600 bars held against trades"
    assert not examine(store, BARS, beside=False).beside


def test_findings_are_kept_as_json_until_the_rows_change(tmp_path: Path) -> None:
    store = store_with(tmp_path, drop=slice(100, 110))
    assert findings_in(store, BARS) == [f"{BARS}: not checked; `halfspread data check {BARS}` does"]
    found = save(store, BARS)
    saved = store.findings(BARS)
    assert saved is not None
    assert [Finding.of(json.loads(json.dumps(one))) for one in saved] == found
    (words,) = findings_in(store, BARS)
    assert words.startswith(f"{BARS}: gaps (warning): 10 rows of 1m missing in 1 hole")
    columns = made_bars()
    filled = {name: values[100:110] for name, values in columns.items()}
    store.write(BARS, filled, FROM)
    assert "not checked" in findings_in(store, BARS)[0]
    save(store, BARS)
    assert findings_in(store, BARS) == []


def test_a_backtest_is_told_what_falls_into_its_span(tmp_path: Path) -> None:
    store = store_with(tmp_path, drop=slice(100, 110))
    save(store, BARS)
    at = START + 100 * MINUTE
    assert findings_in(store, BARS, at + 10 * MINUTE, at + HOUR) == []
    assert findings_in(store, BARS, START, at) == []
    assert len(findings_in(store, BARS, at - HOUR, at + 1)) == 1
    assert findings_in(store, BARS, at - HOUR, at + 1, severities=("note",)) == []


def test_of_many_places_those_of_the_span_are_counted_exactly_or_by_month() -> None:
    days = [START + i * 31 * DAY for i in range(4)]
    few = Finding(
        "outages", "warning", days[0], days[3] + 1, 4, "4 runs", tuple(Example(day, day + 1, str(day)) for day in days)
    )
    assert overlapping(few, days[1], days[2] + 1) == (2, False, str(days[1]))
    (words,) = sentences(BARS, [few], days[1], days[2])
    assert words.endswith(f"4 runs; of these 1 in the time of the run, such as: {days[1]}")
    many = Finding("moves", "note", days[0], days[3], 70, "70 moves", (), (("2024-01", 50), ("2024-03", 20)))
    assert overlapping(many, START + 40 * DAY, START + 75 * DAY) == (20, True, "")
    (words,) = sentences(BARS, [many], START + 40 * DAY, START + 75 * DAY, ("note",))
    assert "of these about 20" in words
    errors_first = sentences(BARS, [few, Finding("shape", "error", days[0], days[1], 1, "a bar")])
    assert "shape (error)" in errors_first[0]


def test_a_check_of_a_span_looks_at_no_more(tmp_path: Path) -> None:
    store = store_with(tmp_path, drop=slice(100, 110))
    assert not check(store, BARS, START + 2 * HOUR, START + 4 * HOUR)
    assert examine(store, BARS, START + 2 * HOUR, START + 4 * HOUR).rows == 120
    assert [one.check for one in check(store, BARS, START + HOUR, START + 3 * HOUR)] == ["gaps"]


def test_a_damaged_file_is_an_error_and_nothing_else_is_looked_at(tmp_path: Path) -> None:
    store = store_with(tmp_path)
    (path,) = store.files(BARS)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))
    found = examine(store, BARS)
    assert found.damaged
    assert [(one.check, one.severity) for one in found.findings] == [("files", "error")]
    assert path.name in found.findings[0].message
    path.write_bytes(b"")
    assert [one.check for one in examine(store, BARS).findings] == ["files"]


def test_a_series_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    store = store_with(tmp_path)
    assert [str(one) for one in wanted(store, "bybit")] == [str(BARS)]
    assert wanted(store, "bybit:ETHUSDT") == []
    assert told(check(store, BARS, START + DAY, START + 2 * DAY)) == [("empty", "note", 1)]


def test_a_span_that_was_asked_for_and_has_no_rows_is_one_hole(tmp_path: Path) -> None:
    store = store_with(tmp_path, drop=slice(120, 300))
    found = check(store, BARS, START + 150 * MINUTE, START + 200 * MINUTE)
    assert told(found) == [("gaps", "warning", 1), ("empty", "note", 1)]
    assert found[0].message.startswith("50 rows")


def test_an_instrument_document_gives_tick_and_lot_where_no_preset_does(tmp_path: Path) -> None:
    store = Store(tmp_path)
    series = Series("bybit", "SOLUSDT", "trades")
    rules = {"priceFilter": {"tickSize": "0.010"}, "lotSizeFilter": {"qtyStep": "0.1"}}
    store.save_document("bybit", "SOLUSDT", "instrument", rules, Provenance("x", START))
    coarser = {"priceFilter": {"tickSize": "0.1"}, "lotSizeFilter": {"qtyStep": "0.1"}}
    store.save_document("bybit", "SOLUSDT", "instrument", coarser, Provenance("x", START + DAY))
    ticks, lots = document_steps(store, series)
    assert ticks is not None
    assert lots is not None
    assert ticks.at(np.array([START - DAY, START, START + DAY])).tolist() == [0.01, 0.01, 0.1]
    assert lots.sizes.tolist() == [0.1]
    store.save_document("bybit", "ODD", "instrument", {"tickSize": "none", "lot": -1}, Provenance("x", START))
    assert document_steps(store, Series("bybit", "ODD", "trades")) == (None, None)


def test_events_come_in_blocks_of_a_bounded_size(tmp_path: Path) -> None:
    store = Store(tmp_path)
    series = Series("bybit", "BTCUSDT", "trades")
    trades = made_trades(minutes=1_000, a_minute=150)
    store.write(series, trades, FROM)
    sizes = [len(block) for block in blocks(store, series, START, START + DAY)]
    assert sum(sizes) == 150_000
    assert max(sizes) < 3 * BLOCK
    assert len(sizes) > 1


def test_places_keep_the_worst_and_count_all() -> None:
    places = Places(most=3)
    rng = np.random.default_rng(0)
    weights = rng.permutation(1_000).astype(np.float64)
    starts = START + np.arange(1_000) * DAY
    for rows in np.array_split(np.arange(1_000), 7):
        places.add(starts[rows], lambda i, rows=rows: f"{weights[rows[i]]:g}", 1, weights[rows])  # type: ignore[misc]
    (found,) = places.finding("x", "note", "y")
    assert found.count == sum(count for _, count in found.months) == 1_000
    assert sorted(float(one.text) for one in found.examples) == [997.0, 998.0, 999.0]
    assert places.worst.endswith(": 999")
    assert not found.complete
    assert not Places().finding("x", "note", "y")
    assert MOST_EXAMPLES >= 50


def test_what_is_no_finding_is_refused() -> None:
    good = Finding("gaps", "warning", 1, 2, 1, "x").entry()
    assert Finding.of(good).text() == "warning: gaps: x"
    assert worst([Finding.of(good)]) == "warning"
    assert worst([]) is None
    for bad in ({**good, "severity": "dreadful"}, {"check": "gaps"}, {**good, "months": [1]}, {**good, "start": None}):
        with pytest.raises(DataError, match="data check"):
            Finding.of(bad)


def test_a_spike_is_held_against_the_mark_price_of_the_store_or_else_its_trades(tmp_path: Path) -> None:
    columns = made_bars()
    names = ("ts", "open", "high", "low", "close", "volume")
    spiked = {name: np.array(columns[name]) for name in names}
    for name in ("open", "high", "low", "close"):
        spiked[name][300] = np.round(spiked[name][300] * 1.05, 1)
    for witness in ("trades", "mark_1m"):
        store = Store(tmp_path / witness)
        store.write(BARS, spiked, FROM)
        if witness == "trades":
            store.write(Series("bybit", "BTCUSDT", "trades"), made_trades(), FROM)
        else:
            store.write(Series("bybit", "BTCUSDT", witness), {name: columns[name] for name in names[:-1]}, FROM)
        (found,) = (one for one in check(store, BARS) if one.check == "spikes")
        assert (found.severity, found.count) == ("warning", 1)
        assert f"the {'trades' if witness == 'trades' else 'mark price'} did not" in found.message
