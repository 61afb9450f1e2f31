"""Compiled order book: rows of updates in, snapshots of the shown levels and gaps out. No price is ever computed with.

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
def _drop(state: Array) -> None:
    """Empty the book and the map."""
    state[BIDS] = 0
    state[ASKS] = 0
    state[IDS] = 0
    state[GENERATION] += 1


@inner_kernel
def _break(state: Array, reason: int) -> None:
    """There is no book from this message on."""
    _drop(state)
    if state[MODE] != NONE:
        state[LOST_AT] = state[MESSAGE_AT]
    state[MODE] = NONE
    state[SKIPPING] = BROKE
    state[DUE] = 0
    state[REASON_COUNTS + reason] += 1
    if state[BROKEN] == 0 or state[BROKEN] == ONE_SIDED:
        if state[BROKEN] == 0:
            state[GAP_START] = state[TS]
        state[BROKEN] = reason
        state[GAP_MESSAGE] = state[MESSAGE]


@inner_kernel
def _skip(state: Array, why: int, counter: int) -> None:
    state[SKIPPING] = why
    state[counter] += 1


@loop_kernel
def _begin_snapshot(state: Array, sequence: int) -> None:
    """Whether a message that begins with a snapshot is taken."""
    if state[QUIET] == 1:
        state[SKIPPING] = OLD
        state[MESSAGES] -= 1
        return
    last = state[LAST_SEQUENCE]
    if state[MODE] == NONE or min(sequence, last) == NULL:
        return
    if state[CHAINED] == 1 and sequence <= last:  # answered late: the book is further
        _skip(state, OLD, STALE)
    elif sequence == last and sequence != 1:  # sent again: Bybit repeats the best level every few seconds
        _skip(state, OLD, DUPLICATES)
    elif state[MODE] == LIVE and sequence != last + 1 and state[BROKEN] == 0:
        # Changes between the last message and this one were never seen.
        state[BROKEN] = RESUMED
        state[REASON_COUNTS + RESUMED] += 1
        state[GAP_START] = state[LAST_TS]
        state[GAP_MESSAGE] = state[MESSAGE]
        state[DUE] = 0


@loop_kernel
def _begin_change(state: Array, first: int, sequence: int, before: int) -> None:
    """Whether a message of changes follows the one before."""
    if max(first, before) != NULL:
        state[CHAINED] = 1
    if state[MODE] == NONE:
        _skip(state, NO_BOOK, IGNORED)
        return
    last = state[LAST_SEQUENCE]
    if min(sequence, last) == NULL:
        state[MODE] = LIVE
        return
    if before != NULL:
        follows = before == last
        joins = before <= last or (first != NULL and first <= last + 1)
    elif first != NULL:
        follows = first == last + 1
        joins = first <= last + 1
    else:
        follows = sequence == last + 1
        joins = follows
    if state[CHAINED] == 1 and state[MODE] == SYNC and sequence <= last:
        _skip(state, OLD, STALE)
    elif sequence == last:
        _skip(state, OLD, DUPLICATES)
    elif follows or (state[MODE] == SYNC and joins and sequence > last):
        state[MODE] = LIVE
    else:
        _break(state, SEQUENCE)


@loop_kernel
def _begin(
    i: int,
    ts: Array,
    exchange: Array,
    message: Array,
    action: Array,
    first: Array,
    sequence: Array,
    before: Array,
    state: Array,
) -> None:
    state[OPEN] = 1
    state[MESSAGE] = message[i]
    state[MESSAGE_AT] = i
    state[TS] = ts[i]
    state[EXCHANGE] = NULL
    state[SKIPPING] = 0
    state[IN_SNAPSHOT] = 0
    state[HAS_SNAPSHOT] = 0
    state[RESYNCED] = 0
    state[SEQUENCE_NOW] = sequence[i]
    state[WAS_NONE] = 1 if state[MODE] == NONE else 0
    state[MESSAGES] += 1
    if state[STARTED] == 0:
        state[STARTED] = 1
        state[BROKEN] = NOT_STARTED
        state[GAP_START] = ts[i]
        state[GAP_MESSAGE] = message[i]
        state[EXCHANGE_CLOCK] = 1 if exchange[i] != NULL else 0
    if action[i] == SNAPSHOT:
        _begin_snapshot(state, sequence[i])
    else:
        _begin_change(state, first[i], sequence[i], before[i])


@inner_kernel
def _good_price(price: float) -> bool:
    return price > 0.0 and price < math.inf


@inner_kernel
def _good_size(size: float) -> bool:
    return size > 0.0 and size < math.inf


@loop_kernel
def _set(price: float, size: float, side: int, state: Array, keys: Array, sizes: Array) -> int:
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
def _new(
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
def _old(
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


@inner_kernel
def _write(state: Array, keys: Array, sizes: Array, rows: Array, shown: Array) -> bool:
    """Write the shown levels to the next row of ``rows``; whether they are to be kept."""
    row = state[OUT]
    bids, asks = state[BIDS], state[ASKS]
    for level in range(state[LEVELS]):
        if level < bids:
            rows[row, 4 * level] = keys[BID, bids - 1 - level]
            rows[row, 4 * level + 1] = sizes[BID, bids - 1 - level]
        else:
            rows[row, 4 * level] = math.nan
            rows[row, 4 * level + 1] = 0.0
        if level < asks:
            rows[row, 4 * level + 2] = -keys[ASK, asks - 1 - level]
            rows[row, 4 * level + 3] = sizes[ASK, asks - 1 - level]
        else:
            rows[row, 4 * level + 2] = math.nan
            rows[row, 4 * level + 3] = 0.0
    if state[CHANGES] == 0:
        return True
    same = state[HAVE_LAST] == 1
    for column in range(4 * state[LEVELS]):
        number = rows[row, column]
        if number != shown[column] and not (math.isnan(number) and math.isnan(shown[column])):
            same = False
        shown[column] = number
    state[HAVE_LAST] = 1
    if same:
        state[UNCHANGED] += 1
    return not same


@inner_kernel
def _emit(state: Array, keys: Array, sizes: Array, rows: Array, times: Array, shown: Array) -> None:
    """The snapshot that is due."""
    state[DUE] = 0
    if _write(state, keys, sizes, rows, shown):
        times[state[OUT], 0] = state[DUE_EXCHANGE]
        times[state[OUT], 1] = state[DUE_TS]
        state[OUT] += 1


@inner_kernel
def _make_due(state: Array) -> None:
    """The book as of this message is due; neither of its times may run backwards."""
    local, exchange = state[TS], state[EXCHANGE]
    if local < state[LAST_LOCAL]:
        local = state[LAST_LOCAL]
        state[LOCAL_BACK] += 1
    if state[EXCHANGE_CLOCK] == 0:
        exchange = local
    elif exchange == NULL:
        exchange = state[LAST_EXCHANGE] if state[LAST_EXCHANGE] != NULL else local
        state[WITHOUT_EXCHANGE] += 1
    elif exchange < state[LAST_EXCHANGE]:
        exchange = state[LAST_EXCHANGE]
        state[EXCHANGE_BACK] += 1
    state[LAST_LOCAL] = local
    state[LAST_EXCHANGE] = exchange
    state[DUE] = 1
    state[DUE_TS] = local
    state[DUE_EXCHANGE] = exchange


@loop_kernel
def _close_gap(state: Array, gaps: Array) -> None:
    row = state[GAPS]
    gaps[row, 0] = state[GAP_START]
    gaps[row, 1] = state[TS]
    gaps[row, 2] = state[BROKEN]
    gaps[row, 3] = state[GAP_MESSAGE]
    state[BROKEN] = 0
    if gaps[row, 1] > gaps[row, 0]:
        state[GAPS] = row + 1


@loop_kernel
def _finish(state: Array, keys: Array, sizes: Array, rows: Array, times: Array, shown: Array, gaps: Array) -> int:
    """Check the book at the end of a message, and show it."""
    if state[OUT] >= len(rows) or state[GAPS] >= len(gaps):
        return FULL
    if state[SKIPPING] == 0 and state[RESYNCED] == 0:
        if state[BIDS] > 0 and state[ASKS] > 0:
            bid, ask = keys[BID, state[BIDS] - 1], -keys[ASK, state[ASKS] - 1]
            if bid >= ask:
                _break(state, LOCKED if bid == ask else CROSSED)
        if state[SKIPPING] == 0:
            if state[SEQUENCE_NOW] != NULL or state[HAS_SNAPSHOT] == 1:
                state[LAST_SEQUENCE] = state[SEQUENCE_NOW]
            if state[HAS_SNAPSHOT] == 1:
                state[MODE] = SYNC
                state[SNAPSHOTS] += 1
                if state[WAS_NONE] == 1 and state[CHAINED] == 1:
                    return RESYNC
    state[OPEN] = 0
    if state[QUIET] == 1:
        return DONE
    if state[SKIPPING] == 0:
        if state[BIDS] == 0 or state[ASKS] == 0:
            state[DUE] = 0
            if state[BROKEN] == 0:
                state[BROKEN] = ONE_SIDED
                state[REASON_COUNTS + ONE_SIDED] += 1
                state[GAP_START] = state[TS]
                state[GAP_MESSAGE] = state[MESSAGE]
        else:
            if state[BROKEN] != 0:
                _close_gap(state, gaps)
            _make_due(state)
            if state[EVERY] == 0:
                _emit(state, keys, sizes, rows, times, shown)
    state[LAST_TS] = state[TS]
    return DONE


@kernel
def build(
    ts: Array,
    exchange: Array,
    message: Array,
    action: Array,
    sides: Array,
    prices: Array,
    new_sizes: Array,
    names: Array,
    first: Array,
    sequence: Array,
    before: Array,
    state: Array,
    keys: Array,
    sizes: Array,
    ids: Array,
    id_sides: Array,
    id_prices: Array,
    slots: Array,
    rows: Array,
    times: Array,
    shown: Array,
    gaps: Array,
) -> int:
    """Apply the rows from ``state[AT]`` on, which are whole messages, until they are DONE or something is wanted: FULL
    (drain rows and gaps), MORE_LEVELS or MORE_IDS (larger arrays), RESYNC (apply what was held back since the book was
    lost).

    ``rows`` (n, 4 * levels), ``times`` (n, 2) exchange and local and ``gaps`` (n, 4) start, end, reason and message are
    filled. A snapshot that is taken once in an interval is written when the next interval begins.
    """
    for i in range(state[AT], len(ts)):
        state[AT] = i
        if state[OPEN] == 1 and message[i] != state[MESSAGE]:
            status = _finish(state, keys, sizes, rows, times, shown, gaps)
            if status != DONE:
                return status
        if state[OPEN] == 0:
            if state[DUE] == 1 and state[QUIET] == 0 and ts[i] // state[EVERY] != state[DUE_TS] // state[EVERY]:
                if state[OUT] >= len(rows):
                    return FULL
                _emit(state, keys, sizes, rows, times, shown)
            _begin(i, ts, exchange, message, action, first, sequence, before, state)
        state[TS] = ts[i]
        if exchange[i] != NULL:
            state[EXCHANGE] = exchange[i]
        what = action[i]
        if what == SNAPSHOT:
            if state[IN_SNAPSHOT] == 0 and state[SKIPPING] != OLD:
                _drop(state)
                state[IN_SNAPSHOT] = 1
                state[HAS_SNAPSHOT] = 1
                state[SKIPPING] = 0
        else:
            state[IN_SNAPSHOT] = 0
        if state[SKIPPING] != 0 or sides[i] == 0:
            continue
        side = BID if sides[i] > 0 else ASK
        if state[BIDS + side] >= keys.shape[1]:
            return MORE_LEVELS
        if what == SET:
            wrong = _set(prices[i], new_sizes[i], side, state, keys, sizes)
        elif what < UPDATE:
            if 2 * state[IDS] >= len(ids):
                return MORE_IDS
            wrong = _new(prices[i], new_sizes[i], side, names[i], state, keys, sizes, ids, id_sides, id_prices, slots)
        else:
            wrong = _old(
                what == DELETE,
                prices[i],
                new_sizes[i],
                side,
                names[i],
                state,
                keys,
                sizes,
                ids,
                id_sides,
                id_prices,
                slots,
            )
        state[UPDATES] += 1
        if wrong != 0:
            _break(state, wrong)
    state[AT] = len(ts)
    if state[OPEN] == 1:
        return _finish(state, keys, sizes, rows, times, shown, gaps)
    return DONE


@kernel
def show_due(state: Array, keys: Array, sizes: Array, rows: Array, times: Array, shown: Array) -> None:
    """Write the snapshot that is due, at the end of the data."""
    if state[DUE] == 1:
        _emit(state, keys, sizes, rows, times, shown)


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
