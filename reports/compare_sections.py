"""The sections of the page that compares several agents, best first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from halfspread.reports import charts, formats
from halfspread.reports.certainty_section import audits, certainty
from halfspread.reports.comparison import shared_assumptions
from halfspread.reports.headline import ratio_error
from halfspread.reports.html_tables import bar_cell, definitions, row, table
from halfspread.reports.measured import looks_ahead
from halfspread.reports.names import PART_NAMES, against_all, distinct
from halfspread.reports.page_style import series_style
from halfspread.reports.pnl_sections import BESIDE_STYLE
from halfspread.reports.proof_section import Proof
from halfspread.reports.protocol import ATTRIBUTION
from halfspread.reports.svg import element, text
from halfspread.reports.versus import Versus, versus
from halfspread.reports.view import View, percent_label, section

__all__ = ["comparison_sections"]


def comparison_sections(views: Sequence[View], ranking: str, proofs: Mapping[str, Proof]) -> str:
    """Ranked table, attribution side by side, how sure the ranking is, all equities on one axis, what the numbers rest
    on, and the audits (``proofs`` by name of the result)."""
    names = distinct([view.result.name for view in views])
    found = versus([view.result for view in views], names)
    parts = [
        ranked_table(views, names, ranking, found),
        attributions(views, names),
        certainty(views, names, found),
        equities(*_fair(views, names), found.benchmark),
        terms(views, names),
        audits(views, names, proofs),
    ]
    return "".join(parts)


def _fair(views: Sequence[View], names: Sequence[str]) -> tuple[list[View], list[str]]:
    """Those that are not told the future, beside whose curve all others are flat; all where there are no others."""
    kept = [i for i, view in enumerate(views) if not looks_ahead(view.result)] or list(range(len(views)))
    return [views[i] for i in kept], [names[i] for i in kept]


def ranked_table(views: Sequence[View], names: Sequence[str], ranking: str, found: Versus) -> str:
    """One line per agent; one that is told the future has no place."""
    rows = []
    made = any(view.metrics["maker_share"] > 0.0 for view in views)
    seized = any(view.metrics["liquidations"] for view in views)
    for place, (view, name) in enumerate(zip(views, names, strict=True), start=1):
        m = view.metrics
        error, _ = ratio_error(m)
        ratio = formats.number(m["information_ratio"])
        foresees = looks_ahead(view.result)
        rows.append(
            row(
                "bound" if foresees else f"{place}",
                name,
                formats.returned(m["total_return"], sign=True),
                f"{ratio} \N{PLUS-MINUS SIGN} {formats.number(error)}" if math.isfinite(error) else ratio,
                *([formats.percent(found.share.get(name, math.nan))] if found.bound else []),
                formats.returned(m["max_drawdown"]),
                formats.returned(m["equity_return"], sign=True),
                formats.returned(m["price_return"], sign=True),
                formats.returned(m["total_return"] - m["price_return"], sign=True),
                f"{formats.compact(m['turnover'])}\N{MULTIPLICATION SIGN}",
                formats.number(1e4 * m["cost_per_turnover"]),
                formats.count(m["fills"]),
                *([formats.percent(m["maker_share"], 0)] if made else []),
                *([formats.count(m["liquidations"])] if seized else []),
                words=(1,),
                kind="aside" if foresees else None,
            )
        )
    bound = ["Of the bound"] if found.bound else []
    head = ["", "Agent", "Net return", "Information ratio", *bound, "Max. drawdown", "Account return", "Before costs"]
    more = [*(["Maker"] if made else []), *(["Liquidations"] if seized else [])]
    listing = table(
        [*head, "Costs and funding", "Turnover", "Cost, bp", "Fills", *more], rows, words=(1,), kind="ranking"
    )
    order, against = ranking.replace("_", " "), against_all(names, [view.metrics for view in views])
    lead = (
        f"Best first by {order}. Net return and drawdown are on constant notional (sum of simple returns), the account "
        f"return compounds. The ratio is of daily PnLs at 365 days a year{against}, with one standard error (robust "
        "from 30 days on). Cost in bp is that of a fill per unit of its value."
    )
    if found.bound:
        lead += (
            f" {found.bound} is told the future: what it makes is the bound of what could have been made, and has no "
            "place. Of the bound: the share of its net return."
        )
    if made:
        lead += " Maker: the share of the value that was traded by waiting in the book."
    return section("Ranking", lead, listing, anchor="ranking")


def attributions(views: Sequence[View], names: Sequence[str]) -> str:
    """What each agent's PnL is made of, in % of its notional."""
    shares = [[view.result.attribution[part] / view.result.notional for part in ATTRIBUTION] for view in views]
    shown = [
        i for i, part in enumerate(ATTRIBUTION) if part not in ("impact", "liquidation") or any(s[i] for s in shares)
    ]
    drawn, _ = _fair(views, names)
    fair = [line for view, line in zip(views, shares, strict=True) if view in drawn]
    low = min(0.0, *(sum(min(share, 0.0) for share in line) for line in fair))
    high = max(0.0, *(sum(max(share, 0.0) for share in line) for line in fair))
    rows = []
    for view, name, line in zip(views, names, shares, strict=True):
        cells = [formats.percent(line[i], 2, sign=True) for i in shown]
        parts = [(line[i], _style(ATTRIBUTION[i]), PART_NAMES[ATTRIBUTION[i]]) for i in shown if view in drawn]
        total = element("td", text(formats.percent(math.fsum(line), 2, sign=True)), class_="strong")
        rows.append(row(name, *cells, total, bar_cell(parts, low, high)))
    head = ["Agent", *(PART_NAMES[ATTRIBUTION[i]] for i in shown), "Net PnL", ""]
    legend = charts.legend([(PART_NAMES[ATTRIBUTION[i]], _style(ATTRIBUTION[i]), None) for i in shown])
    lead = "Every change of equity by its cause, in % of the notional. A cost is negative."
    return section("Cost attribution", lead, table(head, rows), legend, anchor="attribution")


def _style(part: str) -> str:
    return f"part-{part.replace('_', '-')}"


def equities(views: Sequence[View], names: Sequence[str], benchmark: str = "") -> str:
    """Both views of return, all agents on one axis, with the ``benchmark`` of all where it is none of them."""
    constant, account = [], []
    for index, (view, name) in enumerate(zip(views, names, strict=True)):
        style, dash = series_style(index)
        times, net, equity = view.curve()
        constant.append(charts.Series(name, times, net, style, dash).thinned(len(views)))
        account.append(charts.Series(name, times, equity / view.result.capital - 1.0, style, dash).thinned(len(views)))
    if benchmark and benchmark not in names:
        constant.insert(0, charts.Series(benchmark, *views[0].beside(), *BESIDE_STYLE))
    first = charts.line_chart(
        constant,
        caption="Constant notional",
        note="% of notional, sum of simple returns, all costs paid",
        label=percent_label(np.concatenate([one.values for one in constant])),
        height=340,
    )
    second = charts.line_chart(
        account,
        caption="Account equity",
        note="% of the initial equity, compounded",
        label=percent_label(np.concatenate([one.values for one in account])),
    )
    lead = "Lines are thinned and keep every extreme."
    return section("Equity", lead, first, second, anchor="equity")


def terms(views: Sequence[View], names: Sequence[str]) -> str:
    """Assumptions once, then those that differ, then the warnings of each agent."""
    named = [(name, view.result.assumptions) for name, view in zip(names, views, strict=True)]
    shared, different = shared_assumptions(named)
    content = [definitions(shared)]
    for topic, sentences in different.items():
        content += [element("h3", text(f"{topic}: not the same for all")), definitions(sentences)]
    warned = {
        name: " \N{BULLET} ".join(view.result.warnings)
        for name, view in zip(names, views, strict=True)
        if view.result.warnings
    }
    if warned:
        content += [element("h3", "Warnings"), definitions(warned)]
    return section("Assumptions", "What all numbers on this page rest on.", *content, anchor="assumptions")
