"""Where each key of a config was written: a line of the TOML file, or an override on the command line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

__all__ = ["Key", "Places", "key_text", "line_of"]

#: Path to a value: names of tables and keys, numbers of entries of a list.
Key = tuple[str | int, ...]

_NAME = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_ENTRY = re.compile(rf"^\s*({_NAME}(?:\s*\.\s*{_NAME})*)\s*=")


def key_text(key: Sequence[str | int]) -> str:
    """``agents[0].fast``"""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key).lstrip(".")


def line_of(text: str, key: Key) -> tuple[int | None, int]:
    """Line of a TOML text where ``key``, or the nearest table around it, is written, and how many parts of the key are.

    (None, 0) where there is neither.
    """
    table: Key = ()
    entries: dict[Key, int] = {}
    longest, line = 0, None
    for number, row in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(row):
            table = _entered(_parts(header[2]), entries)
            if header[1] == "[[":
                entries[table] = entries.get(table, -1) + 1
                table = (*table, entries[table])
            here = table
        elif entry := _ENTRY.match(row):
            here = (*table, *_parts(entry[1]))
        else:
            continue
        if len(here) > longest and key[: len(here)] == here:
            longest, line = len(here), number
    return line, longest


def _entered(table: Key, entries: Mapping[Key, int]) -> Key:
    """The path of a table inside an array of tables: ``[markets.contract]`` belongs to the entry written last."""
    path: Key = ()
    for i, part in enumerate(table):
        path = (*path, part)
        if path in entries and i + 1 < len(table):
            path = (*path, entries[path])
    return path


def _parts(text: str) -> Key:
    return tuple(part.strip("\"'") for part in re.findall(_NAME, text))


class Places:
    """Finds keys of one config; ``overrides`` maps each overridden key to the setting as it was typed."""

    def __init__(self, file: str, text: str, overrides: Mapping[Key, str] | None = None) -> None:
        self.file = file
        self._text = text
        self._overrides = dict(overrides or {})

    def of(self, key: Sequence[str | int]) -> str:
        """``quickstart.toml:12`` or ``--set seed=x``; the file alone where no line can be named."""
        path = tuple(key)
        line, depth = line_of(self._text, path)
        for overridden, typed in self._overrides.items():
            around = path[: len(overridden)] == overridden
            made = depth < len(path) and overridden[: len(path)] == path
            if path and (around or made):
                return f"--set {typed}"
        return self.file if line is None else f"{self.file}:{line}"
