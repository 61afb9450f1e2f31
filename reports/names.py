"""What things are called in tables and charts."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["PART_NAMES", "distinct"]

#: The parts of the attribution, in the order in which they are listed and stacked.
PART_NAMES = {
    "price": "Price",
    "half_spread": "Half-spread",
    "fee": "Fees",
    "impact": "Impact",
    "funding": "Funding",
    "liquidation": "Liquidation",
}


def distinct(names: Sequence[str]) -> list[str]:
    """``names``, numbered where one occurs twice."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(f"{name} ({seen[name]})" if names.count(name) > 1 else name)
    return found
