"""The series on which our statistics are compared with those of scipy, statsmodels and arch.

From the legacy generator of NumPy, whose stream never changes. `benchmarks/peers/statistics_parity.py` writes what the
others say to `parity.json`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]

SEED, DAYS, AGENTS, RESAMPLES, BLOCK = 20_261_121, 400, 4, 500, 5.0


def series() -> dict[str, Floats]:
    """Daily PnL: independent and skewed, following itself, volatile in turns, and reversing itself."""
    state = np.random.RandomState(SEED)
    noise = state.standard_normal((4, DAYS))
    following, reversing = np.zeros(DAYS), np.zeros(DAYS)
    for t in range(1, DAYS):
        following[t] = 0.6 * following[t - 1] + 0.01 * noise[1, t]
        reversing[t] = -0.5 * reversing[t - 1] + 0.01 * noise[3, t]
    return {
        "independent": 0.001 + 0.01 * (np.exp(0.5 * noise[0]) - 1.1),
        "following": following,
        "volatile": 0.0005 + 0.01 * noise[2] * np.exp(np.sin(np.arange(DAYS) / 30.0)),
        "reversing": reversing,
    }


def differences() -> Floats:
    """PnL of agents less the benchmark's, the last clearly worse; (days, agents)."""
    state = np.random.RandomState(SEED + 1)
    return np.asarray(0.01 * state.standard_normal((DAYS, AGENTS)) + np.array([0.0006, 0.0003, -0.0001, -0.004]))


def rows_drawn() -> np.ndarray[Any, np.dtype[np.int32]]:
    """Rows of each resample in blocks of mean length `BLOCK`; int32 (resamples, days)."""
    state = np.random.RandomState(SEED + 2)
    rows = state.randint(0, DAYS, (RESAMPLES, DAYS))
    ends = state.random_sample((RESAMPLES, DAYS)) < 1.0 / BLOCK
    for t in range(1, DAYS):
        rows[:, t] = np.where(ends[:, t], rows[:, t], (rows[:, t - 1] + 1) % DAYS)
    return np.ascontiguousarray(rows, dtype=np.int32)
