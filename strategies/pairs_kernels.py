"""Decisions of the experts on two instruments. Signature, shapes and units: ``halfspread.engine.agent_functions``.

Rates and spreads as fractions; ``context.rows`` holds the last bar of each instrument. An unknown funding rate is NaN
and leaves the targets as they are.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel
from halfspread.engine.agent_functions import compiled_agent
from halfspread.engine.codes import CLOSE, FUNDING, OK

Array = Any


@inner_kernel
def hold_legs(context: Array, first: float, second: float) -> None:
    """Targets of both legs."""
    context.targets[0] = first
    context.targets[1] = second


@compiled_agent
def pairs(context: Array, memory: Array, history: Array, row: int) -> int:
    """Memory: [window, entry, exit, beta]. Two passes: no sum of squares that loses
    digits."""
    window, beta = int(memory[0]), memory[3]
    one, two = context.rows[0], context.rows[1]
    mean = 0.0
    spread = 0.0
    for i in range(1 - window, 1):
        spread = math.log(history[one + i, CLOSE]) - beta * math.log(history[two + i, CLOSE])
        mean += spread
    mean /= window
    variance = 0.0
    for i in range(1 - window, 1):
        away = math.log(history[one + i, CLOSE]) - beta * math.log(history[two + i, CLOSE]) - mean
        variance += away * away
    deviation = math.sqrt(variance / window)
    away, held = spread - mean, context.targets[0]
    if away > memory[1] * deviation:
        hold_legs(context, -1.0, beta)
    elif away < -memory[1] * deviation:
        hold_legs(context, 1.0, -beta)
    elif (held < 0.0 and away <= memory[2] * deviation) or (held > 0.0 and away >= -memory[2] * deviation):
        hold_legs(context, 0.0, 0.0)
    return OK


@inner_kernel
def known_rate(context: Array, k: int) -> float:
    """The next rate where it is published, else the last one."""
    rate = context.next_funding_rate[k]
    return context.last_funding_rate[k] if math.isnan(rate) else rate  # type: ignore[no-any-return]


@compiled_agent
def pairs_carry(context: Array, memory: Array, history: Array, row: int) -> int:
    """Memory: [entry, exit, weight of a new difference, 1: by the basis, started, smoothed difference]."""
    if memory[3] != 0.0:
        found = history[context.rows[0], CLOSE] / history[context.rows[1], CLOSE] - 1.0
    elif memory[4] != 0.0 and not context.kind & FUNDING:
        return OK
    else:
        found = known_rate(context, 0) - known_rate(context, 1)
    if math.isnan(found):
        return OK
    if memory[4] == 0.0:
        memory[4], memory[5] = 1.0, found
    else:
        memory[5] += memory[2] * (found - memory[5])
    difference, held = memory[5], context.targets[0]
    if difference > memory[0]:
        hold_legs(context, -1.0, 1.0)
    elif difference < -memory[0]:
        hold_legs(context, 1.0, -1.0)
    elif (held < 0.0 and difference <= memory[1]) or (held > 0.0 and difference >= -memory[1]):
        hold_legs(context, 0.0, 0.0)
    return OK
