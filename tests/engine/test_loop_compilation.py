"""The loop is compiled once, whatever agent runs in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from halfspread.costs import Costs, Fees, Funding, HalfSpread
from halfspread.datafeeds.synthetic.market import SyntheticMarket
from halfspread.engine.agent_functions import compiled_agent
from halfspread.engine.loop_kernels import loop
from halfspread.engine.market import Market
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import EquityFraction, FixedContracts, FixedNotional
from halfspread.engine.tape import Tape
from halfspread.strategies import Bollinger, BuyAndHold, CompiledStrategy, FundingCarry, SmaCross, Strategy
from tests.engine.worlds import FREE, INVERSE, START, bars, tape

ROOT = Path(__file__).parents[2]


@compiled_agent
def follow(context: Any, memory: Any, history: Any, row: int) -> int:
    context.targets[0] = 1.0 if history[row, 3] > history[row, 0] else -1.0
    return 1


class Follow(CompiledStrategy):
    """Compiled, from a file of its own."""

    function = follow


class Still(Strategy):
    """In Python."""

    def on_bar(self, market: Market) -> None:
        return None


def test_every_agent_market_sizing_and_store_runs_through_one_compiled_loop(tmp_path: Path) -> None:
    closes = [100.0, 101.0, 99.0, 102.0, 98.0]
    agents = [BuyAndHold(), SmaCross(fast=1, slow=2), Bollinger(window=3), FundingCarry(), Follow(), Still()]
    for agent in agents:
        run_backtest(tape(closes), agent, FREE, sizing=FixedContracts(1))
    run_backtest(tape(closes, INVERSE), Follow(), FREE, sizing=FixedNotional(1000))
    run_backtest(tape(closes), Follow(), FREE, sizing=EquityFraction(0.5), capital=1000.0, chunk_events=1)
    costs = Costs(half_spread=HalfSpread.from_bars(), fees=Fees.venue(), funding=Funding.published())
    synthetic = SyntheticMarket(days=2).tape(np.random.default_rng(1))
    run_backtest(synthetic, SmaCross(fast=3, slow=9), costs, sizing=FixedNotional(10_000))
    import pandas as pd

    pd.DataFrame(bars(closes)).to_parquet(tmp_path / "bars.parquet")
    streamed = Tape.scan_bars(tmp_path / "bars.parquet", tape(closes).instrument, interval="1h")
    assert streamed.start_ns == START
    for agent in (Follow(), Still()):
        run_backtest(streamed, agent, FREE, sizing=FixedContracts(1))
    assert len(loop.signatures) == 1  # type: ignore[attr-defined]


def test_no_warning_escapes_where_the_loop_is_compiled_from_scratch() -> None:
    # numba warns that functions as arguments are experimental; a user can do nothing about it. Typing alone tells.
    script = """
import numba
from halfspread.compiled import kernel
from halfspread.engine.agent_functions import idle
def call(agent, contexts, memory, history):
    return agent(contexts[0], memory, history, 0)
import numpy as np
from halfspread.engine.records import CONTEXT
history = np.zeros((1, 5))
history.flags.writeable = False
print(numba.njit(call)(idle.native, np.zeros(1, CONTEXT), np.zeros(1), history))
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (done.stdout, done.stderr) == ("1\n", "")
