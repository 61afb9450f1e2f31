"""The manifest of a run: everything that its numbers depend on, what it wrote, and a seal.

``halfspread verify`` runs again from it; docs/runs.md has its fields. The config in it is complete. Paths in the config
stand as they were written, and ``folder``, where they begin, is relative to the run folder.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from halfspread import __version__
from halfspread.commands.data_hashes import TapeHash
from halfspread.commands.folder import writing
from halfspread.commands.machine import cpu_features, machine
from halfspread.commands.output import to_json, write_json
from halfspread.commands.run_files import MANIFEST, VERSION, digest_of, files_in, hash_of_file, seal_of
from halfspread.commands.sources import commit, folder_hashes, package_hash, plugin_sources
from halfspread.compiled import source_hash
from halfspread.configs.build import BuiltAgent, data_files
from halfspread.configs.load import Loaded
from halfspread.reports.result import Result

__all__ = [
    "HEADLINE",
    "Stopwatch",
    "code_facts",
    "data_entry",
    "digest_of",
    "machine",
    "manifest",
    "package_hash",
    "plain",
    "restored",
    "write_manifest",
]

#: Metrics that the manifest repeats, so that runs are listed without reading more than it.
HEADLINE = (
    "start",
    "end",
    "report_currency",
    "total_return",
    "benchmark",
    "information_ratio",
    "information_ratio_error",
    "max_drawdown",
    "turnover",
    "fills",
)
_NUMBER = "$float"


class Stopwatch:
    """Wall time of the parts of a run, in seconds by name."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """What has passed since the last lap belongs to ``name``."""
        now = time.perf_counter()
        self.laps[name] = round(self.laps.get(name, 0.0) + now - self._last, 3)
        self._last = now


def code_facts(loaded: Loaded, agents: Sequence[BuiltAgent]) -> dict[str, Any]:
    """Which code there is: to be asked before a run, since files may be edited while it goes on."""
    return {
        "plugins": {each.label: plugin_sources(each.agent, loaded.folder) for each in agents},
        "sources": package_hash(),
        "folders": dict(folder_hashes()),
        "commit": commit(),
        "kernels": source_hash(),
    }


def manifest(
    loaded: Loaded,
    config: Mapping[str, Any],
    data: Mapping[str, Any],
    agents: Sequence[BuiltAgent],
    code: Mapping[str, Any],
    home: Path,
) -> dict[str, Any]:
    """What was run (the effective ``config``, the ``agents``), on which ``data``, with which ``code`` (`code_facts`
    before the run), on which machine; ``home`` is the run folder as it will be called."""
    return {
        "halfspread": __version__,
        "created": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "config_file": str(loaded.path),
        "folder": _from(home, loaded.folder),
        "overrides": list(loaded.overrides),
        "config": plain(config),
        "seed": loaded.config.seed,
        "data": dict(data),
        **code,
        "plugins": _plugins(loaded, agents, code["plugins"]),
        **machine(),
    }


def _plugins(loaded: Loaded, agents: Sequence[BuiltAgent], before: Mapping[str, Any]) -> dict[str, Any]:
    """Sources of agents that do not come with halfspread: as they were before the run, with what it imported later."""
    found = {}
    for each in agents:
        now, had = plugin_sources(each.agent, loaded.folder), before[each.label]
        if now["files"]:
            found[each.label] = {part: {**now[part], **had[part]} for part in now}
    return found


def write_manifest(folder: Path, kind: str, facts: Mapping[str, Any], results: Sequence[Result]) -> None:
    """Write the manifest as the last file of a run ``folder``: ``facts``, the headline of each of ``results`` in their
    order, hashes of all files there, and a seal. ``kind`` is the command that made it. Raises UserError."""
    with writing(folder / MANIFEST):
        files = files_in(folder)
    agents = [
        {**{name: each.metrics[name] for name in HEADLINE}, "name": each.name, "agent": each.agent} for each in results
    ]
    found = {"manifest": VERSION, "kind": kind, **facts, "cpu_features": cpu_features(), "agents": agents}
    found = {**found, "files": files}
    write_json(folder / MANIFEST, {**found, "seal": seal_of(to_json({**found, "seal": ""}))})


def data_entry(loaded: Loaded, found: TapeHash, origin: Mapping[str, str]) -> dict[str, Any]:
    """The hash of every number of the tape, and of each table, the files with their sizes (those of delays, of agents
    and of the benchmark with a hash of their bytes), and how tables were made that are in no file."""
    paths = data_files(loaded)
    files = {}
    for key, path in paths.items():
        hashed = {"hash": hash_of_file(path)} if key.startswith(("costs.", "agent", "benchmark")) else {}
        files[key] = {"file": path.name, "bytes": path.stat().st_size, **hashed}
    texts = {str(path) for path in paths.values()}
    made = {name: text for name, text in origin.items() if text not in texts}
    return {"hash": found.total, "tables": dict(found.tables), "files": files, "made": made}


def plain(value: Any) -> Any:
    """Data as JSON can hold them: a number that is not finite as ``{"$float": "inf"}``."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {_NUMBER: repr(value)}
    return value


def restored(value: Any) -> Any:
    """The data that `plain` was given."""
    if isinstance(value, list):
        return [restored(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    return float(value[_NUMBER]) if set(value) == {_NUMBER} else {key: restored(each) for key, each in value.items()}


def _from(home: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(folder.resolve(), home.resolve())).as_posix()
    except ValueError:  # another drive
        return folder.resolve().as_posix()
