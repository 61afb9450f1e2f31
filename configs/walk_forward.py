"""Walk-forward: fit on a window, trade the next one, and stitch what was traded into one out-of-sample result.

Every test window begins and ends flat: entering is charged by the engine, leaving by `leaving_costs`. An agent is made
anew for each window, sees `lookback` rows before it, and first decides at the close of the window's first bar.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol, Unpack

import numpy as np
import pandas as pd

from halfspread.configs.learners import call_fit, learns_online
from halfspread.configs.leaving import leaving_costs
from halfspread.configs.training_tape import training_tape
from halfspread.configs.walked import WalkForward, WindowRun
from halfspread.configs.windows import Schedule, Window
from halfspread.costs.model import Costs
from halfspread.engine.agent import is_compiled, looks_ahead, plain_parameters
from halfspread.engine.bars import Integers
from halfspread.engine.result import BacktestResult
from halfspread.engine.run import run_backtest
from halfspread.engine.session import Options
from halfspread.engine.subscriptions import agent_name
from halfspread.engine.tape import Tape
from halfspread.engine.times import interval_text, time_text
from halfspread.engine.training import refuse_what_was_seen
from halfspread.errors import ConfigError, StrategyError
from halfspread.reports.window_days import LOWER_IS_BETTER, day_figures, flat_days, window_days

__all__ = [
    "METRICS",
    "Choice",
    "Keep",
    "Learner",
    "Refit",
    "Terms",
    "WalkForward",
    "WindowRun",
    "checked_metric",
    "walk_forward",
    "windows_of",
]

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


class Keep(Protocol):
    """Where finished windows are kept, so that an interrupted walk goes on where it was."""

    def known(self, index: int) -> WindowRun | None:
        """A window that is kept."""
        ...

    def add(self, index: int, run: WindowRun) -> None:
        """Keep a window."""
        ...


@dataclass(frozen=True)
class Traded:
    """A run of one window, its days in report currency, and what leaving at its end cost."""

    result: BacktestResult
    days: pd.DataFrame
    leaving: dict[str, float]

    def metric(self, name: str) -> float:
        """A figure of the days."""
        return day_figures(self.days, self.result.notional)[name]


@dataclass(frozen=True)
class Terms:
    """On which terms windows are run: ``costs`` and the options of `run_backtest`."""

    costs: Costs
    options: Options

    def run(self, tape: Tape, agent: Any, start: int, *, in_sample: bool = False) -> Traded:
        """One window, left at its end, with its days from ``start`` on. ``in_sample``: the agent may have learnt from
        it."""
        options = self.options.copy()
        options["keep_curve"], options["in_sample"] = False, in_sample
        result = run_backtest(tape, agent, self.costs, **options)
        leaving = leaving_costs(tape, self.costs, result)
        return Traded(result, window_days(result, start, leaving), leaving)


class Choice:
    """The learner that tries every setting in the training window and takes the best by a metric.

    ``candidates``: for each setting a function that makes its agent. Of equal ones the first is taken; where none has
    the metric (none has traded), it stays flat. One that fails in a window is not taken there, and ``failed`` says why
    after `fit`. Raises ConfigError for a metric that is not of `METRICS`, or no candidates.
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
        self.failed: tuple[str, ...] = ()

    def fit(self, tape: Tape, rng: np.random.Generator) -> Any:
        """The agent with the best setting; one that learns while it trades (`learns_online`) goes on from the end of
        the training window, and draws from ``rng``. Raises the reason of the first where all fail."""
        agents = [make() for make in self._candidates]
        in_threads = self._workers > 1 and all(map(is_compiled, agents))  # others hold the interpreter's lock
        with ThreadPoolExecutor(self._workers if in_threads else 1) as pool:
            found = list(pool.map(lambda agent: self._score(tape, agent), agents))
        faults = [each for each in found if isinstance(each, StrategyError)]
        if len(faults) == len(found):
            raise faults[0]
        self.failed = tuple(str(fault) for fault in faults)
        scores = [math.nan if isinstance(each, StrategyError) else each for each in found]
        known = [i for i, score in enumerate(scores) if not math.isnan(score)]
        if not known:
            return None
        sign = 1.0 if self._metric in LOWER_IS_BETTER else -1.0
        best = min(known, key=lambda i: sign * scores[i])
        chosen = self._candidates[best]()
        if not learns_online(chosen):
            return chosen
        return call_fit(chosen, tape, rng, agent_name(chosen), self._terms.costs, self._terms.options)

    def _score(self, tape: Tape, agent: Any) -> float | StrategyError:
        try:
            return self._terms.run(tape, agent, tape.start_ns).metric(self._metric)
        except StrategyError as error:
            settings = ", ".join(f"{name}={value}" for name, value in getattr(agent, "parameters", dict)().items())
            window = f"the training window from {time_text(tape.start_ns)}"
            return StrategyError(f"{settings or 'a setting'} in {window}: {error}")


class Refit:
    """The learner that makes an agent anew for every window and lets it fit itself: an agent that has ``fit(tape,
    rng)`` (see `learners`), which gives the fitted agent (itself, or another), or None to stay flat.

    ``make`` makes the agent; ``terms`` are handed to one that asks for them. Raises StrategyError where ``fit`` fails,
    or gives what is no agent.
    """

    trials = 1

    def __init__(self, make: Callable[[], Any], terms: Terms, name: str = "agent") -> None:
        self._make, self._terms, self._name = make, terms, name

    def fit(self, tape: Tape, rng: np.random.Generator) -> Any:
        """What the agent's own ``fit`` gives."""
        return call_fit(self._make(), tape, rng, self._name, self._terms.costs, self._terms.options)


def walk_forward(
    tape: Tape,
    learner: Learner,
    costs: Costs,
    schedule: Schedule,
    *,
    metric: str = "information_ratio",
    done: Callable[[int, int], None] | None = None,
    keep: Keep | None = None,
    **options: Unpack[Options],
) -> WalkForward:
    """Fit ``learner`` in each training window of ``tape`` and run what it gives on the test window after it.

    ``metric``: one of `METRICS`, shown in sample and out of sample. ``options``: those of `run_backtest`. ``done`` is
    called with windows done and windows in all; windows that ``keep`` knows are not run again. Raises ConfigError for
    a streamed tape, windows that do not fit, or a learner that gives an agent which is told the future, and what
    `run_backtest` raises.
    """
    checked_metric(metric)
    terms, seed = Terms(costs, options), int(options.get("seed", 0))
    windows = windows_of(tape, schedule)
    runs: list[WindowRun] = []
    for i, window in enumerate(windows):
        run = None if keep is None else keep.known(i)
        if run is None:
            run = _run_window(tape, window, learner, np.random.default_rng([seed, 3, i]), terms, metric)
            if 2 * (window.test_end - window.test_start) < schedule.test:
                run = replace(run, out_of_sample=math.nan)  # two days have no ratio beside thirty
            if keep is not None:
                keep.add(i, run)
        runs.append(run)
        if done is not None:
            done(i + 1, len(windows))
    first = next((run for run in runs if run.traded), None)
    if first is None:
        raise ConfigError(
            "walk-forward: nothing was chosen in any training window, since nothing traded there or fit gave None; "
            "train for longer, or try others"
        )
    trials = int(getattr(learner, "trials", 1))
    return WalkForward(schedule, metric, tuple(runs), first.notional, first.currency, trials, seed)


def windows_of(tape: Tape, schedule: Schedule) -> tuple[Window, ...]:
    """The windows of a tape. Raises ConfigError for a streamed one, and for windows that do not fit."""
    if tape.streamed:
        raise ConfigError("walk-forward holds the market in memory; in a config stream = false")
    bar = max(feed.interval for feed in tape.feeds)
    for name, length in (("train", schedule.train - schedule.purge), ("test", schedule.test)):
        if length < bar:
            raise ConfigError(
                f"{name}: a window of {interval_text(length)} holds no bar of {interval_text(bar)}; take longer windows"
            )
    return schedule.windows(tape.start_ns, tape.end_ns)


def _run_window(
    tape: Tape, window: Window, learner: Learner, rng: np.random.Generator, terms: Terms, metric: str
) -> WindowRun:
    flat = WindowRun(window, "", {}, math.nan, math.nan, flat_days(window.test_start, window.test_end))
    if not _holds(tape, window.train_start, window.train_end) or not _holds(tape, window.test_start, window.test_end):
        return flat
    train = tape.slice(pd.Timestamp(window.train_start, tz="UTC"), pd.Timestamp(window.train_end, tz="UTC"))
    agent = learner.fit(train if isinstance(learner, Choice) else training_tape(train, window.train_end), rng)
    failed = tuple(getattr(learner, "failed", ()))
    if agent is None:
        return replace(flat, failed=failed)
    if looks_ahead(agent):
        raise ConfigError(
            f"walk-forward: {agent_name(agent)} is told the future, so that nothing is out of sample for it; compare "
            "with it in halfspread compare"
        )
    trained = terms.run(train, agent, train.start_ns, in_sample=True)
    refuse_what_was_seen(tape.slice(*(pd.Timestamp(t, tz="UTC") for t in (window.test_start, window.test_end))), agent)
    part = tape.slice(*_with_lookback(tape, window, int(agent.lookback)))
    traded = terms.run(part, agent, window.test_start, in_sample=True)  # the rows to look back on may be of its lessons
    result = traded.result
    return WindowRun(
        window,
        agent_name(agent),
        plain_parameters(agent),
        trained.metric(metric),
        traded.metric(metric),
        traded.days,
        traded.leaving,
        result.notional,
        result.report_currency,
        int(result.counts["fills"]),
        dict(result.assumptions),
        tuple(result.warnings),
        failed,
        result,
    )


def _with_lookback(tape: Tape, window: Window, lookback: int) -> tuple[pd.Timestamp, pd.Timestamp]:
    """The test window with the rows before it that the agent has to see before it first decides."""
    starts = []
    for times in _times(tape):
        row = int(np.searchsorted(times, window.test_start))
        starts.append(int(times[max(row - lookback, 0)]) if row < len(times) else window.test_start)
    return pd.Timestamp(min(*starts, window.test_start), tz="UTC"), pd.Timestamp(window.test_end, tz="UTC")


def _holds(tape: Tape, start: int, end: int) -> bool:
    """Whether every instrument has a row there: not in a gap of the data."""
    return all(int(np.searchsorted(times, start)) < int(np.searchsorted(times, end)) for times in _times(tape))


def _times(tape: Tape) -> list[Integers]:
    """Times of the rows that each instrument's agent looks at."""
    tables = [feed.bars if feed.bars is not None else feed.table(feed.market) for feed in tape.feeds]
    return [table.times for table in tables]  # type: ignore[union-attr]


def checked_metric(metric: str) -> str:
    """The name of a metric. Raises ConfigError for one that settings cannot be chosen by."""
    if metric not in METRICS:
        raise ConfigError(f"metric: expected one of {', '.join(METRICS)}, got {metric!r}")
    return metric
