"""Merge bars, quotes, books, trades, timers and all that stands beside them into one stream of events, chunk by chunk.

``streams``: records of ``engine.stream_records``, which carry the merge over chunks. ``times``: int64 nanoseconds, of
one stream after the other; of bars their open times. ``side``: events written out already, in order. At one
time: prices, trades, quotes, books, what only then reaches the agent, gaps, closes, funding, timers, opens; among
equals the order of the streams.
"""

from __future__ import annotations

from typing import Any

from halfspread.compiled import inner_kernel, loop_kernel, once_kernel
from halfspread.engine.codes import (
    AT_AGENT,
    BAR,
    BAR_CLOSE,
    BAR_OPEN,
    BOOK,
    FUNDING,
    FUNDING_KNOWN,
    GAP,
    QUOTE,
    TIMER,
    TRADE,
)

Array = Any

PHASE_PRICE, PHASE_TRADE, PHASE_QUOTE, PHASE_BOOK, PHASE_SEEN = range(5)
PHASE_GAP, PHASE_CLOSE, PHASE_FUNDING, PHASE_KNOWN, PHASE_TIMER, PHASE_OPEN = range(8, 14)
NEVER = 9223372036854775807

#: A chunk is full when so many lines are left for each stream, and as many again.
MARGIN = 8


@inner_kernel
def phase_of(kind: int) -> int:
    """Order of kinds at one time; opens come after the decision that the rest lead to."""
    if kind == BAR_OPEN:
        return PHASE_OPEN
    if kind == BAR_CLOSE:
        return PHASE_CLOSE
    if kind == FUNDING:
        return PHASE_FUNDING
    if kind == FUNDING_KNOWN:
        return PHASE_KNOWN
    if kind == TRADE:
        return PHASE_TRADE
    if kind == QUOTE:
        return PHASE_QUOTE
    if kind == BOOK:
        return PHASE_BOOK
    if kind == TIMER:
        return PHASE_TIMER
    return PHASE_GAP if kind == GAP else PHASE_PRICE


@inner_kernel
def look_ahead(stream: Array, times: Array, side: Array) -> None:
    """Find time and phase of the event at the cursor."""
    if stream.kind == TIMER:
        stream.time, stream.phase = stream.cursor, PHASE_TIMER
    elif stream.cursor >= stream.end:
        stream.time, stream.phase = NEVER, PHASE_OPEN
    elif stream.kind == 0:
        stream.time = side[stream.cursor].time
        stream.phase = phase_of(side[stream.cursor].kind)
    elif stream.kind == BAR:
        stream.time = times[stream.cursor]
        stream.phase = PHASE_OPEN
        if stream.opened != 0:
            stream.time += stream.interval
            stream.phase = PHASE_CLOSE
    else:
        stream.time = times[stream.cursor]
        stream.phase = phase_of(stream.kind) + (PHASE_SEEN if stream.place == AT_AGENT else 0)


@inner_kernel
def write(out: Array, i: int, stream: Array, kind: int) -> None:
    """The event at the cursor of a stream of rows."""
    line = out[i]
    line.time, line.row, line.value = stream.time, stream.cursor + stream.shift, 0.0
    line.kind, line.instrument, line.end_of_time, line.place = kind, stream.instrument, 0, stream.place


@once_kernel
def whole_bars(stream: Array, times: Array, before: int, limit: int, out: Array, written: int, room: int) -> int:
    """Write the next bars of a stream that end before any other event; return the new count."""
    cursor = stream.cursor
    while cursor < stream.end and written < room:
        close = times[cursor] + stream.interval
        if close >= before or close > limit:
            break
        line = out[written]
        line.time, line.row, line.value = close, cursor + stream.shift, 0.0
        line.kind, line.instrument, line.end_of_time, line.place = BAR, stream.instrument, 1, stream.place
        written += 1
        cursor += 1
    stream.cursor = cursor
    return written


@once_kernel
def whole_rows(stream: Array, times: Array, before: int, limit: int, out: Array, written: int, room: int) -> int:
    """Write the next rows of a stream that come before any other event; return the new count. The last one's time is
    not known to be over."""
    cursor, time = stream.cursor, stream.time
    while cursor < stream.end and written < room:
        time = times[cursor]
        if time >= before or time > limit:
            break
        line = out[written]
        line.time, line.row, line.value = time, cursor + stream.shift, 0.0
        line.kind, line.instrument, line.place = stream.kind, stream.instrument, stream.place
        line.end_of_time = 1 if cursor + 1 < stream.end and times[cursor + 1] != time else 0
        written += 1
        cursor += 1
    stream.cursor = cursor
    return written


@once_kernel
def write_one(stream: Array, side: Array, out: Array, written: int) -> int:
    """Write the event at the cursor and move on; return the new count. A close joins the open of its bar where that
    was the event before."""
    if stream.kind == 0:
        out[written] = side[stream.cursor]
        out[written].end_of_time = 0
        stream.cursor += 1
    elif stream.kind == TIMER:
        write(out, written, stream, TIMER)
        out[written].row = 0
        stream.cursor += stream.interval
    elif stream.kind != BAR:
        write(out, written, stream, stream.kind)
        stream.cursor += 1
    elif stream.phase == PHASE_OPEN:
        write(out, written, stream, BAR_OPEN)
        stream.opened = 1
    else:
        fuse = written > 0 and out[written - 1].kind == BAR_OPEN and out[written - 1].instrument == stream.instrument
        if fuse:
            written -= 1
        write(out, written, stream, BAR if fuse else BAR_CLOSE)
        stream.opened = 0
        stream.cursor += 1
    return written + 1


@once_kernel
def write_alike(streams: Array, which: int, times: Array, side: Array, out: Array, written: int, room: int) -> int:
    """Write what has the time and phase of stream ``which``, the first of them, in the order of streams; return the new
    count."""
    time, phase = streams[which].time, streams[which].phase
    for s in range(which, streams.shape[0]):
        stream = streams[s]
        while stream.time == time and stream.phase == phase and written < room:
            written = write_one(stream, side, out, written)
            look_ahead(stream, times, side)
    return written


@loop_kernel
def merge_events(streams: Array, times: Array, side: Array, limit: int, out: Array) -> int:
    """Fill ``out`` with the next events up to and including those at time ``limit``, opens excluded; return how many.

    A chunk ends where a time ends as long as ``out`` has `MARGIN` lines for each stream and as many again; where
    more events fall on one time than it can hold, it ends in the middle of that time. The open and the close of a bar
    become one event where nothing falls between them.
    """
    count = streams.shape[0]
    room, margin = out.shape[0], MARGIN * (count + 1)
    written, last_phase, last_time = 0, PHASE_OPEN, -NEVER
    for s in range(count):
        look_ahead(streams[s], times, side)
    while True:
        which, time, phase, second = -1, NEVER, PHASE_OPEN + 1, NEVER
        for s in range(count):
            at = streams[s].time
            if at < time or (at == time and streams[s].phase < phase):
                which, second, time, phase = s, time, at, streams[s].phase
            elif at < second:
                second = at
        done = which < 0 or time == NEVER or time > limit or (time == limit and phase == PHASE_OPEN)
        if written > 0 and last_phase != PHASE_OPEN and (done or phase == PHASE_OPEN or time != last_time):
            out[written - 1].end_of_time = 1
            if written >= room - margin:
                return written
        if done or written >= room:
            return written
        stream = streams[which]
        before = written
        if time < second and stream.kind == BAR and stream.opened == 0:
            written = whole_bars(stream, times, second, limit, out, written, room - margin)
            phase = PHASE_CLOSE if written > before else phase
        elif time < second and stream.kind & (QUOTE | BOOK | TRADE):
            written = whole_rows(stream, times, second, limit, out, written, room - margin)
        if written > before:
            last_phase, last_time = phase, out[written - 1].time
            look_ahead(stream, times, side)
            continue
        written = write_alike(streams, which, times, side, out, written, room)
        last_phase, last_time = phase, time
