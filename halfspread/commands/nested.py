"""Nested tables, such as configs and metrics, as flat ones, and where two of them differ."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["changed_keys", "flat"]


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """Nested tables as one: ``market.days``, ``agents[1].fast``; other lists as JSON text, empty ones left out."""
    if isinstance(value, Mapping):
        parts = [flat(item, f"{path}.{name}" if path else name) for name, item in value.items()]
    elif isinstance(value, Sequence) and not isinstance(value, str):
        if not value or not all(isinstance(item, Mapping) for item in value):
            return {path: json.dumps(value)} if value else {}
        parts = [flat(item, f"{path}[{i}]") for i, item in enumerate(value)]
    else:
        return {path: value}
    return {name: item for part in parts for name, item in part.items()}


def changed_keys(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """(key, before, now) of every value in which two nested tables differ; None for one that is not there."""
    had, has = flat(before), flat(now)
    keys = dict.fromkeys([*had, *has])
    return [(key, had.get(key), has.get(key)) for key in keys if _other(had.get(key), has.get(key))]


def _other(one: Any, two: Any) -> bool:
    return type(one) is not type(two) or bool(one != two)
