"""What a compiled agent calls to send orders: each writes one request into its context and returns.

``k``: the instrument; ``contracts``: signed, a buy is above zero; prices in quote currency; ``flags``: a sum of
POST_ONLY, REDUCE_ONLY, IOC, FOK and BY_MARK. Orders are numbered from 1; a function that places one returns its number,
and 0 where the decision has made `MAX_REQUESTS` requests already, which stops the run. NaN is refused by the loop.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel
from halfspread.engine.order_records import (
    AMEND,
    CANCEL,
    LIMIT,
    MARKET,
    MAX_REQUESTS,
    PLACE,
    STOP,
    STOP_LIMIT,
    TAKE_PROFIT,
)

Array = Any


@inner_kernel
def request_order(context: Array, k: int, kind: int, contracts: float, price: float, trigger: float, flags: int) -> int:
    """Ask for an order of any kind; its number."""
    i: int = context.requests
    context.requests += 1
    if i >= MAX_REQUESTS:
        return 0
    context.request_action[i] = PLACE
    context.request_order[i] = context.next_order
    context.request_instrument[i] = k
    context.request_kind[i] = kind
    context.request_flags[i] = flags
    context.request_contracts[i] = contracts
    context.request_price[i] = price
    context.request_trigger[i] = trigger
    context.next_order += 1
    return context.next_order - 1


@inner_kernel
def market_order(context: Array, k: int, contracts: float, flags: int) -> int:
    """Take at once; the number of the order."""
    return request_order(context, k, MARKET, contracts, math.nan, math.nan, flags)


@inner_kernel
def limit_order(context: Array, k: int, contracts: float, price: float, flags: int) -> int:
    """Take what is offered at ``price`` or better, and wait there with the rest; the number of the order."""
    return request_order(context, k, LIMIT, contracts, price, math.nan, flags)


@inner_kernel
def stop_order(context: Array, k: int, contracts: float, trigger: float, flags: int) -> int:
    """A market order once the market reaches ``trigger`` (a buy: at or above it); the number of the order."""
    return request_order(context, k, STOP, contracts, math.nan, trigger, flags)


@inner_kernel
def stop_limit_order(context: Array, k: int, contracts: float, trigger: float, price: float, flags: int) -> int:
    """A limit order at ``price`` once the market reaches ``trigger``; the number of the order."""
    return request_order(context, k, STOP_LIMIT, contracts, price, trigger, flags)


@inner_kernel
def take_profit_order(context: Array, k: int, contracts: float, trigger: float, flags: int) -> int:
    """A market order once the market reaches ``trigger`` from the other side (a buy: at or below it); its number."""
    return request_order(context, k, TAKE_PROFIT, contracts, math.nan, trigger, flags)


@inner_kernel
def request_change(context: Array, action: int, order: int, contracts: float, price: float, trigger: float) -> None:
    """Ask for a cancellation or an amendment."""
    i: int = context.requests
    context.requests += 1
    if i < MAX_REQUESTS:
        context.request_action[i] = action
        context.request_order[i] = order
        context.request_instrument[i] = -1
        context.request_contracts[i] = contracts
        context.request_price[i] = price
        context.request_trigger[i] = trigger


@inner_kernel
def cancel_order(context: Array, order: int) -> None:
    """Withdraw what is still open of an order."""
    request_change(context, CANCEL, order, math.nan, math.nan, math.nan)


@inner_kernel
def amend_order(context: Array, order: int, contracts: float, price: float) -> None:
    """Change the size of the whole order and its price; NaN leaves either as it is."""
    request_change(context, AMEND, order, contracts, price, math.nan)


@inner_kernel
def amend_trigger(context: Array, order: int, trigger: float) -> None:
    """Move the trigger of a stop or take-profit."""
    request_change(context, AMEND, order, math.nan, math.nan, trigger)


@inner_kernel
def cancel_all(context: Array, k: int) -> None:
    """Withdraw every order of instrument ``k`` that the agent knows to be open."""
    for i in range(context.open_orders):
        if context.open_instruments[i] == k:
            cancel_order(context, context.open_ids[i])


@inner_kernel
def open_contracts(context: Array, order: int) -> float:
    """Contracts of an order that are still open as the agent knows it, signed; 0 where it is done or was never sent."""
    for i in range(context.open_orders):
        if context.open_ids[i] == order:
            return context.open_contracts[i]
    return 0.0
