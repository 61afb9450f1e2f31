"""The fake exchange: both venues and their public files on one port of this machine, with limits, faults and a log."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import formatdate
from random import Random
from types import TracebackType
from typing import Self

from halfspread.datafeeds.fake_exchange.answers import Answer, Request, Venue
from halfspread.datafeeds.fake_exchange.bitmex_rest import Bitmex
from halfspread.datafeeds.fake_exchange.bybit_rest import Bybit
from halfspread.datafeeds.fake_exchange.faults import Faults, Picker, spoil_bytes, spoil_rows
from halfspread.datafeeds.fake_exchange.files import PublicFiles
from halfspread.datafeeds.fake_exchange.limits import Bucket
from halfspread.datafeeds.fake_exchange.market import GeneratedMarket
from halfspread.datafeeds.fake_exchange.server import Delivery, Server
from halfspread.engine.times import time_text
from halfspread.errors import ConfigError

__all__ = ["FakeExchange", "Logged"]

SECOND = 1_000_000_000
#: Faults that a venue answers in words of its own.
SAID = ("403", "429", "503", "10006")
#: Requests that the log holds at most.
LOGGED = 200_000
#: The year 2223.
FAR = 8_000_000_000 * SECOND


@dataclass(frozen=True)
class Logged:
    """One request: its number from 1, which part was asked, the address, the status and the fault, if any."""

    number: int
    part: str
    address: str
    status: int
    fault: str | None = None


class FakeExchange:
    """Both venues over a market; a context manager, which serves inside of its ``with`` block.

    Args:
        market: what it trades.
        faults: which answers fail; None: none.
        requests_per_second: that each venue takes; beyond, Bybit answers 10006 and BitMEX 429. None: no limit.
        seed: of the faults.
        now: the server's time: nanoseconds UTC, or a function that gives them (the limits then count by it too). None:
            the end of the market.
        end_inclusive: whether the end of a range that is asked for belongs to it; no venue says.
        port: 0 takes a free one.
        files: how the public files are, where not as usual; see `PublicFiles`.

    ``bybit``, ``bitmex`` and ``dumps`` are the addresses to use in place of https://api.bybit.com,
    https://www.bitmex.com/api/v1 and the hosts of public files. ``log`` holds the requests, of very many the last ones.
    """

    def __init__(
        self,
        market: GeneratedMarket,
        faults: Faults | None = None,
        requests_per_second: float | None = None,
        seed: int = 0,
        *,
        now: int | Callable[[], int] | None = None,
        end_inclusive: bool = True,
        port: int = 0,
        files: PublicFiles | None = None,
    ) -> None:
        if requests_per_second is not None and not requests_per_second > 0.0:
            raise ConfigError(f"requests_per_second: expected a number above 0, got {requests_per_second}")
        if isinstance(now, int) and now <= market.start:
            raise ConfigError(f"now: expected a time after the market's start, {time_text(market.start)}, got {now}")
        self.market, self.faults = market, faults or Faults()
        self.log: list[Logged] = []
        self._requests = self._forgotten = 0
        self._now = market.end if now is None else now
        self._guard = threading.Lock()
        self._picker = Picker(self.faults, seed)
        self._venues: dict[str, Venue] = {
            "bybit": Bybit(market, end_inclusive=end_inclusive),
            "bitmex": Bitmex(market, end_inclusive=end_inclusive),
            "dumps": files or PublicFiles(market),
        }
        clock = now if callable(now) else _monotonic
        self._buckets = {name: Bucket(requests_per_second, clock) for name in self._venues}
        self._buckets["dumps"] = Bucket(None, clock)
        self._server = Server(self._respond, port)

    @property
    def bybit(self) -> str:
        """Base address of Bybit's REST interface; paths begin with /v5."""
        return f"{self._server.address}/bybit"

    @property
    def bitmex(self) -> str:
        """Base address of BitMEX's REST interface, in place of https://www.bitmex.com/api/v1."""
        return f"{self._server.address}/bitmex/api/v1"

    @property
    def dumps(self) -> str:
        """Base address of the public files of both venues."""
        return f"{self._server.address}/dumps"

    @property
    def now(self) -> int:
        """The server's time, ns UTC."""
        return self._now() if callable(self._now) else self._now

    def start(self) -> None:
        """Begin to serve; the ``with`` block does it."""
        self._server.start()

    def close(self) -> None:
        """Stop; nothing is left behind."""
        self._server.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _respond(self, request: Request, address: str) -> Delivery:
        part, _, rest = request.path.lstrip("/").partition("/")
        venue = self._venues.get(part)
        if venue is None:
            return Delivery(Answer(404, body=b"Not Found", content_type="text/plain"), b"Not Found")
        with self._guard:
            self._requests = number = self._requests + 1
            fault, rng = self._picker.pick(number, address)
            within = self._buckets[part].take()
            bucket = self._buckets[part]
            now = self.now + (self.faults.drift if fault == "clock" else 0)
            limits = venue.limit_headers(bucket.size, bucket.remaining, now + bucket.wait)
            wait = -(-bucket.wait // SECOND)
            self.log.append(Logged(number, part, address, 0, fault))
            if len(self.log) > LOGGED:
                self._forgotten += LOGGED // 2
                del self.log[: LOGGED // 2]
        if not within:
            answer = venue.refused(max(1, wait), now)
        elif fault in SAID:
            answer = venue.fault(fault, now)
        elif fault == "absent":
            answer = Answer(404, body=b"Not Found", content_type="text/plain")
        else:
            params = _before(request.params) if fault == "outside" else request.params
            answer = venue.answer(Request("/" + rest, params, request.headers), now)
        if fault == "far_reset":
            limits = venue.limit_headers(bucket.size, 0, FAR)
        answer.headers = {"Date": formatdate(now / SECOND, usegmt=True), **limits, **answer.headers}
        with self._guard:
            if number > self._forgotten:
                self.log[number - 1 - self._forgotten] = Logged(number, part, address, answer.status, fault)
        return self._spoilt(answer, fault, rng) if within and fault not in SAID else Delivery(answer, answer.encoded())

    def _spoilt(self, answer: Answer, fault: str | None, rng: Random) -> Delivery:
        """The answer with its fault, if any."""
        if fault in ("duplicate", "reorder", "conflict", "nothing", "short") and answer.rows is not None:
            spoil_rows(fault, answer.rows, rng)
            return Delivery(answer, answer.encoded())
        body = answer.encoded()
        if fault == "disconnect":
            return Delivery(answer, body[: len(body) // 2], length=max(len(body), 1))
        if fault == "stall":
            return Delivery(answer, body, pause=self.faults.stall)
        if fault == "drip":
            return Delivery(answer, body, pause=min(self.faults.stall, 0.1), drips=True)
        if fault in ("html", "content_type"):
            answer.content_type = "text/html; charset=utf-8"
        if fault is not None and (answer.of_file or fault not in ("duplicate", "reorder", "conflict")):
            body = spoil_bytes(fault, body, rng)
        return Delivery(answer, body)


def _before(params: Mapping[str, str]) -> dict[str, str]:
    """The parameters with a span of a day before the one that they ask for."""
    found = dict(params)
    for name in ("start", "end", "startTime", "endTime"):
        text = found.get(name, "")
        if text.isdecimal() and len(text) > 11:
            found[name] = str(int(text) - 86_400_000)
        elif "T" in text or "-" in text:
            with suppress(ValueError):
                found[name] = (datetime.fromisoformat(text) - timedelta(days=1)).isoformat()
    return found


def _monotonic() -> int:
    import time

    return time.monotonic_ns()
