"""Collect what the loop writes: the curve of every bar, fills, and the attribution period by period."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from halfspread.engine.bars import Floats, Integers
from halfspread.engine.drawdown import DrawdownMeter
from halfspread.engine.order_records import OPEN_AT_END
from halfspread.engine.records import State
from halfspread.engine.times import DAY, HOUR, MINUTE

__all__ = ["CurveSink", "Recorder", "recording_period"]

#: Called with (times, equity, collateral, positions) of each chunk; positions (points, instruments).
CurveSink = Callable[[Integers, Floats, Floats, Floats], None]


def recording_period(span: int) -> int:
    """How often the attribution is written for a run over ``span`` nanoseconds: every minute, hour or day."""
    if span <= 3 * DAY:
        return MINUTE
    return HOUR if span <= 2 * 366 * DAY else DAY


class Recorder:
    """Buffers for the loop, emptied as they fill; nothing is dropped.

    The curve is kept in memory (``points`` are expected, more may come), or, where that is None, passed on to ``sink``
    chunk by chunk and forgotten, so that memory does not grow with the length of the tape.
    """

    def __init__(self, state: State, points: int | None, sink: CurveSink | None = None) -> None:
        capital, instruments = float(state.run["capital"]), len(state.holdings)
        self._state = state
        self._kept = points is not None
        self._width = 2 + instruments
        self._expected = points or 0
        self._times = np.empty(0, np.int64)
        self._values = np.empty((0, self._width))
        self._used = 0
        self._last_time = 0
        self._sink = sink
        self._fills: list[np.ndarray[Any, Any]] = []
        self._periods: list[np.ndarray[Any, Any]] = []
        self._capital = capital
        self._orders: list[np.ndarray[Any, Any]] = []
        self.equity = DrawdownMeter(capital, relative=True)
        self.pnl = DrawdownMeter(0.0, relative=False)

    @property
    def next_point(self) -> int:
        """Where the next chunk's first point goes in the curve buffers."""
        return self._used if self._kept else 0

    def curve_buffers(self, events: int) -> tuple[Integers, Floats]:
        """Arrays that the loop writes the curve of a chunk to, with room for a point at each of its ``events``."""
        used = self._used
        if used + events + 1 > len(self._times):
            more = events + 1 + max(self._expected - used, used // 2)
            self._times = np.concatenate([self._times[:used], np.empty(more, np.int64)])
            self._values = np.concatenate([self._values[:used], np.empty((more, self._width))])
        return self._times, self._values

    def end_chunk(self, points: int) -> None:
        """Take over the ``points`` points of the curve that the chunk has added."""
        first = self.next_point
        times, values = self._times[first : first + points], self._values[first : first + points]
        if points:
            self._last_time = int(times[-1])
        if self._kept:
            self._used += points
        else:
            self.equity.add(values[:, 0])
            self.pnl.add(values[:, 0] - values[:, 1] - self._capital)
        if self._sink is not None and points:
            self._sink(times, values[:, 0], values[:, 1], values[:, 2:])

    def last_point(self) -> None:
        """The run is over: a point at its end, where the last one came earlier."""
        run, at = self._state.run, self.next_point
        if int(run["now"]) <= self._last_time or at == len(self._times):
            return
        collateral = float(self._state.accounts["collateral"].sum())
        self._times[at] = run["now"]
        self._values[at] = (float(run["equity"]), collateral, *self._state.holdings["contracts"])
        self.end_chunk(1)

    def empty_fills(self) -> None:
        """Take the fills out of the loop's buffer."""
        self._fills.append(self._take("fills"))

    def empty_periods(self) -> None:
        """Take the lines of attribution out of the loop's buffer."""
        self._periods.append(self._take("periods"))

    def empty_orders(self) -> None:
        """Take the orders that are done out of the loop's buffer."""
        self._orders.append(self._take("ledger"))

    def _take(self, name: str) -> np.ndarray[Any, Any]:
        taken = self._state.record[name][: int(self._state.run[name])].copy()
        self._state.run[name] = 0
        return taken  # type: ignore[no-any-return]

    def last_orders(self, still_open: np.ndarray[Any, Any]) -> None:
        """The run is over: keep the orders that are open still."""
        left = still_open.copy()
        left["state"] = OPEN_AT_END
        self._orders.append(left)

    def all_orders(self) -> np.ndarray[Any, Any]:
        """Every order by number; a request that was refused comes after the order it was about."""
        if len(self._orders) != 1:
            self._orders = [np.concatenate(self._orders)]
            numbers = self._orders[0]["id"]
            if (numbers[1:] < numbers[:-1]).any():
                self._orders = [self._orders[0][np.argsort(numbers, kind="stable")]]
        return self._orders[0]

    def curve(self) -> tuple[Integers, Floats]:
        """Times and (equity, collateral, contracts) of every point; empty where they went to the sink."""
        return (
            (self._times[: self._used], self._values[: self._used])
            if self._kept
            else (self._times[:0], self._values[:0])
        )

    def drawdowns(self, notional: float) -> tuple[float, float] | None:
        """Drawdowns of equity (fraction of the peak) and PnL (units of notional), where the curve was not kept."""
        return None if self._kept else (self.equity.deepest, self.pnl.deepest / notional)

    def all_fills(self) -> list[np.ndarray[Any, Any]]:
        """Every fill in order, in pieces."""
        return self._fills

    def all_periods(self) -> np.ndarray[Any, Any]:
        """Every period in order."""
        return self._periods[0] if len(self._periods) == 1 else np.concatenate(self._periods)
