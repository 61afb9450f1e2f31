"""Cases that kill small mutations of the engine which every other test let live."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from halfspread.costs import Costs, Fees, Funding, HalfSpread, Margin
from halfspread.engine import instruments
from halfspread.engine.instruments import Instrument, LotPeriod, TickPeriod
from halfspread.engine.market import Market
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import FixedContracts, FixedNotional
from halfspread.engine.tape import Tape
from halfspread.engine.times import HOUR
from halfspread.errors import DataError
from halfspread.strategies import BuyAndHold
from tests.engine.worlds import FREE, INVERSE, LINEAR, START, Scripted, bars, funding, tape

MIDNIGHT = datetime(2024, 1, 1, tzinfo=UTC)


class Watching(Scripted):
    """Scripted, and keeps what it was shown at every bar."""

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        super().reset(rng, instruments)
        self.seen: list[tuple[float, int]] = []

    def on_bar(self, market: Market) -> float | None:
        self.seen.append((market.position, (market.next_funding_time - START) // HOUR))
        return super().on_bar(market)


@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize("price", [100.0, 50.0])
def test_exposure_of_an_inverse_contract_has_the_sign_of_the_position_and_is_in_report_currency(
    side: float, price: float
) -> None:
    market = tape([price, price, 2 * price], instrument=INVERSE)
    result = run_backtest(market, BuyAndHold(position=side), FREE, sizing=FixedContracts(200), capital=400)
    # 200 contracts of one dollar are 200 dollars at every price
    assert result.periods["exposure"].iloc[-1] == pytest.approx(side * 200 / result.notional)


def test_turnover_is_counted_at_the_price_paid_not_at_the_reference() -> None:
    costs = Costs(half_spread=HalfSpread.price(5.0), fees=Fees.none(), funding=Funding.none())
    result = run_backtest(tape([100.0, 100.0]), BuyAndHold(), costs, sizing=FixedContracts(2), capital=1_000)
    assert result.turnover == pytest.approx(2 * 105)
    assert result.fills["value"].tolist() == pytest.approx([2 * 105])


def test_the_tick_is_that_of_the_fill_not_that_of_the_decision() -> None:
    ticks = (TickPeriod(tick=1.0), TickPeriod(start=MIDNIGHT + timedelta(hours=2), tick=4.0))
    contract = LINEAR.model_copy(update={"ticks": ticks})
    costs = Costs(half_spread=HalfSpread.ticks(1), fees=Fees.none(), funding=Funding.none())
    result = run_backtest(
        tape([100.0] * 3, instrument=contract), BuyAndHold(), costs, sizing=FixedContracts(1), fill="next_close"
    )
    assert result.fills["decision_time"].dt.hour.tolist() == [1]
    assert result.fills["price"].tolist() == [102.0]


def test_the_lot_is_that_of_the_decision_and_an_odd_lot_held_before_can_be_closed() -> None:
    lots = (LotPeriod(lot=1.0), LotPeriod(start=MIDNIGHT + timedelta(hours=2), lot=100.0))
    contract = LINEAR.model_copy(update={"lots": lots})
    script = (1.0, 0.9, 0.0)  # decided at hours 1, 2 and 3
    result = run_backtest(
        tape([100.0] * 5, instrument=contract), Scripted(script=script), FREE, sizing=FixedContracts(337)
    )
    assert result.fills["position_after"].tolist() == [337.0, 300.0, 0.0]


def test_a_fill_after_a_gap_is_counted_and_one_without_is_not() -> None:
    whole = run_backtest(tape([100.0] * 4), Scripted(script=(None, 1.0)), FREE, sizing=FixedContracts(1))
    holed = run_backtest(tape([100.0] * 5, skip=[2]), Scripted(script=(None, 1.0)), FREE, sizing=FixedContracts(1))
    assert whole.counts["fills_after_gap"] == 0
    assert not any("gap" in warning for warning in whole.warnings)
    assert holed.counts["fills_after_gap"] == 1


def test_funding_inside_a_bar_is_paid_on_that_bars_open_where_nothing_fills_there() -> None:
    rates = funding({12: 0.001}, interval_hours=24)
    market = tape([100.0, 100.0, 150.0], opens=[100.0, 100.0, 120.0], interval=5 * HOUR, funding=rates)
    costs = Costs(half_spread=HalfSpread.none(), fees=Fees.none(), funding=Funding.published())
    result = run_backtest(market, BuyAndHold(), costs, sizing=FixedContracts(1), capital=1_000)
    assert result.attribution["funding"] == pytest.approx(-0.001 * 120)


def test_the_half_spread_of_an_open_is_carried_to_a_close_without_a_quote() -> None:
    none = np.nan
    quotes = {
        "bid_open": [99.0, 97.0],
        "ask_open": [101.0, 103.0],
        "bid_close": [99.0, none],
        "ask_close": [101.0, none],
    }
    table = bars([100.0, 100.0]) | {name: np.array(values) for name, values in quotes.items()}
    costs = Costs(half_spread=HalfSpread.from_bars("last"), fees=Fees.none(), funding=Funding.none())
    market = Tape.from_bars(table, LINEAR)
    result = run_backtest(market, BuyAndHold(), costs, sizing=FixedContracts(1), fill="next_close")
    assert result.fills["price"].tolist() == [103.0]  # 100 and the three of the open, not the one of the close before


def test_the_next_settlement_is_the_published_one_where_the_interval_changes() -> None:
    hours = np.array([8, 32, 40])
    rates = {"ts": START + hours * HOUR, "rate": np.full(3, 1e-4), "interval_h": np.array([24.0, 24.0, 8.0])}
    contract = instruments.linear("AHEAD", lot=1.0, tick=0.5, funding_known_ahead=True)
    agent = Watching(script=())
    costs = Costs(half_spread=HalfSpread.none(), fees=Fees.none(), funding=Funding.published())
    market = tape([100.0] * 40, instrument=contract, funding=rates)
    run_backtest(market, agent, costs, sizing=FixedContracts(1))
    assert [time for _, time in agent.seen] == [8] * 7 + [32] * 24 + [40] * 8 + [48]


def test_the_position_is_measured_by_the_size_of_the_last_target_even_where_nothing_is_traded() -> None:
    agent = Watching(script=(1.0, None, 0.5))
    market = tape([100.0, 100.0, 50.0, 50.0, 50.0])
    result = run_backtest(market, agent, FREE, sizing=FixedNotional(1_000))
    assert len(result.fills) == 1  # 10 contracts at 100, and half of 20 at 50
    assert [position for position, _ in agent.seen] == [0.0, 1.0, 1.0, 0.5, 0.5]


def test_a_price_of_the_coin_does_not_move_an_account_that_reports_in_the_coin() -> None:
    rate = {"ts": START + np.arange(4) * HOUR, "price": np.array([50_000.0, 60_000.0, 40_000.0, 50_000.0])}
    eth = instruments.bitmex("ETHUSD")
    market = tape([2_000.0, 2_000.0, 2_500.0], instrument=eth, settle_price=rate)
    result = run_backtest(market, BuyAndHold(), FREE, sizing=FixedContracts(100), capital=1, report_currency="XBT")
    assert result.attribution["collateral"] == 0.0
    assert result.attribution["total"] == pytest.approx(100 * 1e-6 * 500)


def test_equity_that_is_no_number_stops_the_run() -> None:
    market = tape([1e300, 1e300, 1e307])
    with pytest.raises(DataError, match="2024-01-01 02:00"):
        run_backtest(market, BuyAndHold(), FREE, sizing=FixedContracts(1e9), capital=1, margin=Margin.none())


@pytest.mark.parametrize("fill", ["next_open", "this_close", "next_close"])
def test_every_column_of_the_fills_of_an_inverse_contract_is_in_report_currency(fill: str) -> None:
    rates = funding(dict.fromkeys(range(0, 9, 4), 0.001), interval_hours=4)
    costs = Costs(half_spread=HalfSpread.price(0.5), fees=Fees(taker=0.001, maker=0.0), funding=Funding.published())
    market = tape([100.0, 110.0, 120.0, 90.0, 80.0, 100.0, 120.0, 110.0], instrument=INVERSE, funding=rates)
    agent = Scripted(script=(1.0, None, -1.0, None, 1.0, 0.0))
    result = run_backtest(market, agent, costs, sizing=FixedContracts(500), fill=fill)
    fills = result.fills
    assert len(fills) == 4
    assert fills["half_spread"].sum() == pytest.approx(result.attribution["half_spread"])
    assert fills["fee"].sum() == pytest.approx(result.attribution["fee"])
    assert fills["value"].sum() == pytest.approx(result.turnover)
    # contracts of one dollar each, converted at the reference price of the fill
    assert fills["value"].tolist() == pytest.approx(
        (fills["contracts"].abs() / fills["price"] * fills["reference"]).tolist()
    )
    assert result.fill_records["rate"].tolist() == fills["reference"].tolist()
    # flat after the last fill: nothing is earned or paid after it
    assert fills["price_total"].iloc[-1] == pytest.approx(result.attribution["price"])
    assert fills["funding_total"].iloc[-1] == pytest.approx(result.attribution["funding"])
    assert result.attribution["funding"] != 0.0


def test_a_price_of_the_coin_at_the_time_of_a_close_comes_before_it() -> None:
    """Coins held move at the old price of the contract; its gain is worth the new price of the coin."""
    rate = {"ts": START + np.array([0, 3]) * HOUR, "price": np.array([50_000.0, 60_000.0])}
    market = tape([2_000.0, 2_000.0, 2_500.0], instrument=instruments.bitmex("ETHUSD"), settle_price=rate)
    result = run_backtest(market, BuyAndHold(), FREE, sizing=FixedContracts(100), capital=50_000)
    assert result.attribution["price"] == pytest.approx(100 * 1e-6 * 500 * 60_000)
    assert result.attribution["collateral"] == pytest.approx(1.0 * 10_000)
