"""Run one agent over one tape through the event loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from halfspread.costs.model import Costs
from halfspread.engine.agent import prepare, runs_compiled
from halfspread.engine.agent_functions import idle, start_loop
from halfspread.engine.failures import compiled_failure, failure, python_failure
from halfspread.engine.loop_kernels import record_period
from halfspread.engine.market import Market
from halfspread.engine.outcome import outcome
from halfspread.engine.recorder import CurveSink, Recorder
from halfspread.engine.records import CHUNK_DONE, CLOSE, FAILED, FILLS_FULL, PERIODS_FULL, PROGRESS, Output, State
from halfspread.engine.result import BacktestResult
from halfspread.engine.setup import PROGRESS_EVENTS, PROGRESS_SECONDS, lay_out
from halfspread.engine.side_data import side_events
from halfspread.engine.sizing import Sizing
from halfspread.engine.tape import EVENTS_IN_CHUNK, Chunk, Tape
from halfspread.engine.terms import agree_terms
from halfspread.errors import DataError, InternalError

__all__ = ["Progress", "run_backtest"]

#: Called with the number of events replayed so far; may raise to stop the run.
Progress = Callable[[int], None]


@dataclass
class _Run:
    agent: Any
    compiled: bool
    tape: Tape
    state: State
    recorder: Recorder
    market: Market
    progress: Progress | None
    reasons: Iterator[int] | None = None
    arrays: tuple[np.ndarray[Any, Any], ...] = ()
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
    terms = agree_terms(tape, costs, sizing, fill, capital, report_currency, period)
    lookback, memory = prepare(agent, compiled, seed, (tape.instrument,))
    state = lay_out(tape, terms, lookback, memory)
    keep = not tape.streamed if keep_curve is None else keep_curve
    lines = (tape.end_ns - tape.start_ns) // terms.period + 3
    recorder = Recorder(len(tape) if keep else None, lines, terms.capital, sink)
    market = Market(tape.instrument, tape.columns, lookback, state.context[0])
    run = _Run(agent, compiled, tape, state, recorder, market, progress)
    side = side_events(terms.funding, tape.mark, tape.index, tape.settle_price, tape.start_ns, tape.end_ns)
    try:
        for chunk in tape.chunks(side, lookback, chunk_events):
            _run_chunk(run, chunk)
    finally:
        _end_loop(run)
    _finish(run)
    return outcome(tape, terms, agent, "compiled" if compiled else "python", name, state, recorder)


def _run_chunk(run: _Run, chunk: Chunk) -> None:
    line, recorder = run.state.run[0], run.recorder
    first = recorder.next_point
    line["cursor"], line["count"], line["points"] = 0, chunk.count, first
    reasons = _reasons(run, chunk)
    if run.compiled:
        _decide_in_compiled_code(run, reasons)
    else:
        _decide_in_python(run, chunk, reasons)
    recorder.end_chunk(int(line["points"]) - first)
    if 2 * line["fills"] > len(recorder.fills):
        recorder.take_fills(int(line["fills"]))
        line["fills"] = 0
    if run.progress is not None:
        run.progress(int(line["events"]))


def _reasons(run: _Run, chunk: Chunk) -> Iterator[int]:
    """The loop over this chunk: the one that runs already, where it holds the same arrays, to save time."""
    recorder = run.recorder
    times, values = recorder.curve_buffers(len(chunk.buffer))
    output = Output(recorder.fills, times, values, recorder.periods)
    arrays = (chunk.history, chunk.buffer, *output)
    if run.reasons is None or any(new is not old for new, old in zip(arrays, run.arrays, strict=True)):
        _end_loop(run)
        run.state.run[0]["count"] = chunk.count
        function = run.agent.function if run.compiled else idle
        run.arrays = arrays
        run.reasons = start_loop(function, run.compiled, run.state, chunk.history, chunk.buffer, output)
    return run.reasons


def _end_loop(run: _Run) -> None:
    """Have the loop let go of its arrays, unless it raised: a compiled generator that has may not be resumed."""
    if run.reasons is not None and not run.state.run[0]["inside"]:
        run.state.run[0]["count"] = -1
        for _ in run.reasons:
            pass
    run.reasons = None


def _decide_in_compiled_code(run: _Run, reasons: Iterator[int]) -> None:
    """Answer the loop until the chunk is done; what comes out of it is an exception of the agent."""
    while True:
        try:
            reason = next(reasons)
        except Exception as error:
            raise compiled_failure(run.agent, run.state, error) from error
        if reason == CHUNK_DONE:
            return
        _answer(run, reason)


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
                if reason == CHUNK_DONE:
                    return
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
    record_period(state, int(state.run[0]["now"]), recorder.periods)
    recorder.last_periods(int(state.run[0]["periods"]))
    recorder.take_fills(int(state.run[0]["fills"]))
