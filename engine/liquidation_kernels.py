"""Take over what the margin does not carry any more, by docs/margin.md.

Arrays and records of ``engine.records``; amounts in settle currency.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel, loop_kernel, once_kernel
from halfspread.engine.account_kernels import price_of_value
from halfspread.engine.codes import CROSS, ISOLATED
from halfspread.engine.margin_kernels import account_fails, margin_value, position_fails, set_limits
from halfspread.engine.order_records import LIQUIDATED, TARGET
from halfspread.engine.report_kernels import drop_target, report
from halfspread.engine.tier_kernels import maintenance, taker_rate

Array = Any
Record = Any


@once_kernel
def check_margin(state: Record, time: int) -> None:
    """Liquidate what fails, and set the limits for the next look."""
    run = state.run
    run.check, run.checked = 0, time
    for k in range(state.run.instruments):
        state.holdings[k].taken_over = 0
    for a in range(state.run.accounts):
        if run.margin == CROSS and account_fails(state, a, time):
            liquidate_account(state, a, time)
        elif run.margin == ISOLATED:
            for k in range(state.run.instruments):
                if state.contracts[k].account == a and position_fails(state, k, time):
                    liquidate_isolated(state, k, time)
    for k in range(state.run.instruments):
        state.holdings[k].worst = math.nan
        set_limits(state, k, time)


@inner_kernel
def gains_with_value(state: Record, k: int) -> bool:
    """Whether position ``k`` gains when the absolute value of a contract rises."""
    return (state.holdings[k].contracts > 0.0) != (state.contracts[k].inverse != 0)


@once_kernel
def liquidate_account(state: Record, a: int, time: int) -> None:
    """Cross margin: close all positions, the largest at the price that leaves the account with nothing."""
    largest, most = -1, -1.0
    for k in range(state.run.instruments):
        if state.contracts[k].account == a and state.holdings[k].contracts != 0.0:
            needed = maintenance(state, k, margin_value(state, k), time)
            if needed > most:
                largest, most = k, needed
    value, last = bankruptcy_value(state, a, largest, time), largest
    for k in range(state.run.instruments):
        if state.contracts[k].account == a:
            take_over(state, k)
            if state.holdings[k].contracts != 0.0:
                last = k
    for k in range(state.run.instruments):
        if state.contracts[k].account == a and state.holdings[k].contracts != 0.0:
            at = value if k == largest else margin_value(state, k)
            fee = abs(state.holdings[k].contracts * at) * taker_rate(state, k, time)
            close_at(state, k, at, fee, k == last, time)


@once_kernel
def bankruptcy_value(state: Record, a: int, largest: int, time: int) -> float:
    """Value of a contract of the ``largest`` position at which account ``a`` is left with nothing, once the others are
    closed at the mark and all taker fees are paid; at the mark where no price does that."""
    cash = state.accounts[a].cash
    for k in range(state.run.instruments):
        if state.contracts[k].account == a and k != largest and state.holdings[k].contracts != 0.0:
            worth = state.holdings[k].contracts * margin_value(state, k)
            cash += worth - abs(worth) * taker_rate(state, k, time)
    size, fee = abs(state.holdings[largest].contracts), taker_rate(state, largest, time)
    gains = gains_with_value(state, largest)
    if gains == (cash >= 0.0):
        return margin_value(state, largest)
    value = -cash / (size * (1.0 - fee)) if gains else cash / (size * (1.0 + fee))
    return -value if state.contracts[largest].inverse != 0 else value


@once_kernel
def liquidate_isolated(state: Record, k: int, time: int) -> None:
    """Isolated margin: close the position where its margin is used up; the fee comes out of the part set aside."""
    holding = state.holdings[k]
    take_over(state, k)
    behind = holding.margin - holding.contracts * holding.entry
    value = margin_value(state, k)
    if gains_with_value(state, k) != (behind >= 0.0):
        value = math.copysign(behind / holding.contracts, value)
    fee = min(abs(holding.contracts * value) * taker_rate(state, k, time), holding.margin_fee)
    close_at(state, k, value, fee, False, time)


@loop_kernel
def take_over(state: Record, k: int) -> None:
    """Drop the targets of instrument ``k``, those on their way too, and note that its orders have to go as well."""
    run, holding, kept = state.run, state.holdings[k], 0
    holding.has_pending = 0
    holding.taken_over = 1
    if holding.contracts == 0.0:  # else the report of the fill says so
        drop_target(state, k)
    for i in range(run.messages):
        if state.messages[i].action == TARGET and state.messages[i].instrument == k:
            continue
        if kept < i:
            state.messages[kept] = state.messages[i]
        kept += 1
    run.messages = kept


@loop_kernel
def close_at(state: Record, k: int, value: float, fee: float, last: bool, time: int) -> None:
    """The venue closes position ``k`` where one contract is worth ``value``; gap to the reference and fee are
    `liquidation`. What an account cannot pay once its ``last`` position is closed is the loss of the venue."""
    run, holding, contract = state.run, state.holdings[k], state.contracts[k]
    account = state.accounts[contract.account]
    traded = -holding.contracts
    change = -traded * value - fee
    spared = max(-(account.cash + change), 0.0) if last else 0.0
    lost = -traded * (value - holding.value) - fee + spared
    account.cash = 0.0 if spared > 0.0 else account.cash + change
    if run.delayed_reports != 0:
        holding.untold += change + spared
        account.untold += change + spared
    rate = account.rate
    holding.liquidation_settle += lost
    holding.liquidation_report += lost * rate
    holding.contracts = holding.position = holding.entry = holding.margin = holding.margin_fee = 0.0
    holding.turnover += abs(traded * value) * rate
    holding.fills += 1
    holding.liquidations += 1
    run.liquidations += 1
    fill = state.fills[run.fills]
    fill.time = fill.decision_time = time
    fill.instrument = k
    fill.contracts = traded
    fill.price = price_of_value(contract, value)
    fill.reference = holding.reference
    fill.value = abs(traded * value) * rate
    fill.half_spread = fill.fee = fill.impact = 0.0
    fill.liquidation = lost * rate
    fill.fee_rate = 0.0
    fill.position_after = 0.0
    fill.order = -1
    fill.maker = 0
    fill.rate = rate
    fill.price_total = holding.price_report
    fill.funding_total = holding.funding_report
    run.fills += 1
    report(state, 0, k, 0.0, math.nan, traded, LIQUIDATED, time)
