"""Feed-forward networks of any number of layers, with a head for classes, values, or values with their uncertainty."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from halfspread.agents.networks.network_kernels import (
    GAUSSIAN,
    RELU,
    SOFTMAX,
    SQUARED,
    TANH,
    outputs_of,
    to_probabilities,
)
from halfspread.costs.base import Floats, Integers
from halfspread.errors import ConfigError, DataError

__all__ = ["ACTIVATIONS", "HEADS", "Network", "checked_rows"]

ACTIVATIONS = {"relu": RELU, "tanh": TANH}
HEADS = {"softmax": SOFTMAX, "squared": SQUARED, "gaussian": GAUSSIAN}


@dataclass(frozen=True, eq=False)
class Network:
    """``sizes``: inputs, hidden units of each layer, outputs (twice the values for ``gaussian``: their means, then the
    logarithms of their standard deviations). ``parameters``: see ``agents.networks.network_kernels``."""

    sizes: tuple[int, ...]
    activation: str
    head: str
    parameters: Floats

    def __post_init__(self) -> None:
        if len(self.sizes) < 2 or min(self.sizes) < 1:
            raise ConfigError(f"network: expected the sizes of two or more layers, each 1 or more, got {self.sizes}")
        for what, name, known in (("activation", self.activation, ACTIVATIONS), ("head", self.head, HEADS)):
            if name not in known:
                raise ConfigError(f"network: {what}: expected {' or '.join(known)}, got {name!r}")
        wanted = count_parameters(self.sizes)
        if self.parameters.shape != (wanted,) or self.parameters.dtype != np.float64:
            raise DataError(
                f"network of sizes {self.sizes}: expected {wanted:,} parameters (float64), got "
                f"{self.parameters.dtype} of shape {self.parameters.shape}"
            )
        if not np.isfinite(self.parameters).all():
            raise DataError("network: a parameter is not finite; the fit has diverged: use a smaller rate")

    @classmethod
    def drawn(
        cls, inputs: int, hidden: tuple[int, ...], values: int, head: str, activation: str, rng: np.random.Generator
    ) -> Network:
        """A network before any fit: weights drawn for the activation (He et al. 2015 for relu, Glorot and Bengio 2010
        for tanh), biases zero. ``values``: classes, or values to tell."""
        sizes = (inputs, *hidden, 2 * values if head == "gaussian" else values)
        parts = []
        for before, after in itertools.pairwise(sizes):
            scale = math.sqrt(2.0 / before) if activation == "relu" else math.sqrt(2.0 / (before + after))
            parts += [scale * rng.standard_normal(before * after), np.zeros(after)]
        return cls(sizes, activation, head, np.concatenate(parts))

    @cached_property
    def layout(self) -> Integers:
        """`sizes` as the kernels take them."""
        return np.array(self.sizes, np.int64)

    @property
    def inputs(self) -> int:
        """Numbers in an observation."""
        return self.sizes[0]

    @property
    def size(self) -> int:
        """How many parameters it has."""
        return len(self.parameters)

    def __str__(self) -> str:
        form = self.activation if len(self.sizes) > 2 else "linear"
        return f"{'-'.join(map(str, self.sizes))}, {form}, {self.head}"

    @property
    def values(self) -> int:
        """How many classes or values it tells."""
        return self.sizes[-1] // 2 if self.head == "gaussian" else self.sizes[-1]

    def outputs(self, x: Floats) -> Floats:
        """Outputs for rows of ``x`` (rows, inputs): logits, values, or means and logarithms of deviations.

        Raises DataError for another width, and for what is not finite.
        """
        rows = checked_rows(x, self.inputs)
        found: Floats = outputs_of(self.layout, ACTIVATIONS[self.activation], self.parameters, rows)
        return found

    def probabilities(self, x: Floats, temperature: float = 1.0) -> Floats:
        """Probabilities of the classes, (rows, classes). Raises ConfigError for another head than softmax."""
        if self.head != "softmax":
            raise ConfigError(f"a {self.head} head tells values, not probabilities")
        found = self.outputs(x) / temperature
        to_probabilities(found)
        return found

    def with_parameters(self, parameters: Floats) -> Network:
        """The same network with other parameters."""
        return replace(self, parameters=parameters)


def count_parameters(sizes: tuple[int, ...]) -> int:
    """How many weights and biases there are."""
    return sum(before * after + after for before, after in itertools.pairwise(sizes))


def checked_rows(x: Floats, width: int) -> Floats:
    """Rows of observations as the kernels take them. Raises DataError."""
    rows = np.ascontiguousarray(x, np.float64)
    if rows.ndim != 2 or rows.shape[1] != width:
        raise DataError(f"expected observations of {width} numbers each, got an array of shape {rows.shape}")
    bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(bad):
        raise DataError(f"row {bad[0]}: an observation is not finite: {rows[bad[0]].tolist()}")
    return rows
