"""Columns side by side, one for each hour or weekday, with what they are made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from halfspread.reports.charts import Label, figure, legend
from halfspread.reports.scales import padded
from halfspread.reports.svg import Axes, element, frame, text

__all__ = ["column_chart"]

Floats = NDArray[np.float64]


def column_chart(
    names: Sequence[str],
    parts: Sequence[tuple[str, str, Floats]],
    *,
    total: str,
    caption: str,
    note: str = "",
    label: Label,
    height: int = 170,
    every: int = 1,
) -> str:
    """A column for each of ``names``: (name, CSS class, values) stacked away from zero, and their sum, named ``total``,
    as a bar across. Every ``every``-th name is written."""
    whole = np.sum([values for _, _, values in parts], axis=0)
    ups = np.sum([np.maximum(values, 0.0) for _, _, values in parts], axis=0)
    downs = np.sum([np.minimum(values, 0.0) for _, _, values in parts], axis=0)
    low, high = padded(min(float(downs.min()), 0.0), max(float(ups.max()), 0.0))
    axes = Axes(-0.5, len(names) - 0.5, low, high, height)
    drawing = "".join(_column(axes, i, names[i], parts, float(whole[i]), total, label) for i in range(len(names)))
    ticks = [(float(i), name) for i, name in enumerate(names) if i % every == 0]
    best, worst = int(whole.argmax()), int(whole.argmin())
    words = f"highest {names[best]} {label(float(whole[best]))}, lowest {names[worst]} {label(float(whole[worst]))}"
    svg = frame(axes, drawing, title=caption, description=words, label=label, x_ticks=ticks)
    entries: list[tuple[str, str, str | None]] = [(name, style, None) for name, style, values in parts if values.any()]
    return figure(caption, note, legend([*entries, (total, "stroke net", None)]), svg)


def _column(
    axes: Axes,
    place: int,
    name: str,
    parts: Sequence[tuple[str, str, Floats]],
    whole: float,
    total: str,
    label: Label,
) -> str:
    left, right = float(axes.x(place - 0.36)), float(axes.x(place + 0.36))
    up = down = 0.0
    bars = []
    for part, style, values in parts:
        value = float(values[place])
        base = up if value > 0.0 else down
        up, down = (up + value, down) if value > 0.0 else (up, down + value)
        top, bottom = sorted((float(axes.y(base)), float(axes.y(base + value))))
        if bottom - top >= 0.05:
            where = {"x": round(left, 1), "y": round(top, 1), "width": round(right - left, 1)}
            title = element("title", text(f"{name}: {part} {label(value)}, {total} {label(whole)}"))
            bars.append(element("rect", title, **where, height=round(bottom - top, 1), class_=f"fill {style}"))
    y, reach = round(float(axes.y(whole)), 1), 0.1 * (right - left)
    line = f"M{round(left - reach, 1)} {y}L{round(right + reach, 1)} {y}"
    return "".join(bars) + element("path", d=line, class_="line net")
