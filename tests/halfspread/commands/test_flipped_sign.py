"""Runs under funding rates of the opposite sign say so below every table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

Command = Any
SAID = "the sign of every funding rate is flipped: no venue pays so"
COMMANDS: dict[str, tuple[str, ...]] = {
    "compare": ("--no-audit",),
    "sweep": ("--grid", "agent.fast=3,5"),
    "sensitivity": (),
    "montecarlo": ("--trials", "2"),
    "walk-forward": ("--grid", "agent.fast=3,5", "--train", "1d", "--test", "12h", "--metric", "total_return"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_flipped_sign_is_told_below_the_table(command: str, small: Path, halfspread: Command) -> None:
    more = (*COMMANDS[command], "--no-report")
    flipped = halfspread(command, small, *more, "--set", "costs.funding.sign=flipped")
    assert flipped.code == 0, flipped.err
    assert SAID in " ".join(flipped.out.split())
    true = halfspread(command, small, *more)
    assert true.code == 0, true.err
    assert "flipped" not in true.out
