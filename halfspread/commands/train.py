"""``halfspread train``: fit a learner, save its model, and judge it on what it has not seen."""

from __future__ import annotations

import shutil
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from halfspread.commands.data_hashes import tape_hash
from halfspread.commands.folder import RunFolder, writing
from halfspread.commands.manifest import Stopwatch, code_facts, data_entry, digest_of, manifest, write_manifest
from halfspread.commands.output import agent_object, print_json, print_table, where_lines, write_json
from halfspread.commands.progress import Progress
from halfspread.commands.training import MODEL, Trained, the_learner, train_into
from halfspread.commands.training_facts import training_view
from halfspread.configs.build import build_agents, effective
from halfspread.configs.load import load
from halfspread.errors import ConfigError
from halfspread.reports.training_page import training_page
from halfspread.reports.training_view import TrainingView, entry

__all__ = ["execute", "training_object"]


def execute(arguments: Namespace) -> int:
    """Train the one learner of a config, or the one that ``--agent`` names, and leave a run folder."""
    watch, progress = Stopwatch(), Progress(shown=not arguments.json)
    loaded = load(arguments.config, arguments.set)
    built = the_learner(loaded, build_agents(loaded, arguments.agent))
    copy = _model_path(arguments.model)
    config, code = effective(loaded, [built], times_as_text=True), code_facts(loaded, [built])
    with RunFolder(Path(arguments.out), loaded.config.name, digest_of(config)) as folder:
        with progress.steps(f"train {built.label}") as told:
            done = train_into(loaded, built, folder.building, told)
            watch.lap("train")
            told("measure the shift")
            view = training_view(done, folder.building)
            watch.lap("judge")
        write_json(folder.building / "metrics.json", training_object(view, done))
        data = data_entry(loaded, tape_hash(done.test), done.test.origin)
        facts = manifest(loaded, config, data, [built], code, folder.path)
        if not arguments.no_report:
            with writing(folder.building / "report.html"):
                (folder.building / "report.html").write_text(training_page(view, facts), encoding="utf-8")
        watch.lap("write")
        write_manifest(folder.building, "train", {**facts, "seconds": watch.laps}, done.results)
        if copy is not None:
            _copy(folder.building / MODEL, copy)
    where = copy or folder.path / MODEL
    if arguments.json:
        said = {"name": loaded.config.name, "run_dir": str(folder.path), "model_path": str(where)}
        print_json({**said, **training_object(view, done)}, arguments.stdout)
        return 0
    from halfspread.reports.training_text import training_table

    lines = where_lines(folder.path, report=not arguments.no_report)
    print_table(training_table(view), *lines, f"model:   {where}", f"use it:  type = 'policy', model_file = '{where}'")
    return 0


def training_object(view: TrainingView, done: Trained) -> Mapping[str, Any]:
    """What ``metrics.json`` holds: the view without what differs from run to run, and both agents in full."""
    said = entry(view)
    said["fit"] = {name: value for name, value in said["fit"].items() if name != "seconds"}
    return {**said, "agents": [agent_object(each) for each in done.results]}


def _model_path(text: str | None) -> Path | None:
    """Where the model goes too. Raises ConfigError before hours are spent on it."""
    if text is None:
        return None
    path = Path(text).expanduser()
    if path.suffix != ".npz" or path.is_dir():
        raise ConfigError(f"--model {text}: expected the name of a file that ends in .npz")
    return path


def _copy(model: Path, to: Path) -> None:
    """At once or not at all."""
    with writing(to):
        to.parent.mkdir(parents=True, exist_ok=True)
        part = to.with_name(f".{to.name}.part")
        shutil.copyfile(model, part)
        part.replace(to)
