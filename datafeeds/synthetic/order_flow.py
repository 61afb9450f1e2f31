"""How market orders reach resting ones: a Poisson flow that thins out with the distance from the mid."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from halfspread.engine.times import Floats
from halfspread.errors import ConfigError

__all__ = ["OrderFlow"]


@dataclass(frozen=True)
class OrderFlow:
    """Market orders of each side reach an order at distance delta with intensity A exp(-k delta) per second.

    ``A`` per second, ``k`` per unit of quote currency, ``sigma``: standard deviation of the mid's move in a second, in
    quote currency. Raises ConfigError where A or k is not above zero or sigma is negative.
    """

    A: float
    k: float
    sigma: float = 0.0

    def __post_init__(self) -> None:
        if not (0.0 < self.A < math.inf and 0.0 < self.k < math.inf and 0.0 <= self.sigma < math.inf):
            raise ConfigError(f"order flow: expected A and k above 0 and sigma of at least 0, got {self}")

    def intensity(self, distance: Floats) -> Floats:
        """Fills per second at each distance; 0 at an infinite one."""
        return np.asarray(self.A * np.exp(-self.k * distance), np.float64)
