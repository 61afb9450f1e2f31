"""The single settings of sweeps, so that those that two sweeps have in common count once.

A setting is all of a config that a result depends on: what two sweeps write differently is told apart, which counts it
twice, never too seldom. Numbers are compared as floats; names do not matter.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from halfspread.commands.nested import flat
from halfspread.commands.run_files import digest_of
from halfspread.configs.cell_work import DONE

__all__ = ["Settings", "distinct", "plugin_hashes", "settings_in", "settings_of"]

#: A sweep of more cells is counted as a whole.
MOST = 100_000
TABLE = "sweep.parquet"


@dataclass(frozen=True)
class Settings:
    """Cells of one sweep: ``rest``, the flat config and plug-in that they share, and for each of ``keys`` the values
    that a cell sets, in ``cells`` (cells, keys)."""

    rest: Mapping[str, Any]
    keys: tuple[str, ...]
    cells: Sequence[tuple[Any, ...]]

    def spread(self, keys: Sequence[str]) -> set[tuple[Any, ...]]:
        """Each cell as its values of ``keys``, which hold its own and others, after a digest of all the rest."""
        rest = {name: value for name, value in self.rest.items() if not any(_within(name, key) for key in keys)}
        digest = digest_of(sorted(rest.items()))
        at = {key: i for i, key in enumerate(self.keys)}
        fixed = {key: _of_config(self.rest, key) for key in keys if key not in at}
        return {(digest, *(cell[at[key]] if key in at else fixed[key] for key in keys)) for cell in self.cells}


def settings_of(
    config: Mapping[str, Any], plugins: Mapping[str, Any], keys: Sequence[str], cells: Iterable[Mapping[str, Any]]
) -> Settings:
    """``cells`` by key over an effective ``config`` of one agent; ``plugins`` as the manifest has them."""
    agent = config["agent"] if "agent" in config else config["agents"][0]
    rest = {name: value for name, value in config.items() if name not in ("agent", "agents", "name")}
    named = flat({**rest, "agent": {name: value for name, value in agent.items() if name != "name"}})
    files = {"plugin": plugin_hashes(plugins)}
    rows = [tuple(_plain(cell.get(key)) for key in keys) for cell in cells]
    return Settings({name: _plain(value) for name, value in (named | files).items()}, tuple(map(_short, keys)), rows)


def plugin_hashes(plugins: Mapping[str, Any]) -> list[str]:
    """Hash of the file of each plug-in: edited, it is another agent. Files that it imports may come later in a run."""
    return [next(iter(each["files"].values())) for each in plugins.values() if each["files"]]


def settings_in(folder: Path, facts: Mapping[str, Any]) -> Settings | None:
    """The cells of a sweep that ran, from its ``folder`` and manifest; None where its table does not tell them."""
    if not 0 < int(facts["sweep"]["tried"]) <= MOST:
        return None
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        names = pq.read_schema(folder / TABLE).names
        keys = names[1 : names.index("state")]
        rows = pq.read_table(folder / TABLE, columns=[*keys, "state"]).to_pylist()
    except (OSError, ValueError, pa.ArrowException):
        return None
    done = [row for row in rows if row["state"] == DONE]
    return settings_of(facts["config"], facts["plugins"], keys, done) if len(done) == facts["sweep"]["tried"] else None


def distinct(sweeps: Sequence[Settings], own: Settings | None = None) -> list[int]:
    """How many settings each sweep adds to those before it and to ``own``."""
    keys = sorted({key for each in (*sweeps, *([own] if own else [])) for key in each.keys})
    seen = own.spread(keys) if own else set()
    added = []
    for each in sweeps:
        new = each.spread(keys) - seen
        seen |= new
        added.append(len(new))
    return added


def _short(key: str) -> str:
    """A key of an agent without which one: there is one."""
    first, _, rest = key.partition(".")
    return f"agent.{rest.partition('.')[2]}" if first == "agents" else key


def _within(name: str, key: str) -> bool:
    return name == key or name.startswith(f"{key}.")


def _of_config(rest: Mapping[str, Any], key: str) -> Any:
    """The value of a key that a sweep does not set, of a whole table as text."""
    if key in rest:
        return rest[key]
    return json.dumps(sorted((name, value) for name, value in rest.items() if _within(name, key)))


def _plain(value: Any) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    return value if value is None or isinstance(value, (bool, str)) else json.dumps(value, sort_keys=True)
