"""From outcomes to the numbers of the study: what costs.json holds, and nothing that is not in it is said."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from cost_study.cells import Key, MarketRuns, fills_of
from cost_study.experts import EXPERTS, LEFT_OUT, Grid
from cost_study.luck import SEED, Judged, family, joined, judge, shares
from cost_study.markets import LEVELS, RUNGS

from halfspread.configs.cell_work import DONE, Outcome
from halfspread.reports.certainty import find_intervals, limits
from halfspread.reports.statistics.days import Days
from halfspread.reports.statistics.probabilistic import probabilistic_sharpe
from halfspread.reports.statistics.robust import robust_ratio_error
from halfspread.reports.statistics.series import Floats, deviation

__all__ = ["ladder_numbers", "market_entry", "settings_entry", "sweep_numbers", "to_json"]

#: What is kept of a run of the ladder, beside its ratio and their intervals.
KEPT = (
    "total_return",
    "price_return",
    "half_spread_return",
    "fee_return",
    "funding_return",
    "information_ratio",
    "turnover",
    "fills",
    "exposure",
    "max_drawdown",
    "break_even_cost",
    "cost_per_turnover",
)
_ROW = re.compile(r"\[[^\[\]{}\"]*\]")
#: Digits of the numbers of single settings.
DIGITS = 5


def market_entry(runs: MarketRuns) -> dict[str, Any]:
    """What the market is: data and their hashes, config without agents, span."""
    first = next(each for each in runs.outcomes.values() if each.state == DONE)
    return {
        "title": runs.market.title,
        "config_file": runs.market.config.name,
        "config": runs.config,
        "contracts": runs.market.contracts,
        "settings": list(runs.market.settings),
        "seeds": list(runs.market.seeds),
        "assumed": {name: getattr(runs.market, name) for name in ("fees", "spread", "funding", "span")},
        "data": {"hash": runs.data.total, "tables": dict(runs.data.tables)},
        "start": first.metrics["start"],
        "end": first.metrics["end"],
        "days": first.metrics["days"],
        **runs.facts,
    }


def ladder_numbers(runs: MarketRuns) -> dict[str, Any]:
    """By expert: each rung at the next open, and the other conventions at both ends."""
    found = {}
    for expert, parameters in EXPERTS.items():
        rungs = [*RUNGS, *(["fees_by_date"] if runs.market.fees_by_date else [])]
        one = {rung: _run(runs.outcomes[Key("ladder", expert, rung)]) for rung in rungs}
        filled = {
            fill: {rung: _run(runs.outcomes[Key("ladder", expert, rung, fill)]) for rung in LEVELS}
            for fill in fills_of(expert)
        }
        found[expert] = {
            "parameters": {name: value for name, value in parameters.items() if name != "contracts"},
            "rungs": one,
            "fills": filled,
            "does_not_add_up_by": _left_over(one),
        }
    return found


def _run(outcome: Outcome) -> dict[str, Any]:
    if outcome.state != DONE:
        return {"state": outcome.state, "message": outcome.message}
    kept: dict[str, Any] = {name: outcome.metrics[name] for name in KEPT}
    intervals = find_intervals(Days(outcome.pnl), SEED)
    for name in ("information_ratio", "total_return"):
        one = limits(intervals, name)
        kept[f"{name}_interval"] = None if one is None else [one.low, one.high]
    moves = deviation(outcome.pnl) > 0.0
    kept["robust_error"] = robust_ratio_error(outcome.pnl) if moves else math.nan
    kept["probabilistic_sharpe"] = probabilistic_sharpe(outcome.pnl) if moves else math.nan
    return {"state": DONE, **kept}


def _left_over(rungs: Mapping[str, Mapping[str, Any]]) -> float:
    """What the rungs taken one by one miss of all together, in units of the notional; infinite where the fills are not
    the same in number."""
    base = float(rungs["nothing"]["total_return"])
    alone = sum(float(rungs[name]["total_return"]) - base for name in ("fees", "half_spread", "funding"))
    if len({each["fills"] for each in rungs.values()}) > 1:
        return math.inf
    return abs(base + alone - float(rungs["all"]["total_return"]))


def sweep_numbers(runs: MarketRuns, grids: Sequence[Grid], *, cells: bool) -> dict[str, Any]:
    """By what is charged: each sweep, all of them together (without the control), and where ``cells`` every setting."""
    return {rung: _level(runs, grids, rung, cells) for rung in LEVELS}


def _level(runs: MarketRuns, grids: Sequence[Grid], rung: str, cells: bool) -> dict[str, Any]:
    hold = runs.outcomes[Key("ladder", "buy_and_hold", rung)].pnl
    tables = {grid.expert: _matrix(runs, grid, rung) for grid in grids}
    judged = {expert: judge(table, hold) for expert, table in tables.items()}
    searched = [grid.expert for grid in grids if not grid.control]
    together = np.column_stack([tables[expert] for expert in searched])
    whole = joined([judged[expert] for expert in searched])
    of_all = family(together, whole)
    entries = {}
    for grid in grids:
        one = judged[grid.expert]
        statistics = family(tables[grid.expert], one, None if grid.control else of_all["luck_ratio"])
        columns = _columns(runs, grid, rung, one, statistics)
        best = int(one.ratio.argmax())
        entry = {**_plain(statistics), **shares(one, statistics)}
        entry["best"] = {"settings": grid.settings[best][0], **{name: each[best] for name, each in columns.items()}}
        named = {"settings": [list(named.values()) for named, _ in grid.settings]}
        entry["cells"] = named | columns if cells else {"ratio": columns["ratio"]}
        entries[grid.expert] = entry
    counts = shares(whole, of_all)
    for name in ("survive_effective", "survive_deflated"):  # each sweep by its own number of settings
        counts[name] = sum(entries[expert][name] for expert in searched)
    return {"sweeps": entries, "together": {**_plain(of_all), **counts}}


def _matrix(runs: MarketRuns, grid: Grid, rung: str) -> Floats:
    columns = []
    for i in range(len(grid.settings)):
        outcome = runs.outcomes[Key("sweep", grid.expert, rung, setting=i)]
        if outcome.state != DONE:
            raise RuntimeError(f"{grid.expert}, setting {i}: {outcome.state}: {outcome.message}")
        columns.append(outcome.pnl)
    return np.column_stack(columns)


def _plain(statistics: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in statistics.items() if name not in ("survives", "deflated")}


def _columns(
    runs: MarketRuns, grid: Grid, rung: str, judged: Judged, statistics: Mapping[str, Any]
) -> dict[str, list[float]]:
    """The numbers of each setting, rounded."""
    keys = [Key("sweep", grid.expert, rung, setting=i) for i in range(len(judged.ratio))]
    metrics = [runs.outcomes[key].metrics for key in keys]
    columns = {
        "net": np.array([float(each["total_return"]) for each in metrics]),
        "turnover": np.array([float(each["turnover"]) for each in metrics]),
        "ratio": judged.ratio,
        "t": judged.t,
        "psr": judged.psr,
        "deflated": statistics["deflated"],
        "first": judged.first,
        "second": judged.second,
        "second_ratio": judged.second_ratio,
        "without_drift": judged.without_drift,
    }
    return {name: [float(f"{value:.{DIGITS}g}") for value in values.tolist()] for name, values in columns.items()}


def settings_entry(grids: Sequence[Grid]) -> dict[str, Any]:
    """What was tried."""
    return {
        "experts": EXPERTS,
        "left_out": LEFT_OUT,
        "grids": {
            grid.expert: {"axes": grid.axes, "settings": len(grid.settings), "control": grid.control} for grid in grids
        },
        "seed_of_resamples": SEED,
    }


def to_json(value: Any) -> str:
    """JSON that `json.loads` reads back to the same, rows of numbers on one line; what is not finite is null."""
    text = json.dumps(_finite(value), indent=1, ensure_ascii=False)
    return _ROW.sub(lambda row: " ".join(row[0].split()), text) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _finite(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
