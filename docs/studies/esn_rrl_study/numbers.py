"""From runs to the numbers of the study: what esn_rrl.json holds, and nothing that is not in it is said.

Returns are sums of simple daily returns on a constant notional; ratios are annual, with 365 days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from esn_rrl_study.rows import Row
from esn_rrl_study.runs import Floats, Runs

from halfspread.reports.statistics.resamples import block_length, draw_resamples, means_of_resamples
from halfspread.reports.statistics.robust import robust_ratio_error

__all__ = ["beside", "daily_table", "distribution", "numbers_of", "ratios", "share_of_variance"]

#: Of the resamples of days.
SEED, RESAMPLES = 20_261_121, 10_000

DAYS_PER_YEAR = 365
#: Two standard errors of the mean on either side hold it nineteen times of twenty, where there are many.
BOUND = 1.959963984540054


def numbers_of(row: Row, runs: Runs) -> dict[str, Any]:
    """A row of the tables: distributions over its seeds, and what the market's own error of one run is."""
    net = runs.net
    values = {
        "total": net.sum(axis=1),
        "ir": ratios(net),
        "price": runs.price.sum(axis=1),
        "execution": runs.execution.sum(axis=1),
        "half_spread": runs.half_spread.sum(axis=1),
        "fee": runs.fee.sum(axis=1),
        "carry": runs.carry.sum(axis=1),
        "mean_position": runs.mean,
        "turnover": runs.turnover,
        "long": runs.long,
        "flat": runs.flat,
        "short": runs.short,
        "gate_changes": runs.changes,
    }
    return {
        "title": row.title,
        "group": row.group,
        "config": row.config.name,
        "agent": row.agent,
        "settings": list(row.settings),
        "mark": row.mark,
        "seeds": row.seeds,
        "days": net.shape[1],
        "first": _date(runs.days[0] - 86_400e9),
        "last": _date(runs.days[-1]),
        **{name: distribution(each) for name, each in values.items()},
        "totals": [round(float(each), 4) for each in values["total"]],
        "irs": [round(float(each), 4) for each in values["ir"]],
        "ir_error_of_the_market": float(np.mean([robust_ratio_error(days) for days in net])),
        "skipped": int(runs.skipped.sum()),
        "microseconds": float(runs.seconds) / (net.shape[1] * 288 * row.seeds) * 1e6,
    }


def _date(nanoseconds: float) -> str:
    return str(np.datetime64(int(nanoseconds), "ns").astype("datetime64[D]"))


def ratios(net: Floats) -> Floats:
    """Annual ratio of mean to deviation of each row of daily returns; 0 where nothing moved."""
    deviation = net.std(axis=1, ddof=1)
    safe = np.where(deviation > 0.0, deviation, 1.0)
    return np.asarray(np.where(deviation > 0.0, net.mean(axis=1) / safe, 0.0) * np.sqrt(DAYS_PER_YEAR))


def distribution(values: Floats) -> dict[str, float]:
    """Count, mean, deviation, standard error, bounds of the mean, least, quartiles and greatest."""
    count = len(values)
    deviation = float(values.std(ddof=1)) if count > 1 else 0.0
    error = deviation / np.sqrt(count)
    mean = float(values.mean())
    quartiles = np.quantile(values, [0.25, 0.5, 0.75])
    return {
        "count": count,
        "mean": mean,
        "std": deviation,
        "se": float(error),
        "low": float(mean - BOUND * error),
        "high": float(mean + BOUND * error),
        "min": float(values.min()),
        "q25": float(quartiles[0]),
        "q50": float(quartiles[1]),
        "q75": float(quartiles[2]),
        "max": float(values.max()),
    }


def daily_table(runs: Runs) -> dict[str, Any]:
    """The paper's Table I of the seed whose total is the median: daily position, execution, carry and PnL."""
    totals = runs.net.sum(axis=1)
    seed = int(np.argsort(totals, kind="stable")[(len(totals) - 1) // 2])
    series = {
        "position": runs.position[seed],
        "execution": runs.execution[seed],
        "carry": runs.carry[seed],
        "pnl": runs.net[seed],
    }
    found: dict[str, Any] = {name: {**distribution(days), "sum": float(days.sum())} for name, days in series.items()}
    return {"seed": seed, **found, "ir": float(ratios(runs.net[seed : seed + 1])[0])}


def share_of_variance(by_first_day: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """How the spread of totals divides between first days and seeds: a table with a row for each day, a column for each
    seed, by the sums of squares of a two-way layout without repetition."""
    table = np.array([list(each) for each in by_first_day.values()])
    days, seeds = table.shape
    grand = table.mean()
    of_days = float(((table.mean(axis=1) - grand) ** 2).sum() * seeds)
    of_seeds = float(((table.mean(axis=0) - grand) ** 2).sum() * days)
    total = float(((table - grand) ** 2).sum())
    return {
        "days": of_days / total,
        "seeds": of_seeds / total,
        "both": max(1.0 - (of_days + of_seeds) / total, 0.0),
        "std": float(table.std(ddof=1)),
        "std_of_day_means": float(table.mean(axis=1).std(ddof=1)),
    }


def beside(runs: Runs, constant: Runs, hold: Runs) -> dict[str, Any]:
    """The mean over seeds, day by day, against nothing and against a constant position under the same gate, with 95 %
    limits by a stationary block bootstrap of the days; and how many seeds are above the constant and above holding."""
    mean, other = runs.net.mean(axis=0), constant.net[0]
    totals = runs.net.sum(axis=1)
    return {
        "alone": _interval(mean),
        "less_constant": _interval(mean - other),
        "above_zero": float((totals > 0.0).mean()),
        "above_constant": float((totals > other.sum()).mean()),
        "above_hold": float((totals > hold.net[0].sum()).mean()),
        "constant": float(other.sum()),
        "hold": float(hold.net[0].sum()),
    }


def _interval(days: Floats) -> dict[str, float]:
    """Sum of daily returns with its 95 % limits, the mean length of a block, and the standard error."""
    block = block_length(days)
    resamples = draw_resamples(np.random.default_rng(SEED), len(days), block, RESAMPLES)
    sums = means_of_resamples(days[:, None], resamples)[:, 0] * len(days)
    low, high = np.quantile(sums, [0.025, 0.975])
    return {
        "total": float(days.sum()),
        "low": float(low),
        "high": float(high),
        "error": float(sums.std(ddof=1)),
        "block_days": block,
    }
