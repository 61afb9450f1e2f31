"""Closed forms for the distances of a market maker's quotes from the mid.

Market orders of each side reach an order at distance delta with intensity A exp(-k delta) per second; the mid is a
martingale with variance sigma^2 per second. Prices, distances and ``fee`` in quote currency, ``k`` and ``gamma`` per
quote currency, ``sigma`` in quote currency per square root of a second. Inventory q is counted in orders, each of one
unit of base; an order of n units has n times the risk aversion. No value is NaN.

Sources: Avellaneda and Stoikov 2008, "High-frequency trading in a limit order book", Quantitative Finance 8(3),
217-224. Gueant, Lehalle and Fernandez-Tapia 2013, "Dealing with the inventory risk", Mathematics and Financial
Economics 7(4), 477-507.
"""

from __future__ import annotations

import math

__all__ = ["avellaneda_stoikov", "fill_premium", "stationary"]


def fill_premium(gamma: float, k: float) -> float:
    """ln(1 + gamma / k) / gamma: the half-spread without inventory; its limit 1 / k where gamma is 0."""
    return math.log1p(gamma / k) / gamma if gamma > 0.0 else 1.0 / k


def avellaneda_stoikov(
    inventory: float, time_left: float, gamma: float, sigma: float, k: float, fee: float = 0.0
) -> tuple[float, float]:
    """Distances (bid, ask) around the reservation price s - q gamma sigma^2 tau, with a spread of
    gamma sigma^2 tau + (2 / gamma) ln(1 + gamma / k), both moved out by the fee; ``time_left`` tau in seconds."""
    risk = gamma * sigma * sigma * time_left
    half = 0.5 * risk + fill_premium(gamma, k) + fee
    return half + inventory * risk, half - inventory * risk


def stationary(
    inventory: float, gamma: float, sigma: float, k: float, intensity: float, fee: float = 0.0
) -> tuple[float, float]:
    """Distances (bid, ask) of the asymptotic form: ln(1 + gamma / k) / gamma + (1 +- 2 q) / 2 x
    sqrt(sigma^2 gamma / (2 k A) (1 + gamma / k)^(1 + k / gamma)); ``intensity`` A per second."""
    thinning = (1.0 + gamma / k) * (math.log1p(gamma / k) * k / gamma if gamma > 0.0 else 1.0)
    slope = math.sqrt(sigma * sigma * gamma / (2.0 * k * intensity) * math.exp(thinning + k * fee))
    base = fill_premium(gamma, k) + fee
    return base + (1.0 + 2.0 * inventory) / 2.0 * slope, base + (1.0 - 2.0 * inventory) / 2.0 * slope
