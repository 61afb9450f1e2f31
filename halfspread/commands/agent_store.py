"""Finished agents of a comparison kept on disk until its folder is complete, so that a killed one goes on where it was.

``runs/NAME/.compare-DIGEST/`` holds a folder for each agent: its equity as it was written, its result, and a list of
these files with their hashes, written last. The digest is of configs, agents and code; the hash of the data stands with
each agent. What is edited, or was made of other data, is not read.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from halfspread.commands.agent_work import AgentOutcome
from halfspread.commands.folder import Claim, writing
from halfspread.commands.result_store import read_result, write_result
from halfspread.commands.run_files import digest_of, hash_of_file
from halfspread.configs.cell_work import DONE
from halfspread.engine.audit import Audit, Peek
from halfspread.engine.instrument import Instrument

__all__ = ["AgentStore"]

#: Seconds of work that a killed comparison may lose.
PAUSE = 1.0
_LIST = "agent.json"


class AgentStore:
    """A context manager over ``path``, which is for this process alone; at the end it stays where it holds agents and
    `remove` was not called. ``facts``: what the numbers depend on, besides the data. Raises UserError."""

    def __init__(self, home: Path, facts: Mapping[str, Any]) -> None:
        self._claim = Claim(home / f".compare-{digest_of(facts)}")
        self.path = self._claim.path
        self._waiting: list[tuple[Callable[[], str], AgentOutcome]] = []
        self._written = time.monotonic()
        self._done = False

    def __enter__(self) -> AgentStore:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None and self._waiting:
            with contextlib.suppress(Exception):
                self.flush()
        for left in self.path.glob("agent-*-*"):
            if not (left / _LIST).is_file():
                shutil.rmtree(left, ignore_errors=True)
        self._claim.release(delete=self._done)

    @property
    def kept(self) -> list[Path]:
        """Folders of agents that were finished."""
        return sorted(path.parent for path in self.path.glob(f"agent-*/{_LIST}"))

    def known(self, index: int, data: str, instruments: Sequence[Instrument]) -> AgentOutcome | None:
        """The outcome of an agent on the tape of hash ``data``, where it is kept."""
        for home in self.kept:
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                entry = json.loads((home / _LIST).read_text(encoding="utf-8"))
                if (entry["index"], entry["data"]) != (index, data):
                    continue
                if any(hash_of_file(home / name) != digest for name, digest in entry["files"].items()):
                    continue
                result = read_result(home, instruments)
                return AgentOutcome(index, DONE, home=home, result=result, audit=_audit(entry["audit"]))
        return None

    def take(self, outcome: AgentOutcome, data: Callable[[], str], instruments: Sequence[Instrument]) -> AgentOutcome:
        """Keep an agent that is done on the tape of hash ``data``; gives the outcome with its result. It is on disk
        after `PAUSE`, or at the end where an error ends the comparison. Raises UserError."""
        if outcome.home is None:
            return outcome
        self._waiting.append((data, outcome))
        if outcome.result is None:  # a worker process has left it on disk
            outcome = replace(outcome, result=read_result(outcome.home, instruments))
        if time.monotonic() - self._written >= PAUSE:
            self.flush()
        return outcome

    def flush(self) -> None:
        """Write what is waiting. Raises UserError."""
        for data, outcome in self._waiting:
            home = outcome.home
            if home is None:
                continue
            with writing(home):
                if outcome.result is not None:
                    write_result(outcome.result, home)
                files = {path.name: hash_of_file(path) for path in sorted(home.iterdir())}
                entry = {"index": outcome.index, "data": data(), "audit": _entry(outcome.audit), "files": files}
                (home / ".list").write_text(json.dumps(entry), encoding="utf-8")
                os.replace(home / ".list", home / _LIST)
        self._waiting, self._written = [], time.monotonic()

    def remove(self) -> None:
        """Have the folder deleted at the end: its agents stand in a complete one."""
        self._waiting, self._done = [], True


def _entry(audit: Audit | None) -> Any:
    if audit is None:
        return None
    return {**vars(audit), "peek": None if audit.peek is None else vars(audit.peek)}


def _audit(entry: Any) -> Audit | None:
    if entry is None:
        return None
    peek = entry["peek"]
    return Audit(**{**entry, "peek": None if peek is None else Peek(**{**peek, "inputs": tuple(peek["inputs"])})})
