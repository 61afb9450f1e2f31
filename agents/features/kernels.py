"""One row of features at one decision, from what an agent is shown. Signature parts as in ``engine.agent_functions``.

``plan`` (features, PLAN_WIDTH) says what to compute; ``state`` is flat and kept from decision to decision, zero at the
start; ``own`` (instruments, OWN_WIDTH) is the agent's own past, kept by `look_at_own`. A feature of bars looks at the
rows of its window and at nothing else, so that it does not depend on where a run began. What cannot be said (no rate
yet, no quote yet, no mark price) is 0.0, never NaN.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.agents.features.records import (
    AGE,
    AVERAGE_GAP,
    BAR_RANGE,
    BASIS,
    CODE,
    COLUMN,
    COOL_DOWN,
    DAY_COSINE,
    DAY_SINE,
    FIRST,
    HELD,
    IMBALANCE,
    INSTRUMENT,
    LAST_FUNDING,
    LAST_PRICE,
    LEFT_AGO,
    LOG_RETURN,
    MOMENTUM,
    MOVED,
    POSITION,
    RANGE_POSITION,
    SECOND,
    SIGNED_VOLUME,
    SPREAD,
    STATE_AT,
    STEPS,
    TO_FUNDING,
    TRADE_FLOW,
    VOLATILITY,
    VOLUME_RATIO,
    WEEK_COSINE,
    WEEK_SINE,
)
from halfspread.compiled import inner_kernel, loop_kernel
from halfspread.engine.codes import CLOSE, HIGH, LOW, TRADE, VOLUME

Array = Any
Record = Any

HOUR = 3_600_000_000_000
DAY = 24 * HOUR
WEEK = 7 * DAY
MONDAY = 4 * DAY  # 1970-01-01 was a Thursday
FUNDING_PERIOD = 8 * HOUR
TURN = 2.0 * math.pi


@inner_kernel
def log_return(history: Array, row: int, bars: int) -> float:
    """Logarithm of the last close over that of ``bars`` before."""
    return math.log(history[row, CLOSE] / history[row - bars, CLOSE])


@loop_kernel
def volatility(history: Array, row: int, window: int) -> float:
    """Standard deviation (population) of the last ``window`` log returns from bar to bar, in two passes."""
    mean = math.log(history[row, CLOSE] / history[row - window, CLOSE]) / window
    total = 0.0
    for i in range(row - window + 1, row + 1):
        away = math.log(history[i, CLOSE] / history[i - 1, CLOSE]) - mean
        total += away * away
    return math.sqrt(total / window)


@loop_kernel
def mean_of(history: Array, row: int, window: int, column: int) -> float:
    """Mean of a column over ``window`` rows, this one included."""
    total = 0.0
    for i in range(row - window + 1, row + 1):
        total += history[i, column]
    return total / window


@loop_kernel
def signed_volume(history: Array, row: int, window: int) -> float:
    """Volume of rising bars less that of falling ones, over all of it; 0 where nothing was traded."""
    signed = total = 0.0
    for i in range(row - window + 1, row + 1):
        volume, before = history[i, VOLUME], history[i - 1, CLOSE]
        total += volume
        if history[i, CLOSE] > before:
            signed += volume
        elif history[i, CLOSE] < before:
            signed -= volume
    return signed / total if total > 0.0 else 0.0


@loop_kernel
def place_in_range(history: Array, row: int, window: int) -> float:
    """Where the close stands between the lowest (-1) and the highest (+1) price of the window; 0 where they are one."""
    high, low = history[row, HIGH], history[row, LOW]
    for i in range(row - window + 1, row):
        high, low = max(high, history[i, HIGH]), min(low, history[i, LOW])
    return 2.0 * (history[row, CLOSE] - low) / (high - low) - 1.0 if high > low else 0.0


@loop_kernel
def strength(history: Array, row: int, window: int) -> float:
    """Sum of rises less sum of falls over sum of both (Cutler's relative strength, from -1 to 1); 0 without moves."""
    up = down = 0.0
    for i in range(row - window + 1, row + 1):
        move = history[i, CLOSE] - history[i - 1, CLOSE]
        if move > 0.0:
            up += move
        else:
            down -= move
    return (up - down) / (up + down) if up + down > 0.0 else 0.0


@loop_kernel
def of_bars(code: int, line: Array, history: Array, row: int) -> float:
    """A feature of bars at ``row`` of its instrument."""
    window = int(line[FIRST])
    if code == COLUMN:
        return history[row, window]  # type: ignore[no-any-return]
    if code == LOG_RETURN:
        return log_return(history, row, window)
    if code == MOMENTUM:
        spread = volatility(history, row, window)
        return log_return(history, row, window) / (spread * math.sqrt(window)) if spread > 0.0 else 0.0
    if code == VOLATILITY:
        return volatility(history, row, window)
    if code == VOLUME_RATIO:
        mean = mean_of(history, row, window, VOLUME)
        return history[row, VOLUME] / mean - 1.0 if mean > 0.0 else 0.0
    if code == SIGNED_VOLUME:
        return signed_volume(history, row, window)
    if code == BAR_RANGE:
        total = 0.0
        for i in range(row - window + 1, row + 1):
            total += math.log(history[i, HIGH] / history[i, LOW])
        return total / window
    if code == RANGE_POSITION:
        return place_in_range(history, row, window)
    if code == AVERAGE_GAP:
        return mean_of(history, row, window, CLOSE) / mean_of(history, row, int(line[SECOND]), CLOSE) - 1.0
    return strength(history, row, window)


@loop_kernel
def of_time_and_funding(code: int, context: Record, k: int) -> float:
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
    if code == BASIS:
        return known(context.mark[k] / context.index[k] - 1.0)
    return known(context.last_funding_rate[k] if code == LAST_FUNDING else context.next_funding_rate[k])


@inner_kernel
def known(value: float) -> float:
    """The value, 0 where it is NaN."""
    return 0.0 if math.isnan(value) else value


@loop_kernel
def of_the_book(code: int, line: Array, state: Array, context: Record, k: int) -> float:
    """A feature of the best quotes, or of trades since the last decision."""
    bid, ask = context.bid[k], context.ask[k]
    bids, asks = context.bid_size[k], context.ask_size[k]
    mid = 0.5 * (bid + ask)
    if code == SPREAD:
        return known((ask - bid) / mid)
    if code == TRADE_FLOW:
        at = int(line[STATE_AT])
        if context.kind & TRADE and not math.isnan(context.trade_size[k]):
            fade = 0.5 ** ((context.time - state[at + 2]) / line[FIRST]) if state[at + 1] > 0.0 else 0.0
            state[at] = fade * state[at] + context.trade_side[k] * context.trade_size[k]
            state[at + 1] = fade * state[at + 1] + context.trade_size[k]
            state[at + 2] = context.time
        return state[at] / state[at + 1] if state[at + 1] > 0.0 else 0.0
    if not bids + asks > 0.0:  # NaN too
        return 0.0
    if code == IMBALANCE:
        return known((bids - asks) / (bids + asks))
    return known(((bid * asks + ask * bids) / (bids + asks) - mid) / mid)


@inner_kernel
def sign(value: float) -> int:
    """-1, 0 or 1."""
    return (value > 0.0) - (value < 0.0)


@loop_kernel
def look_at_own(own: Array, context: Record, history: Array, on_bars: bool) -> None:
    """Bring the agent's own past up to date; once at every decision, before any feature.

    A position is one as long as its side stays. What it has earned counts from the last price before it was seen.
    """
    for k in range(len(own)):
        mine, held = own[k], context.positions[k]
        price = history[context.rows[k], CLOSE] if on_bars else 0.5 * (context.bid[k] + context.ask[k])
        if math.isnan(price):
            price = mine[LAST_PRICE]
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
def observe(plan: Array, state: Array, own: Array, context: Record, history: Array, on_bars: bool, out: Array) -> None:
    """Fill ``out`` (features,) with every feature of the plan; ``on_bars``: the history is one of bars."""
    look_at_own(own, context, history, on_bars)
    for i in range(len(plan)):
        line = plan[i]
        code, k = int(line[CODE]), int(line[INSTRUMENT])
        if code < DAY_SINE:
            out[i] = of_bars(code, line, history, context.rows[k])
        elif code < IMBALANCE:
            out[i] = of_time_and_funding(code, context, k)
        elif code < POSITION:
            out[i] = of_the_book(code, line, state, context, k)
        else:
            out[i] = of_own(code, line, own[k])
