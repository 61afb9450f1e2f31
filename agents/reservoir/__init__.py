"""Echo state networks: random recurrent networks of which only the reader learns."""

from __future__ import annotations

from halfspread.agents.reservoir.measures import EchoStates, MemoryCapacity, echo_states, memory_capacity
from halfspread.agents.reservoir.reservoir import Reservoir, ReservoirSettings

__all__ = ["EchoStates", "MemoryCapacity", "Reservoir", "ReservoirSettings", "echo_states", "memory_capacity"]
