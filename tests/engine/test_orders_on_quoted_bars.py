"""Orders on bars that have quotes of their own, some of which are missing."""

from __future__ import annotations

from typing import Any

import numpy as np

from halfspread.costs import Costs, Fees, Funding, HalfSpread
from halfspread.engine.market import Market
from halfspread.engine.result import BacktestResult
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import FixedContracts
from halfspread.engine.tape import Tape
from tests.engine.worlds import LINEAR, bars


class Sends:
    """One order at the first bar."""

    lookback = 0

    def __init__(self, price: float) -> None:
        self.price = price
        self.sent = False

    def reset(self, rng: Any, instruments: Any) -> None:
        self.sent = False

    def on_bar(self, market: Market) -> None:
        if not self.sent:
            market.send_limit(1.0, self.price)
        self.sent = True


def run(price: float) -> BacktestResult:
    """Four bars at 100; only the first has quotes."""
    none = np.nan
    quotes = {
        "bid_open": [99.0, none, none, none], "ask_open": [101.0, none, none, none],
        "bid_close": [99.0, none, none, none], "ask_close": [101.0, none, none, none],
    }  # fmt: skip
    table = bars([100.0] * 4) | {name: np.array(values) for name, values in quotes.items()}
    costs = Costs(half_spread=HalfSpread.from_bars("last"), fees=Fees.none(), funding=Funding.none())
    return run_backtest(Tape.from_bars(table, LINEAR), Sends(price), costs, sizing=FixedContracts(1))


def test_an_order_that_only_waits_pays_no_spread_that_was_carried() -> None:
    result = run(50.0)
    assert (result.counts["fills"], result.counts["carried_half_spreads"]) == (0, 0)


def test_a_taker_without_a_quote_pays_the_last_half_spread_and_is_counted_once() -> None:
    result = run(110.0)
    assert result.fills["price"].tolist() == [101.0]
    assert result.counts["carried_half_spreads"] == 1
