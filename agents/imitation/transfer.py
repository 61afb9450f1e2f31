"""Transfer: go on from a policy that was fitted to one market with a few demonstrations of another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from halfspread.agents.imitation.cloning import BCPolicy, CloneSettings, clone
from halfspread.agents.imitation.dataset import ExpertDataset
from halfspread.agents.policies.model import Model
from halfspread.errors import ConfigError, DataError

__all__ = ["few", "fine_tune"]


def few(dataset: ExpertDataset, k: int) -> ExpertDataset:
    """The first ``k`` demonstrations in time: as one would have them early on. Raises ConfigError for none, DataError
    where there are fewer."""
    if k < 1:
        raise ConfigError(f"transfer: expected one demonstration or more, got {k}")
    if k > len(dataset):
        raise DataError(f"transfer: expected {k:,} demonstrations, got {len(dataset):,}; record more, or ask for fewer")
    return dataset.rows(np.sort(np.argsort(dataset.times, kind="stable")[:k]))


def fine_tune(
    start: Model,
    dataset: ExpertDataset,
    k: int,
    settings: CloneSettings,
    rng: np.random.Generator,
    *,
    validation: ExpertDataset | None = None,
    facts: Mapping[str, Any] | None = None,
) -> BCPolicy:
    """Fit a model on with the first ``k`` demonstrations of another market, all of them unless ``settings.validation``
    sets some aside.

    Features, head, targets and sizes are those of the model, and so is the scaler: what the policy has learnt is in its
    units. A rate below that of the first fit keeps more of it. What the model has seen counts as seen, beside what is
    new. Raises what `few` and `clone` raise.
    """
    return clone(few(dataset, k), settings, rng, validation=validation, start=start, facts=facts)
