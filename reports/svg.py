"""Write SVG: elements with everything escaped, paths, and a frame with axes that fits any width without scaling its
text.

The drawing is stretched to the width of the page inside a nested ``<svg>`` whose strokes do not scale; axis labels
stand outside it at percentages. Horizontally a drawing is 1000 units wide, vertically one unit is a CSS pixel. Colours
are CSS variables (`halfspread.reports.page_style`), so light, dark and print need no second drawing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape

import numpy as np
from numpy.typing import NDArray

from halfspread.reports.scales import Scale, nice_ticks, time_ticks

__all__ = ["WIDTH", "Axes", "area_path", "element", "frame", "line_path", "step_path", "text"]

Floats = NDArray[np.float64]

WIDTH = 1000
_BELOW = 24

#: Elements of SVG that may close themselves; in HTML none of ours may.
_EMPTY = frozenset({"circle", "line", "path", "rect"})

#: XML 1.0 knows no control characters but tab and newlines, not even escaped ones.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def element(tag: str, *children: str, **attributes: object) -> str:
    """One element. Children are markup (use `text` for text); attributes are escaped, ``_`` in their names becomes
    ``-``.
    """
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{text(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    inner = "".join(children)
    return f"<{tag}{written}/>" if tag in _EMPTY and not inner else f"<{tag}{written}>{inner}</{tag}>"


def text(value: object) -> str:
    """``value`` as text that is safe inside an element or an attribute of SVG or HTML."""
    return escape(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", str(value)), quote=True)


@dataclass(frozen=True)
class Axes:
    """Ranges of a chart in data units and its height in pixels; ``x`` and ``y`` map data to the drawing."""

    start: float
    end: float
    low: float
    high: float
    height: int

    @property
    def x(self) -> Scale:
        """Data to 0 ... 1000 from left to right."""
        return Scale(self.start, self.end, 0.0, WIDTH)

    @property
    def y(self) -> Scale:
        """Data to pixels from the top."""
        return Scale(self.low, self.high, self.height, 0.0)


def line_path(xs: Floats, ys: Floats) -> str:
    """Path data through the points."""
    return "M" + "L".join(_points(xs, ys)) if len(xs) else ""


def step_path(xs: Floats, ys: Floats) -> str:
    """Path data of a value that holds until the next point."""
    if not len(xs):
        return ""
    return line_path(np.repeat(xs, 2)[1:], np.repeat(ys, 2)[:-1])


def area_path(xs: Floats, upper: Floats, lower: Floats) -> str:
    """Path data of the region between two lines over the same points."""
    if not len(xs):
        return ""
    return line_path(np.concatenate([xs, xs[::-1]]), np.concatenate([upper, lower[::-1]])) + "Z"


def _points(xs: Floats, ys: Floats) -> Iterable[str]:
    return map(" ".join, zip(_short(xs), _short(ys), strict=True))


def _short(values: Floats) -> list[str]:
    """Numbers with one digit after the point, none where it is 0; those that are drawn often are looked up."""
    tenths = np.rint(np.nan_to_num(values, nan=0.0) * 10.0)
    known = _tenths()
    return [
        known[int(value)] if 0.0 <= value < len(known) else f"{value / 10.0 + 0.0:.1f}".removesuffix(".0")
        for value in tenths.tolist()
    ]


@cache
def _tenths() -> list[str]:
    return [f"{i // 10}.{i % 10}".removesuffix(".0") for i in range(10 * WIDTH + 1)]


def frame(
    axes: Axes,
    drawing: str,
    *,
    title: str,
    description: str,
    label: Callable[[float], str],
    y_ticks: Sequence[float] | None = None,
    x_ticks: Sequence[tuple[float, str]] | None = None,
) -> str:
    """The whole ``<svg>``: grid, axes and ``drawing`` (markup in the units of `Axes`).

    ``title`` is read by screen readers, ``description`` says what the chart shows in words. ``label`` writes a number
    of the vertical axis. Without ``x_ticks`` the horizontal axis is time in nanoseconds, labelled in UTC.
    """
    levels = _levels(axes) if y_ticks is None else y_ticks
    times = time_ticks(int(axes.start), int(axes.end)) if x_ticks is None else x_ticks
    inside = element(
        "svg",
        drawing,
        class_="drawing",
        width="100%",
        height=axes.height,
        viewBox=f"0 0 {WIDTH} {axes.height}",
        preserveAspectRatio="none",
    )
    return element(
        "svg",
        element("title", text(title)),
        element("desc", text(description)),
        *(
            _level(axes, level, words)
            for level, words in zip(levels, _tidy([label(level) for level in levels]), strict=True)
        ),
        inside,
        *(_zero(axes) if axes.low < 0.0 < axes.high else ()),
        *(_moment(axes, time, words, index) for index, (time, words) in enumerate(times)),
        xmlns="http://www.w3.org/2000/svg",
        class_="chart",
        role="img",
        aria_label=title,
        width="100%",
        height=axes.height + _BELOW,
    )


def _levels(axes: Axes) -> list[float]:
    """Numbers on the vertical axis: about one every 48 pixels, and three at least, so that its size can be read."""
    count = max(3, axes.height // 48)
    found = nice_ticks(axes.low, axes.high, count)
    while len(found) < 3 and count < 8:
        count += 1
        found = nice_ticks(axes.low, axes.high, count)
    return found


def _tidy(labels: list[str]) -> list[str]:
    """The labels of an axis without the decimals that are zero in all of them."""
    decimals = [re.search(r"\.(\d+)", words) for words in labels]
    found = [match[1] for match in decimals if match]
    if not found or len(found) < len(labels):
        return labels
    kept = max(len(digits.rstrip("0")) for digits in found)
    return [re.sub(r"\.(\d+)", lambda match: f".{match[1][:kept]}" if kept else "", words) for words in labels]


def _level(axes: Axes, value: float, words: str) -> str:
    y = round(float(axes.y(value)), 1)
    line = element("line", x1=0, x2="100%", y1=y, y2=y, class_="grid")
    return line + element("text", text(words), x=-8, y=y, dy="0.32em", class_="level")


def _zero(axes: Axes) -> tuple[str]:
    y = round(float(axes.y(0.0)), 1)
    return (element("line", x1=0, x2="100%", y1=y, y2=y, class_="zero"),)


def _moment(axes: Axes, value: float, words: str, index: int) -> str:
    share = float(axes.x(value)) / WIDTH * 100.0
    x = f"{share:.2f}%"
    tick = element("line", x1=x, x2=x, y1=axes.height, y2=axes.height + 4, class_="tick")
    anchor = "end" if share > 97.0 else "middle"
    place = {"x": x, "y": axes.height + 17, "text_anchor": anchor}
    return tick + element("text", text(words), **place, class_="moment every-other" if index % 2 else "moment")
