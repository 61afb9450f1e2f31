"""Ctrl-C and exceptions in the progress callback stop a run, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from halfspread.engine.agent_functions import compiled_agent
from halfspread.engine.market import Market
from halfspread.engine.run import run_backtest
from halfspread.engine.setup import PROGRESS_EVENTS
from halfspread.engine.sizing import FixedContracts
from halfspread.engine.tape import Tape
from halfspread.strategies import CompiledStrategy, SmaCross, Strategy
from tests.engine.worlds import FREE, tape

ROOT = Path(__file__).parents[2]


@compiled_agent
def burn(context: Any, memory: Any, history: Any, row: int) -> int:
    """Spends about a millisecond."""
    total = 0.0
    for i in range(300_000):
        total += history[row, 3] * i
        total = total % 1000.0
    memory[0] = total
    return 1


class Slow(CompiledStrategy):
    """Takes its time in compiled code."""

    function = burn


def long_tape(bars: int = 60_000) -> Tape:
    return tape((100.0 + np.arange(bars) % 7).tolist(), interval=60 * 10**9)


class Ticker(Strategy):
    """Decides in Python."""

    def on_bar(self, market: Market) -> float:
        return 1.0 if market.close > 103.0 else -1.0


INTERRUPTED = """
import sys, threading
from tests.engine.test_interrupt import Slow, long_tape
from tests.engine.worlds import FREE
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import FixedContracts
seen = []
def progress(events):
    if not seen:
        print("running", flush=True)
    seen.append(events)
try:
    run_backtest(long_tape(), Slow(), FREE, sizing=FixedContracts(1), progress=progress)
except KeyboardInterrupt:
    print("interrupted", flush=True)
else:
    print("finished", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal")
def test_ctrl_c_stops_a_long_compiled_run_of_a_slow_agent() -> None:
    # The whole run takes a minute or more. The loop has to look up often enough to hear the signal long before that.
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        os.kill(process.pid, signal.SIGINT)
        try:
            out, err = process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert (out, err) == ("interrupted\n", "")


class Stop(Exception):
    """What a progress callback may raise."""


@pytest.mark.parametrize("agent", [SmaCross(fast=2, slow=9), Ticker()])
def test_an_exception_of_the_progress_callback_stops_the_run_and_the_next_one_is_unaffected(agent: Any) -> None:
    market = long_tape()

    def positions(**more: Any) -> list[float]:
        result = run_backtest(market, agent, FREE, sizing=FixedContracts(1), **more)
        return [
            *result.curve_values[:, 0].tolist(),
            *result.curve_values[:, 2].tolist(),
            float(len(result.fill_records)),
        ]

    before = positions()
    told: list[int] = []

    def stop(events: int) -> None:
        told.append(events)
        if events > 5_000:
            raise Stop

    with pytest.raises(Stop):
        positions(progress=stop)
    assert told[-1] < len(market)
    assert positions() == before


def test_progress_grows_to_the_number_of_events_and_comes_at_least_every_so_many() -> None:
    market, told = long_tape(PROGRESS_EVENTS + 100_000), [0]
    run_backtest(market, SmaCross(fast=2, slow=9), FREE, sizing=FixedContracts(1), progress=told.append)
    assert told[-1] == len(market)
    steps = np.diff(told)
    assert (steps >= 0).all()
    assert steps.max() <= PROGRESS_EVENTS


def test_progress_does_not_change_the_result() -> None:
    market = long_tape()
    plain, watched = (
        run_backtest(market, SmaCross(fast=2, slow=9), FREE, sizing=FixedContracts(1), progress=progress)
        for progress in (None, lambda _: None)
    )
    assert plain.curve_values.tobytes() == watched.curve_values.tobytes()


def test_an_interrupt_in_a_python_agent_is_passed_on() -> None:
    class Interrupts(Ticker):
        def on_bar(self, market: Market) -> float:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_backtest(tape([1.0, 2.0]), Interrupts(), FREE, sizing=FixedContracts(1))
