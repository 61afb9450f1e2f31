"""What a fill or a held position costs: half-spread, fees, funding; frozen models, and kernels for the event loop.

Nothing is free by default: ``Costs`` wants all three, and "no cost" is said with ``none()``.
"""

from __future__ import annotations

from halfspread.costs.fees import FeePeriod, Fees, FeeSchedule
from halfspread.costs.funding import Funding, FundingTable, complete
from halfspread.costs.half_spread import HalfSpread
from halfspread.costs.model import Costs

__all__ = [
    "Costs",
    "FeePeriod",
    "FeeSchedule",
    "Fees",
    "Funding",
    "FundingTable",
    "HalfSpread",
    "complete",
]
