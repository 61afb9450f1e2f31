"""Fills of a trader and signals of an analyst become demonstrations that see nothing before it was there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from halfspread.agents.experts.plan import closes_of
from halfspread.agents.features import FeatureSet
from halfspread.agents.imitation.dataset import ExpertDataset, load_dataset, save_dataset
from halfspread.agents.imitation.external import demonstrations_from_fills, demonstrations_from_signals
from halfspread.agents.imitation.rollout import roll_out
from halfspread.engine.sizing import FixedContracts
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError, DataError
from tests.agents.imitation.lessons import COSTS, OPTIONS, OTHER, market

SEEN = FeatureSet(("log_return(1)", "position"))
BARS = 12
FIVE = 300 * 10**9
TAPE = market(1, BARS)
OPEN = TAPE.start_ns


def at(bar: float) -> int:
    """A time in bars since the tape began: 1.5 is the middle of the second bar."""
    return OPEN + round(bar * FIVE)


def fills(*rows: tuple[float, str, float], symbol: str = "WORLD") -> dict[str, Any]:
    return {
        "ts": np.array([at(bar) for bar, _, _ in rows], np.int64),
        "symbol": [symbol] * len(rows),
        "side": [side for _, side, _ in rows],
        "size": [size for _, _, size in rows],
        "price": [10_000.0 + i for i in range(len(rows))],
    }


def signals(*rows: tuple[float, Any], **more: Any) -> dict[str, Any]:
    times = np.array([at(bar) for bar, _ in rows], np.int64)
    return {"ts": times, "symbol": ["WORLD"] * len(rows), "signal": [value for _, value in rows], **more}


def from_fills(table: Any, tape: Tape = TAPE, **more: Any) -> ExpertDataset:
    return demonstrations_from_fills(
        table, tape, SEEN, COSTS, **{"full_size": 4.0, **OPTIONS, "sizing": FixedContracts(8), **more}
    )


def from_signals(table: Any, tape: Tape = TAPE, **more: Any) -> ExpertDataset:
    return demonstrations_from_signals(table, tape, SEEN, COSTS, **{**OPTIONS, **more})


def labels(made: ExpertDataset) -> dict[int, float]:
    """Label by the number of the bar at whose close it stands (1 for the first)."""
    return {int((time - OPEN) // FIVE): label for time, label in zip(made.times.tolist(), made.expert, strict=True)}


# Fills.


def test_the_label_at_a_close_is_the_position_at_the_close_of_the_next_bar() -> None:
    # buys 2 in the middle of bar 4 (open at 3), 2 more at the close of bar 5, sells all in bar 8
    made = from_fills(fills((3.5, "buy", 2), (5.0, "Buy", 2), (7.2, "sell", 4)))
    found = labels(made)
    assert {bar: found[bar] for bar in range(2, 9)} == {2: 0.0, 3: 0.5, 4: 1.0, 5: 1.0, 6: 1.0, 7: 0.0, 8: 0.0}
    assert max(found) == BARS - 1  # the last close has no bar after it
    assert np.array_equal(made.available, made.times)


def test_a_fill_at_the_very_close_belongs_to_the_bar_that_ends_and_one_nanosecond_later_to_the_next() -> None:
    table = fills((5.0, "buy", 4))
    assert labels(from_fills(table))[4] == 1.0
    table["ts"] = table["ts"] + 1
    assert labels(from_fills(table))[4] == 0.0
    assert labels(from_fills(table))[5] == 1.0


def test_observations_are_those_of_a_real_run_and_know_nothing_of_later_fills() -> None:
    one = from_fills(fills((3.5, "buy", 2), (7.2, "sell", 2)), full_size=2.0)
    other = from_fills(fills((3.5, "buy", 2), (7.9, "sell", 1)), full_size=2.0)
    positions = one.observations[:, 1]
    assert np.array_equal(positions[1:], one.expert[:-1])  # what was wanted at a close is held at the next
    differs = (one.observations != other.observations).any(axis=1)
    assert one.times[differs].min() > at(7.9)  # a change in bar 8 is seen at its close, not before
    assert (one.expert != other.expert).any()


def test_signed_sizes_need_no_side_and_what_was_held_before_counts() -> None:
    table = fills((3.5, "", -2), (6.5, "", 3))
    del table["side"]
    found = labels(from_fills(table, held=1.0))
    assert (found[2], found[3], found[6]) == (0.25, -0.25, 0.5)


def test_files_give_the_same_as_tables(tmp_path: Path) -> None:
    frame = pd.DataFrame(fills((3.5, "buy", 2), (7.2, "sell", 2)))
    frame["ts"] = pd.to_datetime(frame["ts"], utc=True)
    frame.to_csv(tmp_path / "fills.csv", index=False)
    frame.to_parquet(tmp_path / "fills.parquet")
    made = [from_fills(each) for each in (frame, tmp_path / "fills.csv", tmp_path / "fills.parquet")]
    assert len({each.digest() for each in made}) == 1
    assert {each.facts["record"]["hash"] for each in made} == {made[0].facts["record"]["hash"]}
    assert made[1].facts["record"]["source"] == str(tmp_path / "fills.csv")
    path = save_dataset(made[1], tmp_path / "d.parquet")
    assert load_dataset(path).facts == made[1].facts


def test_the_record_says_what_it_is() -> None:
    made = from_fills(fills((3.5, "buy", 2)), licence="house data")
    assert made.facts["record"]["kind"] == "fills"
    assert made.facts["record"]["label"] == "position at the close of the next bar"
    assert made.facts["licence"] == "house data"
    assert made.facts["fill"] == "next_open"
    assert made.trained[0].end == TAPE.end_ns


def test_fills_of_one_instrument_of_several() -> None:
    tape = Tape.join(market(1, BARS), market(2, BARS, OTHER))
    table = {name: [*a, *b] for (name, a), b in zip(
        fills((3.5, "buy", 2)).items(), fills((7.5, "sell", 1), symbol="custom:OTHER").values(), strict=True
    )}  # fmt: skip
    features = FeatureSet(("log_return(1)", "position@OTHER"))
    made = demonstrations_from_fills(
        table, tape, features, COSTS, full_size=2.0, instrument=1, **{**OPTIONS, "sizing": FixedContracts(8)}
    )
    assert labels(made)[7] == -0.5
    assert made.observations[-1, 1] == -0.5
    assert made.facts["record"]["others"] == 1


BAD_FILLS: list[tuple[dict[str, Any], str]] = [
    ({"side": ["buy", "hold"]}, r"row 1 \(2020-01-01 00:30:00 UTC\): column side: expected buy or sell, got 'hold'"),
    ({"side": ["buy", None]}, "row 1 .*column side: expected buy or sell, got nan"),
    ({"price": [10_000.0, 0.0]}, r"row 1 .*column price: expected a price above zero, got 0\.0"),
    ({"price": [np.nan, 1.0]}, "row 0 .*column price: expected a price above zero, got nan"),
    ({"price": [1.0, "1O000"]}, "row 1 .*column price: expected a number, got '1O000'"),
    ({"size": [-1.0, 1.0]}, r"row 0 .*column size: expected a size above zero, beside a side, got -1\.0"),
    ({"size": [1.0, np.inf]}, "row 1 .*column size: expected a size above zero, beside a side, got inf"),
    ({"ts": [at(6), at(3)]}, "row 1 .*expected times in ascending order, and row 0 is of .*; sort the table by ts"),
    ({"ts": [at(-1), at(3)]}, "row 0 .*expected a time on the tape, from .* until .*; give a longer tape"),
    ({"ts": [at(3), at(BARS + 1)]}, "row 1 .*expected a time on the tape"),
    ({"ts": [3, 6]}, "column ts: row 0: expected nanoseconds since 1970"),
    ({"symbol": ["WORLD", "GLOBE"]}, "row 1 .*column symbol: expected one that is on the tape .*got 'GLOBE'"),
    ({"size": [3.0, 3.0]}, "row 1 .*a position of 6 contracts is more than full_size 4; .*say full_size=6 or more"),
]


@pytest.mark.parametrize(("change", "said"), BAD_FILLS)
def test_fills_that_cannot_be_are_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        from_fills({**fills((3, "buy", 1), (6, "buy", 1)), **change})


def test_more_that_is_refused_in_fills(tmp_path: Path) -> None:
    table = fills((3, "buy", 1), (6, "buy", 1))
    for name in ("ts", "symbol", "size", "price"):
        with pytest.raises(DataError, match=rf"missing column\(s\) {name}; found"):
            from_fills({key: values for key, values in table.items() if key != name})
    with pytest.raises(DataError, match="expected rows, got none"):
        from_fills({name: values[:0] for name, values in table.items()})
    twins = {**fills((3, "buy", 1), (3, "buy", 1)), "price": [9.0, 9.0]}
    with pytest.raises(DataError, match=r"row 1 .*: the same fill as row 0; .*tell them apart by a column id"):
        from_fills(twins)
    assert labels(from_fills({**twins, "id": ["a", "b"]}))[3] == 0.5
    with pytest.raises(DataError, match=r"row 1 .*: the same fill as row 0"):
        from_fills({**table, "id": ["a", "a"]})
    with pytest.raises(ConfigError, match="full_size: expected contracts above zero, got 0"):
        from_fills(table, full_size=0.0)
    with pytest.raises(DataError, match="no row of custom:WORLD; there are GLOBE"):
        from_fills(fills((3, "buy", 1), symbol="GLOBE"), other_symbols="leave_out")
    with pytest.raises(ConfigError, match="expected refuse or leave_out, got 'drop'"):
        from_fills(table, other_symbols="drop")
    with pytest.raises(DataError, match="no such file"):
        from_fills(tmp_path / "none.csv")
    path = tmp_path / "fills.csv"
    path.write_text("ts,symbol,side,size,price\n2020-01-01T00:15:00Z,WORLD,buy,1,n/a!\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"fills\.csv: row 0 .*column price: expected a number, got 'n/a!'"):
        from_fills(path)  # a bad field is an error, and never a price of zero
    path.write_text("ts,symbol,side,size,price\n2020-01-01T00:15:00Z,WORLD,buy,1,\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"row 0 .*column price: expected a price above zero, got nan"):
        from_fills(path)


# Signals.


def test_a_signal_is_seen_at_the_first_close_at_or_after_its_publication() -> None:
    made = from_signals(signals((3.5, 0.5), (7.0, "Sell"), (9.1, "hold")))
    assert labels(made) == {4: 0.5, 5: 0.5, 6: 0.5, 7: -1.0, 8: -1.0, 9: -1.0, 10: 0.0, 11: 0.0, 12: 0.0}
    known = {int((t - OPEN) // FIVE): int(a) for t, a in zip(made.times.tolist(), made.available, strict=True)}
    assert (known[4], known[6], known[7], known[10]) == (at(3.5), at(3.5), at(7), at(9.1))


def test_a_publication_one_nanosecond_behind_a_close_is_seen_at_the_next() -> None:
    table = signals((4.0, 1.0), (7.0, -1.0))
    before = labels(from_signals(table))
    assert (before[4], before[7]) == (1.0, -1.0)
    table["ts"] = table["ts"] + 1
    after = labels(from_signals(table))
    assert 4 not in after
    assert (after[5], after[7], after[8]) == (1.0, 1.0, -1.0)


def test_a_signal_ends_when_its_time_is_over() -> None:
    made = from_signals(signals((3.5, 1.0), (8.0, -1.0)), valid_for=750)
    assert labels(made) == {4: 1.0, 5: 1.0, 6: 0.0, 7: 0.0, 8: -1.0, 9: -1.0, 10: -1.0, 11: 0.0, 12: 0.0}
    ended = made.available[labels_at(made, 6)]
    assert ended == at(6.0)
    own = from_signals(signals((3.5, 1.0), (8.0, -1.0), valid_for=["5m", ""]))
    assert labels(own) == {4: 1.0, 5: 0.0, 6: 0.0, 7: 0.0, **dict.fromkeys(range(8, 13), -1.0)}


def labels_at(made: ExpertDataset, bar: int) -> int:
    return int(np.flatnonzero(made.times == at(bar))[0])


def test_a_signal_from_before_the_tape_is_in_force_when_it_begins() -> None:
    made = from_signals(signals((-50.0, 1.0), (-3.0, 0.25)))
    assert set(made.expert.tolist()) == {0.25}
    assert (made.available == at(-3.0)).all()
    assert len(made) == BARS - 1


def test_what_was_labelled_is_what_was_done_again() -> None:
    made = from_signals(signals((3.5, 0.5), (7.0, -1.0)), sizing=OPTIONS["sizing"], capital=1e6)
    assert np.array_equal(made.executed, made.expert)


def test_records_of_an_expert_recover_its_labels() -> None:
    # the run of an expert, written down as fills, read again: the same labels, so it can be cloned without the expert
    from halfspread.agents.experts.position_expert import PositionExpert

    tape = market(1, 400)
    found = roll_out(tape, PositionExpert(), SEEN, COSTS, **OPTIONS)
    told = found.result.fills
    table = {
        "ts": (pd.DatetimeIndex(told["time"]).as_unit("ns").asi8 + 1),
        "symbol": told["instrument"].to_numpy(),
        "size": told["contracts"].to_numpy(),
        "price": told["price"].to_numpy(),
    }
    made = from_fills(table, tape, full_size=1.0, sizing=OPTIONS["sizing"])
    rows = np.isin(found.times, made.times)
    assert np.array_equal(made.expert, found.expert[rows])
    assert np.array_equal(made.observations, found.observations[rows])


BAD_SIGNALS: list[tuple[dict[str, Any], str]] = [
    ({"signal": [1.0, 1.5]}, r"row 1 .*column signal: expected a number from -1 to 1, got 1\.5"),
    ({"signal": [1.0, "strong buy"]}, "row 1 .*column signal: expected a number from -1 to 1, or buy, hold or sell"),
    ({"signal": [np.nan, 1.0]}, "row 0 .*column signal: expected a number from -1 to 1, or buy, hold or sell, got nan"),
    ({"ts": [at(6), at(3)]}, "row 1 .*expected times in ascending order"),
    ({"ts": [at(3), at(3)]}, "row 1 .*a second one of this time, after row 0; keep the one that held"),
    ({"ts": [at(3), at(BARS + 2)]}, "row 1 .*expected a time on the tape, until"),
    ({"symbol": ["WORLD", "GLOBE"]}, "row 1 .*column symbol: expected one that is on the tape"),
    ({"valid_for": ["1d", "soon"]}, "row 1 .*column valid_for: expected an interval"),
    ({"valid_for": ["1d", 0]}, "row 1 .*column valid_for: expected an interval"),
]


@pytest.mark.parametrize(("change", "said"), BAD_SIGNALS)
def test_signals_that_cannot_be_are_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        from_signals({**signals((3, 1.0), (6, -1.0)), **change})


def test_more_that_is_refused_in_signals() -> None:
    table = signals((3, 1.0), (6, -1.0))
    for name in ("ts", "symbol", "signal"):
        with pytest.raises(DataError, match=rf"missing column\(s\) {name}; found"):
            from_signals({key: values for key, values in table.items() if key != name})
    with pytest.raises(ConfigError, match="expected an interval"):
        from_signals(table, valid_for="soon")
    last = int(closes_of(TAPE)[0][-1])
    late = {"ts": [last], "symbol": ["WORLD"], "signal": [1.0]}
    assert len(from_signals(late)) == 1
    with pytest.raises(ConfigError, match="expected one of 1, from 0, got 3"):
        from_signals(table, instrument=3)
