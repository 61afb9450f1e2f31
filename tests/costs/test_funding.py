"""Funding: bad rows are refused, missing settlements are named, and only the policy fills them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from halfspread.costs.funding import Funding, FundingTable, complete
from halfspread.errors import ConfigError, DataError

HOUR = 3_600_000_000_000
START = 1_672_531_200_000_000_000  # 2023-01-01 00:00 UTC
EIGHT = 8 * HOUR
PUBLISHED = Funding.published()


def table(
    hours: list[int], rates: list[float] | None = None, interval: list[int] | int = 8, lag: int = 0
) -> FundingTable:
    """Settlements so many hours after START, known ``lag`` hours before they are paid."""
    times = START + np.array(hours, np.int64) * HOUR
    intervals = np.broadcast_to(np.array(interval, np.int64) * HOUR, times.shape)
    paid = np.array(rates if rates is not None else [1e-4] * len(hours))
    return FundingTable(times, paid, intervals, times - lag * HOUR)


def at(hours: int) -> int:
    return START + hours * HOUR


def test_a_complete_table_comes_back_as_it_is() -> None:
    given_table = table([8, 16, 24])
    completed, filled = complete(given_table, at(0), at(31), PUBLISHED)
    assert completed is given_table
    assert filled == []


def test_without_funding_nothing_is_paid_whatever_the_table() -> None:
    completed, filled = complete(table([8, 9], [float("nan"), 7.0]), at(0), at(100), Funding.none())
    assert len(completed) == 0
    assert filled == []


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        (table([8, 16, 16, 24]), "row 2 (2023-01-01 16:00:00 UTC, rate 0.0001, interval 8 h): expected a later time"),
        (table([8, 24, 16]), "row 2 (2023-01-01 16:00:00 UTC"),
        (table([8, 16], [1e-4, float("nan")]), "row 1 (2023-01-01 16:00:00 UTC, rate nan"),
        (table([8, 16], [float("inf"), 1e-4]), "got NaN or infinity"),
        (table([8, 16, 24], [0.01, 0.375, 0.06]), "this looks like a percentage"),
        (table([8, 16], [1e-4, -0.051]), "at most 0.05 (5 %)"),
        (table([8, 16, 23]), "row 2 (2023-01-01 23:00:00 UTC, rate 0.0001, interval 8 h): not a whole number"),
        (table([8, 16, 24], interval=[8, 8, 24]), "not a whole number of its intervals"),
        (table([8, 16], interval=[8, 0]), "expected an interval of a minute or more"),
        (table([8, 16], lag=-1), "published only after it is paid"),
    ],
)
@pytest.mark.parametrize("missing", ["error", "previous", 1e-4])
def test_an_impossible_row_is_refused_by_every_policy(
    bad: FundingTable, complaint: str, missing: Literal["error", "previous"] | float
) -> None:
    with pytest.raises(DataError) as caught:
        complete(bad, at(0), at(24), Funding.published(missing))
    assert complaint in str(caught.value)


def test_the_number_of_bad_rows_is_told() -> None:
    with pytest.raises(DataError, match=r"row 1 .*\(2 such rows\)"):
        complete(table([8, 16, 24], [0.01, 0.1, 0.2]), at(0), at(24), PUBLISHED)


def test_a_real_rate_above_the_limit_can_be_let_in() -> None:
    high = table([8, 16], [0.06, 1e-4])
    assert complete(high, at(0), at(16), Funding.published(max_abs_rate=0.1))[0] is high


def test_an_empty_table_is_refused() -> None:
    with pytest.raises(DataError, match=r"no funding settlements; give the published rates, or say Funding.none\(\)"):
        complete(table([]), at(0), at(24), Funding.published(1e-4))


@pytest.mark.parametrize(
    ("hours", "missing"),
    [
        ([8, 24, 32], "1 settlement is missing: 2023-01-01 16:00:00 UTC"),
        ([16, 24, 32], "1 settlement is missing: 2023-01-01 08:00:00 UTC"),
        ([8, 16, 24], "1 settlement is missing: 2023-01-02 08:00:00 UTC"),
        ([8, 32], "2 settlements are missing: 2023-01-01 16:00:00 UTC, 2023-01-02 00:00:00 UTC"),
        ([-80, -72], "4 settlements are missing: 2023-01-01 08:00"),
        ([1000, 1008], "4 settlements are missing: 2023-01-01 08:00"),
    ],
)
def test_missing_settlements_are_named(hours: list[int], missing: str) -> None:
    with pytest.raises(DataError) as caught:
        complete(table(hours), at(0), at(32), PUBLISHED)
    assert missing in str(caught.value)
    assert 'Funding.published(missing="previous")' in str(caught.value)


def test_a_long_list_of_missing_settlements_is_cut_short() -> None:
    with pytest.raises(DataError, match=r"11 settlements are missing: .* and 6 more to 2023-01-05 00:00:00 UTC"):
        complete(table([8, 104]), at(0), at(104), PUBLISHED)


def test_the_span_leaves_out_its_first_moment_and_holds_its_last() -> None:
    assert complete(table([16, 24]), at(8), at(31), PUBLISHED)[1] == []
    with pytest.raises(DataError, match="2023-01-01 08:00"):
        complete(table([16, 24]), at(8) - 1, at(31), PUBLISHED)
    with pytest.raises(DataError, match="2023-01-02 08:00"):
        complete(table([16, 24]), at(8), at(32), PUBLISHED)


def test_what_is_missing_outside_the_span_does_no_harm_and_rows_outside_are_kept() -> None:
    outside = table([0, 24, 32, 40, 64])
    completed, filled = complete(outside, at(16), at(47), PUBLISHED)
    assert completed is outside
    assert filled == []


def test_the_previous_rate_fills_at_most_so_many_in_a_row() -> None:
    gappy = table([8, 16, 40], [1e-4, 3e-4, -1e-4])
    completed, filled = complete(gappy, at(0), at(40), Funding.published("previous", max_previous=2))
    assert filled == [at(24), at(32)]
    assert completed.times.tolist() == [at(8), at(16), at(24), at(32), at(40)]
    assert completed.rates.tolist() == [1e-4, 3e-4, 3e-4, 3e-4, -1e-4]
    assert completed.intervals.tolist() == [EIGHT] * 5
    with pytest.raises(DataError, match="2 in a row, and the previous rate may be repeated at most 1 times"):
        complete(gappy, at(0), at(40), Funding.published("previous", max_previous=1))


def test_settlements_missing_before_the_span_count_among_those_in_a_row() -> None:
    gappy = table([8, 40])
    with pytest.raises(DataError, match="1 settlement is missing: 2023-01-02 08:00:00 UTC; 3 in a row"):
        complete(gappy, at(24), at(40), Funding.published("previous", max_previous=2))


def test_the_previous_rate_cannot_fill_the_start_but_a_constant_can() -> None:
    late = table([24, 32], [5e-4, 5e-4])
    with pytest.raises(DataError, match="no rate is known before them"):
        complete(late, at(0), at(32), Funding.published("previous"))
    completed, filled = complete(late, at(0), at(32), Funding.published(1e-4))
    assert filled == [at(8), at(16)]
    assert completed.rates.tolist() == [1e-4, 1e-4, 5e-4, 5e-4]


def test_the_end_is_filled_too() -> None:
    completed, filled = complete(table([8, 16], [1e-4, 2e-4]), at(0), at(32), Funding.published("previous"))
    assert filled == [at(24), at(32)]
    assert completed.rates.tolist() == [1e-4, 2e-4, 2e-4, 2e-4]


def test_a_constant_of_zero_is_a_choice_and_is_reported_as_filled() -> None:
    completed, filled = complete(table([8, 24]), at(0), at(24), Funding.published(0))
    assert filled == [at(16)]
    assert completed.rates.tolist() == [1e-4, 0.0, 1e-4]


def test_a_filled_rate_is_not_known_before_its_settlement() -> None:
    completed, filled = complete(table([8, 24, 32], lag=8), at(0), at(40), Funding.published("previous"))
    assert filled == [at(16), at(40)]
    assert (completed.times - completed.known_times).tolist() == [EIGHT, 0, EIGHT, EIGHT, 0]


def test_the_interval_may_change() -> None:
    changing = table([24, 48, 56, 64], interval=[24, 24, 8, 8])
    assert complete(changing, at(0), at(64), PUBLISHED)[1] == []
    slower = table([8, 16, 40, 64], interval=[8, 8, 24, 24])
    assert complete(slower, at(0), at(64), PUBLISHED)[1] == []


def test_a_settlement_missing_where_the_interval_changes_is_not_filled_with_a_rate_of_the_other() -> None:
    changing = table([24, 48, 64], interval=[24, 24, 8])
    with pytest.raises(DataError, match="2023-01-03 08:00:00 UTC; the interval changes there"):
        complete(changing, at(0), at(64), Funding.published("previous"))
    assert complete(changing, at(0), at(64), Funding.published(1e-4))[1] == [at(56)]


@given(st.sets(st.integers(1, 40)), st.integers(-10, 50), st.integers(0, 50), st.integers(1, 5))
def test_completing_restores_exactly_the_regular_settlements_of_the_span(
    kept: set[int], first: int, length: int, max_previous: int
) -> None:
    assume(kept)
    last = first + length
    hours = sorted(8 * k for k in kept)
    completed, filled = complete(table(hours), at(8 * first), at(8 * last), Funding.published(1e-4))
    regular = {at(8 * k) for k in range(first + 1, last + 1)}
    assert set(filled) == regular - {at(hour) for hour in hours}
    assert completed.times.tolist() == sorted({*filled, *(at(hour) for hour in hours)})
    if filled:
        with pytest.raises(DataError, match="missing: "):
            complete(table(hours), at(8 * first), at(8 * last), PUBLISHED)
    else:
        assert complete(table(hours), at(8 * first), at(8 * last), PUBLISHED)[1] == []


def test_a_table_keeps_its_own_read_only_copies() -> None:
    times = np.array([START], np.int64)
    made = FundingTable(times, np.array([1e-4]), np.array([EIGHT]), times)
    times[0] = 0
    assert made.times[0] == START
    with pytest.raises(ValueError, match="read-only"):
        made.rates[0] = 0.0


@pytest.mark.parametrize(
    ("arrays", "complaint"),
    [
        (([START], [1e-4, 1e-4], [EIGHT], [START]), r"rates: expected one value for each time \(1,\), got \(2,\)"),
        (([[START]], [[1e-4]], [[EIGHT]], [[START]]), "times: expected one value for each time"),
        (([float(START)], [1e-4], [EIGHT], [START]), "times: expected integer nanoseconds, got float64"),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(arrays: tuple[list[Any], ...], complaint: str) -> None:
    times, rates, intervals, known = (np.array(values) for values in arrays)
    with pytest.raises(DataError, match=complaint):
        FundingTable(times, rates, intervals, known)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"missing": "zero"}, "'error' or 'previous'"),
        ({"missing": 0.1}, "0.01 % is 0.0001"),
        ({"missing": float("nan")}, "finite number"),
        ({"max_previous": 0}, "max_previous: Input should be greater than or equal to 1, got 0"),
        ({"max_abs_rate": 0}, "max_abs_rate: Input should be greater than 0"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Funding.published(**fields)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (Funding.none(), "no funding is paid or received"),
        (Funding.published(), "a missing rate stops the run"),
        (Funding.published("previous", 2), "replaced by the one before it, at most 2 times in a row"),
        (Funding.published(1e-4), "assumed to be 1 bp per interval"),
    ],
)
def test_the_report_says_what_stands_in_for_a_missing_rate(policy: Funding, words: str) -> None:
    assert policy.describe().endswith(words)


def read(path: Path, lag_by_interval: bool) -> FundingTable:
    frame = pd.read_parquet(path)
    times = frame["ts"].dt.as_unit("ns").astype("int64").to_numpy()
    hours = frame["interval_h"].to_numpy(np.int64) if "interval_h" in frame else np.full(len(times), 8)
    known = times - hours * HOUR if lag_by_interval else times
    return FundingTable(times, frame["rate"].to_numpy(), hours * HOUR, known, str(path))


def test_bitmex_funding_from_2016_to_2022_is_complete_through_its_change_from_24_to_8_hours(
    halfspread_data: Path,
) -> None:
    whole = read(halfspread_data / "bitmex" / "xbtusd_funding_2016_2022.parquet", lag_by_interval=True)
    assert set(whole.intervals // HOUR) == {8, 24}
    completed, filled = complete(whole, int(whole.times[0]) - 1, int(whole.times[-1]) + EIGHT - 1, PUBLISHED)
    assert (len(completed), filled) == (6255, [])


def test_bybit_funding_from_2021_to_2026_is_complete(halfspread_data: Path) -> None:
    whole = read(halfspread_data / "bybit" / "btcusdt_funding_2021_2026.parquet", lag_by_interval=False)
    completed, filled = complete(whole, int(whole.times[0]) - 1, int(whole.times[-1]) + EIGHT - 1, PUBLISHED)
    assert (len(completed), filled) == (6175, [])


def test_the_one_settlement_that_bybits_inverse_funding_lacks_is_named_and_filled(halfspread_data: Path) -> None:
    gappy = read(halfspread_data / "bybit" / "btcusd_inverse_funding_2023_2024.parquet", lag_by_interval=False)
    span = int(gappy.times[0]) - 1, int(gappy.times[-1])
    with pytest.raises(DataError, match=r"inverse_funding.*1 settlement is missing: 2023-10-29 00:00:00 UTC;"):
        complete(gappy, *span, PUBLISHED)
    completed, filled = complete(gappy, *span, Funding.published("previous"))
    assert [str(pd.Timestamp(time)) for time in filled] == ["2023-10-29 00:00:00"]
    assert len(completed) == len(gappy) + 1
    assert (np.diff(completed.times) == EIGHT).all()
