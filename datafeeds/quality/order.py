"""Rows out of order, rows twice, and stamps beside the grid of the interval.

Looks for: times that fall; two rows of one time where a time may stand once; a trade's id that comes again; bars whose
stamp is no multiple of their interval. All of these are errors: no venue publishes them, so they were made on the way.
No false alarms: each is a fact.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from halfspread.datafeeds.quality.finding import Finding
from halfspread.datafeeds.quality.places import Places, many
from halfspread.datafeeds.quality.subject import Block, Subject
from halfspread.engine.times import DAY, Integers, interval_text, time_text

__all__ = ["OrderCheck"]

#: Ids of trades before a block that are remembered: a page that was fetched twice repeats at most so many.
REMEMBERED_IDS = 100_000


class OrderCheck:
    """Order, duplicates and grid of one series."""

    name = "order"

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._late, self._twice, self._off, self._ids = Places(), Places(), Places(), Places()
        self._last: int | None = None
        self._phase: int | None = None
        self._seen: np.ndarray[Any, Any] = np.array([], object)

    def add(self, block: Block) -> None:
        """Take the next rows."""
        ts = block.ts if self._last is None else np.r_[np.int64(self._last), block.ts]
        steps = np.diff(ts)
        self._late.add(ts[1:][steps < 0], lambda i: "its time is before that of the row before")
        if self.subject.kind.key:
            self._twice.add(ts[1:][steps == 0], lambda i: "two rows of this time")
        self._grid(block.ts)
        self._repeated(block)
        self._last = int(block.ts[-1])

    def _grid(self, ts: Integers) -> None:
        length = self.subject.interval
        if not length:
            return
        if self._phase is None:
            self._phase = 0 if DAY % length == 0 else int(ts[0]) % length  # weeks begin where the venue says
        off = (ts - self._phase) % length
        wrong = off != 0
        self._off.add(ts[wrong], lambda i: f"stamped {time_text(int(ts[wrong][i]))}")

    def _repeated(self, block: Block) -> None:
        ids = block.columns.get("trade_id")
        if not isinstance(ids, list) or self.subject.family not in ("trades", "liquidations"):
            return
        import pandas as pd

        now = np.array(ids, object)
        together = pd.Series(np.r_[self._seen, now])
        again = (together.duplicated() & together.notna()).to_numpy()[len(self._seen) :]
        self._ids.add(block.ts[again], lambda i: f"id {now[again][i]} stands for a second time")
        self._seen = together.to_numpy(object)[-REMEMBERED_IDS:]

    def findings(self) -> list[Finding]:
        """What was found."""
        length = interval_text(self.subject.interval) if self.subject.interval else ""
        return [
            *self._late.finding(
                "order", "error", f"{many(self._late.count, 'row')} with a time before that of the row above"
            ),
            *self._twice.finding(
                "duplicates", "error", f"{many(self._twice.count, 'row')} with the time of another row"
            ),
            *self._ids.finding("duplicates", "error", f"{many(self._ids.count, 'row')} with an id that stood before"),
            *self._off.finding("grid", "error", f"{many(self._off.count, 'stamp')} that are no multiple of {length}"),
        ]
