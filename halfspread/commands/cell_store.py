"""Finished cells kept on disk until their folder is complete, so that a killed command goes on where it was.

``runs/NAME/.sweep-DIGEST/`` holds small files of a few cells each, written at once or not at all; a file that was cut
off is not read. The digest is of config, cells, data and code: another command, other data or other code begin anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from halfspread.commands.folder import Claim, writing
from halfspread.commands.run_files import digest_of
from halfspread.configs.cell_work import Outcome
from halfspread.configs.cells import Cell

__all__ = ["CellStore"]

#: Seconds between two writes: what a killed process loses.
PAUSE = 1.0
_FILE = "cells-*.json"


class CellStore:
    """Outcomes of the cells of one command. ``facts``: what their numbers depend on, besides their own settings and the
    data; ``data``: hash of the first tape."""

    def __init__(self, home: Path, kind: str, facts: Mapping[str, Any], cells: Sequence[Cell], data: str) -> None:
        grid = [(cell.settings, vars(cell.scales), cell.agent) for cell in cells]
        self._claim = Claim(home / f".{kind}-{digest_of([facts, grid, data])}")
        self.path = self._claim.path
        self._waiting: list[tuple[str, Outcome]] = []
        self._written = time.monotonic()
        self._known = self._read()

    def _read(self) -> dict[tuple[int, str], Outcome]:
        found = {}
        for path in sorted(self.path.glob(_FILE)):
            for entry in _entries(path):
                outcome = _outcome(entry)
                found[outcome.index, str(entry["data"])] = outcome
        return found

    def known(self, index: int, data: str) -> Outcome | None:
        """The outcome of a cell on the tape of hash ``data``, where it is kept."""
        return self._known.get((index, data))

    def add(self, outcome: Outcome, data: str) -> None:
        """Keep an outcome; it is on disk after `PAUSE`, or after `flush`. Raises UserError."""
        self._waiting.append((data, outcome))
        if time.monotonic() - self._written >= PAUSE:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting. Raises UserError."""
        if not self._waiting:
            return
        entries = [{**_entry(outcome), "data": data} for data, outcome in self._waiting]
        text = json.dumps(entries)
        target = self.path / f"cells-{self._waiting[0][1].index:06d}-{os.getpid()}-{time.time_ns()}.json"
        with writing(target):
            beside = target.with_suffix(".tmp")
            beside.write_text(f"{_digest(text)}\n{text}", encoding="utf-8")
            os.replace(beside, target)
        self._waiting, self._written = [], time.monotonic()

    def close(self) -> None:
        """Let go of the files; they stay. To be called once, unless `remove` is."""
        self._claim.release()

    def remove(self) -> None:
        """Delete the files: their cells stand in a complete folder."""
        self._claim.release(delete=True)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _entries(path: Path) -> list[dict[str, Any]]:
    """What a file holds; nothing where it was cut off or edited."""
    try:
        digest, _, text = path.read_text(encoding="utf-8").partition("\n")
        return list(json.loads(text)) if digest == _digest(text) else []
    except (OSError, ValueError):
        return []


def _entry(outcome: Outcome) -> dict[str, Any]:
    return {**vars(outcome), "days": outcome.days.tolist(), "pnl": outcome.pnl.tolist()}


def _outcome(entry: Mapping[str, Any]) -> Outcome:
    parts = {name: entry[name] for name in ("index", "state", "message", "metrics", "attribution")}
    return Outcome(**parts, days=np.array(entry["days"], np.int64), pnl=np.array(entry["pnl"], np.float64))
