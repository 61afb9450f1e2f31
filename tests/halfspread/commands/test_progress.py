"""Progress: on a terminal only, never with ``--json``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from halfspread.commands.progress import Progress

pty = pytest.importorskip("pty", reason="pseudo-terminals are a matter of POSIX")
Command = Any


def on_terminal(*arguments: object) -> str:
    """What a command writes to a terminal as its standard error; standard output goes nowhere."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "halfspread", *map(str, arguments)]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs, env=environment) as process:
        os.close(theirs)
        written = b""
        while True:
            try:
                part = os.read(ours, 65_536)
            except OSError:
                break
            if not part:
                break
            written += part
    os.close(ours)
    assert process.returncode == 0, written
    return written.decode()


def test_progress_is_shown_on_a_terminal(small: Path) -> None:
    shown = on_terminal("run", small)
    for step in ("read the market", "replay sma_cross", "write the report"):
        assert step in shown


def test_json_is_silent_even_on_a_terminal(small: Path) -> None:
    assert on_terminal("run", small, "--json") == ""


def test_nothing_is_shown_where_standard_error_is_no_terminal(small: Path, halfspread: Command) -> None:
    assert halfspread("run", small).err == ""


def test_a_silent_progress_asks_for_no_calls() -> None:
    with Progress(shown=False).replay("anything", 100) as report:
        assert report is None
