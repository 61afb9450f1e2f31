"""Sections that keep several instruments apart: what each contributed, and how much of it was held."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from halfspread.engine.instrument import labels
from halfspread.reports import charts, formats
from halfspread.reports.html_tables import bar_cell, definitions, row, table
from halfspread.reports.names import PART_NAMES, on_events
from halfspread.reports.page_style import series_style
from halfspread.reports.protocol import ATTRIBUTION, InstrumentLike
from halfspread.reports.svg import element, text
from halfspread.reports.timing import timing_sentence, timings
from halfspread.reports.view import View, percent_label, section

__all__ = ["by_instrument", "position"]

#: Charts of instruments on a page, of those with the largest turnover.
MOST_CHARTS = 12

Floats = NDArray[np.float64]


def by_instrument(view: View) -> str:
    """What each of several instruments contributed, with its turnover and fills; nothing for one."""
    result = view.result
    if len(result.instruments) < 2:
        return ""
    names = labels(result.instruments)
    lines = [result.attribution_by_instrument[one.name] for one in result.instruments]
    shown = [part for part in ATTRIBUTION if part == "price" or any(line[part] for line in lines)]
    nets = [math.fsum(line[part] for part in ATTRIBUTION) for line in lines]
    low, high = min(0.0, *nets), max(0.0, *nets)
    sums = {part: math.fsum(line[part] for line in lines) for part in (*shown, "turnover", "fills")}
    net = math.fsum(nets)
    digits = formats.decimals([*nets, *(line[part] for line in lines for part in shown)])

    def cells(line: dict[str, float], total: float) -> list[str]:
        amounts = [formats.number(line[part], digits, sign=True) for part in shown]
        strong = element("td", formats.number(total, digits, sign=True), class_="strong")
        return [*amounts, strong, f"{formats.compact(line['turnover'] / result.notional)}\N{MULTIPLICATION SIGN}"]

    rows = [
        row(name, *cells(dict(line), total), formats.count(line["fills"]), bar_cell([(total, "net", name)], low, high))
        for name, line, total in zip(names, lines, nets, strict=True)
    ]
    rows.append(row("Total", *cells(sums, net), formats.count(sums["fills"]), '<td class="bar"></td>', kind="total"))
    head = ["Instrument", *(PART_NAMES[part] for part in shown), "Net PnL", "Turnover", "Fills", ""]
    lead = f"The same contributions by instrument, in {result.report_currency}; turnover in units of the notional."
    content = table(head, rows, kind="instruments") + _net_chart(view, names)
    return section("Attribution by instrument", lead, content, anchor="instruments")


def _net_chart(view: View, names: Sequence[str]) -> str:
    """Net PnL of each instrument over time."""
    chosen = largest(view)
    series = []
    for index, k in enumerate(chosen):
        style, dash = series_style(index)
        times, values = view.cumulative_of(view.result.instruments[k], *ATTRIBUTION)
        series.append(charts.Series(names[k], times, values, style, dash))
    few = f", the {len(chosen)} with the largest turnover" if len(chosen) < len(names) else ""
    return charts.line_chart(
        series,
        caption="Net PnL by instrument",
        note=f"% of notional{few}",
        label=percent_label(np.concatenate([one.values for one in series])),
    )


def largest(view: View) -> list[int]:
    """Places of the instruments to draw, in their order."""
    result = view.result
    turnover = [result.attribution_by_instrument[one.name]["turnover"] for one in result.instruments]
    order = sorted(range(len(turnover)), key=lambda k: -turnover[k])
    return sorted(order[:MOST_CHARTS])


def position(view: View) -> str:
    """Exposure over time, and how it was spread; with several instruments for each of them."""
    if len(view.result.instruments) > 1:
        return _positions(view)
    held = view.exposure()[1][1:]
    sides = (held > 0, held == 0, held < 0)
    long, flat, short = (formats.percent(float(side.mean()) if len(held) else math.nan, 0) for side in sides)
    exposure = formats.number(view.metrics["exposure"])
    lead = f"Long {long}, flat {flat}, short {short} of the time; mean absolute exposure {exposure} of the notional."
    said = "" if view.brief or not view.metrics["fills"] else timing_sentence(next(iter(timings(view.result).values())))
    note = element("p", text(said), class_="lead after") if said else ""
    return section("Position", lead, _exposure_chart(view), _contracts_chart(view), note, anchor="position")


def _exposure_chart(view: View, instrument: InstrumentLike | None = None, caption: str = "Exposure") -> str:
    times, values = view.exposure(instrument)
    return charts.position_chart(
        times,
        values,
        caption=caption,
        note="position value over notional" + ("" if instrument else ", at the end of each recorded period"),
        label=_decimal_label(values),
        height=90 if instrument else 130,
    )


def _decimal_label(values: Floats) -> charts.Label:
    size = float(np.abs(values).max()) if len(values) else 0.0
    digits = 0 if size >= 10 else 2 if size >= 0.05 else formats.decimals([size])
    return lambda value: formats.number(value, digits)


def _contracts_chart(view: View) -> str:
    """Contracts held, from the curve: on quotes, books and trades it has more points than the periods."""
    if not on_events(view.result) or view.result.thinned:
        return ""
    times, values = view.contracts()
    return charts.position_chart(
        times, values, caption="Contracts held", note=f"every {view.step}", label=_decimal_label(values)
    )


def _positions(view: View) -> str:
    result, m = view.result, view.metrics
    names, chosen = labels(result.instruments), largest(view)
    rows = []
    for name, instrument in zip(names, result.instruments, strict=True):
        held = view.exposure(instrument)[1][1:]
        sides = (held > 0, held == 0, held < 0)
        shares = [formats.percent(float(side.mean()) if len(held) else math.nan, 0) for side in sides]
        sizes = [float(np.abs(held).mean()), float(held.min()), float(held.max())] if len(held) else [math.nan] * 3
        rows.append(row(name, *shares, *(formats.number(size) for size in sizes)))
    head = ["Instrument", "Long", "Flat", "Short", "Mean absolute", "Lowest", "Highest"]
    multiples = [_exposure_chart(view, result.instruments[k], names[k]) for k in chosen]
    grid = element("div", *(element("div", chart) for chart in multiples), class_="pair")
    lead = (
        f"Position value over notional. Net, the signed sum: {formats.number(m['exposure'])} in the mean of its "
        f"absolute value; gross, the sum of absolute values: {formats.number(m['gross_exposure'])}."
    )
    if len(chosen) < len(names):
        lead += f" Drawn are the {len(chosen)} with the largest turnover."
    net = _exposure_chart(view, caption="Net exposure")
    tested = timings(result)
    said = {names[k]: timing_sentence(tested[result.instruments[k].name]) for k in chosen} if not view.brief else {}
    return section("Position", lead, table(head, rows), net, grid, definitions(said) if said else "", anchor="position")
