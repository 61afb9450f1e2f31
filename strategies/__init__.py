"""The plug-in interface in its simplest form, and the rule-based experts. None of them is claimed to have an edge."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from halfspread.strategies.base import Strategy
    from halfspread.strategies.bollinger import Bollinger
    from halfspread.strategies.buy_and_hold import BuyAndHold
    from halfspread.strategies.compiled import CompiledStrategy
    from halfspread.strategies.funding_carry import FundingCarry
    from halfspread.strategies.sma_cross import SmaCross

__all__ = ["Bollinger", "BuyAndHold", "CompiledStrategy", "FundingCarry", "SmaCross", "Strategy"]

#: Names by which a config calls the experts.
BUILT_IN = {
    "bollinger": "Bollinger",
    "buy_and_hold": "BuyAndHold",
    "funding_carry": "FundingCarry",
    "sma_cross": "SmaCross",
}
_HOMES = {
    "Bollinger": "bollinger",
    "BuyAndHold": "buy_and_hold",
    "CompiledStrategy": "compiled",
    "FundingCarry": "funding_carry",
    "SmaCross": "sma_cross",
    "Strategy": "base",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'halfspread.strategies' has no attribute {name!r}")
    return getattr(import_module(f"halfspread.strategies.{_HOMES[name]}"), name)
