"""The part of the imitation study on real data: its numbers on some weeks, and what it says without data."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from pathlib import Path

import pytest
from cost_study.numbers import to_json
from imitation_study import real_markets
from imitation_study.part import Size
from imitation_study.real_markets import PART, SPANS, TASKS

from halfspread.reports.protocol import ATTRIBUTION

TINY = Size(seeds=2, epochs=6)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three weeks and a half of each market, and one expert."""
    if not os.environ.get("HALFSPREAD_DATA"):
        pytest.skip("HALFSPREAD_DATA is not set to the folder of market data")
    times = {
        "xbtusd": ("2021-01-01", "2021-01-15", "2021-01-25"),
        "btcusdt": ("2025-02-01", "2025-02-15", "2025-02-25"),
    }
    cut = {
        name: dataclasses.replace(span, start=times[name][0], until=times[name][1], end=times[name][2])
        for name, span in SPANS.items()
    }
    monkeypatch.setattr(real_markets, "SPANS", cut)
    monkeypatch.setattr(real_markets, "TASKS", {"position": TASKS["position"]})
    real_markets._market.cache_clear()


@pytest.mark.usefixtures("short")
def test_the_numbers_add_up_and_the_section_holds_them() -> None:
    jobs = PART.jobs(TINY)
    assert len(jobs) == 2 * 1 * 2 * 2
    results = [PART.work(job) for job in jobs]
    numbers = json.loads(to_json(PART.numbers(results, TINY, {})))
    for where in SPANS:
        task = numbers[where]["tasks"]["position"]
        for who in ("expert", "bc", "dagger"):
            money = task[who]["money"]
            assert money["net"] == pytest.approx(math.fsum(money[part] for part in ATTRIBUTION), abs=0.05)
            assert money["fee"] <= 0.0
            assert money["half_spread"] <= 0.0
            assert (money["fills"] > 0.0) == (money["fee"] < 0.0)
        assert task["expert"]["money"]["fee"] < 0.0
        for name in ("bc", "dagger"):
            assert 0.0 < task[name]["disagreement"] < 0.5
            assert task[name]["low"] <= task[name]["disagreement"] <= task[name]["high"]
            assert len(task[name]["by_seed"]) == 2
            assert task[name]["labels"] <= numbers[where]["bars"]["learnt"]
    section = PART.section({PART.name: numbers})
    assert section.startswith("## Real markets, after costs")
    assert "of 2 cases" in section
    assert "of 8 policies" in section
    assert "No expert is claimed to have an edge" in section
    again = PART.work(jobs[1])
    assert again == results[1]
    real_markets._market.cache_clear()


def test_without_data_the_part_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HALFSPREAD_DATA", raising=False)
    assert "HALFSPREAD_DATA is not set" in PART.lacks()
    monkeypatch.setenv("HALFSPREAD_DATA", str(tmp_path))
    assert "has no folder bitmex, bybit" in PART.lacks()
    for name in ("bitmex", "bybit"):
        (tmp_path / name).mkdir()
    assert PART.lacks() == ""
