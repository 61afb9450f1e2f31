"""Whether an agent does the same when it runs again: the cells of one that does not cannot be told apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from halfspread.configs.cell_work import DONE, Outcome
from halfspread.configs.cells import Cell
from halfspread.errors import InternalError, StrategyError

__all__ = ["changed_metric", "refuse_changed", "refuse_changed_outcome"]

_CAUSES = (
    "it keeps something from one run to the next, or draws random numbers of its own: a class attribute, a global of "
    "its module, random, np.random or the clock; set all state in reset(), and draw from the rng that reset() is given"
)


def changed_metric(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What differs first between the metrics of a run and those of its repetition, in words; empty where nothing does.
    NaN is what it was."""
    for name, value in before.items():
        again = now.get(name)
        if again != value and repr(again) != repr(value):
            return f"{name} was {value!r}, and {again!r} when it ran again"
    return ""


def refuse_changed_outcome(before: Outcome, now: Outcome, cell: Cell, agent: Any, label: str) -> None:
    """Raise as `refuse_changed` where a cell that ran twice came out as ``before`` and as ``now``."""
    if before.state != now.state:
        said = f"it was {before.state}, and {now.state} when it ran again ({now.message or before.message})"
    elif before.state != DONE:
        return
    else:
        said = changed_metric(before.metrics, now.metrics)
        if not said and before.pnl.tobytes() != now.pnl.tobytes():
            at = int(np.argmax(before.pnl != now.pnl))
            said = f"the PnL of day {at + 1} was {before.pnl[at]!r}, and {now.pnl[at]!r} when it ran again"
    refuse_changed(said, cell, agent, label)


def refuse_changed(said: str, cell: Cell, agent: Any, label: str, more: str = "") -> None:
    """Raise StrategyError where a cell did not repeat itself (``said``: how), with what to do and ``more``; for an
    agent that comes with halfspread InternalError. Nothing where ``said`` is empty."""
    if not said:
        return
    where = f"cell {cell.index} ({', '.join(cell.settings) or 'the config as it is'}): {said}"
    if type(agent).__module__.startswith("halfspread."):
        raise InternalError(f"agent {label}: {where}")
    raise StrategyError(f"agent {label} does not repeat itself: {where}; {_CAUSES}{more}")
