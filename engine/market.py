"""What a Python agent sees: the market up to now, its own account, and where it sends orders."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from halfspread.engine.codes import (
    BAR_CLOSE,
    BOOK,
    FUNDING,
    HIGH,
    LEVEL,
    LOW,
    OPEN,
    OWN_ORDER,
    QUOTE,
    TIMER,
    TRADE,
    VOLUME,
)
from halfspread.engine.instruments import Instrument
from halfspread.engine.order_records import (
    AMEND,
    CANCEL,
    FLAGS,
    LIMIT,
    MARKET,
    MAX_REQUESTS,
    PLACE,
    REASONS,
    STOP,
    STOP_LIMIT,
    TAKE_PROFIT,
)
from halfspread.engine.times import Floats
from halfspread.errors import StrategyError

__all__ = ["InstrumentView", "Market"]

NAN = float("nan")
EVENTS = {"bar": BAR_CLOSE, "quote": QUOTE, "book": BOOK, "trade": TRADE, "timer": TIMER, "fill": OWN_ORDER}


class InstrumentView:
    """One instrument as the agent knows it, and the agent's position and orders in it.

    Prices are in quote currency, sizes in contracts, times in nanoseconds UTC. ``history`` is of the table that the
    agent's first subscription names: bars, quotes, books or trades.
    """

    __slots__ = ("_cells", "_columns", "_context", "_history", "_k", "_lookback", "_row", "_width", "instrument")

    def __init__(self, instrument: Instrument, k: int, columns: tuple[str, ...], lookback: int, context: Any) -> None:
        self.instrument = instrument
        self._k = k
        self._columns = {name: i for i, name in enumerate(columns)}
        self._width = len(columns)
        self._lookback = lookback
        self._context = context
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
        """Opening price of the bar."""
        return float(self._cells[self._row * self._width + OPEN])

    @property
    def high(self) -> float:
        """Highest price of the bar."""
        return float(self._cells[self._row * self._width + HIGH])

    @property
    def low(self) -> float:
        """Lowest price of the bar."""
        return float(self._cells[self._row * self._width + LOW])

    @property
    def volume(self) -> float:
        """Volume of the bar, in the unit of the data."""
        return float(self._cells[self._row * self._width + VOLUME])

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
            raise StrategyError(f"no column {name!r} in the data; there are {', '.join(self._columns)}") from None

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

    def send_market(self, contracts: float, *, reduce_only: bool = False) -> int:
        """Take at once; a buy is above zero. The number of the order."""
        return self._send(MARKET, contracts, NAN, NAN, reduce_only=reduce_only)

    def send_limit(
        self,
        contracts: float,
        price: float,
        *,
        post_only: bool = False,
        reduce_only: bool = False,
        ioc: bool = False,
        fok: bool = False,
    ) -> int:
        """Take what is offered at ``price`` or better and wait there with the rest. The number of the order."""
        return self._send(LIMIT, contracts, price, NAN, post_only=post_only, reduce_only=reduce_only, ioc=ioc, fok=fok)

    def send_stop(self, contracts: float, trigger: float, *, reduce_only: bool = False, by_mark: bool = False) -> int:
        """A market order once the market reaches ``trigger`` (a buy: at or above it). The number of the order."""
        return self._send(STOP, contracts, NAN, trigger, reduce_only=reduce_only, by_mark=by_mark)

    def send_stop_limit(
        self,
        contracts: float,
        trigger: float,
        price: float,
        *,
        post_only: bool = False,
        reduce_only: bool = False,
        by_mark: bool = False,
    ) -> int:
        """A limit order at ``price`` once the market reaches ``trigger``. The number of the order."""
        return self._send(
            STOP_LIMIT, contracts, price, trigger, post_only=post_only, reduce_only=reduce_only, by_mark=by_mark
        )

    def send_take_profit(
        self, contracts: float, trigger: float, *, reduce_only: bool = False, by_mark: bool = False
    ) -> int:
        """A market order once the market reaches ``trigger`` from the other side (a sale: at or above it)."""
        return self._send(TAKE_PROFIT, contracts, NAN, trigger, reduce_only=reduce_only, by_mark=by_mark)

    def _send(self, kind: int, contracts: float, price: float, trigger: float, **flags: bool) -> int:
        bits = sum(FLAGS[name] for name, given in flags.items() if given)
        context = self._context
        number = int(context["next_order"])
        _request(context, PLACE, number, self._k, kind, bits, contracts=contracts, price=price, trigger=trigger)
        context["next_order"] = number + 1
        return number

    def cancel_all(self) -> None:
        """Withdraw every order of this instrument that the agent knows to be open."""
        context = self._context
        for i in range(int(context["open_orders"])):
            if context["open_instruments"][i] == self._k:
                _request(context, CANCEL, int(context["open_ids"][i]))

    @property
    def orders(self) -> dict[int, tuple[float, float]]:
        """Open orders of this instrument as the agent knows them: number -> (contracts still open, limit price)."""
        context = self._context
        return {
            int(context["open_ids"][i]): (float(context["open_contracts"][i]), float(context["open_prices"][i]))
            for i in range(int(context["open_orders"]))
            if context["open_instruments"][i] == self._k
        }


class Market(InstrumentView):
    """The market of a run: the first instrument's view itself, ``views`` of all of them, the time and the account.

    ``market["ETHUSDT"]`` and ``market[1]`` are the views of other instruments.
    """

    __slots__ = ("close", "position", "views")

    close: float
    position: float

    def __init__(
        self,
        instruments: tuple[Instrument, ...],
        columns: tuple[tuple[str, ...], ...],
        lookback: int,
        context: Any,
    ) -> None:
        super().__init__(instruments[0], 0, columns[0], lookback, context)
        self.close = NAN
        self.position = 0.0
        others = [
            InstrumentView(instrument, k, columns[k], lookback, context)
            for k, instrument in enumerate(instruments)
            if k > 0
        ]
        self.views: tuple[InstrumentView, ...] = (self, *others)

    def _show(self, history: Floats) -> None:
        super()._show(history)
        for view in self.views[1:]:
            view._show(history)

    def __getitem__(self, which: int | str) -> InstrumentView:
        if isinstance(which, int):
            return self.views[which]
        for view in self.views:
            if which in (view.instrument.symbol, view.instrument.name):
                return view
        symbols = ", ".join(view.instrument.symbol for view in self.views)
        raise StrategyError(f"market[{which!r}]: no such instrument; there are {symbols}")

    def __len__(self) -> int:
        return len(self.views)

    @property
    def time(self) -> int:
        """Now: nanoseconds UTC."""
        return int(self._context["time"])

    @property
    def datetime(self) -> datetime:
        """Now, to the microsecond."""
        return datetime.fromtimestamp(self.time / 1e9, UTC)

    @property
    def equity(self) -> float:
        """Equity of all accounts in report currency."""
        return float(self._context["equity"])

    @property
    def capital(self) -> float:
        """Equity at the start in report currency."""
        return float(self._context["capital"])

    @property
    def funding_settled(self) -> bool:
        """Whether funding was settled since the last decision."""
        return bool(int(self._context["kind"]) & FUNDING)

    def happened(self, event: str) -> bool:
        """Whether an event (bar, quote, book, trade, timer, fill) has come since the last decision."""
        if event not in EVENTS:
            raise StrategyError(f"market.happened({event!r}): expected one of {', '.join(EVENTS)}")
        return bool(int(self._context["kind"]) & EVENTS[event])

    def cancel(self, order: int) -> None:
        """Withdraw what is still open of an order."""
        _request(self._context, CANCEL, order)

    def amend(self, order: int, *, contracts: float = NAN, price: float = NAN, trigger: float = NAN) -> None:
        """Change the size of the whole order, its price or its trigger; what is left out stays."""
        _request(self._context, AMEND, order, contracts=contracts, price=price, trigger=trigger)

    def open_contracts(self, order: int) -> float:
        """Contracts of an order that are still open as the agent knows it, signed; 0 where it is done."""
        context = self._context
        for i in range(int(context["open_orders"])):
            if context["open_ids"][i] == order:
                return float(context["open_contracts"][i])
        return 0.0

    @property
    def rejected(self) -> int:
        """Orders and requests that were rejected, or withdrawn by the venue, since the last decision."""
        return int(self._context["rejected"])

    @property
    def last_rejection(self) -> str:
        """Why the last of them was."""
        return REASONS[int(self._context["last_reason"])]


def _request(
    context: Any,
    action: int,
    order: int,
    k: int = -1,
    kind: int = 0,
    flags: int = 0,
    *,
    contracts: float = NAN,
    price: float = NAN,
    trigger: float = NAN,
) -> None:
    """Write one request; the loop serves it once the decision is made. Raises StrategyError for one too many."""
    i = int(context["requests"])
    if i >= MAX_REQUESTS:
        raise StrategyError(f"more than {MAX_REQUESTS} requests in one decision; spread them over several")
    context["request_action"][i] = action
    context["request_order"][i] = order
    context["request_instrument"][i] = k
    context["request_kind"][i] = kind
    context["request_flags"][i] = flags
    context["request_contracts"][i] = contracts
    context["request_price"][i] = price
    context["request_trigger"][i] = trigger
    context["requests"] = i + 1
