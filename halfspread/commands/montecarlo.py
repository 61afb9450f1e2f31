"""``halfspread montecarlo``: how the result of an agent is distributed over seeds, paths of the market, and fields."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from halfspread.commands.bases import Base, bases_of, of_agent, refuse_idle, worker_count
from halfspread.commands.cell_store import CellStore
from halfspread.commands.folder import RunFolder, resumable, writing
from halfspread.commands.manifest import Stopwatch, code_facts, data_entry, digest_of, manifest, write_manifest
from halfspread.commands.many_runs import MANY, Finished, first_plan, interrupted, run_all
from halfspread.commands.montecarlo_output import Head, show, trials_object, write_equity, write_trials
from halfspread.commands.output import print_json, write_json
from halfspread.commands.progress import Progress
from halfspread.commands.repeats import changed_metric, refuse_changed
from halfspread.configs.bootstrap import Bootstrap
from halfspread.configs.cell_work import DONE, CellWork, Outcome
from halfspread.configs.cells import Cell
from halfspread.configs.paths import block_days
from halfspread.configs.trials import Design, Trial, parse_vary
from halfspread.datafeeds.calendar import Calendar
from halfspread.engine.agent import looks_ahead
from halfspread.errors import ConfigError, InternalError
from halfspread.reports import formats
from halfspread.reports.montecarlo_page import MonteCarlo, montecarlo_page
from halfspread.reports.montecarlo_statistics import AgentTrials
from halfspread.reports.result import Result

__all__ = ["execute", "repeat"]

#: Trials where the command line does not say.
TRIALS = 250


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
    design = _design(base, arguments)
    work, code = CellWork(base.source), code_facts(base.loaded, base.agents)
    _refuse(base, work, design)
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
    vary = parse_vary([_own(text, base) for text in terms["vary"]])
    design = Design(base.loaded.config, terms["seeds"], terms["paths"], terms["block"], vary)
    chosen = None if sample is None or sample >= design.count else sampled(design.count, sample)
    ran, store = _run(base, CellWork(base.source), design, home, workers, progress, chosen)
    store.close()
    _write_results(home, base, ran, whole=chosen is None)
    return ran.finished


def sampled(count: int, sample: int) -> list[int]:
    """Numbers of ``sample`` of ``count`` trials, always the same, the first among them."""
    others = np.random.default_rng(count).permutation(np.arange(1, count))[: max(sample - 1, 0)]
    return sorted([0, *others.tolist()])


def _design(base: Base, arguments: Namespace) -> Design:
    """Raises ConfigError for numbers of trials that do not go together."""
    for name in ("trials", "seeds", "paths"):
        number = getattr(arguments, name)
        if number is not None and number < 1:
            raise ConfigError(f"--{name}: expected 1 or more, got {number}")
    trials, seeds, paths = arguments.trials, arguments.seeds, arguments.paths
    if trials is not None and (seeds is not None or paths is not None):
        raise ConfigError(
            "--trials: so many seeds on one market; give --seeds and --paths instead for each seed on each path, or "
            "--paths alone for paths with one seed"
        )
    if arguments.block is not None and paths is None:
        raise ConfigError("--block: is the mean length of the blocks that --paths are made of; say how many paths")
    vary = parse_vary([_own(text, base) for text in arguments.vary], arguments.set)
    refuse_idle([each.key for each in vary], base, "--vary")
    if paths is None:
        seeds = trials or seeds or TRIALS
    if arguments.block is not None:
        Bootstrap.checked(arguments.block)
    design = Design(base.loaded.config, seeds or 1, paths or 0, arguments.block, vary)
    if paths is not None and design.varies_market:
        raise ConfigError("--paths: paths are made of one market; leave --vary of the market out, or the paths")
    if design.count * len(base.agents) > MANY:
        raise ConfigError(f"{design.count * len(base.agents):,} runs are more than {MANY:,}; ask for fewer trials")
    return design


def _own(text: str, base: Base) -> str:
    """A distribution with its key as that of the one agent that runs. Raises ConfigError where several do."""
    key, equals, rest = text.partition("=")
    if key.strip().startswith("agent.") and len(base.agents) > 1:
        labels = ", ".join(each.label for each in base.agents)
        field = key.strip().partition(".")[2]
        raise ConfigError(
            f"--vary {text}: {len(base.agents)} agents run, {labels}; say whose: "
            f"agents.{base.agents[0].label}.{field}, or pick one with --agent NAME"
        )
    return f"{of_agent(key.strip(), base)}{equals}{rest}"


def _cells(base: Base, trials: Sequence[Trial], chosen: Sequence[int] | None = None) -> list[Cell]:
    """A cell for every agent of every trial, or of those that are ``chosen``."""
    count = len(base.agents)
    several = base.numbers if count > 1 else (None,)
    return [
        Cell(trial.index * count + i, trial.settings, agent=number)
        for trial in trials
        if chosen is None or trial.index in set(chosen)
        for i, number in enumerate(several)
    ]


def _refuse(base: Base, work: CellWork, design: Design) -> None:
    """Raise the reason where an agent can run in none of the trials."""
    cells = _cells(base, design.trials())
    for i in range(len(base.agents)):
        first_plan(work, cells[i :: len(base.agents)], what="trials")


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
    cells = _cells(base, trials, chosen)
    finished, store = run_all(
        base,
        work,
        cells,
        out=out,
        kind="montecarlo",
        workers=workers,
        progress=progress,
        check=lambda outcome: None,
        market=None if design.varies_market else Cell(-1, design.pins),
    )
    try:
        again = [] if chosen else _again(base, work, cells, finished, store, progress)
        return _Ran(design, trials, cells, finished, again, _made(base, design, trials, finished, again)), store
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


def _made(
    base: Base, design: Design, trials: Sequence[Trial], finished: Finished, again: Sequence[Result | None]
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
