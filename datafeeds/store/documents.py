"""Dated JSON documents of a contract: its rules, its risk limits, as a venue gave them at one time."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from halfspread.datafeeds.store.atomic import write_text
from halfspread.datafeeds.store.locks import locked
from halfspread.datafeeds.store.series import Provenance
from halfspread.errors import DataError

__all__ = ["DOCUMENTS", "Document", "read_documents", "save_document"]

DOCUMENTS = "documents"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_FILE = re.compile(r"\d{1,19}\.json")


@dataclass(frozen=True)
class Document:
    """A document: as of ``time`` (int64 ns UTC), what it says, and where it came from."""

    time: int
    content: Any
    provenance: Provenance


def save_document(folder: Path, name: str, content: Any, provenance: Provenance) -> bool:
    """Keep a document in the folder of a contract; whether that was new: what says the same as the one before it is not
    kept twice. Raises DataError for a name that cannot be one, and where one of the same time says something else."""
    home = folder / DOCUMENTS / _checked(name)
    with locked(home):
        there = read_documents(folder, name)
        try:
            plain = json.loads(json.dumps(content, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise DataError(f"{home}: expected values of JSON, got something else ({error})") from error
        before = [document for document in there if document.time <= provenance.retrieved]
        if before and before[-1].content == plain:
            return False
        if before and before[-1].time == provenance.retrieved:
            raise DataError(
                f"{home}: expected one {name} of one time, got two that differ; give the later one its time"
            )
        data = {"provenance": asdict(provenance), "content": plain}
        path = home / f"{int(provenance.retrieved)}.json"
        write_text(path, json.dumps(data, indent=1) + "\n")
    return True


def read_documents(folder: Path, name: str) -> tuple[Document, ...]:
    """The documents of a contract of this name, the oldest first. Raises DataError."""
    home = folder / DOCUMENTS / _checked(name)
    files = [path for path in home.glob("*.json") if _FILE.fullmatch(path.name)] if home.is_dir() else []
    return tuple(_read(path) for path in sorted(files, key=lambda path: int(path.stem)))


def _read(path: Path) -> Document:
    try:
        data = json.loads(path.read_bytes())
        provenance = Provenance(**{**data["provenance"], "notes": tuple(data["provenance"]["notes"])})
        return Document(int(path.stem), data["content"], provenance)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(
            f"{path}: not readable as a document of the store ({error}); delete it, or fetch it again"
        ) from error


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise DataError(f"name of a document: expected small letters, digits and _, as in risk_limits, got {name!r}")
    return name
