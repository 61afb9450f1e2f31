"""Times at which BitMEX changed for good: two pools, days that are missing, the end.

Times are int64 nanoseconds UTC.
"""

from __future__ import annotations

from halfspread.engine.times import DAY, HOUR, SECOND, time_text

__all__ = ["CLOSED", "CLOSED_AT", "CLOSED_ON", "OPENED", "POOLS", "POOLS_SINCE", "missing_file"]

#: The last day, 2026-09-23; the venue closed at 04:00.
CLOSED_ON = 1_790_121_600 * SECOND
CLOSED_AT = CLOSED_ON + 4 * HOUR
#: Before the first row of any table: 2014-11-01.
OPENED = 1_414_800_000 * SECOND
CLOSED = (
    "BitMEX closed on 2026-09-23, and {host} does not serve its history; give the address of a mirror, or import daily "
    "files, tardis.dev data or an archive of your own"
)
#: From 2026-04-16 on.
POOLS_SINCE = 1_776_297_600 * SECOND
POOLS = "rows from 2026-04-16 on are of two liquidity pools, mixed: a market unlike the one before"
_JUNE_2026 = range(1_780_272_000 * SECOND, 1_782_864_000 * SECOND)


def missing_file(what: str, day: int) -> str:
    """Why there is no daily file of ``what`` of the day that begins at ``day``."""
    reason = f"BitMEX has no daily file of {what} of {time_text(day)[:10]}"
    if day >= CLOSED_ON + DAY:
        return f"{reason}: it closed on 2026-09-23"
    return f"{reason}; several days of June 2026 are missing" if day in _JUNE_2026 else reason
