"""Sections that split the PnL up: by days (Table I), by round trips, by months."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from halfspread.reports import charts, formats
from halfspread.reports.daily import table_one
from halfspread.reports.html_tables import heat_map, row, table
from halfspread.reports.monthly import monthly
from halfspread.reports.svg import element, text
from halfspread.reports.trades import trade_statistics
from halfspread.reports.view import View, section

__all__ = ["months", "paper_table", "round_trips"]

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
        "over the population deviation of the daily PnL times the root of 365"
        + (", against zero." if view.benchmark else ".")
    )
    head = ["", *(str(name) for name in numbers.columns)]
    return section("Days", lead, element("div", table(head, rows), chart, class_="pair"), anchor="days")


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
    if len(view.result.instruments) > 1:
        lead = f"From flat to flat in one instrument, net of every cost, in {currency}."
    if not trips["closed"].all():
        lead += (
            " What is still open at the end is not counted." if len(pnl) else " The only one is still open at the end."
        )
    order = trips["pnl"].abs().sort_values(ascending=False, kind="stable").index[:largest]
    several, seized = len(view.result.instruments) > 1, bool(trips["liquidation"].any())
    lines = [_trip(trips.loc[index], digits, view.brief, several, seized) for index in sorted(order)]
    head = ["Entry (UTC)", "Held", "Side", "Contracts", "Entry price", "Exit price", "Price", "Execution", "Funding"]
    if several:
        head.insert(1, "Instrument")
    if seized:
        head.append("Liquidation")
    title = element("h3", text(f"The {len(lines)} largest by absolute PnL, of {len(trips):,}")) if len(pnl) else ""
    pair = element("div", table(["", "All", "Long", "Short"], rows), chart, class_="pair") if len(pnl) else ""
    return section(
        "Round trips",
        lead,
        pair,
        title,
        table([*head, "Net PnL"], lines, words=(1, 3) if several else (2,)),
        anchor="trades",
    )


def _amount(digits: int, *, sign: bool = False) -> Callable[[float], str]:
    return lambda value: formats.number(value, digits, sign=sign)


def _trip(trip: pd.Series[Any], digits: int, seconds: bool, several: bool, seized: bool) -> str:
    amount = _amount(digits, sign=True)
    return row(
        formats.stamp(trip["entry_time"], seconds=seconds),
        *([str(trip["instrument"])] if several else []),
        formats.duration(trip["duration"] / pd.Timedelta(hours=1)) + ("" if trip["closed"] else ", open"),
        str(trip["side"]),
        formats.compact(trip["contracts"]),
        formats.price(trip["average_entry"]),
        formats.price(trip["average_exit"]),
        amount(trip["price"]),
        amount(trip["half_spread"] + trip["fee"] + trip["impact"]),
        amount(trip["funding"]),
        *([amount(trip["liquidation"])] if seized else []),
        amount(trip["pnl"]),
        words=(1, 3) if several else (2,),
    )


def months(view: View) -> str:
    """Monthly returns as a tinted table."""
    lead = "Sums of simple daily returns in % of the notional, net of all costs; UTC."
    return section("Monthly returns", lead, heat_map(monthly(view.days)), anchor="months")
