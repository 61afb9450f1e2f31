"""Does the position know when to be held? Its PnL against that of the same position shifted in time, around the end.

Bars or days, one row each, one instrument: ``position`` (fraction of the notional) held over the row, ``returns``
(simple, or funding and price together) of the row. NaN is refused.

What is exchangeable: the n circular shifts of the position against the returns. Under the null hypothesis the position
is independent of the returns, and one of the two is stationary, so every shift is as likely as the one that was traded.
Each shift holds the same positions, for as long, and trades as much, in another part of the history: a drift of the
market that a position always long earns is no evidence, the timing is. A position that hardly ever changes has few
shifts that differ, and no power.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from halfspread.errors import ConfigError, DataError
from halfspread.reports.statistics.series import Floats, daily_series

__all__ = ["PERMUTATION_ROWS", "Permutation", "permutation_test", "shifted_pnl"]

#: Fewest rows: with fewer shifts no p-value falls far enough below 0.05.
PERMUTATION_ROWS = 60

#: Statistics closer than this part of the largest are ties, which count against the position.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Permutation:
    """``p``: share of all shifts, the one that was traded among them, whose ``statistic`` is as high as the observed
    one.

    ``drawn`` (rows,): the statistic at each shift, the first the observed one; NaN where nothing varies.
    """

    p: float
    statistic: float
    drawn: Floats = field(repr=False)


def permutation_test(
    position: ArrayLike,
    returns: ArrayLike,
    cost: ArrayLike | float = 0.0,
    statistic: Literal["ratio", "mean"] = "ratio",
) -> Permutation:
    """p-value of the hypothesis that ``position`` (rows,) is independent of ``returns`` (rows,), from all shifts at
    once.

    ``cost``: paid per unit of value traded, one number or one for each row; the trade at each row is from the position
    of the row before, at the first from that of the last row, so that every shift trades alike. ``statistic``: mean of
    the net PnL, or the mean over its standard deviation. There is no randomness: all shifts are measured, by fast
    Fourier transforms. Raises DataError with fewer than `PERMUTATION_ROWS` rows, where the rows differ or nothing
    varies; ConfigError for a negative cost or another statistic.
    """
    if statistic not in ("ratio", "mean"):
        raise ConfigError(f"statistic must be 'ratio' or 'mean', got {statistic!r}")
    held, earned, rate = _checked(position, returns, cost)
    rows = len(held)
    traded = np.abs(held - np.roll(held, 1))
    total = _over_shifts(held, earned) - _over_shifts(traded, rate)
    mean = total / rows
    drawn = mean
    if statistic == "ratio":
        squares = _over_shifts(held**2, earned**2) - 2.0 * _over_shifts(held * traded, earned * rate)
        squares += _over_shifts(traded**2, rate**2)
        variance = squares / rows - mean**2
        varies = variance > _ROUNDING * float(np.abs(squares).max()) / rows
        drawn = np.where(varies, mean / np.sqrt(np.where(varies, variance, 1.0)), math.nan)
    observed = float(drawn[0])
    if not math.isfinite(observed) or not np.ptp(held) > 0.0 or not np.ptp(earned) > 0.0:
        raise DataError("the position or the returns do not vary; there is nothing that a shift could change")
    slack = _ROUNDING * float(np.nanmax(np.abs(drawn)))
    as_high = np.isnan(drawn) | (drawn >= observed - slack)
    return Permutation(float(as_high.mean()), observed, drawn)


def shifted_pnl(position: ArrayLike, returns: ArrayLike, cost: ArrayLike | float = 0.0, shift: int = 0) -> Floats:
    """Net PnL of each row with the position ``shift`` rows later, around the end: what `permutation_test` measures.
    Raises as that."""
    held, earned, rate = _checked(position, returns, cost)
    moved = np.roll(held, shift)
    return np.asarray(moved * earned - rate * np.abs(moved - np.roll(moved, 1)))


def _over_shifts(moved: Floats, fixed: Floats) -> Floats:
    """Sum over rows of ``moved``, shifted by each number of rows around the end, times ``fixed``: (rows,)."""
    rows = len(moved)
    return np.asarray(np.fft.irfft(np.conj(np.fft.rfft(moved)) * np.fft.rfft(fixed), rows))


def _checked(position: ArrayLike, returns: ArrayLike, cost: ArrayLike | float) -> tuple[Floats, Floats, Floats]:
    purpose = "the permutation test"
    held = daily_series(position, "position", PERMUTATION_ROWS, purpose)
    earned = daily_series(returns, "returns", purpose=purpose)
    rate = daily_series(np.full(len(held), cost) if np.ndim(cost) == 0 else cost, "cost", purpose=purpose)
    if not len(held) == len(earned) == len(rate):
        raise DataError(
            f"{purpose}: position, returns and cost have {len(held)}, {len(earned)} and {len(rate)} rows; give "
            "each for the same rows"
        )
    if rate.min() < 0.0:
        raise ConfigError(f"{purpose}: the cost must be 0 or more per unit of value traded, got {float(rate.min()):g}")
    return held, earned, rate
