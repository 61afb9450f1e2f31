"""The pace over threads, and what a venue's answers say of it."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.datafeeds.net.clock import MachineClock, ManualClock, Skew, measure_skew
from halfspread.datafeeds.net.http import Http
from halfspread.datafeeds.net.limits import Left, Pace, PlainLimits, Reply, http_date, retry_after, whole_number
from halfspread.engine.times import SECOND
from tests.datafeeds.net.loopback import Answer, Loopback

NOW = 1_700_000_000 * SECOND


def test_requests_start_no_closer_together_than_the_pace() -> None:
    clock = ManualClock(NOW)
    pace = Pace(4.0, clock)
    starts = []
    for _ in range(9):
        pace.start()
        starts.append(clock.monotonic())
        pace.done()
    assert np.allclose(starts, np.arange(9) / 4.0)


@pytest.mark.parametrize(("per_second", "at_once"), [(2.0, 1), (32.0, 9)])
def test_of_time_that_passed_a_quarter_of_a_second_is_made_up_for(per_second: float, at_once: int) -> None:
    clock = ManualClock(NOW)
    pace = Pace(per_second, clock)
    pace.start()
    clock.sleep(100.0)
    before = clock.monotonic()
    for _ in range(at_once):
        pace.start()
    assert clock.monotonic() == before
    pace.start()
    assert clock.monotonic() > before


def test_many_threads_share_one_pace() -> None:
    clock = ManualClock(NOW)
    pace = Pace(10.0, clock)

    def start_all() -> None:
        for _ in range(25):
            pace.start()

    threads = [threading.Thread(target=start_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert pace.started == 100
    assert clock.monotonic() >= 9.9 - 1e-9


def test_nothing_starts_before_the_reset_when_nothing_is_left() -> None:
    clock = ManualClock(NOW)
    pace = Pace(1e9, clock)
    pace.start()
    pace.done(Left(0, NOW + 5 * SECOND))
    pace.start()
    assert clock.monotonic() == 5.0


def test_requests_under_way_count_against_what_is_left() -> None:
    clock = ManualClock(NOW)
    pace = Pace(1e9, clock)
    for _ in range(3):
        pace.start()
    pace.done(Left(2, NOW + 5 * SECOND))  # two are under way and two are left
    pace.start()
    assert clock.monotonic() == 5.0


def test_a_reset_in_the_past_holds_nobody() -> None:
    clock = ManualClock(NOW)
    pace = Pace(1e9, clock)
    pace.start()
    pace.done(Left(0, NOW - SECOND))
    pace.start()
    assert clock.monotonic() < 1.0


def test_headers_of_a_venue_are_heeded(server: Loopback, clock: ManualClock) -> None:
    class Counting(PlainLimits):
        def left(self, reply: Reply, now: int) -> Left | None:
            return Left(int(reply.headers["x-left"]), now + 7 * SECOND)

    server.lay_out(Answer(headers={"X-Left": "1"}), Answer(headers={"X-Left": "0"}), Answer(headers={"X-Left": "9"}))
    http = Http(server.url, Counting(1e9), clock=clock)
    waits = []
    for _ in range(3):
        http.get("/x")
        waits.append(round(clock.monotonic(), 6))
    assert waits == [0.0, 0.0, 7.0]


def test_a_date_to_wait_for_is_read_by_our_clock() -> None:
    assert retry_after({"retry-after": "Tue, 14 Nov 2023 22:13:25 GMT"}, NOW) == 5.0
    assert retry_after({"retry-after": "Tue, 14 Nov 2023 22:13:10 GMT"}, NOW) == 0.0
    assert retry_after({}, NOW) is None


@pytest.mark.parametrize("date", ["Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "soon", ""])
def test_a_date_that_cannot_be_is_none(date: str) -> None:
    assert retry_after({"retry-after": date}, NOW) is None
    assert http_date(date) is None


@given(st.text())
def test_no_header_breaks_the_readers(text: str) -> None:
    assert whole_number(text) is None or int(text) >= 0
    wait = retry_after({"retry-after": text}, NOW)
    assert wait is None or wait >= 0.0


def test_skew_is_taken_from_the_quickest_answer() -> None:
    clock = ManualClock(NOW)
    delays = iter([4.0, 0.5, 2.0])

    def ask() -> int:
        delay = next(delays)
        clock.sleep(delay / 2)
        there = clock.now() - 90 * SECOND
        clock.sleep(delay / 2)
        return there

    skew = measure_skew(ask, clock)
    assert skew == Skew(-90 * SECOND, SECOND // 4)
    assert skew.now(clock) == clock.now() - 90 * SECOND - SECOND // 4


def test_a_large_skew_is_told_and_a_small_one_is_not() -> None:
    assert Skew(SECOND, 0).warning() is None
    assert Skew(5 * SECOND, 4 * SECOND).warning() is None
    assert "90.0 s ahead of the venue's" in (Skew(-90 * SECOND, SECOND).warning() or "")
    assert "90.0 s behind the venue's" in (Skew(90 * SECOND, SECOND).warning() or "")


def test_the_clock_of_the_machine_wakes_whoever_sleeps() -> None:
    clock = MachineClock()
    sleeper = threading.Thread(target=lambda: clock.sleep(60.0))
    sleeper.start()
    for _ in range(500):
        clock.wake()
        sleeper.join(0.01)
    assert not sleeper.is_alive()
    began = clock.monotonic()
    clock.sleep(0.02)
    assert clock.monotonic() - began >= 0.015  # who sleeps later is not woken
    assert clock.now() > NOW
