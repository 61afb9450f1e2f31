"""The lines of attribution that are written period by period, and the room that an event needs in the buffers.

Records of ``engine.records``; times integer nanoseconds UTC.
"""

from __future__ import annotations

from typing import Any

from halfspread.compiled import loop_kernel, once_kernel
from halfspread.engine.account_kernels import update_equity
from halfspread.engine.codes import (
    BAR_CLOSE,
    BAR_OPEN,
    DEPTH,
    FILLS_FULL,
    MAX_FILLS,
    MAX_LEDGER,
    MAX_PERIODS,
    ORDERS_FULL,
    PERIODS_FULL,
    TRADE,
)
from halfspread.engine.order_records import MAX_REQUESTS

Array = Any
Record = Any


@loop_kernel
def record_period(state: Record, time: int) -> None:
    """Write the cumulative attribution of every instrument as it stands at ``time``."""
    run, holdings = state.run, state.holdings
    update_equity(state)
    for k in range(run.instruments):
        holding = holdings[k]
        account = state.accounts[state.contracts[k].account]
        line = state.periods[run.periods]
        line.time = time
        line.instrument = k
        line.equity = run.equity
        line.equity_settle = account.equity_settle
        line.collateral = 0.0
        for a in range(state.run.accounts):
            line.collateral += state.accounts[a].collateral
        line.reference = holding.reference
        line.position = holding.contracts
        line.position_value = holding.contracts * abs(holding.value) * account.rate
        line.price = holding.price_report
        line.half_spread = holding.half_spread_report
        line.fee = holding.fee_report
        line.impact = holding.impact_report
        line.funding = holding.funding_report
        line.liquidation = holding.liquidation_report
        line.price_settle = holding.price_settle
        line.half_spread_settle = holding.half_spread_settle
        line.fee_settle = holding.fee_settle
        line.impact_settle = holding.impact_settle
        line.funding_settle = holding.funding_settle
        line.liquidation_settle = holding.liquidation_settle
        line.turnover = holding.turnover
        run.periods += 1


@once_kernel
def make_room(state: Record, event: Array) -> int:
    """Close the recording period that ends before ``event``; the code of a buffer that is full, else 0."""
    run, count = state.run, state.run.instruments
    # a bar that opens where a period ends belongs to the next one
    moment = event.time + 1 if event.kind == BAR_OPEN else event.time
    if run.next_arrival != 0:
        moment = min(moment, run.next_arrival)
    if run.next_period == 0 and not event.kind & (BAR_OPEN | BAR_CLOSE):
        if event.kind & (DEPTH | TRADE):
            run.next_period = (moment // run.period + 1) * run.period
    elif moment > run.next_period:
        if run.periods + count > MAX_PERIODS:
            return PERIODS_FULL
        if run.started != 0:
            record_period(state, run.next_period)
        run.next_period = -(-moment // run.period) * run.period
    if run.ledger + 2 * (run.live + MAX_REQUESTS) + run.messages > MAX_LEDGER:
        return ORDERS_FULL
    return FILLS_FULL if run.fills + 4 * count + 2 * (run.live + MAX_REQUESTS) > MAX_FILLS else 0
