"""One instrument as an agent in Python knows it."""

from __future__ import annotations

from typing import Any

from halfspread.engine.codes import LEVEL
from halfspread.engine.instruments import Instrument
from halfspread.engine.order_desk import NAN, OrderDesk
from halfspread.engine.times import Floats
from halfspread.errors import StrategyError

__all__ = ["InstrumentView"]


class InstrumentView(OrderDesk):
    """One instrument as the agent knows it, and the agent's position and orders in it.

    Prices are in quote currency, sizes in contracts, times in nanoseconds UTC. ``history`` is of the table that the
    agent's first subscription names: bars, quotes, books or trades.
    """

    __slots__ = ("_cells", "_columns", "_history", "_lookback", "_row", "_width", "instrument")

    def __init__(self, instrument: Instrument, k: int, columns: tuple[str, ...], lookback: int, context: Any) -> None:
        super().__init__(k, context)
        self.instrument = instrument
        self._columns = {name: i for i, name in enumerate(columns)}
        self._width = len(columns)
        self._lookback = lookback
        self._row = 0

    def _show(self, history: Floats) -> None:
        self._history = history
        self._width = history.shape[1]
        self._cells = memoryview(history.reshape(-1))  # type: ignore[arg-type]

    def _at(self, column: str) -> float:
        """A cell of the present row, NaN where the history has no such column."""
        place = self._columns.get(column)
        return NAN if place is None else float(self._cells[self._row * self._width + place])

    @property
    def close(self) -> float:
        """Closing price of the last bar, NaN where the agent sees no bars."""
        return self._at("close")

    @property
    def position(self) -> float:
        """What is held now, as a fraction of what a target of 1 stood for when it was sized."""
        return float(self._context["positions"][self._k])

    @property
    def open(self) -> float:
        """Opening price of the last bar, NaN where the agent sees no bars; so with the three below."""
        return self._at("open")

    @property
    def high(self) -> float:
        """Highest price of the bar."""
        return self._at("high")

    @property
    def low(self) -> float:
        """Lowest price of the bar."""
        return self._at("low")

    @property
    def volume(self) -> float:
        """Volume of the bar, in the unit of the data."""
        return self._at("volume")

    def value(self, column: str) -> float:
        """The present row's value of any column of the history. Raises StrategyError for an unknown one."""
        return float(self._cells[self._row * self._width + self._column(column)])

    def history(self, column: str = "close", count: int | None = None) -> Floats:
        """The last ``count`` values of a column, the present one last; all that the lookback allows without ``count``.

        A copy: a view would lead to the whole of the data. Raises StrategyError where ``count`` is no number of rows
        that the agent's ``lookback`` allows.
        """
        reach = self._lookback + 1
        if count is None:
            count = reach
        if type(count) is not int or not 1 <= count <= reach:
            more = type(count) is int and count > reach
            raise StrategyError(
                f"market.history({column!r}, {count!r}): with lookback = {self._lookback} an agent sees 1 to {reach} "
                f"bars; {'declare a larger lookback' if more else 'ask for a whole number of them'}"
            )
        return self._history[self._row + 1 - count : self._row + 1, self._column(column)].copy()

    def _column(self, name: str) -> int:
        try:
            return self._columns[name]
        except KeyError:
            there = ", ".join(self._columns) or "none, for this instrument has not the table that the agent sees"
            raise StrategyError(f"no column {name!r} in the data; there are {there}") from None

    @property
    def half_spread(self) -> float:
        """What a taker would pay now beside the reference price, in quote currency; NaN where unknown, and for an agent
        without ``sees_costs = True``."""
        return float(self._context["half_spread"][self._k])

    @property
    def taker_fee(self) -> float:
        """Fee of a taker now, a fraction of the value; NaN for an agent without ``sees_costs = True``."""
        return float(self._context["taker_fee"][self._k])

    @property
    def funded(self) -> float:
        """Sum of the funding rates settled since the last decision; 0 where the run charges no funding."""
        return float(self._context["funded"][self._k])

    @property
    def bid(self) -> float:
        """Best bid received, NaN before the first."""
        return float(self._context["bid"][self._k])

    @property
    def ask(self) -> float:
        """Best ask received, NaN before the first."""
        return float(self._context["ask"][self._k])

    @property
    def bid_size(self) -> float:
        """Contracts at the best bid, NaN where not known."""
        return float(self._context["bid_size"][self._k])

    @property
    def ask_size(self) -> float:
        """Contracts at the best ask, NaN where not known."""
        return float(self._context["ask_size"][self._k])

    @property
    def mid(self) -> float:
        """Middle of the best bid and ask."""
        return 0.5 * (self.bid + self.ask)

    @property
    def spread(self) -> float:
        """Best ask less best bid."""
        return self.ask - self.bid

    @property
    def micro_price(self) -> float:
        """Best bid and ask, each weighed by the size on the other side."""
        bid, ask, bids, asks = self.bid, self.ask, self.bid_size, self.ask_size
        return (bid * asks + ask * bids) / (bids + asks)

    @property
    def imbalance(self) -> float:
        """(bid size - ask size) / their sum at the best prices."""
        bids, asks = self.bid_size, self.ask_size
        return (bids - asks) / (bids + asks)

    @property
    def book(self) -> Floats:
        """The last book or quote where the agent sees these: a copy, float64 (levels, 4) of bid, bid size, ask, ask
        size; a level that is not shown has a NaN price."""
        if "bid_1" not in self._columns and "bid" not in self._columns:
            raise StrategyError("market.book: the agent's history is no book; define on_book first, or subscribe to it")
        levels: Floats = self._history[self._row].reshape(-1, LEVEL).copy()
        return levels

    @property
    def trade_price(self) -> float:
        """Price of the last trade received."""
        return float(self._context["trade_price"][self._k])

    @property
    def trade_size(self) -> float:
        """Contracts of the last trade received."""
        return float(self._context["trade_size"][self._k])

    @property
    def trade_side(self) -> float:
        """Aggressor of the last trade received: +1 a buyer, -1 a seller, 0 not known."""
        return float(self._context["trade_side"][self._k])

    @property
    def bought(self) -> float:
        """Contracts that takers have bought, in all trades received so far."""
        return float(self._context["bought"][self._k])

    @property
    def sold(self) -> float:
        """Contracts that takers have sold, in all trades received so far."""
        return float(self._context["sold"][self._k])

    @property
    def tick(self) -> float:
        """Step of the price in force."""
        return float(self._context["tick"][self._k])

    @property
    def lot(self) -> float:
        """Step of sizes in force, contracts."""
        return float(self._context["lot"][self._k])

    @property
    def contracts(self) -> float:
        """Contracts held now, signed."""
        return float(self._context["contracts"][self._k])

    @property
    def filled(self) -> float:
        """Contracts filled since the last decision, signed."""
        return float(self._context["filled"][self._k])

    @property
    def target(self) -> float:
        """The target in force."""
        return float(self._context["targets"][self._k])

    @target.setter
    def target(self, target: float) -> None:
        self._context["targets"][self._k] = target

    @property
    def gap(self) -> int:
        """Nanoseconds missing between the bar before and this one; 0 for consecutive bars."""
        return int(self._context["gap"][self._k])

    @property
    def mark(self) -> float:
        """Last mark price, NaN where the data have none."""
        return float(self._context["mark"][self._k])

    @property
    def index(self) -> float:
        """Last index price, NaN where the data have none."""
        return float(self._context["index"][self._k])

    @property
    def last_funding_rate(self) -> float:
        """Rate of the last settlement, NaN before the first."""
        return float(self._context["last_funding_rate"][self._k])

    @property
    def next_funding_rate(self) -> float:
        """Rate of the next settlement where the venue has published it already, else NaN."""
        return float(self._context["next_funding_rate"][self._k])

    @property
    def next_funding_time(self) -> int:
        """Time of the next settlement, 0 where it is not known."""
        return int(self._context["next_funding_time"][self._k])
