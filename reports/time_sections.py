"""Sections on how figures change: over the last days, through the day and through the week."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from halfspread.reports import charts, formats
from halfspread.reports.bar_charts import column_chart
from halfspread.reports.clock import WEEKDAYS, by_hour, by_weekday
from halfspread.reports.html_tables import row, table
from halfspread.reports.names import against
from halfspread.reports.rolling import WINDOW, rolling
from halfspread.reports.svg import element
from halfspread.reports.view import View, money_label, percent_label, section

__all__ = ["clock", "rolling_figures"]

#: Days that rolling figures are drawn from, and those from which hours and weekdays are.
LEAST_ROLLING = WINDOW + 30
LEAST_DAYS = 28


def rolling_figures(view: View) -> str:
    """Return, volatility, ratio and cost over the last 90 days; nothing for a run that is hardly longer."""
    if len(view.days) < LEAST_ROLLING or not view.metrics["fills"]:
        return ""
    found = rolling(view.days)
    return_, volatility = found["return"].to_numpy(), found["volatility"].to_numpy()
    cost = found["cost_per_turnover"].dropna().to_numpy() * 1e4
    drawn = [
        _line(found["return"], "Return", "% of notional, sum of simple returns", percent_label(return_), "net"),
        _line(found["volatility"], "Volatility", "a year, % of notional", percent_label(volatility), "equity"),
        _line(
            found["ratio"],
            "Information ratio",
            f"a year{against(view.metrics)}",
            lambda value: formats.number(value, 1),
            "net",
        ),
        _line(
            found["cost_per_turnover"] * 1e4,
            "Cost per turnover",
            "bp of value traded",
            money_label(cost),
            "before-costs",
        ),
    ]
    lead = f"Over the {WINDOW} UTC days before each point; a year has 365 days."
    charts_ = element("div", *(element("div", one) for one in drawn if one), class_="pair")
    return section("Rolling figures", lead, charts_, anchor="rolling")


def _line(values: pd.Series[float], caption: str, note: str, label: Callable[[float], str], style: str) -> str:
    known = values[np.isfinite(values.to_numpy())]
    if len(known) < 2:
        return ""
    times = pd.DatetimeIndex(known.index).as_unit("ns").asi8 + 86_400_000_000_000
    series = charts.Series(caption, times, np.asarray(known, dtype=np.float64), style)
    zero = caption in ("Return", "Information ratio")
    return charts.line_chart([series], caption=caption, note=note, label=label, height=150, with_zero=zero, ticks=5)


def clock(view: View) -> str:
    """PnL, costs and turnover by hour and by weekday; nothing for less than four weeks or without a fill."""
    if len(view.days) < LEAST_DAYS or not view.metrics["fills"]:
        return ""
    hours, week = by_hour(view.result, view.days), by_weekday(view.result, view.days)
    names = [f"{hour:02d}" for hour in hours.index]
    parts = [(hours, names, "By hour of the day", max(1, len(names) // 8))] if len(hours) else []
    parts.append((week, [WEEKDAYS[WEEKDAYS.index(str(day))][:3] for day in week.index], "By day of the week", 1))
    pictures = element("div", *(element("div", _columns(*part)) for part in parts), class_="pair")
    tables = element("div", *(element("div", _listing(part[0], part[1])) for part in parts), class_="pair")
    return section("Hours and weekdays", _lead(view, hours), pictures, tables, anchor="hours")


def _lead(view: View, hours: pd.DataFrame) -> str:
    words = "UTC, in % of the notional; costs are those of fills, funding is in what stands before them."
    if len(hours):
        width = 24 // len(hours)
        words += f" An hour is named by its beginning{f' and is {width} hours long here' if width > 1 else ''}."
    else:
        words += " The run was recorded by the day, so there are no hours."
    return (
        f"{words} Errors: the mean PnL in standard errors. Of so many hours and days the best is the best of many: "
        "about one in twenty lies beyond 2 without any reason."
    )


def _columns(found: pd.DataFrame, names: list[str], caption: str, every: int) -> str:
    before, paid = found["before_costs"].to_numpy(dtype=np.float64), found["execution"].to_numpy(dtype=np.float64)
    return column_chart(
        names,
        [("Before costs of fills", "part-price", before), ("Costs of fills", "part-fee", paid)],
        total="Net PnL",
        caption=caption,
        note="% of notional, sum over the run",
        label=percent_label(np.concatenate([before, paid])),
        every=every,
    )


def _listing(found: pd.DataFrame, names: list[str]) -> str:
    digits = formats.returned_digits(found[["pnl", "before_costs", "execution"]].to_numpy().ravel())
    rows = [
        row(
            name,
            *(formats.percent(line[part], digits, sign=True) for part in ("before_costs", "execution", "pnl")),
            f"{formats.compact(line['turnover'])}\N{MULTIPLICATION SIGN}",
            formats.count(line["fills"]),
            formats.number(line["errors"], 1, sign=True),
        )
        for name, (_, line) in zip(names, found.iterrows(), strict=True)
    ]
    return table(["", "Before", "Fills cost", "Net", "Turnover", "Fills", "Errors"], rows, kind="clock")
