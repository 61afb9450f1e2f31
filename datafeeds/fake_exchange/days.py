"""One day of one contract: quotes, the trades that met them, and the one-minute bars of these trades.

Prices are in ticks and sizes in lots, int64; times int64 ns UTC on whole milliseconds. Quotes change on even
milliseconds and trades are on odd ones, so that the quote a trade met is never in doubt.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from zlib import crc32

import numpy as np

from halfspread.datafeeds.fake_exchange.contracts import FakeContract, Span
from halfspread.datafeeds.fake_exchange.paths import Path
from halfspread.engine.times import DAY, MINUTE, Integers

__all__ = ["DayBars", "DayEvents", "book_lots", "day_bars", "day_events"]

MILLISECOND = 1_000_000
MINUTES = 1440

Flags = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class DayEvents:
    """Quotes (``quote_ts``, ``bid``, ``ask``) and trades; ``met`` is the number of the quote that each trade met."""

    quote_ts: Integers
    bid: Integers
    ask: Integers
    ts: Integers
    ticks: Integers
    lots: Integers
    side: Integers
    rpi: Flags
    met: Integers

    def before(self, time: int) -> DayEvents:
        """What happened before a time."""
        quotes, trades = np.searchsorted(self.quote_ts, time), np.searchsorted(self.ts, time)
        return replace(
            self,
            **{name: getattr(self, name)[:quotes] for name in ("quote_ts", "bid", "ask")},
            **{name: getattr(self, name)[:trades] for name in ("ts", "ticks", "lots", "side", "rpi", "met")},
        )


@dataclass(frozen=True)
class DayBars:
    """One-minute bars of a day. ``high`` and ``low`` are of trades alone, and meaningless where ``trades`` is 0;
    ``close`` is the last price, also of minutes without trades; ``before`` the last price before the day."""

    high: Integers
    low: Integers
    close: Integers
    lots: Integers
    turnover: Integers
    trades: Integers
    last_lots: Integers
    before: int


def day_events(
    path: Path, contract: FakeContract, day: int, quotes_per_minute: float, trades_per_minute: float
) -> DayEvents:
    """Make one day's quotes and trades."""
    rng = np.random.default_rng([path.seed, 3, crc32(contract.symbol.encode()), day])
    midnight = path.start + day * DAY
    half = DAY // MILLISECOND // 2
    drawn = rng.integers(1, half, rng.poisson(quotes_per_minute * MINUTES))
    quote_ts = midnight + np.unique(np.append(drawn, 0)) * 2 * MILLISECOND
    ts = midnight + (np.sort(rng.integers(0, half, rng.poisson(trades_per_minute * MINUTES))) * 2 + 1) * MILLISECOND
    tick = contract.tick[0] / 10 ** contract.tick[1]
    mid = path.index(day, quote_ts) * contract.scale * (1.0 + path.premium(contract.symbol, quote_ts))
    bid = np.maximum(1, (mid / tick).astype(np.int64))
    ask = bid + 1 + (rng.random(len(bid)) < 0.1)
    lots = 1 + rng.exponential(contract.mean_lots, len(ts)).astype(np.int64)
    side = np.where(rng.random(len(ts)) < 0.5, 1, -1)
    rpi = rng.random(len(ts)) < 0.02
    met = np.searchsorted(quote_ts, ts) - 1
    ticks = np.where(side > 0, ask[met], bid[met])
    shown, traded = _open(contract, quote_ts), _open(contract, ts)
    met = (np.cumsum(shown) - 1)[met]
    return DayEvents(
        quote_ts[shown], bid[shown], ask[shown],
        ts[traded], ticks[traded], lots[traded], side[traded], rpi[traded], met[traded],
    )  # fmt: skip


def _open(contract: FakeContract, times: Integers) -> Flags:
    """Which of ``times`` are after the launch and outside all outages and holes."""
    return outside(times, (*contract.outages, *contract.holes), contract.launch)


def outside(times: Integers, spans: tuple[Span, ...], launch: int | None) -> Flags:
    """Which of ``times`` are in none of ``spans`` and not before ``launch``."""
    kept: Flags = np.ones(len(times), np.bool_) if launch is None else times >= launch
    for start, end in spans:
        kept &= (times < start) | (times >= end)
    return kept


def day_bars(contract: FakeContract, events: DayEvents, midnight: int, before: int) -> DayBars:
    """One-minute bars of a day's trades."""
    minute = (events.ts - midnight) // MINUTE
    trades = np.bincount(minute, minlength=MINUTES)
    full = np.flatnonzero(trades)
    firsts = np.concatenate([[0], np.cumsum(trades)])[full]
    lasts = firsts + trades[full] - 1
    empty = np.zeros(MINUTES, np.int64)
    high, low, lots, turnover, last_lots = (empty.copy() for _ in range(5))
    close = np.full(MINUTES, before)
    if len(full):
        high[full] = np.maximum.reduceat(events.ticks, firsts)
        low[full] = np.minimum.reduceat(events.ticks, firsts)
        lots[full] = np.add.reduceat(events.lots, firsts)
        turnover[full] = np.add.reduceat(contract.turnover(events.ticks, events.lots), firsts)
        last_lots[full] = events.lots[lasts]
        known = np.searchsorted(full, np.arange(MINUTES), side="right") - 1
        close[known >= 0] = events.ticks[lasts][known[known >= 0]]
    return DayBars(high, low, close, lots, turnover, trades, last_lots, before)


def book_lots(ticks: Integers, quote: Integers, day: int) -> Integers:
    """Lots resting at prices while a quote is in force: a number made from price and quote, which changes at times."""
    price = ticks.astype(np.uint64)
    phase = price * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(59)
    mixed = (price + np.uint64(day * 0xD6E8FEB86659FD93 % 2**64)) * np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= ((quote.astype(np.uint64) + phase) >> np.uint64(4)) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    mixed *= np.uint64(0x2545F4914F6CDD1D)
    lots: Integers = (1 + (mixed >> np.uint64(40)) % np.uint64(900)).astype(np.int64)
    return lots
