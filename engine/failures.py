"""Say in one sentence what stopped a run: which agent, which event, what to do."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import extract_tb
from typing import Any

from halfspread.engine.agent import agent_name, has_on_bar
from halfspread.engine.records import (
    AGENT_STATUS,
    HALF_SPREAD_MISSING,
    HALF_SPREAD_TOO_WIDE,
    NO_REPORT_PRICE,
    OK,
    TARGET_RANGE,
    State,
)
from halfspread.engine.tape import Tape
from halfspread.engine.times import time_text
from halfspread.errors import DataError, HalfspreadError, InternalError, StrategyError, UserError

__all__ = ["catch_exceptions", "failure", "python_failure"]


class _Catcher(threading.local):
    """Per thread: whether a compiled agent is running, and the first exception that it raised."""

    running = False
    exception: BaseException | None = None


_catcher = _Catcher()
_hook_lock = threading.Lock()
_hook_users = 0
_hook_before: Any = None


@contextmanager
def catch_exceptions() -> Iterator[None]:
    """Keep exceptions of compiled agents for `failure`.

    numba cannot raise them: it hands them to `sys.unraisablehook`, which prints them (under pytest: fails the test).
    """
    global _hook_users, _hook_before  # noqa: PLW0603
    with _hook_lock:
        _hook_users += 1
        if _hook_users == 1:
            _hook_before, sys.unraisablehook = sys.unraisablehook, _catch
    outer = _catcher.running, _catcher.exception
    _catcher.running, _catcher.exception = True, None
    try:
        yield
    finally:
        _catcher.running, _catcher.exception = outer
        with _hook_lock:
            _hook_users -= 1
            if _hook_users == 0:
                sys.unraisablehook = _hook_before


def _catch(unraisable: Any) -> None:
    """Our own are those with a text for an object, which is what numba puts there."""
    if _catcher.running and isinstance(unraisable.object, str) and unraisable.exc_value is not None:
        _catcher.exception = _catcher.exception or unraisable.exc_value
    else:
        _hook_before(unraisable)


def failure(agent: Any, tape: Tape, state: State) -> HalfspreadError:
    """The error for the code that the loop has left in the state."""
    run = state.run[0]
    name, when = agent_name(agent), time_text(run["now"])
    value, symbol = float(run["error_value"]), tape.instrument.symbol
    code = int(run["error"])
    if code == AGENT_STATUS:
        raised = _catcher.exception
        error = StrategyError(_status_text(agent, raised, value, when))
        error.__cause__ = raised
        return error
    if code == TARGET_RANGE:
        return StrategyError(
            f"{name}: target {value!r} for {symbol} at {when}; "
            "expected a number from -1 to 1 (a fraction of the sizing notional)"
        )
    if code == HALF_SPREAD_MISSING:
        return DataError(
            f"{tape.bars.source}: no bid and ask for a fill of {symbol} at {when}; "
            "HalfSpread.from_bars(missing='last') would use the last spread seen"
        )
    if code == HALF_SPREAD_TOO_WIDE:
        reference = float(state.holdings[0]["reference"])
        return DataError(
            f"{symbol} at {when}: the half-spread is not smaller than the price {reference:g}, so a sale would be "
            "free; check the unit of the half-spread"
        )
    if code == NO_REPORT_PRICE:
        return DataError(
            f"{tape.bars.source}: no price of {tape.instrument.settle} in the report currency by {when}; "
            "settle_price= has to begin before the bars"
        )
    return InternalError(f"the loop stopped at {when} with code {code} and value {value!r}; please report this")


def _status_text(agent: Any, raised: BaseException | None, status: float, when: str) -> str:
    function = f"{agent_name(agent)}: compiled function {agent.function.__name__} at {when}"
    if raised is not None:
        text = f"{function}: {_raised_text(raised)}"
        return text if _place(raised) or not has_on_bar(agent) else f"{text}; mode='python' shows the line"
    return f"{function} returned {status:g}; expected hs.OK, which is {OK}, from every path through the function"


def python_failure(agent: Any, state: State, error: Exception, target: Any) -> StrategyError:
    """The error for an exception in ``on_bar``, or for a target that is not a number."""
    where = f"{agent_name(agent)}.on_bar at {time_text(state.context[0]['time'])}"
    if error.__traceback__ is not None and error.__traceback__.tb_next is None and "memoryview" in str(error):
        return StrategyError(
            f"{where}: expected a number from -1 to 1, or None to keep the target; got {_short(target)} "
            f"({type(target).__name__})"
        )
    return StrategyError(f"{where}: {_raised_text(error)}")


def _raised_text(error: BaseException) -> str:
    """What was raised, and where in the user's code."""
    said = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}".removesuffix(": ")
    return said + _place(error)


def _place(error: BaseException) -> str:
    """The last line outside of this package that an exception passed through; nothing where it is not known."""
    frames = [frame for frame in extract_tb(error.__traceback__) if not _ours(frame.filename)]
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""


def _ours(file: str) -> bool:
    return Path(file).resolve().parent == Path(__file__).resolve().parent


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
