"""What a forest of decision trees gives. Float64 throughout; no NaN in, none out.

``nodes`` (nodes, NODE_WIDTH): the feature that a node asks for (-1: it is a leaf), the number that it compares with (of
a leaf: its value), and the nodes to go on with where the feature is at most that number, and where it is above. A node
stands before those that it leads to. ``roots`` int64 (trees,): where each tree begins; tree i adds to output i modulo
the number of outputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from halfspread.compiled import kernel, loop_kernel

Array = Any

FEATURE, NUMBER, BELOW, ABOVE, NODE_WIDTH = range(5)


@loop_kernel
def forest_of_row(nodes: Array, roots: Array, x: Array, out: Array) -> None:
    """Fill ``out`` (outputs,) for one row ``x`` (features,)."""
    out[:] = 0.0
    for i in range(len(roots)):
        node = nodes[roots[i]]
        while node[FEATURE] >= 0.0:
            below = x[int(node[FEATURE])] <= node[NUMBER]
            node = nodes[int(node[BELOW] if below else node[ABOVE])]
        out[i % len(out)] += node[NUMBER]


@kernel
def forest_outputs(nodes: Array, roots: Array, x: Array, outputs: int) -> Array:
    """Outputs for rows of ``x``: (rows, outputs)."""
    found = np.empty((len(x), outputs))
    for i in range(len(x)):
        forest_of_row(nodes, roots, x[i], found[i])
    return found
