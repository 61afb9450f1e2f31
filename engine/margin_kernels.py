"""Margin and liquidation by docs/margin.md.

Arrays and records of ``engine.records``; amounts in settle currency. ``v`` is the settle value of one long contract,
so that a position of N contracts is worth N x v above what its account has paid for it. A NaN mark stands for none.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel, loop_kernel, once_kernel
from halfspread.costs.kernels import fee_amount
from halfspread.engine.account_kernels import contract_value, price_of_value
from halfspread.engine.codes import CROSS, ISOLATED, NO_MARGIN
from halfspread.engine.order_records import ABOVE_TIER, MARGIN
from halfspread.engine.tier_kernels import (
    DEDUCTION,
    LIMIT_COLUMN,
    MAINTENANCE,
    SLACK,
    fee_rate_of,
    first_tier,
    initial_rate,
    maintenance,
    next_tier,
    taker_rate,
)

Array = Any
Record = Any


@inner_kernel
def entry_after(holding: Array, after: float, value: float) -> float:
    """Average value of a contract at entry once the position is ``after``, its change traded at ``value``."""
    before = holding.contracts
    if after == 0.0:
        return 0.0
    if before == 0.0 or (before > 0.0) != (after > 0.0):
        return value
    if abs(after) <= abs(before):
        return holding.entry
    return (holding.entry * before + value * (after - before)) / after


@once_kernel
def price_for_margin(state: Record, k: int) -> float:
    """The mark where there is one, else the worst price of the bar that closes now, else the reference price."""
    holding = state.holdings[k]
    if not math.isnan(holding.mark):
        return holding.mark
    if not math.isnan(holding.worst) and holding.closed == state.run.now:
        return holding.worst
    return holding.reference


@inner_kernel
def mark_value(state: Record, k: int) -> float:
    """Settle value of one contract at the mark where there is one, else at the reference price."""
    holding = state.holdings[k]
    return contract_value(state.contracts[k], holding.reference if math.isnan(holding.mark) else holding.mark)


@inner_kernel
def margin_value(state: Record, k: int) -> float:
    """Settle value of one contract that margin is measured at."""
    return contract_value(state.contracts[k], price_for_margin(state, k))


@inner_kernel
def may_hold(state: Record, k: int, after: float, traded: float, price: float, time: int) -> int:
    """`may_hold_as` for a taker."""
    return may_hold_as(state, k, after, traded, price, 0, time)


@loop_kernel
def may_hold_as(state: Record, k: int, after: float, traded: float, price: float, maker: int, time: int) -> int:
    """0 where the account can carry the position ``after`` trading at ``price`` as taker (``maker`` 0) or maker (1),
    its fee paid; else the reason why not.

    Less of a position is always allowed, but not at a price that the account could not pay: there the venue has taken
    the position over.
    """
    run, holding, contract = state.run, state.holdings[k], state.contracts[k]
    if run.margin == NO_MARGIN:
        return 0
    value = contract_value(contract, price)
    if holding.contracts * traded < 0.0 and beyond_bankruptcy(state, k, traded, value, maker, time):
        return MARGIN
    if abs(after) <= abs(holding.contracts) and after * holding.contracts >= 0.0:
        return 0
    entry = entry_after(holding, after, value)
    rate = initial_rate(state, k, abs(after * entry), time)
    if math.isnan(rate):
        return ABOVE_TIER
    cash = state.accounts[contract.account].cash - traded * value
    cash += fee_amount(fee_rate_of(state, k, time, maker), abs(traded * value))
    needed = 0.0
    if run.margin == CROSS:
        needed = abs(after * entry) * (rate + 2.0 * taker_rate(state, k, time))
        cash += after * mark_value(state, k)
    else:
        needed = margin_after(state, k, after, entry, value, rate, time)
        cash += after * entry
    for j in range(state.run.instruments):
        other = state.holdings[j]
        if j == k or state.contracts[j].account != contract.account or other.contracts == 0.0:
            continue
        if run.margin == CROSS:
            cash += other.contracts * mark_value(state, j)
            needed += initial_margin(state, j, time)
        else:
            cash += other.contracts * other.entry
            needed += other.margin + other.margin_fee
    return MARGIN if cash < needed else 0


@once_kernel
def beyond_bankruptcy(state: Record, k: int, traded: float, value: float, maker: int, time: int) -> bool:
    """Whether closing at ``value`` a contract loses more than the account has (cross), or than the margin of what is
    closed (isolated)."""
    run, holding, contract = state.run, state.holdings[k], state.contracts[k]
    fee = fee_amount(fee_rate_of(state, k, time, maker), abs(traded * value))
    if run.margin == ISOLATED:
        closed = min(abs(traded), abs(holding.contracts))
        paid_in = holding.margin + holding.margin_fee
        gained = math.copysign(closed, holding.contracts) * (value - holding.entry)
        return gained + fee * (closed / abs(traded)) + paid_in * (closed / abs(holding.contracts)) < 0.0
    left = state.accounts[contract.account].cash - traded * value + fee
    for j in range(run.instruments):
        if state.contracts[j].account == contract.account:
            held = state.holdings[j].contracts + (traded if j == k else 0.0)
            if held != 0.0:
                left += held * mark_value(state, j)
    return left < 0.0


@once_kernel
def initial_margin(state: Record, k: int, time: int) -> float:
    """Initial margin of the position held, and two taker fees."""
    worth = abs(state.holdings[k].contracts * state.holdings[k].entry)
    rate = initial_rate(state, k, worth, time)
    if math.isnan(rate):
        rate = 1.0 / state.run.leverage
    return worth * (rate + 2.0 * taker_rate(state, k, time))


@once_kernel
def margin_after(state: Record, k: int, after: float, entry: float, value: float, rate: float, time: int) -> float:
    """Isolated: what is paid in for position ``k``, fee part included, once an increase at ``value`` has made it
    ``after``."""
    holding = state.holdings[k]
    if holding.contracts * after > 0.0:
        added = abs((after - holding.contracts) * value)
        return holding.margin + holding.margin_fee + added * (rate + 2.0 * taker_rate(state, k, time))
    return abs(after * entry) * (rate + 2.0 * taker_rate(state, k, time))


@once_kernel
def free_cash(state: Record, a: int) -> float:
    """Isolated: what account ``a`` holds beside the margins of its positions; unrealised profit is not cash."""
    free = state.accounts[a].cash
    for k in range(state.run.instruments):
        holding = state.holdings[k]
        if state.contracts[k].account == a and holding.contracts != 0.0:
            free += holding.contracts * holding.entry - holding.margin - holding.margin_fee
    return free


@once_kernel
def pay_from_margin(state: Record, k: int, paid: float) -> None:
    """Isolated: position ``k`` has just paid a funding of ``paid``; what free cash could not cover comes out of its
    margin."""
    if state.run.margin == ISOLATED and paid > 0.0:
        free = free_cash(state, state.contracts[k].account) + paid
        state.holdings[k].margin -= max(paid - max(free, 0.0), 0.0)


@once_kernel
def move_margin(state: Record, k: int, after: float, value: float) -> None:
    """Average entry and isolated margin when the position becomes ``after`` by a trade at ``value``; call before."""
    run, holding = state.run, state.holdings[k]
    entry = entry_after(holding, after, value)
    if run.margin == ISOLATED:
        before = holding.contracts
        if after == 0.0 or before == 0.0 or (before > 0.0) != (after > 0.0):
            holding.margin, holding.margin_fee = 0.0, 0.0
            before = 0.0
        if abs(after) > abs(before):
            rate = initial_rate(state, k, abs(after * entry), run.now)
            added = abs((after - before) * value)
            holding.margin += added * rate
            holding.margin_fee += added * 2.0 * taker_rate(state, k, run.now)
        elif before != 0.0:
            holding.margin *= after / before
            holding.margin_fee *= after / before
    holding.entry = entry


@inner_kernel
def position_margin(state: Record, k: int) -> float:
    """Isolated: the margin that counts as equity of position ``k``: with the part set aside for fees where the
    maintenance margin holds a fee as well (BitMEX), without it elsewhere (Bybit)."""
    holding = state.holdings[k]
    return holding.margin + (holding.margin_fee if state.contracts[k].on_entry != 0 else 0.0)


@inner_kernel
def backing(state: Record, k: int) -> float:
    """What stands behind position ``k`` apart from its value: with N x v added it is the equity that margin is
    measured against. Of a lone position of a cross account, or of an isolated one."""
    holding = state.holdings[k]
    if state.run.margin == CROSS:
        return state.accounts[state.contracts[k].account].cash
    return position_margin(state, k) - holding.contracts * holding.entry


@once_kernel
def liquidation_value(state: Record, k: int, time: int) -> float:
    """Absolute value of one contract at which position ``k`` is liquidated; NaN where no price does that."""
    holding, contract = state.holdings[k], state.contracts[k]
    size, behind = abs(holding.contracts), backing(state, k)
    gains = (holding.contracts > 0.0) != (contract.inverse != 0)  # with the absolute value of a contract
    if contract.on_entry != 0:
        left = maintenance(state, k, holding.value, time) - behind
        found = left / size if gains else -left / size
        return found if found > 0.0 else math.nan
    row, below = first_tier(state, k, time), 0.0
    while row >= 0:
        rate, deduction = state.schedule[row, MAINTENANCE], state.schedule[row, DEDUCTION]
        found = -(behind + deduction) / (size * (1.0 - rate)) if gains else (behind + deduction) / (size * (1.0 + rate))
        above = next_tier(state, k, row)
        limit = state.schedule[row, LIMIT_COLUMN] if above >= 0 else math.inf
        if found > 0.0 and below * (1.0 - SLACK) <= size * found <= limit * (1.0 + SLACK):
            return found
        row, below = above, limit
    return math.nan


@once_kernel
def set_limits(state: Record, k: int, time: int) -> None:
    """Prices at or beyond which the margin of position ``k`` has to be looked at."""
    run, holding, contract = state.run, state.holdings[k], state.contracts[k]
    holding.low_limit, holding.high_limit = 0.0, math.inf
    if run.margin == NO_MARGIN or holding.contracts == 0.0:
        return
    if run.margin == CROSS:
        for j in range(state.run.instruments):
            if j != k and state.contracts[j].account == contract.account and state.holdings[j].contracts != 0.0:
                holding.low_limit = math.inf  # the limit moves with the other positions: look every time
                return
    value = liquidation_value(state, k, time)
    if math.isnan(value):
        if backing(state, k) + holding.contracts * holding.value <= maintenance(state, k, holding.value, time):
            holding.low_limit = math.inf
        return
    price = price_of_value(contract, -value if contract.inverse != 0 else value)
    if holding.contracts > 0.0:
        holding.low_limit = price * (1.0 + SLACK)
    else:
        holding.high_limit = price * (1.0 - SLACK)


@once_kernel
def account_fails(state: Record, a: int, time: int) -> bool:
    """Cross margin: whether the equity of account ``a`` at mark prices is down to its maintenance margin."""
    equity, needed, held = state.accounts[a].cash, 0.0, False
    for k in range(state.run.instruments):
        if state.contracts[k].account == a and state.holdings[k].contracts != 0.0:
            held = True
            value = margin_value(state, k)
            equity += state.holdings[k].contracts * value
            needed += maintenance(state, k, value, time)
    return held and equity <= needed


@once_kernel
def position_fails(state: Record, k: int, time: int) -> bool:
    """Isolated margin: whether the margin of position ``k`` is down to what has to be maintained."""
    holding = state.holdings[k]
    if holding.contracts == 0.0:
        return False
    value = margin_value(state, k)
    equity = position_margin(state, k) + holding.contracts * (value - holding.entry)
    return equity <= maintenance(state, k, value, time)
