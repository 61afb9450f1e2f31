"""Accounts of the slow simulator: fills, funding, attribution, margin and liquidation, from docs/margin.md.

One account for each settle currency. Equity is cash and the positions at their reference prices; margin looks at mark
prices, and at reference prices where an instrument has none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.engine.reference_terms import NAMES, Margin, Terms, Tier


@dataclass
class Holding:
    """A position. ``entry``: average value of one contract over its increases; ``margin`` (isolated) contains
    ``fee_part``."""

    terms: Terms
    contracts: float = 0.0
    reference: float | None = None
    value: float = 0.0
    last: float | None = None
    mark: float | None = None
    rate: float = 0.0
    entry: float = 0.0
    margin: float = 0.0
    fee_part: float = 0.0
    attribution: dict[str, float] = field(default_factory=lambda: dict.fromkeys(NAMES, 0.0))

    @property
    def check_price(self) -> float:
        """What stands for the mark price."""
        price = self.mark if self.mark is not None else self.reference
        if price is None:
            raise ValueError("a position without a price")
        return price


@dataclass(frozen=True)
class After:
    """A holding as a fill would leave it."""

    contracts: float
    entry: float
    margin: float
    fee_part: float


def tier_of(terms: Terms, value: float) -> Tier | None:
    """The tier that a position of this value lies in; None above the last."""
    return next((tier for tier in terms.tiers if value <= tier.up_to), None)


class Accounts:
    """All holdings, and the cash in each settle currency."""

    def __init__(self, terms: Sequence[Terms], capital: Mapping[str, float], margin: Margin | None) -> None:
        self.holdings = [Holding(one) for one in terms]
        self.cash = {one.settle: capital[one.settle] for one in terms}
        self.margin = margin

    def members(self, currency: str) -> list[int]:
        return [k for k, holding in enumerate(self.holdings) if holding.terms.settle == currency]

    def equity(self, currency: str) -> float:
        total = self.cash[currency]
        for k in self.members(currency):
            if self.holdings[k].contracts != 0.0:
                total += self.holdings[k].contracts * self.holdings[k].value
        return total

    def move(self, k: int, price: float) -> None:
        """A new reference price: what the position gains is `price`."""
        holding = self.holdings[k]
        value = holding.terms.value(price)
        if holding.contracts != 0.0:
            holding.attribution["price"] += holding.contracts * (value - holding.value)
        holding.reference, holding.value, holding.last = price, value, price

    def settle(self, k: int, rate: float) -> None:
        """Funding, at the mark price where there is one, else at the last price seen."""
        holding = self.holdings[k]
        price = holding.mark if holding.mark is not None else holding.last
        holding.rate = rate
        if holding.contracts == 0.0 or price is None:
            return
        amount = 0.0 - rate * holding.contracts * abs(holding.terms.value(price))
        if self.margin is not None and self.margin.mode == "isolated" and amount < 0.0:
            short = max(-amount - max(self.free(holding.terms.settle), 0.0), 0.0)
            holding.margin -= short
        self.cash[holding.terms.settle] += amount
        holding.attribution["funding"] += amount

    def fill(self, k: int, contracts: float, price: float, touch: float, maker: bool) -> tuple[float, float, float]:
        """Book a fill; returns half-spread (reference to touch), impact (touch to price) and fee."""
        holding, terms = self.holdings[k], self.holdings[k].terms
        value, at_touch = terms.value(price), terms.value(touch)
        half_spread = 0.0 - contracts * (at_touch - holding.value)
        impact = 0.0 - contracts * (value - at_touch)
        fee = 0.0 - (terms.maker if maker else terms.taker) * abs(contracts * value)
        self.cash[terms.settle] -= contracts * value
        self.cash[terms.settle] += fee
        self._become(holding, self.after(k, contracts, price))
        for name, amount in (("half_spread", half_spread), ("impact", impact), ("fee", fee)):
            holding.attribution[name] += amount
        return half_spread, impact, fee

    @staticmethod
    def _become(holding: Holding, after: After) -> None:
        holding.contracts, holding.entry = after.contracts, after.entry
        holding.margin, holding.fee_part = after.margin, after.fee_part

    def after(self, k: int, contracts: float, price: float) -> After:
        """Position, entry and isolated margin after a fill."""
        holding = self.holdings[k]
        held, value = holding.contracts, holding.terms.value(price)
        total = held + contracts
        if total == 0.0:
            return After(0.0, 0.0, 0.0, 0.0)
        if held * contracts < 0.0 and abs(contracts) < abs(held):
            share = total / held
            return After(total, holding.entry, holding.margin * share, holding.fee_part * share)
        if held * contracts < 0.0:
            added, entry, margin, fee_part = total, value, 0.0, 0.0
        else:
            added, margin, fee_part = contracts, holding.margin, holding.fee_part
            entry = (held * holding.entry + contracts * value) / total
        if self.margin is None or self.margin.mode == "cross":
            return After(total, entry, 0.0, 0.0)
        worth = abs(added * value)
        fees = 2.0 * holding.terms.taker * worth
        paid = worth / self.leverage(holding.terms, abs(total * entry)) + fees
        return After(total, entry, margin + paid, fee_part + fees)

    def leverage(self, terms: Terms, value: float) -> float:
        """What was asked for, else the highest that the tier allows."""
        if self.margin is not None and self.margin.leverage is not None:
            return self.margin.leverage
        return (tier_of(terms, value) or terms.tiers[-1]).leverage

    def free(self, currency: str) -> float:
        """Isolated: cash and realised profit that no position holds as margin."""
        total = self.cash[currency]
        for k in self.members(currency):
            total += self.holdings[k].contracts * self.holdings[k].entry
        for k in self.members(currency):
            total -= self.holdings[k].margin
        return total

    def refusal(self, k: int, contracts: float, price: float, maker: bool) -> str:
        """Why a fill may not be made; empty where it may."""
        holding = self.holdings[k]
        total = holding.contracts + contracts
        if self.margin is None:
            return ""
        if holding.contracts * contracts < 0.0 and self.closing_ruins(k, contracts, price, maker):
            return "insufficient margin"
        if holding.contracts * contracts < 0.0 and abs(contracts) <= abs(holding.contracts):
            return ""
        after = self.after(k, contracts, price)
        tier = tier_of(holding.terms, abs(total * after.entry))
        if tier is None or (self.margin.leverage is not None and self.margin.leverage > tier.leverage):
            return "above tier"
        value = holding.terms.value(price)
        fee = 0.0 - (holding.terms.maker if maker else holding.terms.taker) * abs(contracts * value)
        cash = self.cash[holding.terms.settle] - contracts * value + fee
        held = {j: self.holdings[j] for j in self.members(holding.terms.settle)}
        positions = {j: (one.contracts, one.entry, one.margin) for j, one in held.items()}
        positions[k] = (after.contracts, after.entry, after.margin)
        needed = 0.0
        for j, (number, entry, margin) in positions.items():
            if self.margin.mode == "isolated":
                cash += number * entry
                needed += margin
            elif number != 0.0:
                cash += number * held[j].terms.value(held[j].check_price)
                needed += self.initial_margin(held[j].terms, abs(number * entry))
        return "insufficient margin" if cash < needed else ""

    def closing_ruins(self, k: int, contracts: float, price: float, maker: bool) -> bool:
        """Whether closing at this price loses more than there is: beyond the price of bankruptcy."""
        holding, terms = self.holdings[k], self.holdings[k].terms
        value = terms.value(price)
        fee = (terms.maker if maker else terms.taker) * abs(contracts * value)
        if self.margin is not None and self.margin.mode == "isolated":
            closed = min(abs(contracts), abs(holding.contracts))
            gained = math.copysign(closed, holding.contracts) * (value - holding.entry)
            paid_in = holding.margin * closed / abs(holding.contracts)
            return gained - fee * closed / abs(contracts) + paid_in < 0.0
        left = self.cash[terms.settle] - contracts * value - fee
        for j in self.members(terms.settle):
            held = self.holdings[j].contracts + (contracts if j == k else 0.0)
            if held != 0.0:
                left += held * self.holdings[j].terms.value(self.holdings[j].check_price)
        return left < 0.0

    def initial_margin(self, terms: Terms, worth: float) -> float:
        return worth / self.leverage(terms, worth) + 2.0 * terms.taker * worth

    def maintenance(self, k: int, price: float) -> float:
        """Maintenance margin with this price as the mark."""
        holding, terms = self.holdings[k], self.holdings[k].terms
        if self.margin is None:
            raise ValueError("no margin in this run")
        by_entry = self.margin.basis == "entry"
        worth = abs(holding.contracts * (holding.entry if by_entry else terms.value(price)))
        tier = tier_of(terms, worth) or terms.tiers[-1]
        needed = worth * tier.rate - tier.deduction
        if by_entry:
            against = holding.rate if holding.contracts > 0.0 else -holding.rate
            needed += worth * (terms.taker + max(0.0, against))
        return needed

    def to_liquidate(self, currency: str, worst: Mapping[int, float]) -> list[tuple[int, float]]:
        """Positions to close now and their prices. ``worst``: prices that stand for the mark of some instruments."""
        if self.margin is None:
            return []
        held = [k for k in self.members(currency) if self.holdings[k].contracts != 0.0]
        marks = {k: worst.get(k, self.holdings[k].check_price) for k in held}
        if not held:
            return []
        if self.margin.mode == "isolated":
            return [(k, self.isolated_bankruptcy(k)) for k in held if self._isolated_fails(k, marks[k])]
        equity, needed = self.cash[currency], 0.0
        for k in held:
            equity += self.holdings[k].contracts * self.holdings[k].terms.value(marks[k])
            needed += self.maintenance(k, marks[k])
        if equity > needed:
            return []
        largest = max(held, key=lambda k: (self.maintenance(k, marks[k]), -k))
        for k in held:
            if k != largest:
                terms = self.holdings[k].terms
                equity += 0.0 - terms.taker * abs(self.holdings[k].contracts * terms.value(marks[k]))
        return [(k, self.cross_bankruptcy(k, equity, marks[k]) if k == largest else marks[k]) for k in held]

    def _isolated_fails(self, k: int, mark: float) -> bool:
        """The fee part counts as equity only where the maintenance margin has a fee in it as well."""
        holding = self.holdings[k]
        by_entry = self.margin is not None and self.margin.basis == "entry"
        equity = (
            holding.margin
            - (0.0 if by_entry else holding.fee_part)
            + holding.contracts * (holding.terms.value(mark) - holding.entry)
        )
        return equity <= self.maintenance(k, mark)

    def isolated_bankruptcy(self, k: int) -> float:
        """Margin without the fee part is used up."""
        holding = self.holdings[k]
        value = holding.entry - (holding.margin - holding.fee_part) / holding.contracts
        return self._price_of(holding.terms, value)

    def cross_bankruptcy(self, k: int, equity: float, mark: float) -> float:
        """The account is left with nothing after the fee: equity + N (v - v(mark)) - f |N v| = 0."""
        holding, terms = self.holdings[k], self.holdings[k].terms
        number = holding.contracts
        sign = math.copysign(1.0, number) * (-1.0 if terms.kind == "inverse" else 1.0)
        worth = (number * terms.value(mark) - equity) / (abs(number) * (sign - terms.taker))
        return terms.price_of(-worth if terms.kind == "inverse" else worth) if worth > 0.0 else mark

    @staticmethod
    def _price_of(terms: Terms, value: float) -> float:
        if (value < 0.0) != (terms.kind == "inverse") or value == 0.0:
            raise ArithmeticError(f"no price above zero uses up this margin (value {value})")
        return terms.price_of(value)

    def liquidate(self, k: int, price: float, last: bool) -> float:
        """Close the position; what that costs, fee included, is `liquidation`. What an account without positions cannot
        pay is the loss of the venue."""
        holding, terms = self.holdings[k], self.holdings[k].terms
        contracts = -holding.contracts
        value = terms.value(price)
        fee = 0.0 - terms.taker * abs(contracts * value)
        amount = 0.0 - contracts * (value - holding.value) + fee
        self.cash[terms.settle] -= contracts * value
        self.cash[terms.settle] += fee
        if last and self.cash[terms.settle] < 0.0:
            amount -= self.cash[terms.settle]
            self.cash[terms.settle] = 0.0
        self._become(holding, After(0.0, 0.0, 0.0, 0.0))
        holding.attribution["liquidation"] += amount
        return amount
