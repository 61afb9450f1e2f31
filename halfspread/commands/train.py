"""``halfspread train``: fit a learner, save its model, and judge it on what it has not seen."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from halfspread.commands.copies import copy_to, npz_path
from halfspread.commands.data_hashes import tape_hash
from halfspread.commands.folder import Claim, RunFolder, inside, resumable, writing
from halfspread.commands.manifest import Stopwatch, code_facts, data_entry, digest_of, manifest, write_manifest
from halfspread.commands.output import agent_object, print_json, print_table, where_lines, write_json
from halfspread.commands.progress import Progress
from halfspread.commands.training import MODEL, Trained, the_learner, train_into
from halfspread.commands.training_facts import training_view
from halfspread.configs.build import BuiltAgent, build_agents, data_files, effective
from halfspread.configs.load import Loaded, load
from halfspread.reports.training_page import training_page
from halfspread.reports.training_view import TrainingView, entry

__all__ = ["execute", "training_object"]

INTERRUPTED = 130


def execute(arguments: Namespace) -> int:
    """Train the one learner of a config, or the one that ``--agent`` names, and leave a run folder."""
    loaded = load(arguments.config, arguments.set)
    built = the_learner(loaded, build_agents(loaded, arguments.agent))
    copy = npz_path("--model", arguments.model)
    config, code = effective(loaded, [built], times_as_text=True), code_facts(loaded, [built])
    home, finished = inside(Path(arguments.out), loaded.config.name), False
    files = [(name, path.stat().st_size, path.stat().st_mtime_ns) for name, path in data_files(loaded).items()]
    claim = Claim(home / f".train-{digest_of([config, code, files])}")
    try:
        with resumable("rounds"), RunFolder(Path(arguments.out), loaded.config.name, digest_of(config)) as folder:
            view, done = _fill(folder, loaded, built, claim.path, (config, code), arguments)
            finished = True
    except KeyboardInterrupt:
        kept = "finished rounds are kept, the same command goes on from there"
        print(
            f"halfspread: interrupted; {kept if any(claim.path.iterdir()) else 'nothing was written'}", file=sys.stderr
        )
        return INTERRUPTED
    finally:
        claim.release(delete=finished)
    if copy is not None:
        copy_to(copy, folder.path / MODEL, "model")
    _show(folder.path, copy or folder.path / MODEL, view, done, arguments)
    return 0


def _fill(
    folder: RunFolder,
    loaded: Loaded,
    built: BuiltAgent,
    keep: Path,
    known: tuple[dict[str, Any], dict[str, Any]],
    arguments: Namespace,
) -> tuple[TrainingView, Trained]:
    """Train into the folder, and write everything that belongs there; ``known``: the effective config and the code."""
    watch, home, (config, code) = Stopwatch(), folder.building, known
    with Progress(shown=not arguments.json).steps(f"train {built.label}") as told:
        done = train_into(loaded, built, home, told, keep)
        watch.lap("train")
        told("measure the shift")
        view = training_view(done, home)
        watch.lap("judge")
    write_json(home / "metrics.json", training_object(view, done))
    data = data_entry(loaded, tape_hash(done.test), done.test.origin)
    facts = manifest(loaded, config, data, [built], code, folder.path)
    if not arguments.no_report:
        with writing(home / "report.html"):
            (home / "report.html").write_text(training_page(view, facts), encoding="utf-8")
    watch.lap("write")
    write_manifest(home, "train", {**facts, "seconds": watch.laps}, done.results)
    return view, done


def _show(folder: Path, model: Path, view: TrainingView, done: Trained, arguments: Namespace) -> None:
    if arguments.json:
        said = {"name": done.loaded.config.name, "run_dir": str(folder), "model_path": str(model)}
        print_json({**said, **training_object(view, done)}, arguments.stdout)
        return
    from halfspread.reports.training_text import training_table

    lines = where_lines(folder, report=not arguments.no_report)
    print_table(training_table(view), *lines, f"model:   {model}", f"use it:  type = 'policy', model_file = '{model}'")


def training_object(view: TrainingView, done: Trained) -> Mapping[str, Any]:
    """What ``metrics.json`` holds: the view without what differs from run to run, and both agents in full."""
    said = entry(view)
    said["fit"] = {name: value for name, value in said["fit"].items() if name != "seconds"}
    return {**said, "agents": [agent_object(each) for each in done.results]}
