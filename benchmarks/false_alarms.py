"""How often the statistics cry wolf where there is none, how often they see one, and how often an interval holds the
truth.

    python -m benchmarks.false_alarms [--series 1000]

Every world is a daily PnL without any edge: independent normal days, fat tails, volatility that comes in turns, gains
that follow gains. A one-sided alarm at 5 % should be raised on 5 % of them. The same with an annual ratio of 1.5 added
shows what each test can see in two years. Writes results/false_alarms.json and false_alarms.md.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import machine
from halfspread.reports.statistics.days import Days
from halfspread.reports.statistics.intervals import headline_intervals
from halfspread.reports.statistics.overfitting import backtest_overfitting
from halfspread.reports.statistics.permutation import permutation_test
from halfspread.reports.statistics.probabilistic import (
    deflated_sharpe,
    probabilistic_sharpe,
    selection_p_value,
    trial_variance,
)
from halfspread.reports.statistics.ratios import annual_volatility, information_ratio, information_ratio_error
from halfspread.reports.statistics.resamples import block_length, draw_resamples
from halfspread.reports.statistics.robust import robust_ratio_error
from halfspread.reports.statistics.series import Floats
from halfspread.reports.statistics.superiority import reality_check, superior_ability
from halfspread.reports.statistics.tail import expected_shortfall

DAYS, AGENTS, RESAMPLES, EDGE, LEVEL = 730, 20, 400, 1.5, 0.05
SEED = 20_261_121

World = Callable[[np.random.Generator, int, int], Floats]


def independent(rng: np.random.Generator, days: int, count: int) -> Floats:
    """Normal days, (days, count)."""
    return 0.02 * rng.standard_normal((days, count))


def fat_tailed(rng: np.random.Generator, days: int, count: int) -> Floats:
    """Student's t with five degrees of freedom."""
    return np.asarray(0.02 / math.sqrt(5.0 / 3.0) * rng.standard_t(5, (days, count)))


def in_turns(rng: np.random.Generator, days: int, count: int) -> Floats:
    """Volatility that remembers: GARCH(1, 1) with weights 0.08 and 0.9."""
    noise = rng.standard_normal((days + 200, count))
    values, variance = np.zeros_like(noise), np.ones(count)
    for t in range(1, len(noise)):
        variance = 0.02 + 0.08 * values[t - 1] ** 2 + 0.9 * variance
        values[t] = np.sqrt(variance) * noise[t]
    return 0.02 * values[200:]


def following(rng: np.random.Generator, days: int, count: int) -> Floats:
    """Each day follows the one before with a correlation of 0.2."""
    noise = rng.standard_normal((days + 50, count))
    values = noise.copy()
    for t in range(1, len(noise)):
        values[t] += 0.2 * values[t - 1]
    return 0.02 * math.sqrt(1.0 - 0.2**2) * values[50:]


WORLDS: dict[str, World] = {
    "independent": independent,
    "fat tails": fat_tailed,
    "volatile in turns": in_turns,
    "gains follow gains": following,
}


def single_alarms(pnl: Floats, rng: np.random.Generator, resamples: int = RESAMPLES) -> dict[str, bool]:
    """Which tests of one agent say at 5 % that its ratio is above zero."""
    ratio = information_ratio(pnl)
    interval = headline_intervals(Days.of(pnl), rng, resamples, 1.0 - 2.0 * LEVEL)["information_ratio"]
    return {
        "error of independent days": ratio / information_ratio_error(pnl) > 1.645,
        "robust error": ratio / robust_ratio_error(pnl) > 1.645,
        "probabilistic Sharpe ratio": probabilistic_sharpe(pnl) > 1.0 - LEVEL,
        "interval, studentised": interval.low > 0.0,
        "interval, percentile": interval.percentile[0] > 0.0,
    }


def many_alarms(trials: Floats, rng: np.random.Generator, resamples: int = RESAMPLES) -> dict[str, bool]:
    """Which tests say at 5 % that the best of the agents (days, agents) is above zero, and that picking it is
    overfitting."""
    ratios = [information_ratio(column) for column in trials.T]
    best = trials[:, int(np.argmax(ratios))]
    block = max(block_length(column) for column in trials.T)
    drawn = draw_resamples(rng, len(trials), block, resamples)
    return {
        "probabilistic Sharpe ratio of the best": probabilistic_sharpe(best) > 1.0 - LEVEL,
        "deflated Sharpe ratio of the best": deflated_sharpe(best, trials.shape[1], trial_variance(trials))
        > 1.0 - LEVEL,
        "p-value of the best": selection_p_value(best, trials.shape[1]) <= LEVEL,
        "reality check": reality_check(trials, drawn).p <= LEVEL,
        "superior ability": superior_ability(trials, drawn).p <= LEVEL,
    }


def timing_alarm(returns: Floats, rng: np.random.Generator, skill: float = 0.0) -> dict[str, bool]:
    """Whether the permutation test says at 5 % that a position knows the returns; it changes about every five days, and
    knows the sign of the next return with a probability of ``skill`` on top of chance."""
    position = np.repeat(rng.choice([-1.0, 1.0], len(returns) // 5 + 1), 5)[: len(returns)]
    knows = rng.random(len(returns)) < skill
    position = np.where(knows, np.sign(returns), position)
    return {"permutation of the position": permutation_test(position, returns, 5e-4).p <= LEVEL}


def truths(pnl: Floats) -> dict[str, float]:
    """What the covered figures are on a very long series; the ratios are zero, as no world has an edge."""
    return {
        "information_ratio": 0.0,
        "annual_volatility": annual_volatility(pnl),
        "sortino_ratio": 0.0,
        "expected_shortfall": expected_shortfall(pnl),
        "positive_days": 0.5,
    }


def coverage(world: World, series: int, rng: np.random.Generator) -> dict[str, dict[str, float]]:
    """Share of intervals at 95 % that hold the truth."""
    truth = truths(world(rng, 2_000, 500).ravel())
    held: dict[str, dict[str, float]] = {name: {"studentised": 0.0, "percentile": 0.0} for name in truth}
    for pnl in world(rng, DAYS, series).T:
        found = headline_intervals(Days.of(pnl), rng, RESAMPLES)
        for name, true in truth.items():
            one = found[name]
            held[name]["studentised"] += (one.low <= true <= one.high) / series
            held[name]["percentile"] += (one.percentile[0] <= true <= one.percentile[1]) / series
    return held


def shares(alarms: list[dict[str, bool]]) -> dict[str, float]:
    """Share of series on which each alarm was raised."""
    return {name: float(np.mean([one[name] for one in alarms])) for name in alarms[0]}


def study(name: str, world: World, series: int) -> dict[str, Any]:
    """False alarms, alarms with an edge, coverage and overfitting in one world."""
    rng = np.random.default_rng([SEED, list(WORLDS).index(name)])
    null, edge = [], []
    lift = EDGE / math.sqrt(365) * 0.02
    for _ in range(series):
        trials = world(rng, DAYS, AGENTS)
        one = trials[:, 0]
        null.append(single_alarms(one, rng) | many_alarms(trials, rng) | timing_alarm(one, rng))
        trials[:, 0] += lift
        edge.append(single_alarms(trials[:, 0], rng) | many_alarms(trials, rng) | timing_alarm(one, rng, skill=0.1))
    overfitted = [backtest_overfitting(world(rng, DAYS, AGENTS), 10).probability for _ in range(min(series, 200))]
    return {
        "world": name,
        "false alarms": shares(null),
        "alarms with an edge": shares(edge),
        "coverage": coverage(world, series, rng),
        "overfitting": float(np.mean(overfitted)),
    }


def table(head: str, worlds: list[str], rows: dict[str, list[float]]) -> list[str]:
    lines = [f"| {head} | " + " | ".join(worlds) + " |", "|---|" + "---:|" * len(worlds)]
    lines += [
        f"| {name} | " + " | ".join(f"{100 * value:.1f} %" for value in values) + " |" for name, values in rows.items()
    ]
    return [*lines, ""]


def markdown(about: dict[str, Any], series: int, found: list[dict[str, Any]]) -> list[str]:
    """The tables for people."""
    worlds = [one["world"] for one in found]
    error = 100.0 * math.sqrt(LEVEL * (1.0 - LEVEL) / series)
    lines = [
        "# False alarms",
        "",
        f"{series:,} series of {DAYS} days without an edge in each world; an alarm is one-sided at {100 * LEVEL:g} %, "
        f'its share is known to {error:.1f} % (one standard error). "Best", the reality check and superior ability are '
        f"about {AGENTS} agents, one of which has the edge where there is one.",
        "",
        machine.in_words(about),
        "",
    ]
    for head, key in (
        ("share of false alarms", "false alarms"),
        ("share of alarms with an edge", "alarms with an edge"),
    ):
        lines += table(head, worlds, {name: [one[key][name] for one in found] for name in found[0][key]})
        if key == "false alarms":
            lines += [f"With an edge: an annual ratio of {EDGE:g} (the position knows one return in ten).", ""]
    rows = {
        f"{name.replace('_', ' ')}, {method}": [one["coverage"][name][method] for one in found]
        for name in found[0]["coverage"]
        for method in ("studentised", "percentile")
    }
    lines += ["The share of intervals at 95 % that hold the truth:", "", *table("figure", worlds, rows)]
    rows = {f"mean over {AGENTS} trials without an edge": [one["overfitting"] for one in found]}
    return lines + table("probability of backtest overfitting", worlds, rows)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=1_000, help="series in each world (default 1000)")
    series = parser.parse_args(arguments).series
    about = machine.describe()
    found = [study(name, world, series) for name, world in WORLDS.items()]
    machine.write("false_alarms", {"machine": about, "series": series, "worlds": found}, markdown(about, series, found))


if __name__ == "__main__":
    main()
