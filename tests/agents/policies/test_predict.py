"""`predict` in the convention of stable-baselines3, and probabilities."""

from __future__ import annotations

import math

import numpy as np
import pytest

from halfspread.agents.policies.model import Model
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError, DataError
from tests.agents.features.lookers import OTHER, random_bars
from tests.agents.policies.models import TARGETS, drawn_model
from tests.agents.policies.test_policy import TWO, constant_model, plain_outputs


@pytest.fixture(scope="module")
def classes() -> Model:
    return drawn_model(random_bars(60), temperature=1.9)


def rows_for(model: Model, count: int = 40) -> np.ndarray:
    spread = model.scaler.spread
    return model.scaler.centre + spread * np.random.default_rng(2).normal(size=(count, model.features.count))


@pytest.mark.parametrize("kind", ["network", "forest"])
def test_the_action_of_classes_is_the_target_of_the_likeliest(kind: str) -> None:
    model = drawn_model(random_bars(60), kind=kind)
    rows = rows_for(model)
    expected = [TARGETS[plain_outputs(model, row).argmax()] for row in rows]
    actions, state = model.predict(rows)
    assert actions.tolist() == expected
    assert state is None
    assert len(set(expected)) > 2
    one, _ = model.predict(rows[3])
    assert one.shape == ()
    assert one == expected[3]


@pytest.mark.parametrize("head", ["squared", "gaussian"])
def test_the_actions_of_values_are_clipped_to_targets(head: str) -> None:
    model = drawn_model(random_bars(60), head)
    rows = rows_for(model)
    expected = np.array([np.clip(plain_outputs(model, row)[0], -1.0, 1.0) for row in rows])
    actions, _ = model.predict(rows)
    assert actions == pytest.approx(expected, abs=1e-12)
    assert {-1.0, 1.0} <= set(actions)
    assert model.predict(rows[0])[0].shape == ()


def test_the_actions_of_several_values_have_a_column_each() -> None:
    tape = Tape.join(random_bars(60, 1), random_bars(60, 2, OTHER))
    model = drawn_model(tape, "gaussian", values=2, names=TWO)
    rows = rows_for(model)
    assert model.predict(rows)[0].shape == (40, 2)
    assert model.predict(rows[0])[0].shape == (2,)


def test_the_state_comes_back_as_it_was_given(classes: Model) -> None:
    state = (np.ones(3),)
    found = classes.predict(rows_for(classes)[0], state, np.array([True]), deterministic=True)
    assert found[1] is state


def test_probabilities_are_those_at_the_temperature(classes: Model) -> None:
    rows = rows_for(classes)
    logits = np.array([plain_outputs(classes, row) for row in rows]) / 1.9
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert classes.probabilities(rows) == pytest.approx(expected, rel=1e-12)


def test_draws_are_as_frequent_as_the_probabilities_say_and_repeat(classes: Model) -> None:
    row = rows_for(classes)[5]
    many = np.repeat(row[None, :], 8_000, axis=0)
    drawn, _ = classes.predict(many, deterministic=False, rng=np.random.default_rng(3))
    again, _ = classes.predict(many, deterministic=False, rng=np.random.default_rng(3))
    assert (drawn == again).all()
    expected = classes.probabilities(row[None, :])[0]
    shares = [(drawn == target).mean() for target in TARGETS]
    assert shares == pytest.approx(expected, abs=4.0 * math.sqrt(0.25 / len(many)))
    assert sorted(expected)[-2] > 0.05


def test_values_are_drawn_with_the_deviation_that_the_head_tells() -> None:
    model = constant_model("gaussian", [0.1, math.log(0.15)])
    drawn, _ = model.predict(np.zeros((8_000, 1)), deterministic=False, rng=np.random.default_rng(1))
    assert drawn.mean() == pytest.approx(0.1, abs=4 * 0.15 / math.sqrt(8_000))
    assert drawn.std() == pytest.approx(0.15, rel=0.04)


def test_what_does_not_fit_is_refused(classes: Model) -> None:
    with pytest.raises(ConfigError, match="deterministic=False needs rng"):
        classes.predict(rows_for(classes), deterministic=False)
    squared = drawn_model(random_bars(60), "squared")
    with pytest.raises(ConfigError, match="nothing to draw from"):
        squared.predict(rows_for(squared), deterministic=False, rng=np.random.default_rng(0))
    with pytest.raises(ConfigError, match="tells values, not probabilities"):
        squared.probabilities(rows_for(squared))
    with pytest.raises(DataError, match=r"expected observations of 12 numbers \(log_return\(1\), .*shape \(1, 3\)"):
        classes.predict(np.zeros(3))
    bad = rows_for(classes)
    bad[7, 2] = math.nan
    with pytest.raises(DataError, match="row 7: an observation is not finite"):
        classes.predict(bad)
