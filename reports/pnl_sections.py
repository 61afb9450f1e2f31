"""Sections on where the PnL came from and how it grew: attribution, equity and drawdown."""

from __future__ import annotations

import math

import numpy as np

from halfspread.reports import charts, formats
from halfspread.reports.html_tables import bar_cell, row, table
from halfspread.reports.names import PART_NAMES
from halfspread.reports.protocol import ATTRIBUTION
from halfspread.reports.svg import element
from halfspread.reports.view import View, money_label, percent_label, section

__all__ = ["BESIDE_STYLE", "attribution", "returns"]

#: CSS class and dashes of the line of a benchmark.
BESIDE_STYLE = ("benchmark thin", "5 3")

_NO_BAR = '<td class="bar"></td>'


def attribution(view: View) -> str:
    """What the change of equity is made of, as a table and over time."""
    result, currency = view.result, view.result.report_currency
    net = math.fsum(result.attribution[name] for name in ATTRIBUTION)
    amounts = {name: result.attribution[name] for name in ATTRIBUTION}
    low, high = min(0.0, net, *amounts.values()), max(0.0, net, *amounts.values())
    rows = [
        _contribution(
            view,
            PART_NAMES[name],
            amount,
            bar_cell([(amount, f"part-{name.replace('_', '-')}", PART_NAMES[name])], low, high),
        )
        for name, amount in amounts.items()
    ]
    rows.append(_contribution(view, "Net PnL", net, bar_cell([(net, "net", "Net PnL")], low, high), kind="total"))
    if result.attribution["collateral"] or result.settle_currency != currency:
        rows.append(_contribution(view, "Collateral", result.attribution["collateral"], _NO_BAR, kind="aside"))
        rows.append(_contribution(view, "Change of equity", result.attribution["total"], _NO_BAR, kind="aside"))
    head = ["", currency, "% of notional", "bp of turnover"]
    listing = table([*head, ""], rows)
    times, _ = view.cumulative("price")
    parts = [(PART_NAMES[name], f"part-{name.replace('_', '-')}", view.cumulative(name)[1]) for name in ATTRIBUTION]
    chart = charts.stacked_chart(
        times,
        parts,
        total="Net PnL",
        caption="Cumulative attribution",
        note="% of notional, UTC; gains stacked upwards, costs downwards",
        label=percent_label(np.concatenate([values for _, _, values in parts])),
    )
    lead = "Every change of equity by its cause, each computed on its own. A cost is negative."
    lead += _on_impact(view)
    if result.attribution["collateral"]:
        coins = [coin for coin in result.settle_currency.split(", ") if coin != currency]
        lead += f" Collateral is what {' and '.join(coins)} held as margin gained or lost in {currency}; it is no part"
        lead += " of the PnL."
    return section("Cost attribution", lead, listing, chart, anchor="attribution")


def _on_impact(view: View) -> str:
    """What the impact is, where there is some: the levels that were taken, or the model."""
    if not view.result.attribution["impact"]:
        return ""
    words = view.result.assumptions.get("impact", "")
    if not words or words.startswith("none"):
        return " Impact is what taking more than the best level of the shown book cost."
    return f" Impact is what the size of our own orders cost: {words}."


def _contribution(view: View, name: str, amount: float, bar: str, kind: str | None = None) -> str:
    turnover = view.metrics["turnover"] * view.result.notional
    return row(
        name,
        formats.number(amount, formats.decimals(view.result.attribution.values()), sign=True),
        formats.percent(amount / view.result.notional, 2, sign=True),
        formats.number(1e4 * amount / turnover, 2, sign=True) if turnover > 0 else formats.MISSING,
        bar,
        kind=kind,
    )


def returns(view: View) -> str:
    """Both views of return with their drawdowns."""
    result, currency = view.result, view.result.report_currency
    times, net, equity = view.curve()
    before_times, before = view.cumulative("price")
    beside = (
        []
        if view.benchmark is None
        else [charts.Series(f"Benchmark: {view.benchmark.name}", *view.beside(), *BESIDE_STYLE)]
    )
    percent = percent_label(np.concatenate([net, before, *(one.values for one in beside)]))
    falls = np.maximum.accumulate(net) - net if len(net) else net
    peaks = np.maximum.accumulate(equity)
    drops = (peaks - equity) / np.abs(peaks)
    constant = charts.line_chart(
        [
            *beside,
            charts.Series("Before costs", before_times, before, "before-costs thin"),
            charts.Series("Net", times, net, "net"),
        ],
        caption="Constant notional",
        note="% of notional, sum of simple returns",
        label=percent,
        ticks=5,
    )
    account = charts.line_chart(
        [charts.Series("Equity", times, equity, "equity")],
        caption="Account equity",
        note=f"{currency}, compounded" + (", with the margin coin" if result.attribution["collateral"] else ""),
        label=money_label(equity),
        with_zero=bool(equity.min() <= 0.0),
        ticks=5,
    )
    left = constant + charts.drawdown_chart(
        times, falls, caption="Drawdown", note="% of notional", label=percent_label(falls), ticks=5
    )
    right = account + charts.drawdown_chart(
        times, drops, caption="Drawdown", note="% of the highest equity so far", label=percent_label(drops), ticks=5
    )
    lead = (
        f"Two views, never mixed: PnL on a constant {formats.money(result.notional)} {currency}, and the account that "
        f"began with {formats.money(result.capital)} {currency}. Lines are drawn from {len(times) - 1:,} "
        "points and keep every extreme."
    )
    if view.benchmark is not None:
        lead += f" {view.benchmark.name}: {view.benchmark.words}."
    pair = element("div", element("div", left), element("div", right), class_="pair")
    return section("Equity and drawdown", lead, pair, anchor="equity")
