"""The account: marking, fills and funding, each change of equity attributed when it happens.

Arrays and records of ``engine.records``. Prices in quote currency, values of contracts in settle currency (negative for
an inverse contract, so that N contracts earn N x (value after - value before) for every kind of contract). No NaN may
enter; a fill that would be priced at or below zero is refused with a code.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel
from halfspread.costs.kernels import fee_amount, funding_amount, half_spread_at, schedule_index
from halfspread.engine.records import (
    BY_PRICE,
    CONTRACTS,
    HALF_SPREAD_MISSING,
    HALF_SPREAD_TOO_WIDE,
    NOTIONAL,
    OPEN,
    QUOTES_IN_BARS,
    State,
)

Array = Any


@inner_kernel
def contract_value(contract: Array, price: float) -> float:
    """Value of one long contract in settle currency: multiplier x price, or -multiplier / price for an inverse
    contract."""
    if contract.inverse != 0:
        return -contract.multiplier / price
    return contract.multiplier * price


@inner_kernel
def equity_settle(account: Array, holdings: Array) -> float:
    """Cash and the value of all positions at their reference prices, in settle currency."""
    total = account.cash
    for k in range(holdings.shape[0]):
        if holdings[k].contracts != 0.0:
            total += holdings[k].contracts * holdings[k].value
    return total


@inner_kernel
def set_rate(account: Array, holdings: Array, rate: float) -> None:
    """Value the settle currency anew in report currency; what that does to the equity held is `collateral`."""
    if account.deposited == 0:
        account.deposited = 1
        account.deposit = account.capital / rate
        account.cash += account.deposit
    elif rate != account.rate:
        account.collateral += equity_settle(account, holdings) * (rate - account.rate)
    account.rate = rate


@inner_kernel
def mark_to(state: State, k: int, price: float) -> None:
    """Move the reference price of instrument ``k``; the change of its position's value is `price`."""
    account, holding = state.account[0], state.holdings[k]
    if account.rate_source == BY_PRICE and account.rate_instrument == k:
        set_rate(account, state.holdings, price)
    value = contract_value(state.contracts[k], price)
    if holding.contracts != 0.0:
        change = holding.contracts * (value - holding.value)
        holding.price_settle += change
        holding.price_report += change * account.rate
    holding.reference = price
    holding.value = value


@inner_kernel
def reference_price(contract: Array, history: Array, row: int, column: int) -> float:
    """The mid of the bar's own quotes where it has them, else its price in ``column`` (OPEN or CLOSE)."""
    if contract.quote_column >= 0:
        first = contract.quote_column + (0 if column == OPEN else 2)
        mid = 0.5 * (history[row, first] + history[row, first + 1])
        if not math.isnan(mid):
            return mid
    return history[row, column]


@inner_kernel
def observe_quotes(contract: Array, holding: Array, history: Array, row: int, column: int) -> bool:
    """Remember the half-spread of the bar's open or close quote; False where the bar has none."""
    first = contract.quote_column + (0 if column == OPEN else 2)
    half = 0.5 * (history[row, first + 1] - history[row, first])
    if math.isnan(half):
        return False
    holding.half_spread = half
    return True


@inner_kernel
def taker_half_spread(contract: Array, holding: Array, history: Array, row: int, column: int, tick: float) -> float:
    """Half-spread in quote currency that a taker pays now; NaN where it is not known and may not be carried over."""
    if contract.half_spread_kind != QUOTES_IN_BARS:
        return half_spread_at(contract.half_spread_kind, contract.half_spread, holding.reference, tick)
    if not observe_quotes(contract, holding, history, row, column):
        if contract.carry_half_spread == 0:
            return math.nan
        holding.carried_half_spreads += 1
    return holding.half_spread


@inner_kernel
def scheduled(starts: Array, values: Array, rows: Array, time: int, column: int) -> float:
    """Value in force at ``time`` in the rows of the schedule that belong to one instrument."""
    first, end = rows[0], rows[1]
    return values[first + schedule_index(starts[first:end], time), column]


@inner_kernel
def execute(state: State, k: int, history: Array, row: int, column: int, time: int, fills: Array) -> int:
    """Fill the pending order of instrument ``k`` as a taker at the price of ``column``; 0, or an error code."""
    run, account, holding, contract = state.run[0], state.account[0], state.holdings[k], state.contracts[k]
    holding.has_pending = 0
    traded = holding.pending - holding.contracts
    if traded == 0.0:
        return 0
    mark_to(state, k, reference_price(contract, history, row, column))
    tick = scheduled(state.starts, state.schedule, contract.ticks, time, 0)
    half = taker_half_spread(contract, holding, history, row, column, tick)
    if math.isnan(half):
        return HALF_SPREAD_MISSING
    price = holding.reference + (half if traded > 0.0 else -half)
    if not price > 0.0:
        return HALF_SPREAD_TOO_WIDE
    value = contract_value(contract, price)
    fee_rate = scheduled(state.starts, state.schedule, contract.fees, time, 0)
    half_spread = -traded * (value - holding.value)
    fee = fee_amount(fee_rate, abs(traded * value))
    rate = account.rate
    account.cash -= traded * value
    account.cash += fee
    holding.contracts = holding.pending
    holding.position = holding.contracts / holding.sized if holding.contracts != 0.0 else 0.0
    holding.half_spread_settle += half_spread
    holding.half_spread_report += half_spread * rate
    holding.fee_settle += fee
    holding.fee_report += fee * rate
    traded_value = abs(traded * value) * rate
    holding.turnover += traded_value
    holding.fills += 1
    opened = time if column == OPEN else time - contract.interval
    if opened > holding.decided:
        holding.fills_after_gap += 1
    fill = fills[run.fills]
    fill.time = time
    fill.decision_time = holding.decided
    fill.instrument = k
    fill.contracts = traded
    fill.price = price
    fill.reference = holding.reference
    fill.value = traded_value
    fill.half_spread = half_spread * rate
    fill.fee = fee * rate
    fill.impact = 0.0
    fill.fee_rate = fee_rate
    fill.position_after = holding.contracts
    fill.rate = rate
    fill.price_total = holding.price_report
    fill.funding_total = holding.funding_report
    run.fills += 1
    return 0


@inner_kernel
def settle_funding(account: Array, holding: Array, contract: Array, rate: float) -> None:
    """Pay or receive one funding settlement on the position held, at the mark price, else at the reference price."""
    if holding.contracts == 0.0 or contract.charge_funding == 0:
        return
    price = holding.mark
    if math.isnan(price):
        price = holding.last
        holding.settlements_without_mark += 1
    amount = funding_amount(rate, holding.contracts, contract_value(contract, price))
    account.cash += amount
    holding.funding_settle += amount
    holding.funding_report += amount * account.rate
    holding.settlements += 1


@inner_kernel
def contracts_of_full_target(run: Array, account: Array, holding: Array) -> float:
    """Contracts, not yet rounded to lots, that a target of 1 stands for at the present reference price."""
    if run.sizing == CONTRACTS:
        return run.size
    worth = abs(holding.value) * account.rate
    if run.sizing == NOTIONAL:
        return run.size / worth
    return run.size * max(account.equity_report, 0.0) / worth


@inner_kernel
def round_to_lots(contracts: float, lot: float) -> float:
    """Towards zero to whole lots; a billionth of a lot is forgiven, so that 0.3 / 0.1 is three lots."""
    lots = math.floor(abs(contracts) / lot + 1e-9)
    return math.copysign(lots * lot, contracts) if lots > 0.0 else 0.0
