"""The figures on the pages are those of the JSON, with their intervals; sections without data are left out."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from halfspread.reports import formats
from halfspread.reports.html import compare_page, run_page
from halfspread.reports.measured import Measured
from halfspread.reports.page_style import CSS
from halfspread.reports.proof_section import Proof
from halfspread.reports.text import certainty_table, comparison_table, plain

Build = Callable[..., Any]

#: What each row of the section must show, and how.
SHOWN: dict[str, tuple[str, Callable[[float], str]]] = {
    "Net return": ("total_return", partial(formats.percent, digits=1, sign=True)),
    "Net return a year": ("annual_return", partial(formats.percent, digits=1, sign=True)),
    "Before costs": ("price_return", partial(formats.percent, digits=1, sign=True)),
    "Costs and funding": ("cost_and_funding_return", partial(formats.percent, digits=1, sign=True)),
    "Account return": ("equity_return", partial(formats.percent, digits=1, sign=True)),
    "Information ratio": ("information_ratio", formats.number),
    "Sortino ratio": ("sortino_ratio", formats.number),
    "Calmar ratio *": ("calmar_ratio", formats.number),
    "Volatility a year": ("annual_volatility", formats.percent),
    "Deepest drawdown *": ("max_daily_drawdown", formats.percent),
    "Days below the peak *": ("days_under_water", formats.percent),
    "Expected shortfall": ("expected_shortfall", partial(formats.percent, digits=2)),
    "Cost per turnover": ("cost_per_turnover", formats.basis_points),
    "Break-even cost": ("break_even_cost", formats.basis_points),
    "Exposure": ("exposure", formats.number),
    "Days with a gain": ("positive_days", formats.percent),
    "Round trips with a gain": ("hit_ratio", formats.percent),
}


def section_of(page: str, anchor: str) -> str:
    found = re.findall(rf'<section id="{anchor}">.*?</section>', page, flags=re.DOTALL)
    return found[0] if found else ""


def rows_of(page: str, anchor: str) -> dict[str, list[str]]:
    lines = re.findall(r'<tr[^>]*><th scope="row">(.*?)</th>(.*?)</tr>', section_of(page, anchor), flags=re.DOTALL)
    return {name: re.findall(r"<td[^>]*>([^<]*)</td>", cells) for name, cells in lines}


def test_every_figure_and_its_limits_are_those_of_the_json(walk: Build) -> None:
    result = walk(days=200)
    measured = Measured.of(result)
    rows = rows_of(run_page(result), "performance")
    assert measured.intervals is not None
    for words, (name, write) in SHOWN.items():
        interval = measured.intervals[name]
        expected = [write(value) for value in (float(measured.metrics[name]), interval.low, interval.high)]
        assert rows[words][:3] == expected, words
    assert rows["Probability of a true ratio above zero"][0] == formats.percent(
        float(measured.metrics["probabilistic_sharpe"]), 2
    )


def test_the_ratio_has_a_robust_error_beside_the_plain_one(walk: Build) -> None:
    result = walk(days=200)
    m = Measured.of(result).metrics
    note = rows_of(run_page(result), "performance")["Information ratio"][3]
    robust, independent = (formats.number(float(m[f"information_ratio_{which}error"])) for which in ("robust_", ""))
    assert f"standard error {robust}, for independent days {independent}" in note


def test_too_few_days_are_told_with_the_number_needed(walk: Build) -> None:
    page = run_page(walk(days=25))
    section = section_of(page, "performance")
    assert "intervals need at least 60 days, this run has 25" in section
    assert "needs at least 30 days" in section
    assert "Probability of a true ratio above zero" not in rows_of(page, "performance")
    assert len(rows_of(page, "performance")["Net return"]) == 2  # the value and what it is
    assert "intervals need at least 60 days" in section_of(compare_page([walk(days=25)]), "certainty")
    assert "intervals need at least 60 days" in plain(certainty_table([walk(days=25)]))


def test_sections_without_data_are_left_out(walk: Build, from_periods: Build) -> None:
    idle = run_page(from_periods([f"2024-01-{day:02d}" for day in range(2, 32)]))
    for anchor in ("performance", "rolling", "hours"):
        assert not section_of(idle, anchor), anchor
    assert not section_of(run_page(walk(days=119)), "rolling")
    assert section_of(run_page(walk(days=120)), "rolling")
    assert not section_of(run_page(walk(days=27)), "hours")
    assert section_of(run_page(walk(days=28)), "hours")


def test_the_page_tells_what_was_audited_and_what_proves_it(walk: Build) -> None:
    result = walk(days=40)
    assert "Not audited" in section_of(run_page(result), "audit")
    proof = Proof("no look-ahead found in a sample of 61 moments", True, "halfspread audit my.toml", "", "")
    audited = section_of(run_page(result, None, proof), "audit")
    assert "No look-ahead found in a sample of 61 moments" in audited
    assert "halfspread audit my.toml" in audited
    assert "to repeat it" not in audited
    caught = run_page(result, None, Proof("looks ahead: the decision at 12:00", False, "halfspread audit my.toml"))
    top = caught[: caught.index("Net return")]
    assert "looks ahead: the decision at 12:00; its numbers mean nothing" in top


def test_an_agent_that_is_told_the_future_is_marked_everywhere(walk: Build) -> None:
    seer = walk(days=90, edge=0.002, name="seer", looks_ahead=True)
    page = run_page(seer)
    assert "told the future" in page[: page.index("Net return")]
    results = [seer, walk(days=90, name="honest"), walk(days=90, seed=2, name="other")]
    page = compare_page(results)
    ranked = re.findall(r'<th scope="row">(\w+)</th><td class="words">(.*?)</td>', section_of(page, "ranking"))
    assert ranked[2] == ("bound", "seer")
    assert {name for _, name in ranked[:2]} == {"honest", "other"}
    assert "seer" not in rows_of(page, "certainty")
    assert "seer" not in section_of(page, "equity")
    text = plain(comparison_table(results))
    assert re.search(r"^- +seer", text, flags=re.MULTILINE)
    assert "seer is told the future" in plain(certainty_table(results))


def test_the_share_of_the_bound_is_shown_where_there_is_one(walk: Build) -> None:
    seer, honest = walk(days=90, edge=0.002, name="seer", looks_ahead=True), walk(days=90, name="honest")
    share = honest.attribution["total"] / seer.attribution["total"]
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", section_of(compare_page([seer, honest]), "ranking"))
    assert formats.percent(share) in cells
    assert "Of the bound" not in compare_page([honest])


def test_the_comparison_shows_p_values_and_differences_as_the_json_has_them(walk: Build) -> None:
    from halfspread.reports.versus import versus

    results = [walk(days=90, name="one", agent="BuyAndHold"), walk(days=90, seed=2, edge=-0.001, name="two")]
    found = versus(results, ["one", "two"])
    page = compare_page(results)
    difference = found.to_first["two"]
    assert rows_of(page, "certainty")["two"][4] == (
        f"{formats.percent(difference.value, sign=True)} ({formats.percent(difference.low, sign=True)} to "
        f"{formats.percent(difference.high, sign=True)})"
    )
    contest = found.contests[0]
    assert rows_of(page, "certainty")["Any of 2 beats doing nothing"] == [
        contest.best,
        f"{contest.superior_ability:.3f}",
        f"{contest.reality_check:.3f}",
    ]
    text = plain(certainty_table(results))
    assert "two beats one: p = " in text
    assert f"p = {contest.superior_ability:.3f} (superior ability), {contest.reality_check:.3f} (reality check)" in text


def test_the_table_of_intervals_fits_into_a_hundred_columns(walk: Build) -> None:
    results = [walk(seed=seed, days=90, name=f"a rather long agent name {seed}, slow=100") for seed in range(3)]
    results[2].agent = "BuyAndHold"
    results.append(walk(seed=4, days=90, edge=0.002, name="seer", looks_ahead=True))
    text = plain(certainty_table(results))
    assert max(len(line) for line in text.splitlines()) <= 100
    assert "\N{HORIZONTAL ELLIPSIS}" not in text


def test_pages_are_printed_on_white_with_sections_kept_together(walk: Build) -> None:
    page = run_page(walk(days=40))
    assert CSS in page
    printed = CSS[CSS.index("@media print") :]
    for rule in ("@page", "break-after: avoid", "break-inside: avoid", "print-color-adjust: exact"):
        assert rule in printed, rule
    assert "@media screen and (prefers-color-scheme: dark)" in CSS  # dark is for screens only


@pytest.mark.parametrize("days", [1, 2, 6, 20, 30, 59, 60, 61, 119, 120])
def test_a_run_of_any_length_has_pages_without_nan(walk: Build, days: int) -> None:
    results = [walk(days=days, hold=3), walk(days=days, hold=3, seed=2)]
    for page in (run_page(results[0]), compare_page(results)):
        words = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
        assert not re.search(r"\b(nan|NaN|inf|None)\b", words)
