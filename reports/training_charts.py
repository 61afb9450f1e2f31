"""Charts of what was learnt: losses by epoch, calibration, and rounds of aggregation.

Each is a ``<figure>`` with inline SVG over numbers, not over time. NaN is left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from halfspread.reports import formats
from halfspread.reports.charts import Label, figure, legend
from halfspread.reports.scales import nice_ticks, padded
from halfspread.reports.svg import Axes, element, frame, line_path, text
from halfspread.reports.training_view import Calibration, FitView, RoundView
from halfspread.reports.view import percent_label

__all__ = ["calibration_curve", "dot", "loss_curves", "rounds_chart", "whisker"]


def dot(x: float, y: float, style: str, words: str, size: float = 7.0) -> str:
    """A mark that stays round in a drawing that is stretched: a stroke of no length with round ends."""
    look = f"stroke-width: {size:g}; stroke-linecap: round"
    return element("path", element("title", text(words)), d=f"M{x:.1f} {y:.1f}h0", class_=f"line {style}", style=look)


def whisker(axes: Axes, x: float, low: float, high: float, style: str) -> str:
    """An upright line from ``low`` to ``high`` at ``x``, in data units; nothing where one of them is not known."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    ends = axes.y(np.array([max(low, axes.low), min(high, axes.high)]))
    return element("path", d=line_path(np.full(2, float(axes.x(x))), ends), class_=f"line {style}")


def _whole_ticks(first: int, last: int, count: int = 10) -> list[tuple[float, str]]:
    levels = [value for value in nice_ticks(first, last, count) if value == round(value)]
    return [(value, f"{value:.0f}") for value in dict.fromkeys([float(first), *levels]) if first <= value <= last]


def loss_curves(fit: FitView, *, height: int = 220) -> str:
    """Loss on the rows fitted to and on those set aside, by epoch, with the epoch that is kept."""
    lines = [("training", "series-0", fit.training), ("set aside", "series-1", fit.validation)]
    lines = [line for line in lines if len(line[2])]
    values = [value for _, _, found in lines for value in found if math.isfinite(value)]
    if not values:
        return ""
    low, high = padded(min(values), max(values), share=0.06)
    last = max(len(found) for _, _, found in lines)
    axes = Axes(1.0, max(float(last), 1.5), low, high, height)
    drawing = []
    for name, style, found in lines:
        shown = np.flatnonzero(np.isfinite(found))
        xs, ys = axes.x(shown + 1.0), axes.y(np.array(found)[shown])
        drawing.append(element("path", d=line_path(xs, ys), class_=f"line {style}"))
        if len(shown) == 1:
            drawing.append(dot(float(xs[0]), float(ys[0]), style, name))
    kept = lines[-1][2]
    keys = [(name, f"stroke {style}", None) for name, style, _ in lines]
    if 1 <= fit.best_epoch <= len(kept) and math.isfinite(kept[fit.best_epoch - 1]):
        value = kept[fit.best_epoch - 1]
        words = f"epoch {fit.best_epoch}: {formats.number(value, 4)}"
        drawing.append(dot(float(axes.x(fit.best_epoch)), float(axes.y(value)), "net", words, 8.0))
        keys.append(("kept", "net", None))
    digits = min(max(2 - math.floor(math.log10(high - low)), 0), 6)
    words = "; ".join(f"{name} ends at {formats.number(found[-1], digits)}" for name, _, found in lines)
    svg = frame(
        axes, "".join(drawing), title="Loss", description=words, x_ticks=_whole_ticks(1, last),
        label=lambda value: formats.number(value, digits),
    )  # fmt: skip
    return figure("Loss", "mean of the rows, by epoch", legend(keys), svg)


def calibration_curve(bins: Sequence[Calibration], *, height: int = 220) -> str:
    """How often the learner chose as the expert did, by the probability that it gave to its choice; on the dashed line
    it is as often right as it says."""
    known = [each for each in bins if each.rows and math.isfinite(each.stated + each.found)]
    if not known:
        return ""
    lowest = min(min(each.stated, each.found) for each in known)
    start = max(0.0, min(0.1 * math.floor(10.0 * lowest), 0.9))
    axes = Axes(start, 1.0, start, 1.015, height)
    ends = np.array([start, 1.0])
    style = "stroke-dasharray: 4 4; stroke: var(--soft)"
    drawing = [element("path", d=line_path(axes.x(ends), axes.y(ends)), class_="line thin", style=style)]
    xs, ys = (np.array([getattr(each, name) for each in known]) for name in ("stated", "found"))
    drawing.append(element("path", d=line_path(axes.x(xs), axes.y(ys)), class_="line thin series-0"))
    most = max(each.rows for each in known)
    for each in known:
        words = f"says {formats.percent(each.stated)}, is right {formats.percent(each.found)}, {each.rows:,} rows"
        size = 4.0 + 8.0 * math.sqrt(each.rows / most)
        drawing.append(dot(float(axes.x(each.stated)), float(axes.y(each.found)), "series-0", words, size))
    label = percent_label(np.array([1.0]))
    ticks = [(value, formats.percent(value, 0)) for value in nice_ticks(start, 1.0, 5)]
    svg = frame(
        axes, "".join(drawing), title="Calibration", description="states of the expert, held out", label=label,
        x_ticks=ticks, y_ticks=[value for value, _ in ticks],
    )  # fmt: skip
    note = "to the right what it says, upwards how often it is right; larger marks, more rows"
    return figure("Calibration", note, "", svg)


def rounds_chart(rounds: Sequence[RoundView], *, height: int = 220) -> str:
    """Disagreement by round: judged on fresh data with two standard errors, and at the states of the round."""
    values = [each.judged for each in rounds] + [each.disagreement for each in rounds]
    errors = [each.judged + 2.0 * each.judged_error for each in rounds]
    finite = [value for value in (*values, *errors) if math.isfinite(value)]
    if len(rounds) < 2 or not finite:
        return ""
    low, high = padded(0.0, max(finite))
    axes = Axes(rounds[0].number - 0.3, rounds[-1].number + 0.3, min(low, 0.0), high, height)
    label: Label = percent_label(np.array(finite))
    drawing, keys = [], []
    for name, field, style, note in (
        ("at the states of the round", "disagreement", "series-1", "states of the round"),
        ("judged on fresh data", "judged", "series-0", "judged"),
    ):
        shown = [each for each in rounds if math.isfinite(getattr(each, field))]
        if not shown:
            continue
        xs = axes.x([each.number for each in shown])
        ys = axes.y([getattr(each, field) for each in shown])
        drawing.append(element("path", d=line_path(xs, ys), class_=f"line {style}"))
        for each, x, y in zip(shown, xs.tolist(), ys.tolist(), strict=True):
            kept = each.best and field == "judged"
            error = each.judged_error if field == "judged" else math.nan
            value = getattr(each, field)
            drawing.append(whisker(axes, each.number, value - 2.0 * error, value + 2.0 * error, style))
            words = f"round {each.number}, {note}: {label(value)}, {each.labels:,} labels"
            drawing.append(dot(x, y, "net" if kept else style, words, 9.0 if kept else 6.0))
        keys.append((name, f"stroke {style}", None))
    if any(each.best for each in rounds):
        keys.append(("kept", "net", None))
    ticks = _whole_ticks(rounds[0].number, rounds[-1].number)
    svg = frame(axes, "".join(drawing), title="Rounds", description="by round", label=label, x_ticks=ticks)
    note = "share of decisions, by round; lines upright: two standard errors"
    return figure("Disagreement", note, legend(keys), svg)
