"""Whether what a run folder says of all of it follows from what was run again: a comparison's common ``metrics.json``,
and the figures that the manifest shows in lists of runs."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from halfspread.commands.compare_output import comparison_object
from halfspread.commands.differences import Difference
from halfspread.commands.manifest import HEADLINE
from halfspread.commands.output import write_json
from halfspread.commands.registry import RunRecord
from halfspread.commands.result_differences import metrics_differences
from halfspread.commands.run_files import MANIFEST
from halfspread.reports.comparison import rank_results
from halfspread.reports.result import Result

__all__ = ["comparison_differences", "headline_differences"]

_METRICS = "metrics.json"


def comparison_differences(run: RunRecord, results: Sequence[Result], *, newer: bool) -> list[Difference]:
    """The first number, and the first of what is only said, in which the common metrics of a comparison are not those
    of ``results``, all that did not fail, in their order: the ranking, the agents, differences and p-values.
    ``newer``: the code is not what it was, and may know more numbers."""
    if not (run.path / _METRICS).is_file():
        return [_difference(_METRICS, "", "metrics of all agents", "no such file")]
    ranking = str(run.manifest["ranking"])
    now = comparison_object(rank_results(results, ranking), ranking, run.manifest.get("failed", {}))
    with tempfile.TemporaryDirectory(prefix="halfspread-verify-") as made:
        write_json(Path(made, _METRICS), now)
        found = metrics_differences(run.path / _METRICS, Path(made, _METRICS), "", newer=newer)
    return [replace(each, where=f"all agents, {each.more['field']}") for each in found]


def headline_differences(run: RunRecord) -> Iterator[Difference]:
    """Figures of the manifest that are not those of ``metrics.json``, which is compared by itself: those of the agents,
    counts of cells and windows, and the seed."""
    try:
        metrics = json.loads((run.path / _METRICS).read_text(encoding="utf-8"))
    except OSError:
        return
    agents = metrics.get("agents", [metrics])
    shown, told = run.manifest["agents"], [_headline(each) for each in agents]
    if len(shown) != len(told):
        yield _difference(MANIFEST, "agents", len(shown), len(told))
    for i, (before, now) in enumerate(zip(shown, told, strict=False)):
        for name, value in now.items():
            if name not in before or before[name] != value:
                yield _difference(MANIFEST, f"agents[{i}].{name}", before.get(name), value)
    for name, value in run.manifest.get(run.kind.replace("-", "_"), {}).items():
        if name in metrics and metrics[name] != value:
            yield _difference(MANIFEST, f"{run.kind}.{name}", value, metrics[name])
    for entry in run.entries:
        if entry["seed"] != entry["config"].get("seed"):
            yield _difference(MANIFEST, "seed", entry["seed"], entry["config"].get("seed"))


def _headline(agent: Mapping[str, Any]) -> dict[str, Any]:
    figures = {name: agent["metrics"][name] for name in HEADLINE if name in agent["metrics"]}
    return {**figures, "name": agent["name"], "agent": agent["agent"]}


def _difference(file: str, field: str, expected: Any, found: Any) -> Difference:
    where = f"{file}, {field}" if field else file
    return Difference("metrics", where, expected, found, {"file": file, "field": field, "differ": 1})
