"""What a tape holds, and what can be asked of it: the feeds of all instruments, and of the first one by itself."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from halfspread.costs.funding import FundingTable
from halfspread.engine.bar_kernels import gap_rows
from halfspread.engine.bars import Bars
from halfspread.engine.feed import Feed
from halfspread.engine.instrument import Instrument, labels
from halfspread.engine.side_data import Prices
from halfspread.engine.streamed import StreamedBars
from halfspread.engine.times import time_text
from halfspread.errors import DataError

__all__ = ["Feeds"]


@dataclass(frozen=True)
class Feeds:
    """Feeds in the order of targets and positions. ``origin``: what each table was read from. ``shared``: what a run
    has worked out from these data alone, for the next one."""

    feeds: tuple[Feed, ...]
    origin: dict[str, str] = field(default_factory=dict)
    shared: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def instrument(self) -> Instrument:
        """The first instrument."""
        return self.feeds[0].instrument

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """All instruments, in the order of targets and positions."""
        return tuple(feed.instrument for feed in self.feeds)

    @property
    def labels(self) -> tuple[str, ...]:
        """What instruments are called in tables: their symbols, and venue:symbol where two share one."""
        return labels(self.instruments)

    @property
    def bars(self) -> Bars | StreamedBars:
        """The bars of the first instrument. Raises DataError where it has none."""
        if self.feeds[0].bars is None:
            raise DataError(f"{self.feeds[0].source}: the tape holds no bars")
        return self.feeds[0].bars

    @property
    def funding(self) -> FundingTable | None:
        """Settlements of the first instrument."""
        return self.feeds[0].funding

    @property
    def mark(self) -> Prices | None:
        """Mark prices of the first instrument."""
        return self.feeds[0].mark

    @property
    def index(self) -> Prices | None:
        """Index prices of the first instrument."""
        return self.feeds[0].index

    @property
    def settle_price(self) -> Prices | None:
        """Prices of the settle currency of the first instrument."""
        return self.feeds[0].settle_price

    @property
    def gaps(self) -> tuple[tuple[int, int], ...]:
        """Spans without a market of the first instrument."""
        return self.feeds[0].gaps

    @property
    def streamed(self) -> bool:
        """Whether tables are read during the replay."""
        return any(feed.streamed for feed in self.feeds)

    @property
    def interval(self) -> int:
        """Nanoseconds from the open of a bar of the first instrument to its close."""
        return self.bars.interval

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of a bar of the first instrument."""
        return self.bars.columns

    @property
    def quote_column(self) -> int:
        """Position of bid_open in a bar of the first instrument; -1 where bars carry no quotes."""
        return self.feeds[0].quote_column

    @property
    def start_ns(self) -> int:
        """The first moment of the tape."""
        return min(feed.start_ns for feed in self.feeds)

    @property
    def end_ns(self) -> int:
        """The last moment of the tape: a close, or the exchange time of another event."""
        return max(feed.end_ns for feed in self.feeds)

    def as_synthetic(self) -> Self:
        """The same, said to be made up: another market of the same name and times has nothing to do with it."""
        return replace(self, feeds=tuple(replace(feed, synthetic=True) for feed in self.feeds))

    def __len__(self) -> int:
        """Rows of all tables: bars, quotes, snapshots and trades."""
        return sum(len(feed) for feed in self.feeds)

    def __repr__(self) -> str:
        held = "; ".join(f"{label} {feed.describe()}" for label, feed in zip(self.labels, self.feeds, strict=True))
        return (
            f"<Tape {held}, {time_text(self.start_ns)} to {time_text(self.end_ns)}"
            f"{', streamed' if self.streamed else ''}>"
        )

    def missing_spans(self, most: int = 100) -> list[tuple[int, int]]:
        """The first ``most`` spans without bars of the first instrument, as (start, end) in nanoseconds; empty for a
        streamed tape."""
        bars = self.feeds[0].bars
        if not isinstance(bars, Bars):
            return []
        rows = np.empty(most, np.int64)
        rows = rows[: gap_rows(bars.times, bars.interval, rows)]
        return [(int(bars.times[i - 1]) + bars.interval, int(bars.times[i])) for i in rows]

    def hash(self) -> str:
        """Hash of every number of the tape, the same for equal data whatever they were read from; hex digits."""
        digest = hashlib.blake2b(digest_size=16)
        for feed in self.feeds:
            feed.add_to_hash(digest)
        return digest.hexdigest()
