"""Say in one sentence what stopped a run: which agent, which event, what to do."""

from __future__ import annotations

from typing import Any

from halfspread.engine.records import (
    AGENT_STATUS,
    HALF_SPREAD_MISSING,
    HALF_SPREAD_TOO_WIDE,
    NO_REPORT_PRICE,
    TARGET_RANGE,
)
from halfspread.engine.setup import State
from halfspread.engine.tape import Tape
from halfspread.engine.times import time_text
from halfspread.errors import DataError, HalfspreadError, InternalError, StrategyError

__all__ = ["agent_name", "failure", "python_failure"]


def failure(agent: Any, tape: Tape, state: State) -> HalfspreadError:
    """The error for the code that the loop has left in the state."""
    run = state.run[0]
    name, when = agent_name(agent), time_text(run["now"])
    value, symbol = float(run["error_value"]), tape.instrument.symbol
    code = int(run["error"])
    if code == AGENT_STATUS:
        return StrategyError(_status_text(name, value, when, int(run["decisions"])))
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


def _status_text(name: str, value: float, when: str, decisions: int) -> str:
    if value == 0.0:
        return (
            f"{name}: the compiled function failed at {when} (decision {decisions + 1}): it raised, divided by zero or "
            "did not return hs.OK. numba prints the exception above; mode='python' shows where, if there is an on_bar"
        )
    return f"{name}: the compiled function returned status {value:g} at {when} (decision {decisions + 1}); hs.OK is 1"


def python_failure(agent: Any, state: State, error: Exception) -> StrategyError:
    """The error for an exception in ``on_bar``, or for a target that is not a number."""
    when = time_text(state.context[0]["time"])
    if isinstance(error, TypeError) and error.__traceback__ is not None and error.__traceback__.tb_next is None:
        return StrategyError(
            f"{agent_name(agent)}.on_bar at {when}: expected a number from -1 to 1, or None to keep the target; {error}"
        )
    return StrategyError(f"{agent_name(agent)}.on_bar at {when}: {type(error).__name__}: {error}")


def agent_name(agent: Any) -> str:
    """The name of an agent in messages and tables."""
    return str(getattr(agent, "name", type(agent).__name__))
