"""``halfspread sensitivity``: the same run at multiples of each cost, and where its edge is gone."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from halfspread.commands.bases import Base, base_of, worker_count
from halfspread.commands.cell_store import CellStore
from halfspread.commands.cell_tables import write_returns, write_settings
from halfspread.commands.folder import RunFolder, resumable, writing
from halfspread.commands.manifest import Stopwatch, code_facts, data_entry, digest_of, manifest, write_manifest
from halfspread.commands.many_runs import Finished, interrupted, run_all
from halfspread.commands.output import agent_object, print_json, print_table, sign_lines, where_lines, write_json
from halfspread.commands.progress import Progress
from halfspread.configs.cell_work import DONE, CellWork, Outcome
from halfspread.configs.cells import Cell
from halfspread.configs.costs import build_costs
from halfspread.configs.scales import SCALED, Scales, scalable
from halfspread.engine.agent import looks_ahead
from halfspread.errors import ConfigError, InternalError, StrategyError
from halfspread.reports import formats
from halfspread.reports.proof_section import FORESEES
from halfspread.reports.result import Result
from halfspread.reports.sensitivity_page import COST_NAMES, Line, break_even, break_even_text, sensitivity_page

__all__ = ["MULTIPLES", "execute", "repeat"]

MULTIPLES = (0.0, 0.5, 1.0, 1.5, 2.0)
ALL = "all"


@dataclass(frozen=True)
class _Runs:
    """The cells, and which of them stands for a cost at a multiple; ``untouched``: costs that are not scaled, why."""

    cells: list[Cell]
    at: Mapping[tuple[str, float], int]
    costs: tuple[str, ...]
    untouched: Mapping[str, str]


@dataclass(frozen=True)
class _Found:
    """What came of the runs: a line for each cost, and the ``result`` of the run as it is."""

    runs: _Runs
    lines: Sequence[Line]
    finished: Finished
    result: Result


def execute(arguments: Namespace) -> int:
    """Run one agent at every multiple of every cost and leave a folder with a table and a report."""
    watch, progress = Stopwatch(), Progress(shown=not arguments.json)
    workers, base = worker_count(arguments), base_of(arguments)
    work, code = CellWork(base.source), code_facts(base.loaded, [base.built])
    runs = _planned(base, work, progress)
    watch.lap("read")
    out, name = Path(arguments.out), base.loaded.config.name
    try:
        with resumable("runs"):
            found, store = _run(base, work, runs, out, workers, progress)
            watch.lap("replay")
            with closing(store):
                with RunFolder(out, name, digest_of([base.config, "sensitivity"])) as folder:
                    _write_results(folder.building, found)
                    _write(folder, base, found, arguments, code, watch)
                store.remove()
    except KeyboardInterrupt:
        return interrupted("runs")
    _show(folder, base, found, arguments)
    return 0


def repeat(base: Base, facts: Mapping[str, Any], home: Path, workers: int, progress: Progress) -> Finished:
    """Run what the manifest entry ``facts`` holds once more and write its tables and metrics to ``home``.

    Raises what the command raises.
    """
    work = CellWork(base.source)
    runs = _planned(base, work, progress)
    found, store = _run(base, work, runs, home, workers, progress)
    store.close()
    _write_results(home, found)
    return found.finished


def _planned(base: Base, work: CellWork, progress: Progress) -> _Runs:
    """Raises ConfigError where no cost can be scaled."""
    loaded = base.loaded
    with progress.step("read the market"):
        tape = work.tape(work.plan(Cell(0)))
    reasons = scalable(build_costs(loaded.config.costs, loaded.folder, loaded.places), tape)
    runs = _runs(reasons)
    if not runs.costs:
        raise ConfigError(
            f"{loaded.path}: no cost can be scaled: "
            + "; ".join(f"{COST_NAMES[cost].lower()}: {reason}" for cost, reason in reasons.items())
        )
    return runs


def _run(
    base: Base, work: CellWork, runs: _Runs, out: Path, workers: int, progress: Progress
) -> tuple[_Found, CellStore]:
    finished, store = run_all(
        base,
        work,
        runs.cells,
        out=out,
        kind="sensitivity",
        workers=workers,
        progress=progress,
        check=lambda outcome: None,
    )
    if finished.outcomes[0].state != DONE:
        raise StrategyError(finished.outcomes[0].message)
    lines = [_line(cost, runs, finished.outcomes) for cost in runs.costs]
    result = Result.of(work.result(work.plan(runs.cells[0])), looks_ahead=looks_ahead(base.built.agent))
    return _Found(runs, lines, finished, result), store


def _runs(reasons: Mapping[str, str]) -> _Runs:
    """The run as it is, then each cost at each other multiple, then all that can be scaled together."""
    costs = [cost for cost in SCALED if not reasons[cost]]
    cells, at = [Cell(0)], {}
    for name in [*costs, *([ALL] if len(costs) > 1 else [])]:
        for multiple in MULTIPLES:
            if multiple == 1.0:
                at[name, multiple] = 0
                continue
            at[name, multiple] = len(cells)
            scaled = costs if name == ALL else [name]
            cells.append(Cell(len(cells), (), Scales(**dict.fromkeys(scaled, multiple))))
    shown = (*costs, *([ALL] if len(costs) > 1 else []))
    return _Runs(cells, at, shown, {cost: reason for cost, reason in reasons.items() if reason})


def _line(cost: str, runs: _Runs, outcomes: Sequence[Outcome]) -> Line:
    def of(metric: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        chosen = [outcomes[runs.at[cost, multiple]] for multiple in MULTIPLES]
        return np.array([float(each.metrics.get(metric, np.nan)) for each in chosen])

    return Line(cost, of("total_return"), of("information_ratio"))


def _write_results(home: Path, found: _Found) -> None:
    cells, outcomes = [_named(cell) for cell in found.runs.cells], found.finished.outcomes
    write_settings(home / "sensitivity.parquet", SCALED, cells, outcomes)
    write_returns(home / "returns.parquet", outcomes)
    write_json(home / "metrics.json", {**_object(found), "agents": [agent_object(found.result)]})


def _write(
    folder: RunFolder, base: Base, found: _Found, arguments: Namespace, code: Mapping[str, Any], watch: Stopwatch
) -> None:
    if found.finished.data is None or found.finished.tape is None:
        raise InternalError("a sensitivity without a market")
    home, result = folder.building, found.result
    data = data_entry(base.loaded, found.finished.data, found.finished.tape.origin)
    facts = manifest(base.loaded, base.config, data, [base.built], code, folder.path) | {"source": base.entry}
    if not arguments.no_report:
        instruments = ", ".join(f"{one.venue} {one.symbol}" for one in result.instruments)
        words = ", ".join(f"{name}={value}" for name, value in result.agent_params.items())
        page = sensitivity_page(
            f"{base.loaded.config.name}: cost sensitivity of {base.built.label}",
            f"{instruments}, {formats.span(result.start, result.end)} UTC",
            "; ".join([words, FORESEES] if result.looks_ahead else [words]),
            MULTIPLES,
            found.lines,
            found.runs.untouched,
            result.assumptions,
            facts,
        )
        with writing(home / "report.html"):
            (home / "report.html").write_text(page, encoding="utf-8")
    watch.lap("write")
    write_manifest(home, "sensitivity", {**facts, "seconds": watch.laps}, [result])


def _named(cell: Cell) -> Cell:
    """The multiples of a cell as settings, for its row in the table."""
    return Cell(cell.index, tuple(f"{name}={getattr(cell.scales, name)!r}" for name in SCALED))


def _object(found: _Found) -> dict[str, Any]:
    costs = [
        {
            "cost": line.cost,
            "total_return": line.returns.tolist(),
            "information_ratio": line.ratios.tolist(),
            "edge_gone_at": break_even(MULTIPLES, line.returns),
            "text": break_even_text(MULTIPLES, line.returns),
        }
        for line in found.lines
    ]
    return {"multiples": list(MULTIPLES), "costs": costs, "not_scaled": dict(found.runs.untouched)}


def _show(folder: RunFolder, base: Base, found: _Found, arguments: Namespace) -> None:
    if arguments.json:
        said = {"name": folder.name, "run_dir": str(folder.path), "agent": base.built.label, **_object(found)}
        print_json(said, arguments.stdout)
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    grid = Table(box=SIMPLE_HEAD, pad_edge=False)
    grid.add_column("net % at")
    for multiple in MULTIPLES:
        grid.add_column(f"{multiple:g}\N{MULTIPLICATION SIGN}", justify="right")
    grid.add_column("edge gone at", justify="right")
    for line in found.lines:
        values = (formats.number(100.0 * value, 2) for value in line.returns.tolist())
        grid.add_row(COST_NAMES[line.cost], *values, break_even_text(MULTIPLES, line.returns))
    notes = [f"{COST_NAMES[cost]} is not scaled: {reason}" for cost, reason in found.runs.untouched.items()]
    print_table(
        grid, *notes, *sign_lines(found.result.assumptions), *where_lines(folder.path, report=not arguments.no_report)
    )
