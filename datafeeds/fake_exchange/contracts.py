"""The contracts of a generated market: what they are called, their ticks and lots, and when they traded.

Prices, sizes and rates are whole numbers of their smallest units, so that what goes over the wire is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from halfspread.engine.times import HOUR, Integers
from halfspread.errors import ConfigError

__all__ = ["BITMEX_CONTRACTS", "BYBIT_CONTRACTS", "DEFAULT_CONTRACTS", "FakeContract", "Span"]

#: A half-open span of time, int64 ns UTC.
Span = tuple[int, int]


@dataclass(frozen=True)
class FakeContract:
    """One perpetual swap. ``tick`` and ``lot`` are (units, decimals): (5, 1) is 0.5.

    ``launch``: int64 ns UTC, None for the market's start. ``outages``: spans without trades or quotes, in which bars
    repeat the last close. ``holes``: spans of which the venue has nothing at all. ``funding_changes``: (from time,
    hours) pairs that change the interval of funding. ``known_ahead``: rates are published one interval before they are
    paid. ``scale``: of the index price, for contracts on something else than the first.
    """

    venue: Literal["bybit", "bitmex"]
    symbol: str
    kind: Literal["linear", "inverse"]
    base: str
    quote: str
    tick: tuple[int, int]
    lot: tuple[int, int]
    contract_decimals: int = 0  # base coin of a linear contract: 10 ** -contract_decimals
    mean_lots: float = 20.0
    launch: int | None = None
    outages: tuple[Span, ...] = ()
    holes: tuple[Span, ...] = ()
    funding_hours: int = 8
    funding_changes: tuple[tuple[int, int], ...] = ()
    funding_offset: int = 0  # hours after midnight of the first settlement
    scale: float = 1.0

    def __post_init__(self) -> None:
        for name, spans in (("outages", self.outages), ("holes", self.holes)):
            if any(start >= end for start, end in spans):
                raise ConfigError(f"{self.symbol}: {name}: expected spans of (start, end) with start < end")
        if any(24 % hours for hours in (self.funding_hours, *(hours for _, hours in self.funding_changes))):
            raise ConfigError(f"{self.symbol}: funding hours: expected hours that divide a day")

    @property
    def known_ahead(self) -> bool:
        """Whether a rate is known one interval before it is paid."""
        return self.venue == "bitmex"

    @property
    def settle(self) -> str:
        """The currency of margin and profit."""
        return self.base if self.kind == "inverse" else self.quote

    @property
    def turnover_decimals(self) -> int:
        """Decimals of the turnover's unit: satoshi where inverse, else what price times size has."""
        return 8 if self.kind == "inverse" else self.tick[1] + self.lot[1] + self.contract_decimals

    @property
    def rate_decimals(self) -> int:
        """Decimals of a funding rate."""
        return 8 if self.venue == "bybit" else 6

    def turnover(self, ticks: Integers, lots: Integers) -> Integers:
        """Value of each trade in units of ``turnover_decimals``, settle currency (quote for linear contracts)."""
        prices, sizes = ticks * self.tick[0], lots * self.lot[0]
        if self.kind == "linear":
            return prices * sizes
        satoshi: Integers = (sizes * 10 ** (8 + self.tick[1] - self.lot[1]) + prices // 2) // prices
        return satoshi

    def funding_times(self, start: int, end: int) -> list[tuple[int, int]]:
        """Settlements of [start, end): (time, nanoseconds of the interval that ends there)."""
        regimes = [(start, self.funding_hours), *self.funding_changes]
        found: list[tuple[int, int]] = []
        for number, (since, hours) in enumerate(regimes):
            until = regimes[number + 1][0] if number + 1 < len(regimes) else end
            step = hours * HOUR
            offset = self.funding_offset * HOUR % step
            first = max(since, start)
            first += (offset - first) % step
            found += [(time, step) for time in range(first, min(until, end), step)]
        return found


BYBIT_CONTRACTS = (
    FakeContract("bybit", "BTCUSDT", "linear", "BTC", "USDT", (1, 1), (1, 3)),
    FakeContract("bybit", "BTCUSD", "inverse", "BTC", "USD", (5, 1), (1, 0), mean_lots=500.0),
)
BITMEX_CONTRACTS = (
    FakeContract("bitmex", "XBTUSD", "inverse", "XBT", "USD", (5, 1), (100, 0), funding_offset=4),
    FakeContract(
        "bitmex", "XBTUSDT", "linear", "XBT", "USDT", (5, 1), (1000, 0), contract_decimals=6, funding_offset=4
    ),
)
DEFAULT_CONTRACTS = BYBIT_CONTRACTS + BITMEX_CONTRACTS
