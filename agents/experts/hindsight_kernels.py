"""What is best from any level on, in hindsight: the search of ``clairvoyant_kernels`` run backwards. Units and arrays
are those there."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from halfspread.agents.experts.clairvoyant_kernels import AFTER, BEFORE, BUY, HELD, SELL
from halfspread.compiled import kernel
from halfspread.engine.agent_functions import compiled_agent
from halfspread.engine.codes import OK

Array = Any

# Memory of `choose_level`: last decision, decisions, levels; then times (int64 bits), levels, choices.
CURSOR, DECISIONS, LEVELS, HEADER = range(4)
OUTSIDE = 2  # status where the market is not the one that was seen


@kernel
def search_back(points: Array, sizes: Array, shift: int, tail: float, choices: Array) -> None:
    """Fill ``choices`` float64 (decisions, levels): at each decision, and for each level in force, the level that earns
    the most from there to the end. Of equal ways the one that stays, then the lowest level. Decisions that are filled
    by no bar keep what is in force."""
    count, bars = sizes.shape[1], points.shape[0]
    last = bars - 1 - shift
    value, before = np.zeros(count), np.empty(count)
    for to in range(count):
        value[to] = sizes[last, to] * tail if last >= 0 else 0.0
    for now in range(choices.shape[0]):
        for by in range(count):
            choices[now, by] = by
    for i in range(bars - 1, shift - 1, -1):
        held, traded_before, rest = points[i, HELD], points[i, BEFORE], points[i, AFTER]
        buy, sell = points[i, BUY], points[i, SELL]
        now = i - shift
        for by in range(count):
            old = sizes[now - 1, by] if now > 0 else 0.0
            best, choice = -math.inf, by
            for step in range(count):
                to = by if step == 0 else (step - 1 if step <= by else step)
                new = sizes[now, to]
                traded = new - old
                if traded == 0.0:
                    found = old * held + value[to]
                elif math.isnan(buy):
                    continue
                else:
                    cost = traded * buy if traded > 0.0 else -traded * sell
                    found = old * traded_before + cost + new * rest + value[to]
                if found > best:
                    best, choice = found, to
            before[by], choices[now, by] = best, choice
        value[:] = before


@compiled_agent
def choose_level(context: Array, memory: Array, history: Array, row: int) -> int:
    """Memory: see above."""
    decisions, count = int(memory[DECISIONS]), int(memory[LEVELS])
    times = memory[HEADER : HEADER + decisions].view(np.int64)
    at = int(memory[CURSOR])
    while at < decisions and times[at] < context.time:
        at += 1
    memory[CURSOR] = at
    if at >= decisions or times[at] != context.time:
        return OUTSIDE
    levels = memory[HEADER + decisions : HEADER + decisions + count]
    near = 0
    for j in range(1, count):
        if abs(levels[j] - context.targets[0]) < abs(levels[near] - context.targets[0]):
            near = j
    context.targets[0] = levels[int(memory[HEADER + decisions + count + at * count + near])]
    return OK
