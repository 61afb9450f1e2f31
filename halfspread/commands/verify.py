"""``halfspread verify``: run again from the manifest of a run, and compare bit for bit.

First the files are compared with the hashes in the manifest; a folder that was edited is not run again. Then all that
the numbers depend on is compared with what there is now, every agent (of a sweep and the like every cell) is run again
into a temporary folder, and orders, fills, equity, attribution and metrics, or the tables of cells or windows, are
compared by value.
"""

from __future__ import annotations

import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from halfspread.commands import differences
from halfspread.commands.bases import Base, worker_count
from halfspread.commands.benchmarks import against, replayed
from halfspread.commands.cell_differences import cell_differences
from halfspread.commands.data_hashes import TapeHash, tape_hash
from halfspread.commands.differences import Difference
from halfspread.commands.many_runs import Finished
from halfspread.commands.output import print_json
from halfspread.commands.progress import Progress
from halfspread.commands.registry import RunRecord, find, usable
from halfspread.commands.replay import replay, write_results
from halfspread.commands.rerun import Entry, config_now, restore
from halfspread.commands.result_differences import result_differences
from halfspread.commands.run_files import MANIFEST, altered_files
from halfspread.commands.summary_differences import comparison_differences, headline_differences
from halfspread.commands.verification import Verification, as_json, show
from halfspread.configs.build import BuiltAgent, build_tape, effective
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError, UserError
from halfspread.reports.benchmark import Benchmark
from halfspread.reports.result import Result

__all__ = ["Verification", "execute", "verify"]

#: Exit code of a run that is not the same again.
DIFFERENT = 1
#: Modules that can repeat what they have made, by kind of run.
_REPEATED = {
    "sweep": "halfspread.commands.sweep",
    "sensitivity": "halfspread.commands.sensitivity",
    "walk-forward": "halfspread.commands.walk_forward",
    "montecarlo": "halfspread.commands.montecarlo",
}
#: So many trials of a Monte Carlo are run again, unless more are asked for.
SAMPLE = 10


def execute(arguments: Namespace) -> int:
    """Verify a run and say what came of it; 0 where it is the same again, else `DIFFERENT`."""
    run = find(arguments.run, Path(arguments.dir))
    progress = Progress(shown=not arguments.json)
    folder = None if arguments.folder is None else Path(arguments.folder)
    found = verify(run, progress, folder, worker_count(arguments), _sample(arguments))
    if arguments.json:
        print_json(as_json(found), arguments.stdout)
    else:
        show(found)
    return 0 if found.verified else DIFFERENT


def _sample(arguments: Namespace) -> int | None:
    """How many trials are run again; None for all. Raises ConfigError."""
    if arguments.trials is not None and (arguments.trials < 1 or arguments.all):
        raise ConfigError(f"--trials: expected 1 or more, or else --all, got {arguments.trials}")
    return None if arguments.all else arguments.trials or SAMPLE


def verify(
    run: RunRecord, progress: Progress, folder: Path | None = None, workers: int = 1, sample: int | None = SAMPLE
) -> Verification:
    """Run again what ``run`` holds; ``folder``: where the paths of its configs begin, instead of where it was run;
    ``workers``: how many cells run at once; ``sample``: how many trials of a Monte Carlo, None for all.

    Raises ConfigError for a folder that holds no run of this version, and whatever keeps it from being run again.
    """
    began = time.perf_counter()
    found = Verification(usable(run, edited=True))
    with progress.step("check the files"):
        found.inputs += _edited(run)
    if not found.inputs:
        if run.kind not in ("run", "compare", "train", *_REPEATED):
            raise ConfigError(f"{run.path}: made by {run.kind!r}, which this halfspread does not know")
        results: list[Result] = []
        for entry in restore(run, folder):
            found.inputs = list(dict.fromkeys([*found.inputs, *_inputs(run, entry)]))
            try:
                if run.kind == "train":
                    _train_again(run, entry, found, progress)
                elif entry.base is None:
                    results += _repeat(run, entry, found, progress)
                else:
                    _repeat_cells(run, entry, entry.base, found, progress, workers, sample)
            except UserError as error:
                raise _with_causes(error, found) from error
        if run.kind == "compare" and results:
            with progress.step("compare all agents"):
                newer = any(each.kind == "code" for each in found.inputs)
                found.results += comparison_differences(run, results, newer=newer)
        found.results += headline_differences(run)
    found.inputs.sort(key=lambda each: each.rank)
    found.seconds = time.perf_counter() - began
    return found


def _edited(run: RunRecord) -> Iterator[Difference]:
    if not run.sealed:
        yield Difference("file", MANIFEST, f"seal {run.manifest.get('seal')}", "edited text", {"file": MANIFEST})
        return
    for name, what in altered_files(run.path, run.manifest["files"]).items():
        written = run.manifest["files"][name]
        now = "no such file" if what == "missing" else "other bytes (edited)"
        yield Difference("file", name, f"hash {written['hash'][:12]}", now, {"file": name, "state": what})


def _inputs(run: RunRecord, entry: Entry) -> Iterator[Difference]:
    yield from differences.code(entry)
    yield from differences.surroundings(entry.facts, run.manifest["cpu_features"])
    file = str(entry.facts["config_file"])
    try:
        now = config_now(entry, run.kind)
    except UserError as error:
        said = str(error).splitlines()[0]
        yield Difference("config", file, "the config of the run", said, {"source": "file"})
    else:
        yield from () if now is None else differences.config(entry, now, file, "file")


def _repeat(run: RunRecord, entry: Entry, found: Verification, progress: Progress) -> list[Result]:
    """Run every agent of a config again; gives the results of those that did not fail before."""
    made: list[Result] = []
    agents = entry.agents()
    again = effective(entry.loaded, agents, times_as_text=True)
    found.inputs += differences.config(entry, again, f"{MANIFEST}, read today", "manifest")
    with progress.step("read the market"):
        tape = build_tape(entry.loaded)
    if not tape.streamed:
        _compare_data(entry, tape, found)
    failed = run.manifest.get("failed", {})
    benchmark = replayed(entry.loaded, tape, agents, progress)
    for agent in agents:
        if agent.label in failed:
            found.results += _failure(entry, tape, agent, failed[agent.label], progress)
            continue
        made.append(_compared(run, entry, tape, agent, benchmark, found, progress))
        found.agents.append(agent.label)
    if tape.streamed:  # a fault of the data is told by the replay, as in a run
        _compare_data(entry, tape, found)
    return made


def _train_again(run: RunRecord, entry: Entry, found: Verification, progress: Progress) -> None:
    """Train the learner of a config again, and judge it."""
    (built,) = agents = entry.agents()
    again = effective(entry.loaded, agents, times_as_text=True)
    found.inputs += differences.config(entry, again, f"{MANIFEST}, read today", "manifest")
    module = import_module("halfspread.commands.training_again")
    different, tape, data = module.repeat_training(run.path, entry.loaded, built, progress)
    _compare_data(entry, tape, found, data)
    found.results += different
    found.agents.append(built.label)


def _repeat_cells(
    run: RunRecord,
    entry: Entry,
    base: Base,
    found: Verification,
    progress: Progress,
    workers: int,
    sample: int | None,
) -> None:
    """Run a sweep, a cost sensitivity or a walk-forward again, all of it; of a Monte Carlo a ``sample``."""
    found.inputs += differences.config(entry, base.config, f"{MANIFEST}, read today", "manifest")
    module = import_module(_REPEATED[run.kind])
    with tempfile.TemporaryDirectory(prefix="halfspread-verify-") as made:
        home = Path(made)
        more: dict[str, Any] = {}
        if run.kind == "montecarlo" and sample is not None and sample < entry.facts["montecarlo"]["trials"]:
            more["sample"] = sample
            found.sample = f"{sample:,} of {entry.facts['montecarlo']['trials']:,} trials"
        again: Finished = module.repeat(base, entry.facts, home, workers, progress, **more)
        if again.data is not None and again.tape is not None:
            _compare_data(entry, again.tape, found, again.data)
        if not found.sample:
            found.inputs += differences.markets(entry, again.markets)
        with progress.step("compare"):
            label = ", ".join(each.label for each in base.agents)
            found.results += cell_differences(run.path, home, run.kind, label)
    found.agents += [each.label for each in base.agents]


def _compare_data(entry: Entry, tape: Tape, found: Verification, data: TapeHash | None = None) -> None:
    found.inputs += differences.data(entry, data or tape_hash(tape))
    found.data.append(repr(tape).removeprefix("<Tape ").removesuffix(">"))


def _compared(
    run: RunRecord,
    entry: Entry,
    tape: Tape,
    agent: BuiltAgent,
    benchmark: Benchmark | None,
    found: Verification,
    progress: Progress,
) -> Result:
    before = run.path if run.kind == "run" else run.path / agent.label
    with tempfile.TemporaryDirectory(prefix="halfspread-verify-") as made:
        home = Path(made)
        result = against(entry.loaded, replay(entry.loaded, tape, agent, home, progress), benchmark)
        with progress.step("compare"):
            write_results(result, home, None, report=False)
            names = [one.name for one in tape.instruments]
            found.results += result_differences(before, home, agent.label, names)
    return result


def _failure(entry: Entry, tape: Tape, agent: BuiltAgent, message: str, progress: Progress) -> Iterator[Difference]:
    """An agent that failed has to fail again; how it says so is a matter of words."""
    now = "no failure"
    with tempfile.TemporaryDirectory(prefix="halfspread-verify-") as made:
        try:
            replay(entry.loaded, tape, agent, Path(made), progress)
        except UserError as error:
            now = str(error)
    if now != message:
        kind = "event" if now == "no failure" else "words"
        yield Difference(kind, f"agent {agent.label}: failure", message, now, {"agent": agent.label, "time": None})


def _with_causes(error: UserError, found: Verification) -> UserError:
    """An error of the second run, with what has changed since the first."""
    if not found.inputs:
        return error
    told = "; ".join(str(each) for each in found.inputs[:3])
    return type(error)(f"{error}\nthe run cannot be made again; since it was made, this has changed: {told}")
