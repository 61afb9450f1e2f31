"""From an empty store to a complete one: against the fake exchange, and against histories with holes."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.datafeeds.bybit.client import BybitClient
from halfspread.datafeeds.bybit.fetch import fetch
from halfspread.datafeeds.bybit.fetch_funding import fetch_funding, interval_hours, lost_settlements
from halfspread.datafeeds.bybit.fetch_spaced import fetch_spaced
from halfspread.datafeeds.bybit.instrument import stored_instrument
from halfspread.datafeeds.bybit.job import Job, cut
from halfspread.datafeeds.bybit.listing import listing
from halfspread.datafeeds.fake_exchange import FakeExchange, Faults, GeneratedMarket
from halfspread.datafeeds.net.clock import ManualClock
from halfspread.datafeeds.net.requests import Fetched, FetchRequest, Part, quiet
from halfspread.datafeeds.store.series import Series
from halfspread.datafeeds.store.store import Store
from halfspread.engine.times import DAY, HOUR, MINUTE, SECOND
from halfspread.errors import DataError, FetchError
from tests.datafeeds.bybit.stub import StubHttp, kline

KINDS = ("instrument", "bars_5m", "mark_5m", "index_5m", "premium_5m", "funding", "open_interest_1h")
T0 = 1_704_067_200 * SECOND  # 2024-01-01


@pytest.fixture(scope="module")
def market() -> GeneratedMarket:
    return GeneratedMarket(days=3)


@pytest.fixture(scope="module")
def venue(market: GeneratedMarket) -> Iterator[FakeExchange]:
    with FakeExchange(market) as exchange:
        yield exchange


def ask(venue: FakeExchange, store: Store, kinds: tuple[str, ...] = KINDS, **given: Any) -> Fetched:
    given = {"symbol": "BTCUSDT", "start": venue.market.start, "per_second": 1e9, "patient": True, **given}
    request = FetchRequest(kinds=kinds, base_url=venue.bybit, **given)
    return fetch(request, store, clock=ManualClock(venue.now), rng=np.random.default_rng(0), timeout=0.5)


def same_as_truth(store: Store, market: GeneratedMarket, kind: str, symbol: str = "BTCUSDT", last: int = 1) -> None:
    """Equal to the market up to the last rows, which were not finished long enough ago."""
    got = store.read(Series("bybit", symbol, kind)).to_pandas()
    true = market.truth(kind, symbol=symbol).to_pandas()
    true = true[: len(true) - last if last else None]
    assert len(got) == len(true) > 0
    for name in got.columns:
        expected = true[name].astype("int64") if name == "ts" else true[name]
        found = got[name].astype("int64") if name == "ts" else got[name]
        np.testing.assert_array_equal(found.to_numpy(), expected.to_numpy(), err_msg=f"{kind}: {name}")


@pytest.mark.parametrize("symbol", ["BTCUSDT", "BTCUSD"])
def test_every_kind_is_fetched_exactly(
    venue: FakeExchange, market: GeneratedMarket, tmp_path: Path, symbol: str
) -> None:
    store = Store(tmp_path)
    kinds = tuple(kind for kind in KINDS if symbol == "BTCUSDT" or kind != "premium_5m")
    fetched = ask(venue, store, kinds, symbol=symbol)
    assert fetched.error is None
    for kind in kinds[1:]:
        same_as_truth(store, market, kind, symbol, last=0 if kind == "funding" else 1)
    assert not any(part.holes for part in fetched.parts)
    instrument = stored_instrument(store, symbol)
    assert instrument is not None
    assert instrument.tick == {"BTCUSDT": 0.1, "BTCUSD": 0.5}[symbol]
    assert instrument.margin is not None
    assert instrument.margin.at(0).tiers[0].maintenance == 0.005


def test_what_is_there_is_not_asked_for_again(venue: FakeExchange, tmp_path: Path) -> None:
    store = Store(tmp_path)
    ask(venue, store, ("bars_5m", "funding"))
    before = len(venue.log)
    again = ask(venue, store, ("bars_5m", "funding"))
    assert [part.rows for part in again.parts] == [0, 0]
    assert not any("kline" in one.address or "funding" in one.address for one in venue.log[before:])


def test_only_the_missing_part_is_asked_for(venue: FakeExchange, market: GeneratedMarket, tmp_path: Path) -> None:
    store = Store(tmp_path)
    day = market.start + DAY
    ask(venue, store, ("bars_1h",), start=day, end=day + 6 * HOUR)
    fetched = ask(venue, store, ("bars_1h",))
    assert fetched.parts[0].spans == ((market.start, day), (day + 6 * HOUR, market.end - HOUR))
    same_as_truth(store, market, "bars_1h")


def test_a_span_before_the_launch_is_a_hole_with_its_reason(
    venue: FakeExchange, market: GeneratedMarket, tmp_path: Path
) -> None:
    store = Store(tmp_path)
    fetched = ask(venue, store, ("bars_1h",), start=market.start - 400 * DAY)
    (hole,) = fetched.parts[0].holes
    assert (hole.start, hole.end) == (market.start - 400 * DAY, market.start)
    assert "before the first row of the venue" in hole.reason
    assert store.gaps(Series("bybit", "BTCUSDT", "bars_1h"))[0].reason == hole.reason
    assert not ask(venue, store, ("bars_1h",), start=market.start - 400 * DAY).parts[0].spans


def test_the_unfinished_bar_is_left_for_later(market: GeneratedMarket, tmp_path: Path) -> None:
    store = Store(tmp_path)
    clock = {"now": market.start + 5 * HOUR + 7 * MINUTE}
    with FakeExchange(market, now=lambda: clock["now"]) as venue:
        ask(venue, store, ("bars_1h",))
        assert store.covered(Series("bybit", "BTCUSDT", "bars_1h")) == ((market.start, market.start + 5 * HOUR),)
        clock["now"] = market.end
        ask(venue, store, ("bars_1h",))
    same_as_truth(store, market, "bars_1h")


def test_the_clock_of_the_venue_decides_and_a_wrong_one_is_told(market: GeneratedMarket, tmp_path: Path) -> None:
    store = Store(tmp_path)
    with FakeExchange(market, now=market.start + 5 * HOUR) as venue:
        request = FetchRequest("BTCUSDT", ("bars_1h",), market.start, base_url=venue.bybit, per_second=1e9)
        fetched = fetch(request, store, clock=ManualClock(market.end))
    assert len(store.read(Series("bybit", "BTCUSDT", "bars_1h"))) == 4  # the fifth closed this very moment
    assert "ahead of the venue's" in fetched.warnings[0]


def test_a_venue_whose_clock_is_ahead_finishes_no_bar_early(market: GeneratedMarket, tmp_path: Path) -> None:
    store = Store(tmp_path)
    with FakeExchange(market, now=market.start + 8 * HOUR) as venue:
        request = FetchRequest("BTCUSDT", ("bars_1h",), market.start, base_url=venue.bybit, per_second=1e9)
        fetch(request, store, clock=ManualClock(market.start + 5 * HOUR + MINUTE))
    assert store.covered(Series("bybit", "BTCUSDT", "bars_1h")) == ((market.start, market.start + 5 * HOUR),)


def test_faults_of_every_kind_end_in_the_same_store(market: GeneratedMarket, tmp_path: Path) -> None:
    store = Store(tmp_path)
    faults = Faults(rate=0.4, stall=1.0, kinds=tuple(kind for kind in Faults().kinds if kind != "stall"))
    with FakeExchange(market, faults, seed=3) as venue:
        fetched = ask(venue, store, ("instrument", "bars_1m", "mark_5m", "funding", "open_interest_1h"))
        assert sum(one.fault is not None for one in venue.log) > 5
    assert fetched.error is None
    for kind in ("bars_1m", "mark_5m", "open_interest_1h"):
        same_as_truth(store, market, kind)
    same_as_truth(store, market, "funding", last=0)


def test_a_venue_that_stops_answering_leaves_what_came_before(market: GeneratedMarket, tmp_path: Path) -> None:
    store = Store(tmp_path)
    series = Series("bybit", "BTCUSDT", "bars_1m")
    with FakeExchange(market, Faults(schedule=dict.fromkeys(range(8, 200), "html"), repeat=None)) as venue:
        fetched = ask(venue, store, ("bars_1m",), workers=1)
    assert isinstance(fetched.error, FetchError)
    assert "given up after 7 attempts" in str(fetched.error)
    assert len(store.covered(series)) == 1
    assert fetched.parts[0].spans == store.covered(series)
    assert fetched.parts[0].rows == store.summary(series).rows > 0
    assert store.covered(series)[0][0] == market.start
    with FakeExchange(market) as venue:
        assert ask(venue, store, ("bars_1m",)).error is None
    same_as_truth(store, market, "bars_1m")


def test_an_unknown_symbol_is_an_error_with_the_nearest_names(venue: FakeExchange, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no contract is called 'BTCUSDX'; did you mean BTCUSD"):
        ask(venue, Store(tmp_path), symbol="BTCUSDX")


KILLED = """
import os, signal, sys
from halfspread.datafeeds.bybit.fetch import fetch
from halfspread.datafeeds.net.clock import ManualClock
from halfspread.datafeeds.net.requests import FetchRequest
from halfspread.datafeeds.store.store import Store
from halfspread.datafeeds.store.writer import Writer
url, folder, now = sys.argv[1], sys.argv[2], int(sys.argv[3])
if len(sys.argv) > 4:
    add, left = Writer.add, [int(sys.argv[4])]
    def dying(*args):
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return add(*args)
    Writer.add = dying
request = FetchRequest("BTCUSDT", ("bars_15m",), now - 40 * 86400 * 10**9, base_url=url, per_second=1e9)
fetched = fetch(request, Store(folder), clock=ManualClock(now))
print(fetched.error)
"""


def test_a_killed_process_is_gone_on_with_and_two_at_once_do_no_harm(tmp_path: Path) -> None:
    market = GeneratedMarket(days=40, quotes_per_minute=0.05, trades_per_minute=0.05)
    series = Series("bybit", "BTCUSDT", "bars_15m")
    with FakeExchange(market) as venue:
        command = [sys.executable, "-c", KILLED, venue.bybit, str(tmp_path), str(market.end)]
        killed = subprocess.run([*command, "3"], capture_output=True, check=False)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert Store(tmp_path).covered(series) == ((market.start, market.start + 31 * DAY),)  # a whole month
        other = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert ask(venue, Store(tmp_path), ("bars_15m",)).error is None
        assert other.communicate()[0].strip() == "None"
    same_as_truth(Store(tmp_path), market, "bars_15m")


def job(stub: StubHttp, store: Store, start: int, end: int, workers: int = 1) -> Job:
    client = BybitClient(stub)  # type: ignore[arg-type]
    request = FetchRequest("BTCUSDT", (), start, end, workers=workers)
    return Job(client, listing(client, "BTCUSDT"), request, store, stub.clock.now(), quiet)


@given(
    lost=st.sets(st.integers(0, 1499), max_size=5),
    offset=st.integers(0, 59),
    inclusive=st.booleans(),
    duplicates=st.booleans(),
    workers=st.sampled_from([1, 3]),
)
def test_pages_over_a_history_with_holes_are_the_history(
    tmp_path_factory: pytest.TempPathFactory,
    lost: set[int],
    offset: int,
    inclusive: bool,
    duplicates: bool,
    workers: int,
) -> None:
    store = Store(tmp_path_factory.mktemp("store"))
    stub = StubHttp(T0 + 30 * DAY, inclusive=inclusive, duplicates=duplicates)
    times = [T0 + row * MINUTE for row in range(1500)]
    stub.klines = {time: kline(time, 100.0 + row) for row, time in enumerate(times) if row not in lost}
    part = fetch_spaced("bars_1m", job(stub, store, T0 + offset * SECOND, times[-1] + MINUTE, workers))
    wanted = [time for time in stub.klines if time >= T0 + offset * SECOND]
    got = store.read(Series("bybit", "BTCUSDT", "bars_1m")).column("ts").to_numpy().astype(np.int64)
    assert got.tolist() == wanted
    assert part.rows == len(wanted)
    missing = {time for hole in part.holes for time in range(hole.start, hole.end, MINUTE)}
    assert missing == {time for time in times if time >= T0 + offset * SECOND} - set(wanted)


def test_rows_that_an_answer_lacked_come_with_the_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = StubHttp(T0 + 30 * DAY)
    stub.klines = {T0 + row * MINUTE: kline(T0 + row * MINUTE) for row in range(600)}
    whole, answers = stub._span, iter([True])

    def lossy(*given: Any) -> list[int]:
        found = whole(*given)
        return [time for time in found if time % (7 * MINUTE)] if next(answers, False) else found

    monkeypatch.setattr(stub, "_span", lossy)
    part = fetch_spaced("bars_1m", job(stub, Store(tmp_path), T0, T0 + 600 * MINUTE))
    assert (part.rows, part.holes) == (600, ())


def test_an_unexpected_hole_is_asked_for_twice_then_declared_and_told(tmp_path: Path) -> None:
    stub, store = StubHttp(T0 + 30 * DAY), Store(tmp_path)
    stub.klines = {T0 + row * MINUTE: kline(T0 + row * MINUTE) for row in range(600) if not 100 <= row < 160}
    part = fetch_spaced("bars_1m", job(stub, store, T0, T0 + 600 * MINUTE))
    (gap,) = store.gaps(Series("bybit", "BTCUSDT", "bars_1m"))
    assert (gap.start, gap.end) == (T0 + 100 * MINUTE, T0 + 160 * MINUTE)
    assert gap.reason == part.holes[0].reason == "asked for twice, and the venue has no rows here"


def test_the_newest_rows_that_are_not_there_yet_are_asked_for_later(tmp_path: Path) -> None:
    stub, store = StubHttp(T0 + 600 * MINUTE), Store(tmp_path)
    stub.klines = {T0 + row * MINUTE: kline(T0 + row * MINUTE) for row in range(595)}
    part = fetch_spaced("bars_1m", job(stub, store, T0, T0 + 600 * MINUTE))
    assert part.holes == ()
    assert "a later fetch asks again" in part.told[0]
    assert store.covered(Series("bybit", "BTCUSDT", "bars_1m")) == ((T0, T0 + 595 * MINUTE),)


def fetch_stamps(tmp_path: Path, stamps: list[int], inclusive: bool = True, minutes: int = 480) -> tuple[Store, Part]:
    stub, store = StubHttp(stamps[-1] + HOUR, inclusive=inclusive), Store(tmp_path)
    stub.settlements = dict.fromkeys(stamps, "0.0001")
    stub.info |= {"fundingInterval": minutes, "launchTime": str(stamps[0] // 1_000_000)}
    return store, fetch_funding(job(stub, store, T0 - 200 * DAY, stamps[-1] + HOUR))


@pytest.mark.parametrize("inclusive", [True, False])
def test_funding_of_a_changing_interval_is_told_by_its_stamps(tmp_path: Path, inclusive: bool) -> None:
    eight = [T0 + row * 8 * HOUR for row in range(700)]
    four = [eight[-1] + row * 4 * HOUR for row in range(1, 400)]
    store, part = fetch_stamps(tmp_path, [*eight, *four], inclusive)
    table = store.read(Series("bybit", "BTCUSDT", "funding")).to_pandas()
    assert table["ts"].astype("int64").tolist() == [*eight, *four]
    assert table["interval_h"].tolist() == [8.0] * 700 + [4.0] * 399
    assert part.holes == ()
    assert part.told == (
        "settlements up to 2024-10-26 12:00:00 UTC are 4 h apart, and the rules of the contract say 8 h: the interval "
        "has just changed, or the rules are not exact",
    )


def test_lost_settlements_are_holes_and_their_interval_is_not_made_up(tmp_path: Path) -> None:
    stamps = [T0 + row * 8 * HOUR for row in range(90) if row not in (40, 41)]
    store, part = fetch_stamps(tmp_path, stamps)
    (hole,) = part.holes
    assert (hole.start, hole.end) == (T0 + 39 * 8 * HOUR + 1, T0 + 42 * 8 * HOUR)
    table = store.read(Series("bybit", "BTCUSDT", "funding")).to_pandas()
    assert table["interval_h"].isna().sum() == 1


def test_a_single_lost_settlement_between_shorter_steps_is_seen() -> None:
    stamps = np.array([row * 4 * HOUR for row in range(9) if row != 5], np.int64)
    assert lost_settlements(None, stamps) == [(4 * 4 * HOUR + 1, 6 * 4 * HOUR)]
    assert interval_hours(-4 * HOUR, stamps)[0] == 4.0
    assert len(interval_hours(None, stamps[:0])) == 0


def test_dated_futures_have_no_funding(tmp_path: Path) -> None:
    stub = StubHttp(T0 + DAY)
    stub.info["contractType"] = "LinearFutures"
    part = fetch_funding(job(stub, Store(tmp_path), T0, T0 + DAY))
    assert part.told == ("dated futures have no funding",)
    assert not any("funding" in path for path, _ in stub.asked)


@given(
    spans=st.lists(st.tuples(st.integers(0, 10**4), st.integers(1, 10**4)), min_size=1, max_size=3),
    width=st.integers(1, 50),
)
def test_windows_cover_each_span_once_and_lie_on_the_grid(spans: list[tuple[int, int]], width: int) -> None:
    grid, at, whole = 7, 0, []
    for gap, length in spans:
        whole.append((at + gap, at + gap + length))
        at += gap + length
    windows = list(cut(whole, width * grid, grid))
    for start, end in whole:
        mine = [window for window in windows if start <= window.start < end]
        assert (mine[0].start, mine[-1].end) == (start, end)
        assert all(before.end == after.start for before, after in pairwise(mine))
        rows = {row for window in mine for row in range(window.first, window.last, grid)}
        assert rows == set(range(-(-start // grid) * grid, end, grid))
        for window in mine:
            assert window.first % grid == window.last % grid == 0
            assert window.last - window.first <= width * grid
            assert all(window.start <= row < window.end for row in range(window.first, window.last, grid))
