"""The common job in lrvx (C++ core): one Python call a bar, and its replay of signals computed beforehand.

The strategy keeps running sums of its own, since the cost of lrvx's moving average grows with the bars seen. Both
figures leave the open position out: they are realised PnL, and the fills are the closed trades and one more.
``Engine.run`` fills a signal at the close of the bar it is stamped with: the PnL of the next close, realised.
"""

from __future__ import annotations

from importlib.metadata import version

import lrvx
import numpy as np
from clock import FAST, FEE_RATE, SLOW, arguments, load, measure

PNL_BARS, PNL_SIGNALS, FILLS = -232_605.61, -233_287.38, 7_222
INTERVAL = 300 * 10**9
PRICES = ("open", "high", "low", "close", "volume")


class Crossover(lrvx.Strategy):
    """+1 or -1 by two moving averages, reversed with a market order of two units."""

    def __init__(self, symbols: list[lrvx.Symbol]) -> None:
        super().__init__(symbols)
        self.closes = [0.0] * SLOW
        self.fast = self.slow = 0.0
        self.side = 0

    def on_bar(self, ctx: lrvx.SymbolContext, bar: lrvx.BarData) -> None:
        closes = self.closes
        close = bar.close
        self.fast += close - closes[-FAST]
        self.slow += close - closes[-SLOW]
        closes.append(close)
        if len(closes) < 2 * SLOW:
            return
        side = 1 if self.fast / FAST > self.slow / SLOW else -1
        if side == self.side:
            return
        units = 2.0 if self.side else 1.0
        self.side = side
        if side > 0:
            self.market_buy(units)
        else:
            self.market_sell(units)


def run_bars(bars: dict[str, np.ndarray], close_times: np.ndarray) -> tuple[float, int]:
    registry = lrvx.SymbolRegistry()
    symbol = registry.add_symbol("test", "TEST", tick_size=0.1)
    runner = lrvx.BacktestRunner(registry, fee_rate=FEE_RATE, initial_capital=1e6)
    runner.set_strategy(Crossover([symbol]))
    stats = runner.run_bars(bars["ts"], close_times, *(bars[name] for name in PRICES), "TEST")
    return float(stats["net_pnl"]), int(stats["total_trades"]) + 1


def orders(bars: dict[str, np.ndarray]) -> list[tuple[int, float]]:
    """(open time of the bar after the signal, signed units) of every order."""
    sums = np.concatenate([[0.0], np.cumsum(bars["close"])])
    fast = (sums[SLOW:] - sums[SLOW - FAST : -FAST]) / FAST
    slow = (sums[SLOW:] - sums[:-SLOW]) / SLOW
    side = np.where(fast > slow, 1.0, -1.0)
    change = np.flatnonzero(np.diff(side, prepend=0.0))
    at = change + SLOW
    return [
        (int(bars["ts"][i]), float(side[k] * (2.0 if n else 1.0)))
        for n, (k, i) in enumerate(zip(change, at, strict=True))
        if i < len(bars["ts"])
    ]


def signals(bars: dict[str, np.ndarray]) -> lrvx.SignalBuilder:
    built = lrvx.SignalBuilder()
    for time, units in orders(bars):
        (built.buy if units > 0 else built.sell)(time, abs(units), "TEST")
    return built


def run_signals(bars: dict[str, np.ndarray], wanted: lrvx.SignalBuilder) -> tuple[float, int]:
    engine = lrvx.Engine(initial_capital=1e6, fee_rate=FEE_RATE)
    engine.load_ohlcv({name: bars[name] for name in ("ts", *PRICES)}, "TEST")
    stats = engine.run(wanted)
    return float(stats.net_pnl), int(stats.total_trades) + 1


def main() -> None:
    options = arguments(__doc__ or "")
    bars = load(options.bars)
    close_times = bars["ts"] + INTERVAL
    wanted = signals(bars)
    modes = {
        "run_bars, Python call a bar": (
            lambda: run_bars(bars, close_times),
            PNL_BARS,
            "set-up, replay with one Python call a bar (running sums in Python), statistics",
        ),
        "Engine.run, from signals": (
            lambda: run_signals(bars, wanted),
            PNL_SIGNALS,
            "loading the arrays, replay, statistics; signals ready beforehand",
        ),
    }
    for mode, (job, pnl, includes) in modes.items():
        if options.mode in (None, mode):
            measure("lrvx", mode, version("lrvx"), job, options.repeat, pnl, FILLS, includes)


if __name__ == "__main__":
    main()
