"""SARSA on the state of an echo state network (Szita, Gyenes and Lorincz 2006, "Reinforcement Learning with Echo State
Networks", ICANN; Rummery and Niranjan 1994; traces: Sutton and Barto).

Actions are short, flat and long; Q(z, a) = w_a' z. Of the reward r of the action before (what its position has earned
until now, less what it cost to take it, and funding):

    delta = r + discount Q(z_t, a_t) - Q(z_{t-1}, a_{t-1})
    e = discount trace_decay e, + z_{t-1} at a_{t-1}
    w = w + rate delta e / (1 + |e| |phi_{t-1} - discount phi_t|),  phi: z at the action taken, 0 elsewhere

The divisor bounds how far a step can move the very error it is made from (as Dabney and Barto 2012 do), whatever the
size of z: with a rate of at most 1 it never overshoots. Memory as in ``agents.rrl.records`` and
``agents.rrl.sarsa_records``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from halfspread.agents.policies.policy_kernels import uniform
from halfspread.agents.reservoir.reservoir_kernels import update
from halfspread.agents.rrl.gate_kernels import add_to_gate, through_gate
from halfspread.agents.rrl.records import (
    CARRY,
    CARRY_ON,
    CHOSEN,
    CLIP,
    COST,
    DECISIONS,
    HEADER,
    INPUT,
    MOVE,
    NUMBERS,
    NUMBERS_KEPT,
    POSITION,
    RESETS,
    REWARD,
    SKIPPED,
    TRADED,
    UPDATES,
)
from halfspread.agents.rrl.sarsa_records import (
    ACTED,
    ACTION,
    ACTIONS,
    BEFORE,
    DISCOUNT,
    END,
    EXPLORATION,
    EXPLORED,
    HALVING,
    LAGS,
    OWED,
    RANDOM,
    RATE,
    RESERVOIR,
    SCRATCH,
    SIZE,
    TRACE_DECAY,
    TRACES,
    VALUES,
    WEIGHTS,
    WIDTH,
)
from halfspread.agents.rrl.sense_kernels import begins_anew, reward_of, sense
from halfspread.compiled import inner_kernel, kernel, loop_kernel
from halfspread.engine.agent_functions import compiled_agent
from halfspread.engine.codes import OK

Array = Any


@loop_kernel
def echo(memory: Array, places: Array) -> None:
    """Bring the state of the reservoir up to date."""
    size = places[SIZE]
    if size == 0:
        return
    z = memory[places[INPUT] : places[INPUT] + places[WIDTH]]
    inputs = places[WIDTH] - size - places[LAGS]
    packed, scratch = memory[places[RESERVOIR] : places[SCRATCH]], memory[places[SCRATCH] : places[WEIGHTS]]
    update(packed, z[:inputs], z[inputs + size :], z[inputs : inputs + size], scratch)


@inner_kernel
def dot(a: Array, b: Array) -> float:
    """Sum of products, one after the other."""
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@inner_kernel
def fading(numbers: Array, count: int) -> float:
    """What is left of rate and exploration after so many steps: 1 / (1 + count / halving)."""
    return 1.0 if numbers[HALVING] == 0.0 else 1.0 / (1.0 + count / numbers[HALVING])


@loop_kernel
def choose(memory: Array, places: Array, numbers: Array) -> int:
    """The action of the largest value, flat where it is as good as any; or one drawn from all. Sets the values."""
    width = places[WIDTH]
    z = memory[places[INPUT] : places[INPUT] + width]
    values = memory[places[VALUES] : places[VALUES] + ACTIONS]
    for a in range(ACTIONS):
        begin = places[WEIGHTS] + a * width
        values[a] = dot(memory[begin : begin + width], z)
    bits = memory[places[RANDOM] : places[END]].view(np.uint64)
    if uniform(bits) < numbers[EXPLORATION] * fading(numbers, places[DECISIONS] - 1):
        places[EXPLORED] += 1
        return int(uniform(bits) * ACTIONS)
    best = 1
    if values[2] > values[best]:
        best = 2
    if values[0] > values[best]:
        best = 0
    return best


@loop_kernel
def learn(memory: Array, places: Array, numbers: Array, action: int, reward: float) -> None:
    """Correct the value of the action before by its ``reward`` and the value of the present one, unless something is
    not finite."""
    width, past, discount = places[WIDTH], places[ACTION], numbers[DISCOUNT]
    z, before = memory[places[INPUT] : places[INPUT] + width], memory[places[BEFORE] : places[BEFORE] + width]
    weights, traces = memory[places[WEIGHTS] : places[TRACES]], memory[places[TRACES] : places[BEFORE]]
    value = dot(weights[past * width : (past + 1) * width], before)
    error = reward + discount * memory[places[VALUES] + action] - value
    apart = 0.0
    for i in range(len(traces)):
        traces[i] *= discount * numbers[TRACE_DECAY]
    for i in range(width):
        traces[past * width + i] += before[i]
        if past == action:
            apart += (before[i] - discount * z[i]) ** 2
        else:
            apart += before[i] * before[i] + discount * discount * z[i] * z[i]
    rate = numbers[RATE] * fading(numbers, places[UPDATES])
    step = rate * error / (1.0 + math.sqrt(dot(traces, traces) * apart))
    if not math.isfinite(step):
        traces[:] = 0.0
        places[SKIPPED] += 1
        return
    for i in range(len(weights)):
        weights[i] += step * traces[i]
    places[UPDATES] += 1


@loop_kernel
def pass_on(memory: Array, places: Array, numbers: Array, action: int, wanted: float) -> None:
    """Keep what the next decision learns from: z, the action, what it has to pay; and feed its position back."""
    width, lags = places[WIDTH], places[LAGS]
    end = places[INPUT] + width
    for i in range(width):
        memory[places[BEFORE] + i] = memory[places[INPUT] + i]
    numbers[OWED] = numbers[COST] * abs(wanted - numbers[POSITION])
    if places[CARRY_ON] == CHOSEN:
        numbers[OWED] += numbers[CARRY] * wanted
    places[ACTION], places[ACTED] = action, 1
    for i in range(end - lags, end - 1):
        memory[i] = memory[i + 1]
    if lags > 0:
        memory[end - 1] = wanted
    numbers[POSITION] = wanted


@loop_kernel
def decide(memory: Array, places: Array, numbers: Array) -> float:
    """Choose, learn from what the choice before has brought, and give what is traded of it. Inputs and the terms of
    this decision (`sense`) are set."""
    echo(memory, places)
    action = choose(memory, places, numbers)
    wanted, held = (action - 1) * numbers[CLIP], numbers[POSITION]
    numbers[REWARD] = reward_of(places, numbers, wanted)
    traded = through_gate(places, numbers, wanted)
    if math.isfinite(numbers[REWARD]):
        add_to_gate(numbers, numbers[REWARD])
    if places[ACTED] != 0:
        carried = 0.0 if places[CARRY_ON] == CHOSEN else numbers[CARRY] * held
        learn(memory, places, numbers, action, numbers[MOVE] * held - carried - numbers[OWED])
    pass_on(memory, places, numbers, action, wanted)
    return traded


@loop_kernel
def forget_the_past(memory: Array, places: Array) -> None:
    """Begin anew after a gap: the state, the positions fed back and the traces are 0, and nothing is learnt from the
    action before; weights stay."""
    begin = places[INPUT] + places[WIDTH] - places[SIZE] - places[LAGS]
    for i in range(begin, places[INPUT] + places[WIDTH]):
        memory[i] = 0.0
    for i in range(places[TRACES], places[BEFORE]):
        memory[i] = 0.0
    places[ACTED] = 0
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
