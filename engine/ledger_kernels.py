"""The life of an order from its sending to the ledger, and what its agent is told.

Arrays and records of ``engine.records`` and ``engine.order_records``. Open orders stand in ``state.orders``, oldest
first; one that is done stays there until `sweep_orders` moves it to the ledger at the end of the event.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel, loop_kernel, once_kernel
from halfspread.costs.kernels import delay_at
from halfspread.costs.records import DELAY_FIXED
from halfspread.engine.account_kernels import contract_value, price_of_value, scheduled, snap_to_lots
from halfspread.engine.codes import ON_TRADES, OPTIMISTIC, THIS_CLOSE
from halfspread.engine.fill_kernels import enter_fill
from halfspread.engine.margin_kernels import may_hold_as
from halfspread.engine.order_records import (
    AMEND,
    BAD_FLAGS,
    BAD_PRICE,
    BY_AGENT,
    BY_MARK,
    CANCEL_REQUEST,
    CANCELLED,
    FILLED,
    FOK,
    IOC,
    LIMIT,
    MARKET,
    MAX_MESSAGES,
    MAX_OPEN,
    NO_INSTRUMENT,
    NO_REASON,
    NOT_A_NUMBER,
    NOT_SEEN,
    NOTHING_TO_REDUCE,
    OFF_LOT,
    OFF_TICK,
    PLACE,
    POST_ONLY,
    REDUCE_ONLY,
    REJECTED,
    RESTING,
    STOP,
    STOP_LIMIT,
    TAKE_PROFIT,
    TARGET,
    TOO_LARGE,
    TOO_MANY_OPEN,
    TOO_SMALL,
    UNKNOWN_ORDER,
    WAITING,
)
from halfspread.engine.report_kernels import report, tell_rejection

Array = Any
Record = Any

#: Instrument of a message about an order that was not open when it was sent.
NOWHERE = -1


@inner_kernel
def order_arrival(state: Record) -> int:
    """When a message sent now reaches the exchange; none overtakes the one before it."""
    run = state.run
    first, end = run.order_delays[0], run.order_delays[1]
    delay = delay_at(run.order_delay_mode, state.delays[first:end, 0], state.delays[first:end, 1], run.orders, run.now)
    run.orders += 1
    run.last_arrival = max(run.last_arrival, run.now + delay)
    if run.convention == THIS_CLOSE and run.next_arrival == 0 and run.last_arrival > run.now:
        run.next_arrival = run.last_arrival
    return run.last_arrival


@once_kernel
def arrives_at_once(state: Record) -> bool:
    """Whether messages take no time."""
    run = state.run
    return run.order_delay_mode == DELAY_FIXED and state.delays[run.order_delays[0], 1] == 0


@inner_kernel
def off_step(number: float, step: float) -> bool:
    """Whether ``number`` is no whole multiple of ``step``; a billionth is forgiven."""
    steps = abs(number) / step
    return abs(steps - math.floor(steps + 0.5)) > 1e-9 * max(steps, 1.0)


@inner_kernel
def snap(number: float, step: float) -> float:
    """The multiple of ``step`` that `off_step` accepted ``number`` for."""
    return math.floor(number / step + 0.5) * step


@loop_kernel
def fault_of(state: Record, order: Array) -> int:
    """Why an order cannot be sent, or NO_REASON."""
    kind, flags, k = order.kind, order.flags, order.instrument
    if not 0 <= k < state.run.instruments:
        return NO_INSTRUMENT
    if kind < MARKET or kind > TAKE_PROFIT:
        return BAD_FLAGS
    limited, triggered = kind in (LIMIT, STOP_LIMIT), kind > LIMIT
    if not math.isfinite(order.contracts):
        return NOT_A_NUMBER
    if (limited and not math.isfinite(order.price)) or (triggered and not math.isfinite(order.trigger)):
        return NOT_A_NUMBER
    contract, time = state.contracts[k], state.run.now
    tick = scheduled(state.starts, state.schedule, contract.ticks, time, 0)
    lot = scheduled(state.starts, state.schedule, contract.lots, time, 0)
    if (limited and off_step(order.price, tick)) or (triggered and off_step(order.trigger, tick)):
        return OFF_TICK
    if off_step(order.contracts, lot):
        return OFF_LOT
    if order.contracts == 0.0 or abs(order.contracts) < contract.min_contracts * (1.0 - 1e-9):
        return TOO_SMALL
    if abs(order.contracts) > contract.max_contracts * (1.0 + 1e-9):
        return TOO_LARGE
    if (limited and order.price <= 0.0) or (triggered and order.trigger <= 0.0):
        return BAD_PRICE
    if flags & POST_ONLY and (not limited or flags & (IOC | FOK)):
        return BAD_FLAGS
    if (flags & IOC and flags & FOK) or (flags & BY_MARK and not triggered):
        return BAD_FLAGS
    return TOO_MANY_OPEN if state.run.live >= MAX_OPEN else NO_REASON


@loop_kernel
def write_ledger(state: Record, order: Array) -> None:
    """Copy a finished order to the ledger."""
    run = state.run
    state.ledger[run.ledger] = order
    run.ledger += 1


@once_kernel
def place_order(state: Record, i: int) -> None:
    """Take request ``i`` for a new order: into the open orders, or to the ledger as rejected."""
    run, context = state.run, state.context
    order = state.orders[min(run.live, MAX_OPEN - 1)]
    full = run.live >= MAX_OPEN
    if full:  # the last open order has to stay: write to the ledger's next line instead
        order = state.ledger[run.ledger]
    order.id = context.request_order[i]
    order.instrument = context.request_instrument[i]
    order.kind = order.form = context.request_kind[i]
    order.flags = context.request_flags[i]
    order.state, order.reason = WAITING, NO_REASON
    order.contracts, order.filled = context.request_contracts[i], 0.0
    order.price, order.trigger = context.request_price[i], context.request_trigger[i]
    order.filled_value, order.average_price = 0.0, math.nan
    order.sent, order.done = run.now, 0
    order.ahead = order.ahead_other = math.inf
    order.shown = order.traded = 0.0
    order.seen, order.missed = NOT_SEEN, 0
    order.fills = order.maker_fills = 0
    order.arrives = order_arrival(state)
    reason = fault_of(state, order)
    if reason != NO_REASON:
        order.state, order.reason, order.done = REJECTED, reason, run.now
        run.rejections += 1
        tell_rejection(state, reason)
        if full:
            run.ledger += 1
        else:
            write_ledger(state, order)
        return
    k = order.instrument
    tick = scheduled(state.starts, state.schedule, state.contracts[k].ticks, run.now, 0)
    lot = scheduled(state.starts, state.schedule, state.contracts[k].lots, run.now, 0)
    order.contracts = snap(order.contracts, lot)
    order.price = snap(order.price, tick) if math.isfinite(order.price) else math.nan
    order.trigger = snap(order.trigger, tick) if math.isfinite(order.trigger) else math.nan
    run.live += 1
    state.holdings[k].live += 1
    at = context.open_orders
    context.open_ids[at], context.open_instruments[at] = order.id, k
    context.open_contracts[at], context.open_prices[at] = order.contracts, order.price
    context.open_orders += 1


@inner_kernel
def live_order(state: Record, number: int) -> int:
    """Where an order stands among the open ones; -1 where it is done or was never sent."""
    for i in range(state.run.live):
        if state.orders[i].id == number and state.orders[i].state < FILLED:
            return i
    return -1


@once_kernel
def change_order(state: Record, i: int) -> None:
    """Take request ``i`` for a cancellation or an amendment: it waits for the next event at or after its arrival, of
    its instrument, or of any one where the order is not open."""
    run, context = state.run, state.context
    arrives, number = order_arrival(state), context.request_order[i]
    at = live_order(state, number)
    if run.messages >= MAX_MESSAGES:
        refuse_request(state, number, -1, TOO_MANY_OPEN, run.now, run.now)
        return
    message = state.messages[run.messages]
    message.action, message.order = context.request_action[i], number
    message.instrument = state.orders[at].instrument if at >= 0 else NOWHERE
    message.sent, message.arrives = run.now, arrives
    message.contracts = context.request_contracts[i]
    message.price, message.trigger = context.request_price[i], context.request_trigger[i]
    run.messages += 1


@once_kernel
def send_target(state: Record, k: int, contracts: float) -> None:
    """A target is decided: in force at once, or a message on its way."""
    run, holding = state.run, state.holdings[k]
    arrives = order_arrival(state)
    if arrives > run.now and run.messages < MAX_MESSAGES:
        message = state.messages[run.messages]
        message.action, message.order, message.instrument = TARGET, 0, k
        message.sent, message.arrives = run.now, arrives
        message.contracts, message.price, message.trigger = contracts, math.nan, math.nan
        run.messages += 1
        return
    holding.pending, holding.has_pending = contracts, 1
    holding.decided, holding.arrives = run.now, arrives


@loop_kernel
def refuse_request(state: Record, number: int, k: int, reason: int, sent: int, done: int) -> None:
    """Record a cancellation or an amendment that the exchange refused."""
    run = state.run
    line = state.ledger[run.ledger]
    line.id, line.instrument = number, k
    line.kind, line.form, line.flags = CANCEL_REQUEST, CANCEL_REQUEST, 0
    line.state, line.reason = REJECTED, reason
    line.contracts, line.filled, line.filled_value = 0.0, 0.0, 0.0
    line.price = line.trigger = line.average_price = math.nan
    line.sent, line.arrives, line.done = sent, done, done
    line.ahead = line.ahead_other = math.inf
    line.shown = line.traded = 0.0
    line.seen = line.missed = 0
    line.fills = line.maker_fills = 0
    run.ledger += 1
    report(state, 0, max(k, 0), 0.0, math.nan, 0.0, reason, done)


@once_kernel
def take_requests(state: Record) -> int:
    """Send what the agent has asked for in this decision; 0 or an error code."""
    context = state.context
    for i in range(context.requests):
        if context.request_action[i] == PLACE:
            place_order(state, i)
        else:
            change_order(state, i)
    context.requests = 0
    return 0


@loop_kernel
def finish(state: Record, order: Array, result: int, reason: int, filled: float, time: int) -> None:
    """An order is done, ``filled`` contracts of it just now; `sweep_orders` moves it to the ledger."""
    order.state, order.reason, order.done = result, reason, time
    if order.filled != 0.0:
        order.average_price = price_of_value(state.contracts[order.instrument], order.filled_value / order.filled)
    told = NO_REASON if reason == BY_AGENT else reason
    report(state, order.id, order.instrument, 0.0, order.price, filled, told, time)


@inner_kernel
def refuse(state: Record, order: Array, reason: int, time: int) -> None:
    """The venue ends an order: rejected where it is new and nothing of it was filled, else cancelled."""
    new = order.state == WAITING and order.filled == 0.0
    finish(state, order, REJECTED if new else CANCELLED, reason, 0.0, time)


@inner_kernel
def note_missed(state: Record, order: Array) -> None:
    """The other rule of matching would have filled something of this order now."""
    if order.missed == 0 and order.fills == 0:
        state.run.choice_missed += 1
        order.missed = 1


@loop_kernel
def fill_order(state: Record, order: Array, traded: float, price: float, touch: float, time: int, maker: int) -> bool:
    """Fill ``traded`` contracts (signed) of an order; False where margin forbids it, which ends the order."""
    run, k = state.run, order.instrument
    holding, contract = state.holdings[k], state.contracts[k]
    lot = scheduled(state.starts, state.schedule, contract.lots, time, 0)
    after = snap_to_lots(holding.contracts + traded, lot)
    refused = may_hold_as(state, k, after, traded, price, maker, time)
    if refused != NO_REASON:
        refuse(state, order, refused, time)
        return False
    enter_fill(state, k, traded, after, price, touch, time, order.sent, order.id, maker)
    if holding.at_open * traded < 0.0:
        holding.at_open = math.copysign(max(abs(holding.at_open) - abs(traded), 0.0), holding.at_open)
    if order.missed != 0 and order.fills == 0:
        run.choice_missed -= 1
    order.filled_value += traded * contract_value(contract, price)
    order.filled = snap_to_lots(order.filled + traded, lot)
    order.fills += 1
    order.maker_fills += maker
    if abs(order.filled) >= abs(order.contracts) * (1.0 - 1e-12):
        finish(state, order, FILLED, NO_REASON, traded, time)
    else:
        report(state, order.id, k, order.contracts - order.filled, order.price, traded, NO_REASON, time)
    return True


@loop_kernel
def rest(state: Record, order: Array, ahead: float, time: int) -> None:
    """What is left of a limit waits at its price, where the account could carry it if it were filled there."""
    left = order.contracts - order.filled
    if not order.flags & REDUCE_ONLY:
        after = state.holdings[order.instrument].contracts + left
        refused = may_hold_as(state, order.instrument, after, left, order.price, 1, time)
        if refused != NO_REASON:
            refuse(state, order, refused, time)
            return
    order.state = RESTING
    order.ahead = order.ahead_other = order.shown = ahead
    order.traded = 0.0


@inner_kernel
def forget_place(state: Record, order: Array) -> None:
    """The place of a resting limit in the queue is not known; on trades alone that is so from the start, and then the
    optimistic rule has no one ahead."""
    run = state.run
    order.ahead = order.ahead_other = order.shown = math.inf
    order.traded = 0.0
    if state.contracts[order.instrument].market == ON_TRADES:
        if run.matching == OPTIMISTIC:
            order.ahead = 0.0
        else:
            order.ahead_other = 0.0


@inner_kernel
def reducible(holding: Array, order: Array, held: float) -> float:
    """Contracts (absolute) that a reduce-only order may still trade against ``held``."""
    if held * order.contracts >= 0.0:
        return 0.0
    return abs(held)


@inner_kernel
def open_size(order: Array) -> float:
    """Contracts (absolute) of an order that are not filled."""
    return abs(order.contracts) - abs(order.filled)


@inner_kernel
def idle_reduction(state: Record, order: Array) -> bool:
    """Whether an order may only reduce a position that is not there."""
    if not order.flags & REDUCE_ONLY:
        return False
    return reducible(state.holdings[order.instrument], order, state.holdings[order.instrument].contracts) == 0.0


@once_kernel
def drop_idle(state: Record, k: int, time: int) -> None:
    """At the end of an event: resting reduce-only limits of instrument ``k`` with nothing to reduce are cancelled."""
    for i in range(state.run.live):
        order = state.orders[i]
        if order.instrument == k and order.state == RESTING and idle_reduction(state, order):
            finish(state, order, CANCELLED, NOTHING_TO_REDUCE, 0.0, time)


@loop_kernel
def sweep_orders(state: Record) -> None:
    """Move orders that are done to the ledger, and close the ranks of the others."""
    run = state.run
    kept = 0
    for i in range(run.live):
        order = state.orders[i]
        if order.state < FILLED:
            if kept < i:
                state.orders[kept] = order
            kept += 1
            continue
        state.holdings[order.instrument].live -= 1
        write_ledger(state, order)
    run.live = kept


@loop_kernel
def serve_messages(state: Record, k: int, time: int) -> None:
    """Cancellations, amendments and targets of instrument ``k`` that have arrived by ``time``."""
    run = state.run
    kept = 0
    for i in range(run.messages):
        message = state.messages[i]
        if message.arrives <= time and message.instrument in (k, NOWHERE):
            serve_message(state, message)
            continue
        if kept < i:
            state.messages[kept] = message
        kept += 1
    run.messages = kept


@once_kernel
def serve_message(state: Record, message: Array) -> None:
    """A message has reached the exchange."""
    k = message.instrument
    if message.action == TARGET:
        holding = state.holdings[k]
        holding.pending, holding.has_pending = message.contracts, 1
        holding.decided, holding.arrives = message.sent, message.arrives
        return
    at = live_order(state, message.order) if k != NOWHERE else -1
    if at < 0:
        refuse_request(state, message.order, k, UNKNOWN_ORDER, message.sent, message.arrives)
    elif message.action == AMEND:
        amend(state, state.orders[at], message)
    else:
        finish(state, state.orders[at], CANCELLED, BY_AGENT, 0.0, message.arrives)


@once_kernel
def amend(state: Record, order: Array, message: Array) -> None:
    """Apply an amendment; one that would not be accepted as a new order is refused and the order stays as it was."""
    run, k, at = state.run, order.instrument, message.arrives
    contracts, price, trigger = order.contracts, order.price, order.trigger
    to_price, to_trigger = message.price, message.trigger
    if order.kind in (STOP, TAKE_PROFIT) and math.isnan(to_trigger):
        to_price, to_trigger = math.nan, to_price
    if not math.isnan(message.contracts):
        order.contracts = message.contracts
    if not math.isnan(to_price):
        order.price = to_price
    if not math.isnan(to_trigger):
        order.trigger = to_trigger
    live, run.live = run.live, 0  # its own place is not one too many
    reason = fault_of(state, order)
    run.live = live
    if reason == NO_REASON and (order.contracts * contracts < 0.0 or order.kind == MARKET):
        reason = BAD_FLAGS
    if reason != NO_REASON:
        order.contracts, order.price, order.trigger = contracts, price, trigger
        refuse_request(state, order.id, k, reason, message.sent, at)
        return
    lot = scheduled(state.starts, state.schedule, state.contracts[k].lots, run.now, 0)
    tick = scheduled(state.starts, state.schedule, state.contracts[k].ticks, run.now, 0)
    order.contracts = snap(order.contracts, lot)
    if math.isfinite(order.price):
        order.price = snap(order.price, tick)
    if math.isfinite(order.trigger):
        order.trigger = snap(order.trigger, tick)
    if abs(order.contracts) <= abs(order.filled):
        order.contracts = order.filled
        finish(state, order, FILLED, NO_REASON, 0.0, at)
        return
    if order.state == RESTING and order.price != price:
        order.state = WAITING  # it takes part anew, behind all others
    elif order.state == RESTING and abs(order.contracts) > abs(contracts):
        forget_place(state, order)
    report(state, order.id, k, order.contracts - order.filled, order.price, 0.0, NO_REASON, at)
