"""The ESN-RRL agent of Borrageiro, Firoozye and Barucca (2022) as an agent of the event loop: sense, echo, choose,
learn, and trade through the gate.

Memory as in ``agents.rrl.records`` and ``agents.rrl.esn_records``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from halfspread.agents.reservoir.reservoir_kernels import update
from halfspread.agents.rrl.ekf_kernels import climb
from halfspread.agents.rrl.esn_records import (
    BENDS,
    COVARIANCE,
    DENSE,
    DIRECT_BEFORE,
    END,
    EXACT,
    EXACT_UTILITY,
    GRADIENT,
    GRADIENTS,
    LAGS,
    LAST,
    LEAK,
    NEXT_STATE_TRACE,
    PENDING,
    PRODUCT,
    RATIO,
    RESERVOIR,
    RISK,
    SCRATCH,
    SIZE,
    STABILISED,
    STATE_TRACE,
    TAU,
    TRACE,
    TRACE_BEFORE,
    TRACES,
    WEIGHTS,
    WIDTH,
)
from halfspread.agents.rrl.gate_kernels import add_to_gate, through_gate
from halfspread.agents.rrl.gradient_kernels import slope_of_utility, spread_state, trace_of
from halfspread.agents.rrl.lane_kernels import dot
from halfspread.agents.rrl.records import (
    CARRY,
    CARRY_ON,
    CHOSEN,
    CLIP,
    COST,
    DECAY,
    DECISIONS,
    ELAPSED,
    FEEDS_TRADED,
    HEADER,
    INPUT,
    MEAN,
    MOVE,
    NUMBERS,
    NUMBERS_KEPT,
    POSITION,
    RESETS,
    REWARD,
    SKIPPED,
    TRADED,
    UPDATES,
    VARIANCE,
)
from halfspread.agents.rrl.sense_kernels import add_to_moments, begins_anew, reward_of, sense
from halfspread.compiled import inner_kernel, kernel, loop_kernel
from halfspread.engine.agent_functions import compiled_agent
from halfspread.engine.codes import OK

Array = Any

#: Nanoseconds of a year of 365 days.
YEAR = 365.0 * 86_400e9


@loop_kernel
def echo(memory: Array, places: Array, numbers: Array) -> None:
    """Bring the state of the reservoir up to date, and where the gradient is exact the slopes of its units."""
    size, lags, width = places[SIZE], places[LAGS], places[WIDTH]
    if size == 0:
        return
    z = memory[places[INPUT] : places[INPUT] + width]
    inputs = width - size - lags
    state = z[inputs : inputs + size]
    exact = places[GRADIENT] == EXACT  # of which there is a trace of the state
    bends = memory[places[BENDS] : places[DENSE]]
    if exact:
        for i in range(size):
            bends[i] = state[i]
    packed = memory[places[RESERVOIR] : places[SCRATCH]]
    update(packed, z[:inputs], z[inputs + size :], state, memory[places[SCRATCH] : places[COVARIANCE]])
    if exact:
        leak = numbers[LEAK]
        for i in range(size):
            tanh = (state[i] - (1.0 - leak) * bends[i]) / leak
            bends[i] = 1.0 - tanh * tanh


@loop_kernel
def position_wanted(memory: Array, places: Array, numbers: Array) -> float:
    """The position that the weights want."""
    z = memory[places[INPUT] : places[INPUT] + places[WIDTH]]
    weights = memory[places[WEIGHTS] : places[TRACE]]
    return min(max(math.tanh(dot(weights, z)), -numbers[CLIP]), numbers[CLIP])  # type: ignore[no-any-return]


@inner_kernel
def risk_now(numbers: Array) -> float:
    """The risk appetite as it is given, or that at which a target information ratio is best: the ratio over the
    deviation of the reward, neither of them annual."""
    if numbers[RATIO] == 0.0:
        return numbers[RISK]  # type: ignore[no-any-return]
    if not (numbers[VARIANCE] > 0.0 and numbers[ELAPSED] > 0.0):
        return 0.0
    return numbers[RATIO] * math.sqrt(numbers[ELAPSED] / YEAR / numbers[VARIANCE])  # type: ignore[no-any-return]


@loop_kernel
def trace(memory: Array, places: Array, wanted: float, leak: float) -> None:
    """Bring the derivatives of the position up to date; the one before stays beside the present one."""
    size, lags, width, kind = places[SIZE], places[LAGS], places[WIDTH], places[GRADIENT]
    z = memory[places[INPUT] : places[INPUT] + width]
    weights = memory[places[WEIGHTS] : places[TRACE]]
    now = memory[places[TRACE] : places[TRACE_BEFORE]]
    before = memory[places[TRACE_BEFORE] : places[DIRECT_BEFORE]]
    direct = memory[places[DIRECT_BEFORE] : places[TRACES]]
    traces = memory[places[TRACES] : places[STATE_TRACE]]
    states = memory[places[STATE_TRACE] : places[NEXT_STATE_TRACE]]
    for i in range(width):
        before[i] = now[i]
    if kind == EXACT and size > 0:
        after = memory[places[NEXT_STATE_TRACE] : places[BENDS]]
        bends, dense = memory[places[BENDS] : places[DENSE]], memory[places[DENSE] : places[END]]
        spread_state(dense, bends, states, traces, leak, after)
        for i in range(len(states)):
            states[i] = after[i]
    slope = 1.0 - wanted * wanted
    trace_of(kind, slope, z, weights, size, lags, before, direct, traces, states, now)
    for i in range(width):
        direct[i] = slope * z[i]
    if len(traces) > 0:
        for i in range((lags - 1) * width):
            traces[i] = traces[i + width]
        for i in range(width):
            traces[(lags - 1) * width + i] = now[i]


@loop_kernel
def learn(memory: Array, places: Array, numbers: Array, change: float, risk: float) -> None:
    """Climb the gradient of the utility, unless something is not finite. ``change``: of the position; ``risk``: the
    appetite as it was before the reward of now."""
    sign = 1.0 if change > 0.0 else -1.0 if change < 0.0 else 0.0
    cost, carry = numbers[COST] * sign, numbers[CARRY]
    chosen = places[CARRY_ON] == CHOSEN
    by_now = -cost - (carry if chosen else 0.0)
    by_before = numbers[MOVE] + cost - (0.0 if chosen else carry)
    slope = slope_of_utility(numbers[REWARD], numbers[MEAN], numbers[DECAY], risk, places[EXACT_UTILITY])
    now = memory[places[TRACE] : places[TRACE_BEFORE]]
    before = memory[places[TRACE_BEFORE] : places[DIRECT_BEFORE]]
    gradient = memory[places[GRADIENTS] : places[PRODUCT]]
    for i in range(len(now)):
        gradient[i] = slope * (by_now * now[i] + by_before * before[i])
    weights = memory[places[WEIGHTS] : places[TRACE]]
    covariance = memory[places[COVARIANCE] : places[LAST]]
    last, product = memory[places[LAST] : places[GRADIENTS]], memory[places[PRODUCT] : places[WEIGHTS]]
    pending = climb(weights, covariance, last, numbers[PENDING], numbers[TAU], places[STABILISED], gradient, product)
    numbers[PENDING] = pending
    places[UPDATES] += pending > 0.0
    places[SKIPPED] += pending == 0.0


@loop_kernel
def feed_back(memory: Array, places: Array, numbers: Array, position: float) -> None:
    """The position just chosen joins those fed back, and is the one held until the next decision."""
    lags = places[LAGS]
    end = places[INPUT] + places[WIDTH]
    for i in range(end - lags, end - 1):
        memory[i] = memory[i + 1]
    if lags > 0:
        memory[end - 1] = position
    numbers[POSITION] = position


@loop_kernel
def forget_the_past(memory: Array, places: Array) -> None:
    """Begin anew after a gap: state, positions fed back and derivatives are 0; weights and covariance stay."""
    begin = places[INPUT] + places[WIDTH] - places[SIZE] - places[LAGS]
    for i in range(begin, places[INPUT] + places[WIDTH]):
        memory[i] = 0.0
    for i in range(places[TRACE], places[BENDS]):
        memory[i] = 0.0
    places[RESETS] += 1


@loop_kernel
def decide(memory: Array, places: Array, numbers: Array) -> float:
    """Choose, learn from what the choice before has brought, and give what is traded of it. Inputs and the terms of
    this decision (`sense`) are set."""
    echo(memory, places, numbers)
    wanted = position_wanted(memory, places, numbers)
    change, risk = wanted - numbers[POSITION], risk_now(numbers)
    numbers[REWARD] = reward_of(places, numbers, wanted)
    trace(memory, places, wanted, numbers[LEAK])
    traded = through_gate(places, numbers, wanted)
    if math.isfinite(numbers[REWARD]):
        add_to_moments(numbers, numbers[DECAY])
        add_to_gate(numbers, numbers[REWARD])
        learn(memory, places, numbers, change, risk)
    else:
        places[SKIPPED] += 1
    feed_back(memory, places, numbers, traded if places[FEEDS_TRADED] != 0 else wanted)
    return traded


@compiled_agent
def act(context: Array, memory: Array, history: Array, row: int) -> int:
    """Trade and learn. Memory: see the module."""
    places = memory[:HEADER].view(np.int64)
    if sense(memory, context, history):
        if begins_anew(places):
            forget_the_past(memory, places)
        numbers = memory[places[NUMBERS] : places[NUMBERS] + NUMBERS_KEPT]
        context.targets[places[TRADED]] = decide(memory, places, numbers)
    return OK


@kernel
def decide_once(memory: Array, inputs: Array, move: float, cost: float, carry: float) -> float:
    """`decide` with inputs (without the constant) and terms handed in, for tests and measurements; gives the position
    wanted, whatever is traded of it."""
    places = memory[:HEADER].view(np.int64)
    numbers = memory[places[NUMBERS] : places[NUMBERS] + NUMBERS_KEPT]
    for i in range(len(inputs)):
        memory[places[INPUT] + i] = inputs[i]
    numbers[MOVE], numbers[COST], numbers[CARRY] = move, cost, carry
    places[DECISIONS] += 1
    decide(memory, places, numbers)
    return numbers[POSITION]  # type: ignore[no-any-return]
