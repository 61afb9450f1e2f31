"""A market whose bars, quotes, snapshots and trades describe one and the same path, and large books for benchmarks.

The book has a level at every tick behind its best prices. Between two snapshots trades take from the best level in
force, at its price and never more than it shows; at the next snapshot what was taken is gone, and a side whose best
level was used up has stepped back. Apart from that quotes move at random, up and down alike, and a few levels change
their size at each snapshot. Quotes are the first level of the snapshots. Bars of a minute are aggregated from the
trades, with the quotes in force at their opens and closes.

The moves are as likely up as down, but no best policy is known here: a thin first level is used up sooner, so that
sizes foretell a little, and who rests at the best price earns the spread unless it is used up.

Units: prices in quote currency, sizes in contracts of one unit of base, times int64 ns UTC. No value is NaN.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from halfspread.datafeeds.synthetic.book_kernels import BookTerms, evolve_book
from halfspread.datafeeds.synthetic.parameters import Interval
from halfspread.datafeeds.synthetic.quoted_world import QuotedWorld
from halfspread.datafeeds.synthetic.swap_bars import per_unit
from halfspread.datafeeds.synthetic.world import World
from halfspread.engine.times import parse_interval
from halfspread.errors import DataError

__all__ = ["BookMarket", "book_world", "consistent_market"]

SAFE_DEVIATIONS = 8.0


class BookMarket(QuotedWorld):
    """A book that moves and is traded against; see the module's page. Frozen; a constructor raises ConfigError."""

    title: ClassVar[str] = "book market"

    snapshots: int = Field(default=36_000, ge=2, description="how many")
    every: Interval = Field(default="100ms", description="between snapshots")
    levels: int = Field(default=10, ge=1, le=1_000, description="shown of each side")
    move: float = Field(
        default=0.2, ge=0, le=1, description="probability that a side steps back at a snapshot; 0: still prices"
    )
    widest_spread: int = Field(default=3, ge=2, description="ticks")
    level_size: float = Field(default=2.0, gt=0, description="mean of a level (contracts)")
    trades_per_snapshot: float = Field(default=0.3, ge=0, description="mean number between two snapshots")
    trade_size: float = Field(default=0.2, gt=0, description="mean wanted by a trade (contracts)")
    redrawn: int = Field(default=3, ge=0, description="levels whose size changes at a snapshot")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if parse_interval(self.every) < 2:
            raise ValueError(f"every: expected at least 2 ns, so that trades fall between snapshots, got {self.every}")
        if min(self.level_size, self.trade_size) < self.lot:
            raise ValueError(
                f"level_size and trade_size: expected at least one lot of {self.lot:g}, got {self.level_size:g} and "
                f"{self.trade_size:g}"
            )
        reach = SAFE_DEVIATIONS * math.sqrt(self.snapshots) + self.levels + self.widest_spread + 2.0
        if self.first_price < reach * self.tick:
            raise ValueError(
                f"first_price: expected at least {reach * self.tick:.6g}, so that all levels stay above zero, got "
                f"{self.first_price:g}; raise it, or lower tick, levels or snapshots"
            )
        return self

    @property
    def length_ns(self) -> int:
        """From the first snapshot to one interval after the last, nanoseconds."""
        return self.snapshots * parse_interval(self.every)

    def market(self, rng: np.random.Generator) -> World:
        """Snapshots, quotes, trades, bars of a minute (None where none closes), mark and index (the mid).

        ``hidden["mid"]``: the mid at each snapshot. The same state of ``rng`` gives the same bits.
        """
        step = parse_interval(self.every)
        times = np.arange(self.snapshots, dtype=np.int64) * step
        count = int(rng.poisson(self.trades_per_snapshot * self.snapshots))
        at = np.unique(rng.integers(0, self.snapshots, count) * step + rng.integers(1, step, count))
        state = rng.integers(0, 2**63, 1).astype(np.uint64)
        books, trade_times, trades = (
            np.empty((self.snapshots, 4 * self.levels)),
            np.empty(len(at), np.int64),
            np.empty((len(at), 3)),
        )
        bid = float(math.floor(self.first_price / self.tick + 0.5))
        traded = evolve_book(times, at, bid, self._terms(), state, books, trade_times, trades)
        text = f"book market, {self.snapshots} snapshots of {self.levels} levels every {self.every}"
        if books[:, -4].min() <= 0.0:
            raise DataError(f"{text}: the price reached zero; raise first_price")
        mid = 0.5 * (books[:, 0] + books[:, 2])
        return self.assemble(text, self.length_ns, (times, books), (trade_times[:traded], trades[:traded]), mid)

    def _terms(self) -> BookTerms:
        return BookTerms(
            tick=self.tick,
            tick_unit=per_unit(self.tick),
            lot=self.lot,
            lot_unit=per_unit(self.lot),
            move=self.move,
            widest=self.widest_spread,
            level_lots=self.level_size / self.lot,
            trade_lots=self.trade_size / self.lot,
            redrawn=self.redrawn,
        )


def consistent_market(rng: np.random.Generator, duration: str | float = "1h", **parameters: Any) -> World:
    """Bars, quotes, trades and snapshots of one path over ``duration``; ``parameters`` are those of `BookMarket`.

    Raises ConfigError for parameters that are not possible.
    """
    every = BookMarket.model_validate({name: parameters[name] for name in ("every",) if name in parameters}).every
    snapshots = parse_interval(duration) // parse_interval(every)
    return BookMarket(snapshots=snapshots, **parameters).market(rng)


def book_world(rng: np.random.Generator, snapshots: int = 1_000_000, levels: int = 25, **parameters: Any) -> World:
    """Many snapshots of many levels, without trades unless ``trades_per_snapshot`` asks for them.

    Takes 32 x ``levels`` bytes of memory for each snapshot. ``parameters`` are those of `BookMarket`; ``move=0`` keeps
    the prices where they are. Raises ConfigError for parameters that are not possible.
    """
    return BookMarket(snapshots=snapshots, levels=levels, **{"trades_per_snapshot": 0.0, **parameters}).market(rng)
