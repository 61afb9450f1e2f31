"""What a Python agent sees: the market up to now, its own account, and where it sends orders."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from halfspread.engine.codes import FUNDING
from halfspread.engine.instrument_view import InstrumentView
from halfspread.engine.instruments import Instrument
from halfspread.engine.order_desk import NAN, request
from halfspread.engine.order_records import AMEND, CANCEL, REASONS
from halfspread.engine.times import Floats
from halfspread.errors import StrategyError

__all__ = ["InstrumentView", "Market"]


class Market(InstrumentView):
    """The market of a run: the first instrument's view itself, `views` of all of them, the time and the account.

    ``market["ETHUSDT"]`` and ``market[1]`` are the views of other instruments.
    """

    __slots__ = ("_bits", "_others", "close", "position")

    close: float
    position: float

    def __init__(
        self,
        instruments: tuple[Instrument, ...],
        columns: tuple[tuple[str, ...], ...],
        lookback: int,
        context: Any,
        bits: Mapping[str, int],
    ) -> None:
        self._bits = bits
        super().__init__(instruments[0], 0, columns[0], lookback, context)
        self.close = NAN
        self.position = 0.0
        self._others = tuple(
            InstrumentView(instrument, k, columns[k], lookback, context)
            for k, instrument in enumerate(instruments)
            if k > 0
        )

    @property
    def views(self) -> tuple[InstrumentView, ...]:
        """One of each instrument; the first is this view itself."""
        return (self, *self._others)

    def _show(self, history: Floats) -> None:
        super()._show(history)
        for view in self._others:
            view._show(history)

    def __getitem__(self, which: int | str) -> InstrumentView:
        if isinstance(which, int):
            return self.views[which]
        found = [view for view in self.views if which in (view.instrument.symbol, view.instrument.name)]
        if len(found) == 1:
            return found[0]
        if found:
            names = " or ".join(repr(view.instrument.name) for view in found)
            raise StrategyError(f"market[{which!r}]: several venues have it; say {names}")
        symbols = ", ".join(view.instrument.symbol for view in self.views)
        raise StrategyError(f"market[{which!r}]: no such instrument; there are {symbols}")

    def __len__(self) -> int:
        return 1 + len(self._others)

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
        """Whether an event (bar, quote, book, trade, timer, fill) has come since the last decision; quotes and books
        stand in for each other where an instrument has only one of them."""
        if event not in self._bits:
            raise StrategyError(f"market.happened({event!r}): expected one of {', '.join(self._bits)}")
        return bool(int(self._context["kind"]) & self._bits[event])

    def cancel(self, order: int) -> None:
        """Withdraw what is still open of an order."""
        request(self._context, CANCEL, order)

    def amend(self, order: int, *, contracts: float = NAN, price: float = NAN, trigger: float = NAN) -> None:
        """Change the size of the whole order, its price or its trigger; what is left out stays."""
        request(self._context, AMEND, order, contracts=contracts, price=price, trigger=trigger)

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
