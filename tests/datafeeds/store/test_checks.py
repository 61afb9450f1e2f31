"""What is refused before it is written, and told with row, time, column, value and remedy; and what is let through."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.datafeeds.store.checks import check_rows
from halfspread.datafeeds.store.conversion import arrow_rows
from halfspread.datafeeds.store.kinds import kind_of
from halfspread.datafeeds.store.store import Provenance, Series, Store
from halfspread.engine.times import HOUR, parse_time
from halfspread.errors import DataError

START = parse_time("2024-01-01")
TWO = np.array([START, START + HOUR])

ROWS: dict[str, dict[str, Any]] = {
    "bars_1h": {"open": [5.0, 6.0], "high": [7.0, 8.0], "low": [4.0, 5.0], "close": [6.0, 7.0], "volume": [1.0, 0.0]},
    "premium_1h": {"open": [-0.1, 0.1], "high": [0.1, 0.2], "low": [-0.2, 0.0], "close": [0.0, 0.1]},
    "open_interest_1h": {"open_interest": [5.0, 6.0]},
    "funding": {"rate": [1e-4, -1e-4]},
    "trades": {"price": [5.0, 6.0], "size": [1.0, 2.0], "side": [1, -1]},
    "quotes": {"bid": [5.0, 6.0], "ask": [6.0, 7.0]},
    "liquidations": {"price": [5.0, 6.0], "size": [1.0, 2.0], "side": [1, -1]},
    "tickers": {"mark": [5.0, None]},
    "book_updates": {"message": [0, 1], "action": [0, 4], "side": [1, -1], "price": [5.0, None], "size": [1.0, None]},
    "books_2": {
        **{"bid_1": [5.0, 6.0], "bid_size_1": [1.0, 1.0], "ask_1": [6.0, 7.0], "ask_size_1": [1.0, 1.0]},
        **{"bid_2": [4.0, None], "bid_size_2": [1.0, 0.0], "ask_2": [7.0, 8.0], "ask_size_2": [1.0, 1.0]},
    },
}


def refuse(kind: str, changed: dict[str, Any]) -> str:
    rows = {"ts": TWO, **ROWS[kind], **changed}
    with pytest.raises(DataError) as caught:
        check_rows(kind_of(kind), arrow_rows(kind_of(kind), rows, "rows"), "rows")
    return str(caught.value)


def written(kind: str, changed: dict[str, Any]) -> pa.Table:
    found = arrow_rows(kind_of(kind), {"ts": TWO, **ROWS[kind], **changed}, "rows")
    check_rows(kind_of(kind), found, "rows")
    return found


@pytest.mark.parametrize("kind", ROWS)
def test_good_rows_of_every_kind_are_written_and_come_back(kind: str, tmp_path: Path) -> None:
    store, series = Store(tmp_path), Series("bybit", "BTCUSDT", kind)
    assert store.write(series, {"ts": TWO, **ROWS[kind]}, Provenance("here", START)).added == 2
    found = store.read(series)
    assert found["ts"].cast(pa.int64()).to_pylist() == TWO.tolist()
    for name, values in ROWS[kind].items():
        assert found[name].to_pylist() == values
    assert store.write(series, found, Provenance("here", START)).same == 2


@pytest.mark.parametrize(
    ("kind", "changed", "expected"),
    [
        ("bars_1h", {"high": [7.0, 4.0]}, "high: expected a high at or above the low, got 4.0; are two columns"),
        ("bars_1h", {"close": [6.0, 9.0]}, "close: expected a close from low to high, got 9.0"),
        ("bars_1h", {"close": [6.0, 4.5]}, "close: expected a close from low to high, got 4.5"),
        ("bars_1h", {"open": [5.0, 0.0]}, "open: expected a value above zero, got 0.0"),
        ("bars_1h", {"open": [5.0, None]}, "open: expected a value, got None; leave the row out"),
        ("bars_1h", {"open": [5.0, np.nan]}, "open: expected a value, got None"),
        ("bars_1h", {"volume": [5.0, -1.0]}, "volume: expected zero or more, got -1.0"),
        ("bars_1h", {"trades": [5, -1]}, "trades: expected zero or more, got -1"),
        ("bars_1h", {"trades": [5.0, 1.5]}, "trades: expected a whole number, got 1.5"),
        ("bars_1h", {"trades": [5.0, 1e300]}, "trades: expected a whole number, got 1e+300"),
        ("bars_1h", {"trades": ["5", "1e3"]}, "trades: expected a whole number, got '1e3'"),
        ("bars_1h", {"vwap": [None, 0.0]}, "vwap: expected a value above zero, got 0.0"),
        ("bars_1h", {"open": ["5", "6.x"]}, "open: expected a number, got '6.x'"),
        ("bars_1h", {"open": ["5", ""]}, "open: expected a number, got ''"),
        ("bars_1h", {"open": ["5", "1_0"]}, "open: expected a number, got '1_0'"),
        ("bars_1h", {"open": [5.0, np.inf]}, "open: expected a finite number, got inf"),
        ("bars_1h", {"open": ["5", "Infinity"]}, "open: expected a finite number, got inf"),
        ("bars_1h", {"ts": [START, START + HOUR // 2]}, "ts: expected the open of a bar of 1h, a whole number of 1h"),
        ("bars_1h", {"ts": [START + HOUR, START]}, "ts: expected a time at or after the row before it (2024-01-01 01"),
        ("premium_1h", {"high": [0.1, -0.1]}, "high: expected a high at or above the low, got -0.1"),
        ("open_interest_1h", {"open_interest": [1.0, -1.0]}, "open_interest: expected zero or more, got -1.0"),
        ("funding", {"rate": [1e-4, None]}, "rate: expected a value, got None"),
        ("funding", {"interval_h": [8.0, 0.0]}, "interval_h: expected a value above zero, got 0.0"),
        ("funding", {"known_ts": [START, START + 2 * HOUR]}, "known_ts: expected a time at or before the settlement"),
        ("trades", {"size": [1.0, 0.0]}, "size: expected a value above zero, got 0.0"),
        ("trades", {"side": [1, 2]}, "side: expected a whole number from -1 to 1 (+1 buy, -1 sell, 0 unknown), got 2"),
        ("trades", {"side": ["1", "buy"]}, "side: expected a whole number, got 'buy'"),
        ("trades", {"side": [1, None]}, "side: expected a value, got None"),
        ("trades", {"block": [True, 2]}, "block: expected true or false, got 2"),
        ("trades", {"price": [1.0, "2,5"]}, "price: expected a number, got '2,5'"),
        ("quotes", {"ask": [6.0, None]}, "ask: expected a value, got None"),
        ("quotes", {"bid_size": [1.0, -1.0], "ask_size": [1.0, 1.0]}, "bid_size: expected zero or more, got -1.0"),
        ("liquidations", {"price": [5.0, -1.0]}, "price: expected a value above zero, got -1.0"),
        ("tickers", {"mark": [5.0, -5.0]}, "mark: expected a value above zero, got -5.0"),
        ("book_updates", {"action": [0, 5]}, "action: expected a whole number from 0 to 4"),
        ("book_updates", {"message": [0, -1]}, "message: expected zero or more, got -1"),
        ("book_updates", {"message": [3, 3]}, "ts: expected one time for all rows of a message"),
        ("book_updates", {"price": [5.0, 0.0]}, "price: expected a value above zero, got 0.0"),
        ("book_updates", {"size": [5.0, -1.0]}, "size: expected zero or more, got -1.0"),
        ("books_2", {"ask_1": [6.0, 0.0]}, "ask_1: expected a price above zero, or null where no level is shown"),
        ("books_2", {"ask_2": [7.0, 6.9]}, "ask_2: expected the best price first, got 6.9"),
        ("books_2", {"bid_2": [4.0, 6.0]}, "bid_size_2: expected a size above zero, got 0.0"),
        ("books_2", {"ask_size_1": [1.0, None]}, "ask_size_1: expected a size, 0 where no level is shown"),
        ("books_2", {"ask_2": [7.0, None]}, "ask_size_2: expected 0, since no price is shown, got 1.0"),
        ("books_2", {"bid_1": [5.0, None], "bid_size_1": [1.0, 0.0], "bid_2": [4.0, 3.0], "bid_size_2": [1.0, 1.0]},
         "bid_2: expected null, since the level above is not shown, got 3.0"),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_right_are_refused(kind: str, changed: dict[str, Any], expected: str) -> None:
    message = refuse(kind, changed)
    assert message.startswith("rows: row 1 (2024-01-01 0")
    assert expected in message


@pytest.mark.parametrize(
    ("kind", "changed", "expected"),
    [
        ("bars_1h", {"vol": [1, 2]}, "rows: unknown column(s) vol; bars_1h have ts, open, high, low, close, volume"),
        ("quotes", {"bid_size": [1.0, 2.0]}, "rows: missing column(s) ask_size: expected all or none of bid_size, ask"),
        (
            "bars_1h",
            {"bid_open": [1.0, 2.0]},
            "rows: missing column(s) ask_open, bid_close, ask_close: expected all or",
        ),
        ("trades", {"price": [1.0, 2.0, 3.0]}, "rows: column price: expected one value for each of 2 times, got 3"),
        ("trades", {"trade_id": ["a"]}, "rows: column trade_id: expected one value for each of 2 times, got 1"),
        ("trades", {"ts": [1.0, 2.0]}, "rows: column ts: row 0: expected nanoseconds since 1970"),
        (
            "trades",
            {"ts": pd.to_datetime(["2024-01-01", "2024-01-02"])},
            "rows: column ts: the times carry no time zone",
        ),
        (
            "trades",
            {"exch_ts": np.array([START, np.nan])},
            "rows: column exch_ts: expected datetimes or whole numbers, got float64",
        ),
    ],
)
def test_columns_that_cannot_be_right_are_refused(kind: str, changed: dict[str, Any], expected: str) -> None:
    assert refuse(kind, changed).startswith(expected)


def test_a_column_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"missing column\(s\) rate; funding have ts, rate, interval_h \(optional\)"):
        Store(tmp_path).write(Series("bybit", "X", "funding"), {"ts": TWO}, Provenance("here", START))


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("bars_1h", {"open": [99.0, 1.0]}),  # BitMEX: the close before it
        ("bars_1h", {"open": [5.0] * 2, "high": [5.0] * 2, "low": [5.0] * 2, "close": [5.0] * 2, "volume": [0.0] * 2}),
        ("bars_1h", {"vwap": [None, None], "last_size": [None, 2.0], "trades": [0, 3]}),
        ("quotes", {"bid": [9.0, 9.0]}),  # crossed
        ("books_2", {"bid_1": [6.5, 7.5]}),  # crossed
        ("trades", {"ts": [START, START]}),
        ("trades", {"side": [0, 0], "block": [True, None], "rpi": np.array([True, False])}),
        ("book_updates", {"message": [7, 3]}),
        ("tickers", {"mark": [None, None]}),
    ],
)
def test_what_is_odd_but_real_is_let_through(kind: str, changed: dict[str, Any]) -> None:
    assert written(kind, changed).num_rows == 2


def test_a_message_that_comes_back_is_refused() -> None:
    rows = {"ts": [START] * 4, "message": [1, 2, 1, 3], "action": [1] * 4, "side": [1] * 4, "price": [5.0] * 4}
    rows["size"] = [1.0] * 4
    with pytest.raises(DataError, match=r"row 2 .*message: expected rows of one message to stand together, got 1"):
        check_rows(kind_of("book_updates"), arrow_rows(kind_of("book_updates"), rows, "rows"), "rows")


def test_bars_of_days_begin_at_midnight() -> None:
    plain = {name: [5.0] for name in ("open", "high", "low", "close", "volume")}
    for kind, hours, good in (
        ("bars_1d", 0, True),
        ("bars_1d", 1, False),
        ("bars_7d", 24, True),
        ("bars_7d", 5, False),
    ):
        rows = arrow_rows(kind_of(kind), {"ts": [START + hours * HOUR], **plain}, "rows")
        if good:
            check_rows(kind_of(kind), rows, "rows")
            continue
        with pytest.raises(DataError, match="after midnight UTC"):
            check_rows(kind_of(kind), rows, "rows")


def test_values_stay_exact_whatever_they_come_as() -> None:
    large = 2**62 + 1
    columns: dict[str, Any] = {
        "ids": [large, None],
        "objects": np.array([large, None], object),
        "text": [str(large), None],
        "arrow": pa.array([large, None]),
        "nullable": pd.array([large, None], "Int64"),
    }
    for values in columns.values():
        assert written("book_updates", {"id": values})["id"].to_pylist() == [large, None]
    exact = START + 123_456_789
    for times in ([exact, None], pa.array([exact, None], pa.timestamp("ns", "UTC")), np.array([exact, None], object)):
        found = written("trades", {"exch_ts": times})["exch_ts"]
        assert found.cast(pa.int64()).to_pylist() == [exact, None]
    for prices in (["0.1", "0.30000000000000004"], [Decimal("0.1"), Decimal("0.30000000000000004")]):
        assert written("trades", {"price": prices})["price"].to_pylist() == [0.1, 0.30000000000000004]
    assert written("trades", {"trade_id": [17, "x"]})["trade_id"].to_pylist() == ["17", "x"]
    assert written("trades", {"trade_id": pd.Categorical(["a", None])})["trade_id"].to_pylist() == ["a", None]
    with pytest.raises(DataError, match="id: expected a whole number"):
        written("book_updates", {"id": [2.0**53, 1.0]})
    with pytest.raises(DataError, match="id: expected a whole number"):
        written("book_updates", {"id": [2**64, 1]})


def test_frames_arrow_tables_and_files_give_the_same_rows(tmp_path: Path) -> None:
    kind = kind_of("trades")
    frame = pd.DataFrame({"ts": pd.to_datetime(TWO, utc=True), **ROWS["trades"], "trade_id": ["a", None]})
    expected = arrow_rows(kind, frame, "rows")
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_csv(tmp_path / "a.csv", index=False)
    table = pa.Table.from_pandas(frame)
    for rows in (table, table.to_batches()[0], frame.set_index("ts"), tmp_path / "a.parquet", tmp_path / "a.csv"):
        assert arrow_rows(kind, rows, "rows").equals(expected)


CELLS = st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=8), st.booleans(), st.binary(max_size=4))


@pytest.mark.fuzz
@given(
    kind=st.sampled_from(sorted(ROWS)),
    values=st.lists(CELLS, min_size=2, max_size=2),
    column=st.integers(0, 40),
    as_object=st.booleans(),
)
def test_any_value_is_written_as_it_is_or_refused_by_name(
    kind: str, values: list[Any], column: int, as_object: bool
) -> None:
    of = kind_of(kind)
    name = of.names[column % len(of.names)]
    given_values = np.array(values, object) if as_object else values
    try:
        found = written(kind, {name: given_values})
    except DataError:
        return
    if name not in found.column_names or of.columns[column % len(of.names)].type in ("text", "time"):
        return
    for value, back in zip(values, found[name].to_pylist(), strict=True):
        missing = value is None or (isinstance(value, float) and np.isnan(value))
        assert back is None if missing else float(back) == float(value)
