"""``halfspread warmup``: compile everything that is compiled, so that no later run has to wait for it."""

from __future__ import annotations

import tempfile
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np

from halfspread import strategies
from halfspread.compiled import cache_folder, prune_caches
from halfspread.costs.fees import Fees
from halfspread.costs.funding import Funding
from halfspread.costs.half_spread import HalfSpread
from halfspread.costs.model import Costs
from halfspread.datafeeds.synthetic import SyntheticMarket
from halfspread.engine import instruments
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import FixedNotional
from halfspread.engine.tape import Tape
from halfspread.strategies.base import Strategy

__all__ = ["execute"]


class _Idle(Strategy):
    """Takes the way of an agent in Python."""

    def on_bar(self, market: Any) -> float:
        return 0.0


def execute(arguments: Namespace) -> int:
    """Run tiny backtests through every way that code is compiled for; say where the cache is and what was pruned."""
    began = time.perf_counter()
    pruned = prune_caches()
    market = SyntheticMarket(days=2, interval="1h")
    tape = market.tape(np.random.default_rng(0))
    agents = [getattr(strategies, name)(**_short(name)) for name in strategies.BUILT_IN.values()]
    for agent in [*agents, _Idle()]:
        _run(tape, agent)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bars.parquet"
        market.generate(np.random.default_rng(0)).bars_frame().to_parquet(path)
        _run(Tape.scan_bars(path, instruments.bybit("BTCUSDT")), _Idle(), Funding.none())
    print(f"compiled and cached in {time.perf_counter() - began:.1f} s: {cache_folder()}")
    if pruned:
        print(f"deleted {pruned} cache(s) of other versions")
    return 0


def _short(name: str) -> dict[str, int]:
    return {"SmaCross": {"fast": 2, "slow": 4}, "Bollinger": {"window": 4}}.get(name, {})


def _run(tape: Tape, agent: Any, funding: Funding | None = None) -> None:
    costs = Costs(half_spread=HalfSpread.from_bars(), fees=Fees.none(), funding=funding or Funding.published())
    run_backtest(tape, agent, costs, sizing=FixedNotional(10_000))
