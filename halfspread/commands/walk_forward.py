"""``halfspread walk-forward``: choose settings in one window, trade them in the next, and stitch what came out."""

from __future__ import annotations

import math
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from halfspread.commands.data_hashes import tape_hash
from halfspread.commands.folder import RunFolder
from halfspread.commands.manifest import Stopwatch, code_facts, data_entry, digest_of, manifest, write_manifest
from halfspread.commands.many_runs import Base, Finished, base_of, worker_count
from halfspread.commands.output import print_json, print_table, where_lines, write_json
from halfspread.commands.progress import Progress
from halfspread.commands.tables import write_table
from halfspread.configs.agents import build_agent
from halfspread.configs.build import BuiltAgent, build_tape, run_terms
from halfspread.configs.cell_work import CellWork, Outcome
from halfspread.configs.cells import Axis, Cell, Range, count_cells, drawn_cells, grid_cells, parse_axes
from halfspread.configs.costs import build_costs
from halfspread.configs.load import Loaded
from halfspread.configs.walk_forward import Choice, Terms, WalkForward, checked_metric, walk_forward
from halfspread.configs.windows import Schedule
from halfspread.engine.tape import Tape
from halfspread.engine.times import time_text
from halfspread.errors import ConfigError
from halfspread.reports import formats

__all__ = ["execute", "repeat"]

#: What the manifest holds of the command line, so that it can be repeated.
OPTIONS = ("grid", "random", "seed", "train", "test", "anchored", "purge", "embargo", "metric")
#: More settings than this in every window are a mistake.
MANY = 20_000


@dataclass(frozen=True)
class _Tried:
    """The settings that can run, the functions that make their agents, and why the others cannot."""

    cells: list[Cell]
    makers: list[Callable[[], Any]]
    refused: list[Outcome]


def execute(arguments: Namespace) -> int:
    """Walk one agent of a config forward over its market, and leave a folder with the out-of-sample result."""
    watch, progress = Stopwatch(), Progress(shown=not arguments.json)
    schedule = _schedule(arguments)
    checked_metric(arguments.metric)
    axes = parse_axes(arguments.grid, arguments.set)
    base, workers = base_of(arguments, [axis.key for axis in axes]), worker_count(arguments)
    tried = _settings(base, axes, arguments)
    loaded = base.loaded
    with progress.step("read the market"):
        tape = build_tape(loaded)
    watch.lap("read")
    code = code_facts(loaded, [base.built])
    with RunFolder(Path(arguments.out), loaded.config.name, digest_of([base.config, arguments.grid])) as folder:
        found = _walk(loaded, tape, tried, schedule, arguments.metric, workers, progress)
        watch.lap("replay")
        said = _write_results(folder.building, found, tried)
        data = data_entry(loaded, tape_hash(tape), tape.origin)
        facts = manifest(loaded, base.config, data, [base.built], code, folder.path)
        options = {name: getattr(arguments, name) for name in OPTIONS}
        facts |= {"source": base.entry, "walk_forward": {"options": options, **_terms(found, tried)}}
        watch.lap("write")
        head = [cast(Any, _Headline(base.built, found))]
        write_manifest(folder.building, "walk-forward", {**facts, "seconds": watch.laps}, head)
    if arguments.json:
        print_json({"name": loaded.config.name, "run_dir": str(folder.path), **said}, arguments.stdout)
    else:
        print_table(_table(found, axes), *_lines(found, tried), *where_lines(folder.path, report=False))
    return 0


def repeat(base: Base, facts: Mapping[str, Any], home: Path, workers: int, progress: Progress) -> Finished:
    """Walk forward once more as the manifest entry ``facts`` says, and write tables and metrics to ``home``.

    Raises what the command raises.
    """
    options = Namespace(**facts["walk_forward"]["options"])
    tried = _settings(base, parse_axes(options.grid), options)
    with progress.step("read the market"):
        tape = build_tape(base.loaded)
    found = _walk(base.loaded, tape, tried, _schedule(options), options.metric, workers, progress)
    _write_results(home, found, tried)
    data = tape_hash(tape)
    return Finished([], data, tape, None, [data.total])


def _schedule(options: Namespace) -> Schedule:
    return Schedule.of(
        options.train, options.test, anchored=options.anchored, purge=options.purge, embargo=options.embargo
    )


def _write_results(home: Path, found: WalkForward, tried: _Tried) -> dict[str, Any]:
    """The tables and metrics; gives what the metrics hold."""
    said = _object(found, tried)
    write_json(home / "metrics.json", said)
    write_table(home / "windows.parquet", found.table())
    write_table(home / "daily.parquet", found.daily().rename_axis("time"))
    return said


def _settings(base: Base, axes: Sequence[Axis | Range], arguments: Namespace) -> _Tried:
    """Raises ConfigError for settings that change more than the agent, and where none can run."""
    axes = [_of_agent(axis, base) for axis in axes]
    count = count_cells(axes, arguments.random)
    if count > MANY:
        raise ConfigError(
            f"--grid: {count:,} settings in every training window, expected at most {MANY:,}; use larger steps, or "
            "--random N"
        )
    if arguments.random is not None:
        cells = list(drawn_cells(axes, count, np.random.default_rng(arguments.seed)))
    else:
        cells = list(grid_cells([axis for axis in axes if isinstance(axis, Axis)]))
    work, tried = CellWork(base.source), _Tried([], [], [])
    rest = base.loaded.config.model_dump(exclude={"agent", "agents"})
    for cell in cells:
        planned = work.planned(cell)
        if isinstance(planned, Outcome):
            tried.refused.append(planned)
            continue
        if planned.loaded.config.model_dump(exclude={"agent", "agents"}) != rest:
            raise ConfigError(
                f"--grid {', '.join(cell.settings)}: a walk-forward chooses settings of the agent, on one market at "
                "one cost; see others with halfspread sweep, or --set"
            )
        tried.cells.append(cell)
        tried.makers.append(_maker(planned.loaded, planned.built))
    if not tried.makers:
        raise ConfigError(f"none of {len(cells):,} settings can run; the first: {tried.refused[0].message}")
    return tried


def _of_agent(axis: Axis | Range, base: Base) -> Axis | Range:
    """``agent.fast`` means the agent that runs, also where the config holds several."""
    if not axis.key.startswith("agent.") or base.loaded.config.agent is not None:
        return axis
    agent = base.source.agent if "." in base.built.label else base.built.label
    return replace(axis, key=f"agents.{agent}.{axis.key.partition('.')[2]}")


def _maker(loaded: Loaded, built: BuiltAgent) -> Callable[[], Any]:
    return lambda: build_agent(built.config, loaded.folder, built.label)


def _walk(
    loaded: Loaded,
    tape: Tape,
    tried: _Tried,
    schedule: Schedule,
    metric: str,
    workers: int,
    progress: Progress,
) -> WalkForward:
    costs = build_costs(loaded.config.costs, loaded.folder, loaded.places)
    options = run_terms(loaded)
    learner = Choice(tried.makers, Terms(costs, cast(Any, options)), metric, workers)
    with progress.step(f"walk forward, {len(tried.makers):,} settings a window"):
        return walk_forward(tape, learner, costs, schedule, metric=metric, **options)


@dataclass(frozen=True)
class _Headline:
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
            "start": time_text(windows[0].window.test_start),
            "end": time_text(windows[-1].window.test_end),
            "report_currency": self.found.report_currency,
        }


def _terms(found: WalkForward, tried: _Tried) -> dict[str, Any]:
    return {
        "schedule": found.schedule.describe(),
        "metric": found.metric,
        "settings": len(tried.makers),
        "refused": len(tried.refused),
        "between_windows": "flat: entering and leaving are charged",
    }


def _object(found: WalkForward, tried: _Tried) -> dict[str, Any]:
    """What is told as JSON: amounts in units of the notional."""
    windows = [
        {
            **{name: time_text(time) for name, time in vars(run.window).items()},
            "agent": run.agent or None,
            "parameters": dict(run.parameters),
            "in_sample": run.in_sample,
            "out_of_sample": run.out_of_sample,
            "total_return": run.pnl / found.notional,
        }
        for run in found.windows
    ]
    return {
        **_terms(found, tried),
        "notional": found.notional,
        "report_currency": found.report_currency,
        "metrics": found.metrics,
        "attribution": {name: amount / found.notional for name, amount in found.attribution.items()},
        "windows": windows,
    }


def _table(found: WalkForward, axes: Sequence[Axis | Range]) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    keys = [axis.key.rpartition(".")[2] for axis in axes]
    grid = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("train from", "test from", "to", *keys, "in sample", "out of sample", "net %"):
        grid.add_column(name, justify="right")
    for run in found.windows:
        times = (run.window.train_start, run.window.test_start, run.window.test_end)
        grid.add_row(
            *(time_text(time)[:10] for time in times),
            *(str(run.parameters.get(key, "flat" if run.result is None else "")) for key in keys),
            formats.number(run.in_sample),
            formats.number(run.out_of_sample),
            formats.number(100.0 * run.pnl / found.notional, 2),
        )
    return grid


def _lines(found: WalkForward, tried: _Tried) -> list[str]:
    """The out-of-sample result in words."""
    m = found.metrics
    lines = [
        found.schedule.describe(),
        f"chosen by {found.metric} of {formats.plural(len(tried.makers), 'setting')}; flat between windows",
        f"out of sample: net {formats.returned(m['total_return'], sign=True)} in {m['days']:,.0f} days, "
        f"information ratio {formats.number(m['information_ratio'])} "
        f"\N{PLUS-MINUS SIGN} {formats.number(m['information_ratio_error'])}",
    ]
    if math.isfinite(m["in_sample"]):
        lines.append(
            f"{found.metric}: {formats.number(m['in_sample'])} in sample, {formats.number(m['out_of_sample'])} out of "
            f"sample, mean of windows; above zero out of sample in {formats.percent(m['windows_held'], 0)} of them"
        )
    if tried.refused:
        count, first = formats.plural(len(tried.refused), "setting"), tried.refused[0].message.splitlines()[0]
        lines.append(f"{count} cannot run, such as: {first}")
    return lines
