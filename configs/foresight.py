"""Hand the tape of a run to an agent that is a bound: it has to know the market before the market begins.

An agent is never given the tape by the engine. One that has a method ``foresee(tape, costs, **options)`` asks for it;
it is marked ``looks_ahead = True``, is shown apart from the agents it bounds, and an audit refuses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from halfspread.costs.model import Costs
from halfspread.engine.tape import Tape

__all__ = ["looks_ahead", "with_foresight"]


def looks_ahead(agent: object) -> bool:
    """Whether an agent is told the future, and says so."""
    return bool(getattr(agent, "looks_ahead", False))


def with_foresight(agent: Any, tape: Tape, costs: Costs, options: Mapping[str, Any]) -> Any:
    """``agent`` itself, or what its ``foresee`` makes of the run to come; ``options`` are those of `run_backtest`.

    Raises what ``foresee`` raises.
    """
    foresee = getattr(agent, "foresee", None)
    return agent if foresee is None else foresee(tape, costs, **options)
