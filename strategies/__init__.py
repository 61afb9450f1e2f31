"""The plug-in interface in its simplest form, and the rule-based experts. None of them is claimed to have an edge."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from halfspread.strategies.base import Strategy
    from halfspread.strategies.bollinger import Bollinger
    from halfspread.strategies.buy_and_hold import BuyAndHold
    from halfspread.strategies.compiled import CompiledStrategy
    from halfspread.strategies.donchian_atr import DonchianAtr
    from halfspread.strategies.execution import AlmgrenChriss, Twap
    from halfspread.strategies.funding_carry import FundingCarry
    from halfspread.strategies.imbalance import BookImbalance
    from halfspread.strategies.market_maker import MarketMaker
    from halfspread.strategies.pairs import Pairs, PairsCarry
    from halfspread.strategies.random_turnover import RandomTurnover
    from halfspread.strategies.shortfall import Shortfall, implementation_shortfall
    from halfspread.strategies.sma_cross import SmaCross
    from halfspread.strategies.time_of_day import TimeOfDay

__all__ = [
    "AlmgrenChriss",
    "Bollinger",
    "BookImbalance",
    "BuyAndHold",
    "CompiledStrategy",
    "DonchianAtr",
    "FundingCarry",
    "MarketMaker",
    "Pairs",
    "PairsCarry",
    "RandomTurnover",
    "Shortfall",
    "SmaCross",
    "Strategy",
    "TimeOfDay",
    "Twap",
    "implementation_shortfall",
]

#: Names by which a config calls the experts: those that set targets, then those that send orders.
BUILT_IN = {
    "bollinger": "Bollinger",
    "book_imbalance": "BookImbalance",
    "buy_and_hold": "BuyAndHold",
    "funding_carry": "FundingCarry",
    "pairs": "Pairs",
    "pairs_carry": "PairsCarry",
    "random_turnover": "RandomTurnover",
    "sma_cross": "SmaCross",
    "time_of_day": "TimeOfDay",
    "almgren_chriss": "AlmgrenChriss",
    "donchian_atr": "DonchianAtr",
    "market_maker": "MarketMaker",
    "twap": "Twap",
}
_HOMES = {
    "AlmgrenChriss": "execution",
    "Bollinger": "bollinger",
    "BookImbalance": "imbalance",
    "BuyAndHold": "buy_and_hold",
    "CompiledStrategy": "compiled",
    "DonchianAtr": "donchian_atr",
    "FundingCarry": "funding_carry",
    "MarketMaker": "market_maker",
    "Pairs": "pairs",
    "PairsCarry": "pairs",
    "RandomTurnover": "random_turnover",
    "Shortfall": "shortfall",
    "SmaCross": "sma_cross",
    "Strategy": "base",
    "TimeOfDay": "time_of_day",
    "Twap": "execution",
    "implementation_shortfall": "shortfall",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'halfspread.strategies' has no attribute {name!r}")
    return getattr(import_module(f"halfspread.strategies.{_HOMES[name]}"), name)
