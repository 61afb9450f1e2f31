"""The ranking of configs/xbtusd_ranking.toml: what ``halfspread compare CONFIG --json`` says, and its picture."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cost_study.drawing import Panel, document, words
from esn_rrl_study.rows import CONFIGS
from imitation_study.markdown import table

from halfspread.errors import UserError
from halfspread.reports import formats
from halfspread.reports.scales import nice_ticks, padded
from halfspread.reports.svg import element

__all__ = ["ranking_numbers", "ranking_picture", "ranking_table"]

CONFIG = CONFIGS / "xbtusd_ranking.toml"
METRICS = ("total_return", "information_ratio", "price_return", "half_spread_return", "fee_return", "funding_return",
           "turnover", "max_drawdown", "days", "start", "end")  # fmt: skip
#: Who is what, for the colours: online learners, imitators, rules.
KINDS = {"esn_rrl": 0, "bias_only": 0, "rrl": 0, "esn_sarsa": 0, "behavioural_cloning": 3, "dagger": 3}
RULE, ROW = 6, 30


def ranking_numbers(out: Path) -> dict[str, Any]:
    """Run the comparison as a user does; results go to ``out``. Raises UserError."""
    command = [sys.executable, "-m", "halfspread", "compare", str(CONFIG), "--json", "--no-report"]
    root = CONFIGS.parent
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))}
    out.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(command, cwd=out, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UserError(f"{' '.join(command[2:])} failed: {done.stderr.strip()[-800:]}")
    found = json.loads(done.stdout)
    return {
        "config": CONFIG.name,
        "agents": [
            {
                "name": each["name"],
                **{name: each["metrics"][name] for name in METRICS},
                "intervals": {name: each["intervals"]["figures"].get(name) for name in METRICS[:2]},
            }
            for each in found["agents"]
        ],
    }


def ranking_table(found: Mapping[str, Any]) -> str:
    """A line for each agent, ranked."""
    lines = []
    for i, each in enumerate(found["agents"]):
        limits = each["intervals"]["total_return"]
        held = "" if limits is None else f"{formats.number(limits['low'])} to {formats.number(limits['high'])}"
        parts = ("price_return", "half_spread_return", "fee_return", "funding_return")
        cells = [formats.number(each["total_return"]), held, formats.number(each["information_ratio"])]
        cells += [formats.number(each[name]) for name in parts] + [formats.number(each["turnover"], 0)]
        lines.append([f"{i + 1} {each['name']}", *cells])
    heads = ("agent", "total", "95 % interval", "IR", "price", "half-spread", "fees", "funding", "turnover")
    return table(heads, lines)


def ranking_picture(found: Mapping[str, Any]) -> str:
    """Total return after all costs with its interval, ranked."""
    agents = found["agents"]
    ends = [each["intervals"]["total_return"] or {} for each in agents]
    values = [each["total_return"] for each in agents] + [
        one[side] for one in ends for side in one if side in "lowhigh"
    ]
    xs = padded(max(min(values), -6.0), min(max(values), 8.0), 0.04)
    panel = Panel(190, 66, 560, ROW * len(agents), xs, (0.0, 1.0))
    span = f"{agents[0]['start'][:10]} to {agents[0]['end'][:10]}"
    parts = [
        words(16, 24, f"XBTUSD {span}: total return on a constant notional, after all costs", "head"),
        words(16, 44, "dot: sum of simple returns; line: 95 % interval; 5 bp taker, 0.25 USD half-spread, funding"),
    ]
    for tick in nice_ticks(*xs, 7):
        style = "rule" if tick == 0.0 else "grid"
        parts += [panel.upright(tick, style), panel.below(tick, formats.percent(tick, 0))]
    for i, (each, limits) in enumerate(zip(agents, ends, strict=True)):
        y, style = panel.top + ROW * (i + 0.5), f"own s{KINDS.get(each['name'], RULE)}"
        parts.append(words(panel.left - 12, y + 4, each["name"], "strong", "end"))
        if limits:
            low, high = (float(panel.x(min(max(limits[side], xs[0]), xs[1]))) for side in ("low", "high"))
            parts.append(
                element("path", d=f"M{low:.1f} {y:.1f}L{high:.1f} {y:.1f}", class_=f"line {style}", stroke_width=3)
            )
        at = float(panel.x(min(max(each["total_return"], xs[0]), xs[1])))
        parts.append(element("circle", cx=round(at, 1), cy=round(y, 1), r=4.5, class_=f"dot {style}"))
        parts.append(words(panel.left + panel.width + 12, y + 4, formats.percent(each["total_return"], 0)))
    legend = (("learns while it trades", 0), ("imitates an expert", 3), ("rule", RULE))
    bottom = panel.top + panel.height + 44
    for i, (title, colour) in enumerate(legend):
        x = panel.left + 190 * i
        parts += [
            element("circle", cx=x, cy=bottom - 4, r=4.5, class_=f"dot own s{colour}"),
            words(x + 10, bottom, title),
        ]
    told = ", ".join(f"{each['name']} {formats.percent(each['total_return'], 0)}" for each in agents)
    return document(840, round(bottom + 20), "Ranking of agents on XBTUSD", told, *parts)
