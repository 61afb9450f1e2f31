"""Pictures of stored market data: where a series has rows and where something was found, and how it moves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from halfspread.reports import formats
from halfspread.reports.charts import figure, legend
from halfspread.reports.data_view import FindingView, MovesView, SeriesView
from halfspread.reports.svg import Axes, element, frame, text

__all__ = ["TONES", "coverage_chart", "moves_chart"]

#: Colours of severities, as values of the CSS variable ``--tone``.
TONES = {"error": "var(--loss)", "warning": "var(--s5)", "note": "var(--s0)"}

_ROW, _BAR = 22, 14
#: The narrowest mark, in thousandths of the width: so that one bar out of five years is seen.
_NARROW = 2.5


def coverage_chart(view: SeriesView) -> str:
    """A strip for what was asked for, and one below it for each finding that has places in time."""
    shown = [finding for finding in view.findings if finding.examples or finding.months]
    height = _ROW * (len(shown) + 1)
    axes = Axes(float(view.start), float(max(view.end, view.start + 1)), 0.0, float(len(shown) + 1), height)
    spans = view.covered or [(view.start, view.end)]
    drawing = [_mark(axes, 0, start, end, "var(--gain)", 0.55, "asked for") for start, end in spans]
    for finding in view.findings:
        if finding.check == "gaps" and finding.severity == "warning":
            drawing += [_mark(axes, 0, one.start, one.end, "var(--loss)", 1.0, one.text) for one in finding.examples]
    for row, finding in enumerate(shown, 1):
        drawing += _places(axes, row, finding)
    names = ["rows", *(finding.check for finding in shown)]
    ticks = [axes.high - row - 0.5 for row in range(len(names))]
    svg = frame(
        axes,
        "".join(drawing),
        title=f"{view.name}: where",
        description="; ".join(f"{finding.check}: {finding.count:,}" for finding in shown) or "nothing was found",
        label=lambda value: names[min(int(axes.high - value), len(names) - 1)],
        y_ticks=ticks,
    )
    tones = {finding.severity for finding in shown}
    keys = legend([(severity, _tone(severity), None) for severity in TONES if severity in tones])
    return figure("Where", "by time; a darker mark stands for more places in its month", keys, svg)


def _tone(severity: str) -> str:
    return {"error": "loss", "warning": "series-5", "note": "series-0"}[severity]


def _places(axes: Axes, row: int, finding: FindingView) -> list[str]:
    tone = TONES[finding.severity]
    if len(finding.examples) == finding.count or not finding.months:
        return [_mark(axes, row, one.start, one.end, tone, 0.9, one.text) for one in finding.examples]
    most = max(finding.months.values())
    marks = []
    for month, count in finding.months.items():
        first = np.datetime64(month, "M")
        start, end = (int(time.astype("datetime64[ns]").astype(np.int64)) for time in (first, first + 1))
        start, end = max(start, int(axes.start)), min(end, int(axes.end))
        depth = 0.25 + 0.7 * (np.log1p(count) / np.log1p(most))
        marks.append(_mark(axes, row, start, end, tone, float(depth), f"{month}: {count:,}"))
    return marks


def _mark(axes: Axes, row: int, start: int, end: int, tone: str, depth: float, words: str) -> str:
    left, right = (min(max(float(axes.x(time)), 0.0), 1000.0) for time in (start, end))
    width = max(right - left, _NARROW)
    return element(
        "rect",
        element("title", text(words)),
        x=f"{min(left, 1000.0 - width):.1f}",
        y=row * _ROW + (_ROW - _BAR) // 2,
        width=f"{width:.1f}",
        height=_BAR,
        class_="fill",
        style=f"--tone: {tone}; fill-opacity: {depth:.2f}",
    )


def moves_chart(moves: MovesView, *, height: int = 180) -> str:
    """How many moves have which size, up and down, on a logarithmic axis; those that were looked at in another
    colour."""
    counts = np.array([moves.down, moves.up], np.float64)
    last = int(np.flatnonzero(counts.sum(axis=0))[-1]) + 1 if counts.any() else 1
    top = float(np.ceil(np.log10(counts.max() + 1.0))) or 1.0
    axes = Axes(0.0, float(last), -top, top, height)
    drawing = []
    for column in range(last):
        flagged = moves.edges[column] >= moves.flagged
        for sign, count in ((-1.0, counts[0, column]), (1.0, counts[1, column])):
            if count:
                value = sign * float(np.log10(count + 1.0))
                drawing.append(_column(axes, column, value, flagged, _words(moves, column, count)))
    ticks = [(column + 0.5, _edge(moves.edges, column, last)) for column in range(last)]
    levels = [float(level) for level in range(-int(top), int(top) + 1, 2 if top > 3 else 1)]
    svg = frame(
        axes,
        "".join(drawing),
        title="Moves",
        description=f"{int(counts.sum()):,} moves by size",
        label=lambda value: f"{10 ** round(abs(value)):,}" if round(value) else "0",
        y_ticks=levels,
        x_ticks=ticks,
    )
    keys = legend([("moves", "series-0", None), ("large", "loss", None)])
    note = "number of moves from close to close by their size in usual moves, up above and down below; logarithmic"
    return figure("Moves", note, keys, svg)


def _column(axes: Axes, column: int, value: float, flagged: bool, words: str) -> str:
    left, right = float(axes.x(column + 0.12)), float(axes.x(column + 0.88))
    top, bottom = sorted((float(axes.y(0.0)), float(axes.y(value))))
    return element(
        "rect",
        element("title", text(words)),
        x=f"{left:.1f}",
        y=f"{top:.1f}",
        width=f"{right - left:.1f}",
        height=f"{bottom - top:.1f}",
        class_=f"fill {'loss' if flagged else 'series-0'}",
    )


def _edge(edges: Sequence[float], column: int, last: int) -> str:
    low, high = edges[column], edges[column + 1]
    return f"{low:g}+" if column + 1 == len(edges) - 1 else f"{low:g}-{high:g}"


def _words(moves: MovesView, column: int, count: float) -> str:
    return f"{formats.count(count)} moves of {_edge(moves.edges, column, 0)} usual moves"
