"""One step of an echo state network: x <- (1 - leak) x + leak tanh(W_in u + W x + W_back y), in place.

A packed reservoir is one float64 array. It begins with HEADER places: whole numbers as int64 in the bits, the leak as
itself. Behind them stand, column after column and ``WIDTH`` numbers long (the size, rounded up to whole vectors), W_in,
W_back and, where W has few zeros, W. A sparse W stands as rows in groups of LANES, sorted by how many numbers they hold
so that those of a group are nearly as long: ``STARTS`` of the groups, a word for each that names its rows, then LANES
values and a word with their LANES columns (16 bits each) for each step of a group. So four sums run side by side, and
a weight takes ten bytes.

Sums run in one order, whatever the machine: u, y, then x. What is NaN or infinite in u or y stays in x for good: a
caller looks first.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from halfspread.agents.reservoir.tanh_kernels import tanh_of
from halfspread.compiled import kernel, loop_kernel

Array = Any

LANES, VECTOR, WORD_BITS = 4, 8, 16

SIZE, INPUTS, FEEDBACKS, WIDTH, GROUPS, DENSE, LEAK = range(7)
COLUMNS_AT, STARTS_AT, ROWS_AT, VALUES_AT, PLACES_AT, END = range(7, 13)
HEADER = 16

MASK = np.uint64(0xFFFF)
ONE_ON, TWO_ON, THREE_ON = np.uint64(16), np.uint64(32), np.uint64(48)


@loop_kernel
def add_columns(columns: Array, factors: Array, out: Array) -> None:
    """out += columns.T @ factors; ``columns`` (m, WIDTH), ``factors`` (m,), ``out`` (WIDTH,). Four at a time."""
    count, width = columns.shape
    j = 0
    while j + 4 <= count:
        a0, a1, a2, a3 = factors[j], factors[j + 1], factors[j + 2], factors[j + 3]
        c0, c1, c2, c3 = columns[j], columns[j + 1], columns[j + 2], columns[j + 3]
        for i in range(width):
            out[i] += a0 * c0[i] + a1 * c1[i] + a2 * c2[i] + a3 * c3[i]
        j += 4
    while j < count:
        a0, c0 = factors[j], columns[j]
        for i in range(width):
            out[i] += a0 * c0[i]
        j += 1


@loop_kernel
def add_sparse(starts: Array, rows: Array, values: Array, places: Array, x: Array, out: Array) -> None:
    """out += W x of a sparse W; ``values`` (steps, LANES), ``places`` (steps,)."""
    for g in range(len(rows)):
        first, last = starts[g], starts[g + 1]
        numbers, words = values[first:last], places[first:last]
        a0 = a1 = a2 = a3 = 0.0
        for p in range(len(words)):
            word = words[p]
            a0 += numbers[p, 0] * x[word & MASK]
            a1 += numbers[p, 1] * x[(word >> ONE_ON) & MASK]
            a2 += numbers[p, 2] * x[(word >> TWO_ON) & MASK]
            a3 += numbers[p, 3] * x[word >> THREE_ON]
        row = rows[g]
        out[row & MASK] += a0
        out[(row >> ONE_ON) & MASK] += a1
        out[(row >> TWO_ON) & MASK] += a2
        out[row >> THREE_ON] += a3


@loop_kernel
def update(packed: Array, u: Array, y: Array, x: Array, scratch: Array) -> None:
    """Bring the state ``x`` (size,) one step on. ``u`` (inputs,), ``y`` (feedbacks,); ``scratch`` (WIDTH,) or longer,
    of any content, holds W_in u + W x + W_back y passed through tanh afterwards."""
    places = packed[:HEADER].view(np.int64)
    size, inputs, feedbacks, width = places[SIZE], places[INPUTS], places[FEEDBACKS], places[WIDTH]
    count = inputs + feedbacks + (size if places[DENSE] != 0 else 0)
    begin = places[COLUMNS_AT]
    columns = packed[begin : begin + count * width].reshape((count, width))
    out = scratch[:width]
    out[:] = 0.0
    add_columns(columns[:inputs], u, out)
    add_columns(columns[inputs : inputs + feedbacks], y, out)
    if places[DENSE] != 0:
        add_columns(columns[inputs + feedbacks :], x, out)
    else:
        values = packed[places[VALUES_AT] : places[PLACES_AT]]
        add_sparse(
            packed[places[STARTS_AT] : places[ROWS_AT]].view(np.int64),
            packed[places[ROWS_AT] : places[VALUES_AT]].view(np.uint64),
            values.reshape((len(values) // LANES, LANES)),
            packed[places[PLACES_AT] : places[END]].view(np.uint64),
            x,
            out,
        )
    tanh_of(out)
    leak = packed[LEAK]
    if leak == 1.0:
        for i in range(size):
            x[i] = out[i]
    else:
        for i in range(size):
            x[i] = (1.0 - leak) * x[i] + leak * out[i]


@kernel
def states_of(packed: Array, u: Array, y: Array, start: Array, scratch: Array, out: Array) -> None:
    """Fill ``out`` (steps, size): the state after each row of ``u`` (steps, inputs) and ``y`` (steps, feedbacks)."""
    before = start
    for t in range(len(out)):
        out[t, :] = before
        update(packed, u[t], y[t], out[t], scratch)
        before = out[t]


@kernel
def steps_to_meet(
    packed: Array, u: Array, y: Array, a: Array, b: Array, scratch: Array, steps: int, near: float
) -> int:
    """After how many steps of the same input two states are at most ``near`` apart in every unit, -1 if not within
    ``steps``; rows of ``u`` and ``y`` are taken round and round. ``a`` and ``b`` end where they got to."""
    for t in range(steps):
        i = t % len(u)
        update(packed, u[i], y[i], a, scratch)
        update(packed, u[i], y[i], b, scratch)
        apart = 0.0
        for k in range(len(a)):
            apart = max(apart, abs(a[k] - b[k]))
        if apart <= near:
            return t + 1
    return -1


@kernel
def perron_root(matrix: Array, steps: int) -> float:
    """Spectral radius of a matrix of positive numbers by powers, NaN where it was not found within ``steps``.

    Each step brackets it (Collatz and Wielandt): the least and the largest ratio of (A v)_i to v_i. The sums run in one
    order, so the bits do not depend on a linear algebra library and its threads.
    """
    n = len(matrix)
    v, after = np.ones(n), np.empty(n)
    for _ in range(steps):
        low, high, total = np.inf, 0.0, 0.0
        for i in range(n):
            found = 0.0
            for j in range(n):
                found += matrix[i, j] * v[j]
            after[i] = found
            total += found
            ratio = np.divide(found, v[i])
            low, high = min(low, ratio), max(high, ratio)
        if not high > 0.0:
            return np.nan
        if high - low <= 1e-15 * n**0.5 * high:
            return 0.5 * (low + high)
        for i in range(n):
            v[i] = after[i] * n / total
    return np.nan
