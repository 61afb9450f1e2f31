"""Instruments by name, and constructors for contracts of your own.

bitmex("XBTUSD"); bybit("BTCUSDT"); get("bybit:BTCUSDT"); linear("SOLUSDT", base="SOL", tick=0.01, lot=0.1)
"""

from __future__ import annotations

import difflib

from halfspread.costs.fees import FeePeriod, FeeSchedule
from halfspread.costs.margin import MarginSchedule
from halfspread.engine import presets_binance, presets_bitmex, presets_bybit
from halfspread.engine.instrument import Instrument, LotPeriod, TickPeriod
from halfspread.errors import InstrumentError

__all__ = [
    "Instrument",
    "LotPeriod",
    "TickPeriod",
    "bitmex",
    "bybit",
    "get",
    "inverse",
    "linear",
    "names",
    "quanto",
]

_VENUES = {
    "binance-delivery": presets_binance.DELIVERY,
    "binance-futures": presets_binance.FUTURES,
    "bitmex": presets_bitmex.PRESETS,
    "bybit": presets_bybit.PRESETS,
}


def names() -> tuple[str, ...]:
    """Every preset as ``venue:SYMBOL``, sorted."""
    return tuple(sorted(preset.name for presets in _VENUES.values() for preset in presets))


def get(name: str) -> Instrument:
    """The preset ``venue:SYMBOL``. Raises InstrumentError."""
    venue, colon, symbol = name.partition(":")
    if not colon or venue.lower() not in _VENUES:
        raise InstrumentError(_unknown(name, names()))
    return _find(venue.lower(), symbol)


def bitmex(symbol: str) -> Instrument:
    """A BitMEX preset by symbol or alias. Raises InstrumentError."""
    return _find("bitmex", symbol)


def bybit(symbol: str) -> Instrument:
    """A Bybit preset by symbol or alias. Raises InstrumentError."""
    return _find("bybit", symbol)


def _find(venue: str, symbol: str) -> Instrument:
    presets = _VENUES[venue]
    for preset in presets:
        if symbol.upper() in (preset.symbol, *preset.aliases):
            return preset
    raise InstrumentError(f"{venue}: {_unknown(symbol, tuple(preset.symbol for preset in presets))}")


def _unknown(name: str, known: tuple[str, ...]) -> str:
    lower = {each.lower(): each for each in known}
    close = difflib.get_close_matches(name.lower(), lower, n=1)
    hint = f" Did you mean {lower[close[0]]!r}?" if close else ""
    return (
        f"unknown instrument {name!r}: expected one of {', '.join(known)}.{hint} "
        "Other contracts are built with instruments.linear, inverse or quanto"
    )


def linear(
    symbol: str,
    *,
    base: str = "BTC",
    quote: str = "USDT",
    multiplier: float = 1.0,
    lot: float = 1.0,
    tick: float = 0.1,
    taker: float | None = None,
    maker: float | None = None,
    margin: MarginSchedule | None = None,
    min_contracts: float | None = None,
    max_contracts: float | None = None,
    funding_interval_hours: int = 8,
    funding_known_ahead: bool = False,
    venue: str = "custom",
) -> Instrument:
    """A contract worth ``multiplier`` units of base, settled in quote. Raises InstrumentError.

    ``lot`` in contracts, ``tick`` in quote currency; ``taker`` and ``maker`` are what ``Fees.venue()`` charges: give
    both or neither. ``margin``: what the venue asks for; left out: 1 % to open and 0.5 % to keep, whatever the size.
    ``min_contracts``, ``max_contracts``: of one order; left out: a lot, and no limit.
    """
    return Instrument(
        venue=venue,
        symbol=symbol,
        kind="linear",
        base=base,
        quote=quote,
        settle=quote,
        multiplier=multiplier,
        lots=(LotPeriod(lot=lot),),
        ticks=(TickPeriod(tick=tick),),
        fees=_fees(symbol, taker, maker),
        margin=margin,
        min_contracts=min_contracts,
        max_contracts=max_contracts,
        funding_interval_hours=funding_interval_hours,
        funding_known_ahead=funding_known_ahead,
    )


def inverse(
    symbol: str,
    *,
    base: str = "BTC",
    quote: str = "USD",
    multiplier: float = 1.0,
    lot: float = 1.0,
    tick: float = 0.1,
    taker: float | None = None,
    maker: float | None = None,
    margin: MarginSchedule | None = None,
    min_contracts: float | None = None,
    max_contracts: float | None = None,
    funding_interval_hours: int = 8,
    funding_known_ahead: bool = False,
    venue: str = "custom",
) -> Instrument:
    """A contract worth ``multiplier`` units of quote, settled in base; the rest as for ``linear``."""
    return Instrument(
        venue=venue,
        symbol=symbol,
        kind="inverse",
        base=base,
        quote=quote,
        settle=base,
        multiplier=multiplier,
        lots=(LotPeriod(lot=lot),),
        ticks=(TickPeriod(tick=tick),),
        fees=_fees(symbol, taker, maker),
        margin=margin,
        min_contracts=min_contracts,
        max_contracts=max_contracts,
        funding_interval_hours=funding_interval_hours,
        funding_known_ahead=funding_known_ahead,
    )


def quanto(
    symbol: str,
    *,
    base: str = "ETH",
    quote: str = "USD",
    settle: str = "BTC",
    multiplier: float = 1e-6,
    lot: float = 1.0,
    tick: float = 0.1,
    taker: float | None = None,
    maker: float | None = None,
    margin: MarginSchedule | None = None,
    min_contracts: float | None = None,
    max_contracts: float | None = None,
    funding_interval_hours: int = 8,
    funding_known_ahead: bool = False,
    venue: str = "custom",
) -> Instrument:
    """A contract worth ``multiplier`` units of ``settle`` for each 1.0 of the price; the rest as for ``linear``."""
    return Instrument(
        venue=venue,
        symbol=symbol,
        kind="quanto",
        base=base,
        quote=quote,
        settle=settle,
        multiplier=multiplier,
        lots=(LotPeriod(lot=lot),),
        ticks=(TickPeriod(tick=tick),),
        fees=_fees(symbol, taker, maker),
        margin=margin,
        min_contracts=min_contracts,
        max_contracts=max_contracts,
        funding_interval_hours=funding_interval_hours,
        funding_known_ahead=funding_known_ahead,
    )


def _fees(symbol: str, taker: float | None, maker: float | None) -> FeeSchedule | None:
    if taker is None and maker is None:
        return None
    if taker is None or maker is None:
        raise InstrumentError(f"{symbol}: give both taker and maker, or neither; got taker={taker}, maker={maker}")
    return FeeSchedule(periods=(FeePeriod(taker=taker, maker=maker),))
