"""Terms of a contract that is not among the ready-made ones."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from halfspread.configs.fields import Section
from halfspread.costs.margin import MarginSchedule, MarginTier
from halfspread.errors import UserError

__all__ = ["Contract", "MarginTable"]


class MarginTable(Section):
    """What the venue asks for on a contract, by the value of a position in settle currency."""

    basis: Literal["mark", "entry"] = Field(
        default="mark", description="maintenance margin of the value at mark (Bybit) or at entry (BitMEX)"
    )
    tiers: tuple[MarginTier, ...] = Field(
        min_length=1, description="limit (left out for the last), initial and maintenance rates, deduction"
    )

    @model_validator(mode="after")
    def _tiers_rise(self) -> Self:
        try:
            self.schedule()
        except UserError as error:
            raise ValueError(f"tiers: {str(error).rpartition('tiers: ')[2]}") from None
        return self

    def schedule(self) -> MarginSchedule:
        """The same at all dates."""
        return MarginSchedule.constant(self.tiers, self.basis)


class Contract(Section):
    """Terms of a contract that is not among the ready-made ones."""

    kind: Literal["linear", "inverse", "quanto"] = Field(description="what its value depends on the price by")
    base: str = Field(description="what is traded, such as SOL")
    quote: str = Field(description="currency of the price, such as USDT")
    settle: str | None = Field(default=None, description="currency of gains and losses; a quanto contract needs it")
    multiplier: float = Field(
        default=1.0, gt=0, description="per contract: base (linear), quote (inverse), settle per 1.0 of price (quanto)"
    )
    lot: float = Field(default=1.0, gt=0, description="step of tradable sizes (contracts)")
    tick: float = Field(gt=0, description="step of the price (quote)")
    taker: float | None = Field(default=None, description="what fees of kind venue charge a taker (fraction)")
    maker: float | None = Field(default=None, description="what fees of kind venue charge a maker (fraction)")
    margin: MarginTable | None = Field(
        default=None, description="what the venue asks for; left out: 1 % to open, 0.5 % to keep, whatever the size"
    )
    min_contracts: float | None = Field(default=None, gt=0, description="smallest order; left out: a lot")
    max_contracts: float | None = Field(default=None, gt=0, description="largest order; left out: no limit")
    funding_interval_hours: int = Field(default=8, ge=1, description="hours between settlements")
    funding_known_ahead: bool = Field(
        default=False, description="whether a rate is known one interval before it is paid"
    )

    @model_validator(mode="after")
    def _settles(self) -> Self:
        if (self.kind == "quanto") != (self.settle is not None):
            raise ValueError(
                f"settle: a {self.kind} contract {'needs one' if self.settle is None else 'has none of its own'}"
            )
        least = self.lot if self.min_contracts is None else self.min_contracts
        if self.max_contracts is not None and self.max_contracts < least:
            raise ValueError(f"max_contracts: expected at least the smallest order of {least:g}")
        return self
