"""How BitMEX says what it still takes, and why an answer is no data.

Limits stand in its headers (``x-ratelimit-remaining``, ``x-ratelimit-reset`` in seconds, ``retry-after``) and changed
over the years, so none is assumed beyond a slow start: 30 requests a minute, the least that was ever allowed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from halfspread.datafeeds.net.limits import Left, PlainLimits, Refused, Reply, http_date, retry_after, whole_number
from halfspread.engine.times import SECOND

__all__ = ["BitmexLimits"]

#: The venue counts a minute; a reset that is further away than this, ns, is none.
_FARTHEST = 70 * SECOND
#: Seconds to wait after "overloaded", which says that the request never reached the venue's engine.
OVERLOADED = 0.5


@dataclass(frozen=True)
class BitmexLimits(PlainLimits):
    """Limits of BitMEX and its mirrors. ``per_second``: requests until headers say otherwise."""

    per_second: float = 0.5
    venue: str = "BitMEX"

    def left(self, reply: Reply, now: int) -> Left | None:
        """What is left of the minute, which ends by the server's clock (its Date); None where the headers do not say,
        or name a time that is no end of a minute."""
        remaining = whole_number(reply.headers.get("x-ratelimit-remaining"))
        reset = whole_number(reply.headers.get("x-ratelimit-reset"))
        if remaining is None or reset is None:
            return None
        date = http_date(reply.headers.get("date"))
        ahead = reset * SECOND - (now if date is None else date)
        return Left(remaining, now + ahead) if 0 < ahead <= _FARTHEST else None

    def refused(self, reply: Reply, now: int) -> Refused | None:
        """429 waits as long as it says, 503 at least half a second; what else is refused stays so."""
        if reply.status == 503:
            wait = retry_after(reply.headers, now)
            return Refused("BitMEX is overloaded (HTTP 503)", max(OVERLOADED, wait or 0.0))
        if reply.status == 403:
            return Refused("BitMEX refused the request (HTTP 403)", retry_after(reply.headers, now))
        if reply.status == 400:
            return Refused(f"BitMEX does not take the request (HTTP 400): {_message(reply.body)}", final=True)
        return super().refused(reply, now)


def _message(body: bytes) -> str:
    """What ``{"error": {"message": ...}}`` says."""
    try:
        return str(json.loads(body)["error"]["message"])[:200]
    except (ValueError, KeyError, TypeError, RecursionError):
        return "no reason given"
