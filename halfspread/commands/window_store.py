"""Finished windows of a walk-forward kept on disk until their folder is complete, so that a killed command goes on.

``runs/NAME/.walk-forward-DIGEST/`` holds a file for each window, written at once or not at all; one that was cut off or
edited is not read. The digest is of config, settings, windows, data and code: another command begins anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from halfspread.commands.folder import writing
from halfspread.commands.run_files import digest_of
from halfspread.configs.walked import WindowRun
from halfspread.configs.windows import Window

__all__ = ["WindowStore"]

_PLAIN = ("agent", "in_sample", "out_of_sample", "leaving", "notional", "currency", "fills", "assumptions")


class WindowStore:
    """The windows of one command. ``facts``: all that their numbers depend on."""

    def __init__(self, home: Path, facts: Mapping[str, Any]) -> None:
        self.path = home / f".walk-forward-{digest_of(facts)}"

    def known(self, index: int) -> WindowRun | None:
        """A window that is kept; None where there is none, or its file is not whole."""
        try:
            digest, _, text = self._file(index).read_text(encoding="utf-8").partition("\n")
            return _run(json.loads(text)) if digest == _digest(text) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @property
    def count(self) -> int:
        """How many files there are."""
        return len(list(self.path.glob("window-*.json")))

    def add(self, index: int, run: WindowRun) -> None:
        """Keep a window, unless its parameters are more than JSON holds. Raises UserError where it cannot be
        written."""
        entry = _entry(run)
        try:
            text = json.dumps(entry)
        except (TypeError, ValueError):
            return
        if json.loads(text)["parameters"] != entry["parameters"]:
            return
        target = self._file(index)
        with writing(target):
            self.path.mkdir(parents=True, exist_ok=True)
            beside = target.with_suffix(".tmp")
            beside.write_text(f"{_digest(text)}\n{text}", encoding="utf-8")
            os.replace(beside, target)

    def remove(self) -> None:
        """Delete the files: their windows stand in a complete folder."""
        with contextlib.suppress(OSError):
            shutil.rmtree(self.path)

    def _file(self, index: int) -> Path:
        return self.path / f"window-{index:05d}.json"


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _entry(run: WindowRun) -> dict[str, Any]:
    days = {name: run.days[name].tolist() for name in run.days}
    times = pd.DatetimeIndex(run.days.index).as_unit("ns").asi8.tolist()
    return {
        **{name: getattr(run, name) for name in _PLAIN},
        "window": vars(run.window),
        "parameters": dict(run.parameters),
        "warnings": list(run.warnings),
        "failed": list(run.failed),
        "days": days,
        "times": times,
    }


def _run(entry: Mapping[str, Any]) -> WindowRun:
    index = pd.DatetimeIndex(np.array(entry["times"], "datetime64[ns]"), tz="UTC", name="day")
    return WindowRun(
        window=Window(**entry["window"]),
        parameters=entry["parameters"],
        warnings=tuple(entry["warnings"]),
        failed=tuple(entry["failed"]),
        days=pd.DataFrame(entry["days"], index=index, dtype=np.float64),
        **{name: entry[name] for name in _PLAIN},
    )
