"""Ledgers worked by hand: every cent of a few fills and settlements, for each kind of contract."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from halfspread.costs import Costs, Fees, Funding, HalfSpread, Margin
from halfspread.costs.fees import FeePeriod
from halfspread.engine import instruments
from halfspread.engine.instruments import TickPeriod
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import FixedContracts, FixedNotional
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError, DataError
from halfspread.strategies import BuyAndHold
from tests.engine.worlds import FREE, INVERSE, LINEAR, START, Scripted, bars, column, funding, tape


def test_a_linear_round_trip_pays_spread_twice_and_fees_at_the_fill_prices() -> None:
    # bars:        0     1     2     3        closes
    market = tape([100.0, 110.0, 120.0, 130.0], opens=[100.0, 102.0, 112.0, 122.0])
    costs = Costs(half_spread=HalfSpread.price(0.5), fees=Fees(taker=0.001, maker=0.0), funding=Funding.none())
    result = run_backtest(market, Scripted(script=(1.0, None, 0.0)), costs, sizing=FixedContracts(2), capital=1_000)
    # bought 2 at 102.5 (mid 102), sold 2 at 121.5 (mid 122)
    assert result.fills["price"].tolist() == [102.5, 121.5]
    assert result.attribution["price"] == pytest.approx(2 * (122 - 102))
    assert result.attribution["half_spread"] == pytest.approx(-2 * 0.5 - 2 * 0.5)
    assert result.attribution["fee"] == pytest.approx(-0.001 * 2 * (102.5 + 121.5))
    assert result.attribution["total"] == pytest.approx(40 - 2 - 0.448)
    assert column(result, "equity").tolist() == pytest.approx([1000, 1000 - 1 - 0.205 + 16, 1034.795, 1037.552])
    assert column(result, "position").tolist() == [0, 2, 2, 0]
    assert result.turnover == pytest.approx(2 * (102.5 + 121.5))


def test_a_short_sells_below_the_mid_and_earns_when_the_price_falls() -> None:
    market = tape([100.0, 90.0], opens=[100.0, 100.0])
    costs = Costs(half_spread=HalfSpread.price(1.0), fees=Fees.none(), funding=Funding.none())
    result = run_backtest(market, Scripted(script=(-1.0,)), costs, sizing=FixedContracts(3), capital=1_000)
    assert result.fills["price"].tolist() == [99.0]
    assert result.attribution["price"] == pytest.approx(30.0)
    assert result.attribution["half_spread"] == pytest.approx(-3.0)


def test_an_inverse_long_of_15000_from_750_to_800_earns_a_quarter_more_than_one_coin() -> None:
    market = tape([750.0, 750.0, 800.0], instrument=INVERSE)
    result = run_backtest(market, BuyAndHold(), FREE, sizing=FixedContracts(15_000), capital=15_000)
    assert result.attribution_settle["price"] == pytest.approx(1.25)
    # in dollars: 1.25 coins at 800; and the 20 coins deposited gained 50 dollars each
    assert result.attribution["price"] == pytest.approx(1_000.0)
    assert result.attribution["collateral"] == pytest.approx(20 * 50)
    assert result.attribution["total"] == pytest.approx((20 + 1.25) * 800 - 15_000)


def test_an_inverse_fill_pays_half_spread_and_fee_in_the_coin() -> None:
    market = tape([1_000.0, 1_000.0], instrument=INVERSE)
    costs = Costs(half_spread=HalfSpread.price(0.25), fees=Fees(taker=5e-4, maker=0.0), funding=Funding.none())
    result = run_backtest(market, BuyAndHold(), costs, sizing=FixedContracts(1_000), capital=1_000)
    assert result.attribution_settle["half_spread"] == pytest.approx(1_000 * (1 / 1_000 - 1 / 1_000.25) * -1)
    assert result.attribution_settle["fee"] == pytest.approx(-5e-4 * 1_000 / 1_000.25)


def test_a_quanto_earns_the_settle_currency_and_is_valued_by_its_price_series() -> None:
    eth = instruments.bitmex("ETHUSD")  # 0.000001 XBT per dollar and contract
    rate = {"ts": [START, START + 2 * 3_600 * 10**9], "price": [50_000.0, 60_000.0]}
    market = tape([2_000.0, 2_000.0, 2_500.0], instrument=eth, settle_price=rate)
    result = run_backtest(market, BuyAndHold(), FREE, sizing=FixedContracts(100), capital=10_000)
    assert result.attribution_settle["price"] == pytest.approx(100 * 1e-6 * 500)
    assert result.attribution["price"] == pytest.approx(100 * 1e-6 * 500 * 60_000)
    assert result.attribution["collateral"] == pytest.approx(10_000 / 50_000 * 10_000)


def test_a_quanto_without_a_price_of_its_coin_can_only_report_in_the_coin() -> None:
    market = tape([2_000.0, 2_500.0], instrument=instruments.bitmex("ETHUSD"))
    with pytest.raises(ConfigError, match="settle_price"):
        run_backtest(market, BuyAndHold(), FREE, sizing=FixedContracts(100), capital=10_000)
    result = run_backtest(
        market, BuyAndHold(), FREE, sizing=FixedContracts(100), capital=1, report_currency="XBT", fill="this_close"
    )
    assert result.attribution["total"] == pytest.approx(100 * 1e-6 * 500)


def test_a_price_series_of_the_coin_that_begins_too_late_is_refused() -> None:
    late = {"ts": [START + 10 * 3_600 * 10**9], "price": [50_000.0]}
    market = tape([2_000.0, 2_500.0], instrument=instruments.bitmex("ETHUSD"), settle_price=late)
    with pytest.raises(DataError, match="settle_price"):
        run_backtest(market, BuyAndHold(), FREE, sizing=FixedContracts(100), capital=10_000)


def test_longs_pay_a_positive_funding_rate_and_shorts_receive_it() -> None:
    market = tape([100.0] * 10, funding=funding({8: 0.001}))
    costs = Costs(half_spread=HalfSpread.none(), fees=Fees.none(), funding=Funding.published())
    long = run_backtest(market, BuyAndHold(), costs, sizing=FixedContracts(5), capital=1_000)
    short = run_backtest(market, BuyAndHold(position=-1), costs, sizing=FixedContracts(5), capital=1_000)
    assert long.attribution["funding"] == pytest.approx(-0.001 * 5 * 100)
    assert short.attribution["funding"] == pytest.approx(+0.001 * 5 * 100)


def test_funding_is_paid_on_the_mark_price_where_there_is_one() -> None:
    mark = {"ts": [START, START + 5 * 3_600 * 10**9], "price": [90.0, 120.0]}
    market = tape([100.0] * 10, funding=funding({8: 0.001}), mark=mark)
    costs = Costs(half_spread=HalfSpread.none(), fees=Fees.none(), funding=Funding.published())
    result = run_backtest(market, BuyAndHold(), costs, sizing=FixedContracts(1), capital=1_000)
    assert result.attribution["funding"] == pytest.approx(-0.001 * 120)
    assert "on the mark price" in result.assumptions["funding"]


def test_fees_and_ticks_follow_their_dates() -> None:

    change = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=2)
    ticks = (TickPeriod(tick=1.0), TickPeriod(start=change, tick=4.0))
    contract = instruments.linear("DATED", lot=1.0, tick=1.0).model_copy(update={"ticks": ticks})
    costs = Costs(
        half_spread=HalfSpread.ticks(1),
        fees=Fees.dated(FeePeriod(taker=0.001, maker=0.0), FeePeriod(start=change, taker=0.002, maker=0.0)),
        funding=Funding.none(),
    )
    market = tape([100.0] * 5, instrument=contract)
    result = run_backtest(market, Scripted(script=(1.0, 0.0, 1.0)), costs, sizing=FixedContracts(1), capital=1_000)
    # fills at hours 1, 2 and 3: the period that starts at hour 2 holds for the fill at that very time
    assert result.fills["fee_rate"].tolist() == [0.001, 0.002, 0.002]
    assert result.fills["price"].tolist() == [100.5, 98.0, 102.0]


def test_quotes_of_the_bars_give_the_mid_and_the_half_spread() -> None:
    table = {
        "bid_open": [99.0, 101.0],
        "ask_open": [101.0, 105.0],
        "bid_close": [99.0, 109.0],
        "ask_close": [101.0, 111.0],
    }

    shape = bars([100.0, 110.0], opens=[100.0, 104.0]) | {name: np.array(values) for name, values in table.items()}
    costs = Costs(half_spread=HalfSpread.from_bars(), fees=Fees.none(), funding=Funding.none())
    result = run_backtest(Tape.from_bars(shape, LINEAR), BuyAndHold(), costs, sizing=FixedContracts(1), capital=1_000)
    assert result.fills["reference"].tolist() == [103.0]  # the mid, not the trade at 104
    assert result.fills["price"].tolist() == [105.0]  # the ask
    assert result.attribution["half_spread"] == pytest.approx(-2.0)
    assert result.attribution["price"] == pytest.approx(110.0 - 103.0)


@pytest.mark.parametrize("missing", ["error", "last"])
def test_a_fill_without_a_quote_stops_the_run_or_pays_the_last_half_spread(missing: str) -> None:

    gap = np.nan
    quotes = {
        "bid_open": [99.0, gap],
        "ask_open": [101.0, gap],
        "bid_close": [98.0, 109.0],
        "ask_close": [102.0, 111.0],
    }
    shape = bars([100.0, 110.0], opens=[100.0, 104.0]) | {name: np.array(values) for name, values in quotes.items()}
    costs = Costs(half_spread=HalfSpread.from_bars(missing), fees=Fees.none(), funding=Funding.none())  # type: ignore[arg-type]
    market = Tape.from_bars(shape, LINEAR)
    if missing == "error":
        with pytest.raises(DataError, match="no bid and ask for a fill of UNIT at 2024-01-01 02:00"):
            run_backtest(market, BuyAndHold(), costs, sizing=FixedContracts(1), capital=1_000)
        return
    result = run_backtest(market, BuyAndHold(), costs, sizing=FixedContracts(1), capital=1_000)
    assert result.fills["price"].tolist() == [106.0]  # the trade price and the two of the close before
    assert any("no quote" in warning for warning in result.warnings)


def test_a_half_spread_as_wide_as_the_price_is_refused() -> None:
    costs = Costs(half_spread=HalfSpread.price(100.0), fees=Fees.none(), funding=Funding.none())
    with pytest.raises(DataError, match="half-spread is not smaller than the price"):
        run_backtest(tape([100.0, 100.0]), BuyAndHold(position=-1), costs, sizing=FixedContracts(1), capital=1_000)


def test_the_capital_is_the_notional_unless_it_is_given() -> None:
    by_notional = run_backtest(tape([100.0, 110.0]), BuyAndHold(), FREE, sizing=FixedNotional(500))
    by_contracts = run_backtest(tape([100.0, 110.0]), BuyAndHold(), FREE, sizing=FixedContracts(3))
    inverse = run_backtest(tape([100.0, 110.0], instrument=INVERSE), BuyAndHold(), FREE, sizing=FixedContracts(300))
    assert (by_notional.capital, by_notional.notional) == (500, 500)
    assert (by_contracts.capital, by_contracts.notional) == (300, 300)
    assert (inverse.capital, inverse.notional) == (300, 300)


def test_the_notional_of_contracts_is_in_report_currency_whatever_the_settle_currency_is_valued_by() -> None:
    eth = instruments.bitmex("ETHUSD")
    coin = {"ts": [START], "price": [50_000.0]}
    quanto = run_backtest(
        tape([2_000.0, 2_000.0, 2_500.0], instrument=eth, settle_price=coin),
        BuyAndHold(),
        FREE,
        sizing=FixedContracts(100),
    )
    assert (quanto.notional, quanto.capital) == pytest.approx((10_000, 10_000))
    assert quanto.total_return == pytest.approx(0.25)
    inverse = tape([100.0, 100.0], instrument=INVERSE, settle_price={"ts": [START], "price": [80.0]})
    result = run_backtest(inverse, BuyAndHold(), FREE, sizing=FixedContracts(100), report_currency="EUR")
    assert result.notional == pytest.approx(80.0)


@pytest.mark.parametrize(("what", "wrong"), [("tape", "bars.parquet"), ("costs", None), ("sizing", 10_000)])
def test_arguments_of_the_wrong_kind_are_named(what: str, wrong: object) -> None:
    right: dict[str, object] = {"tape": tape([100.0, 100.0]), "costs": FREE, "sizing": FixedContracts(1)}
    given = right | {what: wrong}
    with pytest.raises(ConfigError, match=f"{what}: expected hs"):
        run_backtest(given["tape"], BuyAndHold(), given["costs"], sizing=given["sizing"])  # type: ignore[arg-type]


def test_equity_below_zero_is_never_silent() -> None:
    market, sizing = tape([100.0, 100.0, 40.0]), FixedContracts(2)
    result = run_backtest(market, BuyAndHold(), FREE, sizing=sizing, capital=100, margin=Margin.none())
    assert column(result, "equity")[-1] == pytest.approx(-20.0)
    assert any("equity fell to -20.00" in warning for warning in result.warnings)


def test_with_margin_a_position_is_closed_before_equity_falls_below_zero() -> None:
    result = run_backtest(tape([100.0, 100.0, 40.0]), BuyAndHold(), FREE, sizing=FixedContracts(2), capital=100)
    assert column(result, "equity").tolist() == [100.0, 100.0, 0.0]
    assert column(result, "position").tolist() == [0.0, 2.0, 0.0]
    assert result.liquidations == 1
