"""What a contract of Bybit is, as far as fetching its history needs to know."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Any

from halfspread.datafeeds.bybit.client import BybitClient, Category
from halfspread.datafeeds.bybit.values import milliseconds
from halfspread.datafeeds.net.http import NotTrustedError
from halfspread.errors import DataError, FetchError

__all__ = ["Listing", "category_of", "listing"]

_INVERSE = re.compile(r"[A-Z0-9]+USD([FGHJKMNQUVXZ]\d\d)?")
_OVER = ("Delivering", "Closed")


@dataclass(frozen=True)
class Listing:
    """A contract. ``info``: the venue's row of its rules; ``launched``, ``ended``: int64 ns UTC, ended None while it
    trades; ``funding_hours``: between settlements as of now, None where it has none."""

    category: Category
    symbol: str
    info: dict[str, Any]
    launched: int
    ended: int | None
    funding_hours: float | None

    @property
    def perpetual(self) -> bool:
        """Whether it is a perpetual; dated futures have no funding."""
        return "Perpetual" in str(self.info.get("contractType"))


def category_of(symbol: str) -> Category:
    """The category by the name alone: BTCUSD and BTCUSDH23 are inverse."""
    return "inverse" if _INVERSE.fullmatch(symbol) else "linear"


def listing(client: BybitClient, symbol: str) -> Listing:
    """What the venue says about ``symbol``. Raises DataError for a name that it does not know."""
    found = client.find(symbol)
    if found is None:
        raise DataError(f"bybit: no contract is called {symbol!r}{_similar(client, symbol)}")
    category, info = found
    try:
        launched = milliseconds(info.get("launchTime"), f"{symbol}: launchTime")
        ended = milliseconds(info.get("deliveryTime"), "") if info.get("status") in _OVER else None
    except NotTrustedError as error:
        raise FetchError(f"{client.http.host}: instruments-info: {error}") from None
    minutes = info.get("fundingInterval")
    hours = minutes / 60 if isinstance(minutes, int) and minutes > 0 else None
    return Listing(category, symbol, info, launched, ended, hours)


def _similar(client: BybitClient, symbol: str) -> str:
    names = [str(row.get("symbol")) for category in ("linear", "inverse") for row in client.instruments(category)]
    close = difflib.get_close_matches(symbol.upper(), names, n=3)
    return f"; did you mean {' or '.join(close)}?" if close else f" ({len(names)} are, such as BTCUSDT and BTCUSD)"
