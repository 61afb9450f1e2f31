"""Merge the bars of all instruments with funding, mark and index prices into one stream of events, chunk by chunk.

``bar_times``: open times of all instruments, one after the other, int64 nanoseconds; those of instrument k are
``begins[k]`` up to ``begins[k + 1]``, and the position in the array is the row in the history. ``side``: events that
are not bars, sorted by time and phase. ``cursors``: next bar of each instrument, then the next side event; they carry
the merge over chunks. ``opened``: whether the open of the next bar has been written.
"""

from __future__ import annotations

from typing import Any

from halfspread.compiled import inner_kernel, loop_kernel
from halfspread.engine.records import BAR, BAR_CLOSE, BAR_OPEN, FUNDING, FUNDING_KNOWN

Array = Any

PHASE_PRICE, PHASE_CLOSE, PHASE_FUNDING, PHASE_KNOWN, PHASE_OPEN = range(5)
NEVER = 9223372036854775807

#: A chunk is full when so many lines are left for each instrument, and as many again. Five kinds of side event, the
#: close of a bar and the open of the next can fall on one time.
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
    return PHASE_KNOWN if kind == FUNDING_KNOWN else PHASE_PRICE


@inner_kernel
def whole_bars(
    bar_times: Array,
    end: int,
    interval: int,
    cursors: Array,
    side: Array,
    limit: int,
    out: Array,
    written: int,
    room: int,
) -> int:
    """Write the next bars of a lone instrument up to the first that another event falls into; return the new count."""
    other = side[cursors[1]].time if cursors[1] < side.shape[0] else NEVER
    row = cursors[0]
    while row < end and written < room:
        close = bar_times[row] + interval
        if close >= other or close > limit:
            break
        line = out[written]
        line.time, line.row, line.value = close, row, 0.0
        line.kind, line.instrument, line.end_of_time = BAR, 0, 1
        written += 1
        row += 1
    cursors[0] = row
    return written


@loop_kernel
def merge_events(
    bar_times: Array,
    begins: Array,
    intervals: Array,
    cursors: Array,
    opened: Array,
    side: Array,
    limit: int,
    out: Array,
) -> int:
    """Fill ``out`` with the next events up to and including those at time ``limit``, opens excluded; return how many.

    A chunk ends where a time ends as long as ``out`` has `MARGIN` lines for each instrument and as many again; where
    more events fall on one time than it can hold, it ends in the middle of that time. The open and the close of a bar
    become one event where nothing falls between them.
    """
    count = begins.shape[0] - 1
    room, margin = out.shape[0], MARGIN * (count + 1)
    written = 0
    last_phase = PHASE_OPEN
    while True:
        if count == 1 and opened[0] == 0:
            before = written
            written = whole_bars(bar_times, begins[1], intervals[0], cursors, side, limit, out, written, room - margin)
            if written > before:
                if before > 0:
                    out[before - 1].end_of_time = 1
                last_phase = PHASE_CLOSE
                if written >= room - margin:
                    return written
        time, phase, which = NEVER, PHASE_OPEN, -1
        if cursors[count] < side.shape[0]:
            event = side[cursors[count]]
            time, phase, which = event.time, phase_of(event.kind), count
        for k in range(count):
            if cursors[k] < begins[k + 1]:
                at = bar_times[cursors[k]]
                moment = PHASE_OPEN
                if opened[k] != 0:
                    at += intervals[k]
                    moment = PHASE_CLOSE
                if at < time or (at == time and moment < phase):
                    time, phase, which = at, moment, k
        done = which < 0 or time > limit or (time == limit and phase == PHASE_OPEN)
        if written > 0 and last_phase != PHASE_OPEN and (done or phase == PHASE_OPEN or time != out[written - 1].time):
            out[written - 1].end_of_time = 1
            if written >= room - margin:
                return written
        if done or written >= room:
            return written
        if which == count:
            out[written] = side[cursors[count]]
            cursors[count] += 1
            written += 1
        elif phase == PHASE_OPEN:
            line = out[written]
            line.time, line.row, line.value = time, cursors[which], 0.0
            line.kind, line.instrument, line.end_of_time = BAR_OPEN, which, 0
            opened[which] = 1
            written += 1
        else:
            line = out[written]
            fuse = written > 0 and out[written - 1].kind == BAR_OPEN and out[written - 1].row == cursors[which]
            if fuse:
                line = out[written - 1]
            else:
                written += 1
            line.time, line.row, line.value = time, cursors[which], 0.0
            line.kind, line.instrument, line.end_of_time = BAR if fuse else BAR_CLOSE, which, 0
            opened[which] = 0
            cursors[which] += 1
        last_phase = phase
