"""Real markets after all costs: three experts on BitMEX XBTUSD and Bybit BTCUSDT, cloned and imitated by DAgger on the
earlier part, judged on the later one."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from cost_study.markets import BTCUSDT, XBTUSD, Market
from imitation_study.markdown import p_value, plus_minus, share, table
from imitation_study.part import Part, Size, Study

from halfspread.agents import Clone, Dagger
from halfspread.agents.experts.position_expert import PositionExpert
from halfspread.agents.features import FeatureSet
from halfspread.agents.imitation.cloning import CloneSettings
from halfspread.agents.imitation.dataset import ExpertDataset
from halfspread.agents.imitation.judging import paired_permutation
from halfspread.agents.imitation.learner import Imitator
from halfspread.agents.imitation.rollout import Episode, roll_out
from halfspread.agents.shift.analyzer import CovariateShiftAnalyzer
from halfspread.agents.shift.blocks import share_interval
from halfspread.configs.build import build_tape, run_terms, training_part
from halfspread.configs.costs import build_costs
from halfspread.configs.load import load
from halfspread.reports import formats
from halfspread.reports.names import PART_NAMES
from halfspread.reports.protocol import ATTRIBUTION
from halfspread.strategies.bollinger import Bollinger
from halfspread.strategies.sma_cross import SmaCross

__all__ = ["PART"]

NAME = "real_markets"
LEARNERS = {"bc": "behavioural cloning", "dagger": "DAgger"}
#: Seeds draw first weights, order of examples and who acts; the market is what it is.
SEEDS = 12
ROUNDS = 6
EMBARGO = "1d"
EPOCHS = 10


@dataclass(frozen=True)
class Task:
    """An expert, and what its learners look at."""

    title: str
    expert: Any
    features: tuple[str, ...]


@dataclass(frozen=True)
class Span:
    """A market with its data from ``start`` to ``end``; what stands before ``until`` is learnt from."""

    market: Market
    start: str
    until: str
    end: str
    currency: str
    fees: str
    settings: tuple[str, ...] = ()


TASKS: Mapping[str, Task] = {
    "trend": Task(
        "trend, two averages of 20 and 100 bars",
        SmaCross(fast=20, slow=100),
        ("average_gap(20, 100)", "average_gap(5, 20)", "log_return(1)", "volatility(20)", "position"),
    ),
    "reversion": Task(
        "reversion, a band of two deviations around 100 bars",
        Bollinger(window=100, width=2.0),
        ("range_position(100)", "average_gap(1, 100)", "volatility(100)", "log_return(1)", "position"),
    ),
    "position": Task(
        "momentum of 96 bars with a stop, a time stop and a rest",
        PositionExpert(
            signal="momentum(96)", enter=2.0, leave=0.5, stop=0.02, stop_unit="fraction", longest=96, cool_down=24
        ),
        ("momentum(96)", "position", "open_pnl(fraction)", "age", "cool_down(24)"),
    ),
}
SPANS: Mapping[str, Span] = {
    "xbtusd": Span(
        XBTUSD,
        "2020-01-01",
        "2021-01-01",
        "2021-09-22",
        "USD",
        "5 bp of the value of every fill at all times, as in the config; the venue charged 7.5 bp before 2021-08-17",
    ),
    "btcusdt": Span(BTCUSDT, "2025-01-01", "2026-01-01", "2026-07-21", "USDT", BTCUSDT.fees, BTCUSDT.settings),
}


@lru_cache(maxsize=2)
def _market(name: str) -> tuple[Any, Any, Any, dict[str, Any]]:
    """The part that is learnt from, the part that is judged on, costs and terms of a run."""
    span = SPANS[name]
    times = (f"market.start={span.start}", f"market.end={span.end}", f"training.until={span.until}")
    loaded = load(span.market.config, (*span.settings, *times, f'training.embargo="{EMBARGO}"'))
    costs = build_costs(loaded.config.costs, loaded.folder, loaded.places)
    terms = {**run_terms(loaded), "mode": "auto", "keep_curve": False}
    return training_part(loaded), build_tape(loaded), costs, terms


def _jobs(size: Size) -> list[tuple[str, str, str, int, Size]]:
    seeds = range(min(size.seeds, SEEDS))
    pairs = [(where, task) for where in SPANS for task in TASKS]
    return [(where, task, name, seed, size) for where, task in pairs for name in LEARNERS for seed in seeds]


def _learner(task: Task, name: str, size: Size) -> Imitator:
    epochs = max(round(EPOCHS * size.epochs / 15), 1)
    settings = CloneSettings(hidden=(32, 32), epochs=epochs, batch=256, rate=3e-3)
    if name == "bc":
        return Clone(expert=task.expert, features=task.features, settings=settings)
    return Dagger(expert=task.expert, features=task.features, settings=settings, rounds=ROUNDS)


def _work(job: tuple[str, str, str, int, Size]) -> dict[str, Any]:
    where, which, name, seed, size = job
    task = TASKS[which]
    train, test, costs, terms = _market(where)
    lesson = _learner(task, name, size).learn(train, np.random.default_rng([seed, 7]), costs=costs, options=terms)
    features = FeatureSet(task.features)
    own = roll_out(test, task.expert, features, costs, learner=lesson.model, beta=0.0, **terms)
    shown = roll_out(test, task.expert, features, costs, **terms)
    visited, held_out = (ExpertDataset.of([each], features) for each in (own, shown))
    wrong = (own.expert != own.executed).astype(np.float64)
    limits = share_interval(wrong, visited.episode)
    found = {
        "disagreement": float(wrong.mean()),
        "low": limits.low,
        "high": limits.high,
        "at_experts_states": 1.0 - lesson.clone.agreement(held_out),
        "labels": len(lesson.dataset),
        "money": _money(own),
    }
    if seed == 0:
        found |= {"expert_money": _money(shown), "decisions": len(wrong), "bars": [len(train), len(test)]}
        found["of_acting"] = _shift(held_out, visited)
        found["of_the_market"] = _shift(lesson.dataset, held_out)
    return found


def _money(episode: Episode) -> dict[str, float]:
    result = episode.result
    parts = {part: float(result.attribution[part]) for part in ATTRIBUTION}
    fills = sum(each["fills"] for each in result.attribution_by_instrument.values())
    more = {"net": math.fsum(parts.values()), "turnover": float(result.turnover) / result.notional, "fills": fills}
    return {**parts, **more, "max_drawdown": float(result.max_drawdown_notional)}


def _shift(reference: ExpertDataset, visited: ExpertDataset) -> dict[str, Any]:
    report = CovariateShiftAnalyzer(windows=1).compare(reference, visited, np.random.default_rng(9))
    most = max(report.features, key=lambda each: each.distance)
    classifier = {each.name: each for each in report.measures}.get("Classifier")
    return {
        "divergence": _rounded(report.measure("Gaussian divergence").value),
        "distance": _rounded(report.measure("Mean distance").value),
        "distance_p": _rounded(report.measure("Mean distance").p),
        "discrepancy_p": _rounded(report.measure("Mean discrepancy").p),
        "auc": None if classifier is None else _rounded(classifier.value),
        "most": {"feature": most.feature, "distance": _rounded(most.distance), "p": _rounded(most.p)},
        "block": report.block,
    }


def _rounded(value: float) -> float | None:
    return round(float(value), 5) if math.isfinite(value) else None


def _numbers(results: Sequence[Any], size: Size, study: Study) -> dict[str, Any]:
    jobs = _jobs(size)
    seeds = min(size.seeds, SEEDS)
    found: dict[str, Any] = {"seeds": seeds, "rounds": ROUNDS, "embargo": EMBARGO}
    for where, span in SPANS.items():
        tasks = {}
        for which in TASKS:
            rows = {
                name: [result for job, result in zip(jobs, results, strict=True) if job[:3] == (where, which, name)]
                for name in LEARNERS
            }
            tasks[which] = _task_numbers(rows)
        times = {"from": span.start, "until": span.until, "to": span.end}
        first = next(result for job, result in zip(jobs, results, strict=True) if job[0] == where)
        bars = {"learnt": first["bars"][0], "judged": first["bars"][1]}
        found[where] = {**times, "bars": bars, "tasks": tasks}
    return found


def _task_numbers(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, each in rows.items():
        wrong = np.array([row["disagreement"] for row in each])
        money = {part: round(float(np.mean([row["money"][part] for row in each])), 2) for part in each[0]["money"]}
        nets = [round(row["money"]["net"], 2) for row in each]
        first = each[0]
        found[name] = {
            "disagreement": round(float(wrong.mean()), 7),
            "standard_error": round(float(wrong.std(ddof=1) / np.sqrt(len(wrong))), 7) if len(wrong) > 1 else None,
            "low": round(float(np.mean([row["low"] for row in each])), 7),
            "high": round(float(np.mean([row["high"] for row in each])), 7),
            "at_experts_states": round(float(np.mean([row["at_experts_states"] for row in each])), 7),
            "labels": first["labels"],
            "by_seed": [round(float(value), 7) for value in wrong],
            "money": {**money, "max_drawdown": round(float(money["max_drawdown"]), 4)},
            "net_by_seed": nets,
            "of_acting": first["of_acting"],
            "of_the_market": first["of_the_market"],
        }
    expert = rows["bc"][0]["expert_money"]
    found["expert"] = {"money": {name: round(value, 4) for name, value in expert.items()}}
    pairs = [found[name]["by_seed"] for name in ("dagger", "bc")]
    if len(pairs[0]) > 1:
        found["p"] = paired_permutation(pairs[0], pairs[1], np.random.default_rng(0))
    return found


def _section(study: Study) -> str:
    found = study[NAME]
    written = [_market_section(where, found) for where in SPANS]
    better, cells, above, policies = _counts(found)
    return f"""## Real markets, after costs

Three experts on five-minute bars, each imitated on the earlier part of a market and judged on the later part
({EMBARGO} in between left out), on a notional of 10,000. Charged is what the shipped configs `xbtusd_experts.toml` and
`btcusdt_experts.toml` charge: half of a quoted spread of one tick (an assumption), the taker's fee of every fill, and
published funding; a decision is filled at the open of the next bar; impact and margin are left out. Features:
{_features()}. {found["seeds"]} seeds draw first weights, order of examples and who acts. The market is one path:
errors over seeds say nothing of other years, and beside them stands the interval over blocks of that path (mean of the
seeds). DAgger has {found["rounds"]} rounds in successive parts of the same data, and the last fifth of them to choose
the round by, so that it asks for fewer labels than cloning. No expert is claimed to have an edge, and neither is any
copy.

{written[0]}

{written[1]}

DAgger disagrees less than cloning in {better} of {cells} cases. {above} of {policies} policies earn more, or lose less,
than the expert that they imitate: money does not say who imitates well."""


def _features() -> str:
    return "; ".join(f"{name}: {', '.join(f'`{each}`' for each in task.features)}" for name, task in TASKS.items())


def _counts(found: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """Cases in which DAgger disagrees less, all cases, policies that earn more than their expert, all policies."""
    tasks = [task for where in SPANS for task in found[where]["tasks"].values()]
    better = sum(task["dagger"]["disagreement"] < task["bc"]["disagreement"] for task in tasks)
    above = [
        net > task["expert"]["money"]["net"] for task in tasks for name in LEARNERS for net in task[name]["net_by_seed"]
    ]
    return better, len(tasks), sum(above), len(above)


def _market_section(where: str, found: Mapping[str, Any]) -> str:
    one, market = found[where], SPANS[where].market
    bars = one["bars"]
    return f"""### {market.title}

Learnt from {one["from"]} to {one["until"]} ({bars["learnt"]:,} bars), judged to {one["to"]} ({bars["judged"]:,} bars).
Fees: {SPANS[where].fees}.

{_faith(one)}

*Acting moved*: the feature whose values on the learner's own run are farthest from those on the expert's run through
the same bars, in its standard deviations (Wasserstein; p of permuted blocks, which is too high for runs through the
same bars; first seed). From the part that was learnt from to the one that was judged the market itself moved:
{_market_moved(one)}.

In {SPANS[where].currency}, after all costs (means over seeds):

{_money_table(one)}"""


def _faith(one: Mapping[str, Any]) -> str:
    rows = []
    for which in TASKS:
        task = one["tasks"][which]
        for name, title in LEARNERS.items():
            row = task[name]
            p = p_value(task.get("p")) if name == "dagger" else ""
            cells = [plus_minus(row["disagreement"], row["standard_error"])]
            cells += [f"{share(row['low'])} to {share(row['high'])}", share(row["at_experts_states"]), p]
            rows.append([which, title, *cells, _moved(row["of_acting"]["most"])])
    heads = ["disagreement", "95 % over blocks", "at the expert's states", "p against cloning", "acting moved"]
    return table(["expert", "learner", *heads], rows, words=2)


def _moved(most: Mapping[str, Any]) -> str:
    return f"`{most['feature']}` by {formats.number(most['distance'])} (p = {formats.number(most['p'], 3)})"


def _market_moved(one: Mapping[str, Any]) -> str:
    return "; ".join(f"{which}, {_moved(one['tasks'][which]['bc']['of_the_market']['most'])}" for which in TASKS)


def _money_table(one: Mapping[str, Any]) -> str:
    shown = [part for part in ATTRIBUTION if any(_amount(one, which, who, part) for which in TASKS for who in _WHO)]
    rows = []
    for which in TASKS:
        for who, title in _WHO.items():
            cells = [formats.number(_amount(one, which, who, part), 0, sign=True) for part in (*shown, "net")]
            nets = one["tasks"][which][who].get("net_by_seed", [])
            ends = [formats.number(end, 0, sign=True) for end in (min(nets), max(nets))] if nets else []
            cells += [" to ".join(ends)]
            cells += [formats.number(_amount(one, which, who, name), 0) for name in ("turnover", "fills")]
            rows.append([which, title, *cells, share(_amount(one, which, who, "max_drawdown"), 0)])
    parts = [PART_NAMES[part].lower() for part in shown]
    heads = ["expert", "who", *parts, "net", "net by seed", "turnover", "fills", "drawdown of the notional"]
    return table(heads, rows, words=2)


_WHO = {"expert": "expert", **LEARNERS}


def _amount(one: Mapping[str, Any], which: str, who: str, part: str) -> float:
    return float(one["tasks"][which][who]["money"][part])


def _lacks() -> str:
    folder = os.environ.get("HALFSPREAD_DATA", "")
    if not folder:
        return "HALFSPREAD_DATA is not set to the folder of market data"
    missing = [name for name in ("bitmex", "bybit") if not (Path(folder) / name).is_dir()]
    return f"{folder} has no folder {', '.join(missing)}" if missing else ""


PART = Part(NAME, _jobs, _work, _numbers, _section, lacks=_lacks)
