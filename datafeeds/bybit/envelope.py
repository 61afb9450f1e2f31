"""What Bybit wraps its answers in, and how it says that it was asked too often.

{retCode, retMsg, result, retExtInfo, time}; only ``retCode`` tells success. Sources: docs/v5/guide.mdx, error.mdx and
rate-limit.mdx of bybit-exchange/docs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from halfspread.datafeeds.bybit.values import milliseconds, shown
from halfspread.datafeeds.net.http import NotTrustedError
from halfspread.datafeeds.net.limits import Left, PlainLimits, Refused, Reply, whole_number
from halfspread.engine.times import SECOND
from halfspread.errors import FetchError

__all__ = ["BAN", "BybitLimits", "Envelope", "unwrapped"]

#: Seconds for which the venue wants no request after "access too frequent".
BAN = 600.0
_MS = 1_000_000
#: Codes that may pass: too many visits, server error, timeout of the server, frequency protection.
_TRANSIENT = {10000: "server timeout", 10006: "too many visits", 10016: "server error", 10018: "too many visits"}


@dataclass(frozen=True)
class BybitLimits(PlainLimits):
    """600 requests in 5 s for one address over all hosts, of which we take a part. ``patient``: wait for ten minutes
    when the venue forbids more, instead of giving up."""

    per_second: float = 10.0
    venue: str = "Bybit"
    patient: bool = False

    def left(self, reply: Reply, now: int) -> Left | None:
        """By X-Bapi-Limit-Status and X-Bapi-Limit-Reset-Timestamp (milliseconds)."""
        left = whole_number(reply.headers.get("x-bapi-limit-status"))
        resets = whole_number(reply.headers.get("x-bapi-limit-reset-timestamp"))
        if left is None or resets is None or not 0 < resets * _MS - now < 60 * SECOND:
            return None
        return Left(left, resets * _MS)

    def refused(self, reply: Reply, now: int) -> Refused | None:
        """403 is a ban for ten minutes, or for the country that the request came from."""
        if reply.status != 403:
            return super().refused(reply, now)
        if b"too frequent" in reply.body[:4096].lower():
            if self.patient:
                return Refused("Bybit takes no more requests from this address for ten minutes (HTTP 403)", BAN)
            return Refused(
                "Bybit takes no more requests from this address for ten minutes (HTTP 403): wait that long, then run "
                "the same command with a lower --requests-per-second",
                final=True,
            )
        return Refused(
            "Bybit does not serve this address (HTTP 403; it refuses some countries): use another host of the venue "
            "that serves you, or a mirror, with --base-url",
            final=True,
        )


@dataclass(frozen=True)
class Envelope:
    """``result`` of a good answer, and the venue's ``time``, ns UTC, None where it was not sent."""

    result: dict[str, Any]
    time: int | None


def unwrapped(reply: Reply, body: Any) -> Envelope:
    """What is in a good answer. Raises NotTrustedError for what may pass, FetchError for other errors."""
    code = body.get("retCode") if isinstance(body, dict) else None
    if type(code) is not int:
        raise NotTrustedError(f"expected an answer of Bybit with a retCode, got {shown(body)}")
    said = str(body.get("retMsg") or _TRANSIENT.get(code, "no reason given"))[:200]
    if code in _TRANSIENT:
        raise NotTrustedError(f"{said} (retCode {code})", _until_reset(reply, body.get("time")))
    if code != 0:
        raise FetchError(f"Bybit refused the request: {said} (retCode {code}; {reply.url})")
    if not isinstance(body.get("result"), dict):
        raise NotTrustedError(f"result: expected an object, got {shown(body.get('result'))}")
    time = body.get("time")
    return Envelope(body["result"], None if time is None else milliseconds(time, "time"))


def _until_reset(reply: Reply, now: Any) -> float | None:
    """Seconds until the venue counts anew, by its own clock; None where the answer does not say."""
    resets = whole_number(reply.headers.get("x-bapi-limit-reset-timestamp"))
    if resets is None or type(now) is not int or not 0 <= resets - now < 60_000:
        return None
    return (resets - now) / 1000.0
