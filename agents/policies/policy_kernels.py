"""A learnt policy as an agent of the event loop: observe, standardise, ask the network or the forest, set the target.

Everything is in its memory, so that one compiled function serves every model. ``memory`` begins with the places below,
as int64 in the bits of its float64 numbers; each names where a part begins. Units: ``agents.features.kernels`` and
``agents.networks.network_kernels``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from halfspread.agents.features.kernels import observe
from halfspread.agents.features.records import OWN_WIDTH, PLAN_WIDTH
from halfspread.agents.networks.network_kernels import GAUSSIAN, SOFTMAX, forward, to_probabilities
from halfspread.agents.reservoir.reservoir_kernels import update
from halfspread.agents.trees.forest_kernels import NODE_WIDTH, forest_of_row
from halfspread.compiled import kernel, loop_kernel
from halfspread.engine.agent_functions import compiled_agent
from halfspread.engine.codes import OK

Array = Any
Record = Any

# Counts and settings, then where each part begins.
FEATURES, STACK, INSTRUMENTS, FOREST, ACTIVATION, HEAD, VALUES, TRADED, DRAWS, SEEN = range(10)
PLAN, KEPT, OWN, FRESH, OBSERVED, SCALED, CENTRE, SPREAD, SIZES, PARAMETERS, UNITS, TARGETS, RANDOM = range(10, 23)
RESERVOIR, ROOM, END = range(23, 26)
HEADER = 26

#: Constants of SplitMix64 (Steele, Lea and Flood 2014).
STEP = np.uint64(0x9E3779B97F4A7C15)
FIRST = np.uint64(0xBF58476D1CE4E5B9)
SECOND = np.uint64(0x94D049BB133111EB)


@loop_kernel
def look(memory: Array, context: Record, history: Array) -> None:
    """Fill the observation: the features of this decision, before those of the decisions before it; then the state of
    the reservoir, which is kept there and nowhere else. Its last input, behind the features, is 1."""
    places = memory[:HEADER].view(np.int64)
    count, stack = places[FEATURES], places[STACK]
    lines = (places[KEPT] - places[PLAN]) // PLAN_WIDTH
    plan = memory[places[PLAN] : places[KEPT]].reshape((lines, PLAN_WIDTH))
    state = memory[places[KEPT] : places[OWN]]
    own = memory[places[OWN] : places[FRESH]].reshape((places[INSTRUMENTS], OWN_WIDTH))
    fresh = memory[places[FRESH] : places[FRESH] + count]
    observed = memory[places[OBSERVED] : places[SCALED]]
    observe(plan, state, own, context, history, fresh)
    for i in range(stack * count - 1, count - 1, -1):
        observed[i] = observed[i - count]
    for i in range(count):
        observed[i] = fresh[i]
    if places[ROOM] > places[RESERVOIR]:
        packed, scratch = memory[places[RESERVOIR] : places[ROOM]], memory[places[ROOM] : places[END]]
        nothing = scratch[:0]
        update(packed, memory[places[FRESH] : places[OBSERVED]], nothing, observed[stack * count :], scratch)
    places[SEEN] += 1


@loop_kernel
def think(memory: Array) -> int:
    """Standardise the observation and ask the model; gives where its outputs begin in the memory."""
    places = memory[:HEADER].view(np.int64)
    observed = memory[places[OBSERVED] : places[SCALED]]
    scaled = memory[places[SCALED] : places[CENTRE]]
    centre = memory[places[CENTRE] : places[SPREAD]]
    spread = memory[places[SPREAD] : places[SIZES]]
    for i in range(len(scaled)):
        scaled[i] = (observed[i] - centre[i]) / spread[i]
    sizes = memory[places[SIZES] : places[PARAMETERS]].view(np.int64)
    parameters = memory[places[PARAMETERS] : places[UNITS]]
    units = memory[places[UNITS] : places[TARGETS]]
    if places[FOREST] != 0:
        forest_of_row(parameters.reshape((len(parameters) // NODE_WIDTH, NODE_WIDTH)), sizes, scaled, units)
        return places[UNITS]  # type: ignore[no-any-return]
    begin = forward(sizes, places[ACTIVATION], parameters, scaled.reshape((1, len(scaled))), units)
    return places[UNITS] + begin  # type: ignore[no-any-return]


@loop_kernel
def uniform(bits: Array) -> float:
    """The next number of SplitMix64 in [0, 1); ``bits`` uint64 (1,) is its state."""
    bits[0] += STEP
    mixed = bits[0]
    mixed = (mixed ^ (mixed >> np.uint64(30))) * FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * SECOND
    mixed ^= mixed >> np.uint64(31)
    return float(mixed >> np.uint64(11)) * 2.0**-53


@loop_kernel
def choose(memory: Array, begin: int) -> int:
    """The class that a softmax head chooses: the likeliest, or one drawn by its probability."""
    places = memory[:HEADER].view(np.int64)
    count = places[RANDOM] - places[TARGETS]
    outputs = memory[begin : begin + count]
    best = 0
    if places[DRAWS] == 0:
        for j in range(1, count):
            if outputs[j] > outputs[best]:
                best = j
        return best
    to_probabilities(outputs.reshape((1, count)))
    left = uniform(memory[places[RANDOM] : places[RESERVOIR]].view(np.uint64))
    while best < count - 1 and left >= outputs[best]:
        left -= outputs[best]
        best += 1
    return best


@loop_kernel
def told(memory: Array, begin: int, i: int) -> float:
    """Value ``i`` that a head of values tells, within the range of targets; drawn by its deviation where it has one
    and draws are asked for."""
    places = memory[:HEADER].view(np.int64)
    value = memory[begin + i]
    if places[DRAWS] != 0 and places[HEAD] == GAUSSIAN:
        bits = memory[places[RANDOM] : places[RESERVOIR]].view(np.uint64)
        size = math.sqrt(-2.0 * math.log(1.0 - uniform(bits)))  # Box and Muller 1958
        value += math.exp(memory[begin + places[VALUES] + i]) * size * math.cos(2.0 * math.pi * uniform(bits))
    return min(max(value, -1.0), 1.0)  # type: ignore[no-any-return]


@loop_kernel
def set_targets(memory: Array, targets: Array) -> None:
    """Set the targets that the model wants at the present observation; NaN, which stops a run, where an output is not
    finite."""
    places = memory[:HEADER].view(np.int64)
    begin = think(memory)
    count = places[RANDOM] - places[TARGETS] if places[HEAD] == SOFTMAX else places[VALUES]
    for i in range(count):
        if not math.isfinite(memory[begin + i]):
            targets[places[TRADED]] = math.nan
            return
    if places[HEAD] == SOFTMAX:
        targets[places[TRADED]] = memory[places[TARGETS] + choose(memory, begin)]
    elif places[VALUES] == 1:
        targets[places[TRADED]] = told(memory, begin, 0)
    else:
        for k in range(places[VALUES]):
            targets[k] = told(memory, begin, k)


@compiled_agent
def act(context: Array, memory: Array, history: Array, row: int) -> int:
    """Decide as the model does. Memory: see the module."""
    look(memory, context, history)
    set_targets(memory, context.targets)
    return OK


@compiled_agent
def watch(context: Array, memory: Array, history: Array, row: int) -> int:
    """Write every observation down and trade nothing. Memory: that of the module, then the rows, from `END` on."""
    places = memory[:HEADER].view(np.int64)
    look(memory, context, history)
    width = places[SCALED] - places[OBSERVED]
    at = places[END] + (places[SEEN] - 1) * (width + 1)
    memory[at] = math.nan
    memory[at : at + 1].view(np.int64)[0] = context.time
    for i in range(width):
        memory[at + 1 + i] = memory[places[OBSERVED] + i]
    return OK


@kernel
def look_now(memory: Array, contexts: Array, history: Array) -> None:
    """`look`, for agents in Python; ``contexts`` is an array of one."""
    look(memory, contexts[0], history)


@kernel
def act_now(memory: Array, k: int) -> float:
    """The target that the model sets at the present observation, for agents in Python; of instrument ``k`` where its
    head tells values."""
    places = memory[:HEADER].view(np.int64)
    begin = think(memory)
    if places[HEAD] == SOFTMAX:
        return memory[places[TARGETS] + choose(memory, begin)]  # type: ignore[no-any-return]
    return told(memory, begin, 0 if places[VALUES] == 1 else k)
