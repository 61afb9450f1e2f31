"""What ``halfspread walk-forward`` says of its result: as JSON, as a table with sentences, and on its page."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from halfspread.commands.bases import Base
from halfspread.commands.output import sign_lines
from halfspread.configs.build import BuiltAgent
from halfspread.configs.cell_work import Outcome
from halfspread.configs.cells import Axis, Cell, Range
from halfspread.configs.walked import WalkForward, WindowRun
from halfspread.engine.subscriptions import agent_name
from halfspread.engine.tape import Tape
from halfspread.engine.times import time_text
from halfspread.reports import formats
from halfspread.reports.certainty import intervals_object
from halfspread.reports.comparison import shared_assumptions
from halfspread.reports.names import ZERO
from halfspread.reports.walk_forward_charts import Stage
from halfspread.reports.walk_forward_page import verdict
from halfspread.reports.walk_forward_view import Walked

__all__ = ["Headline", "Tried", "agent_entry", "page_of", "result_lines", "walk_object", "walk_terms", "windows_table"]

#: Key of a grid that goes through several agents.
TYPE = "type"


@dataclass(frozen=True)
class Tried:
    """The settings that can run, the functions that make their agents, and why the others cannot; of a learner, the one
    function that makes it and no cells."""

    cells: list[Cell]
    makers: list[Callable[[], Any]]
    refused: list[Outcome]

    @property
    def learner(self) -> bool:
        """Whether the agent fits itself."""
        return not self.cells


@dataclass(frozen=True)
class Headline:
    """What the manifest repeats of the result."""

    built: BuiltAgent
    found: WalkForward

    @property
    def name(self) -> str:
        return self.built.label

    @property
    def agent(self) -> str:
        return self.found.windows[-1].agent or self.built.label

    @property
    def metrics(self) -> dict[str, Any]:
        windows = self.found.windows
        return {
            **self.found.metrics,
            "benchmark": ZERO,
            "start": time_text(windows[0].window.test_start),
            "end": time_text(windows[-1].window.test_end),
            "report_currency": self.found.report_currency,
        }


def walk_terms(found: WalkForward, tried: Tried) -> dict[str, Any]:
    return {
        "schedule": found.schedule.describe(),
        "metric": found.metric,
        "learner": tried.learner,
        "settings": len(tried.cells),
        "refused": len(tried.refused),
        "between_windows": "flat: entering and leaving are charged",
    }


def walk_object(found: WalkForward, tried: Tried) -> dict[str, Any]:
    """What is told as JSON: amounts in units of the notional."""
    windows = [
        {
            **{name: time_text(time) for name, time in vars(run.window).items()},
            "agent": run.agent or None,
            "parameters": dict(run.parameters),
            "in_sample": run.in_sample,
            "out_of_sample": run.out_of_sample,
            "total_return": run.pnl / found.notional,
            "failed": len(run.failed),
        }
        for run in found.windows
    ]
    return {
        **walk_terms(found, tried),
        "notional": found.notional,
        "report_currency": found.report_currency,
        "metrics": found.metrics,
        "attribution": {name: amount / found.notional for name, amount in found.attribution.items()},
        "windows": windows,
    }


def agent_entry(built: BuiltAgent, found: WalkForward) -> dict[str, Any]:
    """The result out of sample as other commands tell an agent's."""
    head = Headline(built, found)
    return {
        "name": head.name,
        "agent": head.agent,
        "parameters": {},
        "looks_ahead": False,
        "metrics": head.metrics,
        "intervals": intervals_object(found.intervals, len(found.days)),
        "attribution": {name: amount / found.notional for name, amount in found.attribution.items()},
        "assumptions": _assumptions(found),
        "warnings": list(dict.fromkeys(words for run in found.windows for words in (*run.warnings, *run.failed))),
    }


def _assumptions(found: WalkForward) -> dict[str, str]:
    """What holds for every window that traded."""
    named = [(f"{i}", run.assumptions) for i, run in enumerate(found.windows) if run.traded]
    shared, different = shared_assumptions(named)
    benchmark = {"benchmark": "zero; a walk-forward does not use the benchmark of a config"}
    return {**shared, **dict.fromkeys(different, "not the same in all windows"), **benchmark}


def page_of(base: Base, found: WalkForward, tried: Tried, axes: Sequence[Axis | Range], tape: Tape) -> Walked:
    windows = found.windows
    stages = [
        Stage(
            (run.window.train_start, run.window.train_end),
            (run.window.test_start, run.window.test_end),
            run.agent,
            _shown(run),
            run.in_sample,
            run.out_of_sample,
            run.pnl / found.notional,
        )
        for run in windows
    ]
    start, end = (pd.Timestamp(time, tz="UTC") for time in (windows[0].window.test_start, windows[-1].window.test_end))
    names = ", ".join(f"{one.venue} {one.symbol}" for one in tape.instruments)
    return Walked(
        title=f"{base.loaded.config.name}: walk-forward of {base.built.label}",
        what=f"{names}, out of sample {formats.span(start, end)} UTC",
        agent=next(run.agent for run in windows if run.agent),
        schedule=found.schedule.describe(),
        purge=found.schedule.purge,
        metric=found.metric,
        keys=_keys(found, tried, axes),
        learner=tried.learner,
        tried=len(tried.cells),
        refused=[each.message for each in tried.refused],
        stages=stages,
        days=found.daily(),
        metrics=found.metrics,
        intervals=found.intervals,
        seed=found.seed,
        currency=found.report_currency,
        warnings=[words for run in windows for words in (*run.warnings, *run.failed)],
        assumptions=_assumptions(found),
    )


def _keys(found: WalkForward, tried: Tried, axes: Sequence[Axis | Range]) -> dict[str, list[object]]:
    """Parameters that were chosen, each with the values that it could have had: those of the grid, or of a learner
    plain ones that changed from window to window."""
    if not tried.learner:
        found_of = {_short(axis.key): [cell.parameters[axis.key] for cell in tried.cells] for axis in axes}
        if TYPE in found_of:
            found_of[TYPE] = [agent_name(make()) for make in tried.makers]
        return {key: list(dict.fromkeys(values)) for key, values in found_of.items()}
    chosen = [run.parameters for run in found.windows if run.traded]
    names = dict.fromkeys(name for parameters in chosen for name in parameters)
    values = {name: [parameters.get(name) for parameters in chosen] for name in names}
    plain = {name: each for name, each in values.items() if all(isinstance(v, (int, float, str)) for v in each)}
    return {name: [] for name, each in plain.items() if len(set(each)) > 1}


def _shown(run: WindowRun) -> dict[str, object]:
    """The parameters that were chosen, those inside tables too, and which agent, where a grid goes through several."""
    tables = [each for each in run.parameters.values() if isinstance(each, Mapping)]
    inside = {name: value for table in tables for name, value in table.items()}
    return {TYPE: run.agent, **inside, **run.parameters} if run.traded else {}


def _short(key: str) -> str:
    return key.rpartition(".")[2]


def windows_table(found: WalkForward, tried: Tried, axes: Sequence[Axis | Range]) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    keys = list(_keys(found, tried, axes))
    grid = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("train from", "test from", "to", *keys, "in sample", "out of sample", "net %"):
        grid.add_column(Text(name), justify="right")
    for run in found.windows:
        times = (run.window.train_start, run.window.test_start, run.window.test_end)
        grid.add_row(
            *(time_text(time)[:10] for time in times),
            *(Text(str(_shown(run).get(key, "" if run.traded else "flat"))) for key in keys),
            formats.number(run.in_sample),
            formats.number(run.out_of_sample),
            formats.number(100.0 * run.pnl / found.notional, 2),
        )
    return grid


def result_lines(found: WalkForward, tried: Tried, page: Walked) -> list[str]:
    """The out-of-sample result in words."""
    m = found.metrics
    lines = [
        found.schedule.describe(),
        "fitted anew in every window; flat between windows"
        if tried.learner
        else f"chosen by {found.metric} of {formats.plural(len(tried.cells), 'setting')}; flat between windows",
        verdict(page),
    ]
    if math.isfinite(m["in_sample"]):
        lines.append(
            f"{found.metric}: {formats.number(m['in_sample'])} in sample, {formats.number(m['out_of_sample'])} out of "
            f"sample, median of windows; {formats.percent(m['windows_positive'], 0)} of the windows gained"
        )
    if tried.refused:
        count, first = formats.plural(len(tried.refused), "setting"), tried.refused[0].message.splitlines()[0]
        lines.append(f"{count} cannot run, such as: {first}")
    failed = list(dict.fromkeys(words for run in found.windows for words in run.failed))
    if failed:
        windows = formats.plural(sum(bool(run.failed) for run in found.windows), "training window")
        lines.append(f"settings failed in {windows} and were not chosen there, such as: {failed[0].splitlines()[0]}")
    if page.before:
        lines.append(page.before)
    return [*lines, *sign_lines(_assumptions(found))]
