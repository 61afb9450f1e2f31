"""Charts of trials: a fan of equity curves, and execution against carry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from halfspread.reports.charts import Label, figure, legend
from halfspread.reports.scales import nice_ticks, padded, time_ticks
from halfspread.reports.svg import Axes, area_path, element, frame, line_path, text

__all__ = ["fan_chart", "scatter_chart"]

Floats = np.ndarray[Any, np.dtype[np.float64]]
Integers = np.ndarray[Any, np.dtype[np.int64]]

#: Bands by the quantiles that bound them, and how strong they are.
_BANDS = ((0.05, 0.95, 0.16), (0.25, 0.75, 0.28))
#: Days drawn at most.
_POINTS = 500


def fan_chart(
    days: Integers,
    equity: Floats,
    named: Sequence[tuple[str, int, str]],
    *,
    caption: str,
    note: str,
    label: Label,
    style: str = "series-0",
) -> str:
    """Quantiles of ``equity`` (days, trials) day by day as bands, their median, and ``named`` trials (name, column, CSS
    class) as lines. Every day begins at its midnight (ns, UTC)."""
    rows = np.unique(np.linspace(0, len(days) - 1, min(len(days), _POINTS)).astype(np.intp))
    shown, times = equity[rows], days[rows]
    low, high = padded(min(float(shown.min()), 0.0), max(float(shown.max()), 0.0))
    axes = Axes(float(days[0]), float(max(days[-1], days[0] + 1)), low, high, 320)
    xs = axes.x(times)
    drawing, entries = [], []
    for lower, upper, strength in _BANDS:
        bottom, top = np.quantile(shown, [lower, upper], axis=1)
        tone = f"fill-opacity: {strength}"
        area = area_path(xs, axes.y(top), axes.y(bottom))
        drawing.append(element("path", d=area, class_=f"fill {style}", style=tone))
    for name, column, line in named:
        drawing.append(element("path", d=line_path(xs, axes.y(shown[:, column])), class_=f"line thin {line}"))
        entries.append((name, f"stroke {line}", None))
    median = np.median(shown, axis=1)
    drawing.append(element("path", d=line_path(xs, axes.y(median)), class_=f"line {style}", style="stroke-width: 2.2"))
    ends = np.quantile(equity[-1], [0.05, 0.5, 0.95])
    words = (
        f"at the end: 5% at {label(float(ends[0]))}, half at {label(float(ends[1]))}, 95% at {label(float(ends[2]))}"
    )
    dates = time_ticks(int(axes.start), int(axes.end))
    svg = frame(axes, "".join(drawing), title=caption, description=words, label=label, x_ticks=dates)
    key = legend([("median of each day", f"stroke {style}", None), *entries])
    return figure(caption, f"{note}; bands: the middle 50% and 90% of the trials on each day", key, svg)


def scatter_chart(
    groups: Sequence[tuple[str, Floats, Floats, Sequence[int]]],
    *,
    caption: str,
    note: str,
    across: str,
    label: Label,
    styles: Sequence[str],
) -> str:
    """A dot for each trial of each of ``groups``: name, values across and upwards (n,), numbers of the trials."""
    xs = np.concatenate([each[1] for each in groups])
    ys = np.concatenate([each[2] for each in groups])
    left, right = padded(float(xs.min()), float(xs.max()), 0.06)
    low, high = padded(float(ys.min()), float(ys.max()), 0.06)
    axes = Axes(left, right, low, high, 300)
    dots = []
    for (name, first, second, trials), style in zip(groups, styles, strict=True):
        for x, y, trial in zip(axes.x(first).tolist(), axes.y(second).tolist(), trials, strict=True):
            words = element("title", text(f"{name}, trial {trial}"))
            place = {"cx": f"{x / 10.0:.2f}%", "cy": round(y, 1), "r": 3}
            dots.append(element("circle", words, **place, class_=f"fill {style}", style="fill-opacity: .55"))
    ticks = [(value, label(value)) for value in nice_ticks(left, right, 7)]
    words = f"{len(xs)} trials"
    svg = frame(axes, "", title=caption, description=words, label=label, x_ticks=ticks)
    svg = svg.removesuffix("</svg>") + "".join(dots) + "</svg>"
    key = (
        legend([(each[0], style, None) for each, style in zip(groups, styles, strict=True)]) if len(groups) > 1 else ""
    )
    return figure(caption, f"{note}; {across} to the right", key, svg)
