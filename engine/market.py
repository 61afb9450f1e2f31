"""What a Python agent sees: the market up to now, and its own account."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from halfspread.engine.instruments import Instrument
from halfspread.engine.records import FUNDING, HIGH, LOW, OPEN, VOLUME
from halfspread.errors import StrategyError

__all__ = ["Market"]


class Market:
    """The bar that has just closed, what was known by then, and the agent's own account.

    ``close``: its closing price. ``position``: what is held now, as a fraction of what a target of 1 stood for when it
    was sized. Prices are in quote currency, times in nanoseconds UTC.
    """

    __slots__ = (
        "_cells",
        "_columns",
        "_context",
        "_history",
        "_lookback",
        "_row",
        "_width",
        "close",
        "instrument",
        "position",
    )

    def __init__(self, instrument: Instrument, columns: tuple[str, ...], lookback: int, context: Any) -> None:
        self.instrument = instrument
        self.close = float("nan")
        self.position = 0.0
        self._columns = {name: i for i, name in enumerate(columns)}
        self._width = len(columns)
        self._lookback = lookback
        self._context = context
        self._row = 0

    def _show(self, history: np.ndarray[Any, np.dtype[np.float64]]) -> None:
        self._history = history
        self._cells = memoryview(history.reshape(-1))  # type: ignore[arg-type]

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
        """The bar's value of any column of the data, such as ``bid_close``. Raises StrategyError for an unknown one."""
        return float(self._cells[self._row * self._width + self._column(column)])

    def history(self, column: str = "close", count: int | None = None) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The last ``count`` values of a column, this bar's last; all that the lookback allows without ``count``.

        A copy: a view would lead to the whole of the data. Raises StrategyError where ``count`` is no number of bars
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
    def time(self) -> int:
        """Now, the close of the bar: nanoseconds UTC."""
        return int(self._context["time"])

    @property
    def datetime(self) -> datetime:
        """Now, to the microsecond."""
        return datetime.fromtimestamp(self.time / 1e9, UTC)

    @property
    def contracts(self) -> float:
        """Contracts held now, signed."""
        return float(self._context["contracts"][0])

    @property
    def target(self) -> float:
        """The target in force."""
        return float(self._context["targets"][0])

    @property
    def equity(self) -> float:
        """Equity of the account in report currency."""
        return float(self._context["equity"])

    @property
    def capital(self) -> float:
        """Equity at the start in report currency."""
        return float(self._context["capital"])

    @property
    def gap(self) -> int:
        """Nanoseconds missing between the bar before and this one; 0 for consecutive bars."""
        return int(self._context["gap"][0])

    @property
    def mark(self) -> float:
        """Last mark price, NaN where the data have none."""
        return float(self._context["mark"][0])

    @property
    def index(self) -> float:
        """Last index price, NaN where the data have none."""
        return float(self._context["index"][0])

    @property
    def last_funding_rate(self) -> float:
        """Rate of the last settlement, NaN before the first."""
        return float(self._context["last_funding_rate"][0])

    @property
    def next_funding_rate(self) -> float:
        """Rate of the next settlement where the venue has published it already, else NaN."""
        return float(self._context["next_funding_rate"][0])

    @property
    def next_funding_time(self) -> int:
        """Time of the next settlement, 0 where it is not known."""
        return int(self._context["next_funding_time"][0])

    @property
    def funding_settled(self) -> bool:
        """Whether funding was settled since the last decision."""
        return bool(int(self._context["kind"]) & FUNDING)
