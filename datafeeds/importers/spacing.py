"""Bars: how far apart they stand, and when each opens."""

from __future__ import annotations

from typing import Any

import numpy as np

from halfspread.datafeeds.importers.convert import stamps, text_type
from halfspread.datafeeds.importers.tabular import Tabular
from halfspread.datafeeds.importers.units import Clock
from halfspread.datafeeds.importers.where import Where
from halfspread.datafeeds.store.kinds import kind_of
from halfspread.engine.times import DAY, SECOND, interval_text, time_text
from halfspread.errors import DataError

__all__ = ["interval_of", "interval_of_times", "opens"]


def interval_of(table: Tabular, name: str, clock: Clock, least: int = 0) -> int:
    """The spacing of the first rows. Raises DataError where there is none to be sure of, or fewer rows than
    ``least``."""
    for found, where in table.blocks({name: text_type(kind_of("bars_1m").columns[0], clock)}):
        times = stamps(found.column(name), clock, where, name).drop_null().to_numpy()
        if len(times) < least:
            break
        return interval_of_times(times, str(table.source))
    raise DataError(f"{table.source}: expected {max(least, 1)} rows or more, got fewer")


def interval_of_times(times: Any, what: str) -> int:
    """The spacing that most rows have and that divides the others. Raises DataError where there is none."""
    steps = np.abs(np.diff(times))
    steps = steps[steps > 0]
    if len(steps):
        values, counts = np.unique(steps, return_counts=True)
        most = int(values[counts.argmax()])
        if counts.max() * 2 > len(steps) and most % SECOND == 0 and not np.any(steps % most):
            return most
    raise DataError(f"{what}: cannot tell how long a bar is from its {len(times)} rows; say so with --interval 5m")


def opens(times: Any, shift: int, interval: int, where: Where) -> Any:
    """Opens of bars out of the times of a file, an Arrow array of int64. Raises DataError for a time that is no open
    of such a bar."""
    import pyarrow as pa

    found = times.to_numpy()
    if shift and len(found) and found[0] % interval == interval - 1_000_000:
        found = found + 1_000_000  # the last millisecond of the bar
    found = found - shift
    grid = interval if DAY % interval == 0 else DAY
    off = found % grid != 0
    if off.any():
        row = int(off.argmax())
        raise DataError(
            f"{where.file}: expected bars of {interval_text(interval)} to open at whole multiples of it, got one at "
            f"{time_text(int(found[row]))}; correct --interval, --time-unit or --time-zone"
        )
    return pa.array(found)
