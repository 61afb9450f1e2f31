"""Books, quotes or trades from files as the market of a run."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from halfspread.configs.contract import Contract
from halfspread.configs.fields import Interval, Moment, Section, check_range

__all__ = ["EventsSource"]

#: Tables that may stand beside each source: what is finer than it would be the market instead.
_BESIDE = {"books": ("books", "quotes", "trades"), "quotes": ("quotes", "trades"), "trades": ("trades",)}


class EventsSource(Section):
    """Book snapshots, quotes or trades of one perpetual from files, and what stands beside them.

    Paths may hold $VARIABLES of the environment and are otherwise relative to the config.
    """

    source: Literal["books", "quotes", "trades"] = Field(
        description="what orders are filled on: book snapshots, quotes or trades"
    )
    venue: str = Field(description="exchange: bitmex or bybit, or any name beside a contract of your own")
    symbol: str = Field(description="contract, such as XBTUSD or BTCUSDT")
    contract: Contract | None = Field(default=None, description="its terms, where it is not a ready-made one")
    books: str | None = Field(
        default=None, description="file of snapshots: ts, exch_ts, bid_1, bid_size_1, ask_1, ask_size_1, bid_2, ..."
    )
    quotes: str | None = Field(default=None, description="file of quotes: ts, exch_ts, bid, ask, bid_size, ask_size")
    trades: str | None = Field(default=None, description="file of trades: ts, exch_ts, price, size, side")
    bars: str | None = Field(default=None, description="file of bars, shown to agents that decide on bars")
    bars_interval: Interval | None = Field(
        default=None, description="make bars of this length from the trades, or from mids where there are none"
    )
    funding: str | None = Field(
        default=None, description="file of settlements: ts, rate (fraction), interval_h, known_ts"
    )
    mark: str | None = Field(default=None, description="file of mark prices: ts and price, or bars")
    index: str | None = Field(default=None, description="file of index prices: ts and price, or bars")
    settle_price: str | None = Field(
        default=None, description="file of prices of the settle currency in report currency (quanto contracts)"
    )
    levels: int | None = Field(default=None, ge=1, description="levels of the books to read; left out: all")
    interval: Interval | None = Field(default=None, description="of the bars in the file; left out: inferred")
    start: Moment | None = Field(default=None, description="first row at or after this time (UTC)")
    end: Moment | None = Field(default=None, description="last row at or before this time (UTC)")
    gaps: tuple[tuple[Moment, Moment], ...] = Field(
        default=(),
        description="known spans [from, to] without a market; a row of the market, or a bar, inside one is refused",
    )
    stream: bool = Field(default=False, description="read the files while they are replayed: memory stays flat")
    time_column: str = Field(default="ts", description="column of local times of books, quotes and trades")
    exchange_column: str = Field(default="exch_ts", description="column of exchange times, where there is one")
    time_unit: Literal["s", "ms", "us", "ns"] = Field(default="ns", description="unit of both where they are integers")
    invalid: Literal["error", "gap"] = Field(
        default="error", description="a row that cannot be a market: a fault, or left out as a gap"
    )
    clock: Literal["error", "shift", "exchange"] = Field(
        default="error", description="local times before exchange times: a fault, shifted by a constant, or not used"
    )
    order: Literal["error", "sort"] = Field(
        default="error", description="rows that are not in order of time: a fault, or sorted"
    )
    extra: tuple[str, ...] = Field(default=(), description="further columns of the bars that agents may read")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        check_range(self.start, self.end)
        for name in ("books", "quotes", "trades"):
            given, allowed = getattr(self, name) is not None, name in _BESIDE[self.source]
            if name == self.source and not given:
                raise ValueError(f"{name}: source {self.source!r} needs this file")
            if given and not allowed:
                raise ValueError(f"{name}: they would fill the orders, not the {self.source}; set source to {name!r}")
        if self.levels is not None and self.source != "books":
            raise ValueError(f"levels: only books have levels, and source is {self.source!r}")
        if self.bars is not None and self.bars_interval is not None:
            raise ValueError("bars_interval: there is a file of bars already; leave out bars or bars_interval")
        if self.stream and self.bars_interval is not None:
            raise ValueError(
                "bars_interval: bars are made of tables in memory; leave out stream, or make the bars once with "
                "halfspread.datafeeds.aggregate and name the file as bars"
            )
        for name in ("interval", "extra"):
            if self.bars is None and getattr(self, name) not in (None, ()):
                raise ValueError(f"{name}: is for a file of bars, and there is none")
        return self
