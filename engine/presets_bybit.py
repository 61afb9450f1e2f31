"""Bybit perpetual swaps: contracts, ticks, lots, fees and margin by date.

The venue publishes today's values only, so the history is pieced together from captures; between two captures the date
of a change is unknown, and the dearer value is kept until the
later one. What is inferred is marked ``verified=False``.
"""

from __future__ import annotations

from datetime import UTC, datetime

from halfspread.costs.fees import FeePeriod, FeeSchedule
from halfspread.costs.margin import MarginSchedule, MarginTier
from halfspread.engine.instrument import Instrument, LotPeriod, TickPeriod

__all__ = ["BTCUSD", "BTCUSDT", "ETHUSDT", "PRESETS"]

#: Accounts without VIP status; some countries pay more.
_FEES = FeeSchedule(
    periods=(
        FeePeriod(taker=7.5e-4, maker=-2.5e-4, verified=False, note="seen in 2021; dates unknown"),
        FeePeriod(
            start=datetime(2022, 1, 1, tzinfo=UTC),
            taker=6e-4,
            maker=1e-4,
            verified=False,
            note="seen in 2022 and 2023; the date of the change is unknown",
        ),
        FeePeriod(
            start=datetime(2024, 1, 1, tzinfo=UTC),
            taker=5.5e-4,
            maker=2e-4,
            verified=False,
            note="seen from 2024 to 2026; the date of the change is unknown",
        ),
    )
)

#: Value in USDT. The venue's table goes on; what lies above the rows that are known is taken to be like the last.
_BTCUSDT_MARGIN = MarginSchedule.constant(
    (MarginTier(limit=2e6, initial=0.01, maintenance=0.005), MarginTier(initial=0.0111, maintenance=0.0056)),
    verified=False,
    note="the two lowest tiers as captured; positions above 2,600,000 USDT need more, and earlier tables are not known",
)

_LOWEST_TIER = MarginSchedule.constant(
    (MarginTier(initial=0.01, maintenance=0.005),),
    verified=False,
    note="the lowest tier of BTCUSDT is assumed for every size",
)

BTCUSDT = Instrument(
    venue="bybit",
    symbol="BTCUSDT",
    kind="linear",
    base="BTC",
    quote="USDT",
    settle="USDT",
    multiplier=1.0,
    lots=(LotPeriod(lot=0.001),),
    ticks=(
        TickPeriod(
            tick=0.5,
            verified=False,
            note="seen on 2022-12-13; the change to 0.1 is of an unknown date before 2023-11-29",
        ),
        TickPeriod(start=datetime(2023, 11, 29, tzinfo=UTC), tick=0.1, note="measured in bars"),
    ),
    fees=_FEES,
    margin=_BTCUSDT_MARGIN,
    max_contracts=1190.0,
    aliases=("BTC/USDT:USDT", "BTC/USDT"),
)

ETHUSDT = Instrument(
    venue="bybit",
    symbol="ETHUSDT",
    kind="linear",
    base="ETH",
    quote="USDT",
    settle="USDT",
    multiplier=1.0,
    lots=(LotPeriod(lot=0.01),),
    ticks=(
        TickPeriod(tick=0.05, verified=False, note="the date of the change to 0.01 is unknown"),
        TickPeriod(
            start=datetime(2023, 11, 29, tzinfo=UTC),
            tick=0.01,
            verified=False,
            note="the date of the change from 0.05 is unknown",
        ),
    ),
    fees=_FEES,
    margin=_LOWEST_TIER,
    aliases=("ETH/USDT:USDT", "ETH/USDT"),
)

BTCUSD = Instrument(
    venue="bybit",
    symbol="BTCUSD",
    kind="inverse",
    base="BTC",
    quote="USD",
    settle="BTC",
    multiplier=1.0,
    lots=(LotPeriod(lot=1.0),),
    ticks=(
        TickPeriod(tick=0.5, note="seen in a book of 2021-04-17 and in quotes of 2022-12-13"),
        TickPeriod(
            start=datetime(2022, 12, 14, tzinfo=UTC),
            tick=0.5,
            verified=False,
            note="the change to 0.1 is of an unknown date before 2025-10-13",
        ),
        TickPeriod(
            start=datetime(2025, 10, 13, tzinfo=UTC),
            tick=0.1,
            verified=False,
            note="inferred from one quote of 2025-10-13 that is no multiple of 0.5",
        ),
    ),
    fees=_FEES,
    margin=_LOWEST_TIER,
    aliases=("BTC/USD:BTC", "BTC/USD"),
)

PRESETS = (BTCUSD, BTCUSDT, ETHUSDT)
