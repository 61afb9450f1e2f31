"""`backtest`: one agent, one tape, one cost model, one result."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from halfspread.engine.run import run_backtest
from halfspread.reports.result import Result

if TYPE_CHECKING:
    from halfspread.costs.model import Costs
    from halfspread.engine.sizing import Sizing
    from halfspread.engine.tape import Tape

__all__ = ["backtest"]


def backtest(
    tape: Tape,
    agent: Any,
    costs: Costs,
    *,
    sizing: Sizing,
    fill: Literal["next_open", "this_close", "next_close"] = "next_open",
    capital: float | None = None,
    report_currency: str | None = None,
    seed: int = 0,
    mode: Literal["auto", "compiled", "python"] = "auto",
    name: str | None = None,
    period: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> Result:
    """Replay ``tape`` to ``agent`` and charge every cost.

    ``agent``: a `Strategy`, or any object with ``lookback``, ``reset(rng, instruments)`` and ``on_bar(market)``.
    ``sizing``: what a target of 1 stands for. ``fill``: when a decision made at a bar's close is filled. ``capital``:
    equity at the start in ``report_currency``; by default the sizing notional, that is no leverage.
    ``report_currency``: by default the quote currency of the instrument. ``seed``: of the generator handed to the
    agent. ``mode``: ``"python"`` runs the Python twin of a compiled agent. ``period``: how often the attribution is
    recorded, such as ``"1h"``; by default minutes, hours or days by the length of the tape. ``progress``: called with
    the number of events replayed, about every 200,000.

    Raises DataError, ConfigError or StrategyError with what was expected, what was found and where.
    """
    result = run_backtest(
        tape,
        agent,
        costs,
        sizing=sizing,
        fill=fill,
        capital=capital,
        report_currency=report_currency,
        seed=seed,
        mode=mode,
        name=name,
        period=period,
        progress=progress,
    )
    return Result.of(result)
