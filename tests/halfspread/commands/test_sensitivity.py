"""``halfspread sensitivity``: the same run at multiples of each cost, and where its edge is gone."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from halfspread.commands.registry import read_run
from halfspread.reports.sensitivity_page import break_even, break_even_text

Command = Any
MULTIPLES = (0.0, 0.5, 1.0, 1.5, 2.0)


def line(costs: list[dict[str, Any]], name: str) -> list[float]:
    (found,) = [each["total_return"] for each in costs if each["cost"] == name]
    return list(found)


def test_every_cost_that_is_charged_is_scaled(small: Path, halfspread: Command) -> None:
    done = halfspread("sensitivity", small, "--json", "--set", "margin.kind=none")
    assert done.code == 0, done.err
    data = json.loads(done.out)
    assert data["multiples"] == list(MULTIPLES)
    assert [each["cost"] for each in data["costs"]] == ["half_spread", "fees", "funding", "all"]
    assert data["not_scaled"] == {"latency": "there is none"}
    single = json.loads(halfspread("run", small, "--json", "--set", "margin.kind=none").out)
    parts = single["attribution"]
    for cost, part in (("half_spread", "half_spread"), ("fees", "fee"), ("funding", "funding")):
        returns = line(data["costs"], cost)
        assert returns[2] == single["metrics"]["total_return"]
        assert returns[0] == pytest.approx(returns[2] - parts[part], abs=2e-4)
        assert returns[4] == pytest.approx(returns[2] + parts[part], abs=2e-4)
    together = line(data["costs"], "all")
    assert together[0] == pytest.approx(parts["price"], abs=2e-4)


def test_it_leaves_a_run_folder(small: Path, halfspread: Command) -> None:
    latency = "costs.latency.order={ kind = 'fixed', delay = '100ms' }"
    done = halfspread("sensitivity", small, "--set", latency)
    assert done.code == 0, done.err
    assert "edge gone at" in done.out
    (folder,) = Path("runs/small").iterdir()
    names = {"manifest.json", "metrics.json", "sensitivity.parquet", "returns.parquet", "report.html"}
    assert {path.name for path in folder.iterdir()} == names
    record = read_run(folder)
    assert (record.kind, record.state) == ("sensitivity", "complete")
    cells = pd.read_parquet(folder / "sensitivity.parquet")
    assert len(cells) == 21
    assert cells["latency"].tolist()[13:17] == [0.0, 0.5, 1.5, 2.0]


def test_without_any_cost_there_is_nothing_to_scale(small: Path, halfspread: Command) -> None:
    free = [
        "costs={ half_spread = { kind = 'none' }, fees = { taker = 0.0, maker = 0.0 }, funding = { kind = 'none' } }"
    ]
    done = halfspread("sensitivity", small, "--set", *free)
    assert done.code == 2
    assert "no cost can be scaled: half-spread: none is charged; fees: none are charged" in done.err


def test_the_break_even_is_between_two_multiples_by_a_straight_line() -> None:
    assert break_even(MULTIPLES, np.array([0.3, 0.1, -0.1, -0.3, -0.5])) == pytest.approx(0.75)
    assert break_even(MULTIPLES, np.array([-0.1, -0.2, -0.3, -0.4, -0.5])) == 0.0
    assert math.isinf(break_even(MULTIPLES, np.array([0.5, 0.4, 0.3, 0.2, 0.1])))
    assert math.isnan(break_even(MULTIPLES, np.array([0.5, np.nan, -0.3, 0.2, 0.1])))
    texts = [break_even_text(MULTIPLES, np.array([first, -0.1, -0.1, -0.1, -0.1])) for first in (0.1, -0.1)]
    assert texts == ["0.25\N{MULTIPLICATION SIGN}", "loses even without it"]
    assert break_even_text(MULTIPLES, np.full(5, 0.1)) == "above 2\N{MULTIPLICATION SIGN}"
