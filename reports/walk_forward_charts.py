"""Charts of a walk-forward: equity with its windows, the metric in sample against out of sample, what was chosen, and
the windows as a strip.

Each is a ``<figure>`` with inline SVG. Times are integer nanoseconds UTC.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from halfspread.reports.charts import Label, Series, figure, legend
from halfspread.reports.scales import nice_ticks, padded, time_ticks
from halfspread.reports.svg import Axes, element, frame, line_path, text
from halfspread.reports.sweep_charts import Dimension, value_text

__all__ = ["Stage", "equity_by_window", "inside_against_outside", "inside_and_outside", "stages_strip", "steps"]

Floats = np.ndarray[Any, np.dtype[np.float64]]

#: More windows than this are thinned in the strip.
ROWS = 240


@dataclass(frozen=True)
class Stage:
    """One window: times of training and test (start, end), what was chosen (no agent: it stayed flat), the metric in
    sample and out of sample, and the net return of the test."""

    train: tuple[int, int]
    test: tuple[int, int]
    agent: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict)
    inside: float = math.nan
    outside: float = math.nan
    total: float = 0.0


def _dot(x: float, y: float, style: str, words: str, size: float = 7.0) -> str:
    """A mark that stays round in a drawing that is stretched: a stroke of no length with round ends."""
    look = f"stroke-width: {size:g}; stroke-linecap: round"
    return element("path", element("title", text(words)), d=f"M{x:.1f} {y:.1f}h0", class_=f"line {style}", style=look)


def equity_by_window(
    series: Sequence[Series], stages: Sequence[Stage], *, caption: str, note: str, label: Label, height: int = 300
) -> str:
    """Lines over time, every other test window shaded."""
    ends = [bound for one in series for bound in (float(one.values.min()), float(one.values.max()))]
    low, high = padded(min(0.0, *ends), max(0.0, *ends))
    start = min(stages[0].test[0], int(series[0].times[0]))
    axes = Axes(start, max(stages[-1].test[1], int(series[0].times[-1])), low, high, height)
    bands = []
    for stage in stages[1::2]:
        left, right = (float(axes.x(time)) for time in stage.test)
        place = {"x": round(left, 2), "width": round(right - left, 2), "y": 0, "height": height}
        bands.append(element("rect", **place, style="fill: var(--hair); fill-opacity: .6"))
    lines = []
    for one in (each.thinned(len(series)) for each in series):
        data = line_path(axes.x(one.times), axes.y(one.values))
        lines.append(element("path", d=data, class_=f"line {one.style}"))
    words = "; ".join(f"{one.name} ends at {label(float(one.values[-1]))}" for one in series)
    svg = frame(axes, "".join([*bands, *lines]), title=caption, description=words, label=label)
    return figure(caption, note, legend([(one.name, f"stroke {one.style}", None) for one in series]), svg)


def inside_and_outside(stages: Sequence[Stage], *, caption: str, note: str, label: Label, height: int = 240) -> str:
    """For each window a line from the metric in sample to the metric out of sample, by the time of the test."""
    known = [stage for stage in stages if math.isfinite(stage.inside) and math.isfinite(stage.outside)]
    values = [value for stage in known for value in (stage.inside, stage.outside)]
    low, high = padded(min([0.0, *values]), max([0.0, *values]), share=0.08)
    axes = Axes(stages[0].test[0], stages[-1].test[1], low, high, height)
    size = 7.0 if len(known) <= 60 else 4.0
    below, above = [], []
    for i, stage in enumerate(stages, start=1):
        if stage not in known:
            continue
        x = float(axes.x((stage.test[0] + stage.test[1]) / 2))
        ends = float(axes.y(stage.inside)), float(axes.y(stage.outside))
        words = f"window {i}: {label(stage.inside)} in sample, {label(stage.outside)} out of sample"
        style = "stroke: var(--rule)"
        below.append(element("path", d=line_path(np.array([x, x]), np.array(ends)), class_="line thin", style=style))
        above.append(_dot(x, ends[0], "before-costs", words, size))
        above.append(_dot(x, ends[1], "gain" if stage.total > 0.0 else "loss", words, size))
    dates = time_ticks(int(axes.start), int(axes.end), 5)
    svg = frame(axes, "".join([*below, *above]), title=caption, description=note, label=label, x_ticks=dates)
    return figure(caption, note, _marks(), svg)


def _marks() -> str:
    return legend(
        [
            ("in sample", "before-costs", None),
            ("out of sample, the window gained", "gain", None),
            ("out of sample, it lost", "loss", None),
        ]
    )


def inside_against_outside(stages: Sequence[Stage], *, caption: str, note: str, label: Label, height: int = 240) -> str:
    """A mark for each window: in sample to the right, out of sample upwards, with the line on which both are equal."""
    known = [(i, stage) for i, stage in enumerate(stages, start=1) if math.isfinite(stage.inside + stage.outside)]
    xs, ys = [stage.inside for _, stage in known], [stage.outside for _, stage in known]
    left, right = padded(min([0.0, *xs]), max([0.0, *xs]), share=0.08)
    low, high = padded(min([0.0, *ys]), max([0.0, *ys]), share=0.08)
    axes = Axes(left, right, low, high, height)
    first, last = max(left, low), min(right, high)
    ends = np.array([first, last])
    style = "stroke-dasharray: 4 4; stroke: var(--soft)"
    parts = [element("path", d=line_path(axes.x(ends), axes.y(ends)), class_="line thin", style=style)]
    zero = np.array([0.0, 0.0])
    upright = line_path(axes.x(zero), axes.y(np.array([low, high])))
    parts.append(element("path", d=upright, class_="line thin", style="stroke: var(--rule)"))
    for i, stage in known:
        words = f"window {i}: {label(stage.inside)} in sample, {label(stage.outside)} out of sample"
        tone = "gain" if stage.total > 0.0 else "loss"
        parts.append(_dot(float(axes.x(stage.inside)), float(axes.y(stage.outside)), tone, words, 8.0))
    ticks = [(value, label(value)) for value in nice_ticks(left, right, 5)]
    svg = frame(axes, "".join(parts), title=caption, description=note, label=label, x_ticks=ticks)
    key = legend([("the window gained", "gain", None), ("it lost", "loss", None)])
    return figure(caption, note, key, svg)


def steps(stages: Sequence[Stage], key: str, tried: Sequence[object], *, caption: str, note: str) -> str:
    """The value of one parameter in every test window; ``tried``: all values that it could have had."""
    chosen = [stage.parameters.get(key) for stage in stages]
    levels = Dimension(key, tuple(dict.fromkeys([*tried, *(value for value in chosen if value is not None)])))
    places = dict(zip(levels.values, (1.0 + levels.shares()).tolist(), strict=True))  # above the line of zero
    height = max(64, min(22 * len(levels.levels), 150))
    axes = Axes(stages[0].test[0], stages[-1].test[1], 0.88, 2.12, height)
    parts = []
    for i, (stage, value) in enumerate(zip(stages, chosen, strict=True), start=1):
        if value is None:
            continue
        ends = axes.x(np.array(stage.test, np.float64))
        y = axes.y(np.full(2, places[value]))
        words = element("title", text(f"window {i}: {value_text(value)}"))
        parts.append(element("path", words, d=line_path(ends, y), class_="line series-0", style="stroke-width: 6"))
    shown = _spread(levels, places)
    names = {places[value]: value_text(value) for value in shown}
    svg = frame(
        axes,
        "".join(parts),
        title=f"{caption} over time",
        description=f"{len(set(chosen) - {None})} different values",
        label=_named(names),
        y_ticks=sorted(names),
    )
    return figure(caption, note, "", svg)


def _named(names: Mapping[float, str]) -> Callable[[float], str]:
    return lambda level: names[level]


def _spread(levels: Dimension, places: Mapping[object, float]) -> list[object]:
    """Values to be named on the axis: all of them, or of many the first, the last, and what lies far enough from
    both."""
    kept: list[object] = []
    for value in levels.levels:
        if all(abs(places[value] - places[other]) > 0.13 for other in kept):
            kept.append(value)
    return kept


def stages_strip(stages: Sequence[Stage], purge: int, *, caption: str, note: str) -> str:
    """A row for each window: training, what is purged, the embargo, and the test."""
    rows = list(enumerate(stages, start=1))
    if len(rows) > ROWS:
        rows = [rows[i] for i in np.linspace(0, len(rows) - 1, ROWS).astype(int).tolist()]
        note += f"; {len(rows):,} of {len(stages):,} windows are drawn"
    tall = min(max(420 // len(rows), 2), 16)
    axes = Axes(stages[0].train[0], stages[-1].test[1], 0.0, 1.0, tall * len(rows))
    parts = []
    for place, (i, stage) in enumerate(rows):
        trained, tested = stage.train, stage.test
        spans = [
            ("training", "part-price", trained[0], trained[1]),
            ("purge", "series-5", trained[1], trained[1] + purge),
            ("embargo", "series-3", trained[1] + purge, tested[0]),
            ("test", "series-0" if stage.agent else "before-costs", tested[0], tested[1]),
        ]
        for name, style, start, end in spans:
            if end <= start:
                continue
            left, right = float(axes.x(start)), float(axes.x(end))
            words = element("title", text(f"window {i}: {name}"))
            where = {"x": round(left, 2), "width": round(max(right - left, 1.0), 2), "y": place * tall}
            where["height"] = tall - (1 if tall < 6 else 3)
            parts.append(element("rect", words, **where, class_=f"fill {style}"))
    found = any(stage.test[0] > stage.train[1] + purge for stage in stages)
    keys = [("training", "part-price", None), *([("purge", "series-5", None)] if purge else [])]
    keys += [("embargo", "series-3", None)] if found else []
    keys += [("test", "series-0", None)]
    keys += [("test, stayed flat", "before-costs", None)] if any(not stage.agent for stage in stages) else []
    levels = {1.0 - (place + 0.5) / len(rows): f"{i}" for place, (i, _) in enumerate(rows)}
    step = -(-len(levels) * 15 // (tall * len(rows)))
    names = dict(list(levels.items())[::step])
    svg = frame(
        axes,
        "".join(parts),
        title=caption,
        description=f"{len(stages)} windows",
        label=_named(names),
        y_ticks=list(names),
    )
    return figure(caption, note, legend(keys), svg)
