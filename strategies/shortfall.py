"""What the execution of a parent order cost against the price at which it was decided.

Source: Perold 1988, "The implementation shortfall: paper versus reality", Journal of Portfolio Management 14(3), 4-9.
Prices in quote currency, amounts in settle currency of the instrument, contracts signed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from halfspread.engine.codes import ASK, BID, CLOSE, TRADE_PRICE
from halfspread.engine.feed import Feed
from halfspread.engine.result import BacktestResult
from halfspread.engine.tape import Tape
from halfspread.engine.times import time_text
from halfspread.errors import DataError

__all__ = ["Shortfall", "implementation_shortfall"]


@dataclass(frozen=True)
class Shortfall:
    """``contracts`` filled, at an ``average_price`` (of contract values); ``arrival``: the price of the market when the
    first order was sent.

    ``cost``: value paid above that of the arrival price, below zero where prices came the way of the order;
    ``spread_and_impact``: the part that the fills paid against the price of their own moments, the rest being the drift
    of the price in between; ``fees`` come on top. ``basis_points``: cost and fees of the value at the arrival price.
    """

    contracts: float
    arrival: float
    average_price: float
    cost: float
    spread_and_impact: float
    fees: float
    basis_points: float


def implementation_shortfall(result: BacktestResult, tape: Tape, k: int = 0) -> Shortfall:
    """The shortfall of all fills of instrument ``k`` in a run of an agent that executes one parent order.

    What was not filled is left out. Raises DataError where nothing was filled or no price was known before.
    """
    fills = result.fill_records[result.fill_records["instrument"] == k]
    instrument = tape.instruments[k]
    if len(fills) == 0:
        raise DataError(f"{instrument.symbol}: no fill in this run, so there is no shortfall")
    arrival = _price_at(tape.feeds[k], int(fills["decision_time"].min()))
    contracts = float(fills["contracts"].sum())
    paid = sum(
        float(n) * instrument.value(float(price)) for n, price in zip(fills["contracts"], fills["price"], strict=True)
    )
    cost = paid - contracts * instrument.value(arrival)
    fees = -float((fills["fee"] / fills["rate"]).sum())
    spread = -float(((fills["half_spread"] + fills["impact"]) / fills["rate"]).sum())
    mean = paid / contracts
    average = -instrument.multiplier / mean if instrument.kind == "inverse" else mean / instrument.multiplier
    points = 1e4 * (cost + fees) / instrument.notional(contracts, arrival)
    return Shortfall(contracts, arrival, average, cost, spread, fees, points)


def _price_at(feed: Feed, time: int) -> float:
    """Mid, last trade or last close in force at ``time``."""
    price, shift = float("nan"), feed.interval if feed.market == "bars" else 0
    for block in feed.blocks(feed.market):
        row = int(np.searchsorted(block.times + shift, time, side="right")) - 1
        if row < 0:
            break
        cells = block.rows[row]
        if feed.market == "bars":
            price = float(cells[CLOSE])
        elif feed.market == "trades":
            price = float(cells[TRADE_PRICE])
        else:
            price = 0.5 * float(cells[BID] + cells[ASK])
    if not price > 0.0:
        raise DataError(f"{feed.source}: no price of {feed.instrument.symbol} was known by {time_text(time)}")
    return price
