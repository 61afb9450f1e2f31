"""Bars made of trades as the venues make them: turnover and mean price in their roundings, block by block.

Trades stand in order of exchange time; sizes in contracts. Memory: one block and the trades of one bar.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from halfspread.engine.instrument import Instrument
from halfspread.engine.times import Floats, Integers

__all__ = ["TradeBars", "contract_values", "mean_prices"]

Bars = dict[str, np.ndarray[Any, np.dtype[Any]]]

_SMALLEST = {"XBT": 1e8, "BTC": 1e8, "USDT": 1e6}


def contract_values(prices: Floats, instrument: Instrument | None) -> Floats:
    """What one contract is worth at each price, settle currency; NaN where the contract is not known. BitMEX rounds it
    to whole satoshi (1e-6 of USDT): measured, the gross values of 4,891 trades of XBTUSD of 2019-05-03."""
    if instrument is None:
        return np.full(len(prices), np.nan)
    values = instrument.multiplier / prices if instrument.kind == "inverse" else instrument.multiplier * prices
    if instrument.venue != "bitmex":
        return values
    units = _SMALLEST.get(instrument.settle, 1e8)
    return np.rint(values * units) / units


def mean_prices(volume: Floats, turnover: Floats, instrument: Instrument | None) -> Floats:
    """The vwap of volume and turnover; NaN without volume. BitMEX computes it of the value of one contract rounded to
    whole satoshi, down, and prints four decimals (measured as above)."""
    if instrument is None:
        return np.full(len(volume), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        if instrument.kind != "inverse":
            return turnover / (volume * instrument.multiplier)
        value = turnover / volume
        if instrument.venue == "bitmex":
            units = _SMALLEST.get(instrument.settle, 1e8)
            return np.round(instrument.multiplier * units / np.floor(value * units * (1.0 + 1e-15)), 4)
        return instrument.multiplier / value


class TradeBars:
    """Turns blocks of trades into bars of ``interval`` ns; a bar is given back once a later trade was seen."""

    def __init__(self, interval: int, instrument: Instrument | None = None) -> None:
        self.interval = interval
        self.instrument = instrument
        self._rest: dict[str, np.ndarray[Any, Any]] = {
            "ts": np.array([], np.int64), "price": np.array([]), "size": np.array([])
        }  # fmt: skip

    def add(self, ts: Integers, prices: Floats, sizes: Floats) -> Bars:
        """The bars that are complete now: ts, open (of the first trade), high, low, close, volume, turnover, vwap,
        trades, last_size; only those with trades."""
        new = {"ts": ts, "price": prices, "size": sizes}
        together = {name: np.concatenate([old, new[name]]) for name, old in self._rest.items()}
        if not len(together["ts"]):
            return self._bars(together)
        last = together["ts"][-1] // self.interval
        cut = int(np.searchsorted(together["ts"] // self.interval, last))
        self._rest = {name: values[cut:] for name, values in together.items()}
        return self._bars({name: values[:cut] for name, values in together.items()})

    def finish(self) -> Bars:
        """The bar of the last trades."""
        rest = self._rest
        self._rest = {name: values[:0] for name, values in rest.items()}
        return self._bars(rest)

    def _bars(self, trades: Mapping[str, np.ndarray[Any, Any]]) -> Bars:
        ts, prices, sizes = trades["ts"], trades["price"], trades["size"]
        if not len(ts):
            names = ("open", "high", "low", "close", "volume", "turnover", "vwap", "trades", "last_size")
            return {"ts": np.array([], np.int64), **{name: np.array([]) for name in names}}
        opens, first, counts = np.unique(ts // self.interval, return_index=True, return_counts=True)
        ends = first + counts - 1
        volume = np.add.reduceat(sizes, first)
        turnover = np.add.reduceat(sizes * contract_values(prices, self.instrument), first)
        return {
            "ts": opens * self.interval,
            "open": prices[first],
            "high": np.maximum.reduceat(prices, first),
            "low": np.minimum.reduceat(prices, first),
            "close": prices[ends],
            "volume": volume,
            "turnover": turnover,
            "vwap": mean_prices(volume, turnover, self.instrument),
            "trades": counts.astype(np.float64),
            "last_size": sizes[ends],
        }
