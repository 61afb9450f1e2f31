"""What an agent learns of its own orders and positions, at once or after the response latency.

Records of ``engine.records`` and ``engine.order_records``; contracts are signed, times integer nanoseconds UTC. A
report carries the position at the time of what it tells.
"""

from __future__ import annotations

from typing import Any

from halfspread.compiled import inner_kernel, loop_kernel, once_kernel
from halfspread.costs.kernels import delay_at
from halfspread.engine.codes import MAX_REPORTS, OWN_ORDER, TOO_MANY_REPORTS
from halfspread.engine.order_records import LIQUIDATED, NO_REASON

Array = Any
Record = Any


@inner_kernel
def tell_rejection(state: Record, reason: int) -> None:
    """Count a rejection, and show it to the agent at its next decision."""
    context = state.context
    state.run.told = 1
    context.rejected += 1
    context.last_reason = reason


@loop_kernel
def report(
    state: Record, number: int, k: int, left: float, price: float, filled: float, reason: int, time: int
) -> None:
    """Tell what has happened at ``time`` to order ``number`` (0: a target or a request): ``left`` is still open,
    ``filled`` was filled now, ``reason`` says why it was rejected or withdrawn by the venue."""
    run, holding = state.run, state.holdings[k]
    if reason != NO_REASON:
        run.rejections += 1
    arrives = report_arrival(state, time) if run.delayed_reports != 0 else run.now
    if arrives <= run.now:
        show_report(state, number, k, left, price, filled, holding.contracts, holding.position)
        tell_rest(state, number, k, holding.untold, reason)
        holding.untold = 0.0
        return
    room = MAX_REPORTS
    if run.reports >= room:
        run.error = TOO_MANY_REPORTS
        return
    line = state.reports[(run.first_report + run.reports) % room]
    line.time, line.order, line.instrument = arrives, number, k
    line.open, line.price, line.filled = left, price, filled
    line.position, line.fraction = holding.contracts, holding.position
    line.reason, line.cash = reason, holding.untold
    holding.untold = 0.0
    if run.reports == 0:
        run.next_report = line.time
    run.reports += 1


@loop_kernel
def tell_rest(state: Record, number: int, k: int, cash: float, reason: int) -> None:
    """The agent learns what a fill did to the account, why an order ended, and that a liquidation took its target."""
    state.accounts[state.contracts[k].account].untold -= cash
    if reason != NO_REASON:
        tell_rejection(state, reason)
    if reason == LIQUIDATED and number == 0:
        drop_target(state, k)


@inner_kernel
def drop_target(state: Record, k: int) -> None:
    """The target of instrument ``k`` is gone, and the agent knows."""
    state.holdings[k].target = 0.0
    state.context.targets[k] = 0.0


@once_kernel
def report_arrival(state: Record, time: int) -> int:
    """When the agent learns of what happened at ``time``; no report overtakes the one before it."""
    run = state.run
    first, end = run.response_delays[0], run.response_delays[1]
    delays = state.delays[first:end]
    time += delay_at(run.response_delay_mode, delays[:, 0], delays[:, 1], run.responses, time)
    run.responses += 1
    run.last_report = max(run.last_report, time)
    return run.last_report


@loop_kernel
def show_report(
    state: Record, number: int, k: int, left: float, price: float, filled: float, position: float, fraction: float
) -> None:
    """Bring the agent's list of open orders and its position up to date."""
    context = state.context
    state.run.kinds |= OWN_ORDER
    state.run.told = 1
    context.filled[k] += filled
    context.contracts[k] = position
    context.positions[k] = fraction
    if number == 0:
        return
    for i in range(context.open_orders):
        if context.open_ids[i] == number:
            if left != 0.0:
                context.open_contracts[i], context.open_prices[i] = left, price
                return
            for j in range(i, context.open_orders - 1):
                context.open_ids[j] = context.open_ids[j + 1]
                context.open_instruments[j] = context.open_instruments[j + 1]
                context.open_contracts[j] = context.open_contracts[j + 1]
                context.open_prices[j] = context.open_prices[j + 1]
            context.open_orders -= 1
            return


@once_kernel
def deliver_reports(state: Record) -> None:
    """Show the agent every report that arrives at the time of the first of them."""
    run = state.run
    time = run.next_report
    run.now = time
    while run.reports > 0 and run.next_report == time:
        line = state.reports[run.first_report]
        show_report(
            state, line.order, line.instrument, line.open, line.price, line.filled, line.position, line.fraction
        )
        tell_rest(state, line.order, line.instrument, line.cash, line.reason)
        run.first_report = (run.first_report + 1) % MAX_REPORTS
        run.reports -= 1
        if run.reports > 0:
            run.next_report = state.reports[run.first_report].time
