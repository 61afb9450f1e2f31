"""Decision of the imbalance rule. Signature, shapes and units: ``halfspread.engine.agent_functions``.

Sizes in contracts, times in seconds. A size that is not known (NaN) leaves target and memory as they are.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.engine.agent_functions import compiled_agent
from halfspread.engine.codes import OK

__all__ = ["book_imbalance"]

Array = Any


@compiled_agent
def book_imbalance(context: Array, memory: Array, history: Array, row: int) -> int:
    """Memory: [levels, time constant (s), threshold, exit, started, time of the row before (s), smoothed imbalance].

    The history's rows are books or quotes: bid price, bid size, ask price, ask size of each level.
    """
    levels = min(int(memory[0]), history.shape[1] // 4)
    bids = asks = 0.0
    for level in range(levels):
        bids += history[row, 4 * level + 1]
        asks += history[row, 4 * level + 3]
    imbalance = (bids - asks) / (bids + asks) if bids + asks > 0.0 else math.nan
    if math.isnan(imbalance):
        return OK
    now = context.time / 1e9
    if memory[4] == 0.0:
        memory[4], memory[6] = 1.0, imbalance
    else:
        passed = now - memory[5]
        if memory[1] > 0.0:
            memory[6] += passed / (passed + memory[1]) * (imbalance - memory[6])
        else:
            memory[6] = imbalance
    memory[5] = now
    smooth, held = memory[6], context.targets[0]
    if smooth > memory[2]:
        context.targets[0] = 1.0
    elif smooth < -memory[2]:
        context.targets[0] = -1.0
    elif held * smooth <= held * held * memory[3]:
        context.targets[0] = 0.0
    return OK
