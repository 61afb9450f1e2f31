"""``halfspread sweep``: the same bytes whatever the worker count, resumed after a kill, failing cells among others."""

from __future__ import annotations

import errno
import json
import os
import sys
import time
from pathlib import Path
from subprocess import Popen
from typing import Any

import pandas as pd
import pytest

import halfspread as hs
from halfspread.commands.cell_store import CellStore
from halfspread.commands.registry import read_run
from halfspread.configs.build import build_agents, build_tape
from halfspread.configs.cell_work import CellWork, Outcome
from halfspread.configs.cells import Cell
from halfspread.configs.load import load

Command = Any

FAILS = """\
import halfspread as hs


class Fails(hs.Strategy):
    at: int = 0

    def on_bar(self, market):
        if self.at == 3:
            raise RuntimeError("three is too many")
        return 1.0 if market.close > market.open + self.at else -1.0
"""
SLOW = """\
import pathlib
import time
import halfspread as hs


class Slow(hs.Strategy):
    at: int = 0

    def reset(self, rng, instruments):
        pathlib.Path(f"began-{self.at}").touch()
        if self.at > 3 and pathlib.Path("wait").exists():
            time.sleep(60)

    def on_bar(self, market):
        return 1.0 if market.close > market.open + self.at else -1.0
"""
FORGETS_NOTHING = """\
import halfspread as hs


class Mine(hs.Strategy):
    at: int = 0
    runs = 0

    def reset(self, rng, instruments):
        Mine.runs += 1

    def on_bar(self, market):
        return 1.0 if (market.close > market.open + self.at) == (Mine.runs LIMIT) else -1.0
"""
GRID = ("--grid", "agent.fast=3,5,8", "--grid", "agent.slow=8,20")


def swept(name: str = "small", out: str = "runs") -> Path:
    (folder,) = [path for path in Path(out, name).iterdir() if not path.name.startswith(".")]
    return folder


def plugin(small: Path, text: str) -> tuple[str, ...]:
    small.with_name("agent.py").write_text(text, encoding="utf-8")
    return ("--set", "agent={ type = './agent.py' }")


def table(out: str = "runs") -> pd.DataFrame:
    return pd.read_parquet(swept(out=out) / "sweep.parquet")


def test_a_sweep_leaves_a_run_folder_with_every_cell(small: Path, halfspread: Command) -> None:
    done = halfspread("sweep", small, *GRID)
    assert done.code == 0, done.err
    assert done.err.startswith("halfspread: 6 cells, about ")
    assert {path.name for path in swept().iterdir()} == {
        *("manifest.json", "metrics.json", "sweep.parquet", "returns.parquet", "report.html")
    }
    cells = table()
    assert cells["agent.fast"].tolist() == [3, 3, 5, 5, 8, 8]
    assert cells["agent.slow"].tolist() == [8, 20, 8, 20, 8, 20]
    assert cells["state"].tolist() == ["done"] * 4 + ["refused", "done"]
    assert "fast has to be less than slow, got fast=8, slow=8" in cells["reason"][4]
    returns = pd.read_parquet(swept() / "returns.parquet")
    assert list(returns) == ["day", "cell_0", "cell_1", "cell_2", "cell_3", "cell_5"]
    assert returns["cell_3"].sum() == pytest.approx(cells["total_return"][3], abs=1e-12)
    record = read_run(swept())
    assert (record.state, record.kind) == ("complete", "sweep")
    assert record.agents[0]["total_return"] == cells["total_return"].max()
    assert not list(Path("runs/small").glob(".sweep*"))


def test_a_cell_is_the_single_run_bit_for_bit(small: Path, halfspread: Command) -> None:
    halfspread("sweep", small, *GRID)
    row = table().iloc[3]
    loaded = load(small, ["agent.fast=5", "agent.slow=20"])
    result = hs.backtest(
        build_tape(loaded), build_agents(loaded)[0].agent, loaded.config.costs, sizing=hs.FixedNotional(10_000), seed=1
    )
    for name, value in result.metrics.items():
        if isinstance(value, (int, float)):
            assert row[name] == value or (value != value and row[name] != row[name]), name  # noqa: PLR0124
    daily = pd.read_parquet(swept() / "returns.parquet")["cell_3"]
    assert daily.tolist() == result.daily()["pnl"].tolist()


@pytest.mark.parametrize("agent", ["compiled", "python"])
def test_one_worker_and_two_leave_the_same_bytes(
    small: Path, halfspread: Command, monkeypatch: pytest.MonkeyPatch, agent: str
) -> None:
    monkeypatch.setattr("halfspread.configs.runner.PATIENT_EVENTS", 0)
    grid: tuple[str, ...] = GRID
    if agent == "python":
        grid = ("--grid", "agent.at=0:4", *plugin(small, FAILS))
    for workers in (1, 2):
        done = halfspread("sweep", small, *grid, "--workers", workers, "--out", f"out{workers}")
        assert done.code == 0, done.err
    first, second = swept(out="out1"), swept(out="out2")
    for name in ("sweep.parquet", "returns.parquet", "metrics.json"):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_a_failing_cell_is_recorded_and_the_others_go_on(small: Path, halfspread: Command) -> None:
    done = halfspread("sweep", small, "--grid", "agent.at=0:4", *plugin(small, FAILS), "--workers", 1)
    assert done.code == 0, done.err
    cells = table()
    assert cells["state"].tolist() == ["done", "done", "done", "failed", "done"]
    assert "three is too many" in cells["reason"][3]
    assert cells["total_return"].isna().tolist() == [False, False, False, True, False]
    assert "1 failed, such as: " in done.out
    assert "three is too many" in (swept() / "report.html").read_text(encoding="utf-8")


def test_a_killed_sweep_goes_on_where_it_was(small: Path, halfspread: Command) -> None:
    sweep = ("sweep", small, "--grid", "agent.at=0:6", *plugin(small, SLOW), "--workers", 1)
    assert halfspread(*sweep, "--out", "whole").code == 0
    for path in Path().glob("began-*"):
        path.unlink()
    Path("wait").touch()
    lines = ["import halfspread.commands.cell_store as store", "from halfspread.cli import main"]
    Path("often.py").write_text("\n".join([*lines, "store.PAUSE = 0.0", "main()", ""]), encoding="utf-8")
    process = Popen([sys.executable, "often.py", *map(str, sweep)])
    for _ in range(1_200):
        if Path("began-4").exists():
            break
        time.sleep(0.05)
    process.kill()
    process.wait()
    (kept,) = Path("runs/small").glob(".sweep-*")
    assert len(list(kept.glob("cells-*.json"))) == 4
    forged = sorted(kept.glob("cells-*.json"))[0].read_text(encoding="utf-8").replace('"index": 0', '"index": 4')
    (kept / "cells-000004-0-0.json").write_text(forged, encoding="utf-8")  # as if edited: its digest is of other text
    Path("wait").unlink()
    for path in Path().glob("began-*"):
        path.unlink()
    done = halfspread(*sweep)
    assert done.code == 0, done.err
    assert "4 of 7 cells are kept from before, 3 to run" in done.err
    best = pd.read_parquet(swept() / "sweep.parquet")["total_return"].idxmax()
    assert sorted(path.name for path in Path().glob("began-*")) == sorted({f"began-{n}" for n in (4, 5, 6, best)})
    for name in ("sweep.parquet", "returns.parquet", "metrics.json"):
        assert (swept() / name).read_bytes() == (swept(out="whole") / name).read_bytes(), name
    assert not list(Path("runs/small").glob(".sweep*"))


def test_other_data_are_not_mixed_with_what_is_kept(small: Path, halfspread: Command) -> None:
    """A grid over the market itself: each cell has a tape of its own."""
    done = halfspread("sweep", small, "--grid", "market.days=2,3,4", "--workers", 2)
    assert done.code == 0, done.err
    assert table()["days"].tolist() == [2, 3, 4]
    returns = pd.read_parquet(swept() / "returns.parquet")
    assert returns["cell_0"].isna().tolist() == [False, False, True, True]
    assert "the settings ran over different days" in (swept() / "report.html").read_text(encoding="utf-8")


def test_dates_may_be_swept_without_quotes(small: Path, halfspread: Command) -> None:
    done = halfspread("sweep", small, "--grid", "market.start=2024-01-01,2024-02-01", "--json")
    assert done.code == 0, done.err
    assert {each["settings"]["market.start"] for each in json.loads(done.out)["best"]} == {"2024-01-01", "2024-02-01"}
    assert table()["market.start"].tolist() == ["2024-01-01", "2024-02-01"]


def test_json_is_one_object(small: Path, halfspread: Command) -> None:
    done = halfspread("sweep", small, *GRID, "--json", "--rank", "information_ratio", "--no-report")
    data = json.loads(done.out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    counts = {"cells", "tried", "refused", "failed", "tried_before"}
    assert {"name", "run_dir", "ranking", "keys", "statistics", "best"} | counts == set(data)
    assert (data["cells"], data["tried"], data["refused"], data["failed"]) == (6, 5, 1, 0)
    assert data["statistics"]["tried"] == 5
    assert data["best"][0]["settings"].keys() == {"agent.fast", "agent.slow"}
    ratios = [each["metrics"]["information_ratio"] for each in data["best"]]
    assert ratios == sorted(ratios, reverse=True)
    assert not (Path(data["run_dir"]) / "report.html").exists()


def test_random_settings_are_the_same_for_a_seed(small: Path, halfspread: Command) -> None:
    drawn = ("--random", 5, "--seed", 3, "--grid", "agent.fast=2..9", "--grid", "agent.slow=10..30")
    for out in ("a", "b"):
        assert halfspread("sweep", small, *drawn, "--out", out).code == 0
    assert (swept(out="a") / "sweep.parquet").read_bytes() == (swept(out="b") / "sweep.parquet").read_bytes()
    assert len(table("a")) == 5


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "nothing to sweep: give --grid"),
        (["--grid", "agent.fats=1:3"], "no parameter 'fats'"),
        (["--grid", "costs.feees=1,2"], "unknown key"),
        (["--grid", "agent.fast=30,40"], "none of 2 cells can run; the first, agent.fast=30"),
        (["--grid", "agent.fast=30"], "the only cell, agent.fast=30, cannot run"),
        (["--grid", "agent.fast=3", "--set", "agent.fast=5"], "--set gives it one value and --grid several"),
        (["--grid", "agent.fast=3..9"], "say how often with --random N"),
        (["--grid", "agent.fast=3,5", "--rank", "sharp"], "ranking: expected the name of a metric"),
        (["--grid", "agent.fast=3,5", "--workers", "0"], "--workers: expected 1 or more"),
        (["--grid", "agent.fast=3,5", "--agent", "smaa"], "no agent 'smaa'"),
        (["--grid", "agent.name=a,b"], "a name changes no result, so all its cells would be the same"),
        (["--grid", "benchmark.hold=true,false"], "ratios are against zero here, so all its cells would be the same"),
        (
            ["--grid", "agent.fast=1:2000", "--grid", "agent.slow=1:2000", "--yes"],
            "4,000,000 cells are more than can be",
        ),
    ],
)
def test_grids_that_make_no_sense_are_refused_in_words(
    small: Path, halfspread: Command, arguments: list[str], said: str
) -> None:
    done = halfspread("sweep", small, *arguments)
    assert done.code == 2
    assert said in done.err
    assert not list(Path("runs").rglob("*.parquet"))


def test_a_key_of_another_agent_is_refused(several: Path, halfspread: Command) -> None:
    for key in ("agents.2.window", "agents.bollinger.window", "agents.bollinger.name"):
        done = halfspread("sweep", several, "--agent", "sma_cross", "--grid", f"{key}=10,20")
        assert done.code == 2
        assert "so all its cells would be the same" in done.err
    for key in ("agents.0.fast", "agents.sma_cross.fast", "agent.fast"):
        done = halfspread("sweep", several, "--agent", "sma_cross", "--grid", f"{key}=3,5", "--no-report")
        assert done.code == 0, done.err


@pytest.mark.parametrize(("limit", "finished"), [("% 2 == 0", 0), ("> 4", 3)])
def test_an_agent_that_keeps_state_between_runs_is_stopped_in_words(
    small: Path, halfspread: Command, limit: str, finished: int
) -> None:
    """After its first cell where that tells, else when the best runs again; what is finished is kept then."""
    agent = plugin(small, FORGETS_NOTHING.replace("LIMIT", limit))
    done = halfspread("sweep", small, *agent, "--grid", "agent.at=1,2,3", "--workers", 1)
    assert done.code == 2
    assert "agent agent does not repeat itself: cell " in done.err
    assert "set all state in reset()" in done.err
    assert len(list(Path("runs").rglob("cells-*.json"))) == bool(finished)
    assert ("finished cells are kept in" in done.err) == bool(finished)
    assert not list(Path("runs").rglob("*.parquet"))
    healed = plugin(small, FORGETS_NOTHING.replace("Mine.runs LIMIT", "True"))
    assert halfspread("sweep", small, *healed, "--grid", "agent.at=1,2,3", "--workers", 1).code == 0


def test_values_that_look_like_markup_are_shown_as_they_are(small: Path, halfspread: Command) -> None:
    text = (
        FAILS.replace("at: int = 0", 'at: str = "x"').replace("if self.at == 3", "if False").replace(" + self.at", "")
    )
    grid = ("--grid", 'agent.at="[/bold]","[red]boom"')
    done = halfspread("sweep", small, *plugin(small, text), *grid)
    assert done.code == 0, done.err
    assert "[/bold]" in done.out
    assert "[red]boom" in done.out
    windows = ("--train", "1d", "--test", "12h", "--metric", "total_return")
    done = halfspread("walk-forward", small, *plugin(small, text), *grid, *windows, "--no-report")
    assert done.code == 0, done.err
    assert "[/bold]" in done.out


def test_a_ranking_by_what_no_setting_has_is_refused(small: Path, halfspread: Command) -> None:
    done = halfspread("sweep", small, *GRID, "--rank", "fill_ratio")
    assert done.code == 2
    assert "--rank fill_ratio: none of 5 settings has it, so that none is the best" in done.err
    assert not list(Path("runs").rglob("*.parquet"))
    assert "5 of 6 cells are kept from before" in halfspread("sweep", small, *GRID).err


def test_a_grid_that_explodes_says_how_many_cells_and_how_long(
    small: Path, halfspread: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = halfspread("sweep", small, "--grid", "agent.fast=2:900:1", "--grid", "agent.slow=1000:9999:1")
    assert done.code == 2
    assert "error: 8,091,000 cells, about " in done.err
    assert "more than 1,000,000 cannot be held: try fewer" in done.err
    monkeypatch.setattr("halfspread.commands.sweep.MANY", 5)
    done = halfspread("sweep", small, *GRID)
    assert "error: 6 cells, about " in done.err
    assert "add --yes" in done.err
    assert halfspread("sweep", small, *GRID, "--yes").code == 0


def test_one_of_several_agents_is_named_or_meant_by_the_keys(several: Path, halfspread: Command) -> None:
    assert "say which with --agent NAME" in halfspread("sweep", several, "--grid", "agent.fast=3,5").err
    done = halfspread("sweep", several, "--grid", "agent.fast=3,5", "--agent", "sma_cross", "--json")
    assert json.loads(done.out)["keys"] == ["agents.sma_cross.fast"]
    done = halfspread("sweep", several, "--grid", "agents.bollinger.window=10,20", "--json", "--out", "other")
    assert json.loads(done.out)["tried"] == 2


def test_an_interrupted_sweep_keeps_its_cells(
    small: Path, halfspread: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, ran = CellWork.run, []

    def interrupted(self: Any, plan: Any, progress: Any = None) -> Any:
        ran.append(plan.cell.index)
        if len(ran) > 4:
            raise KeyboardInterrupt
        return run(self, plan, progress)

    with monkeypatch.context() as patched:
        patched.setattr(CellWork, "run", interrupted)
        done = halfspread("sweep", small, *GRID, "--workers", 1)
    assert done.code == 130
    assert "interrupted; finished cells are kept" in done.err
    assert "3 of 6 cells are kept from before" in halfspread("sweep", small, *GRID).err


def test_a_full_disk_in_the_middle_is_told_with_what_is_kept(
    small: Path, halfspread: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While cells are kept, and while the run folder is written: the same command goes on from there both times."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "no room")

    replaced = []

    def full_later(source: Path, target: Path) -> None:
        replaced.append(target)
        if len(replaced) > 2:
            full()
        rename(source, target)

    rename = os.replace
    monkeypatch.setattr("halfspread.commands.cell_store.PAUSE", 0.0)
    for name, what, kept in (("os.replace", full_later, 2), ("pyarrow.parquet.write_table", full, 6)):
        with monkeypatch.context() as patched:
            patched.setattr(name, what)
            done = halfspread("sweep", small, *GRID, "--workers", 1)
        assert done.code == 2
        assert "No space left on device; cells that were written before are kept, and the same command" in done.err
        assert not list(Path("runs").rglob("*.parquet"))
        (home,) = Path("runs/small").glob(".sweep-*")
        assert len(list(home.glob("cells-*.json"))) == min(kept, 5)  # one of six is refused
    done = halfspread("sweep", small, *GRID)
    assert "5 of 6 cells are kept from before" in done.err
    assert not list(Path("runs/small").glob(".*"))


def test_the_same_sweep_twice_at_a_time_works_in_folders_of_its_own(tmp_path: Path) -> None:
    cells = [Cell(0)]
    one, two = (CellStore(tmp_path / "mine", "sweep", {}, cells, "data") for _ in range(2))
    for store in (one, two):
        store.add(Outcome(0, "done", metrics={"a": 1.0}), "data")
        store.flush()
    one.remove()
    assert not one.path.exists()
    assert len(list(two.path.iterdir())) == 1
    two.close()
    assert CellStore(tmp_path / "mine", "sweep", {}, cells, "data").known(0, "data") is None  # the first name is free
    two.remove()
