"""The common job in backtesting.py: one Python call a bar over a DataFrame.

It calls the strategy for the first time one bar after its indicators exist, hence its own PnL; its trades are round
trips and the last one stays open, so the fills are one more than they.
"""

from __future__ import annotations

import contextlib
import io
import warnings

import backtesting
import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy
from clock import FAST, FEE_RATE, SLOW, arguments, load, measure

PNL, FILLS = -230_107.60, 7_222
CASH = 1e7


def mean(values: np.ndarray, window: int) -> np.ndarray:
    return pd.Series(values).rolling(window).mean().to_numpy()


class Crossover(Strategy):
    """+1 or -1 by two moving averages; ``exclusive_orders`` closes the old position first."""

    def init(self) -> None:
        self.fast = self.I(mean, self.data.Close, FAST)
        self.slow = self.I(mean, self.data.Close, SLOW)

    def next(self) -> None:
        if self.fast[-1] > self.slow[-1]:
            if not self.position.is_long:
                self.buy(size=1)
        elif not self.position.is_short:
            self.sell(size=1)


def run(frame: pd.DataFrame) -> tuple[float, int]:
    test = Backtest(frame, Crossover, cash=CASH, commission=FEE_RATE, margin=0.01, exclusive_orders=True)
    with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
        stats = test.run()
    return float(stats["Equity Final [$]"]) - CASH, int(stats["# Trades"]) + 1


def main() -> None:
    options = arguments(__doc__ or "")
    bars = load(options.bars)
    frame = pd.DataFrame(
        {name.capitalize(): bars[name] for name in ("open", "high", "low", "close", "volume")},
        index=pd.to_datetime(bars["ts"]),
    )
    warnings.filterwarnings("ignore", message="Some trades remain open")
    includes = "set-up, moving averages, replay with one Python call a bar, its statistics"
    mode = "Python call a bar"
    if options.mode in (None, mode):
        version = backtesting.__version__
        measure("backtesting.py", mode, version, lambda: run(frame), options.repeat, PNL, FILLS, includes)


if __name__ == "__main__":
    main()
