"""The event loop: one compiled function for every agent, wrapped in a generator that hands control to Python.

All state lives in the arrays handed in, so a run can stop after any event and go on with the next chunk of the tape
with the same bits. Order at one time: prices, market data (each with the orders it fills), bar closes, funding, due
fills, margin, the decision, fills at the bar's close, then bar opens with their fills. Shapes: events (n,), history
(rows, columns) float64, curve times (n,), curve values (n, 2 + instruments), one record per instrument in
``contracts`` and ``holdings``. A NaN target stops the run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from halfspread.compiled import kernel, loop_kernel, once_kernel
from halfspread.engine.codes import (
    AGENT_STATUS,
    BAR_CLOSE,
    BAR_OPEN,
    CHUNK_DONE,
    CORE_COSTS,
    CORE_DECISION,
    CORE_EVENT,
    CORE_MARGIN,
    NEXT_OPEN,
    NOT_FINITE,
    OK,
    PROGRESS,
    SERVICE_WANTED,
    STEP_DECIDE,
)
from halfspread.engine.market_kernels import pass_bar
from halfspread.engine.records import Curve, Data
from halfspread.engine.step_kernels import decides_now, fail, forget_told, show_account, targets_change

Array = Any
Record = Any


@once_kernel
def write_point(state: Record, curve: Curve) -> None:
    """Add a point to the curve."""
    run = state.run
    at = np.uint64(run.points)
    values = curve.values
    curve.times[at] = run.now
    run.lowest = min(run.lowest, run.equity)
    values[at, 0] = run.equity
    values[at, 1] = state.accounts[0].collateral
    values[at, 2] = state.holdings[0].contracts
    for a in range(1, state.run.accounts):
        values[at, 1] += state.accounts[a].collateral
    for k in range(1, state.run.instruments):
        values[at, 2 + k] = state.holdings[k].contracts
    run.points += 1


@once_kernel
def close_time(state: Record, curve: Curve) -> None:
    """A wanted time is over: add a point to the curve where one is due, and get ready for the next time."""
    run = state.run
    if run.kinds & run.point_kinds and (run.point_step == 0 or run.now >= run.next_point):
        write_point(state, curve)
        if run.point_step != 0:
            run.next_point = (run.now // run.point_step + 1) * run.point_step
    if run.convention != NEXT_OPEN:
        for k in range(state.run.instruments):
            state.holdings[k].closed_now = 0
    run.kinds = 0


@once_kernel
def passes(state: Record, event: Array) -> bool:
    """Whether an event is a bar that nothing waits for."""
    run = state.run
    return (
        event.kind & (BAR_OPEN | BAR_CLOSE) != 0
        and event.time < run.calm_until
        and state.holdings[event.instrument].has_pending == 0
    )


@once_kernel
def leaves_all(state: Record) -> bool:
    """Whether a decision changes nothing: the same targets and no requests."""
    return state.run.calm_until != 0 and state.context.requests == 0 and not targets_change(state)


@loop_kernel
def advance(
    agent: Any,
    core: Any,
    extra: Any,
    compiled: bool,
    state: Record,
    memory: Array,
    history: Array,
    data: Data,
    events: Array,
    curve: Curve,
) -> int:
    """Run until Python is wanted; the reason, a code below zero, or the history row to decide on."""
    run, context = state.run, state.context
    while run.cursor < run.count:
        event = events[np.uint64(run.cursor)]
        if run.resume == 0:
            if passes(state, event):
                pass_bar(state, event, data.bars)
                if run.check != 0 and (event.end_of_time != 0 or event.kind == BAR_OPEN):
                    core(CORE_MARGIN, extra, state, event, data)
                if event.end_of_time == 0 or not run.kinds & run.wanted:
                    run.cursor += 1
                    continue
                show_account(state)
                if not math.isfinite(run.equity):
                    return fail(state, NOT_FINITE, run.instrument, run.equity)
            else:
                step = core(CORE_EVENT, extra, state, event, data)
                if step < 0:
                    return step
                if step != STEP_DECIDE:
                    run.cursor += step
                    continue
            if decides_now(state):
                row = context.rows[run.instrument]
                run.resume = 1
                if run.tells_costs != 0:
                    core(CORE_COSTS, extra, state, event, data)
                if not compiled:
                    return row
                status = agent(context, memory, history, row)
                if status != OK:
                    return fail(state, AGENT_STATUS, run.instrument, float(status))
        if run.resume != 0:
            if context.requests != 0 and run.served == 0:
                return SERVICE_WANTED
            run.resume = 0
            run.decisions += 1
            if run.told != 0:
                forget_told(state)
            if not leaves_all(state):
                step = core(CORE_DECISION, extra, state, event, data)
                if step < 0:
                    return step
        close_time(state, curve)
        if run.between != 0:
            run.between = 0
        else:
            run.cursor += 1
        if run.events >= run.next_progress:
            run.next_progress = run.events + run.progress_every
            return PROGRESS
    return CHUNK_DONE


@kernel
def loop(
    agent: Any,
    core: Any,
    extra: Any,
    compiled: bool,
    states: Array,
    memory: Array,
    history: Array,
    data: Data,
    events: Array,
    curve: Curve,
) -> Iterator[int]:
    """Yield every reason of ``advance``; after CHUNK_DONE the events are written anew. A negative count ends it.

    It has to be run to its end: numba keeps the arrays of a generator that was dropped before. Nothing but arrays may
    live across a yield: numba copies a record into the generator, and the copy goes stale.
    """
    while states[0].run.count >= 0:
        states[0].run.inside = 1
        reason = advance(agent, core, extra, compiled, states[0], memory, history, data, events, curve)
        states[0].run.inside = 0
        yield reason
