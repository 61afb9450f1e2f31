"""Echo state networks: random recurrent networks of which only the reader learns."""

from __future__ import annotations

from halfspread.agents.reservoir.reservoir import Reservoir, ReservoirSettings

__all__ = ["Reservoir", "ReservoirSettings"]
