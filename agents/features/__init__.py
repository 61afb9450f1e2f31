"""Features: what a learner looks at."""

from __future__ import annotations

from halfspread.agents.features.driven import DrivenReservoir
from halfspread.agents.features.feature_set import Feature, FeatureSet
from halfspread.agents.features.registry import KINDS, SETS

__all__ = ["KINDS", "SETS", "DrivenReservoir", "Feature", "FeatureSet"]
