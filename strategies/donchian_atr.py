"""Breakout: trade the way out of a price channel, behind a stop order."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from halfspread.strategies.breakout_kernels import donchian_atr
from halfspread.strategies.compiled import CompiledStrategy
from halfspread.strategies.fields import Positive, check_contracts

if TYPE_CHECKING:
    from halfspread.engine.instruments import Instrument
    from halfspread.engine.market import Market

__all__ = ["DonchianAtr"]


class DonchianAtr(CompiledStrategy):
    """Follow a close out of the channel of the bars before, behind a stop order at a distance of average true ranges.

    Buys a close above the highest high of the ``channel`` bars before, sells one below their lowest low, and keeps a
    stop ``stop_ranges`` average true ranges behind the close of the entry. The position stays until the stop is reached
    or the price leaves the channel on the other side, which reverses it (without ``allow_short``: closes it).
    ``trailing`` moves the stop after the best close. Sends orders, all in one decision: a reduce-only market order for
    what is held, a market order for what is wanted, and a reduce-only stop.

    The average true range is Wilder's: the mean of the first ``atr_window`` true ranges, then a new one weighs
    1 / atr_window.

    Sources: the channel of Donchian; Wilder 1978, New Concepts in Technical Trading Systems. Assumes bars; within a bar
    the stop is filled by docs/fills.md. A position that liquidation closed counts as stopped out.
    """

    channel: Annotated[int, Field(ge=1, description="bars before this one that make the channel")] = 20
    atr_window: Annotated[int, Field(ge=1, description="bars of the average true range")] = 20
    stop_ranges: Annotated[Positive, Field(description="distance of the stop (average true ranges)")] = 2.0
    contracts: Annotated[Positive, Field(description="of a position")] = 1.0
    trailing: Annotated[bool, Field(description="the stop follows the best close")] = False
    allow_short: Annotated[bool, Field(description="sell short below the channel; flat otherwise")] = True
    function = donchian_atr

    @property
    def lookback(self) -> int:  # type: ignore[override]
        """The channel, and a true range takes the close before it."""
        return max(self.channel, self.atr_window)

    def memory(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """[channel, window, stop distance, contracts, trailing, shorts, range, side, entry, stop, trigger]"""
        head = [self.channel, self.atr_window, self.stop_ranges, self.contracts, self.trailing, self.allow_short]
        return np.array([*head, *[0.0] * 5], np.float64)

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        """Forget everything. Raises ConfigError for contracts that the instrument does not allow."""
        check_contracts("DonchianAtr: contracts", self.contracts, instruments[0])
        self._range = self._side = self._trigger = 0.0
        self._entry = self._stop = 0

    def on_bar(self, market: Market) -> None:
        """The twin in Python."""
        self._average_range(market)
        top = float(market.history("high", self.channel + 1)[:-1].max())
        bottom = float(market.history("low", self.channel + 1)[:-1].min())
        side = self._side
        if side != 0.0 and market.contracts == 0.0 and market.open_contracts(self._entry) == 0.0:
            side = 0.0
            self._withdraw_stop(market)
        wanted = side
        if market.close > top:
            wanted = 1.0
        elif market.close < bottom:
            wanted = -1.0 if self.allow_short else 0.0
        if wanted != side:
            self._withdraw_stop(market)
            self._enter(market, wanted)
        elif side != 0.0 and self.trailing:
            trigger = self._stop_price(market, side)
            if side * (trigger - self._trigger) > 0.5 * market.tick:
                market.amend(self._stop, trigger=trigger)
                self._trigger = trigger
        self._side = wanted

    def _average_range(self, market: Market) -> None:
        window = self.atr_window if self._range == 0.0 else 1
        highs, lows = market.history("high", window).tolist(), market.history("low", window).tolist()
        before = market.history("close", window + 1).tolist()
        ranges = [max(h, c) - min(low, c) for h, low, c in zip(highs, lows, before, strict=False)]
        if self._range == 0.0:
            total = 0.0
            for each in ranges:
                total += each
            self._range = total / window
        else:
            self._range += (ranges[0] - self._range) / self.atr_window

    def _stop_price(self, market: Market, side: float) -> float:
        ticks = (market.close - side * self.stop_ranges * self._range) / market.tick
        return max(math.floor(ticks + 0.5), 1.0) * market.tick

    def _enter(self, market: Market, wanted: float) -> None:
        contracts = wanted * self.contracts
        held = market.contracts + market.open_contracts(self._entry)
        if held != 0.0:
            market.send_market(-held, reduce_only=True)
        if wanted != 0.0:
            self._entry = market.send_market(contracts)
            self._trigger = self._stop_price(market, wanted)
            self._stop = market.send_stop(-contracts, self._trigger, reduce_only=True)

    def _withdraw_stop(self, market: Market) -> None:
        if market.open_contracts(self._stop) != 0.0:
            market.cancel(self._stop)
            self._stop = 0
