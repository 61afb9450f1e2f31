"""Agents that learn: features, policies, behavioural cloning, DAgger, ESN-RRL and RRL, analysis of distribution shift.

Rules with fixed parameters live in ``halfspread.strategies``. An agent from here obeys the same protocol, so that
training, backtest and live trading go through the one event loop of ``halfspread.engine``. `Clairvoyant` is no agent
but their upper bound: it reads the whole tape before it begins.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from halfspread.agents.experts.clairvoyant import Clairvoyant

__all__ = ["Clairvoyant"]

#: Names by which a config calls them.
BUILT_IN = {"clairvoyant": "Clairvoyant"}
_HOMES = {"Clairvoyant": "experts.clairvoyant"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'halfspread.agents' has no attribute {name!r}")
    return getattr(import_module(f"halfspread.agents.{_HOMES[name]}"), name)
