"""The one protocol of every agent: rules, clones and learners, in Python or compiled."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np

from halfspread.engine.agent_functions import AgentFunction
from halfspread.engine.instruments import Instrument
from halfspread.engine.market import Market

__all__ = ["Agent", "CompiledAgent", "is_compiled"]


@runtime_checkable
class Agent(Protocol):
    """An agent that is called once per bar close, in Python.

    ``lookback``: so many earlier bars stand before the present one whenever it is called; it is not called before.
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
    """An agent that decides in compiled code."""

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
