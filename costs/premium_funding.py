"""Funding rates computed from premium and interest, for times at which no published rate exists.

F = P + clamp(I - P, -c, c), kept between a lower and an upper bound: P the mean premium of an interval, I the interest
of one interval, c 0.05 %. With I = (r_quote - r_base) / 3 for eight hours, and the basis for P, this is equation 4 of
Borrageiro, Firoozye and Barucca, "The recurrent reinforcement learning crypto agent", IEEE Access 10, 2022. Sources of
the rules: the funding pages of BitMEX and of Bybit, as of 2026.

Premiums and rates are fractions of the price, times int64 nanoseconds UTC. A NaN premium is a sample that is missing.
Computed rates are an estimate: the venue samples books of its own size, which are not in the data of others.
"""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from halfspread.costs.base import Floats, Integers, Model
from halfspread.costs.durations import HOUR, MINUTE
from halfspread.costs.funding import FundingTable
from halfspread.errors import DataError

__all__ = ["FundingRule", "basis", "computed_funding", "premium_index"]


class FundingRule(Model):
    """How a venue turns premiums into a rate: ``FundingRule.bitmex()``, ``FundingRule.bybit()`` or one of your own.

    ``first_hour``: a UTC hour at which an interval ends. ``daily_interest``: interest of the quote currency less that
    of the base, per day. ``clamp``: c above. ``lower``, ``upper``: bounds of the rate. ``weights``: all samples alike,
    or rising with time from 1 to n. ``lagged``: the rate of an interval is paid at the end of the next one.
    """

    interval_hours: int = Field(default=8, ge=1, le=24)
    first_hour: int = Field(default=0, ge=0, le=23)
    daily_interest: float = Field(default=3e-4, ge=-0.01, le=0.01)
    clamp: float = Field(default=5e-4, ge=0.0, le=0.05)
    lower: float = -0.00375
    upper: float = 0.00375
    weights: Literal["equal", "rising"] = "equal"
    lagged: bool = False

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.lower > self.upper:
            raise ValueError(f"lower: expected at most upper {self.upper:g}, got {self.lower:g}")
        if 24 % self.interval_hours:
            raise ValueError(f"interval_hours: expected a divisor of 24, got {self.interval_hours}")
        return self

    @classmethod
    def bitmex(cls, initial: float = 0.01, maintenance: float = 0.005) -> Self:
        """04, 12 and 20 UTC; the simple mean; at most 0.75 (IM - MM); paid one interval after it was measured."""
        cap = 0.75 * (initial - maintenance)
        return cls(first_hour=4, lower=-cap, upper=cap, weights="equal", lagged=True)

    @classmethod
    def bybit(cls, lower: float = -0.00375, upper: float = 0.00375, interval_hours: int = 8) -> Self:
        """00, 08 and 16 UTC; weights 1 to n; between the bounds of the instrument; paid at the end of the interval."""
        return cls(interval_hours=interval_hours, lower=lower, upper=upper, weights="rising")

    @property
    def interval_ns(self) -> int:
        """The interval in nanoseconds."""
        return self.interval_hours * HOUR

    @property
    def interest(self) -> float:
        """Interest of one interval."""
        return self.daily_interest * self.interval_hours / 24.0

    def rate(self, premium: Floats) -> Floats:
        """Rates of intervals whose mean premiums these are."""
        clamped = premium + np.clip(self.interest - premium, -self.clamp, self.clamp)
        return np.asarray(np.clip(clamped, self.lower, self.upper), np.float64)


def premium_index(
    impact_bid: Floats, impact_ask: Floats, index: Floats, mark: Floats | None = None, fair_basis: Floats | float = 0.0
) -> Floats:
    """(max(0, impact bid - base) - max(0, base - impact ask)) / index + fair basis, element by element.

    The base is the mark price on BitMEX, whose mark holds a basis of its own (``fair_basis``, a fraction: the funding
    rate in force times the part of the interval that is left), and the index on Bybit (``mark`` left out). The impact
    prices are averages over a fixed amount of the book. Raises DataError for arrays of unequal shape.
    """
    bid, ask, center = (np.asarray(values, np.float64) for values in (impact_bid, impact_ask, index))
    base = center if mark is None else np.asarray(mark, np.float64)
    for name, values in (("impact_ask", ask), ("index", center), ("mark", base)):
        if values.shape != bid.shape:
            raise DataError(f"{name}: expected one value for each impact bid {bid.shape}, got {values.shape}")
    premium = (np.maximum(0.0, bid - base) - np.maximum(0.0, base - ask)) / center + fair_basis
    return np.asarray(premium, np.float64)


def basis(price: Floats, index: Floats) -> Floats:
    """(price - index) / index: what stands in for the premium where there are no impact prices.

    It has no dead band between bid and ask, so it is noisier than the venue's own. With the mark price it is close to
    the venue's only as far as its mark follows the book. Raises DataError for arrays of unequal shape.
    """
    paid, center = np.asarray(price, np.float64), np.asarray(index, np.float64)
    if paid.shape != center.shape:
        raise DataError(f"index: expected one value for each price {paid.shape}, got {center.shape}")
    return np.asarray((paid - center) / center, np.float64)


def computed_funding(
    times: Integers, premium: Floats, rule: FundingRule, min_share: float = 0.9, source: str = "computed funding"
) -> FundingTable:
    """Funding of every interval that has at least ``min_share`` of its samples; the others are left out.

    ``times`` (n,) sorted: when each premium was known; a sample at the end of an interval belongs to it. The spacing is
    the smallest distance between two of them. With a lag, a rate is known at the end of its interval and paid one
    interval later, else both at the end. What ``Funding.published(missing=...)`` says of missing rates holds for
    intervals left out. Raises DataError for unsorted times, arrays that do not fit, or no interval that is complete.
    """
    stamps, values = np.asarray(times, np.int64), np.asarray(premium, np.float64)
    if stamps.ndim != 1 or stamps.shape != values.shape:
        raise DataError(f"{source}: expected one premium for each time, got {stamps.shape} and {values.shape}")
    late = np.flatnonzero(np.diff(stamps) <= 0)
    if late.size:
        raise DataError(f"{source}: row {int(late[0]) + 1}: expected a later time than the row before it")
    ends, means, share = _means(stamps, values, rule)
    complete = share >= min_share
    if not complete.any():
        raise DataError(
            f"{source}: no interval of {rule.interval_hours} h has {100 * min_share:g} % of its premiums; "
            f"got {len(stamps)} of them"
        )
    ends, interval = ends[complete], rule.interval_ns
    paid = ends + interval if rule.lagged else ends
    return FundingTable(paid, rule.rate(means[complete]), np.full(len(ends), interval, np.int64), ends, source)


def _means(times: Integers, premium: Floats, rule: FundingRule) -> tuple[Integers, Floats, Floats]:
    """End, mean premium and share of the samples of each interval that has any."""
    found = np.isfinite(premium)
    step: int = int(np.diff(times).min()) if len(times) > 1 else MINUTE
    times, premium = times[found], premium[found]
    interval, offset = rule.interval_ns, rule.first_hour * HOUR
    number = -((offset - times) // interval)  # rounded up: the interval that ends at or after the time
    slot = -(((number - 1) * interval + offset - times) // step)  # 1 for the first sample of the interval
    weight = slot.astype(np.float64) if rule.weights == "rising" else np.ones(len(times))
    first: Any
    ends, first, counts = np.unique(number, return_index=True, return_counts=True)
    if not len(ends):
        return np.empty(0, np.int64), np.empty(0), np.empty(0)
    means = np.add.reduceat(weight * premium, first) / np.add.reduceat(weight, first)
    return ends * interval + offset, means, counts / (interval / step)
