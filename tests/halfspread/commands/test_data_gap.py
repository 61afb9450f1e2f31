"""``halfspread data gap``: declare a span without data, and take it back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from halfspread.datafeeds.store.series import Provenance, Series
from halfspread.datafeeds.store.store import Store
from tests.halfspread.conftest import Command

BARS = Series("bybit", "BTCUSDT", "bars_1h")
START = 1_704_067_200 * 10**9  # 2024-01-01
HOUR = 3_600 * 10**9


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("HALFSPREAD_STORE", str(tmp_path))
    ones = np.ones(4)
    table = {
        "ts": START + np.array([0, 1, 8, 9]) * HOUR,
        **dict.fromkeys(("open", "high", "low", "close", "volume"), ones),
    }
    Store(tmp_path).write(BARS, table, Provenance("made here", START))
    return Store(tmp_path)


def test_a_gap_is_declared_and_taken_back(halfspread: Command, store: Store) -> None:
    span = ("2024-01-01T02:00", "2024-01-01T08:00")
    done = halfspread("data", "gap", BARS, *span, "--reason", "the venue was down")
    assert done.out.strip().endswith(
        "no data from 2024-01-01 02:00:00 UTC to 2024-01-01 08:00:00 UTC: the venue was down"
    )
    told = json.loads(halfspread("data", "gap", BARS, "2024-01-01T20:00", "2024-01-02", "--withdraw", "--json").out)
    assert [gap["reason"] for gap in told["gaps"]] == ["the venue was down"]
    assert "to 2024-01-01 08:00:00 UTC any more (1 were)" in halfspread("data", "gap", BARS, *span, "--withdraw").out
    assert store.gaps(BARS) == ()
    assert "(0 were)" in halfspread("data", "gap", BARS, *span, "--withdraw").out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("bybit:BTCUSDT", "2024-01-01", "2024-01-02", "--reason", "x"), "expected VENUE:SYMBOL:KIND"),
        ((str(BARS), "2024-01-01", "2024-01-02"), "expected --reason TEXT to declare a gap, or --withdraw"),
        ((str(BARS), "2024-01-01", "2024-01-02", "--reason", "x", "--withdraw"), "expected --reason TEXT"),
        ((str(BARS), "2024-01-02", "2024-01-01", "--reason", "x"), "expected a start before the end"),
        (("bybit:BTCUSDT:bars_5m", "2024-01-01", "2024-01-02", "--reason", "x"), "got bybit:BTCUSDT:bars_1h"),
    ],
)
def test_what_is_no_gap_is_refused(halfspread: Command, store: Store, words: tuple[str, ...], message: str) -> None:
    done = halfspread("data", "gap", *words)
    assert done.code == 2
    assert message in done.err
    assert store.gaps(BARS) == ()
