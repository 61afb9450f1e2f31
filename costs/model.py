"""All costs of a run in one model."""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from halfspread.costs.base import Model
from halfspread.costs.fees import Fees, FeeSchedule
from halfspread.costs.funding import Funding
from halfspread.costs.half_spread import HalfSpread

__all__ = ["Costs"]


class Costs(Model):
    """What a trader pays. All three are required: whoever leaves one out says so with its ``none()``."""

    half_spread: HalfSpread
    fees: Fees
    funding: Funding

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, given: Any) -> Any:
        absent = [name for name in cls.model_fields if isinstance(given, dict) and name not in given]
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
        }
