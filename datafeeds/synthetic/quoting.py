"""Where a market maker quotes best when market orders arrive with intensity A exp(-k delta).

The mid is a martingale with variance ``sigma``^2 per second; an order at distance delta from it is filled with
intensity A exp(-k delta) per second, on each side alone. Distances and prices in quote currency, k per quote currency,
A per second. One order is one contract of one unit of base; inventory counts them. A fill earns delta minus ``fee`` (of
one contract, below zero for a rebate) against the mid.

Sources: Avellaneda and Stoikov 2008, "High-frequency trading in a limit order book", Quantitative Finance 8(3),
217-224 (AS). Gueant, Lehalle and Fernandez-Tapia 2013, "Dealing with the inventory risk", Mathematics and Financial
Economics 7(4), 477-507 (GLFT).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from halfspread.datafeeds.synthetic.order_flow import OrderFlow
from halfspread.datafeeds.synthetic.quoting_on_ticks import best_on_ticks
from halfspread.engine.times import Floats
from halfspread.errors import ConfigError

__all__ = [
    "Quotes",
    "asymptotic_distances",
    "avellaneda_stoikov",
    "best_distance",
    "inventory_shares",
    "optimal_quotes",
    "quotes_over_time",
]

LEAST_SHARE = 1e-10


@dataclass(frozen=True, eq=False)
class Quotes:
    """Distances from the mid by inventory, and what they earn in the long run.

    ``inventory``: -limit ... limit (n,). ``bid`` and ``ask``: distance below and above the mid (n,); infinite where
    the limit forbids the order; a negative one lies beyond the mid. ``profit_rate``: expected profit per second after
    fees; ``value_rate``: what the quotes make as large as can be, per second: the growth of the certainty equivalent,
    or with a tick the profit less the penalty; ``shares``: of time at each inventory (n,).
    """

    inventory: Floats
    bid: Floats
    ask: Floats
    profit_rate: float
    value_rate: float
    shares: Floats

    def distances(self, inventory: float) -> tuple[float, float]:
        """(bid, ask) at an inventory, which is rounded and cut to the limit."""
        limit = len(self.inventory) // 2
        row = int(min(max(round(inventory), -limit), limit)) + limit
        return float(self.bid[row]), float(self.ask[row])


def best_distance(k: float, fee: float = 0.0) -> float:
    """1 / k + fee: the best distance without inventory risk, which maximises A exp(-k delta) (delta - fee)."""
    return 1.0 / k + fee


def avellaneda_stoikov(
    inventory: float, time_left: float, flow: OrderFlow, gamma: float, fee: float = 0.0
) -> tuple[float, float]:
    """Distances (bid, ask) of AS: around the reservation price s - q gamma sigma^2 tau, with a spread of
    gamma sigma^2 tau + (2 / gamma) ln(1 + gamma / k), both moved out by the fee.

    ``time_left`` tau in seconds. gamma 0 gives 1 / k on both sides. Raises ConfigError for a negative time or gamma.
    """
    if time_left < 0.0 or gamma < 0.0:
        raise ConfigError(f"expected time_left and gamma of at least 0, got {time_left:g} and {gamma:g}")
    risk = gamma * flow.sigma**2 * time_left
    half = 0.5 * risk + _fill_premium(gamma, flow.k) + fee
    return half + inventory * risk, half - inventory * risk


def optimal_quotes(
    flow: OrderFlow, inventory_limit: int, gamma: float = 0.0, fee: float = 0.0, tick: float | None = None
) -> Quotes:
    """The stationary best quotes under exponential utility with risk aversion ``gamma`` and an inventory limit.

    Without a tick: with v the eigenvector of the least eigenvalue of the matrix with diagonal
    (k gamma sigma^2 / 2) q^2 and -A exp(-k fee) (1 + gamma / k)^-(1 + k / gamma) beside it, the distances are
    ln(v(q) / v(q + 1)) / k + ln(1 + gamma / k) / gamma + fee for the bid and likewise with q - 1 for the ask (GLFT,
    theorem 1 and section 3). gamma 0 is risk-neutral: the limit alone moves the quotes.

    With a tick: distances are whole ticks, at least one, and make the profit less gamma sigma^2 q^2 / 2 per second as
    large as can be, solved exactly by policy iteration. That is what exponential utility is where gamma is far below k
    (Cartea, Jaimungal and Penalva 2015, Algorithmic and High-Frequency Trading, chapter 10); beyond, no quote that has
    to stay behind the mid bounds the risk at the limit, and its certainty equivalent says little.

    Raises ConfigError for a limit below 1, a negative gamma, or a tick that is not above zero.
    """
    if inventory_limit < 1 or gamma < 0.0:
        raise ConfigError(
            f"expected an inventory_limit of at least 1 and a gamma of at least 0, got {inventory_limit} and {gamma:g}"
        )
    inventory = np.arange(-inventory_limit, inventory_limit + 1.0)
    if tick is not None:
        bid, ask, value = best_on_ticks(flow, inventory_limit, gamma, fee, tick)
    else:
        least, rises = _stationary(_generator(flow, inventory_limit, gamma, fee))
        bid, ask = _distances(rises / flow.k, flow.k, gamma, fee)
        value = -least / flow.k
    shares = inventory_shares(flow, bid, ask)
    return Quotes(inventory, bid, ask, _profit_rate(flow, bid, ask, fee, shares), value, shares)


def quotes_over_time(
    flow: OrderFlow, inventory_limit: int, gamma: float, time_left: float, fee: float = 0.0
) -> tuple[Floats, Floats]:
    """Distances (bid, ask) by inventory with ``time_left`` seconds to go, each (2 limit + 1,): v = exp(-M tau) 1 in
    place of the eigenvector (GLFT, theorem 1, without a penalty at the end).

    Raises ConfigError where v falls by more than a float can tell between no inventory and the limit.
    """
    matrix = _generator(flow, inventory_limit, gamma, fee)
    values, vectors = np.linalg.eigh(matrix)
    decay = np.exp(-(values - values[0]) * time_left)
    found = vectors @ (decay * vectors.sum(axis=0))
    if found.min() < LEAST_SHARE * found.max():
        raise ConfigError(
            f"inventory_limit: {inventory_limit} is too wide for gamma {gamma:g}: no one would hold so much; lower one "
            "of them, or take the stationary quotes of optimal_quotes"
        )
    return _distances(np.log(found[:-1] / found[1:]) / flow.k, flow.k, gamma, fee)


def inventory_shares(flow: OrderFlow, bid: Floats, ask: Floats) -> Floats:
    """Share of time at each inventory (n,) of a birth and death process: bids raise it, asks lower it.

    ``bid`` and ``ask`` (n,): distances by inventory, infinite where there is no order.
    """
    logs = np.concatenate(([0.0], np.cumsum(flow.k * (ask[1:] - bid[:-1]))))
    shares = np.exp(logs - logs.max())
    return np.asarray(shares / shares.sum(), np.float64)


def asymptotic_distances(inventory: float, flow: OrderFlow, gamma: float) -> tuple[float, float]:
    """GLFT's closed form (bid, ask) for a wide limit: ln(1 + gamma / k) / gamma + (1 +- 2 q) / 2 x
    sqrt(sigma^2 gamma / (2 k A) (1 + gamma / k)^(1 + k / gamma))."""
    slope = math.sqrt(flow.sigma**2 * gamma / (2.0 * flow.k * flow.A) * math.exp(_thinning(gamma / flow.k)))
    base = _fill_premium(gamma, flow.k)
    return base + (1.0 + 2.0 * inventory) / 2.0 * slope, base + (1.0 - 2.0 * inventory) / 2.0 * slope


def _log_ratio(ratio: float) -> float:
    """ln(1 + ratio) / ratio, and its limit 1."""
    return math.log1p(ratio) / ratio if ratio > 0.0 else 1.0


def _thinning(ratio: float) -> float:
    """ln of (1 + ratio)^(1 + 1 / ratio), and its limit 1."""
    return (1.0 + ratio) * _log_ratio(ratio)


def _fill_premium(gamma: float, k: float) -> float:
    """ln(1 + gamma / k) / gamma, and its limit 1 / k."""
    return _log_ratio(gamma / k) / k


def _generator(flow: OrderFlow, limit: int, gamma: float, fee: float) -> Floats:
    """GLFT's symmetric matrix, (2 limit + 1) square."""
    beside = flow.A * math.exp(-flow.k * fee - _thinning(gamma / flow.k))
    inventory = np.arange(-limit, limit + 1.0)
    matrix = np.diag(0.5 * flow.k * gamma * flow.sigma**2 * inventory**2)
    step = np.full(2 * limit, -beside)
    return np.asarray(matrix + np.diag(step, 1) + np.diag(step, -1), np.float64)


def _stationary(matrix: Floats) -> tuple[float, Floats]:
    """Least eigenvalue, and ln(v(q) / v(q + 1)) of its eigenvector (2 limit,).

    The ratios follow from the rows of the matrix, from the limit inwards, so that they are exact also where v is too
    small for an eigenvector as it is computed; v is symmetric.
    """
    limit = len(matrix) // 2
    least = float(np.linalg.eigvalsh(matrix)[0])
    beside = -matrix[0, 1]
    outer = np.empty(limit)
    ratio = math.inf
    for q in range(limit, 0, -1):
        ratio = (matrix[limit + q, limit + q] - least) / beside - 1.0 / ratio
        outer[q - 1] = math.log(ratio)
    return least, np.concatenate((-outer[::-1], outer))


def _distances(rises: Floats, k: float, gamma: float, fee: float) -> tuple[Floats, Floats]:
    """Distances (bid, ask) from ``rises``: ln(v(q) / v(q + 1)) / k for q from -limit to limit - 1."""
    bid, ask = np.full(len(rises) + 1, np.inf), np.full(len(rises) + 1, np.inf)
    bid[:-1] = rises + _fill_premium(gamma, k) + fee
    ask[1:] = -rises + _fill_premium(gamma, k) + fee
    return bid, ask


def _profit_rate(flow: OrderFlow, bid: Floats, ask: Floats, fee: float, shares: Floats) -> float:
    earned = np.zeros(len(bid))
    for distance in (bid, ask):
        quoted = np.isfinite(distance)
        earned[quoted] += flow.intensity(distance[quoted]) * (distance[quoted] - fee)
    return float(shares @ earned)
