"""Contracts of BitMEX by date: what a row says of one, and what several say of its history."""

from __future__ import annotations

from typing import Any

import pytest

from halfspread.datafeeds.bitmex.instruments import contracts, instrument_of
from halfspread.engine.times import parse_time
from halfspread.errors import DataError

THEN, LATER, LAST = (parse_time(text) for text in ("2021-07-22", "2022-03-01", "2024-11-24"))


def row(symbol: str, **values: Any) -> dict[str, Any]:
    common = {"typ": "FFWCSX", "underlying": "XBT", "quoteCurrency": "USD", "settlCurrency": "XBt", "lotSize": 100,
              "tickSize": 0.5, "takerFee": 0.00075, "makerFee": -0.00025, "maxOrderQty": 10_000_000}  # fmt: skip
    return {"symbol": symbol, **common, **values}


XBTUSD = row("XBTUSD", isInverse=True, isQuanto=False, multiplier=-(10**8), underlyingToSettleMultiplier=-(10**8))
ETHUSD = row("ETHUSD", underlying="ETH", isQuanto=True, isInverse=False, multiplier=100)
ADA = {"underlying": "ADA", "quoteCurrency": "USDT", "tickSize": 1e-5, "lotSize": 1}
ADA_QUANTO = row("ADAUSDT", **ADA, isQuanto=True, multiplier=10**6)
ADA_LINEAR = row(
    "ADAUSDT", **ADA, settlCurrency="USDt", isQuanto=False, multiplier=10_000, underlyingToPositionMultiplier=100
)


def test_an_inverse_contract_is_one_dollar() -> None:
    one = instrument_of(XBTUSD, THEN)
    assert (one.kind, one.multiplier, one.settle, one.tick, one.lot) == ("inverse", 1.0, "XBT", 0.5, 100.0)
    assert one.pnl(15_000, 750.0, 800.0) == pytest.approx(1.25)
    assert one.funding_known_ahead
    assert one.fees is not None
    assert one.fees.periods[0].maker == -0.00025
    assert "seen on 2021-07-22" in one.unverified(THEN, LAST)["tick"][0]


def test_a_quanto_is_satoshi_for_each_dollar_of_price() -> None:
    one = instrument_of(ETHUSD, THEN)
    assert (one.kind, one.multiplier, one.settle) == ("quanto", 1e-6, "XBT")


def test_a_linear_contract_is_a_part_of_the_coin() -> None:
    linear = row(
        "XBTUSDT", quoteCurrency="USDT", settlCurrency="USDt", underlyingToPositionMultiplier=10**6, lotSize=1000
    )
    one = instrument_of(linear, THEN)
    assert (one.kind, one.multiplier, one.lot, one.settle) == ("linear", 1e-6, 1000.0, "USDT")


def test_one_symbol_may_name_two_contracts() -> None:
    eras = contracts([(LATER, ADA_LINEAR), (THEN, ADA_QUANTO)])
    assert [(since, one.kind, one.settle) for since, one in eras] == [
        (THEN, "quanto", "XBT"),
        (LATER, "linear", "USDT"),
    ]
    assert eras[0][1].multiplier == 0.01


def test_a_change_of_tick_or_lot_is_a_period_of_one_contract() -> None:
    ((since, one),) = contracts([(THEN, XBTUSD), (LATER, XBTUSD), (LAST, XBTUSD | {"tickSize": 0.1})])
    assert since == THEN
    assert [period.tick for period in one.ticks] == [0.5, 0.1]
    assert (one.tick_at(LAST - 1), one.tick_at(LAST)) == (0.5, 0.1)
    assert len(one.lots) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"typ": "FFCCSX"}, "typ: expected a perpetual, FFWCSX or FFWCSF, got 'FFCCSX'"),
        ({"settlCurrency": "ETh"}, "settlCurrency: expected XBt"),
        ({"tickSize": None}, "tickSize: expected a number, got None"),
        ({"underlyingToSettleMultiplier": 0}, "underlyingToSettleMultiplier: expected a number, got 0"),
    ],
)
def test_what_makes_no_contract_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=f"instrument of BitMEX XBTUSD: {message}"):
        instrument_of(XBTUSD | change, THEN)


def test_fields_that_are_absent_are_null() -> None:
    bare = {
        name: value for name, value in XBTUSD.items() if name not in ("takerFee", "makerFee", "maxOrderQty", "isQuanto")
    }
    one = instrument_of(bare, THEN)
    assert (one.fees, one.max_contracts) == (None, None)
