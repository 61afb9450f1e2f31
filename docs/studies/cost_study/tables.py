"""The tables of the page, from the numbers of costs.json alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from halfspread.reports import formats

__all__ = [
    "conventions",
    "experts_table",
    "grids_table",
    "halves",
    "ladder",
    "luck",
    "net",
    "paid",
    "ratio",
    "survivors",
]

Entry = Mapping[str, Any]
#: Fewer fills than this are no rate of anything.
FEW = 10
LEVEL_WORDS = {"nothing": "nothing charged", "all": "every cost charged"}


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> list[str]:
    """Markdown; the first ``words`` columns are text, the others numbers."""
    marks = [*["---"] * words, *["---:"] * (len(heads) - words)]
    return [f"| {' | '.join(line)} |" for line in (heads, marks, *rows)]


def net(value: float) -> str:
    """A return in percent of the notional."""
    return formats.number(100.0 * value, 1, sign=True)


def ratio(value: float | None, digits: int = 2) -> str:
    """A ratio; a dash where there is none."""
    return formats.MISSING if value is None else formats.number(value, digits)


def _interval(limits: Sequence[float] | None) -> str:
    return formats.MISSING if limits is None else f"{ratio(limits[0])} to {ratio(limits[1])}"


def _points(value: float | None) -> str:
    return formats.MISSING if value is None else formats.number(1e4 * value, 2)


def named(settings: Entry) -> str:
    """Settings as text."""
    return ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in settings.items()
    )


def experts_table(study: Entry) -> list[str]:
    """Who is looked at with which settings."""
    rows = [
        [f"`{name}`", named({k: v for k, v in given.items() if k != "contracts"}) or "its defaults"]
        for name, given in study["settings"]["experts"].items()
    ]
    return _table(["expert", "settings"], rows, words=2)


def grids_table(study: Entry) -> list[str]:
    """What each sweep tries."""
    rows = []
    for name, grid in study["settings"]["grids"].items():
        axes = "; ".join(f"{axis}: {_span(values)}" for axis, values in grid["axes"].items())
        rows.append([f"control: `{name}`" if grid["control"] else f"`{name}`", axes, formats.count(grid["settings"])])
    return _table(["sweep", "values", "settings"], rows, words=2)


def _span(values: Sequence[Any]) -> str:
    """All values, or the ends of a long row of whole numbers."""
    if len(values) > 12 and all(isinstance(value, int) for value in values):
        return f"{values[0]} to {values[-1]}"
    return ", ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values)


def ladder(study: Entry, name: str) -> list[str]:
    """Net return at each rung, and how sure the ratio is at both ends."""
    experts = study["ladder"][name]
    dated = "fees_by_date" in next(iter(experts.values()))["rungs"]
    heads = [
        "expert",
        "nothing",
        "+ fees",
        "+ half-spread",
        "+ funding = all",
        "IR, nothing",
        "IR, all",
        "± error",
        "95 % interval",
    ]
    heads += ["all, fees by date"] if dated else []
    rows = []
    for expert, found in experts.items():
        rungs = found["rungs"]
        steps = [net(rungs[step]["total_return"]) for step in ("nothing", "fees", "fees_and_half_spread", "all")]
        whole = rungs["all"]
        row = [f"`{expert}`", *steps, ratio(rungs["nothing"]["information_ratio"]), ratio(whole["information_ratio"])]
        row += [ratio(whole["robust_error"]), _interval(whole["information_ratio_interval"])]
        rows.append(row + ([net(rungs["fees_by_date"]["total_return"])] if dated else []))
    return _table(heads, rows)


def paid(study: Entry, name: str) -> list[str]:
    """What each cost took by itself, and what a trade earned and cost."""
    days = study["markets"][name]["days"]
    heads = [
        "expert",
        "price",
        "fees",
        "half-spread",
        "funding",
        "fills",
        "turnover a year",
        "earned",
        "paid",
        "break-even",
    ]
    rows = []
    for expert, found in study["ladder"][name].items():
        whole = found["rungs"]["all"]
        parts = [net(whole[f"{part}_return"]) for part in ("price", "fee", "half_spread", "funding")]
        turnover = whole["turnover"]
        rates = (
            [whole["price_return"] / turnover, whole["cost_per_turnover"], whole["break_even_cost"]] if turnover else []
        )
        if whole["fills"] < FEW:
            rates = []
        rows.append(
            [
                f"`{expert}`",
                *parts,
                formats.count(whole["fills"]),
                f"{formats.compact(turnover / days * 365.0)}x",
                *(_points(each) for each in rates or (None, None, None)),
            ]
        )
    return _table(heads, rows)


def conventions(study: Entry, name: str) -> list[str]:
    """Net return by the moment of the fill, at both ends of the ladder."""
    order = ("this_close", "next_open", "next_close")
    heads = [
        "expert",
        *(f"{rung}, {fill.replace('_', ' ')}" for rung in LEVEL_WORDS for fill in order),
    ]
    rows = []
    for expert, found in study["ladder"][name].items():
        cells = [found["fills"].get(fill, {}).get(rung) for rung in LEVEL_WORDS for fill in order]
        rows.append(
            [f"`{expert}`", *(formats.MISSING if cell is None else net(cell["total_return"]) for cell in cells)]
        )
    return _table(heads, rows)


LUCK = {
    "tried": "tried",
    "positive": "above 0",
    "significant": "significant",
    "significant_robust": "robust t",
    "survive_effective": "effective",
    "survive_deflated": "deflated",
    "survive_deflated_all": "deflated, all",
}


def luck(study: Entry, name: str, rung: str) -> list[str]:
    """Each sweep of a market: how many settings look significant, how many still do; means over the seeds."""
    runs = [one["levels"][rung] for one in study["sweeps"][name]]
    heads = ["sweep", *LUCK.values(), "best IR", "luck", "SPA", "RC", "PBO"]
    control = [name for name, grid in study["settings"]["grids"].items() if grid["control"]]
    searched = [expert for expert in runs[0]["sweeps"] if expert not in control]
    rows = [_luck_row(f"`{expert}`", [run["sweeps"][expert] for run in runs]) for expert in searched]
    rows.append(_luck_row("**all of these**", [run["together"] for run in runs]))
    rows += [
        _luck_row(f"control: `{expert}`", [run["sweeps"][expert] for run in runs])
        for expert in control
        if expert in runs[0]["sweeps"]
    ]
    return _table(heads, rows)


def _luck_row(title: str, found: Sequence[Entry]) -> list[str]:
    counts = [_count([one[name] for one in found]) for name in LUCK]
    means = {
        name: float(np.mean([one[name] for one in found]))
        for name in ("best_ratio", "luck_ratio", "superior_ability", "reality_check", "overfitting")
    }
    ratios = [ratio(means[name]) for name in ("best_ratio", "luck_ratio")]
    chances = [ratio(means[name]) for name in ("superior_ability", "reality_check", "overfitting")]
    return [title, *counts, *ratios, *chances]


def _count(values: Sequence[int]) -> str:
    """A count, or the mean of several with its range."""
    if len(values) == 1:
        return formats.count(values[0])
    if min(values) == max(values):
        return formats.count(values[0])
    return f"{formats.number(float(np.mean(values)), 1)} ({min(values):,} to {max(values):,})"


def halves(study: Entry) -> list[str]:
    """Of those significant in the first half: how many were positive and significant in the second."""
    heads = [
        "market",
        "charged",
        "settings",
        "significant in the 1st half",
        "of these positive in the 2nd",
        "all: positive in the 2nd",
        "of these significant in the 2nd",
        "all: significant in the 2nd",
    ]
    rows = []
    for name, runs in study["sweeps"].items():
        for rung in LEVEL_WORDS:
            total = {
                key: sum(one["levels"][rung]["together"][key] for one in runs)
                for key in (
                    "tried",
                    "first_half",
                    "first_half_then_positive",
                    "first_half_then_significant",
                    "second_half_positive",
                    "second_half_significant",
                )
            }
            shares = [
                _share(total["first_half_then_positive"], total["first_half"]),
                _share(total["second_half_positive"], total["tried"]),
                _share(total["first_half_then_significant"], total["first_half"]),
                _share(total["second_half_significant"], total["tried"]),
            ]
            rows.append(
                [
                    study["markets"][name]["title"],
                    rung,
                    formats.count(total["tried"]),
                    formats.count(total["first_half"]),
                    *shares,
                ]
            )
    return _table(heads, rows, words=2)


def _share(part: int, whole: int) -> str:
    return f"{part:,} ({formats.percent(part / whole, 0)})" if whole else formats.MISSING


def survivors(study: Entry, name: str, rung: str) -> list[str]:
    """The best setting of each sweep of a market."""
    (run,) = study["sweeps"][name]
    heads = ["sweep", "best setting", "net", "IR", "t", "deflated", "without drift", "IR, 2nd half"]
    rows = []
    for expert, sweep in run["levels"][rung]["sweeps"].items():
        if not study["settings"]["grids"][expert]["control"]:
            best = sweep["best"]
            numbers = [ratio(best["ratio"]), ratio(best["t"])]
            chances = [formats.percent(best[key], 1) for key in ("deflated", "without_drift")]
            rows.append(
                [
                    f"`{expert}`",
                    named(best["settings"]),
                    net(best["net"]),
                    *numbers,
                    *chances,
                    ratio(best["second_ratio"]),
                ]
            )
    return _table(heads, rows, words=2)


def data_table(study: Entry) -> list[str]:
    """Hashes of what the runs read."""
    rows = []
    for market in study["markets"].values():
        tables = next(iter(market["data"]["tables"].values()))
        said = ", ".join(f"{name} {formats.count(table['rows'])}" for name, table in tables.items())
        rows.append([market["title"], f"`{market['data']['hash'][:16]}`", said])
    return _table(["market", "hash of the data", "rows"], rows, words=3)
