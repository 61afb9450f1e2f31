"""A small config, the command line in this process, and in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from halfspread.cli import main

CONFIG = """\
name = "small"
seed = 1

[market]
source = "synthetic"
days = 3

[costs]
half_spread = { kind = "bars" }
fees = { kind = "constant", taker = 5.5e-4, maker = 2e-4 }
funding = { kind = "published" }

[sizing]
kind = "fixed_notional"
amount = 10_000
"""


@dataclass(frozen=True)
class Outcome:
    """What a command left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


Command = Callable[..., Outcome]


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config with one built-in agent in the working folder of the test."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "small.toml"
    path.write_text(CONFIG + '\n[agent]\ntype = "sma_cross"\nfast = 5\nslow = 20\n', encoding="utf-8")
    return path


@pytest.fixture
def several(small: Path) -> Path:
    """A config with three agents in the same folder."""
    path = small.with_name("several.toml")
    agents = "".join(f'\n[[agents]]\ntype = "{kind}"\n' for kind in ("sma_cross", "buy_and_hold", "bollinger"))
    path.write_text(CONFIG.replace('"small"', '"several"') + agents, encoding="utf-8")
    return path


@pytest.fixture
def halfspread(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command line in this process."""

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start the command line as a process of its own."""

    def popen(*arguments: object, **options: Any) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "halfspread", *map(str, arguments)]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        return subprocess.Popen(
            command,
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    return popen
