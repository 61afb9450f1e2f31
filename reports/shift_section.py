"""The section of a page on one shift: measures, features, actions, and how both change."""

from __future__ import annotations

import math
from collections.abc import Sequence

from halfspread.reports import formats
from halfspread.reports.html_tables import bar_cell, definitions, range_cell, row, table
from halfspread.reports.shift_charts import disagreement_by_novelty, distance_over_time
from halfspread.reports.shift_view import ActionRow, FeatureRow, MeasureRow, ShiftView
from halfspread.reports.svg import element, text
from halfspread.reports.view import section

__all__ = ["measure_value", "p_text", "shift_section"]

#: Features in the table, the most distant first.
SHOWN = 40


def shift_section(shift: ShiftView, anchor: str = "shift") -> str:
    """How far the visited states are from those of the reference."""
    charts = [distance_over_time(shift), disagreement_by_novelty(shift.novelty)]
    drawn = [chart for chart in charts if chart]
    content = [_measures(shift.measures), _features(shift), _actions(shift.actions)]
    content.append(element("div", *drawn, class_="pair") if len(drawn) == 2 else "".join(drawn))
    if shift.notes:
        content.append(element("p", *[element("span", text(words), " ") for words in shift.notes], class_="lead after"))
    visited = f"{shift.visited[:1].upper()}{shift.visited[1:]}"
    lead = (
        f"{visited} ({shift.visited_rows:,} rows) against {shift.reference} ({shift.reference_rows:,} rows). "
        f"Intervals ({formats.percent(shift.level, 0)}) and p-values resample blocks of {shift.block:,} consecutive "
        "rows, since states that follow each other resemble each other."
    )
    return section(f"Shift: {shift.visited}", lead, *content, anchor=anchor)


def measure_value(value: float, unit: str) -> str:
    """A measure with its unit."""
    if not math.isfinite(value):
        return "infinite" if value > 0.0 else formats.MISSING
    digits = 2 if abs(value) >= 0.1 else 3 if abs(value) >= 0.01 else 4
    return f"{formats.number(value, digits)} {unit}".rstrip()


def p_text(p: float) -> str:
    """A p-value."""
    return formats.number(p, 3) if math.isfinite(p) else formats.MISSING


def _interval(low: float, high: float, digits: int = 2, *, sign: bool = False) -> str:
    if not (math.isfinite(low) and math.isfinite(high)):
        return formats.MISSING
    return f"{formats.number(low, digits, sign=sign)} to {formats.number(high, digits, sign=sign)}"


def _measures(measures: Sequence[MeasureRow]) -> str:
    if not measures:
        return ""
    rows = []
    for each in measures:
        digits = 2 if abs(each.high) >= 0.1 else 4
        says = element("td", text(each.says), class_="words wrap")
        value = measure_value(each.value, each.unit)
        rows.append(row(each.name, value, _interval(each.low, each.high, digits), p_text(each.p), says))
    head = ["", "Value", "Interval", "p", "What it says"]
    return table(head, rows, words=(4,))


def _features(shift: ShiftView) -> str:
    if not shift.features:
        return ""
    order = sorted(shift.features, key=_size, reverse=True)
    shown = order[:SHOWN]
    high = 1.04 * max(
        [1e-9, *(each.distance for each in shown), *(each.distance_high for each in shown if _known(each))]
    )
    rows = []
    for each in shown:
        name = f"{each.feature}: {formats.number(each.distance)} standard deviations"
        bar = (
            range_cell(each.distance, (each.distance_low, each.distance_high), 0.0, high, name)
            if _known(each)
            else bar_cell([(each.distance, "series-0", name)], 0.0, high)
        )
        cells = [_mean(each.reference_mean), _mean(each.visited_mean)]
        cells += [formats.number(each.drift, 2, sign=True)]
        cells += [_interval(each.drift_low, each.drift_high, sign=True), formats.number(each.distance)]
        rows.append(row(each.feature, *cells, formats.number(each.index, 3), p_text(each.p), bar))
    head = ["", "Reference", "Visited", "Drift", "Interval", "Distance", "PSI", "p", ""]
    rest = len(order) - len(shown)
    words = (
        "Drift of the mean and distance (Wasserstein) in standard deviations of the reference, the most distant first."
    )
    words += f" {rest:,} more are in the JSON." if rest > 0 else ""
    return element("h3", "By feature") + table(head, rows) + element("p", words, class_="lead after")


def _mean(value: float) -> str:
    """Three digits that matter; features have units of every size."""
    if not math.isfinite(value) or value == 0.0:
        return formats.number(value, 0)
    return formats.number(value, min(max(2 - math.floor(math.log10(abs(value))), 0), 10))


def _size(each: FeatureRow) -> float:
    return each.distance if not math.isnan(each.distance) else -1.0


def _known(each: FeatureRow) -> bool:
    return math.isfinite(each.distance_low) and math.isfinite(each.distance_high)


def _actions(actions: Sequence[ActionRow]) -> str:
    if not actions:
        return ""
    ends = [abs(value) for each in actions for value in (each.change, each.low, each.high) if math.isfinite(value)]
    reach = max([*ends, 1e-9])
    rows = []
    for each in actions:
        name = f"{each.action}: {formats.percent(each.change, 2, sign=True)}"
        bar = range_cell(each.change, (each.low, each.high), -reach, reach, name)
        cells = [formats.percent(each.reference), formats.percent(each.visited)]
        cells += [formats.percent(each.change, 2, sign=True), _interval(100 * each.low, 100 * each.high, sign=True)]
        rows.append(row(each.action, *cells, bar))
    head = ["Expert wants", "Reference", "Visited", "At matched states", "Interval, %", ""]
    words = (
        "At matched states: by how much the probability of the action differs where the states are alike. Not zero: "
        "something that the features do not show decides too, or the expert has changed."
    )
    return element("h3", "Actions") + table(head, rows) + definitions({"read": words})
