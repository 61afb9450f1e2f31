"""Bybit's public files: trades of a day, MetaTrader bars of a month, the order book of a day as the feed sent it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime

from halfspread.datafeeds.fake_exchange.contracts import FakeContract
from halfspread.datafeeds.fake_exchange.decimals import decimal_text
from halfspread.datafeeds.fake_exchange.market import GeneratedMarket
from halfspread.datafeeds.fake_exchange.naming import trade_ids
from halfspread.engine.times import DAY, MINUTE, SECOND

__all__ = ["book_file", "book_name", "mt4_file", "trading_file"]

MS = 1_000_000
#: From when on trades say whether they met a retail price improvement order; taken to be the start of 2025.
RPI_SINCE = 1_735_689_600_000_000_000
#: The first day of files with 200 levels in place of 500.
OB200_SINCE = "2025-08-21"

Level = tuple[int, int]


def trading_file(market: GeneratedMarket, symbol: str, day: int, descending: bool, header: bool) -> bytes:
    """Trades of a day as text: times in seconds with four decimals, grossValue in scientific notation."""
    contract, events = market.contract(symbol), market.events(symbol, day)
    names = "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional"
    with_rpi = market.start + day * DAY >= RPI_SINCE
    values = contract.turnover(events.ticks, events.lots)
    ids = trade_ids(symbol, day, range(len(events.ts)))
    lines = []
    for i, value in enumerate(values.tolist()):
        size = decimal_text(int(events.lots[i]) * contract.lot[0], contract.lot[1])
        worth = decimal_text(value, contract.turnover_decimals)
        home, foreign = (worth, size) if contract.kind == "inverse" else (size, worth)
        fields = [
            decimal_text(int(events.ts[i]) // 100_000, 4),
            symbol,
            "Buy" if events.side[i] > 0 else "Sell",
            size,
            decimal_text(int(events.ticks[i]) * contract.tick[0], contract.tick[1]),
            "PlusTick",
            ids[i],
            f"{float(foreign) * 1e8:g}",
            home,
            foreign,
            *([str(int(events.rpi[i]))] if with_rpi else []),
        ]
        lines.append(",".join(fields))
    if descending:
        lines.reverse()
    return "\n".join([*([names + (",RPI" if with_rpi else "")] if header else []), *lines, ""]).encode()


def mt4_file(market: GeneratedMarket, symbol: str, minutes: int, days: tuple[int, int], ahead: int) -> bytes:
    """Bars of days first to last (exclusive), without a header, stamped ``ahead`` ns of UTC."""
    contract = market.contract(symbol)
    start, end = (market.start + day * DAY for day in days)
    bars = market.bars(symbol, minutes * MINUTE, start, end)
    lines = []
    for i, ts in enumerate(bars["ts"].tolist()):
        stamp = datetime.fromtimestamp((ts + ahead) // SECOND, UTC)
        prices = (
            decimal_text(int(bars[name][i]) * contract.tick[0], contract.tick[1])
            for name in ("open", "high", "low", "close")
        )
        volume = decimal_text(int(bars["lots"][i]) * contract.lot[0], contract.lot[1])
        lines.append(",".join((f"{stamp:%Y.%m.%d %H:%M}", *prices, volume)))
    return "\n".join([*lines, ""]).encode()


def book_name(symbol: str, day: str) -> str:
    """``2024-01-01_BTCUSDT_ob500.data.zip``."""
    return f"{day}_{symbol}_ob{500 if day < OB200_SINCE else 200}.data.zip"


def book_file(market: GeneratedMarket, symbol: str, day: int) -> bytes:
    """A zip with one member: a snapshot and then a delta for each change of the quote, one JSON object on each line."""
    text = f"{datetime.fromtimestamp((market.start + day * DAY) // SECOND, UTC):%Y-%m-%d}"
    depth = 500 if text < OB200_SINCE else 200
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        member = zipfile.ZipInfo(f"{text}_{symbol}_ob{depth}.data", (2024, 1, 1, 0, 0, 0))
        member.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(member, "".join(f"{line}\n" for line in book_lines(market, symbol, day, depth)))
    return packed.getvalue()


def book_lines(market: GeneratedMarket, symbol: str, day: int, depth: int) -> Iterator[str]:
    """The messages of a day in the order of their numbers."""
    contract, events = market.contract(symbol), market.events(symbol, day)
    before: tuple[dict[int, int], dict[int, int]] = ({}, {})
    for quote, time in enumerate(events.quote_ts.tolist()):
        sides = market.book(symbol, day, quote)
        now = dict(sides[0]), dict(sides[1])
        changes = [_changes(old, new) for old, new in zip(before, now, strict=True)] if quote else list(sides)
        before = now
        number = day * 100_000 + quote + 1
        data = {
            "s": symbol,
            "b": _texts(contract, changes[0]),
            "a": _texts(contract, changes[1]),
            "u": number,
            "seq": 7 * number,
        }
        kind = "delta" if quote else "snapshot"
        message = {
            "topic": f"orderbook.{depth}.{symbol}",
            "type": kind,
            "ts": time // MS + 3,
            "data": data,
            "cts": time // MS,
        }
        yield json.dumps(message, separators=(",", ":"))


def _changes(old: dict[int, int], new: dict[int, int]) -> list[Level]:
    gone = [(price, 0) for price in old if price not in new]
    return gone + [(price, lots) for price, lots in new.items() if old.get(price) != lots]


def _texts(contract: FakeContract, levels: list[Level]) -> list[list[str]]:
    return [
        [
            decimal_text(price * contract.tick[0], contract.tick[1]),
            decimal_text(lots * contract.lot[0], contract.lot[1]) if lots else "0",
        ]
        for price, lots in levels
    ]
