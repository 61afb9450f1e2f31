"""Contracts of BitMEX from its /instrument rows, by date: ticks and lots change, and a symbol may come to name another
contract (ADAUSDT was a quanto settled in XBT until December 2021 and a linear contract settled in USDT after it).

The venue's rows hold the values of the day; history is what dated copies of them show.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from halfspread.engine.instrument import Instrument, LotPeriod, TickPeriod
from halfspread.engine.times import SECOND
from halfspread.errors import DataError

__all__ = ["PERPETUAL", "contracts", "instrument_of", "rules_of"]

#: ``typ`` of perpetual swaps: on a coin, and on foreign exchange.
PERPETUAL = ("FFWCSX", "FFWCSF")
_CURRENCIES = {"XBt": ("XBT", 1e8), "XBT": ("XBT", 1e8), "USDt": ("USDT", 1e6), "USDc": ("USDC", 1e6)}
_WHAT = "instrument of BitMEX"
#: Fields of a row that are rules of the contract; the others change with the market.
_RULES = frozenset(
    [
        "symbol",
        "rootSymbol",
        "state",
        "typ",
        "listing",
        "front",
        "expiry",
        "settle",
        "positionCurrency",
        "underlying",
        "quoteCurrency",
        "underlyingSymbol",
        "reference",
        "referenceSymbol",
        "maxOrderQty",
        "maxPrice",
        "lotSize",
        "tickSize",
        "minTick",
        "multiplier",
        "settlCurrency",
        "isQuanto",
        "isInverse",
        "underlyingToPositionMultiplier",
        "underlyingToSettleMultiplier",
        "initMargin",
        "maintMargin",
        "riskLimit",
        "riskStep",
        "capped",
        "taxed",
        "deleverage",
        "makerFee",
        "takerFee",
        "settlementFee",
        "fundingInterval",
        "fundingBaseSymbol",
        "fundingQuoteSymbol",
        "fundingPremiumSymbol",
        "fundingBaseRate",
        "fundingQuoteRate",
        "fairMethod",
        "markMethod",
    ]
)


def rules_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a row of /instrument that are rules of the contract, without those that are null."""
    return {name: value for name, value in row.items() if name in _RULES and value is not None}


def instrument_of(row: Mapping[str, Any], time: int) -> Instrument:
    """The contract as a row of /instrument of ``time`` (ns UTC) describes it; its tick, lot and fees are taken to have
    held before. Raises DataError for what is no perpetual or lacks what a contract needs."""
    symbol = row.get("symbol")
    if row.get("typ") not in PERPETUAL:
        wanted = " or ".join(PERPETUAL)
        raise DataError(f"{_WHAT} {symbol}: typ: expected a perpetual, {wanted}, got {row.get('typ')!r}")
    settle, smallest = _settle(row)
    seen = datetime.fromtimestamp(time // SECOND, UTC)
    note = f"seen on {seen:%Y-%m-%d}; extended back"
    kind: Literal["linear", "inverse", "quanto"] = (
        "inverse" if row.get("isInverse") else "quanto" if row.get("isQuanto") else "linear"
    )
    return Instrument(
        venue="bitmex",
        symbol=str(symbol),
        kind=kind,
        base=str(row.get("underlying")),
        quote=str(row.get("quoteCurrency")),
        settle=settle,
        multiplier=_multiplier(row, kind, smallest),
        lots=(LotPeriod(lot=_number(row, "lotSize"), verified=False, note=note),),
        ticks=(TickPeriod(tick=_number(row, "tickSize"), verified=False, note=note),),
        max_contracts=_number(row, "maxOrderQty") if row.get("maxOrderQty") else None,
        funding_known_ahead=True,
        **_fees(row, note),
    )


def contracts(documents: Iterable[tuple[int, Mapping[str, Any]]]) -> tuple[tuple[int, Instrument], ...]:
    """The contracts that dated rows describe, the oldest first, with the time from which each holds. Rows that differ
    in tick or lot alone make periods of one contract; any other terms are another contract. Raises DataError."""
    eras: list[tuple[int, Instrument]] = []
    for time, row in sorted(documents, key=lambda document: document[0]):
        now = instrument_of(row, time)
        if not eras or _terms(eras[-1][1]) != _terms(now):
            eras.append((time, now))
            continue
        since, before = eras[-1]
        eras[-1] = since, before.model_copy(update=_changed(before, now, datetime.fromtimestamp(time // SECOND, UTC)))
    return tuple(eras)


def _changed(before: Instrument, now: Instrument, at: datetime) -> dict[str, Any]:
    """Ticks and lots of ``before`` with those of ``now``, where they differ, from ``at`` on."""
    note = "first seen then; changed at an unknown time before"
    ticks, lots = before.ticks, before.lots
    if now.tick != before.tick:
        ticks = (*ticks, TickPeriod(start=at, tick=now.tick, verified=False, note=note))
    if now.lot != before.lot:
        lots = (*lots, LotPeriod(start=at, lot=now.lot, verified=False, note=note))
    return {"ticks": ticks, "lots": lots}


def _terms(one: Instrument) -> tuple[Any, ...]:
    return one.symbol, one.kind, one.base, one.quote, one.settle, one.multiplier


def _settle(row: Mapping[str, Any]) -> tuple[str, float]:
    """The currency of margin, and how many of its smallest units it has."""
    name = row.get("settlCurrency")
    if name not in _CURRENCIES:
        raise DataError(f"{_WHAT} {row.get('symbol')}: settlCurrency: expected {', '.join(_CURRENCIES)}, got {name!r}")
    return _CURRENCIES[name]


def _multiplier(row: Mapping[str, Any], kind: str, smallest: float) -> float:
    """What a contract is worth, in the units of `Instrument.multiplier`."""
    if kind == "inverse":
        return abs(_number(row, "multiplier") / _number(row, "underlyingToSettleMultiplier"))
    if kind == "linear":
        return 1.0 / _number(row, "underlyingToPositionMultiplier")
    return _number(row, "multiplier") / smallest


def _number(row: Mapping[str, Any], name: str) -> float:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value == 0:
        raise DataError(f"{_WHAT} {row.get('symbol')}: {name}: expected a number, got {value!r}")
    return float(value)


def _fees(row: Mapping[str, Any], note: str) -> dict[str, Any]:
    """The venue's fees, where the row has both."""
    taker, maker = row.get("takerFee"), row.get("makerFee")
    if not isinstance(taker, (int, float)) or not isinstance(maker, (int, float)):
        return {}
    return {"fees": {"periods": ({"taker": taker, "maker": maker, "verified": False, "note": note},)}}
