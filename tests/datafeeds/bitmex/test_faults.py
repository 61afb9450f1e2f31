"""A day of faults: a thousand requests against a server that fails in every way it knows end with the truth."""

from __future__ import annotations

import pytest

from halfspread.datafeeds.bitmex import client as client_module
from halfspread.datafeeds.bitmex.client import BitmexClient
from halfspread.datafeeds.fake_exchange import FakeExchange, Faults, GeneratedMarket
from halfspread.datafeeds.fake_exchange.faults import FILE_FAULTS, REST_FAULTS
from halfspread.datafeeds.net.clock import ManualClock
from halfspread.datafeeds.net.http import Retries
from halfspread.datafeeds.store.series import Series
from halfspread.datafeeds.store.store import Store
from halfspread.engine.times import HOUR
from halfspread.errors import FetchError
from tests.datafeeds.bitmex.conftest import Fetch

QUICK = tuple(kind for kind in REST_FAULTS if kind != "stall")


def test_a_day_of_faults_ends_with_the_truth(
    bring: Fetch, market: GeneratedMarket, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "MANY", 16)
    kinds, end = ("funding", "bars_1m", "bars_1h", "trades", "quotes"), market.end - HOUR
    with FakeExchange(market, Faults(rate=0.5, kinds=QUICK), seed=3) as venue:
        fetched = bring(venue, kinds, end=end)
        log = list(venue.log)
    assert len(log) >= 1000
    assert {entry.fault for entry in log} == {None, *QUICK}
    assert fetched.error is None
    for kind in kinds:
        series = Series("bitmex", "XBTUSD", kind)
        assert store.read(series).equals(market.truth(kind, end=end, symbol="XBTUSD")), kind
        assert store.covered(series) == ((market.start, end),)
        assert store.gaps(series) == ()


def test_files_that_fail_in_every_way_are_read_in_the_end(bring: Fetch, market: GeneratedMarket, store: Store) -> None:
    schedule = {number: kind for number, kind in enumerate(FILE_FAULTS, 2) if kind not in ("stall", "403")}
    with FakeExchange(market, Faults(schedule=schedule, repeat=None)) as venue:
        fetched = bring(venue, ("trades", "quotes"), dumps=True)
        assert {entry.fault for entry in venue.log} == {None, *schedule.values()}
    assert fetched.error is None
    for kind in ("trades", "quotes"):
        assert store.read(Series("bitmex", "XBTUSD", kind)).equals(market.truth(kind, symbol="XBTUSD"))
    left = [path.name for path in (store.folder / ".downloads").rglob("*") if path.is_file()]
    assert left == [".lock", ".lock"]


def test_an_answer_that_stalls_is_asked_for_again(bring: Fetch, market: GeneratedMarket, store: Store) -> None:
    with FakeExchange(market, Faults(schedule={1: "stall", 2: "stall"})) as venue:
        fetched = bring(venue, ("funding",), timeout=0.1)
    assert fetched.error is None
    assert store.read(Series("bitmex", "XBTUSD", "funding")).equals(market.truth("funding", symbol="XBTUSD"))


def test_a_clock_that_is_ahead_invents_no_bars(bring: Fetch, market: GeneratedMarket, store: Store) -> None:
    now = market.start + 3 * HOUR + 10_000_000_000
    ahead = Faults(rate=1.0, kinds=("clock",), repeat=None, drift=7_200_000_000_000)
    with FakeExchange(market, ahead, now=lambda: now - 7_200_000_000_000) as venue:
        bring(venue, ("bars_1m",))
    (span,) = store.covered(Series("bitmex", "XBTUSD", "bars_1m"))
    assert span[1] <= now
    rows = store.read(Series("bitmex", "XBTUSD", "bars_1m"))
    assert rows.equals(market.truth("bars_1m", end=span[1], symbol="XBTUSD").slice(0, rows.num_rows))


@pytest.mark.parametrize("fault", ["html", "garbage", "empty", "conflict", "reorder", "truncate"])
def test_what_never_gets_better_is_an_error_and_not_data(
    bring: Fetch, market: GeneratedMarket, store: Store, fault: str
) -> None:
    with FakeExchange(market, Faults(rate=1.0, kinds=(fault,), repeat=None)) as venue:
        fetched = bring(venue, ("bars_1m",))
        assert len(venue.log) == 7
    assert isinstance(fetched.error, FetchError)
    assert store.series() == ()


@pytest.mark.parametrize("base_url", [None, "http://127.0.0.1:9"])
def test_a_venue_that_does_not_answer_is_one_plain_sentence(
    market: GeneratedMarket, base_url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "BASE_URL", "http://127.0.0.1:9/api/v1")
    client = BitmexClient(base_url, clock=ManualClock(market.end), retries=Retries(attempts=2))
    with client, pytest.raises(FetchError) as caught:
        client.instrument("XBTUSD")
    assert ("BitMEX closed on 2026-09-23" in str(caught.value)) == (base_url is None)
    assert "no connection" in str(caught.value)


def test_a_mirror_that_answers_404_or_a_web_page_says_that_the_venue_closed(market: GeneratedMarket) -> None:
    always = Faults(rate=1.0, kinds=("html",), repeat=None)
    with FakeExchange(market, always) as venue:
        for address in (venue.bitmex, venue.dumps.replace("/dumps", "/nowhere")):
            with (
                BitmexClient(address, clock=ManualClock(market.end)) as client,
                pytest.raises(FetchError, match="BitMEX closed on 2026-09-23, and 127"),
            ):
                client.instrument("XBTUSD")
