from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from halfspread.datafeeds.resample import resample_bars
from halfspread.errors import ConfigError, DataError


def bars(start: str, rows: list[tuple[float, float, float, float, float]], minutes: int = 1) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["open", "high", "low", "close", "volume"])
    frame.insert(0, "ts", pd.date_range(start, periods=len(rows), freq=f"{minutes}min", tz="UTC").as_unit("ns"))
    return frame


TWO_HOURS = [
    (10.0, 12.0, 9.5, 11.0, 1.0),
    (11.0, 11.5, 8.0, 9.0, 2.0),
    (9.0, 9.0, 9.0, 9.0, 0.5),
    (9.5, 13.0, 9.0, 12.5, 4.0),
]


def test_half_hours_become_hours_by_hand() -> None:
    made = resample_bars(bars("2024-01-01 10:00", TWO_HOURS, 30), "1h")
    assert (made.buckets_dropped, made.bars_dropped) == (0, 0)
    assert made.bars["ts"].tolist() == [pd.Timestamp("2024-01-01 10:00Z"), pd.Timestamp("2024-01-01 11:00Z")]
    assert made.bars.drop(columns="ts").to_numpy().tolist() == [
        [10.0, 12.0, 8.0, 9.0, 3.0, -1.0],  # 1 up, then 2 down
        [9.0, 13.0, 9.0, 12.5, 4.5, 4.0],  # 0.5 without a move does not count
    ]


def test_signed_volume_is_summed_where_there_is_one_and_made_only_of_volume() -> None:
    frame = bars("2024-01-01 10:00", TWO_HOURS, 30)
    told = resample_bars(frame.assign(signed_volume=[0.5, -2.0, 0.25, -1.0]), "1h").bars
    assert told["signed_volume"].tolist() == [-1.5, -0.75]
    assert "signed_volume" not in resample_bars(frame.drop(columns="volume"), "1h").bars
    twice = resample_bars(resample_bars(bars("2024-01-01 10:00", [*TWO_HOURS, *TWO_HOURS], 15), "30m").bars, "1h").bars
    assert twice["signed_volume"].tolist() == [3.0, 3.0]


def test_quotes_follow_the_trade_they_stand_beside() -> None:
    frame = bars("2024-01-01 10:00", TWO_HOURS, 30)
    frame["bid_open"], frame["ask_open"] = frame["open"] - 0.25, frame["open"] + 0.25
    frame["bid_close"], frame["ask_close"] = frame["close"] - 0.5, frame["close"] + 0.5
    made = resample_bars(frame, "1h").bars
    assert made["bid_open"].tolist() == [9.75, 8.75]
    assert made["ask_open"].tolist() == [10.25, 9.25]
    assert made["bid_close"].tolist() == [8.5, 12.0]
    assert made["ask_close"].tolist() == [9.5, 13.0]


def test_incomplete_buckets_at_both_ends_are_dropped_and_counted() -> None:
    made = resample_bars(bars("2024-01-01 09:30", [*TWO_HOURS, *TWO_HOURS], 30), "1h")
    assert made.bars["ts"].dt.hour.tolist() == [10, 11, 12]
    assert (made.buckets_dropped, made.bars_dropped) == (2, 2)


def test_a_bucket_with_a_gap_is_dropped_and_not_filled() -> None:
    frame = bars("2024-01-01 00:00", [(1.0, 1.0, 1.0, 1.0, 1.0)] * 36, 5).drop(index=[13, 14])
    made = resample_bars(frame, "1h")
    assert made.bars["ts"].dt.hour.tolist() == [0, 2]
    assert (made.buckets_dropped, made.bars_dropped) == (1, 10)


def test_minutes_without_trades_carry_a_price_but_set_no_extreme_where_others_traded() -> None:
    flat = (100.0, 100.0, 100.0, 100.0, 0.0)
    traded = [(100.0, 103.0, 102.0, 102.5, 7.0), (102.5, 104.0, 102.5, 103.0, 1.0)]
    still = (103.0, 103.0, 103.0, 103.0, 0.0)
    made = resample_bars(bars("2017-05-01", [flat, flat, *traded, still, *[still] * 5]), "5m").bars
    assert made.iloc[0, 1:].tolist() == [100.0, 104.0, 102.0, 103.0, 8.0, 8.0]
    assert made.iloc[1, 1:].tolist() == [103.0, 103.0, 103.0, 103.0, 0.0, 0.0]


def test_a_bar_with_a_range_counts_even_if_its_volume_is_not_known() -> None:
    rows = [(10.0, 15.0, 5.0, 11.0, 0.0), (11.0, 12.0, 10.0, 11.0, 1.0)]
    made = resample_bars(bars("2024-01-01", rows, 30), "1h").bars
    assert made.iloc[0, 1:].tolist() == [10.0, 15.0, 5.0, 11.0, 1.0, 0.0]


def test_a_missing_quote_stays_missing() -> None:
    frame = bars("2024-01-01 10:00", TWO_HOURS, 30)
    frame["bid_open"] = [np.nan, 10.0, 8.0, 9.0]
    frame["bid_close"] = [10.0, 8.0, 8.0, np.nan]
    made = resample_bars(frame, "1h").bars
    assert np.isnan(made["bid_open"][0])
    assert made["bid_open"][1] == 8.0
    assert made["bid_close"][0] == 8.0
    assert np.isnan(made["bid_close"][1])


def test_days_begin_at_midnight_utc_whatever_the_zone_of_the_times() -> None:
    frame = bars("2024-01-01", [(1.0, 2.0, 0.5, 1.5, 1.0)] * 48, 60)
    frame["ts"] = frame["ts"].dt.tz_convert("America/New_York")
    made = resample_bars(frame, "1d").bars
    assert made["ts"].tolist() == [pd.Timestamp("2024-01-01", tz="UTC"), pd.Timestamp("2024-01-02", tz="UTC")]
    assert made["volume"].tolist() == [24.0, 24.0]


def test_two_steps_give_what_one_step_gives() -> None:
    rng = np.random.default_rng(3)
    rows = [(o, o + 1.0, o - 1.0, o + 0.5, float(v)) for o, v in zip(rng.random(2880), range(2880), strict=True)]
    frame = bars("2024-01-01", rows)
    direct = resample_bars(frame, "1d")
    pd.testing.assert_frame_equal(resample_bars(resample_bars(frame, "1h").bars, "1d").bars, direct.bars)
    pd.testing.assert_frame_equal(resample_bars(frame, "1m").bars, frame.assign(signed_volume=frame["volume"]))


def test_nothing_complete_gives_an_empty_table_with_the_same_columns() -> None:
    made = resample_bars(bars("2024-01-01", TWO_HOURS), "1d")
    assert list(made.bars.columns) == ["ts", "open", "high", "low", "close", "volume", "signed_volume"]
    assert (len(made.bars), made.buckets_dropped, made.bars_dropped) == (0, 1, 4)


def test_a_single_bar_needs_its_interval_said() -> None:
    one = bars("2024-01-01", TWO_HOURS[:1], 60)
    with pytest.raises(DataError, match="give source_interval"):
        resample_bars(one, "1d")
    assert resample_bars(one, "1h", source_interval="1h").bars["close"].tolist() == [11.0]


def test_intervals_that_do_not_fit_are_refused() -> None:
    frame = bars("2024-01-01", TWO_HOURS, 30)
    with pytest.raises(ConfigError, match="whole multiple of the bars' own interval 30m, got 45m"):
        resample_bars(frame, "45m")
    with pytest.raises(ConfigError, match="whole multiple"):
        resample_bars(frame, "5m")
    with pytest.raises(ConfigError, match="expected an interval such as"):
        resample_bars(frame, "often")


def test_faulty_tables_are_refused() -> None:
    frame = bars("2024-01-01", TWO_HOURS, 30)
    with pytest.raises(DataError, match="missing high"):
        resample_bars(frame.drop(columns="high"), "1h")
    with pytest.raises(DataError, match=r"no rule for column\(s\) mood"):
        resample_bars(frame.assign(mood=1.0), "1h")
    with pytest.raises(DataError, match=r"in row 1 after .*sort them"):
        resample_bars(frame.iloc[::-1], "1h")
    with pytest.raises(DataError, match="carry no time zone"):
        resample_bars(frame.assign(ts=frame["ts"].dt.tz_localize(None)), "1h")
    with pytest.raises(DataError, match=r"row 0 .* is not on the grid of 30m bars"):
        resample_bars(frame.assign(ts=frame["ts"] + pd.Timedelta(minutes=7)), "1h")


def test_five_minute_bars_rebuilt_from_minutes_equal_those_on_file(halfspread_data: Path) -> None:
    columns = ["ts", "open", "high", "low", "close", "volume"]
    folder = halfspread_data / "bitmex"
    minutes = pd.read_parquet(next(folder.glob("xbtusd_1m_2016_2021*.parquet")), columns=columns)
    filed = pd.read_parquet(next(folder.glob("xbtusd_5m_2016_2021*.parquet")), columns=columns)
    made = resample_bars(minutes, "5m")
    assert (made.buckets_dropped, made.bars_dropped) == (1, 4)  # the file ends at 23:58
    pd.testing.assert_frame_equal(made.bars.drop(columns="signed_volume"), filed, check_dtype=False, check_exact=True)
