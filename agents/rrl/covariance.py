"""The covariance of the weights as `ekf_kernels` keep it: half of a symmetric matrix, flat, in whole vectors."""

from __future__ import annotations

import numpy as np

from halfspread.agents.rrl.ekf_kernels import ROWS
from halfspread.agents.rrl.lane_kernels import LANES
from halfspread.costs.base import Floats, Integers

__all__ = ["packed", "padded", "unpacked"]


def padded(width: int) -> int:
    """``width`` rounded up to whole vectors."""
    return -(-width // LANES) * LANES


def packed(matrix: Floats) -> Floats:
    """The flat form of a symmetric ``matrix`` (width, width), of which only the lower half is read."""
    width = len(matrix)
    whole = np.zeros((padded(width), padded(width)))
    whole[:width, :width] = np.tril(matrix) + np.tril(matrix, -1).T
    rows, columns = _places(width)
    return whole[rows, columns]


def unpacked(flat: Floats, width: int) -> Floats:
    """The symmetric matrix (width, width) of a flat form. Both halves of a block on the diagonal are as they are."""
    whole = np.zeros((padded(width), padded(width)))
    rows, columns = _places(width)
    whole[columns, rows] = flat
    whole[rows, columns] = flat
    return whole[:width, :width].copy()


def _places(width: int) -> tuple[Integers, Integers]:
    """Row and column of every number of the flat form."""
    rows, columns = [], []
    for i in range(0, padded(width), ROWS):
        end = i // LANES * LANES + LANES
        rows.append(np.repeat(np.arange(i, i + ROWS), end))
        columns.append(np.tile(np.arange(end), ROWS))
    return np.concatenate(rows), np.concatenate(columns)
