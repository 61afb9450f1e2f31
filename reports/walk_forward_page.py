"""The page of a walk-forward: what it earned out of sample and how sure that is, where it came from, what was chosen in
which window, how much of the choice held, and what nobody has counted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

import numpy as np

from halfspread.reports import charts, formats
from halfspread.reports.basis_sections import provenance
from halfspread.reports.certainty import LEVEL, limits, shortage
from halfspread.reports.headline import ratio_error
from halfspread.reports.html import document, page_head
from halfspread.reports.html_tables import bar_cell, figure_cells, row, table
from halfspread.reports.names import PART_NAMES
from halfspread.reports.performance_section import interval_words, performance_table
from halfspread.reports.protocol import ATTRIBUTION
from halfspread.reports.svg import element, text
from halfspread.reports.sweep_page import metric_label, metric_name
from halfspread.reports.view import percent_label, section
from halfspread.reports.walk_forward_charts import equity_by_window
from halfspread.reports.walk_forward_sections import chosen, counted, held, schedule, terms
from halfspread.reports.walk_forward_view import Walked

__all__ = ["verdict", "walk_forward_page"]

_signed = partial(formats.returned, sign=True)


def walk_forward_page(walked: Walked, manifest: Mapping[str, object] | None = None) -> str:
    """The page; ``manifest`` is shown as its provenance. Everything that came from outside is escaped."""
    head = page_head(walked.title, walked.what, f"{walked.agent}; {walked.schedule}")
    notes = element("div", text(verdict(walked)), class_="alert", role="note")
    content = [figures(walked), notes, attribution(walked), _performance(walked), equity(walked), held(walked)]
    content += [chosen(walked), schedule(walked), counted(walked), terms(walked), provenance(manifest)]
    return document(walked.title, head, *content)


def verdict(walked: Walked) -> str:
    """What came out of sample, in words."""
    m = walked.metrics
    net, days = _signed(m["total_return"]), formats.count(m["days"])
    found = limits(walked.intervals, "information_ratio")
    ratio = f"information ratio {formats.number(m['information_ratio'])}"
    if found is None:
        why = shortage(int(m["days"])) or "there is no interval"
        return f"Out of sample {net} in {days} days ({ratio}). Whether that is more than luck cannot be said: {why}."
    ratio += f", {LEVEL:.0%} interval {formats.number(found.low)} to {formats.number(found.high)}"
    if found.high < 0.0:
        return f"Out of sample it loses, and not by bad luck alone: {net} in {days} days ({ratio})."
    if found.low > 0.0:
        words = f"Out of sample it gained: {net} in {days} days ({ratio}, above zero)."
        return words + " This was one walk-forward; others that were tried on these days are not counted."
    loses = "it loses" if m["total_return"] <= 0.0 else "it gained"
    return f"Out of sample {loses}, {net} in {days} days, and that cannot be told from zero ({ratio})."


def figures(walked: Walked) -> str:
    """The numbers to read first."""
    m = walked.metrics
    costs = m["total_return"] - m["price_return"]
    digits = formats.returned_digits([m["total_return"], m["price_return"], costs])
    write = partial(formats.percent, digits=digits, sign=True)
    error, kind = ratio_error(m)
    label = metric_label(walked.metric, [m["in_sample"], m["out_of_sample"]])
    name = metric_name(walked.metric)
    few = shortage(int(m["days"]))
    parts = [
        ("Net return", write(m["total_return"]), f"out of sample, {formats.count(m['days'])} days, all costs paid; of "
         f"a notional of {formats.money(m['notional'])} {walked.currency}"
         + interval_words(walked, "total_return", write), m["total_return"]),
        ("Before costs", write(m["price_return"]), "price moves alone, at reference prices", 0.0),
        ("Costs and funding", write(costs), f"at fills {write(m['execution_return'])}, of which leaving at the ends of "
         f"windows {write(m['leaving_return'])}; funding {write(m['funding_return'])}", costs),
        ("Information ratio", formats.number(m["information_ratio"]), f"\N{PLUS-MINUS SIGN} {formats.number(error)}, "
         f"one {kind}standard error" + (interval_words(walked, "information_ratio", formats.number)
         or (f"; {few}" if few else "")), 0.0),
        ("In sample", label(m["in_sample"]), f"{name} of the {walked.choice} in training, median of windows", 0.0),
        ("Out of sample", label(m["out_of_sample"]), f"{name} of the same in the tests, median of windows", 0.0),
        ("Windows with a gain", f"{formats.count(round(m['windows_positive'] * m['windows_traded']))} of "
         f"{formats.count(m['windows_traded'])}", _tried(walked), 0.0),
        ("Deepest drawdown", formats.returned(m["max_drawdown"]), "of the notional, at the ends of days; longest "
         f"{formats.count(m['longest_drawdown_days'])} days", 0.0),
    ]  # fmt: skip
    return figure_cells(parts)


def _tried(walked: Walked) -> str:
    if walked.learner:
        return f"fitted anew in each of {len(walked.stages):,}"
    return f"one of {formats.plural(walked.tried, 'setting')} chosen in each of {len(walked.stages):,}"


def attribution(walked: Walked) -> str:
    """What the PnL out of sample is made of, as a table and over time."""
    m = walked.metrics
    amounts = {name: float(m[f"{name}_return"]) for name in ATTRIBUTION}
    net = math.fsum(amounts.values())
    low, high = min(0.0, net, *amounts.values()), max(0.0, net, *amounts.values())

    def line(name: str, amount: float, style: str, kind: str | None = None) -> str:
        basis = formats.number(1e4 * amount / m["turnover"], 2, sign=True) if m["turnover"] > 0 else formats.MISSING
        money = formats.number(amount * m["notional"], formats.decimals([net * m["notional"]]), sign=True)
        bar = bar_cell([(amount, style, name)], low, high)
        return row(name, money, formats.percent(amount, 2, sign=True), basis, bar, kind=kind)

    rows = [line(PART_NAMES[name], amount, _style(name)) for name, amount in amounts.items()]
    rows.append(line("Net PnL", net, "net", "total"))
    rows.append(line("of which leaving at the ends of windows", float(m["leaving_return"]), "part-fee", "aside"))
    listing = table(["", walked.currency, "% of notional", "bp of turnover", ""], rows)
    parts = [(PART_NAMES[name], _style(name), walked.cumulative(name)) for name in ATTRIBUTION]
    chart = charts.stacked_chart(
        walked.times,
        parts,
        total="Net PnL",
        caption="Cumulative attribution out of sample",
        note="% of notional, UTC; gains stacked upwards, costs downwards",
        label=percent_label(np.concatenate([values for _, _, values in parts])),
    )
    lead = "Of the tests only. Every change of equity by its cause, each computed on its own. A cost is negative."
    if m["collateral_return"] != 0.0:
        amount = formats.percent(float(m["collateral_return"]), 2, sign=True)
        lead += f" What the margin coin did, {amount} of the notional, is no part of it."
    return section("Cost attribution", lead, listing, chart, anchor="attribution")


def _style(part: str) -> str:
    return f"part-{part.replace('_', '-')}"


def _performance(walked: Walked) -> str:
    return performance_table(walked) if walked.metrics["fills"] and len(walked.days) > 1 else ""


def equity(walked: Walked) -> str:
    """The stitched PnL, windows marked, and its drawdown."""
    net, before = walked.cumulative("pnl"), walked.cumulative("price")
    lines = [
        charts.Series("Before costs", walked.times, before, "before-costs thin"),
        charts.Series("Net", walked.times, net, "net"),
    ]
    chart = equity_by_window(
        lines,
        walked.stages,
        caption="Out of sample, stitched",
        note="% of notional, sum of simple returns; every other test window is shaded",
        label=percent_label(np.concatenate([net, before])),
    )
    falls = np.maximum.accumulate(net) - net
    drop = charts.drawdown_chart(
        walked.times, falls, caption="Drawdown", note="% of notional", label=percent_label(falls)
    )
    lead = "One point a day. Each part was traded by what had been chosen before it began, and begins and ends flat."
    return section("Equity and drawdown", lead, chart, drop, anchor="equity")
