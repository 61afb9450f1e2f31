"""What is left of a sweep's significant settings once the number of settings tried is taken into account.

Daily PnL float64 (days, settings) in units of the notional. A setting that never trades is never significant, and is
counted among those tried. One-sided, at 5 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from halfspread.reports.statistics.overfitting import BLOCKS, DAYS_PER_BLOCK, backtest_overfitting
from halfspread.reports.statistics.probabilistic import (
    effective_trials,
    expected_best,
    probabilistic_sharpe,
    ratio_probability,
)
from halfspread.reports.statistics.ratios import information_ratio
from halfspread.reports.statistics.resamples import RESAMPLES, block_length, draw_resamples
from halfspread.reports.statistics.robust import robust_ratio_error
from halfspread.reports.statistics.series import DAYS_PER_YEAR, Floats, deviation
from halfspread.reports.statistics.superiority import reality_check, superior_ability
from halfspread.reports.statistics.tail import kurtosis, skewness
from halfspread.reports.sweep_statistics import LEAST_BLOCKS, SURE, luck_variance

__all__ = ["SEED", "Judged", "Z", "family", "joined", "judge", "shares"]

Flags = np.ndarray[Any, np.dtype[np.bool_]]

SEED = 20_261_121
#: A ratio so many standard errors above zero is significant: one-sided, 5 %.
Z = 1.6448536269514722


@dataclass(frozen=True)
class Judged:
    """One row for each setting: annual ``ratio``; ``t``: ratio / robust error; ``psr``: probabilistic Sharpe ratio of
    all days, of the ``first`` and of the ``second`` half of them; ``second_ratio``; ``without_drift``: that of what is
    left after a constant position of the same beta. ``skew`` and ``kurt`` of the days, ``trades``: whether it did."""

    days: int
    trades: Flags
    ratio: Floats
    skew: Floats
    kurt: Floats
    t: Floats
    psr: Floats
    first: Floats
    second: Floats
    second_ratio: Floats
    without_drift: Floats

    def significant(self) -> Flags:
        """Those that look significant one by one."""
        return np.asarray(self.psr > SURE)

    def above(self, threshold: float) -> Floats:
        """Probabilistic Sharpe ratio above an annual ``threshold``."""
        daily = math.sqrt(DAYS_PER_YEAR)
        shapes = zip(self.ratio, self.skew, self.kurt, self.trades, strict=True)
        return np.array(
            [
                ratio_probability(ratio / daily, self.days, skew, kurt, threshold / daily) if trades else 0.0
                for ratio, skew, kurt, trades in shapes
            ]
        )


def judge(pnl: Floats, hold: Floats) -> Judged:
    """Look at every setting by itself; ``hold`` (days,): PnL of buy and hold that is charged the same."""
    half = len(pnl) // 2
    return Judged(
        days=len(pnl),
        trades=np.array([deviation(days) > 0.0 for days in pnl.T]),
        ratio=_each(pnl, information_ratio),
        skew=_each(pnl, skewness),
        kurt=_each(pnl, kurtosis),
        t=_each(pnl, lambda days: information_ratio(days) / robust_ratio_error(days)),
        psr=_each(pnl, probabilistic_sharpe),
        first=_each(pnl[:half], probabilistic_sharpe),
        second=_each(pnl[half:], probabilistic_sharpe),
        second_ratio=_each(pnl[half:], information_ratio),
        without_drift=_each(_without(pnl, hold), probabilistic_sharpe),
    )


def joined(pieces: Sequence[Judged]) -> Judged:
    """The settings of several sweeps as those of one."""
    names = [each.name for each in fields(Judged) if each.name != "days"]
    columns = {name: np.concatenate([getattr(piece, name) for piece in pieces]) for name in names}
    return Judged(days=pieces[0].days, **columns)


def _each(pnl: Floats, measure: Any) -> Floats:
    """0 for a setting that does not vary: it did not trade."""
    return np.array([measure(days) if deviation(days) > 0.0 else 0.0 for days in pnl.T])


def _without(pnl: Floats, hold: Floats) -> Floats:
    """PnL less beta times that of buy and hold, beta by least squares over all days."""
    off = hold - hold.mean()
    beta = off @ pnl / (off @ off)
    return np.asarray(pnl - np.outer(hold, beta))


def family(pnl: Floats, judged: Judged, luck_of_all: float | None = None) -> dict[str, Any]:
    """The statistics of settings that were tried together. ``survives`` are flags by what was taken into account:

    - ``effective``: the p-value of the best of as many independent trials as these count for is below 5 %;
    - ``deflated``: the deflated Sharpe ratio for the number of settings in the sweep is above 95 %;
    - ``deflated_all``: the same above ``luck_of_all``, the best to expect of the settings of all sweeps together.
    """
    count = pnl.shape[1]
    effective, luck = effective_trials(pnl), expected_best(count, luck_variance(pnl))
    deflated = judged.above(luck)
    wide = deflated if luck_of_all is None else judged.above(luck_of_all)
    return {
        "tried": count,
        "traded": int(judged.trades.sum()),
        "effective_trials": effective,
        "luck_ratio": luck,
        "best_ratio": float(judged.ratio.max()),
        "median_ratio": float(np.median(judged.ratio)),
        "deflated": deflated,
        "survives": {
            # As `selection_p_value` has it: 1 - PSR^N below 5 %.
            "effective": judged.above(0.0) ** effective > SURE,
            "deflated": deflated > SURE,
            "deflated_all": wide > SURE,
        },
        **_tests(pnl),
    }


def _tests(pnl: Floats) -> dict[str, Any]:
    """Superior ability, reality check and overfitting over all settings together."""
    block = max(block_length(days) for days in pnl.T)
    resamples = draw_resamples(np.random.default_rng(SEED), len(pnl), block, RESAMPLES)
    blocks = min(BLOCKS, len(pnl) // DAYS_PER_BLOCK // 2 * 2)
    overfitting = backtest_overfitting(pnl, blocks).probability if blocks >= LEAST_BLOCKS else math.nan
    return {
        "superior_ability": superior_ability(pnl, resamples).p,
        "reality_check": reality_check(pnl, resamples).p,
        "block_days": block,
        "overfitting": overfitting,
    }


def shares(judged: Judged, found: dict[str, Any]) -> dict[str, Any]:
    """Counts of settings."""
    alone, first = judged.significant(), judged.first > SURE
    positive, again = judged.second_ratio > 0.0, judged.second > SURE
    return {
        "positive": int((judged.ratio > 0.0).sum()),
        "significant": int(alone.sum()),
        "significant_robust": int((judged.t > Z).sum()),
        "significant_without_drift": int((alone & (judged.without_drift > SURE)).sum()),
        **{f"survive_{name}": int((alone & flags).sum()) for name, flags in found["survives"].items()},
        "first_half": int(first.sum()),
        "first_half_then_positive": int((first & positive).sum()),
        "first_half_then_significant": int((first & again).sum()),
        "second_half_positive": int(positive.sum()),
        "second_half_significant": int(again.sum()),
    }
