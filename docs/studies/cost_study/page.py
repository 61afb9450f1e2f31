"""The page of the study: its text with the numbers and tables of costs.json in their places."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cost_study import sentences, tables
from cost_study.luck import Z

from halfspread.reports import formats

__all__ = ["page"]

TEMPLATE = Path(__file__).resolve().parent / "page.template"
_PLACE = re.compile(r"\{\{(\w+)\}\}")


def page(study: Mapping[str, Any]) -> str:
    """Markdown. Raises KeyError where the text names a place that nothing fills."""
    places = _places(study)
    text = _PLACE.sub(lambda match: places[match[1]], TEMPLATE.read_text(encoding="utf-8"))
    return re.sub(r"(?<=\d)%", " %", text)


def _places(study: Mapping[str, Any]) -> dict[str, str]:
    markets = list(study["markets"])
    searched = [grid for grid in study["settings"]["grids"].values() if not grid["control"]]
    return {
        "seeds": formats.count(max(len(market["seeds"]) for market in study["markets"].values())),
        "experts": formats.count(len(study["settings"]["experts"])),
        "tried": formats.count(sum(grid["settings"] for grid in searched)),
        "searched": formats.count(len(searched)),
        "z": f"{Z:.3f}",
        "findings": sentences.findings(study),
        "left_over": sentences.left_over(study),
        "left_out": sentences.left_out(study),
        "experts_table": _lines(tables.experts_table(study)),
        "ladders": "\n\n".join(_ladder(study, name) for name in markets),
        "conventions": "\n\n".join(
            f"**{study['markets'][name]['title']}**\n\n{_lines(tables.conventions(study, name))}" for name in markets
        ),
        "opens": sentences.opens(study),
        "grids_table": _lines(tables.grids_table(study)),
        "sweeps": "\n\n".join(_sweeps(study, name) for name in markets),
        "halves": _lines(tables.halves(study)),
        "made": sentences.made(study),
        "data": _lines(tables.data_table(study)),
    }


def _lines(lines: list[str]) -> str:
    return "\n".join(lines)


def _ladder(study: Mapping[str, Any], name: str) -> str:
    market = study["markets"][name]
    parts = [
        f"### {market['title']}, {market['start'][:10]} to {market['end'][:10]}",
        sentences.assumed(study, name),
        _lines(tables.ladder(study, name)),
        "What each part gave or took at all costs, in % of the notional. Then per unit of value traded, in basis "
        "points: what "
        "prices gave, what fees and half-spread cost, and the cost at which the net return would be zero (funding "
        "counts).",
        _lines(tables.paid(study, name)),
    ]
    return "\n\n".join(parts)


def _sweeps(study: Mapping[str, Any], name: str) -> str:
    parts = [f"### Sweeps: {study['markets'][name]['title']}"]
    drawn = bool(study["markets"][name]["seeds"])
    if drawn:
        parts.append(f"Means over {len(study['sweeps'][name])} random walks, with the range of the counts.")
    for rung, words in (("nothing", "Nothing charged"), ("all", "Every cost charged")):
        parts += [f"**{words}**", _lines(tables.luck(study, name, rung))]
        if not drawn:
            parts.append(sentences.told(study, name, rung))
    if drawn:
        return "\n\n".join([*parts, sentences.told_of_luck(study, name)])
    best = (
        "The best setting of each sweep at all costs, by its ratio. *Deflated*: its deflated Sharpe ratio in its "
        "sweep. "
        "*Without drift*: the probabilistic Sharpe ratio of what is left after a constant position of the same "
        "beta to buy and "
        "hold, which is timing."
    )
    return "\n\n".join([*parts, best, _lines(tables.survivors(study, name, "all"))])
