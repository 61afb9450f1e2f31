"""Models that tests of policies share: small, drawn, never fitted."""

from __future__ import annotations

from typing import Any

import numpy as np

from halfspread.agents.features import FeatureSet
from halfspread.agents.networks.network import Network
from halfspread.agents.networks.scaler import Scaler
from halfspread.agents.policies.model import Model
from halfspread.agents.policies.watching import observations
from halfspread.agents.trees.forest import Forest
from halfspread.engine.tape import Tape

NAMES = ("log_return(1)", "volatility(5)", "column(signal)", "position", "age", "open_pnl")
#: Of features that do not move where nobody trades.
OWN_SPREADS = {"age": 20.0, "open_pnl(fraction)": 0.02}
TARGETS = np.array([-1.0, -0.25, 0.0, 1.0])


def drawn_forest(inputs: int, values: int, head: str, rng: np.random.Generator, rounds: int = 7) -> Forest:
    """Trees of two levels with splits and leaves drawn."""
    nodes: list[list[float]] = []
    roots = []
    for _ in range(rounds * values):
        at = len(nodes)
        roots.append(at)
        ask = rng.integers(inputs, size=2)
        nodes += [
            [ask[0], rng.normal(), at + 1, at + 4],
            [ask[1], rng.normal(), at + 2, at + 3],
            [-1.0, rng.normal(), 0.0, 0.0],
            [-1.0, rng.normal(), 0.0, 0.0],
            [-1.0, rng.normal(), 0.0, 0.0],
        ]
    return Forest(inputs, values, head, np.array(nodes), np.array(roots, np.int64))


def drawn_model(
    tape: Tape,
    head: str = "softmax",
    *,
    kind: str = "network",
    values: int | None = None,
    hidden: tuple[int, ...] = (9, 5),
    activation: str = "relu",
    names: tuple[str, ...] = NAMES,
    stack: int = 2,
    seed: int = 0,
    **more: Any,
) -> Model:
    """A model scaled by the market that it will trade, so that its decisions change."""
    features, rng = FeatureSet(names, stack), np.random.default_rng(seed)
    count = len(TARGETS) if head == "softmax" else 1
    count = count if values is None else values
    rows = observations(tape, features)[1]
    scaler = Scaler.fitted(rows)
    for i, name in enumerate(features.columns):
        scaler.spread[i] = OWN_SPREADS.get(name.split()[0], scaler.spread[i])
    inner: Any = Network.drawn(features.count, hidden, count, head, activation, rng)
    if kind == "forest":
        inner = drawn_forest(features.count, count, head, rng)
    else:
        parameters = inner.parameters + 0.2 * rng.standard_normal(len(inner.parameters))
        found, size = inner.with_parameters(parameters).outputs(scaler(rows)), inner.sizes[-1]
        parameters[-size:] -= found.mean(axis=0)
        last = parameters[-size * (inner.sizes[-2] + 1) :].reshape(-1, size)
        last /= np.maximum(found.std(axis=0), 1e-3)  # outputs of mean 0 and deviation 1
        inner = inner.with_parameters(parameters)
    return Model(features, scaler, inner, TARGETS if head == "softmax" else np.zeros(0), **more)
