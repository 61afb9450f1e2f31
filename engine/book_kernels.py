"""What a quote or a book snapshot offers, and what it costs to take it.

Book rows: per level bid, bid size, ask, ask size; best first, a level that is not shown has a NaN price and size 0.
Sizes are in contracts; a NaN size is unknown. ``side``: +1 for what a buyer takes (asks), -1 for what a seller takes
(bids). Own limits that rest on the bid side are buys.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel, loop_kernel, once_kernel
from halfspread.engine.account_kernels import contract_value, price_of_value
from halfspread.engine.codes import ASK, ASK_SIZE, BID, BID_SIZE, LEVEL, QUOTES
from halfspread.engine.fill_kernels import model_half_spread
from halfspread.engine.order_records import SAME_PRICE

Array = Any
Record = Any


@inner_kernel
def same(price: float, other: float) -> bool:
    """Whether two prices are one, but for the rounding of floating point."""
    return abs(price - other) <= SAME_PRICE * other


@inner_kernel
def reaches(side: int, offered: float, limit: float) -> bool:
    """Whether what is offered to a buyer (side 1) or seller (-1) is at ``limit`` or better for them."""
    if side > 0:
        return offered <= limit * (1.0 + SAME_PRICE)
    return offered >= limit * (1.0 - SAME_PRICE)


@inner_kernel
def touch_of(rows: Array, row: int, side: int) -> float:
    """The best price that a taker of ``side`` is offered."""
    return rows[row, ASK if side > 0 else BID]


@loop_kernel
def offered(rows: Array, row: int, side: int, limit: float, taken: float) -> float:
    """Contracts shown to a taker of ``side`` up to ``limit`` (NaN: at any price), less what was ``taken`` already."""
    first = ASK if side > 0 else BID
    total = 0.0
    for level in range(rows.shape[1] // LEVEL):
        price = rows[row, level * LEVEL + first]
        if math.isnan(price) or (not math.isnan(limit) and not reaches(side, price, limit)):
            break
        size = rows[row, level * LEVEL + first + 1]
        total += math.inf if math.isnan(size) else size
    return max(total - taken, 0.0)


@once_kernel
def walk(contract: Array, rows: Array, row: int, side: int, want: float, taken: float) -> float:
    """Average value of one contract over the next ``want`` contracts shown beyond those ``taken`` already."""
    first = ASK if side > 0 else BID
    skip, left, value = taken, want, 0.0
    for level in range(rows.shape[1] // LEVEL):
        price = rows[row, level * LEVEL + first]
        if left <= 0.0 or math.isnan(price):
            break
        size = rows[row, level * LEVEL + first + 1]
        if math.isnan(size):
            size = math.inf
        if skip >= size:
            skip -= size
            continue
        here = min(left, size - skip)
        skip = 0.0
        value += here * contract_value(contract, price)
        left -= here
    return value / (want - max(left, 0.0))


@inner_kernel
def taken_of(holding: Array, side: int) -> float:
    """Contracts taken of the book in force on the side of a taker."""
    return holding.taken_ask if side > 0 else holding.taken_bid


@inner_kernel
def note_taken(holding: Array, side: int, contracts: float) -> None:
    """What one order takes is not there for the next."""
    if side > 0:
        holding.taken_ask += contracts
    else:
        holding.taken_bid += contracts


@inner_kernel
def price_paid(state: Record, k: int, rows: Array, row: int, side: int, quantity: float, time: int) -> float:
    """Average price of taking ``quantity`` from the book in force: what is shown, or mid and modelled half-spread."""
    holding, contract = state.holdings[k], state.contracts[k]
    if contract.half_spread_kind != QUOTES:
        half = model_half_spread(state, k, rows, -1, 0, time)
        return holding.reference + (half if side > 0 else -half)
    best = touch_of(rows, row, side)
    if quantity <= shown_at_best(rows, row, side) - taken_of(holding, side):
        return best
    return price_of_value(contract, walk(contract, rows, row, side, quantity, taken_of(holding, side)))


@once_kernel
def shown_at_best(rows: Array, row: int, side: int) -> float:
    """Size of the best level, unlimited where it is not known."""
    size = rows[row, ASK_SIZE if side > 0 else BID_SIZE]
    return math.inf if math.isnan(size) else size


@inner_kernel
def touch_paid(state: Record, k: int, rows: Array, row: int, side: int, price: float) -> float:
    """The price that splits the cost of a taker into half-spread and impact: the best of the book, if it is shown."""
    return touch_of(rows, row, side) if state.contracts[k].half_spread_kind == QUOTES else price


@inner_kernel
def queue_at(rows: Array, row: int, buy: bool, price: float) -> float:
    """Contracts shown at ``price`` on the side where a limit rests: 0 between levels or better than the best, infinite
    where the level is not shown or its size not known."""
    first = BID if buy else ASK
    for level in range(rows.shape[1] // LEVEL):
        at = rows[row, level * LEVEL + first]
        if math.isnan(at):
            break
        if same(at, price):
            size = rows[row, level * LEVEL + first + 1]
            return math.inf if math.isnan(size) else size
        if (price > at) == buy:
            return 0.0
    return math.inf
