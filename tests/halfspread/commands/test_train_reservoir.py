"""A learner with a named set of features and a reservoir, from its config to its model and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from halfspread.agents.features import SETS, DrivenReservoir
from halfspread.agents.policies.model_file import load_model

Command = Any
LEARNER = """
[training]
until = 2024-01-02T12:00:00

[agent]
type = "clone"
name = "pupil"
expert = { type = "sma_cross", fast = 5, slow = 20 }
features = ["price_and_volume", "average_gap(5, 20)"]
reservoir = { size = 11, construction = "rescaled", radius = 0.8, seed = 3 }
settings = { hidden = [8], epochs = 5, batch = 32 }
"""


@pytest.fixture
def lesson(small: Path) -> Path:
    text = small.read_text(encoding="utf-8").partition("[agent]")[0]
    path = small.with_name("lesson.toml")
    path.write_text(text.replace('"small"', '"lesson"') + LEARNER, encoding="utf-8")
    return path


def test_a_saved_model_trades_by_itself_as_it_did_when_it_was_judged(lesson: Path, halfspread: Command) -> None:
    done = halfspread("train", lesson, "--json", "--model", "pupil.npz")
    assert done.code == 0, done.err
    said = json.loads(done.out)
    model = load_model(lesson.with_name("pupil.npz"))
    assert model.features.names == (*SETS["price_and_volume"], "average_gap(5, 20)")
    assert model.features.reservoir == DrivenReservoir(size=11, construction="rescaled", radius=0.8, seed=3)
    text = lesson.read_text(encoding="utf-8").partition("[agent]")[0]
    alone = lesson.with_name("alone.toml")
    alone.write_text(text + '[agent]\ntype = "policy"\nmodel_file = "pupil.npz"\n', encoding="utf-8")
    done = halfspread("run", alone, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["metrics"]["total_return"] == said["agents"][0]["metrics"]["total_return"]
    page = (Path(said["run_dir"]) / "report.html").read_text(encoding="utf-8")
    assert "reservoir of 11 units, rescaled, radius 0.8, seed 3" in page
    shown = halfspread("model", "show", "pupil.npz")
    assert "reservoir of 11 units" in shown.out + shown.err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("agent.reservoir.construction=paper agent.reservoir.radius=1", "radius: expected less than 1"),
        ("agent.reservoir.units=5", "units"),
        ("agent.reservoir.size=100 agent.reservoir.radius=9", "fails the test of echo states"),
        ('agent.features=["price_and_volumes"]', "did you mean price_and_volume?"),
    ],
)
def test_what_cannot_be_is_told_before_anything_runs(change: str, said: str, lesson: Path, halfspread: Command) -> None:
    changes = [part for each in change.split() for part in ("--set", each)]
    done = halfspread("train", lesson, *changes)
    assert done.code == 2
    assert said in done.err


def test_the_settings_stand_in_the_schema_and_in_the_effective_config(lesson: Path, halfspread: Command) -> None:
    shown = halfspread("config", "show", lesson)
    assert shown.code == 0, shown.err
    assert "sparsity = 0.75" in shown.out
    assert "input_scale" in halfspread("config", "schema").out
