"""Which code a run went through: halfspread's own sources, its commit, and the files of plug-in agents.

A plug-in is its file and every file of the user's that it imports, wherever in the file, directly or not. Files that it
reads when it runs (weights, tables) are not known here.
"""

from __future__ import annotations

import ast
import hashlib
import os
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from halfspread.commands.machine import package_version
from halfspread.commands.run_files import hash_of_file
from halfspread.compiled import PACKAGE

__all__ = ["commit", "folder_hashes", "package_hash", "plugin_sources"]

_ROOT = "halfspread"


def package_hash() -> str:
    """Hash of every Python source of halfspread; hex digits."""
    digest = hashlib.blake2b(digest_size=8)
    for name, each in folder_hashes().items():
        digest.update(f"{name} {each}".encode())
    return digest.hexdigest()


@cache
def folder_hashes() -> dict[str, str]:
    """Hash of the Python sources of each folder of the package (``engine``, ``commands``, ...; ``halfspread`` for what
    lies in none), by name; hex digits. Computed once: the code of a process does not change."""
    digests: dict[str, Any] = {}
    found = [
        Path(at, name) for at, _, names in os.walk(PACKAGE, followlinks=True) for name in names if name.endswith(".py")
    ]
    for path in sorted(found):
        inside = path.relative_to(PACKAGE)
        folder = inside.parts[0] if len(inside.parts) > 1 else _ROOT
        digest = digests.setdefault(folder, hashlib.blake2b(digest_size=8))
        digest.update(inside.as_posix().encode())
        digest.update(path.read_bytes())
    return {name: digests[name].hexdigest() for name in sorted(digests)}


def commit() -> str | None:
    """The commit that the checkout with halfspread stands on; None where it is installed. Uncommitted edits show in
    `folder_hashes`."""
    git = PACKAGE.parent / ".git"
    try:
        if git.is_file():
            git = (git.parent / git.read_text(encoding="utf-8").partition(":")[2].strip()).resolve()
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref:"):
            return head
        return _of_branch(git, head.partition(":")[2].strip())
    except OSError:
        return None


def _of_branch(git: Path, name: str) -> str | None:
    shared = git / "commondir"
    common = (git / shared.read_text(encoding="utf-8").strip()).resolve() if shared.is_file() else git
    for folder in (git, common):
        if (folder / name).is_file():
            return (folder / name).read_text(encoding="utf-8").strip()
    packed = (common / "packed-refs").read_text(encoding="utf-8").splitlines()
    return next((line.split(" ")[0] for line in packed if line.endswith(f" {name}")), None)


def plugin_sources(agent: Any, folder: Path) -> dict[str, dict[str, str]]:
    """The files of an agent that does not come with halfspread, and of what it imports: ``files``, hashes by path
    relative to ``folder``, its own first, and ``packages``, versions by name. Both empty for a built-in agent."""
    files: dict[str, str] = {}
    packages: dict[str, str] = {}
    waiting, seen = [str(type(each).__module__) for each in _with_inner(agent)], set()
    while waiting:
        name = waiting.pop(0)
        path = _file_of(name)
        if name in seen or path is None or _is_ours(path):
            continue
        seen.add(name)
        if _is_installed(path):
            top = name.split(".")[0]
            if top not in sys.stdlib_module_names:
                packages[top] = package_version(top)
            continue
        files[_relative(path, folder)] = hash_of_file(path)
        waiting += [each for each in _imported_names(path, name) if each in sys.modules]
    return {"files": files, "packages": dict(sorted(packages.items()))}


def _with_inner(agent: Any) -> list[Any]:
    """An agent, and the agents among its parameters, such as the expert of a learner."""
    inner = [getattr(agent, name, None) for name in getattr(agent, "agent_fields", ())]
    return [agent, *(found for each in inner if each is not None for found in _with_inner(each))]


def _file_of(module: str) -> Path | None:
    file = getattr(sys.modules.get(module), "__file__", None)
    path = Path(file).absolute() if file else None
    return path if path is not None and path.is_file() else None


def _imported_names(path: Path, module: str) -> Iterator[str]:
    """Full names of the modules that a source imports anywhere in it, and what may be one: a name taken from one."""
    if path.suffix != ".py":
        return
    package = getattr(sys.modules[module], "__package__", "") or ""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                parts = alias.name.split(".")
                yield from (".".join(parts[: i + 1]) for i in range(len(parts)))
        elif isinstance(node, ast.ImportFrom):
            above = package.rsplit(".", node.level - 1)[0] if node.level else ""
            base = ".".join(part for part in (above, node.module) if part)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _is_ours(path: Path) -> bool:
    return PACKAGE in path.parents or any(link in path.resolve().parents for link in _homes())


@cache
def _homes() -> tuple[Path, ...]:
    """The package's folder, and those that its links lead to."""
    return (PACKAGE, *(entry.resolve() for entry in PACKAGE.iterdir() if entry.is_symlink()))


def _is_installed(path: Path) -> bool:
    if {"site-packages", "dist-packages"} & set(path.parts):
        return True
    places = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")}
    return any(Path(place).resolve() in path.resolve().parents for place in places if place)


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive
        return path.resolve().as_posix()
