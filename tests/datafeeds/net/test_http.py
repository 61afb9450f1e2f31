"""What the client does with answers of every kind; no test waits, for the clock is one of its own."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from typing import Any

import numpy as np
import pytest

from halfspread.datafeeds.net.clock import ManualClock
from halfspread.datafeeds.net.http import GoneError, Http, NotTrustedError, Retries
from halfspread.datafeeds.net.limits import PlainLimits, Reply
from halfspread.errors import ConfigError, FetchError
from tests.datafeeds.net.loopback import Answer, Loopback

PAGE = b"<!DOCTYPE html><html><head><title>Just a\n moment...</title></head></html>"


def client(server: Loopback, clock: ManualClock, **options: Any) -> Http:
    options = {"limits": PlainLimits(per_second=1e9), "timeout": 0.3, **options}
    return Http(server.url, clock=clock, rng=np.random.default_rng(1), **options)


def answer_json(value: Any, **headers: str) -> Answer:
    return Answer(json.dumps(value).encode(), headers={"Content-Type": "application/json", **headers})


def test_an_answer_is_read_and_parameters_that_are_none_are_left_out(server: Loopback, clock: ManualClock) -> None:
    server.lay_out(answer_json({"price": "1.10", "size": 2}))
    found: Any = client(server, clock).get_json("/v5/time", {"symbol": "A/B", "start": 5, "end": None})
    assert found == {"price": "1.10", "size": 2}
    assert [asked.path for asked in server.log] == ["/v5/time?symbol=A%2FB&start=5"]


def test_the_path_of_a_base_address_is_kept(server: Loopback, clock: ManualClock) -> None:
    http = Http(server.url + "/api/v1/", clock=clock)
    http.get("trade")
    assert server.log[0].path == "/api/v1/trade"


def test_a_packed_answer_is_asked_for_and_unpacked(server: Loopback, clock: ManualClock) -> None:
    server.lay_out(
        Answer(gzip.compress(b"[1]"), headers={"Content-Type": "application/json", "Content-Encoding": "gzip"})
    )
    assert client(server, clock).get_json("/x") == [1]
    assert "gzip" in server.log[0].headers["accept-encoding"]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 408])
def test_what_may_pass_is_asked_again_with_growing_pauses(server: Loopback, clock: ManualClock, status: int) -> None:
    server.lay_out(*[Answer(status=status)] * 3, answer_json([7]))
    assert client(server, clock).get_json("/x") == [7]
    assert len(server.log) == 4
    assert [bool(low <= slept <= 2 * low) for low, slept in zip((0.25, 0.5, 1.0), clock.slept, strict=True)] == [
        True
    ] * 3


def test_pauses_differ_between_two_clients(server: Loopback) -> None:
    pauses = []
    for seed in (1, 2):
        server.lay_out(Answer(status=503), Answer())
        clock = ManualClock(10**18)
        Http(server.url, limits=PlainLimits(1e9), clock=clock, rng=np.random.default_rng(seed)).get("/x")
        pauses += clock.slept
    assert pauses[0] != pauses[1]


@pytest.mark.parametrize("asked", ["17", "Tue, 14 Nov 2023 22:13:37 GMT"])
def test_a_venue_that_names_a_pause_is_given_it(server: Loopback, clock: ManualClock, asked: str) -> None:
    server.lay_out(Answer(status=429, headers={"Retry-After": asked}), Answer())
    client(server, clock).get("/x")
    assert clock.monotonic() == pytest.approx(17.0)


def test_a_pause_that_one_thread_is_told_holds_for_all(server: Loopback, clock: ManualClock) -> None:
    server.lay_out(Answer(status=429, headers={"Retry-After": "9"}), Answer())
    http = client(server, clock)
    http.pace.hold(9.0)
    http.pace.start()
    assert clock.monotonic() == pytest.approx(9.0)


def test_a_venue_that_asks_for_an_hour_is_given_up_on(server: Loopback, clock: ManualClock) -> None:
    server.lay_out(Answer(status=503, headers={"Retry-After": "3600"}))
    with pytest.raises(FetchError, match=r"asks to wait 3,600 s"):
        client(server, clock).get("/x")
    assert len(server.log) == 1


@pytest.mark.parametrize("text", ["soon", "", "-1", "99999999999", "١٢"])
def test_a_pause_that_cannot_be_read_is_our_own(server: Loopback, clock: ManualClock, text: str) -> None:
    reply = Answer(status=503)
    server.lay_out(reply, Answer())
    reply.headers = {"Retry-After": text.encode().decode("latin-1")}
    client(server, clock).get("/x")
    assert 0.25 <= clock.slept[0] <= 0.5


def test_other_errors_are_told_at_once_with_what_the_server_said(server: Loopback, clock: ManualClock) -> None:
    server.lay_out(Answer(b"no such\nparameter", 400))
    with pytest.raises(FetchError, match=r"127\.0\.0\.1:\d+: .*HTTP 400\): no such parameter"):
        client(server, clock).get("/x")
    assert len(server.log) == 1


@pytest.mark.parametrize("status", [404, 410])
def test_an_address_that_holds_nothing_is_an_error_of_its_own(
    server: Loopback, clock: ManualClock, status: int
) -> None:
    server.lay_out(Answer(PAGE, status, {"Content-Type": "text/html"}))
    with pytest.raises(GoneError, match=r"web page titled 'Just a moment\.\.\.'"):
        client(server, clock).get("/x")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            Answer(PAGE, headers={"Content-Type": "text/html"}),
            "expected JSON, got a web page titled 'Just a moment...'",
        ),
        (Answer(PAGE), "expected JSON, got a web page"),
        (Answer(b""), "expected JSON, got an empty answer"),
        (Answer(b'{"a": '), "expected JSON, got 6 bytes that begin"),
        (Answer(b'{"a": NaN}'), "expected JSON"),
        (Answer(b"\xff\xfe{}"), "expected JSON"),
        (Answer(b"[" * 100_000), "expected JSON"),
        (Answer(b"not gzip", headers={"Content-Encoding": "gzip"}), "the answer cannot be unpacked"),
        (Answer(b"[1, 2, 3]", cut=4), "the connection broke off"),
        (Answer(b"[1]", length=30, cut=3), "the connection broke off"),
    ],
)
def test_what_is_no_data_is_asked_again_and_then_refused_in_one_sentence(
    server: Loopback, clock: ManualClock, answer: Answer, said: str
) -> None:
    server.lay_out(answer)
    http = client(server, clock, retries=Retries(attempts=2))
    with pytest.raises(FetchError) as told:
        http.get_json("/x")
    assert said in str(told.value)
    assert "given up after 2 attempts" in str(told.value)
    assert "\n" not in str(told.value)
    server.lay_out(answer, answer_json([1]))
    assert http.get_json("/x") == [1]


def test_a_body_without_end_is_not_kept_in_memory(server: Loopback, clock: ManualClock) -> None:
    server.lay_out(Answer(gzip.compress(bytes(10_000_000)), headers={"Content-Encoding": "gzip"}))
    with pytest.raises(FetchError, match="at most 1,000,000 bytes"):
        client(server, clock, largest=1_000_000).get("/x")


def test_no_answer_in_time_is_asked_again(clock: ManualClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        http = Http(
            f"http://127.0.0.1:{silent.getsockname()[1]}",
            clock=clock, timeout=0.05, retries=Retries(attempts=2), limits=PlainLimits(1e9),
        )  # fmt: skip
        with pytest.raises(FetchError, match="no answer in time; given up after 2 attempts"):
            http.get("/x")


def test_a_server_that_is_not_there_is_named(clock: ManualClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(FetchError, match=rf"127\.0\.0\.1:{port}: no connection; given up after 7 attempts"):
        Http(f"http://127.0.0.1:{port}", clock=clock).get("/x")


def test_a_check_of_the_caller_may_ask_again_or_give_up(server: Loopback, clock: ManualClock) -> None:
    server.lay_out(answer_json(1), answer_json(2), answer_json(3))

    def check(reply: Reply, body: Any) -> int:
        if body == 1:
            raise NotTrustedError("too early", 4.0)
        if body == 3:
            raise FetchError("never")
        return int(body)

    http = client(server, clock)
    assert http.get_json("/x", check=check) == 2
    assert clock.monotonic() == pytest.approx(4.0)
    with pytest.raises(FetchError, match="never"):
        http.get_json("/x", check=check)


def test_a_redirect_is_followed_to_another_path(server: Loopback, clock: ManualClock) -> None:
    server.lay_out(Answer(status=302, headers={"Location": "/b"}), answer_json([1]))
    assert client(server, clock).get_json("/a") == [1]
    assert [asked.path for asked in server.log] == ["/a", "/b"]


def test_redirects_in_a_circle_end(server: Loopback, clock: ManualClock) -> None:
    server.lay_out(Answer(status=301, headers={"Location": "/a"}))
    with pytest.raises(FetchError, match="redirected too often"):
        client(server, clock).get("/a")


def test_a_redirect_to_what_is_no_web_address_is_refused(server: Loopback, clock: ManualClock) -> None:
    server.lay_out(Answer(status=302, headers={"Location": "file:///etc/hostname"}))
    with pytest.raises(FetchError, match="not followed"):
        client(server, clock).get("/a")


@pytest.mark.parametrize("onward", ["http://[bad", "http://h:99999/"])
def test_a_redirect_to_what_is_no_address_is_refused(server: Loopback, clock: ManualClock, onward: str) -> None:
    server.lay_out(Answer(status=302, headers={"Location": onward}))
    with pytest.raises(FetchError, match="which is no address; not followed"):
        client(server, clock).get("/a")


def test_an_answer_that_drips_is_given_up_after_a_while(clock: ManualClock) -> None:
    class Drip:
        status, headers, whole = 200, {"content-type": "application/json"}, 0

        def read1(self, amt: int, decode_content: bool) -> bytes:
            clock.sleep(1.0)
            self.whole += 1
            return b" "

    http, drip = Http("http://127.0.0.1:1", clock=clock), Drip()
    with pytest.raises(NotTrustedError, match="was not complete after 60 s"):
        http._whole(drip, "http://127.0.0.1:1/x")  # type: ignore[arg-type]
    assert drip.whole < 70


def test_one_thread_uses_one_connection(server: Loopback, clock: ManualClock) -> None:
    http = client(server, clock)
    for _ in range(5):
        http.get("/x")
    assert len(server.connections) == 1
    assert http.requests == 5


def test_threads_use_at_most_one_connection_each(server: Loopback, clock: ManualClock) -> None:
    http = client(server, clock, connections=3)
    threads = [threading.Thread(target=lambda: [http.get("/x") for _ in range(5)]) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.log) == 15
    assert len(server.connections) <= 3


def test_a_closed_client_asks_no_more(server: Loopback, clock: ManualClock) -> None:
    http = client(server, clock)
    http.close()
    with pytest.raises(FetchError, match="stopped"):
        http.get("/x")
    assert server.log == []


@pytest.mark.parametrize(
    "address",
    [
        "api.example.com",
        "ftp://example.com",
        "https://",
        "https://a:b@example.com",
        "http://h?x=1",
        "http://h/path#x",
        "http://[bad",
        "http://127.0.0.1:99999",
        f"http://{'a' * 70}.com",
        "http://a b.com",
    ],
)
def test_an_address_that_cannot_be_one_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="expected an address"):
        Http(address)
