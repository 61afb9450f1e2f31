"""A learnt model: what it looks at, what it makes of that, and where it comes from. Files: `policies.model_file`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from halfspread.agents.features import FeatureSet
from halfspread.agents.networks.network import Network
from halfspread.agents.networks.scaler import Scaler
from halfspread.agents.trees.forest import Forest
from halfspread.costs.base import Floats
from halfspread.engine.subscriptions import METHODS
from halfspread.engine.training import TrainingRange
from halfspread.errors import ConfigError, DataError

__all__ = ["Model", "TrainingRange", "this_version"]


def this_version() -> str:
    """The version of halfspread that runs."""
    try:
        return version("halfspread")
    except PackageNotFoundError:
        return "unknown"


@dataclass(frozen=True, eq=False)
class Model:
    """What a policy needs, and where it comes from.

    ``network``: or a forest of trees; it gets standardised observations. ``targets``: what each class of a softmax head
    stands for, in its order; empty for other heads, whose values are targets: one, or one for each instrument.
    ``trained``: everything it has seen, for fitting, scaling or choosing. ``facts``: how it was made (plain JSON
    values; ``config_hash`` is that of the config), ``metrics``: how well it did. ``events``: what it decides on.
    ``made_with``: the version of halfspread. Raises DataError or ConfigError for parts that do not fit together.
    """

    features: FeatureSet
    scaler: Scaler
    network: Network | Forest
    targets: Floats
    temperature: float = 1.0
    trained: tuple[TrainingRange, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    events: tuple[str, ...] = ("bar",)
    made_with: str = field(default_factory=this_version)

    def __post_init__(self) -> None:
        count = self.features.count
        if self.network.inputs != count or len(self.scaler.centre) != count:
            raise DataError(
                f"model: {count} numbers in an observation, a {self.kind} of {self.network.inputs} inputs and a scaler "
                f"of {len(self.scaler.centre)}"
            )
        wanted = (self.network.values,) if self.network.head == "softmax" else (0,)
        if self.targets.shape != wanted:
            values = self.network.values
            raise DataError(f"model: a {self.network.head} head of {values}, and {self.targets.size} targets")
        if not (np.abs(self.targets) <= 1.0).all():
            raise DataError(f"model: expected targets from -1 to 1, got {self.targets.tolist()}")
        if not 0.0 < self.temperature < float("inf"):
            raise DataError(f"model: expected a temperature above 0, got {self.temperature}")
        if not self.events or not set(self.events) <= set(METHODS):
            raise DataError(f"model: events: expected some of {', '.join(METHODS)}, got {self.events}")

    @property
    def kind(self) -> str:
        """``network`` or ``forest``."""
        return "forest" if isinstance(self.network, Forest) else "network"

    @property
    def classes(self) -> int:
        """How many classes it tells apart; 0 where it tells values."""
        return len(self.targets)

    def arrays(self) -> dict[str, Floats]:
        """Everything that it decides by, as flat arrays."""
        inner = self.network
        if isinstance(inner, Forest):
            own = {"nodes": inner.nodes.ravel(), "roots": inner.roots.astype(np.float64)}
        else:
            own = {"parameters": inner.parameters}
        driven = self.features.driven
        if driven is not None:
            own |= {"w_in": driven.w_in.ravel(), "w": driven.w.ravel()}
        return {**own, "centre": self.scaler.centre, "spread": self.scaler.spread, "targets": self.targets}

    def digest(self) -> str:
        """Hash of what it decides by: the same for models that decide alike to the bit."""
        made = f"{self.features!r} {self.network} {self.temperature} {self.events}"
        found = hashlib.blake2b(made.encode(), digest_size=16)
        for name, values in self.arrays().items():
            found.update(name.encode())
            found.update(np.ascontiguousarray(values, "<f8").tobytes())
        return found.hexdigest()

    def outputs(self, observations: Floats) -> Floats:
        """Logits or values for observations (rows, features). Raises DataError for what does not fit the model."""
        return self.network.outputs(self._scaled(observations))

    def probabilities(self, observations: Floats) -> Floats:
        """Of the classes, (rows, classes), at the temperature that was fitted. Raises ConfigError for another head, and
        DataError as `outputs`."""
        return self.network.probabilities(self._scaled(observations), self.temperature)

    def _scaled(self, observations: Floats) -> Floats:
        rows = np.asarray(observations, np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.features.count:
            raise DataError(
                f"model: expected observations of {self.features.count} numbers ({', '.join(self.features.columns[:3])}"
                f"{', ...' if self.features.count > 3 else ''}), got an array of shape {rows.shape}"
            )
        return self.scaler(rows)

    def predict(
        self,
        observation: Floats,
        state: tuple[Floats, ...] | None = None,
        episode_start: Any = None,
        deterministic: bool = True,
        *,
        rng: np.random.Generator | None = None,
    ) -> tuple[Floats, tuple[Floats, ...] | None]:
        """Targets for one observation (features,) or several (rows, features), and the state for the next call, as
        policies of stable-baselines3 do: a target each where the model has one, else (rows, values).

        It has no memory but its stack of observations, so ``state`` comes back as it is and ``episode_start`` does
        nothing. ``deterministic`` takes the likeliest class or the mean; otherwise ``rng`` draws. Raises ConfigError
        for a draw without a generator or from a head that tells no probabilities, and DataError as `outputs`.
        """
        rows = np.atleast_2d(np.asarray(observation, np.float64))
        found = self.outputs(rows)
        if not deterministic:
            found = self._drawn(found, rng)
        elif self.classes:
            found = self.targets[found.argmax(axis=1)]
        else:
            found = np.clip(found[:, : self.network.values], -1.0, 1.0)
        if found.ndim == 2 and found.shape[1] == 1:
            found = found[:, 0]
        return (found[0] if np.ndim(observation) == 1 else found), state

    def _drawn(self, outputs: Floats, rng: np.random.Generator | None) -> Floats:
        if rng is None:
            raise ConfigError("predict: deterministic=False needs rng, the generator to draw from")
        if self.network.head == "squared":
            raise ConfigError("predict: a squared head tells one value, there is nothing to draw from")
        if self.classes:
            scaled = np.exp((outputs - outputs.max(axis=1, keepdims=True)) / self.temperature)
            steps = np.cumsum(scaled, axis=1)
            chosen = (steps <= rng.random((len(outputs), 1)) * steps[:, -1:]).sum(axis=1)
            drawn: Floats = self.targets[np.minimum(chosen, self.classes - 1)]
            return drawn
        count = self.network.values
        means, deviations = outputs[:, :count], np.exp(outputs[:, count:])
        return np.clip(means + deviations * rng.standard_normal(means.shape), -1.0, 1.0)
