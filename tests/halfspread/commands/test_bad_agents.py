"""Agents that fail: one message, exit code 2, nothing left behind, in Python and compiled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

Command = Any

PYTHON = """\
import math
import halfspread as hs


class Raises(hs.Strategy):
    def on_bar(self, market):
        raise RuntimeError("no idea")


class DividesByZero(hs.Strategy):
    def on_bar(self, market):
        return 1 / 0


class ReturnsNan(hs.Strategy):
    def on_bar(self, market):
        return math.nan


class LeavesItsRange(hs.Strategy):
    def on_bar(self, market):
        return 1.5


class ReturnsText(hs.Strategy):
    def on_bar(self, market):
        return "long"


class FailsToReset(hs.Strategy):
    def reset(self, rng, instruments):
        raise KeyError("state")

    def on_bar(self, market):
        return 0.0


class LooksTooFarBack(hs.Strategy):
    lookback: int = 3

    def on_bar(self, market):
        return market.history("close", 5).mean()


class LacksOnBar(hs.Strategy):
    pass


class WantsAParameter(hs.Strategy):
    fast: int

    def on_bar(self, market):
        return 0.0
"""
COMPILED = """\
import halfspread as hs


@hs.compiled_agent
def raises(context, memory, history, row):
    if row > 10:
        raise ValueError("no idea")
    return hs.OK


@hs.compiled_agent
def divides(context, memory, history, row):
    context.targets[0] = 1 // (row - row)
    return hs.OK


@hs.compiled_agent
def nan(context, memory, history, row):
    context.targets[0] = float("nan")
    return hs.OK


@hs.compiled_agent
def wide(context, memory, history, row):
    context.targets[0] = -2.0
    return hs.OK


@hs.compiled_agent
def status(context, memory, history, row):
    return 7


@hs.compiled_agent
def python_only(context, memory, history, row):
    open("file")
    return hs.OK


class Raises(hs.CompiledStrategy):
    function = raises


class DividesByZero(hs.CompiledStrategy):
    function = divides


class ReturnsNan(hs.CompiledStrategy):
    function = nan


class LeavesItsRange(hs.CompiledStrategy):
    function = wide


class ReturnsAnotherStatus(hs.CompiledStrategy):
    function = status


class CannotBeCompiled(hs.CompiledStrategy):
    function = python_only
"""


def run(small: Path, halfspread: Command, text: str, name: str) -> str:
    """The message of a run with class ``name`` of a file."""
    halfspread("run", small)
    earlier = {path: path.read_bytes() for path in Path("runs").rglob("*") if path.is_file()}
    small.with_name("bad.py").write_text(text, encoding="utf-8")
    done = halfspread("run", small, "--json", "--set", f"agent={{ type = './bad.py:{name}' }}")
    assert done.code == 2, done.err
    assert done.out == ""
    assert "Traceback" not in done.err
    assert done.err.count("halfspread: error: ") == 1
    assert {path: path.read_bytes() for path in Path("runs").rglob("*") if path.is_file()} == earlier
    assert not list(Path("runs").rglob(".partial*"))
    message: str = done.err
    return message


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Raises", ["RuntimeError: no idea", "2024-01-01 00:05:00 UTC", "line 7"]),
        ("DividesByZero", ["ZeroDivisionError: division by zero", "line 12"]),
        ("ReturnsNan", ["target nan", "expected a number from -1 to 1"]),
        ("LeavesItsRange", ["target 1.5", "expected a number from -1 to 1"]),
        ("ReturnsText", ["expected a number from -1 to 1, or None", "'long'"]),
        ("FailsToReset", ["KeyError: 'state'"]),
        ("LooksTooFarBack", ["lookback = 3", "declare a larger lookback"]),
        ("LacksOnBar", ["on_bar(self, market)"]),
        ("WantsAParameter", ["parameter 'fast' is missing"]),
    ],
)
def test_a_python_agent_that_fails_is_told_with_its_reason(
    small: Path, halfspread: Command, name: str, expected: list[str]
) -> None:
    message = run(small, halfspread, PYTHON, name)
    assert name in message
    assert [part for part in expected if part not in message] == []
    assert message.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Raises", ["ValueError: no idea", "2024-01-01 01:00:00 UTC"]),
        ("DividesByZero", ["ZeroDivisionError"]),
        ("ReturnsNan", ["target nan", "expected a number from -1 to 1"]),
        ("LeavesItsRange", ["target -2.0", "expected a number from -1 to 1"]),
        ("ReturnsAnotherStatus", ["7", "hs.OK"]),
        ("CannotBeCompiled", ["cannot compile", "'open'"]),
    ],
)
def test_a_compiled_agent_that_fails_is_told_with_its_reason(
    small: Path, halfspread: Command, name: str, expected: list[str]
) -> None:
    message = run(small, halfspread, COMPILED, name)
    assert name in message
    assert [part for part in expected if part not in message] == []
    assert message.count("\n") == 1 or name == "CannotBeCompiled"


def test_a_file_that_cannot_be_imported_is_told_with_its_line(small: Path, halfspread: Command) -> None:
    message = run(small, halfspread, "import halfspread as hs\nimport no_such_module\n", "Any")
    assert "bad.py, line 2" in message
    assert "no_such_module" in message


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("market.symbol=BTCUSDTT", "unknown instrument 'BTCUSDTT'"),
        ("market.bars=absent.parquet", "absent.parquet: no such file"),
        ("market.bars=$NOWHERE_AT_ALL/b.parquet", "environment variable NOWHERE_AT_ALL is not set"),
        ("market.bars=empty.parquet", "empty.parquet"),
    ],
)
def test_data_that_are_not_there_are_told(small: Path, halfspread: Command, setting: str, expected: str) -> None:
    Path("empty.parquet").write_bytes(b"")
    market = "market={ source='bars', venue='bybit', symbol='BTCUSDT', bars='small.toml' }"
    done = halfspread("run", small, "--set", market, "--set", setting)
    assert done.code == 2
    assert expected in done.err
    assert done.err.count("\n") == 1
    assert not Path("runs").exists()
