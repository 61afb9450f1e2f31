"""The market maker's best quotes where distances are whole ticks.

Units as in `datafeeds.quoting`: distances in quote currency, k per quote currency, A per second.
"""

from __future__ import annotations

import math

import numpy as np

from halfspread.datafeeds.order_flow import OrderFlow
from halfspread.engine.times import Floats
from halfspread.errors import ConfigError

__all__ = ["best_on_ticks"]

MOST_ITERATIONS = 1_000


def best_on_ticks(flow: OrderFlow, limit: int, gamma: float, fee: float, tick: float) -> tuple[Floats, Floats, float]:
    """Distances (bid, ask), each (2 limit + 1,), and the growth of the certainty equivalent per second.

    Howard's policy iteration; for gamma above 0 the values of a policy are a Perron eigenvector (Howard and Matheson
    1972, "Risk-sensitive Markov decision processes", Management Science 18(7), 356-369).

    Raises ConfigError for a tick that is not above zero.
    """
    if not 0.0 < tick < math.inf:
        raise ConfigError(f"tick: expected above 0, got {tick}")
    widest = math.ceil((40.0 / flow.k + abs(fee)) / tick) + 1
    choices = tick * np.arange(1.0, widest + 1.0)
    bid = np.full(2 * limit + 1, choices[np.abs(choices - 1.0 / flow.k - fee).argmin()])
    ask = bid.copy()
    bid[-1] = ask[0] = np.inf
    growth = -math.inf
    for _ in range(MOST_ITERATIONS):
        found, values = _evaluate(flow, bid, ask, gamma, fee)
        if found <= growth + 1e-13 * max(1.0, abs(growth)):
            break
        growth, best = found, (bid, ask)
        bid, ask = _improve(flow, values, choices, gamma, fee)
    return *best, growth


def _evaluate(flow: OrderFlow, bid: Floats, ask: Floats, gamma: float, fee: float) -> tuple[float, Floats]:
    """Growth and relative values theta(q) of a policy."""
    n = len(bid)
    limit = n // 2
    up, down = flow.intensity(bid), flow.intensity(ask)
    if gamma == 0.0:
        system = np.diag(up + down) - np.diag(up[:-1], 1) - np.diag(down[1:], -1)
        earned = np.zeros(n)
        earned[:-1] += up[:-1] * (bid[:-1] - fee)
        earned[1:] += down[1:] * (ask[1:] - fee)
        system[:, limit] = 1.0  # the value at no inventory is 0; its column holds the growth
        solved = np.linalg.solve(system, earned)
        growth = float(solved[limit])
        solved[limit] = 0.0
        return growth, np.asarray(solved, np.float64)
    inventory = np.arange(-limit, limit + 1.0)
    matrix = np.diag(0.5 * (gamma * flow.sigma * inventory) ** 2 - up - down)
    matrix += np.diag(up[:-1] * np.exp(-gamma * (bid[:-1] - fee)), 1)
    matrix += np.diag(down[1:] * np.exp(-gamma * (ask[1:] - fee)), -1)
    values, vectors = np.linalg.eig(matrix)
    first = int(values.real.argmax())
    perron = np.abs(vectors[:, first].real)
    theta = -np.log(perron / perron[limit]) / gamma
    return -float(values[first].real) / gamma, np.asarray(theta, np.float64)


def _improve(flow: OrderFlow, values: Floats, choices: Floats, gamma: float, fee: float) -> tuple[Floats, Floats]:
    bid, ask = np.full(len(values), np.inf), np.full(len(values), np.inf)
    rises = np.diff(values)
    bid[:-1] = _best_choice(flow, rises - fee, choices, gamma)
    ask[1:] = _best_choice(flow, -rises - fee, choices, gamma)
    return bid, ask


def _best_choice(flow: OrderFlow, extra: Floats, choices: Floats, gamma: float) -> Floats:
    """For each ``extra`` (n,) earned with a fill, the distance with the highest rate of (utility of) profit."""
    earned = extra[:, None] + choices[None, :]
    worth = -np.expm1(-gamma * earned) / gamma if gamma > 0.0 else earned
    return np.asarray(choices[(flow.intensity(choices) * worth).argmax(axis=1)], np.float64)
