"""The pages: complete, balanced, escaped, self-contained and small."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

from halfspread.errors import ConfigError
from halfspread.reports.html import compare_page, run_page

Build = Callable[..., Any]
VOID = {"meta", "br", "hr", "img", "input", "link"}
HOSTILE = "<script>alert('x')</script>\"&</title></style>\x00"


class Checker(HTMLParser):
    """Collects text by section and complains about tags that do not balance."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if "svg" not in self.open:
            self.faults.append(f"<{tag}/> outside svg stays open in HTML")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.words.append(data)


def read(page: str) -> Checker:
    checker = Checker()
    checker.feed(page)
    checker.close()
    assert checker.faults == []
    assert checker.open == []
    return checker


def hostile(result: Any) -> Any:
    result.name, result.agent, result.report_currency = HOSTILE, HOSTILE, HOSTILE
    result.agent_params = {HOSTILE: HOSTILE}
    result.assumptions = {"fills": HOSTILE, HOSTILE: HOSTILE}
    result.warnings, result.counts = [HOSTILE], {HOSTILE: 3}
    return result


def test_the_page_of_a_run_holds_its_sections_in_order(walk: Build) -> None:
    page = run_page(walk(days=90), {"version": "0.1.0", "data": {"sha256": "abc"}})
    read(page)
    titles = re.findall(r"<h2>(.*?)</h2>", page)
    assert titles == [
        *("Cost attribution", "Performance", "Equity and drawdown", "Position", "Round trips"),
        *("Hours and weekdays", "Days", "Monthly returns", "Assumptions and data", "Audit", "Provenance"),
    ]
    assert page.index("Net return") < page.index("Cost attribution")


def test_every_chart_is_on_the_page_and_well_formed(walk: Build) -> None:
    page = run_page(walk(days=90))
    figures = re.findall(r"<figure>.*?</figure>", page, flags=re.DOTALL)
    captions = [re.findall(r'class="caption">(.*?)<', figure)[0] for figure in figures]
    assert captions == [
        *("Cumulative attribution", "Constant notional", "Drawdown", "Account equity", "Drawdown"),
        *("Exposure", "Net PnL of round trips", "By hour of the day", "By day of the week", "Daily PnL"),
    ]
    for figure in figures:
        ET.fromstring(figure)


def test_the_headline_names_the_terms_of_the_run_beside_the_numbers(walk: Build) -> None:
    result = walk(days=90)
    words = " ".join(read(run_page(result)).words)
    top = words[: words.index("Cost attribution")]
    for sentence in ("constant 10,000 USDT", "365 days a year", "filled at the open of the next bar", "taker 5.5 bp"):
        assert sentence in top, sentence
    for sentence in (*result.assumptions.values(), *result.warnings):
        assert sentence in words, sentence


def test_the_sum_of_costs_and_funding_is_called_that_on_both_pages(walk: Build) -> None:
    result = walk(days=30)
    for page in (run_page(result), compare_page([result])):
        words = read(page).words
        assert "Costs and funding" in words
        assert "Costs" not in words


def test_the_attribution_is_given_in_money_in_percent_of_notional_and_of_turnover(from_periods: Build) -> None:
    page = run_page(
        from_periods(["2024-01-02", "2024-01-03"], price=[0.0, 50.0], fee=[-2.0, -4.0], turnover=[400.0, 800.0])
    )
    rows = re.findall(r'<tr><th scope="row">(Price|Fees)</th><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td>', page)
    assert rows == [
        ("Price", "+50.00", "+5.00%", "+625.00"),
        ("Fees", "\N{MINUS SIGN}4.00", "\N{MINUS SIGN}0.40%", "\N{MINUS SIGN}50.00"),
    ]


def test_the_collateral_is_shown_beside_the_pnl_and_never_in_it(from_periods: Build) -> None:
    page = run_page(from_periods(["2024-01-02"], price=[50.0], collateral=[100.0], settle_currency="XBT"))
    rows = dict(re.findall(r'<th scope="row">(Net PnL|Collateral|Change of equity)</th><td>(.*?)</td>', page))
    assert rows == {"Net PnL": "+50.00", "Collateral": "+100.00", "Change of equity": "+150.00"}


def test_nothing_is_fetched_and_nothing_runs(walk: Build) -> None:
    for page in (run_page(walk(days=30)), compare_page([walk(days=30)])):
        checker = read(page)
        assert not {"script", "link", "img", "iframe", "object"} & set(checker.tags)
        assert not {"href", "src", "onload", "onclick"} & {name for name, _ in checker.attributes}
        outside = page.replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|url\(|@import|//", outside)
        assert "default-src 'none'" in page or "default-src &#x27;none" in page


def test_everything_that_came_from_a_user_is_escaped(walk: Build) -> None:
    manifest = {HOSTILE: {HOSTILE: HOSTILE}}
    for page in (
        run_page(hostile(walk(days=20)), manifest),
        compare_page([hostile(walk(days=20)), walk(days=20)], manifest=manifest, title=HOSTILE),
    ):
        checker = read(page)
        assert "script" not in checker.tags
        assert "\x00" not in page
        assert "alert('x')" in "".join(checker.words)


def test_pages_stay_small(walk: Build) -> None:
    result = walk(days=1_500)
    assert len(result.curve) == 36_000
    assert len(run_page(result).encode()) < 400_000
    many = [walk(seed=seed, days=300) for seed in range(20)]
    assert len(compare_page(many).encode()) < 400_000


def test_results_without_fills_periods_or_days_have_a_page(from_periods: Build) -> None:
    for result in (from_periods([]), from_periods(["2024-01-02"]), from_periods(["2024-01-01 00:01"], price=[1.0])):
        page = run_page(result)
        read(page)
        read(compare_page([result, result]))
        assert "There were no fills." in page
        assert not re.search(r"\b(nan|NaN|inf)\b", page)


def test_a_run_that_only_holds_shows_its_open_trip_without_empty_statistics(
    from_periods: Build, make_fills: Build
) -> None:
    page = run_page(from_periods(["2024-01-02"], fills=make_fills([("2024-01-01 01:00", 1.0, 100.0)]), price=[5.0]))
    read(page)
    assert "The only one is still open at the end." in page
    assert "Share with a gain" not in page
    assert "Net PnL of round trips" not in page


def test_the_comparison_ranks_by_the_metric_that_is_asked_for(walk: Build) -> None:
    results = [walk(seed=seed, hold=hold, days=60, name=f"agent-{seed}") for seed, hold in ((1, 4), (2, 40), (3, 400))]
    for metric, best in (("total_return", max), ("turnover", min)):
        page = compare_page(results, metric)
        read(page)
        values = {
            "total_return": {result.name: result.attribution["total"] for result in results},
            "turnover": {result.name: float(result.periods["turnover"].iloc[-1]) for result in results},
        }[metric]
        first = re.findall(r'<th scope="row">1</th><td class="words">(.*?)</td>', page)
        assert first == [best(values, key=lambda name: values[name])]


def test_an_agent_without_a_ratio_comes_last(walk: Build, from_periods: Build) -> None:
    idle = from_periods(["2019-03-05", "2019-03-06"], name="idle")
    losing = walk(days=30, edge=-0.01, name="losing")
    page = compare_page([idle, losing], "information_ratio")
    assert re.findall(r'<th scope="row">\d</th><td class="words">(.*?)</td>', page) == ["losing", "idle"]


def test_shared_assumptions_stand_once_and_different_ones_by_name(walk: Build) -> None:
    one, two = walk(days=20, name="one"), walk(days=20, name="two")
    two.assumptions["sizing"] = "5 contracts for a target of 1"
    words = "\n".join(read(compare_page([one, two])).words)
    assert words.count("filled at the open of the next bar") == 1
    assert "sizing: not the same for all" in words
    assert "5 contracts for a target of 1" in words


def test_agents_of_one_name_are_told_apart(walk: Build) -> None:
    page = compare_page([walk(days=20), walk(days=20, seed=2)])
    assert "sma cross 20/100 (1)" in page
    assert "sma cross 20/100 (2)" in page


def test_an_unknown_ranking_is_refused_with_a_close_name(walk: Build) -> None:
    with pytest.raises(ConfigError, match="did you mean 'total_return'"):
        compare_page([walk(days=20)], "total_retrun")
    with pytest.raises(ConfigError, match="at least one result"):
        compare_page([])


def test_both_views_of_drawdown_agree_with_the_metrics(walk: Build) -> None:
    result = walk(days=90)
    described = re.findall(r"<desc>deepest fall (.*?)</desc>", run_page(result))
    shown = [float(words.rstrip("%")) / 100 for words in described]
    assert shown == pytest.approx([result.max_drawdown_notional, result.max_drawdown_equity], abs=0.0051)
    assert not math.isclose(shown[0], shown[1])
