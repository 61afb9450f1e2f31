"""An HTTP client for market data: one pool of connections, paced, repeated with growing pauses, and wary of answers.

What cannot be trusted (a web page in place of data, half a body, too large a body) is an error, never a result.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlencode, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import numpy as np
import urllib3

from halfspread.datafeeds.net.clock import Clock, MachineClock
from halfspread.datafeeds.net.limits import Limits, Pace, PlainLimits, Reply
from halfspread.errors import ConfigError, FetchError

__all__ = ["GoneError", "Http", "NotTrustedError", "Params", "Retries", "page_title"]

Params = Mapping[str, str | int | float | None]
T = TypeVar("T")

_REDIRECTS = (301, 302, 303, 307, 308)
_TITLE = re.compile(rb"<(?:title|h1)[^>]*>\s*(.{1,80}?)\s*</", re.IGNORECASE | re.DOTALL)


class GoneError(FetchError):
    """The address holds nothing (HTTP 404 or 410)."""


class NotTrustedError(Exception):
    """An answer that may be better when it is asked for again. ``wait``: seconds that the venue asks for."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


@dataclass(frozen=True)
class Retries:
    """How often a request is made at most, and how long it waits before each repetition: ``first`` seconds, then twice
    as long each time up to ``longest``, of which a random part between a half and all is waited, and no less than the
    venue asks for. A venue that asks for more than ``patience`` seconds is given up on."""

    attempts: int = 7
    first: float = 0.5
    longest: float = 30.0
    patience: float = 120.0

    def wait(self, failures: int, asked: float | None, rng: np.random.Generator) -> float:
        """Seconds to wait after so many failures in a row."""
        whole = min(self.longest, self.first * 2.0 ** min(failures - 1, 30))
        return max(whole * float(rng.uniform(0.5, 1.0)), asked or 0.0)


@dataclass
class Http:
    """A client of one server. Threads may share it; each has at most one connection.

    ``base_url``: http or https, a path at its end is kept. ``timeout``: seconds for a connection, and for each piece of
    an answer; ``longest``: seconds for an answer that is kept in memory. ``largest``: bytes of such an answer,
    unpacked. Raises ConfigError for an address that cannot be one.
    """

    base_url: str
    limits: Limits = field(default_factory=PlainLimits)
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 20.0
    longest: float = 60.0
    largest: int = 64 << 20
    connections: int = 4
    retries: Retries = field(default_factory=Retries)
    clock: Clock = field(default_factory=MachineClock)
    rng: np.random.Generator = field(default_factory=np.random.default_rng)
    closed: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        parts = _address(self.base_url)
        if parts is None or parts.scheme not in ("http", "https"):
            raise ConfigError(f"expected an address such as https://api.example.com, got {self.base_url!r}")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ConfigError("expected an address without a password and without what follows '?' or '#'")
        if not self.limits.per_second > 0.0:
            raise ConfigError(f"requests per second: expected a number above 0, got {self.limits.per_second}")
        self.base_url = self.base_url.rstrip("/")
        self.pace = Pace(self.limits.per_second, self.clock)
        self._pool = _pool(self.base_url, self.connections, self.timeout)

    def __enter__(self) -> Http:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop: whoever waits in another thread gets a FetchError."""
        self.closed = True
        self.clock.wake()
        self._pool.clear()

    @property
    def requests(self) -> int:
        """How many were sent."""
        return self.pace.started

    @property
    def host(self) -> str:
        """The server's name, for messages."""
        return urlsplit(self.base_url).netloc

    def url(self, path: str, params: Params | None = None) -> str:
        """The full address; parameters that are None are left out."""
        given = {key: str(value) for key, value in (params or {}).items() if value is not None}
        return f"{self.base_url}/{path.lstrip('/')}" + (f"?{urlencode(given)}" if given else "")

    def get(self, path: str, params: Params | None = None) -> Reply:
        """The answer, complete and without error. Raises FetchError, GoneError for 404 and 410."""
        return self._asked(path, params, lambda reply: reply)

    def get_json(
        self, path: str, params: Params | None = None, *, check: Callable[[Reply, Any], T] = lambda reply, body: body
    ) -> T:
        """The answer read as JSON, then what ``check`` makes of it: it raises NotTrustedError where asking again may
        help, FetchError where not. NaN and Infinity are not JSON. Raises FetchError, GoneError for 404 and 410."""
        return self._asked(path, params, lambda reply: check(reply, _json(reply)))

    def _asked(self, path: str, params: Params | None, read: Callable[[Reply], T]) -> T:
        url = self.url(path, params)

        def once() -> T:
            with self.answer(url) as answer:
                reply = self._whole(answer, url)
            self.judge(reply)
            return read(reply)

        return self.repeat(once, url)

    def repeat(self, once: Callable[[], T], url: str, progressed: Callable[[], int] | None = None) -> T:
        """What ``once`` returns, tried again after what may pass. ``progressed``: a count that grows while an attempt
        gets somewhere, which forgives the failures before. Raises FetchError."""
        failures, done = 0, progressed() if progressed else 0
        for tried in count(1):
            self._running()
            try:
                return once()
            except NotTrustedError as error:
                reason, asked = str(error), error.wait
            except urllib3.exceptions.SSLError as error:
                raise FetchError(f"{self.host}: no safe connection: {_plain(error)}") from error
            except urllib3.exceptions.HTTPError as error:
                reason, asked = _plain(error), None
            now = progressed() if progressed else done
            failures, done = (1 if now > done else failures + 1), now
            if asked is not None and asked > self.retries.patience:
                raise FetchError(f"{self.host}: {reason}; it asks to wait {asked:,.0f} s: try again then ({url})")
            if failures >= self.retries.attempts:
                raise FetchError(f"{self.host}: {reason}; given up after {tried} attempts ({url})")
            wait = self.retries.wait(failures, asked, self.rng)
            if asked is not None:
                self.pace.hold(asked)
            self._running()
            self.clock.sleep(wait)
        raise AssertionError("unreachable")

    @contextmanager
    def answer(self, url: str, headers: Mapping[str, str] | None = None) -> Iterator[urllib3.BaseHTTPResponse]:
        """One request, paced; the body is not read yet. Redirects are followed, but not from https to http."""
        for _ in range(4):
            self.pace.start()
            answer, left = None, None
            try:
                self._running()
                answer = self._pool.request(
                    "GET",
                    url,
                    headers={**_HEADERS, **self.headers, **(headers or {})},
                    preload_content=False,
                    decode_content=False,
                    redirect=False,
                    retries=False,
                )
                left = self.limits.left(Reply(answer.status, _lower(answer.headers), b"", url), self.clock.now())
                onward = answer.headers.get("location")
                if answer.status not in _REDIRECTS or not onward:
                    yield answer
                    return
                url = _next_address(url, onward)
            finally:
                self.pace.done(left)
                if answer is not None:
                    answer.close()  # a connection whose answer was read to its end is kept, by the pool
        raise FetchError(f"{self.host}: redirected too often, last to {url}")

    def judge(self, reply: Reply) -> None:
        """Raise what the answer deserves: nothing, NotTrustedError, GoneError or FetchError."""
        refused = self.limits.refused(reply, self.clock.now())
        if refused is None:
            return
        reason = refused.reason + _said(reply)
        if refused.final:
            raise (GoneError if reply.status in (404, 410) else FetchError)(f"{self.host}: {reason} ({reply.url})")
        raise NotTrustedError(reason, refused.wait)

    def _whole(self, answer: urllib3.BaseHTTPResponse, url: str) -> Reply:
        deadline = self.clock.monotonic() + self.longest
        pieces, size = [], 0
        while piece := answer.read1(1 << 16, decode_content=True):  # what is there: a slow drip must not hide the time
            pieces.append(piece)
            size += len(piece)
            if size > self.largest:
                raise FetchError(f"{self.host}: expected an answer of at most {self.largest:,} bytes, got more ({url})")
            if self.clock.monotonic() > deadline:
                raise NotTrustedError(f"the answer was not complete after {self.longest:g} s")
        return Reply(answer.status, _lower(answer.headers), b"".join(pieces), url)

    def _running(self) -> None:
        if self.closed:
            raise FetchError(f"{self.host}: stopped")


def page_title(body: bytes) -> str:
    """What a web page calls itself, "" where it says nothing that can be shown."""
    found = _TITLE.search(body[:20_000])
    return " ".join(found[1].decode("utf-8", "replace").split()) if found else ""


_HEADERS = {"Accept-Encoding": "gzip, deflate", "User-Agent": "halfspread"}


def _json(reply: Reply) -> Any:
    if _is_page(reply):
        title = page_title(reply.body)
        raise NotTrustedError(f"expected JSON, got a web page{f' titled {title!r}' if title else ''}")
    if not reply.body:
        raise NotTrustedError("expected JSON, got an empty answer")
    try:
        return json.loads(reply.body.decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError):
        start = reply.body[:40].decode("utf-8", "replace")
        raise NotTrustedError(f"expected JSON, got {len(reply.body):,} bytes that begin {start!r}") from None


def _no_number(text: str) -> Any:
    raise ValueError(text)


def _is_page(reply: Reply) -> bool:
    return "html" in reply.content_type or reply.body[:64].lstrip().startswith(b"<")


def _said(reply: Reply) -> str:
    """What an error's body says, in few words."""
    if _is_page(reply):
        title = page_title(reply.body)
        return f", with a web page titled {title!r}" if title else ", with a web page"
    text = " ".join(reply.body[:200].decode("utf-8", "replace").split())
    return f": {text}" if text else ""


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {key.lower(): value for key, value in headers.items()}


def _address(text: str) -> SplitResult | None:
    """The parts of an address, None for what cannot be one."""
    try:
        parts = urlsplit(text)
        known = parts.hostname and parts.port != 0  # ports beyond 65535 are a ValueError
        host = (parts.hostname or "").encode("idna").decode("ascii")
        urllib3.util.parse_url(text)
    except (ValueError, urllib3.exceptions.HTTPError):
        return None
    return parts if known and not re.search(r"[\s\x00-\x1f]", host) else None


def _next_address(url: str, onward: str) -> str:
    host = urlsplit(url).netloc
    try:
        target = urljoin(url, onward)
        schemes = urlsplit(url).scheme, urlsplit(target).scheme
    except ValueError:
        raise FetchError(f"{host}: redirected to {onward[:80]!r}, which is no address; not followed") from None
    if schemes not in (("http", "http"), ("http", "https"), ("https", "https")):
        raise FetchError(f"{host}: redirected to {target}, which is not as safe; not followed")
    if _address(target) is None:
        raise FetchError(f"{host}: redirected to {onward[:80]!r}, which is no address; not followed")
    return target


def _pool(base_url: str, connections: int, timeout: float) -> urllib3.PoolManager:
    parts = urlsplit(base_url)
    options: dict[str, Any] = {
        "maxsize": connections,
        "block": True,
        "timeout": urllib3.Timeout(connect=timeout, read=timeout),
        "retries": False,
    }
    proxy = getproxies().get(parts.scheme)
    if proxy and parts.hostname not in ("localhost", "127.0.0.1", "::1") and not proxy_bypass(parts.hostname or ""):
        return urllib3.ProxyManager(proxy, **options)
    return urllib3.PoolManager(**options)


def _plain(error: BaseException) -> str:
    """A library's error in a few words."""
    kinds: tuple[tuple[type[BaseException], str], ...] = (
        (urllib3.exceptions.ReadTimeoutError, "no answer in time"),
        (urllib3.exceptions.NameResolutionError, "this name is not known"),
        (urllib3.exceptions.NewConnectionError, "no connection"),
        (urllib3.exceptions.ConnectTimeoutError, "no connection in time"),
        (urllib3.exceptions.ProtocolError, "the connection broke off"),
        (urllib3.exceptions.DecodeError, "the answer cannot be unpacked"),
    )
    return next((text for kind, text in kinds if isinstance(error, kind)), f"{type(error).__name__}: {error}"[:200])
