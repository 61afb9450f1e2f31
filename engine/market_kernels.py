"""What one event does to the market, the account and the orders: called by the event loop, event by event.

Arrays and records of ``engine.records``. Functions return 0 or an error code.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel
from halfspread.costs.kernels import ewm_step
from halfspread.engine.account_kernels import mark_to, observe_quotes, reference_price, set_rate
from halfspread.engine.records import (
    BAR_CLOSE,
    BAR_OPEN,
    BY_SERIES,
    CLOSE,
    GAP,
    HIGH,
    INDEX,
    LOW,
    MARK,
    NEXT_OPEN,
    NO_MARGIN,
    ON_BARS,
    OPEN,
    SERVE_EXECUTE,
    SERVE_MARGIN,
    SERVE_MARK,
    SERVE_OPEN,
    SERVE_RANGE,
    VOLUME,
    Data,
    Output,
    State,
)

Array = Any


@inner_kernel
def take_bar(service: Any, state: State, event: Array, data: Data, output: Output) -> int:
    """The two moments of a bar: its open, where what was decided before is filled, and its close."""
    run, context = state.run[0], state.context[0]
    k, row, bars = event.instrument + 0, event.row, data.bars
    holding, contract = state.holdings[k], state.contracts[k]
    market = contract.market == ON_BARS
    if event.kind & BAR_OPEN:
        opened = event.time - contract.interval if event.kind & BAR_CLOSE else event.time
        if market and holding.live != 0:
            service(SERVE_OPEN, state, event, data, output)
        if holding.has_pending != 0 and market and run.convention == NEXT_OPEN and holding.arrives <= opened:
            error = service(SERVE_EXECUTE, state, event, data, output)
            if error != 0:
                return error
        if not event.kind & BAR_CLOSE:  # else nothing can ask for a price before the close
            if market:
                holding.last = reference_price(contract, bars, row, OPEN)
        elif run.check != 0:
            run.opening = 1
            service(SERVE_MARGIN, state, event, data, output)
            run.opening = 0
        if contract.quote_column >= 0:
            observe_quotes(contract, holding, bars, row, OPEN)
    if event.kind & BAR_CLOSE:
        if market:
            if holding.live != 0:
                service(SERVE_RANGE, state, event, data, output)
            holding.last = reference_price(contract, bars, row, CLOSE)
            mark_to(state, k, holding.last)
            look_at_margin(state, k, bars, row)
            if contract.impact_kind != 0:
                average_bar(contract, holding, bars, row)
        if contract.quote_column >= 0:
            observe_quotes(contract, holding, bars, row, CLOSE)
        context.gap[k] = event.time - contract.interval - holding.closed if holding.bars > 0 else 0
        if run.history_kinds & BAR_CLOSE:
            context.rows[k] = row
            run.instrument = k
            holding.seen += 1
        holding.bars += 1
        holding.closed = event.time
        holding.closed_now = 1
        run.started = 1
    return run.error


@inner_kernel
def look_at_margin(state: State, k: int, bars: Array, row: int) -> None:
    """Note the worst price of the bar where there is no mark, and whether margin has to be looked at."""
    run, holding = state.run[0], state.holdings[k]
    if run.margin == NO_MARGIN or holding.contracts == 0.0 or not math.isnan(holding.mark):
        return
    worst = holding.last
    if run.worst_price != 0:
        worst = bars[row, LOW] if holding.contracts > 0.0 else bars[row, HIGH]
    if worst <= holding.low_limit or worst >= holding.high_limit:
        holding.worst = worst
        run.check = 1


@inner_kernel
def average_bar(contract: Array, holding: Array, bars: Array, row: int) -> None:
    """Exponential averages of volume and squared return, for the impact model."""
    weight = contract.impact_weight
    if holding.averaged_close > 0.0:
        change = math.log(bars[row, CLOSE] / holding.averaged_close)
        holding.squares = ewm_step(holding.squares, weight, change * change)
        holding.volumes = ewm_step(holding.volumes, weight, bars[row, VOLUME])
        holding.weights = ewm_step(holding.weights, weight, 1.0)
    holding.averaged_close = bars[row, CLOSE]


@inner_kernel
def take_price(service: Any, state: State, event: Array, data: Data, output: Output) -> None:
    """Mark and index prices, the price of a settle currency, and the beginning of a gap."""
    run, context, k = state.run[0], state.context[0], event.instrument + 0
    holding = state.holdings[k]
    if event.kind == MARK:
        holding.mark = event.value
        context.mark[k] = event.value
        if holding.live != 0:
            service(SERVE_MARK, state, event, data, output)
        if run.margin != NO_MARGIN and holding.contracts != 0.0:
            if event.value <= holding.low_limit or event.value >= holding.high_limit:
                run.check = 1
    elif event.kind == INDEX:
        context.index[k] = event.value
    elif event.kind == GAP:
        holding.gap = event.time
    else:
        for a in range(state.accounts.shape[0]):
            if state.accounts[a].rate_source == BY_SERIES and state.accounts[a].rate_instrument == k:
                set_rate(state, a, event.value)
