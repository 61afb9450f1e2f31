"""Runs side by side: the metrics of every agent, and where their configs and assumptions differ."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from halfspread.commands.nested import flat
from halfspread.commands.registry import RunRecord
from halfspread.errors import ConfigError

__all__ = ["Column", "Comparison", "compared"]


@dataclass(frozen=True)
class Column:
    """One agent of one run: its numbers, the flat config that it ran with, and what its numbers rest on."""

    run: RunRecord
    agent: str
    metrics: Mapping[str, Any]
    config: Mapping[str, Any]
    assumptions: Mapping[str, str]
    basis: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """``name/id agent``."""
        return f"{self.run.label} {self.agent}"


@dataclass(frozen=True)
class Comparison:
    """Columns beside each other."""

    columns: Sequence[Column]

    def differing(self, part: str) -> dict[str, list[Any]]:
        """The entries of ``config``, ``assumptions`` or ``basis`` in which the columns differ: a value for each, None
        where there is none."""
        tables: list[Mapping[str, Any]] = [getattr(column, part) for column in self.columns]
        keys = dict.fromkeys(key for table in tables for key in table)
        rows = {key: [table.get(key) for table in tables] for key in keys}
        return {key: row for key, row in rows.items() if any(each != row[0] for each in row)}

    def plain(self) -> dict[str, Any]:
        """The same for JSON."""
        return {
            "columns": [
                {"name": each.run.name, "id": each.run.id, "run_dir": str(each.run.path), "agent": each.agent}
                for each in self.columns
            ],
            "metrics": [dict(each.metrics) for each in self.columns],
            "assumptions": [dict(each.assumptions) for each in self.columns],
            "differences": {part: self.differing(part) for part in ("config", "assumptions", "basis")},
        }


def compared(runs: Sequence[RunRecord]) -> Comparison:
    """All agents of ``runs``. Raises ConfigError for a run without readable metrics, and for one named twice."""
    paths = [run.path.resolve() for run in runs]
    double = next((run for run, path in zip(runs, paths, strict=True) if paths.count(path) > 1), None)
    if double is not None:
        raise ConfigError(f"{double.label} is there {paths.count(double.path.resolve())} times; name different runs")
    return Comparison([column for run in runs for column in _columns(run)])


def _columns(run: RunRecord) -> list[Column]:
    try:
        data = json.loads((run.path / "metrics.json").read_text(encoding="utf-8"))
        agents = data.get("agents", [data])
        return [
            Column(run, each["name"], each["metrics"], _config(run, each["name"]), each["assumptions"], _basis(run))
            for each in agents
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = getattr(error, "strerror", None) or f"not the metrics of {run.kind}"
        raise ConfigError(f"{run.path / 'metrics.json'}: cannot be read: {reason}") from None


def _config(run: RunRecord, agent: str) -> dict[str, Any]:
    """The config of an agent, its own table as ``agent``."""
    for entry in run.entries:
        config = dict(entry["config"])
        tables = [config.pop("agent")] if "agent" in config else config.pop("agents", [])
        for table in tables:
            if table["name"] == agent:
                return {**flat(config), **flat(table, "agent")}
    return {}


def _basis(run: RunRecord) -> dict[str, Any]:
    """Data, code and machine."""
    entry = run.entries[0]
    found = {"data": entry["data"]["hash"][:16], "halfspread": entry["halfspread"], "sources": entry["sources"]}
    return {**found, "python": entry["python"], **entry["packages"], "CPU": entry["cpu"]}
