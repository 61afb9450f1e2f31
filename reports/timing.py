"""Does an agent know when to hold its position? The permutation test on what a run has recorded.

Rows are the recorded periods (minutes, hours or days). The position of a row is that at its beginning (after a fill at
that moment, such as one at the open of a bar), as a fraction of the notional when it was last traded, so that a
position that is left alone does not vary; the return is the simple return of the reference price. Funding is left out;
every trade pays the cost per turnover of the run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from halfspread.engine.instrument import labels
from halfspread.engine.times import Integers as Times
from halfspread.errors import ConfigError, DataError
from halfspread.reports import formats
from halfspread.reports.protocol import InstrumentLike, ResultLike
from halfspread.reports.statistics.permutation import PERMUTATION_ROWS, permutation_test
from halfspread.reports.statistics.series import Floats

__all__ = ["EXPLAINED", "Timing", "find_timings", "timing", "timing_object", "timing_sentence", "timings"]

#: Least share of the price PnL of the rows that the positions at their beginnings must explain.
EXPLAINED = 0.9

#: Positions closer than this part of the notional are the same.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Timing:
    """``p``: share of all shifts of the position in time, the one traded among them, that have as high a ``ratio``
    (mean over deviation of the net PnL of a row). ``rows`` of ``period`` (in words), with ``changes`` of position;
    ``cost`` per unit of value traded; ``explained``: share of the variation of the price PnL that the recorded
    positions explain."""

    p: float
    ratio: float
    rows: int
    period: str
    changes: int
    cost: float
    explained: float


def timing(result: ResultLike, instrument: str | None = None) -> Timing:
    """The permutation test on one instrument of ``result``, by symbol or name; left out, its only one.

    Raises ConfigError where it is not clear which instrument is meant; DataError with fewer than `PERMUTATION_ROWS`
    rows, where the position never varies, and where the agent trades so much within the recorded periods that its
    positions at their ends say too little (below `EXPLAINED`).
    """
    chosen = _chosen(result, instrument)
    periods = result.periods_of(chosen.name)
    price = periods["reference"].to_numpy(dtype=np.float64)
    known = np.isfinite(price) & (price > 0.0)
    periods, price = periods[known], price[known]
    rows = max(len(periods) - 1, 0)
    if rows < PERMUTATION_ROWS:
        raise DataError(
            f"the permutation test needs at least {PERMUTATION_ROWS} recorded periods, this run has {rows}; run over a "
            "longer range, or record finer ones (period)"
        )
    held = _held(result, chosen, pd.DatetimeIndex(periods.index).as_unit("ns").asi8)
    returns = price[1:] / price[:-1] - 1.0
    if not np.ptp(held) > 0.0:
        raise DataError("the position never varies: there is no timing to test")
    earned = np.diff(periods["price"].to_numpy(dtype=np.float64)) / result.notional
    explained = _explained(held * returns, earned)
    width = _period(periods)
    if not explained >= EXPLAINED:
        raise DataError(
            f"positions at the beginnings of periods of {width} explain {max(explained, 0.0):.0%} of the variation of "
            f"the price PnL, less than {EXPLAINED:.0%}: the agent trades within them; record finer ones (period)"
        )
    cost = _cost(result, periods)
    found = permutation_test(held, returns, cost)
    changes = int(np.count_nonzero(np.abs(np.diff(held)) > _ROUNDING))
    return Timing(found.p, found.statistic, rows, width, changes, cost, explained)


def timings(result: ResultLike) -> dict[str, Timing | str]:
    """By name of the instrument: the test, or why there is none; what ``result`` keeps as its ``timings``, else
    computed now."""
    kept = getattr(result, "timings", None)
    return kept if isinstance(kept, dict) else find_timings(result)


def find_timings(result: ResultLike) -> dict[str, Timing | str]:
    """The same, computed now."""
    found: dict[str, Timing | str] = {}
    for one in result.instruments:
        try:
            found[one.name] = timing(result, one.name)
        except DataError as error:
            found[one.name] = str(error)
    return found


def timing_object(result: ResultLike) -> dict[str, Any]:
    """For JSON, by name of the instrument: the fields of `Timing`, and the ``reason`` why there is no test."""
    return {
        name: {"p": math.nan, "reason": one} if isinstance(one, str) else {**vars(one), "reason": ""}
        for name, one in timings(result).items()
    }


def timing_sentence(found: Timing | str) -> str:
    """What the test says, for a page."""
    if isinstance(found, str):
        return f"Timing was not tested: {found}."
    return (
        f"Timing: p = {found.p:.3f}, the share of all {found.rows:,} shifts of this position in time (by periods of "
        f"{found.period}) that would have earned as high a ratio from price moves, less "
        f"{formats.basis_points(found.cost)} of what they trade. Small is evidence that it was held at the right "
        "times, not only on the right side."
    )


def _chosen(result: ResultLike, instrument: str | None) -> InstrumentLike:
    found = [one for one in result.instruments if instrument in (None, one.symbol, one.name)]
    if len(found) != 1:
        names = ", ".join(one.name for one in result.instruments)
        raise ConfigError(f"timing: expected one instrument of the run ({names}), got {instrument or 'none'}")
    return found[0]


def _held(result: ResultLike, instrument: InstrumentLike, ends: Times) -> Floats:
    """Position (rows,) at the beginning of each row after the first period: what the last fill until then left, at the
    value of that fill. A fill at the very beginning counts: at the open of a bar it is of what was decided before."""
    label = labels(result.instruments)[[one.name for one in result.instruments].index(instrument.name)]
    fills = result.fills[(result.fills["instrument"] == label).to_numpy()]
    traded = np.abs(fills["contracts"].to_numpy(dtype=np.float64))
    worth = fills["value"].to_numpy(dtype=np.float64) / np.where(traded > 0.0, traded, 1.0)
    after = np.r_[0.0, fills["position_after"].to_numpy(dtype=np.float64) * worth / result.notional]
    times = pd.DatetimeIndex(fills["time"]).as_unit("ns").asi8
    return np.asarray(after[np.searchsorted(times, ends[:-1], side="right")])


def _explained(made: Floats, earned: Floats) -> float:
    total = float(earned @ earned)
    return 1.0 - float((earned - made) @ (earned - made)) / total if total > 0.0 else 0.0


def _cost(result: ResultLike, periods: pd.DataFrame) -> float:
    """What the run paid per unit of value traded; 0 where it earned."""
    last = periods.iloc[-1]
    paid = -math.fsum(float(last[name]) for name in ("half_spread", "fee", "impact"))
    return max(paid / float(last["turnover"]), 0.0) if last["turnover"] > 0.0 else 0.0


def _period(periods: pd.DataFrame) -> str:
    steps = np.diff(pd.DatetimeIndex(periods.index).as_unit("ns").asi8)
    return formats.duration(float(np.median(steps)) / 3.6e12).replace(".0 ", " ")
