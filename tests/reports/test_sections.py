"""Sections that some runs have and others have not: instruments, orders, liquidations, short runs on events."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from halfspread.reports.charts import Series, line_chart
from halfspread.reports.html import compare_page, run_page
from halfspread.reports.text import comparison_table, plain, summary_table
from halfspread.reports.view import View, money_label, percent_label

Build = Callable[..., Any]


def titles(page: str) -> list[str]:
    return re.findall(r"<h2>(.*?)</h2>", page)


def rows_of(page: str, anchor: str) -> dict[str, list[str]]:
    """Cells by row of the tables of a section."""
    part = re.findall(rf'<section id="{anchor}">.*?</section>', page, flags=re.DOTALL)[0]
    lines = re.findall(r'<tr[^>]*><th scope="row">(.*?)</th>(.*?)</tr>', part, flags=re.DOTALL)
    return {name: re.findall(r"<td[^>]*>([^<]*)</td>", cells) for name, cells in lines}


@pytest.fixture
def short(from_periods: Build, make_fills: Build, make_orders: Build) -> Any:
    """A minute on books with two orders, one of them filled as maker."""
    fills = make_fills([("2024-01-01 00:00:10", 1.0, 100.0), ("2024-01-01 00:00:20", -1.0, 101.0)])
    fills["order"], fills["maker"] = [1, 2], [1, 0]
    ledger = [("limit", 1.0, 1.0, "filled", "", 3.0, 1, 1), ("market", -1.0, -1.0, "filled", "", 1.0, 1, 0)]
    return from_periods(
        ["2024-01-01 00:00:00", "2024-01-01 00:00:30", "2024-01-01 00:01:00"],
        fills=fills,
        price=[0.0, 1.0, 1.0],
        position=[0.0, 0.0, 0.0],
        turnover=[0.0, 201.0, 201.0],
        orders=make_orders(ledger),
        counts={"orders": 2, "fills_by_choice": 1, "orders_missed_by_choice": 0},
        fill_convention="next_event",
        bars=0,
        events=1_234,
    )


def test_several_instruments_are_attributed_one_by_one_and_in_total(two_instruments: Build) -> None:
    page = run_page(two_instruments())
    rows = rows_of(page, "instruments")
    assert rows["BTCUSDT"][:3] == ["+30.00", "\N{MINUS SIGN}1.00", "0.00"]
    assert rows["XBTUSD"][:3] == ["\N{MINUS SIGN}10.00", "0.00", "+5.00"]
    assert rows["Total"][:4] == ["+20.00", "\N{MINUS SIGN}1.00", "+5.00", "+24.00"]
    assert "Net PnL by instrument" in page
    text = plain(summary_table(two_instruments()))
    total = next(line for line in text.splitlines() if line.startswith("total"))
    assert total.split()[1:5] == ["+20.00", "\N{MINUS SIGN}1.00", "+5.00", "+24.00"]


def test_exposure_is_shown_for_each_instrument_and_net_and_gross(two_instruments: Build) -> None:
    result = two_instruments()
    page = run_page(result)
    rows = rows_of(page, "position")
    assert rows["BTCUSDT"] == ["100%", "0%", "0%", "0.80", "0.80", "0.80"]
    assert rows["XBTUSD"][:3] == ["0%", "0%", "100%"]
    captions = re.findall(r'class="caption">(.*?)<', page)
    assert {"Net exposure", "BTCUSDT", "XBTUSD"} <= set(captions)
    metrics = View.of(result).metrics
    assert (metrics["exposure"], metrics["gross_exposure"]) == (pytest.approx(0.3), pytest.approx(1.3))


def test_one_instrument_has_no_table_of_instruments(walk: Build) -> None:
    assert "Attribution by instrument" not in titles(run_page(walk(days=30)))


def test_a_run_on_books_counts_events_and_shows_seconds_instead_of_days(short: Any) -> None:
    page = run_page(short)
    assert "2024-01-01 00:00:00 to 00:01:00 UTC, 1,234 events" in page
    assert "0 bars" not in page
    assert "too short for daily statistics" in page
    assert not {"Days", "Monthly returns"} & set(titles(page))
    assert "Contracts held" in page
    assert "2024-01-01 00:00:10" in page  # entry of the round trip
    assert "1,234 events" in plain(summary_table(short))


def test_a_run_that_begins_at_midnight_has_no_day_before(short: Any) -> None:
    view = View.of(short)
    assert [f"{day:%Y-%m-%d}" for day in view.days.index] == ["2024-01-01"]
    assert np.isnan(view.metrics["information_ratio"])


def test_orders_have_a_section_with_times_and_what_they_depend_on(short: Any) -> None:
    page = run_page(short)
    rows = rows_of(page, "orders")
    assert rows["limit"] == ["1", "1", "0", "0", "0", "0", "100.0%", "100.0%", "3.0 s", "3.0 s"]
    assert rows["market"][-3:] == ["0.0%", "1.0 s", "1.0 s"]
    assert rows["Maker, who waited"][0] == "1"
    assert "Matching was pessimistic: 1 of 2 fills would not have been made" in page
    text = plain(summary_table(short))
    assert "orders: 2 orders, 0 rejected; filled 100.0% of what was sent, in 2.0 s on average" in text


def test_a_run_of_targets_has_no_section_of_orders(walk: Build) -> None:
    assert not {"Orders", "Liquidations"} & set(titles(run_page(walk(days=30))))


def test_liquidations_are_listed_with_what_was_lost(from_periods: Build, make_fills: Build) -> None:
    fills = make_fills([("2024-01-01 01:00", 2.0, 100.0), ("2024-01-01 05:00", -2.0, 90.0)])
    fills["order"], fills["liquidation"] = [0, -1], [0.0, -3.0]
    days = ["2024-01-02", "2024-01-09"]
    result = from_periods(days, fills=fills, price=[-20.0, -20.0], liquidation=[-3.0, -3.0], turnover=[380.0, 380.0])
    page = run_page(result)
    assert titles(page)[0] == "Liquidations"
    lost = rows_of(page, "liquidations")["2024-01-01 05:00:00"]
    minus = "\N{MINUS SIGN}"
    assert lost == ["BTCUSDT", "+2", "90.0000", "90.0000", "180", f"{minus}3.00", f"{minus}23.00"]
    assert ">Liquidation<" in page[page.index('id="trades"') :]
    text = plain(comparison_table([result]))
    assert "liq. %" in text
    assert f"{minus}0.3" in text
    assert "Liquidations" in compare_page([result])


def test_makers_and_liquidations_leave_room_for_the_name_of_an_agent(short: Any, walk: Build) -> None:
    seized = walk(days=60, name="an agent that was liquidated")
    seized.attribution["liquidation"] = -5.0
    text = plain(comparison_table([seized, short]))
    assert max(len(line) for line in text.splitlines()) <= 100
    assert "an agent that was" in text


@pytest.mark.parametrize(
    ("impact", "words"),
    [("none: orders do not move the market", "the shown book cost"), ("a taker moves the price", "a taker moves")],
)
def test_the_attribution_says_what_its_impact_is(from_periods: Build, impact: str, words: str) -> None:
    result = from_periods(["2024-01-02"], impact=[-4.0], assumptions={"impact": impact})
    page = run_page(result)
    lead = page[page.index('id="attribution"') : page.index("</p>", page.index('id="attribution"'))]
    assert words in lead
    result = from_periods(["2024-01-02"], assumptions={"impact": impact})
    assert " Impact is what" not in run_page(result)


def test_the_curve_is_drawn_to_the_end_of_the_run(from_periods: Build) -> None:
    result = from_periods(["2024-01-01 00:01:00", "2024-01-01 00:01:30"], price=[1.0, 5.0])
    result.curve = result.curve.iloc[:1]
    times, net, equity = View.of(result).curve()
    assert times[-1] == pd.Timestamp("2024-01-01 00:01:30").value
    assert (net[-1], equity[-1]) == (pytest.approx(0.005), 1_005.0)


def test_ticks_of_an_axis_of_money_are_told_apart() -> None:
    label = money_label(np.array([100_000.0, 109_500.0]))
    assert [label(value) for value in (102_500.0, 105_000.0)] == ["102.5k", "105.0k"]
    assert money_label(np.array([0.0, 1_000_000.0]))(250_000.0) == "250k"
    assert money_label(np.array([299_650.0, 300_000.0]))(299_900.0) == "299,900"


@pytest.mark.parametrize(
    ("high", "wanted"),
    [(0.12, ["0.0%", "2.5%", "5.0%", "7.5%", "10.0%"]), (0.05, ["0%", "1%", "2%", "3%", "4%", "5%"])],
)
def test_ticks_of_an_axis_of_percent_have_the_decimals_that_tell_them_apart(high: float, wanted: list[str]) -> None:
    times = np.arange(10) * 86_400_000_000_000
    series = Series("x", times, np.linspace(0.0, high, 10), "net")
    figure = line_chart([series], caption="x", label=percent_label(series.values), height=290)
    assert re.findall(r'class="level">(.*?)<', figure) == wanted
