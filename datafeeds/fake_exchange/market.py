"""A generated market: one index, several contracts of two venues, everything consistent with everything.

Trades meet the quotes in force, bars are those of the trades, the book shows the quotes, funding follows from the
premium. The same seed gives the same market, and a shorter one is the beginning of a longer one. It knows no protocol.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from halfspread.datafeeds.fake_exchange.bars import Bars, present, price_bars, price_day, trade_bars
from halfspread.datafeeds.fake_exchange.contracts import DEFAULT_CONTRACTS, FakeContract
from halfspread.datafeeds.fake_exchange.days import DayBars, DayEvents, book_lots, day_bars, day_events
from halfspread.datafeeds.fake_exchange.paths import Path
from halfspread.engine.times import DAY, MINUTE, SECOND, Integers, parse_time, time_text
from halfspread.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["GeneratedMarket", "PriceFamily"]

PriceFamily = Literal["index", "mark", "premium"]

KEPT_DAYS = 6
PREMIUM_DECIMALS = 6


class GeneratedMarket:
    """Several contracts over one index.

    Args:
        seed: of everything.
        start: midnight UTC of the first day (date, ISO text, nanoseconds).
        days: how many days there are.
        contracts: `FakeContract`; by default BTCUSDT and BTCUSD of Bybit, XBTUSD and XBTUSDT of BitMEX.
        price: of the index at the start. volatility: of a year.
        quotes_per_minute, trades_per_minute: means.
        book_levels: levels that books show on each side.

    Raises ConfigError for a start that is no midnight, no days, or two contracts of one name.
    """

    def __init__(
        self,
        seed: int = 0,
        start: Any = "2024-01-01",
        days: int = 2,
        contracts: tuple[FakeContract, ...] = DEFAULT_CONTRACTS,
        *,
        price: float = 40_000.0,
        volatility: float = 0.6,
        quotes_per_minute: float = 6.0,
        trades_per_minute: float = 3.0,
        book_levels: int = 25,
    ) -> None:
        if seed < 0:
            raise ConfigError(f"generated market: seed: expected a whole number from 0 on, got {seed}")
        self.seed, self.start, self.days = seed, parse_time(start, "start"), days
        if self.start % DAY or days < 1:
            raise ConfigError(
                f"generated market: expected a start at midnight UTC and at least one day, got "
                f"{time_text(self.start)} and {days}"
            )
        self.contracts = {contract.symbol: contract for contract in contracts}
        if len(self.contracts) != len(contracts):
            raise ConfigError("generated market: expected each contract to have a symbol of its own")
        self.book_levels = book_levels
        self._rates = quotes_per_minute, trades_per_minute
        self._path = Path(seed, self.start, days, price, volatility)
        self._events: OrderedDict[tuple[str, int], DayEvents] = OrderedDict()
        self._bars: dict[tuple[str, int], DayBars] = {}
        self._prices: dict[tuple[str, str, int], Integers] = {}
        self._lock = threading.RLock()
        self._values = lru_cache(maxsize=8)(self._price_values)

    @property
    def end(self) -> int:
        """Midnight after the last day."""
        return self.start + self.days * DAY

    def contract(self, symbol: str) -> FakeContract:
        """The contract of this symbol. Raises ConfigError."""
        if symbol not in self.contracts:
            raise ConfigError(f"generated market: expected one of {', '.join(self.contracts)}, got {symbol!r}")
        return self.contracts[symbol]

    def of_venue(self, venue: str) -> list[FakeContract]:
        """The contracts of one venue."""
        return [contract for contract in self.contracts.values() if contract.venue == venue]

    def day_of(self, time: int) -> int:
        """The number of the day that a time is on; before the first is -1 or less."""
        return (time - self.start) // DAY

    def events(self, symbol: str, day: int) -> DayEvents:
        """Quotes and trades of one day; the days asked for last are kept."""
        with self._lock:
            key = symbol, day
            if key not in self._events:
                self._events[key] = day_events(self._path, self.contract(symbol), day, *self._rates)
                while len(self._events) > KEPT_DAYS:
                    self._events.popitem(last=False)
            self._events.move_to_end(key)
            return self._events[key]

    def bars(self, symbol: str, interval: int, start: int, end: int, now: int | None = None) -> Bars:
        """Bars that open in [start, end) as they stand at ``now``, the unfinished one included. ``interval``: ns, a
        divisor of a day."""
        contract, now = self.contract(symbol), self.end if now is None else min(now, self.end)
        first, last = self._days(start, min(end, now), interval)
        days = [self._day_bars(symbol, day, now) for day in range(first, last)]
        if not days:
            days = [_no_bars(self._price_before(symbol, 0))]
        bars = trade_bars(contract, days, self.start + first * DAY, interval)
        return present(contract, bars, interval, start, min(end, now))

    def price_bars(
        self, symbol: str, family: PriceFamily, interval: int, start: int, end: int, now: int | None = None
    ) -> Bars:
        """Bars of index, mark or premium, as `bars` gives those of trades; units of ``price_decimals``."""
        now = self.end if now is None else min(now, self.end)
        first, last = self._days(start, min(end, now), interval)
        last = max(last, first + 1)
        days = [self._price_day(symbol, family, day, now) for day in range(first, last)]
        before = int(self._price_day(symbol, family, first - 1, now)[2, -1]) if first else int(days[0][2, 0])
        bars = price_bars(days, before, self.start + first * DAY, interval)
        contract = self.contract(symbol)
        return present(contract, bars, interval, start, min(end, now))

    def price_decimals(self, symbol: str, family: PriceFamily) -> int:
        """Decimals of index and mark prices, and of the premium."""
        return PREMIUM_DECIMALS if family == "premium" else self.contract(symbol).tick[1] + 1

    def prices_at(self, symbol: str, family: PriceFamily, time: int) -> int:
        """Index, mark or premium in force at a time, in units of ``price_decimals``."""
        day = self.day_of(time)
        second = (time - self.start - day * DAY) // SECOND
        return int(self._values(symbol, family, day)[second])

    def funding(self, symbol: str, start: int, end: int) -> list[tuple[int, int, int]]:
        """Settlements of [start, end): (time, rate in units of ``rate_decimals``, nanoseconds of the interval)."""
        contract = self.contract(symbol)
        launch = self.start if contract.launch is None else contract.launch
        times = contract.funding_times(self.start, self.end)
        held = [(time, step) for time, step in times if start <= time < end and time > launch]
        return [
            (time, self._rate(contract, time, step), step)
            for time, step in held
            if not any(first <= time < last for first, last in contract.holes)
        ]

    def indicative_rate(self, symbol: str, time: int) -> int:
        """The rate that the next settlement after a time would have, in units of ``rate_decimals``."""
        contract = self.contract(symbol)
        following = contract.funding_times(time + 1, time + 2 * DAY)[0]
        return self._rate(contract, *following)

    def open_interest(self, symbol: str, times: Integers) -> Integers:
        """Lots open at times, each counted once."""
        hours = (times - self.start) / (3600.0 * SECOND)
        waves = np.sin(hours / 5.3 + self.seed) + 0.5 * np.sin(hours / 31.7)
        lots: Integers = (self.contract(symbol).mean_lots * 2000.0 * (1.0 + 0.1 * waves)).astype(np.int64)
        return lots

    def book(self, symbol: str, day: int, quote: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Bids and asks, best first, as (ticks, lots), while a quote of a day is in force."""
        events, steps = self.events(symbol, day), np.arange(self.book_levels)
        sides = []
        for ladder in (int(events.bid[quote]) - steps, int(events.ask[quote]) + steps):
            prices = ladder[ladder > 0]
            lots = book_lots(prices, np.full(len(prices), quote), day)
            sides.append(list(zip(prices.tolist(), lots.tolist(), strict=True)))
        return sides[0], sides[1]

    def truth(self, kind: str, start: Any = None, end: Any = None, *, symbol: str = "BTCUSDT") -> pa.Table:
        """What a perfect store would hold of a kind from ``start`` to ``end`` (exclusive; by default all), in the
        store's columns. Raises ConfigError for a symbol and DataError for a kind that is not there."""
        from halfspread.datafeeds.fake_exchange.truth import truth

        first = self.start if start is None else parse_time(start, "start")
        last = self.end if end is None else parse_time(end, "end")
        return truth(self, kind, max(first, self.start), min(last, self.end), symbol)

    def _days(self, start: int, end: int, interval: int) -> tuple[int, int]:
        if DAY % interval or interval % MINUTE:
            raise ConfigError(f"generated market: expected whole minutes that divide a day, got {interval} ns")
        first = min(max(self.day_of(start), 0), self.days - 1)
        return first, max(first, min(self.day_of(end - 1) + 1, self.days))

    def _day_bars(self, symbol: str, day: int, now: int) -> DayBars:
        midnight = self.start + day * DAY
        contract, whole = self.contract(symbol), now >= midnight + DAY
        with self._lock:
            if whole and (symbol, day) in self._bars:
                return self._bars[symbol, day]
            events = self.events(symbol, day)
            made = day_bars(
                contract, events if whole else events.before(now), midnight, self._price_before(symbol, day)
            )
            if whole:
                self._bars[symbol, day] = made
            return made

    def _price_before(self, symbol: str, day: int) -> int:
        """The last traded price before a day; where there is none, the first one."""
        for earlier in range(day - 1, -1, -1):
            if (symbol, earlier) in self._bars:
                return int(self._bars[symbol, earlier].close[-1])
            events = self.events(symbol, earlier)
            if len(events.ts):
                return int(events.ticks[-1])
        for later in range(day, self.days):
            events = self.events(symbol, later)
            if len(events.ts):
                return int(events.ticks[0])
        return 1

    def _price_values(self, symbol: str, family: PriceFamily, day: int) -> Integers:
        """Index, mark or premium at each second of a day."""
        contract = self.contract(symbol)
        times = self.start + day * DAY + np.arange(86_400) * SECOND
        premium = self._path.premium(symbol, times) if family != "index" else np.zeros(len(times))
        decimals = self.price_decimals(symbol, family)
        if family == "premium":
            prices = premium
        else:
            prices = np.exp(self._path.log_index(day)) * contract.scale * (1.0 + 0.5 * premium)
        units: Integers = np.rint(prices * 10**decimals).astype(np.int64)
        return units

    def _price_day(self, symbol: str, family: PriceFamily, day: int, now: int) -> Integers:
        key, midnight = (symbol, family, day), self.start + day * DAY
        with self._lock:
            if now < midnight + DAY:
                values = self._values(symbol, family, day).copy()
                known = max(1, (now - midnight) // SECOND)
                values[known:] = values[known - 1]
                return price_day(values)
            if key not in self._prices:
                self._prices[key] = price_day(self._values(symbol, family, day))
            return self._prices[key]

    def _rate(self, contract: FakeContract, time: int, step: int) -> int:
        """Premium of the interval measured, plus interest within 5 basis points of it."""
        measured = time - step * (2 if contract.known_ahead else 1)
        samples = self._path.premium(contract.symbol, measured + np.arange(0, step, MINUTE))
        weights = np.ones(len(samples)) if contract.known_ahead else np.arange(1.0, len(samples) + 1.0)
        premium = float((samples * weights).sum() / weights.sum())
        interest = 3e-4 * step / DAY
        rate = premium + min(max(interest - premium, -5e-4), 5e-4)
        units: int = round(rate * 10**contract.rate_decimals)
        return units


def _no_bars(before: int) -> DayBars:
    """A day before there were any."""
    nothing = np.zeros(1440, np.int64)
    return DayBars(nothing, nothing, np.full(1440, before), nothing, nothing, nothing, nothing, before)
