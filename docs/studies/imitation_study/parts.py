"""The parts of the study, in the order of the page; each may use the numbers of those before it."""

from __future__ import annotations

from imitation_study import deadline, fidelity, horizon, position_feedback, real_markets, worlds
from imitation_study.part import Part

__all__ = ["PARTS"]

PARTS: tuple[Part, ...] = (
    position_feedback.PART,
    worlds.PART,
    horizon.PART,
    fidelity.PART,
    deadline.PART,
    real_markets.PART,
)
