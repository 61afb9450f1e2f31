"""Small tables of quotes and books that tests of reading them change."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from halfspread.engine.depth import Depth
from halfspread.engine.table_format import TableFormat
from halfspread.engine.times import SECOND, Integers
from tests.engine.worlds import START

Frame = Any  # pandas-stubs knows no frame of mixed columns
LATENCY = 3_000_000
GAP = TableFormat(invalid="gap")


def quotes(count: int = 10) -> Frame:
    """A quote a second, received 3 ms later, the bid one higher each time."""
    times = START + SECOND * np.arange(count)
    bid = 100.0 + np.arange(count)
    return pd.DataFrame(
        {
            "ts": times + LATENCY,
            "exch_ts": times,
            "bid": bid,
            "bid_size": 5.0,
            "ask": bid + 0.5,
            "ask_size": 7.0 + np.arange(count),
        }
    )


def books(count: int = 10, levels: int = 3) -> Frame:
    """Snapshots with prices one apart and sizes 10, 11, 12 (bids) and 20, 21, 22 (asks)."""
    frame: dict[str, Any] = {name: quotes(count)[name] for name in ("ts", "exch_ts")}
    for i in range(levels):
        frame[f"bid_{i + 1}"], frame[f"bid_size_{i + 1}"] = 100.0 - i, 10.0 + i
        frame[f"ask_{i + 1}"], frame[f"ask_size_{i + 1}"] = 100.5 + i, 20.0 + i
    return pd.DataFrame(frame)


def received(depth: Depth) -> Integers:
    """Its local times, which it has to have."""
    assert depth.local_times is not None
    return depth.local_times


def put(row: int, **cells: Any) -> Callable[[Frame], Frame]:
    def change(frame: Frame) -> Frame:
        for column, value in cells.items():
            if isinstance(value, str):
                frame[column] = frame[column].astype(object)
            frame.loc[row, column] = value
        return frame

    return change


NAN, INF = math.nan, math.inf
AT_7 = "row 7 (2024-01-01 00:00:07 UTC)"
