"""What a walk-forward leaves: its windows, and what they traded out of sample as one result."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from halfspread.configs.windows import Schedule, Window
from halfspread.engine.result import BacktestResult
from halfspread.reports.certainty import find_intervals
from halfspread.reports.daily_figures import daily_figures
from halfspread.reports.protocol import ATTRIBUTION, EXECUTION
from halfspread.reports.statistics.days import Days
from halfspread.reports.statistics.intervals import Intervals
from halfspread.reports.window_days import day_figures, stitch

__all__ = ["WalkForward", "WindowRun"]


@dataclass(frozen=True, eq=False)
class WindowRun:
    """What became of one window.

    ``agent`` and ``parameters``: what was chosen, empty where it stayed flat. ``in_sample`` and ``out_of_sample``: the
    metric in the training window and in the test, NaN for a last test of less than half the length. ``days``: of the
    test, report currency, leaving included; ``leaving``: what that came to (``half_spread``, ``fee``, ``turnover``).
    ``notional``, ``currency``, ``fills``, ``assumptions`` and ``warnings`` are those of the test's run, empty where
    flat. ``failed``: why settings failed in the training window, which were not chosen for that. ``result``: the run of
    the test itself, None where flat, and where the window was kept from an earlier, interrupted command.
    """

    window: Window
    agent: str
    parameters: Mapping[str, Any]
    in_sample: float
    out_of_sample: float
    days: pd.DataFrame
    leaving: Mapping[str, float] = field(default_factory=dict)
    notional: float = 0.0
    currency: str = ""
    fills: int = 0
    assumptions: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    result: BacktestResult | None = None

    @property
    def traded(self) -> bool:
        """Whether something was chosen."""
        return self.notional > 0.0

    @property
    def pnl(self) -> float:
        """Of the test, costs of leaving included, report currency."""
        return float(self.days[list(ATTRIBUTION)].to_numpy().sum())


@dataclass(frozen=True, eq=False)
class WalkForward:
    """All windows, and what they traded out of sample as one result.

    ``notional``: of the first test window, report currency: the unit of everything that is not in report currency.
    ``trials``: settings tried in each window. ``seed``: that of the resamples of `intervals`.
    """

    schedule: Schedule
    metric: str
    windows: tuple[WindowRun, ...]
    notional: float
    report_currency: str
    trials: int
    seed: int = 0

    @cached_property
    def days(self) -> pd.DataFrame:
        """Attribution, collateral and turnover of each UTC day out of sample, report currency."""
        return stitch([run.days for run in self.windows])

    def daily(self) -> pd.DataFrame:
        """The same with ``pnl``, in units of the notional."""
        days = self.days / self.notional
        return days.assign(pnl=days[list(ATTRIBUTION)].sum(axis=1))

    @cached_property
    def attribution(self) -> dict[str, float]:
        """Sums over all windows, report currency."""
        found = {name: math.fsum(self.days[name]) for name in (*ATTRIBUTION, "collateral")}
        return found | {"total": math.fsum(found.values())}

    @cached_property
    def leaving(self) -> dict[str, float]:
        """What leaving at the ends of windows came to, report currency; part of the attribution."""
        names = ("half_spread", "fee", "turnover")
        return {name: math.fsum(run.leaving.get(name, 0.0) for run in self.windows) for name in names}

    @cached_property
    def series(self) -> Days:
        """The days out of sample as the statistics want them, units of the notional."""
        days = self.daily()
        return Days.of(
            days["pnl"],
            price=days["price"],
            cost=-days[list(EXECUTION)].sum(axis=1),
            turnover=np.maximum(days["turnover"].to_numpy(np.float64), 0.0),
        )

    @cached_property
    def intervals(self) -> Intervals | None:
        """How sure the figures out of sample are; None with too few days."""
        return find_intervals(self.series, self.seed)

    @cached_property
    def metrics(self) -> dict[str, float]:
        """Figures out of sample (`day_figures`, `daily_figures`); ``fills`` and ``windows``; ``windows_traded`` that
        were not flat; ``windows_positive``, the share of those with a gain; ``in_sample`` and ``out_of_sample``,
        medians of the metric over the windows that have both; ``leaving_return``, what leaving at the ends of windows
        cost in units of the notional (negative), part of the execution."""
        inside, outside = self.pairs.T
        gains = [run.pnl > 0.0 for run in self.windows if run.traded]
        figures = day_figures(self.days, self.notional)
        more = daily_figures(
            self.series.pnl,
            total=figures["total_return"],
            price=figures["price_return"],
            execution=figures["execution_return"],
            turnover=figures["turnover"],
        )
        return {
            **more,
            **figures,
            "notional": self.notional,
            "fills": sum(run.fills for run in self.windows),
            "windows": len(self.windows),
            "windows_traded": len(gains),
            "windows_positive": sum(gains) / len(gains) if gains else math.nan,
            "in_sample": float(np.median(inside)) if len(inside) else math.nan,
            "out_of_sample": float(np.median(outside)) if len(inside) else math.nan,
            "collateral_return": self.attribution["collateral"] / self.notional,
            "leaving_return": (self.leaving["half_spread"] + self.leaving["fee"]) / self.notional,
        }

    @property
    def pairs(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The metric in sample and out of sample (windows, 2), of the windows that have both."""
        both = np.array([(run.in_sample, run.out_of_sample) for run in self.windows], np.float64).reshape(-1, 2)
        return both[np.isfinite(both).all(axis=1)]

    def table(self) -> pd.DataFrame:
        """One row for each window: times, what was chosen, the metric in sample and out of sample, and the PnL out of
        sample in units of the notional."""
        rows = []
        for run in self.windows:
            times = {name: pd.Timestamp(time, tz="UTC") for name, time in vars(run.window).items()}
            chosen = {"agent": run.agent, **{name: _cell(value) for name, value in run.parameters.items()}}
            told = {"in_sample": run.in_sample, "out_of_sample": run.out_of_sample, "pnl": run.pnl / self.notional}
            rows.append({**times, **chosen, **told})
        return pd.DataFrame(rows)


def _cell(value: Any) -> Any:
    """A parameter as a column holds it: a table of settings as JSON text."""
    return json.dumps(value) if isinstance(value, Mapping) else value
