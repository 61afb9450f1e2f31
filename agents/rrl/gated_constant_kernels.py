"""A constant position that goes through the gate: what the gate alone is worth, without anything that learns.

Memory as in ``agents.rrl.records``. The shadow of a constant has been in the market all along: it never trades, and so
pays no costs; what the account pays at the changes of the gate is no part of it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from halfspread.agents.rrl.gate_kernels import add_to_gate, through_gate
from halfspread.agents.rrl.records import (
    CARRY,
    CARRY_ON,
    CHOSEN,
    HEADER,
    MOVE,
    NUMBERS,
    NUMBERS_KEPT,
    OWN_NUMBERS,
    POSITION,
    REWARD,
    SKIPPED,
    TRADED,
)
from halfspread.agents.rrl.sense_kernels import sense
from halfspread.compiled import loop_kernel
from halfspread.engine.agent_functions import compiled_agent
from halfspread.engine.codes import OK

Array = Any

#: Number: the position.
CONSTANT = OWN_NUMBERS


@loop_kernel
def decide(places: Array, numbers: Array) -> float:
    """What the gate lets through of the constant; the terms of this decision (`sense`) are set."""
    wanted, held = numbers[CONSTANT], numbers[POSITION]
    paying = wanted if places[CARRY_ON] == CHOSEN else held
    numbers[REWARD] = numbers[MOVE] * held - numbers[CARRY] * paying
    traded = through_gate(places, numbers, wanted)
    if math.isfinite(numbers[REWARD]):
        add_to_gate(numbers, numbers[REWARD])
    else:
        places[SKIPPED] += 1
    numbers[POSITION] = wanted
    return traded


@compiled_agent
def act(context: Array, memory: Array, history: Array, row: int) -> int:
    """Hold while the gate is open. Memory: see the module."""
    places = memory[:HEADER].view(np.int64)
    if sense(memory, context, history):
        numbers = memory[places[NUMBERS] : places[NUMBERS] + NUMBERS_KEPT]
        context.targets[places[TRADED]] = decide(places, numbers)
    return OK
