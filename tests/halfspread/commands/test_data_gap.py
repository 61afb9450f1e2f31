"""``halfspread data gap`` declares a gap, and takes it back."""

from __future__ import annotations

from pathlib import Path

import pytest

from halfspread.cli import main
from halfspread.datafeeds.store.series import Provenance, Series
from halfspread.datafeeds.store.store import Store

NAME = "bybit:BTCUSDT:funding"
SERIES = Series("bybit", "BTCUSDT", "funding")


def test_a_gap_is_declared_and_taken_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(tmp_path)
    store.write(SERIES, {"ts": ["2024-01-01"], "rate": [0.0001]}, Provenance("one", 0))
    given = ["data", "gap", NAME, "2024-01-02", "2024-01-03", "--store", str(tmp_path)]
    assert main(given) == 2
    assert main([*given, "--reason", "down"]) == 0
    assert [gap.reason for gap in store.gaps(SERIES)] == ["down"]
    assert main([*given, "--withdraw"]) == 0
    assert store.gaps(SERIES) == ()
    assert "expected --reason TEXT to declare a gap, or --withdraw" in (said := capsys.readouterr()).err
    assert "no gap is declared from 2024-01-02 00:00:00 UTC to 2024-01-03 00:00:00 UTC any more (1 were)" in said.out
