"""Behavioural cloning: fit a policy to what an expert wanted at the states in its demonstrations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from halfspread.agents.imitation.dataset import ExpertDataset
from halfspread.agents.imitation.judging import SAME
from halfspread.agents.networks.fitting import Examples, Fit, FitSettings, fit_network, fit_temperature
from halfspread.agents.networks.network import Network
from halfspread.agents.networks.scaler import Scaler
from halfspread.agents.policies.model import Model
from halfspread.agents.trees.boosting import TreeSettings, fit_forest
from halfspread.costs.base import Floats
from halfspread.costs.durations import Duration
from halfspread.errors import DataError

__all__ = ["Augment", "BCPolicy", "CloneSettings", "clone"]

#: Gets the rows to fit to, and the generator of the fit; gives more of them (``agents.imitation.augment``).
Augment = Callable[[ExpertDataset, np.random.Generator], ExpertDataset]


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

    @model_validator(mode="after")
    def _targets_differ(self) -> Self:
        if self.head == "softmax" and len(set(self.targets)) < max(len(self.targets), 2):
            raise ValueError(f"targets: expected two or more different numbers from -1 to 1, got {self.targets}")
        return self


@dataclass(frozen=True, eq=False)
class BCPolicy:
    """A clone: its ``model``, how the ``fit`` went, and the rows that it was fitted to and judged by (None: none)."""

    model: Model
    fit: Fit
    train: ExpertDataset
    validation: ExpertDataset | None

    def agreement(self, dataset: ExpertDataset) -> float:
        """Share of rows at which the clone wants what the expert wanted, by weight: the same class, or, where it tells
        values, a target no further away than `judging.SAME`."""
        if self.model.classes:
            same = self.choices(dataset) == dataset.classes(self.model.targets)
        else:
            same = np.abs(np.clip(self.choices(dataset), -1.0, 1.0) - dataset.expert) <= SAME
        return float(np.average(same, weights=dataset.weight))

    def choices(self, dataset: ExpertDataset) -> Any:
        """The class that the clone chooses at each row; the value, where it tells values."""
        outputs = self.model.outputs(dataset.observations)
        if self.model.classes:
            return outputs.argmax(axis=1)
        return outputs[:, 0]

    def distance(self, dataset: ExpertDataset) -> float:
        """Root mean square of what the clone wants less what the expert wanted, by weight, in full sizes."""
        wanted = self.choices(dataset)
        if self.model.classes:
            wanted = self.model.targets[wanted]
        return float(np.sqrt(np.average((wanted - dataset.expert) ** 2, weights=dataset.weight)))


def clone(
    dataset: ExpertDataset,
    settings: CloneSettings,
    rng: np.random.Generator,
    *,
    validation: ExpertDataset | None = None,
    start: Model | None = None,
    augment: Augment | None = None,
    trees: TreeSettings | None = None,
    facts: Mapping[str, Any] | None = None,
    done: Callable[[int, float], None] | None = None,
) -> BCPolicy:
    """Fit a policy to demonstrations. ``validation``: other rows than those that `CloneSettings` sets aside.
    ``start``: a model to go on from, of the same features, head, targets and sizes; its scaler is kept, and what it has
    seen counts as seen. ``augment`` makes more rows of those that are fitted to, after the others are set aside. With
    ``trees`` a forest is grown instead of a network; of ``settings`` head, targets, class weights and what is set aside
    count.

    The scaler is fitted to the rows that the network is fitted to, and to no other. Raises DataError for demonstrations
    of one class only, without weight, or that do not fit the model.
    """
    train, judged = dataset, validation
    if validation is None and settings.validation > 0.0:
        train, judged = dataset.split(1.0 - settings.validation, settings.embargo)
    targets = np.array(settings.targets if settings.head == "softmax" else (), np.float64)
    _refuse_what_cannot_be_learnt(train, targets)
    rows = train if augment is None else augment(train, rng)
    scaler = Scaler.fitted(rows.observations, rows.weight) if start is None else start.scaler
    examples = _weighed(rows.examples(scaler, targets), settings)
    against = None if judged is None else judged.examples(scaler, targets)
    if trees is None:
        fit = fit_network(_network(train, settings, rng, start), examples, settings, rng, against, done)
    else:
        fit = _grown(examples, settings, trees, rng, against, start)
    temperature = 1.0
    if settings.calibrate and settings.head == "softmax" and against is not None:
        temperature = fit_temperature(fit.network, against)
    seen = [*(start.trained if start else ()), *dataset.trained, *(validation.trained if validation else ())]
    told = {} if facts is None else dict(facts)
    model = Model(train.features, scaler, fit.network, targets, temperature, tuple(dict.fromkeys(seen)), told)
    return BCPolicy(model, fit, rows, judged)


def _network(dataset: ExpertDataset, settings: CloneSettings, rng: np.random.Generator, start: Model | None) -> Network:
    values = len(settings.targets) if settings.head == "softmax" else 1
    drawn = Network.drawn(dataset.features.count, settings.hidden, values, settings.head, settings.activation, rng)
    if start is None:
        return drawn
    if not isinstance(start.network, Network):
        raise DataError("a forest cannot be fitted any further; start from a network")
    if start.features != dataset.features or start.network.sizes != drawn.sizes:
        raise DataError(
            f"a model of features {start.features} and sizes {start.network.sizes} cannot go on with "
            f"{dataset.features} and {drawn.sizes}"
        )
    targets = settings.targets if settings.head == "softmax" else ()
    if start.network.head != settings.head or start.targets.tolist() != list(targets):
        raise DataError(
            f"a model with a {start.network.head} head of targets {start.targets.tolist()} cannot go on with a "
            f"{settings.head} head of {list(targets)}; say head and targets as they are in the model"
        )
    return start.network


def _grown(
    examples: Examples,
    settings: CloneSettings,
    trees: TreeSettings,
    rng: np.random.Generator,
    against: Examples | None,
    start: Model | None,
) -> Fit:
    if start is not None:
        raise DataError("a forest cannot go on from a model; leave start out")
    forest = fit_forest(examples, settings.head, trees, rng, against)
    return Fit(forest, 0, np.zeros(0), np.zeros(0))


def _refuse_what_cannot_be_learnt(dataset: ExpertDataset, targets: Floats) -> None:
    """Raise DataError for rows without weight, and where there is nothing to tell apart."""
    if not dataset.weight.sum() > 0.0:
        raise DataError(f"demonstrations: {len(dataset):,} rows to fit to, and no weight; expected rows with some")
    labels = dataset.classes(targets) if len(targets) else dataset.expert
    if len(np.unique(labels[dataset.weight > 0.0])) < 2:
        only = targets[labels[0]] if len(targets) else labels[0]
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
