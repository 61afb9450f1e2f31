"""The tables that a replay reads from: as much of each as is loaded, and where the replay stands in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from halfspread.costs.latency import DelayTable
from halfspread.engine.codes import LEVEL
from halfspread.engine.feed import Block, empty_rows
from halfspread.engine.side_data import delays_of
from halfspread.engine.times import Floats, Integers
from halfspread.errors import DataError

__all__ = ["TableInReplay", "delays_of", "rows_side_by_side"]

NEVER = np.iinfo(np.int64).max


@dataclass
class TableInReplay:
    """One table of one instrument. ``kind``: as in `Feed`. ``interval``: of bars, else 0; ``source``: for
    messages.

    Rows before ``cursor`` happened, those before ``seen`` were seen by the agent (where ``local`` says when).
    ``opened``: the bar at the cursor has opened. ``offset``: row of the loop's table at which these rows begin.
    ``moved``: by how much row numbers have changed since the loop was told; ``streams``: places in the merge.
    """

    kind: str
    instrument: int
    blocks: Iterator[Block]
    source: str
    interval: int
    times: Integers = field(default_factory=lambda: np.zeros(0, np.int64))
    local: Integers | None = None
    rows: Floats = field(default_factory=lambda: empty_rows(1))
    cursor: int = 0
    seen: int = 0
    opened: int = 0
    offset: int = 0
    moved: int = 0
    streams: list[int] = field(default_factory=list)
    final: bool = False
    _pending: Block | None = None
    _delayed: int = 0

    @property
    def bound(self) -> int:
        """Up to when all events of this table are known."""
        if self.final:
            return NEVER
        return int(self.times[-1]) + (self.interval or -1)

    def load(self, keep: int, feed_delay: DelayTable | None) -> Block:
        """Add the next block, and drop rows that are done but for the last ``keep``; the block."""
        block = self._pending if self._pending is not None else next(self.blocks, None)
        if block is None:
            raise DataError(f"{self.source}: no possible row; read it with invalid='error' to be told what is wrong")
        self._pending = next(self.blocks, None)
        self.final = self._pending is None
        local = block.local_times
        if local is None and feed_delay is not None and self.kind != "bars":
            local = self._arrivals(block.times, feed_delay)
        if not len(self.times):
            self.times, self.rows, self.local = block.times, block.rows, local
            return block
        done = max(min(self.cursor, self.seen if self.local is not None else self.cursor) - keep, 0)
        self.times = np.concatenate([self.times[done:], block.times])
        self.rows = np.concatenate([self.rows[done:], block.rows])
        if local is not None and self.local is not None:
            self.local = np.concatenate([self.local[done:], local])
        self.cursor -= done
        self.seen -= done
        self.moved -= done
        return block

    def _arrivals(self, times: Integers, table: DelayTable) -> Integers:
        """When rows reach the agent; none overtakes the one before it."""
        local = times + delays_of(table, self._delayed, times)
        self._delayed += len(times)
        if len(local) and self.local is not None and len(self.local):
            local[0] = max(int(local[0]), int(self.local[-1]))
        arrivals: Integers = np.maximum.accumulate(local)
        return arrivals


def rows_side_by_side(kind: str, tables: list[TableInReplay]) -> Floats:
    """The rows of one kind, instruments one after the other, missing columns NaN (sizes of levels: 0)."""
    if not tables:
        return empty_rows(LEVEL)
    if len(tables) == 1:
        rows = np.ascontiguousarray(tables[0].rows)
    else:
        width = max(table.rows.shape[1] for table in tables)
        parts = []
        for table in tables:
            missing = np.full((len(table.rows), width - table.rows.shape[1]), np.nan)
            if kind == "books":
                missing[:, 1::2] = 0.0
            parts.append(np.concatenate([table.rows, missing], axis=1))
        rows = np.concatenate(parts)
    rows.flags.writeable = False
    return rows
