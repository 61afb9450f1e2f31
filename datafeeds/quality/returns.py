"""How often a series moves how far, in usual moves, for a picture: counts on a logarithmic grid, up and down apart."""

from __future__ import annotations

import numpy as np

from halfspread.datafeeds.quality.finding import Finding
from halfspread.datafeeds.quality.jumps import MOVES, usual_moves
from halfspread.datafeeds.quality.subject import Block, Subject

__all__ = ["EDGES", "ReturnCounts"]

#: Edges of the bins of |move| / usual move; the last one is open.
EDGES = np.array([0.0, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, MOVES, 60, 120, 1e9])


class ReturnCounts:
    """Counts of moves from close to close by their size."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.down = np.zeros(len(EDGES) - 1, np.int64)
        self.up = np.zeros(len(EDGES) - 1, np.int64)
        self.unmoved = 0
        self._close, self._ts = np.nan, 0

    def add(self, block: Block) -> None:
        """Take the next rows."""
        closes = block.number("close")
        with np.errstate(divide="ignore", invalid="ignore"):
            moves = np.log(closes / np.r_[self._close, closes[:-1]])
        moves[np.diff(np.r_[np.int64(self._ts), block.ts]) != self.subject.interval] = np.nan
        self._close, self._ts = float(closes[-1]), int(block.ts[-1])
        usual = usual_moves(block.ts, moves)
        self.unmoved += int(np.count_nonzero(moves == 0.0))
        with np.errstate(invalid="ignore"):
            sizes = np.abs(moves) / usual
            self.up += np.histogram(sizes[moves > 0.0], EDGES)[0]
            self.down += np.histogram(sizes[moves < 0.0], EDGES)[0]

    def findings(self) -> list[Finding]:
        """None: this one only counts."""
        return []
