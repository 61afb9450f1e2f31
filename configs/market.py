"""The market of a run: the built-in synthetic one, a synthetic world, bars, books, quotes or
trades from files, or what the store holds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, model_validator

from halfspread.configs.contract import Contract
from halfspread.configs.events import EventsSource
from halfspread.configs.fields import Interval, Moment, Section, check_range
from halfspread.configs.stored import StoreSource
from halfspread.configs.worlds import WorldSource
from halfspread.datafeeds.synthetic.market import SyntheticMarket
from halfspread.engine.times import parse_interval

__all__ = ["BarsSource", "Contract", "EventsSource", "Market", "StoreSource", "SyntheticSource", "WorldSource"]


class SyntheticSource(SyntheticMarket):
    """A seeded synthetic perpetual: no files. No expert has an edge in it, by construction."""

    __init__ = BaseModel.__init__

    source: Literal["synthetic"] = Field(description="the built-in synthetic market")
    start: Moment = Field(
        default=datetime(2024, 1, 1, tzinfo=UTC), description="open time of the first bar, on the interval (UTC)"
    )
    seed: int | None = Field(default=None, ge=0, description="seed of the market; left out: the seed of the run")


class BarsSource(Section):
    """Bars of one perpetual from a file, and what stands beside them.

    Paths may hold $VARIABLES of the environment and are otherwise relative to the config.
    """

    source: Literal["bars"] = Field(description="bars from a Parquet or CSV file")
    venue: str = Field(description="exchange: bitmex or bybit, or any name beside a contract of your own")
    symbol: str = Field(description="contract, such as XBTUSD or BTCUSDT")
    contract: Contract | None = Field(default=None, description="its terms, where it is not a ready-made one")
    bars: str = Field(
        description="file of bars: times and open, high, low, close, volume; bid_open and so on where known"
    )
    quotes: Literal["as_given", "carry"] = Field(
        default="as_given", description="a bar without a quote has none, or is given the last bid and ask, counted"
    )
    carry_limit: Interval = Field(default="20m", description="the oldest quote that is carried forward")
    funding: str | None = Field(
        default=None, description="file of settlements: ts, rate (fraction), interval_h, known_ts"
    )
    mark: str | None = Field(default=None, description="file of mark prices: ts and price, or bars")
    index: str | None = Field(default=None, description="file of index prices: ts and price, or bars")
    settle_price: str | None = Field(
        default=None, description="file of prices of the settle currency in report currency (quanto contracts)"
    )
    interval: Interval | None = Field(default=None, description="of the bars in the file; left out: inferred")
    start: Moment | None = Field(default=None, description="first bar opens at or after this time (UTC)")
    end: Moment | None = Field(default=None, description="last bar closes by this time (UTC)")
    gaps: tuple[tuple[Moment, Moment], ...] = Field(
        default=(), description="known spans [from, to] without a market; a bar inside one is refused"
    )
    resample: Interval | None = Field(
        default=None,
        description="make bars of this length from the finer ones in the file, with their signed_volume",
    )
    stream: bool = Field(default=False, description="read the bars while they are replayed: memory stays flat")
    time_column: str = Field(default="ts", description="column of times in every file of bars")
    time_unit: Literal["s", "ms", "us", "ns"] = Field(default="ns", description="unit of times written as integers")
    stamp: Literal["open", "close"] = Field(default="open", description="which end of a bar its time is")
    extra: tuple[str, ...] = Field(default=(), description="further columns that agents may read")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        check_range(self.start, self.end)
        if self.stream and self.resample is not None:
            raise ValueError("stream: bars that are resampled are not streamed; leave out stream or resample")
        if self.resample is not None and self.extra:
            raise ValueError("extra: there is no rule for resampling further columns; leave out extra or resample")
        if self.quotes == "as_given" and "carry_limit" in self.model_fields_set and self.carry_limit != "20m":
            raise ValueError("carry_limit: is for quotes = 'carry', and quotes are 'as_given'")
        if self.resample is not None and self.interval is not None:
            fine, coarse = parse_interval(self.interval), parse_interval(self.resample)
            if coarse % fine:
                raise ValueError(
                    f"resample: expected a whole multiple of the interval {self.interval!r}, got {self.resample!r}"
                )
        return self


Market = Annotated[
    SyntheticSource | BarsSource | EventsSource | StoreSource | WorldSource, Field(discriminator="source")
]
