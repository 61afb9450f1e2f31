"""HTML tables from plain rows; every word is escaped."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from halfspread.reports.formats import MISSING, number
from halfspread.reports.svg import element, text

__all__ = ["bar_cell", "definitions", "figure", "figure_cells", "heat_map", "range_cell", "row", "table"]


def table(head: Sequence[str], rows: Sequence[str], *, kind: str | None = None, words: Sequence[int] = ()) -> str:
    """A table that scrolls sideways on a narrow page. ``rows`` come from `row`; columns in ``words`` are text, not
    numbers.
    """
    kinds = ["words" if i in words else "bar" if i and not name else None for i, name in enumerate(head)]
    cells = (element("th", text(name), scope="col", class_=style) for name, style in zip(head, kinds, strict=True))
    body = element("tbody", *rows)
    return element("div", element("table", element("thead", element("tr", *cells)), body, class_=kind), class_="scroll")


def row(name: str, *cells: str, kind: str | None = None, words: Sequence[int] = ()) -> str:
    """A row headed by ``name``; a cell that begins with ``<td`` is markup of its own, all others are text."""
    written = [
        cell if cell.startswith("<td") else element("td", text(cell) or " ", class_="words" if i + 1 in words else None)
        for i, cell in enumerate(cells)
    ]
    return element("tr", element("th", text(name) or " ", scope="row"), *written, class_=kind)


def definitions(entries: Mapping[str, object]) -> str:
    """Topics and sentences."""
    return element(
        "dl", *(element("dt", text(topic)) + element("dd", text(words) or MISSING) for topic, words in entries.items())
    )


def bar_cell(parts: Sequence[tuple[float, str, str]], low: float, high: float) -> str:
    """A cell with bars of (value, CSS class, name) stacked away from a common zero in the range [low, high]."""
    span = (high - low) or 1.0
    up = down = 0.0
    bars = []
    for value, style, name in parts:
        if not value or not math.isfinite(value):
            continue
        start = up if value > 0 else down + value
        up, down = (up + value, down) if value > 0 else (up, down + value)
        place = {"x": f"{(start - low) / span * 100:.2f}%", "width": f"{max(abs(value) / span * 100, 0.15):.2f}%"}
        bars.append(element("rect", element("title", text(name)), y=1, height=12, **place, class_=f"fill {style}"))
    zero = f"{-low / span * 100:.2f}%"
    axis = element("line", x1=zero, x2=zero, y1=0, y2=14, class_="zero")
    picture = element(
        "svg", *bars, axis, xmlns="http://www.w3.org/2000/svg", aria_hidden="true", width="100%", height=14
    )
    return element("td", picture, class_="bar")


def range_cell(value: float, limits: tuple[float, float], low: float, high: float, name: str) -> str:
    """A cell with an interval as a line and its estimate as a mark, on the range [low, high] that a column shares."""
    span = (high - low) or 1.0
    at = [f"{(each - low) / span * 100:.2f}%" for each in (*limits, value, 0.0)]
    parts = [element("line", x1=at[3], x2=at[3], y1=0, y2=14, class_="zero")]
    if math.isfinite(limits[0]) and math.isfinite(limits[1]):
        parts.append(element("line", x1=at[0], x2=at[1], y1=7, y2=7, class_="whisker"))
    if math.isfinite(value):
        parts.append(element("circle", element("title", text(name)), cx=at[2], cy=7, r=3.5, class_="estimate"))
    picture = element("svg", *parts, xmlns="http://www.w3.org/2000/svg", aria_hidden="true", width="100%", height=14)
    return element("td", picture, class_="bar")


def heat_map(months: pd.DataFrame) -> str:
    """The year x month table of `halfspread.reports.monthly` in percent, tinted by size; the darkest is the largest
    month.
    """
    values = months.drop(columns="year").to_numpy(dtype=np.float64)
    largest = float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 0.0
    rows = []
    for year, line in months.iterrows():
        cells = [_tinted(float(value), largest) for value in line.drop("year")]
        total = element("td", text(number(100 * float(line["year"]), 1)), class_="year")
        rows.append(row(str(year), *cells, total))
    return table(["", *months.columns[:-1], "Year"], rows, kind="months")


def _tinted(value: float, largest: float) -> str:
    if not math.isfinite(value):
        return element("td", " ")
    depth = round(70 * math.sqrt(abs(value) / largest)) if largest > 0 else 0
    kind = "month up" if value > 0 else "month down"
    return element("td", text(number(100 * value, 1)), class_=kind, style=f"--depth: {depth}%")


def figure(name: str, value: str, basis: str, *, tone: float = 0.0, small: str = "") -> str:
    """A number to read first: its name, what it rests on, a tone (above 0 a gain, below it a loss), and something small
    beside it."""
    style = "value gain" if tone > 0 else "value loss" if tone < 0 else "value"
    shown = text(value) + (element("small", text(small)) if small else "")
    return element(
        "div",
        element("div", text(name), class_="name"),
        element("div", shown, class_=style),
        element("div", text(basis), class_="basis"),
    )


def figure_cells(figures: Sequence[tuple[str, str, str, float]]) -> str:
    """Several such numbers: name, value, basis and tone of each."""
    cells = (figure(name, value, basis, tone=tone) for name, value, basis, tone in figures)
    return element("div", *cells, class_="figures")
