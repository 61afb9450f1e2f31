"""Run again what a manifest holds: its config, on its data, with its agents, into a folder of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from halfspread.commands.bases import Base, base_again
from halfspread.commands.manifest import restored
from halfspread.commands.registry import RunRecord
from halfspread.commands.run_files import MANIFEST
from halfspread.configs.build import BuiltAgent, build_agents, data_files, effective
from halfspread.configs.load import Loaded, load, parse
from halfspread.configs.places import Places
from halfspread.errors import ConfigError, UserError

__all__ = ["CELLS", "Entry", "config_now", "restore"]

#: Kinds of run that begin with the text of one config and try many settings on it, and what their entry has to hold.
CELLS = {
    "sweep": ("grid", "random", "seed", "ranking"),
    "sensitivity": (),
    "walk-forward": ("options",),
    "montecarlo": ("seeds", "paths", "block", "vary"),
}


@dataclass(frozen=True)
class Entry:
    """One config of a manifest: what it says (``facts``), and the config read back from it (``loaded``). ``base``: what
    the cells of a sweep, and the like, begin with, from the text of the config that the manifest holds."""

    facts: Mapping[str, Any]
    loaded: Loaded
    base: Base | None = None

    @property
    def labels(self) -> list[str]:
        """What the agents are called in the run folder, in order."""
        return [str(agent["name"]) for agent in _tables(self.facts["config"])]

    def agents(self) -> list[BuiltAgent]:
        """The agents, made anew. Raises ConfigError or StrategyError."""
        built = build_agents(self.loaded) if self.base is None else self.base.agents
        return [replace(each, label=label) for each, label in zip(built, self.labels, strict=True)]


def restore(run: RunRecord, folder: Path | None) -> list[Entry]:
    """Every config of a run, in a folder where its files are: the given one, else where it was run, seen from the run
    folder, else beside the config file. Raises ConfigError where a file is in none of them, and for a config that this
    version does not take."""
    return [_restored(run, facts, folder) for facts in run.entries]


def _restored(run: RunRecord, facts: Mapping[str, Any], folder: Path | None) -> Entry:
    file = Path(str(facts["config_file"]))
    _refuse_unreadable(run, facts, file)
    tried = [folder] if folder else [(run.path / str(facts["folder"])).resolve(), file.absolute().parent]
    faults = []
    for base in tried:
        try:
            entry = _entry(run, facts, base / file.name)
            _refuse_missing(entry)
        except UserError as error:
            faults.append(str(error))
        else:
            return entry
    raise ConfigError(f"{faults[0]}; name the folder that the paths of the config begin in: --folder FOLDER")


def _refuse_unreadable(run: RunRecord, facts: Mapping[str, Any], file: Path) -> None:
    if run.kind not in CELLS:
        parse(_config(facts), Places(str(run.path / MANIFEST), ""))
        return
    source, terms = facts.get("source"), facts.get(run.kind.replace("-", "_"), {})
    if not isinstance(source, Mapping):
        raise ConfigError(
            f"{run.path}: made by halfspread {facts['halfspread']} of an earlier day, which kept no text of the config "
            f"of a {run.kind}, so that it cannot be run again; make it again with this version"
        )
    found = load(file, facts["overrides"], text=str(source["text"]))
    lacks = [name for name in CELLS[run.kind] if name not in terms]
    if lacks or not 0 <= int(source["agent"]) < len(found.config.all_agents):
        raise ConfigError(
            f"{run.path}: its manifest does not say {', '.join(lacks) or 'which agent ran'}, as this version does of a "
            f"{run.kind}; make it again"
        )


def _entry(run: RunRecord, facts: Mapping[str, Any], path: Path) -> Entry:
    if run.kind in CELLS:
        source = facts["source"]
        base = base_again(path, str(source["text"]), facts["overrides"], source.get("agents", [int(source["agent"])]))
        return Entry(facts, base.loaded, base)
    places = Places(str(run.path / MANIFEST), "")
    return Entry(facts, Loaded(parse(_config(facts), places), path, places, tuple(facts["overrides"])))


def _config(facts: Mapping[str, Any]) -> Any:
    data = restored(facts["config"])
    _rename(data, [f"agent-{i}" for i in range(len(_tables(data)))])  # a comparison may have called it what none may
    return data


def _refuse_missing(entry: Entry) -> None:
    data_files(entry.loaded)
    for label, found in entry.facts["plugins"].items():
        for name in found["files"]:
            path = entry.loaded.folder / name
            if not path.is_file():
                raise ConfigError(f"{entry.loaded.places.file}: agent {label}: {path}: no such file")


def config_now(entry: Entry, kind: str) -> Mapping[str, Any] | None:
    """The effective config that the config file gives today; None where there is no such file. Raises UserError for one
    that cannot be read, or that no longer holds the agent."""
    loaded = entry.loaded
    if not loaded.path.is_file():
        return None
    now = load(loaded.path, loaded.overrides)
    if kind == "compare":
        agents = build_agents(now)
    else:
        agents = [each for label in entry.labels for each in build_agents(now, label)]
    config = effective(now, agents, times_as_text=True)
    if kind == "compare":
        _rename(config, entry.labels)
    return config


def _rename(config: dict[str, Any], labels: Sequence[str]) -> None:
    """Call the agents of an effective config ``labels``, also where it names one as its benchmark."""
    tables, benchmark = _tables(config), config.get("benchmark", {})
    for table, label in zip(tables, labels, strict=False):
        if benchmark.get("agent") == table["name"]:
            benchmark = config["benchmark"] = {**benchmark, "agent": label}
            break
    for table, label in zip(tables, labels, strict=False):
        table["name"] = label


def _tables(config: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    """The agents of an effective config."""
    return [config["agent"]] if "agent" in config else config["agents"]
