"""One agent on one market, chunk by chunk through the event loop: a backtest, an audit, or a market that goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from operator import is_
from time import perf_counter
from types import TracebackType
from typing import Any, Required, TypedDict

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
from halfspread.engine.records import Curve
from halfspread.engine.replay import EVENTS_IN_CHUNK, Chunk, Replay
from halfspread.engine.result import BacktestResult
from halfspread.engine.service_kernels import serve, serve_orders_on_bars
from halfspread.engine.setup import PROGRESS_EVENTS, PROGRESS_SECONDS, lay_out, watch_of
from halfspread.engine.side_data import Beside, received_later, side_events
from halfspread.engine.sizing import Sizing
from halfspread.engine.subscriptions import wishes_of
from halfspread.engine.tape import Tape
from halfspread.engine.terms import Execution, agree_terms
from halfspread.engine.times import parse_interval
from halfspread.engine.training import learnt_later, pause_before, refuse_what_was_seen, rows_before_decisions
from halfspread.errors import DataError, InternalError

__all__ = ["Options", "Progress", "Session", "columns_of"]

#: Called with the number of events replayed so far; may raise to stop the run.
Progress = Callable[[int], None]


class Options(TypedDict, total=False):
    """How a run is done beside tape, agent and costs; see `halfspread.backtest`.

    ``keep_curve`` keeps every point of the curve in memory (default: unless the tape is streamed); ``sink`` gets them
    chunk by chunk. ``in_sample`` lets an agent be run on what it was trained on, which is refused otherwise. Results
    depend neither on ``chunk_events`` nor on ``mode``.
    """

    sizing: Required[Sizing]
    fill: str | None
    capital: float | Mapping[str, float] | None
    report_currency: str | None
    rates: Mapping[str, float] | None
    margin: Margin | None
    matching: str
    stale_after: str | int | float
    seed: int
    mode: str
    period: str | None
    chunk_events: int
    keep_curve: bool | None
    sink: CurveSink | None
    progress: Progress | None
    in_sample: bool


class Session:
    """A run that takes its market chunk by chunk; a context manager, which lets go of the compiled loop at its end.

    ``replay``: the chunks of the tape. ``state``: everything that the loop reads and changes; ``memory``: that of a
    compiled agent. Raises ConfigError or
    DataError for terms that do not fit the tape.
    """

    def __init__(self, tape: Tape, agent: Any, costs: Costs, options: Options) -> None:
        self.tape, self.agent = tape, agent
        self.compiled = runs_compiled(agent, options.get("mode", "auto"))
        wishes = wishes_of(agent, self.compiled)
        if not options.get("in_sample", False) and getattr(agent, "trained", None):
            refuse_what_was_seen(tape, agent, rows_before_decisions(agent), wishes.history(tape.feeds))
        if hasattr(agent, "see_tape"):
            agent.see_tape(tape, pause_before(tape, agent, rows_before_decisions(agent), wishes.history(tape.feeds)))
        stale_after = options.get("stale_after", "1h")
        stale = parse_interval(stale_after) if stale_after else 0
        asked = options.get("margin")
        margin = Margin.cross() if asked is None else asked
        execution = Execution(options.get("fill"), options.get("matching", "pessimistic"), margin, stale)
        self.terms = agree_terms(
            tape,
            costs,
            options["sizing"],
            execution,
            options.get("capital"),
            options.get("report_currency"),
            options.get("rates"),
            options.get("period"),
        )
        self.watch = watch_of(tape, wishes)
        seed = checked_seed(options.get("seed", 0))
        columns = tuple(columns_of(feed, self.watch.history) for feed in tape.feeds)
        rng = np.random.default_rng(seed)
        held = tuple(feed.held for feed in tape.feeds)
        self._lookback, self.memory = prepare(agent, self.compiled, rng, tape.instruments, columns, held)
        self.state, feed_delay = lay_out(tape, self.terms, self.watch, self._lookback, np.random.default_rng([seed, 1]))
        self.state.run["tells_costs"] = bool(getattr(agent, "sees_costs", False))
        side = _side_events(tape, self.terms.beside)
        self.replay = Replay(
            tape.feeds,
            side if feed_delay is None else received_later(side, feed_delay),
            self.watch.history,
            self._lookback,
            timer=self.watch.timer,
            feed_delay=feed_delay,
            stale_after=stale,
            events=options.get("chunk_events", EVENTS_IN_CHUNK),
            shared=tape.shared,
        )
        kept = options.get("keep_curve")
        keep = not tape.streamed if kept is None else kept
        points = _points(tape, self.watch.point_step) if keep else None
        self._recorder = Recorder(self.state, points, options.get("sink"))
        market = Market(tape.instruments, columns, self._lookback, self.state.context, self.watch.bits)
        self._decider = Decider(agent, self.state, market, wishes.events, self.watch.chosen, self.watch.history)
        self._progress = options.get("progress")
        # targets on their way are messages, as orders are, and fills are reported
        self._ordering = not costs.latency.is_zero
        self._reasons: Iterator[int] | None = None
        self._arrays: tuple[np.ndarray[Any, Any], ...] = ()
        self._looked_up = perf_counter()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end_loop()

    def feed(self, chunk: Chunk, history: Floats | None = None) -> None:
        """Replay a chunk; ``history``: what the agent is shown instead of the chunk's own. Raises StrategyError or
        DataError with the place where the run has to stop."""
        if history is not None:
            chunk = Chunk(history, chunk.data, chunk.buffer, chunk.count, chunk.first_row, chunk.end_row, chunk.moves)
        line, recorder = self.state.run, self._recorder
        first = recorder.next_point
        line["cursor"], line["count"], line["points"] = 0, chunk.count, first
        if chunk.moves is not None:
            count = len(self.state.holdings)
            self.state.context["rows"][:count] += chunk.moves[0]
            books = self.state.holdings["book"]
            books[books >= 0] += chunk.moves[1][books >= 0]
        while not self._decide(chunk, self._loop(chunk)):
            pass  # the loop goes on where it stopped, with the service that it wants
        recorder.end_chunk(int(line["points"]) - first)
        if self._progress is not None:
            self._progress(int(line["events"]))

    def _decide(self, chunk: Chunk, reasons: Iterator[int]) -> bool:
        """Answer the loop until the chunk is done; False where it has to be started anew."""
        if self.compiled:
            return self._decide_in_compiled_code(reasons)
        return decide_in_python(self._decider, chunk, reasons, self._answer)

    def _loop(self, chunk: Chunk) -> Iterator[int]:
        """The loop over this chunk: the one that runs already, where it holds the same arrays, to save time."""
        recorder = self._recorder
        curve = Curve(*recorder.curve_buffers(len(chunk.buffer)))
        arrays = (chunk.history, *chunk.data, chunk.buffer, *curve)
        if self._reasons is None or not all(map(is_, arrays, self._arrays)):
            self._end_loop()
            self.state.run["count"] = chunk.count
            function = self.agent.function if self.compiled else idle
            self._arrays = arrays
            self._reasons = start_loop(
                function,
                serve_core,
                self._extra(),
                (self.compiled, self.state.array, self.memory, chunk.history, chunk.data, chunk.buffer, curve),
            )
        return self._reasons

    def _extra(self) -> Any:
        """What this run needs beyond targets on bars, as far as it is known."""
        on_bars = all(feed.kinds == ("bars",) for feed in self.tape.feeds)
        if on_bars and not self._ordering:
            return serve_nothing
        self.state.run["served"] = 1
        return serve_orders_on_bars if on_bars else serve

    def _end_loop(self) -> None:
        """Have the loop let go of its arrays, unless it raised: a compiled generator that has may not be resumed."""
        if self._reasons is not None and not self.state.run["inside"]:
            self.state.run["count"] = -1
            for _ in self._reasons:
                pass
        self._reasons = None

    def _decide_in_compiled_code(self, reasons: Iterator[int]) -> bool:
        """Answer the loop until the chunk is done; what comes out of it is an exception of the agent."""
        while True:
            try:
                reason = next(reasons)
            except Exception as error:
                raise compiled_failure(self.agent, self.state, error) from error
            if reason == CHUNK_DONE:
                return True
            if not self._answer(reason):
                return False

    def _answer(self, reason: int) -> bool:
        """Do what the loop asks for besides decisions; False where it has to be started anew."""
        state, recorder = self.state.run, self._recorder
        if reason == FILLS_FULL:
            recorder.empty_fills()
        elif reason == PERIODS_FULL:
            recorder.empty_periods()
        elif reason == ORDERS_FULL:
            recorder.empty_orders()
        elif reason == PROGRESS:
            self._pace()
            if self._progress is not None:
                self._progress(int(state["events"]))
        elif reason == FAILED:
            raise failure(self.agent, self.tape, self.state)
        elif reason == SERVICE_WANTED:
            self._ordering = True
            self._end_loop()
            return False
        else:
            raise InternalError(f"the loop gave an unknown reason {reason}")
        return True

    def _pace(self) -> None:
        """Have the loop come back in `PROGRESS_SECONDS` or earlier, so that Ctrl-C is heard beside a slow compiled
        agent."""
        state, now = self.state.run, perf_counter()
        faster = min(8.0, PROGRESS_SECONDS / max(now - self._looked_up, 1e-9))
        events = min(max(int(int(state["progress_every"]) * faster), 1), PROGRESS_EVENTS)
        state["progress_every"], state["next_progress"] = events, int(state["events"]) + events
        self._looked_up = now

    def finish(self, name: str | None = None) -> BacktestResult:
        """The result, once everything is replayed. Raises DataError where nothing was."""
        self._end_loop()
        state, recorder = self.state, self._recorder
        if not int(state.run["started"]):
            raise DataError(f"{self.tape.feeds[0].source}: nothing was replayed")
        if int(state.run["periods"]) + len(state.holdings) > MAX_PERIODS:
            recorder.empty_periods()
        record_period(state.record, int(state.run["now"]))
        recorder.last_point()
        recorder.empty_periods()
        recorder.empty_fills()
        recorder.empty_orders()
        recorder.last_orders(state.orders[: int(state.run["live"])])
        mode = "compiled" if self.compiled else "python"
        if self.compiled and hasattr(self.agent, "see_memory"):
            self.agent.see_memory(self.memory)
        result = outcome(self.tape, self.terms, self.agent, mode, name, state, recorder)
        later = learnt_later(self.tape, self.agent, self._lookback, self.watch.history)
        return replace(result, warnings=[*result.warnings, *later]) if later else result


def _side_events(tape: Tape, beside: tuple[Beside, ...]) -> np.ndarray[Any, Any]:
    """`side_events`, kept with the tape for the next run on the same data."""
    kept = tape.shared.get("side events")
    if kept is not None and all(_same(*pair) for pair in zip(kept[0], beside, strict=True)):
        return kept[1]  # type: ignore[no-any-return]
    events = side_events(beside, tape.start_ns, tape.end_ns)
    if not tape.streamed:
        tape.shared["side events"] = (beside, events)
    return events


def _same(one: Beside, other: Beside) -> bool:
    return all(getattr(one, name) is getattr(other, name) for name in vars(one))


def _points(tape: Tape, step: int) -> int:
    """How many points the curve will have, about."""
    if step == 0:
        return sum(len(feed.bars) for feed in tape.feeds if feed.bars is not None)
    return int((tape.end_ns - tape.start_ns) // step) + 2


def columns_of(feed: Feed, history: str) -> tuple[str, ...]:
    """Names of the columns of a table (bars, quotes, books, trades) of one instrument."""
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
