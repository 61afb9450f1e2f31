"""What the commands print and write as JSON: one shape for both."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from halfspread.commands.folder import writing
from halfspread.commands.terminal import Harmless, without_controls
from halfspread.reports.certainty import intervals_object
from halfspread.reports.metrics import json_safe
from halfspread.reports.result import Result
from halfspread.reports.timing import timing_object

__all__ = ["agent_object", "print_json", "print_table", "sign_lines", "to_json", "where_lines", "write_json"]

_CONTROLS = re.compile("[\x7f-\x9f]")


def agent_object(result: Result) -> dict[str, Any]:
    """One agent: its name, parameters, metrics, why some of these are null, how sure they are, whether its timing is
    luck, attribution in units of the notional (of each instrument too, where turnover is in such units and fills are
    counted), orders, liquidations, and what it all rests on."""
    return {
        "name": result.name,
        "agent": result.agent,
        "parameters": result.agent_params,
        "looks_ahead": result.looks_ahead,
        "metrics": result.metrics,
        "reasons": result.reasons,
        "intervals": intervals_object(result.intervals, len(result.measured.days)),
        "timing": timing_object(result),
        "attribution": {name: amount / result.notional for name, amount in result.attribution.items()},
        "by_instrument": {
            instrument: {
                name: int(amount) if name == "fills" else amount / result.notional for name, amount in parts.items()
            }
            for instrument, parts in result.attribution_by_instrument.items()
        },
        "matching": result.matching,
        "orders": result.counts["orders"],
        "rejections": result.counts["rejections"],
        "liquidations": result.liquidations,
        "assumptions": result.assumptions,
        "warnings": result.warnings,
        "counts": result.counts,
    }


def to_json(data: Any, indent: int | None = 2) -> str:
    """JSON text in which NaN and infinities are null."""
    return json.dumps(json_safe(data), indent=indent, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path, data: Any) -> None:
    """Write ``data`` as JSON. Raises UserError where that fails."""
    with writing(path):
        path.write_text(to_json(data), encoding="utf-8")


def print_json(data: Any, stream: TextIO) -> None:
    """One object on ``stream``; its control characters are escaped, those that JSON takes as they are too."""
    stream.write(_CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", to_json(data)))
    stream.flush()


def sign_lines(assumptions: Mapping[str, str]) -> list[str]:
    """A line to stand below a table of runs under funding rates of the opposite sign."""
    if "SIGN FLIPPED" not in assumptions.get("funding", ""):
        return []
    return ["the sign of every funding rate is flipped: no venue pays so, and no trader could have earned this"]


def where_lines(path: Path, *, report: bool) -> list[str]:
    """Where the results are."""
    return ["", f"results: {path}", *([f"report:  {path / 'report.html'}"] if report else [])]


def print_table(table: Any, *lines: str) -> None:
    """A table and lines below it on standard output, coloured on a terminal; control characters in either are shown."""
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 100, highlight=False)
    console.print(Harmless(table))
    for line in lines:
        print(without_controls(line))
