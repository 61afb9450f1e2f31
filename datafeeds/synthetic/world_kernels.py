"""Compiled paths of the synthetic worlds of bars.

Prices in ticks (whole numbers held as float64), moves and deviations in ticks per bar. NaN is not expected anywhere.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from halfspread.compiled import kernel
from halfspread.datafeeds.synthetic.market_kernels import extremes

__all__ = ["autoregression", "bar_ranges", "filtered_probability", "markov_states", "walk"]

Floats = NDArray[np.float64]


@kernel
def walk(path: Floats, levels: Floats, drifts: Floats, persistence: float, deviation: float, normals: Floats) -> None:
    """Fill ``path`` (n + 1), of which the first is given, from ``levels`` (n + 1), ``drifts`` and ``normals`` (n).

    The next price is its conditional mean, ``level + persistence (price - level before) + drift``, plus normal noise,
    rounded to a whole tick. The rounding is of the sum, so that the price is a Markov chain on the ticks; it moves the
    mean by less than exp(-2 pi^2 deviation^2) ticks.
    """
    for i in range(drifts.size):
        mean = levels[i + 1] + persistence * (path[i] - levels[i]) + drifts[i]
        path[i + 1] = math.floor(mean + deviation * normals[i] + 0.5)


@kernel
def bar_ranges(path: Floats, deviations: Floats, uniforms: Floats) -> tuple[Floats, Floats]:
    """Highs and lows (n,) of bars between the points of ``path`` (n + 1), whole ticks.

    Within a bar the price is a Brownian bridge with standard deviation ``deviations`` (n,); its extremes, drawn by
    ``uniforms`` (n, 2), are rounded inwards.
    """
    highs, lows = np.empty(deviations.size), np.empty(deviations.size)
    for i in range(deviations.size):
        first, last = path[i], path[i + 1]
        high, low = extremes(first, last, deviations[i] * deviations[i], uniforms[i, 0], uniforms[i, 1])
        highs[i] = max(first, last, math.floor(high))
        lows[i] = min(first, last, math.ceil(low))
    return highs, lows


@kernel
def autoregression(first: float, persistence: float, noise: Floats) -> Floats:
    """``first`` and n further values of x(t + 1) = persistence x(t) + noise(t), (n + 1,)."""
    values = np.empty(noise.size + 1)
    values[0] = first
    for i in range(noise.size):
        values[i + 1] = persistence * values[i] + noise[i]
    return values


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
