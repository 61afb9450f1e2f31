"""Gradient-boosted trees for comparison: grown by LightGBM (the extra ``trees``), kept and run as our own arrays."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from halfspread.agents.networks.fitting import Examples
from halfspread.agents.trees.forest import Forest
from halfspread.costs.base import Model
from halfspread.errors import ConfigError, DataError

__all__ = ["TreeSettings", "fit_forest", "forest_of_booster"]


class TreeSettings(Model):
    """How a forest is grown: ``rounds`` of one tree for each class (of at most ``leaves`` leaves, each of at least
    ``leaf_rows`` rows), at a learning ``rate``. ``patience``: rounds without a better validation loss after which it
    ends; None: never early."""

    rounds: Annotated[int, Field(ge=1, le=10_000)] = 100
    leaves: Annotated[int, Field(ge=2, le=1024)] = 31
    leaf_rows: Annotated[int, Field(ge=1)] = 20
    rate: Annotated[float, Field(gt=0, le=1)] = 0.1
    patience: Annotated[int, Field(ge=1)] | None = None


def fit_forest(
    examples: Examples,
    head: str,
    settings: TreeSettings,
    rng: np.random.Generator,
    validation: Examples | None = None,
) -> Forest:
    """Grow a forest; labels of a softmax head count by their likeliest class. One thread, so that the same ``rng``
    gives the same bits. Raises ConfigError where LightGBM is not installed, DataError for labels that it cannot take.
    """
    lightgbm = _library()
    values = examples.wanted.shape[1]
    if head not in ("softmax", "squared") or (head == "squared" and values != 1):
        raise ConfigError(f"trees: expected a softmax head, or a squared one of one value, got {head} of {values}")
    if head == "softmax" and values < 2:
        raise DataError("trees: expected labels of two classes or more")
    parameters: dict[str, Any] = {
        "objective": "multiclass" if head == "softmax" else "regression",
        "num_leaves": settings.leaves,
        "min_data_in_leaf": settings.leaf_rows,
        "learning_rate": settings.rate,
        "seed": int(rng.integers(2**31)),
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "use_missing": False,
        "verbosity": -1,
    }
    if head == "softmax":
        parameters["num_class"] = values
    train = lightgbm.Dataset(examples.inputs, _labels(examples, head), weight=examples.weights)
    against, callbacks = [], []
    if validation is not None:
        label = _labels(validation, head)
        against = [lightgbm.Dataset(validation.inputs, label, weight=validation.weights, reference=train)]
        if settings.patience is not None:
            callbacks = [lightgbm.early_stopping(settings.patience, verbose=False)]
    booster = lightgbm.train(
        parameters, train, num_boost_round=settings.rounds, valid_sets=against, callbacks=callbacks
    )
    return forest_of_booster(booster, examples.inputs.shape[1], values, head)


def _labels(examples: Examples, head: str) -> Any:
    return examples.wanted.argmax(axis=1) if head == "softmax" else examples.wanted[:, 0]


def _library() -> Any:
    try:
        return import_module("lightgbm")
    except ImportError:
        raise ConfigError("trees need LightGBM: pip install 'halfspread[trees]'") from None


def forest_of_booster(booster: Any, inputs: int, values: int, head: str) -> Forest:
    """The trees of a LightGBM booster as arrays. Raises DataError for splits that are none of numbers."""
    nodes: list[list[float]] = []
    roots = []
    best = booster.best_iteration if booster.best_iteration > 0 else None
    for tree in booster.dump_model(num_iteration=best)["tree_info"]:
        roots.append(len(nodes))
        _grow(tree["tree_structure"], nodes)
    return Forest(inputs, values, head, np.array(nodes, np.float64).reshape(-1, 4), np.array(roots, np.int64))


def _grow(structure: dict[str, Any], nodes: list[list[float]]) -> int:
    """Append a tree, each node before those that it leads to; gives the place of its root."""
    place = len(nodes)
    if "split_feature" not in structure:
        nodes.append([-1.0, float(structure["leaf_value"]), 0.0, 0.0])
        return place
    if structure["decision_type"] != "<=" or structure["missing_type"] != "None":
        kind, missing = structure["decision_type"], structure["missing_type"]
        raise DataError(f"trees: expected splits of numbers without gaps, got {kind!r} and missing {missing!r}")
    nodes.append([float(structure["split_feature"]), float(structure["threshold"]), 0.0, 0.0])
    nodes[place][2] = float(_grow(structure["left_child"], nodes))
    nodes[place][3] = float(_grow(structure["right_child"], nodes))
    return place
