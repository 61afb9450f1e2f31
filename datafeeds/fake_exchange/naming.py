"""Names that venues give: of trades, and of times in the text of BitMEX."""

from __future__ import annotations

from collections.abc import Iterable
from zlib import crc32

from halfspread.engine.times import DAY, SECOND

__all__ = ["dump_time", "iso_time", "trade_ids"]


def trade_ids(symbol: str, day: int, numbers: Iterable[int]) -> list[str]:
    """A name for each trade of a day, in the shape of a UUID."""
    front = f"{crc32(symbol.encode()):08x}-{day:04x}-4000-8000-"
    return [f"{front}{number:012x}" for number in numbers]


def _date(time: int) -> str:
    from datetime import UTC, datetime, timedelta

    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=time // DAY)).strftime("%Y-%m-%d")


def _clock(time: int, digits: int) -> str:
    seconds, rest = divmod(time % DAY, SECOND)
    minutes, second = divmod(seconds, 60)
    fraction = f"{rest:09d}"[:digits]
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}.{fraction}"


def iso_time(time: int) -> str:
    """``2024-01-01T00:00:00.000Z``."""
    return f"{_date(time)}T{_clock(time, 3)}Z"


def dump_time(time: int) -> str:
    """``2024-01-01D00:00:00.000000000``, as in BitMEX's daily files."""
    return f"{_date(time)}D{_clock(time, 9)}"
