"""A reservoir beside the features: its states are those of the reservoir that the features drive, wherever they go."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from halfspread.agents.experts.position_expert import PositionExpert
from halfspread.agents.features import DrivenReservoir, FeatureSet
from halfspread.agents.imitation.augment import jittered, mirrored
from halfspread.agents.imitation.clones import Clone
from halfspread.agents.imitation.cloning import CloneSettings
from halfspread.agents.imitation.dataset import load_dataset, save_dataset
from halfspread.agents.imitation.demonstrate import demonstrate
from halfspread.agents.imitation.rollout import roll_out
from halfspread.agents.imitation.round_learners import Dagger, Dart
from halfspread.agents.networks.network import Network
from halfspread.agents.networks.scaler import Scaler
from halfspread.agents.policies.describe import describe
from halfspread.agents.policies.model import Model
from halfspread.agents.policies.model_file import load_model, save_model
from halfspread.agents.policies.policy import Policy
from halfspread.agents.policies.sealed_header import sealed
from halfspread.agents.policies.watching import observations
from halfspread.costs.margin import Margin
from halfspread.engine.audit import audit
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import FixedContracts
from halfspread.errors import ConfigError, DataError
from tests.agents.features.lookers import look, random_bars
from tests.agents.features.test_causal import act
from tests.agents.imitation import lessons
from tests.engine.worlds import FREE

NAMES = ("scaled_return(1, 9)", "scaled_return(4, 9)", "position")
DRIVEN = DrivenReservoir(size=13, seed=4)
BESIDE = FeatureSet(NAMES, 2, DRIVEN)
TERMS: Any = {"sizing": FixedContracts(4.0), "capital": 1e6, "margin": Margin.none()}


def drawn(features: FeatureSet = BESIDE, seed: int = 3) -> Model:
    network = Network.drawn(features.count, (8,), 3, "softmax", "tanh", np.random.default_rng(seed))
    scaler = Scaler(np.zeros(features.count), np.full(features.count, 0.5))
    return Model(features, scaler, network, np.array([-1.0, 0.0, 1.0]))


def driven_by(rows: Any, settings: DrivenReservoir) -> Any:
    """States of the reservoir of the settings, driven by rows and a constant 1."""
    reservoir = settings.drawn(rows.shape[1])
    return reservoir.states(np.column_stack([rows, np.ones(len(rows))]))


@pytest.mark.parametrize("stack", [1, 3])
@pytest.mark.parametrize("more", [{}, {"leak": 0.3}, {"construction": "rescaled"}])
def test_states_are_those_that_the_features_drive(stack: int, more: Any) -> None:
    tape, settings = random_bars(), DrivenReservoir(size=13, seed=4, **more)
    looker = look(tape, NAMES, act, stack=stack)
    plain = looker.table
    beside = Looked(FeatureSet(NAMES, stack, settings)).on(tape)
    assert beside[:, : 3 * stack].tobytes() == plain.tobytes()
    assert beside[:, 3 * stack :] == pytest.approx(driven_by(plain[:, :3], settings), abs=1e-14)
    assert np.abs(beside[:, 3 * stack :]).max() > 0.1


class Looked:
    def __init__(self, features: FeatureSet) -> None:
        self.features = features

    def on(self, tape: Any, **options: Any) -> Any:
        from tests.agents.features.lookers import Looker

        looker = Looker(self.features, act)
        run_backtest(tape, looker, FREE, **{**TERMS, "sizing": FixedContracts(1.0), **options})
        return looker.table


def test_states_do_not_depend_on_chunks_nor_on_who_looks() -> None:
    tape = random_bars()
    rows = Looked(BESIDE).on(tape)
    for chunk in (1, 13):
        assert Looked(BESIDE).on(tape, chunk_events=chunk).tobytes() == rows.tobytes()
    watched = FeatureSet(NAMES[:2], 1, DRIVEN)
    whole, parts = (observations(tape, watched, chunk_events=each)[1] for each in (100_000, 7))
    assert whole.tobytes() == parts.tobytes()
    assert whole[:, 2:] == pytest.approx(driven_by(whole[:, :2], DRIVEN), abs=1e-14)


def test_a_policy_with_a_reservoir_repeats_itself_and_passes_the_audit() -> None:
    tape, model = random_bars(100), drawn()
    runs = [run_backtest(tape, Policy.of(model), FREE, **TERMS) for _ in range(2)]
    assert runs[0].turnover == runs[1].turnover > 0.0
    assert runs[0].attribution == runs[1].attribution
    found = audit(tape, lambda: Policy.of(model), FREE, **TERMS)
    assert found.passed, found


def test_columns_and_counts_tell_features_and_units_apart() -> None:
    assert BESIDE.count == 6 + 13
    assert (BESIDE.stacked, BESIDE.units) == (6, 13)
    assert BESIDE.columns[5:8] == ("position 1 before", "unit 1", "unit 2")
    assert len(BESIDE.columns) == BESIDE.count
    assert FeatureSet(NAMES, 2) != BESIDE
    assert replace(BESIDE, reservoir=DrivenReservoir(size=13, seed=5)) != BESIDE
    assert repr(FeatureSet(("position",))) == "FeatureSet(names=('position',), stack=1)"
    assert str(BESIDE).endswith("(stack 2, reservoir of 13 units, paper, radius 0.9, seed 4)")
    assert dict(describe(drawn()))["beside them"] == "reservoir of 13 units, paper, radius 0.9, seed 4"


def test_a_seed_draws_the_same_reservoir_and_another_seed_another() -> None:
    one, again = DrivenReservoir(size=9, seed=1).drawn(4), DrivenReservoir(size=9, seed=1).drawn(4)
    other = DrivenReservoir(size=9, seed=2).drawn(4)
    assert one.w.tobytes() == again.w.tobytes()
    assert one.w_in.tobytes() == again.w_in.tobytes()
    assert not np.allclose(one.w_in, other.w_in)
    assert (one.inputs, one.feedbacks) == (5, 0)


def test_a_model_comes_back_with_its_reservoir(tmp_path: Path) -> None:
    model = drawn()
    read = load_model(save_model(model, tmp_path / "model.npz"))
    assert read.digest() == model.digest()
    assert read.features == model.features
    assert read.features.weights is not None
    tape = random_bars(100)
    first, second = (run_backtest(tape, Policy.of(each), FREE, **TERMS) for each in (model, read))
    assert first.attribution == second.attribution
    assert first.turnover > 0.0


def test_weights_that_were_saved_count_and_not_those_that_would_be_drawn() -> None:
    """A library that draws otherwise one day changes no model."""
    model, other = drawn(), DrivenReservoir(size=13, seed=9).drawn(3)
    changed = replace(model, features=replace(BESIDE, weights=other))
    assert changed.features == model.features
    assert changed.digest() != model.digest()
    tape = random_bars(100)
    runs = [run_backtest(tape, Policy.of(each), FREE, **TERMS) for each in (model, changed)]
    assert runs[0].attribution != runs[1].attribution


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"reservoir: expected units, inputs and feedbacks \(13, 4, 0\), got \(12, 4, 0\)"
    ):
        replace(BESIDE, weights=DrivenReservoir(size=12).drawn(3))
    with pytest.raises(DataError, match="reservoir: expected units"):
        FeatureSet(NAMES, 1, None, DRIVEN.drawn(3))
    path = save_model(drawn(), tmp_path / "model.npz")
    for name, said in (("w", "expected 52 and 169 weights, got 52 and 168"), ("w_in", "got 51 and 169")):
        with pytest.raises(DataError, match=said):
            load_model(cut_short(path, name))


def cut_short(path: Path, name: str) -> Path:
    """The file with one weight less, sealed as if it had been saved so."""
    from halfspread.agents.policies.model_file import _hash

    with np.load(path) as archive:
        arrays = {each: archive[each] for each in archive.files}
    arrays[name] = arrays[name][:-1]
    header = json.loads(bytes(arrays["header"]))
    header.pop("seal")
    header["arrays"][name] = _hash(arrays[name])
    arrays["header"] = np.frombuffer(sealed(header).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    made = path.with_name(f"short_{name}.npz")
    made.write_bytes(buffer.getvalue())
    return made


def test_a_file_without_the_weights_of_its_reservoir_is_refused(tmp_path: Path) -> None:
    path = save_model(drawn(), tmp_path / "model.npz")
    with np.load(path) as archive:
        arrays = {each: archive[each] for each in archive.files if each != "w"}
    np.savez(path, **arrays)
    with pytest.raises(DataError, match=r"a network has the arrays .*w_in, w"):
        load_model(path)


def test_demonstrations_hold_the_states_and_come_back_with_them(tmp_path: Path) -> None:
    features = FeatureSet((*lessons.FEATURES.names[:2],), 1, DRIVEN)
    rows = demonstrate(lessons.market(), PositionExpert(), features, lessons.COSTS, **lessons.OPTIONS)
    assert rows.observations[:, 2:] == pytest.approx(driven_by(rows.observations[:, :2], DRIVEN), abs=1e-14)
    read = load_dataset(save_dataset(rows, tmp_path / "rows.parquet"))
    assert read.features == features
    assert read.digest() == rows.digest()
    other = demonstrate(
        lessons.market(), PositionExpert(), FeatureSet(features.names), lessons.COSTS, **lessons.OPTIONS
    )
    with pytest.raises(DataError, match=r"reservoir of 13 units.* cannot be added"):
        _ = other + rows


@pytest.mark.parametrize("learner", [Clone, Dagger, Dart])
def test_learners_look_at_a_reservoir(learner: Any) -> None:
    settings = CloneSettings(hidden=(4,), epochs=2, batch=64)
    more = {} if learner is Clone else {"rounds": 2}
    names = lessons.FEATURES.names
    made = learner(expert=PositionExpert(), features=names, settings=settings, reservoir={"size": 7, "seed": 2}, **more)
    tape = lessons.market()
    first, again = (
        made.learn(tape, np.random.default_rng(5), costs=lessons.COSTS, options=lessons.OPTIONS) for _ in range(2)
    )
    assert first.model.features == FeatureSet(names, 1, DrivenReservoir(size=7, seed=2))
    assert first.model.network.inputs == len(names) + 7
    assert first.model.digest() == again.model.digest()
    own = len(names)
    episode = first.dataset.observations[first.dataset.episode == first.dataset.episode[0]]
    assert episode[:, own:] == pytest.approx(driven_by(episode[:, :own], DrivenReservoir(size=7, seed=2)), abs=1e-13)
    run_backtest(lessons.market(3, instrument=lessons.OTHER), first.policy, lessons.COSTS, **lessons.OPTIONS)


def test_a_rollout_of_a_model_of_another_reservoir_is_refused() -> None:
    features = FeatureSet((*lessons.FEATURES.names[:2],), 1, DRIVEN)
    learner = lessons.model(replace(features, reservoir=DrivenReservoir(size=13, seed=5)))
    with pytest.raises(ConfigError, match=r"the model looks at .* seed 5\), and the rollout at .* seed 4\)"):
        roll_out(lessons.market(), PositionExpert(), features, lessons.COSTS, learner=learner, **lessons.OPTIONS)


def test_states_have_no_mirror_and_may_be_jittered() -> None:
    features = FeatureSet(("column(signal)", "position"), 2, DRIVEN)
    rows = demonstrate(lessons.market(), PositionExpert(), features, lessons.COSTS, **lessons.OPTIONS)
    with pytest.raises(ConfigError, match="nobody knows the mirror of a reservoir's state"):
        mirrored(rows, {"column(signal)": -1})
    more = jittered(rows, 0.1, np.random.default_rng(0))
    moved = (more.observations[len(rows) :] != rows.observations).any(axis=0)
    assert moved.tolist() == [True, False, True, False] + [True] * 13


def test_a_reservoir_needs_features_and_one_that_cannot_be_drawn_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="reservoir: it is driven by features, and there are none"):
        Clone(demonstrations=str(tmp_path / "rows.parquet"), reservoir=DRIVEN)
    with pytest.raises(ConfigError, match="fails the test of echo states"):
        Clone(
            expert=PositionExpert(), features=("log_return(1)",),
            reservoir=DrivenReservoir(size=100, radius=8, construction="rescaled", input_scale=0.0),
        )  # fmt: skip
    with pytest.raises(ConfigError, match="radius"):
        Clone(expert=PositionExpert(), features=("log_return(1)",), reservoir={"radius": 1.5})  # type: ignore[arg-type]
