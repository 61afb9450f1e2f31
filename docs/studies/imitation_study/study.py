"""The whole study: run every part that is not kept, make the numbers, write the files."""

from __future__ import annotations

import hashlib
import inspect
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cost_study.numbers import to_json
from imitation_study.page import page
from imitation_study.part import Part, Size, Study

from halfspread import __version__
from halfspread.agents.worlds.world import world
from halfspread.commands.machine import machine
from halfspread.commands.sources import folder_hashes, package_hash
from halfspread.configs.runner import default_workers
from halfspread.reports.files import atomic_write_text

__all__ = ["IMAGES", "run_study", "write_study"]

IMAGES = "imitation_images"
#: Folders of the package that the numbers come from.
_FOLDERS = ("costs", "engine", "strategies", "agents")


def run_study(
    parts: Sequence[Part], size: Size, *, out: Path, workers: int, before: Study | None = None
) -> dict[str, Any]:
    """All numbers, as imitation.json gives them back. Finished parts are kept in ``out``; a part that cannot be run
    here is taken from ``before``, a former study, where that has it. The same bits come out again but for ``made``.
    """
    study: dict[str, Any] = {
        "halfspread": __version__,
        "sources": package_hash(),
        "size": {**asdict(size), "bars": world("position_feedback").market.bars},
        "made": {
            "workers": workers,
            "processors": default_workers(),
            "load": round(os.getloadavg()[2], 1),
            **machine(),
        },
    }
    seconds = {}
    for part in parts:
        reason = part.lacks()
        if reason:
            print(f"{part.name}: not run: {reason}", file=sys.stderr, flush=True)
            if before is not None and part.name in before:
                study[part.name] = before[part.name]
            continue
        study[part.name], seconds[part.name] = _kept(part, size, study, out, workers)
    study["made"]["seconds"] = {name: round(each) for name, each in seconds.items()}
    found: dict[str, Any] = json.loads(to_json(study))
    return found


def _kept(part: Part, size: Size, study: Study, out: Path, workers: int) -> tuple[dict[str, Any], float]:
    """The numbers of a part and the seconds that its jobs took; what came of the jobs is kept in the folder, and taken
    from there where the same code has done the same."""
    path, jobs = out / f"{part.name}.json", part.jobs(size)
    code = _code(part, jobs)
    kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if kept.get("code") != code:
        began = time.perf_counter()
        results = json.loads(json.dumps(_results(part, jobs, workers)))  # as it comes back from the file
        kept = {"code": code, "seconds": time.perf_counter() - began, "results": results}
        atomic_write_text(path, json.dumps(kept))
        print(f"{part.name}: {len(jobs)} jobs, {kept['seconds']:.0f} s", file=sys.stderr, flush=True)
    else:
        print(f"{part.name}: kept from before", file=sys.stderr, flush=True)
    numbers: dict[str, Any] = json.loads(to_json(part.numbers(kept["results"], size, study)))
    return numbers, kept["seconds"]


def _results(part: Part, jobs: Sequence[Any], workers: int) -> list[Any]:
    if workers == 1 or len(jobs) == 1:
        return [part.work(job) for job in jobs]
    first = part.work(jobs[0])  # compiles once, in the parent, before workers start
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        return [first, *pool.map(part.work, jobs[1:])]


def _code(part: Part, jobs: Sequence[Any]) -> str:
    """Hash of what results come from: the package, the learners of the study, the work of the part, and its jobs."""
    found = hashlib.blake2b(digest_size=8)
    for name, each in folder_hashes().items():
        if name in _FOLDERS:
            found.update(f"{name} {each}".encode())
    for path in (*sorted(Path(__file__).parent.glob("*learners.py")), Path(__file__).parent / "measures.py"):
        found.update(path.read_bytes())
    found.update(inspect.getsource(part.work).encode())
    found.update(repr(list(jobs)).encode())
    return found.hexdigest()


def write_study(study: Mapping[str, Any], parts: Sequence[Part], to: Path) -> None:
    """imitation.json, imitation.md and the pictures in the folder ``to``. Raises UserError."""
    atomic_write_text(to / "imitation.json", to_json(study))
    for part in parts:
        if part.name in study:
            for name, drawing in part.pictures(study).items():
                atomic_write_text(to / IMAGES / name, drawing)
    atomic_write_text(to / "imitation.md", page(study, parts))
