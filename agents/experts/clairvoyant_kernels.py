"""The best path of targets in hindsight: what one contract earns between trades, the search, and the replay.

A point is where a decision is filled: the open of a bar, or its close. ``points`` float64 (bars, 5), report currency:
what one contract earns from the close before to this close where nothing is traded (HELD), from the close before to the
point (BEFORE) and from the point to the close (AFTER) where something is, and what buying and selling one contract
costs there (BUY, SELL; costs are negative; NaN where nothing can be traded). ``sizes`` float64 (bars, levels): signed
contracts that each level stands for when it is decided at the close of a bar. ``shift``: 1 where a decision is filled
at the next bar's point, 0 where at its own. Bars hold no NaN, their quotes may.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from halfspread.compiled import kernel, loop_kernel
from halfspread.costs.kernels import fee_amount, funding_amount
from halfspread.engine.account_kernels import (
    contract_value,
    contracts_of_full_target,
    observe_quotes,
    reference_price,
    round_to_lots,
    scheduled,
)
from halfspread.engine.agent_functions import compiled_agent
from halfspread.engine.codes import (
    BAR_CLOSE,
    BAR_OPEN,
    BY_PRICE,
    BY_SERIES,
    CLOSE,
    FUNDING,
    MARK,
    OK,
    OPEN,
    RATE,
)
from halfspread.engine.fill_kernels import fee_rate_at, model_half_spread

Array = Any
Record = Any

HELD, BEFORE, AFTER, BUY, SELL = range(5)
POINT = 5

# What is carried from event to event beside the state of the engine.
ROW, SINCE, SINCE_TRADED, SINCE_HELD, OPENED, OPEN_VALUE, OPEN_RATE, CLOSED, CLOSE_VALUE = range(9)
CARRIED = 9

OUTSIDE = 2  # status of `follow_path` where the market is not the one that the path was made for


@compiled_agent
def follow_path(context: Array, memory: Array, history: Array, row: int) -> int:
    """Memory: [cursor, changes, first time, last time, times of changes..., targets from then on...], microseconds."""
    now = float(context.time // 1000)
    if now < memory[2] or now > memory[3]:
        return OUTSIDE
    changes = int(memory[1])
    at = int(memory[0])
    while at + 1 < changes and memory[4 + at + 1] <= now:
        at += 1
    memory[0] = at
    context.targets[0] = memory[4 + changes + at]
    return OK


@loop_kernel
def price_point(state: Record, bars: Array, row: int, column: int, time: int, rate: float, point: Array) -> None:
    """What buying and selling one contract costs at the reference price that the state holds."""
    holding, contract = state.holdings[0], state.contracts[0]
    half = model_half_spread(state, 0, bars, row, column, time)
    point[BUY] = point[SELL] = math.nan
    if math.isnan(half) or not holding.reference - half > 0.0:
        return
    fee_rate = fee_rate_at(state, 0, time, 0)
    bought, sold = (
        contract_value(contract, holding.reference + half),
        contract_value(contract, holding.reference - half),
    )
    point[BUY] = (fee_amount(fee_rate, abs(bought)) - (bought - holding.value)) * rate
    point[SELL] = (fee_amount(fee_rate, abs(sold)) + (sold - holding.value)) * rate


@loop_kernel
def size_levels(state: Record, time: int, levels: Array, sizes: Array) -> None:
    """Contracts that each level stands for at the reference price that the state holds, as the engine sizes them."""
    full = contracts_of_full_target(state, 0)
    lot = scheduled(state.starts, state.schedule, state.contracts[0].lots, time, 0)
    for i in range(levels.shape[0]):
        sizes[i] = round_to_lots(levels[i] * full, lot)


@loop_kernel
def pay_funding(state: Record, rate: float, carry: Array) -> None:
    """A settlement on one contract."""
    holding, contract, account = state.holdings[0], state.contracts[0], state.accounts[0]
    if contract.charge_funding == 0 or carry[ROW] == 0.0:  # nothing can be held before the first close
        return
    price = holding.last if math.isnan(holding.mark) else holding.mark
    amount = funding_amount(rate, 1.0, contract_value(contract, price))
    if carry[OPENED] != 0.0:
        carry[SINCE_HELD] += amount * account.rate
        carry[SINCE_TRADED] += amount * (carry[OPEN_RATE] if account.rate_source == BY_PRICE else account.rate)
    else:
        carry[SINCE] += amount * account.rate


@loop_kernel
def open_point(state: Record, bars: Array, row: int, time: int, fused: bool, carry: Array, point: Array) -> None:
    """The open of a bar, where decisions are filled."""
    holding, contract, account = state.holdings[0], state.contracts[0], state.accounts[0]
    price = reference_price(contract, bars, row, OPEN)
    if not fused:
        holding.last = price
    holding.reference, holding.value = price, contract_value(contract, price)
    carry[OPENED], carry[OPEN_VALUE] = 1.0, holding.value
    carry[OPEN_RATE] = price if account.rate_source == BY_PRICE else account.rate
    point[BEFORE] = carry[SINCE] + (holding.value - carry[CLOSE_VALUE]) * carry[OPEN_RATE]
    price_point(state, bars, row, OPEN, time, carry[OPEN_RATE], point)
    carry[SINCE_HELD] = carry[SINCE_TRADED] = 0.0


@loop_kernel
def close_point(
    state: Record,
    bars: Array,
    row: int,
    time: int,
    at_open: bool,
    levels: Array,
    carry: Array,
    point: Array,
    sizes: Array,
) -> None:
    """The close of a bar, where the position is marked and the agent decides."""
    holding, contract, account = state.holdings[0], state.contracts[0], state.accounts[0]
    price = reference_price(contract, bars, row, CLOSE)
    holding.last = holding.reference = price
    holding.value = contract_value(contract, price)
    if account.rate_source == BY_PRICE:
        account.rate = price
    moved = (holding.value - carry[CLOSE_VALUE]) * account.rate if carry[ROW] > 0.0 else 0.0
    if at_open:
        point[HELD] = carry[SINCE] + carry[SINCE_HELD] + moved
        point[AFTER] = carry[SINCE_TRADED] + (holding.value - carry[OPEN_VALUE]) * account.rate
        carry[SINCE] = 0.0
    else:
        carry[SINCE] += moved
        price_point(state, bars, row, CLOSE, time, account.rate, point)
    if contract.quote_column >= 0:
        observe_quotes(contract, holding, bars, row, CLOSE)
    carry[OPENED], carry[CLOSED], carry[CLOSE_VALUE] = 0.0, 1.0, holding.value
    size_levels(state, time, levels, sizes)


@kernel
def price_points(
    states: Array, bars: Array, events: Array, at_open: bool, levels: Array, carry: Array, points: Array, sizes: Array
) -> None:
    """Fill ``points`` and ``sizes`` from the events of a chunk; ``carry`` float64 (CARRIED,) goes from chunk to chunk.

    ``states``: the laid-out state of a run of one instrument on bars; its prices are changed. ``at_open``: decisions
    are filled at opens.
    """
    state = states[0]
    holding, contract, account = state.holdings[0], state.contracts[0], state.accounts[0]
    for i in range(events.shape[0]):
        event = events[i]
        point, size = points[int(carry[ROW])], sizes[int(carry[ROW])]
        if event.kind == MARK:
            holding.mark = event.value
        elif event.kind == RATE:
            if account.rate_source == BY_SERIES:
                account.rate = event.value
        elif event.kind == FUNDING:
            pay_funding(state, event.value, carry)
        if event.kind & BAR_OPEN:
            fused = event.kind & BAR_CLOSE != 0
            if at_open:
                opened = event.time - contract.interval if fused else event.time
                open_point(state, bars, event.row, opened, fused, carry, point)
            elif not fused:
                holding.last = reference_price(contract, bars, event.row, OPEN)
            if contract.quote_column >= 0:
                observe_quotes(contract, holding, bars, event.row, OPEN)
        if event.kind & BAR_CLOSE:
            close_point(state, bars, event.row, event.time, at_open, levels, carry, point, size)
        if event.end_of_time != 0 and carry[CLOSED] != 0.0:
            if not at_open:
                point[HELD] = point[BEFORE] = carry[SINCE]
                point[AFTER] = carry[SINCE] = 0.0
            carry[CLOSED] = 0.0
            carry[ROW] += 1.0


@kernel
def search_levels(points: Array, sizes: Array, shift: int, tail: float, flat: int, origins: Array) -> Any:
    """The highest value that a path of levels reaches, and the level that it ends with, where the contracts of a level
    do not depend on when it was entered: at every decision a level stands for what ``sizes`` has there.

    ``flat``: the level of 0, in which a run begins. ``tail``: what one contract earns after the last close. ``origins``
    int8 (bars, levels): for each point and level the level before, on the best way there. Of equal ways the one that
    trades less.
    """
    count = sizes.shape[1]
    value, after = np.full(count, -math.inf), np.empty(count)
    value[flat] = 0.0
    for i in range(shift, points.shape[0]):
        held, before, rest = points[i, HELD], points[i, BEFORE], points[i, AFTER]
        buy, sell = points[i, BUY], points[i, SELL]
        now, last = i - shift, max(i - shift - 1, 0)
        for to in range(count):
            best, origin = -math.inf, to
            for step in range(count):
                by = (to + step) % count
                old, new = (sizes[last, by] if i > shift else 0.0), sizes[now, to]
                traded = new - old
                if traded == 0.0:
                    found = value[by] + old * held
                elif math.isnan(buy):
                    continue
                else:
                    cost = traded * buy if traded > 0.0 else -traded * sell
                    found = value[by] + old * before + cost + new * rest
                if found > best:
                    best, origin = found, by
            after[to], origins[i, to] = best, origin
        value[:] = after
    last = points.shape[0] - 1 - shift
    best, end = -math.inf, flat
    for to in range(count):
        found = value[to] + (sizes[last, to] * tail if last >= 0 else 0.0)
        if found > best or (found == best and to == flat):
            best, end = found, to
    return best, end


@kernel
def follow_origins(origins: Array, shift: int, end: int, path: Array) -> None:
    """The level in force at each point, from its end backwards; ``path`` int64 (bars,)."""
    level = end
    for i in range(origins.shape[0] - 1, shift - 1, -1):
        path[i] = level
        level = origins[i, level]


# Where contracts depend on the price at entry, a position is a line: its slope are the contracts, x is what one
# contract has earned. The highest line at x is kept in a Li Chao tree over the sorted x.


@loop_kernel
def add_line(tree: Array, xs: Array, slopes: Array, heights: Array, line: int) -> None:
    """Add a line to a tree over ``xs``; ``tree`` int64 (4 x len(xs),), -1 where empty."""
    node, low, high = 1, 0, xs.shape[0] - 1
    while True:
        other = tree[node]
        if other < 0:
            tree[node] = line
            return
        middle = (low + high) // 2
        x = xs[middle]
        if slopes[line] * x + heights[line] > slopes[other] * x + heights[other]:
            tree[node], line, other = line, other, line
        if low == high:
            return
        if slopes[line] < slopes[other]:  # the loser can win only to the left
            node, high = 2 * node, middle
        elif slopes[line] > slopes[other]:
            node, low = 2 * node + 1, middle + 1
        else:
            return


@loop_kernel
def highest_line(tree: Array, xs: Array, slopes: Array, heights: Array, at: int) -> int:
    """The highest line at ``xs[at]``; -1 where there is none."""
    node, low, high = 1, 0, xs.shape[0] - 1
    best, line = -math.inf, -1
    while True:
        other = tree[node]
        if other < 0:
            return line
        height = slopes[other] * xs[at] + heights[other]
        if height > best:
            best, line = height, other
        if low == high:
            return line
        middle = (low + high) // 2
        if at <= middle:
            node, high = 2 * node, middle
        else:
            node, low = 2 * node + 1, middle + 1


@kernel
def search_lines(
    points: Array,
    contracts: Array,
    shift: int,
    earned: Array,
    xs: Array,
    places: Array,
    tree: Array,
    heights: Array,
    origins: Array,
) -> Any:
    """The highest value of a path of at most one long level (0), one short (1) and flat, where contracts stay as they
    were at entry; and what it ends with: the point where the last position was entered and its level, -1 where flat.

    ``contracts`` float64 (2, bars): of an entry at each point. ``earned`` float64 (bars,): of one contract up to each
    close where nothing is traded. ``xs`` float64 (2, bars + 1): what one contract of each level has earned, exit costs
    paid, sorted; ``places`` int64 (2, bars + 1): where each point, and last the end, stands in it. ``tree`` int64 (2, 4
    x (bars + 1)) of -1; ``heights`` float64 (2, bars); ``origins`` int64 (3, bars): the entry (point x 2 + level) that
    an entry, or the change to flat, comes from; -1 from flat, -2 flat stays.
    """
    flat, ended = 0.0, -1
    for i in range(shift, points.shape[0]):
        origins[:, i] = -2
        buy = points[i, BUY]
        if math.isnan(buy):
            continue
        base = earned[i - 1] if i > 0 else 0.0
        left_long = left_short = -math.inf
        from_long = highest_line(tree[0], xs[0], contracts[0], heights[0], places[0, i])
        from_short = highest_line(tree[1], xs[1], contracts[1], heights[1], places[1, i])
        if from_long >= 0:
            left_long = contracts[0, from_long] * (base + points[i, BEFORE] + points[i, SELL]) + heights[0, from_long]
        if from_short >= 0:
            left_short = contracts[1, from_short] * (base + points[i, BEFORE] - buy) + heights[1, from_short]
        for side in range(2):
            size = contracts[side, i]
            if size == 0.0:
                continue
            left, source = (left_short, from_short * 2 + 1) if side == 0 else (left_long, from_long * 2)
            cost = size * buy if side == 0 else -size * points[i, SELL]
            start, origins[side, i] = (left, source) if left > flat else (flat, -1)
            heights[side, i] = start + cost + size * (points[i, AFTER] - earned[i])
            add_line(tree[side], xs[side], contracts[side], heights[side], i)
        if max(left_long, left_short) > flat:
            flat = max(left_long, left_short)
            origins[2, i] = from_long * 2 if left_long >= left_short else from_short * 2 + 1
            ended = i
    best, entry = flat, -1
    end = points.shape[0]
    for side in range(2):
        line = highest_line(tree[side], xs[side], contracts[side], heights[side], places[side, end])
        if line >= 0:
            height = contracts[side, line] * xs[side, places[side, end]] + heights[side, line]
            if height > best:
                best, entry = height, line * 2 + side
    return best, entry, ended


@kernel
def follow_lines(origins: Array, entry: int, ended: int, path: Array) -> None:
    """The level in force at each point (0 long, 1 short, 2 flat), from its end backwards; ``path`` int64 (bars,).

    ``entry``: of the last position, or -1 where it ends flat, from the point ``ended`` on.
    """
    until = path.shape[0]
    path[:] = 2
    while True:
        if entry < 0:
            if ended < 0:
                return
            entry, until = origins[2, ended], ended
        at, side = entry // 2, entry % 2
        path[at:until] = side
        until = at
        entry = origins[side, at]
        if entry == -1:
            ended = at - 1
            while ended >= 0 and origins[2, ended] < 0:
                ended -= 1
