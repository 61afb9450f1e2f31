"""Recurrent reinforcement learning with the differential Sharpe ratio (Moody and Saffell 2001, "Learning to Trade via
Direct Reinforcement", IEEE Transactions on Neural Networks 12; Moody, Wu, Liao and Saffell 1998).

    F_t = tanh(w' z_t),  z_t = [features, 1, F_{t-1}]
    R_t = F_{t-1} move_t - cost_t |F_t - F_{t-1}| - funding
    A_t = A_{t-1} + eta (R_t - A_{t-1}),  B_t = B_{t-1} + eta (R_t^2 - B_{t-1})
    dD/dR = (B_{t-1} - A_{t-1} R_t) / (B_{t-1} - A_{t-1}^2)^(3/2)
    dF_t/dw = (1 - F_t^2) (z_t + w_last dF_{t-1}/dw)
    w = w + rate dD/dR (dR/dF_t dF_t/dw + dR/dF_{t-1} dF_{t-1}/dw)

Memory as in ``agents.rrl.records`` and ``agents.rrl.moody_records``. Rewards in learning units; D has none.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from halfspread.agents.rrl.gate_kernels import add_to_gate, through_gate
from halfspread.agents.rrl.moody_records import (
    FADE,
    FIRST_REWARDS,
    GRADIENT,
    LEAST,
    LONGEST,
    MARKET,
    RATE,
    REWARDS,
    SHORTENED,
    SQUARE,
    TRACE,
    TRACE_BEFORE,
    WEIGHTS,
    WIDTH,
)
from halfspread.agents.rrl.records import (
    CARRY,
    CARRY_ON,
    CHOSEN,
    CLIP,
    COST,
    DECAY,
    DECISIONS,
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
from halfspread.agents.rrl.sense_kernels import begins_anew, reward_of, sense
from halfspread.compiled import inner_kernel, kernel, loop_kernel
from halfspread.engine.agent_functions import compiled_agent
from halfspread.engine.codes import OK

Array = Any


@inner_kernel
def position_wanted(z: Array, weights: Array, clip: float) -> float:
    """The position that the weights want."""
    total = 0.0
    for i in range(len(z)):
        total += weights[i] * z[i]
    return min(max(math.tanh(total), -clip), clip)


@inner_kernel
def trace(z: Array, weights: Array, wanted: float, now: Array, before: Array) -> None:
    """Bring the derivative of the position by the weights up to date; that of the decision before stays beside it."""
    slope, last = 1.0 - wanted * wanted, weights[len(z) - 1]
    for i in range(len(z)):
        before[i] = now[i]
        now[i] = slope * (z[i] + last * before[i])


@inner_kernel
def slope_of_ratio(numbers: Array) -> float:
    """Derivative of the differential Sharpe ratio by the reward; 0 while there is no variance. The variance is not
    below a share of that of a position of 1: of a position near 0 the ratio would be steep without a limit."""
    mean = numbers[MEAN]
    least = numbers[LEAST] * numbers[LEAST] * numbers[MARKET]
    variance = max(numbers[SQUARE] - mean * mean, least)
    if not variance > 0.0:
        return 0.0
    return (variance + mean * mean - mean * numbers[REWARD]) / (variance * math.sqrt(variance))  # type: ignore[no-any-return]


@inner_kernel
def add_to_moments(places: Array, numbers: Array) -> None:
    """Count the reward in. The first ones weigh alike, so that the moments do not begin at 0 and crawl away from it."""
    places[REWARDS] += 1
    eta = max(1.0 - numbers[DECAY], 1.0 / places[REWARDS])
    reward, move = numbers[REWARD], numbers[MOVE]
    numbers[MEAN] += eta * (reward - numbers[MEAN])
    numbers[SQUARE] += eta * (reward * reward - numbers[SQUARE])
    numbers[MARKET] += eta * (move * move - numbers[MARKET])
    numbers[VARIANCE] = max(numbers[SQUARE] - numbers[MEAN] * numbers[MEAN], 0.0)


@loop_kernel
def climb(places: Array, numbers: Array, weights: Array, gradient: Array) -> None:
    """One step along the gradient, no longer than the longest, from weights that fade; none where it is not finite."""
    square = 0.0
    for i in range(len(gradient)):
        square += gradient[i] * gradient[i]
    if not math.isfinite(square):
        places[SKIPPED] += 1
        return
    rate, length = numbers[RATE], numbers[RATE] * math.sqrt(square)
    if length > numbers[LONGEST]:
        rate *= numbers[LONGEST] / length
        places[SHORTENED] += 1
    keep = 1.0 - numbers[RATE] * numbers[FADE]
    for i in range(len(gradient)):
        weights[i] = keep * weights[i] + rate * gradient[i]
    places[UPDATES] += 1


@loop_kernel
def learn(memory: Array, places: Array, numbers: Array, change: float) -> None:
    """Climb the differential Sharpe ratio; the moments are those before the reward of now. ``change``: of the
    position."""
    now = memory[places[TRACE] : places[TRACE_BEFORE]]
    before = memory[places[TRACE_BEFORE] : places[GRADIENT]]
    gradient = memory[places[GRADIENT] : places[GRADIENT] + places[WIDTH]]
    sign = 1.0 if change > 0.0 else -1.0 if change < 0.0 else 0.0
    cost, carry = numbers[COST] * sign, numbers[CARRY]
    chosen = places[CARRY_ON] == CHOSEN
    by_now = -cost - (carry if chosen else 0.0)
    by_before = numbers[MOVE] + cost - (0.0 if chosen else carry)
    slope = slope_of_ratio(numbers)
    for i in range(len(gradient)):
        gradient[i] = slope * (by_now * now[i] + by_before * before[i])
    if slope != 0.0 and places[REWARDS] >= places[FIRST_REWARDS]:
        climb(places, numbers, memory[places[WEIGHTS] : places[TRACE]], gradient)


@loop_kernel
def decide(memory: Array, places: Array, numbers: Array) -> float:
    """Choose, learn from what the choice before has brought, and give what is traded of it. Inputs and the terms of
    this decision (`sense`) are set."""
    width = places[WIDTH]
    z = memory[places[INPUT] : places[INPUT] + width]
    weights = memory[places[WEIGHTS] : places[TRACE]]
    wanted = position_wanted(z, weights, numbers[CLIP])
    change = wanted - numbers[POSITION]
    numbers[REWARD] = reward_of(places, numbers, wanted)
    now = memory[places[TRACE] : places[TRACE_BEFORE]]
    trace(z, weights, wanted, now, memory[places[TRACE_BEFORE] : places[GRADIENT]])
    traded = through_gate(places, numbers, wanted)
    if math.isfinite(numbers[REWARD]):
        learn(memory, places, numbers, change)
        add_to_moments(places, numbers)
        add_to_gate(numbers, numbers[REWARD])
    else:
        places[SKIPPED] += 1
    z[width - 1] = numbers[POSITION] = wanted
    return traded


@loop_kernel
def forget_the_past(memory: Array, places: Array) -> None:
    """Begin anew after a gap: the last position that is looked at and the derivatives are 0; weights and moments
    stay."""
    memory[places[INPUT] + places[WIDTH] - 1] = 0.0
    for i in range(places[TRACE], places[GRADIENT]):
        memory[i] = 0.0
    places[RESETS] += 1


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
