"""The market's own sampling error: draws of the reservoir crossed with resampled markets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from esn_rrl_study.rows import CONFIGS, FAMILY, PAPER

from halfspread.errors import UserError

__all__ = ["path_numbers"]

#: Draws of the reservoir on each path.
SEEDS = 5


def path_numbers(paths: int, out: Path, workers: int, told: Callable[[str], None]) -> dict[str, Any]:
    """Run the agent, and the constant under the same gate, as a user does; a run that was killed goes on. Raises
    UserError."""
    told(f"paths: {SEEDS} seeds on each of {paths} paths")
    agent = _montecarlo(PAPER, out, "--seeds", str(SEEDS), "--paths", str(paths), "--workers", str(workers))
    told(f"paths: a constant on each of {paths} paths")
    constant = _montecarlo(
        FAMILY, out, "--agent", "constant", "--seeds", "1", "--paths", str(paths), "--workers", str(workers)
    )
    return {"seeds": SEEDS, "paths": paths, "esn_rrl": _kept(agent), "constant": _kept(constant)}


def _kept(found: Mapping[str, Any]) -> dict[str, Any]:
    """What the page needs of it."""
    one = found["agents"][0]
    names = ("total_return", "information_ratio")
    return {
        "says": found["says"],
        "block_days": found["block_days"],
        "done": found["done"],
        "failed": found["failed"],
        **{name: one["distribution"][name] for name in names},
        "shares": {name: one["variance"][name]["shares"] for name in names if name in one["variance"]},
    }


def _montecarlo(config: Path, out: Path, *arguments: str) -> dict[str, Any]:
    given = [str(config), "--json", "--no-report", *arguments]
    command = [sys.executable, "-m", "halfspread", "montecarlo", *given]
    root = CONFIGS.parent
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))}
    done = subprocess.run(command, cwd=out, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise UserError(f"halfspread montecarlo {' '.join(given)} failed with status {done.returncode}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found
