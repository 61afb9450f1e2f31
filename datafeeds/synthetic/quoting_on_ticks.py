"""The market maker's best quotes where distances are whole ticks.

Units as in `datafeeds.quoting`: distances in quote currency, k per quote currency, A per second.
"""

from __future__ import annotations

import math

import numpy as np

from halfspread.datafeeds.synthetic.order_flow import OrderFlow
from halfspread.engine.times import Floats
from halfspread.errors import ConfigError

__all__ = ["best_on_ticks"]

MOST_ITERATIONS = 1_000
NEVER = 40.0  # a flow that is thinner than exp(-40) fills nothing


def best_on_ticks(flow: OrderFlow, limit: int, gamma: float, fee: float, tick: float) -> tuple[Floats, Floats, float]:
    """Distances (bid, ask), each (2 limit + 1,), and the profit less gamma sigma^2 q^2 / 2 that they earn per second.

    A Markov decision process on the inventory q with long-run average reward, solved by policy iteration (Howard 1960,
    Dynamic Programming and Markov Processes). Distances are whole ticks, at least one.

    Raises ConfigError for a tick that is not above zero.
    """
    if not 0.0 < tick < math.inf:
        raise ConfigError(f"tick: expected above 0, got {tick}")
    widest = math.ceil((NEVER / flow.k + abs(fee)) / tick) + 1
    choices = tick * np.arange(1.0, widest + 1.0)
    usual = choices[np.abs(choices - 1.0 / flow.k - fee).argmin()]
    best = np.full(2 * limit + 1, usual), np.full(2 * limit + 1, usual)
    best[0][-1] = best[1][0] = np.inf
    value, worth = _evaluate(flow, *best, gamma, fee)
    for _ in range(MOST_ITERATIONS):
        bid, ask = _improve(flow, worth, choices, fee)
        found, worth = _evaluate(flow, bid, ask, gamma, fee)
        if found <= value + 1e-13 * abs(value):
            break
        value, best = found, (bid, ask)
    return *best, value


def _evaluate(flow: OrderFlow, bid: Floats, ask: Floats, gamma: float, fee: float) -> tuple[float, Floats]:
    """Average reward per second of a policy, and how much more each inventory is worth than none (n,)."""
    limit = len(bid) // 2
    up, down = flow.intensity(bid), flow.intensity(ask)
    earned = -0.5 * gamma * (flow.sigma * np.arange(-limit, limit + 1.0)) ** 2
    earned[:-1] += up[:-1] * (bid[:-1] - fee)
    earned[1:] += down[1:] * (ask[1:] - fee)
    system = np.diag(up + down) - np.diag(up[:-1], 1) - np.diag(down[1:], -1)
    system[:, limit] = 1.0  # no inventory is worth 0; its column finds the average
    worth = np.asarray(np.linalg.solve(system, earned), np.float64)
    average = float(worth[limit])
    worth[limit] = 0.0
    return average, worth


def _improve(flow: OrderFlow, worth: Floats, choices: Floats, fee: float) -> tuple[Floats, Floats]:
    """The distances with the highest rate of profit and worth from the next fill."""
    bid, ask = np.full(len(worth), np.inf), np.full(len(worth), np.inf)
    rises, rates = np.diff(worth), flow.intensity(choices)
    bid[:-1] = choices[(rates * (choices - fee + rises[:, None])).argmax(axis=1)]
    ask[1:] = choices[(rates * (choices - fee - rises[:, None])).argmax(axis=1)]
    return bid, ask
