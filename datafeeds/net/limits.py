"""How often a venue may be asked: a pace shared by all threads, and what the venue says in its answers.

Seconds are float, wall times int64 nanoseconds UTC.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Protocol

from halfspread.datafeeds.net.clock import Clock
from halfspread.engine.times import SECOND

__all__ = ["Left", "Limits", "Pace", "PlainLimits", "Refused", "Reply", "http_date", "retry_after", "whole_number"]


@dataclass(frozen=True)
class Reply:
    """What came back. ``headers``: names in lower case. ``body``: unpacked. ``url``: that was asked."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str

    @property
    def content_type(self) -> str:
        """The media type without parameters, lower case; "" where none was sent."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower()


@dataclass(frozen=True)
class Left:
    """How many requests a venue says it will still take until ``resets`` (ns UTC)."""

    requests: int
    resets: int


@dataclass(frozen=True)
class Refused:
    """Why an answer is of no use. ``wait``: the seconds that the venue asks for, None where it says nothing. ``final``:
    repeating it would not help, or would harm."""

    reason: str
    wait: float | None = None
    final: bool = False


class Limits(Protocol):
    """What a venue allows and how its answers say so. ``per_second``: requests, over all threads of this process."""

    @property
    def per_second(self) -> float: ...

    def left(self, reply: Reply, now: int) -> Left | None:
        """What the headers say is left, None where they say nothing."""

    def refused(self, reply: Reply, now: int) -> Refused | None:
        """Why the answer is no data, judged by its status and body; None where it is data."""


@dataclass(frozen=True)
class PlainLimits:
    """The manners of most servers, and the base of a venue's own: 429, 408 and 5xx are asked again, other errors not.

    ``per_second``: requests; ``venue``: for messages.
    """

    per_second: float = 5.0
    venue: str = "the server"

    def left(self, reply: Reply, now: int) -> Left | None:
        """Nothing is known."""
        return None

    def refused(self, reply: Reply, now: int) -> Refused | None:
        """Judged by the status alone."""
        status = reply.status
        if 200 <= status < 300:
            return None
        wait = retry_after(reply.headers, now)
        if status == 429:
            return Refused("too many requests (HTTP 429)", wait)
        if status == 408 or status >= 500:
            return Refused(f"{self.venue} is not able to answer (HTTP {status})", wait)
        return Refused(f"{self.venue} refused the request (HTTP {status})", wait, final=True)


#: Seconds without a request that may be made up for: threads that are late do not slow the others down.
_MADE_UP = 0.25


@dataclass
class Pace:
    """Lets requests start ``per_second`` times a second, evenly (turns that nobody took in the last quarter of a second
    may be made up for), and holds all back when the venue says that nothing is left. ``started``: how many have. Shared
    by threads."""

    per_second: float
    clock: Clock
    started: int = field(default=0, init=False)
    _next: float = field(default=-math.inf, init=False)
    _held: float = field(default=-math.inf, init=False)
    _under_way: int = field(default=0, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def start(self) -> None:
        """Return when the next request may go out. Every start is followed by one ``done``."""
        while True:
            with self._lock:
                now = self.clock.monotonic()
                wait = max(self._next, self._held) - now
                if wait <= 0.0 or self._held <= self._next:  # this turn is taken, others queue behind it
                    since = max(self._next, now - _MADE_UP) if self.started else now
                    self._next = since + 1.0 / self.per_second
                    self._under_way += 1
                    self.started += 1
                    break
            self.clock.sleep(wait)
        self.clock.sleep(wait)

    def done(self, left: Left | None = None) -> None:
        """A request has ended; ``left``: what its answer says of others."""
        with self._lock:
            self._under_way -= 1
            if left is not None and left.requests <= self._under_way:
                self._hold((left.resets - self.clock.now()) / SECOND)

    def hold(self, seconds: float) -> None:
        """Let nothing start for so long."""
        with self._lock:
            self._hold(seconds)

    def _hold(self, seconds: float) -> None:
        if 0.0 < seconds < math.inf:
            self._held = max(self._held, self.clock.monotonic() + seconds)


def retry_after(headers: Mapping[str, str], now: int) -> float | None:
    """Seconds of a Retry-After header, which holds seconds or a date; None without one that can be read."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return float(text)
    date = http_date(text)
    return None if date is None else max((date - now) / SECOND, 0.0)


def http_date(text: str | None) -> int | None:
    """The time of a date as headers have it, ns UTC; None for anything else, however odd."""
    try:
        date = parsedate_to_datetime(text or "")
        return int((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()) * SECOND
    except (ArithmeticError, ValueError, TypeError, IndexError):
        return None


def whole_number(text: str | None) -> int | None:
    """The number of a header, None where it is no plain whole number."""
    if text is None:
        return None
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 19 else None
