"""One row of features at one decision, from what an agent is shown. Signature parts as in ``engine.agent_functions``.

``plan`` (features, PLAN_WIDTH) says what to compute; ``state`` is flat and kept from decision to decision, zero at the
start; ``own`` (instruments, OWN_WIDTH) is the agent's own past, kept by `look_at_own`. What cannot be said (no rate
yet, no quote yet, no mark price) is 0.0, never NaN.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from halfspread.agents.features.bar_feature_kernels import known, of_bars
from halfspread.agents.features.faded_kernels import follow, of_faded
from halfspread.agents.features.records import (
    AGE,
    BASIS,
    CODE,
    COOL_DOWN,
    DAY_COSINE,
    DAY_SINE,
    DEPTH_IMBALANCE,
    FADED_VOLATILITY,
    FIRST,
    HELD,
    IMBALANCE,
    INSTRUMENT,
    LAST_FUNDING,
    LAST_PRICE,
    LEFT_AGO,
    MICRO_VOLATILITY,
    MOVED,
    ON_BARS,
    POSITION,
    SPREAD,
    STATE_AT,
    STEPS,
    TO_FUNDING,
    TRADE_FLOW,
    WEEK_COSINE,
    WEEK_SINE,
)
from halfspread.compiled import inner_kernel, loop_kernel
from halfspread.engine.codes import ASK_SIZE, BID_SIZE, CLOSE, LEVEL

Array = Any
Record = Any

HOUR = 3_600_000_000_000
DAY = 24 * HOUR
WEEK = 7 * DAY
MONDAY = 4 * DAY  # 1970-01-01 was a Thursday
FUNDING_PERIOD = 8 * HOUR
TURN = 2.0 * math.pi
BASIS_POINTS = 1e4


@loop_kernel
def of_time_and_funding(code: int, line: Array, context: Record, k: int) -> float:
    """A feature of the clock, of funding rates or of the basis."""
    if code <= DAY_COSINE:
        part = TURN * (context.time % DAY) / DAY
        return math.sin(part) if code == DAY_SINE else math.cos(part)
    if code <= WEEK_COSINE:
        part = TURN * ((context.time - MONDAY) % WEEK) / WEEK
        return math.sin(part) if code == WEEK_SINE else math.cos(part)
    if code == TO_FUNDING:
        left = context.next_funding_time[k] - context.time
        return min(left / FUNDING_PERIOD, 1.0) if left > 0 else 0.0
    unit = BASIS_POINTS if line[FIRST] != 0.0 else 1.0
    if code == BASIS:
        return unit * known(context.mark[k] / context.index[k] - 1.0)
    return unit * known(context.last_funding_rate[k] if code == LAST_FUNDING else context.next_funding_rate[k])


@loop_kernel
def flow(line: Array, state: Array, context: Record, k: int) -> float:
    """What takers have bought less what they have sold, over both, each half as heavy after a half-life."""
    at = int(line[STATE_AT])
    then = state[at + 4 : at + 5].view(np.int64)  # a float64 holds no nanosecond
    bought, sold = context.bought[k] - state[at], context.sold[k] - state[at + 1]
    if bought + sold > 0.0:
        fade = 0.5 ** ((context.time - then[0]) / line[FIRST])
        state[at + 2] = fade * state[at + 2] + (bought - sold)
        state[at + 3] = fade * state[at + 3] + (bought + sold)
        state[at], state[at + 1], then[0] = context.bought[k], context.sold[k], context.time
    return state[at + 2] / state[at + 3] if state[at + 3] > 0.0 else 0.0


@loop_kernel
def micro_volatility(line: Array, state: Array, time: int, mid: float) -> float:
    """Root of the sum of squared log moves of the mid between decisions, each half as heavy after a half-life."""
    at = int(line[STATE_AT])
    then = state[at + 2 : at + 3].view(np.int64)
    if mid > 0.0:  # not NaN
        if state[at] > 0.0:
            move = math.log(mid / state[at])
            state[at + 1] = 0.5 ** ((time - then[0]) / line[FIRST]) * state[at + 1] + move * move
        state[at], then[0] = mid, time
    return math.sqrt(state[at + 1])


@loop_kernel
def depth_imbalance(history: Array, row: int, levels: int) -> float:
    """Bid sizes less ask sizes of the first levels of a book, over both."""
    bids = asks = 0.0
    for i in range(levels):
        bids += known(history[row, LEVEL * i + BID_SIZE])
        asks += known(history[row, LEVEL * i + ASK_SIZE])
    return (bids - asks) / (bids + asks) if bids + asks > 0.0 else 0.0


@loop_kernel
def of_the_book(code: int, line: Array, state: Array, context: Record, history: Array, k: int) -> float:
    """A feature of quotes, books or trades."""
    if code == TRADE_FLOW:
        return flow(line, state, context, k)
    if code == DEPTH_IMBALANCE:
        return depth_imbalance(history, context.rows[k], int(line[FIRST]))
    bid, ask = context.bid[k], context.ask[k]
    bids, asks = context.bid_size[k], context.ask_size[k]
    mid = 0.5 * (bid + ask)
    if code == SPREAD:
        return known((ask - bid) / mid)
    if code == MICRO_VOLATILITY:
        return micro_volatility(line, state, context.time, mid)
    if not bids + asks > 0.0:  # NaN too
        return 0.0
    if code == IMBALANCE:
        return (bids - asks) / (bids + asks)  # type: ignore[no-any-return]
    return known(((bid * asks + ask * bids) / (bids + asks) - mid) / mid)


@inner_kernel
def sign(value: float) -> int:
    """-1, 0 or 1."""
    return (value > 0.0) - (value < 0.0)


@inner_kernel
def price_of(mine: Array, context: Record, history: Array, k: int) -> float:
    """The last close where the history is one of bars, else the mid, else the last trade, else what it was before."""
    if mine[ON_BARS] != 0.0:
        return history[context.rows[k], CLOSE]  # type: ignore[no-any-return]
    price = 0.5 * (context.bid[k] + context.ask[k])
    if math.isnan(price):
        price = context.trade_price[k]
    return mine[LAST_PRICE] if math.isnan(price) else price  # type: ignore[no-any-return]


@loop_kernel
def look_at_own(own: Array, context: Record, history: Array) -> None:
    """Bring the agent's own past up to date; once at every decision, before any feature.

    A position is one as long as its side stays. What it has earned counts from the last price before it was seen.
    """
    for k in range(len(own)):
        mine, held = own[k], context.positions[k]
        price = price_of(mine, context, history, k)
        mine[LEFT_AGO] = mine[LEFT_AGO] + 1.0 if mine[LAST_PRICE] != 0.0 else math.inf  # it has never left
        if sign(held) != sign(mine[HELD]):
            if held == 0.0:
                mine[LEFT_AGO] = 1.0
            mine[MOVED], mine[STEPS] = 0.0, 0.0
        if held != 0.0:
            mine[STEPS] += 1.0
            mine[MOVED] += held * (price - mine[LAST_PRICE])
        mine[HELD], mine[LAST_PRICE] = held, price


@loop_kernel
def of_own(code: int, line: Array, mine: Array) -> float:
    """A feature of the agent's own position."""
    if code == POSITION:
        return mine[HELD]  # type: ignore[no-any-return]
    if code == AGE:
        return mine[STEPS]  # type: ignore[no-any-return]
    if code == COOL_DOWN:
        return max(line[FIRST] - mine[LEFT_AGO], 0.0)  # type: ignore[no-any-return]
    if line[FIRST] != 0.0:  # in units of the price
        return mine[MOVED]  # type: ignore[no-any-return]
    return mine[MOVED] / mine[LAST_PRICE] if mine[LAST_PRICE] > 0.0 else 0.0


@loop_kernel
def observe(plan: Array, state: Array, own: Array, context: Record, history: Array, out: Array) -> None:
    """Fill ``out`` (features,) with every feature of the plan; behind them stand lines of what several follow."""
    look_at_own(own, context, history)
    for i in range(len(out), len(plan)):
        follow(plan[i], state, context, history)
    for i in range(len(out)):
        line = plan[i]
        code, k = int(line[CODE]), int(line[INSTRUMENT])
        if code < FADED_VOLATILITY:
            out[i] = of_bars(code, line, history, context.rows[k])
        elif code < DAY_SINE:
            out[i] = of_faded(code, line, state, history, context.rows[k])
        elif code < IMBALANCE:
            out[i] = of_time_and_funding(code, line, context, k)
        elif code < POSITION:
            out[i] = of_the_book(code, line, state, context, history, k)
        else:
            out[i] = of_own(code, line, own[k])
