"""Bars read alike from every source, faults named once and clearly, quirks counted and left as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.engine.bars import BarChecker, BarFormat, find_interval, read_bars
from halfspread.engine.codes import BAR_COLUMNS, QUOTE_COLUMNS
from halfspread.engine.times import HOUR, MINUTE
from halfspread.errors import DataError
from tests.engine.worlds import START

FIVE = 5 * MINUTE
Frame = Any  # pandas-stubs knows no frame of mixed columns


def good(count: int = 20, quotes: bool = False) -> Frame:
    """Five-minute bars with nothing wrong."""
    close = 100 + np.sin(np.arange(count))
    frame: Frame = pd.DataFrame(
        {"ts": START + FIVE * np.arange(count), "open": close - 0.5, "high": close + 1, "low": close - 1}
    )
    frame["close"], frame["volume"] = close, np.arange(count) + 1.0
    if quotes:
        for name in QUOTE_COLUMNS:
            frame[name] = close + (0.25 if name.startswith("ask") else -0.25)
    return frame


def put(row: int, column: str, value: Any) -> Callable[[Frame], Frame]:
    def change(frame: Frame) -> Frame:
        frame[column] = frame[column].astype(object) if isinstance(value, str) else frame[column]
        frame.loc[row, column] = value
        return frame

    return change


def shift(row: int, nanoseconds: int) -> Callable[[Frame], Frame]:
    return put(row, "ts", START + FIVE * row + nanoseconds)


AT_7 = "row 7 (2024-01-01 00:35:00 UTC)"
LEFT_OUT = "leave the row out"
FAULTS: list[tuple[Callable[[Frame], Frame], list[str]]] = [
    *[
        (put(7, name, float("nan")), [AT_7, f"column {name}: expected a finite price, got nan", LEFT_OUT])
        for name in ("open", "high", "low", "close")
    ],
    (put(7, "open", float("inf")), [AT_7, "column open: expected a finite price, got inf"]),
    (put(7, "low", 0.0), [AT_7, "column low: expected a price above zero, got 0", LEFT_OUT]),
    (put(7, "close", -5.0), [AT_7, "column close: expected a price above zero, got -5"]),
    (put(7, "high", 50.0), [AT_7, "column high: expected a high at or above the low, got 50", "swapped"]),
    (put(7, "close", 150.25), [AT_7, "column close: expected a close from low to high, got 150.25", "open", "volume"]),
    (put(7, "close", 90.0), [AT_7, "column close: expected a close from low to high, got 90"]),
    (put(7, "volume", -1.0), [AT_7, "column volume: expected a volume of zero or more, got -1", "give 0"]),
    (put(7, "volume", float("nan")), [AT_7, "column volume: expected a volume of zero or more, got nan"]),
    (put(7, "volume", float("inf")), [AT_7, "column volume: expected a volume of zero or more, got inf"]),
    (shift(7, -FIVE), ["row 7 (2024-01-01 00:30:00 UTC): time: expected a later time", "two rows have one time"]),
    (
        shift(7, -3 * FIVE),
        ["row 7 (2024-01-01 00:20:00 UTC)", "after 2024-01-01 00:30:00 UTC", "older", "sort by time"],
    ),
    (
        shift(7, -MINUTE),
        ["row 7", "got 2024-01-01 00:34:00 UTC", "when the one before it has closed", "5m", "interval="],
    ),
    (shift(7, MINUTE), ["row 7", "whole number of intervals after", "after 2024-01-01 00:30:00 UTC", "interval of 5m"]),
    (lambda frame: frame.iloc[::-1], ["row 1 (", "earlier time", "sort"]),
    (lambda frame: pd.concat([frame, frame]), ["row 20 (2024-01-01 00:00:00 UTC)", "the row is older", "sort by time"]),
    (lambda frame: frame.loc[frame.index.repeat(2)], ["row 1 (", "the same time as", "remove duplicates"]),
    (
        lambda frame: frame.assign(ts=START),
        ["row 1 (2024-01-01 00:00:00 UTC)", "the same time as", "remove duplicates"],
    ),
    (lambda frame: frame.assign(ts=frame["ts"] // 10**9), ["column ts: row 0", "look like seconds", "time_unit='s'"]),
    (lambda frame: frame.assign(ts=frame["ts"] // 10**6), ["look like milliseconds", "time_unit='ms'"]),
    (lambda frame: frame.assign(ts=frame["ts"] // 10**3), ["look like microseconds", "time_unit='us'"]),
    (lambda frame: frame.assign(ts=frame["ts"] / 1e9), ["look like seconds", "time_unit='s'"]),
    (lambda frame: frame.assign(ts=pd.to_datetime(frame["ts"])), ["no time zone", ".dt.tz_localize('UTC')"]),
    (lambda frame: frame.assign(ts=pd.to_datetime(frame["ts"], utc=True).where(frame.index != 7)), ["row 7", "NaT"]),
    (lambda frame: frame.assign(ts=[str(i) for i in frame.index]), ["row 0", "expected ISO 8601", "got '0'"]),
    (put(7, "high", "n/a"), [AT_7, "column high: expected a number, got 'n/a'"]),
    (put(7, "volume", "1,234"), [AT_7, "column volume: expected a number, got '1,234'", "plain digits"]),
    (lambda frame: frame.assign(open=True), ["row 0", "column open: expected a number, got True"]),
    (
        lambda frame: frame.assign(open=pd.Timestamp("2024", tz="UTC")),
        ["column open: expected a number, got Timestamp"],
    ),
    (lambda frame: frame.assign(open=1j), ["column open: expected a number"]),
    (lambda frame: frame.assign(open=frame["open"].astype("Float64").where(frame.index != 7)), [AT_7, "open", "nan"]),
    (
        lambda frame: frame.drop(columns="close"),
        ["missing column(s) close; found ts, open, high, low, volume", "rename"],
    ),
    (lambda frame: frame.drop(columns=["ts", "low"]), ["missing column(s) ts, low", "time_column="]),
    (lambda frame: frame.rename(columns=str.title), ["missing column(s) ts, open", "found Ts, Open"]),
    (lambda frame: pd.concat([frame, frame[["open"]]], axis=1), ["one column of each name", "several named open"]),
    (
        lambda frame: frame.assign(bid_open=1.0, ask_open=2.0),
        ["missing column(s) bid_close, ask_close", "only bid_open"],
    ),
    (lambda frame: frame.iloc[:0], ["expected bars, got no rows"]),
    (lambda frame: frame.iloc[:1], ["1 bar(s) do not show their interval", "interval='5m'"]),
    (lambda frame: frame.assign(ts=START + HOUR * 24 * 365 * frame.index), ["at most 31d", "365d", "unit of time"]),
]


@pytest.mark.parametrize(("break_it", "words"), FAULTS)
def test_a_fault_is_named_with_source_row_time_column_and_remedy(
    break_it: Callable[[Frame], Frame], words: list[str]
) -> None:
    with pytest.raises(DataError) as caught:
        read_bars(break_it(good()))
    message = str(caught.value)
    assert message.startswith("DataFrame: ")
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("bid_open", 0.0, "column bid_open: expected a price above zero, or NaN where there is no quote, got 0"),
        ("ask_open", float("inf"), "column ask_open: expected a price above zero, or NaN"),
        ("ask_close", -1.0, "column ask_close: expected a price above zero, or NaN"),
        ("bid_close", 500.0, "column bid_close: expected a bid at or below the ask, got 500"),
        ("ask_open", 1.5, "column bid_open: expected a bid at or below the ask"),
    ],
)
def test_a_wrong_quote_is_named(column: str, value: float, words: str) -> None:
    with pytest.raises(DataError, match="row 7") as caught:
        read_bars(put(7, column, value)(good(quotes=True)))
    assert words in str(caught.value)
    assert "ask_close" in str(caught.value)


def test_a_missing_quote_is_counted_and_a_locked_market_is_fine() -> None:
    frame = good(quotes=True)
    frame.loc[[3, 9], ["bid_open", "ask_open"]] = np.nan
    frame.loc[4, "ask_close"] = np.nan
    frame.loc[5, "ask_open"] = frame.loc[5, "bid_open"]
    bars = read_bars(frame)
    assert bars.columns == (*BAR_COLUMNS, *QUOTE_COLUMNS)
    assert bars.counts["bars_without_quote"] == 3


def test_quirks_are_counted_and_left_as_they_are() -> None:
    frame = good(20)
    frame.loc[2, "open"] = 150.0  # BitMEX opens a bar at the close before it
    frame.loc[3, "open"] = 50.0
    frame.loc[[5], list(BAR_COLUMNS)] = [[100.0, 100.0, 100.0, 100.0, 0.0]]
    frame = frame.drop(index=[8, 9, 10, 15])
    bars = read_bars(frame)
    expected = {"no_trade_bars": 1, "open_outside_range": 2, "gaps": 2, "missing_bars": 4, "bars_without_quote": 0}
    assert bars.counts == expected
    np.testing.assert_array_equal(bars.rows, frame[list(BAR_COLUMNS)].to_numpy())
    np.testing.assert_array_equal(bars.times, frame["ts"].to_numpy())


def test_bars_taken_for_shorter_than_they_are_would_look_ahead_and_are_refused() -> None:
    with pytest.raises(DataError, match=r"interval: expected the distance between bars, got 1m, but .* closer than 5m"):
        read_bars(good(), interval="1m")
    with pytest.raises(DataError, match=r"has closed, or later, got .* at an interval of 10m; .*interval="):
        read_bars(good(), interval="10m")
    assert read_bars(good(1), interval="5m").interval == FIVE
    assert read_bars(good(20).iloc[::7], interval=300).counts["missing_bars"] == 12  # too few bars to be sure


def test_the_interval_is_the_most_common_distance() -> None:
    sparse = good(40).drop(index=[1, 5, 6, 7, 20])
    assert read_bars(sparse).interval == FIVE


def test_a_stamp_may_be_the_close_of_a_bar() -> None:
    closes = read_bars(good(), BarFormat(stamp="close"))
    assert closes.times.tolist() == (read_bars(good()).times - FIVE).tolist()
    with pytest.raises(DataError, match=r"row 7 \(2024-01-01 00:30:00 UTC\)"):
        read_bars(put(7, "open", 0.0)(good()), BarFormat(stamp="close"))
    with pytest.raises(DataError, match="stamp: expected 'open' or 'close', got 'end'"):
        BarFormat(stamp="end")


def test_extra_columns_follow_the_prices_and_may_hold_nan() -> None:
    frame = good(quotes=True).assign(trades=np.arange(20), note="x", mood=np.nan)
    bars = read_bars(frame, BarFormat(extra=("mood", "trades", "bid_open", "close")))
    assert bars.columns == (*BAR_COLUMNS, *QUOTE_COLUMNS, "mood", "trades")
    assert bars.rows[:, 10].tolist() == list(range(20))
    with pytest.raises(DataError, match=r"missing column\(s\) vwap; found ts"):
        read_bars(frame, BarFormat(extra=("vwap",)))
    with pytest.raises(DataError, match=r"\('trades',\)"):
        BarFormat(extra="trades")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="column note: expected a number, got 'x'"):
        read_bars(frame, BarFormat(extra=("note",)))


def test_columns_of_different_lengths_are_refused_before_anything_reads_past_an_end() -> None:
    table: dict[str, Any] = {str(name): good()[name].to_numpy() for name in good()}
    for name in BAR_COLUMNS:
        with pytest.raises(DataError, match=rf"column {name}: expected one value for each of 20 times, got shape"):
            read_bars({**table, name: table[name][:-1]})
    with pytest.raises(DataError, match=r"got shape \(20, 1\)"):
        read_bars({**table, "open": table["open"][:, None]})
    with pytest.raises(DataError, match=r"got shape \(\)"):
        read_bars({**table, "volume": 1.0})


@pytest.mark.parametrize("source", [None, 5, [1, 2], np.zeros((5, 6)), b"bars.parquet"])
def test_a_source_of_no_known_kind_is_refused(source: Any) -> None:
    with pytest.raises(DataError, match="expected a path, DataFrame, Arrow table, structured array or mapping"):
        read_bars(source)


def wrong_files(folder: Path) -> dict[str, tuple[Path, list[str]]]:
    table = pa.Table.from_pandas(good(), preserve_index=False)
    nulls = [None if i == 7 else i for i in range(20)]
    files: dict[str, tuple[Any, list[str]]] = {
        "missing.parquet": (None, ["no such file"]),
        "missing.csv": (None, ["no such file"]),
        "folder.parquet": ("folder", ["got a folder", "one Parquet or CSV file in it"]),
        "empty.parquet": (b"", ["expected a Parquet file, got an empty one"]),
        "empty.csv": (b"", ["expected a CSV file, got an empty one"]),
        "text.parquet": (b"ts,open\n1,2\n", ["not readable as Parquet", "magic bytes", "ending"]),
        "cut.parquet": ("cut", ["not readable as Parquet", "write it again"]),
        "bars.xlsx": (b"x", [".parquet", ".csv", "got .xlsx"]),
        "bars": (b"x", ["got no ending"]),
        "header.csv": (b"ts,open,high,low,close,volume\n", ["expected bars, got no rows"]),
        "other.csv": (b"a,b\n1,2\n", ["missing column(s) ts, open", "found a, b"]),
        "ragged.csv": (b"a,b\n1,2\n1,2,3\n", ["not readable as CSV", "Expected 2 columns, got 3"]),
        "twice.csv": (b"ts,open,open\n1,2,3\n", ["one column of each name", "open"]),
        "text.csv": (good().astype({"open": str}).replace({"open": "99.5"}, "none").to_csv().encode(), ["'none'"]),
        "norows.parquet": (table.slice(0, 0), ["expected bars, got no rows"]),
        "columns.parquet": (table.drop_columns(["close"]), ["missing column(s) close; found ts, open, high, low, vol"]),
        "nulls.parquet": (
            table.set_column(5, "volume", pa.array(nulls, pa.int64())),
            [AT_7, "column volume", "got nan"],
        ),
        "words.parquet": (
            table.set_column(1, "open", pa.array(["1", "x"] * 10)),
            ["row 1 (2024-01-01 00:05:00 UTC): column open: expected a number, got 'x'"],
        ),
        "naive.parquet": (
            table.set_column(0, "ts", pa.array(good()["ts"]).cast(pa.timestamp("ns"))),
            ["column ts", "no time zone", "before the file is written"],
        ),
        "notime.parquet": (
            table.set_column(0, "ts", pa.array([START, None] * 10, pa.int64())),
            ["column ts: row 1: expected a time, got nan"],
        ),
        "list.parquet": (table.set_column(1, "open", pa.array([[1.0]] * 20)), ["column open: expected a number"]),
    }
    written: dict[str, tuple[Path, list[str]]] = {}
    for name, (content, words) in files.items():
        path = folder / name
        if content == "folder":
            path.mkdir()
        elif content == "cut":
            pq.write_table(table, path)
            path.write_bytes(path.read_bytes()[:-200])
        elif isinstance(content, bytes):
            path.write_bytes(content)
        elif content is not None:
            pq.write_table(content, path)
        written[name] = path, words
    return written


def test_a_file_that_cannot_be_used_is_named_with_the_reason(tmp_path: Path) -> None:
    for name, (path, words) in wrong_files(tmp_path).items():
        with pytest.raises(DataError) as caught:
            read_bars(path)
        for word in (str(path), *words):
            assert word in str(caught.value), name


def test_blocks_are_checked_as_one_series() -> None:
    frame = good(30, quotes=True).drop(index=[10, 20])
    whole = read_bars(frame)
    checker = BarChecker(FIVE, whole.columns, "blocks")
    for begin in range(0, 28, 7):
        checker.check(whole.times[begin : begin + 7], whole.rows[begin : begin + 7])
    checker.check(whole.times[:0], whole.rows[:0])
    assert checker.counts() == whole.counts
    with pytest.raises(DataError, match=r"blocks: row 28 \(2024-01-01 00:00:00 UTC\).* after 2024-01-01 02:25:00 UTC"):
        checker.check(whole.times[:7], whole.rows[:7])


@given(st.lists(st.sampled_from([1, 2, 7]), min_size=1, max_size=60))
def test_gaps_and_missing_bars_add_up_to_the_span(steps: list[int]) -> None:
    times = START + FIVE * np.cumsum([0, *steps])
    checker = BarChecker(FIVE, BAR_COLUMNS, "bars")
    checker.check(times, np.ones((len(times), 5)))
    counts = checker.counts()
    assert counts["gaps"] == sum(step > 1 for step in steps)
    assert counts["missing_bars"] + len(times) == (times[-1] - times[0]) // FIVE + 1
    assert find_interval(times, "5m" if 1 in steps or len(steps) < 9 else None, "bars") % FIVE == 0


def test_the_real_bars_of_xbtusd_load_with_their_quirks(halfspread_data: Path) -> None:
    bars = read_bars(halfspread_data / "bitmex" / "xbtusd_5m_2016_2021.parquet")
    assert len(bars) == 564_047
    assert bars.interval == FIVE
    assert (bars.counts["gaps"], bars.counts["missing_bars"]) == (0, 0)
    assert 0.01 < bars.counts["no_trade_bars"] / len(bars) < 0.2
    assert 0.05 < bars.counts["open_outside_range"] / len(bars) < 0.3


def test_the_real_bars_of_btcusdt_have_their_one_gap(halfspread_data: Path) -> None:
    bars = read_bars(halfspread_data / "bybit" / "btcusdt_5m_2024_2026.parquet")
    after = int(np.flatnonzero(np.diff(bars.times) != FIVE)[0]) + 1
    assert bars.counts["gaps"] == 1
    assert pd.Timestamp(int(bars.times[after - 1]) + FIVE, tz="UTC") == pd.Timestamp("2024-08-09 13:35", tz="UTC")
    assert pd.Timestamp(int(bars.times[after]), tz="UTC") == pd.Timestamp("2025-01-01", tz="UTC")


def test_real_quotes_are_taken_and_the_minutes_without_one_counted(halfspread_data: Path) -> None:
    path = halfspread_data / "bybit" / "btcusd_1m_bidask_20221213.parquet"
    bars = read_bars(path, BarFormat(extra=("bid_size",)))
    assert bars.columns == (*BAR_COLUMNS, *QUOTE_COLUMNS, "bid_size")
    assert bars.counts["bars_without_quote"] == pd.read_parquet(path)["bid_open"].isna().sum() > 0
