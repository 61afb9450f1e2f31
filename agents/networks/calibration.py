"""Whether probabilities are what they say: the share of cases that came true, bin by bin of what was predicted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from halfspread.costs.base import Floats
from halfspread.errors import ConfigError, DataError

__all__ = ["Calibration", "calibration"]


@dataclass(frozen=True, eq=False)
class Calibration:
    """A line for each of ``bins`` equal parts of 0 to 1 (edges upper-inclusive, the first includes 0).

    ``predicted`` mean probability of the likeliest class and ``found`` share in which it was right, NaN in a bin
    without cases; ``share`` of all weight in each bin.
    """

    predicted: Floats
    found: Floats
    share: Floats

    @property
    def error(self) -> float:
        """Expected calibration error: the mean distance of predicted and found, by share (Naeini et al. 2015)."""
        there = self.share > 0.0
        return float((self.share[there] * np.abs(self.predicted[there] - self.found[there])).sum())


def calibration(probabilities: Floats, wanted: Floats, weights: Floats | None = None, bins: int = 10) -> Calibration:
    """Of probabilities (rows, classes) against labels ``wanted`` (rows, classes; a label may be shared among classes)
    with ``weights`` (rows,). Raises ConfigError or DataError for what does not fit."""
    if bins < 1:
        raise ConfigError(f"calibration: expected at least one bin, got {bins}")
    if probabilities.ndim != 2 or probabilities.shape != wanted.shape or not len(wanted):
        raise DataError(f"calibration: probabilities of shape {probabilities.shape}, labels of {wanted.shape}")
    weights = np.ones(len(wanted)) if weights is None else weights
    if weights.shape != (len(wanted),) or not weights.sum() > 0.0:
        raise DataError(f"calibration: {len(wanted):,} rows, and weights of shape {weights.shape}")
    chosen = probabilities.argmax(axis=1)
    sure, right = (values[np.arange(len(chosen)), chosen] for values in (probabilities, wanted))
    place = np.clip(np.ceil(sure * bins).astype(np.int64) - 1, 0, bins - 1)
    heavy, said, true = (np.bincount(place, weights * each, bins) for each in (np.ones(len(sure)), sure, right))
    with np.errstate(invalid="ignore"):
        return Calibration(said / heavy, true / heavy, heavy / weights.sum())
