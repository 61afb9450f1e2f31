"""The files of a run folder and their hashes: taken down in its manifest, and checked against it.

Nothing heavy is imported here: a thousand manifests are read in less than a second.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["MANIFEST", "VERSION", "altered_files", "digest_of", "files_in", "hash_of_file", "seal_of", "sizes_in"]

#: The file that makes a folder a run, written last.
MANIFEST = "manifest.json"
#: Version of what the manifest holds; a halfspread reads this one only.
VERSION = 2
_BLOCK = 1 << 20


def digest_of(data: Any) -> str:
    """Hash of plain data; hex digits."""
    text = json.dumps(data, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def seal_of(text: str) -> str:
    """Hash of the text of a manifest up to its last entry, which is the seal; hex digits. It shows an edit, it is no
    signature."""
    before = text.rpartition('"seal":')[0]
    return hashlib.blake2b(before.encode(), digest_size=8).hexdigest()


def hash_of_file(path: Path) -> str:
    """Hash of the bytes of a file; hex digits. Raises OSError."""
    digest = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def sizes_in(folder: Path) -> dict[str, int]:
    """Bytes of every file below a folder but its manifest, by path relative to it, in order; links are files of no
    size and not followed. Raises OSError."""
    found: dict[str, int] = {}
    waiting = [("", os.fspath(folder))]
    while waiting:
        prefix, at = waiting.pop()
        with os.scandir(at) as entries:
            for entry in entries:
                name = f"{prefix}{entry.name}"
                if entry.is_symlink():
                    found[name] = 0
                elif entry.is_dir():
                    waiting.append((f"{name}/", entry.path))
                else:
                    found[name] = entry.stat().st_size
    found.pop(MANIFEST, None)
    return dict(sorted(found.items()))


def files_in(folder: Path) -> dict[str, dict[str, Any]]:
    """``bytes`` and ``hash`` of every file below a folder but its manifest, by relative path. Raises OSError."""
    return {name: {"bytes": size, "hash": hash_of_file(folder / name)} for name, size in sizes_in(folder).items()}


def altered_files(folder: Path, files: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """What is wrong with the files that a manifest names, by name: ``missing``, or ``edited`` where the bytes are not
    those that were written; empty where all are as they were. Raises OSError."""
    there, wrong = sizes_in(folder), {}
    for name, written in files.items():
        if name not in there:
            wrong[name] = "missing"
        elif there[name] != written["bytes"] or hash_of_file(folder / name) != written["hash"]:
            wrong[name] = "edited"
    return wrong
