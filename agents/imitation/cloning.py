"""Behavioural cloning: fit a policy to what an expert wanted at the states in its demonstrations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from halfspread.agents.imitation.dataset import ExpertDataset
from halfspread.agents.networks.fitting import Examples, Fit, FitSettings, fit_network, fit_temperature
from halfspread.agents.networks.network import Network
from halfspread.agents.networks.scaler import Scaler
from halfspread.agents.policies.model import Model
from halfspread.costs.base import Floats
from halfspread.costs.durations import Duration
from halfspread.errors import DataError

__all__ = ["BCPolicy", "CloneSettings", "clone"]


class CloneSettings(FitSettings):
    """How a clone is fitted, beside `FitSettings`.

    ``head``: ``softmax`` over ``targets``, or ``squared`` or ``gaussian`` for the target as a number. With
    ``class_weights`` = ``balanced`` every class has the same say. ``validation``: share of the rows, the last ones in
    time, that a fit is judged by; ``embargo`` between the two. ``calibrate``: bring probabilities to their level on
    them.
    """

    head: Literal["softmax", "squared", "gaussian"] = "softmax"
    targets: tuple[Annotated[float, Field(ge=-1, le=1)], ...] = (-1.0, 0.0, 1.0)
    class_weights: Literal["none", "balanced"] = "none"
    validation: Annotated[float, Field(ge=0, lt=1)] = 0.2
    embargo: Duration = "0s"
    calibrate: bool = True


@dataclass(frozen=True, eq=False)
class BCPolicy:
    """A clone: its ``model``, how the ``fit`` went, and the rows that it was fitted to and judged by (None: none)."""

    model: Model
    fit: Fit
    train: ExpertDataset
    validation: ExpertDataset | None

    def agreement(self, dataset: ExpertDataset) -> float:
        """Share of rows at which the clone wants what the expert wanted (of its classes, by weight)."""
        wanted = dataset.classes(self.model.targets)
        return float(np.average(self.choices(dataset) == wanted, weights=dataset.weight))

    def choices(self, dataset: ExpertDataset) -> Any:
        """The class that the clone chooses at each row."""
        outputs = self.model.network.outputs(self.model.scaler(dataset.observations))
        if self.model.classes:
            return outputs.argmax(axis=1)
        return outputs[:, 0]


def clone(
    dataset: ExpertDataset,
    settings: CloneSettings,
    rng: np.random.Generator,
    *,
    validation: ExpertDataset | None = None,
    start: Model | None = None,
    facts: Mapping[str, Any] | None = None,
    done: Callable[[int, float], None] | None = None,
) -> BCPolicy:
    """Fit a policy to demonstrations. ``validation``: other rows than those that `CloneSettings` sets aside.
    ``start``: a model to go on from, of the same features and sizes; its scaler is kept.

    Raises DataError for demonstrations of one class only, or that do not fit the model.
    """
    train, judged = dataset, validation
    if validation is None and settings.validation > 0.0:
        train, judged = dataset.split(1.0 - settings.validation, settings.embargo)
    targets = np.array(settings.targets if settings.head == "softmax" else (), np.float64)
    if len(targets):
        _refuse_one_class(train, targets)
    scaler = Scaler.fitted(train.observations, train.weight) if start is None else start.scaler
    network = _network(train, settings, rng, start)
    examples = _weighed(train.examples(scaler, targets), settings)
    against = None if judged is None else judged.examples(scaler, targets)
    fit = fit_network(network, examples, settings, rng, against, done)
    temperature = 1.0
    if settings.calibrate and settings.head == "softmax" and against is not None:
        temperature = fit_temperature(fit.network, against)
    model = Model(
        train.features, scaler, fit.network, targets, temperature, dataset.trained, {} if facts is None else dict(facts)
    )
    return BCPolicy(model, fit, train, judged)


def _network(dataset: ExpertDataset, settings: CloneSettings, rng: np.random.Generator, start: Model | None) -> Network:
    values = len(settings.targets) if settings.head == "softmax" else 1
    drawn = Network.drawn(dataset.features.count, settings.hidden, values, settings.head, settings.activation, rng)
    if start is None:
        return drawn
    if not isinstance(start.network, Network):
        raise DataError("a forest cannot be fitted any further; start from a network")
    if start.features != dataset.features or start.network.sizes != drawn.sizes:
        raise DataError(
            f"a model of features {', '.join(start.features.names)} and sizes {start.network.sizes} cannot go on with "
            f"{', '.join(dataset.features.names)} and {drawn.sizes}"
        )
    return start.network


def _refuse_one_class(dataset: ExpertDataset, targets: Floats) -> None:
    found = np.bincount(dataset.classes(targets), minlength=len(targets))
    if (found > 0).sum() < 2:
        only = targets[int(found.argmax())]
        raise DataError(
            f"demonstrations: the expert wants {only:g} in all {len(dataset):,} rows; a clone of that is a constant: "
            "record a span in which it trades, or name other targets"
        )


def _weighed(examples: Examples, settings: CloneSettings) -> Examples:
    if settings.class_weights == "none" or settings.head != "softmax":
        return examples
    share = np.average(examples.wanted, axis=0, weights=examples.weights)
    each = np.where(share > 0.0, 1.0 / (np.maximum(share, 1e-300) * max(int((share > 0.0).sum()), 1)), 0.0)
    return Examples(examples.inputs, examples.wanted, examples.weights * (examples.wanted @ each))
