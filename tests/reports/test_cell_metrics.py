"""The metrics of a cell are those of its result, bit for bit, and so are its days."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import halfspread as hs
from halfspread.datafeeds.synthetic.market import SyntheticMarket
from halfspread.engine.run import run_backtest
from halfspread.reports.cell_metrics import cell_metrics
from halfspread.reports.result import Result
from halfspread.strategies import BuyAndHold, DonchianAtr, SmaCross

COSTS = hs.Costs(
    half_spread=hs.HalfSpread.from_bars(), fees=hs.Fees(taker=5.5e-4, maker=2e-4), funding=hs.Funding.published()
)


def tape(days: int, seed: int = 1) -> hs.Tape:
    return SyntheticMarket(days=days).tape(np.random.default_rng(seed), hs.instruments.bybit("BTCUSDT"))


CASES: dict[str, tuple[hs.Strategy, int, hs.Margin]] = {
    "a short run": (SmaCross(fast=5, slow=20), 3, hs.Margin.none()),
    "no shorts, so trips end flat": (SmaCross(fast=5, slow=20, allow_short=False), 40, hs.Margin.none()),
    "one fill, never closed": (BuyAndHold(), 10, hs.Margin.none()),
    "no fill at all": (BuyAndHold(position=0.0), 10, hs.Margin.none()),
    "liquidated": (SmaCross(fast=2, slow=5), 60, hs.Margin.cross()),
    "orders": (DonchianAtr(), 20, hs.Margin.none()),
}


@pytest.mark.parametrize("name", CASES)
def test_the_metrics_are_those_of_the_result_bit_for_bit(name: str) -> None:
    agent, days, margin = CASES[name]
    run = run_backtest(tape(days), agent, COSTS, sizing=hs.FixedNotional(10_000), margin=margin, keep_curve=False)
    metrics, times, pnl = cell_metrics(run)
    result = Result.of(run)
    for key, value in metrics.items():
        expected = result.metrics[key]
        both_nan = isinstance(value, float) and math.isnan(value) and math.isnan(float(expected))
        assert value == expected or both_nan, key
        assert type(value) is type(expected), key
    table = result.daily()
    np.testing.assert_array_equal(pnl, table["pnl"].to_numpy())
    np.testing.assert_array_equal(
        times.astype("datetime64[ns]"), pd.DatetimeIndex(table.index).tz_localize(None).to_numpy()
    )


def test_every_metric_is_there() -> None:
    run = run_backtest(tape(3), SmaCross(fast=5, slow=20), COSTS, sizing=hs.FixedNotional(10_000))
    assert list(cell_metrics(run)[0]) == list(Result.of(run).metrics)


def test_a_day_without_a_market_has_no_pnl_and_the_position_stands() -> None:
    frame = SyntheticMarket(days=6).generate(np.random.default_rng(2)).bars_frame()
    day = frame["ts"].dt.floor("D")
    holes = frame[~day.isin(day.unique()[2:4])]
    costs = hs.Costs(half_spread=hs.HalfSpread.none(), fees=hs.Fees.none(), funding=hs.Funding.none())
    market = hs.Tape.from_bars(holes, hs.instruments.bybit("BTCUSDT"), interval="5m")
    run = run_backtest(market, BuyAndHold(), costs, sizing=hs.FixedNotional(10_000), margin=hs.Margin.none())
    _, times, pnl = cell_metrics(run)
    assert len(times) == 6
    assert (pnl == 0.0).tolist() == [False, False, True, True, False, False]
    np.testing.assert_array_equal(pnl, Result.of(run).daily()["pnl"].to_numpy())
