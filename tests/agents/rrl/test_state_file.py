"""A state that is read is the one that was saved, to the bit; any other file is told from it with a clear message."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from halfspread.agents.policies.model_file import load_model
from halfspread.agents.policies.sealed_header import sealed
from halfspread.agents.reservoir.reservoir import Reservoir, ReservoirSettings
from halfspread.agents.rrl import records as at
from halfspread.agents.rrl import sarsa_records as mine
from halfspread.agents.rrl import state_file
from halfspread.agents.rrl.moody import Rrl
from halfspread.agents.rrl.sarsa import EsnSarsa
from halfspread.agents.rrl.state import AgentState
from halfspread.agents.rrl.state_file import holds_a_state, load_state, save_state, state_rows
from halfspread.engine.times import DAY
from halfspread.errors import ConfigError, DataError
from tests.agents.rrl.worlds import autoregressive, market, paying, run
from tests.engine.worlds import START

KIND: Any = EsnSarsa
PARAMETERS: Any = {"features": ("momentum(4)",), "reservoir": ReservoirSettings(size=8)}

#: After what the state has seen.
LATER = market(autoregressive(60, seed=9), first=START + 2 * DAY)


@pytest.fixture(scope="module")
def state() -> AgentState:
    tape, agent = market(autoregressive(200)), KIND(**PARAMETERS)
    run(tape, agent, paying(1e-4))
    return agent.state(tape)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def saved(state: AgentState, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_state(state, tmp_path_factory.mktemp("states") / "agent.npz")


def same(one: AgentState, other: AgentState) -> None:
    assert one.memory.tobytes() == other.memory.tobytes()
    for name in ("kind", "parameters", "instruments", "layout", "trained", "made_with"):
        assert getattr(one, name) == getattr(other, name)
    assert (one.reservoir is None) == (other.reservoir is None)
    if one.reservoir is not None and other.reservoir is not None:
        assert one.reservoir.packed().tobytes() == other.reservoir.packed().tobytes()


def test_a_state_comes_back_as_it_was_saved(state: AgentState, saved: Path) -> None:
    same(load_state(saved), state)


def test_without_a_reservoir_too(tmp_path: Path) -> None:
    tape, agent = market(autoregressive(100)), Rrl(features=())
    run(tape, agent, paying(1e-4))
    same(load_state(agent.save(tmp_path / "deep" / "agent.npz", tape)), agent.state(tape))


def test_a_file_that_is_cut_short_anywhere_is_refused(saved: Path, tmp_path: Path) -> None:
    whole, path = saved.read_bytes(), tmp_path / "short.npz"
    for length in {0, 1, 4, 30, 64, *range(200, len(whole), len(whole) // 40), len(whole) - 1}:
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"short\.npz: expected the state of an agent .*; run the agent again"):
            load_state(path)


def test_no_byte_can_be_changed_unnoticed(saved: Path, state: AgentState, tmp_path: Path) -> None:
    """Whatever a changed byte leads to: a refusal, or (in what an archive does not need) the very same state."""
    whole, path = saved.read_bytes(), tmp_path / "agent.npz"
    refused = 0
    places = np.random.default_rng(3).permutation(len(whole))[:300]
    for place in places:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << int(place % 8))]) + whole[place + 1 :])
        try:
            same(load_state(path), state)
        except DataError:
            refused += 1
    assert refused > 0.8 * len(places)


def rewritten(saved: Path, path: Path, change: Callable[[Any, Any], None], seal: bool = True) -> Path:
    """The file with header or arrays changed, and its seal and hashes made anew by who knows how."""
    with np.load(saved) as archive:
        arrays = {name: archive[name] for name in archive.files if name != "header"}
        header = json.loads(bytes(archive["header"]))
    change(header, arrays)
    text = json.dumps(header, sort_keys=True)
    if seal:
        header.pop("seal", None)
        header["arrays"] = {name: state_file._hash(values) for name, values in arrays.items()}
        text = sealed(header)
    np.savez(path, header=np.frombuffer(text.encode(), np.uint8), **arrays)
    return path


def test_edits_without_a_new_seal_are_refused(saved: Path, tmp_path: Path) -> None:
    def earlier(header: Any, arrays: Any) -> None:
        header["trained"][0]["end"] -= 1

    def exchanged(header: Any, arrays: Any) -> None:
        arrays["w"] = 2.0 * arrays["w"]

    with pytest.raises(DataError, match=r"its header was altered \(seal [0-9a-f]{32}\); run the agent again"):
        load_state(rewritten(saved, tmp_path / "a.npz", earlier, seal=False))
    with pytest.raises(DataError, match=r"w: not the numbers that were saved: the file was altered"):
        load_state(rewritten(saved, tmp_path / "b.npz", exchanged, seal=False))


def put(name: str, value: Any) -> Callable[[Any, Any], None]:
    return lambda header, arrays: header.__setitem__(name, value)


def put_array(name: str, change: Callable[[Any], Any]) -> Callable[[Any, Any], None]:
    return lambda header, arrays: arrays.__setitem__(name, change(arrays[name]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("format", "agent 0"), "expected a state of format agent 1, got 'agent 0'; run the agent again"),
        (put("kind", 3), r"its header has no 'kind' \(str\): got 3"),
        (put("parameters", []), r"its header has no 'parameters' \(dict\)"),
        (put("parameters", {"features": [1]}), r"features: expected names, got \[1\]"),
        (put("instruments", "XBTUSD"), r"its header has no 'instruments' \(list\)"),
        (put("reservoir", {"size": 8, "radius": -1}), "reservoir: "),
        (put("reservoir", {"size": 9}), "reservoir: w_in: expected float64 of shape"),
        (put("reservoir", None), "expected the arrays memory, got memory, w, w_back, w_in"),
        (put("trained", [{"instrument": 1}]), "trained: "),
        (put_array("memory", lambda values: values[:10]), "memory: expected a row of float64 numbers"),
        (
            put_array("memory", lambda values: values.reshape(1, -1)),
            "memory: expected float64 numbers, got .* of shape",
        ),
        (put_array("memory", lambda values: values.view("f4")), "memory: expected float64 numbers, got float32"),
        (put_array("w_back", lambda values: values[:, :3]), "reservoir: expected 2 inputs and 10 positions fed back"),
        (put_array("w", lambda values: np.full_like(values, np.nan)), "reservoir: w: a weight is not finite"),
    ],
)
def test_files_that_somebody_else_made_are_refused_with_what_is_wrong(
    change: Callable[[Any, Any], None], message: str, saved: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        load_state(rewritten(saved, tmp_path / "agent.npz", change))


@pytest.mark.parametrize("size", [3, 14, 200])
@pytest.mark.parametrize("resume", ["everything", "weights"])
def test_a_reservoir_of_other_settings_than_the_parameters_is_refused(
    size: int, resume: Any, state: AgentState, saved: Path, tmp_path: Path
) -> None:
    other = Reservoir.draw(ReservoirSettings(size=size), 2, 10, np.random.default_rng(0))
    message = r"reservoir: expected that of the parameters, \{'size': 8\}, got \{'size': "

    def exchanged(header: Any, arrays: Any) -> None:
        header["reservoir"] = other.settings.model_dump(mode="json")
        arrays |= {name: np.ascontiguousarray(getattr(other, name)) for name in ("w_in", "w", "w_back")}

    file = rewritten(saved, tmp_path / "agent.npz", exchanged)
    with pytest.raises(DataError, match=message):
        KIND(**PARAMETERS, state_file=str(file), resume=resume)
    with pytest.raises(DataError, match=message):
        replace(state, reservoir=other)
    with pytest.raises(DataError, match=r"expected that of the parameters, .*, got none"):
        replace(state, reservoir=None)


def test_weights_that_are_not_finite_are_not_gone_on_with(saved: Path, tmp_path: Path) -> None:
    def spoilt(header: Any, arrays: Any) -> None:
        memory = arrays["memory"]
        memory[memory.view(np.int64)[mine.WEIGHTS]] = np.nan

    file = rewritten(saved, tmp_path / "agent.npz", spoilt)
    for resume in ("everything", "weights"):
        with pytest.raises(DataError, match="memory: what it has learnt is not finite"):
            run(LATER, KIND(**PARAMETERS, state_file=str(file), resume=resume), paying(0.0))


def number(place: int, value: int) -> Callable[[Any, Any], None]:
    def change(header: Any, arrays: Any) -> None:
        arrays["memory"].view(np.int64)[place] = value

    return change


@pytest.mark.parametrize("resume", ["everything", "weights"])
@pytest.mark.parametrize(
    "change",
    [
        number(at.NUMBERS, 10**9),
        number(mine.WEIGHTS, -5),
        number(mine.TRACES, 10**12),
        put_array("memory", lambda values: values[: at.HEADER + at.NUMBERS_KEPT]),
        put("layout", "0" * 16),
        put("kind", "EsnRrl"),
    ],
)
def test_memories_that_would_lead_out_of_an_array_are_refused(
    change: Callable[[Any, Any], None], resume: Any, saved: Path, tmp_path: Path
) -> None:
    file = rewritten(saved, tmp_path / "agent.npz", change)
    with pytest.raises((ConfigError, DataError), match=r"EsnSarsa: .*agent\.npz"):
        run(LATER, KIND(**PARAMETERS, state_file=str(file), resume=resume), paying(0.0))


def test_an_action_that_there_is_not_is_refused(saved: Path, tmp_path: Path) -> None:
    file = rewritten(saved, tmp_path / "agent.npz", number(mine.ACTION, 7))
    with pytest.raises(DataError, match="memory: expected an action from 0 to 2, got 7"):
        run(LATER, KIND(**PARAMETERS, state_file=str(file)), paying(0.0))


@given(st.integers(0, at.HEADER - 1), st.integers(-(2**63), 2**63 - 1), st.sampled_from(["everything", "weights"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_whatever_number_of_the_header_is_changed_the_run_ends_well_or_is_refused(
    state: AgentState, place: int, value: int, resume: Any
) -> None:
    memory = state.memory.copy()
    memory.view(np.int64)[place] = value
    agent = KIND(**PARAMETERS)
    try:
        found = run(LATER, agent.continued(replace(state, memory=memory), resume), paying(0.0))
    except (ConfigError, DataError):
        return
    assert np.isfinite(found.total_return)


def test_what_is_no_state_is_told(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.npz: no such state; halfspread run CONFIG --save-agent FILE"):
        load_state(tmp_path / "nothing.npz")
    with pytest.raises(ConfigError, match="expected the file of a state, got a folder"):
        load_state(tmp_path)
    with pytest.raises(DataError, match="expected a model of halfspread"):
        load_model(saved)
    assert holds_a_state(saved)


def test_a_state_that_cannot_be_written_is_told_and_leaves_nothing(state: AgentState, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"agent\.txt: expected the name of a state to end in \.npz"):
        save_state(state, tmp_path / "agent.txt")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        save_state(state, tmp_path / "file" / "agent.npz")
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_it_tells_of_itself(state: AgentState) -> None:
    rows = dict(state_rows(state))
    assert rows["agent"] == "EsnSarsa, after 196 decisions and 195 updates"
    assert rows["features"] == "momentum(4)"
    assert rows["reservoir drawn"] == "8 units, 2 inputs, 10 fed back"
    assert rows["instruments"] == "custom:FINE"
    assert rows["trained on"].startswith("custom:FINE from 2024-01-01 00:00:00 UTC to 2024-01-01 16:40:00 UTC, data ")
    assert rows["gate"] == "kind none, decay 0.999, every 1"
