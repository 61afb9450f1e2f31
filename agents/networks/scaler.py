"""Bring every feature to mean 0 and deviation 1, by what the training data say and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from halfspread.costs.base import Floats
from halfspread.errors import DataError

__all__ = ["Scaler"]

#: A feature that moves less than this part of its size does not move.
STILL = 1e-12


@dataclass(frozen=True, eq=False)
class Scaler:
    """``centre`` and ``spread`` (features,): mean and standard deviation in the training data; a spread of 1 for a
    feature that stood still there."""

    centre: Floats
    spread: Floats

    def __post_init__(self) -> None:
        if self.centre.shape != self.spread.shape or self.centre.ndim != 1:
            raise DataError(f"scaler: expected two rows of numbers, got {self.centre.shape} and {self.spread.shape}")
        if not (np.isfinite(self.centre).all() and np.isfinite(self.spread).all() and (self.spread > 0.0).all()):
            raise DataError("scaler: expected finite centres, and spreads above zero")

    @classmethod
    def fitted(cls, observations: Floats, weights: Floats | None = None) -> Scaler:
        """From observations (rows, features). Raises DataError where there are none."""
        if len(observations) == 0:
            raise DataError("scaler: expected at least one observation, got none")
        centre = np.average(observations, axis=0, weights=weights)
        spread = np.sqrt(np.average((observations - centre) ** 2, axis=0, weights=weights))
        still = spread <= STILL * np.maximum(np.abs(centre), 1.0)
        return cls(centre, np.where(still, 1.0, spread))

    def __call__(self, observations: Floats) -> Floats:
        """Standardised, as the event loop does it."""
        return (observations - self.centre) / self.spread
