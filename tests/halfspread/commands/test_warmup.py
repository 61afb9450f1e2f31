"""``halfspread warmup`` leaves nothing for the other commands to compile."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

CODE = """
import json, os, sys
from halfspread.cli import main

GRID = ("--grid", "agents.sma_cross.fast=5,10", "--no-report")
COMMANDS = {
    "run": ("run", "small.toml", "--agent", "sma_cross"),
    "bound": ("run", "small.toml", "--agent", "clairvoyant"),
    "compare": ("compare", "small.toml"),
    "sweep": ("sweep", "small.toml", *GRID),
    "walk-forward": ("walk-forward", "small.toml", "--train", "30d", "--test", "30d", *GRID),
    "sensitivity": ("sensitivity", "small.toml", "--agent", "sma_cross"),
    "train": ("train", "lesson.toml"),
    "learners": ("compare", "lesson.toml"),
    "audit": ("audit", "small.toml", "--agent", "sma_cross", "--set", "market.days=5"),
}


def compiled():
    return {
        f"{name}.{key}: {signature}"
        for name, module in list(sys.modules.items())
        if name.startswith("halfspread.") and name.endswith("kernels")
        for key, value in vars(module).items()
        for signature in getattr(value, "signatures", ())
    }


said = os.dup(1)
os.dup2(2, 1)
assert main(["warmup"]) == 0
before, found = compiled(), {}
for name, arguments in COMMANDS.items():
    assert main(list(arguments)) == 0, name
    after = compiled()
    found[name] = sorted(after - before)
    before = after
os.write(said, json.dumps({"kernels": len(before), "new": found}).encode())
"""

LESSON = """
[training]
until = 2024-02-15

[[agents]]
type = "clone"
expert = { type = "sma_cross", fast = 5, slow = 20 }
features = ["average_gap(5, 20)", "position"]
"""

CONFIG = """\
name = "small"

[market]
source = "synthetic"
days = 92
interval = "1h"

[costs]
half_spread = { kind = "bars" }
fees = { kind = "constant", taker = 5.5e-4, maker = 2e-4 }
funding = { kind = "published" }

[sizing]
kind = "fixed_notional"
amount = 10_000

[[agents]]
type = "buy_and_hold"

[[agents]]
type = "sma_cross"
fast = 20
slow = 100

[[agents]]
type = "bollinger"

[[agents]]
type = "funding_carry"

[[agents]]
type = "clairvoyant"
"""


def test_no_command_compiles_a_kernel_after_it(tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "lesson.toml").write_text(CONFIG.partition("[[agents]]")[0] + LESSON, encoding="utf-8")
    command = [sys.executable, "-c", CODE]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout)
    assert said["kernels"] > 30
    assert {name: new for name, new in said["new"].items() if new} == {}
