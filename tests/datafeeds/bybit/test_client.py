"""What is asked of Bybit, and what is made of its answers: envelopes, refusals, pages."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.datafeeds.bybit.client import BybitClient
from halfspread.datafeeds.bybit.envelope import BybitLimits, unwrapped
from halfspread.datafeeds.bybit.intervals import bar_code, open_interest_code
from halfspread.datafeeds.net.clock import ManualClock
from halfspread.datafeeds.net.http import NotTrustedError, Retries
from halfspread.datafeeds.net.limits import Left, Reply
from halfspread.engine.times import DAY, HOUR, MINUTE, SECOND
from halfspread.errors import ConfigError, FetchError
from tests.datafeeds.bybit.stub import MS, envelope, kline
from tests.datafeeds.net.loopback import Answer, Loopback

T0 = 1_700_006_400_000_000_000


def answer(result: Any, code: int = 0, message: str = "OK", **headers: str) -> Answer:
    return Answer(
        json.dumps(envelope(result, code, message)).encode(), 200, {"Content-Type": "application/json", **headers}
    )


@pytest.fixture
def client(server: Loopback, clock: ManualClock) -> BybitClient:
    rng = np.random.default_rng(0)
    return BybitClient.for_host(server.url, per_second=1e9, clock=clock, rng=rng, retries=Retries(attempts=3))


def test_klines_are_asked_for_with_both_ends_and_one_row_more(server: Loopback, client: BybitClient) -> None:
    rows = [kline(T0 + i * MINUTE) for i in range(4, -2, -1)]
    server.lay_out(answer({"symbol": "BTCUSDT", "category": "linear", "list": rows}))
    found = client.klines("linear", "BTCUSDT", MINUTE, T0, T0 + 3 * MINUTE)
    assert found["ts"].tolist() == [T0, T0 + MINUTE, T0 + 2 * MINUTE]
    assert server.log[0].path == (
        f"/v5/market/kline?category=linear&symbol=BTCUSDT&start={(T0 - MINUTE) // MS}"
        f"&end={(T0 + 3 * MINUTE) // MS - 1}&limit=1000&interval=1"
    )


def test_success_is_told_by_the_code_and_not_by_the_message(server: Loopback, client: BybitClient) -> None:
    server.lay_out(answer({"symbol": "A", "list": []}, message=""))
    assert len(client.klines("linear", "A", MINUTE, T0, T0 + MINUTE)["ts"]) == 0


@pytest.mark.parametrize("other", [{"symbol": "ETHUSDT"}, {"category": "inverse"}])
def test_an_answer_about_something_else_is_refused(
    server: Loopback, client: BybitClient, other: dict[str, str]
) -> None:
    server.lay_out(answer({"symbol": "BTCUSDT", "category": "linear", "list": [], **other}))
    with pytest.raises(FetchError, match=r"expected .*, got '"):
        client.klines("linear", "BTCUSDT", MINUTE, T0, T0 + MINUTE)


def test_too_many_visits_wait_until_the_venue_counts_anew(
    server: Loopback, client: BybitClient, clock: ManualClock
) -> None:
    reset = str(1_700_000_000_000 + 4_000)
    server.lay_out(
        answer({}, 10006, "Too many visits!", **{"X-Bapi-Limit-Reset-Timestamp": reset}),
        answer({"timeNano": "1700000000123456789"}),
    )
    assert client.server_time() == 1_700_000_000_123_456_789
    assert clock.monotonic() == pytest.approx(4.0)


def test_an_error_of_the_request_is_told_with_its_code_at_once(server: Loopback, client: BybitClient) -> None:
    server.lay_out(answer({}, 10001, "symbol params err"))
    with pytest.raises(FetchError, match=r"symbol params err \(retCode 10001"):
        client.klines("linear", "BTCUSDT", MINUTE, T0, T0 + MINUTE)
    assert len(server.log) == 1


@pytest.mark.parametrize("code", [10000, 10006, 10016, 10018])
def test_what_may_pass_is_asked_again(server: Loopback, client: BybitClient, code: int) -> None:
    server.lay_out(answer({}, code, ""), answer({"timeSecond": "1"}))
    assert client.server_time() == 1_700_000_000_000 * MS
    assert len(server.log) == 2


@pytest.mark.parametrize("body", [b"[]", b'"x"', b'{"retCode": "0"}', b'{"retCode": true}', b'{"retCode": 0}', b"null"])
def test_what_is_no_envelope_is_refused(server: Loopback, client: BybitClient, body: bytes) -> None:
    server.lay_out(Answer(body))
    with pytest.raises(FetchError, match="given up after 3 attempts"):
        client.server_time()


def test_a_ban_ends_it_at_once_with_what_to_do(server: Loopback, client: BybitClient) -> None:
    server.lay_out(Answer(b"403, access too frequent", 403, {"Content-Type": "text/plain"}))
    with pytest.raises(FetchError, match=r"for ten minutes .* lower --requests-per-second"):
        client.server_time()
    assert len(server.log) == 1


def test_a_patient_client_sits_a_ban_out(server: Loopback, clock: ManualClock) -> None:
    server.lay_out(Answer(b"access too frequent", 403), answer({"timeNano": "1700000000123456789"}))
    patient = BybitClient.for_host(server.url, per_second=1e9, patient=True, clock=clock)
    assert patient.server_time() == 1_700_000_000_123_456_789
    assert 600.0 <= clock.monotonic() <= 601.0


def test_a_country_that_is_not_served_is_told_so(server: Loopback, client: BybitClient) -> None:
    server.lay_out(Answer(b"<html><title>Forbidden</title></html>", 403, {"Content-Type": "text/html"}))
    with pytest.raises(FetchError, match=r"does not serve this address .* --base-url"):
        client.server_time()


def test_headers_say_what_is_left() -> None:
    def reply(left: str, resets: str) -> Reply:
        return Reply(200, {"x-bapi-limit-status": left, "x-bapi-limit-reset-timestamp": resets}, b"", "")

    limits = BybitLimits()
    assert limits.left(reply("3", str(T0 // MS + 900)), T0) == Left(3, T0 + 900 * MS)
    for left, resets in (("x", str(T0 // MS + 900)), ("3", ""), ("3", str(T0 // MS - 1)), ("3", str(T0 // MS + 10**7))):
        assert limits.left(reply(left, resets), T0) is None


def test_pages_are_followed_to_the_last(server: Loopback, client: BybitClient) -> None:
    server.lay_out(
        answer({"category": "linear", "list": [{"symbol": "A"}], "nextPageCursor": "a%3D1"}),
        answer({"category": "linear", "list": [{"symbol": "B"}], "nextPageCursor": ""}),
    )
    assert [row["symbol"] for row in client.instruments("linear")] == ["A", "B"]
    assert "cursor=a%253D1" in server.log[1].path


def test_pages_without_an_end_are_given_up_on(server: Loopback, client: BybitClient) -> None:
    server.lay_out(answer({"category": "linear", "list": [{"symbol": "A"}], "nextPageCursor": "again"}))
    with pytest.raises(FetchError, match="the pages have no end"):
        client.risk_limits("linear")
    assert len(server.log) == 2


def test_a_contract_is_looked_for_in_every_status(server: Loopback, client: BybitClient) -> None:
    def reply(asked: Any) -> Answer:
        row = [{"symbol": "GONEUSD"}] if "status=Closed" in asked.path and "inverse" in asked.path else []
        return answer({"list": row}) if "inverse" in asked.path else answer({}, 10001, "params error: symbol invalid")

    server.answer = reply
    assert client.find("GONEUSD") == ("inverse", {"symbol": "GONEUSD"})
    assert client.find("NONE") is None


def test_the_book_the_tickers_and_recent_trades_are_read(server: Loopback, client: BybitClient) -> None:
    book = {"s": "A", "b": [["1", "1"]], "a": [], "ts": 1_700_000_000_000, "u": 1}
    server.lay_out(answer(book), answer({"list": [{"symbol": "A"}]}), answer({"list": []}))
    assert client.order_book("linear", "A")["side"].tolist() == [1]
    assert client.tickers("linear") == [{"symbol": "A"}]
    assert client.recent_trades("linear", "A")["trade_id"] == []


def test_spans_that_one_answer_cannot_hold_are_refused(client: BybitClient) -> None:
    with pytest.raises(ConfigError, match="at most 998 rows, got 999"):
        client.klines("linear", "A", MINUTE, T0, T0 + 999 * MINUTE)
    with pytest.raises(ConfigError, match="at most 198 rows"):
        client.open_interest("linear", "A", HOUR, T0, T0 + 199 * HOUR)
    with pytest.raises(ConfigError, match="premium bars exist for linear contracts only"):
        client.klines("inverse", "A", MINUTE, T0, T0 + MINUTE, "premium")


def test_intervals_have_the_venues_names_and_weeks_have_none() -> None:
    assert [bar_code(each) for each in (MINUTE, HOUR, 12 * HOUR, DAY)] == ["1", "60", "720", "D"]
    assert [open_interest_code(each) for each in (5 * MINUTE, DAY)] == ["5min", "1d"]
    with pytest.raises(ConfigError, match="weeks and months have no fixed grid"):
        bar_code(7 * DAY)
    with pytest.raises(ConfigError, match="got 1m"):
        open_interest_code(MINUTE)
    with pytest.raises(ConfigError, match="got 7m"):
        bar_code(7 * MINUTE)


@pytest.mark.fuzz
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda x: st.lists(x, max_size=3) | st.dictionaries(st.sampled_from(["retCode", "result", "time"]), x),
    )
)
def test_no_body_is_taken_for_an_envelope_that_it_is_not(body: Any) -> None:
    try:
        found = unwrapped(Reply(200, {}, b"", "u"), body)
    except (NotTrustedError, FetchError):
        return
    assert body["retCode"] == 0
    assert found.result == body["result"]
    assert found.time is None or found.time > 10**18


def test_the_clock_of_the_venue_is_measured(server: Loopback, client: BybitClient, clock: ManualClock) -> None:
    server.lay_out(answer({"timeNano": str(clock.now() + 5 * SECOND)}))
    assert client.skew().offset == 5 * SECOND
