"""How a learner errs: what it chooses where one class is in force and one is wanted, as a table of chances."""

from __future__ import annotations

import numpy as np

from halfspread.costs.base import Floats, Integers

__all__ = ["confusion"]


def confusion(
    held: Integers, wanted: Integers, chosen: Integers, count: int, scale: float = 1.0, most: float = 0.5
) -> Floats:
    """How a learner errs, (count, count, count): the share of each class ``chosen`` where a class is ``held`` and a
    class ``wanted``, errors times ``scale``, at most ``most`` of a pair together. A pair that is never seen is never
    mistaken.

    The maximum-likelihood fit of noise to a learner's error (Laskey et al. 2017, section 4), for classes. What is in
    force is told apart because a learner errs where something changes, by being early or late, and hardly elsewhere.
    """
    counts = np.zeros((count, count, count))
    np.add.at(counts, (held, wanted, chosen), 1.0)
    errors: Floats = scale * counts / np.maximum(counts.sum(axis=2, keepdims=True), 1.0)
    right = np.arange(count)
    errors[:, right, right] = 0.0
    errors *= np.minimum(1.0, most / np.maximum(errors.sum(axis=2, keepdims=True), 1e-300))
    errors[:, right, right] = 1.0 - errors.sum(axis=2)
    return errors
