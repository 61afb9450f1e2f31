"""A strategy of your own in ten lines. No edge is claimed: it shows how to plug one in. Run it: my_strategy.toml."""

import halfspread as hs


class Breakout(hs.Strategy):
    """Long at a new high of the last ``lookback`` bars, short at a new low, else as before."""

    lookback: int = 288

    def on_bar(self, market):
        before = market.history("close")[:-1]
        if market.close > before.max():
            return 1.0
        return -1.0 if market.close < before.min() else None
