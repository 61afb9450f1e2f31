"""The agents of `benchmarks.events`: takers on book snapshots, a market maker, order traffic, and those that
hold or cross over on several instruments."""

from __future__ import annotations

from typing import Any

import numpy as np

import halfspread as hs
from halfspread.engine.order_kernels import amend_order, cancel_all, limit_order, open_contracts

Floats = np.ndarray[Any, np.dtype[np.float64]]


@hs.compiled_agent
def follow_imbalance(context: Any, memory: Any, history: Any, row: int) -> int:
    """Long where the first ``memory[0]`` levels show more bids than asks, short where less; as before where the
    difference is within ``memory[1]`` of the sum."""
    bids, asks = 0.0, 0.0
    for level in range(int(memory[0])):
        bids += history[row, 4 * level + 1]
        asks += history[row, 4 * level + 3]
    tilt = (bids - asks) / (bids + asks)
    if abs(tilt) >= memory[1]:
        context.targets[0] = 1.0 if tilt > 0.0 else -1.0
    return hs.OK


@hs.compiled_agent
def make_market(context: Any, memory: Any, history: Any, row: int) -> int:
    """One order on each side at the best prices, moved when the best price has moved by ``memory[2]`` ticks."""
    lot, away = context.lot[0], memory[2] * context.tick[0]
    bid, ask = context.bid[0], context.ask[0]
    if open_contracts(context, int(memory[0])) == 0.0:
        if context.contracts[0] < 9.5 * lot:
            memory[0], memory[3] = limit_order(context, 0, lot, bid, 1), bid
    elif abs(bid - memory[3]) > away:
        amend_order(context, int(memory[0]), np.nan, bid)
        memory[3] = bid
    if open_contracts(context, int(memory[1])) == 0.0:
        if context.contracts[0] > -9.5 * lot:
            memory[1], memory[4] = limit_order(context, 0, -lot, ask, 1), ask
    elif abs(ask - memory[4]) > away:
        amend_order(context, int(memory[1]), np.nan, ask)
        memory[4] = ask
    return hs.OK


@hs.compiled_agent
def place_and_cancel(context: Any, memory: Any, history: Any, row: int) -> int:
    """Two new orders far from the market at every event, the old ones cancelled: nothing but order traffic."""
    cancel_all(context, 0)
    lot, tick = context.lot[0], context.tick[0]
    limit_order(context, 0, lot, context.bid[0] - 50.0 * tick, 0)
    limit_order(context, 0, -lot, context.ask[0] + 50.0 * tick, 0)
    return hs.OK


@hs.compiled_agent
def cross_each(context: Any, memory: Any, history: Any, row: int) -> int:
    """A crossover of two moving averages on every instrument, sums kept in memory: [20, 100, started, sums...]."""
    fast, slow = int(memory[0]), int(memory[1])
    for k in range(context.instruments):
        at = context.rows[k]
        close = history[at, 3]
        if memory[2] == 0.0:
            for i in range(at - fast + 1, at):
                memory[3 + 2 * k] += history[i, 3]
            for i in range(at - slow + 1, at):
                memory[4 + 2 * k] += history[i, 3]
        fast_sum, slow_sum = memory[3 + 2 * k] + close, memory[4 + 2 * k] + close
        context.targets[k] = 1.0 if memory[1] * fast_sum > memory[0] * slow_sum else -1.0
        memory[3 + 2 * k] = fast_sum - history[at - fast + 1, 3]
        memory[4 + 2 * k] = slow_sum - history[at - slow + 1, 3]
    memory[2] = 1.0
    return hs.OK


@hs.compiled_agent
def lean_each(context: Any, memory: Any, history: Any, row: int) -> int:
    """On every instrument: long where its bid shows nine times as much as its ask, short the other way round."""
    for k in range(context.instruments):
        bids, asks = context.bid_size[k], context.ask_size[k]
        if bids > 9.0 * asks:
            context.targets[k] = 1.0
        elif asks > 9.0 * bids:
            context.targets[k] = -1.0
    return hs.OK


@hs.compiled_agent
def hold_one(context: Any, memory: Any, history: Any, row: int) -> int:
    """Long from the first event on."""
    context.targets[0] = 1.0
    return hs.OK


class Imbalance(hs.CompiledStrategy):
    """Takes on what the first ``levels`` show."""

    levels: int = 5
    threshold: float = 0.6
    events = ("book",)
    function = follow_imbalance

    def memory(self) -> Floats:
        return np.array([self.levels, self.threshold])


class PythonImbalance(hs.Strategy):
    """`Imbalance` on the best level, in Python."""

    threshold: float = 0.9

    def on_book(self, market: Any) -> float | None:
        bids, asks = market.bid_size, market.ask_size
        tilt = (bids - asks) / (bids + asks)
        return None if abs(tilt) < self.threshold else 1.0 if tilt > 0.0 else -1.0


class Maker(hs.CompiledStrategy):
    """Quotes a lot on both sides, up to ten of inventory; decides at every quote."""

    events = ("quote",)
    function = make_market

    def memory(self) -> Floats:
        return np.array([0.0, 0.0, 2.0, 0.0, 0.0])


class Traffic(hs.CompiledStrategy):
    """Four requests at every quote."""

    events = ("quote",)
    function = place_and_cancel


class Crosses(hs.CompiledStrategy):
    """`SmaCross` (20, 100) on up to ten instruments at once."""

    lookback: int = 99
    function = cross_each

    def memory(self) -> Floats:
        return np.array([20.0, 100.0, 0.0, *[0.0] * 20])


class Leans(hs.CompiledStrategy):
    """Takes on the best quotes of every instrument, asked at every quote of any."""

    events = ("quote",)
    function = lean_each


class HoldOnQuotes(hs.CompiledStrategy):
    """One fill, asked at every quote."""

    events = ("quote",)
    function = hold_one


class HoldOnBooks(hs.CompiledStrategy):
    """One fill, asked at every snapshot."""

    events = ("book",)
    function = hold_one
