"""Answers with fewer rows than the venue has: read on where that helps, and not taken as fetched where not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from halfspread.datafeeds.bybit.client import BybitClient
from halfspread.datafeeds.bybit.fetch_funding import fetch_funding
from halfspread.datafeeds.bybit.fetch_spaced import fetch_spaced
from halfspread.datafeeds.bybit.job import Job
from halfspread.datafeeds.bybit.listing import listing
from halfspread.datafeeds.net.requests import OPEN, FetchRequest, quiet
from halfspread.datafeeds.store.series import Series
from halfspread.datafeeds.store.store import Store
from halfspread.engine.times import DAY, HOUR, MINUTE, SECOND
from halfspread.errors import FetchError
from tests.datafeeds.bybit.stub import MS, StubHttp, kline

T0 = 1_704_067_200 * SECOND  # 2024-01-01
ROWS = 2400
BARS = Series("bybit", "BTCUSDT", "bars_1m")
FUNDING = Series("bybit", "BTCUSDT", "funding")
Span = Callable[..., list[int]]


def job(stub: StubHttp, store: Store, start: int, end: int) -> Job:
    client = BybitClient(stub)  # type: ignore[arg-type]
    request = FetchRequest("BTCUSDT", (), start, end, workers=1)
    return Job(client, listing(client, "BTCUSDT"), request, store, stub.clock.now(), quiet)


def bars(launched: int = T0 - 100 * DAY) -> StubHttp:
    stub = StubHttp(T0 + 30 * DAY)
    stub.info["launchTime"] = str(launched // MS)
    stub.klines = {T0 + row * MINUTE: kline(T0 + row * MINUTE) for row in range(ROWS)}
    return stub


def funding(days: int = 300) -> StubHttp:
    stub = StubHttp(T0 + days * DAY + HOUR)
    stub.info["launchTime"] = str(T0 // MS)
    stub.settlements = dict.fromkeys(range(T0, T0 + days * DAY + 1, 8 * HOUR), "0.0001")
    return stub


def hide(stub: StubHttp, monkeypatch: pytest.MonkeyPatch, change: Callable[[list[int], dict[str, Any]], Any]) -> Span:
    whole = stub._span
    monkeypatch.setattr(stub, "_span", lambda times, given, *names: change(whole(times, given, *names), given))
    return whole


def test_pages_shorter_than_was_asked_for_are_no_holes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub, store = bars(), Store(tmp_path)
    hide(stub, monkeypatch, lambda found, given: found[:170])
    part = fetch_spaced("bars_1m", job(stub, store, T0, T0 + ROWS * MINUTE))
    assert (part.rows, part.holes) == (ROWS, ())
    assert store.covered(BARS) == ((T0, T0 + ROWS * MINUTE),)


def test_a_window_without_an_answer_stays_open_and_comes_with_the_next_fetch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub, store, end = bars(), Store(tmp_path), T0 + ROWS * MINUTE
    lost = (T0 + 998 * MINUTE, T0 + 1996 * MINUTE)
    whole = hide(
        stub,
        monkeypatch,
        lambda found, given: [] if given["start"] * MS < lost[1] and given["end"] * MS > lost[0] else found,
    )
    part = fetch_spaced("bars_1m", job(stub, store, T0, end))
    assert [hole.reason for hole in part.holes] == [OPEN]
    assert store.gaps(BARS) == ()
    assert store.missing(BARS, T0, end) == ((part.holes[0].start, part.holes[0].end),)
    monkeypatch.setattr(stub, "_span", whole)
    assert fetch_spaced("bars_1m", job(stub, store, T0, end)).holes == ()
    assert len(store.read(BARS)) == ROWS


def test_a_true_hole_of_more_than_a_window_is_a_gap_by_the_rows_beside_it(tmp_path: Path) -> None:
    stub, store = bars(), Store(tmp_path)
    lost = range(T0 + 900 * MINUTE, T0 + 2100 * MINUTE, MINUTE)
    stub.klines = {time: row for time, row in stub.klines.items() if time not in lost}
    fetch_spaced("bars_1m", job(stub, store, T0, T0 + ROWS * MINUTE))
    assert store.covered(BARS) == ((T0, T0 + ROWS * MINUTE),)
    (gap,) = store.gaps(BARS)
    assert (gap.start, gap.end) == (T0 + 900 * MINUTE, T0 + 2100 * MINUTE)


def test_the_first_rows_after_the_launch_that_do_not_come_stay_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub, store = bars(launched=T0), Store(tmp_path)
    stub.klines = {t: row for t, row in stub.klines.items() if t % DAY == 0 or t >= T0 + 25 * HOUR}
    hide(
        stub,
        monkeypatch,
        lambda found, given: [t for t in found if (t % DAY == 0 if given["interval"] == "D" else t >= T0 + 25 * HOUR)],
    )
    part = fetch_spaced("bars_1m", job(stub, store, T0, T0 + ROWS * MINUTE))
    assert [(hole.start, hole.end, hole.reason) for hole in part.holes] == [(T0, T0 + 25 * HOUR, OPEN)]


@pytest.mark.parametrize(
    ("first", "last"), [(0, 64 * DAY), (64 * DAY, 128 * DAY), (250 * DAY, 400 * DAY), (280 * DAY, 400 * DAY)]
)
def test_settlements_that_do_not_come_stay_open_until_they_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int, last: int
) -> None:
    stub, store, end = funding(), Store(tmp_path), T0 + 300 * DAY
    whole = hide(
        stub,
        monkeypatch,
        lambda found, given: (
            [] if given["startTime"] * MS < T0 + last and given["endTime"] * MS > T0 + first else found
        ),
    )
    part = fetch_funding(job(stub, store, T0, end))
    assert OPEN in [hole.reason for hole in part.holes]
    assert store.gaps(FUNDING) == ()
    assert store.missing(FUNDING, T0, end)
    monkeypatch.setattr(stub, "_span", whole)
    fetch_funding(job(stub, store, T0, end))
    assert store.covered(FUNDING) == ((T0, end),)
    stamps = store.read(FUNDING).column("ts").to_numpy().astype(np.int64)
    assert stamps.tolist() == [time for time in stub.settlements if time < end]


def test_settlements_that_the_venue_lacks_for_months_are_a_gap(tmp_path: Path) -> None:
    stub, store = funding(), Store(tmp_path)
    stub.settlements = {t: rate for t, rate in stub.settlements.items() if not 50 <= (t - T0) // DAY < 150}
    part = fetch_funding(job(stub, store, T0, T0 + 300 * DAY))
    assert store.missing(FUNDING, T0, T0 + 300 * DAY) == ()
    assert [hole.end for hole in part.holes] == [T0 + 150 * DAY]


def test_settlements_of_another_time_than_was_asked_for_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = funding()
    hide(stub, monkeypatch, lambda found, given: sorted(stub.settlements)[-200:])
    with pytest.raises(FetchError, match="expected settlements from"):
        fetch_funding(job(stub, Store(tmp_path), T0, T0 + 100 * DAY))


def test_a_time_that_is_not_over_is_told(tmp_path: Path) -> None:
    stub = bars()
    part = fetch_spaced("bars_1m", job(stub, Store(tmp_path), T0 + 40 * DAY, T0 + 41 * DAY))
    assert part.told == ("no row of the time asked for is finished yet",)
