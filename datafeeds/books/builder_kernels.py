"""Compiled builder of order books: rows of updates in, snapshots of the shown levels and gaps out.

Arrays and the state are those of book_kernels.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel, kernel, loop_kernel
from halfspread.datafeeds.books.book_kernels import (
    ASK,
    ASKS,
    AT,
    BID,
    BIDS,
    BROKE,
    BROKEN,
    CHAINED,
    CHANGES,
    CROSSED,
    DELETE,
    DONE,
    DUE,
    DUE_EXCHANGE,
    DUE_TS,
    DUPLICATES,
    EVERY,
    EXCHANGE,
    EXCHANGE_BACK,
    EXCHANGE_CLOCK,
    FULL,
    GAP_MESSAGE,
    GAP_START,
    GAPS,
    HAS_SNAPSHOT,
    HAVE_LAST,
    IDS,
    IGNORED,
    IN_SNAPSHOT,
    LAST_EXCHANGE,
    LAST_LOCAL,
    LAST_SEQUENCE,
    LAST_TS,
    LEVELS,
    LIVE,
    LOCAL_BACK,
    LOCKED,
    LOST_AT,
    MESSAGE,
    MESSAGE_AT,
    MESSAGES,
    MODE,
    MORE_IDS,
    MORE_LEVELS,
    NO_BOOK,
    NONE,
    NOT_STARTED,
    NULL,
    OLD,
    ONE_SIDED,
    OPEN,
    OUT,
    QUIET,
    REASON_COUNTS,
    RESUMED,
    RESYNC,
    RESYNCED,
    SEQUENCE,
    SEQUENCE_NOW,
    SET,
    SKIPPING,
    SNAPSHOT,
    SNAPSHOTS,
    STALE,
    STARTED,
    SYNC,
    TS,
    UNCHANGED,
    UPDATE,
    UPDATES,
    WAS_NONE,
    WITHOUT_EXCHANGE,
    drop_book,
    new_level,
    old_level,
    set_level,
)

Array = Any


@inner_kernel
def _break(state: Array, reason: int) -> None:
    """There is no book from this message on."""
    drop_book(state)
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
            now = max(ts[i], state[LAST_LOCAL])  # the time that its snapshot would carry
            if state[DUE] == 1 and state[QUIET] == 0 and now // state[EVERY] != state[DUE_TS] // state[EVERY]:
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
                drop_book(state)
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
            wrong = set_level(prices[i], new_sizes[i], side, state, keys, sizes)
        elif what < UPDATE:
            if 2 * state[IDS] >= len(ids):
                return MORE_IDS
            wrong = new_level(
                prices[i], new_sizes[i], side, names[i], state, keys, sizes, ids, id_sides, id_prices, slots
            )
        else:
            wrong = old_level(
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
