"""The top of the page of one run: the numbers to read first, the terms they rest on, and the warnings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from halfspread.reports import formats
from halfspread.reports.certainty import shortage
from halfspread.reports.html_tables import definitions, figure
from halfspread.reports.names import against
from halfspread.reports.performance_section import interval_words
from halfspread.reports.protocol import ResultLike
from halfspread.reports.svg import element, text
from halfspread.reports.view import View

__all__ = ["alert", "headline", "ratio_error"]

COST_TOPICS = ("fills", "half-spread", "fees", "funding", "impact", "margin", "benchmark")


def headline(view: View) -> str:
    """The eight numbers to read first, each with what it rests on, and the terms on which the run traded."""
    m, result = view.metrics, view.result
    currency = result.report_currency
    costs = m["total_return"] - m["price_return"]
    digits = formats.returned_digits([m["total_return"], m["price_return"], costs])
    traded = f"{formats.plural(m['fills'], 'fill')}, {formats.plural(m['round_trips'], 'round trip')}"
    if m["maker_share"] > 0.0:
        traded += f", {formats.percent(m['maker_share'], 0)} of the value as maker"
    figures = [
        figure(
            "Net return",
            formats.percent(m["total_return"], digits, sign=True),
            f"sum of simple returns on a constant {formats.money(m['notional'])} {currency}, all costs paid"
            + interval_words(view, "total_return", partial(formats.percent, digits=digits, sign=True)),
            tone=m["total_return"],
        ),
        figure(
            "Before costs",
            formats.percent(m["price_return"], digits, sign=True),
            "price moves alone, at reference prices",
        ),
        figure(
            "Costs and funding" if m["execution_return"] <= 0.0 else "Fills and funding",
            formats.percent(costs, digits, sign=True),
            f"at fills {formats.percent(m['execution_return'], digits, sign=True)}, "
            f"funding {formats.percent(m['funding_return'], digits, sign=True)}"
            + (
                f", liquidation {formats.percent(m['liquidation_return'], digits, sign=True)}"
                if m["liquidation_return"]
                else ""
            ),
            tone=costs,
        ),
        _ratio(view),
        figure(
            "Maximum drawdown",
            formats.returned(m["max_drawdown"]),
            f"of the notional, every {view.step}"
            + ("" if view.brief else f"; longest {m['longest_drawdown_days']:,} days"),
        ),
        figure(
            "Account return",
            formats.returned(m["equity_return"], sign=True),
            f"compounded, {formats.money(m['capital'])} to {_left(m)} {currency}"
            + (", with the margin coin" if m["collateral"] else "")
            + interval_words(view, "equity_return", partial(formats.returned, sign=True)),
            tone=m["equity_return"],
        ),
        figure(
            "Turnover",
            f"{formats.compact(m['turnover'])}\N{MULTIPLICATION SIGN}",
            f"value traded over notional, {traded}",
        ),
        figure(
            "Cost per turnover",
            formats.basis_points(m["cost_per_turnover"]),
            "half-spread, fee and impact per unit of value traded"
            + ("; below zero: earned" if m["cost_per_turnover"] < 0.0 else "")
            + (
                f"; at {formats.basis_points(m['break_even_cost'])} nothing would be left"
                if m["break_even_cost"] > 0.0
                else ""
            ),
        ),
    ]
    topics = (COST_TOPICS[0], "queues", *COST_TOPICS[1:]) if m["orders"] else COST_TOPICS
    terms = {topic: result.assumptions[topic] for topic in topics if topic in result.assumptions}
    return element("div", *figures, class_="figures") + alert(result) + (definitions(terms) if terms else "")


def _ratio(view: View) -> str:
    """The information ratio, or the PnL of a run that is too short for one."""
    m, result = view.metrics, view.result
    if view.brief:
        hours = (result.end - result.start) / pd.Timedelta(hours=1)
        net = m["total_return"] * m["notional"]
        return figure(
            "Net PnL",
            formats.money(round(net, formats.decimals([net])), sign=True),
            f"{result.report_currency} in {formats.duration(hours)}, too short for daily statistics" + _few(m),
            tone=net,
        )
    error, kind = ratio_error(m)
    return figure(
        "Information ratio",
        formats.number(m["information_ratio"]),
        f"{m['days']:,} daily PnLs{against(m)}, 365 days a year; \N{PLUS-MINUS SIGN} one {kind}standard error"
        + (interval_words(view, "information_ratio", formats.number) or _few(m)),
        small=f" \N{PLUS-MINUS SIGN} {formats.number(error)}" if math.isfinite(error) else "",
    )


def ratio_error(m: Mapping[str, Any]) -> tuple[float, str]:
    """The standard error of the information ratio that holds for days that hang together, where the days are enough for
    it, else the one for independent days; and what to call it."""
    robust = float(m["information_ratio_robust_error"])
    return (robust, "robust ") if math.isfinite(robust) else (float(m["information_ratio_error"]), "")


def _left(m: Mapping[str, Any]) -> str:
    """Equity at the end, with no more decimals than the capital asks for."""
    return formats.money(round(m["final_equity"], formats.decimals([m["capital"], m["final_equity"]])))


def _few(m: Mapping[str, Any]) -> str:
    words = shortage(m["days"])
    return f"; {words}" if words else ""


def alert(result: ResultLike) -> str:
    """The warnings of the run, if there are any."""
    if not result.warnings:
        return ""
    return element(
        "div", element("ul", *(element("li", text(words)) for words in result.warnings)), class_="alert", role="note"
    )
