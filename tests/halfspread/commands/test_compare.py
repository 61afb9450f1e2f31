"""``halfspread compare``: several agents, one folder, one ranked table."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import fields
from pathlib import Path
from subprocess import Popen
from typing import Any

import numpy as np
import pytest

from halfspread.commands.agent_store import AgentStore
from halfspread.commands.agent_work import AgentWork
from halfspread.commands.replay import replay_into
from halfspread.commands.result_store import plain_result, read_result, write_result
from halfspread.configs.build import build_agents, build_tape
from halfspread.configs.load import load
from halfspread.reports.result import Result

Command = Any
BAD = """\
import halfspread as hs


class Bad(hs.Strategy):
    def on_bar(self, market):
        return 3.0
"""
SLOW = """\
import pathlib
import time
import halfspread as hs


class Slow(hs.Strategy):
    def reset(self, rng, instruments):
        pathlib.Path("began").touch()
        if pathlib.Path("wait").exists():
            time.sleep(60)

    def on_bar(self, market):
        return 1.0 if market.close > market.open else -1.0
"""
EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def test_a_comparison_leaves_a_folder_for_each_agent_and_a_common_report(several: Path, halfspread: Command) -> None:
    done = halfspread("compare", several)
    assert done.code == 0, done.err
    (folder,) = Path("runs/several").iterdir()
    names = {path.name for path in folder.iterdir()}
    assert names == {"sma_cross", "buy_and_hold", "bollinger", "manifest.json", "metrics.json", "report.html"}
    assert {path.name for path in (folder / "bollinger").iterdir()} >= {
        "equity.parquet",
        "fills.parquet",
        "metrics.json",
    }
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert all(name in page for name in ("sma_cross", "buy_and_hold", "bollinger"))
    assert "several" in page
    assert all(name in done.out for name in ("sma_cross", "buy_and_hold", "bollinger"))


def test_json_holds_the_agents_best_first(several: Path, halfspread: Command) -> None:
    data = json.loads(halfspread("compare", several, "--json").out)
    assert data["ranking"] == "total_return"
    returns = [agent["metrics"]["total_return"] for agent in data["agents"]]
    assert returns == sorted(returns, reverse=True)
    assert len(returns) == 3
    assert {"name", "run_dir", "metrics", "attribution", "assumptions", "warnings"} <= set(data["agents"][0])
    assert all(Path(agent["run_dir"]).is_dir() for agent in data["agents"])
    assert Path(data["run_dir"]).is_dir()


def test_another_metric_may_rank_and_an_unknown_one_is_told(several: Path, halfspread: Command) -> None:
    data = json.loads(halfspread("compare", several, "--json", "--rank", "turnover").out)
    turnovers = [agent["metrics"]["turnover"] for agent in data["agents"]]
    assert turnovers == sorted(turnovers)
    done = halfspread("compare", several, "--rank", "turnovr")
    assert done.code == 2
    assert "did you mean 'turnover'" in done.err


def test_an_agent_gets_the_same_numbers_alone_and_in_a_comparison(several: Path, halfspread: Command) -> None:
    together = json.loads(halfspread("compare", several, "--json").out)["agents"]
    for agent in together:
        alone = json.loads(halfspread("run", several, "--agent", agent["name"], "--json").out)
        assert alone["metrics"] == agent["metrics"]


def test_agents_of_several_configs_are_told_apart(small: Path, several: Path, halfspread: Command) -> None:
    data = json.loads(halfspread("compare", small, several, "--json").out)
    names = {agent["name"] for agent in data["agents"]}
    assert names == {"small.sma_cross", "several.sma_cross", "buy_and_hold", "bollinger"}
    assert data["name"] == "small_several"
    assert data["warnings"] == []


def test_the_same_config_twice_is_told_apart_too(small: Path, halfspread: Command) -> None:
    data = json.loads(halfspread("compare", small, small, "--json").out)
    assert [agent["name"] for agent in data["agents"]] == ["small.sma_cross", "small.sma_cross-again"]


def test_an_agent_called_like_a_file_of_the_folder_gets_another_name(several: Path, halfspread: Command) -> None:
    done = halfspread("compare", several, "--set", "agents.bollinger.name=report.html", "--json")
    assert done.code == 0, done.err
    assert "report.html-again" in {agent["name"] for agent in json.loads(done.out)["agents"]}


def test_configs_on_unequal_terms_are_compared_with_a_warning(small: Path, halfspread: Command) -> None:
    other = small.with_name("dear.toml")
    text = small.read_text(encoding="utf-8").replace("5.5e-4", "1e-3").replace('"small"', '"dear"')
    other.write_text(text, encoding="utf-8")
    done = halfspread("compare", small, other, "--json")
    (warning,) = json.loads(done.out)["warnings"]
    assert warning == "the configs differ in costs: their agents are not compared on equal terms"
    assert warning in done.err


def test_a_failing_agent_is_told_and_the_others_go_on(several: Path, halfspread: Command) -> None:
    several.with_name("bad.py").write_text(BAD, encoding="utf-8")
    bad = ("--set", "agents.bollinger={ type = './bad.py', name = 'bollinger' }")
    done = halfspread("compare", several, *bad)
    assert done.code == 2
    assert "halfspread: warning: bollinger: " in done.err
    assert "target 3.0" in done.err
    assert "failed, and left out: bollinger" in done.out
    (folder,) = Path("runs/several").iterdir()
    assert not (folder / "bollinger").exists()
    assert "target 3.0" in (folder / "report.html").read_text(encoding="utf-8")
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert [each["name"] for each in metrics["failed"]] == ["bollinger"]
    verified = halfspread("verify", folder)
    assert (verified.code, verified.out.splitlines()[-1]) == (0, "verified: the same bits again")
    data = json.loads(halfspread("compare", several, *bad, "--json").out)
    assert {each["name"] for each in data["agents"]} == {"sma_cross", "buy_and_hold"}
    assert "target 3.0" in data["failed"][0]["error"]
    audited = halfspread("audit", several, *bad, "--json")
    assert audited.code == 2
    assert [each["name"] for each in json.loads(audited.out)["failed"]] == ["bollinger"]


def test_where_all_agents_fail_the_first_reason_is_the_error(small: Path, halfspread: Command) -> None:
    small.with_name("bad.py").write_text(BAD, encoding="utf-8")
    for command in ("compare", "audit"):
        done = halfspread(command, small, "--set", "agent={ type = './bad.py', name = 'mine' }")
        assert done.code == 2
        assert done.err.startswith("halfspread: error: mine: ") or command == "audit"
        assert "target 3.0" in done.err
    assert not Path("runs/small").exists()


@pytest.mark.parametrize("agents", ["compiled", "python"])
def test_one_worker_and_two_leave_the_same_bytes(
    several: Path, halfspread: Command, monkeypatch: pytest.MonkeyPatch, agents: str
) -> None:
    """Threads and processes; the results of these come back from disk."""
    monkeypatch.setattr("halfspread.configs.runner.PATIENT_EVENTS", 0)
    mode = ("--set", f"execution.mode={agents}")
    for workers in (1, 2):
        done = halfspread("compare", several, *mode, "--workers", workers, "--out", f"out{workers}", "--json")
        assert done.code == 0, done.err
        assert json.loads(done.out)["audits"]["sma_cross"]["passed"]
    first, second = (next(Path(out, "several").iterdir()) for out in ("out1", "out2"))
    for path in sorted(first.rglob("*.parquet")) + sorted(first.rglob("metrics.json")):
        assert path.read_bytes() == (second / path.relative_to(first)).read_bytes(), path
    pages = [(folder / "bollinger" / "report.html").read_text(encoding="utf-8") for folder in (first, second)]
    assert pages[0].replace(str(first), str(second)) == pages[1]


def test_a_result_comes_back_from_disk_as_it_was(small: Path, tmp_path: Path) -> None:
    loaded = load(small)
    (built,) = build_agents(loaded)
    tape = build_tape(loaded)
    before = plain_result(replay_into(loaded, tape, built, tmp_path, None))
    write_result(before, tmp_path)
    now = read_result(tmp_path, tape.instruments)
    for field in fields(Result):
        one, two = getattr(before, field.name), getattr(now, field.name)
        if field.name == "fill_pieces":
            one, two = before.fill_records, now.fill_records
        if isinstance(one, np.ndarray):
            assert one.dtype == two.dtype
            assert one.tobytes() == two.tobytes(), field.name
        else:
            assert one == two, field.name
    assert repr(before.metrics) == repr(now.metrics)


def test_a_killed_comparison_goes_on_where_it_was(several: Path, halfspread: Command) -> None:
    several.with_name("slow.py").write_text(SLOW, encoding="utf-8")
    compare = ("compare", several, "--set", "agents.bollinger={ type = './slow.py', name = 'bollinger' }")
    assert halfspread(*compare, "--out", "whole", "--workers", 1).code == 0
    Path("began").unlink()
    Path("wait").touch()
    often = ["import halfspread.commands.agent_store as store", "from halfspread.cli import main", "store.PAUSE = 0.0"]
    Path("often.py").write_text("\n".join([*often, "main()", ""]), encoding="utf-8")
    process = Popen([sys.executable, "often.py", *map(str, compare), "--workers", "1"])
    for _ in range(1_200):
        if Path("began").exists():
            break
        time.sleep(0.05)
    process.kill()
    process.wait()
    (kept,) = Path("runs/several").glob(".compare-*")
    homes = sorted(path.parent for path in kept.glob("agent-*/agent.json"))
    assert len(homes) == 2
    (homes[1] / "equity.parquet").write_bytes(b"edited")  # its hash stands beside it: this agent runs again
    Path("wait").unlink()
    done = halfspread(*compare)
    assert done.code == 0, done.err
    assert "1 of 3 agents are kept from before, 2 to run" in done.err
    first, second = (next(Path(out, "several").glob("2*")) for out in ("runs", "whole"))
    for path in sorted(first.rglob("*.parquet")) + sorted(first.rglob("metrics.json")):
        assert path.read_bytes() == (second / path.relative_to(first)).read_bytes(), path
    assert json.loads((first / "manifest.json").read_text(encoding="utf-8"))["audits"]["sma_cross"]["passed"]
    assert not list(Path("runs/several").glob(".*"))


def test_an_interrupted_comparison_keeps_its_agents(
    several: Path, halfspread: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = AgentWork.run

    def interrupted(self: AgentWork, plan: Any, progress: Any = None) -> Any:
        if plan.cell.index == stop:
            raise KeyboardInterrupt
        return run(self, plan, progress)

    monkeypatch.setattr(AgentWork, "run", interrupted)
    for stop, said in ((0, "nothing was written"), (2, "finished agents are kept, the same command goes on")):
        done = halfspread("compare", several, "--workers", 1)
        assert (done.code, done.out) == (130, "")
        assert f"interrupted; {said}" in done.err
        assert Path("runs/several").exists() == (stop > 0)
    stop = -1
    assert "2 of 3 agents are kept from before" in halfspread("compare", several).err
    assert len(list(Path("runs/several").iterdir())) == 1


def test_two_comparisons_at_a_time_do_not_share_what_they_keep(tmp_path: Path) -> None:
    with AgentStore(tmp_path / "mine", {}) as one, AgentStore(tmp_path / "mine", {}) as two:
        assert one.path != two.path
        assert one.path.is_dir()
        assert two.path.is_dir()
    assert not list(tmp_path.iterdir())


def test_the_example_of_a_strategy_of_ones_own_runs_beside_the_built_in_ones(
    halfspread: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = halfspread("compare", EXAMPLES / "my_strategy.toml", "--set", "market.days=10", "--json")
    assert done.code == 0, done.err
    assert {agent["name"] for agent in json.loads(done.out)["agents"]} == {"breakout", "sma_cross", "buy_and_hold"}


def test_the_strategy_of_the_example_is_ten_lines(tmp_path: Path) -> None:
    lines = (EXAMPLES / "my_strategy.py").read_text(encoding="utf-8").splitlines()
    code = [line for line in lines if line.strip() and not line.lstrip().startswith(('"', "#"))]
    assert len(code) <= 10
