"""Bybit's instruments, risk limits and tickers over a generated market.

Beside the market's contracts there are names without a market (to have pages of them), one before its launch and one
that is closed.
"""

from __future__ import annotations

from typing import Any

from halfspread.datafeeds.fake_exchange.contracts import FakeContract
from halfspread.datafeeds.fake_exchange.decimals import decimal_text
from halfspread.datafeeds.fake_exchange.market import GeneratedMarket, PriceFamily
from halfspread.engine.times import DAY, HOUR, MINUTE

__all__ = ["FILLERS", "instruments", "risk_limits", "ticker"]

#: Names of linear contracts without a market.
FILLERS = tuple(f"FILL{number:02d}USDT" for number in range(1, 41))
MS = 1_000_000


def instruments(market: GeneratedMarket, category: str, now: int) -> list[dict[str, Any]]:
    """Rows of instruments-info of a category, in order of names, of all statuses."""
    rows = [_row(market, contract, now) for contract in market.of_venue("bybit") if contract.kind == category]
    if category == "linear":
        model = FakeContract("bybit", "", "linear", "FILL", "USDT", (1, 4), (1, 0))
        rows += [{**_row(market, model, now), "symbol": name, "baseCoin": name[:-4]} for name in FILLERS]
        soon = {"status": "PreLaunch", "isPreListing": True, "launchTime": str((market.end + 30 * DAY) // MS)}
        gone = {"status": "Closed", "deliveryTime": str((market.start - 30 * DAY) // MS)}
        rows += [{**_row(market, model, now), "symbol": "SOONUSDT", "baseCoin": "SOON", **soon}]
        rows += [{**_row(market, model, now), "symbol": "GONEUSDT", "baseCoin": "GONE", **gone}]
    return sorted(rows, key=lambda row: str(row["symbol"]))


def _row(market: GeneratedMarket, contract: FakeContract, now: int) -> dict[str, Any]:
    tick = decimal_text(*contract.tick)
    lot = decimal_text(*contract.lot)
    launch = market.start if contract.launch is None else contract.launch
    return {
        "symbol": contract.symbol,
        "contractType": "LinearPerpetual" if contract.kind == "linear" else "InversePerpetual",
        "status": "Trading" if launch <= now else "PreLaunch",
        "baseCoin": contract.base,
        "quoteCoin": contract.quote,
        "launchTime": str(launch // MS),
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": str(contract.tick[1]),
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": tick, "maxPrice": "1999999.80", "tickSize": tick},
        "lotSizeFilter": {
            "maxOrderQty": decimal_text(1_000_000 * contract.lot[0], contract.lot[1]),
            "minOrderQty": lot,
            "qtyStep": lot,
            "postOnlyMaxOrderQty": decimal_text(1_000_000 * contract.lot[0], contract.lot[1]),
            "maxMktOrderQty": decimal_text(100_000 * contract.lot[0], contract.lot[1]),
            "minNotionalValue": "5",
        },
        "unifiedMarginTrade": True,
        "fundingInterval": _hours(contract, now) * 60,
        "settleCoin": contract.settle,
        "copyTrading": "none",
        "upperFundingRate": "0.00375",
        "lowerFundingRate": "-0.00375",
        "isPreListing": False,
        "preListingInfo": None,
    }


def _hours(contract: FakeContract, now: int) -> int:
    return [hours for since, hours in ((0, contract.funding_hours), *contract.funding_changes) if since <= now][-1]


def risk_limits(symbol: str) -> list[dict[str, Any]]:
    """Three tiers of one contract: rates as numbers, amounts as text."""
    tiers = (("2000000", 0.005, 0.01, "100.00", "0"), ("10000000", 0.01, 0.02, "50.00", "10000"),
             ("50000000", 0.025, 0.05, "20.00", "160000"))  # fmt: skip
    return [
        {
            "id": number + 1,
            "symbol": symbol,
            "riskLimitValue": value,
            "maintenanceMargin": maintenance,
            "initialMargin": initial,
            "isLowestRisk": int(number == 0),
            "maxLeverage": leverage,
            "mmDeduction": deduction,
        }
        for number, (value, maintenance, initial, leverage, deduction) in enumerate(tiers)
    ]


def ticker(market: GeneratedMarket, contract: FakeContract, now: int) -> dict[str, Any]:
    """One row of tickers."""
    import numpy as np

    at = min(now, market.end) - 1
    day = market.day_of(at)
    events = market.events(contract.symbol, day).before(at + 1)
    quote = len(events.quote_ts) - 1
    bids, asks = market.book(contract.symbol, day, quote)
    last = int(events.ticks[-1]) if len(events.ticks) else int(events.bid[quote])
    following, step = contract.funding_times(now + 1, now + 2 * DAY)[0]
    lots = int(market.open_interest(contract.symbol, np.array([at]))[0])

    def price(ticks: int) -> str:
        return decimal_text(ticks * contract.tick[0], contract.tick[1])

    def size(count: int) -> str:
        return decimal_text(count * contract.lot[0], contract.lot[1])

    row = {
        "symbol": contract.symbol,
        "lastPrice": price(last),
        "openInterest": size(2 * lots),
        "fundingRate": decimal_text(market.indicative_rate(contract.symbol, now), contract.rate_decimals),
        "nextFundingTime": str(following // MS),
        "fundingIntervalHour": str(step // HOUR),
        "fundingCap": "0.00375",
        "bid1Price": price(bids[0][0]),
        "bid1Size": size(bids[0][1]),
        "ask1Price": price(asks[0][0]),
        "ask1Size": size(asks[0][1]),
        **_of_the_day(market, contract, at + 1, last),
        **dict.fromkeys(_DELIVERY, ""),
        "deliveryTime": "0",
    }
    names: dict[str, PriceFamily] = {"indexPrice": "index", "markPrice": "mark"}
    for name, family in names.items():
        value = market.prices_at(contract.symbol, family, at)
        row[name] = decimal_text(value, market.price_decimals(contract.symbol, family))
    return row


_DELIVERY = (
    "predictedDeliveryPrice",
    "basisRate",
    "basis",
    "deliveryFeeRate",
    "preOpenPrice",
    "preQty",
    "curPreListingPhase",
)


def _of_the_day(market: GeneratedMarket, contract: FakeContract, now: int, last: int) -> dict[str, str]:
    """What the last 24 hours were, "" where there are no bars of them."""
    bars = market.bars(contract.symbol, MINUTE, now - DAY, now, now)
    names = ("prevPrice24h", "prevPrice1h", "highPrice24h", "lowPrice24h", "price24hPcnt", "volume24h", "turnover24h")
    if not len(bars["ts"]):
        return dict.fromkeys(names, "")
    first, hour = int(bars["open"][0]), int(bars["open"][-min(60, len(bars["open"]))])
    prices = [first, hour, int(bars["high"].max()), int(bars["low"].min())]
    values = [decimal_text(ticks * contract.tick[0], contract.tick[1]) for ticks in prices]
    change = decimal_text(round((last - first) / first * 10**6), 6)
    volume = decimal_text(int(bars["lots"].sum()) * contract.lot[0], contract.lot[1])
    turnover = decimal_text(int(bars["turnover"].sum()), contract.turnover_decimals)
    return dict(zip(names, (*values, change, volume, turnover), strict=True))
