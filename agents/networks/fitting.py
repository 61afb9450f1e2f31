"""Fit a network to examples: Adam over mini-batches, the best epoch kept, and probabilities brought to their level."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from halfspread.agents.networks.fit_kernels import fit_pass, loss_of
from halfspread.agents.networks.network import ACTIVATIONS, HEADS, Network
from halfspread.agents.trees.forest import Forest
from halfspread.costs.base import Floats, Model
from halfspread.errors import DataError

__all__ = ["Examples", "Fit", "FitSettings", "fit_network", "fit_temperature"]


class FitSettings(Model):
    """How a network is fitted. ``patience``: epochs without a better validation loss after which it ends; None: never
    early. ``label_smoothing``: share of each label that is spread over all classes. ``feature_dropout``: share of
    inputs that are hidden (set to their mean) in each epoch."""

    hidden: tuple[Annotated[int, Field(ge=1, le=4096)], ...] = (64, 32)
    activation: Literal["relu", "tanh"] = "relu"
    epochs: Annotated[int, Field(ge=1)] = 20
    batch: Annotated[int, Field(ge=1)] = 256
    rate: Annotated[float, Field(gt=0, le=1)] = 3e-3
    weight_decay: Annotated[float, Field(ge=0, lt=1)] = 0.0
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    feature_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    patience: Annotated[int, Field(ge=1)] | None = None


@dataclass(frozen=True, eq=False)
class Examples:
    """Standardised inputs (rows, features); what is wanted, (rows, classes) probabilities or (rows, values); weights
    (rows,). Raises DataError where they do not fit together or are not finite."""

    inputs: Floats
    wanted: Floats
    weights: Floats

    def __post_init__(self) -> None:
        rows = len(self.inputs)
        if self.inputs.ndim != 2 or self.wanted.ndim != 2 or self.wanted.shape[0] != rows:
            raise DataError(f"examples: inputs of shape {self.inputs.shape} and labels of {self.wanted.shape}")
        if self.weights.shape != (rows,):
            raise DataError(f"examples: {rows:,} rows and {len(self.weights):,} weights")
        if rows == 0:
            raise DataError("examples: expected at least one, got none")
        for what, values in (("inputs", self.inputs), ("labels", self.wanted), ("weights", self.weights)):
            bad = np.flatnonzero(~np.isfinite(values.reshape(rows, -1)).all(axis=1))
            if len(bad):
                raise DataError(f"examples: row {bad[0]}: {what} are not finite: {values[bad[0]]}")
        if not (self.weights >= 0.0).all() or not self.weights.sum() > 0.0:
            raise DataError("examples: expected weights from 0, not all of them 0")

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True, eq=False)
class Fit:
    """``network`` of the best epoch (from 1; by validation loss where there is one), and the loss of every epoch; a
    forest has no epochs."""

    network: Network | Forest
    best_epoch: int
    losses: Floats
    validation: Floats


def fit_network(
    network: Network,
    examples: Examples,
    settings: FitSettings,
    rng: np.random.Generator,
    validation: Examples | None = None,
    done: Callable[[int, float], None] | None = None,
) -> Fit:
    """Fit from the parameters that ``network`` has. ``rng`` shuffles and hides; ``done`` gets each epoch and its loss.

    Raises DataError where the loss is no longer finite.
    """
    parameters, moments = network.parameters.copy(), np.zeros((2, len(network.parameters)))
    codes = (network.layout, ACTIVATIONS[network.activation], HEADS[network.head])
    wanted = _smoothed(examples.wanted, settings) if network.head == "softmax" else examples.wanted
    weights = examples.weights / examples.weights.mean()
    best, best_epoch, steps = parameters.copy(), 0, 0
    losses: list[float] = []
    judged: list[float] = []
    for epoch in range(1, settings.epochs + 1):
        inputs = _hidden(examples.inputs, settings.feature_dropout, rng)
        order = rng.permutation(len(examples))
        loss, steps = fit_pass(
            *codes, parameters, moments, steps, inputs, wanted, weights, order,
            min(settings.batch, len(examples)), settings.rate, settings.weight_decay,
        )  # fmt: skip
        if not math.isfinite(loss) or not np.isfinite(parameters).all():
            raise DataError(f"epoch {epoch}: the loss is {loss}; the fit has diverged: use a smaller rate")
        losses.append(loss)
        if validation is not None:
            judged.append(_loss(codes, parameters, validation))
        scores = judged or losses
        if validation is None or scores[-1] <= min(scores):
            best, best_epoch = parameters.copy(), epoch
        if done is not None:
            done(epoch, scores[-1])
        if validation is not None and settings.patience is not None and epoch - best_epoch >= settings.patience:
            break
    return Fit(network.with_parameters(best), best_epoch, np.array(losses), np.array(judged))


def _loss(codes: tuple[Any, ...], parameters: Floats, examples: Examples) -> float:
    weights = examples.weights / examples.weights.mean()
    sizes, activation, head = codes
    return float(loss_of(sizes, activation, head, parameters, examples.inputs, examples.wanted, weights, 256))


def _smoothed(wanted: Floats, settings: FitSettings) -> Floats:
    share = settings.label_smoothing
    return (1.0 - share) * wanted + share / wanted.shape[1] if share > 0.0 else wanted


def _hidden(inputs: Floats, share: float, rng: np.random.Generator) -> Floats:
    return np.where(rng.random(inputs.shape) < share, 0.0, inputs) if share > 0.0 else inputs


def fit_temperature(network: Network | Forest, examples: Examples) -> float:
    """What to divide the logits by, from 0.05 to 20, so that the examples are likeliest (Guo et al. 2017)."""
    logits = network.outputs(examples.inputs)
    weights = examples.weights / examples.weights.sum()

    def cost(log_temperature: float) -> float:
        scaled = logits / math.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        total = np.log(np.exp(scaled).sum(axis=1))
        return float(weights @ (total * examples.wanted.sum(axis=1) - (scaled * examples.wanted).sum(axis=1)))

    low, high, part = math.log(0.05), math.log(20.0), (math.sqrt(5.0) - 1.0) / 2.0
    while high - low > 1e-6:
        left, right = high - part * (high - low), low + part * (high - low)
        if cost(left) <= cost(right):
            high = right
        else:
            low = left
    return math.exp(0.5 * (low + high))
