"""Bars in Bybit's files for MetaTrader 4, whose time zone nobody documents: it is measured against trades, or the bars
are refused.

No header, ``2023.01.01 00:00,open,high,low,close,volume``; minutes at the borders of months stand twice in some files.
"""

from __future__ import annotations

import gzip
import re
import zlib
from calendar import timegm
from pathlib import Path
from typing import Any

import numpy as np

from halfspread.engine.times import HOUR, MINUTE, SECOND, Integers, interval_text
from halfspread.errors import DataError

__all__ = ["bars_of_trades", "mt4_offset", "read_mt4"]

Columns = dict[str, Any]
_LINE = re.compile(r"(\d{4})\.(\d\d)\.(\d\d) (\d\d):(\d\d)((?:,[0-9]{1,20}(?:\.[0-9]{1,20})?){5})")
_NAMES = ("open", "high", "low", "close", "volume")
_HOURS = 12
_NEEDED = 0.95
#: Bars with another price than the one before that have to be compared.
_LEAST = 100


def read_mt4(path: Path, *, name: str = "") -> Columns:
    """Bars as they are stamped: ts (int64 ns, of an unknown zone), open, high, low, close, volume; of equal rows that
    stand twice one. Raises DataError naming the row."""
    name = name or path.name
    found: dict[int, tuple[float, ...]] = {}
    for row, line in enumerate(_lines(path, name), 1):
        parts = _LINE.fullmatch(line)
        if parts is None:
            raise DataError(
                f"{name}: row {row}: expected '2023.01.01 00:00,open,high,low,close,volume', got {line[:60]!r}"
            )
        year, month, day, hour, minute = map(int, parts.groups()[:5])
        if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and 2009 <= year < 2100):
            raise DataError(f"{name}: row {row}: expected a time from 2009 to 2100, got {line[:16]!r}")
        time = timegm((year, month, day, hour, minute, 0)) * SECOND
        values = tuple(float(value) for value in parts[6][1:].split(","))
        if found.setdefault(time, values) != values:
            raise DataError(f"{name}: row {row}: stands twice with other values: {line[:60]!r}; remove one of them")
    if not found:
        raise DataError(f"{name}: expected bars, got none")
    times = np.array(sorted(found), np.int64)
    table = np.array([found[time] for time in times.tolist()])
    return {"ts": times, **{name: table[:, column] for column, name in enumerate(_NAMES)}}


def mt4_offset(bars: Columns, trades: Columns, interval: int = MINUTE) -> int:
    """Nanoseconds to take off the stamps of ``bars`` so that they are those of ``trades`` (ts, price), found over whole
    hours from -12 to 12. Raises DataError where no offset has 95 % of the bars that trades can prove, where several
    have, and where fewer than a hundred bars move: flat ones prove nothing."""
    true = bars_of_trades(trades["ts"], trades["price"], interval)
    shares = {}
    moving = (bars["high"] != bars["low"]) | (np.diff(bars["close"], prepend=bars["close"][:1]) != 0.0)
    for hours in range(-_HOURS, _HOURS + 1):
        shifted = bars["ts"] - hours * HOUR
        place = np.searchsorted(true["ts"], shifted)
        there = (place < len(true["ts"])) & (true["ts"][np.minimum(place, len(true["ts"]) - 1)] == shifted)
        there &= moving
        if int(there.sum()) >= _LEAST:
            rows = place[there]
            equal = np.all([bars[name][there] == true[name][rows] for name in ("high", "low", "close")], axis=0)
            shares[hours] = float(equal.mean())
    best = max(shares, key=lambda hours: shares[hours], default=0)
    if shares.get(best, 0.0) < _NEEDED:
        raise DataError(
            f"no shift of -{_HOURS} to {_HOURS} hours makes these bars those of the trades: the best one, {best:+d} h, "
            f"has {shares.get(best, 0.0):.1%} of the bars of {interval_text(interval)}, and {_NEEDED:.0%} of at least "
            f"{_LEAST} that move are needed; "
            "build bars from trades instead"
        )
    if len(equal := [hours for hours, share in shares.items() if share >= _NEEDED]) > 1:
        raise DataError(
            f"shifts of {', '.join(f'{hours:+d}' for hours in equal)} hours all make these bars those of the trades: "
            "take more days, in which prices move"
        )
    return best * HOUR


def bars_of_trades(times: Integers, prices: Any, interval: int) -> Columns:
    """High, low and close of the trades in each interval that has any; the oldest first."""
    if not len(times):
        raise DataError("expected trades to compare the bars with, got none")
    opens = times // interval * interval
    starts = np.flatnonzero(np.diff(opens, prepend=opens[0] - 1))
    ends = np.append(starts[1:], len(times)) - 1
    return {
        "ts": opens[starts],
        "high": np.maximum.reduceat(prices, starts),
        "low": np.minimum.reduceat(prices, starts),
        "close": np.asarray(prices)[ends],
    }


def _lines(path: Path, name: str) -> list[str]:
    try:
        data = path.read_bytes()
        if data.startswith(b"\x1f\x8b"):
            data = gzip.decompress(data)
        return data.decode("ascii").splitlines()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"{name}: cannot be read ({error}): is it cut short? Fetch it again") from error
