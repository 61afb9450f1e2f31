"""What a fill or a held position costs: half-spread, fees, funding, impact, latency, margin; frozen models, and kernels
for the event loop.

Half-spread, fees and funding are never left out: ``Costs`` wants all three, and "no cost" is said with ``none()``.
"""

from __future__ import annotations

from halfspread.costs.edge_check import EdgeEstimate, spread_from_bars
from halfspread.costs.fees import FeePeriod, Fees, FeeSchedule, FeeTier
from halfspread.costs.funding import Funding, FundingTable, complete
from halfspread.costs.half_spread import HalfSpread
from halfspread.costs.half_spread_fit import fit_hours
from halfspread.costs.impact import Impact
from halfspread.costs.latency import Delay, Latency
from halfspread.costs.liquidation import bankruptcy_price, liquidation_price
from halfspread.costs.margin import Margin, MarginPeriod, MarginSchedule, MarginTier
from halfspread.costs.model import Costs
from halfspread.costs.premium_funding import FundingRule, basis, computed_funding, premium_index

__all__ = [
    "Costs",
    "Delay",
    "EdgeEstimate",
    "FeePeriod",
    "FeeSchedule",
    "FeeTier",
    "Fees",
    "Funding",
    "FundingRule",
    "FundingTable",
    "HalfSpread",
    "Impact",
    "Latency",
    "Margin",
    "MarginPeriod",
    "MarginSchedule",
    "MarginTier",
    "bankruptcy_price",
    "basis",
    "complete",
    "computed_funding",
    "fit_hours",
    "liquidation_price",
    "premium_index",
    "spread_from_bars",
]
