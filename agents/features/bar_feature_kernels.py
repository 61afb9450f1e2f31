"""Features of bars: each looks at the rows of its window and at nothing else, so that it does not depend on where a run
began. ``history`` holds bars, ``row`` is that which has just closed. Prices are above zero; only further columns of the
data may be NaN.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.agents.features.records import (
    AVERAGE_GAP,
    BAR_RANGE,
    COLUMN,
    FIRST,
    LOG_RETURN,
    MOMENTUM,
    RANGE_POSITION,
    SECOND,
    SIGNED_VOLUME,
    VOLATILITY,
    VOLUME_LEVEL,
    VOLUME_RATIO,
)
from halfspread.compiled import inner_kernel, loop_kernel
from halfspread.engine.codes import CLOSE, HIGH, LOW, VOLUME

Array = Any


@inner_kernel
def known(value: float) -> float:
    """The value, 0 where it is NaN or infinite."""
    return value if math.isfinite(value) else 0.0


@inner_kernel
def log_return(history: Array, row: int, bars: int) -> float:
    """Logarithm of the last close over that of ``bars`` before."""
    return math.log(history[row, CLOSE] / history[row - bars, CLOSE])


@loop_kernel
def volatility(history: Array, row: int, window: int) -> float:
    """Standard deviation (population) of the last ``window`` log returns from bar to bar, in two passes."""
    mean = math.log(history[row, CLOSE] / history[row - window, CLOSE]) / window
    total = 0.0
    for i in range(row - window + 1, row + 1):
        away = math.log(history[i, CLOSE] / history[i - 1, CLOSE]) - mean
        total += away * away
    return math.sqrt(total / window)


@loop_kernel
def mean_of(history: Array, row: int, window: int, column: int) -> float:
    """Mean of a column over ``window`` rows, this one included."""
    total = 0.0
    for i in range(row - window + 1, row + 1):
        total += history[i, column]
    return total / window


@loop_kernel
def signed_volume(history: Array, row: int, window: int) -> float:
    """Volume of rising bars less that of falling ones, over all of it; 0 where nothing was traded."""
    signed = total = 0.0
    for i in range(row - window + 1, row + 1):
        volume, before = history[i, VOLUME], history[i - 1, CLOSE]
        total += volume
        if history[i, CLOSE] > before:
            signed += volume
        elif history[i, CLOSE] < before:
            signed -= volume
    return signed / total if total > 0.0 else 0.0


@loop_kernel
def place_in_range(history: Array, row: int, window: int) -> float:
    """Where the close stands between the lowest (-1) and the highest (+1) price of the window; 0 where they are one."""
    high, low = history[row, HIGH], history[row, LOW]
    for i in range(row - window + 1, row):
        high, low = max(high, history[i, HIGH]), min(low, history[i, LOW])
    return 2.0 * (history[row, CLOSE] - low) / (high - low) - 1.0 if high > low else 0.0


@loop_kernel
def strength(history: Array, row: int, window: int) -> float:
    """Sum of rises less sum of falls over sum of both (Cutler's relative strength, from -1 to 1); 0 without moves."""
    up = down = 0.0
    for i in range(row - window + 1, row + 1):
        move = history[i, CLOSE] - history[i - 1, CLOSE]
        if move > 0.0:
            up += move
        else:
            down -= move
    return (up - down) / (up + down) if up + down > 0.0 else 0.0


@loop_kernel
def of_bars(code: int, line: Array, history: Array, row: int) -> float:
    """A feature of bars at ``row`` of its instrument."""
    window = int(line[FIRST])
    if code == COLUMN:
        return known(history[row, window])
    if code == LOG_RETURN:
        return log_return(history, row, window)
    if code == MOMENTUM:
        spread = volatility(history, row, window)
        return log_return(history, row, window) / (spread * math.sqrt(window)) if spread > 0.0 else 0.0
    if code == VOLATILITY:
        return volatility(history, row, window)
    if code == VOLUME_LEVEL:
        return math.log1p(history[row, VOLUME])
    if code == VOLUME_RATIO:
        mean = mean_of(history, row, window, VOLUME)
        return history[row, VOLUME] / mean - 1.0 if mean > 0.0 else 0.0
    if code == SIGNED_VOLUME:
        return signed_volume(history, row, window)
    if code == BAR_RANGE:
        total = 0.0
        for i in range(row - window + 1, row + 1):
            total += math.log(history[i, HIGH] / history[i, LOW])
        return total / window
    if code == RANGE_POSITION:
        return place_in_range(history, row, window)
    if code == AVERAGE_GAP:
        return mean_of(history, row, window, CLOSE) / mean_of(history, row, int(line[SECOND]), CLOSE) - 1.0
    return strength(history, row, window)
