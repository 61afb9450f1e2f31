"""Instruments: what contracts are worth, ticks and lots by date, and names."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.costs import kernels
from halfspread.costs.base import BEGINNING, nanoseconds
from halfspread.costs.half_spread import HalfSpread
from halfspread.engine import instruments
from halfspread.engine.instruments import Instrument, LotPeriod, TickPeriod
from halfspread.errors import InstrumentError

XBTUSD = instruments.bitmex("XBTUSD")
XBTUSDT = instruments.bitmex("XBTUSDT")
ETHUSD = instruments.bitmex("ETHUSD")
BTCUSDT = instruments.bybit("BTCUSDT")
ALL = [instruments.get(name) for name in instruments.names()]

every_instrument = st.sampled_from(ALL)
prices = st.floats(10.0, 200_000.0)
sizes = st.integers(1, 10**7).map(float)


def at(*moment: int) -> int:
    return nanoseconds(datetime(*moment, tzinfo=UTC))  # type: ignore[arg-type, misc]


def scale(instrument: Instrument, contracts: float, *paid: float) -> float:
    """A size to compare rounding with: the largest value that takes part in the sum."""
    return max(instrument.notional(contracts, price) for price in paid)


def test_long_inverse_contracts_earn_the_textbook_amount() -> None:
    assert XBTUSD.pnl(15_000, entry=750.0, exit=800.0) == pytest.approx(1.25, rel=1e-14)
    assert XBTUSD.pnl(-15_000, entry=750.0, exit=800.0) == pytest.approx(-1.25, rel=1e-14)


def test_linear_contracts_earn_the_difference_of_prices_times_their_size() -> None:
    assert BTCUSDT.pnl(0.5, entry=60_000.0, exit=61_000.0) == 500.0
    assert XBTUSDT.pnl(1_000, entry=60_000.0, exit=61_000.0) == pytest.approx(1.0, rel=1e-12)


def test_quanto_contracts_earn_bitcoin_on_the_dollar_price_of_ether() -> None:
    # 100 satoshi for each dollar and contract: 1,000 contracts, 50 dollars -> 0.05 XBT.
    assert ETHUSD.pnl(1_000, entry=2_000.0, exit=2_050.0) == pytest.approx(0.05, rel=1e-12)
    assert ETHUSD.notional(-1_000, 2_000.0) == pytest.approx(2.0, rel=1e-12)


def test_the_value_of_an_inverse_contract_is_negative_and_its_notional_is_not() -> None:
    assert XBTUSD.value(800.0) == -1.0 / 800.0
    assert XBTUSD.notional(-15_000, 750.0) == pytest.approx(20.0, rel=1e-15)


def test_the_average_entry_of_inverse_contracts_is_harmonic() -> None:
    # 2 / (1/100 + 1/50) = 200/3, not 75.
    assert XBTUSD.average_entry([1, 1], [100.0, 50.0]) == pytest.approx(200.0 / 3.0, rel=1e-15)
    assert XBTUSD.average_entry([1, 3], [100.0, 300.0]) == pytest.approx(200.0, rel=1e-15)
    assert XBTUSD.average_entry([-1, -1], [100.0, 50.0]) == pytest.approx(200.0 / 3.0, rel=1e-15)


@pytest.mark.parametrize("instrument", [BTCUSDT, ETHUSD])
def test_the_average_entry_of_other_contracts_is_weighted_by_size(instrument: Instrument) -> None:
    assert instrument.average_entry([1, 3], [100.0, 300.0]) == pytest.approx(250.0, rel=1e-15)


@pytest.mark.parametrize(
    ("contracts", "paid", "complaint"),
    [
        ([], [], "got 0 fills and 0 prices"),
        ([1], [1.0, 2.0], "got 1 fills and 2 prices"),
        ([1, -1], [1.0, 2.0], "fills of one sign"),
        ([0], [1.0], "fills of one sign"),
        ([1], [0.0], "price above zero"),
    ],
)
def test_an_average_entry_of_nonsense_is_refused(contracts: list[float], paid: list[float], complaint: str) -> None:
    with pytest.raises(InstrumentError, match=complaint):
        XBTUSD.average_entry(contracts, paid)


@pytest.mark.parametrize("price", [0.0, -1.0, float("nan"), float("inf")])
def test_a_price_that_is_none_is_refused(price: float) -> None:
    with pytest.raises(InstrumentError, match="bitmex:XBTUSD: expected a finite price above zero"):
        XBTUSD.value(price)


@given(every_instrument, sizes, st.lists(prices, min_size=2, max_size=6))
def test_profit_over_a_path_is_the_sum_over_its_steps(
    instrument: Instrument, contracts: float, path: list[float]
) -> None:
    steps = sum(instrument.pnl(contracts, a, b) for a, b in pairwise(path))
    whole = instrument.pnl(contracts, path[0], path[-1])
    assert steps == pytest.approx(whole, abs=1e-12 * scale(instrument, contracts, *path))


@given(every_instrument, sizes, sizes, prices, prices)
def test_profit_is_additive_over_parts_of_a_position(
    instrument: Instrument, one: float, other: float, entry: float, exit: float
) -> None:
    parts = instrument.pnl(one, entry, exit) + instrument.pnl(other, entry, exit)
    whole = instrument.pnl(one + other, entry, exit)
    assert parts == pytest.approx(whole, abs=1e-12 * scale(instrument, one + other, entry, exit))


@given(every_instrument, sizes, prices, prices)
def test_long_and_short_earn_nothing_together(instrument: Instrument, size: float, entry: float, exit: float) -> None:
    assert instrument.pnl(size, entry, exit) + instrument.pnl(-size, entry, exit) == 0.0


@given(every_instrument, sizes, prices, prices)
def test_longs_gain_when_the_price_rises(instrument: Instrument, size: float, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert instrument.pnl(size, low, high) >= 0.0
    assert instrument.pnl(size, high, low) <= 0.0


@given(every_instrument, st.lists(st.tuples(sizes, prices), min_size=1, max_size=6), prices)
def test_a_closed_round_trip_earns_the_sum_of_its_legs(
    instrument: Instrument, legs: list[tuple[float, float]], exit: float
) -> None:
    contracts, paid = [leg[0] for leg in legs], [leg[1] for leg in legs]
    total = sum(contracts)
    by_leg = sum(instrument.pnl(n, price, exit) for n, price in legs)
    by_cash = total * instrument.value(exit) - sum(n * instrument.value(price) for n, price in legs)
    by_average = instrument.pnl(total, instrument.average_entry(contracts, paid), exit)
    tolerance = 1e-11 * scale(instrument, total, *paid, exit)
    assert by_cash == pytest.approx(by_leg, abs=tolerance)
    assert by_average == pytest.approx(by_leg, abs=tolerance)


@given(every_instrument, st.lists(st.tuples(sizes, prices), min_size=1, max_size=6))
def test_the_average_entry_lies_between_the_prices_paid(
    instrument: Instrument, legs: list[tuple[float, float]]
) -> None:
    average = instrument.average_entry([leg[0] for leg in legs], [leg[1] for leg in legs])
    paid = [leg[1] for leg in legs]
    assert min(paid) * (1 - 1e-12) <= average <= max(paid) * (1 + 1e-12)


@pytest.mark.parametrize("instrument", ALL, ids=lambda instrument: instrument.name)
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_taker_who_trades_there_and_back_loses_half_the_spread_twice(instrument: Instrument, side: float) -> None:
    model, mid, tick = HalfSpread.ticks(1), 50_000.0, instrument.tick
    half = kernels.half_spread_at(model.code, model.amount, mid, tick)
    loss = instrument.pnl(side * instrument.lot, mid + side * half, mid - side * half)
    assert loss < 0.0
    assert loss == pytest.approx(-instrument.notional(instrument.lot, mid) * tick / mid, rel=1e-5)


@pytest.mark.parametrize(
    ("moment", "tick"),
    [
        (at(2016, 5, 13, 12), 0.01),
        (at(2017, 3, 31, 12) - 1, 0.01),
        (at(2017, 3, 31, 12), 0.1),
        (at(2017, 11, 9, 17, 59), 0.1),
        (at(2017, 11, 9, 18, 21), 0.5),
        (at(2020, 3, 13), 0.5),
        (at(2024, 7, 31, 4) - 1, 0.5),
        (at(2024, 7, 31, 4), 0.1),
        (at(2026, 1, 1), 0.1),
    ],
)
def test_the_tick_of_xbtusd_is_that_of_the_date(moment: int, tick: float) -> None:
    assert XBTUSD.tick_at(moment) == tick
    starts, ticks = XBTUSD.tick_arrays()
    assert ticks[kernels.schedule_index(starts, moment)] == tick


def test_the_lot_of_xbtusd_became_a_hundred_contracts_in_2021() -> None:
    assert XBTUSD.lot_at(at(2021, 6, 8, 4, 29)) == 1.0
    assert XBTUSD.lot_at(at(2021, 6, 8, 4, 30)) == 100.0
    assert XBTUSD.lot == 100.0
    starts, lots = XBTUSD.lot_arrays()
    assert starts.tolist() == [BEGINNING, at(2021, 6, 8, 4, 30)]
    assert lots.tolist() == [1.0, 100.0]


@pytest.mark.parametrize(
    ("moment", "taker", "maker"),
    [
        (at(2016, 6, 1), 7.5e-4, -2.5e-4),
        (at(2020, 1, 1), 7.5e-4, -2.5e-4),
        (at(2021, 8, 18), 5e-4, -1e-4),
        (at(2023, 1, 17), 7.5e-4, 2e-4),
        (at(2025, 1, 1), 5e-4, 5e-4),
    ],
)
def test_the_fees_of_xbtusd_are_those_of_the_date(moment: int, taker: float, maker: float) -> None:
    assert XBTUSD.fees is not None
    assert (XBTUSD.fees.at(moment).taker, XBTUSD.fees.at(moment).maker) == (taker, maker)


@pytest.mark.parametrize("instrument", ALL, ids=lambda instrument: instrument.name)
def test_every_schedule_rises_from_the_beginning_and_is_positive(instrument: Instrument) -> None:
    assert instrument.fees is not None
    for starts, values in (instrument.tick_arrays(), instrument.lot_arrays(), instrument.fees.arrays()[:2]):
        assert starts.dtype == np.int64
        assert starts[0] == BEGINNING
        assert all(a < b for a, b in pairwise(starts.tolist()))
        assert values.dtype == np.float64
        assert (values > 0.0).all()


@given(every_instrument, st.integers(0, 2**61))
def test_model_and_kernel_read_a_schedule_alike(instrument: Instrument, time: int) -> None:
    for (starts, values), expected in (
        (instrument.tick_arrays(), instrument.tick_at(time)),
        (instrument.lot_arrays(), instrument.lot_at(time)),
    ):
        assert values[kernels.schedule_index(starts, time)] == expected


@pytest.mark.parametrize(
    ("name", "kind", "settle", "multiplier", "lot", "ahead"),
    [
        ("bitmex:XBTUSD", "inverse", "XBT", 1.0, 100.0, True),
        ("bitmex:XBTUSDT", "linear", "USDT", 1e-6, 1000.0, True),
        ("bitmex:ETHUSD", "quanto", "XBT", 1e-6, 1.0, True),
        ("bybit:BTCUSDT", "linear", "USDT", 1.0, 0.001, False),
        ("bybit:ETHUSDT", "linear", "USDT", 1.0, 0.01, False),
        ("bybit:BTCUSD", "inverse", "BTC", 1.0, 1.0, False),
    ],
)
def test_the_terms_of_the_presets(
    name: str, kind: str, settle: str, multiplier: float, lot: float, ahead: bool
) -> None:
    found = instruments.get(name)
    assert (found.kind, found.settle, found.multiplier, found.lot) == (kind, settle, multiplier, lot)
    assert (found.funding_interval_hours, found.funding_known_ahead) == (8, ahead)


def test_what_is_inferred_about_a_period_is_told_and_nothing_else() -> None:
    assert set(XBTUSD.unverified(at(2019, 1, 1), at(2021, 8, 1))) == {"margin"}
    early = XBTUSD.unverified(at(2016, 5, 13), at(2019, 1, 1))
    assert set(early) == {"fees", "margin"}
    assert "no fee is known before 2018-03" in early["fees"][0]
    assert set(BTCUSDT.unverified(at(2022, 1, 1), at(2022, 2, 1))) == {"tick", "fees", "margin"}
    assert set(BTCUSDT.unverified(at(2025, 1, 1), at(2025, 2, 1))) == {"fees", "margin"}
    assert set(XBTUSDT.unverified(at(2023, 1, 1), at(2023, 2, 1))) == {"tick", "lot", "fees", "margin"}


def test_notes_on_a_contract_are_told_for_every_period() -> None:
    noted = XBTUSD.model_copy(update={"notes": ("never traded",)})
    assert noted.unverified(at(2020, 1, 1), at(2020, 1, 2))["contract"] == ("never traded",)


def test_a_symbol_is_found_in_any_case_and_by_alias() -> None:
    assert instruments.bitmex("xbtusd") is XBTUSD
    assert instruments.bitmex("BTC/USD:BTC") is XBTUSD
    assert instruments.bybit("BTC/USDT:USDT") is BTCUSDT
    assert instruments.get("Bybit:btcusdt") is BTCUSDT
    assert instruments.names() == tuple(sorted(instrument.name for instrument in ALL))


def test_no_alias_names_two_contracts_of_a_venue() -> None:
    spoken = [f"{preset.venue}:{word}" for preset in ALL for word in (preset.symbol, *preset.aliases)]
    assert len(spoken) == len(set(spoken))
    assert all(word == word.upper() for preset in ALL for word in (preset.symbol, *preset.aliases))


def test_an_unknown_symbol_is_told_what_exists_and_what_is_close() -> None:
    with pytest.raises(InstrumentError, match=r"expected one of ETHUSD, XBTUSD, XBTUSDT. Did you mean 'XBTUSD'\?"):
        instruments.bitmex("XTBUSD")
    with pytest.raises(InstrumentError, match=r"unknown instrument 'bybti:BTCUSDT'.*Did you mean 'bybit:BTCUSDT'\?"):
        instruments.get("bybti:BTCUSDT")
    with pytest.raises(InstrumentError, match="unknown instrument 'BTCUSDT'"):
        instruments.get("BTCUSDT")
    with pytest.raises(InstrumentError, match=r"BTCUSD, BTCUSDT, ETHUSDT\. Other contracts are built with"):
        instruments.bybit("WHEAT")


def test_contracts_of_ones_own() -> None:
    sol = instruments.linear("SOLUSDT", base="SOL", tick=0.01, lot=0.1, taker=5.5e-4, maker=2e-4, venue="bybit")
    assert (sol.name, sol.settle, sol.tick, sol.lot) == ("bybit:SOLUSDT", "USDT", 0.01, 0.1)
    assert sol.fees is not None
    assert sol.fees.at(0).taker == 5.5e-4
    eth = instruments.inverse("ETHUSD", base="ETH", tick=0.05, funding_interval_hours=4, funding_known_ahead=True)
    assert (eth.settle, eth.multiplier, eth.fees) == ("ETH", 1.0, None)
    assert (eth.funding_interval_hours, eth.funding_known_ahead) == (4, True)
    xrp = instruments.quanto("XRPUSD", base="XRP", settle="XBT", multiplier=2e-4, tick=0.0001)
    assert xrp.pnl(1, entry=0.5, exit=0.6) == pytest.approx(2e-5)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"settle": "BTC"}, "linear contracts on BTC/USDT settle in USDT, got BTC"),
        ({"kind": "inverse"}, "inverse contracts on BTC/USDT settle in BTC, got USDT"),
        ({"kind": "quanto"}, "settle in neither BTC nor USDT"),
        ({"kind": "option"}, "kind: Input should be 'linear', 'inverse' or 'quanto', got 'option'"),
        ({"multiplier": 0.0}, "multiplier: Input should be greater than 0"),
        ({"lots": ()}, "lots: expected at least one period"),
        ({"ticks": (TickPeriod(start=datetime(2020, 1, 1, tzinfo=UTC), tick=1.0),)}, "from the beginning"),
        ({"funding_interval_hours": 0}, "funding_interval_hours: "),
        ({"leverage": 100}, "leverage: Extra inputs"),
    ],
)
def test_a_contract_that_contradicts_itself_is_refused(fields: dict[str, Any], complaint: str) -> None:
    good: dict[str, Any] = {
        "venue": "custom",
        "symbol": "BTCUSDT",
        "kind": "linear",
        "base": "BTC",
        "quote": "USDT",
        "settle": "USDT",
        "multiplier": 1.0,
        "lots": (LotPeriod(lot=0.001),),
        "ticks": (TickPeriod(tick=0.1),),
    }
    assert Instrument(**good).name == "custom:BTCUSDT"
    with pytest.raises(InstrumentError) as caught:
        Instrument(**{**good, **fields})
    assert complaint in str(caught.value)


@pytest.mark.parametrize("terms", [{"tick": 0.0}, {"lot": -1.0}, {"tick": float("nan")}, {"taker": 1e-4}])
def test_impossible_terms_of_ones_own_contract_are_refused(terms: dict[str, Any]) -> None:
    with pytest.raises(InstrumentError):
        instruments.linear("SOLUSDT", base="SOL", **terms)


def test_an_instrument_survives_json() -> None:
    for instrument in ALL:
        assert Instrument.model_validate_json(instrument.model_dump_json()) == instrument
