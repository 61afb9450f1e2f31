"""What ``halfspread montecarlo`` says: tables of all trials, an object for ``--json``, and a table on the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np
import pyarrow as pa

from halfspread.commands.cell_tables import column, outcome_columns, write_columns, write_daily
from halfspread.commands.output import print_table, sign_lines, where_lines
from halfspread.configs.cell_work import DONE, Outcome
from halfspread.configs.cells import value_of
from halfspread.configs.trials import Trial
from halfspread.engine.times import time_text
from halfspread.reports import formats
from halfspread.reports.montecarlo_statistics import AgentTrials
from halfspread.reports.montecarlo_view import MonteCarlo, cell_text, column_name, sentences
from halfspread.reports.names import ZERO
from halfspread.reports.result import Result

__all__ = ["Head", "show", "trials_object", "write_equity", "write_trials"]

#: Lines of the table on the terminal, for each agent.
_SHOWN = ("total_return", "information_ratio", "max_drawdown", "turnover", "execution_return", "price", "funding")
#: Figures that lists of runs show, here the mean over trials.
_MEANS = ("total_return", "information_ratio", "max_drawdown", "turnover", "fills")


@dataclass(frozen=True)
class Head:
    """What the manifest and lists of runs show of one agent: means over its trials. ``result``: of one of them."""

    made: MonteCarlo
    trials: AgentTrials
    result: Result

    @property
    def name(self) -> str:
        return self.trials.name

    @property
    def agent(self) -> str:
        return self.result.agent

    @property
    def metrics(self) -> dict[str, Any]:
        means = {name: _mean(self.trials.metrics[name]) for name in _MEANS if name in self.trials.metrics}
        return {
            **means,
            "fills": round(means["fills"]),
            "information_ratio_error": self.made.distribution(self.trials, "information_ratio").standard_error,
            "benchmark": ZERO,
            "start": time_text(int(self.result.start.as_unit("ns").value)),
            "end": time_text(int(self.result.end.as_unit("ns").value)),
            "report_currency": self.result.report_currency,
        }


def _mean(values: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan


def trials_object(made: MonteCarlo, heads: Sequence[Head]) -> dict[str, Any]:
    """What is told as JSON: fractions of the notional; ``done`` and ``failed`` count runs of all agents."""
    return {
        "trials": made.count,
        "seeds": made.seeds,
        "paths": made.paths,
        "market": made.market,
        "block_days": made.block or None,
        "varied": dict(made.varied),
        "done": sum(len(each.trials) for each in made.agents),
        "failed": sum(len(each.failed) for each in made.agents),
        "says": sentences(made),
        "agents": [_agent(made, head) for head in heads],
        "pairs": [
            {**asdict(pair.found), "first": pair.first, "second": pair.second, "more": pair.more}
            for pair in made.pairs()
        ],
    }


def _agent(made: MonteCarlo, head: Head) -> dict[str, Any]:
    agent, result = head.trials, head.result
    parts = {name: made.parts(agent, name) for name in agent.columns}
    return {
        "name": head.name,
        "agent": head.agent,
        "parameters": result.agent_params,
        "looks_ahead": result.looks_ahead,
        "trials": len(agent.trials),
        "as_it_was": made.as_it_was.get(agent.name),
        "failed": [{"trial": number, "reason": reason} for number, reason in agent.failed[:20]],
        "metrics": head.metrics,
        "distribution": {name: asdict(made.distribution(agent, name)) for name in agent.columns},
        "variance": {name: {**asdict(part), "shares": part.shares} for name, part in parts.items() if part is not None},
        "attribution": {name: _mean(values) for name, values in agent.attribution.items()},
        "assumptions": result.assumptions,
        "warnings": result.warnings,
    }


def write_trials(path: Path, trials: Sequence[Trial], labels: Sequence[str], outcomes: Sequence[Outcome]) -> None:
    """One row for each agent in each trial: its number, agent, draw, seed, path, the values drawn, state, reason,
    metrics, and attribution in units of the notional. Raises UserError."""
    whose = [trials[each.index // len(labels)] for each in outcomes]
    columns: dict[str, Any] = {
        "trial": pa.array([each.index for each in whose], pa.int64()),
        "agent": pa.array([labels[each.index % len(labels)] for each in outcomes]),
        "draw": pa.array([each.draw for each in whose], pa.int64()),
        "seed": pa.array([each.seed for each in whose], pa.int64()),
        "path": pa.array([each.path for each in whose], pa.int64()),
    }
    for key in trials[0].values:
        columns[key] = column([value_of(each.values[key]) for each in whose])
    write_columns(path, columns | outcome_columns(outcomes))


def write_equity(path: Path, labels: Sequence[str], outcomes: Sequence[Outcome]) -> None:
    """One row for each ``day`` (UTC) and a column ``trial_N`` for each trial that is done, with several agents
    ``NAME_trial_N``: the sum of the daily PnL up to its end in units of the notional. Raises UserError."""
    done = [each for each in outcomes if each.state == DONE]
    named: list[Mapping[str, Any]] = []
    for each in done:
        agent = f"{labels[each.index % len(labels)]}_" if len(labels) > 1 else ""
        name = f"{agent}trial_{each.index // len(labels)}"
        named.append({"name": name, "days": each.days, "values": np.cumsum(each.pnl)})
    write_daily(path, [(each["name"], each["days"], each["values"]) for each in named])


def show(made: MonteCarlo, path: Path, *, report: bool) -> None:
    """The distributions on the terminal, what was varied, what failed, and where the results are."""
    said = [*sentences(made), *_of_parts(made), *_of_pairs(made), *_of_failed(made)]
    lines = [line for sentence in said for line in wrap(sentence, 100, subsequent_indent="  ")]
    print_table(_table(made), *lines, *sign_lines(made.assumptions), *where_lines(path, report=report))


def _table(made: MonteCarlo) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for i, name in enumerate(("", "trials", "mean", "std", "min", "25%", "50%", "75%", "max", "std error")):
        grid.add_column(name, justify="right" if i else "left", no_wrap=True)
    for agent in made.agents:
        if len(made.agents) > 1:
            grid.add_row(Text(agent.name, style="bold"), f"{len(agent.trials):,}")
        for name in _SHOWN:
            if name not in agent.columns or name not in made.columns:
                continue
            found = made.distribution(agent, name)
            write = cell_text(name, agent.columns[name].tolist())
            cells = (found.mean, found.std, found.min, found.q25, found.median, found.q75, found.max)
            grid.add_row(
                Text(column_name(name).lower()), f"{found.count:,}", *map(write, cells), write(found.standard_error)
            )
    return grid


def _of_parts(made: MonteCarlo) -> list[str]:
    lines = []
    for agent in made.agents:
        parts = made.parts(agent, "total_return") if len(agent.trials) else None
        if parts is not None:
            shares = ", ".join(f"{name} {formats.percent(share, 0)}" for name, share in parts.shares.items())
            lines.append(f"variance of the net return of {agent.name}: {shares}")
    return lines


def _of_pairs(made: MonteCarlo) -> list[str]:
    lines = []
    for pair in made.pairs():
        found, write = pair.found, cell_text("total_return", [pair.found.mean])
        bounds = f"95% bounds {write(found.lower)} to {write(found.upper)}"
        lines.append(
            f"{pair.first} less {pair.second}: {write(found.mean)} ± {write(found.standard_error)}, {bounds}, more in "
            f"{formats.percent(pair.more, 0)} of {found.count:,} trials"
        )
    return lines


def _of_failed(made: MonteCarlo) -> list[str]:
    return [
        f"{formats.plural(len(agent.failed), 'trial')} of {agent.name} did not run to the end; the first, trial "
        f"{agent.failed[0][0]}: {agent.failed[0][1].splitlines()[0]}"
        for agent in made.agents
        if agent.failed
    ]
