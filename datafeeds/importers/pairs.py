"""Names of markets as CCXT writes them, and what a venue calls them: BTC/USDT:USDT is BTCUSDT at Bybit."""

from __future__ import annotations

import re
from dataclasses import dataclass

from halfspread.engine.instruments import get
from halfspread.errors import InstrumentError

__all__ = ["Pair", "pair_of"]

_PAIR = re.compile(r"([A-Z0-9]+)/([A-Z0-9]+)(?::([A-Z0-9]+))?")


@dataclass(frozen=True)
class Pair:
    """``base``/``quote``:``settle``; a spot market settles in nothing."""

    base: str
    quote: str
    settle: str | None

    def __str__(self) -> str:
        return f"{self.base}/{self.quote}" + (f":{self.settle}" if self.settle else "")

    @property
    def inverse(self) -> bool:
        """Whether it is settled in its base."""
        return self.settle == self.base

    def symbol(self, venue: str) -> str | None:
        """The perpetual swap's name at a venue, None where it is not known: spot markets are no swaps."""
        if not self.settle:
            return None
        try:
            return get(f"{venue}:{self}").symbol
        except InstrumentError:
            pass
        base = self.base.replace("BTC", "XBT") if venue == "bitmex" else self.base
        if venue == "bybit" and self.quote == "USDC":
            return f"{base}PERP"
        return f"{base}{self.quote}" if venue in ("bitmex", "bybit", "binance") and not self._coin_m(venue) else None

    def _coin_m(self, venue: str) -> bool:
        return venue == "binance" and self.inverse


def pair_of(name: str) -> Pair | None:
    """The pair of a name such as BTC/USD:BTC, None for other names."""
    found = _PAIR.fullmatch(name)
    return Pair(found[1], found[2], found[3]) if found else None
