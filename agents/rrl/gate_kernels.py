"""The gate: trade while the shadow reward, that of the position wanted whether it is held or not, is good on average.

Memory as in ``agents.rrl.records``. The shadow pays for its own trades and its own funding, so that a shut gate can
open again. It is looked at every so many decisions, by the mean up to the decision before.
"""

from __future__ import annotations

from typing import Any

from halfspread.agents.rrl.records import (
    DECISIONS,
    GATE_CHANGES,
    GATE_DECAY,
    GATE_EVERY,
    GATED,
    OPEN,
    SHADOW_MEAN,
    SHUT,
)
from halfspread.compiled import inner_kernel

Array = Any


@inner_kernel
def through_gate(places: Array, numbers: Array, wanted: float) -> float:
    """What is traded of a position wanted: all of it, or nothing while the gate is shut. Before `add_to_gate`."""
    if places[GATED] == 0:
        return wanted
    if (places[DECISIONS] - 1) % places[GATE_EVERY] == 0:
        open_ = 1 if numbers[SHADOW_MEAN] >= 0.0 else 0
        places[GATE_CHANGES] += open_ != places[OPEN]
        places[OPEN] = open_
    if places[OPEN] != 0:
        return wanted
    places[SHUT] += 1
    return 0.0


@inner_kernel
def add_to_gate(numbers: Array, reward: float) -> None:
    """Count a shadow reward in."""
    decay = numbers[GATE_DECAY]
    numbers[SHADOW_MEAN] = decay * numbers[SHADOW_MEAN] + (1.0 - decay) * reward
