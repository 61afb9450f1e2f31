"""Markets and runs that the tests of online traders share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import halfspread as hs
from halfspread.costs import Costs, Fees, Funding, HalfSpread
from halfspread.costs.margin import Margin
from halfspread.engine.instruments import linear
from halfspread.engine.result import BacktestResult
from halfspread.engine.tape import Tape
from halfspread.engine.times import MINUTE
from tests.engine.worlds import START

Floats = np.ndarray[Any, np.dtype[np.float64]]
#: One whose lots are so small that positions are what was wanted.
FINE = linear("FINE", multiplier=1e-6, lot=1.0, tick=1e-6)


def prepared(agent: Any, seed: int = 0, instrument: Any = FINE) -> Floats:
    """The memory of an agent before a run on bars of one instrument."""
    agent.reset(np.random.default_rng(seed), (instrument,))
    agent.see_columns((("open", "high", "low", "close", "volume"),))
    return np.array(agent.memory())


def paying(fee: float, half: float = 0.0, funding: Any = None) -> Costs:
    return Costs(
        half_spread=HalfSpread.price(half) if half else HalfSpread.none(),
        fees=Fees(taker=fee, maker=fee),
        funding=funding or Funding.none(),
    )


def market(
    returns: Floats, instrument: Any = FINE, first: int = START, minutes: int = 5, skip: Sequence[int] = (), **more: Any
) -> Tape:
    """Bars whose closes have these simple returns, from 100 on; ``skip``: left out."""
    close = 100.0 * np.cumprod(1.0 + returns)
    open_ = np.concatenate([[100.0], close[:-1]])
    table = {
        "ts": first + minutes * MINUTE * np.arange(len(close)),
        "open": open_,
        "high": np.maximum(open_, close),
        "low": np.minimum(open_, close),
        "close": close,
        "volume": np.ones(len(close)),
    }
    keep = np.setdiff1d(np.arange(len(close)), skip)
    table = {name: values[keep] for name, values in table.items()}
    return Tape.from_bars(table, instrument, interval=f"{minutes}m", **more)


def autoregressive(rows: int, phi: float = 0.3, sigma: float = 0.002, seed: int = 0) -> Floats:
    """Returns that carry on: each is phi times the one before, and noise."""
    rng = np.random.default_rng(seed)
    noise, found = sigma * rng.standard_normal(rows), np.zeros(rows)
    for t in range(1, rows):
        found[t] = phi * found[t - 1] + noise[t]
    return found


def run(tape: Tape, agent: Any, costs: Costs, seed: int = 0, **more: Any) -> BacktestResult:
    """A run on constant notional, filled at the close that was decided on, unless ``more`` says otherwise."""
    terms: Any = {"sizing": hs.FixedNotional(1e4), "fill": "this_close", "margin": Margin.none(), "seed": seed, **more}
    return hs.backtest(tape, agent, costs, **terms)
