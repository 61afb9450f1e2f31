"""Margin: whether a run has it, how much leverage it takes, and what each contract's venue asks for by size and date.

Values of positions and deductions in the settle currency of the contract; rates are fractions of a value. What is done
with them stands in ``docs/margin.md``; prices of liquidation and bankruptcy in ``costs.liquidation``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from halfspread.costs.base import Floats, Integers, Model, Period, check_periods, during, period_at, starts_of
from halfspread.costs.records import (
    MARGIN_CROSS,
    MARGIN_ISOLATED,
    MARGIN_NONE,
    MARGIN_ON_ENTRY,
    MARGIN_ON_MARK,
)

__all__ = ["DEFAULT_MARGIN", "MAX_TIERS", "Margin", "MarginPeriod", "MarginSchedule", "MarginTier"]

#: Room that the event loop has for the tiers of one contract.
MAX_TIERS = 32

_CODES = {"none": MARGIN_NONE, "cross": MARGIN_CROSS, "isolated": MARGIN_ISOLATED}


class Margin(Model):
    """Whether positions need margin: ``Margin.none()``, ``Margin.cross(...)`` or ``Margin.isolated(...)``.

    ``leverage``: None uses the highest that each tier allows. ``without_mark``: bars without a mark price are checked
    at their worst price ("extremes"), or at their close.
    """

    kind: Literal["none", "cross", "isolated"]
    leverage: float | None = Field(default=None, ge=1.0, le=1000.0)
    without_mark: Literal["extremes", "close"] = "extremes"

    @model_validator(mode="after")
    def _nothing_without_margin(self) -> Self:
        if self.kind == "none" and self != Margin.model_construct(kind="none"):
            raise ValueError("kind 'none' takes no leverage and no without_mark")
        return self

    @classmethod
    def none(cls) -> Self:
        """No margin is required and nothing is liquidated; equity may fall below zero."""
        return cls(kind="none")

    @classmethod
    def cross(cls, leverage: float | None = None, without_mark: Literal["extremes", "close"] = "extremes") -> Self:
        """All positions of one settle currency share its equity."""
        return cls(kind="cross", leverage=leverage, without_mark=without_mark)

    @classmethod
    def isolated(cls, leverage: float | None = None, without_mark: Literal["extremes", "close"] = "extremes") -> Self:
        """Each position has the margin paid in for it and loses no more than that."""
        return cls(kind="isolated", leverage=leverage, without_mark=without_mark)

    @property
    def code(self) -> int:
        """MARGIN_NONE, MARGIN_CROSS or MARGIN_ISOLATED of ``costs.records``."""
        return _CODES[self.kind]

    def describe(self) -> str:
        """One plain sentence for the report, without its full stop."""
        if self.kind == "none":
            return "none: no margin is required, and equity may fall below zero"
        leverage = "at the highest leverage of each tier" if self.leverage is None else f"at {self.leverage:g}x"
        price = "worst price" if self.without_mark == "extremes" else "close"
        return (
            f"{self.kind} margin {leverage}; liquidation on the mark price, on the {price} of the bar where there is "
            "none, at the bankruptcy price"
        )


def _finite(limit: Any) -> Any:
    return None if isinstance(limit, float) and limit == math.inf else limit


class MarginTier(Model):
    """What a position worth up to ``limit`` (None or infinity: any) has to show.

    ``initial``: margin to open, 1 / the highest leverage; ``maintenance``: margin to keep; ``deduction``: taken off the
    maintenance margin. Left out, it makes the maintenance margin continuous where one tier ends and the next begins;
    0 where the venue charges the higher rate on the whole position.
    """

    limit: Annotated[float | None, BeforeValidator(_finite)] = Field(default=None, gt=0.0)
    initial: float = Field(gt=0.0, le=1.0)
    maintenance: float = Field(gt=0.0, lt=1.0)
    deduction: float | None = Field(default=None, ge=0.0)

    @model_validator(mode="after")
    def _less_to_keep_than_to_open(self) -> Self:
        if self.maintenance >= self.initial:
            raise ValueError(f"maintenance: expected less than initial {self.initial:g}, got {self.maintenance:g}")
        return self


def _check_tiers(tiers: tuple[MarginTier, ...]) -> tuple[MarginTier, ...]:
    if not 1 <= len(tiers) <= MAX_TIERS:
        raise ValueError(f"expected 1 to {MAX_TIERS} tiers, got {len(tiers)}")
    if tiers[-1].limit is not None:
        raise ValueError(f"the last tier holds for any value: expected limit=None, got {tiers[-1].limit:g}")
    for i, (below, tier) in enumerate(pairwise(tiers), 1):
        if below.limit is None or (tier.limit is not None and tier.limit <= below.limit):
            raise ValueError(f"tier {i}: expected a limit above that of tier {i - 1}, got {below.limit}, {tier.limit}")
        if tier.initial < below.initial or tier.maintenance < below.maintenance:
            raise ValueError(f"tier {i}: expected rates not below those of tier {i - 1}")
        if tier.deduction is not None and tier.deduction >= tier.maintenance * below.limit:
            raise ValueError(f"tier {i}: a deduction of {tier.deduction:g} leaves no maintenance margin at its start")
    if tiers[0].deduction:
        raise ValueError(f"tier 0: expected no deduction, got {tiers[0].deduction:g}")
    return tiers


class MarginPeriod(Period):
    """Tiers in force from ``start`` on (None: from the beginning); the last has no limit."""

    tiers: Annotated[tuple[MarginTier, ...], AfterValidator(_check_tiers)]

    def deductions(self) -> tuple[float, ...]:
        """The deduction of each tier, those left out computed: d' = d + limit x (r' - r)."""
        found = [0.0]
        for below, tier in pairwise(self.tiers):
            step = (below.limit or 0.0) * (tier.maintenance - below.maintenance)
            found.append(found[-1] + step if tier.deduction is None else tier.deduction)
        return tuple(found)

    def describe(self) -> str:
        """``initial 1 %, maintenance 0.5 %``, of the lowest tier."""
        lowest = self.tiers[0]
        return f"initial {100 * lowest.initial:.6g} %, maintenance {100 * lowest.maintenance:.6g} %"


class MarginSchedule(Model):
    """What a venue asks for on one contract, by date.

    ``basis``: the maintenance margin is of the value at mark (Bybit), or at entry, plus the taker fee and the funding
    against the position (BitMEX).
    """

    periods: Annotated[tuple[MarginPeriod, ...], AfterValidator(check_periods)]
    basis: Literal["mark", "entry"] = "mark"

    @classmethod
    def constant(
        cls,
        tiers: Iterable[MarginTier],
        basis: Literal["mark", "entry"] = "mark",
        verified: bool = True,
        note: str = "",
    ) -> Self:
        """The same tiers at all dates."""
        return cls(periods=(MarginPeriod(tiers=tuple(tiers), verified=verified, note=note),), basis=basis)

    def at(self, time_ns: int) -> MarginPeriod:
        """The tiers in force at a time."""
        return period_at(self.periods, time_ns)

    def tier_at(self, time_ns: int, value: float) -> MarginTier:
        """The tier that a position worth ``value`` (settle currency, absolute) falls into; a limit belongs to its
        tier."""
        tiers = self.at(time_ns).tiers
        return next((tier for tier in tiers if tier.limit is not None and value <= tier.limit), tiers[-1])

    def max_leverage(self, time_ns: int, value: float = 0.0) -> float:
        """The highest leverage for a position worth ``value``."""
        return 1.0 / self.tier_at(time_ns, value).initial

    def arrays_at(self, time_ns: int) -> tuple[Floats, Floats, Floats, Floats, int]:
        """For the event loop: limits (infinity for the last), initial rates, maintenance rates and deductions, float64
        (tiers,), and MARGIN_ON_MARK or MARGIN_ON_ENTRY."""
        period = self.at(time_ns)
        limits = np.array([math.inf if tier.limit is None else tier.limit for tier in period.tiers])
        initial = np.array([tier.initial for tier in period.tiers])
        maintenance = np.array([tier.maintenance for tier in period.tiers])
        basis = MARGIN_ON_MARK if self.basis == "mark" else MARGIN_ON_ENTRY
        return limits, initial, maintenance, np.array(period.deductions()), basis

    def tier_arrays(self) -> tuple[Integers, Floats]:
        """One row for each tier of each period: starts int64 ns (rows,), and limit, initial rate, maintenance rate,
        deduction float64 (rows, 4). Sorted by start, then limit."""
        starts, rows = [], []
        for start, period in zip(starts_of(self.periods).tolist(), self.periods, strict=True):
            for tier, deduction in zip(period.tiers, period.deductions(), strict=True):
                starts.append(start)
                limit = math.inf if tier.limit is None else tier.limit
                rows.append((limit, tier.initial, tier.maintenance, deduction))
        return np.array(starts, np.int64), np.array(rows, np.float64)

    def unverified(self, first_ns: int, last_ns: int) -> tuple[str, ...]:
        """A sentence for each period between these times whose tiers are inferred."""
        periods = during(self.periods, first_ns, last_ns)
        return tuple(p.doubt(f"margin ({p.describe()})") for p in periods if not p.verified)


#: For contracts that come without a schedule.
DEFAULT_MARGIN = MarginSchedule.constant(
    (MarginTier(initial=0.01, maintenance=0.005),),
    verified=False,
    note="the contract has no margin schedule; these rates are assumed for every size",
)
