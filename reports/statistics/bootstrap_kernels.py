"""Kernels of the stationary block bootstrap: rows of daily values drawn in blocks, and what is measured on each draw.

Every array is C-contiguous. ``index`` int32 (resamples, days): the row of each drawn day. A block ends where the next
row is not the following one (after the last row comes the first). Values are finite; nothing is NaN but where a
docstring says so.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from halfspread.compiled import kernel

Array = Any


@kernel
def draw_blocks(first: Array, continues: Array) -> None:
    """Turn ``first`` int32 (resamples, days), rows drawn at random, into blocks, in place: where ``continues`` uint8 is
    1 the day is the one after the day before, around the end."""
    days = first.shape[1]
    for b in range(first.shape[0]):
        row = first[b, 0]
        for t in range(1, days):
            row = row + 1 if row + 1 < days else 0
            if continues[b, t] == 0:
                row = first[b, t]
            first[b, t] = row


@kernel
def resampled_means(values: Array, index: Array, means: Array) -> None:
    """Mean of each column of ``values`` (days, columns) over every resample, to ``means`` (resamples, columns)."""
    columns = values.shape[1]
    days = index.shape[1]
    for b in range(index.shape[0]):
        for j in range(columns):
            means[b, j] = 0.0
        for t in range(days):
            row = index[b, t]
            for j in range(columns):
                means[b, j] += values[row, j]
        for j in range(columns):
            means[b, j] /= days


@kernel
def block_moments(values: Array, index: Array, means: Array, squares: Array) -> None:
    """Means of each resample, and how much they vary by its own blocks.

    ``values`` (days, columns), best centred. ``means`` (resamples, columns); ``squares`` (resamples, columns, columns):
    sum over blocks of the outer product of the block's sum about the mean, over the days, corrected for the mean being
    the resample's own: the covariance of the mean, times the days.
    """
    days, columns = index.shape[1], values.shape[1]
    block = np.zeros(columns)
    lengths = np.zeros(columns)
    for b in range(index.shape[0]):
        # element by element, because expressions over whole arrays take seconds to compile
        for j in range(columns):
            block[j], lengths[j], means[b, j] = 0.0, 0.0, 0.0
            for k in range(columns):
                squares[b, j, k] = 0.0
        length = 0
        length_squares = 0.0
        for t in range(days):
            row = index[b, t]
            for j in range(columns):
                block[j] += values[row, j]
            length += 1
            following = row + 1 if row + 1 < days else 0
            if t + 1 == days or index[b, t + 1] != following:
                for j in range(columns):
                    part = block[j]
                    means[b, j] += part
                    lengths[j] += length * part
                    for k in range(j + 1):
                        squares[b, j, k] += part * block[k]
                for j in range(columns):
                    block[j] = 0.0
                length_squares += length * length
                length = 0
        for j in range(columns):
            means[b, j] /= days
        kept = days * (1.0 - length_squares / (days * days))
        for j in range(columns):
            for k in range(j + 1):
                centred = squares[b, j, k] - lengths[j] * means[b, k] - lengths[k] * means[b, j]
                centred += length_squares * means[b, j] * means[b, k]
                squares[b, j, k] = centred / kept if kept > 0.0 else math.nan
                squares[b, k, j] = squares[b, j, k]


@kernel
def path_figures(pnl: Array, ranks: Array, tail: float, index: Array, found: Array) -> None:
    """Figures of every resample that depend on the order of days or on its tail, to ``found`` (resamples, 7).

    Deepest drawdown of the summed curve, longest drawdown in days, share of days under water, least and largest day,
    mean loss of the ``tail`` worst days (a number of days, the last in part), and the sum. ``ranks`` int64 (days,):
    rows in the order of rising ``pnl`` (days,).
    """
    days = index.shape[1]
    drawn = np.zeros(days, dtype=np.int64)
    for b in range(index.shape[0]):
        for t in range(days):
            drawn[t] = 0
        curve, peak, deepest = 0.0, 0.0, 0.0
        below, run, longest = 0, 0, 0
        for t in range(days):
            row = index[b, t]
            drawn[row] += 1
            curve += pnl[row]
            if curve >= peak:
                peak = curve
                run = 0
            else:
                deepest = max(deepest, peak - curve)
                below += 1
                run += 1
                longest = max(longest, run)
        left, worst, i = tail, 0.0, 0
        while left > 0.0 and i < days:
            taken = min(left, float(drawn[ranks[i]]))
            worst += taken * pnl[ranks[i]]
            left -= taken
            i += 1
        i = 0
        while drawn[ranks[i]] == 0:
            i += 1
        found[b, 3] = pnl[ranks[i]]
        i = days - 1
        while drawn[ranks[i]] == 0:
            i -= 1
        found[b, 4] = pnl[ranks[i]]
        found[b, 0], found[b, 1], found[b, 2] = deepest, longest, below / days
        found[b, 5], found[b, 6] = -worst / tail, curve


@kernel
def compounded_drawdowns(returns: Array, index: Array, found: Array) -> None:
    """Deepest drawdown of the compounded curve of every resample, as a fraction of the peak, to ``found``
    (resamples,)."""
    days = index.shape[1]
    for b in range(index.shape[0]):
        curve, peak, deepest = 1.0, 1.0, 0.0
        for t in range(days):
            curve *= 1.0 + returns[index[b, t]]
            peak = max(peak, curve)
            deepest = max(deepest, 1.0 - curve / peak)
        found[b] = deepest
