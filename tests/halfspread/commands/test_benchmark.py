"""Runs and comparisons against a benchmark: what is shown, what is kept, and what verify notices."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]

FILE = '\n[benchmark]\npath = "index.csv"\nvalues = "returns"\n'
DAYS = "date,return\n2024-01-01,0.01\n2024-01-02,-0.02\n2024-01-03,0.005\n"


@pytest.fixture
def index(tmp_path: Path) -> Path:
    path = tmp_path / "index.csv"
    path.write_text(DAYS, encoding="utf-8")
    return path


def add(config: Path, lines: str) -> Path:
    config.write_text(config.read_text(encoding="utf-8") + lines, encoding="utf-8")
    return config


def test_a_run_against_a_file_says_so_everywhere_and_an_edited_file_is_noticed(
    small: Path, index: Path, halfspread: Command
) -> None:
    add(small, FILE)
    found = json.loads(halfspread("run", small, "--json").out)
    folder = Path(found["run_dir"])
    metrics = found["metrics"]
    assert metrics["benchmark"] == "index"
    assert metrics["benchmark_return"] == pytest.approx(-0.005)
    assert metrics["active_return"] == pytest.approx(metrics["total_return"] + 0.005)
    assert metrics["information_ratio"] != metrics["sharpe_ratio"]
    assert json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["metrics"] == metrics
    assert found["assumptions"]["benchmark"].startswith("index: daily returns in index.csv")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["data"]["files"]["benchmark"]["file"] == "index.csv"
    assert manifest["agents"][0]["benchmark"] == "index"
    assert "index: daily returns in index.csv" in (folder / "report.html").read_text(encoding="utf-8")
    assert "against index" in halfspread("run", small).out

    assert halfspread("verify", folder).code == 0
    index.write_text(DAYS.replace("0.005", "0.006"), encoding="utf-8")
    edited = halfspread("verify", folder, "--json")
    told = json.loads(edited.out)
    assert edited.code == 1
    assert told["first"]["kind"] == "data"
    assert told["first"]["where"] == "benchmark (index.csv)"
    index.write_text("date,return\n2024-01-01,7.0\n", encoding="utf-8")
    spoilt = halfspread("verify", folder)
    assert spoilt.code == 2
    assert "unit = 'percent'" in spoilt.err
    assert "this has changed: benchmark (index.csv): expected hash" in spoilt.err


def test_days_that_are_missing_are_told_before_anything_runs(small: Path, index: Path, halfspread: Command) -> None:
    add(small, FILE)
    index.write_text("".join(DAYS.splitlines(keepends=True)[:3]), encoding="utf-8")
    done = halfspread("run", small)
    assert done.code == 2
    assert "covers 2024-01-01 to 2024-01-02 (2 days), the run 2024-01-01 to 2024-01-03 (3 days)" in done.err
    assert "replay" not in done.err
    assert not list(small.parent.glob("runs/small/*/manifest.json"))


def test_the_price_held_needs_no_file(small: Path, halfspread: Command) -> None:
    add(small, "\n[benchmark]\nhold = true\n")
    found = json.loads(halfspread("run", small, "--json").out)
    assert found["metrics"]["benchmark"] == "BTCUSDT held"
    assert halfspread("verify", found["run_dir"]).code == 0


def test_an_instrument_that_is_not_there_is_told_before_anything_runs(small: Path, halfspread: Command) -> None:
    add(small, '\n[benchmark]\nhold = "ETHUSDT"\n')
    done = halfspread("run", small)
    assert done.code == 2
    assert "benchmark: ETHUSDT: expected an instrument of the run: synthetic:BTCUSDT" in done.err
    assert "replay" not in done.err


def test_the_effective_config_shows_the_benchmark(small: Path, halfspread: Command) -> None:
    add(small, "\n[benchmark]\nhold = true\n")
    assert "[benchmark]\nhold = true\n" in halfspread("config", "show", small).out
    assert "benchmark" in json.loads(halfspread("config", "schema").out)["properties"]


def test_a_comparison_against_one_of_its_agents(several: Path, halfspread: Command) -> None:
    add(several, '\n[benchmark]\nagent = "buy_and_hold"\n')
    found = json.loads(halfspread("compare", several, "--json", "--no-audit").out)
    metrics = {each["name"]: each["metrics"] for each in found["agents"]}
    assert {each["benchmark"] for each in metrics.values()} == {"buy_and_hold"}
    held = metrics["buy_and_hold"]
    assert held["information_ratio"] is None
    assert (held["beta"], held["tracking_error"]) == (1.0, 0.0)
    for each in metrics.values():
        assert each["benchmark_return"] == pytest.approx(held["total_return"])
    assert halfspread("verify", found["run_dir"]).code == 0


def test_two_configs_whose_agents_share_a_name_keep_their_own_benchmark(
    several: Path, halfspread: Command, tmp_path: Path
) -> None:
    add(several, '\n[benchmark]\nagent = "buy_and_hold"\n')
    other = tmp_path / "other.toml"
    text = (
        several.read_text(encoding="utf-8").replace('"several"', '"other"').replace("amount = 10_000", "amount = 100")
    )
    other.write_text(text, encoding="utf-8")
    found = json.loads(halfspread("compare", several, other, "--json", "--no-audit", "--no-report").out)
    against = {each["name"]: each["metrics"]["benchmark"] for each in found["agents"]}
    assert against["several.sma_cross"] == "several.buy_and_hold"
    assert against["other.sma_cross"] == "other.buy_and_hold"
    assert halfspread("verify", found["run_dir"]).code == 0


def test_a_run_of_one_agent_is_not_measured_against_one_that_does_not_run(several: Path, halfspread: Command) -> None:
    add(several, '\n[benchmark]\nagent = "buy_and_hold"\n')
    done = halfspread("run", several, "--agent", "sma_cross")
    assert done.code == 2
    assert "'buy_and_hold' does not run beside 'sma_cross'" in done.err
    assert "halfspread compare" in done.err


def test_a_sweep_says_that_it_measures_against_zero(small: Path, halfspread: Command) -> None:
    add(small, "\n[benchmark]\nhold = true\n")
    done = halfspread("sweep", small, "--grid", "agent.fast=4,5", "--workers", "1")
    assert "ratios are against zero here" in done.err


def test_the_register_says_what_a_ratio_is_against(small: Path, halfspread: Command) -> None:
    halfspread("run", small, "--no-report")
    assert "IR against" not in halfspread("runs").out
    add(small, "\n[benchmark]\nhold = true\n")
    name = Path(json.loads(halfspread("run", small, "--no-report", "--json").out)["run_dir"]).name
    for done in (halfspread("runs"), halfspread("runs", "show", name)):
        assert "IR against BTCUSDT" in " ".join(done.out.split())
