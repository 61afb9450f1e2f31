"""`backtest`: one agent, one tape, one cost model, one result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from halfspread.engine.agent import looks_ahead
from halfspread.engine.run import run_backtest
from halfspread.reports.result import Result

if TYPE_CHECKING:
    from halfspread.costs.margin import Margin
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
    fill: Literal["next_open", "this_close", "next_close", "next_event", "this_event"] | None = None,
    capital: float | Mapping[str, float] | None = None,
    report_currency: str | None = None,
    rates: Mapping[str, float] | None = None,
    margin: Margin | None = None,
    matching: Literal["pessimistic", "optimistic"] = "pessimistic",
    stale_after: str | int | float = "1h",
    seed: int = 0,
    mode: Literal["auto", "compiled", "python"] = "auto",
    name: str | None = None,
    period: str | None = None,
    progress: Callable[[int], None] | None = None,
    in_sample: bool = False,
) -> Result:
    """Replay ``tape`` to ``agent`` and charge every cost.

    ``agent``: a `Strategy`, or any object with ``lookback``, ``reset(rng, instruments)`` and ``on_bar(market)``.
    ``sizing``: what a target of 1 stands for. ``fill``: when a decision is filled: at the next open on bars, at the
    next event of the market on quotes, books and trades, unless it says so (docs/fills.md). ``capital``: equity at the
    start in ``report_currency``, by default the sizing notional, that is no leverage; where the instruments settle in
    several currencies it is divided equally, or given for each. ``report_currency``: by default the quote currency.
    ``rates``: fixed prices of settle currencies in report currency, such as {"USDT": 1.0}. ``margin``: by default
    cross margin at the highest leverage of each tier, with liquidation (docs/margin.md); `Margin.none()` for none.
    ``matching``: what is assumed where the data cannot tell. ``stale_after``: quotes that stand still for longer are a
    gap without a market; 0 for never. ``seed``: of the generators handed to the agent and to the latencies. ``mode``:
    ``"python"`` runs the Python twin of a compiled agent. ``period``: how often the attribution is recorded, such as
    ``"1h"``; by default minutes, hours or days by the length of the tape. ``progress``: called with the number of
    events replayed, about every 200,000. ``in_sample``: run a learnt agent on what it was trained on, too
    (docs/models.md).

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
        rates=rates,
        margin=margin,
        matching=matching,
        stale_after=stale_after,
        seed=seed,
        mode=mode,
        name=name,
        period=period,
        progress=progress,
        in_sample=in_sample,
    )
    return Result.of(result, seed=seed, looks_ahead=looks_ahead(agent))
