"""Bad data as a user meets it: one clear message, or the row is left out; the same from a frame, CSV, Parquet and a
streamed file."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from halfspread.engine import instruments, parquet
from halfspread.engine.table_format import TableFormat
from halfspread.engine.tape import Tape
from halfspread.engine.times import SECOND
from halfspread.errors import DataError
from tests.engine.bad_events import READ, Frame, frame_of, outcome, outcomes, put
from tests.engine.bad_tables import FAULTS
from tests.engine.event_markets import event_market
from tests.engine.worlds import LINEAR, START

NAN, INF = math.nan, math.inf
GAP = TableFormat(invalid="gap")


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_gives_one_message_from_every_source(tmp_path: Path, name: str) -> None:
    kind, break_it, message = FAULTS[name]
    assert outcomes(tmp_path, kind, break_it(frame_of(kind))) == f"SOURCE: {message}"


@pytest.mark.parametrize("name", list(FAULTS)[:9])
@pytest.mark.parametrize(("start", "end"), [(0, 9), (2, 7), (7, 9), (0, 6)])
def test_a_row_left_out_gives_one_run_from_every_source(tmp_path: Path, name: str, start: int, end: int) -> None:
    kind, break_it, _ = FAULTS[name]
    frame, first, last = break_it(frame_of(kind)), START + start * SECOND, START + end * SECOND
    found = outcomes(tmp_path, kind, frame, GAP, start=first, end=last)
    assert (found.first, found.last) == (start, end)
    assert found.counts["invalid_rows"] == (end > 6)
    assert found.counts["invalid_gaps"] == (end > 6 and start < 7)  # a market begins with its first good row
    assert found.counts["fills"] == {(0, 9): 8, (2, 7): 4, (7, 9): 1, (0, 6): 6}[start, end]


@pytest.mark.parametrize("block", [1, 7, 40])
@pytest.mark.parametrize("seed", range(4))
def test_runs_on_random_faults_are_the_same_streamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, block: int
) -> None:
    monkeypatch.setattr(parquet, "BLOCK_ROWS", block)
    made = event_market(seed, ("books", "trades"))
    rng, broken = np.random.default_rng(seed), dict(made.tables)
    for kind, columns in (("books", ["bid_1", "ask_size_1", "bid_2"]), ("trades", ["price", "size"])):
        frame = broken[kind].astype(dict.fromkeys(columns, float))
        for column in columns:
            frame.loc[rng.integers(0, len(frame), 6), column] = rng.choice([-1.0, 0.0, 1e9, INF])
        broken[kind] = frame
    times = broken["books"]["exch_ts"].tolist()
    gaps = [(times[60] + 1, times[70] + SECOND)]
    market = replace(made, tables=broken, beside={**made.beside, "gaps": gaps}, fmt=GAP)
    terms = {"start": times[int(rng.integers(0, 20))], "end": times[int(rng.integers(90, 119))]}
    whole = outcome(lambda: market.in_memory(**terms), "books")
    streamed = outcome(lambda: market.streamed(tmp_path, **terms), "books")
    if isinstance(whole, str):
        assert "are they of one instrument" in whole
        streamed, whole = (re.sub(r"DataFrame|/\S*\.parquet", "SOURCE", text) for text in (streamed, whole))
    else:
        assert whole.counts["invalid_rows"] > 5
        assert whole.counts["invalid_gaps"] > 2
    assert streamed == whole


def test_snapshots_may_change_their_depth_and_are_counted(tmp_path: Path) -> None:
    frame = frame_of("books")
    frame.loc[[3, 4, 8], ["bid_2", "bid_size_2"]] = NAN
    frame.loc[[4], ["ask_2", "ask_size_2"]] = NAN
    counts = outcomes(tmp_path, "books", frame).counts
    assert (counts["short_snapshots"], counts["fills"]) == (3, 9)


@pytest.mark.parametrize(
    ("kind", "change", "fills"),
    [
        ("quotes", lambda frame: frame.iloc[:1], 0),
        ("books", lambda frame: frame.assign(ts=START, exch_ts=START), 0),
        ("trades", lambda frame: frame.assign(size=1e-9), 9),
        ("trades", lambda frame: frame.assign(price=frame["price"].astype(str)), 9),
    ],
)
def test_what_is_odd_but_possible_runs_alike_from_every_source(
    tmp_path: Path, kind: str, change: Callable[[Frame], Frame], fills: int
) -> None:
    assert outcomes(tmp_path, kind, change(frame_of(kind))).counts["fills"] == fills


@pytest.mark.parametrize("kind", READ)
def test_rows_in_a_declared_gap_are_refused_or_left_out(tmp_path: Path, kind: str) -> None:
    gaps = [(START + 2 * SECOND, START + 5 * SECOND)]
    frame = frame_of(kind)
    assert outcomes(tmp_path, kind, frame, gaps=gaps) == (
        f"SOURCE: row 3 (2024-01-01 00:00:03 UTC): expected no {kind} in the declared gap from 2024-01-01 00:00:02 UTC "
        "to 2024-01-01 00:00:05 UTC; correct the gap or leave the row out, or pass invalid='gap' to have such rows "
        "left out"
    )
    found = outcomes(tmp_path, kind, frame, GAP, gaps=gaps)
    assert found.counts["in_declared_gap"] == found.counts["invalid_rows"] == 2
    assert found.bits == outcomes(tmp_path, kind, frame.drop(index=[3, 4]), gaps=gaps).bits


def test_trades_beside_a_book_may_go_on_while_it_is_away(tmp_path: Path) -> None:
    gaps = [(START + 2 * SECOND, START + 5 * SECOND)]
    found = outcomes(tmp_path, "quotes", frame_of("quotes").drop(index=[3, 4]), trades=frame_of("trades"), gaps=gaps)
    assert found.rejected == ((3, "no market"),)  # sent when the gap had begun
    assert found.counts["fills"] == 6


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            put(5, price=500.0),
            "row 5 (2024-01-01 00:00:05 UTC): price: expected one near the book of SOURCE, bid 100 and ask 100.5, got "
            "500: are they of one instrument, in one unit of price, by one clock?",
        ),
        (
            lambda frame: frame.assign(price=[120.0, *[100.0] * 3, *[110.0] * 6]),
            "row 0 (2024-01-01 00:00:00 UTC): price: expected one near the book of SOURCE, bid 100 and ask 100.5, got "
            "120; 7 of 10 trades are outside the book by more than 10 ticks and 0.1 %: are they of one instrument, in "
            "one unit of price, by one clock?",
        ),
    ],
)
def test_trades_of_another_market_are_refused(tmp_path: Path, change: Callable[[Frame], Frame], says: str) -> None:
    found = outcomes(tmp_path, "quotes", frame_of("quotes"), trades=change(frame_of("trades")))
    assert found == f"{tmp_path / 'trades.parquet'}: {says}"


def test_trades_outside_the_book_are_counted(tmp_path: Path) -> None:
    trades = put(5, price=101.5)(put(6, price=99.0)(frame_of("trades")))
    counts = outcomes(tmp_path, "quotes", frame_of("quotes"), trades=trades).counts
    assert (counts["trades_outside_book"], counts["trades_without_book"]) == (2, 0)


@pytest.mark.parametrize(
    ("kind", "column", "values", "says"),
    [
        ("quotes", "bid", pa.array([[1.0]] * 10), "column bid: expected a number, got array([1.])"),
        ("quotes", "bid", pa.array([True] * 10), "column bid: expected a number, got True"),
        ("quotes", "bid", pa.nulls(10), "column bid: expected a price on both sides, got nan"),
        ("books", "ask_size_2", pa.array([{"a": 1}] * 10), "column ask_size_2: expected a number, got {'a': 1}"),
        ("trades", "side", pa.array([["Buy"]] * 10), "column side: expected Buy or Sell, 1 or -1"),
        ("trades", "side", pa.array([{"a": 1}] * 10), "column side: expected Buy or Sell, 1 or -1"),
        ("trades", "exch_ts", pa.array([1] * 10, pa.duration("ns")), "column exch_ts: row 0: expected ISO 8601 times"),
        ("trades", "ts", pa.array([[1]] * 10), "column ts: row 0: expected ISO 8601 times"),
        ("trades", "ts", pa.array(["soon"] * 10), "column ts: row 0: expected ISO 8601 times"),
    ],
)
def test_columns_of_a_wrong_type_are_named(tmp_path: Path, kind: str, column: str, values: pa.Array, says: str) -> None:
    table = pa.Table.from_pandas(frame_of(kind), preserve_index=False)
    path = tmp_path / "odd.parquet"
    pq.write_table(table.set_column(table.column_names.index(column), column, values), path)
    whole = outcome(lambda: READ[kind](path, LINEAR), kind)
    assert whole.startswith(f"{path}: ")
    assert says in whole
    paths: dict[str, Any] = {kind: path}
    assert outcome(lambda: Tape.scan(LINEAR, **paths), kind) == whole


@pytest.mark.parametrize(("cut", "says"), [(0, "expected a Parquet file, got an empty one"), (900, "not readable as")])
def test_a_file_whose_writer_was_killed_is_named(tmp_path: Path, cut: int, says: str) -> None:
    path = tmp_path / "half.parquet"
    frame_of("quotes").to_parquet(path)
    path.write_bytes(path.read_bytes()[:cut])
    whole = outcome(lambda: Tape.from_quotes(path, LINEAR), "quotes")
    assert whole.startswith(f"{path}: {says}")
    assert outcome(lambda: Tape.scan(LINEAR, quotes=path), "quotes") == whole


def test_one_symbol_at_two_venues_is_told_apart() -> None:
    quotes = frame_of("quotes")
    one, two = (instruments.linear("BTCUSDT", venue=venue, lot=1.0, tick=0.5) for venue in ("one", "two"))
    tape = Tape.join(Tape.from_quotes(quotes, one), Tape.from_quotes(quotes, two))
    assert tape.labels == ("one:BTCUSDT", "two:BTCUSDT")
    assert tape.origin == {"one:BTCUSDT quotes": "DataFrame", "two:BTCUSDT quotes": "DataFrame"}
    assert repr(tape).startswith("<Tape one:BTCUSDT 10 quotes; two:BTCUSDT 10 quotes, ")
    with pytest.raises(DataError, match="one:BTCUSDT is there 2 times; give each instrument once"):
        Tape.join(tape, Tape.from_quotes(quotes, one))
