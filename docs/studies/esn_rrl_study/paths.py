"""The market's own sampling error: draws of the reservoir crossed with resampled markets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from esn_rrl_study.rows import CONFIGS, PAPER

from halfspread.errors import UserError

__all__ = ["path_numbers"]

#: Draws of the reservoir on each path, and the mean length of a block.
SEEDS, BLOCK = 6, "5d"


def path_numbers(paths: int, out: Path, workers: int, told: Callable[[str], None]) -> dict[str, Any]:
    """Run it as a user does; a run that was killed goes on. Raises UserError."""
    command = [
        *(sys.executable, "-m", "halfspread", "montecarlo", str(PAPER), "--json", "--no-report"),
        *("--seeds", str(SEEDS), "--paths", str(paths), "--block", BLOCK, "--workers", str(workers)),
    ]
    root = CONFIGS.parent
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))}
    told(f"paths: {SEEDS} seeds on each of {paths} paths")
    done = subprocess.run(command, cwd=out, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise UserError(f"halfspread {' '.join(command[3:])} failed with status {done.returncode}")
    found: dict[str, Any] = json.loads(done.stdout)
    return {"seeds": SEEDS, "paths": paths, "block": BLOCK, "found": found}
