"""``halfspread walk-forward``: choose settings in one window, trade them in the next, and stitch what came out."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from halfspread.commands.bases import Base, base_of, of_agent, worker_count
from halfspread.commands.data_hashes import tape_hash
from halfspread.commands.folder import RunFolder, writing
from halfspread.commands.manifest import Stopwatch, code_facts, data_entry, digest_of, manifest, write_manifest
from halfspread.commands.many_runs import Finished, interrupted
from halfspread.commands.output import print_json, print_table, where_lines, write_json
from halfspread.commands.progress import Progress
from halfspread.commands.sources import package_hash, plugin_sources
from halfspread.commands.tables import write_table
from halfspread.commands.tried import find_tried, identity_of, tried_entry
from halfspread.commands.walk_forward_output import (
    Headline,
    Tried,
    agent_entry,
    page_of,
    result_lines,
    walk_object,
    walk_terms,
    windows_table,
)
from halfspread.commands.window_store import WindowStore
from halfspread.configs.agents import build_agent
from halfspread.configs.build import BuiltAgent, build_tape, run_terms
from halfspread.configs.cell_work import CellWork, Outcome
from halfspread.configs.cells import Axis, Range, count_cells, drawn_cells, grid_cells, parse_axes
from halfspread.configs.costs import build_costs
from halfspread.configs.learners import is_learner, learns_online
from halfspread.configs.load import Loaded
from halfspread.configs.walk_forward import (
    Choice,
    Learner,
    Refit,
    Terms,
    WalkForward,
    checked_metric,
    walk_forward,
    windows_of,
)
from halfspread.configs.windows import Schedule
from halfspread.engine.agent import looks_ahead
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError
from halfspread.reports import formats
from halfspread.reports.walk_forward_page import walk_forward_page

__all__ = ["execute", "repeat"]

#: What the manifest holds of the command line, so that it can be repeated.
OPTIONS = ("grid", "random", "seed", "train", "test", "anchored", "purge", "embargo", "metric")
#: More settings than this in every window are a mistake; more runs of training windows need --yes.
MANY = 20_000


def execute(arguments: Namespace) -> int:
    """Walk one agent of a config forward over its market, and leave a folder with the out-of-sample result."""
    watch, progress = Stopwatch(), Progress(shown=not arguments.json)
    schedule = _schedule(arguments)
    checked_metric(arguments.metric)
    axes = parse_axes(arguments.grid, arguments.set) if arguments.grid else []
    base, workers = base_of(arguments, [axis.key for axis in axes]), worker_count(arguments)
    axes = [replace(axis, key=of_agent(axis.key, base)) for axis in axes]
    tried = _tried(base, axes, arguments)
    loaded = base.loaded
    with progress.step("read the market"):
        tape = build_tape(loaded, whole=True)
    _refuse_many(len(windows_of(tape, schedule)), len(tried.makers), arguments)
    watch.lap("read")
    data, code = tape_hash(tape), code_facts(loaded, [base.built])
    store = WindowStore(Path(arguments.out) / loaded.config.name, _facts(base, tried, schedule, arguments, data.total))
    try:
        found = _walk(base, tape, tried, schedule, arguments.metric, workers, progress, store)
    except KeyboardInterrupt:
        return interrupted("windows")
    watch.lap("replay")
    with RunFolder(Path(arguments.out), loaded.config.name, digest_of([base.config, arguments.grid])) as folder:
        home, said = folder.building, _write_results(folder.building, base, found, tried)
        page = page_of(base, found, tried, axes, tape)
        entry = data_entry(loaded, data, tape.origin)
        facts = manifest(loaded, base.config, entry, [base.built], code, folder.path)
        options = {name: getattr(arguments, name) for name in OPTIONS}
        facts |= {"source": base.entry, "walk_forward": {"options": options, **walk_terms(found, tried)}}
        before = find_tried(Path(arguments.out), data.total, identity_of(facts))
        facts["tried_before"] = tried_entry(before)
        page = replace(page, before=before.sentence(base.built.label, found.series.pnl))
        if not arguments.no_report:
            with writing(home / "report.html"):
                (home / "report.html").write_text(walk_forward_page(page, facts), encoding="utf-8")
        watch.lap("write")
        head = [cast(Any, Headline(base.built, found))]
        write_manifest(home, "walk-forward", {**facts, "seconds": watch.laps}, head)
    store.remove()
    if arguments.json:
        more = {"tried_before": facts["tried_before"]}
        print_json({"name": loaded.config.name, "run_dir": str(folder.path), **said, **more}, arguments.stdout)
    else:
        where = where_lines(folder.path, report=not arguments.no_report)
        print_table(windows_table(found, tried, axes), *result_lines(found, tried, page), *where)
    return 0


def repeat(base: Base, facts: Mapping[str, Any], home: Path, workers: int, progress: Progress) -> Finished:
    """Walk forward once more as the manifest entry ``facts`` says, and write tables and metrics to ``home``.

    Raises what the command raises.
    """
    options = Namespace(**facts["walk_forward"]["options"])
    axes = [replace(axis, key=of_agent(axis.key, base)) for axis in parse_axes(options.grid)] if options.grid else []
    tried = _tried(base, axes, options)
    with progress.step("read the market"):
        tape = build_tape(base.loaded, whole=True)
    found = _walk(base, tape, tried, _schedule(options), options.metric, workers, progress)
    _write_results(home, base, found, tried)
    data = tape_hash(tape)
    return Finished([], data, tape, None, [data.total])


def _schedule(options: Namespace) -> Schedule:
    return Schedule.of(
        options.train, options.test, anchored=options.anchored, purge=options.purge, embargo=options.embargo
    )


def _write_results(home: Path, base: Base, found: WalkForward, tried: Tried) -> dict[str, Any]:
    """The tables and metrics; gives what the metrics hold, without what they repeat for `halfspread runs`."""
    said = walk_object(found, tried)
    write_json(home / "metrics.json", {**said, "agents": [agent_entry(base.built, found)]})
    write_table(home / "windows.parquet", found.table())
    write_table(home / "daily.parquet", found.daily().rename_axis("time"))
    write_table(home / "returns.parquet", found.daily()[["pnl"]].rename(columns={"pnl": "out_of_sample"}))
    return said


def _facts(base: Base, tried: Tried, schedule: Schedule, arguments: Namespace, data: str) -> dict[str, Any]:
    """All that the numbers of a window depend on."""
    return {
        "config": base.config,
        "agent": base.built.label,
        "settings": [cell.settings for cell in tried.cells],
        "schedule": vars(schedule),
        "metric": arguments.metric,
        "data": data,
        "code": package_hash(),
        "plugins": plugin_sources(base.built.agent, base.loaded.folder),
    }


def _tried(base: Base, axes: Sequence[Axis | Range], arguments: Namespace) -> Tried:
    """The settings of the grid, or the agent itself where it is one that is fitted. Raises ConfigError."""
    agent, label = base.built.agent, base.built.label
    if looks_ahead(agent):
        raise ConfigError(
            f"{label} is told the future, so that nothing is out of sample for it; it belongs into halfspread compare, "
            "as the bound of the others"
        )
    fits = is_learner(agent)
    if fits and axes and not learns_online(agent):
        raise ConfigError(
            f"{label} is fitted anew in every training window, and with --grid each setting would be judged on what it "
            "was fitted on; leave --grid out, or let fit choose among settings by days that it holds back"
        )
    if fits and not axes:
        return Tried([], [_maker(base.loaded, base.built)], [])
    if not axes:
        raise ConfigError(
            f"{label} has nothing to be chosen: give --grid at least once, such as --grid agent.fast=5:50:5, or an "
            "agent that has fit(tape, rng)"
        )
    return _settings(base, axes, arguments)


def _settings(base: Base, axes: Sequence[Axis | Range], arguments: Namespace) -> Tried:
    """Raises ConfigError for settings that change more than the agent, and where none can run."""
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
    work, tried = CellWork(base.source), Tried([], [], [])
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


def _refuse_many(windows: int, settings: int, arguments: Namespace) -> None:
    if windows * settings > MANY and not arguments.yes:
        raise ConfigError(
            f"{formats.plural(windows, 'window')} of {formats.plural(settings, 'setting')} are {windows * settings:,} "
            f"runs of a training window, more than {MANY:,}; take longer windows or larger steps, or add --yes"
        )


def _maker(loaded: Loaded, built: BuiltAgent) -> Callable[[], Any]:
    return lambda: build_agent(built.config, loaded.folder, built.label)


def _walk(
    base: Base,
    tape: Tape,
    tried: Tried,
    schedule: Schedule,
    metric: str,
    workers: int,
    progress: Progress,
    store: WindowStore | None = None,
) -> WalkForward:
    loaded = base.loaded
    costs = build_costs(loaded.config.costs, loaded.folder, loaded.places)
    options = run_terms(loaded)
    terms = Terms(costs, cast(Any, options))
    learner: Learner = (
        Refit(tried.makers[0], terms, base.built.label)
        if tried.learner
        else Choice(tried.makers, terms, metric, workers)
    )
    count = len(windows_of(tape, schedule))
    each = "fitted anew" if tried.learner else formats.plural(len(tried.makers), "setting")
    kept = f", {store.count} kept from before" if store is not None and store.count else ""
    print(f"halfspread: {formats.plural(count, 'window')}, {each} in each{kept}", file=sys.stderr)
    with progress.cells("walk forward", count) as report:
        return walk_forward(
            tape, learner, costs, schedule, metric=metric, keep=store, done=lambda i, _: report(i), **options
        )
