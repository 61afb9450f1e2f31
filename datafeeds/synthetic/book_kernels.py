"""Compiled books and trades of the synthetic worlds of order flow.

Times int64 ns. Prices and distances in ticks (whole numbers held as float64) until they are written, sizes in lots.
Rows are written in quote currency and contracts: books (n, 4 x levels) as bid, bid size, ask, ask size, best first;
trades (n, 3) as price, size, side. No NaN.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from halfspread.compiled import kernel

__all__ = ["BookTerms", "evolve_book", "in_units", "lay_out_flow"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Probability that a spread of more than a tick narrows at a snapshot.
NARROWS = 0.5

# What happens at an event of the flow.
BUY, SELL, UP, DOWN = range(4)


class BookTerms(NamedTuple):
    """Numbers of `evolve_book` that do not change. ``*_unit``: units per whole number, 0: use tick or lot itself."""

    tick: float
    tick_unit: float
    lot: float
    lot_unit: float
    move: float  # probability that a side steps back at a snapshot
    widest: int  # ticks
    level_lots: float  # mean
    trade_lots: float  # mean
    redrawn: int  # levels whose size changes at a snapshot


@kernel
def in_units(whole: float, unit: float, per_unit: float) -> float:
    """A whole number of units, as near to its decimal text as a float can be where 1 / unit is a whole number."""
    return whole / per_unit if per_unit > 0.0 else whole * unit


@kernel
def write_flat_book(row: Floats, mid: float, size: float, tick: float, tick_unit: float) -> None:
    """A book around ``mid`` (ticks): first levels a tick from it, then a tick apart, each of ``size`` contracts."""
    for j in range(row.size // 4):
        row[4 * j] = in_units(mid - 1.0 - j, tick, tick_unit)
        row[4 * j + 1] = size
        row[4 * j + 2] = in_units(mid + 1.0 + j, tick, tick_unit)
        row[4 * j + 3] = size


@kernel
def lay_out_flow(
    beats: Integers,
    times: Integers,
    kinds: Integers,
    depths: Floats,
    mid: float,
    refresh: int,
    sizes: tuple[float, float],
    tick: float,
    tick_unit: float,
    book_times: Integers,
    books: Floats,
    trade_times: Integers,
    trades: Floats,
    mids: Floats,
) -> tuple[int, int]:
    """Write snapshots and trades of a Poisson flow and return how many there are of each.

    A snapshot is written at each of ``beats``, at each move of the mid, and ``refresh`` ns after each trade or move
    unless something happens before. ``times`` ascend strictly, ``kinds`` say what happens, ``depths`` (ticks from the
    mid, whole and at least 1) how deep a trade reaches. ``sizes``: of a level and of a trade, contracts. ``mids``: the
    mid at each snapshot, ticks. All times of snapshots and trades ascend strictly.
    """
    never = np.iinfo(np.int64).max
    level_size, trade_size = sizes
    beat, event, shown, traded = 0, 0, 0, 0
    again = never
    while beat < beats.size or event < times.size:
        next_beat = beats[beat] if beat < beats.size else never
        next_event = times[event] if event < times.size else never
        now = min(next_beat, next_event, again)
        if now == never:
            break
        if now == next_beat:
            beat += 1
        if now == again:
            again = never
        show = True
        if now == next_event:
            kind = kinds[event]
            again = now + refresh if refresh > 0 else never
            if kind == UP:
                mid += 1.0
            elif kind == DOWN:
                mid -= 1.0
            else:
                side = 1.0 if kind == BUY else -1.0
                trade_times[traded] = now
                trades[traded, 0] = in_units(max(1.0, mid + side * depths[event]), tick, tick_unit)
                trades[traded, 1] = trade_size
                trades[traded, 2] = side
                traded += 1
                show = False
            event += 1
        if show:
            book_times[shown] = now
            mids[shown] = mid
            write_flat_book(books[shown], mid, level_size, tick, tick_unit)
            shown += 1
    return shown, traded


@kernel
def uniform(state: NDArray[np.uint64]) -> float:
    """The next number of SplitMix64, in [0, 1) (Steele, Lea and Flood 2014, OOPSLA, 453-472)."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return float(z >> np.uint64(11)) * 1.1102230246251565e-16


@kernel
def draw_lots(state: NDArray[np.uint64], mean: float) -> float:
    """A geometric-like size of at least one lot, with about this mean."""
    return 1.0 + math.floor(-(mean - 0.5) * math.log(1.0 - uniform(state)))


@kernel
def step_out(lots: Floats, state: NDArray[np.uint64], mean: float) -> None:
    """The best level goes: the others move up by one, and a new last one comes."""
    last = lots.size - 1
    for j in range(last):
        lots[j] = lots[j + 1]
    lots[last] = draw_lots(state, mean)


@kernel
def step_in(lots: Floats, state: NDArray[np.uint64], mean: float) -> None:
    """A new best level comes: the others move down by one, and the last one is no longer shown."""
    for j in range(lots.size - 1, 0, -1):
        lots[j] = lots[j - 1]
    lots[0] = draw_lots(state, mean)


@kernel
def write_book(row: Floats, bid: float, ask: float, bids: Floats, asks: Floats, terms: BookTerms) -> None:
    """One snapshot from best prices in ticks and the sizes of levels a tick apart, in lots."""
    for j in range(bids.size):
        row[4 * j] = in_units(bid - j, terms.tick, terms.tick_unit)
        row[4 * j + 1] = in_units(bids[j], terms.lot, terms.lot_unit)
        row[4 * j + 2] = in_units(ask + j, terms.tick, terms.tick_unit)
        row[4 * j + 3] = in_units(asks[j], terms.lot, terms.lot_unit)


@kernel
def evolve_book(
    times: Integers,
    trade_at: Integers,
    bid: float,
    terms: BookTerms,
    state: NDArray[np.uint64],
    books: Floats,
    trade_times: Integers,
    trades: Floats,
) -> int:
    """Write a book that moves, is redrawn and is traded against, and return how many trades there are.

    ``times`` (n,) of the snapshots and ``trade_at`` (m,) of the trades ascend strictly and share no time; the first
    snapshot comes first. A trade takes at most what is left of the best level in force, at its price; one that finds
    nothing left does not happen. At the next snapshot what was taken is gone; a level that is used up disappears and
    its side steps back a tick (where the spread may widen; else it is filled again). Then a spread of more than a tick
    narrows by a tick with probability one half, from either side alike; else, with probability ``move``, one side steps
    back. Where ``move`` is 0 the prices stand still: a trade leaves at least one lot.
    """
    levels = books.shape[1] // 4
    bids, asks = np.empty(levels), np.empty(levels)
    for j in range(levels):
        bids[j] = draw_lots(state, terms.level_lots)
        asks[j] = draw_lots(state, terms.level_lots)
    ask = bid + 1.0
    floor = levels + 1.0
    still = terms.move == 0.0
    k, traded = 0, 0
    for i in range(times.size):
        if i > 0 and bids[0] <= 0.0:
            if ask - bid < terms.widest and bid > floor:
                step_out(bids, state, terms.level_lots)
                bid -= 1.0
            else:
                bids[0] = draw_lots(state, terms.level_lots)
        if i > 0 and asks[0] <= 0.0:
            if ask - bid < terms.widest:
                step_out(asks, state, terms.level_lots)
                ask += 1.0
            else:
                asks[0] = draw_lots(state, terms.level_lots)
        if i > 0 and not still and ask - bid > 1.0 and uniform(state) < NARROWS:
            if uniform(state) < 0.5:
                step_in(bids, state, terms.level_lots)
                bid += 1.0
            else:
                step_in(asks, state, terms.level_lots)
                ask -= 1.0
        elif i > 0 and ask - bid < terms.widest and uniform(state) < terms.move:
            if uniform(state) < 0.5:
                step_out(asks, state, terms.level_lots)
                ask += 1.0
            elif bid > floor:
                step_out(bids, state, terms.level_lots)
                bid -= 1.0
        if i > 0:
            for _ in range(terms.redrawn):
                place = uniform(state) * 2.0 * levels
                level = int(place) // 2
                if int(place) % 2 == 0:
                    bids[level] = draw_lots(state, terms.level_lots)
                else:
                    asks[level] = draw_lots(state, terms.level_lots)
        write_book(books[i], bid, ask, bids, asks, terms)
        end = times[i + 1] if i + 1 < times.size else np.iinfo(np.int64).max
        while k < trade_at.size and trade_at[k] < end:
            buys = uniform(state) < 0.5
            lots = asks if buys else bids
            left = lots[0] - 1.0 if still else lots[0]
            wanted = min(left, draw_lots(state, terms.trade_lots))
            if wanted > 0.0:
                lots[0] -= wanted
                trade_times[traded] = trade_at[k]
                trades[traded, 0] = in_units(ask if buys else bid, terms.tick, terms.tick_unit)
                trades[traded, 1] = in_units(wanted, terms.lot, terms.lot_unit)
                trades[traded, 2] = 1.0 if buys else -1.0
                traded += 1
            k += 1
    return traded
