"""Decisions of an expert that depends on its own past. Signature: ``engine.agent_functions``; units and NaN policy:
``agents.features.kernels``."""

from __future__ import annotations

from typing import Any

from halfspread.agents.features.kernels import look_at_own
from halfspread.agents.features.records import HELD, LEFT_AGO, MOVED, OWN_WIDTH, STEPS
from halfspread.engine.agent_functions import compiled_agent
from halfspread.engine.codes import OK

Array = Any


@compiled_agent
def position_rule(context: Array, memory: Array, history: Array, row: int) -> int:
    """Memory: [column, enter, leave, stop, longest, cool-down, own past...]."""
    own = memory[6 : 6 + OWN_WIDTH].reshape((1, OWN_WIDTH))
    look_at_own(own, context, history)
    mine, signal = own[0], history[row, int(memory[0])]
    held = mine[HELD]
    if held == 0.0:
        resting = memory[5] - mine[LEFT_AGO] > 0.0
        if resting or abs(signal) <= memory[1]:
            context.targets[0] = 0.0
        else:
            context.targets[0] = 1.0 if signal > 0.0 else -1.0
    elif mine[MOVED] < -memory[3] or mine[STEPS] >= memory[4] or held * signal < -memory[2]:
        context.targets[0] = 0.0
    else:
        context.targets[0] = 1.0 if held > 0.0 else -1.0
    return OK
