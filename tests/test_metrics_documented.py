"""Every figure of metrics.json is defined in docs/metrics.md, with the days that it needs, and nothing else is."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import halfspread as hs
from halfspread.datafeeds.synthetic.market import SyntheticMarket
from halfspread.reports.statistics.intervals import HEADLINE
from halfspread.reports.unsaid import NEEDED

DOCS = Path(__file__).resolve().parent.parent / "docs"


def defined() -> dict[str, int]:
    """Names in the first cells of the tables, with the number in the last."""
    text = (DOCS / "metrics.md").read_text(encoding="utf-8")
    found = {}
    for names, words, least in re.findall(r"^\| (`[^|]*) \| ([^|]+) \| ?(\d*) ?\|$", text, re.MULTILINE):
        assert words.strip()
        for name in re.findall(r"`(\w+)`", names):
            assert name not in found, f"{name} is defined twice"
            found[name] = int(least or 0)
    return found


@pytest.fixture(scope="module")
def metrics() -> dict[str, float | int | str]:
    tape = SyntheticMarket(days=3).tape(np.random.default_rng(1))
    costs = hs.Costs(half_spread=hs.HalfSpread.ticks(1), fees=hs.Fees.venue(), funding=hs.Funding.published())
    result = hs.backtest(tape, hs.strategies.SmaCross(fast=5, slow=20), costs, sizing=hs.FixedNotional(1_000))
    return result.against(hs.Benchmark.hold(result)).metrics


def test_every_metric_is_defined_and_every_definition_is_a_metric(metrics: dict[str, float | int | str]) -> None:
    assert sorted(defined()) == sorted(metrics)


def test_the_days_in_the_docs_are_those_in_the_code() -> None:
    assert {name: least for name, least in defined().items() if least} == NEEDED


def test_every_figure_with_an_interval_is_in_the_table_of_intervals() -> None:
    text = (DOCS / "statistics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z_, ]+) \| (?:studentised|percentile) \|$", text, re.MULTILINE)
    listed = [name for row in rows for name in row.split(", ")]
    assert sorted(listed) == sorted(HEADLINE)
