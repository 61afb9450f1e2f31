"""What became of each order of a run, by either engine, and why two runs differ about one.

Orders are numbered as they were sent, from 0. Contracts are without sign, times in ns, 0 where nothing was filled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import halfspread as hs
from halfspread.engine.depth import Depth
from halfspread.engine.order_records import FILLED, LIMIT, MARKET, REJECTED
from halfspread.engine.trades import Trades

__all__ = ["Fates", "Market", "cause", "differing", "fates_of", "fates_of_rows"]

TICK, LOT = 0.1, 0.001
NEW, EXPIRED = 1, 2  # of hftbacktest's order.status


@dataclass(frozen=True)
class Fates:
    """A row an order. ``side``: +1 a buy; ``price``: of a limit, ticks; ``filled``: contracts; ``value``: what its
    fills were worth; ``last``: when the last of them was; ``fees``; ``refused``: never rested, never filled."""

    side: Any
    price: Any
    filled: Any
    value: Any
    last: Any
    fees: Any
    refused: Any

    def __len__(self) -> int:
        return len(self.side)

    def gains(self, mid: float) -> Any:
        """PnL of each order, its contracts at the mid of the end."""
        return self.side * (self.filled * mid - self.value) - self.fees


def fates_of(result: hs.Result) -> Fates:
    """Of a run of halfspread."""
    orders = result.order_records
    orders = orders[(orders["kind"] == LIMIT) | (orders["kind"] == MARKET)]
    fills = result.fill_records
    at = np.searchsorted(orders["id"], fills["order"])
    sums = {name: np.zeros(len(orders)) for name in ("value", "fee")}
    np.add.at(sums["value"], at, np.abs(fills["contracts"]) * fills["price"])
    np.add.at(sums["fee"], at, -fills["fee"])
    last = np.zeros(len(orders), np.int64)
    np.maximum.at(last, at, fills["time"])
    price = np.rint(np.nan_to_num(orders["price"]) / TICK)
    refused = (orders["state"] == REJECTED) & (orders["filled"] == 0.0)
    return Fates(
        np.sign(orders["contracts"]), price, np.abs(orders["filled"]), sums["value"], last, sums["fee"], refused
    )


def fates_of_rows(rows: Any, case: dict[str, Any]) -> Fates:
    """Of a case of `peers/hftbacktest_job.py`. An order's own price is that of its fills as a maker; a fill of a part
    is known by what the order had left."""
    rows = np.asarray(rows)
    side = 1.0 - 2.0 * (np.arange(len(rows)) % 2)
    status, time = rows[:, 0], case["first"] + rows[:, 1].astype(np.int64)
    if case["agent"] == "taker":
        return Fates(side, 0.0 * side, rows[:, 2], rows[:, 3], time, rows[:, 5], np.zeros(len(rows), bool))
    refused = status == EXPIRED
    filled = np.where(refused | (status < NEW), 0.0, case["contracts"] - rows[:, 3])
    filled = np.rint(filled / LOT) * LOT
    value = filled * rows[:, 4] * TICK
    last = np.where(status == FILLED, time, 0)
    return Fates(side, rows[:, 4], filled, value, last, case["fees"][0] * value, refused)


def differing(one: Fates, other: Fates) -> dict[str, Any]:
    """Numbers of the orders that differ: in "size" filled, else in "time" of the last fill (where both know it)."""
    if len(one) != len(other) or (one.side != other.side).any() or (one.price != other.price).any():
        raise SystemExit("the two runs did not send the same orders")
    size = np.abs(one.filled - other.filled) > LOT / 2
    known = (one.last > 0) & (other.last > 0)
    return {"size": np.flatnonzero(size), "time": np.flatnonzero(~size & known & (one.last != other.last))}


@dataclass(frozen=True)
class Market:
    """The capture, to look up what happened when."""

    depth: Depth
    trades: Trades

    def reaches(self, side: float, price: float, time: int) -> str:
        """How the market met a limit order (``price`` in ticks) at ``time``: "through": a trade beyond its price
        whose aggressor could have met it; "other side": a trade beyond it by the other aggressor; "book": the best
        price of the other side is at it or beyond; "at": a trade at it; "" not at all."""
        near = slice(*np.searchsorted(self.trades.times, [time, time + 1]))
        prices, _, aggressor = self.trades.rows[near].T
        beyond = side * (price - np.rint(prices / TICK))
        meets = side * aggressor <= 0.0
        last = int(np.searchsorted(self.depth.times, time, side="right")) - 1
        best = self.depth.rows[last, 2 if side > 0 else 0] / TICK
        if ((beyond > 0) & meets).any():
            return "through"
        if (beyond > 0).any():
            return "other side"
        if self.depth.times[last] == time and side * (price - round(best)) >= 0:
            return "book"
        return "at" if ((beyond == 0) & meets).any() else ""


def cause(market: Market, number: int, ours: Fates, theirs: Fates) -> str:
    """Why an order was not filled alike, in one of a few sentences; "" where none of them holds."""
    side, price = float(ours.side[number]), float(ours.price[number])
    mine, its = int(ours.last[number]), int(theirs.last[number])
    less = ours.filled[number] < theirs.filled[number] - LOT / 2
    met = market.reaches(side, price, its) if its else ""
    if mine and (not its or mine < its) and market.reaches(side, price, mine) == "other side":
        return "a trade beyond the price, whose aggressor was on the order's own side, fills it in halfspread"
    if not its or not (less or its < mine):
        return ""
    if met == "through":
        return "a trade beyond the price fills all of the order in hftbacktest, its own size at most in halfspread"
    if met == "book":
        return (
            "a book at or beyond the price fills all of the order in hftbacktest, the size shown at most in halfspread"
        )
    if met == "at":
        return "a trade that reaches the order in its queue fills all of it in hftbacktest, its own size in halfspread"
    return ""
