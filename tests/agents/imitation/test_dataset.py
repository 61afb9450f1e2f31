"""Demonstrations: what they hold, how they are split and put together, their file, and what they refuse."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfspread.agents.features import FeatureSet
from halfspread.agents.imitation.dataset import NUMBERS, WHOLE, ExpertDataset, load_dataset, save_dataset
from halfspread.agents.imitation.demonstrate import demonstrate
from halfspread.agents.imitation.merging import copied_rows
from halfspread.agents.imitation.rollout import LEARNER
from halfspread.agents.networks.scaler import Scaler
from halfspread.agents.policies.policy import Policy
from halfspread.agents.policies.sealed_header import sealed
from halfspread.engine.run import run_backtest
from halfspread.errors import ConfigError, DataError
from halfspread.strategies import SmaCross
from tests.agents.imitation.lessons import (
    COSTS,
    FEATURES,
    OPTIONS,
    TARGETS,
    contrarian,
    dataset,
    episode,
    market,
    model,
)

SECOND = 10**9
T0 = 1_600_000_000 * SECOND
TWO = FeatureSet(("column(signal)", "position"))


def rows(count: int = 6, **more: Any) -> ExpertDataset:
    """Rows made by hand."""
    rng = np.random.default_rng(count)
    times = T0 + 60 * SECOND * np.arange(count)
    given: dict[str, Any] = {
        "observations": rng.normal(size=(count, 2)),
        "times": times,
        "expert": np.resize([1.0, 0.0, -1.0], count),
        "executed": np.resize([1.0, 0.0, -1.0], count),
        "actor": np.zeros(count),
        "episode": np.zeros(count),
        "round": np.zeros(count),
        "available": times,
        "probability": np.ones(count),
        "weight": np.ones(count),
    }
    return ExpertDataset(TWO, **{**given, **more})


def same(one: ExpertDataset, other: ExpertDataset) -> None:
    for name in ("observations", *NUMBERS, *WHOLE):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    assert (one.features, one.trained, dict(one.facts)) == (other.features, other.trained, dict(other.facts))


# What they hold.


def test_a_rollout_becomes_rows_that_say_who_acted() -> None:
    episodes = [episode(i, 100, learner=model(), beta=0.5) for i in range(2)]
    made = ExpertDataset.of(episodes, FEATURES, round=3)
    assert len(made) == 200
    assert np.array_equal(made.expert, np.concatenate([each.expert for each in episodes]))
    assert np.array_equal(made.executed, np.concatenate([each.executed for each in episodes]))
    assert made.episode.tolist() == [0] * 100 + [1] * 100
    assert set(made.round.tolist()) == {3}
    assert (made.actor == LEARNER).any()
    assert np.array_equal(made.available, made.times)


def test_a_recording_says_who_was_recorded_on_what_and_on_what_terms() -> None:
    tape = market(1, 100)
    made = demonstrate(tape, SmaCross(fast=3, slow=9), FEATURES, COSTS, licence="for tests alone", seed=4, **OPTIONS)
    assert made.facts["expert"]["name"] == "SmaCross"
    assert made.facts["expert"]["parameters"]["fast"] == 3
    assert made.facts["expert"]["looks_ahead"] is False
    assert made.facts["licence"] == "for tests alone"
    assert made.facts["fill"] == "next_open"  # not at the close that the features were computed from
    assert made.facts["seed"] == 4
    assert "0.1 in quote currency" in made.facts["terms"]["half-spread"]
    assert [each.data for each in made.trained] == [tape.hash()]
    json.dumps(made.facts)


def test_a_softmax_expert_gives_its_probabilities_to_the_labels() -> None:
    expert = model(seed=5)
    made = dataset(1, 50, expert=Policy.of(expert))
    assert (made.probability < 1.0).all()
    wanted = made.examples(Scaler.fitted(made.observations), TARGETS).wanted
    assert wanted.sum(axis=1) == pytest.approx(np.ones(50))
    assert np.array_equal(wanted[np.arange(50), made.classes(TARGETS)], made.probability)


def test_targets_that_are_numbers_stay_numbers() -> None:
    made = rows(3, expert=np.array([0.25, -0.75, 0.0]))
    assert made.examples(Scaler.fitted(made.observations), np.zeros(0)).wanted.tolist() == [[0.25], [-0.75], [0.0]]
    assert made.classes(TARGETS).tolist() == [1, 0, 1]


def test_a_label_between_two_classes_is_told() -> None:
    with pytest.raises(
        DataError, match=r"row 1 .*the expert wants 0, which lies just between two of the targets -1, 1"
    ):
        rows().classes(np.array([-1.0, 1.0]))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"observations": np.full((6, 2), math.nan)}, r"row 0 \(2020-09-13 12:26:40 UTC\): column\(signal\) is nan"),
        ({"observations": np.zeros((6, 3))}, "expected 2 features in each row"),
        ({"observations": np.zeros(6)}, "expected 2 features in each row"),
        ({"expert": np.zeros(5)}, r"6 rows, and expert of shape \(5,\)"),
        ({"expert": np.array([0, 0, 1.5, 0, 0, 0])}, "row 2 .*expert: expected a number from -1 to 1, got 1.5"),
        ({"expert": np.full(6, math.nan)}, "row 0 .*expert: expected a number from -1 to 1, got nan"),
        ({"executed": np.full(6, -2.0)}, "executed: expected a number from -1 to 1, got -2"),
        ({"probability": np.full(6, 1.1)}, "probability: expected a number from 0 to 1"),
        ({"weight": np.full(6, -1.0)}, "weight: expected a number of 0 or more"),
        ({"actor": np.full(6, 3)}, "actor: expected a number from 0 to 2, got 3"),
    ],
)
def test_rows_that_cannot_be_are_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        rows(**change)


def test_a_label_that_was_known_one_nanosecond_later_is_one_of_the_future() -> None:
    fine = rows()
    late = fine.times.copy()
    late[4] += 1
    with pytest.raises(DataError, match=r"row 4: a label of the future: decided at .*, known at .*00000001 UTC"):
        replace(fine, available=late)


def test_no_episodes_are_no_demonstrations() -> None:
    with pytest.raises(DataError, match="at least one episode"):
        ExpertDataset.of([], FEATURES)


# Splitting.


@settings(max_examples=60)
@given(
    st.lists(st.lists(st.integers(0, 400), min_size=1, max_size=25), min_size=1, max_size=4),
    st.integers(0, 400),
    st.integers(0, 120),
)
def test_no_row_of_one_part_is_within_the_embargo_of_the_other(
    episodes: list[list[int]], at: int, embargo: int
) -> None:
    # several rollouts and rounds over the same times, as DAgger makes them
    seconds = np.array([second for each in episodes for second in sorted(each)])
    times = T0 + SECOND * seconds
    number = np.repeat(np.arange(len(episodes)), [len(each) for each in episodes])
    all_rows = rows(len(times), times=times, available=times, episode=number, round=number)
    try:
        before, after = all_rows.split(T0 + SECOND * at, f"{embargo}s")
    except ConfigError:
        assert not (seconds < at).any() or not (seconds >= at + embargo).any()
        return
    assert after.times.min() - before.times.max() > embargo * SECOND
    left = len(all_rows) - len(before) - len(after)
    assert left == ((seconds >= at) & (seconds < at + embargo)).sum()


def test_a_share_counts_rows_and_each_part_knows_what_it_is() -> None:
    before, after = rows(10).split(0.7, "1m")
    assert (len(before), len(after)) == (7, 2)
    assert before.facts["split"] == {"at": "2020-09-13 12:33:40 UTC", "embargo_ns": 60 * SECOND, "part": "before"}
    assert after.facts["split"]["part"] == "after"


def test_rows_of_a_window_have_seen_the_window_and_no_more() -> None:
    tape = market(1, 400)
    made = demonstrate(tape, SmaCross(fast=3, slow=9), FEATURES, COSTS, **OPTIONS)
    start, end = int(made.times[100]), int(made.times[200])
    part = made.between(start, end)
    assert part.times.tolist() == made.times[100:201].tolist()
    (seen,) = part.trained
    assert (seen.start, seen.end) == (start, end)
    assert seen.marks
    assert all(start <= time <= end for time, _ in seen.marks)
    assert made.between(0, 2**62).trained == made.trained
    learnt = replace(model(), trained=part.trained)
    later = market(1, 400).slice(int(made.times[250]))
    run_backtest(later, Policy.of(learnt), COSTS, **OPTIONS)
    with pytest.raises(ConfigError, match="was trained on"):
        run_backtest(later, Policy.of(replace(model(), trained=made.trained)), COSTS, **OPTIONS)


def test_a_split_without_rows_on_one_side_is_refused() -> None:
    with pytest.raises(ConfigError, match="10 rows before and 0 after it and an embargo of 0; the demonstrations go"):
        rows(10).split("2021-01-01")
    with pytest.raises(ConfigError, match="0 rows before and 10 after"):
        rows(10).split("2019-01-01")
    with pytest.raises(ConfigError, match="no demonstrations to split"):
        rows(10).rows(slice(0, 0)).split(0.5)
    with pytest.raises(ConfigError, match="expected a length of time"):
        rows(10).split(0.5, "soon")


# Putting together.


def test_rows_of_two_rounds_are_one_behind_the_other_and_episodes_are_numbered_on() -> None:
    first, second = dataset(1, 60), ExpertDataset.of([episode(2, 60)], FEATURES, round=1)
    both = first + second
    assert both.episode.tolist() == [0] * 60 + [1] * 60
    assert both.round.tolist() == [0] * 60 + [1] * 60
    assert np.array_equal(both.observations, np.concatenate([first.observations, second.observations]))
    assert "copied_rows" not in both.facts


def test_rows_of_other_features_are_not_added() -> None:
    with pytest.raises(DataError, match=r"rows of column\(signal\), position \(stack 1\) cannot be added to"):
        dataset(1, 50) + dataset(2, 50, features=TWO)
    with pytest.raises(DataError, match="stack 2"):
        dataset(1, 50, features=TWO) + dataset(2, 50, features=FeatureSet(TWO.names, 2))


def test_the_same_run_of_an_expert_is_not_added_twice() -> None:
    once = dataset(1, 200)
    with pytest.raises(DataError, match=r"all 200 rows of an episode .* are there already: the same run of the expert"):
        once + dataset(1, 200)
    with pytest.raises(DataError, match="are there already"):  # Chapter 307: one more copy in every round
        (once + dataset(2, 200)) + once


def test_rollouts_whose_actions_never_reached_the_market_are_not_added() -> None:
    # what Chapter 307's DAgger adds: the learner's action is computed and thrown away, and the expert's is filled
    honest = ExpertDataset.of([episode(1, learner=contrarian(FEATURES), beta=0.5)], FEATURES, round=1)
    expert = dataset(1)
    assert 0 < copied_rows(expert, honest).sum() < len(honest)
    thrown = replace(expert, executed=honest.executed, actor=honest.actor)
    assert (thrown.executed != thrown.expert).any()
    with pytest.raises(DataError, match="were not the expert's: what was executed never reached the market"):
        expert + thrown


def test_copies_that_an_honest_learner_makes_stay_and_are_counted() -> None:
    once = dataset(1, 200)
    perfect = replace(once, actor=np.full(200, LEARNER))
    both = once + perfect
    assert both.facts["copied_rows"] == 200
    assert (both + dataset(3, 50)).facts["copied_rows"] == 200
    # features that no action changes cannot tell copies from honest rows
    calm = FeatureSet(("log_return(1)",))
    learner = contrarian(calm)
    trend = SmaCross(fast=3, slow=9)
    again = ExpertDataset.of([episode(1, 200, trend, calm, learner=learner, beta=0.0)], calm)
    assert (again.executed != again.expert).any()
    assert (dataset(1, 200, expert=trend, features=calm) + again).facts["copied_rows"] == len(again)


# The file.


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return save_dataset(dataset(1, 80, features=FeatureSet(TWO.names, 2)), tmp_path / "a" / "d.parquet")


def test_a_file_gives_back_what_was_saved_to_the_bit(tmp_path: Path) -> None:
    made = demonstrate(market(1, 80), SmaCross(fast=3, slow=9), FEATURES, COSTS, **OPTIONS)
    made = replace(made, weight=np.random.default_rng(0).random(len(made)))
    path = save_dataset(made, tmp_path / "d.parquet")
    same(load_dataset(path), made)
    assert load_dataset(str(path)).digest() == made.digest()
    table = pq.read_table(path)
    assert table.column_names == [*WHOLE, *NUMBERS, *FEATURES.columns]
    assert {str(table.schema.field(name).type) for name in WHOLE} == {"int64"}
    assert [each.name for each in tmp_path.iterdir()] == ["d.parquet"]


def test_a_write_that_fails_leaves_the_file_as_it_was(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()

    def full(*_: Any, **__: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(OSError, match="no space"):
        save_dataset(dataset(2, 30), saved)
    assert saved.read_bytes() == before
    assert [each.name for each in saved.parent.iterdir()] == ["d.parquet"]


def test_facts_and_names_that_no_file_holds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"to end in \.parquet"):
        save_dataset(rows(), tmp_path / "d.csv")
    with pytest.raises(DataError, match="facts: expected plain JSON values"):
        save_dataset(replace(rows(), facts={"expert": object()}), tmp_path / "d.parquet")
    with pytest.raises(DataError, match="facts: expected plain JSON values"):
        save_dataset(replace(rows(), facts={"score": math.nan}), tmp_path / "d.parquet")


def rewritten(path: Path, table: Any) -> Path:
    pq.write_table(table, path)
    return path


def header_with(table: Any, **change: Any) -> Any:
    key = b"halfspread.demonstrations"
    header = json.loads(table.schema.metadata[key])
    return table.replace_schema_metadata({key: json.dumps({**header, **change}).encode()})


def test_no_file_another_file_and_one_that_is_cut_are_told(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.parquet: no such file of demonstrations"):
        load_dataset(tmp_path / "none.parquet")
    data = saved.read_bytes()
    for length in (0, 3, 100, len(data) // 2, len(data) - 1):
        saved.write_bytes(data[:length])
        with pytest.raises(DataError, match=r"d\.parquet: expected a file of demonstrations \(Parquet\)"):
            load_dataset(saved)
    with pytest.raises(DataError, match="without the header of demonstrations"):
        load_dataset(rewritten(saved, pa.table({"ts": [1, 2]})))


def test_a_file_that_was_altered_is_refused(saved: Path) -> None:
    table = pq.read_table(saved)
    place = table.column_names.index("expert")
    other = pa.array(-table["expert"].to_numpy())
    altered = table.set_column(place, "expert", other).replace_schema_metadata(table.schema.metadata)
    with pytest.raises(DataError, match="the rows are not those that were saved"):
        load_dataset(rewritten(saved, altered))
    with pytest.raises(DataError, match="the rows are not those that were saved"):
        load_dataset(rewritten(saved, table.slice(1)))
    changes: tuple[dict[str, Any], ...] = (
        {"trained": [1]},
        {"facts": {"expert": "me"}},
        {"stack": 1},
        {"hash": "0" * 32},
    )
    for change in changes:
        with pytest.raises(DataError, match="its header was altered"):
            load_dataset(rewritten(saved, header_with(table, **change)))
    with pytest.raises(DataError, match="expected demonstrations of format 1, got 2; record them anew"):
        load_dataset(rewritten(saved, header_with(table, format=2)))
    broken = table.replace_schema_metadata({b"halfspread.demonstrations": b"{"})
    with pytest.raises(DataError, match="its header cannot be read"):
        load_dataset(rewritten(saved, broken))


@pytest.mark.parametrize(
    "change",
    [
        {"facts": [1]},
        {"hash": 5},
        {"trained": "x"},
        {"trained": [1]},
        {"trained": [{"instrument": "a", "start": 1, "end": 10**31, "data": ""}]},
        {"stack": True},
        {"stack": 10**30},
        {"features": ["position", 3]},
        {"features": [f"log_return({'9' * 400})"]},
    ],
)
def test_a_header_that_was_sealed_anew_is_still_checked(change: dict[str, Any], saved: Path) -> None:
    table = pq.read_table(saved)
    header = json.loads(table.schema.metadata[b"halfspread.demonstrations"])
    header.pop("seal")
    text = sealed({**header, **change}).encode()
    with pytest.raises(DataError, match=r"d\.parquet: "):
        load_dataset(rewritten(saved, table.replace_schema_metadata({b"halfspread.demonstrations": text})))


def test_a_header_that_is_nested_too_deeply_is_refused(saved: Path) -> None:
    table = pq.read_table(saved)
    for deep in (b"[" * 200_000 + b"]" * 200_000, b'{"format": 1, "facts": ' + b"[" * 500 + b"]" * 500 + b"}"):
        with pytest.raises(DataError, match=r"d\.parquet: its header"):
            load_dataset(rewritten(saved, table.replace_schema_metadata({b"halfspread.demonstrations": deep})))


def test_more_rows_than_any_memory_holds_are_refused_before_they_are_read(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("halfspread.agents.imitation.dataset_file.MOST_BYTES", 1_000)
    with pytest.raises(DataError, match="columns: too many to read"):
        load_dataset(saved)


def test_columns_that_are_missing_of_another_kind_or_with_holes_are_named(saved: Path) -> None:
    table = pq.read_table(saved)
    for name in ("times", "expert", "position 1 before"):
        with pytest.raises(DataError, match=f"no column {name}; there are"):
            load_dataset(rewritten(saved, table.drop_columns([name])))
    place = table.column_names.index("expert")
    text = table.set_column(place, "expert", pa.array(["1.0"] * len(table)))
    with pytest.raises(DataError, match="column expert: expected double, got string"):
        load_dataset(rewritten(saved, text.replace_schema_metadata(table.schema.metadata)))
    holes = table.set_column(place, "expert", pa.array([1.0, 1.0, None, *[0.0] * (len(table) - 3)]))
    with pytest.raises(DataError, match="column expert: row 2 is empty"):
        load_dataset(rewritten(saved, holes.replace_schema_metadata(table.schema.metadata)))
    where = table.column_names.index("position")
    lost = table.set_column(where, "position", pa.array([math.nan] * len(table)))
    with pytest.raises(DataError, match=r"d\.parquet: demonstrations: row 0 .*: position is nan"):
        load_dataset(rewritten(saved, lost.replace_schema_metadata(table.schema.metadata)))
