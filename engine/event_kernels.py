"""What each kind of event does to the market and the account.

``extra`` is a function of ``engine.service_kernels``: quotes, books, trades and orders. Arrays and records of
``engine.records``. Functions return 0 or an error code unless they say otherwise.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import loop_kernel, once_kernel
from halfspread.engine.account_kernels import set_rate, settle_funding
from halfspread.engine.codes import (
    AT_AGENT,
    AT_EXCHANGE,
    BAR_CLOSE,
    BAR_OPEN,
    BY_SERIES,
    DEPTH,
    FUNDING,
    FUNDING_KNOWN,
    GAP,
    INDEX,
    MARK,
    NEXT_OPEN,
    NO_MARGIN,
    ON_BARS,
    OPEN,
    SERVE_DEPTH,
    SERVE_LIQUIDATED,
    SERVE_MARK,
    SERVE_OPEN,
    SERVE_RANGE,
    SERVE_TRADE,
    TIMER,
    TRADE,
)
from halfspread.engine.fill_kernels import execute
from halfspread.engine.liquidation_kernels import check_margin
from halfspread.engine.margin_kernels import pay_from_margin
from halfspread.engine.market_kernels import close_bar, open_bar
from halfspread.engine.records import Data

Array = Any
Record = Any


@once_kernel
def take_funding(state: Record, event: Array) -> None:
    """A settlement, or the publication of the rate of a later one."""
    context, k = state.context, event.instrument + 0
    context.next_funding_time[k] = event.row
    if event.kind == FUNDING:
        account = state.accounts[state.contracts[k].account]
        before = account.cash
        settle_funding(state, k, event.value)
        pay_from_margin(state, k, before - account.cash)
        context.last_funding_rate[k] = event.value
        if state.run.started != 0:
            if state.contracts[k].charge_funding != 0:
                context.funded[k] += event.value
            state.run.told = 1
        context.next_funding_rate[k] = math.nan
    else:
        context.next_funding_rate[k] = event.value
    if state.run.margin != NO_MARGIN and state.holdings[k].contracts != 0.0:
        state.run.check = 1


@once_kernel
def take_price(extra: Any, state: Record, event: Array, data: Data) -> None:
    """Mark and index prices, the price of a settle currency, and the beginning of a gap."""
    run, context, k = state.run, state.context, event.instrument + 0
    holding = state.holdings[k]
    if event.kind == MARK and event.place == AT_AGENT:
        context.mark[k] = event.value
    elif event.kind == MARK:
        holding.mark = event.value
        if event.place == 0:
            context.mark[k] = event.value
        if holding.live != 0:
            extra(SERVE_MARK, state, event, data)
        looks = run.margin != NO_MARGIN and holding.contracts != 0.0
        if looks and not holding.low_limit < event.value < holding.high_limit:
            run.check = 1
    elif event.kind == INDEX:
        if event.place != AT_EXCHANGE:
            context.index[k] = event.value
    elif event.kind == GAP:
        if holding.gap == 0:
            holding.gap = event.time
    else:
        for a in range(state.run.accounts):
            if state.accounts[a].rate_source == BY_SERIES and state.accounts[a].rate_instrument == k:
                set_rate(state, a, event.value)


@once_kernel
def take_bar(extra: Any, state: Record, event: Array, data: Data) -> int:
    """The two moments of a bar: its open, where what was decided before is filled, and its close."""
    run, k, row = state.run, event.instrument + 0, event.row
    holding, contract = state.holdings[k], state.contracts[k]
    market = contract.market == ON_BARS
    if event.kind & BAR_OPEN:
        opened = event.time - contract.interval if event.kind & BAR_CLOSE else event.time
        if market and (holding.live != 0 or run.messages != 0):
            error = extra(SERVE_OPEN, state, event, data)
            if error != 0:
                return error
        if holding.has_pending != 0 and market and run.convention == NEXT_OPEN and holding.arrives <= opened:
            error = execute(state, k, data.bars, row, OPEN, opened)
            if error != 0:
                return error
        if event.kind & BAR_CLOSE and run.check != 0:
            look_after_margin(extra, state, event, data, opened, False)
        open_bar(state, k, event.kind, data.bars, row)
    if event.kind & BAR_CLOSE:
        if market and holding.live != 0:
            error = extra(SERVE_RANGE, state, event, data)
            if error != 0:
                return error
        close_bar(state, k, event.time, data.bars, row)
        holding.closed_now = 1
    return run.error


@loop_kernel
def look_after_margin(extra: Any, state: Record, event: Array, data: Data, time: int, closing: bool) -> None:
    """Liquidate at ``time`` what the margin does not carry, and cancel its orders; ``closing``: at the end of a time,
    when the worst prices of the bars that close then count."""
    run = state.run
    if not closing:
        for k in range(state.run.instruments):
            state.holdings[k].worst = math.nan
    check_margin(state, time)
    if run.live != 0:
        extra(SERVE_LIQUIDATED, state, event, data)


@once_kernel
def take_event(extra: Any, state: Record, event: Array, data: Data) -> int:
    """Apply one event; 0 or an error code."""
    run = state.run
    run.now = event.time
    run.events += 1
    if event.kind & (BAR_OPEN | BAR_CLOSE):
        run.kinds |= event.kind
        return take_bar(extra, state, event, data)
    if event.kind & DEPTH:
        return extra(SERVE_DEPTH, state, event, data)
    if event.kind == TRADE:
        return extra(SERVE_TRADE, state, event, data)
    if run.started != 0:  # what happened before the first price is known, and has not just happened
        run.kinds |= event.kind
    if event.kind & (FUNDING | FUNDING_KNOWN):
        take_funding(state, event)
    elif event.kind != TIMER:
        take_price(extra, state, event, data)
    return 0
