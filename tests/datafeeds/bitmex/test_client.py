"""What is asked of a BitMEX server, and what its limits and refusals mean."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from halfspread.datafeeds.bitmex.client import BitmexClient
from halfspread.datafeeds.bitmex.limits import BitmexLimits
from halfspread.datafeeds.fake_exchange import FakeExchange, Faults, GeneratedMarket
from halfspread.datafeeds.net.clock import ManualClock
from halfspread.datafeeds.net.limits import Reply
from halfspread.engine.times import HOUR, SECOND
from halfspread.errors import ConfigError, DataError
from tests.datafeeds.bitmex.conftest import Fetch


def test_reverse_deep_offsets_and_partial_bins_are_never_asked_for(bring: Fetch, market: GeneratedMarket) -> None:
    with FakeExchange(market) as venue:
        bring(venue, ("instrument", "funding", "bars_1h", "trades", "quotes"), end=market.end - HOUR)
        asked = [parse_qs(urlsplit(entry.address).query) for entry in venue.log]
    assert len(asked) >= 8
    assert not any("reverse" in params for params in asked)
    assert all(int(params["start"][0]) < 10 for params in asked if "start" in params)  # of one millisecond only
    assert {params["partial"][0] for params in asked if "binSize" in params} == {"false"}
    assert max(int(params["count"][0]) for params in asked) == 1000
    assert {params["symbol"][0] for params in asked} == {"XBTUSD"}  # the venue's name, not BTCUSD


NOW = 1_700_000_000 * SECOND


def reply(status: int, body: bytes = b"", **headers: str) -> Reply:
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, body, "http://x")


def test_what_is_left_stands_in_the_headers() -> None:
    limits = BitmexLimits()
    left = limits.left(reply(200, x_ratelimit_remaining="3", x_ratelimit_reset="1700000060"), NOW)
    assert left is not None
    assert (left.requests, left.resets) == (3, 1_700_000_060 * SECOND)
    assert limits.left(reply(200), 0) is None
    assert limits.left(reply(200, x_ratelimit_remaining="x", x_ratelimit_reset="1"), 0) is None


@pytest.mark.parametrize("reset", ["8000000000", "1700003600", "99999999999999999999999", "1699999999", "0"])
def test_a_reset_that_is_no_end_of_a_minute_holds_nothing(reset: str) -> None:
    assert BitmexLimits().left(reply(200, x_ratelimit_remaining="0", x_ratelimit_reset=reset), NOW) is None


def test_the_reset_is_read_by_the_clock_of_the_server() -> None:
    headers = {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "1700003610", "date": "Tue, 14 Nov 2023 23:13:20 GMT"}
    left = BitmexLimits().left(reply(200, b"", **headers), NOW)  # our clock is an hour slow
    assert left is not None
    assert left.resets == NOW + 10 * SECOND


@pytest.mark.parametrize(
    ("status", "headers", "wait", "final"),
    [
        (429, {"retry_after": "17"}, 17.0, False),
        (503, {}, 0.5, False),
        (503, {"retry_after": "3"}, 3.0, False),
        (403, {}, None, False),
        (500, {}, None, False),
        (404, {}, None, True),
    ],
)
def test_refusals_say_how_long_to_wait(status: int, headers: dict[str, str], wait: float | None, final: bool) -> None:
    refused = BitmexLimits().refused(reply(status, b"", **headers), 0)
    assert refused is not None
    assert (refused.wait, refused.final) == (wait, final)
    assert BitmexLimits().refused(reply(200), 0) is None


def test_a_request_that_is_not_taken_says_why() -> None:
    refused = BitmexLimits().refused(reply(400, b'{"error":{"message":"Invalid binSize","name":"HTTPError"}}'), 0)
    assert refused is not None
    assert refused.reason.endswith("(HTTP 400): Invalid binSize")
    odd = BitmexLimits().refused(reply(400, b"[" * 100_000), 0)
    assert odd is not None
    assert odd.reason.endswith("no reason given")


def test_429_is_waited_for_as_long_as_it_says(market: GeneratedMarket) -> None:
    clock = ManualClock(market.end)
    with (
        FakeExchange(market, requests_per_second=0.1, now=clock.now) as venue,
        BitmexClient(venue.bitmex, per_second=1000.0, clock=clock) as client,
    ):
        for _ in range(3):
            client.instrument("XBTUSD")
        assert [entry.status for entry in venue.log].count(429) <= 1
    assert sum(clock.slept) >= 19.0


def test_a_symbol_that_is_not_there_and_an_interval_that_is_not_made_are_named(market: GeneratedMarket) -> None:
    with FakeExchange(market) as venue, BitmexClient(venue.bitmex, clock=ManualClock(market.end)) as client:
        with pytest.raises(DataError, match="no contract is called 'XBTEUR'; BitMEX writes XBT for bitcoin"):
            client.instrument("XBTEUR")
        with pytest.raises(ConfigError, match="expected bars of 1m, 5m, 1h, 1d, got 3m"):
            next(client.bars("XBTUSD", "3m", market.start, market.end))


def test_two_rows_of_one_contract_that_differ_are_not_trusted(market: GeneratedMarket) -> None:
    with (
        FakeExchange(market, Faults(schedule={1: "conflict"})) as venue,
        BitmexClient(venue.bitmex, clock=ManualClock(market.end)) as client,
    ):
        assert client.instrument("XBTUSD")["tickSize"] == 0.5
        assert len(venue.log) == 2


def test_the_book_is_one_snapshot(market: GeneratedMarket) -> None:
    quote = market.truth("quotes", symbol="XBTUSD").to_pandas().iloc[-1]
    faults = Faults(schedule={1: "duplicate", 2: "conflict"})
    with (
        FakeExchange(market, faults) as venue,
        BitmexClient(venue.bitmex, clock=ManualClock(market.end)) as client,
    ):
        for _ in range(2):
            book = client.order_book("XBTUSD", depth=3)
            bids = [price for price, side in zip(book["price"], book["side"], strict=True) if side == 1]
            assert (len(book["ts"]), max(bids)) == (6, quote["bid"])
            assert set(book["ts"]) == {quote["ts"].value}
            assert set(book["action"]) == set(book["message"]) == {0}
