"""What was tried on the same data before enters the statistics of what comes after, and is taken down."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from halfspread.commands.run_files import MANIFEST, seal_of
from halfspread.commands.tried import find_tried
from halfspread.reports.statistics.probabilistic import deflated_sharpe
from halfspread.reports.sweep_statistics import sweep_statistics
from halfspread.reports.tried import Tried, deflated_after, luck_after

Command = Any
DAYS = ("--set", "market.days=40")
SWEEP = ("sweep", "--no-report", "--grid", "agent.fast=3,5,8", *DAYS)


def facts(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / MANIFEST).read_text(encoding="utf-8")))


def test_what_sweeps_tried_is_told_by_every_command_after_them(small: Path, halfspread: Command) -> None:
    first = json.loads(halfspread("run", small, *DAYS, "--json").out)
    assert first["tried_before"] == {"settings": 0, "runs": [], "deflated": None}
    for _ in range(2):  # the same settings again count once
        assert halfspread(SWEEP[0], small, *SWEEP[1:]).code == 0
    walk = ("--grid", "agent.fast=2,4", "--train", "20d", "--test", "10d", "--no-report")
    assert halfspread("walk-forward", small, *DAYS, *walk).code == 0
    alone = json.loads(halfspread("sweep", small, "--grid", "agent.fast=3,5,9", *DAYS, "--json", "--out", "else").out)
    done = json.loads(halfspread("sweep", small, "--grid", "agent.fast=3,5,9", *DAYS, "--json", "--no-report").out)
    assert done["tried_before"]["settings"] == done["statistics"]["before"] == 3  # two of three are its own
    assert len(done["tried_before"]["runs"]) == 2
    assert done["statistics"]["luck_ratio"] > alone["statistics"]["luck_ratio"]
    assert done["statistics"]["p_value"] >= alone["statistics"]["p_value"]
    assert done["best"] == alone["best"]
    told = "6 settings were tried on these data before (small/"
    for command in ("run", "compare"):
        said = halfspread(command, small, *DAYS)
        assert told in said.out.replace("\n", " ")
        assert "if sma_cross is the best of them, its deflated Sharpe ratio is" in said.out.replace("\n", " ")
        folder = Path(next(line for line in said.out.splitlines() if line.startswith("results:")).split()[1])
        assert told in (folder / "report.html").read_text(encoding="utf-8")
        entry = facts(folder) if command == "run" else facts(folder)["configs"][0]
        assert entry["tried_before"]["settings"] == 6
    other = json.loads(halfspread("compare", small, "--json").out)["agents"][0]  # other data
    assert other["tried_before"]["settings"] == 0


def test_what_is_verified_does_not_depend_on_what_else_lies_there(small: Path, halfspread: Command) -> None:
    halfspread(SWEEP[0], small, *SWEEP[1:])
    (earlier,) = Path("runs/small").iterdir()
    done = json.loads(halfspread("sweep", small, "--grid", "agent.fast=4,9", *DAYS, "--json", "--no-report").out)
    assert done["tried_before"]["settings"] == 3
    shutil.rmtree(earlier)
    verified = halfspread("verify", done["run_dir"])
    assert (verified.code, verified.out.splitlines()[-1]) == (0, "verified: the same bits again")


def test_settings_that_two_sweeps_have_in_common_count_once(several: Path, halfspread: Command) -> None:
    """However they are written: by the grid, by what is set, or by default; not those of another agent or cost."""

    def before(*arguments: str) -> int:
        done = halfspread("sweep", several, *DAYS, "--agent", "sma_cross", *arguments, "--json", "--no-report")
        assert done.code == 0, done.err
        return int(json.loads(done.out)["tried_before"]["settings"])

    assert before("--grid", "agent.fast=3,5,8,10", "--grid", "agent.slow=20,30") == 0
    assert before("--grid", "agents.sma_cross.slow=20,30,40", "--set", "agents.0.fast=5") == 8 - 2
    short = ("--set", "agents.0={type='sma_cross',fast=3,slow=20}")
    assert before("--grid", "agents.0.fast=5,8,200", *short, "--set", "name=other") == 9 - 2
    assert before("--grid", "costs.fees.taker=5.5e-4,1e-3", *short) == 9 - 1
    assert before("--grid", "agent.fast=3,5", *short, "--set", "costs.fees.taker=1e-3") == 10 - 1


def test_an_edited_plug_in_is_another_agent(small: Path, halfspread: Command) -> None:
    agent = (
        "import halfspread as hs\n\n\nclass Mine(hs.Strategy):\n    at: int = 0\n\n    def on_bar(self, m):\n        "
    )
    sweep = ("sweep", small, "--grid", "agent.at=1,2", "--set", "agent={type='./mine.py'}", "--json", "--no-report")
    told = []
    for body in ("return 1.0", "return 1.0", "return -1.0"):
        small.with_name("mine.py").write_text(f"{agent}{body}\n", encoding="utf-8")
        done = halfspread(*sweep)
        assert done.code == 0, done.err
        told.append(json.loads(done.out)["tried_before"]["settings"])
    assert told == [0, 0, 2]


def test_only_whole_manifests_on_the_same_data_count(small: Path, halfspread: Command) -> None:
    halfspread(SWEEP[0], small, *SWEEP[1:])
    (folder,) = Path("runs/small").iterdir()
    data = facts(folder)["data"]["hash"]
    assert find_tried(Path("runs"), data) == Tried(3, (f"small/{folder.name}",))
    assert find_tried(Path("runs"), "0" * len(data)) == find_tried(Path("nowhere"), data) == Tried()
    text = (folder / MANIFEST).read_text(encoding="utf-8")
    edits = [text.replace('"tried": 3', '"tried": 9'), text[:500], ""]
    edits.append(edits[0].replace(facts(folder)["seal"], seal_of(edits[0])).replace('"manifest": 2', '"manifest": 1'))
    for edited in edits:
        (folder / MANIFEST).write_text(edited, encoding="utf-8")
        assert find_tried(Path("runs"), data) == Tried()


def test_a_ratio_is_deflated_by_all_that_was_tried_and_itself() -> None:
    pnl = np.random.default_rng(0).normal(1e-3, 1e-2, 200)
    ratio = deflated_after(Tried(9, ("a/b",)), pnl)
    assert ratio == deflated_sharpe(pnl, 10, 365.0 / 200)
    assert ratio < deflated_after(Tried(0), pnl)
    assert luck_after(Tried(0), 200) == 0.0
    assert np.isnan(deflated_after(Tried(9), pnl[:3]))
    assert Tried().sentence("mine", pnl) == ""
    assert "cannot be deflated" in Tried(1, ("a/b",)).sentence("mine", pnl[:3])
    assert str(Tried(7, ("a", "b", "c", "d"))) == "7 settings were tried on these data before (a, b, c and 1 more)"


@pytest.mark.parametrize("settings", [1, 4])
def test_earlier_settings_raise_the_bar_of_a_sweep(settings: int) -> None:
    days = np.random.default_rng(1).normal(1e-3, 1e-2, (200, settings))
    alone, after = (sweep_statistics(days, 0, days.sum(axis=0), before) for before in (0, 20))
    assert after.luck_ratio > alone.luck_ratio
    assert after.deflated < alone.deflated
    assert after.p_value > alone.p_value
    assert "and 20 tried on these data before" in after.verdict
    assert "tried on these data before" not in alone.verdict
