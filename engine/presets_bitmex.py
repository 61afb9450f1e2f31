"""BitMEX perpetual swaps: contracts, ticks, lots, fees and margin by date.

Facts are from captured instrument rows (2021-07-22, 2024-11-24), from announcements, and for XBTUSD's ticks before 2018
from its one-minute bars. What is inferred is marked ``verified=False``.
"""

from __future__ import annotations

from datetime import UTC, datetime

from halfspread.costs.fees import FeePeriod, FeeSchedule, FeeTier
from halfspread.costs.margin import MAX_TIERS, MarginPeriod, MarginSchedule, MarginTier
from halfspread.engine.instrument import Instrument, LotPeriod, TickPeriod

__all__ = ["ETHUSD", "PRESETS", "XBTUSD", "XBTUSDT"]

#: From a copy of the announcement: 30-day volume in millions of USD, taker and maker in percent.
_TIERS_2023 = tuple(
    FeeTier(volume=1e6 * volume, taker=round(taker / 100.0, 8), maker=round(maker / 100.0, 8))
    for volume, taker, maker in (
        (1, 0.05, 0.01),
        (5, 0.04, 0.0),
        (10, 0.035, 0.0),
        (25, 0.03, 0.0),
        (50, 0.025, 0.0),
        (100, 0.024, -0.003),
        (250, 0.023, -0.005),
        (500, 0.022, -0.008),
        (1000, 0.0175, -0.01),
    )
)

_XBTUSD_FEES = FeeSchedule(
    periods=(
        FeePeriod(
            taker=7.5e-4,
            maker=-2.5e-4,
            verified=False,
            note="no fee is known before 2018-03; the earliest known is extended back",
        ),
        FeePeriod(start=datetime(2018, 3, 1, tzinfo=UTC), taker=7.5e-4, maker=-2.5e-4),
        FeePeriod(start=datetime(2021, 8, 18, tzinfo=UTC), taker=5e-4, maker=-1e-4),
        FeePeriod(
            start=datetime(2023, 1, 17, tzinfo=UTC),
            taker=7.5e-4,
            maker=2e-4,
            tiers=_TIERS_2023,
            tiers_verified=False,
            note="base tier, and tiers from a copy of the announcement",
        ),
        FeePeriod(
            start=datetime(2024, 11, 24, tzinfo=UTC),
            taker=5e-4,
            maker=5e-4,
            verified=False,
            note="seen on 2024-11-24; in force since an unknown date",
        ),
    )
)

_OTHER_FEES = FeeSchedule(
    periods=tuple(
        period.model_copy(update={"verified": False, "note": "the fees of XBTUSD are assumed"})
        for period in _XBTUSD_FEES.periods
    )
)


def _risk_steps(limit: float, step: float, maintenance: float, initial: float = 0.01) -> tuple[MarginTier, ...]:
    """Every ``step`` (settle currency) above the base ``limit`` adds the base maintenance rate to both rates, on the
    whole position: no deduction. As many as the event loop has room for; the last holds for all that is larger."""
    return tuple(
        MarginTier(
            limit=None if i == MAX_TIERS - 1 else limit + i * step,
            initial=round(initial + i * maintenance, 10),
            maintenance=round(maintenance * (1 + i), 10),
            deduction=0.0,
        )
        for i in range(MAX_TIERS)
    )


_COPIED = "dates and rates from copies of announcements"

#: Value in XBT; initial margin 1 %; the step was 100 XBT until 2021-08-31.
_XBTUSD_MARGIN = MarginSchedule(
    basis="entry",
    periods=(
        MarginPeriod(tiers=_risk_steps(200, 100, 0.005), verified=False, note=f"{_COPIED}; extended back"),
        MarginPeriod(
            start=datetime(2020, 4, 17, 1, tzinfo=UTC),
            tiers=_risk_steps(200, 100, 0.0045),
            verified=False,
            note=_COPIED,
        ),
        MarginPeriod(
            start=datetime(2020, 5, 5, 2, tzinfo=UTC), tiers=_risk_steps(200, 100, 0.004), verified=False, note=_COPIED
        ),
        MarginPeriod(
            start=datetime(2021, 7, 22, tzinfo=UTC),
            tiers=_risk_steps(200, 100, 0.0035),
            verified=False,
            note="seen on 2021-07-22; in force since an unknown date",
        ),
        MarginPeriod(
            start=datetime(2021, 8, 31, 6, tzinfo=UTC),
            tiers=_risk_steps(200, 150, 0.0035),
            verified=False,
            note=f"{_COPIED}; until when is not known",
        ),
        MarginPeriod(
            start=datetime(2024, 11, 24, tzinfo=UTC),
            tiers=_risk_steps(200, 150, 0.005),
            verified=False,
            note="seen on 2024-11-24; in force since an unknown date",
        ),
    ),
)

_ETHUSD_MARGIN = MarginSchedule.constant(
    _risk_steps(75, 75, 0.005), basis="entry", verified=False, note="seen on 2021-07-22 only"
)

_XBTUSDT_MARGIN = MarginSchedule.constant(
    (MarginTier(initial=0.01, maintenance=0.005),),
    basis="entry",
    verified=False,
    note="the rates of XBTUSD of 2024 are assumed, for every size",
)

XBTUSD = Instrument(
    venue="bitmex",
    symbol="XBTUSD",
    kind="inverse",
    base="XBT",
    quote="USD",
    settle="XBT",
    multiplier=1.0,
    lots=(LotPeriod(lot=1.0), LotPeriod(start=datetime(2021, 6, 8, 4, 30, tzinfo=UTC), lot=100.0)),
    ticks=(
        TickPeriod(tick=0.01),
        TickPeriod(start=datetime(2017, 3, 31, 12, tzinfo=UTC), tick=0.1),
        TickPeriod(
            start=datetime(2017, 11, 9, 18, tzinfo=UTC),
            tick=0.5,
            note="measured: trades keep to 0.1 until 17:59, and after a halt to 0.5 from 18:21 on",
        ),
        TickPeriod(start=datetime(2024, 7, 31, 4, tzinfo=UTC), tick=0.1),
    ),
    fees=_XBTUSD_FEES,
    margin=_XBTUSD_MARGIN,
    max_contracts=1e7,
    funding_known_ahead=True,
    aliases=("BTC/USD:BTC", "XBT/USD", "XBTUSD.BITMEX"),
)

XBTUSDT = Instrument(
    venue="bitmex",
    symbol="XBTUSDT",
    kind="linear",
    base="XBT",
    quote="USDT",
    settle="USDT",
    multiplier=1e-6,
    lots=(LotPeriod(lot=1000.0, verified=False, note="seen in 2024 only"),),
    ticks=(
        TickPeriod(tick=0.5, verified=False, note="the tick of XBTUSD is assumed"),
        TickPeriod(
            start=datetime(2024, 7, 31, 4, tzinfo=UTC), tick=0.1, verified=False, note="the tick of XBTUSD is assumed"
        ),
    ),
    fees=_OTHER_FEES,
    margin=_XBTUSDT_MARGIN,
    funding_known_ahead=True,
    aliases=("BTC/USDT:USDT", "XBT/USDT"),
)

ETHUSD = Instrument(
    venue="bitmex",
    symbol="ETHUSD",
    kind="quanto",
    base="ETH",
    quote="USD",
    settle="XBT",
    multiplier=1e-6,
    lots=(LotPeriod(lot=1.0),),
    ticks=(TickPeriod(tick=0.05), TickPeriod(start=datetime(2024, 7, 31, 4, tzinfo=UTC), tick=0.01)),
    fees=_OTHER_FEES,
    margin=_ETHUSD_MARGIN,
    max_contracts=1e7,
    funding_known_ahead=True,
    aliases=("ETH/USD:BTC", "ETH/USD"),
)

PRESETS = (ETHUSD, XBTUSD, XBTUSDT)
