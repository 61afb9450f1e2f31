"""Strategies that decide in compiled code: parameters in Python, the decision in one function over arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from halfspread.engine.agent_functions import AgentFunction
from halfspread.errors import ConfigError
from halfspread.strategies.base import Strategy

if TYPE_CHECKING:
    from halfspread.engine.market import Market
    from halfspread.strategies.base import Targets

__all__ = ["CompiledStrategy"]


class CompiledStrategy(Strategy):
    """Base of compiled strategies: set ``function``, and override `memory` to hand over the parameters.

    The function decides on the events that ``events`` names, on bars where it names none; it sets
    ``context.targets[k]`` and sends orders with the functions of ``halfspread.engine.order_kernels``. It is called once
    for all events of one time; ``context.kind`` holds their kinds.

    An `on_bar`, or other methods for the events, may stand beside it as its twin in plain Python (``mode="python"``
    runs those instead).
    """

    function: ClassVar[AgentFunction]

    def memory(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """A new memory for a run; the function gets it as ``memory`` and may change it."""
        return np.zeros(1)

    def on_bar(self, market: Market) -> Targets:
        """The twin in Python, where there is one."""
        raise ConfigError(f"{type(self).__name__} has no twin in Python; run it compiled")

    on_bar.placeholder = True  # type: ignore[attr-defined]
