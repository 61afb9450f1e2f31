"""``halfspread runs``: list, show, compare and clean run folders. Nothing heavy is imported: a thousand runs take less
than a second.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TextIO

from halfspread.commands.registry import COMPLETE, RunRecord, find, moment, scan, usable
from halfspread.errors import ConfigError

__all__ = ["SORTS", "execute", "headline"]

#: What runs may be sorted by, and whether more is better.
SORTS = {
    "date": True,
    "name": False,
    "total_return": True,
    "information_ratio": True,
    "max_drawdown": False,
    "turnover": False,
    "size": True,
}


def execute(arguments: Namespace) -> int:
    """Do what ``arguments.what`` says: list, show, compare or clean."""
    ways = {"list": _list, "show": _show, "compare": _compare, "clean": _clean}
    return ways[arguments.what](arguments)


def headline(run: RunRecord) -> Mapping[str, Any]:
    """The headline of the agent that is best by the run's own ranking; empty where its manifest has none."""
    return run.agents[0] if run.agents else {}


def _list(arguments: Namespace) -> int:
    root = Path(arguments.dir)
    everything = scan(root) if root.is_dir() else _none(root, arguments)
    shown = [run for run in everything if _wanted(run, arguments)]
    shown = _sorted(shown, arguments.sort)[: arguments.limit]
    if arguments.json:
        return _print(
            {"dir": str(root), "count": len(shown), "runs": [_as_json(run) for run in shown]}, arguments.stdout
        )
    from halfspread.commands.runs_tables import list_table, show

    if not shown:
        show(None, f"no runs in {root}" + (f" of {len(everything)} like that" if everything else ""))
        return 0
    damaged = [run for run in shown if run.state != COMPLETE]
    more = f", {len(damaged)} not complete" if damaged else ""
    lines = [f"{run.label}: {run.state}: {run.reason}" for run in damaged[:10]]
    show(list_table(shown), "", f"{len(shown)} of {len(everything)} runs in {root}{more}", *lines)
    return 0


def _none(root: Path, arguments: Namespace) -> list[RunRecord]:
    """No runs, where the folder is the usual one and nothing was run yet. Raises ConfigError for another."""
    if arguments.dir != "runs" or root.exists():
        raise ConfigError(f"--dir {root}: no such folder; expected the one that --out named when the runs were made")
    return []


def _wanted(run: RunRecord, arguments: Namespace) -> bool:
    if arguments.name and not fnmatchcase(run.name, arguments.name):
        return False
    names = [str(agent[key]) for agent in run.agents for key in ("name", "agent")]
    if arguments.agent and not any(fnmatchcase(name, arguments.agent) for name in names):
        return False
    return not arguments.since or run.created >= moment(arguments.since, "--since")


def _sorted(runs: Sequence[RunRecord], by: str) -> list[RunRecord]:
    """The best first; runs without a figure last, those that are equal with the newest first."""

    def figure(run: RunRecord) -> Any:
        return {"date": run.created, "name": run.name, "size": run.size}.get(by, headline(run).get(by))

    known = [run for run in runs if figure(run) is not None]
    return sorted(known, key=figure, reverse=SORTS[by]) + [run for run in runs if figure(run) is None]


def _as_json(run: RunRecord) -> dict[str, Any]:
    return {
        "name": run.name,
        "id": run.id,
        "run_dir": str(run.path),
        "created": run.created.isoformat(timespec="milliseconds"),
        "kind": run.kind,
        "state": run.state,
        "reason": run.reason,
        "size": run.size,
        "agents": [dict(agent) for agent in run.agents],
    }


def _show(arguments: Namespace) -> int:
    from halfspread.commands.run_files import altered_files

    run = usable(find(arguments.run, Path(arguments.dir)))
    files = run.manifest["files"]
    altered = altered_files(run.path, files)
    if arguments.json:
        listed = {name: {**entry, "state": altered.get(name, "as written")} for name, entry in files.items()}
        return _print({**_as_json(run), "files": listed, "manifest": run.manifest}, arguments.stdout)
    from halfspread.commands.runs_tables import agents_table, fact_table, show

    show(fact_table(run, altered))
    show(agents_table([(agent["name"], agent) for agent in run.agents]))
    return 0


def _compare(arguments: Namespace) -> int:
    from halfspread.commands.runs_compare import compared

    runs = [usable(find(named, Path(arguments.dir))) for named in arguments.runs]
    found = compared(runs)
    if arguments.json:
        return _print(found.plain(), arguments.stdout)
    from halfspread.commands.runs_tables import show_comparison

    show_comparison(found)
    return 0


def _clean(arguments: Namespace) -> int:
    from halfspread.commands.runs_clean import clean

    found = clean(arguments)
    if arguments.json:
        return _print(found.plain(), arguments.stdout)
    from halfspread.commands.runs_tables import show_cleaning

    show_cleaning(found)
    return 0


def _print(data: Any, stream: TextIO) -> int:
    """One object; what comes from manifests holds JSON's values only."""
    stream.write(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    return 0
