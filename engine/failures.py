"""Say in one sentence what stopped a run: which agent, which event, what to do."""

from __future__ import annotations

from pathlib import Path
from traceback import extract_tb
from typing import Any

from halfspread.engine.agent import decides_in_python
from halfspread.engine.codes import (
    AGENT_STATUS,
    HALF_SPREAD_MISSING,
    HALF_SPREAD_TOO_WIDE,
    IMPACT_UNKNOWN,
    MAX_REPORTS,
    NO_REPORT_PRICE,
    NOT_FINITE,
    OK,
    ORDER_AT_NEXT_CLOSE,
    TARGET_RANGE,
    TOO_MANY_MESSAGES,
    TOO_MANY_REPORTS,
    TOO_MANY_REQUESTS,
)
from halfspread.engine.feed import Feed
from halfspread.engine.order_records import MAX_MESSAGES, MAX_REQUESTS
from halfspread.engine.records import State
from halfspread.engine.subscriptions import agent_name
from halfspread.engine.tape import Tape
from halfspread.engine.times import time_text
from halfspread.errors import DataError, HalfspreadError, InternalError, StrategyError, UserError

__all__ = ["compiled_failure", "failure", "python_failure"]


def failure(agent: Any, tape: Tape, state: State) -> HalfspreadError:
    """The error for the code that the loop has left in the state."""
    run = state.run
    code, when, value = int(run["error"]), time_text(run["now"]), float(run["error_value"])
    k = min(int(run["error_instrument"]), len(tape.feeds) - 1)
    message = _of_agent(code, agent, state, tape.feeds[k], when, value)
    if message is not None:
        return StrategyError(message)
    message = _of_data(code, tape.feeds[k], when, value, float(state.holdings[k]["reference"]))
    if message is not None:
        return DataError(message)
    return InternalError(f"the loop stopped at {when} with code {code} and value {value!r}; please report this")


def _of_agent(code: int, agent: Any, state: State, feed: Feed, when: str, value: float) -> str | None:
    """What the agent did wrong; None where the code says nothing about it."""
    name = agent_name(agent)
    if code == AGENT_STATUS:
        return f"{_function(agent, when)} returned {value:g}; expected hs.OK, which is {OK}, from every path through it"
    if code == TARGET_RANGE:
        return (
            f"{name}: target {value!r} for {feed.instrument.symbol} at {when}; "
            "expected a number from -1 to 1 (a fraction of the sizing notional)"
        )
    if code == TOO_MANY_REQUESTS:
        return f"{_function(agent, when)} made {value:.0f} requests in one decision; expected at most {MAX_REQUESTS}"
    if code == TOO_MANY_REPORTS:
        return (
            f"{name}: more than {MAX_REPORTS:,} reports were on their way to the agent at {when}; shorten the "
            "response latency, or send fewer orders"
        )
    if code == ORDER_AT_NEXT_CLOSE:
        return (
            f"{name}: it sent an order at {when}, and fill = 'next_close' is for targets; an order is filled by the "
            "market that it meets: say fill = 'next_open' or 'this_close'"
        )
    if code == TOO_MANY_MESSAGES:
        return (
            f"{name}: more than {MAX_MESSAGES:,} cancellations, amendments and targets were on their way to the "
            f"exchange at {when}; shorten the order latency, or send fewer"
        )
    return None


def _of_data(code: int, feed: Feed, when: str, value: float, reference: float) -> str | None:
    """What the data lack; None where the code says nothing about it."""
    symbol = feed.instrument.symbol
    if code == HALF_SPREAD_MISSING:
        return (
            f"{feed.source}: no bid and ask for a fill of {symbol} at {when}; "
            "HalfSpread.from_bars(missing='last') would use the last spread seen"
        )
    if code == HALF_SPREAD_TOO_WIDE:
        return (
            f"{symbol} at {when}: the half-spread is not smaller than the price {reference:g}, so a sale would be "
            "free; check the unit of the half-spread"
        )
    if code == NO_REPORT_PRICE:
        return (
            f"{feed.source}: no price of {feed.instrument.settle} in the report currency by {when}; "
            "start later (start= or market.start), where the first book, quote or bar has come, or give settle_price= "
            "from before that"
        )
    if code == NOT_FINITE:
        return (
            f"{symbol} at {when}: equity is no longer a finite number ({value}); check the unit of prices and the "
            "size of positions"
        )
    if code == IMPACT_UNKNOWN:
        return (
            f"{symbol} at {when}: the square-root impact needs the volume of a closed bar before, and none was traded; "
            "begin later, or use Impact.none()"
        )
    return None


def compiled_failure(agent: Any, state: State, error: Exception) -> StrategyError:
    """The error for an exception in a compiled agent."""
    text = f"{_function(agent, time_text(state.run['now']))}: {_raised_text(error)}"
    return StrategyError(
        text if _place(error) or not decides_in_python(agent) else f"{text}; mode='python' shows the line"
    )


def _function(agent: Any, when: str) -> str:
    return f"{agent_name(agent)}: compiled function {agent.function.__name__} at {when}"


def python_failure(agent: Any, method: str, state: State, error: Exception, target: Any) -> StrategyError:
    """The error for an exception in a method of the agent, or for a target that is not a number."""
    where = f"{agent_name(agent)}.{method} at {time_text(state.context['time'])}"
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
