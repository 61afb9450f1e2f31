"""What a perfect store would hold of a generated market, in the store's own columns and units."""

from __future__ import annotations

from typing import Any, Literal, Protocol

import numpy as np
import pyarrow as pa

from halfspread.datafeeds.fake_exchange.bars import Bars
from halfspread.datafeeds.fake_exchange.contracts import FakeContract
from halfspread.datafeeds.fake_exchange.days import DayEvents, book_lots
from halfspread.datafeeds.fake_exchange.decimals import to_floats
from halfspread.datafeeds.fake_exchange.naming import trade_ids
from halfspread.datafeeds.store.columns import TYPES, without_empty
from halfspread.datafeeds.store.kinds import Kind, kind_of
from halfspread.engine.times import HOUR, Floats, Integers
from halfspread.errors import DataError

__all__ = ["truth", "vwap_text_units"]

#: From when on Bybit counts open interest on one side as well: 2026-06-11.
ONE_SIDED_SINCE = 1_781_136_000_000_000_000
VWAP_DECIMALS = 4


class Market(Protocol):
    """What is asked of a generated market here."""

    book_levels: int

    def contract(self, symbol: str) -> FakeContract: ...
    def day_of(self, time: int) -> int: ...
    def events(self, symbol: str, day: int) -> DayEvents: ...
    def bars(self, symbol: str, interval: int, start: int, end: int) -> Bars: ...
    def price_bars(
        self, symbol: str, family: Literal["index", "mark", "premium"], interval: int, start: int, end: int
    ) -> Bars: ...
    def price_decimals(self, symbol: str, family: Literal["index", "mark", "premium"]) -> int: ...
    def funding(self, symbol: str, start: int, end: int) -> list[tuple[int, int, int]]: ...
    def open_interest(self, symbol: str, times: Integers) -> Integers: ...
    def book(self, symbol: str, day: int, quote: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]: ...


def truth(market: Market, kind: str, start: int, end: int, symbol: str) -> pa.Table:
    """The rows of [start, end). Raises DataError for a kind that the market does not have."""
    of_kind, contract = kind_of(kind), market.contract(symbol)
    family = kind.split("_", maxsplit=1)[0]
    makers = {
        "bars": _bars,
        "mark": _prices,
        "index": _prices,
        "premium": _prices,
        "open": _open_interest,
        "funding": _funding,
        "trades": _trades,
        "quotes": _quotes,
        "books": _books,
    }
    if family not in makers or (kind.startswith("books") and of_kind.levels > market.book_levels):
        raise DataError(f"generated market: expected one of {', '.join(makers)} and what its books show, got {kind}")
    columns = makers[family](market, contract, of_kind, start, end)
    held = [column for column in of_kind.columns if column.name in columns]
    table = {}
    for column in held:
        values = pa.array(columns[column.name], pa.int64() if column.type == "time" else TYPES[column.type])
        table[column.name] = values.cast(TYPES[column.type])
    return without_empty(of_kind, pa.table(table))


def _bars(market: Market, contract: FakeContract, kind: Kind, start: int, end: int) -> dict[str, Any]:
    bars = market.bars(contract.symbol, kind.interval, start, end)
    columns: dict[str, Any] = {"ts": bars["ts"]}
    for name in ("open", "high", "low", "close"):
        columns[name] = to_floats(bars[name] * contract.tick[0], contract.tick[1])
    columns["volume"] = _sizes(contract, bars["lots"])
    columns["turnover"] = to_floats(bars["turnover"], contract.turnover_decimals)
    if contract.venue == "bitmex":
        traded = bars["trades"] > 0
        columns["trades"] = bars["trades"]
        vwap = to_floats(vwap_text_units(contract, bars["lots"], bars["turnover"]), VWAP_DECIMALS)
        columns["vwap"] = pa.array(vwap, mask=~traded)
        columns["last_size"] = pa.array(_sizes(contract, bars["last_lots"]), mask=~traded)
    return columns


def vwap_text_units(contract: FakeContract, lots: Integers, turnover: Integers) -> Integers:
    """Mean price weighted by volume, in units of 10 ** -4; 0 without trades."""
    sizes = to_floats(lots * contract.lot[0], contract.lot[1] + contract.contract_decimals)
    value = to_floats(turnover, contract.turnover_decimals)
    above, below = (sizes, value) if contract.kind == "inverse" else (value, sizes)
    mean = np.divide(above, below, out=np.zeros(len(lots)), where=below > 0)
    units: Integers = np.rint(mean * 10**VWAP_DECIMALS).astype(np.int64)
    return units


def _sizes(contract: FakeContract, lots: Integers) -> Floats:
    return to_floats(lots * contract.lot[0], contract.lot[1])


def _prices(market: Market, contract: FakeContract, kind: Kind, start: int, end: int) -> dict[str, Any]:
    family: Any = kind.name.split("_")[0]
    bars = market.price_bars(contract.symbol, family, kind.interval, start, end)
    decimals = market.price_decimals(contract.symbol, family)
    return {name: column if name == "ts" else to_floats(column, decimals) for name, column in bars.items()}


def _open_interest(market: Market, contract: FakeContract, kind: Kind, start: int, end: int) -> dict[str, Any]:
    first = start + (-start) % kind.interval
    times = np.arange(first, end, kind.interval)
    if contract.launch is not None:
        times = times[times >= contract.launch]
    lots = market.open_interest(contract.symbol, times)
    single = _sizes(contract, lots)
    return {
        "ts": times,
        "open_interest": _sizes(contract, 2 * lots),
        "one_sided": pa.array(single, mask=times < ONE_SIDED_SINCE),
    }


def _funding(market: Market, contract: FakeContract, kind: Kind, start: int, end: int) -> dict[str, Any]:
    rows = market.funding(contract.symbol, start, end)
    times, rates, steps = (np.array([row[i] for row in rows], np.int64) for i in range(3))
    columns: dict[str, Any] = {
        "ts": times,
        "rate": to_floats(rates, contract.rate_decimals),
        "interval_h": steps / HOUR,
    }
    if contract.known_ahead:
        columns["known_ts"] = times - steps
    return columns


def _trades(market: Market, contract: FakeContract, kind: Kind, start: int, end: int) -> dict[str, Any]:
    parts: list[tuple[Any, ...]] = []
    for day in range(market.day_of(start), market.day_of(end - 1) + 1):
        events = market.events(contract.symbol, day)
        inside = slice(*np.searchsorted(events.ts, (start, end)))
        ids = trade_ids(contract.symbol, day, range(*inside.indices(len(events.ts))))
        columns = (events.ts, events.ticks, events.lots, events.side, events.rpi)
        parts.append((*(column[inside] for column in columns), ids))
    if not parts:
        parts = [(*(np.zeros(0, np.int64) for _ in range(5)), [])]
    ts, ticks, lots, side, rpi = (np.concatenate([part[i] for part in parts]) for i in range(5))
    found: dict[str, Any] = {
        "ts": ts.astype(np.int64),
        "price": to_floats(ticks * contract.tick[0], contract.tick[1]),
        "size": _sizes(contract, lots),
        "side": side.astype(np.int8),
        "trade_id": [one for part in parts for one in part[5]],
    }
    if contract.venue == "bybit":
        found["block"] = np.zeros(len(ts), np.bool_)
        found["rpi"] = rpi.astype(np.bool_)
    return found


def _quotes(market: Market, contract: FakeContract, kind: Kind, start: int, end: int) -> dict[str, Any]:
    parts: dict[str, list[Any]] = {name: [] for name in ("ts", "bid", "bid_size", "ask", "ask_size")}
    for day in range(market.day_of(start), market.day_of(end - 1) + 1):
        events = market.events(contract.symbol, day)
        first, last = np.searchsorted(events.quote_ts, (start, end))
        parts["ts"].append(events.quote_ts[first:last])
        for side, ticks in (("bid", events.bid[first:last]), ("ask", events.ask[first:last])):
            parts[side].append(to_floats(ticks * contract.tick[0], contract.tick[1]))
            parts[f"{side}_size"].append(_sizes(contract, book_lots(ticks, np.arange(first, last), day)))
    return {name: np.concatenate(found) if found else np.zeros(0) for name, found in parts.items()}


def _books(market: Market, contract: FakeContract, kind: Kind, start: int, end: int) -> dict[str, Any]:
    if kind.name == "book_updates":
        raise DataError("generated market: book_updates are as the wire sends them; compare books_N")
    rows: dict[str, list[Any]] = {name: [] for name in kind.names if name != "exch_ts"}
    for day in range(market.day_of(start), market.day_of(end - 1) + 1):
        events = market.events(contract.symbol, day)
        for quote in range(*np.searchsorted(events.quote_ts, (start, end))):
            rows["ts"].append(int(events.quote_ts[quote]))
            for side, levels in zip(("bid", "ask"), market.book(contract.symbol, day, quote), strict=True):
                for i in range(kind.levels):
                    ticks, lots = levels[i] if i < len(levels) else (None, 0)
                    price = None if ticks is None else float(to_floats(ticks * contract.tick[0], contract.tick[1]))
                    rows[f"{side}_{i + 1}"].append(price)
                    rows[f"{side}_size_{i + 1}"].append(float(_sizes(contract, np.int64(lots))))  # type: ignore[arg-type]
    return rows
