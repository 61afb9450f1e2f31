"""The clairvoyant bound in a config: run, compared apart, not audited."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

Command = Any


@pytest.fixture
def bounded(small: Path) -> Path:
    """A config with one agent and its bound."""
    text = small.read_text(encoding="utf-8").replace("[agent]", "[[agents]]")
    small.write_text(text.replace('name = "small"', 'name = "bounded"') + '\n[[agents]]\ntype = "clairvoyant"\n')
    return small


def test_a_comparison_shows_the_share_of_the_bound_and_ranks_it_last(bounded: Path, halfspread: Command) -> None:
    done = halfspread("compare", bounded, "--json")
    assert done.code == 0, done.err
    said = json.loads(done.out)
    agent, bound = said["agents"]
    assert (agent["name"], bound["name"]) == ("sma_cross", "clairvoyant")
    assert bound["looks_ahead"]
    assert not agent["looks_ahead"]
    assert bound["metrics"]["total_return"] > max(agent["metrics"]["total_return"], 0.0)
    assert set(said["audits"]) == {"sma_cross"}
    assert "\n-  clairvoyant" in halfspread("compare", bounded).out


def test_an_audit_leaves_it_out_and_refuses_it_alone(bounded: Path, halfspread: Command) -> None:
    done = halfspread("audit", bounded, "--json")
    assert done.code == 0, done.err
    said = json.loads(done.out)
    assert [each["name"] for each in said["agents"]] == ["sma_cross"]
    assert said["left_out"] == ["clairvoyant"]
    alone = halfspread("audit", bounded, "--agent", "clairvoyant")
    assert alone.code == 2
    assert "is told the future" in alone.err


def test_its_run_is_verified(bounded: Path, halfspread: Command) -> None:
    done = halfspread("run", bounded, "--agent", "clairvoyant", "--json")
    assert done.code == 0, done.err
    assert halfspread("verify", json.loads(done.out)["run_dir"]).code == 0


def test_levels_may_be_given_and_are_checked(bounded: Path, halfspread: Command) -> None:
    done = halfspread("run", bounded, "--agent", "clairvoyant", "--set", "agents.clairvoyant.levels=[0, 1]", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["parameters"]["levels"] == [0.0, 1.0]
    wrong = halfspread("run", bounded, "--agent", "clairvoyant", "--set", "agents.clairvoyant.levels=[1]")
    assert wrong.code == 2
    assert "with 0 among them" in wrong.err


def test_its_sensitivity_finds_the_best_path_at_every_cost_and_is_marked(bounded: Path, halfspread: Command) -> None:
    done = halfspread("sensitivity", bounded, "--agent", "clairvoyant", "--json")
    assert done.code == 0, done.err
    said = json.loads(done.out)
    for cost in said["costs"]:
        if cost["cost"] in ("half_spread", "fees", "all"):
            assert cost["total_return"] == sorted(cost["total_return"], reverse=True)
    fees = next(cost for cost in said["costs"] if cost["cost"] == "fees")["total_return"]
    charged = json.loads(
        halfspread(
            *("run", bounded, "--agent", "clairvoyant", "--json"),
            *("--set", "costs.fees.taker=11e-4", "--set", "costs.fees.maker=4e-4"),
        ).out
    )
    assert fees[-1] == pytest.approx(charged["metrics"]["total_return"], rel=1e-12)  # at twice the fees
    page = (Path(said["run_dir"]) / "report.html").read_text(encoding="utf-8")
    assert "this agent is told the future" in page
    assert json.loads((Path(said["run_dir"]) / "metrics.json").read_text())["agents"][0]["looks_ahead"]


def test_a_sweep_refuses_it(bounded: Path, halfspread: Command) -> None:
    done = halfspread("sweep", bounded, "--agent", "clairvoyant", "--grid", "sizing.amount=1000,2000")
    assert done.code == 2
    assert "no statistic of luck holds for it" in done.err


def test_several_bounds_are_all_named(bounded: Path, halfspread: Command) -> None:
    with bounded.open("a") as file:
        file.write('\n[[agents]]\ntype = "clairvoyant"\nname = "long_only"\nlevels = [0, 1]\n')
    done = halfspread("compare", bounded)
    assert done.code == 0, done.err
    said = "clairvoyant, long_only are told the future: bounds, not competitors; shares are of clairvoyant"
    assert said in " ".join(done.out.split())
