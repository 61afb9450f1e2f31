"""Decisions of the built-in experts. Signature, shapes and units: ``halfspread.engine.agent_functions``.

Prices in quote currency, bands and rates as fractions. Bars hold no NaN; an unknown funding rate is NaN and leaves the
target as it is. Each function documents its memory; parameters come first.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from halfspread.compiled import inner_kernel
from halfspread.engine.agent_functions import compiled_agent
from halfspread.engine.codes import CLOSE, FUNDING, OK

Array = Any

HOUR = 3_600_000_000_000
WEEK = 168  # hours
MONDAY = 72  # hours from a Monday's midnight to 1970-01-01 00:00

#: Constants of SplitMix64.
STEP = np.uint64(0x9E3779B97F4A7C15)
FIRST = np.uint64(0xBF58476D1CE4E5B9)
SECOND = np.uint64(0x94D049BB133111EB)


@compiled_agent
def hold(context: Array, memory: Array, history: Array, row: int) -> int:
    """Memory: [position]."""
    context.targets[0] = memory[0]
    return OK


@compiled_agent
def sma_cross(context: Array, memory: Array, history: Array, row: int) -> int:
    """Memory: [fast, slow, band, short side, started, sum of the last fast - 1 closes, of the last slow - 1 closes].

    The averages are compared as sums, each times the length of the other: a division costs more than all the rest.
    """
    fast, slow, band = int(memory[0]), int(memory[1]), memory[2]
    close = history[row, CLOSE]
    if memory[4] == 0.0:
        memory[4] = 1.0
        for i in range(row - fast + 1, row):
            memory[5] += history[i, CLOSE]
        for i in range(row - slow + 1, row):
            memory[6] += history[i, CLOSE]
    fast_sum, slow_sum = memory[5] + close, memory[6] + close
    above, below = memory[1] * fast_sum, memory[0] * slow_sum
    if above > below * (1.0 + band):
        context.targets[0] = 1.0
    elif above <= below * (1.0 - band):
        context.targets[0] = memory[3]
    memory[5] = fast_sum - history[row - fast + 1, CLOSE]
    memory[6] = slow_sum - history[row - slow + 1, CLOSE]
    return OK


@compiled_agent
def bollinger(context: Array, memory: Array, history: Array, row: int) -> int:
    """Memory: [window, width]. Two passes over the window: no sum of squares that loses digits."""
    window, width = int(memory[0]), memory[1]
    mean = 0.0
    for i in range(row - window + 1, row + 1):
        mean += history[i, CLOSE]
    mean /= window
    variance = 0.0
    for i in range(row - window + 1, row + 1):
        away = history[i, CLOSE] - mean
        variance += away * away
    deviation = math.sqrt(variance / window)
    close, held = history[row, CLOSE], context.targets[0]
    if close > mean + width * deviation:
        context.targets[0] = -1.0
    elif close < mean - width * deviation:
        context.targets[0] = 1.0
    elif (held > 0.0 and close >= mean) or (held < 0.0 and close <= mean):
        context.targets[0] = 0.0
    return OK


@compiled_agent
def funding_carry(context: Array, memory: Array, history: Array, row: int) -> int:
    """Memory: [threshold, weight of a new rate, started, smoothed rate]."""
    if memory[2] != 0.0 and not context.kind & FUNDING:
        return OK
    rate = context.next_funding_rate[0]
    if math.isnan(rate):
        rate = context.last_funding_rate[0]
    if math.isnan(rate):
        return OK
    if memory[2] == 0.0:
        memory[2], memory[3] = 1.0, rate
    else:
        memory[3] += memory[1] * (rate - memory[3])
    if memory[3] > memory[0]:
        context.targets[0] = -1.0
    elif memory[3] < -memory[0]:
        context.targets[0] = 1.0
    else:
        context.targets[0] = 0.0
    return OK


@compiled_agent
def time_of_day(context: Array, memory: Array, history: Array, row: int) -> int:
    """Memory: targets of the hours of a week from Monday midnight on."""
    context.targets[0] = memory[(context.time // HOUR + MONDAY) % WEEK]
    return OK


@inner_kernel
def uniform(seed: float, count: float) -> float:
    """The number in [0, 1) that belongs to a count: SplitMix64, its upper 53 bits."""
    x = np.uint64(seed) + (np.uint64(count) + np.uint64(1)) * STEP
    x = (x ^ (x >> np.uint64(30))) * FIRST
    x = (x ^ (x >> np.uint64(27))) * SECOND
    x = x ^ (x >> np.uint64(31))
    return float(x >> np.uint64(11)) * 2.0**-53


@compiled_agent
def random_turnover(context: Array, memory: Array, history: Array, row: int) -> int:
    """Memory: [turnover of a day, seed, draws so far, time of the bar before (s)]."""
    now = context.time / 1e9
    chance = 1.0 if memory[3] == 0.0 else memory[0] * (now - memory[3]) / 86_400.0
    memory[3] = now
    drawn, side = uniform(memory[1], memory[2]), uniform(memory[1], memory[2] + 1.0)
    memory[2] += 2.0
    if drawn < chance:
        context.targets[0] = 1.0 if side < 0.5 else -1.0
    return OK
