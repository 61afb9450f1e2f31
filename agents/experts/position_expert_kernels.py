"""Decisions of an expert that depends on its own past. Signature: ``engine.agent_functions``; units and NaN policy:
``agents.features.kernels``."""

from __future__ import annotations

from typing import Any

import numpy as np

from halfspread.agents.features.records import HELD, LAST_PRICE, LEFT_AGO, MOVED, STEPS
from halfspread.agents.policies import policy_kernels as places
from halfspread.agents.policies.policy_kernels import look
from halfspread.engine.agent_functions import compiled_agent
from halfspread.engine.codes import OK

Array = Any

ENTER, LEAVE, STOP, LONGEST, COOL_DOWN, BY_FRACTION, LOOK = range(7)


@compiled_agent
def position_rule(context: Array, memory: Array, history: Array, row: int) -> int:
    """Memory: [enter, leave, stop, longest, cool-down, stop is a fraction of the price, a memory of
    ``policies.policy_kernels`` that looks at the signal...]."""
    seen = memory[LOOK:]
    look(seen, context, history)
    layout = seen[: places.HEADER].view(np.int64)
    mine, signal = seen[layout[places.OWN] : layout[places.FRESH]], seen[layout[places.FRESH]]
    held = mine[HELD]
    stop = memory[STOP] * mine[LAST_PRICE] if memory[BY_FRACTION] != 0.0 else memory[STOP]
    if held == 0.0:
        resting = memory[COOL_DOWN] - mine[LEFT_AGO] > 0.0
        if resting or abs(signal) <= memory[ENTER]:
            context.targets[0] = 0.0
        else:
            context.targets[0] = 1.0 if signal > 0.0 else -1.0
    elif mine[MOVED] < -stop or mine[STEPS] >= memory[LONGEST] or held * signal < -memory[LEAVE]:
        context.targets[0] = 0.0
    else:
        context.targets[0] = 1.0 if held > 0.0 else -1.0
    return OK
