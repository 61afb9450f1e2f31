"""How sure the figures of a result are: bootstrap intervals from the seed of the run, and their JSON form."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from halfspread.reports.statistics.days import Days
from halfspread.reports.statistics.intervals import Interval, Intervals, headline_intervals
from halfspread.reports.statistics.resamples import BOOTSTRAP_DAYS

__all__ = ["INTERVAL_STREAM", "LEVEL", "find_intervals", "intervals_object", "limits", "shortage"]

#: Confidence level of every interval on pages and in files.
LEVEL = 0.95

#: Second word of the seed of the resamples, so that they share no draws with the agent or the audit.
INTERVAL_STREAM = 3


def find_intervals(days: Days, seed: int) -> Intervals | None:
    """Intervals of every headline figure, from the generator of ``seed`` alone; None with too few days."""
    if len(days) < BOOTSTRAP_DAYS:
        return None
    return headline_intervals(days, np.random.default_rng([seed, INTERVAL_STREAM]), level=LEVEL)


def limits(intervals: Intervals | None, name: str) -> Interval | None:
    """The interval of one figure; None where there is none, or it has no limits."""
    found = None if intervals is None else intervals.figures.get(name)
    return found if found is not None and math.isfinite(found.low) and math.isfinite(found.high) else None


def shortage(days: int) -> str:
    """What is missing for intervals; empty where nothing is."""
    if days >= BOOTSTRAP_DAYS:
        return ""
    return f"intervals need at least {BOOTSTRAP_DAYS} days, this run has {days}"


def intervals_object(intervals: Intervals | None, days: int) -> dict[str, Any]:
    """For JSON: what the intervals rest on, and ``figures``, each with ``estimate``, ``low``, ``high``, the
    ``percentile`` limits and the ``method``; no figures with fewer than ``days_needed`` days."""
    figures = {} if intervals is None else intervals.figures
    return {
        "level": LEVEL,
        "days": days,
        "days_needed": BOOTSTRAP_DAYS,
        "resamples": 0 if intervals is None else intervals.resamples,
        "block_days": math.nan if intervals is None else intervals.block,
        "figures": {
            name: {
                "estimate": one.estimate,
                "low": one.low,
                "high": one.high,
                "percentile": list(one.percentile),
                "method": one.method,
            }
            for name, one in figures.items()
        },
    }
