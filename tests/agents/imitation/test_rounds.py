"""Rounds on disk: a training that was killed goes on to the same bits, and what does not belong is refused."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from halfspread.agents.experts.position_expert import PositionExpert
from halfspread.agents.imitation.cloning import BCPolicy, CloneSettings, clone
from halfspread.agents.imitation.dagger import DAggerTrainer
from halfspread.agents.imitation.dart import DartTrainer
from halfspread.agents.imitation.dataset import ExpertDataset
from halfspread.agents.imitation.rounds import RoundTrainer
from halfspread.agents.imitation.schedules import adaptive, exponential, indicator
from halfspread.agents.imitation.task import Task, said
from halfspread.agents.networks.network import Network
from halfspread.agents.policies.model import Model
from halfspread.errors import ConfigError, DataError
from tests.agents.imitation import lessons

BARS = 250
SETTINGS = CloneSettings(hidden=(8,), epochs=3, batch=64)


def task(seed: int = 0) -> Task:
    return Task(
        PositionExpert(),
        lessons.FEATURES,
        lessons.COSTS,
        lessons.OPTIONS,  # type: ignore[arg-type]
        lambda number: lessons.market(1000 * seed + number, BARS),
        lambda number: lessons.market(900_000 + number, BARS),
        seed,
    )


def trainer(folder: Path | None = None, **changes: Any) -> DAggerTrainer:
    given: dict[str, Any] = {"rounds": 5, "rollouts": 2, "judged_by": 2, "folder": folder, **changes}
    given = {"task": task(), "settings": SETTINGS, "beta": adaptive(5.0), **given}
    return DAggerTrainer(**given)


def parameters(model: Model) -> bytes:
    assert isinstance(model.network, Network)
    return model.network.parameters.tobytes()


def outcome(done: RoundTrainer) -> tuple[Any, ...]:
    """Everything that comes of a training, to the bit."""
    assert done.dataset is not None
    rounds = [
        (
            each.number,
            each.beta,
            each.labels,
            repr(each.disagreement),
            each.judgement,
            parameters(each.policy.model),
            each.policy.fit.losses.tobytes(),
            each.policy.train.digest(),
            None if each.policy.validation is None else each.policy.validation.digest(),
        )
        for each in done.history
    ]
    return done.dataset.digest(), done.best.number, rounds


class Killed(BaseException):
    """What no handler of errors catches."""


def stop_after(rounds: int) -> Any:
    def done(each: Any) -> None:
        if each.number == rounds - 1:
            raise Killed

    return done


@pytest.mark.parametrize("rounds", [1, 3])
def test_a_training_that_was_stopped_goes_on_to_the_same_bits(rounds: int, tmp_path: Path) -> None:
    whole = trainer()
    whole.train()
    with pytest.raises(Killed):
        trainer(tmp_path, done=stop_after(rounds)).train()
    again = trainer(tmp_path)
    again.train()
    assert outcome(again) == outcome(whole)


def test_finished_rounds_are_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = trainer(tmp_path)
    first.train()
    monkeypatch.setattr(Task, "roll_out", None)
    monkeypatch.setattr(Task, "judge", None)
    again = trainer(tmp_path)
    assert parameters(again.train().model) == parameters(first.best.policy.model)
    assert outcome(again) == outcome(first)


def test_a_finished_training_may_be_given_more_rounds(tmp_path: Path) -> None:
    trainer(tmp_path, rounds=2).train()
    more, whole = trainer(tmp_path), trainer()
    more.train()
    whole.train()
    assert outcome(more) == outcome(whole)


def test_without_aggregation_and_with_a_budget_it_goes_on_alike(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"aggregate": False, "budget": 7 * BARS + 3, "judged_by": 0}
    with pytest.raises(Killed):
        trainer(tmp_path, done=stop_after(2), **settings).train()
    again, whole = trainer(tmp_path, **settings), trainer(**settings)
    again.train()
    whole.train()
    assert outcome(again) == outcome(whole)
    assert again.labels == 7 * BARS + 3


def test_dart_goes_on_alike(tmp_path: Path) -> None:
    def made(folder: Path | None = None, **more: Any) -> DartTrainer:
        return DartTrainer(task(), SETTINGS, rounds=4, folder=folder, **more)

    with pytest.raises(Killed):
        made(tmp_path, done=stop_after(2)).train()
    again, whole = made(tmp_path), made()
    again.train()
    whole.train()
    assert outcome(again) == outcome(whole)


SCRIPT = """
import sys, time
sys.path[:0] = {paths!r}
from pathlib import Path
from tests.agents.imitation.test_rounds import trainer
trainer(Path(sys.argv[1]), done=lambda each: (print(each.number, flush=True), time.sleep(0.2))).train()
"""


def test_a_process_that_was_killed_leaves_rounds_to_go_on_from(tmp_path: Path) -> None:
    home = tmp_path / "rounds"
    paths = [str(Path(__file__).resolve().parents[3])]
    running = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(paths=paths), str(home)], stdout=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    with running.stdout as lines:
        for line in lines:
            if line.strip() == "1":
                break
        os.kill(running.pid, signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    kept = json.loads((home / "rounds.json").read_text(encoding="utf-8"))
    assert 2 <= len(kept["rounds"]) < 5
    again, whole = trainer(home), trainer()
    again.train()
    whole.train()
    assert outcome(again) == outcome(whole)


def test_what_a_kill_left_half_done_is_written_anew(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        trainer(tmp_path, done=stop_after(2)).train()
    (tmp_path / "round-002.parquet").write_bytes(b"half")
    (tmp_path / ".rounds.json.x").write_text("{")
    again, whole = trainer(tmp_path), trainer()
    again.train()
    whole.train()
    assert outcome(again) == outcome(whole)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"beta": exponential()}, r"beta was 'adaptive\(gain=5.0\)' and is 'exponential\(rate=0.5\)'"),
        ({"task": task(1)}, r"task.market was .*task.seed was 0 and is 1"),
        ({"settings": SETTINGS.model_copy(update={"epochs": 4})}, "settings.epochs was 3 and is 4"),
        ({"rollouts": 3}, "rollouts was 2 and is 3"),
        ({"task": dataclasses.replace(task(), expert=PositionExpert(enter=1.5))}, r"task.expert was .*enter=1\.5"),
    ],
)
def test_the_folder_of_another_training_is_refused(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    trainer(tmp_path, rounds=1).train()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ConfigError, match=f"rounds of another training: .*{said}"):
        trainer(tmp_path, **changes).train()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("name", ["round-000.npz", "round-000.parquet", "rounds.json"])
def test_files_that_were_altered_are_refused(name: str, tmp_path: Path) -> None:
    trainer(tmp_path, rounds=2).train()
    data = bytearray((tmp_path / name).read_bytes())
    (tmp_path / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match=str(tmp_path)):
        trainer(tmp_path).train()


def test_files_of_another_round_are_refused(tmp_path: Path) -> None:
    trainer(tmp_path, rounds=2).train()
    (tmp_path / "round-001.parquet").write_bytes((tmp_path / "round-000.parquet").read_bytes())
    with pytest.raises(DataError, match="the files of round 1 are not those that were kept"):
        trainer(tmp_path).train()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    trainer(tmp_path, rounds=1).train()
    (tmp_path / "round-000.npz").unlink()
    with pytest.raises(ConfigError, match=r"round-000\.npz"):
        trainer(tmp_path).train()


def test_a_folder_is_named_where_an_expert_fails(tmp_path: Path) -> None:
    given = trainer(tmp_path, rounds=1)
    given.train()
    given.rounds = 2
    given.task = dataclasses.replace(given.task, markets=lambda _: lessons.market(0, 0))
    with pytest.raises(DataError, match=r"round 1; the 1 before it are kept in .*" + tmp_path.name):
        given.train()


def test_every_round_counts_in_the_fit_and_in_what_it_is_judged_by() -> None:
    """Of markets that follow each other, the last in time are those of the last round."""
    parts = [lessons.market(0, 5 * BARS, start=lessons.START)]
    times = parts[0].feeds[0].table("bars").times

    def part(number: int) -> Any:
        bounds = [pd.Timestamp(int(times[i]), tz="UTC") for i in (number * BARS, (number + 1) * BARS - 1)]
        return parts[0].slice(*bounds)

    settings = SETTINGS.model_copy(update={"validation": 0.2, "embargo": "1h"})
    given = DAggerTrainer(dataclasses.replace(task(), markets=part), settings, indicator(), rounds=4)
    policy = given.train()
    assert policy.validation is not None
    rows = given.dataset
    assert rows is not None
    for fitted, share in ((policy.train, 0.8), (policy.validation, 0.2)):
        counts = np.bincount(fitted.round, minlength=4)
        assert counts == pytest.approx([share * len(rows) / 4] * 4, abs=14)
    for episode in range(4):
        early, late = (each.times[each.episode == episode] for each in (policy.train, policy.validation))
        assert late.min() - early.max() >= 3_600_000_000_000
        assert late.max() == rows.times[rows.episode == episode].max()
    with pytest.raises(ConfigError, match="embargo of 9d is longer than the rollouts"):
        DAggerTrainer(task(), settings.model_copy(update={"embargo": "9d"}), indicator()).train()


def test_every_round_draws_for_itself_and_alike_for_the_same_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[float] = []

    def noting(rows: ExpertDataset, settings: CloneSettings, rng: np.random.Generator, **more: Any) -> BCPolicy:
        drawn.append(copy.deepcopy(rng).random())
        return clone(rows, settings, rng, **more)

    monkeypatch.setattr("halfspread.agents.imitation.rounds.clone", noting)
    for seed in (0, 0, 1):
        trainer(task=task(seed), rounds=4, rollouts=1, judged_by=0).train()
    assert drawn[:4] == drawn[4:8]
    assert len(set(drawn[4:])) == 8


@pytest.mark.parametrize("head", ["squared", "gaussian"])
def test_a_head_that_tells_values_is_trained_and_judged(head: str) -> None:
    settings = SETTINGS.model_copy(update={"head": head})
    given = DAggerTrainer(task(), settings, adaptive(5.0), rounds=3, judged_by=2)
    given.train()
    for before, now in zip(given.history[:-1], given.history[1:], strict=True):
        own = given.dataset
        assert own is not None
        rows = own.rows(own.round == now.number)
        assert now.disagreement == 1.0 - before.policy.agreement(rows)
        assert 0.0 < now.disagreement <= 1.0
    assert given.best.judgement is not None


def test_what_is_said_of_a_thing_is_the_same_in_every_process() -> None:
    assert said(indicator()) == "indicator()"
    assert " at 0x" not in said(lambda *_: 0.0)
    assert said(lambda *_: 0.0).endswith("<lambda>")
    assert said(object()) == "builtins.object"
    assert said(PositionExpert()) == repr(PositionExpert())


def test_rounds_take_no_time_to_speak_of_to_read(tmp_path: Path) -> None:
    given = trainer(tmp_path, rounds=2)
    given.train()
    began = time.perf_counter()
    trainer(tmp_path, rounds=2).train()
    assert time.perf_counter() - began < 2.0
    assert np.isnan(given.history[0].disagreement)
