"""Run one agent over one tape through the event loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd

from halfspread.costs.funding import FundingTable, complete
from halfspread.costs.model import Costs
from halfspread.engine.agent import agent_name, prepare, runs_compiled
from halfspread.engine.agent_functions import idle
from halfspread.engine.assumptions import counts_of, describe_run, warnings_of
from halfspread.engine.failures import catch_exceptions, failure, python_failure
from halfspread.engine.loop_kernels import loop, record_period
from halfspread.engine.market import Market
from halfspread.engine.recorder import CurveSink, Recorder, recording_period
from halfspread.engine.records import ATTRIBUTION, CLOSE, FAILED, FILLS_FULL, PERIODS_FULL, PROGRESS
from halfspread.engine.result import BacktestResult
from halfspread.engine.setup import CONVENTIONS, PROGRESS_EVENTS, PROGRESS_SECONDS, State, lay_out
from halfspread.engine.side_data import side_events
from halfspread.engine.sizing import FixedContracts, FixedNotional, Sizing
from halfspread.engine.tape import EVENTS_IN_CHUNK, Chunk, Tape
from halfspread.engine.times import parse_interval
from halfspread.errors import ConfigError, DataError, InternalError

__all__ = ["Progress", "run_backtest"]

#: Called with the number of events replayed so far; may raise to stop the run.
Progress = Callable[[int], None]

#: Equity less the sum of its attributions may differ by this much of the larger of capital and turnover.
TOLERANCE = 1e-9


@dataclass
class _Run:
    agent: Any
    compiled: bool
    tape: Tape
    state: State
    recorder: Recorder
    market: Market
    progress: Progress | None
    looked_up: float = field(default_factory=perf_counter)


def run_backtest(
    tape: Tape,
    agent: Any,
    costs: Costs,
    *,
    sizing: Sizing,
    fill: str = "next_open",
    capital: float | None = None,
    report_currency: str | None = None,
    seed: int = 0,
    mode: str = "auto",
    name: str | None = None,
    period: str | None = None,
    chunk_events: int = EVENTS_IN_CHUNK,
    keep_curve: bool | None = None,
    sink: CurveSink | None = None,
    progress: Progress | None = None,
) -> BacktestResult:
    """Replay ``tape`` to ``agent`` and charge ``costs``; see `halfspread.backtest` for the arguments.

    ``keep_curve`` keeps a point per bar in memory (default: unless the tape is streamed); ``sink`` gets them chunk by
    chunk. Results depend neither on ``chunk_events`` nor on ``mode``.
    """
    compiled = runs_compiled(agent, mode)
    if fill not in CONVENTIONS:
        raise ConfigError(f"fill: expected one of {', '.join(CONVENTIONS)}, got {fill!r}")
    currency = report_currency or tape.instrument.quote
    notional = _notional(tape, sizing, capital, currency)
    capital = notional if capital is None else _positive(capital, "capital")
    step = parse_interval(period) if period is not None else recording_period(tape.end_ns - tape.start_ns)
    _check_half_spread(tape, costs)
    funding, filled = _funding(tape, costs)
    lookback, memory = prepare(agent, compiled, seed, (tape.instrument,))
    state = lay_out(
        tape,
        costs,
        sizing,
        convention=fill,
        capital=capital,
        report_currency=currency,
        lookback=lookback,
        memory=memory,
        period=step,
    )
    keep = not tape.streamed if keep_curve is None else keep_curve
    lines = (tape.end_ns - tape.start_ns) // step + 3
    recorder = Recorder(len(tape) if keep else None, lines, capital, sink)
    market = Market(tape.instrument, tape.columns, lookback, state.context[0])
    run = _Run(agent, compiled, tape, state, recorder, market, progress)
    side = side_events(funding, tape.mark, tape.index, tape.settle_price, tape.start_ns, tape.end_ns)
    for chunk in tape.chunks(side, lookback, chunk_events):
        _run_chunk(run, chunk)
    _finish(run)
    attribution = _attribution(state, "report")
    attribution["collateral"] = float(state.account[0]["collateral"])
    attribution["total"] = sum(attribution.values())
    _check_attribution(state, attribution, capital)
    settle = _attribution(state, "settle")
    settle["total"] = sum(settle.values())
    times, values = recorder.curve()
    return BacktestResult(
        name=name or agent_name(agent),
        agent=agent_name(agent),
        agent_params=dict(getattr(agent, "parameters", dict)()),
        mode="compiled" if compiled else "python",
        instruments=(tape.instrument,),
        report_currency=currency,
        settle_currency=tape.instrument.settle,
        notional=notional,
        capital=capital,
        start=pd.Timestamp(tape.start_ns, tz="UTC"),
        end=pd.Timestamp(int(state.run[0]["now"]), tz="UTC"),
        bars=int(state.holdings[0]["bars"]),
        interval=tape.interval,
        period=step,
        fill_convention=fill,
        attribution=attribution,
        attribution_settle=settle,
        turnover=float(state.holdings[0]["turnover"]),
        settlements=int(state.holdings[0]["settlements"]),
        streamed_drawdowns=None if keep else (recorder.equity.deepest, recorder.pnl.deepest / notional),
        assumptions=describe_run(tape, costs, sizing, fill, currency, notional, capital, state),
        warnings=warnings_of(tape, costs, state, recorder, filled, currency),
        counts=counts_of(tape, state, len(filled)),
        curve_times=times,
        curve_values=values,
        fill_records=recorder.all_fills(),
        period_records=recorder.all_periods(),
    )


def _positive(value: Any, what: str) -> float:
    if not (isinstance(value, (int, float, np.number)) and np.isfinite(value) and value > 0):
        raise ConfigError(f"{what}: expected an amount above zero, got {value!r}")
    return float(value)


def _notional(tape: Tape, sizing: Sizing, capital: float | None, currency: str) -> float:
    """Base of the constant-notional view of return, in report currency."""
    if isinstance(sizing, FixedNotional):
        return sizing.amount
    if isinstance(sizing, FixedContracts):
        instrument, price = tape.instrument, tape.bars.first_close
        worth = instrument.notional(sizing.contracts, price)
        return worth * price if instrument.kind == "inverse" and currency == instrument.quote else worth
    if capital is None:
        raise ConfigError("sizing by a fraction of equity needs capital=, the equity at the start in report currency")
    return _positive(capital, "capital")


def _check_half_spread(tape: Tape, costs: Costs) -> None:
    if costs.half_spread.kind == "bars" and tape.quote_column < 0:
        raise DataError(
            f"{tape.bars.source}: the half-spread is to come from the bars, but they have no bid_open, ask_open, "
            f"bid_close, ask_close; found {', '.join(tape.columns)}. Use HalfSpread.ticks, .bps or .price"
        )


def _funding(tape: Tape, costs: Costs) -> tuple[FundingTable | None, list[int]]:
    """The settlements to charge, and the times of those that the policy filled in."""
    if costs.funding.kind == "none":
        return None, []
    if tape.funding is None:
        raise DataError(
            f"{tape.bars.source}: funding is to be charged, but the tape has no rates: give "
            "Tape.from_bars(funding=...), or say Funding.none() to leave funding out"
        )
    return complete(tape.funding, tape.start_ns, tape.end_ns, costs.funding)


def _run_chunk(run: _Run, chunk: Chunk) -> None:
    state, recorder = run.state, run.recorder
    times, values = recorder.curve_buffers(len(chunk.events))
    state.run[0]["cursor"] = state.run[0]["points"] = 0
    reasons = loop(
        run.agent.function.native if run.compiled else idle.native,
        run.compiled,
        state.run,
        state.account,
        state.holdings,
        state.contracts,
        state.starts,
        state.schedule,
        state.context,
        state.memory,
        chunk.history,
        chunk.events,
        recorder.fills,
        times,
        values,
        recorder.periods,
    )
    if run.compiled:
        with catch_exceptions():
            for reason in reasons:
                _answer(run, reason)
    else:
        _decide_in_python(run, chunk, reasons)
    recorder.end_chunk(int(state.run[0]["points"]))
    if run.progress is not None:
        run.progress(int(state.run[0]["events"]))


def _decide_in_python(run: _Run, chunk: Chunk, reasons: Iterator[int]) -> None:
    """Call the agent at every yield that asks for a decision. Only what every agent needs is copied, the rest is looked
    up."""
    market, decide, first = run.market, run.agent.on_bar, chunk.first_row
    market._show(chunk.history)
    closes = chunk.history[first : chunk.end_row, CLOSE].tolist()
    targets = memoryview(run.state.context["targets"][0])
    positions = memoryview(run.state.context["positions"][0])
    reason, target = PROGRESS, None
    try:
        for reason in reasons:
            if reason < 0:
                _answer(run, reason)
                continue
            market._row = reason
            market.close = closes[reason - first]
            market.position = positions[0]
            target = decide(market)
            if target is not None:
                targets[0] = target
    except Exception as error:
        if reason < 0:
            raise
        raise python_failure(run.agent, run.state, error, target) from error


def _answer(run: _Run, reason: int) -> None:
    """Do what the loop asks for besides decisions."""
    state, recorder = run.state.run[0], run.recorder
    if reason == FILLS_FULL:
        recorder.empty_fills(int(state["fills"]))
        state["fills"] = 0
    elif reason == PERIODS_FULL:
        recorder.empty_periods(int(state["periods"]))
        state["periods"] = 0
    elif reason == PROGRESS:
        _pace(run)
        if run.progress is not None:
            run.progress(int(state["events"]))
    elif reason == FAILED:
        raise failure(run.agent, run.tape, run.state)
    else:
        raise InternalError(f"the loop gave an unknown reason {reason}")


def _pace(run: _Run) -> None:
    """Have the loop come back in `PROGRESS_SECONDS` or earlier, so that Ctrl-C is heard beside a slow compiled
    agent."""
    state, now = run.state.run[0], perf_counter()
    faster = min(8.0, PROGRESS_SECONDS / max(now - run.looked_up, 1e-9))
    events = min(max(int(int(state["progress_every"]) * faster), 1), PROGRESS_EVENTS)
    state["progress_every"], state["next_progress"] = events, int(state["events"]) + events
    run.looked_up = now


def _finish(run: _Run) -> None:
    """Write the last period and empty the buffers."""
    state, recorder = run.state, run.recorder
    if not int(state.holdings[0]["bars"]):
        raise DataError(f"{run.tape.bars.source}: no bars were replayed")
    if int(state.run[0]["periods"]) + len(state.holdings) > len(recorder.periods):
        _answer(run, PERIODS_FULL)
    record_period(state.run[0], state.account[0], state.holdings, int(state.run[0]["now"]), recorder.periods)
    recorder.last_periods(int(state.run[0]["periods"]))
    recorder.empty_fills(int(state.run[0]["fills"]))


def _attribution(state: State, currency: str) -> dict[str, float]:
    return {name: float(state.holdings[f"{name}_{currency}"].sum()) for name in ATTRIBUTION}


def _check_attribution(state: State, attribution: dict[str, float], capital: float) -> None:
    """The books must close: equity, kept on its own from cash and positions, against the sum of attributions."""
    account, turnover = state.account[0], float(state.holdings["turnover"].sum())
    change = float(account["equity_report"]) - capital
    if abs(change - attribution["total"]) > TOLERANCE * max(capital, turnover):
        raise InternalError(
            f"equity changed by {change!r}, but its attributions sum to {attribution['total']!r}; please report this"
        )
