"""Sections on what the numbers rest on: assumptions, warnings, counts, and where the run came from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from halfspread.reports import formats
from halfspread.reports.headline import alert
from halfspread.reports.html_tables import definitions
from halfspread.reports.metrics import json_safe
from halfspread.reports.svg import element
from halfspread.reports.view import View, section

__all__ = ["assumptions", "provenance"]


def assumptions(view: View) -> str:
    """Everything the numbers rest on, the warnings, and counts of what was odd in the data."""
    result = view.result
    content = [definitions(result.assumptions)]
    if result.warnings:
        content += [element("h3", "Warnings"), alert(result)]
    if result.counts:
        counts = {name.replace("_", " "): formats.count(many) for name, many in result.counts.items()}
        content += [element("h3", "Counts of the data and the run"), definitions(counts)]
    return section("Assumptions and data", "What these numbers rest on.", *content, anchor="assumptions")


def provenance(manifest: Mapping[str, object] | None) -> str:
    """The manifest, nested names joined by dots."""
    if not manifest:
        return ""
    entries = dict(_flat(json_safe(manifest)))
    return section("Provenance", "What was run, with what, on what.", definitions(entries), anchor="provenance")


def _flat(value: Mapping[str, Any], path: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, item in value.items():
        if isinstance(item, Mapping) and item:
            found += _flat(item, f"{path}{name}.")
        else:
            found.append((f"{path}{name}", item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)))
    return found
