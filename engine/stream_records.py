"""Memory layout of the streams that the tape merges into one: a cursor into the times of one table each."""

from __future__ import annotations

import numpy as np

STREAM = np.dtype(
    [
        ("kind", "i8"),  # BAR, QUOTE, BOOK, TRADE, TIMER; 0: events that are written out already
        ("instrument", "i8"),
        ("place", "i8"),  # AT_EXCHANGE, AT_AGENT, or both in one
        ("cursor", "i8"),  # of a timer: its next time
        ("end", "i8"),
        ("shift", "i8"),  # row in the table = cursor + shift
        ("interval", "i8"),  # of bars, and of a timer
        ("opened", "i8"),  # bars: the open of the bar at the cursor has been written
        ("time", "i8"),  # of the event at the cursor
        ("phase", "i8"),
    ],
    align=True,
)
