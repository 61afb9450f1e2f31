"""``manifest.json`` of a series: what its files hold, without opening them, and the gaps that were declared.

What it says of a file is what the file says of itself, so it can always be made again; a file that was written since,
by a process that was killed before it wrote the manifest, is noticed and read. Names in it are never used as paths:
files are those that the folder has and that are named as partitions are.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from halfspread.datafeeds.store.atomic import write_text
from halfspread.datafeeds.store.parquet_files import FORMAT, FileEntry, read_entry
from halfspread.datafeeds.store.partitions import is_partition
from halfspread.datafeeds.store.series import Series
from halfspread.datafeeds.store.spans import Spans, united
from halfspread.errors import DataError

__all__ = ["MANIFEST", "Gap", "Manifest", "load", "rebuilt", "save"]

MANIFEST = "manifest.json"


@dataclass(frozen=True, order=True)
class Gap:
    """A span [start, end) without data (int64 ns UTC), and why."""

    start: int
    end: int
    reason: str


@dataclass(frozen=True)
class Manifest:
    """What a series holds. ``empty``: spans that were asked for and had no rows, beside those of the files."""

    files: Mapping[str, FileEntry] = field(default_factory=dict)
    empty: Spans = ()
    gaps: tuple[Gap, ...] = ()

    @property
    def covered(self) -> Spans:
        """Spans that were asked for and came back complete."""
        return united([*self.empty, *(span for entry in self.files.values() for span in entry.covered)])

    @property
    def digest(self) -> str:
        """SHA-256 of the rows of all files, by those of each."""
        text = "".join(f"{name} {entry.sha256}\n" for name, entry in sorted(self.files.items()))
        return hashlib.sha256(text.encode()).hexdigest()


def load(folder: Path, series: Series, only: Collection[str] | None = None) -> Manifest:
    """What a series holds now: by its manifest, and of files that it does not know as they are by themselves. ``only``:
    names of the files that are wanted, all unless given. Raises DataError for a manifest or a new file that cannot be
    read."""
    known = _read(folder / MANIFEST, series, only)
    return replace(known, files=_current(folder, series, known.files, only))


def rebuilt(folder: Path, series: Series) -> Manifest:
    """A series by its files alone; declared gaps and empty spans of the old manifest where it is readable."""
    try:
        known = _read(folder / MANIFEST, series)
    except DataError:
        known = Manifest()
    return replace(known, files=_current(folder, series, {}))


def save(folder: Path, series: Series, manifest: Manifest) -> None:
    """Write the manifest; only for who holds the lock of the folder. Raises DataError where that fails."""
    provenances: list[dict[str, Any]] = []
    places: dict[Any, int] = {}
    files = {}
    for name, entry in sorted(manifest.files.items()):
        origins = []
        for origin in entry.origins:
            if origin.provenance not in places:
                places[origin.provenance] = len(provenances)
                provenances.append(asdict(origin.provenance))
            origins.append({"provenance": places[origin.provenance], "spans": origin.spans})
        files[name] = {**{key: value for key, value in entry.plain().items() if key != "name"}, "origins": origins}
    data = {
        "format": FORMAT,
        "series": str(series),
        "provenances": provenances,
        "files": files,
        "empty": manifest.empty,
        "gaps": [asdict(gap) for gap in manifest.gaps],
    }
    write_text(folder / MANIFEST, json.dumps(data, indent=1) + "\n")


def _read(path: Path, series: Series, only: Collection[str] | None = None) -> Manifest:
    """What a manifest says; an empty one where there is none. Raises DataError."""
    try:
        data = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return Manifest()
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(_unreadable(path, str(error))) from error
    try:
        if data["format"] != FORMAT:
            raise DataError(_unreadable(path, f"expected format {FORMAT}, got {data['format']!r}"))
        if data["series"] != str(series):
            raise DataError(_unreadable(path, f"expected the one of {series}, got that of {data['series']!r}"))
        wanted = [name for name in data["files"] if only is None or name in only]
        files = {name: _entry(name, data["files"][name], data["provenances"]) for name in wanted}
        gaps = tuple(Gap(int(gap["start"]), int(gap["end"]), str(gap["reason"])) for gap in data["gaps"])
        return Manifest(files, united((int(a), int(b)) for a, b in data["empty"]), gaps)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise DataError(_unreadable(path, f"{type(error).__name__}: {error}")) from error


def _entry(name: str, entry: Any, provenances: Any) -> FileEntry:
    origins = [{**origin, "provenance": provenances[origin["provenance"]]} for origin in entry["origins"]]
    return FileEntry.from_plain({**entry, "name": name, "origins": origins})


def _unreadable(path: Path, why: str) -> str:
    return (
        f"{path}: not readable as the manifest of a series ({why}); delete it: the files beside it stand for "
        "themselves, only gaps that were declared have to be declared again"
    )


def _current(
    folder: Path, series: Series, known: Mapping[str, FileEntry], only: Collection[str] | None = None
) -> dict[str, FileEntry]:
    """Entries of the files that are there."""
    kind = series.of_kind
    found = {}
    try:
        with os.scandir(folder) as entries:
            wanted = [entry for entry in entries if only is None or entry.name in only]
            there = sorted((entry.name, entry.stat()) for entry in wanted if is_partition(kind, entry.name))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    for name, state in there:
        entry = known.get(name)
        if entry is None or (entry.bytes, entry.mtime) != (state.st_size, state.st_mtime_ns):
            entry = read_entry(folder / name, series)
        found[name] = entry
    return found
