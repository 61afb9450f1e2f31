"""Forests: a slow twin, answers by hand, faults; and, where LightGBM is there, what it says itself."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from halfspread.agents.networks.fitting import Examples
from halfspread.agents.trees import boosting
from halfspread.agents.trees.boosting import TreeSettings, fit_forest
from halfspread.agents.trees.forest import Forest
from halfspread.errors import ConfigError, DataError
from tests.agents.policies.models import drawn_forest

#: x0 <= 0.5: (x1 <= -1: 10, else 20), else 30; and a second tree that is a leaf of 1.
BY_HAND = [
    [0.0, 0.5, 1.0, 4.0],
    [1.0, -1.0, 2.0, 3.0],
    [-1.0, 10.0, 0.0, 0.0],
    [-1.0, 20.0, 0.0, 0.0],
    [-1.0, 30.0, 0.0, 0.0],
    [-1.0, 1.0, 0.0, 0.0],
]

needs_lightgbm = pytest.mark.skipif(find_spec("lightgbm") is None, reason="LightGBM is not installed (extra 'trees')")


def forest(values: int = 1, head: str = "squared") -> Forest:
    return Forest(2, values, head, np.array(BY_HAND), np.array([0, 5]))


def plain(model: Forest, row: Any) -> list[float]:
    found = [0.0] * model.values
    for i, root in enumerate(model.roots):
        at = int(root)
        while model.nodes[at, 0] >= 0:
            below = row[int(model.nodes[at, 0])] <= model.nodes[at, 1]
            at = int(model.nodes[at, 2 if below else 3])
        found[i % model.values] += model.nodes[at, 1]
    return found


def test_a_forest_gives_what_was_worked_by_hand() -> None:
    rows = np.array([[0.5, -1.0], [0.5, -0.9], [0.6, -5.0], [-9.0, -2.0]])  # the edge goes below
    assert forest().outputs(rows).tolist() == [[11.0], [21.0], [31.0], [11.0]]
    assert forest(2, "softmax").outputs(rows).tolist() == [[10.0, 1.0], [20.0, 1.0], [30.0, 1.0], [10.0, 1.0]]
    chances = forest(2, "softmax").probabilities(rows[:1], temperature=9.0)
    assert chances[0, 0] == pytest.approx(np.e / (1.0 + np.e))


@pytest.mark.parametrize("values", [1, 3])
def test_a_forest_gives_what_its_slow_twin_gives(values: int) -> None:
    rng = np.random.default_rng(4)
    model = drawn_forest(6, values, "squared" if values == 1 else "softmax", rng, rounds=40)
    rows = rng.normal(size=(300, 6))
    rows[:50] = model.nodes[rng.integers(0, 2, 50), 1][:, None]  # on the edges
    assert model.outputs(rows).tolist() == [plain(model, row) for row in rows]


def test_forests_that_are_none_are_refused() -> None:
    with pytest.raises(ConfigError, match="head: expected softmax or squared"):
        forest(1, "gaussian")
    with pytest.raises(DataError, match="expected 3 trees a round"):
        forest(3, "softmax")
    with pytest.raises(DataError, match="a tree begins outside"):
        Forest(2, 1, "squared", np.array(BY_HAND), np.array([6]))
    with pytest.raises(DataError, match="expected nodes of 4 numbers"):
        Forest(2, 1, "squared", np.zeros((3, 5)), np.array([0]))
    with pytest.raises(DataError, match="observations of 2 numbers"):
        forest().outputs(np.zeros((1, 3)))
    with pytest.raises(ConfigError, match="tells values"):
        forest().probabilities(np.zeros((1, 2)))


def examples(head: str, rows: int = 3_000, seed: int = 0) -> Examples:
    """Labels that no line can tell apart."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 5))
    kind = np.where(x[:, 0] * x[:, 1] > 0.3, 2, np.where(x[:, 2] > 0.5, 1, 0))
    wanted = np.eye(3)[kind] if head == "softmax" else (kind - 1.0)[:, None]
    return Examples(x, wanted, rng.uniform(0.5, 2.0, rows))


def booster_of(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Boosters that are grown from now on."""
    grown: list[Any] = []
    inner = boosting.forest_of_booster

    def keep(booster: Any, *more: Any) -> Forest:
        grown.append(booster)
        return inner(booster, *more)

    monkeypatch.setattr(boosting, "forest_of_booster", keep)
    return grown


@needs_lightgbm
@pytest.mark.parametrize("head", ["softmax", "squared"])
def test_an_exported_forest_predicts_what_lightgbm_predicts(head: str, monkeypatch: pytest.MonkeyPatch) -> None:
    grown = booster_of(monkeypatch)
    made = fit_forest(examples(head), head, TreeSettings(rounds=40), np.random.default_rng(1))
    rows = np.concatenate([examples(head).inputs, np.random.default_rng(9).normal(size=(5_000, 5))])
    raw = grown[0].predict(rows, raw_score=True).reshape(len(rows), -1)
    assert made.outputs(rows) == pytest.approx(raw, rel=1e-12, abs=1e-12)
    assert made.trees == 40 * made.values


@needs_lightgbm
def test_trees_learn_what_no_line_can_tell_and_stop_early(monkeypatch: pytest.MonkeyPatch) -> None:
    grown = booster_of(monkeypatch)
    settings = TreeSettings(rounds=500, patience=5, leaves=7)
    judged = examples("softmax", 1_000, 7)
    made = fit_forest(examples("softmax"), "softmax", settings, np.random.default_rng(1), judged)
    assert (made.outputs(judged.inputs).argmax(axis=1) == judged.wanted.argmax(axis=1)).mean() > 0.97
    assert made.trees == 3 * grown[0].best_iteration < 1_500
    again = fit_forest(examples("softmax"), "softmax", settings, np.random.default_rng(1), judged)
    assert again.nodes.tobytes() == made.nodes.tobytes()


def test_without_lightgbm_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(boosting, "import_module", missing)
    with pytest.raises(ConfigError, match=r"trees need LightGBM: pip install 'halfspread\[trees\]'"):
        fit_forest(examples("softmax"), "softmax", TreeSettings(), np.random.default_rng(0))


@needs_lightgbm
def test_labels_that_trees_cannot_take_are_refused() -> None:
    with pytest.raises(ConfigError, match="expected a softmax head, or a squared one of one value"):
        fit_forest(examples("squared"), "gaussian", TreeSettings(), np.random.default_rng(0))
    one = Examples(np.zeros((3, 1)), np.ones((3, 1)), np.ones(3))
    with pytest.raises(DataError, match="two classes or more"):
        fit_forest(one, "softmax", TreeSettings(), np.random.default_rng(0))


DUMP = {
    "split_feature": 1,
    "threshold": 0.5,
    "decision_type": "<=",
    "missing_type": "None",
    "left_child": {"leaf_value": 1.0},
    "right_child": {
        "split_feature": 0,
        "threshold": -2.0,
        "decision_type": "<=",
        "missing_type": "None",
        "left_child": {"leaf_value": 2.0},
        "right_child": {"leaf_value": 3.0},
    },
}


class Dumped:
    """Stands for a booster, so that the export is tested where there is no LightGBM."""

    best_iteration = 0

    def __init__(self, **change: Any) -> None:
        self.tree = {**DUMP, **change}

    def dump_model(self, num_iteration: int | None) -> Any:
        return {"tree_info": [{"tree_structure": self.tree}, {"tree_structure": {"leaf_value": 10.0}}]}


def test_a_dump_of_lightgbm_becomes_our_arrays() -> None:
    made = boosting.forest_of_booster(Dumped(), 2, 1, "squared")
    rows = np.array([[0.0, 0.5], [0.0, 0.6], [-2.0, 0.6], [-1.9, 0.6]])
    assert made.outputs(rows)[:, 0].tolist() == [11.0, 13.0, 12.0, 13.0]


@pytest.mark.parametrize("change", [{"decision_type": "=="}, {"missing_type": "NaN"}])
def test_splits_of_another_kind_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="expected splits of numbers without gaps"):
        boosting.forest_of_booster(Dumped(**change), 2, 1, "squared")
