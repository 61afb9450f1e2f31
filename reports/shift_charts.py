"""Charts of a shift of states: distance over time with its interval, and disagreement by how foreign a state is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from halfspread.reports import formats
from halfspread.reports.charts import figure, legend
from halfspread.reports.scales import padded, time_ticks
from halfspread.reports.shift_view import NoveltyRow, ShiftView
from halfspread.reports.svg import Axes, area_path, element, frame, line_path, text
from halfspread.reports.training_charts import dot, whisker
from halfspread.reports.view import percent_label

__all__ = ["disagreement_by_novelty", "distance_over_time"]


def distance_over_time(shift: ShiftView, *, height: int = 220) -> str:
    """Mean distance of all features in windows of the visited states, a band for its interval, and dashed what it stays
    below without a shift. Empty with fewer than two windows."""
    shown = [each for each in shift.windows if math.isfinite(each.distance)]
    if len(shown) < 2:
        return ""
    times = np.array([(each.start + each.end) // 2 for each in shown], np.int64)
    value, lower, upper = (np.array([getattr(each, name) for each in shown]) for name in ("distance", "low", "high"))
    lower, upper = np.where(np.isfinite(lower), lower, value), np.where(np.isfinite(upper), upper, value)
    usual = shift.usual if math.isfinite(shift.usual) else 0.0
    high = padded(0.0, max(float(upper.max()), usual))[1]
    axes = Axes(shown[0].start, max(shown[-1].end, shown[0].start + 1), 0.0, high, height)
    xs = axes.x(times)
    band = element("path", d=area_path(xs, axes.y(upper), axes.y(lower)), class_="fill exposure")
    drawing = [band, element("path", d=line_path(xs, axes.y(value)), class_="line series-0")]
    keys: list[tuple[str, str, str | None]] = [("visited states", "stroke series-0", None)]
    if math.isfinite(shift.usual):
        level = axes.y(np.full(2, shift.usual))
        ends = axes.x(np.array([axes.start, axes.end]))
        drawing.append(element("path", d=line_path(ends, level), class_="line thin loss", stroke_dasharray="7 4"))
        keys.append(("19 of 20 windows stay below without a shift", "stroke loss", "7 4"))
    for each, x, y in zip(shown, xs.tolist(), axes.y(value).tolist(), strict=True):
        wrong = f", disagreement {formats.percent(each.disagreement)}" if math.isfinite(each.disagreement) else ""
        words = f"{each.rows:,} rows: {formats.number(each.distance)} standard deviations{wrong}"
        drawing.append(dot(x, y, "series-0", words, 6.0))
    digits = 2 if high >= 0.1 else 3
    svg = frame(
        axes,
        "".join(drawing),
        title="Distance over time",
        description=f"from {formats.number(float(value.min()))} to {formats.number(float(value.max()))}",
        label=lambda level: formats.number(level, digits),
        x_ticks=time_ticks(int(axes.start), int(axes.end), 5),
    )
    note = f"mean of features, standard deviations; band: {formats.percent(shift.level, 0)} interval"
    return figure("Distance over time", note, legend(keys), svg)


def disagreement_by_novelty(rows: Sequence[NoveltyRow], *, height: int = 220) -> str:
    """Columns of the disagreement in equal parts of the visited states, the most familiar ones to the left. Empty
    without any."""
    known = [each for each in rows if math.isfinite(each.disagreement)]
    if not known:
        return ""
    ends = [max(each.disagreement, each.high if math.isfinite(each.high) else 0.0) for each in known]
    axes = Axes(-0.5, len(known) - 0.5, 0.0, padded(0.0, max(*ends, 1e-4))[1], height)
    label = percent_label(np.array(ends))
    drawing = []
    for i, each in enumerate(known):
        left, right = float(axes.x(i - 0.3)), float(axes.x(i + 0.3))
        top = float(axes.y(each.disagreement))
        words = (
            f"{each.rows:,} states, foreign {formats.percent(each.foreign)}: disagreement {label(each.disagreement)}"
        )
        place = {"x": round(left, 1), "y": round(top, 1), "width": round(right - left, 1)}
        tall = round(max(height - top, 0.3), 1)
        drawing.append(element("rect", element("title", text(words)), **place, height=tall, class_="fill series-1"))
        drawing.append(whisker(axes, i, each.low, each.high, "net thin"))
    ticks = [(float(i), formats.percent(each.foreign, 0)) for i, each in enumerate(known)]
    svg = frame(axes, "".join(drawing), title="Disagreement by novelty", description="", label=label, x_ticks=ticks)
    note = "to the right the probability that a classifier takes a state for a visited one; lines: intervals"
    return figure("Disagreement where states are foreign", note, "", svg)
