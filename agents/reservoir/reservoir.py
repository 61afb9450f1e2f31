"""Echo state networks: random recurrent networks of which only what reads them is learnt (Jaeger 2001).

    x_t = (1 - leak) x_{t-1} + leak tanh(W_in u_t + W x_{t-1} + W_back y_t)

``u``: what the network is shown; ``y``: what its reader said before. Two constructions of W: that of Borrageiro,
Firoozye and Barucca (2022), after Yildiz, Jaeger and Kiebel (2012), which cannot fail to forget where it began but
remembers next to nothing else, and the same brought back to the radius at the end (docs/reservoir.md measures both).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from halfspread.agents.reservoir import reservoir_kernels as kernels
from halfspread.costs.base import Floats, Integers, Model
from halfspread.errors import ConfigError, DataError

__all__ = ["Reservoir", "ReservoirSettings"]

#: Two states have met when no unit differs by more; within so many steps, and with a leak within so many more.
MET, STEPS, MOST_STEPS = 1e-6, 20_000, 1_000_000
#: Rows of random input that the test of echo states repeats.
ROWS = 1_000
#: A share of weights that are not zero from which on W is kept as a dense matrix: measured, both take as long there.
DENSE = 0.3


class ReservoirSettings(Model):
    """How a reservoir is drawn: ``size`` units, weights uniform on [0, 1), scaled to the spectral ``radius``, each then
    negative with probability ``flips`` and zero with probability ``sparsity``. ``construction``: ``paper`` leaves it at
    that (the radius becomes much smaller; below 1 any input is forgotten), ``rescaled`` scales to the radius once more.

    ``leak``: the share of a state that is new (1: all of it). The weights of inputs and feedbacks are standard normal,
    times ``input_scale`` and ``feedback_scale``.
    """

    size: Annotated[int, Field(ge=1, le=5_000)] = 100
    radius: Annotated[float, Field(gt=0, le=10)] = 0.9
    construction: Literal["paper", "rescaled"] = "paper"
    flips: Annotated[float, Field(ge=0, le=1)] = 0.5
    sparsity: Annotated[float, Field(ge=0, le=1)] = 0.75
    leak: Annotated[float, Field(gt=0, le=1)] = 1.0
    input_scale: Annotated[float, Field(ge=0)] = 1.0
    feedback_scale: Annotated[float, Field(ge=0)] = 1.0

    @model_validator(mode="after")
    def _forgets(self) -> Self:
        if self.construction == "paper" and self.radius >= 1.0:
            raise ValueError(
                f"radius: expected less than 1 with the paper's construction, which forgets its initial state because "
                f'of it, got {self.radius:g}; construction = "rescaled" takes more, if the reservoir passes the test '
                "of echo states"
            )
        return self


@dataclass(frozen=True, eq=False)
class Reservoir:
    """Weights: ``w_in`` (size, inputs), ``w`` (size, size), ``w_back`` (size, feedbacks). Only the leak of the
    ``settings`` counts here. Raises DataError for shapes that do not fit and weights that are not finite."""

    w_in: Floats
    w: Floats
    w_back: Floats
    settings: ReservoirSettings

    def __post_init__(self) -> None:
        size = self.settings.size
        for name, rows, columns in (("w_in", size, None), ("w", size, size), ("w_back", size, None)):
            value = getattr(self, name)
            shape = f"({rows}, {'any' if columns is None else columns})"
            if value.dtype != np.float64 or value.ndim != 2 or len(value) != rows:
                raise DataError(f"reservoir: {name}: expected float64 of shape {shape}, got {value.dtype}{value.shape}")
            if columns is not None and value.shape[1] != columns:
                raise DataError(f"reservoir: {name}: expected shape {shape}, got {value.shape}")
            if not np.isfinite(value).all():
                raise DataError(f"reservoir: {name}: a weight is not finite")

    @classmethod
    def draw(cls, settings: ReservoirSettings, inputs: int, feedbacks: int, rng: np.random.Generator) -> Reservoir:
        """Draw one: input weights, then the reservoir, its signs and its zeros, then the weights of the feedbacks.

        Raises ConfigError for one that cannot be scaled, or that fails `refuse_lasting_states`.
        """
        n = settings.size
        w_in = settings.input_scale * rng.standard_normal((n, inputs))
        w = rng.random((n, n))
        w *= settings.radius / _perron_root(w)
        w[rng.random((n, n)) < settings.flips] *= -1.0
        w[rng.random((n, n)) < settings.sparsity] = 0.0
        if settings.construction == "rescaled":
            w *= settings.radius / _radius(w, settings)
        w_back = settings.feedback_scale * rng.standard_normal((n, feedbacks))
        drawn = cls(w_in, w, w_back, settings)
        if settings.construction == "rescaled":
            drawn.refuse_lasting_states()
        return drawn

    @property
    def inputs(self) -> int:
        """Numbers in ``u``."""
        return int(self.w_in.shape[1])

    @property
    def feedbacks(self) -> int:
        """Numbers in ``y``."""
        return int(self.w_back.shape[1])

    @property
    def size(self) -> int:
        """Units."""
        return len(self.w)

    @property
    def scratch(self) -> int:
        """Numbers of scratch that `reservoir_kernels.update` needs."""
        return -(-self.size // kernels.VECTOR) * kernels.VECTOR

    def packed(self) -> Floats:
        """The reservoir as `reservoir_kernels` take it, float64; a copy."""
        return self._packed.copy()

    @cached_property
    def _packed(self) -> Floats:
        n, width = self.size, self.scratch
        dense = bool(np.count_nonzero(self.w) >= DENSE * n * n)
        parts = [self.w_in, self.w_back, *([self.w] if dense else [])]
        columns = np.zeros((sum(part.shape[1] for part in parts), width))
        columns[:, :n] = np.concatenate(parts, axis=1).T
        starts, rows, values, places = _groups(np.zeros((0, 0)) if dense else self.w)
        header = np.zeros(kernels.HEADER)
        numbers = header.view(np.int64)
        numbers[: kernels.LEAK] = n, self.inputs, self.feedbacks, width, len(rows), dense
        header[kernels.LEAK] = self.settings.leak
        body = [
            columns.ravel(),
            starts.view(np.float64),
            rows.view(np.float64),
            values.ravel(),
            places.view(np.float64),
        ]
        ends = kernels.HEADER + np.cumsum([0, *(len(part) for part in body)])
        numbers[kernels.COLUMNS_AT : kernels.END + 1] = ends
        return np.concatenate([header, *body])

    def states(self, u: Floats, y: Floats | None = None, start: Floats | None = None) -> Floats:
        """States, (steps, size), after each row of ``u`` (steps, inputs) and ``y`` (steps, feedbacks; None: zeros),
        from the state ``start`` (None: zeros). Raises DataError."""
        inputs = _rows("u", u, self.inputs)
        fed = np.zeros((len(inputs), self.feedbacks)) if y is None else _rows("y", y, self.feedbacks)
        if len(fed) != len(inputs):
            raise DataError(f"reservoir: expected as many rows of y as of u, got {len(fed)} and {len(inputs)}")
        before = np.zeros(self.size) if start is None else np.ascontiguousarray(start, np.float64)
        if before.shape != (self.size,):
            raise DataError(f"reservoir: start: expected ({self.size},), got {before.shape}")
        out = np.empty((len(inputs), self.size))
        kernels.states_of(self._packed, inputs, fed, before, np.empty(self.scratch), out)
        return out

    def steps_to_forget(self, *, driven: bool, seed: int = 0) -> int | None:
        """After how many steps states that began apart are within `MET` of each other, the longest of three pairs of
        beginnings; None if a pair has not met in time. ``driven``: by standard normal inputs and feedbacks uniform on
        [-1, 1]; else by none."""
        rng = np.random.default_rng(seed)
        u = rng.standard_normal((ROWS, self.inputs)) * driven
        y = rng.uniform(-1.0, 1.0, (ROWS, self.feedbacks)) * driven
        most = int(min(STEPS / self.settings.leak, MOST_STEPS))
        ones, signs = np.ones(self.size), np.sign(rng.standard_normal(self.size))
        longest = 0
        for a, b in ((ones, -ones), (signs, -signs), (signs, np.zeros(self.size))):
            scratch = np.empty(self.scratch)
            met = kernels.steps_to_meet(self._packed, u, y, a.copy(), b.copy(), scratch, most, MET)
            if met < 0:
                return None
            longest = max(longest, met)
        return longest

    def refuse_lasting_states(self) -> None:
        """Raise ConfigError where the reservoir does not forget its initial state: the test of echo states.

        It has to forget under random input and, where its radius is below 1, without any: a radius below 1 alone does
        not say that it does (units that feed each other through weights of both signs can go round for ever). From 1
        on no reservoir forgets without input, and only the first is asked.
        """
        asked = (True, False) if self.settings.radius < 1.0 else (True,)
        for driven in asked:
            if self.steps_to_forget(driven=driven) is None:
                raise ConfigError(
                    f"reservoir of {self.size} units, radius {self.settings.radius:g}: it fails the test of echo "
                    f"states: two initial states have not met {'under random input' if driven else 'without input'}; "
                    f'expected a smaller radius, or construction = "paper"'
                )


def _rows(name: str, values: Floats, width: int) -> Floats:
    rows = np.ascontiguousarray(values, np.float64)
    if rows.ndim != 2 or rows.shape[1] != width:
        raise DataError(f"reservoir: {name}: expected rows of {width} numbers, got shape {rows.shape}")
    if not np.isfinite(rows).all():
        raise DataError(f"reservoir: {name}: row {np.flatnonzero(~np.isfinite(rows).all(axis=1))[0]} is not finite")
    return rows


def _perron_root(w: Floats) -> float:
    """Spectral radius of positive weights."""
    found = kernels.perron_root(w, 1_000)
    return found if np.isfinite(found) else float(np.abs(np.linalg.eigvals(w)).max())


def _radius(w: Floats, settings: ReservoirSettings) -> float:
    # twelve digits: the last ones depend on the library of linear algebra, and on how many threads it has
    found = float(f"{np.abs(np.linalg.eigvals(w)).max():.11e}")
    if found < 1e-9 * settings.radius:
        raise ConfigError(
            f"reservoir of {settings.size} units, sparsity {settings.sparsity:g}: nothing leads from a unit back to "
            f"itself, so it cannot be scaled to a radius; expected more units or a smaller sparsity"
        )
    return found


def _groups(w: Floats) -> tuple[Integers, Integers, Floats, Integers]:
    """The sparse layout of `reservoir_kernels`: starts, words of rows, values, words of columns."""
    lanes = kernels.LANES
    counts = np.count_nonzero(w, axis=1)
    order = np.argsort(-counts, kind="stable")
    order = np.concatenate([order, np.full(-len(order) % lanes, len(w))]).astype(np.int64)
    starts, values, places = [0], [np.zeros((0, lanes))], [np.zeros((0, lanes), np.int64)]
    for group in order.reshape(-1, lanes):
        length = int(max(counts[row] for row in group if row < len(w)))
        numbers, at = np.zeros((length, lanes)), np.zeros((length, lanes), np.int64)
        for lane, row in enumerate(group):
            found = np.flatnonzero(w[row]) if row < len(w) else np.zeros(0, np.int64)
            numbers[: len(found), lane] = w[row, found] if row < len(w) else 0.0
            at[: len(found), lane] = found
        starts.append(starts[-1] + length)
        values.append(numbers)
        places.append(at)
    words = [_words(order.reshape(-1, lanes)), _words(np.concatenate(places))]
    return np.array(starts, np.int64), words[0], np.concatenate(values), words[1]


def _words(numbers: Integers) -> Integers:
    """Four numbers of 16 bits as one of 64, the first in the lowest bits."""
    shifts = np.arange(kernels.LANES, dtype=np.int64) * kernels.WORD_BITS
    words: Integers = np.bitwise_or.reduce(numbers << shifts, axis=1).astype(np.int64)
    return words
