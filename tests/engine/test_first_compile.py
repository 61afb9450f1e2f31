"""A second process compiles the core of the loop, where there is something to compile and a processor for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from halfspread.compiled import cache_folder
from halfspread.datafeeds.synthetic.market import SyntheticMarket
from halfspread.engine import agent_functions, first_compile
from halfspread.engine.records import EVENT
from halfspread.engine.replay import Replay


class Beside:
    """Stands in for the second process."""

    def __init__(self, command: list[str], **_: Any) -> None:
        self.command, self.calls = command, ["begun"]

    def wait(self) -> None:
        self.calls.append("awaited")

    def terminate(self) -> None:
        self.calls.append("ended")


@pytest.fixture
def empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(first_compile, "_beside", None)
    monkeypatch.setattr(first_compile, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(subprocess, "Popen", Beside)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    return tmp_path


def test_it_begins_once_and_is_awaited(empty: Path) -> None:
    first_compile.compile_core_beside()
    beside: Any = vars(first_compile)["_beside"]
    first_compile.compile_core_beside()
    assert vars(first_compile)["_beside"] is beside
    assert beside.command == [sys.executable, "-P", "-c", first_compile.WORK]
    first_compile.await_core()
    assert beside.calls == ["begun", "awaited"]


def test_nothing_begins_where_the_core_is_compiled(empty: Path) -> None:
    (empty / "engine_0").mkdir()
    (empty / "engine_0" / "core_kernels.serve_core-1.py311.1.nbc").touch()
    first_compile.compile_core_beside()
    assert first_compile._beside is None
    first_compile.await_core()


def test_nothing_begins_on_a_single_processor(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
    first_compile.compile_core_beside()
    assert first_compile._beside is None


def test_nothing_is_lost_where_no_process_can_begin(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("no more processes")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    first_compile.compile_core_beside()
    assert first_compile._beside is None
    first_compile.await_core()


def test_it_compiles_what_a_run_needs() -> None:
    tape = SyntheticMarket(days=1).tape(np.random.default_rng(1))
    chunk = next(iter(Replay(tape.feeds, np.zeros(0, EVENT), "bars", 0, shared=tape.shared)))
    assert agent_functions._kinds(chunk.data) == agent_functions._kinds(agent_functions._no_data())


def test_the_core_is_looked_for_where_it_is_kept() -> None:
    agent_functions.compile_core()
    assert any(cache_folder().glob(first_compile.CORE))
