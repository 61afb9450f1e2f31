"""Thin long series for drawing without losing what the eye looks for.

A line is cut into equal buckets of rows, and of each the lowest and the highest value are kept in the order they came,
so that every peak and every trough of the full series stays on the chart. Values are finite.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["BUCKETS", "bucket_edges", "ends_of_buckets", "keep_extremes"]

#: Buckets per line: with two points each it is about one point per pixel of a page.
BUCKETS = 400

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


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


def ends_of_buckets(length: int, buckets: int = BUCKETS) -> Rows:
    """Rows to draw of several series that must keep their rows in common (a stack): the first, and the last of each
    bucket.
    """
    edges = bucket_edges(length, buckets)
    return np.unique([0, *(edges[1:] - 1), length - 1]) if length else np.zeros(0, dtype=np.intp)
