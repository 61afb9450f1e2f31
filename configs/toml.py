"""Write nested data as TOML, so that a config can be shown and read back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

__all__ = ["to_toml"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


def to_toml(data: Mapping[str, Any]) -> str:
    """TOML text of a mapping of text, numbers, booleans, times, lists and mappings; None values are left out.

    Mappings at the top become tables, lists of mappings arrays of tables; everything deeper is written inline.
    """
    plain = [(name, value) for name, value in data.items() if not _is_table(value) and not _is_tables(value)]
    lines = [f"{_key(name)} = {_value(value)}" for name, value in plain if value is not None]
    for name, value in data.items():
        if _is_table(value):
            lines += ["", f"[{_key(name)}]", *_entries(value)]
        elif _is_tables(value):
            for entry in value:
                lines += ["", f"[[{_key(name)}]]", *_entries(entry)]
    return "\n".join(lines).strip("\n") + "\n"


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_tables(value: Any) -> bool:
    return isinstance(value, Sequence) and bool(value) and not isinstance(value, str) and all(map(_is_table, value))


def _entries(table: Mapping[str, Any]) -> list[str]:
    return [f"{_key(name)} = {_value(value)}" for name, value in table.items() if value is not None]


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if value.tzinfo else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(_entries(value)) + " }" if value else "{}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    raise TypeError(f"no TOML for {type(value).__name__}: {value!r}")


def _text(text: str) -> str:
    escaped = "".join(
        _ESCAPES.get(sign, sign if sign >= " " and sign != "\x7f" else f"\\u{ord(sign):04x}") for sign in text
    )
    return f'"{escaped}"'
