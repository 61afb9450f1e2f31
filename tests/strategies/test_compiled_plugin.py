"""A plug-in of ten lines, in Python and compiled, as a user writes it: same result."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import halfspread as hs
from halfspread.datafeeds.synthetic.market import SyntheticMarket
from halfspread.engine.run import run_backtest
from tests.engine.worlds import FREE, tape

IN_PYTHON = """
import halfspread as hs

class Breakout(hs.Strategy):
    lookback: int = 12

    def on_bar(self, market):
        before = market.history("close")[:-1]
        if market.close > before.max():
            return 1.0
        return -1.0 if market.close < before.min() else None
"""
COMPILED = """
import numpy as np
import halfspread as hs

@hs.compiled_agent
def breakout(context, memory, history, row):
    before = history[row - int(memory[0]) : row, 3]
    if history[row, 3] > before.max():
        context.targets[0] = 1.0
    elif history[row, 3] < before.min():
        context.targets[0] = -1.0
    return hs.OK

class Breakout(hs.CompiledStrategy):
    lookback: int = 12
    function = breakout

    def memory(self):
        return np.array([self.lookback])
"""
ALLOCATES = """
import numpy as np
import halfspread as hs

@hs.compiled_agent
def median(context, memory, history, row):
    window = np.sort(history[row - 4 : row + 1, 3].copy())
    memory[1:3] = window[2]
    view = memory[1:]
    context.targets[0] = 1.0 if history[row, 3] > view[1] else -1.0
    return hs.OK

class Median(hs.CompiledStrategy):
    lookback: int = 4
    function = median

    def memory(self):
        return np.zeros(3)
"""


def load(folder: Path, name: str, text: str) -> ModuleType:
    """Import a file by its path, as a config does."""
    file = folder / f"{name}.py"
    file.write_text(text)
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_plug_in_in_python_and_its_compiled_twin_give_the_same_bits(tmp_path: Path) -> None:
    market = SyntheticMarket(days=5).tape(np.random.default_rng(2))
    costs = hs.Costs(half_spread=hs.HalfSpread.ticks(1), fees=hs.Fees.venue(), funding=hs.Funding.published())
    sizing = hs.FixedNotional(10_000)
    python, compiled = (
        run_backtest(market, load(tmp_path, name, text).Breakout(), costs, sizing=sizing)
        for name, text in (("in_python", IN_PYTHON), ("in_numba", COMPILED))
    )
    assert (python.mode, compiled.mode) == ("python", "compiled")
    assert python.counts["fills"] > 20
    assert python.curve_values.tobytes() == compiled.curve_values.tobytes()
    assert python.fill_records.tobytes() == compiled.fill_records.tobytes()
    assert python.attribution == compiled.attribution


@pytest.mark.parametrize("lookback", [3, 30])
def test_parameters_reach_the_compiled_function_through_its_memory(tmp_path: Path, lookback: int) -> None:
    agents: list[Any] = [
        load(tmp_path, name, text).Breakout(lookback=lookback)
        for name, text in (("in_python", IN_PYTHON), ("in_numba", COMPILED))
    ]
    closes = np.round(100 + np.cumsum(np.random.default_rng(1).normal(size=200)), 1).tolist()
    python, compiled = (run_backtest(tape(closes), agent, FREE, sizing=hs.FixedContracts(1)) for agent in agents)
    assert python.curve_values.tobytes() == compiled.curve_values.tobytes()
    assert python.counts["decisions"] == 200 - lookback


def test_a_compiled_function_may_allocate_and_take_views(tmp_path: Path) -> None:
    agent = load(tmp_path, "allocates", ALLOCATES).Median()
    closes = [10.0, 12.0, 11.0, 13.0, 9.0, 14.0, 8.0]
    result = run_backtest(
        tape(closes), agent, FREE, sizing=hs.FixedContracts(1), fill="this_close", margin=hs.Margin.none()
    )
    # medians of the last five: 11, 12, 11
    assert result.curve["position"].tolist() == [0.0] * 4 + [-1.0, 1.0, -1.0]


def test_calling_a_compiled_function_runs_it_as_plain_python(tmp_path: Path) -> None:
    module = load(tmp_path, "plain", COMPILED)
    history = np.arange(20.0).reshape(4, 5)

    class Context:
        targets = np.zeros(1)

    assert module.breakout(Context, np.array([2.0]), history, 3) == hs.OK
    assert Context.targets[0] == 1.0
    assert (module.breakout.__name__, module.breakout.__module__) == ("breakout", "plain")


def test_the_memory_of_a_run_does_not_reach_the_next(tmp_path: Path) -> None:
    text = COMPILED.replace(
        "def memory(self):\n        return np.array([self.lookback])", "def memory(self):\n        return SHARED"
    )
    text = text.replace("    return hs.OK", "    memory[0] = 1.0\n    return hs.OK") + "\nSHARED = np.array([2.0])\n"
    agent = load(tmp_path, "shared", text).Breakout(lookback=2)
    runs = [
        run_backtest(tape([1.0, 3.0, 2.0, 2.5, 2.0, 4.0]), agent, FREE, sizing=hs.FixedContracts(1)) for _ in range(2)
    ]
    assert runs[0].curve_values.tobytes() == runs[1].curve_values.tobytes()
    assert agent.memory().tolist() == [2.0]
