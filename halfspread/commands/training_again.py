"""Train again what a run folder of ``halfspread train`` holds, and compare model, demonstrations, runs and figures."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from halfspread.agents.imitation.dataset import load_dataset
from halfspread.agents.policies.model_file import load_model
from halfspread.commands.data_hashes import TapeHash, tape_hash
from halfspread.commands.differences import Difference
from halfspread.commands.output import write_json
from halfspread.commands.progress import Progress
from halfspread.commands.result_differences import metrics_differences, result_differences
from halfspread.commands.train import training_object
from halfspread.commands.training import DEMONSTRATIONS, MODEL, train_into
from halfspread.commands.training_facts import training_view
from halfspread.configs.build import BuiltAgent
from halfspread.configs.load import Loaded
from halfspread.engine.tape import Tape

__all__ = ["repeat_training"]


def repeat_training(
    before: Path, loaded: Loaded, built: BuiltAgent, progress: Progress
) -> tuple[list[Difference], Tape, TapeHash]:
    """What differs from the folder ``before`` when it is trained again; the tape that it was judged on, and its
    hash."""
    with tempfile.TemporaryDirectory(prefix="halfspread-verify-") as made:
        home = Path(made)
        with progress.steps(f"train {built.label}") as told:
            done = train_into(loaded, built, home, told)
            told("measure the shift")
            view = training_view(done, home)
        write_json(home / "metrics.json", training_object(view, done))
        found = list(_files(before, home))
        names = [one.name for one in done.test.instruments]
        for result in done.results:
            found += result_differences(before / result.name, home / result.name, result.name, names)
        found += metrics_differences(before / "metrics.json", home / "metrics.json", built.label)
        return found, done.test, tape_hash(done.test)


def _files(before: Path, home: Path) -> Iterator[Difference]:
    """Demonstrations and model, a cause before its effect."""
    rows = [load_dataset(each / DEMONSTRATIONS).digest() for each in (before, home)]
    if rows[0] != rows[1]:
        yield Difference("event", DEMONSTRATIONS, rows[0], rows[1], {"time": None})
    models = [load_model(each / MODEL) for each in (before, home)]
    parameters = [each.digest() for each in models]
    if parameters[0] != parameters[1]:
        yield Difference("event", MODEL, "the parameters of the run", "others", {"time": None})
