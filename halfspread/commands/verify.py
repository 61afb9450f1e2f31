"""``halfspread verify``: run again from the manifest of a run, and compare bit for bit.

First the files are compared with the hashes in the manifest; a folder that was edited is not run again. Then all that
the numbers depend on is compared with what there is now, every agent (of a sweep and the like every cell) is run again
into a temporary folder, and orders, fills, equity, attribution and metrics, or the tables of cells or windows, are
compared by value.
"""

from __future__ import annotations

import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from halfspread.commands import differences
from halfspread.commands.bases import Base, worker_count
from halfspread.commands.benchmarks import against, replayed
from halfspread.commands.cell_differences import TABLES as CELL_TABLES
from halfspread.commands.cell_differences import cell_differences
from halfspread.commands.data_hashes import TapeHash, tape_hash
from halfspread.commands.differences import HARMLESS, Difference
from halfspread.commands.many_runs import Finished
from halfspread.commands.output import print_json, print_table
from halfspread.commands.progress import Progress
from halfspread.commands.registry import RunRecord, find, usable
from halfspread.commands.replay import replay, write_results
from halfspread.commands.rerun import Entry, config_now, restore
from halfspread.commands.result_differences import TABLES, result_differences
from halfspread.commands.run_files import MANIFEST, altered_files
from halfspread.commands.summary_differences import comparison_differences, headline_differences
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
}


@dataclass
class Verification:
    """What was found: ``inputs``, differences of what the run rests on; ``results``, differences of what came out;
    ``agents`` that were run again."""

    run: RunRecord
    inputs: list[Difference] = field(default_factory=list)
    results: list[Difference] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def same_bits(self) -> bool:
        """Whether every result was computed again, with the same bits."""
        return bool(self.agents) and all(each.kind in HARMLESS for each in self.results)

    @property
    def verified(self) -> bool:
        """Whether the bits are the same, of the same data, and the files are as they were written."""
        return self.same_bits and all(each.kind in HARMLESS for each in self.inputs)

    @property
    def first(self) -> Difference | None:
        """The first difference, a cause before its effects; None where there is none."""
        return min([*self.inputs, *self.results], key=lambda each: each.rank, default=None)

    @property
    def verdict(self) -> str:
        """The outcome in a few words."""
        first = self.first
        if first is None:
            return "verified: the same bits again"
        if self.verified:
            kinds = ", ".join(dict.fromkeys(each.kind for each in [*self.inputs, *self.results]))
            return f"verified: the same bits again, although this differs: {kinds}"
        if self.same_bits:
            return f"not verified: {first.kind} differs, although the same bits came out: {first}"
        return f"not verified: {first.kind} differs: {first}"


def execute(arguments: Namespace) -> int:
    """Verify a run and say what came of it; 0 where it is the same again, else `DIFFERENT`."""
    run = find(arguments.run, Path(arguments.dir))
    progress = Progress(shown=not arguments.json)
    folder = None if arguments.folder is None else Path(arguments.folder)
    found = verify(run, progress, folder, worker_count(arguments))
    if arguments.json:
        print_json(_as_json(found), arguments.stdout)
    else:
        _show(found)
    return 0 if found.verified else DIFFERENT


def verify(run: RunRecord, progress: Progress, folder: Path | None = None, workers: int = 1) -> Verification:
    """Run again what ``run`` holds; ``folder``: where the paths of its configs begin, instead of where it was run;
    ``workers``: how many cells run at once.

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
                    _repeat_cells(run, entry, entry.base, found, progress, workers)
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
    run: RunRecord, entry: Entry, base: Base, found: Verification, progress: Progress, workers: int
) -> None:
    """Run a sweep, a cost sensitivity or a walk-forward again, all of it."""
    found.inputs += differences.config(entry, base.config, f"{MANIFEST}, read today", "manifest")
    module = import_module(_REPEATED[run.kind])
    with tempfile.TemporaryDirectory(prefix="halfspread-verify-") as made:
        home = Path(made)
        again: Finished = module.repeat(base, entry.facts, home, workers, progress)
        if again.data is not None and again.tape is not None:
            _compare_data(entry, again.tape, found, again.data)
        found.inputs += differences.markets(entry, again.markets)
        with progress.step("compare"):
            found.results += cell_differences(run.path, home, run.kind, base.built.label)
    found.agents.append(base.built.label)


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


def _as_json(found: Verification) -> dict[str, Any]:
    run, first = found.run, found.first
    return {
        "name": run.name,
        "run_dir": str(run.path),
        "kind": run.kind,
        "verified": found.verified,
        "same_bits": found.same_bits if found.agents else None,
        "verdict": found.verdict,
        "first": None if first is None else first.plain(),
        "inputs": [each.plain() for each in found.inputs],
        "results": [each.plain() for each in found.results],
        "agents": found.agents,
        "seconds": round(found.seconds, 3),
    }


def _show(found: Verification) -> None:
    from rich.table import Table
    from rich.text import Text

    run = found.run
    if not run.sealed:
        print_table(Text(""), found.verdict)
        return
    grid = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, kinds, detail in _lines(found):
        here = [each for each in [*found.inputs, *found.results] if each.kind in kinds]
        if not here:
            grid.add_row(
                name,
                Text("as it was" if detail else "not looked at", style="green" if detail else "dim"),
                Text(detail),
            )
        for i, each in enumerate(here):
            word = Text("differs", style="yellow" if each.kind in HARMLESS else "red")
            grid.add_row("" if i else name, word, Text(str(each)))
    made = f"{run.kind} of {run.created:%Y-%m-%d %H:%M} UTC by halfspread {run.entries[0]['halfspread']}"
    print_table(grid, "", f"{run.label}, {made}", found.verdict)
    sys.stdout.flush()


def _lines(found: Verification) -> Sequence[tuple[str, tuple[str, ...], str]]:
    """Name, kinds of difference, and what to say where nothing differs (nothing where it was not looked at)."""
    facts = found.run.entries[0]
    ran = bool(found.agents)
    agents = found.agents if len(found.agents) <= 4 else [*found.agents[:3], f"{len(found.agents) - 3} more"]
    return (
        ("files", ("file",), f"{len(found.run.manifest['files'])} files hold what was written"),
        ("config", ("config", "seed"), str(facts["config_file"]) if ran else ""),
        ("data", ("data",), "; ".join(found.data)),
        ("code", ("code",), f"halfspread {facts['halfspread']}" if ran else ""),
        ("packages", ("package",), f"Python {facts['python']}, {len(facts['packages'])} packages" if ran else ""),
        ("CPU", ("cpu",), f"{facts['cpu']}" if ran else ""),
        (
            "results",
            ("event", "cell", "window", "metrics", "words"),
            f"{', '.join(CELL_TABLES.get(found.run.kind, TABLES))}, metrics of {', '.join(agents)}" if ran else "",
        ),
    )
