"""Rows of BitMEX's tables as columns of the store. Every field but those that name a row may be absent or null.

What is no number, no time or out of order is refused (`NotTrustedError`: to ask again may help), never read as 0.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from halfspread.datafeeds.net.http import NotTrustedError
from halfspread.datafeeds.store.kinds import SNAPSHOT
from halfspread.engine.times import DAY, HOUR, SECOND, interval_text, time_text

__all__ = [
    "BINS",
    "Columns",
    "Row",
    "bar_columns",
    "book_columns",
    "funding_columns",
    "iso_time",
    "quote_columns",
    "rows_of",
    "time_of",
    "trade_columns",
    "without_twins",
]

#: Bins that the venue makes, by the store's name of the interval.
BINS = {"1m": 60 * SECOND, "5m": 300 * SECOND, "1h": HOUR, "1d": DAY}
Row = Mapping[str, Any]
Columns = dict[str, list[Any]]

_ISO = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z")
_YEAR_2000 = 946_684_800 * SECOND
#: Units of the settle currency in the smallest ones, of which the venue counts turnover.
_SMALLEST = {"XBT": 10**8, "XBt": 10**8, "USDT": 10**6, "USDt": 10**6, "USDC": 10**6, "USDc": 10**6}
#: The name of rows that are no match, such as those of an index.
_NO_NAME = "00000000-0000-0000-0000-000000000000"
_SIDES = {"Buy": 1, "Sell": -1, "": 0, None: 0}


def iso_time(time: int) -> str:
    """A time, ns UTC, as parameters have it; cut to milliseconds."""
    day, rest = divmod(time, DAY)
    date = datetime.fromtimestamp(day * 86_400, UTC)
    seconds, fraction = divmod(rest, SECOND)
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{fraction // 1_000_000:03d}"
    return f"{date:%Y-%m-%d}T{clock}Z"


def time_of(text: Any, what: str = "timestamp") -> int:
    """Nanoseconds UTC of ``2024-01-01T00:00:00.000Z``, exact. Raises NotTrustedError."""
    found = _ISO.fullmatch(text) if isinstance(text, str) else None
    try:
        if found is None:
            raise ValueError
        day = datetime.fromisoformat(found[1]).toordinal() - _EPOCH
        clock = [int(found[i]) for i in (2, 3, 4)]
        if clock[0] > 23 or max(clock[1:]) > 59:
            raise ValueError
    except ValueError:
        raise NotTrustedError(f"{what}: expected a time such as 2024-01-01T00:00:00.000Z, got {text!r}") from None
    return day * DAY + (clock[0] * 3600 + clock[1] * 60 + clock[2]) * SECOND + int((found[5] or "").ljust(9, "0"))


_EPOCH = datetime(1970, 1, 1).toordinal()


def rows_of(body: Any, symbol: str) -> list[tuple[int, Row]]:
    """Rows of one symbol with their times, in order of time, without those that came twice. Raises NotTrustedError for
    what is no list of rows, a row of another symbol, and rows out of order or at odds with each other."""
    if not isinstance(body, list) or not all(isinstance(row, dict) for row in body):
        raise NotTrustedError(f"expected a list of rows, got {type(body).__name__}")
    found: list[tuple[int, Row]] = []
    for number, row in enumerate(body):
        if row.get("symbol") != symbol:
            raise NotTrustedError(f"row {number}: symbol: expected {symbol}, got {row.get('symbol')!r}")
        time = time_of(row.get("timestamp"), f"row {number}: timestamp")
        if found and time < found[-1][0]:
            raise NotTrustedError(
                f"row {number}: expected a time from {time_text(found[-1][0])} on, got {time_text(time)}"
            )
        found.append((time, row))
    return without_twins(found)


def without_twins(rows: Iterable[tuple[int, Row]]) -> list[tuple[int, Row]]:
    """The rows without those that are equal to an earlier one. Raises NotTrustedError for two trades of one name that
    differ."""
    kept: list[tuple[int, Row]] = []
    seen: dict[tuple[int, Any], list[Row]] = {}
    for time, row in rows:
        name = row.get("trdMatchID")
        same = seen.setdefault((time, name if isinstance(name, str) else None), [])
        if row in same:
            continue
        if same and _name(name) and name != _NO_NAME:
            raise NotTrustedError(f"{time_text(time)}: expected one trade {name}, got two that differ")
        same.append(row)
        kept.append((time, row))
    return kept


def refuse_twins(rows: Iterable[tuple[int, Row]], what: str) -> None:
    """Raise NotTrustedError where two rows have one time, in a table with one row a time."""
    last = None
    for time, _ in rows:
        if time == last:
            raise NotTrustedError(f"expected one {what} at {time_text(time)}, got two that differ")
        last = time


def number(row: Row, name: str, time: int, *, least: float = -math.inf) -> float | None:
    """A number of a row, None where it is absent or null. Raises NotTrustedError for anything else."""
    value = row.get(name)
    if value is None:
        return None
    finite = isinstance(value, (int, float)) and abs(value) < 1e300  # also a whole number of any length
    if isinstance(value, bool) or not finite or value < least:
        wanted = "a number" if least == -math.inf else f"a number of at least {least:g}"
        raise NotTrustedError(f"{time_text(time)}: {name}: expected {wanted}, got {value!r}")
    return float(value)


def required(row: Row, name: str, time: int, *, least: float = -math.inf) -> float:
    """A number that must be there. Raises NotTrustedError."""
    value = number(row, name, time, least=least)
    if value is None:
        raise NotTrustedError(f"{time_text(time)}: {name}: expected a number, got nothing")
    return value


def bar_columns(rows: list[tuple[int, Row]], interval: int, settle: str) -> Columns:
    """Bars: the venue stamps them with their END, the store with their open; the open price is the close before, as the
    venue has it, and may lie outside high and low. Turnover in ``settle``, counted by the venue in its smallest unit.
    Bins without trades stay. Raises NotTrustedError."""
    refuse_twins(rows, "bar")
    scale = _SMALLEST.get(settle)
    columns: Columns = {name: [] for name in (*_BAR_NAMES, "turnover", "trades", "vwap", "last_size")}
    for end, row in rows:
        if end % interval:
            raise NotTrustedError(f"expected bars that end on whole {interval_text(interval)}, got {time_text(end)}")
        columns["ts"].append(end - interval)
        prices = [required(row, name, end, least=1e-12) for name in ("open", "high", "low", "close")]
        if not prices[2] <= prices[3] <= prices[1]:
            raise NotTrustedError(f"{time_text(end)}: expected low <= close <= high, got {prices[1:]}")
        for name, price in zip(("open", "high", "low", "close"), prices, strict=True):
            columns[name].append(price)
        columns["volume"].append(required(row, "volume", end, least=0.0))
        turnover = number(row, "turnover", end, least=0.0)
        columns["turnover"].append(None if turnover is None or scale is None else turnover / scale)
        trades = number(row, "trades", end, least=0.0)
        if trades is not None and trades % 1.0:
            raise NotTrustedError(f"{time_text(end)}: trades: expected a whole number, got {trades!r}")
        columns["trades"].append(None if trades is None else int(trades))
        columns["vwap"].append(number(row, "vwap", end, least=0.0))
        columns["last_size"].append(number(row, "lastSize", end, least=0.0))
    return columns


_BAR_NAMES = ("ts", "open", "high", "low", "close", "volume")


def funding_columns(rows: list[tuple[int, Row]]) -> Columns:
    """Settlements. The interval is a date: what it is after the year 2000 began. A rate is known one interval before it
    is paid. Raises NotTrustedError."""
    refuse_twins(rows, "rate")
    columns: Columns = {name: [] for name in ("ts", "rate", "interval_h", "known_ts")}
    for time, row in rows:
        interval = time_of(row.get("fundingInterval"), "fundingInterval") - _YEAR_2000
        if not 0 < interval <= 30 * DAY:
            raise NotTrustedError(f"{time_text(time)}: fundingInterval: expected hours, got {row['fundingInterval']!r}")
        columns["ts"].append(time)
        columns["rate"].append(required(row, "fundingRate", time))
        columns["interval_h"].append(interval / HOUR)
        columns["known_ts"].append(time - interval)
    return columns


def trade_columns(rows: list[tuple[int, Row]]) -> Columns:
    """Trades. Those of an index (Referential, of size 0) are left out. Raises NotTrustedError."""
    columns: Columns = {name: [] for name in ("ts", "price", "size", "side", "trade_id")}
    for time, row in rows:
        if row.get("trdType") == "Referential":
            continue
        if row.get("side") not in _SIDES:
            raise NotTrustedError(f"{time_text(time)}: side: expected Buy or Sell, got {row.get('side')!r}")
        columns["ts"].append(time)
        columns["price"].append(required(row, "price", time, least=1e-12))
        columns["size"].append(required(row, "size", time, least=1e-12))
        columns["side"].append(_SIDES[row.get("side")])
        columns["trade_id"].append(_name(row.get("trdMatchID")))
    return columns


def _name(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def quote_columns(rows: list[tuple[int, Row]]) -> Columns:
    """Best bids and asks; a quote with one side only is left out. Raises NotTrustedError."""
    names: dict[str, Callable[[Row, int], float | None]] = {
        "bid": lambda row, time: number(row, "bidPrice", time, least=1e-12),
        "bid_size": lambda row, time: number(row, "bidSize", time, least=0.0),
        "ask": lambda row, time: number(row, "askPrice", time, least=1e-12),
        "ask_size": lambda row, time: number(row, "askSize", time, least=0.0),
    }
    both = [(time, row) for time, row in rows if row.get("bidPrice") is not None and row.get("askPrice") is not None]
    columns: Columns = {"ts": [time for time, _ in both]}
    for name, value in names.items():
        columns[name] = [value(row, time) for time, row in both]
    return columns


def book_columns(body: Any, symbol: str, now: int) -> Columns:
    """Levels of /orderBook/L2 as one snapshot, as of the newest of its levels, or of ``now`` where none says when it
    changed (before February 2022). Prices are those of the rows: an id tells nothing. Raises NotTrustedError."""
    if not isinstance(body, list) or not all(isinstance(row, dict) for row in body):
        raise NotTrustedError(f"expected a list of levels, got {type(body).__name__}")
    stamps = [time_of(row["timestamp"]) for row in body if row.get("timestamp") is not None]
    time = max(stamps, default=now)
    columns: Columns = {name: [] for name in ("ts", "message", "action", "side", "price", "size", "id")}
    levels: dict[tuple[int, float], Row] = {}
    for row in body:
        if row.get("symbol") != symbol or row.get("side") not in ("Buy", "Sell"):
            got = f"{row.get('symbol')!r}, {row.get('side')!r}"
            raise NotTrustedError(f"expected levels of {symbol}, Buy or Sell, got {got}")
        side, price = _SIDES[row["side"]], required(row, "price", time, least=1e-12)
        if levels.setdefault((side, price), row) != row:
            raise NotTrustedError(f"expected one level of {row['side']} at {price:g}, got two that differ")
    bids, asks = ([price for side, price in levels if side == one] for one in (1, -1))
    if bids and asks and max(bids) >= min(asks):
        raise NotTrustedError(f"expected bids below asks, got a bid of {max(bids):g} and an ask of {min(asks):g}")
    for (side, price), row in levels.items():
        name = row.get("id")
        values = (time, 0, SNAPSHOT, side, price, required(row, "size", time, least=1e-12))
        for column, value in zip(columns, (*values, name if isinstance(name, int) else None), strict=True):
            columns[column].append(value)
    return columns
