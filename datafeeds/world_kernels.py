"""Compiled paths of the synthetic worlds of bars.

Prices in ticks (whole numbers held as float64), moves and deviations in ticks per bar. NaN is not expected anywhere.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from halfspread.compiled import kernel
from halfspread.datafeeds.synthetic_kernels import extremes

__all__ = ["filtered_probability", "markov_states", "walk"]

Floats = NDArray[np.float64]


@kernel
def walk(
    path: Floats,
    levels: Floats,
    drifts: Floats,
    persistence: float,
    deviation: float,
    normals: Floats,
    uniforms: Floats,
) -> tuple[Floats, Floats]:
    """Fill ``path`` (n + 1, the first given) and return highs and lows (n,) of the bars between its points.

    The next price is its conditional mean, ``level + persistence (price - level before) + drift``, plus normal noise,
    rounded to a whole tick. The rounding is of the sum, so that the price is a Markov chain on the ticks; it moves the
    mean by less than exp(-2 pi^2 deviation^2) ticks. Within a bar the price is a Brownian bridge, whose extremes are
    rounded inwards; ``uniforms`` (n, 2) draw them.
    """
    n = drifts.size
    highs, lows = np.empty(n), np.empty(n)
    for i in range(n):
        mean = levels[i + 1] + persistence * (path[i] - levels[i]) + drifts[i]
        path[i + 1] = math.floor(mean + deviation * normals[i] + 0.5)
        first, last = path[i], path[i + 1]
        high, low = extremes(first, last, deviation * deviation, uniforms[i, 0], uniforms[i, 1])
        highs[i] = max(first, last, math.floor(high))
        lows[i] = min(first, last, math.ceil(low))
    return highs, lows


@kernel
def markov_states(first: int, leave_up: float, leave_down: float, uniforms: Floats) -> Floats:
    """States 1 (up) and 0 (down) of a two-state chain (n + 1), the first given; uniforms (n,) in [0, 1)."""
    states = np.empty(uniforms.size + 1)
    state = first
    states[0] = state
    for i in range(uniforms.size):
        leave = leave_up if state == 1 else leave_down
        if uniforms[i] < leave:
            state = 1 - state
        states[i + 1] = state
    return states


@kernel
def filtered_probability(
    moves: Floats, drifts: tuple[float, float], deviation: float, leave_up: float, leave_down: float
) -> Floats:
    """Probability, after each move (n,), that the next one is of the up state; ``drifts`` are of up and down.

    Bayes' rule with normal likelihoods, from the stationary probability (Hamilton 1989, Econometrica 57, 357-384).
    """
    up, down = drifts
    found = np.empty(moves.size)
    probability = leave_down / (leave_up + leave_down)
    for i in range(moves.size):
        ratio = (up - down) * (moves[i] - 0.5 * (up + down)) / (deviation * deviation)
        if ratio > 0.0:
            posterior = probability / (probability + (1.0 - probability) * math.exp(-ratio))
        else:
            likelihood = probability * math.exp(ratio)
            posterior = likelihood / (likelihood + 1.0 - probability)
        probability = posterior * (1.0 - leave_up) + (1.0 - posterior) * leave_down
        found[i] = probability
    return found
