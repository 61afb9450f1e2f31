"""Charts of sweeps: a heat map of two keys, parallel coordinates of more, a profile of one.

Each is a ``<figure>`` with inline SVG at percentages of the page's width. Colours mix those of gain and loss with the
paper, so that they work in light, dark and print. NaN is drawn as an empty place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from halfspread.reports import formats
from halfspread.reports.scales import padded
from halfspread.reports.svg import Axes, element, frame, line_path, text

__all__ = ["Dimension", "heat_map", "multiples_chart", "parallel_coordinates", "profile", "value_text"]

Floats = np.ndarray[Any, np.dtype[np.float64]]
Label = Callable[[float], str]

#: Wider maps show no numbers in their places.
NUMBERS_UP_TO = 14
#: So many labels fit below a chart.
LABELS = 16
#: More settings than this are thinned to the best and every so many of the others.
LINES = 400
_EDGE = 0.06


def value_text(value: object) -> str:
    """A value of a setting as people read it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}".replace("-", formats.MINUS)
    return str(value)


def _size(value: Any) -> float:
    return float(value)


@dataclass(frozen=True)
class Dimension:
    """A key of a sweep, and its value in every setting that ran; numbers stand in order of size on its axis, anything
    else in order of appearance."""

    key: str
    values: tuple[object, ...]

    @property
    def numeric(self) -> bool:
        """Whether every value is a number."""
        return all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in self.values)

    @property
    def levels(self) -> list[object]:
        """The different values in their order."""
        found = list(dict.fromkeys(self.values))
        return sorted(found, key=_size) if self.numeric else found

    def shares(self) -> Floats:
        """Place of each value on an axis from 0 to 1: by size for numbers, evenly for anything else."""
        if self.numeric:
            numbers = np.array([_size(value) for value in self.values])
            if numbers.min() > 0.0 and numbers.max() / numbers.min() > 30.0:
                numbers = np.log(numbers)
            span = float(np.ptp(numbers))
            return (numbers - numbers.min()) / span if span > 0.0 else np.full(len(numbers), 0.5)
        places = {value: i for i, value in enumerate(self.levels)}
        span = max(len(places) - 1, 1)
        return np.array([places[value] / span for value in self.values])


def _mix(value: float, largest: float) -> str:
    depth = round(75 * math.sqrt(min(abs(value) / largest, 1.0))) if largest > 0.0 else 0
    return f"fill: color-mix(in srgb, var(--{'gain' if value > 0 else 'loss'}) {depth}%, var(--paper))"


def _figure(caption: str, note: str, *content: str) -> str:
    head = element("span", text(caption), class_="caption") + element("span", text(note), class_="note")
    return element("figure", element("figcaption", head), element("div", *content, class_="plot"))


def heat_map(
    across: Dimension, down: Dimension, values: Floats, *, caption: str, note: str, label: Label, best: int
) -> str:
    """One place for each pair of values, tinted by ``values``; the ``best`` setting is framed."""
    columns, rows = across.levels, down.levels
    width, height = 100.0 / len(columns), 34 if len(rows) <= NUMBERS_UP_TO else max(420 // len(rows), 6)
    finite = values[np.isfinite(values)]
    largest = float(np.abs(finite).max()) if len(finite) else 0.0
    places = {value: i for i, value in enumerate(columns)}, {value: i for i, value in enumerate(rows)}
    drawn: list[str] = []
    order = [i for i in range(len(values)) if i != best] + [best]
    for i in order:
        if not math.isfinite(values[i]):
            continue
        column, row = places[0][across.values[i]], len(rows) - 1 - places[1][down.values[i]]
        shown = label(float(values[i]))
        words = f"{across.key}={value_text(across.values[i])}, {down.key}={value_text(down.values[i])}: {shown}"
        x, y = f"{column * width:.3f}%", row * height
        style = _mix(float(values[i]), largest) + ("; stroke: var(--ink); stroke-width: 2" if i == best else "")
        drawn.append(
            element("rect", element("title", text(words)), x=x, y=y, width=f"{width:.3f}%", height=height, style=style)
        )
        if len(columns) <= NUMBERS_UP_TO and len(rows) <= NUMBERS_UP_TO:
            middle = f"{(column + 0.5) * width:.3f}%"
            drawn.append(
                element(
                    "text", text(shown), x=middle, y=y + height / 2, dy="0.35em", text_anchor="middle",
                    class_="every-other",
                    style="fill: var(--ink)",
                )
            )  # fmt: skip
    tall = len(rows) * height
    step = -(-len(rows) * 16 // max(tall, 16)) if height < 14 else 1
    for i, value in enumerate(rows):
        if i % step == 0:
            middle_of = (len(rows) - 0.5 - i) * height
            drawn.append(element("text", text(value_text(value)), x=-8, y=middle_of, dy="0.35em", class_="level"))
    drawn += _below(columns, tall)
    drawn.append(element("text", text(across.key), x="50%", y=tall + 36, text_anchor="middle"))
    svg = _svg(caption, f"best: {label(float(values[best]))}", tall + 42, drawn)
    return _figure(caption, f"{note}; {down.key} upwards, {across.key} to the right; the best is framed", svg)


def _below(values: Sequence[object], y: int) -> list[str]:
    step, width = -(-len(values) // LABELS), 100.0 / len(values)
    return [
        element("text", text(value_text(value)), x=f"{(i + 0.5) * width:.3f}%", y=y + 17, text_anchor="middle")
        for i, value in enumerate(values)
        if i % step == 0
    ]


def _svg(title: str, words: str, height: int, parts: Sequence[str]) -> str:
    return element(
        "svg",
        element("title", text(title)),
        element("desc", text(words)),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        class_="chart",
        role="img",
        aria_label=title,
        width="100%",
        height=height,
    )


def parallel_coordinates(
    dimensions: Sequence[Dimension], values: Floats, *, name: str, caption: str, note: str, label: Label, best: int
) -> str:
    """A line for each setting through its value on every axis, to its result on the last; the best on top."""
    height, count = 300, len(dimensions)
    known = np.flatnonzero(np.isfinite(values))
    order = known[np.argsort(values[known], kind="stable")]
    shown = order
    if len(order) > LINES:
        rest = order[: -LINES // 2]
        shown = np.concatenate([rest[np.linspace(0, len(rest) - 1, LINES // 2).astype(np.intp)], order[-LINES // 2 :]])
        note += f"; {len(shown):,} of {len(order):,} settings are drawn, the best among them"
    result = Dimension(name, tuple(values[known].tolist()))
    scaled = np.full(len(values), np.nan)
    scaled[known] = result.shares() if np.ptp(values[known]) > 0.0 else 0.5
    if len(known) and values[known].min() < values[known].max():
        scaled[known] = (values[known] - values[known].min()) / np.ptp(values[known])
    heights = np.stack([*(dimension.shares() for dimension in dimensions), scaled], axis=1)
    xs = (_EDGE + (1.0 - 2.0 * _EDGE) * np.arange(count + 1) / count) * 1000.0
    largest = float(np.abs(values[known]).max()) if len(known) else 0.0
    lines = []
    for i in [*shown[shown != best].tolist(), best]:
        ys = 6.0 + (1.0 - heights[i]) * (height - 12.0)
        tint = _mix(float(values[i]), largest).replace("fill:", "stroke:")
        style = "stroke: var(--ink); stroke-width: 2.4" if i == best else f"{tint}; stroke-opacity: .75"
        words = ", ".join(f"{each.key}={value_text(each.values[i])}" for each in dimensions)
        title = element("title", text(f"{words}: {label(float(values[i]))}"))
        lines.append(element("path", title, d=line_path(xs, ys), class_="line", style=style))
    inside = element(
        "svg", *lines, class_="drawing", width="100%", height=height, viewBox=f"0 0 1000 {height}",
        preserveAspectRatio="none",
    )  # fmt: skip
    axes = [_axis(x / 10.0, dimension, height) for x, dimension in zip(xs, dimensions, strict=False)]
    axes.append(_result_axis(float(xs[-1]) / 10.0, name, values[known], label, height))
    svg = _svg(caption, f"best: {label(float(values[best]))}", height + 44, [inside, *axes])
    return _figure(caption, f"{note}; the best is the heavy line", svg)


def _axis(x: float, dimension: Dimension, height: int) -> str:
    levels = dimension.levels
    marks = (
        [(0.0, levels[0]), (1.0, levels[-1])]
        if dimension.numeric
        else [(i / max(len(levels) - 1, 1), level) for i, level in enumerate(levels)]
    )
    if dimension.numeric and len(levels) == 1:
        marks = [(0.5, levels[0])]
    return _ruler(x, dimension.key, [(share, value_text(value)) for share, value in marks], height)


def _result_axis(x: float, name: str, values: Floats, label: Label, height: int) -> str:
    if not len(values):
        return _ruler(x, name, [], height)
    return _ruler(x, name, [(0.0, label(float(values.min()))), (1.0, label(float(values.max())))], height)


def _ruler(x: float, key: str, marks: Sequence[tuple[float, str]], height: int) -> str:
    place = f"{x:.2f}%"
    line = element("line", x1=place, x2=place, y1=6, y2=height - 6, style="stroke: var(--soft)")
    texts = [
        element(
            "text", text(words), x=place, y=6.0 + (1.0 - share) * (height - 12.0), dy="0.35em", dx="6",
            style="paint-order: stroke; stroke: var(--paper); stroke-width: 4px",
        )
        for share, words in marks
    ]  # fmt: skip
    named = element("text", text(key), x=place, y=height + 22, text_anchor="middle")
    return line + "".join(texts) + named


def profile(dimension: Dimension, values: Floats, *, caption: str, note: str, label: Label, best: int) -> str:
    """The result for each value of one key, as bars from zero."""
    order = sorted(range(len(values)), key=lambda i: dimension.levels.index(dimension.values[i]))
    finite = values[np.isfinite(values)]
    low, high = padded(min(float(finite.min()), 0.0), max(float(finite.max()), 0.0)) if len(finite) else (0.0, 1.0)
    axes = Axes(0.0, float(len(order)), low, high, 260)
    bars = []
    for place, i in enumerate(order):
        if not math.isfinite(values[i]):
            continue
        left, right = float(axes.x(place + 0.1)), float(axes.x(place + 0.9))
        ends = sorted([float(axes.y(0.0)), float(axes.y(values[i]))])
        words = f"{dimension.key}={value_text(dimension.values[i])}: {label(float(values[i]))}"
        tone = "gain" if values[i] > 0.0 else "loss"
        style = "stroke: var(--ink); stroke-width: 2; vector-effect: non-scaling-stroke" if i == best else None
        place_of = {"x": round(left, 2), "width": round(right - left, 2), "y": round(ends[0], 2)}
        tall = max(round(ends[1] - ends[0], 2), 0.5)
        bars.append(
            element("rect", element("title", text(words)), **place_of, height=tall, class_=f"fill {tone}", style=style)
        )
    step = -(-len(order) // LABELS)
    ticks = [(n + 0.5, value_text(dimension.values[i])) for n, i in enumerate(order) if n % step == 0]
    svg = frame(axes, "".join(bars), title=caption, description="", label=label, x_ticks=ticks)
    return _figure(caption, f"{note}; {dimension.key} to the right; the best is framed", svg)


def multiples_chart(
    multiples: Sequence[float], lines: Sequence[tuple[str, str, Floats]], *, caption: str, note: str, label: Label
) -> str:
    """A line (name, CSS class, value at each multiple) for each cost, over multiples of it."""
    every = np.concatenate([values for _, _, values in lines])
    finite = every[np.isfinite(every)]
    low, high = padded(min(float(finite.min()), 0.0), max(float(finite.max()), 0.0)) if len(finite) else (0.0, 1.0)
    axes = Axes(multiples[0], multiples[-1], low, high, 300)
    xs = axes.x(multiples)
    drawing, keys = [], []
    for name, style, values in lines:
        shown = np.isfinite(values)
        drawing.append(element("path", d=line_path(xs[shown], axes.y(values[shown])), class_=f"line {style}"))
        keys.append(element("li", element("i", " ", class_=f"key stroke {style}"), text(name)))
    ticks = [(multiple, f"{multiple:g}\N{MULTIPLICATION SIGN}") for multiple in multiples]
    svg = frame(axes, "".join(drawing), title=caption, description=note, label=label, x_ticks=ticks)
    head = element("span", text(caption), class_="caption") + element("span", text(note), class_="note")
    return element(
        "figure",
        element("figcaption", head, element("ul", *keys, class_="legend")),
        element("div", svg, class_="plot"),
    )
