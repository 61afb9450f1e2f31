"""``halfspread walk-forward``: one agent, a grid, and a folder with what came out of sample."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

Command = Any
LENGTHS = ("--train", "1d", "--test", "12h")
BY_RETURN = ("--metric", "total_return")  # a day is too short for a ratio
GRID = ("--grid", "agent.fast=2,5", "--grid", "agent.slow=8:20:6")


def test_a_walk_forward_leaves_its_windows_and_days(small: Path, halfspread: Command) -> None:
    done = halfspread("walk-forward", small, *GRID, *LENGTHS, *BY_RETURN, "--json")
    assert done.code == 0, done.err
    said = json.loads(done.out)
    folder = Path(said["run_dir"])
    assert {path.name for path in folder.iterdir()} == {
        "manifest.json",
        "metrics.json",
        "windows.parquet",
        "daily.parquet",
    }
    assert said["settings"] == 6
    assert len(said["windows"]) == said["metrics"]["windows"] == 4
    assert sum(window["total_return"] for window in said["windows"]) == pytest.approx(said["metrics"]["total_return"])
    assert said["attribution"]["total"] == pytest.approx(said["metrics"]["total_return"])
    assert {window["parameters"]["slow"] for window in said["windows"]} <= {8, 14, 20}
    assert said["windows"][0]["train_end"] == said["windows"][0]["test_start"]
    days = pd.read_parquet(folder / "daily.parquet")
    assert days["pnl"].sum() == pytest.approx(said["metrics"]["total_return"])
    assert len(pd.read_parquet(folder / "windows.parquet")) == 4
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["kind"] == "walk-forward"
    assert manifest["walk_forward"]["settings"] == 6
    assert halfspread("runs").code == 0
    assert halfspread("runs", "show", folder).code == 0


def test_purge_and_embargo_and_anchored_are_said(small: Path, halfspread: Command) -> None:
    done = halfspread(
        "walk-forward", small, *GRID, *LENGTHS, "--anchored", "--purge", "1h", "--embargo", "2h", "--json"
    )
    assert done.code == 0, done.err
    said = json.loads(done.out)
    assert said["schedule"] == "trained on all before, at least 1d, tested on the next 12h, purge 1h, embargo 2h"
    starts = {window["train_start"] for window in said["windows"]}
    assert len(starts) == 1
    first = {name: pd.Timestamp(said["windows"][0][name].removesuffix(" UTC")) for name in ("train_end", "test_start")}
    assert first["test_start"] - first["train_end"] == pd.Timedelta("3h")


def test_the_table_names_what_was_chosen(small: Path, halfspread: Command) -> None:
    done = halfspread("walk-forward", small, *GRID, *LENGTHS, "--metric", "total_return")
    assert done.code == 0, done.err
    for word in ("fast", "slow", "in sample", "out of sample", "chosen by total_return of 6 settings", "flat between"):
        assert word in done.out


def test_settings_that_contradict_each_other_are_left_out_and_counted(small: Path, halfspread: Command) -> None:
    done = halfspread("walk-forward", small, "--grid", "agent.fast=5,50", *LENGTHS)
    assert done.code == 0, done.err
    assert "1 setting cannot run" in done.out
    assert "fast has to be less than slow" in done.out


def test_one_agent_of_several_is_walked(several: Path, halfspread: Command) -> None:
    grid = ("--agent", "sma_cross", "--grid", "agent.fast=2,3")
    done = halfspread("walk-forward", several, *grid, *LENGTHS, *BY_RETURN, "--json")
    assert done.code == 0, done.err
    assert {window["agent"] for window in json.loads(done.out)["windows"]} == {"SmaCross"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((*GRID, "--train", "30d", "--test", "1d"), "leave nothing to test"),
        ((*GRID, "--train", "soon", "--test", "1d"), "train: expected an interval"),
        ((*GRID, *LENGTHS, "--purge", "2d"), "purge: 2d leave nothing"),
        ((*GRID, *LENGTHS, "--metric", "luck"), "metric: expected one of"),
        ((*LENGTHS,), "give --grid"),
        (("--grid", "market.days=2,3", *LENGTHS), "chooses settings of the agent"),
        (("--grid", "agent.fast=50,60", *LENGTHS), "none of 2 settings can run"),
    ],
)
def test_bad_input_is_refused(small: Path, halfspread: Command, given: tuple[str, ...], said: str) -> None:
    done = halfspread("walk-forward", small, *given)
    assert done.code == 2
    assert said in done.err
    assert not Path("runs").exists() or not any(Path("runs").rglob("manifest.json"))
