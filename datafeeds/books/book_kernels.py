"""Levels of a compiled order book, and its state. No price is ever computed with.

A side holds its levels in ``keys`` (2, capacity), ascending with the best at the end: prices of bids (row 0), negated
prices of asks (row 1); ``sizes`` beside them. Levels that the venue names by id are found through an open-addressing
map from (id, side) to the price; a slot is taken where ``slots`` holds the generation of this book, so that dropping
the book empties the map at once. ``state``: int64, the fields named below; it survives between calls. Times int64 ns,
prices in quote currency, sizes in contracts; ``NULL`` is a whole number that is not there, NaN a price or size.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel, kernel, loop_kernel

Array = Any

NULL = -(2**63)
BID, ASK = 0, 1
SNAPSHOT, SET, INSERT, UPDATE, DELETE = 0, 1, 2, 3, 4

# Why `build` returns.
DONE, FULL, MORE_LEVELS, MORE_IDS, RESYNC = 0, 1, 2, 3, 4

# What is known of the book: nothing; a snapshot, whose first change must join it; changes one after the other.
NONE, SYNC, LIVE = 0, 1, 2

# Why a message is not applied: there is no book, it is old, it broke the book.
NO_BOOK, OLD, BROKE = 1, 2, 3

# Why there is no book to show.
NOT_STARTED, SEQUENCE, CROSSED, LOCKED, UNKNOWN, REPEATED, BAD_PRICE, BAD_SIZE, MOVED, ONE_SIDED, RESUMED = range(1, 12)
REASONS = 12

# Fields of the state: the row that is next, and the message that is being applied.
AT, OPEN, MESSAGE, MESSAGE_AT, TS, EXCHANGE, SEQUENCE_NOW = 0, 1, 2, 3, 4, 5, 6
SKIPPING, IN_SNAPSHOT, HAS_SNAPSHOT, WAS_NONE, RESYNCED = 7, 8, 9, 10, 11
# The book: numbers of levels, what is known of it, its sequence, whether messages name the one before, its map.
BIDS, ASKS, MODE, LAST_SEQUENCE, CHAINED, GENERATION, IDS, QUIET = 12, 13, 14, 15, 16, 17, 18, 19
# The gap that is open: why, since when, since which message; the row where the book was lost; the last message.
BROKEN, GAP_START, GAP_MESSAGE, LOST_AT, LAST_TS, STARTED = 20, 21, 22, 23, 24, 25
# What is shown, when, and the snapshot that is due at the end of its interval.
LEVELS, EVERY, CHANGES, EXCHANGE_CLOCK, DUE, DUE_TS, DUE_EXCHANGE = 26, 27, 28, 29, 30, 31, 32
HAVE_LAST, LAST_EXCHANGE, LAST_LOCAL, OUT, GAPS = 33, 34, 35, 36, 37
# Counts.
MESSAGES, UPDATES, SNAPSHOTS, STALE, DUPLICATES, IGNORED, ABSENT = 38, 39, 40, 41, 42, 43, 44
EXCHANGE_BACK, LOCAL_BACK, WITHOUT_EXCHANGE, UNCHANGED = 45, 46, 47, 48
REASON_COUNTS = 49
STATE = REASON_COUNTS + REASONS


@inner_kernel
def _place(keys: Array, side: int, count: int, key: float) -> int:
    """The first level whose key is not below ``key``, looked for from the best one."""
    step = 1
    while step <= count and keys[side, count - step] >= key:
        step *= 2
    low = max(count - step + 1, 0) if step <= count else 0
    high = count - step // 2 if step > 1 else count
    while low < high:
        middle = (low + high) // 2
        if keys[side, middle] < key:
            low = middle + 1
        else:
            high = middle
    return low


@inner_kernel
def _insert(keys: Array, sizes: Array, side: int, count: int, at: int, key: float, size: float) -> None:
    for j in range(count, at, -1):
        keys[side, j] = keys[side, j - 1]
        sizes[side, j] = sizes[side, j - 1]
    keys[side, at] = key
    sizes[side, at] = size


@inner_kernel
def _remove(keys: Array, sizes: Array, side: int, count: int, at: int) -> None:
    for j in range(at, count - 1):
        keys[side, j] = keys[side, j + 1]
        sizes[side, j] = sizes[side, j + 1]


@inner_kernel
def _home(name: int, side: int, mask: int) -> int:
    mixed = (name * 2 + side) * -7046029254386353131
    return (mixed ^ (mixed >> 29)) & mask


@loop_kernel
def _slot(ids: Array, id_sides: Array, slots: Array, generation: int, name: int, side: int) -> int:
    """The slot of an id, or the free one where it belongs."""
    mask = len(ids) - 1
    at = _home(name, side, mask)
    while slots[at] == generation and not (ids[at] == name and id_sides[at] == side):
        at = (at + 1) & mask
    return at


@loop_kernel
def _forget(ids: Array, id_sides: Array, id_prices: Array, slots: Array, generation: int, at: int) -> None:
    """Free a slot, and close the hole."""
    mask = len(ids) - 1
    hole, at = at, (at + 1) & mask
    while slots[at] == generation:
        home = _home(ids[at], id_sides[at], mask)
        if ((at - home) & mask) >= ((at - hole) & mask):
            ids[hole] = ids[at]
            id_sides[hole] = id_sides[at]
            id_prices[hole] = id_prices[at]
            hole = at
        at = (at + 1) & mask
    slots[hole] = 0


@inner_kernel
def drop_book(state: Array) -> None:
    """Empty the book and the map."""
    state[BIDS] = 0
    state[ASKS] = 0
    state[IDS] = 0
    state[GENERATION] += 1


@inner_kernel
def _good_price(price: float) -> bool:
    return price > 0.0 and price < math.inf


@inner_kernel
def _good_size(size: float) -> bool:
    return size > 0.0 and size < math.inf


@loop_kernel
def set_level(price: float, size: float, side: int, state: Array, keys: Array, sizes: Array) -> int:
    """Give a price level its size; 0 removes it, and it need not be there."""
    if not _good_price(price):
        return BAD_PRICE
    if not (size >= 0.0 and size < math.inf):
        return BAD_SIZE
    key = price if side == BID else -price
    count = state[BIDS + side]
    at = _place(keys, side, count, key)
    found = at < count and keys[side, at] == key
    if size == 0.0:
        if found:
            _remove(keys, sizes, side, count, at)
            state[BIDS + side] = count - 1
        else:
            state[ABSENT] += 1
    elif found:
        sizes[side, at] = size
    else:
        _insert(keys, sizes, side, count, at, key, size)
        state[BIDS + side] = count + 1
    return 0


@loop_kernel
def new_level(
    price: float,
    size: float,
    side: int,
    name: int,
    state: Array,
    keys: Array,
    sizes: Array,
    ids: Array,
    id_sides: Array,
    id_prices: Array,
    slots: Array,
) -> int:
    """A level that must not be there yet."""
    if not _good_price(price):
        return BAD_PRICE
    if not _good_size(size):
        return BAD_SIZE
    key = price if side == BID else -price
    count = state[BIDS + side]
    at = _place(keys, side, count, key)
    if at < count and keys[side, at] == key:
        return REPEATED
    if name != NULL:
        slot = _slot(ids, id_sides, slots, state[GENERATION], name, side)
        if slots[slot] == state[GENERATION]:
            return REPEATED
        ids[slot] = name
        id_sides[slot] = side
        id_prices[slot] = price
        slots[slot] = state[GENERATION]
        state[IDS] += 1
    _insert(keys, sizes, side, count, at, key, size)
    state[BIDS + side] = count + 1
    return 0


@loop_kernel
def old_level(
    remove: bool,
    price: float,
    size: float,
    side: int,
    name: int,
    state: Array,
    keys: Array,
    sizes: Array,
    ids: Array,
    id_sides: Array,
    id_prices: Array,
    slots: Array,
) -> int:
    """Change or remove a level that must be there; an update without a size leaves it."""
    slot = -1
    if name != NULL:
        slot = _slot(ids, id_sides, slots, state[GENERATION], name, side)
        if slots[slot] != state[GENERATION]:
            return UNKNOWN
        if not math.isnan(price) and price != id_prices[slot]:
            return MOVED
        price = id_prices[slot]
    elif not _good_price(price):
        return BAD_PRICE
    key = price if side == BID else -price
    count = state[BIDS + side]
    at = _place(keys, side, count, key)
    if at >= count or keys[side, at] != key:
        return UNKNOWN
    if remove:
        _remove(keys, sizes, side, count, at)
        state[BIDS + side] = count - 1
        if slot >= 0:
            _forget(ids, id_sides, id_prices, slots, state[GENERATION], slot)
            state[IDS] -= 1
    elif not math.isnan(size):
        if not _good_size(size):
            return BAD_SIZE
        sizes[side, at] = size
    return 0


@kernel
def rehash(old: Any, generation: int, new: Any) -> None:
    """Move a map (ids, sides, prices, slots) into larger arrays."""
    ids, id_sides, id_prices, slots = new
    for i in range(len(old[0])):
        if old[3][i] == generation:
            at = _slot(ids, id_sides, slots, generation, old[0][i], old[1][i])
            ids[at] = old[0][i]
            id_sides[at] = old[1][i]
            id_prices[at] = old[2][i]
            slots[at] = generation
