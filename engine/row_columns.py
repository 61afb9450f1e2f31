"""Columns of a table, written side by side as the rows that the kernels read.

Cells are float64 in the unit of the source; a missing cell is NaN, a missing column what its caller says.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from halfspread.engine.tables import Table, numbers
from halfspread.engine.times import Floats, Integers

__all__ = ["fill_columns"]

#: Rows that are written across columns at once: their cells fit into a processor's second cache.
_TILE = 256
#: Rows of a table that are turned into numbers at once.
_BLOCK = 8_192


def fill_columns(
    table: Table, columns: tuple[str, ...], absent: float, what: str, times: Integers, out: Floats, first_row: int = 0
) -> None:
    """Write the columns side by side into ``out`` (n, columns), ``absent`` for those named "". Raises DataError for
    text that is no number, and for a column of another length."""
    values = {name: _sliceable(table[name], what, name, times) for name in columns if name}
    for begin in range(0, len(times), _BLOCK):
        here = slice(begin, min(begin + _BLOCK, len(times)))
        stage = np.full((len(columns), here.stop - begin), absent)
        for i, name in enumerate(columns):
            if name:
                stage[i] = numbers(values[name][here], what, name, times[here], first_row + begin)
        block = out[here]
        for row in range(0, len(block), _TILE):
            block[row : row + _TILE] = stage[:, row : row + _TILE].T


def _sliceable(values: Any, what: str, name: str, times: Integers) -> Any:
    """A column that can be cut by positions. Raises DataError for one of another length."""
    if isinstance(values, pd.Series):
        found: Any = values.array
    else:
        found = values if isinstance(values, np.ndarray) else np.asarray(values)
    return found if np.shape(found) == times.shape else numbers(values, what, name, times)
