"""``halfspread sweep``: many settings of one agent, and how much of the best of them is luck."""

from __future__ import annotations

import math
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from halfspread.commands.bases import Base, base_of, of_agent, refuse_idle, worker_count
from halfspread.commands.cell_store import CellStore
from halfspread.commands.cell_tables import daily_matrix, write_returns, write_settings
from halfspread.commands.folder import RunFolder, resumable, writing
from halfspread.commands.manifest import Stopwatch, code_facts, data_entry, digest_of, manifest, plain, write_manifest
from halfspread.commands.many_runs import MANY, MOST, Finished, interrupted, run_all, too_many
from halfspread.commands.output import agent_object, print_json, sign_lines, write_json
from halfspread.commands.progress import Progress
from halfspread.commands.repeats import changed_metric, refuse_changed
from halfspread.commands.sweep_output import Sweep, page_of, show, sweep_object
from halfspread.commands.tried import find_tried, identity_of, tried_entry, tried_in
from halfspread.commands.tried_settings import settings_of
from halfspread.configs.cell_work import DONE, CellWork, Outcome
from halfspread.configs.cells import Axis, Cell, Range, count_cells, drawn_cells, grid_cells, parse_axes
from halfspread.engine.agent import looks_ahead
from halfspread.errors import ConfigError, InternalError
from halfspread.reports import formats
from halfspread.reports.comparison import rank
from halfspread.reports.result import Result
from halfspread.reports.sweep_page import sweep_page
from halfspread.reports.sweep_statistics import sweep_statistics
from halfspread.reports.tried import Tried

__all__ = ["execute", "repeat"]


def execute(arguments: Namespace) -> int:
    """Run every cell of the grid, or those that are drawn, and leave a folder with all of them and a report."""
    watch, progress = Stopwatch(), Progress(shown=not arguments.json)
    axes = parse_axes(arguments.grid, arguments.set)
    workers, count = worker_count(arguments), count_cells(axes, arguments.random)
    base = base_of(arguments, [axis.key for axis in axes])
    if looks_ahead(base.built.agent):
        raise ConfigError(
            f"{base.built.label} is told the future: the best of its settings is a bound, and no statistic of luck "
            "holds for it; halfspread run CONFIG --set ... shows it at one setting"
        )
    axes = [replace(axis, key=of_agent(axis.key, base)) for axis in axes]
    refuse_idle([axis.key for axis in axes], base, "--grid")
    work, code = CellWork(base.source), code_facts(base.loaded, [base.built])
    if count > MANY and not arguments.yes:
        raise too_many(work, _cells(axes, arguments), count, workers, progress)
    if count > MOST:
        raise ConfigError(f"{count:,} cells are more than can be held, at most {MOST:,}; larger steps, or --random N")
    watch.lap("plan")
    out = Path(arguments.out)
    facts = {"config": plain(base.config), "plugins": code["plugins"], "sweep": _grid_of(arguments)}
    try:
        with resumable("cells"):
            swept, store = _run(
                base,
                work,
                axes,
                arguments,
                out,
                workers,
                progress,
                lambda data: _tried(out, data, facts, axes, arguments),
            )
            watch.lap("replay")
            with closing(store):
                with RunFolder(out, base.loaded.config.name, digest_of([base.config, arguments.grid])) as folder:
                    best = _best_again(base, work, swept, store, progress)
                    _write_results(folder.building, swept, best)
                    _write(folder, base, swept, best, arguments, code, watch)
                store.remove()
    except KeyboardInterrupt:
        return interrupted("cells")
    if arguments.json:
        print_json({"name": folder.name, "run_dir": str(folder.path), **sweep_object(swept)}, arguments.stdout)
    else:
        show(swept, folder.path, sign_lines(best.assumptions), report=not arguments.no_report)
    return 0


def repeat(base: Base, facts: Mapping[str, Any], home: Path, workers: int, progress: Progress) -> Finished:
    """Run the sweep that the manifest entry ``facts`` holds once more and write its tables and metrics to ``home``.

    Raises what a sweep raises.
    """
    terms = facts["sweep"]
    arguments = Namespace(grid=terms["grid"], random=terms["random"], seed=terms["seed"], rank=terms["ranking"])
    axes = [replace(axis, key=of_agent(axis.key, base)) for axis in parse_axes(arguments.grid)]
    work = CellWork(base.source)
    swept, store = _run(base, work, axes, arguments, home, workers, progress, lambda data: tried_in(facts))
    store.close()
    _write_results(home, swept, _best_again(base, work, swept, store, progress))
    return swept.finished


def _run(
    base: Base,
    work: CellWork,
    axes: Sequence[Axis | Range],
    arguments: Namespace,
    out: Path,
    workers: int,
    progress: Progress,
    tried: Callable[[str], Tried],
) -> tuple[Sweep, CellStore]:
    """``tried`` gives what was tried before on data of a hash."""
    cells = list(_cells(axes, arguments))
    finished, store = run_all(
        base,
        work,
        cells,
        out=out,
        kind="sweep",
        workers=workers,
        progress=progress,
        check=lambda outcome: _check_ranking(outcome, arguments.rank),
    )
    try:
        before = Tried() if finished.data is None else tried(finished.data.total)
        return _sweep(axes, arguments, cells, finished, before), store
    except BaseException:
        store.close()
        raise


def _tried(out: Path, data: str, facts: Mapping[str, Any], axes: Sequence[Axis | Range], arguments: Namespace) -> Tried:
    """What others than the cells of this sweep tried before."""
    cells = (cell.parameters for cell in _cells(axes, arguments))
    settings = settings_of(facts["config"], facts["plugins"], [axis.key for axis in axes], cells)
    return find_tried(out, data, identity_of(facts), settings)


def _grid_of(arguments: Namespace) -> dict[str, Any]:
    drawn = arguments.random is not None
    return {"grid": list(arguments.grid), "random": arguments.random, "seed": arguments.seed if drawn else None}


def _cells(axes: Sequence[Axis | Range], arguments: Namespace) -> Iterator[Cell]:
    if arguments.random is not None:
        return drawn_cells(axes, arguments.random, np.random.default_rng(arguments.seed))
    return grid_cells([axis for axis in axes if isinstance(axis, Axis)])


def _check_ranking(outcome: Outcome, ranking: str) -> None:
    rank([(outcome, outcome.metrics)], ranking)


def _sweep(
    axes: Sequence[Axis | Range], arguments: Namespace, cells: Sequence[Cell], finished: Finished, before: Tried
) -> Sweep:
    done = finished.of_state(DONE)
    best_first = rank([(each, each.metrics) for each in done], arguments.rank)
    if math.isnan(float(best_first[0].metrics[arguments.rank])):
        raise ConfigError(
            f"--rank {arguments.rank}: none of {formats.plural(len(done), 'setting')} has it, so that none is the "
            "best; rank by another metric: finished cells are kept"
        )
    returns = np.array([float(each.metrics["total_return"]) for each in best_first])
    figures = sweep_statistics(daily_matrix(best_first), 0, returns, before.settings)
    keys = tuple(axis.key for axis in axes)
    return Sweep(keys, arguments.random is not None, arguments.rank, cells, finished, best_first, figures, before)


def _best_again(base: Base, work: CellWork, swept: Sweep, store: CellStore, progress: Progress) -> Result:
    """The best setting once more, by itself: what the manifest and metrics.json hold of it. Raises StrategyError where
    it is not the same again."""
    first = swept.best_first[0]
    cell = swept.cells[first.index]
    with progress.step("run the best again"):
        result = Result.of(work.result(work.plan(cell)))
    kept = f" (finished cells are kept in {store.path})"
    refuse_changed(changed_metric(first.metrics, result.metrics), cell, base.built.agent, base.built.label, kept)
    return result


def _write_results(home: Path, swept: Sweep, best: Result) -> None:
    write_settings(home / "sweep.parquet", swept.keys, swept.cells, swept.finished.outcomes)
    write_returns(home / "returns.parquet", swept.finished.outcomes)
    write_json(home / "metrics.json", {**sweep_object(swept), "agents": [agent_object(best)]})


def _write(
    folder: RunFolder,
    base: Base,
    swept: Sweep,
    best: Result,
    arguments: Namespace,
    code: Mapping[str, Any],
    watch: Stopwatch,
) -> None:
    finished, home, entry = swept.finished, folder.building, sweep_object(swept)
    if finished.data is None or finished.tape is None:
        raise InternalError("a sweep without a market")
    data = data_entry(base.loaded, finished.data, finished.tape.origin)
    facts = manifest(base.loaded, base.config, data, [base.built], code, folder.path)
    facts["source"] = base.entry
    facts["tried_before"] = tried_entry(swept.before)
    facts["sweep"] = {
        **_grid_of(arguments),
        **{name: entry[name] for name in ("ranking", "cells", "tried", "refused", "failed")},
        "markets": finished.markets,
    }
    if not arguments.no_report:
        page = sweep_page(page_of(base, swept, best), facts)
        with writing(home / "report.html"):
            (home / "report.html").write_text(page, encoding="utf-8")
    watch.lap("write")
    write_manifest(home, "sweep", {**facts, "seconds": watch.laps}, [best])
