"""Fills: from a price and a size to the account, the attribution and the record of the fill.

Arrays and records of ``engine.records``. A fill is priced in three steps from the reference price: to the touch (best
price of its side, or half a spread away) is `half_spread`, from there to the average price is `impact`, and the fee is
of the value at the average price. A price at or below zero is refused with a code; NaN stands for what is not known.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel, loop_kernel, once_kernel
from halfspread.costs.kernels import (
    daily_estimates,
    fee_amount,
    fee_row,
    half_spread_at,
    half_spread_of_hour,
    roll_volume_days,
    square_root_impact,
)
from halfspread.engine.account_kernels import (
    contract_value,
    contracts_of_full_target,
    mark_to,
    observe_quotes,
    reference_price,
    scheduled,
)
from halfspread.engine.codes import (
    HALF_SPREAD_MISSING,
    HALF_SPREAD_TOO_WIDE,
    HOURS,
    IMPACT_UNKNOWN,
    NO_MARGIN,
    OPEN,
    OWN_ORDER,
    QUOTES,
    QUOTES_IN_BARS,
)
from halfspread.engine.margin_kernels import may_hold, move_margin
from halfspread.engine.report_kernels import report

Array = Any
Record = Any

DAY = 86_400_000_000_000


@once_kernel
def fee_rate_at(state: Record, k: int, time: int, maker: int) -> float:
    """Fee as a fraction of the value, by date and, where fees have tiers, by the volume of 30 days."""
    first, end = state.contracts[k].fees[0], state.contracts[k].fees[1]
    volumes = state.schedule[first:end, 2]
    return state.schedule[first + fee_row(state.starts[first:end], volumes, time, state.run.volume), maker]


@inner_kernel
def count_volume(run: Array, time: int, value: float) -> None:
    """Add ``value`` to the volume of the day of ``time``; the volume that fees depend on is that of the 30 days
    before."""
    today = time // DAY
    if today != run.volume_day:
        run.volume = roll_volume_days(run.volumes, run.volume_day, today)
        run.volume_day = today
    run.volumes[today % 31] += value


@inner_kernel
def model_half_spread(state: Record, k: int, bars: Array, row: int, column: int, time: int) -> float:
    """Half-spread in quote currency that a taker pays by the cost model, where no book tells; NaN where unknown.

    ``row`` below zero: there is no bar to look at.
    """
    holding, contract = state.holdings[k], state.contracts[k]
    if contract.half_spread_kind == HOURS:
        return half_spread_of_hour(contract.hours, holding.reference, time)
    if contract.half_spread_kind != QUOTES_IN_BARS:
        tick = scheduled(state.starts, state.schedule, contract.ticks, time, 0)
        return half_spread_at(contract.half_spread_kind, contract.half_spread, holding.reference, tick)
    holding.carrying = 0
    if row < 0 or not observe_quotes(contract, holding, bars, row, column):
        if contract.carry_half_spread == 0:
            return math.nan
        holding.carrying = 1
    return holding.half_spread


@once_kernel
def shown_half_spread(state: Record, k: int, bars: Array) -> float:
    """Half-spread in quote currency as the agent knows it: of the quotes it has received, or of the bar that closed
    last, else by the cost model; NaN where unknown. Nothing is observed for later fills."""
    holding, contract, context = state.holdings[k], state.contracts[k], state.context
    if contract.half_spread_kind == QUOTES:
        return 0.5 * (context.ask[k] - context.bid[k])
    if contract.half_spread_kind != QUOTES_IN_BARS:
        return model_half_spread(state, k, bars, -1, 0, state.run.now)
    if holding.closed != state.run.now:
        return holding.half_spread
    first = contract.quote_column + 2
    half = 0.5 * (bars[holding.bar, first + 1] - bars[holding.bar, first])
    return half if half >= 0.0 or contract.carry_half_spread == 0 else holding.half_spread


@once_kernel
def show_costs(state: Record, bars: Array) -> None:
    """Show the agent what a taker would pay for each instrument now."""
    run, context = state.run, state.context
    if run.tiered != 0:
        count_volume(run, run.now, 0.0)
    for k in range(run.instruments):
        context.half_spread[k] = shown_half_spread(state, k, bars)
        context.taker_fee[k] = fee_rate_at(state, k, run.now, 0)


@inner_kernel
def model_impact(state: Record, k: int, contracts: float) -> float:
    """How far an order of ``contracts`` moves the price against itself, a fraction of it; NaN where unknown."""
    holding, contract = state.holdings[k], state.contracts[k]
    if contract.impact_kind == 0:
        return 0.0
    sigma, volume = daily_estimates(holding.squares, holding.volumes, holding.weights, contract.interval)
    return square_root_impact(contract.impact, sigma, contracts, volume)


@loop_kernel
def enter_fill(
    state: Record,
    k: int,
    traded: float,
    after: float,
    price: float,
    touch: float,
    time: int,
    decided: int,
    order: int,
    maker: int,
) -> None:
    """Book ``traded`` contracts at ``price``: account, attribution, margin and the record.

    The position has to be marked to its reference price already; ``after`` is what it is then.
    """
    run, holding, contract = state.run, state.holdings[k], state.contracts[k]
    account = state.accounts[contract.account]
    value, touched = contract_value(contract, price), contract_value(contract, touch)
    if run.tiered != 0:
        count_volume(run, time, 0.0)
    fee_rate = fee_rate_at(state, k, time, maker)
    half_spread = -traded * (touched - holding.value)
    impact = -traded * (value - touched) if price != touch else 0.0
    fee = fee_amount(fee_rate, abs(traded * value))
    rate = account.rate
    account.cash -= traded * value
    account.cash += fee
    if run.delayed_reports != 0:
        holding.untold += fee - traded * value
        account.untold += fee - traded * value
    move_margin(state, k, after, value)
    holding.contracts = after
    holding.moved = 1
    if holding.sized == 0.0:
        holding.sized = contracts_of_full_target(state, k)
    holding.position = after / holding.sized if after != 0.0 and holding.sized > 0.0 else 0.0
    holding.half_spread_settle += half_spread
    holding.half_spread_report += half_spread * rate
    holding.fee_settle += fee
    holding.fee_report += fee * rate
    holding.impact_settle += impact
    holding.impact_report += impact * rate
    traded_value = abs(traded * value) * rate
    holding.turnover += traded_value
    if run.tiered != 0:
        count_volume(run, time, traded_value)
    holding.fills += 1
    holding.maker_fills += maker
    holding.carried_half_spreads += holding.carrying * (1 - maker)
    if run.margin != NO_MARGIN:
        run.check = 1
    fill = state.fills[run.fills]
    fill.time = time
    fill.decision_time = decided
    fill.instrument = k
    fill.contracts = traded
    fill.price = price
    fill.reference = holding.reference
    fill.value = traded_value
    fill.half_spread = half_spread * rate
    fill.fee = fee * rate
    fill.impact = impact * rate
    fill.liquidation = 0.0
    fill.fee_rate = fee_rate
    fill.position_after = after
    fill.order = order
    fill.maker = maker
    fill.rate = rate
    fill.price_total = holding.price_report
    fill.funding_total = holding.funding_report
    run.fills += 1
    if order == 0 and run.delayed_reports != 0:
        report(state, 0, k, 0.0, math.nan, traded, 0, time)
    elif order == 0:
        context = state.context
        context.filled[k] += traded
        context.contracts[k], context.positions[k] = after, holding.position
        run.kinds |= OWN_ORDER
        run.told = 1


@inner_kernel
def execute(state: Record, k: int, bars: Array, row: int, column: int, time: int) -> int:
    """Fill the pending target of instrument ``k`` as a taker at the price of ``column``; 0, or an error code."""
    holding, contract = state.holdings[k], state.contracts[k]
    holding.has_pending = 0
    traded = holding.pending - holding.contracts
    if traded == 0.0:
        return 0
    mark_to(state, k, reference_price(contract, bars, row, column))
    half = model_half_spread(state, k, bars, row, column, time)
    error = take_at_reference(state, k, traded, holding.pending, half, time)
    if error == 0:
        opened = time if column == OPEN else time - contract.interval
        if opened > holding.decided:
            holding.fills_after_gap += 1
    return error


@inner_kernel
def take_at_reference(state: Record, k: int, traded: float, after: float, half: float, time: int) -> int:
    """Trade a target at the reference price, half a spread and the impact of the cost model; 0, or an error code."""
    holding = state.holdings[k]
    if math.isnan(half):
        return HALF_SPREAD_MISSING
    away = half if traded > 0.0 else -half
    moved = model_impact(state, k, traded)
    if math.isnan(moved):
        return IMPACT_UNKNOWN
    touch = holding.reference + away
    price = touch + math.copysign(moved * holding.reference, traded) if moved != 0.0 else touch
    if not price > 0.0:
        return HALF_SPREAD_TOO_WIDE
    if state.run.margin != NO_MARGIN and may_hold(state, k, after, traded, price, time) != 0:
        holding.refused_targets += 1
        return 0
    enter_fill(state, k, traded, after, price, touch, time, holding.decided, 0, 0)
    return 0
