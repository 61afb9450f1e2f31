"""A learnt policy as an agent of the event loop: observe, standardise, ask the network, set the target.

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
from halfspread.agents.networks.network_kernels import SOFTMAX, forward, to_probabilities
from halfspread.compiled import kernel, loop_kernel
from halfspread.engine.agent_functions import compiled_agent
from halfspread.engine.codes import OK

Array = Any
Record = Any

# Counts and settings, then where each part begins.
FEATURES, STACK, INSTRUMENTS, STATE, LAYERS, ACTIVATION, HEAD, TRADED, ON_BARS, DRAWS, SEEN = range(11)
PLAN, KEPT, OWN, FRESH, OBSERVED, SCALED, CENTRE, SPREAD, SIZES, PARAMETERS, UNITS, TARGETS, RANDOM, END = range(11, 25)
HEADER = 25

#: Constants of SplitMix64 (Steele, Lea and Flood 2014).
STEP = np.uint64(0x9E3779B97F4A7C15)
FIRST = np.uint64(0xBF58476D1CE4E5B9)
SECOND = np.uint64(0x94D049BB133111EB)


@loop_kernel
def look(memory: Array, context: Record, history: Array) -> None:
    """Fill the observation: the features of this decision, before those of the decisions before it."""
    places = memory[:HEADER].view(np.int64)
    count, stack = places[FEATURES], places[STACK]
    plan = memory[places[PLAN] : places[PLAN] + count * PLAN_WIDTH].reshape((count, PLAN_WIDTH))
    state = memory[places[KEPT] : places[OWN]]
    own = memory[places[OWN] : places[FRESH]].reshape((places[INSTRUMENTS], OWN_WIDTH))
    fresh = memory[places[FRESH] : places[OBSERVED]]
    observed = memory[places[OBSERVED] : places[SCALED]]
    observe(plan, state, own, context, history, places[ON_BARS] != 0, fresh)
    for i in range(stack * count - 1, count - 1, -1):
        observed[i] = observed[i - count]
    for i in range(count):
        observed[i] = fresh[i]
    places[SEEN] += 1


@loop_kernel
def think(memory: Array) -> int:
    """Standardise the observation and ask the network; gives where its outputs begin in the memory."""
    places = memory[:HEADER].view(np.int64)
    observed = memory[places[OBSERVED] : places[SCALED]]
    scaled = memory[places[SCALED] : places[CENTRE]]
    centre = memory[places[CENTRE] : places[SPREAD]]
    spread = memory[places[SPREAD] : places[SIZES]]
    for i in range(len(scaled)):
        scaled[i] = (observed[i] - centre[i]) / spread[i]
    sizes = memory[places[SIZES] : places[PARAMETERS]].view(np.int64)
    units = memory[places[UNITS] : places[TARGETS]]
    begin = forward(
        sizes,
        places[ACTIVATION],
        memory[places[PARAMETERS] : places[UNITS]],
        scaled.reshape((1, len(scaled))),
        units,
    )
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
    left = uniform(memory[places[RANDOM] : places[END]].view(np.uint64))
    while best < count - 1 and left >= outputs[best]:
        left -= outputs[best]
        best += 1
    return best


@compiled_agent
def act(context: Array, memory: Array, history: Array, row: int) -> int:
    """Decide as the model does. Memory: see the module."""
    places = memory[:HEADER].view(np.int64)
    look(memory, context, history)
    begin = think(memory)
    if places[HEAD] == SOFTMAX:
        context.targets[places[TRADED]] = memory[places[TARGETS] + choose(memory, begin)]
    else:
        for k in range(places[INSTRUMENTS]):
            context.targets[k] = min(max(memory[begin + k], -1.0), 1.0)
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
    return min(max(memory[begin + k], -1.0), 1.0)  # type: ignore[no-any-return]
