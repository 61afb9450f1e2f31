"""What the page of a walk-forward shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from halfspread.engine.times import DAY
from halfspread.reports.statistics.intervals import Intervals
from halfspread.reports.walk_forward_charts import Stage

__all__ = ["Walked"]

Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, eq=False)
class Walked:
    """What a walk-forward leaves.

    ``keys``: names of the parameters that were chosen, with all values tried for each (none of a learner). ``tried``:
    settings in every window, ``refused``: why others could not run, one entry each. ``purge``: nanoseconds. ``days``:
    PnL of each UTC day by parts, with ``pnl`` and ``turnover``, in units of the notional. ``metrics`` and
    ``intervals``: of these days; ``seed``: of the resamples. ``warnings``: of the runs of all windows. ``before``:
    what was tried on the same data before, in words.
    """

    title: str
    what: str
    agent: str
    schedule: str
    purge: int
    metric: str
    keys: Mapping[str, Sequence[object]]
    learner: bool
    tried: int
    refused: Sequence[str]
    stages: Sequence[Stage]
    days: pd.DataFrame
    metrics: Mapping[str, Any]
    intervals: Intervals | None
    seed: int
    currency: str
    warnings: Sequence[str]
    assumptions: Mapping[str, str]
    before: str = ""

    @property
    def choice(self) -> str:
        """What is made in a training window."""
        return "fitted agent" if self.learner else "chosen setting"

    @property
    def times(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Ends of the days, nanoseconds UTC, after the moment that they begin at."""
        ends = pd.DatetimeIndex(self.days.index).as_unit("ns").asi8 + DAY
        last = self.stages[-1].test[1]
        return np.concatenate([[self.stages[0].test[0]], np.minimum(ends, max(last, int(ends[0])))])

    def cumulative(self, name: str) -> Floats:
        """Sum of a column up to the end of each day, from zero."""
        return np.concatenate([[0.0], np.cumsum(self.days[name].to_numpy(np.float64))])
