"""Decisions of experts that read columns of the bars. Signature: ``engine.agent_functions``; columns are finite."""

from __future__ import annotations

from typing import Any

from halfspread.engine.agent_functions import compiled_agent
from halfspread.engine.codes import OK

Array = Any


@compiled_agent
def threshold_rule(context: Array, memory: Array, history: Array, row: int) -> int:
    """Memory: [column, level]. The side of the column where its size is above the level, flat elsewhere."""
    value = history[row, int(memory[0])]
    context.targets[0] = 0.0 if abs(value) <= memory[1] else (1.0 if value > 0.0 else -1.0)
    return OK


@compiled_agent
def follow_rule(context: Array, memory: Array, history: Array, row: int) -> int:
    """Memory: [column]. The column itself is the target, within -1 and 1."""
    context.targets[0] = min(max(history[row, int(memory[0])], -1.0), 1.0)
    return OK


@compiled_agent
def deadline_rule(context: Array, memory: Array, history: Array, row: int) -> int:
    """Memory: [column of the signal, column of the time left, slices, level]. One slice is sold where the signal is
    below the level, or more is left than the time allows; at the deadline everything."""
    signal, left = history[row, int(memory[0])], history[row, int(memory[1])]
    slices = memory[2]
    sold = round(-context.positions[0] * slices)
    if left <= 0.0:
        sold = slices
    elif sold < slices and (signal < memory[3] or slices - sold > slices * left):
        sold += 1.0
    context.targets[0] = -min(sold, slices) / slices
    return OK
