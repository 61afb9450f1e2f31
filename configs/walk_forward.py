"""Walk-forward: fit on a window, trade the next one, and stitch what was traded into one out-of-sample result.

Every test window begins and ends flat: entering is charged by the engine, leaving by `leaving_costs`. An agent is made
anew for each window, sees `lookback` rows before it, and first decides at the close of the window's first bar.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, Unpack

import numpy as np
import pandas as pd

from halfspread.configs.leaving import leaving_costs
from halfspread.configs.windows import Schedule, Window
from halfspread.costs.model import Costs
from halfspread.engine.agent import is_compiled
from halfspread.engine.result import BacktestResult
from halfspread.engine.run import run_backtest
from halfspread.engine.session import Options
from halfspread.engine.subscriptions import agent_name
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError
from halfspread.reports.protocol import ATTRIBUTION
from halfspread.reports.window_days import LOWER_IS_BETTER, day_figures, flat_days, stitch, window_days

__all__ = ["METRICS", "Choice", "Learner", "Terms", "WalkForward", "WindowRun", "checked_metric", "walk_forward"]

#: What settings may be chosen by.
METRICS = (
    "total_return",
    "annual_return",
    "information_ratio",
    "sortino_ratio",
    "calmar_ratio",
    "max_drawdown",
    "positive_days",
    "cost_per_turnover",
)


class Learner(Protocol):
    """What is fitted anew in every training window: a choice among settings, or an agent that learns."""

    def fit(self, tape: Tape, rng: np.random.Generator) -> Any:
        """An agent, from a training window alone; None to stay flat. All randomness comes from ``rng``."""
        ...


@dataclass(frozen=True)
class Terms:
    """On which terms windows are run: ``costs`` and the options of `run_backtest`."""

    costs: Costs
    options: Options

    def run(self, tape: Tape, agent: Any, start: int) -> tuple[BacktestResult, pd.DataFrame]:
        """One window, left at its end: the result, and its days from ``start`` on in report currency."""
        options = self.options.copy()
        options["keep_curve"] = False
        result = run_backtest(tape, agent, self.costs, **options)
        return result, window_days(result, start, leaving_costs(tape, self.costs, result))


class Choice:
    """The learner that tries every setting in the training window and takes the best by a metric.

    ``candidates``: for each setting a function that makes its agent. Of equal ones the first is taken; where none has
    the metric (none has traded), it stays flat. Raises ConfigError for a metric that is not of `METRICS`, or no
    candidates.
    """

    def __init__(
        self,
        candidates: Sequence[Callable[[], Any]],
        terms: Terms,
        metric: str = "information_ratio",
        workers: int = 1,
    ) -> None:
        if not candidates:
            raise ConfigError("walk-forward: expected at least one setting to choose from")
        self._candidates, self._terms, self._workers = list(candidates), terms, workers
        self._metric = checked_metric(metric)
        self.trials = len(self._candidates)

    def fit(self, tape: Tape, rng: np.random.Generator) -> Any:
        """The agent with the best setting; ``rng`` is not needed."""
        agents = [make() for make in self._candidates]
        in_threads = self._workers > 1 and all(map(is_compiled, agents))  # others hold the interpreter's lock
        with ThreadPoolExecutor(self._workers if in_threads else 1) as pool:
            scores = list(pool.map(lambda agent: self._score(tape, agent), agents))
        known = [i for i, score in enumerate(scores) if not math.isnan(score)]
        if not known:
            return None
        sign = 1.0 if self._metric in LOWER_IS_BETTER else -1.0
        best = min(known, key=lambda i: sign * scores[i])
        return self._candidates[best]()

    def _score(self, tape: Tape, agent: Any) -> float:
        result, days = self._terms.run(tape, agent, tape.start_ns)
        return day_figures(days, result.notional)[self._metric]


@dataclass(frozen=True, eq=False)
class WindowRun:
    """What became of one window. ``agent`` and ``parameters``: what was chosen, empty where it stayed flat. The metric
    in the training window and out of sample. ``days``: of the test, report currency; ``result``: its run, None where
    flat."""

    window: Window
    agent: str
    parameters: Mapping[str, Any]
    in_sample: float
    out_of_sample: float
    days: pd.DataFrame
    result: BacktestResult | None

    @property
    def pnl(self) -> float:
        """Of the test, costs of leaving included, report currency."""
        return float(self.days[list(ATTRIBUTION)].to_numpy().sum())


@dataclass(frozen=True, eq=False)
class WalkForward:
    """All windows, and what they traded out of sample as one result.

    ``notional``: of the first test window, report currency: the unit of everything that is not in report currency.
    ``trials``: settings tried in each window.
    """

    schedule: Schedule
    metric: str
    windows: tuple[WindowRun, ...]
    notional: float
    report_currency: str
    trials: int

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
    def metrics(self) -> dict[str, float]:
        """Figures out of sample (`day_figures`); ``fills`` and ``windows``; ``windows_traded`` that were not flat;
        ``in_sample`` and ``out_of_sample``, means of the metric over the windows that have both; ``windows_held``, the
        share of these where out of sample it is above zero."""
        both = [
            (run.in_sample, run.out_of_sample)
            for run in self.windows
            if math.isfinite(run.in_sample) and math.isfinite(run.out_of_sample)
        ]
        inside, outside = np.array(both).reshape(-1, 2).T
        count = len(both)
        return {
            **day_figures(self.days, self.notional),
            "fills": sum(run.result.counts["fills"] for run in self.windows if run.result is not None),
            "windows": len(self.windows),
            "windows_traded": sum(run.result is not None for run in self.windows),
            "in_sample": float(inside.mean()) if count else math.nan,
            "out_of_sample": float(outside.mean()) if count else math.nan,
            "windows_held": float((outside > 0.0).mean()) if count else math.nan,
        }

    def table(self) -> pd.DataFrame:
        """One row for each window: times, what was chosen, the metric in sample and out of sample, and the PnL out of
        sample in units of the notional."""
        rows = []
        for run in self.windows:
            times = {name: pd.Timestamp(time, tz="UTC") for name, time in vars(run.window).items()}
            chosen = {"agent": run.agent, **run.parameters}
            told = {"in_sample": run.in_sample, "out_of_sample": run.out_of_sample, "pnl": run.pnl / self.notional}
            rows.append({**times, **chosen, **told})
        return pd.DataFrame(rows)


def walk_forward(
    tape: Tape,
    learner: Learner,
    costs: Costs,
    schedule: Schedule,
    *,
    metric: str = "information_ratio",
    done: Callable[[int, int], None] | None = None,
    **options: Unpack[Options],
) -> WalkForward:
    """Fit ``learner`` in each training window of ``tape`` and run what it gives on the test window after it.

    ``metric``: one of `METRICS`, shown in sample and out of sample. ``options``: those of `run_backtest`. ``done`` is
    called with windows done and windows in all. Raises ConfigError for a streamed tape or windows that do not fit, and
    what `run_backtest` raises.
    """
    if tape.streamed:
        raise ConfigError("walk-forward holds the market in memory; in a config stream = false")
    checked_metric(metric)
    terms = Terms(costs, options)
    windows = schedule.windows(tape.start_ns, tape.end_ns)
    runs: list[WindowRun] = []
    notional, currency = 0.0, ""
    for i, window in enumerate(windows):
        rng = np.random.default_rng([options.get("seed", 0), 3, i])
        train = tape.slice(pd.Timestamp(window.train_start, tz="UTC"), pd.Timestamp(window.train_end, tz="UTC"))
        agent = learner.fit(train, rng)
        run, first = _run_window(tape, train, window, agent, terms, metric)
        runs.append(run)
        if not notional and first is not None:
            notional, currency = first.notional, first.report_currency
        if done is not None:
            done(i + 1, len(windows))
    if not notional:
        raise ConfigError("walk-forward: nothing was chosen in any training window; train for longer, or try others")
    return WalkForward(schedule, metric, tuple(runs), notional, currency, int(getattr(learner, "trials", 1)))


def _run_window(
    tape: Tape, train: Tape, window: Window, agent: Any, terms: Terms, metric: str
) -> tuple[WindowRun, BacktestResult | None]:
    if agent is None:
        return WindowRun(window, "", {}, math.nan, math.nan, flat_days(window.test_start, window.test_end), None), None
    trained, inside = terms.run(train, agent, train.start_ns)
    part = tape.slice(*_with_lookback(tape, window, int(agent.lookback)))
    result, traded = terms.run(part, agent, window.test_start)
    run = WindowRun(
        window,
        agent_name(agent),
        dict(getattr(agent, "parameters", dict)()),
        day_figures(inside, trained.notional)[metric],
        day_figures(traded, result.notional)[metric],
        traded,
        result,
    )
    return run, result


def _with_lookback(tape: Tape, window: Window, lookback: int) -> tuple[pd.Timestamp, pd.Timestamp]:
    """The test window with the rows before it that the agent has to see before it first decides."""
    starts = []
    for feed in tape.feeds:
        table = feed.bars if feed.bars is not None else feed.table(feed.market)
        times = table.times  # type: ignore[union-attr]
        row = int(np.searchsorted(times, window.test_start))
        starts.append(int(times[max(row - lookback, 0)]) if row < len(times) else window.test_start)
    return pd.Timestamp(min(*starts, window.test_start), tz="UTC"), pd.Timestamp(window.test_end, tz="UTC")


def checked_metric(metric: str) -> str:
    """The name of a metric. Raises ConfigError for one that settings cannot be chosen by."""
    if metric not in METRICS:
        raise ConfigError(f"metric: expected one of {', '.join(METRICS)}, got {metric!r}")
    return metric
