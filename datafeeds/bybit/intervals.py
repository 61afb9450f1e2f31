"""Lengths of bars and of open-interest rows that Bybit gives, and what it calls them."""

from __future__ import annotations

from halfspread.engine.times import DAY, HOUR, MINUTE, interval_text
from halfspread.errors import ConfigError

__all__ = ["BARS", "OPEN_INTEREST", "bar_code", "open_interest_code"]

#: Nanoseconds of a bar, and the venue's name of it. Weeks and months are left out: a week's first day is nowhere
#: documented, and a month has no length.
BARS = {minutes * MINUTE: str(minutes) for minutes in (1, 3, 5, 15, 30, 60, 120, 240, 360, 720)} | {DAY: "D"}
OPEN_INTEREST = {
    5 * MINUTE: "5min",
    15 * MINUTE: "15min",
    30 * MINUTE: "30min",
    HOUR: "1h",
    4 * HOUR: "4h",
    DAY: "1d",
}


def bar_code(interval: int) -> str:
    """The venue's name of bars of ``interval`` ns. Raises ConfigError."""
    return _code(BARS, interval, "bars", "; build others from the next shorter ones, or from trades")


def open_interest_code(interval: int) -> str:
    """The venue's name of open interest every ``interval`` ns. Raises ConfigError."""
    return _code(OPEN_INTEREST, interval, "open interest", "")


def _code(codes: dict[int, str], interval: int, what: str, remedy: str) -> str:
    if interval not in codes:
        known = ", ".join(interval_text(each) for each in codes)
        weeks = " (weeks and months have no fixed grid)" if interval > DAY else ""
        raise ConfigError(f"bybit: expected {what} of {known}, got {interval_text(interval)}{weeks}{remedy}")
    return codes[interval]
