"""The sections of the page of one run, each a function from what was measured to markup."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from halfspread.reports import charts, formats
from halfspread.reports.daily import daily, table_one
from halfspread.reports.html_tables import bar_cell, definitions, heat_map, row, table
from halfspread.reports.metrics import json_safe, measure
from halfspread.reports.monthly import monthly
from halfspread.reports.names import PART_NAMES
from halfspread.reports.protocol import ATTRIBUTION, ResultLike
from halfspread.reports.svg import element, text
from halfspread.reports.trades import trade_caveats, trade_statistics, trades

__all__ = ["View", "headline", "money_label", "percent_label", "provenance", "run_sections", "section"]

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

_NO_BAR = '<td class="bar"></td>'
COST_TOPICS = ("fills", "half-spread", "fees", "funding", "impact")


@dataclass(frozen=True)
class View:
    """A result with everything that the sections share, computed once."""

    result: ResultLike

    @cached_property
    def days(self) -> pd.DataFrame:
        """Table of `daily`."""
        return daily(self.result)

    @cached_property
    def trips(self) -> pd.DataFrame:
        """Table of `trades`."""
        return trades(self.result)

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """Dictionary of `metrics`."""
        return dict(measure(self.result, self.days, self.trips))

    def curve(self) -> tuple[Times, Floats, Floats]:
        """Time, net PnL in units of notional, and equity in report currency, from the start on; made anew at each
        call."""
        curve, result = self.result.curve, self.result
        equity = np.r_[result.capital, curve["equity"].to_numpy(dtype=np.float64)]
        collateral = np.r_[0.0, curve["collateral"].to_numpy(dtype=np.float64)]
        return _times(curve, result.start), (equity - collateral - result.capital) / result.notional, equity

    def cumulative(self, column: str) -> tuple[Times, Floats]:
        """Time and a cumulative column of the periods in units of notional, from zero at the start."""
        periods = self.result.periods
        values = np.r_[0.0, periods[column].to_numpy(dtype=np.float64)] / self.result.notional
        return _times(periods, self.result.start), values


def _times(frame: pd.DataFrame, start: pd.Timestamp) -> Times:
    """The index in nanoseconds UTC after the start."""
    index = pd.DatetimeIndex(frame.index).as_unit("ns")
    return np.concatenate([[start.as_unit("ns").value], index.asi8])


def run_sections(view: View, manifest: Mapping[str, object] | None) -> str:
    """All sections below the headline, in their order."""
    parts = [attribution(view), returns(view), position(view), paper_table(view), round_trips(view), months(view)]
    return "".join([*parts, assumptions(view), provenance(manifest)])


def section(title: str, lead: str, *content: str, anchor: str | None = None) -> str:
    """A section with its title and a sentence on how to read it."""
    return element("section", element("h2", text(title)), element("p", text(lead), class_="lead"), *content, id=anchor)


def _figure(name: str, value: str, basis: str, *, tone: float = 0.0, small: str = "") -> str:
    style = "value gain" if tone > 0 else "value loss" if tone < 0 else "value"
    shown = text(value) + (element("small", text(small)) if small else "")
    return element(
        "div",
        element("div", text(name), class_="name"),
        element("div", shown, class_=style),
        element("div", text(basis), class_="basis"),
    )


def headline(view: View) -> str:
    """The eight numbers to read first, each with what it rests on, and the terms on which the run traded."""
    m, result = view.metrics, view.result
    currency = result.report_currency
    costs = m["total_return"] - m["price_return"]
    error = m["information_ratio_error"]
    traded = f"{formats.plural(m['fills'], 'fill')}, {formats.plural(m['round_trips'], 'round trip')}"
    figures = [
        _figure(
            "Net return",
            formats.percent(m["total_return"], sign=True),
            f"sum of simple returns on a constant {formats.money(m['notional'])} {currency}, all costs paid",
            tone=m["total_return"],
        ),
        _figure(
            "Before costs", formats.percent(m["price_return"], sign=True), "price moves alone, at reference prices"
        ),
        _figure(
            "Costs",
            formats.percent(costs, sign=True),
            f"at fills {formats.percent(m['execution_return'], sign=True)}, "
            f"funding {formats.percent(m['funding_return'], sign=True)}"
            + (
                f", liquidation {formats.percent(m['liquidation_return'], sign=True)}"
                if m["liquidation_return"]
                else ""
            ),
            tone=costs,
        ),
        _figure(
            "Information ratio",
            formats.number(m["information_ratio"]),
            f"{m['days']:,} daily PnLs, 365 days a year; \N{PLUS-MINUS SIGN} one standard error",
            small=f" \N{PLUS-MINUS SIGN} {formats.number(error)}" if math.isfinite(error) else "",
        ),
        _figure(
            "Maximum drawdown",
            formats.percent(m["max_drawdown"]),
            f"of the notional, every bar; longest {m['longest_drawdown_days']:,} days",
        ),
        _figure(
            "Account return",
            formats.percent(m["equity_return"], sign=True),
            f"compounded, {formats.money(m['capital'])} to {formats.money(m['final_equity'])} {currency}"
            + (", with the margin coin" if m["collateral"] else ""),
            tone=m["equity_return"],
        ),
        _figure(
            "Turnover",
            f"{formats.compact(m['turnover'])}\N{MULTIPLICATION SIGN}",
            f"value traded over notional, {traded}",
        ),
        _figure(
            "Cost per turnover",
            formats.basis_points(m["cost_per_turnover"]),
            "half-spread, fee and impact per unit of value traded",
        ),
    ]
    terms = {topic: result.assumptions[topic] for topic in COST_TOPICS if topic in result.assumptions}
    return element("div", *figures, class_="figures") + _alert(result) + (definitions(terms) if terms else "")


def _alert(result: ResultLike) -> str:
    if not result.warnings:
        return ""
    return element(
        "div", element("ul", *(element("li", text(words)) for words in result.warnings)), class_="alert", role="note"
    )


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
    if result.attribution["collateral"]:
        coin = result.settle_currency
        lead += f" Collateral is what {coin} held as margin gained or lost in {currency}; it is no part of the PnL."
    return section("Cost attribution", lead, listing, chart, anchor="attribution")


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


def money_label(values: Floats) -> Callable[[float], str]:
    """Amounts in one unit for a whole axis: plain, thousands, millions or billions."""
    size = float(np.abs(values).max()) if len(values) else 0.0
    for limit, divisor, unit in ((2e9, 1e9, "B"), (2e6, 1e6, "M"), (1e5, 1e3, "k")):
        if size >= limit:
            digits = 0 if size >= 10 * divisor else 1
            return lambda value: formats.number(value / divisor, digits) + unit
    digits = 0 if size >= 100 else formats.decimals([size])
    return lambda value: formats.number(value, digits)


def percent_label(values: Floats) -> Callable[[float], str]:
    """Percent with as many decimals as the range of the axis needs."""
    size = float(np.abs(values).max()) if len(values) else 0.0
    digits = 0 if size >= 0.1 else 1 if size >= 0.01 else 2 if size >= 0.001 else 3
    return lambda value: formats.percent(value, digits)


def returns(view: View) -> str:
    """Both views of return with their drawdowns."""
    result, currency = view.result, view.result.report_currency
    times, net, equity = view.curve()
    before_times, before = view.cumulative("price")
    percent = percent_label(np.r_[net, before])
    falls = np.maximum.accumulate(net) - net if len(net) else net
    peaks = np.maximum.accumulate(equity)
    drops = (peaks - equity) / np.abs(peaks)
    constant = charts.line_chart(
        [
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
    pair = element("div", element("div", left), element("div", right), class_="pair")
    return section("Equity and drawdown", lead, pair, anchor="equity")


def position(view: View) -> str:
    """Exposure over time, and how it was spread."""
    times, values = view.cumulative("exposure")
    values = values * view.result.notional
    m = view.metrics
    held = values[1:]
    chart = charts.position_chart(
        times,
        values,
        caption="Exposure",
        note="position value over notional, at the end of each recorded period",
        label=lambda value: formats.number(value, 2 if float(np.abs(values).max()) < 10 else 0),
    )
    sides = (held > 0, held == 0, held < 0)
    long, flat, short = (formats.percent(float(side.mean()) if len(held) else math.nan, 0) for side in sides)
    exposure = formats.number(m["exposure"])
    lead = f"Long {long}, flat {flat}, short {short} of the time; mean absolute exposure {exposure} of the notional."
    return section("Position", lead, chart, anchor="position")


def paper_table(view: View) -> str:
    """Table I of the ESN-RRL paper, and the histogram of days."""
    numbers = table_one(view.days)
    rows = []
    for name, line in numbers.iterrows():
        digits = 0 if name == "count" else 2 if name == "ir" else 3 if name == "sum" else 4
        rows.append(row(str(name), *("" if math.isnan(v) else formats.number(v, digits) for v in line.astype(float))))
    pnl = view.days["pnl"].to_numpy(dtype=np.float64)
    chart = charts.histogram(
        pnl,
        caption="Daily PnL",
        note="days by PnL in % of notional; the outermost 0.5% on each side are in the end bins",
        label=lambda value: formats.percent(value, 2 if len(pnl) and float(np.abs(pnl).max()) < 0.02 else 1),
    )
    lead = (
        "UTC days in units of the notional. Execution is half-spread, fee and impact; carry is funding; ir is the mean "
        "over the population deviation of the daily PnL times the root of 365."
    )
    head = ["", *(str(name) for name in numbers.columns)]
    return section("Days", lead, element("div", table(head, rows), chart, class_="pair"), anchor="days")


_STATISTICS: dict[str, tuple[str, Callable[[float], str] | None]] = {
    "round_trips": ("Round trips", formats.count),
    "hit_ratio": ("Share with a gain", formats.percent),
    "profit_factor": ("Gains over losses", formats.number),
    "pnl": ("Net PnL", None),
    "mean_pnl": ("Mean", None),
    "mean_gain": ("Mean gain", None),
    "mean_loss": ("Mean loss", None),
    "best": ("Best", None),
    "worst": ("Worst", None),
    "mean_hours": ("Mean time held", formats.duration),
    "median_hours": ("Median time held", formats.duration),
}


def round_trips(view: View, largest: int = 10) -> str:
    """Statistics of round trips, and those with the largest gains and losses."""
    trips, currency = view.trips, view.result.report_currency
    if not len(trips):
        return section("Round trips", "There were no fills.", anchor="trades")
    statistics = trade_statistics(trips)
    digits = formats.decimals(trips["pnl"])
    rows = []
    for name, (words, write) in _STATISTICS.items():
        values = [float(value) for value in statistics.loc[name].to_numpy()]
        rows.append(row(words, *((write or _amount(digits))(value) for value in values)))
    pnl = trips.loc[trips["closed"].to_numpy(dtype=bool), "pnl"].to_numpy(dtype=np.float64)
    chart = charts.histogram(
        pnl,
        caption="Net PnL of round trips",
        note=f"round trips by PnL in {currency}; the outermost 0.5% on each side are in the end bins",
        label=lambda value: formats.number(value, max(0, digits - 2) if digits <= 2 else digits),
        height=230,
    )
    lead = f"From flat to flat, net of every cost, in {currency}."
    if not trips["closed"].all():
        lead += (
            " The position still open at the end is not counted."
            if len(pnl)
            else " The only one is still open at the end."
        )
    lead = " ".join([lead, *trade_caveats(view.result)])
    order = trips["pnl"].abs().sort_values(ascending=False, kind="stable").index[:largest]
    lines = [_trip(trips.loc[index], digits) for index in sorted(order)]
    head = ["Entry (UTC)", "Held", "Side", "Contracts", "Entry price", "Exit price", "Price", "Execution", "Funding"]
    title = element("h3", text(f"The {len(lines)} largest by absolute PnL, of {len(trips):,}")) if len(pnl) else ""
    pair = element("div", table(["", "All", "Long", "Short"], rows), chart, class_="pair") if len(pnl) else ""
    return section("Round trips", lead, pair, title, table([*head, "Net PnL"], lines, words=(2,)), anchor="trades")


def _amount(digits: int, *, sign: bool = False) -> Callable[[float], str]:
    return lambda value: formats.number(value, digits, sign=sign)


def _trip(trip: pd.Series[Any], digits: int) -> str:
    amount = _amount(digits, sign=True)
    return row(
        formats.stamp(trip["entry_time"]),
        formats.duration(trip["duration"] / pd.Timedelta(hours=1)) + ("" if trip["closed"] else ", open"),
        str(trip["side"]),
        formats.compact(trip["contracts"]),
        formats.price(trip["average_entry"]),
        formats.price(trip["average_exit"]),
        amount(trip["price"]),
        amount(trip["half_spread"] + trip["fee"] + trip["impact"]),
        amount(trip["funding"]),
        amount(trip["pnl"]),
        words=(2,),
    )


def months(view: View) -> str:
    """Monthly returns as a tinted table."""
    lead = "Sums of simple daily returns in % of the notional, net of all costs; UTC."
    return section("Monthly returns", lead, heat_map(monthly(view.days)), anchor="months")


def assumptions(view: View) -> str:
    """Everything the numbers rest on, the warnings, and counts of what was odd in the data."""
    result = view.result
    content = [definitions(result.assumptions)]
    if result.warnings:
        content += [element("h3", "Warnings"), _alert(result)]
    if result.counts:
        rows = [row(name.replace("_", " "), formats.count(many)) for name, many in result.counts.items()]
        content += [element("h3", "Counts"), table(["Of the data and the run", ""], rows)]
    return section("Assumptions and data", "What these numbers rest on.", *content, anchor="assumptions")


def provenance(manifest: Mapping[str, object] | None) -> str:
    """The manifest, nested names joined by dots."""
    if not manifest:
        return ""
    entries = dict(_flat(json_safe(manifest)))
    return section("Provenance", "What was run, with what, on what.", definitions(entries), anchor="provenance")


def _flat(value: Mapping[str, Any], path: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, item in value.items():
        if isinstance(item, Mapping) and item:
            found += _flat(item, f"{path}{name}.")
        else:
            found.append((f"{path}{name}", item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)))
    return found
