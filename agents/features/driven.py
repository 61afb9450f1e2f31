"""A reservoir that features drive: what a learner looks at beside them, for what was before the present decision."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated

import numpy as np
from pydantic import Field

from halfspread.agents.reservoir import Reservoir, ReservoirSettings

__all__ = ["DrivenReservoir"]


class DrivenReservoir(ReservoirSettings):
    """An echo state network driven by the features of each decision and a constant 1, from a state of zeros at the
    first. Nothing is fed back (``feedback_scale`` does not count). ``seed``: of its draw, and of nothing else."""

    seed: Annotated[int, Field(ge=0)] = 0

    def drawn(self, features: int) -> Reservoir:
        """The reservoir for so many features. Raises ConfigError as `Reservoir.draw`."""
        return _drawn(self, features)

    def __str__(self) -> str:
        return f"reservoir of {self.size} units, {self.construction}, radius {self.radius:g}, seed {self.seed}"


@lru_cache(maxsize=8)
def _drawn(settings: DrivenReservoir, features: int) -> Reservoir:
    return Reservoir.draw(settings, features + 1, 0, np.random.default_rng(settings.seed))
