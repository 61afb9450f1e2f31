"""What a reservoir remembers: whether, and how fast, it forgets its beginning, and how much of its past input it holds.

Sources: Jaeger (2001), "The echo state approach to analysing and training recurrent neural networks", GMD report 148
(echo states); Jaeger (2002), "Short term memory in echo state networks", GMD report 152 (capacity); Yildiz, Jaeger and
Kiebel (2012), "Re-visiting the echo state property", Neural Networks 35 (what is enough for echo states).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from halfspread.agents.reservoir.reservoir import Reservoir
from halfspread.costs.base import Floats
from halfspread.errors import ConfigError

__all__ = ["EchoStates", "MemoryCapacity", "echo_states", "memory_capacity"]

#: States that are no further apart are one but for rounding.
ROUNDING = 1e-13


@dataclass(frozen=True, eq=False)
class EchoStates:
    """How two states under the same input came together.

    ``distances``: the largest difference of any unit, at the start and after each step. ``radius``: that of W.
    ``bound``: that of the magnitudes of W; below 1 every input brings all states together (Yildiz et al. 2012).
    """

    distances: Floats
    radius: float
    bound: float

    @property
    def rate(self) -> float:
        """What the distance is multiplied by in a step: geometric mean up to the last one above rounding. 0 where they
        met at once, 1 or more where they do not meet."""
        apart = np.flatnonzero(self.distances > ROUNDING)
        last = int(apart[-1]) if len(apart) else 0
        return 0.0 if last == 0 else float((self.distances[last] / self.distances[0]) ** (1.0 / last))

    @property
    def met(self) -> bool:
        """Whether they ended less than a millionth of their first distance apart."""
        return bool(self.distances[-1] <= 1e-6 * self.distances[0])


def echo_states(
    reservoir: Reservoir,
    *,
    steps: int = 1_000,
    seed: int = 0,
    inputs: Floats | None = None,
    feedbacks: Floats | None = None,
) -> EchoStates:
    """Drive two copies of a reservoir from opposite random states (each unit -1 or 1) with the same input.

    ``inputs`` (steps, inputs) and ``feedbacks`` (steps, feedbacks); left out: standard normal, and uniform on [-1, 1],
    of so many ``steps``. That two states meet under one input is no proof that all do under all; ``bound`` below 1 is.
    Raises ConfigError, and DataError for inputs that do not fit.
    """
    if steps < 1:
        raise ConfigError(f"echo_states: steps: expected 1 or more, got {steps}")
    rng = np.random.default_rng(seed)
    start = np.where(rng.random(reservoir.size) < 0.5, -1.0, 1.0)
    u = rng.standard_normal((steps, reservoir.inputs)) if inputs is None else inputs
    y = rng.uniform(-1.0, 1.0, (len(u), reservoir.feedbacks)) if feedbacks is None else feedbacks
    one, other = (np.vstack([each, reservoir.states(u, y, each)]) for each in (start, -start))
    radius, bound = (float(np.abs(np.linalg.eigvals(w)).max()) for w in (reservoir.w, np.abs(reservoir.w)))
    return EchoStates(np.abs(one - other).max(axis=1), radius, bound)


@dataclass(frozen=True, eq=False)
class MemoryCapacity:
    """``of_delays``: for the input 0, 1, 2, ... steps ago, the squared correlation with what a linear readout of the
    present state says of it, on rows that the readout was not fitted to."""

    of_delays: Floats

    @property
    def total(self) -> float:
        """Their sum: no more than there are units (Jaeger 2002)."""
        return float(self.of_delays.sum())

    @property
    def past(self) -> float:
        """The sum without the present input, which every state holds."""
        return float(self.of_delays[1:].sum())


def memory_capacity(
    reservoir: Reservoir,
    *,
    delays: int | None = None,
    steps: int = 10_000,
    amplitude: float = 0.5,
    noise: float = 0.0,
    seed: int = 0,
) -> MemoryCapacity:
    """Capacity of the short-term memory (Jaeger 2002), of the first input alone: independent numbers, uniform on
    [-amplitude, amplitude]; the other inputs and the feedbacks are 0.

    ``delays``: how far back, left out twice the units. ``noise``: deviation of normal noise on the states that are
    read, since a readout without any tells numbers apart that differ in their last digits. Half of the ``steps`` (after
    as many as there are delays, which are left out) fit the readout, the other half judge it. Raises ConfigError.
    """
    delays = 2 * reservoir.size if delays is None else delays
    fitted = (steps - delays) // 2
    if delays < 1 or fitted < 2 * (reservoir.size + 1):
        wanted = delays + 4 * (reservoir.size + 1)
        raise ConfigError(f"memory_capacity: expected delays of 1 or more and at least {wanted} steps, got {steps}")
    if not (amplitude > 0.0 and noise >= 0.0 and reservoir.inputs):
        raise ConfigError("memory_capacity: expected an input, an amplitude above 0 and noise of 0 or more")
    rng = np.random.default_rng(seed)
    u = np.zeros((steps, reservoir.inputs))
    u[:, 0] = rng.uniform(-amplitude, amplitude, steps)
    states = reservoir.states(u)[delays:]
    states = np.column_stack([states + noise * rng.standard_normal(states.shape), np.ones(len(states))])
    past = np.lib.stride_tricks.sliding_window_view(u[:, 0], delays + 1)[:, ::-1]
    readout = np.linalg.lstsq(states[:fitted], past[:fitted], rcond=None)[0]
    said, known = states[fitted:] @ readout, past[fitted:]
    said, known = said - said.mean(axis=0), known - known.mean(axis=0)
    spread = (said**2).sum(axis=0) * (known**2).sum(axis=0)
    together = (said * known).sum(axis=0) ** 2
    return MemoryCapacity(np.divide(together, spread, out=np.zeros(delays + 1), where=spread > 0.0))
