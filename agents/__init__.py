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
    from halfspread.agents.experts.hindsight import Hindsight
    from halfspread.agents.experts.mixture import Mixture
    from halfspread.agents.experts.plan import Foresight
    from halfspread.agents.experts.position_expert import PositionExpert
    from halfspread.agents.imitation.clones import BoostedClone, Clone, RecordClone
    from halfspread.agents.imitation.round_learners import Dagger, Dart
    from halfspread.agents.policies.policy import Policy
    from halfspread.agents.rrl.esn_rrl import EsnRrl
    from halfspread.agents.rrl.gated_constant import GatedConstant
    from halfspread.agents.rrl.moody import Rrl
    from halfspread.agents.rrl.sarsa import EsnSarsa

__all__ = [
    "BoostedClone",
    "Clairvoyant",
    "Clone",
    "Dagger",
    "Dart",
    "EsnRrl",
    "EsnSarsa",
    "Foresight",
    "GatedConstant",
    "Hindsight",
    "Mixture",
    "Policy",
    "PositionExpert",
    "RecordClone",
    "Rrl",
]

#: Names by which a config calls them: bounds and experts, learners, and what was learnt.
BUILT_IN = {
    "clairvoyant": "Clairvoyant",
    "foresight": "Foresight",
    "hindsight": "Hindsight",
    "position_expert": "PositionExpert",
    "mixture": "Mixture",
    "clone": "Clone",
    "boosted_clone": "BoostedClone",
    "record_clone": "RecordClone",
    "dagger": "Dagger",
    "dart": "Dart",
    "policy": "Policy",
    "esn_rrl": "EsnRrl",
    "esn_sarsa": "EsnSarsa",
    "rrl": "Rrl",
    "gated_constant": "GatedConstant",
}
_HOMES = {
    "BoostedClone": "imitation.clones",
    "Clairvoyant": "experts.clairvoyant",
    "Clone": "imitation.clones",
    "Dagger": "imitation.round_learners",
    "Dart": "imitation.round_learners",
    "EsnRrl": "rrl.esn_rrl",
    "EsnSarsa": "rrl.sarsa",
    "Foresight": "experts.plan",
    "GatedConstant": "rrl.gated_constant",
    "Hindsight": "experts.hindsight",
    "Mixture": "experts.mixture",
    "Policy": "policies.policy",
    "PositionExpert": "experts.position_expert",
    "RecordClone": "imitation.clones",
    "Rrl": "rrl.moody",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'halfspread.agents' has no attribute {name!r}")
    return getattr(import_module(f"halfspread.agents.{_HOMES[name]}"), name)
