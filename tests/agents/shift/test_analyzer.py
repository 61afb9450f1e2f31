"""The whole comparison of two sets of demonstrations."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, replace

import numpy as np
import pytest

from halfspread.agents.features import FeatureSet
from halfspread.agents.shift.analyzer import CovariateShiftAnalyzer
from halfspread.agents.shift.measures import gaussian_divergence, stability_index, wasserstein
from halfspread.errors import DataError
from halfspread.reports.shift_section import shift_section
from halfspread.reports.shift_view import ShiftView
from tests.agents.shift.samples import FEATURES, demonstrations

QUICK = CovariateShiftAnalyzer(resamples=150, permutations=199)


def test_every_number_is_that_of_the_measure_alone() -> None:
    rng = np.random.default_rng(1)
    reference, visited = demonstrations(rng, 1_200, shift=0.0), demonstrations(rng, 800, shift=0.4)
    found = QUICK.compare(reference, visited, np.random.default_rng(2))
    one, two = reference.observations, visited.observations
    assert found.measure("Gaussian divergence").value == pytest.approx(gaussian_divergence(one, two), rel=1e-6)
    for i, row in enumerate(found.features):
        assert row.feature == FEATURES.columns[i]
        spread = one[:, i].std()
        assert row.drift == pytest.approx((two[:, i].mean() - one[:, i].mean()) / spread, rel=1e-9)
        assert row.distance == pytest.approx(wasserstein(one[:, i], two[:, i]) / spread, abs=0.004)  # on a grid
        assert row.index == pytest.approx(stability_index(one[:, i], two[:, i]), rel=1e-9)
    distances = np.array([row.distance for row in found.features])
    assert found.measure("Mean distance").value == pytest.approx(float(np.sqrt((distances**2).mean())))


def test_a_known_shift_is_found_in_its_feature_and_nowhere_else() -> None:
    rng = np.random.default_rng(3)
    reference, visited = demonstrations(rng, 4_000, memory=0.5), demonstrations(rng, 3_000, memory=0.5, shift=0.5)
    found = QUICK.compare(reference, visited, rng)
    moved, *others = found.features
    assert moved.drift_low < 0.5 < moved.drift_high
    assert moved.distance_low > 0.3
    assert moved.p <= 0.01
    assert all(row.drift_low < 0.0 < row.drift_high for row in others)
    assert found.measure("Gaussian divergence").p <= 0.01
    assert found.measure("Mean discrepancy").p <= 0.01
    assert found.measure("Classifier").low > 0.5
    assert found.measure("Change of actions").p > 0.01
    assert np.mean([window.distance > found.usual for window in found.windows]) > 0.7


def test_the_same_rows_are_at_no_distance() -> None:
    same = demonstrations(np.random.default_rng(4), 600)
    found = QUICK.compare(same, same, np.random.default_rng(5))
    assert found.measure("Gaussian divergence").value == pytest.approx(0.0, abs=1e-9)
    assert found.measure("Mean distance").value == 0.0
    assert all(row.distance == row.drift == row.index == 0.0 for row in found.features)
    assert all(row.p == 1.0 for row in found.features)
    assert found.measure("Mean discrepancy").p > 0.5
    assert found.measure("Classifier").value <= 0.51


def test_without_a_shift_few_alarms_are_false() -> None:
    """40 comparisons of autoregressions of 0.8 in blocks: of 160 features at most 20 below 5 % (8 expected; they share
    their blocks). Taken for independent rows, most would be: of the 32 of 8 comparisons more than 12."""
    low, naive = 0, 0
    for seed in range(40):
        rng = np.random.default_rng([seed, 9])
        pair = demonstrations(rng, 900, memory=0.8), demonstrations(rng, 700, memory=0.8)
        quick = CovariateShiftAnalyzer(resamples=100, permutations=99, most=100, most_told=200, windows=1)
        low += sum(row.p <= 0.05 for row in quick.compare(*pair, rng).features)
        if seed < 8:
            naive += sum(row.p <= 0.05 for row in quick.model_copy(update={"block": 1}).compare(*pair, rng).features)
    assert low <= 20
    assert naive > 12


def test_disagreement_is_counted_in_all_in_windows_and_where_states_are_foreign() -> None:
    rng = np.random.default_rng(6)
    reference = demonstrations(rng, 3_000)
    visited = demonstrations(rng, 3_000, shift=0.7, wrong=lambda states: np.where(states[:, 0] > 1.5, 0.5, 0.02))
    found = QUICK.compare(reference, visited, rng)
    share = float((visited.expert != visited.executed).mean())
    row = found.measure("Disagreement")
    assert row.value == share
    assert row.low < share < row.high
    assert sum(window.rows * window.disagreement for window in found.windows) / 3_000 == pytest.approx(share)
    assert sum(window.rows for window in found.windows) == 3_000
    assert found.novelty[-1].disagreement > 2.0 * found.novelty[0].disagreement


def test_actions_are_compared_at_like_states() -> None:
    """The expert trades more often where it was visited, at every state."""
    rng = np.random.default_rng(7)

    def eager(states: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return np.where(rng.random(len(states)) < 0.6, 1.0, 0.0)

    def idle(states: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return np.where(rng.random(len(states)) < 0.4, 1.0, 0.0)

    found = QUICK.compare(demonstrations(rng, 3_000, expert=idle), demonstrations(rng, 3_000, expert=eager), rng)
    long = found.actions[-1]
    assert long.action == "1"
    assert long.low < 0.2 < long.high
    assert found.measure("Change of actions").p <= 0.01
    assert long.reference == pytest.approx(0.4, abs=0.03)


def test_targets_of_many_values_are_compared_by_their_sign() -> None:
    rng = np.random.default_rng(8)
    made = [demonstrations(rng, 500, expert=lambda states, _: np.tanh(states[:, 0])) for _ in range(2)]
    found = QUICK.compare(made[0], made[1], rng)
    assert [row.action for row in found.actions] == ["-1", "0", "1"]
    assert any("by their sign" in words for words in found.notes)


def test_a_feature_that_stands_still_is_said_to_be_where_it_was() -> None:
    rng = np.random.default_rng(9)
    still = [demonstrations(rng, 400) for _ in range(2)]
    for each in still:
        each.observations[:, 3] = 1.0
    found = QUICK.compare(still[0], still[1], rng)
    assert found.features[3].distance == 0.0
    assert found.features[3].p == 1.0
    assert math.isfinite(found.measure("Gaussian divergence").value)
    still[1].observations[::2, 3] = 2.0
    found = QUICK.compare(still[0], still[1], rng)
    assert found.measure("Gaussian divergence").value == math.inf
    assert found.features[3].distance > 0.5
    assert found.features[3].p <= 0.02


def test_a_shift_that_begins_halfway_is_seen_in_the_windows_after_it() -> None:
    rng = np.random.default_rng(19)
    reference, visited = demonstrations(rng, 3_000), demonstrations(rng, 3_000)
    visited.observations[1_500:, 0] += 1.5
    found = QUICK.compare(reference, visited, rng)
    levels = [window.distance for window in found.windows]
    assert levels[0] < found.usual
    assert levels[-1] > 5.0 * found.usual
    assert found.windows[-1].low <= levels[-1] <= found.windows[-1].high
    assert found.windows[-1].start >= 1_500 * 3_600_000_000_000


def test_where_the_expert_acted_there_is_no_disagreement_to_speak_of() -> None:
    rng = np.random.default_rng(18)
    reference, visited = demonstrations(rng, 500), demonstrations(rng, 500)
    found = QUICK.compare(reference, replace(visited, actor=np.zeros(500, np.int64)), rng)
    assert "Disagreement" not in [each.name for each in found.measures]
    assert found.novelty == ()
    assert [each.name for each in QUICK.compare(reference, visited, rng).measures][-1] == "Disagreement"


def test_one_feature_is_enough() -> None:
    rng = np.random.default_rng(10)
    features = FeatureSet(("momentum(5)",))
    made = [
        replace(each, features=features, observations=each.observations[:, :1].copy())
        for each in (demonstrations(rng, 400), demonstrations(rng, 300, shift=1.0))
    ]
    found = QUICK.compare(made[0], made[1], rng)
    assert len(found.features) == 1
    assert found.features[0].p <= 0.01


def test_several_episodes_are_windows_by_time() -> None:
    rng = np.random.default_rng(11)
    found = QUICK.compare(demonstrations(rng, 1_000, episodes=5), demonstrations(rng, 1_000, episodes=5), rng)
    assert found.windows[0].start == 0
    assert [window.start for window in found.windows] == sorted(window.start for window in found.windows)


def test_a_trajectory_that_hangs_together_too_long_is_said_to() -> None:
    rng = np.random.default_rng(12)
    found = QUICK.compare(demonstrations(rng, 300, memory=0.99), demonstrations(rng, 200, memory=0.99), rng)
    assert any("intervals are too narrow" in words for words in found.notes)
    assert any("no classifier" in words for words in found.notes)


def test_the_same_seed_gives_the_same_report() -> None:
    rng = np.random.default_rng(13)
    pair = demonstrations(rng, 500), demonstrations(rng, 400, shift=0.3)
    first, second = (QUICK.compare(*pair, np.random.default_rng(1)) for _ in range(2))
    assert repr(first) == repr(second)


def test_what_cannot_be_compared_is_refused() -> None:
    rng = np.random.default_rng(14)
    made = demonstrations(rng, 200)
    other = replace(made, features=FeatureSet(("momentum(5)", "momentum(20)", "volatility(20)", "age")))
    with pytest.raises(DataError, match="look at other features"):
        QUICK.compare(made, other, rng)
    with pytest.raises(DataError, match="at least 50 states in each sample, got 40"):
        QUICK.compare(made, made.rows(slice(0, 40)), rng)
    made.observations[3, 2] = math.inf
    with pytest.raises(DataError, match="row 3 of the reference, column 2: a state is inf"):
        QUICK.compare(made, demonstrations(rng, 200), rng)


def test_the_table_has_every_measure_and_feature() -> None:
    rng = np.random.default_rng(15)
    found = QUICK.compare(demonstrations(rng, 300), demonstrations(rng, 300, shift=0.5), rng)
    table = found.table()
    assert len(table) == 1 + len(found.measures) + FEATURES.count
    assert {len(row) for row in table} == {4}
    assert table[1 + len(found.measures)][0] == "momentum(5)"
    with pytest.raises(KeyError, match="Mean distance"):
        found.measure("nothing")


def test_a_report_is_what_the_page_shows() -> None:
    rng = np.random.default_rng(16)
    found = QUICK.compare(demonstrations(rng, 600), demonstrations(rng, 600, shift=0.5, wrong=0.1), rng)
    view = ShiftView.of(found)
    assert asdict(view) == asdict(found) or repr(asdict(view)) == repr(asdict(found))
    assert "momentum(5)" in shift_section(view)


def test_twelve_thousand_rows_take_about_two_seconds() -> None:
    rng = np.random.default_rng(17)
    pair = demonstrations(rng, 12_000, memory=0.9), demonstrations(rng, 12_000, memory=0.9)
    began = time.process_time()
    CovariateShiftAnalyzer().compare(*pair, rng)
    assert time.process_time() - began < 6.0  # 0.8 s on a quiet core
