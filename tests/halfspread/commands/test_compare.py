"""``halfspread compare``: several agents, one folder, one ranked table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

Command = Any
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


def test_one_failing_agent_stops_the_comparison_and_leaves_nothing(several: Path, halfspread: Command) -> None:
    several.with_name("bad.py").write_text(
        "import halfspread as hs\nclass Bad(hs.Strategy):\n    def on_bar(self, market):\n        return 3.0\n",
        encoding="utf-8",
    )
    done = halfspread("compare", several, "--set", "agents.bollinger={ type = './bad.py', name = 'bollinger' }")
    assert done.code == 2
    assert "bollinger" in done.err
    assert "target 3.0" in done.err
    assert not Path("runs/several").exists()


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
