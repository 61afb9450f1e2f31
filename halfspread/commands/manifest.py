"""The manifest of a run: everything that its numbers depend on."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from halfspread import __version__
from halfspread.compiled import PACKAGE, source_hash
from halfspread.configs.build import data_files
from halfspread.configs.load import Loaded

__all__ = ["Stopwatch", "data_entry", "digest_of", "machine", "manifest", "package_hash"]

PACKAGES = ("llvmlite", "numba", "numpy", "pandas", "pyarrow", "pydantic")


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


def digest_of(data: Any) -> str:
    """Hash of plain data; hex digits."""
    text = json.dumps(data, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def manifest(loaded: Loaded, config: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """What was run (the effective ``config``), on which ``data``, with which code, on which machine."""
    return {
        "halfspread": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "config_file": str(loaded.path),
        "overrides": list(loaded.overrides),
        "config": dict(config),
        "seed": loaded.config.seed,
        "data": dict(data),
        "sources": package_hash(),
        "kernels": source_hash(),
        **machine(),
    }


def data_entry(loaded: Loaded, tape_hash: str, origin: Mapping[str, str]) -> dict[str, Any]:
    """The hash of every number of the tape, the files with their sizes, and how tables were made that are in no
    file."""
    found = data_files(loaded)
    files = {key: {"file": path.name, "bytes": path.stat().st_size} for key, path in found.items()}
    paths = {str(path) for path in found.values()}
    made = {name: text for name, text in origin.items() if text not in paths}
    return {"hash": tape_hash, "files": files, "made": made}


def machine() -> dict[str, Any]:
    """Python, platform, CPU, and the versions of the packages that compute."""
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu": cpu_model(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def cpu_model() -> str:
    """Name of the processor; results repeat bit for bit on one kind of it."""
    if sys.platform == "linux":
        try:
            with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
                for line in file:
                    if line.startswith(("model name", "Model")):
                        return line.partition(":")[2].strip()
        except OSError:
            pass
    return platform.processor() or platform.machine()


def package_hash() -> str:
    """Hash of every Python source of halfspread; hex digits."""
    digest = hashlib.blake2b(digest_size=8)
    found = [
        Path(at, name) for at, _, names in os.walk(PACKAGE, followlinks=True) for name in names if name.endswith(".py")
    ]
    for path in sorted(found):
        digest.update(path.relative_to(PACKAGE).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
