"""Hand the tape of a run to an agent that is a bound: it has to know the market before the market begins.

An agent is never given the tape by the engine. One that has a method ``foresee(tape, costs, **options)`` asks for it;
it is marked ``looks_ahead = True``, is shown apart from the agents it bounds, and an audit refuses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from halfspread.costs.model import Costs
from halfspread.engine.agent import looks_ahead
from halfspread.engine.tape import Tape
from halfspread.errors import StrategyError

__all__ = ["marked", "with_foresight"]


def with_foresight(agent: Any, tape: Tape, costs: Costs, options: Mapping[str, Any]) -> Any:
    """``agent`` itself, or what its ``foresee`` makes of the run to come; ``options`` are those of `run_backtest`.

    Raises what `marked` and ``foresee`` raise.
    """
    foresee = getattr(marked(agent), "foresee", None)
    return agent if foresee is None else foresee(tape, costs, **options)


def marked(agent: Any) -> Any:
    """``agent`` itself. Raises StrategyError where it asks for the future and does not say so."""
    if hasattr(agent, "foresee") and not looks_ahead(agent):
        name = type(agent).__name__
        raise StrategyError(
            f"{name}: its method foresee is given the whole market before a run, and {name} does not say that it "
            "looks ahead; set looks_ahead: ClassVar[bool] = True, which makes it a bound for other agents, or call the "
            "method otherwise"
        )
    return agent
