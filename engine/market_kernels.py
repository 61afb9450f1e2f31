"""What a bar does to the market and the account where no order is due; the event loop does this at every bar.

Arrays and records of ``engine.records``; prices in quote currency. Bars hold no NaN, their quotes may.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from halfspread.compiled import inner_kernel, once_kernel
from halfspread.costs.kernels import ewm_step
from halfspread.engine.account_kernels import mark_to, observe_quotes, reference_price
from halfspread.engine.codes import BAR_CLOSE, BAR_OPEN, CLOSE, HIGH, LOW, NO_MARGIN, ON_BARS, OPEN, VOLUME

Array = Any
Index = Any  # an int, or an unsigned one that spares the look for an index from the end
Record = Any


@inner_kernel
def open_bar(state: Record, k: Index, kind: int, bars: Array, row: Index) -> None:
    """The open of a bar."""
    holding, contract = state.holdings[k], state.contracts[k]
    if contract.market == ON_BARS:
        holding.gap = 0
        if not kind & BAR_CLOSE:  # else nothing can ask for a price before the close
            holding.last = reference_price(contract, bars, row, OPEN)
    if contract.quote_column >= 0:
        observe_quotes(contract, holding, bars, row, OPEN)


@inner_kernel
def close_bar(state: Record, k: Index, time: int, bars: Array, row: Index) -> None:
    """The close of a bar: mark the position to it, and let the agent see it."""
    run, context = state.run, state.context
    holding, contract = state.holdings[k], state.contracts[k]
    if contract.market == ON_BARS:
        holding.last = reference_price(contract, bars, row, CLOSE)
        mark_to(state, k, holding.last)
        look_at_margin(state, k, bars, row)
    if contract.impact_kind != 0:
        average_bar(contract, holding, bars, row)
    if contract.quote_column >= 0:
        observe_quotes(contract, holding, bars, row, CLOSE)
    context.gap[k] = time - contract.interval - holding.closed if holding.bars > 0 else 0
    if run.history_kinds & BAR_CLOSE:
        context.rows[k] = row
        run.instrument = k
        context.seen[k] += 1
    holding.bar = row
    holding.bars += 1
    holding.closed = time
    if run.lagging != 0 and contract.market == ON_BARS:
        holding.shown = holding.value
    run.started = 1


@once_kernel
def pass_bar(state: Record, event: Array, bars: Array) -> None:
    """A bar that no order, message or report waits for."""
    run, k = state.run, np.uint64(event.instrument)
    run.now = event.time
    run.events += 1
    run.kinds |= event.kind
    if event.kind & BAR_OPEN:
        open_bar(state, k, event.kind, bars, np.uint64(event.row))
    if event.kind & BAR_CLOSE:
        close_bar(state, k, event.time, bars, np.uint64(event.row))


@once_kernel
def look_at_margin(state: Record, k: Index, bars: Array, row: Index) -> None:
    """Note the worst price of the bar where there is no mark, and whether margin has to be looked at."""
    run, holding = state.run, state.holdings[k]
    if run.margin == NO_MARGIN or holding.contracts == 0.0 or not math.isnan(holding.mark):
        return
    worst = holding.last
    if run.worst_price != 0:
        worst = bars[row, LOW] if holding.contracts > 0.0 else bars[row, HIGH]
    holding.worst = worst
    if worst <= holding.low_limit or worst >= holding.high_limit:
        run.check = 1


@once_kernel
def average_bar(contract: Array, holding: Array, bars: Array, row: Index) -> None:
    """Exponential averages of volume and squared return, for the impact model."""
    weight = contract.impact_weight
    if holding.averaged_close > 0.0:
        change = math.log(bars[row, CLOSE] / holding.averaged_close)
        holding.squares = ewm_step(holding.squares, weight, change * change)
        holding.volumes = ewm_step(holding.volumes, weight, bars[row, VOLUME])
        holding.weights = ewm_step(holding.weights, weight, 1.0)
    holding.averaged_close = bars[row, CLOSE]
