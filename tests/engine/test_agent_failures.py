"""Agents that fail, in Python and compiled: one error that names the agent, the event and what to do."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

from halfspread.engine.agent import runs_compiled
from halfspread.engine.agent_functions import AgentFunction, compiled_agent
from halfspread.engine.market import Market
from halfspread.engine.result import BacktestResult
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import FixedContracts
from halfspread.errors import ConfigError, StrategyError, UserError
from halfspread.strategies import BuyAndHold, CompiledStrategy, SmaCross, Strategy
from tests.engine.worlds import FREE, tape

FIRST, THIRD = "2024-01-01 01:00:00 UTC", "2024-01-01 03:00:00 UTC"
OK = 1


def run(agent: Any, **more: Any) -> BacktestResult:
    return run_backtest(tape([100.0, 101.0, 102.0, 103.0]), agent, FREE, sizing=FixedContracts(1), **more)


def refusal(agent: Any, kind: type[UserError] = StrategyError, **more: Any) -> str:
    with pytest.raises(kind) as caught:
        run(agent, **more)
    assert caught.value.exit_code == 2
    return str(caught.value)


class Scripted(Strategy):
    """Does what it is given."""

    act: Callable[[Market], Any]

    def on_bar(self, market: Market) -> Any:
        return self.act(market)


class Native(CompiledStrategy):
    """Runs the compiled function it is given."""

    given: AgentFunction
    start: Any = (0.0,)

    @property
    def function(self) -> AgentFunction:  # type: ignore[override]
        return self.given

    def memory(self) -> Any:
        return self.start


def on_the_third_bar(value: Any) -> Callable[[Market], Any]:
    return lambda market: value if market.close == 102.0 else 0.0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1.0000001, -2, np.float64("nan")])
def test_a_python_target_that_is_no_number_from_minus_one_to_one_names_agent_target_and_time(value: float) -> None:
    message = refusal(Scripted(act=on_the_third_bar(value)))
    assert message.startswith(f"Scripted: target {float(value)!r} for UNIT at {THIRD}")
    assert "expected a number from -1 to 1" in message


@pytest.mark.parametrize("value", ["long", [1.0], np.array([1.0]), 1j, {}, 10**400])
def test_a_python_target_of_another_type_is_named_with_its_type(value: Any) -> None:
    message = refusal(Scripted(act=on_the_third_bar(value)))
    assert message.startswith(f"Scripted.on_bar at {THIRD}: expected a number from -1 to 1, or None")
    assert message.endswith(f"({type(value).__name__})")


@pytest.mark.parametrize("value", [1, 1.0, True, np.float32(1), np.int64(1), np.float64(1), np.array(1.0)])
def test_every_kind_of_number_is_a_target(value: Any) -> None:
    assert run(Scripted(act=lambda _: value)).curve["position"].tolist() == [0.0, 1.0, 1.0, 1.0]


def test_none_keeps_the_target() -> None:
    agent = Scripted(act=lambda market: 1.0 if market.close == 101.0 else None)
    assert run(agent).curve["position"].tolist() == [0.0, 0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda _: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda _: 1.0 // 0.0, "ZeroDivisionError: "),
        (lambda _: next(iter(())), "StopIteration"),
        (lambda _: [] + 1, "TypeError: can only concatenate list"),  # type: ignore[operator]
        (lambda market: market.price, "AttributeError: 'Market' object has no attribute 'price'"),
        (lambda market: market.history("close", 2), "declare a larger lookback"),
        (lambda market: market.history("closs"), "no column 'closs' in the data; there are open, high"),
        (lambda market: market.value("bid"), "no column 'bid' in the data; there are open, high"),
        (lambda market: market.history("close", 1.0), "ask for a whole number of them"),
    ],
)
def test_an_exception_in_on_bar_names_agent_event_cause_and_line(act: Callable[[Market], Any], said: str) -> None:
    message = refusal(Scripted(act=act))
    assert message.startswith(f"Scripted.on_bar at {FIRST}: ")
    assert said in message
    assert re.search(r"\(test_agent_failures.py, line \d+\)$", message)


def test_the_exception_of_the_agent_is_the_cause_of_ours() -> None:
    with pytest.raises(StrategyError) as caught:
        run(Scripted(act=lambda _: 1 / 0))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_on_bar_without_a_market_argument_says_so() -> None:
    class Short(Strategy):
        def on_bar(self) -> float:  # type: ignore[override]
            return 1.0

    assert "takes 1 positional argument but 2 were given" in refusal(Short())


def test_ctrl_c_and_exit_in_an_agent_are_no_strategy_errors() -> None:
    for stop in (KeyboardInterrupt, SystemExit):

        def act(_: Market, stop: type[BaseException] = stop) -> float:
            raise stop

        with pytest.raises(stop):
            run(Scripted(act=act))


def test_an_agent_without_on_bar_is_refused_before_the_run() -> None:
    class Empty(Strategy):
        def reset(self, rng: Any, instruments: Any) -> None:
            pytest.fail("the run has begun")

    class EmptyCompiled(CompiledStrategy):
        pass

    for agent in (Empty(), EmptyCompiled(), object(), None):
        assert "needs a method on_bar(self, market)" in refusal(agent, ConfigError)


def test_a_class_in_place_of_an_agent_is_refused() -> None:
    assert "BuyAndHold(...)" in refusal(BuyAndHold, ConfigError)


def test_a_function_that_was_not_decorated_is_refused() -> None:
    class Plain(CompiledStrategy):
        def function(self, memory: Any, history: Any, row: int) -> int:  # type: ignore[override]
            return 1

    assert "@hs.compiled_agent" in refusal(Plain(), ConfigError)


def test_modes_that_the_agent_has_not_are_refused() -> None:
    with pytest.raises(ConfigError, match="auto, compiled or python, got 'fast'"):
        runs_compiled(BuyAndHold(), "fast")
    with pytest.raises(ConfigError, match="Scripted has no compiled function; run it with mode='python'"):
        runs_compiled(Scripted(act=lambda _: 0.0), "compiled")
    with pytest.raises(ConfigError, match="Native has no on_bar method, the twin in Python"):
        runs_compiled(Native(given=decide_nothing), "python")


class Bare:
    """An agent that is no Strategy."""

    lookback: Any = 0

    def reset(self, rng: Any, instruments: Any) -> None:
        pass

    def on_bar(self, market: Market) -> float:
        return 1.0


def test_an_agent_need_not_be_a_strategy() -> None:
    assert run(Bare()).curve["position"].tolist() == [0.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("lookback", [1.5, -1, "3", None, True, math.nan, 2**70])
def test_a_lookback_that_is_no_number_of_rows_is_refused(lookback: Any) -> None:
    agent = Bare()
    agent.lookback = lookback
    expected = f"Bare.lookback: expected a whole number of rows from 0, got {lookback!r}"
    assert refusal(agent, ConfigError) == expected


def test_a_lookback_or_a_reset_that_raises_or_is_missing_names_the_agent() -> None:
    class NoReset:
        lookback = 0

        def on_bar(self, market: Market) -> float:
            return 1.0

    class NoLookback(NoReset):
        reset = Bare.reset

        @property
        def lookback(self) -> int:  # type: ignore[override]
            return len(self.window)  # type: ignore[attr-defined]

    class BadReset(Bare):
        def reset(self, rng: Any, instruments: Any) -> None:
            raise ValueError("no model file")

    assert "NoReset.reset(rng, instruments), before the first event: AttributeError" in refusal(NoReset())
    assert "NoLookback.lookback: AttributeError" in refusal(NoLookback())
    assert refusal(BadReset()) == "BadReset.reset(rng, instruments), before the first event: ValueError: no model file"


def test_an_error_that_an_agent_explains_itself_in_reset_is_passed_on() -> None:
    class Explains(Bare):
        def reset(self, rng: Any, instruments: Any) -> None:
            raise ConfigError("model.npz: trained on another instrument")

    assert refusal(Explains(), ConfigError) == "model.npz: trained on another instrument"


def test_a_lookback_as_long_as_the_tape_never_decides_and_one_less_decides_once() -> None:
    agent = Bare()
    agent.lookback = 4
    never = run(agent)
    assert never.counts["decisions"] == 0
    assert [text for text in never.warnings if "never decided" in text]
    agent.lookback = 3
    once = run(agent)
    assert once.counts["decisions"] == 1
    assert not [text for text in once.warnings if "never decided" in text]


# --- compiled -------------------------------------------------------------------------------------------------------


@compiled_agent
def decide_nothing(context: Any, memory: Any, history: Any, row: int) -> int:
    return OK


@compiled_agent
def raise_on_third_bar(context: Any, memory: Any, history: Any, row: int) -> int:
    if row == 2:
        raise ValueError("spread is negative")
    return OK


@compiled_agent
def divide_floats(context: Any, memory: Any, history: Any, row: int) -> int:
    context.targets[0] = 1.0 / (history[row, 3] - 102.0) / 10.0
    return OK


@compiled_agent
def divide_integers(context: Any, memory: Any, history: Any, row: int) -> int:
    context.targets[0] = 1 // (row - 2)
    return OK


@compiled_agent
def look_beyond_the_end(context: Any, memory: Any, history: Any, row: int) -> int:
    context.targets[0] = 1.0 if history[row + 2, 3] > 0.0 else 0.0
    return OK


@compiled_agent
def look_at_a_column_that_is_not_there(context: Any, memory: Any, history: Any, row: int) -> int:
    context.targets[0] = 1.0 if row < 2 or history[row, 5] > 0.0 else 0.0
    return OK


@compiled_agent
def write_beyond_its_memory(context: Any, memory: Any, history: Any, row: int) -> int:
    memory[row // 2] = 1.0
    return OK


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (raise_on_third_bar, "ValueError: spread is negative (test_agent_failures.py, line "),
        (divide_floats, "ZeroDivisionError: division by zero"),
        (divide_integers, "ZeroDivisionError: integer division by zero"),
        (look_beyond_the_end, "IndexError: index is out of bounds"),
        (look_at_a_column_that_is_not_there, "IndexError: index is out of bounds"),
        (write_beyond_its_memory, "IndexError: index is out of bounds"),
    ],
)
def test_a_compiled_agent_that_fails_on_the_third_bar_names_agent_event_and_cause(
    function: AgentFunction, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    message = refusal(Native(given=function))
    assert message.startswith(f"Native: compiled function {function.__name__} at {THIRD}: {said}")
    assert capfd.readouterr() == ("", "")  # numba's own report is kept off the terminal


def test_the_exception_of_a_compiled_agent_is_the_cause_of_ours() -> None:
    with pytest.raises(StrategyError) as caught:
        run(Native(given=raise_on_third_bar))
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_compiled_agent_with_a_twin_is_told_how_to_see_the_line() -> None:
    class Both(Native):
        def on_bar(self, market: Market) -> float:
            return 1.0 / (market.close - 102.0) / 10.0

    agent = Both(given=divide_floats)
    assert refusal(agent).endswith("; mode='python' shows the line")
    assert re.search(rf"Both.on_bar at {THIRD}: .* \(test_agent_failures.py, line \d+\)", refusal(agent, mode="python"))


def test_a_failure_leaves_nothing_behind_for_the_next_run() -> None:
    before = sys.unraisablehook
    refusal(Native(given=divide_floats))
    assert sys.unraisablehook is before
    assert "returned 2" in refusal(Native(given=status_two))
    assert run(Native(given=decide_nothing)).counts["decisions"] == 4


def test_agents_that_fail_in_two_threads_at_once_each_get_their_own_message() -> None:
    before = sys.unraisablehook
    functions = [divide_floats, raise_on_third_bar, status_two, set_nan] * 10
    with ThreadPoolExecutor(2) as pool:
        messages = list(pool.map(lambda function: refusal(Native(given=function)), functions))
    for message, said in zip(
        messages, ["division by zero", "spread is negative", "returned 2", "target nan"] * 10, strict=True
    ):
        assert said in message
    assert sys.unraisablehook is before


def test_what_others_cannot_raise_is_still_reported_during_a_compiled_run(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", seen.append)

    class Leaky:
        def __del__(self) -> None:
            raise RuntimeError("in a finalizer")

    def progress(_: int) -> None:
        Leaky()

    run(Native(given=decide_nothing), progress=progress)
    assert [type(one.exc_value) for one in seen] == [RuntimeError]


@compiled_agent
def set_nan(context: Any, memory: Any, history: Any, row: int) -> int:
    context.targets[0] = math.nan if row == 2 else 0.0
    return OK


@compiled_agent
def set_infinite(context: Any, memory: Any, history: Any, row: int) -> int:
    context.targets[0] = -math.inf if row == 2 else 0.0
    return OK


@compiled_agent
def set_too_much(context: Any, memory: Any, history: Any, row: int) -> int:
    context.targets[0] = 1.5 if row == 2 else 0.0
    return OK


@pytest.mark.parametrize(("function", "value"), [(set_nan, "nan"), (set_infinite, "-inf"), (set_too_much, "1.5")])
def test_a_compiled_target_out_of_range_names_agent_target_and_time(function: AgentFunction, value: str) -> None:
    message = refusal(Native(given=function))
    assert message.startswith(f"Native: target {value} for UNIT at {THIRD}; expected a number from -1 to 1")


@compiled_agent
def status_two(context: Any, memory: Any, history: Any, row: int) -> int:
    return OK + row // 2


@compiled_agent
def status_zero(context: Any, memory: Any, history: Any, row: int) -> int:
    return OK - row // 2


@pytest.mark.parametrize(("function", "status"), [(status_two, "2"), (status_zero, "0")])
def test_a_wrong_status_names_agent_event_and_the_right_one(function: AgentFunction, status: str) -> None:
    message = refusal(Native(given=function))
    assert message.startswith(f"Native: compiled function {function.__name__} at {THIRD} returned {status}; ")
    assert "expected hs.OK, which is 1" in message


@compiled_agent
def forget_the_status(context: Any, memory: Any, history: Any, row: int) -> int:
    context.targets[0] = 1.0
    return None  # type: ignore[return-value]


@compiled_agent
def return_text(context: Any, memory: Any, history: Any, row: int) -> int:
    return "long"  # type: ignore[return-value]


@compiled_agent
def set_an_unknown_field(context: Any, memory: Any, history: Any, row: int) -> int:
    context.target = 1.0
    return OK


@compiled_agent
def take_too_little(context: Any, memory: Any, history: Any) -> int:
    return OK


@compiled_agent
def write_to_history(context: Any, memory: Any, history: Any, row: int) -> int:
    history[row, 3] = 1.0
    return OK


@compiled_agent
def use_an_unknown_name(context: Any, memory: Any, history: Any, row: int) -> int:
    return OK + no_such_name  # type: ignore[name-defined, no-any-return]  # noqa: F821


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (forget_the_status, "No conversion from none to int64"),
        (return_text, "No conversion from"),
        (set_an_unknown_field, "context has no field 'target'; there are time, kind"),
        (take_too_little, "function takes 3 arguments"),
        (write_to_history, "readonly array"),
        (use_an_unknown_name, "no_such_name"),
    ],
)
def test_a_function_that_numba_cannot_compile_is_named_with_its_place_and_numbas_reason(
    function: AgentFunction, said: str
) -> None:
    message = refusal(Native(given=function))
    assert f".{function.__name__} (" in message
    assert f"{Path(__file__).name}, line " in message
    assert "numba cannot compile it as (context, memory, history, row) -> int status: " in message
    assert said in message


def test_a_function_that_numba_has_compiled_already_is_taken_too() -> None:
    decorated: Any = numba.njit(hold_long)
    assert run(Native(given=compiled_agent(decorated))).curve["position"].tolist() == [0.0, 1.0, 1.0, 1.0]


def hold_long(context: Any, memory: Any, history: Any, row: int) -> int:
    context.targets[0] = 1.0
    return OK


@pytest.mark.parametrize("start", [np.zeros((2, 2)), 3.0, "x", {"a": 1}])
def test_a_memory_that_is_no_row_of_numbers_is_refused(start: Any) -> None:
    assert "Native.memory()" in refusal(Native(given=decide_nothing, start=start))


@pytest.mark.parametrize("start", [[1, 2], np.zeros(8)[::2], np.zeros(3, np.float32), np.array([1])])
def test_a_memory_of_any_numbers_is_taken(start: Any) -> None:
    assert run(Native(given=decide_nothing, start=start)).counts["decisions"] == 4


def test_compiled_agents_fail_alike_in_a_process_where_every_warning_is_an_error(tmp_path: Path) -> None:
    script = """
import sys
from halfspread.errors import StrategyError
from halfspread.strategies import SmaCross
from tests.engine.test_agent_failures import Native, divide_floats, run
try:
    run(Native(given=divide_floats))
except StrategyError as error:
    print(error)
run(SmaCross(fast=1, slow=2))
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Native: compiled function divide_floats at {THIRD}: ZeroDivisionError")


def test_a_built_in_expert_has_a_twin_in_every_mode() -> None:
    modes = {mode: run(SmaCross(fast=1, slow=2), mode=mode).mode for mode in ("auto", "compiled", "python")}
    assert modes == {"auto": "compiled", "compiled": "compiled", "python": "python"}
