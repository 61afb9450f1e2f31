"""``halfspread montecarlo``: how the result of an agent is distributed over seeds, paths of the market, and fields."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from halfspread.commands.bases import Base, bases_of, worker_count
from halfspread.commands.cell_store import CellStore
from halfspread.commands.folder import RunFolder, resumable, writing
from halfspread.commands.manifest import Stopwatch, code_facts, data_entry, digest_of, manifest, write_manifest
from halfspread.commands.many_runs import Finished, interrupted, run_all
from halfspread.commands.montecarlo_output import Head, show, trials_object, write_equity, write_trials
from halfspread.commands.montecarlo_plan import cells_of, design_of, own_key, refuse_impossible, sampled
from halfspread.commands.output import print_json, write_json
from halfspread.commands.progress import Progress
from halfspread.commands.repeats import changed_metric, refuse_changed
from halfspread.configs.cell_work import DONE, CellWork, Outcome
from halfspread.configs.cells import Cell
from halfspread.configs.paths import block_days
from halfspread.configs.trials import Design, Trial, parse_vary
from halfspread.datafeeds.calendar import Calendar
from halfspread.engine.agent import looks_ahead
from halfspread.errors import InternalError
from halfspread.reports import formats
from halfspread.reports.montecarlo_page import montecarlo_page
from halfspread.reports.montecarlo_statistics import AgentTrials
from halfspread.reports.montecarlo_view import MonteCarlo
from halfspread.reports.result import Result

__all__ = ["execute", "repeat"]


@dataclass(frozen=True)
class _Ran:
    """The trials, their cells (all agents of a trial one after the other), what came of them, and of each agent its
    first trial that is done once more."""

    design: Design
    trials: Sequence[Trial]
    cells: Sequence[Cell]
    finished: Finished
    again: Sequence[Result | None]
    made: MonteCarlo


def execute(arguments: Namespace) -> int:
    """Run all trials and leave a folder with their distribution and a report."""
    watch, progress = Stopwatch(), Progress(shown=not arguments.json)
    workers, base = worker_count(arguments), bases_of(arguments)
    design = design_of(base, arguments)
    work, code = CellWork(base.source), code_facts(base.loaded, base.agents)
    refuse_impossible(base, work, design)
    watch.lap("plan")
    out = Path(arguments.out)
    try:
        with resumable("trials"):
            ran, store = _run(base, work, design, out, workers, progress)
            watch.lap("replay")
            with closing(store):
                said = [base.config, list(arguments.vary), design.seeds, design.paths, design.block]
                with RunFolder(out, base.loaded.config.name, digest_of(said)) as folder:
                    _write_results(folder.building, base, ran)
                    _write(folder, base, ran, arguments, code, watch)
                store.remove()
    except KeyboardInterrupt:
        return interrupted("trials")
    if arguments.json:
        print_json({"name": folder.name, "run_dir": str(folder.path), **_object(base, ran)}, arguments.stdout)
    else:
        show(ran.made, folder.path, report=not arguments.no_report)
    return 0


def repeat(
    base: Base, facts: Mapping[str, Any], home: Path, workers: int, progress: Progress, sample: int | None = None
) -> Finished:
    """Run the trials that the manifest entry ``facts`` holds once more, or a ``sample`` of them, and write their tables
    to ``home``; metrics too where all have run. Raises what the command raises."""
    terms = facts["montecarlo"]
    vary = parse_vary([own_key(text, base) for text in terms["vary"]])
    design = Design(base.loaded.config, terms["seeds"], terms["paths"], terms["block"], vary)
    chosen = None if sample is None or sample >= design.count else sampled(design.count, sample)
    ran, store = _run(base, CellWork(base.source), design, home, workers, progress, chosen)
    store.close()
    _write_results(home, base, ran, whole=chosen is None)
    return ran.finished


def _run(
    base: Base,
    work: CellWork,
    design: Design,
    out: Path,
    workers: int,
    progress: Progress,
    chosen: Sequence[int] | None = None,
) -> tuple[_Ran, CellStore]:
    trials = design.trials()
    cells = cells_of(base, trials, chosen)
    finished, store = run_all(
        base,
        work,
        cells,
        out=out,
        kind="montecarlo",
        workers=workers,
        progress=progress,
        check=lambda outcome: None,
        noun="runs",
        market=None if design.varies_market else Cell(-1, design.pins),
    )
    try:
        again = [] if chosen else _again(base, work, cells, finished, store, progress)
        as_it_was = {} if chosen else _as_it_was(base, work, design, progress)
        made = _made(base, design, trials, finished, again, as_it_was)
        return _Ran(design, trials, cells, finished, again, made), store
    except BaseException:
        store.close()
        raise


def _again(
    base: Base, work: CellWork, cells: Sequence[Cell], finished: Finished, store: CellStore, progress: Progress
) -> list[Result | None]:
    """The first trial of each agent that is done, by itself: what the manifest and the page hold of all. Raises
    StrategyError where it is not the same again."""
    found: list[Result | None] = []
    for i, built in enumerate(base.agents):
        pairs = list(zip(cells, finished.outcomes, strict=True))[i :: len(base.agents)]
        cell, outcome = next((pair for pair in pairs if pair[1].state == DONE), (None, None))
        if cell is None or outcome is None:
            found.append(None)
            continue
        with progress.step(f"run a trial of {built.label} again"):
            result = Result.of(work.result(work.plan(cell)), looks_ahead=looks_ahead(built.agent))
        kept = f" (finished trials are kept in {store.path})"
        refuse_changed(changed_metric(outcome.metrics, result.metrics), cell, built.agent, built.label, kept)
        found.append(result)
    return found


def _as_it_was(base: Base, work: CellWork, design: Design, progress: Progress) -> dict[str, float]:
    """Where paths are blocks of one market: the net return of each agent on that market, with the seed of the config;
    nothing of one that fails there."""
    found: dict[str, float] = {}
    if design.market != "bootstrap":
        return found
    for number, built in zip(base.numbers, base.agents, strict=True):
        with progress.step(f"run {built.label} on the market as it was"):
            outcome = work.run(work.plan(Cell(-1, design.pins, agent=number)))
        if outcome.state == DONE:
            found[built.label] = float(outcome.metrics["total_return"])
    return found


def _made(
    base: Base,
    design: Design,
    trials: Sequence[Trial],
    finished: Finished,
    again: Sequence[Result | None],
    as_it_was: Mapping[str, float],
) -> MonteCarlo:
    agents = []
    for i, built in enumerate(base.agents):
        agents.append(_agent_trials(built.label, trials, finished.outcomes[i :: len(base.agents)], len(base.agents)))
    block, days = 0.0, 0
    if design.market == "bootstrap" and finished.tape is not None:
        days = Calendar.of(finished.tape).count
        block = block_days(finished.tape, design.bootstrap(0))
    shown = next((each for each in again if each is not None), None)
    instruments = "" if shown is None else ", ".join(f"{one.venue} {one.symbol}" for one in shown.instruments)
    return MonteCarlo(
        title=f"{base.loaded.config.name}: {', '.join(each.label for each in base.agents)}",
        what="" if shown is None else f"{instruments}, {formats.span(shown.start, shown.end)} UTC",
        agents=agents,
        seeds=design.seeds,
        paths=design.paths,
        market=design.market,
        varied={each.key: str(each) for each in design.vary},
        block=block,
        days=days,
        assumptions={} if shown is None else shown.assumptions,
        as_it_was=as_it_was,
    )


def _agent_trials(name: str, trials: Sequence[Trial], outcomes: Sequence[Outcome], agents: int) -> AgentTrials:
    done = [each for each in outcomes if each.state == DONE]
    numbers = np.array([each.index // agents for each in done], np.int64)
    metrics = {
        key: np.array([float(each.metrics[key]) for each in done])
        for key in (done[0].metrics if done else ())
        if not isinstance(done[0].metrics[key], str)
    }
    days = done[0].days if done else np.zeros(0, np.int64)
    same = bool(done) and all(np.array_equal(each.days, days) for each in done)
    return AgentTrials(
        name=name,
        trials=numbers,
        draws=np.array([trials[number].draw for number in numbers], np.int64),
        paths=np.array([trials[number].path or 0 for number in numbers], np.int64),
        metrics=metrics,
        attribution={
            key: np.array([each.attribution[key] for each in done]) for key in (done[0].attribution if done else ())
        },
        days=days,
        equity=np.cumsum(np.stack([each.pnl for each in done], axis=1), axis=0) if same else None,
        failed=[(each.index // agents, each.message) for each in outcomes if each.state != DONE],
    )


def _heads(base: Base, ran: _Ran) -> list[Head]:
    results = zip(base.agents, ran.made.agents, ran.again, strict=True)
    return [Head(ran.made, agent, result) for _, agent, result in results if result is not None]


def _object(base: Base, ran: _Ran) -> dict[str, Any]:
    return trials_object(ran.made, _heads(base, ran))


def _write_results(home: Path, base: Base, ran: _Ran, *, whole: bool = True) -> None:
    labels = [each.label for each in base.agents]
    write_trials(home / "trials.parquet", ran.trials, labels, ran.finished.outcomes)
    write_equity(home / "equity.parquet", labels, ran.finished.outcomes)
    if whole:
        write_json(home / "metrics.json", _object(base, ran))


def _write(
    folder: RunFolder, base: Base, ran: _Ran, arguments: Namespace, code: Mapping[str, Any], watch: Stopwatch
) -> None:
    finished, home, design = ran.finished, folder.building, ran.design
    if finished.data is None or finished.tape is None:
        raise InternalError("trials without a market")
    data = data_entry(base.loaded, finished.data, finished.tape.origin)
    facts = manifest(base.loaded, base.config, data, base.agents, code, folder.path)
    facts["source"] = base.entry
    facts["montecarlo"] = {
        **{name: getattr(design, name) for name in ("seeds", "paths", "block")},
        "vary": list(arguments.vary),
        "markets": finished.markets if design.varies_market else [],
        **{name: value for name, value in _object(base, ran).items() if name in ("trials", "done", "failed", "market")},
    }
    if not arguments.no_report:
        with writing(home / "report.html"):
            (home / "report.html").write_text(montecarlo_page(ran.made, facts), encoding="utf-8")
    watch.lap("write")
    heads: Any = _heads(base, ran)
    write_manifest(home, "montecarlo", {**facts, "seconds": watch.laps}, heads)
