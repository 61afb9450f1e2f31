"""The headline figures as functions of daily means, with their slopes: what the bootstrap needs to say how sure they
are.

A figure such as the information ratio is a function of a few means: of the PnL, of its square. `daily_terms` gives the
series that are averaged, `SMOOTH` each figure with its derivatives, so that estimate and standard error follow from the
means of any resample at once. Figures that depend on the order of days or on the largest of them (`PATH`) have none.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from halfspread.reports.statistics.days import Days
from halfspread.reports.statistics.series import DAYS_PER_YEAR, Floats
from halfspread.reports.statistics.tail import tail_days, value_at_risk

__all__ = ["PATH", "SMOOTH", "TAIL", "Means", "Smooth", "daily_terms"]

TAIL = 0.05
_ROOT = math.sqrt(DAYS_PER_YEAR)
_ANNUAL = float(DAYS_PER_YEAR)

#: Figures of the path or of single days, with the series that each needs.
PATH: dict[str, tuple[str, ...]] = {
    "calmar_ratio": ("pnl",),
    "max_daily_drawdown": ("pnl",),
    "longest_drawdown_days": ("pnl",),
    "days_under_water": ("pnl",),
    "worst_day": ("pnl",),
    "best_day": ("pnl",),
    "equity_max_daily_drawdown": ("returns",),
}


@dataclass(frozen=True)
class Means:
    """Means of the terms of `daily_terms` over each resample, (resamples,), and what they are taken over.

    ``origins``: the value about which the squares of a term were taken. ``days`` in each resample.
    """

    of: dict[str, Floats]
    origins: dict[str, float]
    days: int

    def __getitem__(self, name: str) -> Floats:
        return self.of[name]


#: Value (resamples,) and its derivative by each term's mean, on the scale on which the interval is made.
Sloped = tuple[Floats, dict[str, Floats]]


@dataclass(frozen=True)
class Smooth:
    """A figure that is a smooth function of means.

    ``needs``: terms without which it is left out. ``measure``: value and slopes. ``back``: from the scale of the
    interval to the figure. ``varies``: the term without whose variation it is NaN, ``some``: the one of which there
    must be any. ``limits``: what it cannot leave.
    """

    needs: tuple[str, ...]
    measure: Callable[[Means], Sloped]
    back: Callable[[Floats], Floats] = np.asarray
    varies: str | None = None
    some: str | None = None
    limits: tuple[float, float] = (-math.inf, math.inf)


def daily_terms(days: Days) -> dict[str, Floats]:
    """The series whose means the figures are made of, (days,) each.

    PnL, active PnL and the benchmark's are squared about their means, so that nothing is lost to rounding.
    """
    terms = days.series()
    terms["active"] = days.active
    for name in ("pnl", "active"):
        terms[f"{name}_squared"] = (terms[name] - terms[name].mean()) ** 2
    terms["downside_squared"] = np.minimum(terms["active"], 0.0) ** 2
    terms["gain"] = (days.pnl > 0.0).astype(np.float64)
    if len(days) >= tail_days(TAIL):
        edge = -value_at_risk(days.pnl, TAIL)
        terms["shortfall"] = np.maximum(edge - days.pnl, 0.0)
    if days.gross is not None:
        terms["gross"] = days.gross
    if days.returns is not None and days.returns.min(initial=0.0) > -1.0:
        terms["log_return"] = np.log1p(days.returns)
    return terms if days.benchmark is None else terms | _beside(days.pnl, days.benchmark)


def _beside(pnl: Floats, benchmark: Floats) -> dict[str, Floats]:
    """What the PnL and the benchmark's have in common, and both of them by the days on which it gained and lost."""
    up, down = benchmark > 0.0, benchmark < 0.0
    off = benchmark - benchmark.mean()
    return {
        "benchmark_squared": off**2,
        "cross": (pnl - pnl.mean()) * off,
        "with_gain": np.where(up, pnl, 0.0),
        "benchmark_gain": np.where(up, benchmark, 0.0),
        "with_loss": np.where(down, -pnl, 0.0),
        "benchmark_loss": np.where(down, -benchmark, 0.0),
    }


def _scaled(name: str, scale: float | None = None, sign: float = 1.0) -> Callable[[Means], Sloped]:
    """The mean times ``scale``; times the days, which makes it the sum, where None."""

    def measure(means: Means) -> Sloped:
        factor = sign * (float(means.days) if scale is None else scale)
        return factor * means[name], {name: np.full_like(means[name], factor)}

    return measure


def _quotient(top: str, bottom: str) -> Callable[[Means], Sloped]:
    def measure(means: Means) -> Sloped:
        value = means[top] / means[bottom]
        return value, {top: 1.0 / means[bottom], bottom: -value / means[bottom]}

    return measure


def _variance(means: Means, name: str) -> tuple[Floats, Floats]:
    """Variance of each resample, and how far its mean lies from the origin of the squares."""
    off = means[name] - means.origins[name]
    return np.maximum(means[f"{name}_squared"] - off**2, 0.0), off


def _ratio(name: str) -> Callable[[Means], Sloped]:
    def measure(means: Means) -> Sloped:
        variance, off = _variance(means, name)
        spread = np.sqrt(variance)
        value = means[name] / spread * _ROOT
        slopes = {name: _ROOT / spread + value * off / variance, f"{name}_squared": -0.5 * value / variance}
        return value, slopes

    return measure


def _log_volatility(name: str) -> Callable[[Means], Sloped]:
    def measure(means: Means) -> Sloped:
        variance, off = _variance(means, name)
        return 0.5 * np.log(variance * _ANNUAL), {name: -off / variance, f"{name}_squared": 0.5 / variance}

    return measure


def _covariance(means: Means) -> Sloped:
    off = {name: means[name] - means.origins[name] for name in ("pnl", "benchmark")}
    value = means["cross"] - off["pnl"] * off["benchmark"]
    return value, {"cross": np.ones_like(value), "pnl": -off["benchmark"], "benchmark": -off["pnl"]}


def _beta(means: Means) -> Sloped:
    covariance, slopes = _covariance(means)
    variance, off = _variance(means, "benchmark")
    value = covariance / variance
    slopes = {term: slope / variance for term, slope in slopes.items()}
    slopes["benchmark"] = slopes["benchmark"] + 2.0 * value * off / variance
    return value, slopes | {"benchmark_squared": -value / variance}


def _alpha(means: Means) -> Sloped:
    """The mean without its beta, a year."""
    beta, by = _beta(means)
    slopes = {term: -_ANNUAL * means["benchmark"] * slope for term, slope in by.items()}
    slopes["pnl"] = slopes["pnl"] + _ANNUAL
    slopes["benchmark"] = slopes["benchmark"] - _ANNUAL * beta
    return _ANNUAL * (means["pnl"] - beta * means["benchmark"]), slopes


def _fisher(means: Means) -> Sloped:
    """The correlation stretched to the whole line (Fisher 1915), on which it is more nearly normal."""
    covariance, slopes = _covariance(means)
    variances = {name: _variance(means, name) for name in ("pnl", "benchmark")}
    spread = np.sqrt(variances["pnl"][0] * variances["benchmark"][0])
    value = np.clip(covariance / spread, -1.0, 1.0)
    slopes = {term: slope / spread for term, slope in slopes.items()}
    for name, (variance, off) in variances.items():
        slopes[name] = slopes[name] + value * off / variance
        slopes[f"{name}_squared"] = -0.5 * value / variance
    stretch = 1.0 / (1.0 - value**2)
    return np.arctanh(value), {term: slope * stretch for term, slope in slopes.items()}


def _sortino(means: Means) -> Sloped:
    squared = means["downside_squared"]
    value = means["active"] / np.sqrt(squared) * _ROOT
    return value, {"active": _ROOT / np.sqrt(squared), "downside_squared": -0.5 * value / squared}


def _cost_and_funding(means: Means) -> Sloped:
    """PnL less what prices gave: costs, funding and liquidation; a cost is negative."""
    scale = np.full_like(means["pnl"], float(means.days))
    return scale * (means["pnl"] - means["price"]), {"pnl": scale, "price": -scale}


def _shortfall(means: Means) -> Sloped:
    """Distance of the tail beyond its edge. The edge itself moves the expected shortfall only to second order, so this
    has the slope of it; its value comes from the sorted days."""
    value = means["shortfall"] / TAIL
    return value, {"shortfall": np.full_like(value, 1.0 / TAIL)}


SMOOTH: dict[str, Smooth] = {
    "total_return": Smooth(("pnl",), _scaled("pnl")),
    "annual_return": Smooth(("pnl",), _scaled("pnl", _ANNUAL)),
    "annual_volatility": Smooth(("pnl",), _log_volatility("pnl"), np.exp, varies="pnl"),
    "information_ratio": Smooth(("active",), _ratio("active"), varies="active"),
    "sharpe_ratio": Smooth(("pnl",), _ratio("pnl"), varies="pnl"),
    "sortino_ratio": Smooth(("active",), _sortino, some="downside_squared"),
    "expected_shortfall": Smooth(("shortfall",), _shortfall),
    "positive_days": Smooth(("gain",), _scaled("gain", 1.0), limits=(0.0, 1.0)),
    "price_return": Smooth(("price",), _scaled("price")),
    "cost_and_funding_return": Smooth(("price",), _cost_and_funding),
    "execution_return": Smooth(("cost",), _scaled("cost", sign=-1.0)),
    "turnover": Smooth(("turnover",), _scaled("turnover"), limits=(0.0, math.inf)),
    "exposure": Smooth(("exposure",), _scaled("exposure", 1.0), limits=(0.0, math.inf)),
    "cost_per_turnover": Smooth(("cost", "turnover"), _quotient("cost", "turnover"), some="turnover"),
    "break_even_cost": Smooth(("gross", "turnover"), _quotient("gross", "turnover"), some="turnover"),
    "hit_ratio": Smooth(("trips", "winners"), _quotient("winners", "trips"), some="trips", limits=(0.0, 1.0)),
    "equity_return": Smooth(("log_return",), _scaled("log_return"), np.expm1),
    "benchmark_return": Smooth(("benchmark",), _scaled("benchmark")),
    "active_return": Smooth(("benchmark", "active"), _scaled("active")),
    "tracking_error": Smooth(("benchmark", "active"), _log_volatility("active"), np.exp, varies="active"),
    "alpha": Smooth(("benchmark", "pnl"), _alpha, varies="benchmark"),
    "beta": Smooth(("benchmark", "pnl"), _beta, varies="benchmark"),
    "correlation": Smooth(("benchmark", "pnl"), _fisher, np.tanh, varies="benchmark"),
    "up_capture": Smooth(("with_gain",), _quotient("with_gain", "benchmark_gain"), some="benchmark_gain"),
    "down_capture": Smooth(("with_loss",), _quotient("with_loss", "benchmark_loss"), some="benchmark_loss"),
}
