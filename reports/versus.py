"""How several agents compare, and how much of that is luck: one set of resamples of the days that they share.

Daily PnL in units of the notional. Agents that are told the future take no part; they are the bound.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from halfspread.reports.certainty import INTERVAL_STREAM, LEVEL
from halfspread.reports.measured import looks_ahead, measured, seed_of
from halfspread.reports.protocol import ResultLike
from halfspread.reports.statistics.bootstrap_kernels import block_moments
from halfspread.reports.statistics.resamples import (
    BOOTSTRAP_DAYS,
    Resamples,
    block_length,
    draw_resamples,
    mean_variances,
)
from halfspread.reports.statistics.series import Floats, deviation
from halfspread.reports.statistics.superiority import reality_check, superior_ability

__all__ = ["Contest", "Difference", "Versus", "sum_intervals", "versus", "versus_object"]


@dataclass(frozen=True)
class Difference:
    """Net return of an agent less another's, in units of the notional over the whole run, with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Contest:
    """Does any of ``agents`` beat ``against`` (empty: doing nothing)? p-values of Hansen's test for superior ability
    and of White's reality check; ``best``: the agent with the highest mean in standard errors."""

    against: str
    agents: int
    superior_ability: float
    reality_check: float
    best: str


@dataclass(frozen=True)
class Versus:
    """Differences by agent to the ``first`` of the ranking, to ``hold`` (buy and hold, empty where nobody does) and to
    the ``benchmark`` that all share (an agent by its name, else "the benchmark NAME"; empty without one); the
    ``contests``; ``bound`` (empty for none) and by agent the ``share`` of the bound's net return. Without ``resamples``
    there are neither differences nor tests, and ``reason`` says why."""

    first: str
    hold: str = ""
    benchmark: str = ""
    bound: str = ""
    days: int = 0
    resamples: int = 0
    block: float = math.nan
    reason: str = ""
    to_first: Mapping[str, Difference] = field(default_factory=dict)
    to_hold: Mapping[str, Difference] = field(default_factory=dict)
    to_benchmark: Mapping[str, Difference] = field(default_factory=dict)
    share: Mapping[str, float] = field(default_factory=dict)
    contests: Sequence[Contest] = ()


def versus(results: Sequence[ResultLike], names: Sequence[str]) -> Versus:
    """Compare ``results``, best first, called ``names``; the resamples are drawn from the seed of the first."""
    pairs = list(zip(results, names, strict=True))
    fair = {name: result for result, name in pairs if not looks_ahead(result)}
    bound, share = _bound(pairs, fair)
    first = next(iter(fair), "")
    hold = next((name for name, result in fair.items() if result.agent == "BuyAndHold"), "")
    basis: dict[str, Any] = {"first": first, "hold": hold, "bound": bound, "share": share}
    basis["benchmark"] = _benchmark(fair)
    tables = {name: measured(result).days for name, result in fair.items()}
    if len(tables) < 2:
        return Versus(**basis, reason="there is one agent only" if tables else "there is no agent to compare")
    index = tables[first].index
    if any(not index.equals(table.index) for table in tables.values()):
        return Versus(**basis, reason="the agents do not share their days")
    if len(index) < BOOTSTRAP_DAYS:
        return Versus(
            **basis, days=len(index), reason=f"a comparison needs at least {BOOTSTRAP_DAYS} days, got {len(index)}"
        )
    pnl = {name: table["pnl"].to_numpy(dtype=np.float64) for name, table in tables.items()}
    beside = tables[first]["benchmark"].to_numpy(dtype=np.float64) if basis["benchmark"] else None
    return _compared(basis, pnl, beside, seed_of(fair[first]))


def _benchmark(fair: Mapping[str, ResultLike]) -> str:
    """What to call the benchmark of all; empty where they have none, or not the same."""
    found = [each for result in fair.values() if (each := getattr(result, "benchmark", None)) is not None]
    if not found or len(found) < len(fair):
        return ""
    series = [measured(result).days["benchmark"] for result in fair.values()]
    if any(not each.equals(series[0]) for each in series):
        return ""
    name = str(found[0].name)
    return name if found[0].kind == "agent" and name in fair else f"the benchmark {name}"


def _bound(pairs: Sequence[tuple[ResultLike, str]], fair: Mapping[str, ResultLike]) -> tuple[str, dict[str, float]]:
    """The best of those who are told the future, and what share of its net return each agent made."""
    told = {name: float(measured(each).metrics["total_return"]) for each, name in pairs if looks_ahead(each)}
    if not told:
        return "", {}
    bound = max(told, key=lambda name: told[name])
    if not told[bound] > 0.0:
        return bound, {}
    return bound, {name: float(measured(each).metrics["total_return"]) / told[bound] for name, each in fair.items()}


def _compared(basis: dict[str, Any], pnl: dict[str, Floats], beside: Floats | None, seed: int) -> Versus:
    first, hold, benchmark = basis["first"], basis["hold"], basis["benchmark"]
    series = pnl if beside is None else pnl | {benchmark: beside}
    sets = {"": pnl}
    for other in dict.fromkeys([first, hold, benchmark]):
        if other:
            sets[other] = {name: values - series[other] for name, values in pnl.items() if name != other}
    block = max(block_length(values) for each in sets.values() for values in each.values())
    days = len(pnl[first])
    resamples = draw_resamples(np.random.default_rng([seed, INTERVAL_STREAM]), days, block)
    found = {
        other: dict(zip(each, sum_intervals(np.column_stack([*each.values()]), resamples), strict=True))
        for other, each in sets.items()
        if other
    }
    contests = [_contest(other, sets[other], resamples) for other in dict.fromkeys(["", hold, benchmark])]
    return Versus(
        **basis,
        days=days,
        resamples=resamples.count,
        block=block,
        to_first=found[first],
        to_hold=found[hold] if hold else {},
        to_benchmark=found[benchmark] if benchmark else {},
        contests=contests,
    )


def _contest(against: str, differences: dict[str, Floats], resamples: Resamples) -> Contest:
    table = np.column_stack([*differences.values()])
    spa, check = superior_ability(table, resamples), reality_check(table, resamples)
    return Contest(against, len(differences), spa.p, check.p, [*differences][spa.best])


def sum_intervals(values: Floats, resamples: Resamples, level: float = LEVEL) -> list[Difference]:
    """The sum of each column of ``values`` (days, columns) with its studentised interval, as in
    `halfspread.reports.statistics.intervals`; NaN limits where a column does not vary."""
    days, columns = values.shape
    centre = values.mean(axis=0)
    means, squares = np.empty((resamples.count, columns)), np.empty((resamples.count, columns, columns))
    block_moments(np.ascontiguousarray(values - centre), resamples.index, means, squares)
    errors = np.sqrt(mean_variances(values, resamples) / days)
    found = []
    for j in range(columns):
        drawn = np.sqrt(np.maximum(squares[:, j, j], 0.0) / days)
        total = days * float(centre[j])
        if deviation(values[:, j]) == 0.0 or not (drawn > 0.0).all():
            found.append(Difference(total, math.nan, math.nan))
            continue
        low, high = np.quantile(means[:, j] / drawn, [(1.0 - level) / 2.0, (1.0 + level) / 2.0]) * errors[j] * days
        found.append(Difference(total, total - float(high), total - float(low)))
    return found


def versus_object(found: Versus) -> dict[str, Any]:
    """The same for JSON."""
    differences = {"to_first": found.to_first, "to_buy_and_hold": found.to_hold, "to_benchmark": found.to_benchmark}
    return {
        "first": found.first,
        "buy_and_hold": found.hold or None,
        "benchmark": found.benchmark or None,
        "bound": found.bound or None,
        "days": found.days,
        "days_needed": BOOTSTRAP_DAYS,
        "level": LEVEL,
        "resamples": found.resamples,
        "block_days": found.block,
        "reason": found.reason,
        **{part: {name: vars(one) for name, one in each.items()} for part, each in differences.items()},
        "share_of_bound": dict(found.share),
        "tests": [vars(test) | {"against": test.against or "nothing"} for test in found.contests],
    }
