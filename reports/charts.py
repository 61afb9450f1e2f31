"""The charts of the pages, each a ``<figure>`` with a caption, a legend and one SVG.

Series come with times in integer nanoseconds UTC and finite values. Lines are thinned by
`halfspread.reports.decimation`: every bucket keeps its lowest and highest value; a stack shows the last value of each
bucket.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from halfspread.reports.decimation import BUCKETS, even_edges, even_rows, gaps, keep_extremes
from halfspread.reports.scales import nice_ticks, padded, time_ticks
from halfspread.reports.svg import Axes, area_path, element, frame, line_path, step_path, text

__all__ = [
    "Label",
    "Series",
    "drawdown_chart",
    "figure",
    "histogram",
    "legend",
    "line_chart",
    "position_chart",
    "stacked_chart",
]

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
Label = Callable[[float], str]


@dataclass(frozen=True)
class Series:
    """A line: its name in the legend, its points, its CSS class (colour), its dash pattern, if any, and the times at
    which it begins anew after a hole (found by `thinned`)."""

    name: str
    times: Times
    values: Floats
    style: str
    dash: str | None = None
    breaks: tuple[int, ...] | None = None

    def thinned(self, lines: int) -> Series:
        """The points to draw where ``lines`` share a chart: fewer each, the more lines there are."""
        rows = keep_extremes(self.values, max(80, 2 * BUCKETS // max(2, lines)))
        if self.breaks is None:
            after = gaps(self.times)
            rows, breaks = np.unique(np.concatenate([rows, after, after - 1])), tuple(self.times[after].tolist())
        else:
            breaks = self.breaks
        return replace(self, times=self.times[rows], values=self.values[rows], breaks=breaks)

    def pieces(self) -> list[slice]:
        """The runs of rows that are drawn in one stroke."""
        cuts = np.flatnonzero(np.isin(self.times, self.breaks or ())).tolist()
        return [slice(start, end) for start, end in zip([0, *cuts], [*cuts, len(self.times)], strict=True)]


def figure(caption: str, note: str, key: str, svg: str) -> str:
    """A ``<figure>`` around a drawing: caption, how to read it, and a legend (markup)."""
    head = element("span", text(caption), class_="caption") + (
        element("span", text(note), class_="note") if note else ""
    )
    return element("figure", element("figcaption", head, key), element("div", svg, class_="plot"))


def legend(entries: Sequence[tuple[str, str, str | None]]) -> str:
    """List of (name, CSS class, dash pattern) with a sample of each line or fill."""
    items = [
        element("li", element("i", " ", class_=f"key {style}{' dashed' if dash else ''}"), text(name))
        for name, style, dash in entries
    ]
    return element("ul", *items, class_="legend")


def _range_of(series: Sequence[Series], with_zero: bool) -> tuple[float, float]:
    """Lowest and highest value drawn, with zero if it belongs to the reading."""
    ends = [bound for one in series if len(one.values) for bound in (float(one.values.min()), float(one.values.max()))]
    if with_zero or not ends:
        ends.append(0.0)
    return min(ends), max(ends)


def _span(series: Sequence[Series]) -> tuple[int, int]:
    """First and last time of all series."""
    times = [int(time) for one in series if len(one.times) for time in (one.times[0], one.times[-1])]
    return (min(times), max(*times, min(times) + 1)) if times else (0, 1)


def line_chart(
    series: Sequence[Series],
    *,
    caption: str,
    note: str = "",
    label: Label,
    height: int = 260,
    with_zero: bool = True,
    ticks: int = 8,
) -> str:
    """Lines on one axis, the last one on top, with about ``ticks`` dates below; one that is called as the caption needs
    no legend."""
    low, high = padded(*_range_of(series, with_zero))
    axes = Axes(*_span(series), low, high, height)
    lines = []
    for one in (each.thinned(len(series)) for each in series):
        xs, ys = axes.x(one.times), axes.y(one.values)
        data = "".join(line_path(xs[piece], ys[piece]) for piece in one.pieces())
        lines.append(element("path", d=data, class_=f"line {one.style}", stroke_dasharray=one.dash))
    words = "; ".join(f"{one.name} ends at {label(float(one.values[-1]))}" for one in series if len(one.values))
    dates = time_ticks(int(axes.start), int(axes.end), ticks)
    svg = frame(axes, "".join(lines), title=caption, description=words, label=label, x_ticks=dates)
    alone = len(series) == 1 and series[0].name == caption
    key = "" if alone else legend([(one.name, f"stroke {one.style}", one.dash) for one in series])
    return figure(caption, note, key, svg)


def drawdown_chart(
    times: Times, falls: Floats, *, caption: str, note: str = "", label: Label, height: int = 110, ticks: int = 8
) -> str:
    """Area below zero; ``falls`` are positive and are drawn downwards."""
    series = Series("", times, falls, "fall")
    deepest = float(falls.max()) if len(falls) else 0.0
    axes = Axes(*_span([series]), -(deepest or 1e-3) * 1.06, 0.0, height)
    thin = series.thinned(1)
    xs, ys = axes.x(thin.times), axes.y(-thin.values)
    pieces = thin.pieces()
    areas = "".join(area_path(xs[piece], np.zeros_like(ys[piece]), ys[piece]) for piece in pieces)
    lines = "".join(line_path(xs[piece], ys[piece]) for piece in pieces)
    drawing = element("path", d=areas, class_="fill fall") + element("path", d=lines, class_="line fall")
    words = f"deepest fall {label(deepest)}"
    dates = time_ticks(int(axes.start), int(axes.end), ticks)
    svg = frame(axes, drawing, title=caption, description=words, label=lambda v: label(v or 0.0), x_ticks=dates)
    return figure(caption, note, "", svg)


def position_chart(
    times: Times, values: Floats, *, caption: str, note: str = "", label: Label, height: int = 130
) -> str:
    """A value that holds until it changes: as steps, or, where it changes too often to be seen, as the mean of every
    bucket of rows in a band from its lowest to its highest value."""
    low, high = padded(*_range_of([Series("", times, values, "")], True), share=0.08)
    axes = Axes(*_span([Series("", times, values, "")]), low, high, height)
    changes = np.flatnonzero(np.r_[True, values[1:] != values[:-1]]) if len(values) else np.zeros(0, dtype=np.intp)
    if len(changes) <= BUCKETS or len(values) <= 2 * BUCKETS:
        rows = np.unique(np.r_[changes, len(values) - 1]) if len(values) else changes
        xs, ys = axes.x(times[rows]), axes.y(values[rows])
        zero = np.full(2 * len(ys) - 1 if len(ys) else 0, float(axes.y(0.0)))
        fill = area_path(np.repeat(xs, 2)[1:], np.repeat(ys, 2)[:-1], zero)
        drawing = element("path", d=fill, class_="fill exposure") + element(
            "path", d=step_path(xs, ys), class_="line exposure"
        )
    else:
        edges = even_edges(times)
        lengths = np.diff(np.r_[edges, len(values)])
        xs = axes.x(times[edges])
        upper, lower = np.maximum.reduceat(values, edges), np.minimum.reduceat(values, edges)
        mean = np.add.reduceat(values, edges) / lengths
        drawing = element("path", d=area_path(xs, axes.y(upper), axes.y(lower)), class_="fill exposure") + element(
            "path", d=line_path(xs, axes.y(mean)), class_="line exposure"
        )
        note = f"{note}{'; ' if note else ''}line: mean, band: lowest to highest, of up to {lengths.max()} points"
    words = f"between {label(float(values.min()))} and {label(float(values.max()))}" if len(values) else "no data"
    svg = frame(axes, drawing, title=caption, description=words, label=label)
    return figure(caption, note, "", svg)


def stacked_chart(
    times: Times,
    parts: Sequence[tuple[str, str, Floats]],
    *,
    total: str,
    caption: str,
    note: str = "",
    label: Label,
    height: int = 320,
) -> str:
    """Cumulative contributions (name, CSS class, values) stacked away from zero: gains upwards, costs downwards.

    Their sum is drawn as a line named ``total``. Parts that are zero throughout are left out.
    """
    rows = even_rows(times, BUCKETS // 2)
    shown = [(name, style, values[rows]) for name, style, values in parts if np.any(values)]
    whole = np.sum([values for _, _, values in parts], axis=0) if parts else np.zeros(len(times))
    above, below = np.zeros(len(rows)), np.zeros(len(rows))
    layers: list[tuple[str, Floats, Floats]] = []
    for _, style, values in shown:
        up, down = np.maximum(values, 0.0), np.minimum(values, 0.0)
        layers += [(style, above + up, above), (style, below, below + down)]
        above, below = above + up, below + down
    reached = np.concatenate([above, below, whole, [0.0]])
    low, high = padded(float(reached.min()), float(reached.max()))
    axes = Axes(*_span([Series("", times, whole, "")]), low, high, height)
    xs = axes.x(times[rows])
    areas = [
        element("path", d=area_path(xs, axes.y(top), axes.y(bottom)), class_=f"fill {style}")
        for style, top, bottom in layers
        if np.any(top != bottom)
    ]
    drawn = keep_extremes(whole)
    line = element("path", d=line_path(axes.x(times[drawn]), axes.y(whole[drawn])), class_="line net")
    words = "; ".join(f"{name} {label(float(values[-1]))}" for name, _, values in shown if len(values)) or "nothing"
    svg = frame(axes, "".join(areas) + line, title=caption, description=f"at the end: {words}", label=label)
    entries = [(name, style, None) for name, style, _ in shown] + [(total, "stroke net", None)]
    return figure(caption, note, legend(entries), svg)


def histogram(
    values: Floats, *, caption: str, note: str = "", label: Label, height: int = 160, bins: int | None = None
) -> str:
    """How often values fell into equal bins around zero; what lies beyond the 0.5% and 99.5% quantiles is in the end
    bins.
    """
    edges = _bins(values, bins or min(61, max(11, 3 * math.isqrt(len(values)))))
    numbers, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    axes = Axes(
        float(edges[0]), float(edges[-1]), 0.0, float(numbers.max() if len(values) else 1) * 1.06 or 1.0, height
    )
    left, right = axes.x(edges[:-1]), axes.x(edges[1:])
    bars = []
    for index, many in enumerate(numbers.tolist()):
        if many:
            top = float(axes.y(many))
            side = "gain" if edges[index] + edges[index + 1] > 0.0 else "loss"
            words = element("title", text(f"{label(float(edges[index]))} to {label(float(edges[index + 1]))}: {many}"))
            place = {"x": round(float(left[index]), 1), "y": round(top, 1), "height": round(height - top, 1)}
            width = round(max(float(right[index] - left[index]) - 1.5, 0.5), 1)
            bars.append(element("rect", words, **place, width=width, class_=f"fill {side}"))
    ticks = [(value, label(value)) for value in nice_ticks(axes.start, axes.end, 7)]
    levels = [level for level in nice_ticks(0.0, axes.high, max(2, height // 48)) if level == round(level)]
    words = f"{len(values)} values, median {label(float(np.median(values)))}" if len(values) else "no values"
    svg = frame(
        axes,
        "".join(bars),
        title=caption,
        description=words,
        label=lambda v: f"{v:,.0f}",
        x_ticks=ticks,
        y_ticks=levels,
    )
    return figure(caption, note, "", svg)


def _bins(values: Floats, bins: int) -> Floats:
    """Edges with zero on one of them, so that gains and losses never share a bin."""
    low, high = np.quantile(values, [0.005, 0.995]) if len(values) else (0.0, 0.0)
    width = (max(float(high), 0.0) - min(float(low), 0.0)) / (bins - 2) or 1e-3
    first, last = math.floor(min(float(low), 0.0) / width), math.ceil(max(float(high), 0.0) / width)
    edges: Floats = np.arange(first, last + 2, dtype=np.float64) * width
    return edges
