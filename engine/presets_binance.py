"""Binance perpetual swaps of which order books are often recorded: contracts, ticks and lots as seen in captures.

The venues are called as archives call them: binance-futures (USD-M, linear) and binance-delivery (COIN-M, inverse).
Fees are those of accounts without VIP status; the dates at which they changed are not known, and the dearer value is
kept where there is a doubt. The venue itself is not fetched from.
"""

from __future__ import annotations

from datetime import UTC, datetime

from halfspread.costs.fees import FeePeriod, FeeSchedule
from halfspread.costs.margin import MarginSchedule, MarginTier
from halfspread.engine.instrument import Instrument, LotPeriod, TickPeriod

__all__ = ["BTCUSDT", "BTCUSD_PERP", "DELIVERY", "FUTURES"]

_NOTE = "as the venue and others tell it; the date of the change is unknown"

_USDM_FEES = FeeSchedule(
    periods=(
        FeePeriod(taker=4e-4, maker=2e-4, verified=False, note=_NOTE),
        FeePeriod(start=datetime(2023, 1, 1, tzinfo=UTC), taker=5e-4, maker=2e-4, verified=False, note=_NOTE),
    )
)
_COINM_FEES = FeeSchedule(
    periods=(
        FeePeriod(taker=4e-4, maker=1.5e-4, verified=False, note=_NOTE),
        FeePeriod(start=datetime(2023, 9, 26, tzinfo=UTC), taker=5e-4, maker=2e-4, verified=False, note=_NOTE),
    )
)
_LOWEST_TIER = MarginSchedule.constant(
    (MarginTier(initial=0.01, maintenance=0.005),),
    verified=False,
    note="1 % to open and 0.5 % to keep are assumed for every size",
)

BTCUSDT = Instrument(
    venue="binance-futures",
    symbol="BTCUSDT",
    kind="linear",
    base="BTC",
    quote="USDT",
    settle="USDT",
    multiplier=1.0,
    lots=(LotPeriod(lot=0.001),),
    ticks=(TickPeriod(tick=0.1, note="seen in a capture of 2023-04-04"),),
    fees=_USDM_FEES,
    margin=_LOWEST_TIER,
    max_contracts=1000.0,
    aliases=("BTC/USDT:USDT", "BTC/USDT"),
)

BTCUSD_PERP = Instrument(
    venue="binance-delivery",
    symbol="BTCUSD_PERP",
    kind="inverse",
    base="BTC",
    quote="USD",
    settle="BTC",
    multiplier=100.0,
    lots=(LotPeriod(lot=1.0),),
    ticks=(TickPeriod(tick=0.1, note="seen in a capture of 2024-08-08"),),
    fees=_COINM_FEES,
    margin=_LOWEST_TIER,
    aliases=("BTC/USD:BTC", "BTC/USD"),
)

FUTURES = (BTCUSDT,)
DELIVERY = (BTCUSD_PERP,)
