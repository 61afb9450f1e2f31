"""Forests of decision trees, with a head for classes or for values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from halfspread.agents.networks.network import checked_rows
from halfspread.agents.networks.network_kernels import to_probabilities
from halfspread.agents.trees.forest_kernels import ABOVE, BELOW, FEATURE, NODE_WIDTH, forest_outputs
from halfspread.costs.base import Floats, Integers
from halfspread.errors import ConfigError, DataError

__all__ = ["Forest"]


@dataclass(frozen=True, eq=False)
class Forest:
    """``inputs`` in a row and ``values`` out of it: logits of classes for ``head`` softmax, values for squared.
    ``nodes`` and ``roots``: see ``agents.trees.forest_kernels``. Raises DataError for a forest that would not end or
    would reach out of its arrays."""

    inputs: int
    values: int
    head: str
    nodes: Floats
    roots: Integers

    def __post_init__(self) -> None:
        if self.head not in ("softmax", "squared"):
            raise ConfigError(f"forest: head: expected softmax or squared, got {self.head!r}")
        if self.inputs < 1 or self.values < 1:
            raise ConfigError(f"forest: expected inputs and values, got {self.inputs} and {self.values}")
        nodes, roots = self.nodes, self.roots
        if nodes.ndim != 2 or nodes.shape[1] != NODE_WIDTH or nodes.dtype != np.float64 or not len(nodes):
            raise DataError(f"forest: expected nodes of {NODE_WIDTH} numbers, got {nodes.dtype} of {nodes.shape}")
        if roots.ndim != 1 or roots.dtype != np.int64 or not len(roots) or len(roots) % self.values:
            raise DataError(f"forest: expected {self.values} trees a round, got {roots.dtype} of {roots.shape}")
        if not np.isfinite(nodes).all():
            raise DataError("forest: a number of a node is not finite")
        if not ((roots >= 0) & (roots < len(nodes))).all():
            raise DataError("forest: a tree begins outside of the nodes")
        asked = nodes[:, FEATURE]
        if not ((asked == np.floor(asked)) & (asked >= -1.0) & (asked < self.inputs)).all():
            raise DataError(f"forest: expected features from 0 to {self.inputs - 1} and -1 for leaves")
        inner = np.flatnonzero(asked >= 0.0)
        for column in (BELOW, ABOVE):
            after = nodes[inner, column]
            if not ((after == np.floor(after)) & (after > inner) & (after < len(nodes))).all():
                raise DataError("forest: a node leads back, or outside of the nodes")

    @property
    def sizes(self) -> tuple[int, ...]:
        """Inputs and values."""
        return self.inputs, self.values

    @property
    def parameters(self) -> Floats:
        """The nodes, one after the other."""
        return self.nodes.ravel()

    @property
    def size(self) -> int:
        """How many nodes it has."""
        return len(self.nodes)

    def __str__(self) -> str:
        return f"{self.trees:,} trees, {self.head}"

    @property
    def trees(self) -> int:
        """How many there are."""
        return len(self.roots)

    def outputs(self, x: Floats) -> Floats:
        """Logits or values for rows of ``x`` (rows, inputs). Raises DataError for another width, and for what is not
        finite."""
        found: Floats = forest_outputs(self.nodes, self.roots, checked_rows(x, self.inputs), self.values)
        return found

    def probabilities(self, x: Floats, temperature: float = 1.0) -> Floats:
        """Probabilities of the classes, (rows, classes). Raises ConfigError for another head than softmax."""
        if self.head != "softmax":
            raise ConfigError(f"a {self.head} head tells values, not probabilities")
        found = self.outputs(x) / temperature
        to_probabilities(found)
        return found
