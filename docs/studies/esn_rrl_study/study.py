"""The whole study: run every row that is not kept, make the numbers, write the files."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cost_study.numbers import to_json
from esn_rrl_study.numbers import beside, daily_table, numbers_of, share_of_variance
from esn_rrl_study.page import page
from esn_rrl_study.paths import path_numbers
from esn_rrl_study.pictures import pictures
from esn_rrl_study.ranking import ranking_numbers, ranking_picture
from esn_rrl_study.rows import Row
from esn_rrl_study.runs import run_rows, tell

from halfspread import __version__
from halfspread.commands.machine import machine
from halfspread.commands.sources import package_hash
from halfspread.configs.runner import default_workers
from halfspread.reports.files import atomic_write_text

__all__ = ["IMAGES", "run_study", "write_study"]

IMAGES = "esn_rrl_images"


def run_study(
    rows: Sequence[Row],
    *,
    out: Path,
    workers: int,
    paths: int = 0,
    ranking: bool = False,
    before: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """All numbers, as esn_rrl.json gives them back; finished rows are kept in ``out``. ``paths``: resampled markets of
    the part on the market's own error, 0: none. ``ranking``: of all kinds of agents too. What is not run is taken from
    ``before``."""
    runs = run_rows(rows, out, workers, tell)
    told: dict[str, Any] = {row.key: numbers_of(row, runs[row.key]) for row in rows}
    kept = {} if before is None else {key: each for key, each in before["rows"].items() if key not in told}
    study: dict[str, Any] = {
        "halfspread": __version__,
        "sources": package_hash(),
        "rows": {**kept, **told},
        "table_i": {
            **({} if before is None else before["table_i"]),
            **{key: daily_table(runs[key]) for key in ("literal", "daily", "flipped_daily") if key in runs},
        },
        "made": {
            "workers": workers,
            "processors": default_workers(),
            "load": round(os.getloadavg()[2], 1),
            "seconds": round(sum(float(each.seconds) for each in runs.values())),
            **machine(),
        },
    }
    study["first_days"] = {
        name: share_of_variance(found) for name, prefix in STARTS.items() if (found := _starts(study["rows"], prefix))
    }
    for name, keys in BESIDE.items():
        if set(keys) <= set(runs):
            study[name] = beside(*(runs[key] for key in keys))
        elif before is not None and name in before:
            study[name] = before[name]
    if ranking:
        study["ranking"] = ranking_numbers(out)
    elif before is not None and "ranking" in before:
        study["ranking"] = before["ranking"]
    if paths:
        study["paths"] = path_numbers(paths, out, workers, tell)
    elif before is not None and "paths" in before:
        study["paths"] = before["paths"]
    found: dict[str, Any] = json.loads(to_json(study))
    return found


#: What is set beside a constant and beside holding, and where its numbers stand.
BESIDE = {
    "old_market": ("daily", "constant_daily", "constant"),
    "new_market": ("new_esn_rrl", "new_constant", "new_hold"),
    "new_market_percent": ("new_percent", "new_constant", "new_hold"),
}
STARTS = {"features and bias": "start_", "bias only": "start_bias_"}


def _starts(rows: Mapping[str, Any], prefix: str) -> dict[str, list[float]]:
    found = {key.removeprefix(prefix): row["totals"] for key, row in rows.items() if key.startswith(prefix)}
    return {day: totals for day, totals in found.items() if day.isdigit()}


def write_study(study: Mapping[str, Any], to: Path) -> None:
    """esn_rrl.json, esn_rrl.md and the pictures in the folder ``to``. Raises UserError."""
    atomic_write_text(to / "esn_rrl.json", to_json(study))
    for name, drawing in pictures(study).items():
        atomic_write_text(to / IMAGES / name, drawing)
    if "ranking" in study:
        atomic_write_text(to / IMAGES / "ranking.svg", ranking_picture(study["ranking"]))
    atomic_write_text(to / "esn_rrl.md", page(study))
