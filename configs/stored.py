"""Market data of the store as the market of a run: named by venue, symbol and range."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from halfspread.configs.contract import Contract
from halfspread.configs.fields import Interval, Moment, Section, check_range
from halfspread.engine.times import parse_interval
from halfspread.errors import ConfigError

__all__ = ["StoreSource"]

_NONE = "none"


def _beside(value: int | str) -> int | str:
    if value != _NONE:
        try:
            parse_interval(value)
        except ConfigError as error:
            raise ValueError(f"{error}; or 'none'") from None
    return value


Beside = Annotated[int | str, AfterValidator(_beside)]
Shown = Literal["bars", "trades", "quotes", "books"]


class StoreSource(Section):
    """One perpetual of the store of market data, which ``halfspread data`` fills and lists.

    A part of the range that the store does not have is an error, unless it is a declared gap.
    """

    source: Literal["store"] = Field(description="market data of the store")
    venue: str = Field(description="exchange: bitmex, bybit, or as it was called on import")
    symbol: str = Field(description="contract, such as XBTUSD or BTCUSDT")
    contract: Contract | None = Field(
        default=None,
        description="its terms; left out: a ready-made contract, else the rules of the venue that the store has",
    )
    store: str | None = Field(
        default=None,
        description="folder of the store, relative to the config; left out: $HALFSPREAD_STORE, else ./market_data",
    )
    show: tuple[Shown, ...] = Field(
        default=("bars",), min_length=1, description="what is replayed; the finest of them fills orders"
    )
    interval: Interval | None = Field(default=None, description="of the bars, such as 5m; needed where bars are shown")
    levels: int | None = Field(default=None, ge=1, description="of the books; left out: the most the store has")
    bars_interval: Interval | None = Field(
        default=None, description="make bars of this length from the trades, or from mids where there are none"
    )
    funding: Literal["stored", "none"] = Field(default="stored", description="settlements, where the store has them")
    mark: Beside | None = Field(
        default=None,
        description="interval of the mark prices, or 'none'; left out: of those that cover the range that of the bars, "
        "else the finest",
    )
    index: Beside | None = Field(default=None, description="interval of the index prices, as for mark")
    start: Moment | None = Field(default=None, description="first bar opens, or first row is, at or after this (UTC)")
    end: Moment | None = Field(default=None, description="last bar closes, or last row is, by this time (UTC)")
    gaps: tuple[tuple[Moment, Moment], ...] = Field(
        default=(), description="spans [from, to] without a market, beside those that are declared in the store"
    )
    quotes: Literal["as_given", "carry"] = Field(
        default="as_given", description="a bar without a quote has none, or is given the last bid and ask, counted"
    )
    carry_limit: Interval = Field(default="20m", description="the oldest quote that is carried forward")
    invalid: Literal["error", "gap"] = Field(
        default="error", description="a row that cannot be a market: a fault, or left out as a gap"
    )
    clock: Literal["error", "shift", "exchange"] = Field(
        default="error", description="local times before exchange times: a fault, shifted by a constant, or not used"
    )
    order: Literal["error", "sort"] = Field(
        default="error", description="rows whose exchange times are not in order: a fault, or sorted"
    )
    stream: bool = Field(default=False, description="read the files while they are replayed: memory stays flat")
    extra: tuple[str, ...] = Field(default=(), description="further columns of the bars that agents may read")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        check_range(self.start, self.end)
        if len(set(self.show)) < len(self.show):
            raise ValueError(f"show: expected each table once, got {', '.join(self.show)}")
        if "bars" in self.show and self.interval is None:
            raise ValueError("interval: which bars? Such as interval = '5m'")
        if "bars" in self.show and self.bars_interval is not None:
            raise ValueError("bars_interval: bars of the store are shown already; leave out bars_interval or 'bars'")
        if "bars" not in self.show and (self.extra or self.interval is not None):
            raise ValueError(f"{'extra' if self.extra else 'interval'}: is of bars, and show has none")
        if "books" not in self.show and self.levels is not None:
            raise ValueError("levels: are of books, and show has none")
        if self.stream and self.bars_interval is not None:
            raise ValueError("bars_interval: bars are made of tables in memory; leave out stream")
        return self
