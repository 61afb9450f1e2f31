"""Delete run folders: whole ones, that carry a manifest and hold nothing that a run did not write."""

from __future__ import annotations

import os
import shutil
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from halfspread.commands.folder import PARTIAL
from halfspread.commands.registry import DAMAGED, RunRecord, moment, scan
from halfspread.commands.run_files import MANIFEST
from halfspread.errors import ConfigError, UserError

__all__ = ["Cleaning", "clean"]

#: Names of files that runs write, also of versions whose manifests do not list them.
_WRITTEN = {"metrics.json", "report.html"} | {
    f"{name}.parquet" for name in ("equity", "fills", "orders", "attribution")
}


@dataclass
class Cleaning:
    """Runs to be ``chosen`` for deletion, each with why; runs ``kept`` although they were meant, each with why;
    ``done``: whether the chosen are gone."""

    root: Path
    chosen: list[tuple[RunRecord, str]] = field(default_factory=list)
    kept: list[tuple[RunRecord, str]] = field(default_factory=list)
    done: bool = False

    @property
    def size(self) -> int:
        """Bytes of the chosen runs."""
        return sum(run.size for run, _ in self.chosen)

    def plain(self) -> dict[str, Any]:
        """The same for JSON."""
        entries = {
            name: [{"run_dir": str(run.path), "reason": reason, "size": run.size} for run, reason in found]
            for name, found in (("runs", self.chosen), ("kept", self.kept))
        }
        return {"dir": str(self.root), "deleted": self.done, "size": self.size, **entries}


def clean(arguments: Namespace) -> Cleaning:
    """Choose the runs that ``arguments`` mean (name, and one of older_than, keep and damaged), and delete them if
    ``arguments.yes``. Raises ConfigError for no such folder or age, and UserError for a folder that cannot be
    deleted."""
    root = Path(arguments.dir)
    if not root.is_dir():
        raise ConfigError(f"--dir {root}: no such folder; nothing to clean")
    found = Cleaning(root)
    for run, why in _meant(scan(root), arguments):
        refusal = _refusal(run)
        (found.kept if refusal else found.chosen).append((run, refusal or why))
    if arguments.yes:
        for run, _ in found.chosen:
            _delete(run)
        found.done = True
    return found


def _meant(runs: list[RunRecord], arguments: Namespace) -> Iterator[tuple[RunRecord, str]]:
    """Runs, the newest first, that a rule applies to, and why."""
    limit = None if arguments.older_than is None else moment(arguments.older_than, "--older-than")
    seen: dict[str, int] = {}
    for run in runs:
        if arguments.name and not fnmatchcase(run.name, arguments.name):
            continue
        damaged = run.state == DAMAGED
        seen[run.name] = seen.get(run.name, 0) + (not damaged)
        if damaged and arguments.damaged:
            yield run, f"damaged: {run.reason}"
        elif limit is not None and run.created < limit:
            yield run, f"made {run.created:%Y-%m-%d %H:%M} UTC"
        elif arguments.keep is not None and not damaged and seen[run.name] > arguments.keep:
            yield run, f"not among the newest {arguments.keep} of {run.name}"


def _refusal(run: RunRecord) -> str:
    """Why a folder is not to be deleted, or nothing."""
    if not (run.path / MANIFEST).is_file():
        return f"{MANIFEST} is missing, so it may not be a run"
    if run.path.is_symlink() or run.path.parent.is_symlink():
        return "is a link"
    names = [Path(at, name) for at, folders, files in os.walk(run.path) for name in [*folders, *files]]
    links = [path for path in names if path.is_symlink()]
    if links:
        return f"holds a link, {links[0].relative_to(run.path).as_posix()}"
    files = [path.relative_to(run.path).as_posix() for path in names if path.is_file()]
    own = [name for name in files if name not in run.files and not _is_written(name)]
    return f"holds {own[0]}, which the run did not write" if own else ""


def _is_written(name: str) -> bool:
    path = PurePosixPath(name)
    return name == MANIFEST or (path.name in _WRITTEN and len(path.parts) <= 2)


def _delete(run: RunRecord) -> None:
    """Out of sight first, so that a deletion that is cut short leaves nothing that looks like a run."""
    doomed = run.path.with_name(f"{PARTIAL}deleted-{run.id}")
    try:
        os.rename(run.path, doomed)
        shutil.rmtree(doomed)
        if not any(run.path.parent.iterdir()):
            run.path.parent.rmdir()
    except OSError as error:
        raise UserError(f"cannot delete {run.path}: {error.strerror}") from error
