"""BitMEX's daily files of trades and quotes: all symbols mixed in order of time, times with a literal D."""

from __future__ import annotations

from halfspread.datafeeds.fake_exchange import bitmex_rows as tables
from halfspread.datafeeds.fake_exchange.market import GeneratedMarket
from halfspread.datafeeds.fake_exchange.naming import dump_time
from halfspread.engine.times import DAY

__all__ = ["bitmex_file"]

TRADE = (
    "symbol", "side", "size", "price", "tickDirection", "trdMatchID", "grossValue", "homeNotional", "foreignNotional",
)  # fmt: skip
QUOTE = ("symbol", "bidSize", "bidPrice", "askPrice", "askSize")
#: From when on trades name their type: not later than September 2022.
TYPED_SINCE = 1_661_990_400_000_000_000


def bitmex_file(market: GeneratedMarket, table: str, day: int, empty: bool) -> bytes:
    """The text of one day. ``empty``: the header only."""
    names = QUOTE if table == "quote" else TRADE
    if table == "trade" and market.start + day * DAY >= TYPED_SINCE:
        names = (*names, "trdType")
    symbols = [contract.symbol for contract in market.of_venue("bitmex")]
    make = tables.quotes if table == "quote" else tables.trades
    rows = [] if empty else [row for symbol in (*symbols, tables.INDEX) for row in make(market, symbol, day)]
    lines = [",".join(("timestamp", *names))]
    for time, row in sorted(rows, key=lambda row: row[0]):
        lines.append(",".join((dump_time(time), *("" if row[name] is None else str(row[name]) for name in names))))
    return "\n".join([*lines, ""]).encode()
