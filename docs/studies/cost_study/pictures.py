"""The pictures of the study, made from what costs.json holds and nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from cost_study.drawing import Panel, apart, document, words

from halfspread.reports import formats
from halfspread.reports.scales import nice_ticks, padded
from halfspread.reports.svg import element

__all__ = ["pictures"]

STEPS = {"nothing": "nothing", "fees": "+ fees", "fees_and_half_spread": "+ half-spread", "all": "+ funding"}
LOWEST, HIGHEST, WIDTH_OF_BIN = -4.0, 3.0, 0.25
NULL = "null"


def pictures(study: Mapping[str, Any]) -> dict[str, str]:
    """Each picture by the name of its file."""
    return {"ladder.svg": _ladder(study), "sweeps.svg": _sweeps(study), "shares.svg": _shares(study)}


def _real(study: Mapping[str, Any]) -> list[str]:
    return [name for name in study["markets"] if name != NULL]


def _ladder(study: Mapping[str, Any]) -> str:
    """A line for each expert: its information ratio as one cost after the other is charged."""
    names = _real(study)
    experts = list(study["ladder"][names[0]])
    ratios = {
        name: {
            expert: [study["ladder"][name][expert]["rungs"][step]["information_ratio"] or 0.0 for step in STEPS]
            for expert in experts
        }
        for name in names
    }
    every = [ratio for market in ratios.values() for line in market.values() for ratio in line]
    ys = padded(min(every), max(every), 0.06)
    parts = [words(16, 24, "Information ratio of each expert, as costs are charged one after the other", "head")]
    for i, name in enumerate(names):
        panel = Panel(48 + 440 * i, 62, 250, 330, (0.0, len(STEPS) - 1.0), ys)
        parts.append(words(panel.left, 50, study["markets"][name]["title"], "head"))
        parts += [panel.level(value, formats.number(value, 0)) for value in nice_ticks(*ys, 6)]
        parts.append(panel.level(0.0, "", "rule"))
        parts += [panel.below(j, label, row=j % 2) for j, label in enumerate(STEPS.values())]
        ends = [float(panel.y(ratios[name][expert][-1])) for expert in experts]
        for j, (expert, at) in enumerate(
            zip(experts, apart(ends, 15, panel.top, panel.top + panel.height), strict=True)
        ):
            line = ratios[name][expert]
            parts.append(element("path", d=panel.path(range(len(line)), line), class_=f"line own s{j % 7}"))
            said = f"{expert} {formats.number(line[-1], 1, sign=True)}"
            right = panel.left + panel.width
            parts.append(
                element("path", d=f"M{right + 2} {ends[j]:.1f}L{right + 12} {at:.1f}", class_=f"line own s{j % 7}")
            )
            parts.append(words(right + 16, at + 4, said, f"own s{j % 7}"))
    told = "; ".join(
        f"{study['markets'][name]['title']}: "
        + ", ".join(
            f"{expert} {formats.number(line[0])} to {formats.number(line[-1])}" for expert, line in ratios[name].items()
        )
        for name in names
    )
    return document(900, 440, "Information ratio by what is charged", told, *parts)


def _ratios(study: Mapping[str, Any], name: str, rung: str) -> list[float]:
    """Of every setting of every searched expert; of all seeds."""
    found: list[float] = []
    for one in study["sweeps"][name]:
        for expert, sweep in one["levels"][rung]["sweeps"].items():
            if not study["settings"]["grids"][expert]["control"]:
                found += sweep["cells"]["ratio"]
    return found


def _sweeps(study: Mapping[str, Any]) -> str:
    """A histogram for each market, with nothing and with everything charged."""
    edges = np.arange(LOWEST, HIGHEST + WIDTH_OF_BIN / 2, WIDTH_OF_BIN)
    counts = {}
    for name in study["markets"]:
        for rung in ("nothing", "all"):
            ratios = np.clip(_ratios(study, name, rung), LOWEST + 1e-9, HIGHEST - 1e-9)
            counts[name, rung] = np.histogram(ratios, edges)[0] / len(ratios)
    top = max(float(each.max()) for each in counts.values()) * 1.05
    parts = [
        words(16, 24, "Information ratios of all settings tried", "head"),
        element("rect", x=500, y=14, width=22, height=11, class_="wash"),
        words(528, 24, "nothing charged"),
        element("path", d="M650 20L672 20", class_="line own s1"),
        words(678, 24, "every cost charged"),
    ]
    told = []
    for i, name in enumerate(study["markets"]):
        panel = Panel(58, 56 + 150 * i, 810, 100, (LOWEST, HIGHEST), (0.0, top))
        free, paid = counts[name, "nothing"], counts[name, "all"]
        parts.append(words(panel.left, panel.top - 8, study["markets"][name]["title"], "head"))
        parts += [panel.level(value, formats.percent(value, 0)) for value in nice_ticks(0.0, top, 3)]
        for left, share in zip(edges, free, strict=False):
            a, b, y = float(panel.x(left)), float(panel.x(left + WIDTH_OF_BIN)), float(panel.y(share))
            size = {"width": round(b - a - 1, 1), "height": round(panel.top + panel.height - y, 1)}
            parts.append(element("rect", x=round(a + 0.5, 1), y=round(y, 1), **size, class_="wash"))
        xs = np.repeat(edges, 2)[1:-1].tolist()
        parts.append(element("path", d=panel.path(xs, np.repeat(paid, 2).tolist()), class_="line own s1"))
        parts.append(panel.upright(0.0, "rule"))
        bar = _threshold(study, name)
        if bar < HIGHEST:
            parts.append(panel.upright(bar, "ink dash"))
            said = f"significant by itself: {formats.number(bar)}"
            side, anchor = (5, "start") if bar < 0.5 * HIGHEST else (-5, "end")
            parts.append(words(float(panel.x(bar)) + side, panel.top + 10, said, "strong", anchor))
        for value in nice_ticks(LOWEST, HIGHEST, 7):
            label = formats.number(value, 0)
            parts.append(panel.below(value, f"\N{LESS-THAN OR EQUAL TO} {label}" if value == LOWEST else label))
        median = {rung: float(np.median(_ratios(study, name, rung))) for rung in ("nothing", "all")}
        told.append(
            f"{study['markets'][name]['title']}: median {formats.number(median['nothing'])} with nothing charged, "
            f"{formats.number(median['all'])} with everything"
        )
    return document(900, 56 + 150 * len(study["markets"]) - 12, "Ratios of all settings tried", "; ".join(told), *parts)


def _threshold(study: Mapping[str, Any], name: str) -> float:
    """The ratio that is significant by itself at 5 %, for independent normal days without an edge."""
    return 1.6448536269514722 * math.sqrt(365.0 / study["markets"][name]["days"])


TESTS = {
    "significant": "one by one",
    "survive_effective": "best of as many independent ones",
    "survive_deflated": "deflated, settings of the sweep",
    "survive_deflated_all": "deflated, settings of all sweeps",
}


def _shares(study: Mapping[str, Any]) -> str:
    """Bars: what share of the settings is significant, the more is taken into account."""
    rows = [(name, rung) for name in study["markets"] for rung in ("nothing", "all")]
    found = {(name, rung): _of_all(study["sweeps"][name], rung) for name, rung in rows}
    top = max(high for each in found.values() for _, _, high in each.values())
    panel = Panel(330, 60, 490, 78 * len(rows), (0.0, top * 1.02), (0.0, 1.0))
    parts = [words(16, 24, "Share of settings that are significant at 5 %, by what is taken into account", "head")]
    for tick in nice_ticks(0.0, top, 5):
        parts += [panel.upright(tick, "grid"), panel.below(tick, formats.percent(tick, 0))]
    for i, (name, rung) in enumerate(rows):
        y = panel.top + 78 * i
        parts.append(words(16, y + 16, study["markets"][name]["title"], "strong"))
        parts.append(words(16, y + 32, "nothing charged" if rung == "nothing" else "every cost charged"))
        for j, (test, label) in enumerate(TESTS.items()):
            mean, low, high = found[name, rung][test]
            at = y + 6 + 16 * j
            a, b = panel.left, float(panel.x(mean))
            parts.append(
                element("rect", x=a, y=at, width=round(max(b - a, 1.0), 1), height=12, class_=f"fill own s{j}")
            )
            parts.append(words(a - 8, at + 10, label, anchor="end"))
            said, end = formats.percent(mean, 1), b
            if low < high:
                ends = [float(panel.x(value)) for value in (low, high)]
                parts.append(element("path", d=f"M{ends[0]:.1f} {at + 6}L{ends[1]:.1f} {at + 6}", class_="line ink"))
                said, end = f"{said} ({formats.percent(low, 0)} to {formats.percent(high, 0)})", max(b, ends[1])
            parts.append(words(end + 6, at + 10, said, "strong"))
    told = "; ".join(
        f"{study['markets'][name]['title']}, {rung} charged: "
        + ", ".join(f"{label} {formats.percent(found[name, rung][test][0])}" for test, label in TESTS.items())
        for name, rung in rows
    )
    return document(960, 60 + 78 * len(rows) + 34, "Shares of settings that are significant", told, *parts)


def _of_all(runs: Sequence[Mapping[str, Any]], rung: str) -> dict[str, tuple[float, float, float]]:
    """Mean, least and greatest share over the seeds of a market."""
    found = {}
    for test in TESTS:
        values = [run["levels"][rung]["together"][test] / run["levels"][rung]["together"]["tried"] for run in runs]
        found[test] = (float(np.mean(values)), min(values), max(values))
    return found
