"""Run one agent over one tape."""

from __future__ import annotations

from typing import Any, Unpack

from halfspread.costs.model import Costs
from halfspread.engine.result import BacktestResult
from halfspread.engine.session import Options, Session
from halfspread.engine.tape import Tape

__all__ = ["run_backtest"]


def run_backtest(
    tape: Tape, agent: Any, costs: Costs, *, name: str | None = None, **options: Unpack[Options]
) -> BacktestResult:
    """Replay ``tape`` to ``agent`` and charge ``costs``; see `halfspread.backtest` and `Options` for the arguments.

    Raises ConfigError, DataError or StrategyError with what to change.
    """
    with Session(tape, agent, costs, options) as session:
        for chunk in session.replay:
            session.feed(chunk)
        return session.finish(name)
