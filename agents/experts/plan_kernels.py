"""Decisions that were made beforehand. Signature: ``engine.agent_functions``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from halfspread.engine.agent_functions import compiled_agent
from halfspread.engine.codes import OK

Array = Any


@compiled_agent
def follow_plan(context: Array, memory: Array, history: Array, row: int) -> int:
    """Memory: [last change, changes, instrument, times of changes (int64 bits)..., targets from then on...]; a NaN
    leaves the target as it is."""
    count = int(memory[1])
    times = memory[3 : 3 + count].view(np.int64)
    at = int(memory[0])
    while at + 1 < count and times[at + 1] <= context.time:
        at += 1
    memory[0] = at
    if at >= 0 and not math.isnan(memory[3 + count + at]):
        context.targets[int(memory[2])] = memory[3 + count + at]
    return OK
