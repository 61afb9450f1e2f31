"""The quirks of real market data are found and called what they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from halfspread.datafeeds.quality.checking import Checked, examine
from halfspread.datafeeds.quality.finding import Finding
from halfspread.datafeeds.store.series import Provenance, Series
from halfspread.datafeeds.store.store import Store
from halfspread.engine.times import parse_time, time_text

FROM = Provenance("shared data", parse_time("2026-11-01"))
PRICES = ["ts", "open", "high", "low", "close", "volume"]


def checked(folder: Path, name: str, table: pd.DataFrame, **given: Any) -> Checked:
    store, series = Store(folder), Series(*name.split(":"))
    store.write(series, table, FROM, **given)
    return examine(store, series)


def one(found: Checked, check: str, severity: str) -> Finding:
    (finding,) = (each for each in found.findings if (each.check, each.severity) == (check, severity))
    return finding


def xbtusd(data: Path, month: str, months: int = 1) -> pd.DataFrame:
    start = pd.Timestamp(month, tz="UTC")
    span = [("ts", ">=", start), ("ts", "<", start + pd.DateOffset(months=months))]
    names = [*PRICES, "turnover", "vwap", "trades", "last_size"]
    table = pd.read_parquet(data / "bitmex" / "xbtusd_1m_2016_2021.parquet", columns=names, filters=span)
    return table.assign(turnover=table["turnover"] * 1e-8)


@pytest.mark.parametrize(
    ("month", "words"),
    [
        ("2017-03", "0.01 until 2017-03-31 12:00:00 UTC, then 0.1"),
        ("2017-11", "0.1 until 2017-11-09 18:00:00 UTC, then 0.5"),
    ],
)
def test_the_ticks_of_xbtusd_change_to_the_minute_and_no_price_is_off_them(
    halfspread_data: Path, tmp_path: Path, month: str, words: str
) -> None:
    months = 2 if month == "2017-03" else 1
    found = checked(tmp_path, "bitmex:XBTUSD:bars_1m", xbtusd(halfspread_data, month, months))
    assert one(found, "tick", "note").message == f"the step of prices changes: {words}"
    assert not [each for each in found.findings if each.check in ("tick", "lot") and each.severity == "warning"]
    clean = ("shape", "amounts", "gaps", "spikes", "jumps")
    assert not [each for each in found.findings if each.check in clean and each.severity != "note"]
    assert one(found, "open", "note").count > 1_000


def test_the_crash_of_march_2020_is_a_note_and_no_error(halfspread_data: Path, tmp_path: Path) -> None:
    found = checked(tmp_path, "bitmex:XBTUSD:bars_1m", xbtusd(halfspread_data, "2020-03"))
    moves = one(found, "moves", "note")
    assert "2020-03-13 02:35:00 UTC: +18.4% (3650 to 4322)" in moves.message
    assert any("-15.5% (4322 to 3650)" in each.text for each in moves.examples)
    assert not [each for each in found.findings if each.severity != "note"]


def test_the_outage_of_may_2020_is_a_run_without_volume(halfspread_data: Path, tmp_path: Path) -> None:
    found = checked(tmp_path, "bitmex:XBTUSD:bars_1m", xbtusd(halfspread_data, "2020-05"))
    outage = one(found, "outages", "warning")
    assert (outage.count, time_text(outage.start), time_text(outage.end)) == (
        1,
        "2020-05-19 12:01:00 UTC",
        "2020-05-19 13:40:00 UTC",
    )


def test_the_hole_in_bybits_bars_is_the_one_finding_that_is_no_note(halfspread_data: Path, tmp_path: Path) -> None:
    table = pd.read_parquet(halfspread_data / "bybit" / "btcusdt_5m_2024_2026.parquet")
    found = checked(tmp_path, "bybit:BTCUSDT:bars_5m", table[PRICES])
    gap = one(found, "gaps", "warning")
    assert (gap.count, time_text(gap.start), time_text(gap.end)) == (
        1,
        "2024-08-09 13:35:00 UTC",
        "2025-01-01 00:00:00 UTC",
    )
    assert "41,597 rows of 5m missing" in gap.message
    assert [each.check for each in found.findings if each.severity != "note"] == ["gaps"]


def test_the_settlement_that_is_missing_is_named_and_bitmexs_first_days_are_noted(
    halfspread_data: Path, tmp_path: Path
) -> None:
    table = pd.read_parquet(halfspread_data / "bybit" / "btcusd_inverse_funding_2023_2024.parquet")
    found = checked(tmp_path, "bybit:BTCUSD:funding", table[["ts", "rate"]])
    lost = one(found, "funding", "warning")
    assert time_text(lost.start) == "2023-10-29 00:00:00 UTC"
    assert len(found.findings) == 1
    table = pd.read_parquet(halfspread_data / "bitmex" / "xbtusd_funding_2016_2022.parquet")
    found = checked(tmp_path, "bitmex:XBTUSD:funding", table[["ts", "rate", "interval_h"]])
    assert {each.severity for each in found.findings} == {"note"}
    assert "1d before, 8h after, 2016-06-04 12:00:00 UTC" in one(found, "interval", "note").message
    assert one(found, "rates", "note").count == 20
