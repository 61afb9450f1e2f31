"""Noise on the expert: fitted to the learner's error, or plain."""

from __future__ import annotations

import numpy as np
import pytest

from halfspread.agents.experts.position_expert import PositionExpert
from halfspread.agents.imitation.cloning import CloneSettings
from halfspread.agents.imitation.dart import DartTrainer, NoiseTrainer
from halfspread.agents.imitation.noise import ConfusionNoise, confusion
from halfspread.agents.imitation.rollout import EXPERT, NOISE
from halfspread.agents.imitation.task import Task
from halfspread.agents.networks.network import Network
from halfspread.errors import ConfigError, DataError
from tests.agents.imitation import lessons

BARS = 600
TARGETS = (-1.0, 0.0, 1.0)
SETTINGS = CloneSettings(hidden=(8,), epochs=3, batch=64, validation=0.0, calibrate=False)


def task(bars: int = BARS) -> Task:
    return Task(
        PositionExpert(),
        lessons.FEATURES,
        lessons.COSTS,
        lessons.OPTIONS,  # type: ignore[arg-type]
        lambda number: lessons.market(number, bars),
        lambda number: lessons.market(900_000 + number, bars),
    )


def test_a_confusion_by_hand() -> None:
    """Of two classes: held 0 and wanted 1, one of four was missed; held 1 and wanted 1, none; the rest unseen."""
    held, wanted, chosen = np.array([0, 0, 0, 0, 1]), np.array([1, 1, 1, 1, 1]), np.array([1, 0, 1, 1, 1])
    found = confusion(held, wanted, chosen, 2)
    np.testing.assert_allclose(found[0, 1], [0.25, 0.75])
    np.testing.assert_array_equal(found[1, 1], [0.0, 1.0])
    np.testing.assert_array_equal(found[:, 0], [[1.0, 0.0], [1.0, 0.0]])
    np.testing.assert_allclose(confusion(held, wanted, chosen, 2, scale=0.5)[0, 1], [0.125, 0.875])
    np.testing.assert_allclose(confusion(held, wanted, chosen, 2, scale=3.0)[0, 1], [0.5, 0.5])
    np.testing.assert_array_equal(confusion(held, wanted, chosen, 2, scale=0.0), np.stack([np.eye(2)] * 2))


def test_what_is_executed_follows_the_matrix_and_what_is_in_force() -> None:
    matrix = np.stack([np.eye(3)] * 3)
    matrix[1, 2] = [0.0, 0.3, 0.7]  # flat and told to go long: three times in ten it stays flat
    noise = ConfusionNoise(TARGETS, matrix)
    rng = np.random.default_rng(0)
    first = [noise.start()(1.0, rng) for _ in range(5000)]
    assert set(first) == {0.0, 1.0}
    assert np.mean(np.array(first) == 0.0) == pytest.approx(0.3, abs=0.03)
    disturb = noise.start()
    while disturb(1.0, rng) == 0.0:
        pass
    assert [disturb(1.0, rng) for _ in range(200)] == [1.0] * 200  # long by now, which is never mistaken
    assert disturb(0.0, rng) == 0.0
    assert noise.share == pytest.approx(0.3 / 9)


@pytest.mark.parametrize("matrix", [np.ones((3, 3, 3)), np.eye(3), np.full((3, 3, 3), 1.0 / 3.0) * [2.0, 2.0, -1.0]])
def test_what_is_no_probability_is_refused(matrix: np.ndarray) -> None:
    with pytest.raises(DataError, match="noise: "):
        ConfusionNoise(TARGETS, matrix)


def test_the_expert_alone_acts_and_labels_are_what_it_wants() -> None:
    trainer = DartTrainer(task(), SETTINGS, rounds=4)
    trainer.train()
    rows = trainer.dataset
    assert rows is not None
    assert set(rows.actor[rows.round == 0]) == {EXPERT}
    assert set(rows.actor) == {EXPERT, NOISE}
    noisy = rows.actor == NOISE
    assert (rows.expert[noisy] != rows.executed[noisy]).all()
    np.testing.assert_array_equal(rows.expert[~noisy], rows.executed[~noisy])
    later = rows.rows(rows.round > 0)
    np.testing.assert_array_equal(
        later.observations[1:, 1][later.episode[1:] == later.episode[:-1]],
        later.executed[:-1][later.episode[1:] == later.episode[:-1]],
    )
    assert trainer.labels == 4 * BARS
    assert [each.beta for each in trainer.history] == [1.0] * 4


def test_the_noise_is_the_error_of_a_learner_that_has_not_seen_the_rows() -> None:
    trainer = DartTrainer(task(), SETTINGS, rounds=2, held_out=0.5)
    trainer.train()
    fitted = trainer._noise
    assert fitted is not None
    assert 0.0 < fitted.share < 0.5
    never = DartTrainer(task(), SETTINGS, rounds=2, held_out=0.5, scale=0.0)
    never.train()
    assert never.dataset is not None
    assert set(never.dataset.actor) == {EXPERT}


def test_plain_noise_is_as_frequent_as_it_is_told() -> None:
    trainer = NoiseTrainer(task(2000), SETTINGS, 0.3, rounds=3)
    trainer.train()
    assert trainer.dataset is not None
    # any of three classes, the right one among them
    assert (trainer.dataset.actor == NOISE).mean() == pytest.approx(0.2, abs=0.02)


def test_the_same_seed_gives_the_same_bits() -> None:
    def bits() -> bytes:
        network = DartTrainer(task(), SETTINGS, rounds=3).train().model.network
        assert isinstance(network, Network)
        return network.parameters.tobytes()

    assert bits() == bits()


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError, match="DART: expected held_out between 0 and 1"):
        DartTrainer(task(), SETTINGS, held_out=0.0)
    with pytest.raises(ConfigError, match="scale from 0"):
        DartTrainer(task(), SETTINGS, scale=-1.0)
    with pytest.raises(ConfigError, match="expected a softmax head"):
        DartTrainer(task(), SETTINGS.model_copy(update={"head": "squared"}))
    with pytest.raises(ConfigError, match="noise: expected a probability"):
        NoiseTrainer(task(), SETTINGS, 1.5)
    with pytest.raises(ConfigError, match="Dart: a budget of 0 labels"):
        DartTrainer(task(), SETTINGS, budget=0)
