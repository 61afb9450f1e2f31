"""The order of events at one time, the two moments of a bar, and the conventions of fills."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from halfspread.costs import Costs, Fees, Funding, HalfSpread
from halfspread.datafeeds.resample import resample_bars
from halfspread.datafeeds.synthetic.market import SyntheticMarket
from halfspread.engine import instruments
from halfspread.engine.market import Market
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import FixedContracts, FixedNotional
from halfspread.engine.tape import Tape
from halfspread.engine.times import DAY
from halfspread.errors import ConfigError, DataError, StrategyError
from halfspread.strategies import BuyAndHold, FundingCarry, Strategy
from tests.engine.worlds import FREE, START, Scripted, column, funding, tape

CHARGED = Costs(half_spread=HalfSpread.none(), fees=Fees.none(), funding=Funding.published())
HOURS = 3_600 * 10**9


@pytest.mark.parametrize(
    ("fill", "price", "hour"),
    [("this_close", 100.0, 1), ("next_open", 105.0, 1), ("next_close", 110.0, 2)],
)
def test_a_decision_at_the_first_close_fills_where_the_convention_says(fill: str, price: float, hour: int) -> None:
    market = tape([100.0, 110.0, 120.0], opens=[100.0, 105.0, 115.0])
    result = run_backtest(market, BuyAndHold(), FREE, sizing=FixedContracts(1), fill=fill)
    assert result.fills["price"].tolist() == [price]
    assert result.fill_records["time"].tolist() == [START + hour * HOURS]
    assert result.fill_records["decision_time"].tolist() == [START + HOURS]
    assert result.attribution["price"] == pytest.approx(120.0 - price)


def test_an_order_under_next_close_stops_the_run() -> None:
    class Bids(Strategy):
        def on_bar(self, market: Market) -> None:
            if market.time == START + 2 * HOURS:
                market.send_market(1.0)

    market = tape([100.0, 110.0, 120.0])
    with pytest.raises(StrategyError, match=r"an order at 2024-01-01 02:00:00.*'next_close' is for targets"):
        run_backtest(market, Bids(), FREE, sizing=FixedContracts(1), fill="next_close")
    assert run_backtest(market, Bids(), FREE, sizing=FixedContracts(1), fill="next_open").counts["fills"] == 1


def test_an_unknown_convention_is_refused() -> None:
    with pytest.raises(ConfigError, match="next_open, this_close, next_close"):
        run_backtest(tape([1.0, 2.0]), BuyAndHold(), FREE, sizing=FixedContracts(1), fill="close")


def test_the_position_carried_into_a_settlement_pays_not_the_one_chosen_at_it() -> None:
    # decided at hour 8 exactly: the funding of hour 8 finds no position; the one of hour 16 does
    market = tape([100.0] * 20, funding=funding({8: 0.001, 16: 0.002}))
    script = (None,) * 7 + (1.0,)
    for fill in ("this_close", "next_open"):
        result = run_backtest(market, Scripted(script=script), CHARGED, sizing=FixedContracts(1), fill=fill)
        assert result.attribution["funding"] == pytest.approx(-0.002 * 100)
    # leaving at hour 16: the position held until then still pays
    leave = Scripted(script=(None,) * 7 + (1.0,) + (None,) * 7 + (0.0,))
    result = run_backtest(market, leave, CHARGED, sizing=FixedContracts(1))
    assert result.attribution["funding"] == pytest.approx(-0.002 * 100)


def test_a_daily_bar_pays_three_settlements_on_the_position_it_really_held() -> None:
    rates = dict.fromkeys(range(8, 97, 8), 0.001)
    market = tape([100.0, 100.0, 100.0, 100.0], interval=DAY, funding=funding(rates))
    result = run_backtest(market, BuyAndHold(), CHARGED, sizing=FixedContracts(1))
    # bought at the open of day 1 (hour 24), after that hour's settlement: hours 32 to 96 pay
    assert result.settlements == 9
    assert result.attribution["funding"] == pytest.approx(-9 * 0.001 * 100)


def test_funding_inside_a_bar_is_paid_on_the_last_price_that_was_known() -> None:
    # daily bars opening at 100 and 200; the close of the day is not known at 08:00 and 16:00
    rates = dict.fromkeys(range(8, 49, 8), 0.001)
    market = tape([100.0, 300.0], opens=[100.0, 200.0], interval=DAY, funding=funding(rates))
    result = run_backtest(market, BuyAndHold(), CHARGED, sizing=FixedContracts(1))
    assert result.attribution["funding"] == pytest.approx(-0.001 * (200 + 200 + 300))


def test_bars_of_five_minutes_an_hour_and_a_day_pay_the_same_funding_on_a_mark_price() -> None:
    market = SyntheticMarket(days=40).generate(np.random.default_rng(5))

    totals = []
    for interval in ("5m", "1h", "1d"):
        frame = market.bars_frame() if interval == "5m" else resample_bars(market.bars_frame(), interval).bars
        replay = Tape.from_bars(
            frame, instruments.bybit("BTCUSDT"), funding=market.funding_frame(), mark=market.mark_frame()
        )
        held = run_backtest(replay, BuyAndHold(), CHARGED, sizing=FixedContracts(1), capital=60_000)
        # the first two days differ: the position is opened after the first bar, whose length differs
        lines = held.periods["funding"]
        totals.append(lines.iloc[-1] - lines.loc[lines.index <= "2024-01-03"].iloc[-1])
    assert totals[0] != 0.0
    assert totals[1] == pytest.approx(totals[0], rel=1e-12)
    assert totals[2] == pytest.approx(totals[0], rel=1e-12)


def test_a_rate_published_ahead_is_known_one_interval_before_it_is_paid() -> None:
    ahead = funding({8: 0.001, 16: -0.002, 24: 0.003})
    ahead["known_ts"] = ahead["ts"] - 8 * HOURS
    seen: list[tuple[float, float, float]] = []

    class Watch(Scripted):
        script: tuple[float | None, ...] = ()

        def on_bar(self, market):  # type: ignore[no-untyped-def]
            seen.append((market.time, market.last_funding_rate, market.next_funding_rate))

    run_backtest(tape([100.0] * 24, funding=ahead), Watch(), CHARGED, sizing=FixedContracts(1))
    at = {int((time - START) // HOURS): (last, following) for time, last, following in seen}
    assert at[7][1] == 0.001
    assert at[8] == (0.001, -0.002)
    assert at[15] == (0.001, -0.002)
    assert at[16] == (-0.002, 0.003)
    assert np.isnan(at[24][1])


def test_a_rate_that_is_not_published_ahead_is_seen_at_its_settlement_only() -> None:
    seen: list[tuple[float, float]] = []

    class Watch(Scripted):
        script: tuple[float | None, ...] = ()

        def on_bar(self, market):  # type: ignore[no-untyped-def]
            seen.append((market.last_funding_rate, market.next_funding_rate))

    run_backtest(tape([100.0] * 10, funding=funding({8: 0.001})), Watch(), CHARGED, sizing=FixedContracts(1))
    assert all(np.isnan(last) for last, _ in seen[:7])
    assert [last for last, _ in seen[7:]] == [0.001] * 3
    assert all(np.isnan(following) for _, following in seen)


def test_an_order_waits_across_a_gap_and_pays_the_funding_of_the_gap_only_if_held() -> None:
    market = tape([100.0] * 30, skip=range(5, 20), funding=funding({8: 0.001, 16: 0.001, 24: 0.001}))
    held = run_backtest(market, BuyAndHold(), CHARGED, sizing=FixedContracts(1))
    assert held.settlements == 3
    waiting = Scripted(script=(None,) * 4 + (1.0,))  # decided at hour 5, the last close before the gap
    result = run_backtest(market, waiting, CHARGED, sizing=FixedContracts(1))
    assert result.fill_records["time"].tolist() == [START + 20 * HOURS]
    assert result.settlements == 1
    assert result.counts["fills_after_gap"] == 1
    assert any("gap" in warning for warning in result.warnings)


def test_funding_that_is_not_charged_is_still_seen() -> None:
    market = tape([100.0] * 40, funding=funding({8: 0.001, 16: 0.001, 24: -0.001, 32: -0.001, 40: -0.001}))
    charged, free = (run_backtest(market, FundingCarry(), c, sizing=FixedContracts(1)) for c in (CHARGED, FREE))
    assert free.curve_values[:, 2].tolist() == charged.curve_values[:, 2].tolist()
    assert len(free.fills) > 0
    assert free.attribution["funding"] == 0.0
    assert free.settlements == 0


def test_funding_that_is_missing_is_an_error_unless_a_policy_is_named() -> None:
    market = tape([100.0] * 30, funding=funding({8: 0.001, 24: 0.001}))
    with pytest.raises(DataError, match="2024-01-01 16:00:00"):
        run_backtest(market, BuyAndHold(), CHARGED, sizing=FixedContracts(1))
    costs = CHARGED.model_copy(update={"funding": Funding.published(missing="previous")})
    result = run_backtest(market, BuyAndHold(), costs, sizing=FixedContracts(1))
    assert result.settlements == 3
    assert result.counts["funding_filled_in"] == 1
    assert any("missing" in warning for warning in result.warnings)


def test_a_tape_without_funding_is_refused_where_funding_is_to_be_charged() -> None:
    with pytest.raises(DataError, match=r"Funding\.none"):
        run_backtest(tape([100.0] * 3), BuyAndHold(), CHARGED, sizing=FixedContracts(1))


def test_periods_carry_the_attribution_as_it_stood_at_their_end() -> None:
    market = tape([100.0, 101.0, 102.0, 103.0, 104.0], interval=12 * HOURS)
    result = run_backtest(market, BuyAndHold(), FREE, sizing=FixedContracts(1), period="1d", capital=1_000)
    assert [str(time) for time in result.periods.index] == [
        "2024-01-02 00:00:00+00:00",
        "2024-01-03 00:00:00+00:00",
        "2024-01-03 12:00:00+00:00",
    ]
    assert result.periods["price"].tolist() == pytest.approx([1.0, 3.0, 4.0])
    assert result.periods["equity"].tolist() == pytest.approx([1_001.0, 1_003.0, 1_004.0])


@pytest.mark.parametrize("period", ["1h", "1d"])
def test_a_fill_at_midnight_belongs_to_the_new_day_whatever_else_is_on_the_tape(period: str) -> None:
    script = Scripted(script=(None,) * 23 + (1.0,))  # decided at midnight, filled at the open that follows
    costs = Costs(half_spread=HalfSpread.none(), fees=Fees(taker=0.01, maker=0.0), funding=Funding.none())
    index = {"ts": START + HOURS * np.arange(30), "price": np.full(30, 99.0)}
    for more in ({}, {"index": index}, {"mark": index}, {"funding": funding({8: 0.0, 16: 0.0, 24: 0.0})}):
        market = tape([100.0] * 30, **more)
        lines = run_backtest(market, script, costs, sizing=FixedContracts(1), period=period).periods
        at_midnight = lines.loc["2024-01-02 00:00"]
        assert at_midnight["fee"] == 0.0, more
        assert at_midnight["position"] == 0.0
        assert lines["fee"].iloc[-1] == pytest.approx(-1.0)


def test_a_period_that_is_no_part_of_a_day_is_refused() -> None:
    for period in ("7h", "7d"):
        with pytest.raises(ConfigError, match="part of a day"):
            run_backtest(tape([100.0] * 3), Scripted(script=()), FREE, sizing=FixedContracts(1), period=period)


@pytest.mark.parametrize("name", ["mark", "index", "settle_price"])
def test_a_series_that_stands_still_is_refused(name: str) -> None:
    hours = np.arange(0, 100, 1)
    old: dict[str, Any] = {"ts": [START - 1_000 * DAY], "price": [10.0]}
    ends: dict[str, Any] = {"ts": START + HOURS * hours[:4], "price": np.full(4, 10.0)}
    whole: dict[str, Any] = {"ts": START + HOURS * hours, "price": np.full(100, 10.0)}
    for series in (old, ends):
        given: dict[str, Any] = {name: series}
        with pytest.raises(
            DataError, match=f"{name.partition('_')[0]}.* prices: nothing new from .* to .*; cut the bars"
        ):
            run_backtest(tape([100.0] * 100, **given), BuyAndHold(), FREE, sizing=FixedContracts(1))
    given = {name: whole}
    assert run_backtest(tape([100.0] * 100, **given), BuyAndHold(), FREE, sizing=FixedContracts(1)).bars == 100


def test_a_run_without_a_trade_says_so() -> None:
    idle = run_backtest(tape([100.0] * 3), Scripted(script=(0.0,)), FREE, sizing=FixedContracts(1))
    assert any("never traded" in warning for warning in idle.warnings)
    small = run_backtest(tape([100.0] * 3), BuyAndHold(), FREE, sizing=FixedNotional(99))
    assert any("1 targets were worth less than one lot (1 contracts)" in warning for warning in small.warnings)


def test_the_last_order_that_the_data_cannot_fill_is_mentioned() -> None:
    result = run_backtest(tape([100.0, 100.0]), Scripted(script=(None, 1.0)), FREE, sizing=FixedContracts(1))
    assert len(result.fills) == 0
    assert any("last order" in warning for warning in result.warnings)


def test_a_target_that_stays_is_not_sized_again_unless_asked_for() -> None:
    market = tape([100.0, 100.0, 50.0, 50.0, 50.0])
    keep = run_backtest(market, BuyAndHold(), FREE, sizing=FixedNotional(1_000))
    again = run_backtest(market, BuyAndHold(), FREE, sizing=FixedNotional(1_000, resize="always"))
    assert column(keep, "position").tolist() == [0, 10, 10, 10, 10]
    assert column(again, "position").tolist() == [0, 10, 10, 20, 20]


def test_carry_takes_the_side_that_is_paid() -> None:
    market = tape([100.0] * 40, funding=funding({8: 0.001, 16: 0.001, 24: -0.001, 32: -0.001, 40: -0.001}))
    result = run_backtest(market, FundingCarry(), CHARGED, sizing=FixedContracts(1))
    # short from hour 8 on, long from hour 24 on; the settlement of hour 24 still finds the short
    assert result.attribution["funding"] == pytest.approx(100 * 0.001 * (1 - 1 + 1 + 1))
