"""The page on stored market data: what it shows, that it is safe, and that its marks stand where they belong."""

from __future__ import annotations

import re
from dataclasses import replace

from halfspread.reports.data_charts import coverage_chart, moves_chart
from halfspread.reports.data_page import data_page
from halfspread.reports.data_view import FindingView, MovesView, Place, SeriesView, StepView

DAY = 86_400_000_000_000
START = 1_577_836_800_000_000_000  # 2020-01-01

GAP = FindingView(
    "gaps", "warning", 1, "10 rows <missing>", [Place(START + 25 * DAY, START + 50 * DAY, "<i>10</i> missing")]
)
MANY = FindingView("open", "note", 900, "900 bars", [], {"2020-01": 600, "2020-03": 300})
VIEW = SeriesView(
    "bybit:<b>X</b>:bars_1d",
    "trade bars, 1d",
    90,
    START,
    START + 100 * DAY,
    [GAP, MANY],
    covered=[(START, START + 100 * DAY)],
    expected=100,
    sources=["<script>alert(1)</script>"],
    beside=["90 closes held against mark_1d"],
    steps=[StepView("tick", 0.1, START, START + 90 * DAY, 90_000, 9)],
    own_ticks=[StepView("tick", 0.1, START, START + 90 * DAY, 80, 0)],
    moves=MovesView([0.0, 1.0, 2.0, 30.0, 1e9], [10, 5, 0, 1], [12, 4, 0, 0], 30.0),
    seconds=0.5,
)


def test_the_page_escapes_what_it_is_given_and_needs_nothing_from_elsewhere() -> None:
    page = data_page([VIEW], "<store>")
    for word in ("&lt;b&gt;X", "&lt;missing&gt;", "&lt;i&gt;10", "&lt;script&gt;", "&lt;store&gt;"):
        assert word in page
    assert "<script" not in page
    assert "<b>" not in page
    assert "http" not in page.replace("http://www.w3.org", "").replace("http-equiv", "")


def test_the_page_counts_by_severity_and_shows_the_first_places() -> None:
    page = data_page([VIEW, replace(VIEW, name="other", findings=[replace(GAP, severity="error")])])
    assert "2 series" in page
    assert re.search(r"Errors</div><div class=\"value loss\">1<", page)
    assert re.search(r"Warnings</div><div class=\"value\">1<", page)
    assert "2020-01-26 00:00: &lt;i&gt;10&lt;/i&gt; missing" in page
    assert "99.9900%" in page  # 9 of 90,000 off the tick
    assert "90 rows of 100 that the spans asked for should hold" in page


def test_a_series_without_a_finding_says_so() -> None:
    assert "Nothing was found." in data_page([replace(VIEW, findings=[], moves=None, steps=[], own_ticks=[])])


def test_marks_stand_at_their_times() -> None:
    chart = coverage_chart(VIEW)
    assert 'x="250.0" y="26" width="250.0"' in chart  # the finding's own row, a quarter of the way
    assert 'x="250.0" y="4" width="250.0"' in chart  # and a hole in what was asked for
    assert "2020-03: 300" in chart


def test_one_bar_of_five_years_is_still_seen() -> None:
    early = FindingView("shape", "error", 1, "x", [Place(START, START + 1, "x")])
    chart = coverage_chart(replace(VIEW, findings=[early], end=START + 2_000 * DAY))
    assert 'width="2.5"' in chart


def test_moves_are_drawn_up_and_down_and_large_ones_in_another_colour() -> None:
    assert VIEW.moves is not None
    chart = moves_chart(VIEW.moves)
    assert chart.count("<rect") == 5
    assert chart.count('class="fill loss"') == 1
    assert "30+" in chart
    assert moves_chart(replace(VIEW.moves, down=[0, 0, 0, 0], up=[0, 0, 0, 0])).count("<rect") == 0
