"""The pictures of the study, made from what imitation.json holds and nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from cost_study.drawing import Panel, apart, document, words

from halfspread.reports import formats
from halfspread.reports.scales import nice_ticks, padded
from halfspread.reports.svg import element

__all__ = ["growth", "ranking", "scatter"]

Entry = Mapping[str, Any]
ROW = 26
WORDS = 52  # as wide as a figure
#: Places of colour, so that a learner has one colour in all pictures.
COLOURS = {"bc": 3, "dagger": 0, "dagger_indicator": 2, "dagger_linear": 4, "dagger_adaptive": 5, "dart": 1}
OTHERS = 6


def _colour(name: str) -> str:
    return f"own s{COLOURS.get(name, OTHERS)}"


def _dot(x: float, y: float, style: str, radius: float = 4.0) -> str:
    return element("circle", cx=round(x, 1), cy=round(y, 1), r=radius, class_=f"dot {style}")


def ranking(found: Entry, titles: Mapping[str, str]) -> str:
    """A row for each learner: disagreement with two standard errors on either side, and what the brief measured."""
    names = sorted(found, key=lambda name: float(found[name]["disagreement"]))
    top = max(max(one["disagreement"] + 2.0 * one["standard_error"], one.get("brief") or 0.0) for one in found.values())
    panel = Panel(232, 58, 560, ROW * len(names), (0.0, 1.04 * top), (0.0, 1.0))
    parts = [words(16, 24, "Share of decisions at which a learner does not do what the expert would", "head")]
    parts.append(words(16, 42, "dot and line: mean, two standard errors; upright mark: the brief's figure"))
    for tick in nice_ticks(0.0, 1.04 * top, 6):
        parts += [panel.upright(tick, "grid"), panel.below(tick, f"{100.0 * tick:g}%")]
    for i, name in enumerate(names):
        one, y = found[name], panel.top + ROW * (i + 0.5)
        ends = [float(panel.x(max(one["disagreement"] + k * one["standard_error"], 0.0))) for k in (-2.0, 2.0)]
        parts.append(words(panel.left - 10, y + 4, titles[name], "strong", "end"))
        parts.append(element("path", d=f"M{ends[0]:.1f} {y:.1f}L{ends[1]:.1f} {y:.1f}", class_=f"line {_colour(name)}"))
        parts.append(_dot(float(panel.x(one["disagreement"])), y, _colour(name)))
        right = ends[1]
        if "brief" in one:
            x = float(panel.x(one["brief"]))
            right = x if right < x < right + WORDS else right
            parts.append(element("path", d=f"M{x:.1f} {y - 7:.1f}L{x:.1f} {y + 7:.1f}", class_="line ink"))
        parts.append(words(right + 8, y + 4, formats.percent(one["disagreement"], 2)))
    told = ", ".join(f"{titles[name]} {formats.percent(found[name]['disagreement'], 2)}" for name in names)
    return document(870, round(panel.top + panel.height + 36), "Disagreement of each learner", told, *parts)


def growth(found: Entry, shown: Sequence[str], titles: Mapping[str, str]) -> str:
    """A panel for each world: regret over horizon, both on logarithms, with a line of slope one and one of two."""
    steps = [math.log10(each) for each in found["steps"]]
    values = [each for where in shown for name in titles for each in found[where][name]["regret"] if each > 0.0]
    ys = padded(math.log10(min(values)), math.log10(max(values)), 0.05)
    parts = [words(16, 24, "Steps of disagreement in an episode of T steps, both on logarithms", "head")]
    told = []
    for i, where in enumerate(shown):
        panel = Panel(58 + 430 * i, 66, 250, 300, (steps[0], steps[-1]), ys)
        parts.append(words(panel.left, 52, where, "head"))
        for power in range(math.ceil(ys[0]), math.floor(ys[1]) + 1):
            parts.append(panel.level(float(power), f"{10.0**power:g}"))
        parts += [
            panel.below(x, f"{each:,}", row=j % 2)
            for j, (x, each) in enumerate(zip(steps, found["steps"], strict=True))
        ]
        parts += [*_guide(panel, steps, ys, 1.0, "slope 1"), *_guide(panel, steps, ys, 2.0, "slope 2")]
        lines = {
            name: [(x, math.log10(y)) for x, y in zip(steps, found[where][name]["regret"], strict=True) if y > 0.0]
            for name in titles
        }
        ends = [float(panel.y(line[-1][1])) for line in lines.values()]
        for name, line, end, at in zip(
            lines, lines.values(), ends, apart(ends, 30, panel.top + 8, panel.top + panel.height), strict=True
        ):
            parts.append(element("path", d=panel.path(*zip(*line, strict=True)), class_=f"line {_colour(name)}"))
            parts += [_dot(float(panel.x(x)), float(panel.y(y)), _colour(name), 2.8) for x, y in line]
            right = panel.left + panel.width
            parts.append(
                element("path", d=f"M{right + 4} {end:.1f}L{right + 12} {at:.1f}", class_=f"line {_colour(name)}")
            )
            parts.append(words(right + 16, at, titles[name], _colour(name)))
            slope = found[where][name]["slope"]
            said = "" if slope is None else f"slope {formats.number(slope)}"
            parts.append(words(right + 16, at + 14, said))
            told.append(f"{where}, {titles[name]}: {said}")
    return document(58 + 430 * len(shown) + 20, 410, "Growth of regret with the horizon", "; ".join(told), *parts)


def _guide(panel: Panel, steps: Sequence[float], ys: tuple[float, float], power: float, label: str) -> list[str]:
    """A dashed line of a slope, from the lower left corner as far as there is room."""
    reach = min(steps[-1], steps[0] + (ys[1] - ys[0]) / power)
    end = ys[0] + power * (reach - steps[0])
    line = element("path", d=panel.path([steps[0], reach], [ys[0], end]), class_="line rule dash")
    x, y = float(panel.x(steps[0] + 0.55 * (reach - steps[0]))), float(panel.y(ys[0] + 0.55 * (end - ys[0])))
    return [line, words(x + 6, y + 14, label)]


def scatter(found: Entry, fidelity: Entry, titles: Mapping[str, str]) -> str:
    """A dot for each policy: its disagreement, and what it earned beside the expert on the same markets."""
    pairs = [
        (name, max(wrong, 1e-4), more)
        for name in found
        for wrong, more in zip(found[name]["by_seed"], fidelity["learners"][name]["by_seed"], strict=True)
    ]
    xs = padded(*(math.log10(end(wrong for _, wrong, _ in pairs)) for end in (min, max)))
    ys = padded(min(0.0, *(more for *_, more in pairs)), max(0.0, *(more for *_, more in pairs)))
    panel = Panel(64, 58, 560, 320, xs, ys)
    parts = [
        words(
            16,
            24,
            "Every policy: disagreement with the expert, and profit above the expert's on the same markets",
            "head",
        )
    ]
    parts += [panel.level(tick, formats.number(tick, 0, sign=True)) for tick in nice_ticks(*ys, 6)]
    parts.append(panel.level(0.0, "", "rule"))
    for tick in (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5):
        if xs[0] <= math.log10(tick) <= xs[1]:
            label = formats.percent(tick, 1 if tick < 0.01 else 0)
            parts += [panel.upright(math.log10(tick), "grid"), panel.below(math.log10(tick), label)]
    parts += [
        _dot(float(panel.x(math.log10(wrong))), float(panel.y(more)), _colour(name), 3.2) for name, wrong, more in pairs
    ]
    parts.append(words(panel.left + panel.width - 4, float(panel.y(0.0)) - 6, "the expert", "strong", "end"))
    named = [name for name in found if name in COLOURS]
    for i, name in enumerate(named):
        parts += [_dot(648, 74 + 20 * i, _colour(name), 4.0), words(658, 78 + 20 * i, titles[name])]
    parts += [_dot(648, 74 + 20 * len(named), f"own s{OTHERS}", 4.0), words(658, 78 + 20 * len(named), "the others")]
    told = f"rank correlation {formats.number(fidelity['rank_correlation'])}; " + ", ".join(
        f"{titles[name]} {formats.number(one['more_than_expert'], 1, sign=True)}"
        for name, one in fidelity["learners"].items()
    )
    return document(860, 420, "Disagreement and profit of every policy", told, *parts)
