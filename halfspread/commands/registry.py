"""The run folders below a folder such as ``runs``: what each holds by its manifest, and whether it is whole.

Links are not followed. Only manifests and the sizes of files are read: a thousand runs take less than a second. Whether
a file still holds what was written is told by its hash (`halfspread.commands.run_files.altered_files`).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from halfspread.commands.run_files import MANIFEST, VERSION, seal_of, sizes_in
from halfspread.errors import ConfigError, UserError

__all__ = ["COMPLETE", "DAMAGED", "OTHER", "RunRecord", "find", "moment", "read_run", "scan", "usable"]

#: States of a run folder.
COMPLETE, DAMAGED, OTHER = "complete", "damaged", "other version"
#: Why a run is damaged whose manifest does not bear its seal.
EDITED = f"{MANIFEST} was edited"
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}(-\d+)?")


@dataclass(frozen=True)
class RunRecord:
    """A run folder. ``state`` is one of `COMPLETE`, `DAMAGED` and `OTHER`, ``reason`` says why it is not complete.

    ``size``: bytes of all its files.
    """

    path: Path
    manifest: Mapping[str, Any]
    state: str
    reason: str
    size: int

    @property
    def sealed(self) -> bool:
        """Whether the manifest is as it was written."""
        return self.reason != EDITED

    @property
    def name(self) -> str:
        """Name of the run: that of the folder around it."""
        return self.path.absolute().parent.name

    @property
    def id(self) -> str:
        """Name of the run folder."""
        return self.path.name

    @property
    def label(self) -> str:
        """``name/id``."""
        return f"{self.name}/{self.id}"

    @property
    def kind(self) -> str:
        """The command that made it: run, compare, ..."""
        return str(self.manifest.get("kind", "compare" if "configs" in self.manifest else "run"))

    @property
    def entries(self) -> tuple[Mapping[str, Any], ...]:
        """What was run: one entry for each config."""
        configs = self.manifest.get("configs", [self.manifest])
        return tuple(each for each in configs if isinstance(each, dict)) if isinstance(configs, list) else ()

    @property
    def agents(self) -> tuple[Mapping[str, Any], ...]:
        """Name, class and headline of each agent, in the order of the command; none without a manifest to trust."""
        return tuple(self.manifest["agents"]) if self._trusted else ()

    @property
    def files(self) -> Mapping[str, Mapping[str, Any]]:
        """The files that were written, by name; none without a manifest to trust."""
        return dict(self.manifest["files"]) if self._trusted else {}

    @property
    def _trusted(self) -> bool:
        """Whether the manifest is of this version, and as it was written."""
        return bool(self.manifest) and self.sealed and self.state != OTHER

    @property
    def created(self) -> datetime:
        """When the run ended (UTC): by its manifest, else by its name, else by its folder."""
        text = self.entries[0].get("created") if self.entries else None
        try:
            return datetime.fromisoformat(str(text)).astimezone(UTC)
        except ValueError:
            pass
        if _ID.match(self.id):
            return datetime.strptime(self.id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return datetime.fromtimestamp(self.path.stat().st_mtime, UTC)


def scan(root: Path) -> list[RunRecord]:
    """All runs below ``root``, the newest first. Raises UserError where the folder cannot be read."""
    try:
        found = [read_run(path) for path in _folders(root)]
    except OSError as error:
        raise UserError(f"{error.filename or root}: cannot be read: {error.strerror}") from None
    return sorted(found, key=lambda run: (run.created, run.id), reverse=True)


def _folders(root: Path) -> Iterator[Path]:
    """What is a run folder by its place: ``root/name/id`` with a manifest, or with the name of a run."""
    for home in _subfolders(root):
        for folder in _subfolders(home):
            if _ID.fullmatch(folder.name) or os.path.isfile(folder / MANIFEST):
                yield folder


def _subfolders(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        return [
            Path(entry.path)
            for entry in entries
            if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
        ]


def read_run(path: Path) -> RunRecord:
    """Read the manifest of a run folder and compare it with the files that are there. Raises OSError."""
    sizes = sizes_in(path)
    manifest, fault, sealed = _read_manifest(path / MANIFEST)
    size = sum(sizes.values()) + (os.path.getsize(path / MANIFEST) if (path / MANIFEST).is_file() else 0)
    if fault:
        return RunRecord(path, {}, DAMAGED, fault, size)
    if manifest.get("manifest", 1) != VERSION:
        return RunRecord(path, manifest, OTHER, _other_version(manifest), size)
    reason = _reason(manifest, sizes) if sealed else EDITED
    return RunRecord(path, manifest, DAMAGED if reason else COMPLETE, reason, size)


def _read_manifest(path: Path) -> tuple[dict[str, Any], str, bool]:
    """A manifest, or what is wrong with it, and whether its seal is whole."""
    if path.is_symlink() or not path.is_file():
        return {}, f"{MANIFEST} is missing", False
    try:
        text = path.read_text(encoding="utf-8")
        data = json.loads(text)
    except (OSError, ValueError) as error:
        return {}, f"{MANIFEST} cannot be read: {error}", False
    if not isinstance(data, dict) or not {"manifest", "halfspread", "configs"} & set(data):
        return {}, f"{MANIFEST} is not one of halfspread", False
    return data, "", data.get("seal") == seal_of(text)


def _reason(manifest: Mapping[str, Any], sizes: Mapping[str, int]) -> str:
    files = manifest["files"]
    missing = [name for name in files if name not in sizes]
    if missing:
        return f"{_first(missing)} missing"
    other = [name for name, written in files.items() if sizes[name] != written["bytes"]]
    return f"{_first(other)} edited" if other else ""


def _first(names: Sequence[str]) -> str:
    return f"{names[0]} is" if len(names) == 1 else f"{names[0]} and {len(names) - 1} more are"


def _other_version(manifest: Mapping[str, Any]) -> str:
    configs = manifest.get("configs")
    entry = configs[0] if isinstance(configs, list) and configs and isinstance(configs[0], dict) else manifest
    made, version = entry.get("halfspread", "unknown"), manifest.get("manifest", 1)
    return f"manifest version {version} (by halfspread {made}); this halfspread reads {VERSION}"


def find(named: str, root: Path) -> RunRecord:
    """The run that a user means: a path, ``name/id``, an id or the beginning of one, or a name for its newest run.

    Raises ConfigError for none and for several.
    """
    path = Path(named)
    if path.is_dir() and (_ID.fullmatch(path.absolute().name) or (path / MANIFEST).is_file()):
        return _opened(path)
    if path.name == MANIFEST and path.is_file():
        return _opened(path.parent)
    folders = list(_folders(root)) if root.is_dir() else []
    text = named.strip("/")
    exact = [each for each in folders if text in (each.name, f"{each.parent.name}/{each.name}")]
    of_name = sorted((each for each in folders if each.parent.name == text), key=_age)
    begun = [each for each in folders if each.name.startswith(text)] if text else []
    found = exact or of_name[-1:] or begun
    if len(found) == 1:
        return _opened(found[0])
    if not found:
        what = "a folder without a manifest, so no run" if path.is_dir() else "no such run"
        raise ConfigError(
            f"{named}: {what}; expected a run folder such as runs/NAME/ID, or NAME/ID or NAME of a run in {root} "
            "(--dir). See all with: halfspread runs"
        )
    raise ConfigError(f"{named}: {len(found)} runs begin like this: {', '.join(sorted(each.name for each in found))}")


def _age(folder: Path) -> tuple[str, int]:
    """Runs of one second are told apart by when they were put in their place."""
    return folder.name[:16], folder.stat().st_ctime_ns


def _opened(path: Path) -> RunRecord:
    try:
        return read_run(path)
    except OSError as error:
        raise ConfigError(f"{error.filename or path}: cannot be read: {error.strerror}") from None


def usable(run: RunRecord, *, edited: bool = False) -> RunRecord:
    """``run`` itself. Raises ConfigError for one without a manifest that this version reads, and unless ``edited`` for
    one whose manifest was edited."""
    if run.state == OTHER:
        raise ConfigError(f"{run.path}: {run.reason}; make the run again with this version")
    if not run.manifest or not (edited or run.sealed):
        raise ConfigError(f"{run.path}: {run.reason}; this is no whole run of halfspread, make it again")
    return run


def moment(text: str, option: str) -> datetime:
    """A time (UTC) from a date or a time, or from a length of time before now such as 30d. Raises ConfigError."""
    found = re.fullmatch(r"(\d+)([mhdw])", text)
    try:
        if found:
            return datetime.now(UTC) - timedelta(**{_UNITS[found[2]]: int(found[1])})
        time = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ConfigError(
            f"{option} {text}: expected a date such as 2024-01-31, or an age such as 12h, 30d, 8w"
        ) from None
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
