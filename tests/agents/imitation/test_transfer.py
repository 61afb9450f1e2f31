"""Transfer from one market to another with a few demonstrations."""

from __future__ import annotations

import numpy as np
import pytest

from halfspread.agents.experts.position_expert import PositionExpert
from halfspread.agents.imitation.cloning import CloneSettings, clone
from halfspread.agents.imitation.dataset import ExpertDataset
from halfspread.agents.imitation.demonstrate import demonstrate
from halfspread.agents.imitation.transfer import few, fine_tune
from halfspread.errors import ConfigError, DataError
from tests.agents.imitation.lessons import COSTS, FEATURES, OPTIONS, OTHER, WORLD, market, model

SETTINGS = CloneSettings(hidden=(16,), epochs=30, batch=64, rate=5e-3, validation=0.0, calibrate=False)
LIGHT = SETTINGS.model_copy(update={"rate": 1e-3})


def recorded(number: int, bars: int, other: bool) -> ExpertDataset:
    """Demonstrations on one market, or on another where the expert is bolder."""
    expert = PositionExpert(enter=0.8, stop=1.6) if other else PositionExpert()
    instrument = OTHER if other else WORLD
    return demonstrate(market(number, bars, instrument), expert, FEATURES, COSTS, **OPTIONS)


def test_with_few_demonstrations_a_fine_tuned_policy_beats_one_from_scratch() -> None:
    first = clone(recorded(1, 6_000, other=False), SETTINGS, np.random.default_rng(0)).model
    rest = recorded(2, 4_000, other=True)
    won = {}
    for k in (40, 120):
        scores = []
        for seed in range(5):
            new = recorded(10 + seed, 1_000, other=True)
            rng = np.random.default_rng(seed)
            tuned = fine_tune(first, new, k, LIGHT, rng)
            try:
                scratch = clone(few(new, k), SETTINGS, np.random.default_rng(seed)).agreement(rest)
            except DataError:  # one class only in so few
                scratch = 0.0
            scores.append((tuned.agreement(rest), scratch))
        won[k] = np.array(scores)
        assert (won[k][:, 0] > won[k][:, 1]).all(), won[k]
    assert won[40][:, 0].mean() - won[40][:, 1].mean() > 0.05


def test_what_both_markets_have_shown_counts_as_seen() -> None:
    one, two = recorded(1, 1_000, other=False), recorded(2, 1_000, other=True)
    first = clone(one, SETTINGS, np.random.default_rng(0)).model
    tuned = fine_tune(first, two, 200, LIGHT, np.random.default_rng(1)).model
    assert tuned.trained == (*one.trained, *two.trained)
    assert {each.instrument for each in tuned.trained} == {"custom:WORLD", "custom:OTHER"}
    assert tuned.scaler is first.scaler


def test_few_are_the_first_in_time() -> None:
    rows = recorded(1, 500, other=False)
    mixed = rows.rows(np.random.default_rng(0).permutation(500))
    found = few(mixed, 50)
    assert sorted(found.times.tolist()) == rows.times[:50].tolist()
    assert found.trained == rows.trained


def test_budgets_and_models_that_do_not_fit_are_refused() -> None:
    rows = recorded(1, 500, other=False)
    rng = np.random.default_rng(0)
    with pytest.raises(ConfigError, match="one demonstration or more, got 0"):
        fine_tune(model(hidden=(16,)), rows, 0, LIGHT, rng)
    with pytest.raises(DataError, match="expected 501 demonstrations, got 500"):
        fine_tune(model(hidden=(16,)), rows, 501, LIGHT, rng)
    with pytest.raises(DataError, match=r"sizes \(5, 8, 3\) cannot go on"):
        fine_tune(model(), rows, 300, LIGHT, rng)
