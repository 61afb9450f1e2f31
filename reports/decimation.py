"""Thin long series for drawing without losing what the eye looks for.

A line is cut into equal buckets of rows, and of each the lowest and the highest value are kept in the order they came,
so that every peak and every trough of the full series stays on the chart. Values are finite.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["BUCKETS", "bucket_edges", "even_edges", "even_rows", "gaps", "keep_extremes"]

#: Buckets per line: with two points each it is about one point per pixel of a page.
BUCKETS = 400

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Times = NDArray[np.int64]


def bucket_edges(length: int, buckets: int = BUCKETS) -> Rows:
    """First rows of at most ``buckets`` runs of nearly equal length that cover ``length`` rows."""
    return np.unique(np.linspace(0, length, min(buckets, length), endpoint=False).astype(np.intp))


def keep_extremes(values: Floats, buckets: int = BUCKETS) -> Rows:
    """Rows to draw: first and last, and the lowest and highest of each bucket; all of them if they are few."""
    if len(values) <= 2 * buckets:
        return np.arange(len(values))
    edges = bucket_edges(len(values), buckets)
    kept = [0, len(values) - 1]
    for start, end in zip(edges, [*edges[1:], len(values)], strict=True):
        run = values[start:end]
        kept += [start + int(run.argmin()), start + int(run.argmax())]
    return np.unique(kept)


def even_edges(times: Times, buckets: int = BUCKETS) -> Rows:
    """First rows of at most ``buckets`` runs that are equally long in time; ``times`` are sorted, in nanoseconds."""
    if not len(times):
        return np.zeros(0, dtype=np.intp)
    begins = times[0] + (times[-1] - times[0]) / buckets * np.arange(buckets)
    return np.unique(np.searchsorted(times, begins))


def even_rows(times: Times, count: int = BUCKETS) -> Rows:
    """Rows to draw of several series that must keep their rows in common (a stack): at even times the last one
    known."""
    edges = even_edges(times, count)
    return np.unique([0, *(edges[1:] - 1), *edges, len(times) - 1]) if len(times) else edges


def gaps(times: Times) -> Rows:
    """Rows before which there is a hole: 20 times the usual step and 1% of the whole, so that a line must not cross
    it."""
    steps = np.diff(times)
    if len(steps) < 3:
        return np.zeros(0, dtype=np.intp)
    hole = max(20.0 * float(np.median(steps)), 0.01 * float(times[-1] - times[0]))
    return np.flatnonzero(steps > hole) + 1
