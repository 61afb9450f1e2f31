"""Differences between a run and what it rests on today: data, code, packages, CPU, config."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from halfspread import __version__
from halfspread.commands.data_hashes import TapeHash
from halfspread.commands.machine import cpu_features, machine, package_version
from halfspread.commands.manifest import plain
from halfspread.commands.nested import changed_keys
from halfspread.commands.rerun import Entry
from halfspread.commands.run_files import hash_of_file
from halfspread.commands.sources import commit, folder_hashes
from halfspread.configs.build import data_files
from halfspread.reports.metrics import json_safe

__all__ = ["HARMLESS", "KINDS", "Difference", "code", "config", "data", "markets", "surroundings"]

#: Kinds of difference, a cause before its effects.
KINDS = ("file", "config", "seed", "data", "code", "package", "cpu", "event", "cell", "window", "metrics", "words")
#: Kinds whose difference alone leaves a result as good as it was, as long as the bits are the same.
HARMLESS = ("config", "seed", "code", "package", "cpu", "words")


@dataclass(frozen=True)
class Difference:
    """One difference: its ``kind`` (of `KINDS`), ``where`` it is, what the run had (``expected``) and what there is now
    (``found``); ``more`` has details by name."""

    kind: str
    where: str
    expected: Any
    found: Any
    more: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def plain(self) -> dict[str, Any]:
        """The same for JSON."""
        return {
            "kind": self.kind,
            "where": self.where,
            "expected": self.expected,
            "found": self.found,
            **self.more,
        }

    @property
    def rank(self) -> tuple[bool, int]:
        """Causes before effects; last what a config file says today, since a run is repeated from its manifest."""
        return self.more.get("source") == "file", KINDS.index(self.kind)

    def __str__(self) -> str:
        return f"{self.where}: expected {_text(self.expected)}, found {_text(self.found)}"


def _text(value: Any) -> str:
    return "nothing" if value is None else str(value)


def surroundings(facts: Mapping[str, Any], features: Mapping[str, str]) -> Iterator[Difference]:
    """Package versions, CPU and platform, of an entry of a manifest with its CPU ``features``, against those here."""
    now = machine()
    if facts["python"] != now["python"]:
        yield Difference("package", "python", facts["python"], now["python"])
    versions = dict(facts["packages"])
    for plugin in facts["plugins"].values():
        versions |= plugin["packages"]
    for name, version in versions.items():
        found = package_version(name)
        if found != version:
            yield Difference("package", name, version, found)
    for key in ("cpu", "platform"):
        if facts[key] != now[key]:
            yield Difference("cpu", "CPU" if key == "cpu" else key, facts[key], now[key])
    yield from _target(features, cpu_features())


def _target(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Difference]:
    """What numba compiles for."""
    if before["target"] != now["target"]:
        yield Difference("cpu", "target of compiled code", before["target"], now["target"])
    had, has = before["features"].split(), now["features"].split()
    gone, new = sorted(set(had) - set(has)), sorted(set(has) - set(had))
    if gone or new:
        yield Difference("cpu", "CPU features", " ".join(gone) or "none of these", " ".join(new) or "none of these")


def code(entry: Entry) -> Iterator[Difference]:
    """Sources of halfspread by folder, and the files of plug-ins."""
    for label, plugin in entry.facts["plugins"].items():
        for name, written in plugin["files"].items():
            found = hash_of_file(entry.loaded.folder / name)
            if found != written:
                yield Difference("code", f"agent {label}, {name}", f"hash {written[:12]}", f"{found[:12]}")
    before, now = entry.facts["folders"], folder_hashes()
    changed = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    if changed:
        had, has = _version(entry.facts["halfspread"], entry.facts["commit"]), _version(__version__, commit())
        has = f"{has} with uncommitted edits" if had == has and commit() else has
        yield Difference("code", f"halfspread, sources in {', '.join(changed)}", had, has)


def _version(version: str, at: str | None) -> str:
    return f"{version} at commit {at[:8]}" if at else version


def data(entry: Entry, found: TapeHash) -> Iterator[Difference]:
    """Tables of each instrument, and files of delays, of agents and of the benchmark."""
    facts = entry.facts["data"]
    if facts["hash"] != found.total:
        told = list(_tables(entry.facts, found))
        yield from told or [Difference("data", "spans without a market", facts["hash"][:12], found.total[:12])]
    paths = data_files(entry.loaded)
    for key, file in facts["files"].items():
        if "hash" in file:
            now = hash_of_file(paths[key])
            if now != file["hash"]:
                yield Difference("data", f"{key} ({file['file']})", f"hash {file['hash'][:12]}", f"{now[:12]}")


def markets(entry: Entry, found: Sequence[str]) -> Iterator[Difference]:
    """Markets of cells over the market itself, but for the first, which `data` compares by its tables."""
    before: Sequence[str] = next(
        (entry.facts[kind]["markets"] for kind in ("sweep", "montecarlo") if kind in entry.facts), []
    )
    for i, (had, has) in enumerate(zip_longest(before, found), 1):
        if i > 1 and had != has:
            yield Difference("data", f"market {i} of {len(before)}", had and had[:12], has and has[:12])


def _tables(facts: Mapping[str, Any], found: TapeHash) -> Iterator[Difference]:
    before = facts["data"]["tables"]
    for name in dict.fromkeys([*before, *found.tables]):
        had, has = before.get(name, {}), found.tables.get(name, {})
        for table in dict.fromkeys([*had, *has]):
            was, now = had.get(table), has.get(table)
            if was != now:
                file = _file_of(facts, name, table)
                where = f"{table} of {name}" + (f" ({file})" if file else "")
                expected, seen = _described(was, now), _described(now, was)
                yield Difference("data", where, expected, seen, {"instrument": name, "table": table, "file": file})


def _described(table: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> str | None:
    """Rows, times and hash of a table, as far as they tell it from the other."""
    if table is None:
        return None
    words = [f"{table['rows']:,} rows"]
    if other is not None and {**table, "hash": ""} != {**other, "hash": ""} and table["rows"]:
        words.append(f"{table['first']} to {table['last']}")
    return ", ".join([*words, f"hash {table['hash'][:12]}"])


def _file_of(facts: Mapping[str, Any], instrument: str, table: str) -> str | None:
    """Name of the file of a table; None where it is in none."""
    config = facts["config"]
    markets = [config["market"]] if config.get("market") else config["markets"]
    for i, market in enumerate(markets):
        if f"{market.get('venue')}:{market.get('symbol')}".lower() == instrument.lower():
            key = table if config.get("market") else f"markets[{i}].{table}"
            file = facts["data"]["files"].get(key)
            return None if file is None else str(file["file"])
    return None


def config(entry: Entry, now: Mapping[str, Any], where: str, source: str) -> Iterator[Difference]:
    """Every key of the effective config in which the manifest and ``now`` differ. ``source``: ``file`` for what the
    config file gives today, ``manifest`` for what this version makes of the config in the manifest."""
    for key, expected, found in changed_keys(entry.facts["config"], json_safe(plain(now))):
        kind = "seed" if key.endswith("seed") else "config"
        yield Difference(kind, f"{where}: {key}", expected, found, {"key": key, "source": source})
