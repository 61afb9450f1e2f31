"""Where a compiled agent stands in memory, so that another compiled agent can call it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from numba.experimental import function_type

from halfspread.engine.agent_functions import SIGNATURE, AgentFunction

__all__ = ["addresses_of"]


@lru_cache(maxsize=256)  # an entry keeps its function alive
def addresses_of(function: AgentFunction) -> tuple[int, int]:
    """Addresses of a compiled agent's function for ``call_kernels.agent_at``; good as long as ``function`` lives.
    Raises StrategyError where it cannot be compiled."""
    native: Any = function.native
    of: Any = function_type
    return int(of._get_wrapper_address(native, SIGNATURE)), int(of._get_jit_address(native, SIGNATURE))
