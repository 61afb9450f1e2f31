"""The pictures of the study, made from what esn_rrl.json holds and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from cost_study.drawing import Panel, document, words
from esn_rrl_study.paper import TABLE_II

from halfspread.reports import formats
from halfspread.reports.scales import nice_ticks, padded
from halfspread.reports.svg import element

__all__ = ["pictures"]

Entry = Mapping[str, Any]
ROW = 24
LITERAL, DAILY, PAPER = "own s1", "own s0", "ink"


def pictures(study: Entry) -> dict[str, str]:
    """Drawings by the names of their files, of the parts that the study has."""
    rows = study["rows"]
    found = {}
    if {"literal", "daily"} <= set(rows):
        found["table_ii.svg"] = _histogram(rows)
        shown = [key for key, row in rows.items() if row["group"] in ("main", "changes", "baselines")]
        found["rows.svg"] = _ranges(rows, shown)
    if any(row["group"] == "starts" for row in rows.values()):
        found["first_day.svg"] = _first_days(rows)
    return found


def _dot(x: float, y: float, style: str, radius: float = 3.6) -> str:
    return element("circle", cx=round(x, 1), cy=round(y, 1), r=radius, class_=f"dot {style}")


def _histogram(rows: Entry) -> str:
    """Totals of all draws for both gates, and the quartiles that the paper prints."""
    groups = {
        "gate every bar": (rows["literal"]["totals"], LITERAL),
        "gate every day": (rows["daily"]["totals"], DAILY),
    }
    values = [each for totals, _ in groups.values() for each in totals]
    edges = np.linspace(*padded(min(*values, TABLE_II["total"]["min"]), max(*values, TABLE_II["total"]["max"])), 41)
    parts = [words(16, 24, "Total return of each draw of the reservoir, XBTUSD 2017-02-11 to 2021-09-22", "head")]
    tallest = max(np.histogram(totals, edges)[0].max() for totals, _ in groups.values())
    for i, (title, (totals, style)) in enumerate(groups.items()):
        panel = Panel(60, 50 + 150 * i, 760, 110, (edges[0], edges[-1]), (0.0, 1.05 * tallest))
        counts = np.histogram(totals, edges)[0]
        for count, left, right in zip(counts.tolist(), edges[:-1], edges[1:], strict=True):
            if count:
                x, y = float(panel.x(left)), float(panel.y(count))
                size = {"width": round(float(panel.x(right)) - x - 1, 1), "height": round(float(panel.y(0)) - y, 1)}
                parts.append(element("rect", x=round(x, 1), y=round(y, 1), **size, class_=f"fill {style}"))
        parts += [panel.level(0.0, "", "rule"), words(panel.left + 4, panel.top + 12, title, style)]
        parts += [panel.upright(0.0, "rule dash")]
    for tick in nice_ticks(edges[0], edges[-1], 8):
        parts.append(panel.below(tick, formats.number(tick, 0)))
    y = panel.top + panel.height + 46
    paper = TABLE_II["total"]
    x = {name: float(panel.x(paper[name])) for name in ("min", "q25", "q50", "q75", "max")}
    parts.append(element("path", d=f"M{x['min']:.1f} {y}L{x['max']:.1f} {y}", class_="line ink"))
    parts.append(
        element("rect", x=round(x["q25"], 1), y=y - 8, width=round(x["q75"] - x["q25"], 1), height=16, class_="wash")
    )
    parts.append(element("path", d=f"M{x['q50']:.1f} {y - 8}L{x['q50']:.1f} {y + 8}", class_="line ink"))
    parts.append(words(x["max"] + 10, y + 4, "the paper's 250", "strong"))
    told = "; ".join(f"{title}: mean {formats.number(float(np.mean(each)))}" for title, (each, _) in groups.items())
    return document(870, round(y + 28), "Distribution of total returns over draws of the reservoir", told, *parts)


def _ranges(rows: Entry, shown: Sequence[str]) -> str:
    """A line from the least to the greatest total of each row, its quartiles, and its mean."""
    values = [rows[key]["total"][name] for key in shown for name in ("q25", "q75", "mean")]
    xs = padded(max(min(*values, 0.0), -8.0), max(values), 0.08)
    groups = {"main": "how often the gate is looked at", "changes": "one thing changed, gate every day",
              "baselines": "baselines"}  # fmt: skip
    height = ROW * (len(shown) + len(groups)) + 20
    panel = Panel(330, 46, 420, height, xs, (0.0, 1.0))
    parts = [words(16, 24, "Total return after all costs, XBTUSD, by row: dot mean, bar quartiles, line range", "head")]
    for tick in nice_ticks(*xs, 6):
        parts += [panel.upright(tick, "rule" if tick == 0.0 else "grid"), panel.below(tick, formats.number(tick, 0))]
    y, told = panel.top + 12.0, []
    for group, title in groups.items():
        parts.append(words(16, y + 4, title, "head"))
        y += ROW
        for key in [each for each in shown if rows[each]["group"] == group]:
            one = rows[key]["total"]
            parts.append(words(panel.left - 10, y + 4, rows[key]["title"], "strong", "end"))
            inside = {name: min(max(one[name], xs[0]), xs[1]) for name in ("min", "q25", "q75", "max", "mean")}
            x = {name: float(panel.x(value)) for name, value in inside.items()}
            parts.append(element("path", d=f"M{x['min']:.1f} {y:.1f}L{x['max']:.1f} {y:.1f}", class_="line rule"))
            if one["count"] > 1:
                parts.append(
                    element("path", d=f"M{x['q25']:.1f} {y:.1f}L{x['q75']:.1f} {y:.1f}", class_=f"line {DAILY}",
                            stroke_width=5)
                )  # fmt: skip
            parts.append(_dot(x["mean"], y, DAILY if group != "baselines" else LITERAL, 4.2))
            beyond = " (beyond the picture)" if inside["mean"] != one["mean"] else ""
            parts.append(words(panel.left + panel.width + 10, y + 4, formats.number(one["mean"]) + beyond))
            told.append(f"{rows[key]['title']} {formats.number(one['mean'])}")
            y += ROW
    return document(870, round(panel.top + height + 30), "Total return of every row", "; ".join(told), *parts)


def _first_days(rows: Entry) -> str:
    """A dot for each seed over the first day, with and without features."""
    series = {"features and bias": ("start_", DAILY), "bias only": ("start_bias_", LITERAL)}
    found = {
        title: {key.removeprefix(prefix): rows[key]["totals"] for key in rows if key.removeprefix(prefix).isdigit()}
        for title, (prefix, _) in series.items()
    }
    values = [each for days in found.values() for totals in days.values() for each in totals]
    days = sorted({int(day) for each in found.values() for day in each})
    panel = Panel(60, 46, 640, 300, (days[0] - 0.6, days[-1] + 0.6), padded(min(values), max(values)))
    parts = [
        words(16, 24, "Total return by the day of the first decision (February 2017), a dot for each seed", "head")
    ]
    parts += [panel.level(tick, formats.number(tick, 0)) for tick in nice_ticks(*panel.ys, 6)]
    parts.append(panel.level(0.0, "", "rule"))
    parts += [panel.below(day, str(day + 1)) for day in days]
    for i, (title, (_, style)) in enumerate(series.items()):
        for day, totals in found[title].items():
            x = float(panel.x(int(day))) + 9 * (2 * i - 1)
            parts += [_dot(x, float(panel.y(each)), style, 2.8) for each in totals]
        parts += [_dot(720, 70 + 22 * i, style), words(730, 74 + 22 * i, title)]
    ends = {title: [end(map(end, days.values())) for end in (min, max)] for title, days in found.items()}
    told = "; ".join(f"{title}: {formats.number(low)} to {formats.number(high)}" for title, (low, high) in ends.items())
    return document(870, 390, "Total return by the first day", told, *parts)
