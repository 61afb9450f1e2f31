"""The accounts: marking, funding and sizing, each change of equity attributed when it happens.

Arrays and records of ``engine.records``. Prices in quote currency, values of contracts in settle currency (negative for
an inverse contract, so that N contracts earn N x (value after - value before) for every kind of contract). No NaN may
enter.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel, loop_kernel, once_kernel
from halfspread.costs.kernels import funding_amount, schedule_index
from halfspread.engine.codes import BY_PRICE, CONTRACTS, NO_MARGIN, NOTIONAL, OPEN

Array = Any
Record = Any


@inner_kernel
def contract_value(contract: Array, price: float) -> float:
    """Value of one long contract in settle currency: multiplier x price, or -multiplier / price for an inverse
    contract."""
    if contract.inverse != 0:
        return -contract.multiplier / price
    return contract.multiplier * price


@inner_kernel
def price_of_value(contract: Array, value: float) -> float:
    """The price at which one long contract has ``value``."""
    if contract.inverse != 0:
        return -contract.multiplier / value
    return value / contract.multiplier


@inner_kernel
def account_equity(state: Record, a: int) -> float:
    """Cash and the value of the positions of account ``a`` at their reference prices, in its settle currency."""
    total = state.accounts[a].cash
    for k in range(state.run.instruments):
        if state.holdings[k].contracts != 0.0 and state.contracts[k].account == a:
            total += state.holdings[k].contracts * state.holdings[k].value
    return total


@inner_kernel
def update_equity(state: Record) -> None:
    """Equity of every account in both currencies, and of all in report currency.

    An account that has seen no price of its currency yet counts with its capital.
    """
    run = state.run
    total = 0.0
    for a in range(state.run.accounts):
        account = state.accounts[a]
        if account.deposited == 0:
            total += account.capital
            continue
        account.equity_settle = account_equity(state, a)
        account.equity_report = account.equity_settle * account.rate
        total += account.equity_report
    run.equity = total


@inner_kernel
def known_rate(state: Record, a: int) -> float:
    """Report currency per unit of the settle currency of account ``a``, by the last price that the agent received."""
    account = state.accounts[a]
    if state.run.lagging != 0 and account.rate_source == BY_PRICE:
        k = account.rate_instrument
        if state.holdings[k].shown != 0.0:
            return price_of_value(state.contracts[k], state.holdings[k].shown)
    return account.rate


@loop_kernel
def known_equity(state: Record) -> float:
    """Equity of all accounts in report currency as the agent knows it: the positions and the cash that it was told of,
    at the last prices that it received."""
    context, total = state.context, 0.0
    for a in range(state.run.accounts):
        account = state.accounts[a]
        if account.deposited == 0:
            total += account.capital
            continue
        settle = account.cash - account.untold
        for k in range(state.run.instruments):
            if state.contracts[k].account == a and context.contracts[k] != 0.0:
                settle += context.contracts[k] * known_value(state, k)
        total += settle * known_rate(state, a)
    return total


@inner_kernel
def known_value(state: Record, k: int) -> float:
    """Settle value of one contract at the last price that the agent received; at its own entry before the first."""
    holding = state.holdings[k]
    if state.run.lagging == 0:
        return holding.value
    return holding.shown if holding.shown != 0.0 else holding.entry


@inner_kernel
def set_rate(state: Record, a: int, rate: float) -> None:
    """Value the settle currency of account ``a`` anew in report currency; what that does to the equity held is
    `collateral`."""
    account = state.accounts[a]
    if account.deposited == 0:
        account.deposited = 1
        state.run.unvalued -= 1
        account.deposit = account.capital / rate
        account.cash += account.deposit
    elif rate != account.rate:
        account.collateral += account_equity(state, a) * (rate - account.rate)
    account.rate = rate


@inner_kernel
def mark_to(state: Record, k: int, price: float) -> None:
    """Move the reference price of instrument ``k``; the change of its position's value is `price`."""
    holding, contract = state.holdings[k], state.contracts[k]
    account = state.accounts[contract.account]
    if account.rate_source == BY_PRICE and account.rate_instrument == k:
        set_rate(state, contract.account, price)
    value = contract_value(contract, price)
    if holding.contracts != 0.0:
        change = holding.contracts * (value - holding.value)
        holding.price_settle += change
        holding.price_report += change * account.rate
    holding.reference = price
    holding.value = value


@inner_kernel
def reference_price(contract: Array, bars: Array, row: int, column: int) -> float:
    """The mid of the bar's own quotes where it has them, else its price in ``column`` (OPEN or CLOSE)."""
    if contract.quote_column >= 0:
        first = contract.quote_column + (0 if column == OPEN else 2)
        mid = 0.5 * (bars[row, first] + bars[row, first + 1])
        if not math.isnan(mid):
            return mid
    return bars[row, column]


@inner_kernel
def observe_quotes(contract: Array, holding: Array, bars: Array, row: int, column: int) -> bool:
    """Remember the half-spread of the bar's open or close quote; False where the bar has none."""
    first = contract.quote_column + (0 if column == OPEN else 2)
    half = 0.5 * (bars[row, first + 1] - bars[row, first])
    if math.isnan(half):
        return False
    holding.half_spread = half
    return True


@inner_kernel
def scheduled(starts: Array, values: Array, rows: Array, time: int, column: int) -> float:
    """Value in force at ``time`` in the rows of the schedule that belong to one instrument."""
    first, end = rows[0], rows[1]
    return values[first + schedule_index(starts[first:end], time), column]


@once_kernel
def settle_funding(state: Record, k: int, rate: float) -> None:
    """Pay or receive one funding settlement on the position held, at the mark price, else at the last price."""
    run, holding, contract = state.run, state.holdings[k], state.contracts[k]
    if holding.contracts == 0.0 or contract.charge_funding == 0:
        return
    account = state.accounts[contract.account]
    price = holding.mark
    if math.isnan(price):
        price = holding.last
        holding.settlements_without_mark += 1
    amount = funding_amount(rate, holding.contracts, contract_value(contract, price))
    account.cash += amount
    holding.funding_settle += amount
    holding.funding_report += amount * account.rate
    holding.settlements += 1
    if run.margin != NO_MARGIN:
        run.check = 1


@inner_kernel
def contracts_of_full_target(state: Record, k: int) -> float:
    """Contracts, not yet rounded to lots, that a target of 1 stands for at the last price that the agent received."""
    run = state.run
    if run.sizing == CONTRACTS:
        return run.size
    worth = abs(known_value(state, k)) * known_rate(state, state.contracts[k].account)
    if run.sizing == NOTIONAL:
        return run.size / worth
    return run.size * max(run.equity if run.lagging == 0 else state.context.equity, 0.0) / worth


@inner_kernel
def round_to_lots(contracts: float, lot: float) -> float:
    """Towards zero to whole lots; a billionth of a lot is forgiven, so that 0.3 / 0.1 is three lots."""
    lots = math.floor(abs(contracts) / lot + 1e-9)
    return math.copysign(lots * lot, contracts) if lots > 0.0 else 0.0


@inner_kernel
def whole_lots(state: Record, k: int, quantity: float, time: int) -> float:
    """What may be filled of ``quantity`` (absolute): whole lots."""
    return round_to_lots(quantity, scheduled(state.starts, state.schedule, state.contracts[k].lots, time, 0))


@inner_kernel
def snap_to_lots(contracts: float, lot: float) -> float:
    """A sum of fills without the rounding of floating point: whole lots where it is within a millionth of one."""
    lots = contracts / lot
    whole = math.floor(lots + 0.5)
    return whole * lot if abs(lots - whole) < 1e-6 else contracts
