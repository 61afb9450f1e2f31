"""The one protocol of every agent: rules, clones and learners, in Python or compiled."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from halfspread.engine.agent_functions import AgentFunction
from halfspread.engine.bars import Floats
from halfspread.engine.codes import BAR_CLOSE, BOOK, OWN_ORDER, QUOTE, TIMER, TRADE
from halfspread.engine.instruments import Instrument
from halfspread.engine.market import Market
from halfspread.engine.times import parse_interval
from halfspread.errors import ConfigError, DataError, StrategyError, UserError

__all__ = [
    "METHODS",
    "Agent",
    "CompiledAgent",
    "Wishes",
    "agent_name",
    "decides_in_python",
    "is_compiled",
    "prepare",
    "runs_compiled",
    "wishes_of",
]

#: What an agent may subscribe to, and the method that decides on it.
METHODS = {
    "bar": "on_bar",
    "quote": "on_quote",
    "book": "on_book",
    "trade": "on_trade",
    "timer": "on_timer",
    "fill": "on_fill",
}
TABLES = {"bar": "bars", "quote": "quotes", "book": "books", "trade": "trades"}


@runtime_checkable
class Agent(Protocol):
    """An agent that decides in Python, in one of the methods of `METHODS` or several of them.

    ``lookback``: so many earlier rows of its history stand before the present one whenever it is called; it is not
    called before.
    """

    @property
    def lookback(self) -> int: ...

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        """Forget everything; all randomness of the coming run comes from ``rng``."""
        ...

    def on_bar(self, market: Market) -> float | None:
        """The target position, a fraction of the sizing notional in [-1, 1]; None leaves the last target in force."""
        ...


@runtime_checkable
class CompiledAgent(Protocol):
    """An agent that decides in compiled code, on the events that its ``events`` name (bars unless it says so)."""

    @property
    def lookback(self) -> int: ...

    @property
    def function(self) -> AgentFunction: ...

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None: ...

    def memory(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """A new memory for a run, parameters included."""
        ...


@dataclass(frozen=True)
class Wishes:
    """What an agent subscribes to: names of `METHODS`, the first of a table being its history; the timer in ns."""

    name: str
    events: tuple[str, ...]
    timer: int

    def _table(self, event: str, held: Set[str]) -> str:
        """The table of an event on a tape that holds ``held``: quotes and books stand in for each other."""
        table = TABLES[event]
        if table not in held and event in ("quote", "book"):
            table = {"quotes": "books", "books": "quotes"}[table]
        if table not in held:
            remedy = (
                "make bars of its events with halfspread.datafeeds.aggregate, or in a config with bars_interval"
                if event == "bar"
                else "choose another tape or agent"
            )
            raise DataError(
                f"{self.name} decides on {event} events, and the tape holds {', '.join(sorted(held))} only; {remedy}"
            )
        return table

    def history(self, held: Set[str], shared: Set[str]) -> str:
        """The table that the agent sees. ``shared``: tables that all instruments have, of which an agent sees one that
        subscribes to none. Raises DataError where the tape has not got it."""
        of_tables = [event for event in self.events if event in TABLES]
        if of_tables:
            return self._table(of_tables[0], held)
        return next(kind for kind in ("bars", "books", "quotes", "trades") if kind in (shared or held))

    def kinds(self, held: Set[str]) -> int:
        """Kinds of event to decide on, as bits. Raises DataError where the tape has not got one."""
        bits = {"bars": BAR_CLOSE, "quotes": QUOTE, "books": BOOK, "trades": TRADE}
        found = 0
        for event in self.events:
            if event in TABLES:
                found |= bits[self._table(event, held)]
            else:
                found |= TIMER if event == "timer" else OWN_ORDER
        return found


def is_compiled(agent: object) -> bool:
    """Whether the agent decides in compiled code."""
    return isinstance(getattr(agent, "function", None), AgentFunction)


def agent_name(agent: object) -> str:
    """The name of an agent in messages and tables."""
    return str(getattr(agent, "name", type(agent).__name__))


def has_method(agent: object, method: str) -> bool:
    """Whether the agent has this method; a base class's one that stands for none does not count."""
    found = getattr(agent, method, None)
    return callable(found) and not getattr(found, "placeholder", False)


def methods_of(agent: object) -> tuple[str, ...]:
    """Events that the agent has a method for, in the order of `METHODS`."""
    return tuple(event for event, method in METHODS.items() if has_method(agent, method))


def decides_in_python(agent: object) -> bool:
    """Whether the agent decides in Python too, or only."""
    return bool(methods_of(agent))


def wishes_of(agent: Any, compiled: bool) -> Wishes:
    """What the agent subscribes to: the events that it names, or those it has methods for. Raises ConfigError."""
    name = agent_name(agent)
    named = getattr(agent, "events", None)
    events = tuple(named) if named is not None else (("bar",) if compiled else methods_of(agent))
    unknown = [event for event in events if event not in METHODS]
    if unknown or not events:
        raise ConfigError(
            f"{name}.events: expected some of {', '.join(METHODS)}, got {', '.join(map(str, unknown)) or 'none'}"
        )
    missing = [event for event in events if not compiled and not has_method(agent, METHODS[event])]
    if missing:
        raise ConfigError(f"{name} subscribes to {missing[0]}, but has no method {METHODS[missing[0]]}; define it")
    timer = 0
    if "timer" in events:
        every = getattr(agent, "timer", None)
        if every is None:
            raise ConfigError(f"{name} decides on a timer, but does not say how often; set timer = '1m'")
        timer = parse_interval(every)
    return Wishes(name, events, timer)


def runs_compiled(agent: object, mode: str) -> bool:
    """Whether ``mode`` (auto, compiled or python) runs the compiled form of the agent. Raises ConfigError for an object
    that is no agent, or has not the form asked for."""
    if mode not in ("auto", "compiled", "python"):
        raise ConfigError(f"mode: expected auto, compiled or python, got {mode!r}")
    name = type(agent).__name__
    if isinstance(agent, type):
        raise ConfigError(f"expected an agent, got the class {agent.__name__}; make one of it: {agent.__name__}(...)")
    if callable(getattr(agent, "function", None)) and not is_compiled(agent):
        raise ConfigError(f"{name}.function is not compiled; put @hs.compiled_agent above its definition")
    if mode == "compiled" and not is_compiled(agent):
        raise ConfigError(f"{name} has no compiled function; run it with mode='python'")
    if mode == "python" and is_compiled(agent) and not decides_in_python(agent):
        raise ConfigError(f"{name} has no on_bar method, the twin in Python; run it with mode='compiled'")
    if not (is_compiled(agent) or decides_in_python(agent)):
        raise ConfigError(
            f"{name} decides nothing: it needs a method on_bar(self, market) that returns a target, or a compiled "
            "function; subclass hs.Strategy"
        )
    return is_compiled(agent) and mode != "python"


def prepare(
    agent: Any, compiled: bool, rng: np.random.Generator, instruments: tuple[Instrument, ...]
) -> tuple[int, Floats]:
    """Reset an agent for a run; its lookback, and its memory where it runs compiled.

    Raises ConfigError or StrategyError with the name of the agent where it has not what the protocol asks for.
    """
    name = agent_name(agent)
    try:
        agent.reset(rng, instruments)
    except UserError:
        raise
    except Exception as error:
        raise StrategyError(
            f"{name}.reset(rng, instruments), before the first event: {type(error).__name__}: {error}"
        ) from error
    try:
        lookback = agent.lookback
    except Exception as error:
        raise StrategyError(f"{name}.lookback: {type(error).__name__}: {error}") from error
    if not isinstance(lookback, (int, np.integer)) or isinstance(lookback, bool) or not 0 <= lookback < 2**31:
        raise ConfigError(f"{name}.lookback: expected a whole number of rows from 0, got {lookback!r}")
    return int(lookback), _memory(agent, name) if compiled else np.zeros(1)


def checked_seed(seed: Any) -> int:
    """A seed that makes a run repeatable. Raises ConfigError."""
    if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool) or seed < 0:
        raise ConfigError(f"seed: expected a whole number from 0, so that the run can be repeated; got {seed!r}")
    return int(seed)


def _memory(agent: Any, name: str) -> Floats:
    """A copy, so that an agent that hands out the same array twice starts both runs alike."""
    try:
        made = agent.memory()
        memory = np.array(made, dtype=np.float64, order="C")
    except UserError:
        raise
    except Exception as error:
        raise StrategyError(f"{name}.memory(), before the first event: {type(error).__name__}: {error}") from error
    if memory.ndim != 1:
        raise StrategyError(
            f"{name}.memory(): expected an array of numbers with one axis, got {type(made).__name__} of shape "
            f"{memory.shape}; flatten it"
        )
    return memory
