"""What the worlds with a book have in common: their parameters, and how a world is put together."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

import numpy as np
from pydantic import Field, field_validator

from halfspread.datafeeds.aggregate import bars_from_trades
from halfspread.datafeeds.synthetic.parameters import Delay, Parameters, StartTime
from halfspread.datafeeds.synthetic.world import World, book_frame, price_frame, quote_frame, trade_frame
from halfspread.engine.instruments import Instrument, linear
from halfspread.engine.times import MINUTE, Floats, Integers, parse_interval, parse_time

__all__ = ["QuotedWorld"]

Rows = tuple[Integers, Floats]


class QuotedWorld(Parameters):
    """Parameters of every world with a book."""

    title: ClassVar[str] = "world with a book"

    start: StartTime = Field(default=datetime(2024, 1, 1, tzinfo=UTC), description="first snapshot, on a minute")
    first_price: float = Field(default=60_000.0, gt=0, description="where the price starts (quote currency)")
    tick: float = Field(default=0.1, gt=0, description="smallest price step (quote currency)")
    lot: float = Field(default=0.001, gt=0, description="smallest number of contracts; a contract is one unit of base")
    feed_latency: Delay = Field(default=0, description="from exchange to local time: seconds or '5ms'; 0: none")

    @field_validator("start")
    @classmethod
    def _start_on_a_minute(cls, value: datetime) -> datetime:
        if value.second or value.microsecond:
            raise ValueError(f"start: expected a whole minute, where bars open, got {value}")
        return value

    @property
    def start_ns(self) -> int:
        """Time of the first snapshot in nanoseconds UTC."""
        return parse_time(self.start)

    @property
    def instrument(self) -> Instrument:
        """A linear swap on one unit of base, with the world's tick and lot."""
        return linear("BOOK", lot=self.lot, tick=self.tick)

    def assemble(self, text: str, length: int, books: Rows, trades: Rows, mid: Floats) -> World:
        """Put a world together from snapshots and trades (times from the start, rows) and the mid at each snapshot."""
        start, latency = self.start_ns, 0 if self.feed_latency == 0 else parse_interval(self.feed_latency)
        book_times, trade_times = books[0] + start, trades[0] + start
        quotes = quote_frame(book_times, books[1], latency)
        traded = trade_frame(trade_times, trades[1], latency)
        end = start + length
        closes = len(trade_times) > 0 and int(trade_times[0]) // MINUTE * MINUTE + MINUTE <= end
        at = np.arange(start, end + 1, MINUTE, dtype=np.int64)
        prices = price_frame(at, mid[np.searchsorted(book_times, at, side="right") - 1])
        return World(
            instrument=self.instrument,
            start=start,
            end=end,
            text=text,
            interval=MINUTE if closes else 0,
            feed_latency=latency,
            bars=bars_from_trades(traded, quotes, "1m", end) if closes else None,
            quotes=quotes,
            books=book_frame(book_times, books[1], latency),
            trades=traded,
            mark=prices,
            index=prices.copy(),
            hidden={"mid": mid},
        )
