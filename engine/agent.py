"""The one protocol of every agent: rules, clones and learners, in Python or compiled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from halfspread.engine.agent_functions import AgentFunction
from halfspread.engine.bars import Floats
from halfspread.engine.instruments import Instrument
from halfspread.engine.market import Market
from halfspread.engine.subscriptions import agent_name, methods_of
from halfspread.errors import ConfigError, StrategyError, UserError

__all__ = [
    "Agent",
    "CompiledAgent",
    "decides_in_python",
    "is_compiled",
    "looks_ahead",
    "plain_parameters",
    "prepare",
    "runs_compiled",
    "told_by",
]


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


def is_compiled(agent: object) -> bool:
    """Whether the agent decides in compiled code."""
    return isinstance(getattr(agent, "function", None), AgentFunction)


def looks_ahead(agent: object) -> bool:
    """Whether the agent is told the future, and says so."""
    return bool(getattr(agent, "looks_ahead", False))


def decides_in_python(agent: object) -> bool:
    """Whether the agent decides in Python too, or only."""
    return bool(methods_of(agent))


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
    agent: Any,
    compiled: bool,
    rng: np.random.Generator,
    instruments: tuple[Instrument, ...],
    columns: tuple[tuple[str, ...], ...],
    tables: tuple[frozenset[str], ...] | None = None,
) -> tuple[int, Floats]:
    """Reset an agent for a run; its lookback, and its memory where it runs compiled. After `reset`, one with a method
    ``see_tables`` is told what the tape holds of each instrument (`Feed.held`), then one with a method ``see_columns``
    the columns of the history of each.

    Raises ConfigError or StrategyError with the name of the agent where it has not what the protocol asks for.
    """
    name = agent_name(agent)
    try:
        agent.reset(rng, instruments)
        if tables is not None and hasattr(agent, "see_tables"):
            agent.see_tables(tables)
        if hasattr(agent, "see_columns"):
            agent.see_columns(columns)
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


@dataclass(frozen=True)
class Told:
    """What an agent says of the run behind it."""

    text: str
    counts: dict[str, int]
    warnings: list[str]


def told_by(agent: Any) -> Told:
    """What an agent tells after a run, where it has these methods: ``describe`` (one sentence on how it decided),
    ``counts`` (how often what happened, by name) and ``warnings`` (what a reader has to know). Raises StrategyError
    where they fail or give something else."""

    def ask(what: str, else_this: Any) -> Any:
        found = getattr(agent, what, None)  # a parameter may be called so
        return found() if callable(found) else else_this

    name = agent_name(agent)
    try:
        text = str(ask("describe", ""))
        counts = {str(key): int(value) for key, value in dict(ask("counts", {})).items()}
        warnings = [str(each) for each in ask("warnings", ())]
    except UserError:
        raise
    except Exception as error:
        raise StrategyError(
            f"{name}: describe, counts or warnings, after the run: {type(error).__name__}: {error}"
        ) from error
    return Told(text, counts, warnings)


def plain_parameters(agent: Any) -> dict[str, Any]:
    """The parameters of an agent that tells them, models among them as tables and tuples as lists, as JSON has them."""
    return {name: _plain(value) for name, value in dict(getattr(agent, "parameters", dict)()).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value


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
