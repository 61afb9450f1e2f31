"""At which price a position is liquidated, and at which its margin is gone.

Notation: N signed contracts, m the multiplier, v(P) = m P (linear, quanto) or -m / P (inverse) the value of one long
contract, e = v(entry), f the taker fee rate, r the maintenance rate, d the deduction, L the leverage. Prices in quote
currency, amounts in settle currency, rates as fractions. Where no price above zero solves an equation the answer is
NaN: the position cannot be liquidated.

The first two functions are the rules of ``docs/margin.md``; the others are forms that the venues published, which the
rules have to reproduce. Sources: BitMEX support pages as quoted in public clients; Bybit help pages, inverse contracts
before and since 2026-05-27, linear contracts.
"""

from __future__ import annotations

import math
from typing import Literal

from halfspread.errors import ConfigError

__all__ = [
    "bankruptcy_price",
    "bitmex_liquidation",
    "bybit_inverse_liquidation",
    "bybit_inverse_liquidation_until_2026",
    "bybit_linear_liquidation",
    "liquidation_price",
]

Kind = Literal["linear", "inverse", "quanto"]


def liquidation_price(
    kind: Kind,
    multiplier: float,
    contracts: float,
    entry: float,
    leverage: float,
    *,
    maintenance: float,
    deduction: float = 0.0,
    basis: Literal["mark", "entry"] = "mark",
    taker: float = 0.0,
    funding: float = 0.0,
    extra: float = 0.0,
) -> float:
    """The mark price at which an isolated position is down to its maintenance margin.

    margin + N (v(P) - e) = r |N v(P)| - d with basis "mark" (Bybit), or = (r + f + funding) |N e| - d with basis
    "entry" (BitMEX); margin = |N e| (1/L + 2 f) + ``extra``. ``funding``: the rate that the position is going to pay
    for the current interval, 0 if it receives. A cross account with one position: ``leverage=math.inf``, no taker fee,
    and as ``extra`` its equity at the entry price. Raises ConfigError.
    """
    size, value, gains = _position(kind, multiplier, contracts, entry, leverage)
    margin = size * value * (1.0 / leverage + 2.0 * taker) + extra
    if basis == "mark":
        return _price(kind, multiplier, gains * size * value - margin - deduction, size * (gains - maintenance))
    needed = size * value * (maintenance + taker + funding) - deduction
    return _price(kind, multiplier, gains * size * value - margin + needed, gains * size)


def bankruptcy_price(
    kind: Kind,
    multiplier: float,
    contracts: float,
    entry: float,
    leverage: float,
    *,
    extra: float = 0.0,
    closing_fee: float = 0.0,
) -> float:
    """The price at which the margin of a position, its part for fees apart, is gone.

    |N e| / L + ``extra`` + N (v(P) - e) = ``closing_fee`` x |N v(P)|. Isolated: no closing fee, the part for fees pays
    it; an inverse contract has E / (1 + 1/L) long and E / (1 - 1/L) short. A cross account with one position:
    ``leverage=math.inf``, ``extra`` its equity at the entry price, and the taker fee as ``closing_fee``. Raises
    ConfigError.
    """
    size, value, gains = _position(kind, multiplier, contracts, entry, leverage)
    margin = size * value / leverage + extra
    return _price(kind, multiplier, gains * size * value - margin, size * (gains - closing_fee))


def _position(kind: Kind, multiplier: float, contracts: float, entry: float, leverage: float) -> tuple[float, ...]:
    """Absolute contracts, absolute value of one at entry, and 1.0 where the position gains when that rises, else -1."""
    for name, number, least in (("multiplier", multiplier, 0.0), ("entry", entry, 0.0), ("leverage", leverage, 0.0)):
        if not number > least or (math.isinf(number) and name != "leverage"):
            raise ConfigError(f"{name}: expected a number above zero, got {number}")
    if contracts == 0.0 or not math.isfinite(contracts):
        raise ConfigError(f"contracts: expected a position, got {contracts}")
    value = multiplier / entry if kind == "inverse" else multiplier * entry
    return abs(contracts), value, 1.0 if (contracts > 0.0) != (kind == "inverse") else -1.0


def _price(kind: Kind, multiplier: float, numerator: float, denominator: float) -> float:
    """The price at which one contract is worth numerator / denominator in absolute value; NaN where that is not above
    zero."""
    value = numerator / denominator if denominator != 0.0 else math.nan
    if not value > 0.0:
        return math.nan
    return multiplier / value if kind == "inverse" else value / multiplier


def bitmex_liquidation(
    contracts: float, entry: float, leverage: float, *, maintenance: float, taker: float, funding: float = 0.0
) -> float:
    """BitMEX, inverse, isolated: E / (1 + IM - MM) long, E / (1 - IM + MM) short, where IM = 1/L + 2 f and
    MM = r + f + funding."""
    margin = 1.0 / leverage + 2.0 * taker - (maintenance + taker + funding)
    return entry / (1.0 + margin) if contracts > 0.0 else entry / (1.0 - margin)


def bybit_inverse_liquidation(
    contracts: float,
    entry: float,
    leverage: float,
    *,
    maintenance: float,
    deduction: float = 0.0,
    taker: float = 0.0,
    extra: float = 0.0,
) -> float:
    """Bybit, inverse contracts of 1 USD, isolated, since 2026-05-27.

    Long: Q (1 + r) / (Q/E + Q/(E L) + extra/(1 + f) + d); short: Q (1 - r) / (Q/E - Q/(E L) - extra/(1 - f) - d).
    """
    size = abs(contracts)
    value = size / entry
    if contracts > 0.0:
        return size * (1.0 + maintenance) / (value + value / leverage + extra / (1.0 + taker) + deduction)
    return size * (1.0 - maintenance) / (value - value / leverage - extra / (1.0 - taker) - deduction)


def bybit_inverse_liquidation_until_2026(
    contracts: float, entry: float, leverage: float, *, maintenance: float, deduction: float = 0.0
) -> float:
    """Bybit, inverse contracts of 1 USD, isolated, before 2026-05-27: Q / (V + IM - MM) long, Q / (V - IM + MM) short,
    where V = Q/E, IM = V/L and MM = V r - d."""
    size = abs(contracts)
    value = size / entry
    margin = value / leverage - (value * maintenance - deduction)
    return size / (value + margin) if contracts > 0.0 else size / (value - margin)


def bybit_linear_liquidation(
    quantity: float,
    entry: float,
    leverage: float,
    *,
    maintenance: float,
    deduction: float = 0.0,
    extra: float = 0.0,
) -> float:
    """Bybit, linear contracts of one unit of base, isolated: the price at which equity is the maintenance margin.

    Long: (E (1 - 1/L) - (extra + d)/q) / (1 - r); short: (E (1 + 1/L) + (extra + d)/q) / (1 + r).
    """
    spare = (extra + deduction) / abs(quantity)
    if quantity > 0.0:
        return (entry * (1.0 - 1.0 / leverage) - spare) / (1.0 - maintenance)
    return (entry * (1.0 + 1.0 / leverage) + spare) / (1.0 + maintenance)
