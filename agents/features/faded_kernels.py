"""Features of bars in which a bar counts half as much after a half-life, without a loop over a window.

What they have in common is followed once: a line of the plan behind the features takes every bar into its part of the
state, and the features read there. A weighted mean is sum / weights, both multiplied by ``fade`` at every bar (as
pandas' ewm with adjust=True). What a bar is compared with never contains it. On its first decision, and after it has
missed more bars than it needs, a line begins with the bars of its half-life: every run from the same bar on gives the
same bits. Prices are above zero, volumes 0 or more.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from halfspread.agents.features.bar_feature_kernels import known
from halfspread.agents.features.records import (
    BARS_SEEN,
    CODE,
    DEVIATION,
    FADED_VOLATILITY,
    FIRST,
    FOLLOW_MOVES,
    INSTRUMENT,
    LAST_MOVE,
    LEVEL_NOW,
    LEVEL_SQUARES,
    LEVEL_SUM,
    LEVEL_WEIGHT,
    MEAN_BEFORE,
    MOVE_SUM,
    MOVE_WEIGHT,
    MOVES_STATE,
    SCALED_RANGE,
    SCALED_RETURN,
    SECOND,
    SPREAD_BEFORE,
    STATE_AT,
    VOLUME_SCORE,
    VOLUME_STATE,
)
from halfspread.compiled import inner_kernel, loop_kernel
from halfspread.engine.codes import CLOSE, HIGH, LOW, OPEN, VOLUME

Array = Any
Record = Any

LEAST_VOLATILITY = 2e-4
LEAST_SPREAD = 1e-6
FURTHEST = 5.0
USUAL_RANGE = 1.5  # of a bar, in volatilities


@inner_kernel
def within(value: float) -> float:
    """The value, no further from 0 than FURTHEST."""
    return min(max(value, -FURTHEST), FURTHEST)


@inner_kernel
def take_move(kept: Array, fade: float, history: Array, row: int) -> None:
    """Log return of a bar: its square into the mean of squares, after the mean before it was taken."""
    move = math.log(history[row, CLOSE] / history[row - 1, CLOSE])
    if kept[MOVE_WEIGHT] > 0.0:
        kept[DEVIATION] = max(math.sqrt(kept[MOVE_SUM] / kept[MOVE_WEIGHT]), LEAST_VOLATILITY)
    kept[MOVE_SUM] = fade * kept[MOVE_SUM] + move * move
    kept[MOVE_WEIGHT] = fade * kept[MOVE_WEIGHT] + 1.0
    kept[LAST_MOVE] = move


@inner_kernel
def take_volume(kept: Array, fade: float, history: Array, row: int) -> None:
    """Log volume of a bar: into its mean, and its squared distance from that into the mean of those."""
    level = math.log1p(history[row, VOLUME])
    weight = kept[LEVEL_WEIGHT]
    if weight > 0.0:
        kept[MEAN_BEFORE] = kept[LEVEL_SUM] / weight
        kept[SPREAD_BEFORE] = math.sqrt(kept[LEVEL_SQUARES] / weight) + LEAST_SPREAD
    weight = fade * weight + 1.0
    kept[LEVEL_SUM] = fade * kept[LEVEL_SUM] + level
    away = level - kept[LEVEL_SUM] / weight
    kept[LEVEL_SQUARES] = fade * kept[LEVEL_SQUARES] + away * away
    kept[LEVEL_WEIGHT] = weight
    kept[LEVEL_NOW] = level


@loop_kernel
def follow(line: Array, state: Array, context: Record, history: Array) -> None:
    """Take the bars since the last decision into what a line keeps. FIRST: its half-life, SECOND: the fade of a bar."""
    at, k = int(line[STATE_AT]), int(line[INSTRUMENT])
    kept = state[at:]
    count = kept[BARS_SEEN : BARS_SEEN + 1].view(np.int64)
    row, new, most = context.rows[k], context.seen[k] - count[0], int(line[FIRST]) + 1
    if new > most:
        for i in range(1, MOVES_STATE if line[CODE] == FOLLOW_MOVES else VOLUME_STATE):
            kept[i] = 0.0
        new = most
    for i in range(row - new + 1, row + 1):
        if line[CODE] == FOLLOW_MOVES:
            take_move(kept, line[SECOND], history, i)
        else:
            take_volume(kept, line[SECOND], history, i)
    count[0] = context.seen[k]


@loop_kernel
def signed_share(history: Array, row: int, column: int) -> float:
    """Volume of rises less that of falls, over all of it; by the bar's own move where no column says it."""
    volume = history[row, VOLUME]
    if not volume > 0.0:
        return 0.0
    if column >= 0:
        return known(history[row, column] / volume)
    move = history[row, CLOSE] - history[row, OPEN]
    return float((move > 0.0) - (move < 0.0))


@loop_kernel
def of_faded(code: int, line: Array, state: Array, history: Array, row: int) -> float:
    """A feature of bars that fade, at ``row`` of its instrument."""
    kept = state[int(line[STATE_AT]) :]
    if code == SCALED_RETURN:
        bars = int(line[FIRST])
        move = kept[LAST_MOVE] if bars == 1 else math.log(history[row, CLOSE] / history[row - bars, CLOSE])
        return within(move / (kept[DEVIATION] * math.sqrt(bars)))
    if code == SCALED_RANGE:
        return within((history[row, HIGH] - history[row, LOW]) / history[row, CLOSE] / kept[DEVIATION] - USUAL_RANGE)
    if code == VOLUME_SCORE:
        return within((kept[LEVEL_NOW] - kept[MEAN_BEFORE]) / kept[SPREAD_BEFORE])
    if code == FADED_VOLATILITY:
        return kept[DEVIATION]  # type: ignore[no-any-return]
    return signed_share(history, row, int(line[FIRST]))
