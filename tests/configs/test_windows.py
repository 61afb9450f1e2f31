"""Windows worked by hand, and what purge and embargo leave out."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.configs.windows import Schedule, Window
from halfspread.engine.times import DAY
from halfspread.errors import ConfigError
from tests.engine.worlds import START


def days(*windows: tuple[float, float, float, float]) -> tuple[Window, ...]:
    return tuple(Window(*(START + round(day * DAY) for day in window)) for window in windows)


def test_rolling_windows_keep_their_length() -> None:
    found = Schedule.of("4d", "2d").windows(START, START + 10 * DAY)
    assert found == days((0, 4, 4, 6), (2, 6, 6, 8), (4, 8, 8, 10))


def test_anchored_windows_begin_where_the_first_does() -> None:
    found = Schedule.of("4d", "2d", anchored=True).windows(START, START + 10 * DAY)
    assert found == days((0, 4, 4, 6), (0, 6, 6, 8), (0, 8, 8, 10))


def test_the_last_test_is_cut_at_the_end_of_the_market() -> None:
    found = Schedule.of("4d", "4d").windows(START, START + 10 * DAY)
    assert found == days((0, 4, 4, 8), (4, 8, 8, 10))


def test_purge_shortens_the_training_window_at_its_end() -> None:
    found = Schedule.of("4d", "3d", purge="1d").windows(START, START + 10 * DAY)
    assert found == days((0, 3, 4, 7), (3, 6, 7, 10))


def test_embargo_is_left_out_between_training_and_test() -> None:
    found = Schedule.of("4d", "3d", embargo="12h").windows(START, START + 10 * DAY)
    assert found == days((0, 4, 4.5, 7.5), (3, 7, 7.5, 10))


def test_both_leave_out_their_sum() -> None:
    found = Schedule.of("4d", "5d", purge="1d", embargo="12h", anchored=True).windows(START, START + 10 * DAY)
    assert found == days((0, 3, 4.5, 9.5), (0, 8, 9.5, 10))


@given(
    train=st.integers(1, 40),
    test=st.integers(1, 20),
    purge=st.integers(0, 39),
    embargo=st.integers(0, 10),
    length=st.integers(1, 200),
    anchored=st.booleans(),
)
def test_no_test_is_ever_in_its_training_window_and_tests_lie_end_to_end(
    train: int, test: int, purge: int, embargo: int, length: int, anchored: bool
) -> None:
    if purge >= train:
        purge = train - 1
    schedule = Schedule(train * DAY, test * DAY, anchored, purge * DAY, embargo * DAY)
    if train + embargo >= length:
        with pytest.raises(ConfigError, match=r"leaves? nothing to test"):
            schedule.windows(START, START + length * DAY)
        return
    windows = schedule.windows(START, START + length * DAY)
    assert windows[0].test_start == START + (train + embargo) * DAY
    assert windows[-1].test_end == START + length * DAY
    for window in windows:
        assert START <= window.train_start < window.train_end <= window.test_start < window.test_end
        assert window.test_start - window.train_end == (purge + embargo) * DAY
        assert anchored or window.train_end - window.train_start == (train - purge) * DAY
    for before, after in pairwise(windows):
        assert before.test_end == after.test_start


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"train": "4d", "test": "0d"}, "test: expected an interval"),
        ({"train": "x", "test": "1d"}, "train: expected an interval"),
        ({"train": "4d", "test": "1d", "purge": "-1d"}, "purge: expected a length of time"),
        ({"train": "4d", "test": "1d", "embargo": "soon"}, "embargo: expected a length of time"),
        ({"train": "4d", "test": "1d", "purge": "4d"}, "purge: 4d leave nothing of a training window of 4d"),
    ],
)
def test_lengths_that_make_no_sense_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Schedule.of(**given)


def test_more_windows_than_anyone_wants_are_refused() -> None:
    with pytest.raises(ConfigError, match="864,000 windows; expected at most 10,000"):
        Schedule.of("1s", "1s").windows(START, START + 10 * DAY + 10**9)


def test_a_schedule_says_what_it_does() -> None:
    text = Schedule.of("365d", "90d", anchored=True, purge="1d", embargo="2d").describe()
    assert text == "trained on all before, at least 365d, tested on the next 90d, purge 1d, embargo 2d"
