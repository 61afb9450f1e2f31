"""``findings.json`` beside the files of a series: what checks of its rows found, as long as the rows are the same."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from halfspread.datafeeds.store.atomic import write_text
from halfspread.datafeeds.store.locks import locked
from halfspread.datafeeds.store.manifest import load
from halfspread.datafeeds.store.series import Series
from halfspread.errors import DataError

__all__ = ["FINDINGS", "read_findings", "save_findings"]

FINDINGS = "findings.json"


def save_findings(folder: Path, series: Series, findings: Iterable[Mapping[str, Any]]) -> None:
    """Keep what was found in the rows that are there now; NaN becomes null. Raises DataError."""
    with locked(folder):
        plain = json.loads(json.dumps([dict(each) for each in findings]), parse_constant=lambda _: None)
        data = {"series": str(series), "rows": load(folder, series).digest, "findings": plain}
        write_text(folder / FINDINGS, json.dumps(data, indent=1) + "\n")


def read_findings(folder: Path, series: Series) -> list[dict[str, Any]] | None:
    """What was found in the rows that are there now; None where they were not checked. Raises DataError."""
    path = folder / FINDINGS
    try:
        data = json.loads(path.read_bytes())
        rows, findings = data["rows"], [dict(each) for each in data["findings"]]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{path}: not readable as findings ({error}); delete it and check the series again") from error
    return findings if rows == load(folder, series).digest else None
