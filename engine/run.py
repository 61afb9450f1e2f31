"""Run one agent over one tape through the event loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from halfspread.costs.base import Floats
from halfspread.costs.margin import Margin
from halfspread.costs.model import Costs
from halfspread.engine.agent import checked_seed, prepare, runs_compiled
from halfspread.engine.agent_functions import idle, start_loop
from halfspread.engine.codes import (
    CHUNK_DONE,
    FAILED,
    FILLS_FULL,
    MAX_PERIODS,
    ORDERS_FULL,
    PERIODS_FULL,
    PROGRESS,
    SERVICE_WANTED,
)
from halfspread.engine.core_kernels import serve_core, serve_nothing
from halfspread.engine.decisions import Decider, decide_in_python
from halfspread.engine.failures import compiled_failure, failure
from halfspread.engine.feed import Feed
from halfspread.engine.market import Market
from halfspread.engine.outcome import outcome
from halfspread.engine.period_kernels import record_period
from halfspread.engine.recorder import CurveSink, Recorder
from halfspread.engine.records import Curve, State
from halfspread.engine.replay import EVENTS_IN_CHUNK, Chunk, Replay
from halfspread.engine.result import BacktestResult
from halfspread.engine.service_kernels import serve, serve_orders_on_bars
from halfspread.engine.setup import PROGRESS_EVENTS, PROGRESS_SECONDS, lay_out, watch_of
from halfspread.engine.side_data import side_events
from halfspread.engine.sizing import Sizing
from halfspread.engine.subscriptions import wishes_of
from halfspread.engine.tape import Tape
from halfspread.engine.terms import Execution, agree_terms
from halfspread.engine.times import parse_interval
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
    memory: Floats
    recorder: Recorder
    decider: Decider
    progress: Progress | None
    ordering: bool = False
    reasons: Iterator[int] | None = None
    arrays: tuple[np.ndarray[Any, Any], ...] = ()
    looked_up: float = field(default_factory=perf_counter)


def run_backtest(
    tape: Tape,
    agent: Any,
    costs: Costs,
    *,
    sizing: Sizing,
    fill: str | None = None,
    capital: float | Mapping[str, float] | None = None,
    report_currency: str | None = None,
    rates: Mapping[str, float] | None = None,
    margin: Margin | None = None,
    matching: str = "pessimistic",
    stale_after: str | int | float = "1h",
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

    ``keep_curve`` keeps every point of the curve in memory (default: unless the tape is streamed); ``sink`` gets them
    chunk by chunk. Results depend neither on ``chunk_events`` nor on ``mode``.
    """
    compiled = runs_compiled(agent, mode)
    wishes = wishes_of(agent, compiled)
    stale = parse_interval(stale_after) if stale_after else 0
    execution = Execution(fill, matching, Margin.cross() if margin is None else margin, stale)
    terms = agree_terms(tape, costs, sizing, execution, capital, report_currency, rates, period)
    watch = watch_of(tape, wishes)
    rng = np.random.default_rng(checked_seed(seed))
    lookback, memory = prepare(agent, compiled, rng, tape.instruments)
    state, delays = lay_out(tape, terms, watch, lookback, np.random.default_rng([int(seed), 1]))
    side = side_events(terms.beside, tape.start_ns, tape.end_ns)
    replay = Replay(
        tape.feeds,
        side,
        watch.history,
        lookback,
        timer=watch.timer,
        feed_delay=delays,
        stale_after=stale,
        events=chunk_events,
        shared=tape.shared,
    )
    keep = not tape.streamed if keep_curve is None else keep_curve
    points = _points(tape, watch.point_step) if keep else None
    recorder = Recorder(state, points, sink)
    columns = tuple(_columns(feed, watch.history) for feed in tape.feeds)
    market = Market(tape.instruments, columns, lookback, state.context, watch.bits)
    decider = Decider(agent, state, market, wishes.events, watch.chosen, watch.history)
    run = _Run(agent, compiled, tape, state, memory, recorder, decider, progress)
    run.ordering = not costs.latency.is_zero  # targets on their way are messages, as orders are, and fills are reported
    try:
        for chunk in replay:
            _run_chunk(run, chunk)
    finally:
        _end_loop(run)
    _finish(run)
    return outcome(tape, terms, agent, "compiled" if compiled else "python", name, state, recorder)


def _points(tape: Tape, step: int) -> int:
    """How many points the curve will have, about."""
    if step == 0:
        return sum(len(feed.bars) for feed in tape.feeds if feed.bars is not None)
    return int((tape.end_ns - tape.start_ns) // step) + 2


def _columns(feed: Feed, history: str) -> tuple[str, ...]:
    """Names of the columns that the agent sees of one instrument."""
    table = feed.table(history)
    if table is None:
        return ()
    if history == "bars":
        return tuple(table.columns)
    if history == "trades":
        return ("price", "size", "side")
    if history == "quotes":
        return ("bid", "bid_size", "ask", "ask_size")
    names = ("bid_{}", "bid_size_{}", "ask_{}", "ask_size_{}")
    return tuple(name.format(i + 1) for i in range(table.levels) for name in names)


def _run_chunk(run: _Run, chunk: Chunk) -> None:
    line, recorder = run.state.run, run.recorder
    first = recorder.next_point
    line["cursor"], line["count"], line["points"] = 0, chunk.count, first
    if chunk.moves is not None:
        count = len(run.state.holdings)
        run.state.context["rows"][:count] += chunk.moves[0]
        books = run.state.holdings["book"]
        books[books >= 0] += chunk.moves[1][books >= 0]
    while not _decide(run, chunk, _reasons(run, chunk)):
        pass  # the loop goes on where it stopped, with the service that it wants
    recorder.end_chunk(int(line["points"]) - first)
    if run.progress is not None:
        run.progress(int(line["events"]))


def _decide(run: _Run, chunk: Chunk, reasons: Iterator[int]) -> bool:
    """Answer the loop until the chunk is done; False where it has to be started anew."""
    if run.compiled:
        return _decide_in_compiled_code(run, reasons)
    return decide_in_python(run.decider, chunk, reasons, lambda reason: _answer(run, reason))


def _reasons(run: _Run, chunk: Chunk) -> Iterator[int]:
    """The loop over this chunk: the one that runs already, where it holds the same arrays, to save time."""
    recorder = run.recorder
    curve = Curve(*recorder.curve_buffers(len(chunk.buffer)))
    arrays = (chunk.history, *chunk.data, chunk.buffer, *curve)
    if run.reasons is None or any(new is not old for new, old in zip(arrays, run.arrays, strict=True)):
        _end_loop(run)
        run.state.run["count"] = chunk.count
        function = run.agent.function if run.compiled else idle
        run.arrays = arrays
        run.reasons = start_loop(
            function,
            serve_core,
            _extra(run),
            (run.compiled, run.state.array, run.memory, chunk.history, chunk.data, chunk.buffer, curve),
        )
    return run.reasons


def _extra(run: _Run) -> Any:
    """What this run needs beyond targets on bars, as far as it is known."""
    on_bars = all(feed.kinds == ("bars",) for feed in run.tape.feeds)
    if on_bars and not run.ordering:
        return serve_nothing
    run.state.run["served"] = 1
    return serve_orders_on_bars if on_bars else serve


def _end_loop(run: _Run) -> None:
    """Have the loop let go of its arrays, unless it raised: a compiled generator that has may not be resumed."""
    if run.reasons is not None and not run.state.run["inside"]:
        run.state.run["count"] = -1
        for _ in run.reasons:
            pass
    run.reasons = None


def _decide_in_compiled_code(run: _Run, reasons: Iterator[int]) -> bool:
    """Answer the loop until the chunk is done; what comes out of it is an exception of the agent."""
    while True:
        try:
            reason = next(reasons)
        except Exception as error:
            raise compiled_failure(run.agent, run.state, error) from error
        if reason == CHUNK_DONE:
            return True
        if not _answer(run, reason):
            return False


def _answer(run: _Run, reason: int) -> bool:
    """Do what the loop asks for besides decisions; False where it has to be started anew."""
    state, recorder = run.state.run, run.recorder
    if reason == FILLS_FULL:
        recorder.empty_fills()
    elif reason == PERIODS_FULL:
        recorder.empty_periods()
    elif reason == ORDERS_FULL:
        recorder.empty_orders()
    elif reason == PROGRESS:
        _pace(run)
        if run.progress is not None:
            run.progress(int(state["events"]))
    elif reason == FAILED:
        raise failure(run.agent, run.tape, run.state)
    elif reason == SERVICE_WANTED:
        run.ordering = True
        _end_loop(run)
        return False
    else:
        raise InternalError(f"the loop gave an unknown reason {reason}")
    return True


def _pace(run: _Run) -> None:
    """Have the loop come back in `PROGRESS_SECONDS` or earlier, so that Ctrl-C is heard beside a slow compiled
    agent."""
    state, now = run.state.run, perf_counter()
    faster = min(8.0, PROGRESS_SECONDS / max(now - run.looked_up, 1e-9))
    events = min(max(int(int(state["progress_every"]) * faster), 1), PROGRESS_EVENTS)
    state["progress_every"], state["next_progress"] = events, int(state["events"]) + events
    run.looked_up = now


def _finish(run: _Run) -> None:
    """Write the last period and empty the buffers."""
    state, recorder = run.state, run.recorder
    if not int(state.run["started"]):
        raise DataError(f"{run.tape.feeds[0].source}: nothing was replayed")
    if int(state.run["periods"]) + len(state.holdings) > MAX_PERIODS:
        recorder.empty_periods()
    record_period(state.record, int(state.run["now"]))
    recorder.last_point()
    recorder.empty_periods()
    recorder.empty_fills()
    recorder.empty_orders()
    recorder.last_orders(state.orders[: int(state.run["live"])])
