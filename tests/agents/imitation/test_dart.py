"""Noise on the expert: fitted to the learner's error, or plain."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from halfspread.agents.experts.position_expert import PositionExpert
from halfspread.agents.imitation.cloning import CloneSettings, clone
from halfspread.agents.imitation.dart import DartTrainer, NoiseTrainer, _in_force
from halfspread.agents.imitation.dataset import ExpertDataset
from halfspread.agents.imitation.noise import confusion
from halfspread.agents.imitation.rollout import EXPERT, NOISE
from halfspread.agents.imitation.task import Task
from halfspread.agents.networks.network import Network
from halfspread.errors import ConfigError
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


def test_the_fitted_noise_errs_as_the_matrix_says() -> None:
    trainer = DartTrainer(task(2000), SETTINGS, rounds=2, rollouts=3)
    trainer.train()
    rows, noise = trainer.dataset, trainer._noise
    assert rows is not None
    assert noise is not None
    later = rows.rows(rows.round == 1)
    starts = np.concatenate([[True], later.episode[1:] != later.episode[:-1]])
    held = np.where(starts, 0.0, np.roll(later.executed, 1))
    seen = 0
    for h, i, j in np.ndindex(3, 3, 3):
        where = (held == TARGETS[h]) & (later.expert == TARGETS[i])
        if where.sum() >= 30:
            share = (later.executed[where] == TARGETS[j]).mean()
            chance = noise.chances[h, i, j]
            assert abs(share - chance) < 4.0 * np.sqrt(max(chance * (1.0 - chance), 1e-9) / where.sum()) + 1e-12
            seen += 1
    assert seen >= 9


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
    wrong = 1.0 - np.diagonal(fitted.chances, axis1=1, axis2=2)
    assert 0.0 < wrong.max() <= 0.5 + 1e-12
    never = DartTrainer(task(), SETTINGS, rounds=2, held_out=0.5, scale=0.0)
    never.train()
    assert never.dataset is not None
    assert set(never.dataset.actor) == {EXPERT}


def test_the_learner_whose_error_is_fitted_has_not_seen_the_last_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted: list[ExpertDataset] = []

    def noting(rows: ExpertDataset, *given: Any, **named: Any) -> Any:
        fitted.append(rows)
        return clone(rows, *given, **named)

    monkeypatch.setattr("halfspread.agents.imitation.dart.clone", noting)
    DartTrainer(task(), SETTINGS, rounds=2, rollouts=2, held_out=0.25).train()
    (rows,) = fitted
    assert np.bincount(rows.episode).tolist() == [BARS * 3 // 4] * 2
    for episode in range(2):
        times = lessons.market(episode, BARS).feeds[0].table("bars").times
        assert rows.times[rows.episode == episode].max() < times[BARS * 3 // 4 + 1]


def test_what_is_in_force_begins_anew_with_every_rollout() -> None:
    rows = lessons.dataset(bars=30)
    executed = np.resize([1.0, -1.0, 0.0], len(rows))
    two = dataclasses.replace(rows, executed=executed, episode=np.arange(len(rows)) // 11)
    found, wanted = _in_force(two), np.concatenate([[0.0], executed[:-1]])
    starts = np.arange(0, len(rows), 11)
    assert (wanted[starts[1:]] != 0.0).any()
    wanted[starts] = 0.0
    np.testing.assert_array_equal(found, wanted)


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
