"""A taker and a maker that decide by the clock alone, and the tape of a capture for them.

Their orders do not depend on what was filled before, so that two engines are asked the same questions, one by one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

import halfspread as hs
from halfspread.datafeeds.books.builder import Built, build_books
from halfspread.datafeeds.books.captures import read_capture
from halfspread.engine.table_format import TableFormat

__all__ = ["TimedMaker", "TimedTaker", "books_of", "tape_of", "trades_of"]


class TimedTaker(hs.Strategy):
    """A market order at every tick of the timer from ``first`` to ``last`` (ns), buying and selling in turns."""

    events: ClassVar[tuple[str, ...] | None] = ("timer",)

    contracts: float = 1.0
    every: float = 5.0
    first: int = 0
    last: int = 2**62

    @property
    def timer(self) -> float:  # type: ignore[override]
        """Seconds between decisions."""
        return self.every

    def reset(self, rng: np.random.Generator, instruments: Any) -> None:
        self.number = 0

    def on_timer(self, market: Any) -> None:
        if self.first <= market.time <= self.last:
            market.send_market(self.contracts * (1.0 - 2.0 * (self.number % 2)))
            self.number += 1


class TimedMaker(hs.Strategy):
    """At every tick of the timer both orders are cancelled, and new ones rest at the best prices known, post-only; at
    ``last`` they are only cancelled."""

    events: ClassVar[tuple[str, ...] | None] = ("timer",)

    contracts: float = 1.0
    every: float = 1.0
    first: int = 0
    last: int = 2**62

    @property
    def timer(self) -> float:  # type: ignore[override]
        """Seconds between decisions."""
        return self.every

    def reset(self, rng: np.random.Generator, instruments: Any) -> None:
        self.resting: list[int] = []

    def on_timer(self, market: Any) -> None:
        if not self.first <= market.time <= self.last:
            return
        for order in self.resting:
            if market.open_contracts(order):
                market.cancel(order)
        self.resting = []
        if market.time < self.last:
            for side, price in ((1.0, market.bid), (-1.0, market.ask)):
                self.resting.append(market.send_limit(side * self.contracts, price, post_only=True))


def books_of(path: Path, levels: int) -> Built:
    """The capture's book after every message."""
    return build_books(read_capture(path), levels)


def trades_of(path: Path) -> Any:
    """Trades of the book: what liquidations took over from, or an insurance fund gave, was never in it; of tables of
    messages only what was inserted is a new trade."""
    import pandas as pd

    table = pd.read_parquet(path)
    if "kind" in table:
        table = table[table["kind"] == "MARKET"]
    if "action" in table:
        table = table[table["action"] == "insert"]
    return table.assign(side=table["side"].map({"Buy": 1, "Sell": -1}))


def tape_of(books: Built, trades: Any, instrument: hs.Instrument) -> hs.Tape:
    """Local times before exchange times are shifted by a constant, the same for both tables; trades before the first
    book are left out."""
    kept = [name for name in ("ts", "exch_ts", "price", "size", "side") if name in trades]
    shifted = TableFormat(clock="shift")
    first = int(books.times[0])
    return hs.Tape.from_books(books.table, instrument, trades=trades[kept], time_format=shifted, start=first)
