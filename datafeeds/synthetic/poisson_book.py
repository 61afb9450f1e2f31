"""A market for a market maker: a book around a mid that walks at random, and market orders that arrive at random.

Market orders of each side arrive as a Poisson process of intensity A and reach a depth that is exponential with rate k:
together, an order at distance delta from the mid is reached with intensity A exp(-k delta) (Avellaneda and Stoikov
2008). The depth is rounded up to whole ticks and the order prints there, so that trades go *through* a resting order d
ticks from the mid with intensity A exp(-k d tick) exactly. Trades *at* its price are added where no one stands ahead
of it (docs/fills.md); in this book someone always does: every shown level holds ``level_size`` contracts, far more than
trades take, and levels stand at every tick from the first one off the mid. The depth of a print is what the flow is
made of: the shown sizes are not consumed by it, and prints lie beyond the touch more often than not.

The mid moves up or down a tick at Poisson times, both ways alike: a martingale with variance moves x tick^2 per second.
After every move and trade the book is shown again ``refresh`` later, so that orders sent at the event are in force then
(an order takes part in the first event of the book after its decision). During that time, and a maker's latency, its
orders stand where they stood: the theory is the limit of a short ``refresh``.
"""

from __future__ import annotations

import math
from typing import ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from halfspread.datafeeds.synthetic.book_kernels import SELL, lay_out_flow
from halfspread.datafeeds.synthetic.order_flow import OrderFlow
from halfspread.datafeeds.synthetic.parameters import Interval
from halfspread.datafeeds.synthetic.quoted_world import QuotedWorld
from halfspread.datafeeds.synthetic.quoting import Quotes, optimal_quotes
from halfspread.datafeeds.synthetic.swap_bars import per_unit
from halfspread.datafeeds.synthetic.world import World
from halfspread.engine.times import Floats, Integers, parse_interval
from halfspread.errors import DataError

__all__ = ["PoissonBook"]

SAFE_DEVIATIONS = 8.0


class PoissonBook(QuotedWorld):
    """The market maker's world; see the module's page. Frozen; a constructor raises ConfigError."""

    title: ClassVar[str] = "Poisson book"

    duration: Interval = Field(default="1h", description="length of the world")
    tick: float = Field(default=0.5, gt=0, description="smallest price step (quote currency)")
    intensity: float = Field(default=1.0, gt=0, description="A: market orders of each side per second")
    decay: float = Field(default=0.4, gt=0, description="k: how fast the flow thins out (per quote currency)")
    moves_per_second: float = Field(default=1.0, ge=0, description="of the mid, by a tick; 0: it stands still")
    levels: int = Field(default=25, ge=1, le=1_000, description="shown of each side, a tick apart")
    level_size: float = Field(default=10_000.0, gt=0, description="of every shown level (contracts)")
    trade_size: float = Field(default=1.0, gt=0, description="of every trade (contracts)")
    heartbeat: Interval = Field(default="100ms", description="between snapshots at least")
    refresh: Interval = Field(default="100us", description="from a trade or a move to the next snapshot")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        reach = SAFE_DEVIATIONS * math.sqrt(self.moves_per_second * self.length_ns / 1e9) + self.levels + 1.0
        if self.first_price < reach * self.tick:
            raise ValueError(
                f"first_price: expected at least {reach * self.tick:.6g}, so that all levels stay above zero, got "
                f"{self.first_price:g}; raise it, or lower tick, levels, duration or moves_per_second"
            )
        if self.trade_size >= self.level_size:
            raise ValueError(f"level_size: expected more than trade_size {self.trade_size:g}, got {self.level_size:g}")
        return self

    @property
    def length_ns(self) -> int:
        """Length of the world in nanoseconds."""
        return parse_interval(self.duration)

    @property
    def flow(self) -> OrderFlow:
        """A, k, and the mid's standard deviation in a second."""
        return OrderFlow(self.intensity, self.decay, self.tick * math.sqrt(self.moves_per_second))

    def fill_rate(self, ticks: int) -> float:
        """Fills per second of an order that rests so many whole ticks (at least one) from the mid, someone ahead."""
        return self.intensity * math.exp(-self.decay * ticks * self.tick)

    def profit_rate(self, ticks: int, fee: float = 0.0) -> float:
        """2 A exp(-k delta) (delta - fee): profit per second of resting on both sides at delta = ticks x tick, with no
        limit to the inventory; ``fee`` of one contract. Largest at the whole tick next to 1 / k + fee."""
        return 2.0 * self.fill_rate(ticks) * (ticks * self.tick - fee)

    def best_quotes(self, inventory_limit: int, gamma: float = 0.0, fee: float = 0.0) -> Quotes:
        """The best quotes on whole ticks for orders of one contract, and their profit: see `quoting.optimal_quotes`."""
        return optimal_quotes(self.flow, inventory_limit, gamma, fee, self.tick)

    def market(self, rng: np.random.Generator) -> World:
        """Snapshots, quotes, trades, bars of a minute (None where there is no trade), mark and index (the mid).

        ``hidden["mid"]``: the mid at each snapshot. The same state of ``rng`` gives the same bits.
        """
        times, kinds, depths = self._draw(rng)
        beats = np.arange(0, self.length_ns, parse_interval(self.heartbeat), dtype=np.int64)
        most, trades_most = len(beats) + 2 * len(times), int((kinds <= SELL).sum())
        book_times, books, mids = np.empty(most, np.int64), np.empty((most, 4 * self.levels)), np.empty(most)
        trade_times, trades = np.empty(trades_most, np.int64), np.empty((trades_most, 3))
        shown, traded = lay_out_flow(
            beats,
            times,
            kinds,
            depths,
            float(math.floor(self.first_price / self.tick + 0.5)),
            parse_interval(self.refresh),
            (self.level_size, self.trade_size),
            self.tick,
            per_unit(self.tick),
            book_times,
            books,
            trade_times,
            trades,
            mids,
        )
        text = f"Poisson order flow {self.intensity:g} exp(-{self.decay:g} distance) for {self.duration}"
        if mids[:shown].min() <= self.levels:
            raise DataError(f"{text}: the price reached zero; raise first_price, or lower moves_per_second")
        mid = mids[:shown] * self.tick
        return self.assemble(
            text,
            self.length_ns,
            (book_times[:shown], books[:shown]),
            (trade_times[:traded], trades[:traded]),
            mid,
        )

    def _draw(self, rng: np.random.Generator) -> tuple[Integers, Integers, Floats]:
        """Times of events, strictly ascending within the world; what happens; how deep a trade reaches (ticks)."""
        rates = np.array([self.intensity, self.intensity, 0.5 * self.moves_per_second, 0.5 * self.moves_per_second])
        count = int(rng.poisson(rates.sum() * self.length_ns / 1e9))
        times = np.unique(rng.integers(1, self.length_ns, count))
        kinds = np.searchsorted(np.cumsum(rates) / rates.sum(), rng.random(len(times)), side="right")
        depths = np.ceil(rng.exponential(1.0 / (self.decay * self.tick), len(times)))
        return times, np.minimum(kinds, 3).astype(np.int64), np.maximum(depths, 1.0)
