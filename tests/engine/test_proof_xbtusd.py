"""A constant position on real XBTUSD bars against figures that were measured independently, without this engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from halfspread.costs import Costs, Fees, Funding, HalfSpread, Margin
from halfspread.engine import instruments
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import FixedNotional
from halfspread.engine.tape import Tape
from halfspread.reports.daily import daily
from halfspread.reports.metrics import metrics
from halfspread.strategies import BuyAndHold


def test_a_constant_position_on_xbtusd_gives_the_known_returns(halfspread_data: Path) -> None:
    tape = Tape.from_bars(
        halfspread_data / "bitmex/xbtusd_5m_2016_2021.parquet",
        instruments.bitmex("XBTUSD"),
        funding=halfspread_data / "bitmex/xbtusd_funding_2016_2022.parquet",
        start="2017-02-11",
        end="2021-09-22",
    )
    costs = Costs(half_spread=HalfSpread.price(0.25), fees=Fees(taker=5e-4, maker=5e-4), funding=Funding.published())
    result = run_backtest(
        tape, BuyAndHold(position=0.99), costs, sizing=FixedNotional(10_000), fill="this_close", margin=Margin.none()
    )
    shares = {name: value / result.notional for name, value in result.attribution.items()}
    assert result.bars == 484_992
    assert result.total_return == pytest.approx(5.326, abs=5e-4)
    assert shares["price"] == pytest.approx(5.794, abs=1e-3)
    assert shares["half_spread"] + shares["fee"] == pytest.approx(-0.001, abs=5e-4)
    assert shares["funding"] == pytest.approx(-0.468, abs=5e-4)
    assert len(daily(result)) == 1_684
    assert metrics(result)["information_ratio"] == pytest.approx(1.355, abs=5e-4)
