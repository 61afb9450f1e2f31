"""halfspread: replay crypto perpetual-swap markets to trading agents, with every cost a real trader pays.

    import halfspread as hs

The names below are loaded on first use (PEP 562), so that ``import halfspread`` itself loads nothing heavy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from halfspread import agents, errors, strategies
    from halfspread.api import backtest
    from halfspread.costs.fees import Fees, FeeTier
    from halfspread.costs.funding import Funding
    from halfspread.costs.half_spread import HalfSpread
    from halfspread.costs.impact import Impact
    from halfspread.costs.latency import Delay, Latency
    from halfspread.costs.margin import Margin, MarginSchedule, MarginTier
    from halfspread.costs.model import Costs
    from halfspread.datafeeds.store.series import Provenance, Series
    from halfspread.datafeeds.store.store import Store
    from halfspread.datafeeds.stored_tape import stored_tape
    from halfspread.engine import instruments
    from halfspread.engine.agent_functions import OK, compiled_agent
    from halfspread.engine.audit import audit
    from halfspread.engine.instrument import Instrument
    from halfspread.engine.market import Market
    from halfspread.engine.sizing import EquityFraction, FixedContracts, FixedNotional
    from halfspread.engine.table_format import TableFormat
    from halfspread.engine.tape import Tape
    from halfspread.reports.benchmark import Benchmark
    from halfspread.reports.result import Result
    from halfspread.strategies.base import Strategy
    from halfspread.strategies.compiled import CompiledStrategy

__version__ = "0.1.0"

__all__ = [
    "OK",
    "Benchmark",
    "CompiledStrategy",
    "Costs",
    "Delay",
    "EquityFraction",
    "FeeTier",
    "Fees",
    "FixedContracts",
    "FixedNotional",
    "Funding",
    "HalfSpread",
    "Impact",
    "Instrument",
    "Latency",
    "Margin",
    "MarginSchedule",
    "MarginTier",
    "Market",
    "Provenance",
    "Result",
    "Series",
    "Store",
    "Strategy",
    "TableFormat",
    "Tape",
    "__version__",
    "agents",
    "audit",
    "backtest",
    "compiled_agent",
    "errors",
    "instruments",
    "stored_tape",
    "strategies",
]

_HOME_OF_NAME = {
    "Benchmark": "halfspread.reports.benchmark",
    "CompiledStrategy": "halfspread.strategies.compiled",
    "Costs": "halfspread.costs.model",
    "Delay": "halfspread.costs.latency",
    "EquityFraction": "halfspread.engine.sizing",
    "FeeTier": "halfspread.costs.fees",
    "Fees": "halfspread.costs.fees",
    "FixedContracts": "halfspread.engine.sizing",
    "FixedNotional": "halfspread.engine.sizing",
    "Funding": "halfspread.costs.funding",
    "HalfSpread": "halfspread.costs.half_spread",
    "Impact": "halfspread.costs.impact",
    "Instrument": "halfspread.engine.instrument",
    "Latency": "halfspread.costs.latency",
    "Margin": "halfspread.costs.margin",
    "MarginSchedule": "halfspread.costs.margin",
    "MarginTier": "halfspread.costs.margin",
    "Market": "halfspread.engine.market",
    "OK": "halfspread.engine.agent_functions",
    "Provenance": "halfspread.datafeeds.store.series",
    "Result": "halfspread.reports.result",
    "Series": "halfspread.datafeeds.store.series",
    "Store": "halfspread.datafeeds.store.store",
    "Strategy": "halfspread.strategies.base",
    "TableFormat": "halfspread.engine.table_format",
    "Tape": "halfspread.engine.tape",
    "audit": "halfspread.engine.audit",
    "backtest": "halfspread.api",
    "compiled_agent": "halfspread.engine.agent_functions",
    "stored_tape": "halfspread.datafeeds.stored_tape",
}
_MODULES = {
    "agents": "halfspread.agents",
    "errors": "halfspread.errors",
    "instruments": "halfspread.engine.instruments",
    "strategies": "halfspread.strategies",
}


def __getattr__(name: str) -> object:
    """Import the public ``name`` when it is first asked for; after that it is an ordinary attribute."""
    if name in _MODULES:
        value: object = import_module(_MODULES[name])
    elif name in _HOME_OF_NAME:
        value = getattr(import_module(_HOME_OF_NAME[name]), name)
    else:
        raise AttributeError(f"module 'halfspread' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
