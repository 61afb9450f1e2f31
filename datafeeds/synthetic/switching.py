"""The best times to switch between long and short where the next move is predictable and every trade costs.

A predictor is a finite Markov chain; in state x the price is expected to move by m(x). A risk-neutral position in
[-1, 1] with cost c for each contract traded is only ever +1 or -1 (de Lataillade, Deremble, Potters and Bouchaud 2012,
"Optimal trading with linear costs", Journal of Investment Strategies 1(3), 91-115). How much better it is to be long
than short solves D(x) = clip(2 m(x) + E[D(next) | x], -2c, 2c): switch to long where the clip is at 2c, to short where
it is at -2c, keep the position between. It is solved by Howard's policy iteration, to rounding.

Moves and costs in one unit, per contract. NaN is not expected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from halfspread.engine.times import Floats
from halfspread.errors import ConfigError

__all__ = ["Switching", "best_switching", "stationary", "switching_value"]

Mask = np.ndarray[Any, np.dtype[np.bool_]]
MOST_ITERATIONS = 200


@dataclass(frozen=True, eq=False)
class Switching:
    """Where to go long and short, each (states,); ``gain``: 2 m(x) + E[D]; ``value``: profit per step after costs."""

    long: Mask
    short: Mask
    gain: Floats
    value: float


def stationary(transition: Floats) -> Floats:
    """The stationary distribution of an irreducible chain, (states,). ``transition`` rows sum to 1."""
    n = len(transition)
    system = np.eye(n) - transition.T
    system[-1] = 1.0
    right = np.zeros(n)
    right[-1] = 1.0
    return np.asarray(np.linalg.solve(system, right), np.float64)


def best_switching(transition: Floats, moves: Floats, cost: float) -> Switching:
    """The policy with the highest profit per step in the long run.

    Args:
        transition: probabilities (states, states) of an irreducible chain.
        moves: expected next move of the price in each state (states,).
        cost: of one contract traded, at least 0.

    Raises ConfigError for a negative cost.
    """
    if cost < 0.0:
        raise ConfigError(f"cost: expected at least 0 for each contract traded, got {cost:g}")
    weights = stationary(transition)
    long, short = moves > 0.0, moves <= 0.0
    gain = 2.0 * moves
    for _ in range(MOST_ITERATIONS):
        if not (long.any() or short.any()):
            break
        gain = 2.0 * moves + transition @ _advantage(transition, moves, long, short, cost)
        slack = 1e-12 * (cost + float(np.abs(moves).max()))
        new_long, new_short = gain >= 2.0 * cost - slack, gain <= -2.0 * cost + slack
        new_short &= ~new_long
        if (new_long == long).all() and (new_short == short).all():
            break
        long, short = new_long, new_short
    value = switching_value(transition, moves, long, short, cost, weights)
    held = abs(float(weights @ moves))
    if value < held:  # one side for ever: no trade pays for itself
        side = float(weights @ moves) > 0.0
        return Switching(np.full(len(moves), side), np.full(len(moves), not side), gain, held)
    return Switching(long, short, gain, value)


def _advantage(transition: Floats, moves: Floats, long: Mask, short: Mask, cost: float) -> Floats:
    """D under a policy: 2c and -2c where it switches, a linear system between."""
    advantage = 2.0 * cost * (long.astype(float) - short.astype(float))
    keep = ~(long | short)
    if keep.any():
        inner = np.eye(int(keep.sum())) - transition[np.ix_(keep, keep)]
        right = 2.0 * moves[keep] + transition[np.ix_(keep, ~keep)] @ advantage[~keep]
        advantage[keep] = np.linalg.solve(inner, right)
    return np.asarray(advantage, np.float64)


def switching_value(
    transition: Floats, moves: Floats, long: Mask, short: Mask, cost: float, weights: Floats | None = None
) -> float:
    """Profit per step, after costs, of going long in ``long``, short in ``short`` and keeping the position elsewhere.

    ``weights``: the stationary distribution where it is known already. A policy that never trades is worth 0.
    """
    if not (long.any() or short.any()):
        return 0.0
    weights = stationary(transition) if weights is None else weights
    held_long = np.where(long, weights, 0.0)
    keep = ~(long | short)
    if keep.any():
        inner = np.eye(int(keep.sum())) - transition[np.ix_(keep, keep)]
        held_long[keep] = np.linalg.solve(inner.T, held_long[long] @ transition[np.ix_(long, keep)])
    held_short = weights - held_long
    bought = float((held_short @ transition)[long].sum())
    sold = float((held_long @ transition)[short].sum())
    return float(moves @ (held_long - held_short)) - 2.0 * cost * (bought + sold)
