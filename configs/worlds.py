"""Synthetic worlds as markets of a run: no files, a seed, and a best policy that is known."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field, model_validator

from halfspread.agents.worlds.signal_market import BAR, SignalMarket
from halfspread.configs.fields import Interval, Moment
from halfspread.datafeeds.synthetic.book_market import BookMarket, consistent_market
from halfspread.datafeeds.synthetic.poisson_book import PoissonBook
from halfspread.datafeeds.synthetic.price_world import ConstantFunding, PureNoise
from halfspread.datafeeds.synthetic.reverting_world import MeanReverting
from halfspread.datafeeds.synthetic.trending_world import Trending
from halfspread.datafeeds.synthetic.two_legs import TwoLegs
from halfspread.datafeeds.synthetic.world import World

__all__ = ["WorldSource", "WorldTable"]

_SEED = "seed of the market; left out: the seed of the run"
_TABLES = "which tables the run is shown, of which the finest fills orders; left out: books, trades and bars"


class WorldTable(BaseModel):
    """What every world has in a config besides its own parameters."""

    source: Literal["world"] = Field(description="a synthetic world whose best policy is known")
    start: Moment = Field(default=datetime(2024, 1, 1, tzinfo=UTC), description="when the market begins (UTC)")
    seed: int | None = Field(default=None, ge=0, description=_SEED)

    @property
    def tables(self) -> tuple[str, ...] | None:
        """Tables to put on the tape; None for all of them."""
        return None

    def worlds(self, rng: np.random.Generator) -> tuple[World, ...]:
        """The world of each instrument."""
        made: Any = self.market(rng)  # type: ignore[attr-defined]
        return made if isinstance(made, tuple) else (made,)


class _OfBooks(WorldTable):
    """What every world with a book has."""

    show: tuple[Literal["books", "quotes", "trades", "bars"], ...] | None = Field(
        default=None, min_length=1, description=_TABLES
    )
    bars_interval: Interval = Field(default="1m", description="length of the bars made of the trades")

    @property
    def tables(self) -> tuple[str, ...] | None:
        """Tables to put on the tape; None for all of them."""
        return self.show


class PoissonBookWorld(_OfBooks, PoissonBook):
    """A market maker's world: Poisson order flow around a mid that walks at random."""

    __init__ = BaseModel.__init__
    world: Literal["poisson_book"] = Field(description="Poisson order flow around a mid that walks at random")


class BookWorld(_OfBooks, BookMarket):
    """A book that moves and, with trades_per_snapshot, is traded against; as many snapshots as are wanted."""

    __init__ = BaseModel.__init__
    world: Literal["book"] = Field(description="book snapshots, as many and as deep as are wanted")


class ConsistentWorld(_OfBooks, BookMarket):
    """Snapshots, quotes, trades and bars that describe one and the same path."""

    __init__ = BaseModel.__init__
    world: Literal["consistent"] = Field(description="books, quotes, trades and bars of one path")
    duration: Interval = Field(default="1h", description="length of the market")
    snapshots: int = Field(default=36_000, ge=2, exclude=True, description="follows from duration; not to be set")

    @model_validator(mode="after")
    def _no_snapshots(self) -> Self:
        if "snapshots" in self.model_fields_set:
            raise ValueError("snapshots: world 'consistent' takes a duration instead, and world 'book' takes snapshots")
        return self

    def worlds(self, rng: np.random.Generator) -> tuple[World, ...]:
        """The world of the one instrument. Raises ConfigError where the price might reach zero."""
        own = {*_OfBooks.model_fields, "world", "duration", "snapshots"} - {"start"}
        return (consistent_market(rng, self.duration, **self.model_dump(exclude=own)),)


class TrendingWorld(WorldTable, Trending):
    """Bars of a price that trends up and down in states of random length."""

    __init__ = BaseModel.__init__
    world: Literal["trending"] = Field(description="bars with trends of random length")


class MeanRevertingWorld(WorldTable, MeanReverting):
    """Bars of a price that returns to a level."""

    __init__ = BaseModel.__init__
    world: Literal["mean_reverting"] = Field(description="bars that return to a level")


class PureNoiseWorld(WorldTable, PureNoise):
    """Bars of which nothing can be forecast."""

    __init__ = BaseModel.__init__
    world: Literal["pure_noise"] = Field(description="bars of noise: no edge")


class ConstantFundingWorld(WorldTable, ConstantFunding):
    """Bars of noise with a known, constant funding rate."""

    __init__ = BaseModel.__init__
    world: Literal["constant_funding"] = Field(description="bars of noise with a constant funding rate")


class SignalWorld(WorldTable, SignalMarket):
    """Bars of 5 minutes with a column ``signal`` that says where the price leans next."""

    __init__ = BaseModel.__init__
    world: Literal["signal"] = Field(description="bars with a signal of what comes next: the study of imitation")

    def market(self, rng: np.random.Generator) -> World:
        """The bars, from ``start`` on."""
        bars = pd.DataFrame(self.table(rng))
        start = pd.Timestamp(self.start).value
        bars["ts"] += start - bars["ts"].iloc[0]
        text = f"a signal of persistence {self.persistence:g} that moves the price by {self.drift:g}, {self.bars} bars"
        return World(self.instrument, start, start + BAR * self.bars, text, interval=BAR, bars=bars)


class TwoLegsWorld(WorldTable, TwoLegs):
    """An inverse and a linear swap on one base price: two instruments."""

    __init__ = BaseModel.__init__
    world: Literal["two_legs"] = Field(description="an inverse and a linear swap on one base price")


WorldSource = Annotated[
    PoissonBookWorld
    | ConsistentWorld
    | BookWorld
    | TrendingWorld
    | MeanRevertingWorld
    | PureNoiseWorld
    | ConstantFundingWorld
    | SignalWorld
    | TwoLegsWorld,
    Field(discriminator="world"),
]
