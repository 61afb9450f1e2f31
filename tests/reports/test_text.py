"""Tables for the terminal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from halfspread.errors import ConfigError
from halfspread.reports.text import comparison_table, plain, summary_table

Build = Callable[..., Any]


def test_the_summary_says_what_was_earned_before_and_after_costs(walk: Build) -> None:
    result = walk(days=90)
    text = plain(summary_table(result))
    lines = {line.split("  ")[0]: line for line in text.splitlines()}
    net = result.attribution["total"] / result.notional
    assert f"{abs(net):.1%}" in lines["net return"]
    assert f"{abs(result.attribution['price']) / result.notional:.1%}" in lines["before costs"]
    for part in ("price", "half-spread", "fees", "impact", "funding", "liquidation", "net PnL"):
        assert part in lines, part
    assert "fills: a decision at a bar's close is filled at the open of the next bar" in text
    assert "warning: 3 fills waited across a gap" in text


def test_tables_fit_into_a_hundred_columns(walk: Build) -> None:
    results = [
        walk(seed=seed, hold=2, days=200, name=f"a rather long agent name {seed}, slow=100") for seed in range(3)
    ]
    for table in (summary_table(results[0]), comparison_table(results)):
        assert max(len(line) for line in plain(table).splitlines()) <= 100


def test_no_number_of_the_comparison_is_cut_off(walk: Build) -> None:
    results = [walk(seed=seed, hold=1, days=400, name="x" * 60) for seed in range(3)]
    text = plain(comparison_table(results))
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    assert text.count(f"{len(results[0].fills):,}") >= 1


def test_the_comparison_is_ranked_best_first(walk: Build) -> None:
    results = [walk(seed=seed, hold=hold, days=90, name=f"agent-{hold}") for seed, hold in ((1, 2), (2, 60), (3, 300))]
    text = plain(comparison_table(results, "turnover"))
    assert [line.split()[1] for line in text.splitlines()[1:]] == ["agent-300", "agent-60", "agent-2"]


def test_markup_in_a_name_is_text(walk: Build) -> None:
    result = walk(days=20, name="[bold red]agent[/] [x]")
    assert "[bold red]agent[/] [x]" in plain(summary_table(result))
    assert "[bold red]agent[/]" in plain(comparison_table([result]))


def test_what_cannot_be_computed_is_a_dash(from_periods: Build) -> None:
    text = plain(summary_table(from_periods([])))
    assert "nan" not in text.lower()
    assert "\N{EN DASH}" in text


def test_a_comparison_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least one result"):
        comparison_table([])
