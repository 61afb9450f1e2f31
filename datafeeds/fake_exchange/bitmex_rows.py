"""Rows of BitMEX's tables over a generated market, as its REST interface and its daily files have them.

Numbers are JSON numbers, times ISO text; bars and binned quotes are stamped with the END of their bin. The index symbol
``.BXBT`` has Referential trades of size 0, one a minute.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from halfspread.datafeeds.fake_exchange.contracts import FakeContract
from halfspread.datafeeds.fake_exchange.days import book_lots
from halfspread.datafeeds.fake_exchange.decimals import decimal_text
from halfspread.datafeeds.fake_exchange.market import GeneratedMarket, PriceFamily
from halfspread.datafeeds.fake_exchange.naming import iso_time, trade_ids
from halfspread.datafeeds.fake_exchange.truth import VWAP_DECIMALS, vwap_text_units
from halfspread.engine.times import DAY, MINUTE

__all__ = [
    "INDEX",
    "Rows",
    "book_rows",
    "funding_rows",
    "instrument_row",
    "quote_bins",
    "quotes",
    "trade_bins",
    "trades",
]

#: Rows with their times, ns UTC, in order of time.
Rows = list[tuple[int, dict[str, Any]]]

INDEX = ".BXBT"
#: Rows name a pool from 2026-02-03 on, and some are of the second one from 2026-04-16.
POOL_SINCE, SECONDARY_SINCE = 1_770_076_800_000_000_000, 1_776_297_600_000_000_000


def number(units: int, decimals: int) -> int | float:
    """As JSON has it: no decimals where there are none."""
    scale = int(10**decimals)
    return units // scale if units % scale == 0 else units / scale


def _gross(contract: FakeContract, turnover: int) -> int:
    """Turnover in the smallest unit of the settle currency: satoshi, or millionths of a USDT."""
    return turnover if contract.kind == "inverse" else turnover // 10 ** (contract.turnover_decimals - 6)


def _notionals(contract: FakeContract, lots: int, turnover: int) -> dict[str, Any]:
    size = number(lots * contract.lot[0], contract.lot[1] + contract.contract_decimals)
    value = number(turnover, contract.turnover_decimals)
    home, foreign = (value, size) if contract.kind == "inverse" else (size, value)
    return {"homeNotional": home, "foreignNotional": foreign}


def trades(market: GeneratedMarket, symbol: str, day: int) -> Rows:
    """Trades of a day."""
    if symbol == INDEX:
        return _references(market, day)
    contract, events = market.contract(symbol), market.events(symbol, day)
    ids = trade_ids(symbol, day, range(len(events.ts)))
    turnover = contract.turnover(events.ticks, events.lots)
    rows: Rows = []
    before = int(events.ticks[0]) if len(events.ticks) else 0
    direction = "PlusTick"
    columns = (events.ts, events.ticks, events.lots, events.side, turnover)
    for i, (ts, ticks, lots, side, value) in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        if ticks != before:
            direction = "PlusTick" if ticks > before else "MinusTick"
        elif i:
            direction = direction if direction.startswith("Zero") else f"Zero{direction}"
        before = ticks
        row = {
            "timestamp": iso_time(ts),
            "symbol": symbol,
            "side": "Buy" if side > 0 else "Sell",
            "size": lots * contract.lot[0],
            "price": number(ticks * contract.tick[0], contract.tick[1]),
            "tickDirection": direction,
            "trdMatchID": ids[i],
            "grossValue": _gross(contract, value),
            **_notionals(contract, lots, value),
            "trdType": "Regular",
        }
        if ts >= POOL_SINCE:
            row["pool"] = "Secondary" if ts >= SECONDARY_SINCE and i % 5 == 0 else "Primary"
        rows.append((ts, row))
    return rows


def _references(market: GeneratedMarket, day: int) -> Rows:
    """The index, once a minute, in the shape of trades."""
    symbol = market.of_venue("bitmex")[0].symbol
    rows: Rows = []
    for ts in range(market.start + day * DAY, market.start + (day + 1) * DAY, MINUTE):
        price = market.prices_at(symbol, "index", ts)
        row = {
            "timestamp": iso_time(ts),
            "symbol": INDEX,
            "side": "Buy",
            "size": 0,
            "price": number(price, market.price_decimals(symbol, "index")),
            "tickDirection": "PlusTick",
            "trdMatchID": "00000000-0000-0000-0000-000000000000",
            "grossValue": None,
            "homeNotional": None,
            "foreignNotional": None,
            "trdType": "Referential",
        }
        rows.append((ts, row))
    return rows


def quotes(market: GeneratedMarket, symbol: str, day: int) -> Rows:
    """Quotes of a day; none of the index."""
    if symbol == INDEX:
        return []
    contract, events = market.contract(symbol), market.events(symbol, day)
    at = np.arange(len(events.quote_ts))
    sizes = [book_lots(ticks, at, day) * contract.lot[0] for ticks in (events.bid, events.ask)]
    columns = (column.tolist() for column in (events.quote_ts, events.bid, events.ask, *sizes))
    return [
        (ts, _quote(contract, ts, bid, ask, shown, offered))
        for ts, bid, ask, shown, offered in zip(*columns, strict=True)
    ]


def _quote(contract: FakeContract, ts: int, bid: int, ask: int, bid_size: int, ask_size: int) -> dict[str, Any]:
    return {
        "timestamp": iso_time(ts),
        "symbol": contract.symbol,
        "bidSize": bid_size,
        "bidPrice": number(bid * contract.tick[0], contract.tick[1]),
        "askPrice": number(ask * contract.tick[0], contract.tick[1]),
        "askSize": ask_size,
    }


def trade_bins(market: GeneratedMarket, symbol: str, interval: int, start: int, end: int, now: int) -> Rows:
    """Bars that open in [start, end), the unfinished one included."""
    contract, bars = market.contract(symbol), market.bars(symbol, interval, start, end, now)
    vwap = vwap_text_units(contract, bars["lots"], bars["turnover"])
    rows: Rows = []
    for i, ts in enumerate(bars["ts"].tolist()):
        count, lots, turnover = (int(bars[name][i]) for name in ("trades", "lots", "turnover"))
        prices = {
            name: number(int(bars[name][i]) * contract.tick[0], contract.tick[1])
            for name in ("open", "high", "low", "close")
        }
        row = {
            "timestamp": iso_time(ts + interval),
            "symbol": symbol,
            **prices,
            "trades": count,
            "volume": lots * contract.lot[0],
            "vwap": number(int(vwap[i]), VWAP_DECIMALS) if count else None,
            "lastSize": int(bars["last_lots"][i]) * contract.lot[0] if count else None,
            "turnover": _gross(contract, turnover),
            **_notionals(contract, lots, turnover),
        }
        rows.append((ts + interval, row))
    return rows


def quote_bins(market: GeneratedMarket, symbol: str, interval: int, start: int, end: int, now: int) -> Rows:
    """The last quote of each bin that opens in [start, end); a bin without one repeats the last."""
    last: dict[str, Any] | None = None
    found: dict[int, dict[str, Any]] = {}
    for day in range(max(0, market.day_of(start) - 1), min(market.days, market.day_of(end - 1) + 1)):
        for ts, row in quotes(market, symbol, day):
            if ts < now:
                found[ts - ts % interval] = row
    rows: Rows = []
    for opened in range(start + -start % interval, min(end, now), interval):
        last = found.get(opened, last)
        if last is not None:
            rows.append((opened + interval, {**last, "timestamp": iso_time(opened + interval)}))
    return rows


def funding_rows(market: GeneratedMarket, symbol: str, start: int, end: int) -> Rows:
    """Settlements of [start, end)."""
    contract = market.contract(symbol)
    return [
        (
            ts,
            {
                "timestamp": iso_time(ts),
                "symbol": symbol,
                "fundingInterval": interval_text(step),
                "fundingRate": rate / 10**contract.rate_decimals,
                "fundingRateDaily": rate * (DAY // step) / 10**contract.rate_decimals,
            },
        )
        for ts, rate, step in market.funding(symbol, start, end)
    ]


def interval_text(step: int) -> str:
    """An interval as the venue writes it: what has passed since the year 2000 began."""
    return iso_time(946_684_800_000_000_000 + step)


def book_rows(market: GeneratedMarket, symbol: str, depth: int, now: int) -> list[dict[str, Any]]:
    """orderBook/L2: levels of both sides; ids tell nothing of the price."""
    contract = market.contract(symbol)
    day = min(market.day_of(now - 1), market.days - 1)
    quote_ts = market.events(symbol, day).before(now).quote_ts
    bids, asks = market.book(symbol, day, len(quote_ts) - 1)
    levels = [("Sell", *level) for level in asks[: depth or None][::-1]] + [
        ("Buy", *level) for level in bids[: depth or None]
    ]
    return [
        {
            "symbol": symbol,
            "id": 69_000_000_000 + ticks * 7919 % 1_000_003 * 100_000 + ticks,
            "side": side,
            "size": lots * contract.lot[0],
            "price": number(ticks * contract.tick[0], contract.tick[1]),
            "timestamp": iso_time(int(quote_ts[-1])),
        }
        for side, ticks, lots in levels
    ]


def _quote_at(market: GeneratedMarket, contract: FakeContract, time: int) -> int:
    return len(market.events(contract.symbol, market.day_of(time)).before(time + 1).quote_ts) - 1


def instrument_row(market: GeneratedMarket, contract: FakeContract, now: int) -> dict[str, Any]:
    """A row of /instrument, without the fields that do not apply."""
    at = min(now, market.end) - 1
    following, step = contract.funding_times(now + 1, now + 2 * DAY)[0]
    inverse = contract.kind == "inverse"
    scale = {"underlyingToSettleMultiplier": -(10**8)} if inverse else {"underlyingToPositionMultiplier": 10**6}
    names: dict[str, PriceFamily] = {"markPrice": "mark", "indicativeSettlePrice": "index"}
    prices = {
        name: number(market.prices_at(contract.symbol, family, at), market.price_decimals(contract.symbol, family))
        for name, family in names.items()
    }
    launch = market.start if contract.launch is None else contract.launch
    bids, asks = market.book(contract.symbol, market.day_of(at), _quote_at(market, contract, at))
    for name, (ticks, _) in {"bidPrice": bids[0], "askPrice": asks[0]}.items():
        prices[name] = number(ticks * contract.tick[0], contract.tick[1])
    return {
        "symbol": contract.symbol,
        "rootSymbol": contract.base,
        "state": "Open" if launch <= now else "Unlisted",
        "typ": "FFWCSX",
        "listing": iso_time(launch),
        "front": iso_time(launch),
        "positionCurrency": contract.quote if inverse else contract.base,
        "underlying": contract.base,
        "quoteCurrency": contract.quote,
        "underlyingSymbol": f"{contract.base}=" if inverse else f"{contract.base}T=",
        "reference": "BMEX",
        "referenceSymbol": INDEX,
        "maxOrderQty": 10_000_000,
        "maxPrice": 1_000_000,
        "lotSize": contract.lot[0],
        "tickSize": float(decimal_text(*contract.tick)),
        "multiplier": -(10**8) if inverse else 1,
        "settlCurrency": "XBt" if inverse else "USDt",
        **scale,
        "isQuanto": False,
        "isInverse": inverse,
        "initMargin": 0.01,
        "maintMargin": 0.005,
        "riskLimit": 20_000_000_000,
        "riskStep": 15_000_000_000,
        "taxed": True,
        "deleverage": True,
        "makerFee": 0.0002,
        "takerFee": 0.00075,
        "settlementFee": 0,
        "fundingTimestamp": iso_time(following),
        "fundingInterval": interval_text(step),
        "fundingRate": market.indicative_rate(contract.symbol, now) / 10**contract.rate_decimals,
        **prices,
        "openInterest": int(market.open_interest(contract.symbol, np.array([at]))[0]) * contract.lot[0],
        "timestamp": iso_time(now),
    }
