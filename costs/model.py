"""All costs of a run in one model."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from halfspread.costs.base import Model
from halfspread.costs.fees import Fees, FeeSchedule
from halfspread.costs.funding import Funding
from halfspread.costs.half_spread import HalfSpread
from halfspread.costs.impact import Impact
from halfspread.costs.latency import Latency

__all__ = ["Costs"]


class Costs(Model):
    """What a trader pays. The first three are required: whoever leaves one out says so with its ``none()``.

    ``impact`` is what an order's own size costs where no book is shown, ``latency`` how long messages take; both are
    none unless given.
    """

    half_spread: HalfSpread
    fees: Fees
    funding: Funding
    impact: Impact = Field(default_factory=Impact.none)
    latency: Latency = Field(default_factory=Latency.none)

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, given: Any) -> Any:
        required = [name for name, field in cls.model_fields.items() if field.is_required()]
        absent = [name for name in required if isinstance(given, dict) and name not in given]
        if absent:
            raise ValueError(
                f"{', '.join(absent)} missing: a cost is never left out silently; "
                "for none say HalfSpread.none(), Fees.none(), Funding.none()"
            )
        return given

    def describe(self, venue: FeeSchedule | None = None) -> dict[str, str]:
        """One plain sentence for each topic of the report; ``venue`` is the instrument's own fee schedule."""
        return {
            "half_spread": self.half_spread.describe(),
            "fees": self.fees.describe(venue),
            "funding": self.funding.describe(),
            "impact": self.impact.describe(),
            "latency": self.latency.describe(),
        }
